"""One whole call in a browser: it greets, a person asks how it is, for the time, for more, and speaks over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import asyncpg
import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Playwright

from gateway.cli.waveforms import AUDIBLE_DB, FRAME, Pcm, levels, stretches
from gateway.session.clock import RATE
from personas.loader import load
from tests.e2e.browser import Seen, executable, opened
from tests.e2e.deployment import Deployment
from tests.e2e.recogniser import nearest_in_length, recognise, words
from tests.e2e.rows import eventually, rows
from tests.e2e.sentences import reply_sentences, small_talk_sentences, times_like
from tests.e2e.speech import Voice, audible_s, cut, pause_near, shuffled, timeline, write_wav

OUT = Path(__file__).parents[1] / "out"
"""Screenshots and the recording, to be looked at and listened to; not in git."""

SAID = ["how are you today", "what time is it in tokyo", "what can you do", "how are you today"]
"""The first is no short word: the browser's gain control and noise suppression are still finding their level."""

GREETING_S = 6.0
"""It begins a second after the call and lasts 3."""

INTO_THE_ANSWER_S = 3.2
"""The answer to "what can you do" begins 0.6 to 1.5 s after the question and lasts 6 to 7."""

PLAYBACK_SLACK_S = 0.45
"""The page holds 60 to 200 ms back against jitter, and a busy machine delays the beginning."""

