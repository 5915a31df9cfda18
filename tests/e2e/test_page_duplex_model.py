"""A call of the page with a duplex model: the toy, which murmurs without end, on a speech server of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Route

from gateway.cli.waveforms import Pcm
from gateway.session.clock import RATE
from tests.e2e.beside import ToyServer, gateway, until_ready
from tests.e2e.browser import Seen, opened
from tests.e2e.deployment import Deployment
from tests.e2e.rows import eventually, rows
from tests.e2e.speech import Voice, audible_s, cut, timeline, write_wav

OUT = Path(__file__).parents[1] / "out"

SAID = "how are you today"

MURMURS_S = 2.5
"""Of the microphone's file, until the person speaks over it."""


UNREACHED = "it cannot be reached: Connection refused"


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of the call when it is over."""

    session_id: UUID
    lost_id: UUID
    """Of the call whose server was killed."""
    offered: str
    """What the menu says of the engine while its server has a place,"""
    away: str
    """and once it was killed."""
    lost: str
    """What the page says of the call in which that happened."""
    facts: str
    seen: Sequence[Seen]
    errors: Sequence[str]
    slots_used: Sequence[int]
    """In the call, and after the tab was closed."""
    sound: Pcm
    """What the page gave the loudspeaker."""

    def looks(self, role: str) -> list[Seen]:
        """Those of the first entry of this role, in order."""
        first = next(each.entry for each in self.seen if each.role == role)
        return [each for each in self.seen if (each.role, each.entry) == (role, first)]


@pytest.fixture(scope="module")
def toy(deployment: Deployment) -> Iterator[ToyServer]:
    toy = ToyServer(deployment.internal_key)
    yield toy
    toy.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def call(
    deployment: Deployment, toy: ToyServer, voice: Voice, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Call]:
    """The call, held once for all tests here; its tab is closed, and then its server is killed."""
    folder = tmp_path_factory.mktemp("duplex")
    microphone = timeline(MURMURS_S, await voice.say(SAID), 5.0)
    wav = write_wav(folder / "microphone.wav", microphone)
    with gateway(deployment, deployment.database_url, PERSONAPLEX_URLS=toy.url) as url:
        async with opened(url, wav, folder) as window:
            page, context = window.page, window.page.context
            await context.route("**/api/mas/voice/duplex/session", ungreeted)
            await asyncio.to_thread(until_ready, toy.url)
            await eventually(lambda: tells(url, None))
            await page.get_by_test_id("open-settings").click()
            engine = page.locator("[data-testid=engine][data-mode=personaplex]")
            await engine.get_by_role("radio").check()
            offered = await engine.inner_text()
            await page.get_by_test_id("close-settings").click()

            await window.press()
            await window.until("agent", "cut")
            await window.until("user", "settled")
            facts = await page.get_by_test_id("facts").inner_text()
            await window.screenshot(OUT / "duplex-light.png")
            await window.screenshot(OUT / "duplex-dark.png", "dark")
            slots_used = [await asyncio.to_thread(toy.slots_used)]
            sound, seen = await window.recording(), await window.seen()
            write_wav(OUT / "duplex.wav", sound)
            await page.close()

            async def free() -> bool:
                return await asyncio.to_thread(toy.slots_used) == 0

            await eventually(free)
            slots_used.append(0)

            # In another call, of the engine that is best.
            await eventually(lambda: tells(url, None))
            page = await context.new_page()
            await page.goto(url)
            await page.get_by_test_id("call").click()
            await page.locator("[data-role=agent][data-state=speaking]").wait_for()
            toy.kill()
            await page.locator("#call[data-phase=ended]").wait_for()
            lost = await page.get_by_test_id("status").inner_text()
            await eventually(lambda: tells(url, f"{toy.url}: {UNREACHED}"))
            await page.get_by_test_id("open-settings").click()
            engine = page.locator("[data-testid=engine][data-mode=personaplex]:has(input:disabled)")
            away = await engine.inner_text()
            await page.screenshot(path=OUT / "duplex-away.png")
    database = await asyncpg.connect(deployment.database_url)
    try:
        [second, first] = await database.fetch(
            "SELECT session_id FROM voice_sessions WHERE mode = 'personaplex' ORDER BY started_at DESC LIMIT 2"
        )
    finally:
        await database.close()
    yield Call(first[0], second[0], offered, away, lost, facts, seen, window.errors, slots_used, sound)


async def ungreeted(route: Route) -> None:
    """On a busy machine the greeting would come before the model's first sound."""
    if route.request.method == "POST":
        asked = route.request.post_data_json or {}
        await route.continue_(post_data=json.dumps({**asked, "greeting": False}))
    else:
        await route.continue_()


