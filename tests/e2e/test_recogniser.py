"""The ear of these tests: it knows each sentence of the agent's voice, and no sentence in a sound that has none."""

from datetime import time

import pytest

from gateway.cli.waveforms import levels
from tests.e2e.recogniser import nearest_in_length, number, of_like_length, recognise, words
from tests.e2e.sentences import small_talk_sentences, times_in
from tests.e2e.speech import Voice, shuffled, silence, timeline

AGENT_VOICE = "en-us+f2"
"""The default persona's."""

SENTENCE = "Calm as moss in the shade. And you?"


@pytest.fixture
def agent(voice: Voice) -> Voice:
    return Voice(voice.url, voice.key, AGENT_VOICE)


@pytest.fixture
def candidates() -> list[str]:
    return nearest_in_length(words(SENTENCE), small_talk_sentences())


def test_there_are_twenty_candidates_of_like_length(candidates: list[str]) -> None:
    assert len(set(candidates)) == 20
    assert of_like_length(candidates)
    assert of_like_length(times_in("Tokyo", time(17, 29)))
    assert of_like_length(times_in("Tokyo", time(1, 49), "tomorrow"))
    assert not of_like_length(["hello there", words(SENTENCE)])


async def test_a_sentence_is_picked_out_of_twenty(agent: Voice, candidates: list[str]) -> None:
    verdict = recognise(await agent.say(SENTENCE), candidates)
    assert verdict.heard == words(SENTENCE), verdict


async def test_every_other_candidate_would_have_been_picked_too(agent: Voice, candidates: list[str]) -> None:
    for sentence in candidates[::5]:
        verdict = recognise(await agent.say(sentence), candidates)
        assert verdict.heard == sentence, verdict


async def test_a_time_is_told_from_nineteen_others(agent: Voice) -> None:
    for text, candidates in (
        ("It's 5:29 in the afternoon in Tokyo.", times_in("Tokyo", time(17, 29))),
        ("It's 1:49 at night tomorrow in Tokyo.", times_in("Tokyo", time(1, 49), "tomorrow")),
    ):
        verdict = recognise(await agent.say(text), candidates)
        assert verdict.heard == words(text), verdict


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_sound_shuffled_says_nothing(agent: Voice, candidates: list[str], seed: int) -> None:
    sound = await agent.say(SENTENCE)
    mixed = shuffled(sound, seed=seed)
    assert abs(levels(mixed).max() - levels(sound).max()) < 6, "it is as loud"
    assert recognise(mixed, candidates).heard is None


async def test_the_same_sound_backwards_says_nothing(agent: Voice, candidates: list[str]) -> None:
    assert recognise((await agent.say(SENTENCE))[::-1].copy(), candidates).heard is None


async def test_silence_around_it_changes_nothing(agent: Voice, candidates: list[str]) -> None:
    sound = timeline(3.0, await agent.say(SENTENCE), 2.0)
    assert recognise(sound, candidates).heard == words(SENTENCE)


async def test_silence_says_nothing(candidates: list[str]) -> None:
    assert recognise(silence(2.0), candidates).heard is None


async def test_a_sentence_that_is_no_candidate_is_not_picked(agent: Voice, candidates: list[str]) -> None:
    foreign = await agent.say("Trains to the harbour leave every seven minutes.")
    assert recognise(foreign, candidates).heard is None


@pytest.mark.parametrize(
    ("value", "spoken"),
    [(0, "zero"), (12, "twelve"), (40, "forty"), (59, "fifty nine"), (212, "two hundred twelve")],
)
def test_numbers_are_put_in_words(value: int, spoken: str) -> None:
    assert number(value) == spoken


def test_times_and_fractions_are_put_in_words() -> None:
    assert (
        words("It's 5:29 in Tokyo, and 6.21 miles.")
        == "it's five twenty nine in tokyo and six point two one miles"
    )