CUT_BY_S = 1.2
"""Quiet 0.7 to 0.9 s after the user's onset, and the slack of a page."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """An agent's turn, and where it lies in the recording, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of the call when it is over."""

    session_id: UUID
    seen: Sequence[Seen]
    errors: Sequence[str]
    sound: Pcm
    """What the page gave the loudspeaker."""

    def entries(self, role: str) -> list[list[Seen]]:
        """The looks of each entry of this role, in order."""
        places = sorted({each.entry for each in self.seen if each.role == role})
        return [[each for each in self.seen if (each.role, each.entry) == (role, place)] for place in places]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def call(deployment: Deployment, voice: Voice, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The call, held once for all tests here; in the end the tab is closed."""
    folder = tmp_path_factory.mktemp("browser")
    first, time, can, how = [await voice.say(text) for text in SAID]
    microphone = timeline(GREETING_S, first, 5.5, time, 8.5, can, INTO_THE_ANSWER_S, how, 1.0)
    async with opened(deployment.url, write_wav(folder / "microphone.wav", microphone), folder) as window:
        await window.press()
        await window.until("agent", "done", 4, seconds=90)
        # docs/images/page.png is the lighter one.
        await window.page.set_viewport_size({"width": 900, "height": 1180})
        await window.page.get_by_test_id("spans").last.locator("summary").click()
        await window.screenshot(OUT / "call-light.png", "light")
        await window.screenshot(OUT / "call-dark.png", "dark")
        sound, seen = await window.recording(), await window.seen()
        await window.page.close()
        write_wav(OUT / "call.wav", sound)
        database = await asyncpg.connect(deployment.database_url)
        try:
            session_id = await database.fetchval(
                "SELECT session_id FROM voice_sessions WHERE client LIKE '%Chrom%' ORDER BY started_at DESC LIMIT 1"
            )
        finally:
            await database.close()
        return Call(session_id, seen, window.errors, sound)


@pytest_asyncio.fixture
async def turns(call: Call, database: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """The rows of its turns, once it is over."""

    async def ended() -> bool:
        [session] = await rows(database, "voice_sessions", call.session_id)
        return not session["is_active"]

    await eventually(ended)
    return await rows(database, "voice_turns", call.session_id, "seq")


@pytest.fixture
def offset(call: Call, turns: Sequence[asyncpg.Record]) -> float:
    """Seconds from the session clock's beginning to the recording's: both know the agent's first sound."""
    first = next(turn for turn in turns if turn["speaker"] == "agent")
    return stretches(call.sound)[0][0] - float(first["start_samples"]) / RATE


@pytest.fixture
def spoken(turns: Sequence[asyncpg.Record], offset: float) -> list[Spoken]:
    """The agent's turns in the recording."""
    return [
        Spoken(turn["text"], turn["start_samples"] / RATE + offset, turn["end_samples"] / RATE + offset)
        for turn in turns
        if turn["speaker"] == "agent"
    ]


def sound_of(turn: Spoken, sound: Pcm) -> Pcm:
    """The turn's own sound, from the pause before it to the pause behind it."""
    return cut(sound, pause_near(sound, turn.start), pause_near(sound, turn.end))


def test_the_page_has_nothing_to_complain_about(call: Call) -> None:
    assert call.errors == []


def test_own_words_come_and_settle(call: Call) -> None:
    looks = call.entries("user")
    assert [look[-1].text for look in looks] == SAID
    assert [look[-1].state for look in looks] == ["settled"] * 4
    assert [look[0].state for look in looks] == ["partial"] * 4


def test_the_agents_words_appear_as_they_are_spoken(call: Call) -> None:
    for look in call.entries("agent"):
        lengths = [len(each.text) for each in look if each.state == "speaking"]
        growth = lengths[: lengths.index(max(lengths))]
        assert growth == sorted(growth)
        assert len(set(growth)) > 2, "word by word, not all at once"
    assert [look[-1].state for look in call.entries("agent")] == [
        "done",
        "done",
        "done",
        "cut",
        "done",
    ]


def test_the_agent_greets_first(call: Call, spoken: list[Spoken]) -> None:
    greeting = load().default.greeting
    first = min(call.seen, key=lambda each: each.entry)
    assert (first.role, call.entries("agent")[0][-1].text) == ("agent", greeting)
    candidates = nearest_in_length(words(greeting), small_talk_sentences())
    assert recognise(sound_of(spoken[0], call.sound), candidates).heard == words(greeting)
    assert recognise(shuffled(sound_of(spoken[0], call.sound)), candidates).heard is None


def test_the_tools_badge_shows_it_running_and_done(call: Call) -> None:
    [badge] = call.entries("tool")
    states = list(dict.fromkeys(each.state for each in badge))
    assert states[-2:] == ["running", "success"]
    assert badge[0].text == "tell time"


def test_the_result_is_told(call: Call) -> None:
    _, _, result, _, _ = call.entries("agent")
    assert result[-1].text.endswith("in Tokyo.")


def test_it_sounds_where_the_agent_speaks(call: Call, spoken: list[Spoken]) -> None:
    for turn in spoken:
        sound = cut(call.sound, turn.start, turn.end)
        assert audible_s(sound) > 0.5 * (turn.end - turn.start), turn
        assert levels(sound).max() > AUDIBLE_DB + 15, turn


def test_it_is_silent_where_the_agent_does_not_speak(call: Call, spoken: list[Spoken]) -> None:
    loud = np.flatnonzero(levels(call.sound) > AUDIBLE_DB) * FRAME / RATE
    stray = [
        float(at)
        for at in loud
        if not any(turn.start - 0.1 <= at <= turn.end + PLAYBACK_SLACK_S for turn in spoken)
    ]
    assert stray == [], (stray, spoken)


def test_what_is_heard_is_what_the_transcript_says(call: Call, spoken: list[Spoken]) -> None:
    for turn in (spoken[1], spoken[-1]):
        sound, said = sound_of(turn, call.sound), words(turn.text)
        assert said in reply_sentences("how_are_you")
        candidates = nearest_in_length(said, small_talk_sentences())
        assert recognise(sound, candidates).heard == said
        assert recognise(shuffled(sound), candidates).heard is None


async def test_the_time_that_is_heard_is_the_tools(
    call: Call, spoken: list[Spoken], database: asyncpg.Connection
) -> None:
    [tool] = await rows(database, "voice_tool_invocations", call.session_id)
    assert (tool["agent"], tool["action"], tool["status"]) == ("clock", "tell_time", "success")
    sound = sound_of(spoken[2], call.sound)
    candidates = times_like(tool["result"])
    assert recognise(sound, candidates).heard == words(tool["result"]["response_text"])
    assert recognise(shuffled(sound), candidates).heard is None


def test_speaking_over_it_stops_it(
    call: Call, turns: Sequence[asyncpg.Record], spoken: list[Spoken], offset: float
) -> None:
    onset = turns[-2]["start_samples"] / RATE + offset
    before = cut(call.sound, onset - 1.0, onset)
    # The page's buffer may start the next answer a little earlier or later, beside the first, than the clock says.
    after = cut(call.sound, onset + CUT_BY_S, spoken[-1].start - 0.25)
    assert audible_s(before) > 0.3, "the agent was speaking"
    assert audible_s(after) == 0.0


async def test_the_rows_tell_the_call(
    call: Call, turns: Sequence[asyncpg.Record], database: asyncpg.Connection
) -> None:
    assert [(turn["speaker"], turn["interrupted"]) for turn in turns] == [
        ("agent", False),
        ("user", None),
        ("agent", False),
        ("user", None),
        ("agent", False),
        ("user", None),
        ("agent", True),
        ("user", None),
        ("agent", False),
    ]
    assert [turn["text"] for turn in turns if turn["speaker"] == "user"] == SAID
    cut_short = turns[-3]
    assert cut_short["heard_basis"] == "client"
    assert 0 < len(cut_short["heard_text"]) < len(cut_short["text"])
    injections = await rows(database, "voice_injections", call.session_id)
    assert sorted((each["source"], each["state"]) for each in injections) == [
        ("notice", "heard"),
        ("tool", "heard"),
    ]
    [barge_in] = await rows(database, "voice_barge_in_events", call.session_id)
    assert (barge_in["kind"], barge_in["turn_id"]) == ("barge_in", cut_short["turn_id"])
    spans = {each["span"] for each in await rows(database, "voice_latencies", call.session_id)}
    assert spans >= {"endpoint", "transcript", "intent", "dispatch", "tool", "turn", "barge_in_stop"}
    events = await rows(database, "voice_events", call.session_id, "seq")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["kind"] for event in events} >= {
        "speech_started",
        "user_turn_ended",
        "agent_ended",
        "barge_in",
    }


async def test_closing_the_tab_ends_the_session(
    call: Call, turns: Sequence[asyncpg.Record], database: asyncpg.Connection
) -> None:
    [session] = await rows(database, "voice_sessions", call.session_id)
    assert (session["is_active"], session["end_reason"], session["mode"]) == (False, "client_closed", "local")


def test_without_chromium_the_test_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    playwright = SimpleNamespace(chromium=SimpleNamespace(executable_path=str(tmp_path / "chrome")))
    with pytest.raises(pytest.fail.Exception, match="apt-get install -y chromium"):
        executable(cast(Playwright, playwright))
