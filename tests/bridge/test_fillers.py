"""What is said while somebody waits: when, how often, and which words."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.events import Reply
from bridge.fillers import ENOUGH, MEASURED, MOST_TOOLS, Fillers, Patience, ToolTimes
from bridge.mood import mood_of
from bridge.sentences import RECENT, Sentences
from personas.loader import load
from personas.model import Persona
from services.orchestrator.protocol import ChatResult, Plan, Progress
from tests.bridge.doubles import CLOCK, NOON_IN_TOKYO, PATIENCE, QUICK, Gate, World, gated, replies, says

PATIENT = Patience()
TURN = UUID(int=7)


def heard(fillers: Fillers, until: float, step: float = 0.01) -> list[float]:
    """When something is said, if nothing else happens."""
    return [round(at * step, 2) for at in range(round(until / step)) if fillers.is_due(at * step)]


# When.


def test_a_wish_whose_plan_is_late_is_acknowledged_while_it_is_planned() -> None:
    fillers = Fillers(PATIENT, final_at=0)
    fillers.wished()
    assert heard(fillers, 2) == [0.3]


def test_then_comes_something_every_four_seconds_and_three_times_at_most() -> None:
    fillers = Fillers(PATIENT, final_at=0)
    fillers.planned(0.05, expected=None)
    assert heard(fillers, 60) == [0.15, 4.15, 8.15]


def test_a_tool_that_is_known_to_be_slow_is_acknowledged_at_once() -> None:
    fillers = Fillers(PATIENT, final_at=0)
    fillers.wished()
    fillers.planned(0.05, expected=3.0)
    assert heard(fillers, 2) == [0.05]


def test_a_result_that_is_near_is_awaited_in_silence_and_not_for_ever() -> None:
    fillers = Fillers(PATIENT, final_at=0)
    fillers.wished()
    fillers.planned(0.05, expected=0.1)
    assert heard(fillers, 2) == [0.7]


def test_a_plan_that_comes_behind_the_acknowledgement_asks_for_no_second_one() -> None:
    fillers = Fillers(PATIENT, final_at=0)
    fillers.wished()
    assert heard(fillers, 1) == [0.3]
    fillers.planned(1.0, expected=None)
    assert fillers.due_at == pytest.approx(4.3)


def test_once_there_is_something_better_to_say_no_filler_is_due() -> None:
    fillers = Fillers(PATIENT, final_at=0)
    fillers.planned(0.05, expected=None)
    fillers.end()
    assert heard(fillers, 60) == []


@given(
    st.floats(0, 100),
    st.lists(
        st.tuples(st.floats(0, 3), st.sampled_from(["wished", "planned", "look", "look", "look"])),
        max_size=40,
    ),
    st.none() | st.floats(0, 10),
)
def test_whatever_happens_they_keep_their_distance(
    final_at: float, happens: list[tuple[float, str]], expected: float | None
) -> None:
    fillers, now = Fillers(PATIENT, final_at), final_at
    said: list[float] = []
    for passes, what in happens:
        now += passes
        if what == "wished" and not fillers.said:
            fillers.wished()
        elif what == "planned":
            fillers.planned(now, expected)
        elif fillers.is_due(now):
            said.append(now)
    assert len(said) <= PATIENT.most
    assert all(later - earlier >= PATIENT.again - 1e-6 for earlier, later in pairwise(said))


def test_how_long_a_tool_takes_is_known_once_it_ran_often_enough() -> None:
    times = ToolTimes()
    for _ in range(ENOUGH - 1):
        times.note("clock", 0.1)
    assert times.expected("clock") is None
    times.note("clock", 0.3)
    assert times.expected("clock") == 0.3
    for _ in range(MEASURED):
        times.note("clock", 0.2)
    assert times.expected("clock") == 0.2
    for tool in range(MOST_TOOLS):
        times.note(f"tool {tool}", 0.1)
    assert times.expected("clock") is None


# Which words.


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("what time is it in tokyo", "even"),
        ("Quick, what time is it?", "hurried"),
        ("I need it right now", "hurried"),
        ("I already told you to turn it off", "upset"),
        ("come on, quickly, it's still not off", "upset"),
        ("turn on the shell lamp", "even"),
    ],
)
def test_the_mood_is_in_the_words(text: str, mood: str) -> None:
    assert mood_of(text) == mood


@pytest.fixture(params=[who.name for who in load().personas])
def persona(request: pytest.FixtureRequest) -> Persona:
    return load().persona(request.param)


def test_the_phrase_fits_mood_then_plan_then_tool_then_persona(persona: Persona) -> None:
    phrases = persona.phrases
    assert phrases.fillers.upset
    assert phrases.fillers.hurried

    def first(plan: Plan, text: str) -> str:
        return Sentences(persona).acknowledgement(plan, TURN, text)

    assert first(CLOCK, "I already told you") in phrases.fillers.upset
    assert first(CLOCK, "quickly please") in phrases.fillers.hurried
    assert first(CLOCK, "what time is it") == CLOCK.say
    assert first(Plan(tool="order"), "order spawn") in phrases.acknowledgements
    for name, own in phrases.fillers.tools.items():
        assert first(Plan(tool="any", agent=name), "what is it") in own


def test_nothing_is_repeated_of_what_was_said_of_late(persona: Persona) -> None:
    sentences = Sentences(persona)
    said: list[str] = []
    for turn in range(12):
        said.append(sentences.acknowledgement(CLOCK, UUID(int=turn), "what time is it"))
        said += [text for _ in range(2) if (text := sentences.waiting("", UUID(int=turn)))]
    assert len(said) > 30
    for at, text in enumerate(said):
        assert text not in said[max(0, at - RECENT) : at]


def test_what_the_tool_tells_of_itself_goes_before_a_phrase_and_is_not_told_twice(persona: Persona) -> None:
    sentences = Sentences(persona)
    assert sentences.waiting("Two of three shops asked.", TURN) == "Two of three shops asked."
    assert sentences.waiting("Two of three shops asked.", TURN) in persona.phrases.waiting


def test_a_persona_with_one_phrase_says_it_to_each_wish_and_then_nothing() -> None:
    plain = load().persona("plain")
    phrases = plain.phrases.model_copy(
        update={"acknowledgements": ("Looking.",), "waiting": ("Still looking.",)}
    )
    sentences = Sentences(plain.model_copy(update={"phrases": phrases}))
    plan = Plan(tool="order")
    assert [sentences.acknowledgement(plan, TURN) for _ in range(2)] == ["Looking.", "Looking."]
    assert [sentences.waiting("", TURN) for _ in range(2)] == ["Still looking.", ""]


# In a call.

BRISK = replace(QUICK, fillers=Patience(unplanned=PATIENCE, first=0, again=0.001))
PLANLESS = replace(QUICK, fillers=Patience(unplanned=0, first=0))


async def test_while_a_tool_runs_something_new_is_said_until_its_result_comes() -> None:
    world, gate = World(BRISK), Gate()
    world.orchestrator.streams = [gated(gate, NOON_IN_TOKYO)]
    told: list[Reply] = []

    async def take() -> None:
        async for event in world.bridge.take(world.utterance("what time is it in tokyo")):
            if isinstance(event, Reply):
                told.append(event)
                if len(told) == PATIENT.most:
                    gate.open.set()

    async with asyncio.timeout(PATIENCE):
        await take()
    assert [reply.source for reply in told] == ["filler"] * 3 + ["tool"]
    assert told[0].text == CLOCK.say
    assert {reply.text for reply in told[1:3]} <= set(world.persona.phrases.waiting)
    assert {reply.invocation_id for reply in told} == {world.ledger.row.invocation_id}


async def test_how_far_a_tool_is_is_told_instead_of_a_phrase() -> None:
    world, gate = World(BRISK), Gate()
    world.orchestrator.streams = [says(Progress(text="**Half** way."), NOON_IN_TOKYO)]
    inner = world.orchestrator.streams[0]

    async def stream():  # type: ignore[no-untyped-def]
        async for event in inner():
            if isinstance(event, ChatResult):
                await gate()
            yield event

    world.orchestrator.streams = [stream]
    told: list[Reply] = []
    async with asyncio.timeout(PATIENCE):
        async for event in world.bridge.take(world.utterance("what time is it in tokyo")):
            if isinstance(event, Reply):
                told.append(event)
                if event.text == "Half way.":
                    gate.open.set()
    assert ("filler", "Half way.") in replies([*told])


async def test_a_planner_that_is_slow_is_covered_too() -> None:
    world = World(PLANLESS)
    planned: asyncio.Future[Plan] = asyncio.get_running_loop().create_future()
    world.orchestrator.plans = [planned]
    told: list[Reply] = []
    async with asyncio.timeout(PATIENCE):
        async for event in world.bridge.take(world.utterance("order more spawn")):
            if isinstance(event, Reply):
                told.append(event)
                if not planned.done():
                    planned.set_result(CLOCK)
    assert [reply.source for reply in told] == ["filler", "tool"]
    assert told[0].text in world.persona.phrases.acknowledgements


async def test_a_result_that_is_there_at_once_needs_no_filler() -> None:
    world = World(replace(QUICK, fillers=Patience(first=PATIENCE, unplanned=PATIENCE)))
    assert replies(await world.hear("what time is it in tokyo")) == [("tool", "It is noon in Tokyo.")]
    await world.bridge.close()
