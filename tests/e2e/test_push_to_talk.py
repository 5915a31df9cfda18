"""One call in a browser, by hand: the space bar is held, the button is held, and an answer is cut by a press."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from gateway.cli.waveforms import Pcm
from gateway.session.clock import RATE
from tests.e2e.browser import Seen, Window, opened
from tests.e2e.deployment import Deployment
from tests.e2e.rows import eventually, rows
from tests.e2e.speech import Voice, audible_s, cut, timeline, write_wav

OUT = Path(__file__).parents[1] / "out"

ASIDE, TIME, CAN = "how are you today", "what time is it in tokyo", "what can you do"
"""The first is said while nothing is held."""

INTO_THE_ANSWER_WORDS = 4
"""A bubble appears with its first word, whose sound is still to be played."""

BEFORE_S, BEHIND_S = 0.5, 0.4
"""How much longer than the words the key is held; less, and a busy machine might press too late."""

HELD_CHUNKS = 30
"""Of 20 ms: 10 from before the press, and more than the 8 of a tap."""

QUIET_BY_S = 0.6
"""After the press: the page fades in 10 ms, and knows the recording's beginning to about 0.2 s."""

APPEND, CANCEL, CLEAR = "input_audio_buffer.append", "response.cancel", "input_audio_buffer.clear"
COMMIT, CREATE = "input_audio_buffer.commit", "response.create"


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of the call when it is over."""

    session_id: UUID
    seen: Sequence[Seen]
    errors: Sequence[str]
    focus: str
    """The id of what had the focus once the call was live."""
    sent_unheld: int
    """Messages with sound that went up before anything was held."""
    sent: Sequence[str]
    """The types of the messages behind those; of a run of sound the first."""
    pressed: Sequence[str]
    """`aria-pressed` of the button: before, in and after the first hold."""
    clicked: Sequence[str]
    """The same after one click, another, and a third and the loss of the focus."""
    statuses: Sequence[str]
    """What the page said: held, after a hold without words."""
    sound: Pcm
    cut_at: float
    """The second of `sound` at which the answer was cut."""

    def of(self, role: str) -> list[list[Seen]]:
        """The looks of each entry of this role, in order."""
        places = sorted({each.entry for each in self.seen if each.role == role})
        return [[each for each in self.seen if (each.role, each.entry) == (role, place)] for place in places]


async def status(window: Window) -> str:
    return await window.page.get_by_test_id("status").inner_text()


async def pressed(window: Window) -> str:
    return await window.page.get_by_test_id("hold").get_attribute("aria-pressed") or ""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def call(deployment: Deployment, voice: Voice, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The call, held once for all tests here."""
    folder = tmp_path_factory.mktemp("push_to_talk")
    aside, time, can = [await voice.say(text) for text in (ASIDE, TIME, CAN)]
    microphone = timeline(5.0, aside, 3.0, time, 11.0, can, 1.0)
    time_at = 5.0 + len(aside) / RATE + 3.0
    can_at = time_at + len(time) / RATE + 11.0
    async with opened(deployment.url, write_wav(folder / "microphone.wav", microphone), folder) as window:
        keyboard, mouse = window.page.keyboard, window.page.mouse
        await window.page.get_by_test_id("push-to-talk").check()
        await window.press()
        hold = window.page.get_by_test_id("hold")
        await hold.wait_for()
        focus: str = await window.page.evaluate("document.activeElement.id")

        # The space bar, with the focus nowhere.
        await window.page.evaluate("document.activeElement.blur()")
        await window.hears(time_at - BEFORE_S)
        before, unheld = await pressed(window), window.sent.count(APPEND)
        window.sent.clear()
        await keyboard.down("Space")
        # A key that is kept down says so again and again.
        await keyboard.down("Space")
        while_held, status_held = await pressed(window), await status(window)
        await window.hears(time_at + len(time) / RATE + BEHIND_S)
        await keyboard.up("Space")
        after = await pressed(window)
        await window.until("tool", "success")

        # The pointer, on the button.
        await window.hears(can_at - BEFORE_S)
        await hold.hover()
        await mouse.down()
        await window.hears(can_at + len(can) / RATE + BEHIND_S)
        await mouse.up()
        await window.says(INTO_THE_ANSWER_WORDS)

        # Into the answer, and without a word.
        sent = len(window.sent)
        await keyboard.down("Space")
        cut_at = await window.recorded_s()
        await window.until("agent", "cut")
        await window.screenshot(OUT / "held-light.png", "light")
        await window.screenshot(OUT / "held-dark.png", "dark")
        # A shorter hold is a tap, as the page counts its microphone's sound: a busy machine's comes late.
        await eventually(lambda: has_sent(HELD_CHUNKS, window.sent[sent:]))
        await keyboard.up("Space")
        await window.page.locator("#status", has_text="No words were made out.").wait_for()
        status_wordless = await status(window)
        await window.screenshot(OUT / "push-to-talk-light.png", "light")
        await window.screenshot(OUT / "push-to-talk-dark.png", "dark")

        # The space bar on something else, and a tap.
        badge = window.page.get_by_test_id("tool").locator("summary")
        await badge.focus()
        sent = len(window.sent)
        await keyboard.press("Space")
        assert await window.page.get_by_test_id("tool").locator("details").get_attribute("open") is not None
        assert window.sent[sent:] == []
        await hold.focus()
        await keyboard.press("Enter")
        await eventually(lambda: has(CLEAR, window.sent))
        sent_by_hand = without_repeats(window.sent)

        # A click alone, as voice control makes it; then the window loses the focus.
        await hold.evaluate("(button) => button.click()")
        clicked = [await pressed(window)]
        await hold.evaluate("(button) => button.click()")
        clicked.append(await pressed(window))
        await hold.evaluate("(button) => button.click()")
        await window.page.evaluate("window.dispatchEvent(new Event('blur'))")
        clicked.append(await pressed(window))

        sound, seen = await window.recording(), await window.seen()
        await window.press()
        await window.page.locator("#status", has_text="The call has ended.").wait_for()
        database = await asyncpg.connect(deployment.database_url)
        try:
            session_id = await database.fetchval(
                "SELECT session_id FROM voice_sessions WHERE client LIKE '%Chrom%' ORDER BY started_at DESC LIMIT 1"
            )
        finally:
            await database.close()
    return Call(
        session_id,
        seen,
        window.errors,
        focus,
        unheld,
        sent_by_hand,
        (before, while_held, after),
        clicked,
        (status_held, status_wordless),
        sound,
        cut_at,
    )


