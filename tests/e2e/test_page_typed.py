"""One call on the page that is typed: no microphone is asked for until the person wants one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import numpy as np
import pytest
import pytest_asyncio

from gateway.cli.waveforms import Pcm
from gateway.session.clock import RATE
from tests.e2e.browser import Seen, Window, opened
from tests.e2e.deployment import Deployment
from tests.e2e.rows import rows
from tests.e2e.speech import audible_s, write_wav

OUT = Path(__file__).parents[1] / "out"

TIME, CAN, WHO = "what time is it in tokyo", "what can you do", "who are you"

INTO_THE_ANSWER_WORDS = 4


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of the call when it is over."""

    session_id: UUID
    seen: Sequence[Seen]
    errors: Sequence[str]
    sent: Sequence[str]
    """The types of the messages that went up before the microphone was switched on."""
    unasked: bool
    """No microphone had been asked for by then."""
    focus: str
    """The id of what had the focus while it was typed."""
    announced: Sequence[str]
    """What a screen reader was told by then."""
    facts: str
    badge: str
    """What the tool's badge says, unfolded."""
    spans: Sequence[Sequence[str]]
    """Of each of the agent's turns that has any, what was measured."""
    mute: Sequence[str]
    """What the button says without a microphone, and with one."""
    sound: Pcm
    """What the page gave the loudspeaker."""

    def of(self, role: str) -> list[list[Seen]]:
        """The looks of each entry of this role, in order."""
        places = sorted({each.entry for each in self.seen if each.role == role})
        return [[each for each in self.seen if (each.role, each.entry) == (role, place)] for place in places]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def call(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The call, held once for all tests here."""
    folder = tmp_path_factory.mktemp("typed")
    silence = write_wav(folder / "microphone.wav", np.zeros(RATE, np.int16))
    async with opened(deployment.url, silence, folder) as window:
        page = window.page
        await window.type(TIME)
        await window.until("tool", "success")
        await window.until("agent", "done", 1)
        focus: str = await page.evaluate("document.activeElement.id")
        announced = await page.get_by_test_id("announcer").locator("p").all_text_contents()
        facts = await page.get_by_test_id("facts").inner_text()
        badge = await page.get_by_test_id("tool").text_content() or ""
        await page.get_by_test_id("spans").first.locator("summary").click()
        await window.screenshot(OUT / "typed-light.png")

        # Into an answer, and by hand.
        await window.type(CAN)
        await window.says(INTO_THE_ANSWER_WORDS)
        await page.get_by_test_id("push-to-talk").check()
        await window.type(WHO)
        await window.until("agent", "cut")
        await window.until("agent", "done", 2)
        spans: list[list[str]] = await page.evaluate(
            "[...document.querySelectorAll('.spans')]"
            ".map((each) => [...each.querySelectorAll('[data-span]')].map((row) => row.dataset.span))"
        )
        sent, unasked = list(window.sent), await unasked_in(window)

        # A microphone after all.
        await page.get_by_test_id("push-to-talk").uncheck()
        mute = [await page.get_by_test_id("mute").inner_text()]
        await page.get_by_test_id("mute").click()
        await page.get_by_test_id("meter").wait_for()
        mute.append(await page.get_by_test_id("mute").inner_text())

        sound, seen = await window.recording(), await window.seen()
        await window.press()
        await page.locator("#status", has_text="The call has ended.").wait_for()
        database = await asyncpg.connect(deployment.database_url)
        try:
            session_id = await database.fetchval(
                "SELECT session_id FROM voice_sessions WHERE client LIKE '%Chrom%' ORDER BY started_at DESC LIMIT 1"
            )
        finally:
            await database.close()
    return Call(
        session_id, seen, window.errors, sent, unasked, focus, announced, facts, badge, spans, mute, sound
    )


async def unasked_in(window: Window) -> bool:
    unasked: bool = await window.page.evaluate("window.microphoneAt === Infinity")
    return unasked


def test_the_page_has_nothing_to_complain_about(call: Call) -> None:
    assert call.errors == []


def test_no_microphone_is_asked_for_and_no_sound_goes_up(call: Call) -> None:
    assert call.unasked
    assert "input_audio_buffer.append" not in call.sent


def test_what_was_typed_is_shown_at_once_and_settled_by_the_gateway(call: Call) -> None:
    looks = call.of("user")
    assert [look[-1].text for look in looks] == [TIME, CAN, WHO]
    assert [(look[0].state, look[-1].state) for look in looks] == [("partial", "settled")] * 3


def test_whoever_types_keeps_the_focus(call: Call) -> None:
    assert call.focus == "text"


def test_a_screen_reader_is_told_of_the_tool_and_not_of_what_it_hears(call: Call) -> None:
    connected, tool = call.announced
    assert connected == "Connected."
    assert tool.startswith("tell time: done in ")


def test_a_tool_answers_and_its_badge_tells_all_of_it(call: Call) -> None:
    for told in (
        "done in",
        "tell_time",
        "clock",
        "place: Tokyo",
        "in Tokyo.",
        "Asked for at",
        "later",
        "Took",
    ):
        assert told in call.badge, told


def test_each_answer_tells_what_its_wait_was_made_of(call: Call) -> None:
    result, *_ = call.spans
    assert {"intent", "tool", "first_audio", "turn"} <= set(result)
    assert result[-1] == "turn"


def test_what_is_typed_cuts_the_agent_and_is_answered_also_by_hand(call: Call) -> None:
    assert [look[-1].state for look in call.of("agent")] == ["done", "cut", "done"]
    assert "response.cancel" in call.sent
    assert call.sent.count("response.create") >= 3


def test_the_answers_sound(call: Call) -> None:
    assert audible_s(call.sound) > 2.0


def test_the_page_names_who_takes_part(call: Call) -> None:
    assert "MYCA" in call.facts
    assert "Local engine" in call.facts
    assert "PocketSphinx" in call.facts


def test_a_microphone_can_be_switched_on_later(call: Call) -> None:
    assert list(call.mute) == ["Use microphone", "Mute"]


async def test_the_rows_tell_that_it_was_typed(call: Call, database: asyncpg.Connection) -> None:
    turns = await rows(database, "voice_turns", call.session_id, "seq")
    typed = [turn for turn in turns if turn["speaker"] == "user"]
    assert [turn["text"] for turn in typed] == [TIME, CAN, WHO]
    assert {turn["metadata"]["by"] for turn in typed} == {"text"}