async def tells(url: str, reason: str | None) -> bool:
    """Whether the gateway has seen that a slot can be had (None), or why not."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{url}/api/mas/voice/duplex/session") as answer,
    ):
        engines = (await answer.json())["engines"]
    reasons: dict[str, str | None] = {engine["mode"]: engine["reason"] for engine in engines}
    return reasons["personaplex"] == reason


async def ended(database: asyncpg.Connection, session_id: UUID) -> asyncpg.Record:
    """The row of a session, once it is over."""

    async def over() -> bool:
        [session] = await rows(database, "voice_sessions", session_id)
        return not session["is_active"]

    await eventually(over)
    [session] = await rows(database, "voice_sessions", session_id)
    return session


def test_the_page_has_nothing_to_complain_about(call: Call) -> None:
    assert call.errors == []


def test_the_engine_is_chosen_on_the_page_and_shown_in_the_call(call: Call) -> None:
    assert "1 call free" in call.offered
    assert "PersonaPlex" in call.facts


def test_without_a_speech_server_it_cannot_be_chosen_and_the_page_says_why(
    call: Call, toy: ToyServer
) -> None:
    assert f"Can't be had: {toy.url}: {UNREACHED}." in call.away


async def test_a_call_whose_server_is_killed_ends_and_the_page_says_why(
    call: Call, database: asyncpg.Connection
) -> None:
    assert call.lost.startswith("The engine was lost")
    assert (await ended(database, call.lost_id))["end_reason"] == "engine_lost"


async def test_what_the_model_says_is_heard_and_shown_as_it_says_it(
    call: Call, database: asyncpg.Connection
) -> None:
    # Alone on the machine it is all of the murmur; one that is busy with other things leaves gaps.
    assert audible_s(call.sound) > 0.1
    looks = call.looks("agent")
    texts = [each.text for each in looks if each.state == "speaking"]
    assert len(set(texts)) > 1, "as it comes, not all at once"
    turn, *_ = await rows(database, "voice_turns", call.session_id, "seq")
    assert turn["text"].startswith(looks[-1].text)


def test_the_users_words_are_the_transcribers(call: Call) -> None:
    looks = call.looks("user")
    assert (looks[0].state, looks[-1].state) == ("partial", "settled")
    assert looks[-1].text == SAID


def test_speaking_over_the_model_stops_it(call: Call) -> None:
    duration = len(call.sound) / RATE
    assert audible_s(cut(call.sound, duration - 0.5, duration)) == 0.0
    assert call.looks("agent")[-1].state == "cut"


def test_closing_the_tab_frees_the_slot(call: Call) -> None:
    assert call.slots_used == [1, 0]


async def test_the_rows_tell_the_call(call: Call, database: asyncpg.Connection) -> None:
    session = await ended(database, call.session_id)
    assert (session["mode"], session["fallback_reason"]) == ("personaplex", None)
    assert (session["end_reason"], session["input_mode"]) == ("client_closed", "duplex")
    agent, user = (await rows(database, "voice_turns", call.session_id, "seq"))[:2]
    assert (agent["speaker"], agent["engine"], agent["interrupted"]) == ("agent", "personaplex", True)
    assert (user["speaker"], user["engine"], user["text"]) == ("user", "personaplex", SAID)
    assert user["intent"] == "chitchat"
    assert agent["heard_basis"] == "client"
    [barge_in] = await rows(database, "voice_barge_in_events", call.session_id)
    assert (barge_in["kind"], barge_in["turn_id"]) == ("barge_in", agent["turn_id"])
    latencies = await rows(database, "voice_latencies", call.session_id)
    assert {each["span"] for each in latencies} >= {
        "connect",
        "endpoint",
        "transcript",
        "intent",
        "barge_in_stop",
    }
    assert [each["turn_id"] for each in latencies if each["span"] == "connect"] == [None]