async def has_sent(chunks: int, sent: Sequence[str]) -> bool:
    return sent.count(APPEND) >= chunks


async def has(kind: str, sent: Sequence[str]) -> bool:
    return kind in sent


def without_repeats(sent: Sequence[str]) -> list[str]:
    """The messages that push-to-talk sends; of each run the first."""
    known = [kind for kind in sent if kind in (APPEND, CANCEL, CLEAR, COMMIT, CREATE)]
    return [kind for n, kind in enumerate(known) if n == 0 or kind != known[n - 1]]


def test_the_page_has_nothing_to_complain_about(call: Call) -> None:
    assert call.errors == []


def test_the_microphone_is_heard_only_while_something_is_held(call: Call) -> None:
    assert call.sent_unheld == 0
    assert [look[-1].text for look in call.of("user")] == [TIME, CAN]


def test_each_turn_is_committed_and_answered_when_it_is_let_go(call: Call) -> None:
    turn = [APPEND, COMMIT, CREATE]
    assert list(call.sent) == [*turn, *turn, CANCEL, *turn, APPEND, CLEAR]


def test_the_tool_that_was_asked_for_by_hand_has_run(call: Call) -> None:
    [badge] = call.of("tool")
    assert (badge[0].text, badge[-1].state) == ("tell time", "success")


def test_the_button_tells_that_it_is_held(call: Call) -> None:
    assert list(call.pressed) == ["false", "true", "false"]
    assert list(call.statuses) == [
        "Listening. Let go when you are done.",
        "No words were made out. Hold the button while you talk.",
    ]


def test_who_cannot_hold_clicks_and_nobody_holds_in_a_window_without_focus(call: Call) -> None:
    assert list(call.clicked) == ["true", "false", "false"]


def test_the_space_bar_does_not_end_the_call_that_a_click_began(call: Call) -> None:
    assert call.focus == "hold"


def test_a_press_cuts_the_agent_at_once(call: Call) -> None:
    assert [look[-1].state for look in call.of("agent")][-1] == "cut"
    assert audible_s(cut(call.sound, call.cut_at - 1.0, call.cut_at + QUIET_BY_S)) > 0.1, "it was speaking"
    assert audible_s(cut(call.sound, call.cut_at + QUIET_BY_S, len(call.sound) / RATE)) == 0.0


async def test_the_rows_tell_that_it_was_held_by_hand(call: Call, database: asyncpg.Connection) -> None:
    async def ended() -> bool:
        [session] = await rows(database, "voice_sessions", call.session_id)
        return not session["is_active"]

    await eventually(ended)
    [session] = await rows(database, "voice_sessions", call.session_id)
    assert (session["input_mode"], session["end_reason"]) == ("push_to_talk", "client_closed")
    turns = await rows(database, "voice_turns", call.session_id, "seq")
    assert [turn["text"] for turn in turns if turn["speaker"] == "user" and turn["text"]] == [TIME, CAN]
    last = [turn for turn in turns if turn["speaker"] == "agent"][-1]
    assert last["interrupted"]
    assert len(last["heard_text"]) < len(last["text"])
