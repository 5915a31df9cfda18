"""Our own sound in the user's microphone: silenced, and the user's voice let through, with real voices."""

import asyncio
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
import soxr
from aiohttp.test_utils import TestClient, TestServer

from gateway.session.clock import RATE, ms, samples
from gateway.session.echo import EchoSuppressor
from gateway.session.effects import EchoSuppressed
from services.synthesizer.server import SynthesizerSettings, make_app
from tests.gateway.session.room import Echo, Sound, noise

PIECE = samples(20)
HUMAN = Path(__file__).parents[2] / "data" / "human"

ANSWERS = (
    "Good morning. There are three meetings today, and the first one begins at ten o'clock.",
    "The weather in Tokyo is fine. It will be eighteen degrees, with a light wind from the south.",
    "Once upon a time there was a small village by the sea, where fishermen mended their nets each evening.",
)

ECHOES = {
    "a leaking headset": Echo(),
    "a small room": Echo(reverberation_ms=300),
    "a loud bare speaker": Echo(delay_ms=40, level_db=-6, reverberation_ms=300, overdrive=2),
    "a telephone": Echo(delay_ms=500, level_db=-30, reverberation_ms=300, telephone=True),
    "a slow client": Echo(delay_ms=1200, level_db=-30, reverberation_ms=200),
    "a clock that drifts": Echo(delay_ms=250, level_db=-12, reverberation_ms=400, drift_ppm=100),
}

TURN = uuid4()


@pytest.fixture(scope="module")
def agent() -> Sound:
    """The agent says three things, with pauses; 1 s of silence before."""
    return _take()


def _take() -> Sound:
    """No two are alike: eSpeak's hiss is drawn anew each time, and no seed of ours is asked for."""
    spoken = [np.frombuffer(pcm, "<i2") for pcm in asyncio.run(_synthesized(ANSWERS, "en-us+f2"))]
    parts = [np.zeros(RATE), *(part for said in spoken for part in (said, np.zeros(samples(700))))]
    sound = np.concatenate(parts).astype(np.float64)
    return sound[: len(sound) // PIECE * PIECE]


@pytest.fixture(scope="module")
def user() -> list[Sound]:
    """What four people say."""
    return [_recording(path) for path in sorted(HUMAN.glob("*.wav"))]


@dataclass(frozen=True, slots=True)
class Heard:
    """A call's microphone, before and behind the suppressor."""

    before: Sound
    behind: Sound
    facts: list[EchoSuppressed]
    found: list[int]
    """Since when the echo was let through that was recognised."""

    def passed(self) -> "np.typing.NDArray[np.bool_]":
        """Which pieces came through."""
        return _loud(self.behind) >= _loud(self.before) / 2


def call(agent: Sound, microphone: Sound, piece: int = PIECE, turn_ids: Sequence[UUID] = (TURN,)) -> Heard:
    """Play a call, piece by piece: the agent's sound leaves, the user's comes.

    Args:
        turn_ids: of the agent's turns; where there are more than one, each pause ends a turn.
    """
    suppressor = EchoSuppressor()
    pauses = _pauses(agent)
    out, facts, found = [], [], []
    sent, heard = _pcm(agent), _pcm(microphone)
    for at in range(0, len(agent), piece):
        if np.any(sent[at : at + piece]):
            turn_id = (
                turn_ids[0] if len(turn_ids) == 1 else turn_ids[int(np.searchsorted(pauses, at, "right"))]
            )
            suppressor.sent(turn_id, sent[at : at + piece].tobytes(), at)
        out.append(suppressor.filter(heard[at : at + piece].tobytes(), at))
        facts += suppressor.ended(at)
        if (since := suppressor.found()) is not None:
            found.append(since)
    facts += suppressor.ended(len(agent), all_of_it=True)
    behind = np.frombuffer(b"".join(out), "<i2").astype(np.float64)
    assert len(behind) == len(heard)
    return Heard(heard.astype(np.float64), behind, facts, found)


def spoken_over(agent: Sound, echo: Sound, user: list[Sound], over_db: float) -> tuple[Sound, list[int]]:
    """What users say over the agent, so much louder than its echo, and where each begins; the agent goes first."""
    level = _rms(echo[_loud(echo).repeat(PIECE) > 30])
    said, starts, at = np.zeros(len(agent)), [], samples(3500)
    for utterance in user:
        if at + len(utterance) > len(agent):
            break
        said[at : at + len(utterance)] = utterance / _rms(utterance) * level * 10 ** (over_db / 20)
        starts.append(at)
        at += len(utterance) + samples(1200)
    assert len(starts) >= 3
    return said, starts


@pytest.mark.parametrize("name", ECHOES)
def test_an_echo_is_silenced(name: str, agent: Sound) -> None:
    echo = ECHOES[name].of(agent)
    heard = call(agent, echo + noise(len(agent), 5))
    sounding = _loud(echo) > 30
    known = np.flatnonzero(sounding)[0] + 15
    sounding[:known] = False
    leaked = heard.passed() & sounding
    assert np.count_nonzero(leaked) <= 0.02 * np.count_nonzero(sounding)
    assert heard.facts


@pytest.mark.parametrize("name", ECHOES)
def test_a_known_echo_never_passes_for_60_ms_together(name: str, agent: Sound) -> None:
    """A voice detector takes 100 ms for a voice, and its recogniser finds a word in it."""
    echo = ECHOES[name].of(agent)
    sounding = _loud(echo) > 30
    sounding[: np.flatnonzero(sounding)[0] + 15] = False
    leaked = call(agent, echo + noise(len(agent), 5)).passed() & sounding
    assert not np.any(leaked[:-2] & leaked[1:-1] & leaked[2:])


@pytest.mark.parametrize(("over_db", "kept"), [(0, 0.9), (6, 0.95), (20, 0.99)])
@pytest.mark.parametrize("name", ECHOES)
def test_what_the_user_says_over_it_passes(
    name: str, over_db: float, kept: float, agent: Sound, user: list[Sound]
) -> None:
    echo = ECHOES[name].of(agent)
    said, _ = spoken_over(agent, echo, user, over_db)
    heard = call(agent, echo + said + noise(len(agent), 5))
    voiced = _loud(said) > _loud(said).max() / 10
    assert np.count_nonzero(heard.passed() & voiced) >= kept * np.count_nonzero(voiced)


@pytest.mark.parametrize("name", ECHOES)
def test_the_user_s_onset_over_an_echo_passes_within_60_ms(
    name: str, agent: Sound, user: list[Sound]
) -> None:
    echo = ECHOES[name].of(agent)
    said, starts = spoken_over(agent, echo, user, 6)
    passed = call(agent, echo + said + noise(len(agent), 5)).passed()
    voiced = _loud(said) > _loud(said).max() / 10
    onsets = [start // PIECE + int(np.argmax(voiced[start // PIECE :])) for start in starts]
    late = [int(np.argmax(passed[onset:])) for onset in onsets]
    assert max(late) <= 3
    assert float(np.median(late)) <= 1


@pytest.mark.parametrize("piece", [samples(80), samples(10), samples(20) - 1, 1237])
def test_pieces_may_have_any_length(piece: int, agent: Sound, user: list[Sound]) -> None:
    echo = ECHOES["a small room"].of(agent)
    said, _ = spoken_over(agent, echo, user, 6)
    heard = call(agent, echo + said + noise(len(agent), 5), piece)
    voiced = _loud(said) > _loud(said).max() / 10
    assert np.count_nonzero(heard.passed() & voiced) >= 0.95 * np.count_nonzero(voiced)
    before = slice(samples(2000) // PIECE, samples(3400) // PIECE)
    assert np.count_nonzero(_loud(heard.behind)[before] > 30) <= 5


def test_an_echo_in_a_noisy_room_is_silenced_and_the_noise_passes(agent: Sound) -> None:
    echo = ECHOES["a small room"].of(agent)
    heard = call(agent, echo + noise(len(agent), 60))
    loud = _loud(echo) > 180
    loud[: np.flatnonzero(loud)[0] + 15] = False
    assert np.count_nonzero(heard.passed() & loud) <= 0.05 * np.count_nonzero(loud)
    assert np.all(heard.passed()[: samples(1000) // PIECE])


@pytest.mark.parametrize(
    "later",
    [Echo(delay_ms=350, reverberation_ms=300), Echo(level_db=-8, reverberation_ms=300)],
    ids=["later", "louder"],
)
def test_an_echo_that_changes_is_found_again(later: Echo, agent: Sound) -> None:
    change = samples(7000)
    echo = np.concatenate((ECHOES["a small room"].of(agent)[:change], later.of(agent)[change:]))
    heard = call(agent, echo + noise(len(agent), 5))
    sounding = _loud(echo) > 30
    sounding[: (change + samples(1200)) // PIECE] = False
    assert np.count_nonzero(heard.passed() & sounding) <= 0.02 * np.count_nonzero(sounding)


@pytest.mark.parametrize("take", range(6))
def test_an_echo_that_waits_in_a_buffer_before_each_turn_is_found_within_200_ms(take: int) -> None:
    """As long as the agent's turns are: three, each as late as the client's buffer was full."""
    agent = _take()
    turns = np.split(agent, _pauses(agent))
    lates = (150, 230, 90)
    parts = [
        Echo(delay_ms=late, reverberation_ms=300).of(turn) for turn, late in zip(turns, lates, strict=True)
    ]
    echo = np.concatenate(parts)
    heard = call(agent, echo + noise(len(agent), 5), turn_ids=[uuid4() for _ in turns])
    sounding = _loud(echo) > 30
    at = len(turns[0]) // PIECE
    for turn in turns[1:]:
        onset = at + int(np.argmax(sounding[at:]))
        sounding[onset : onset + 10] = False
        at += len(turn) // PIECE
    sounding[: np.flatnonzero(sounding)[0] + 15] = False
    assert np.count_nonzero(heard.passed() & sounding) <= 0.02 * np.count_nonzero(sounding)
    assert len(heard.found) == 3


def test_a_turn_that_waits_a_little_shorter_or_longer_than_the_last_is_silent_from_its_onset(
    agent: Sound,
) -> None:
    turns = np.split(agent, _pauses(agent))
    lates = (150, 100, 145)
    parts = [Echo(delay_ms=late).of(turn) for turn, late in zip(turns, lates, strict=True)]
    echo = np.concatenate(parts)
    heard = call(agent, echo + noise(len(agent), 5), turn_ids=[uuid4() for _ in turns])
    leaked = heard.passed() & (_loud(echo) > 30)
    for begin in _pauses(agent):
        assert not np.any(leaked[begin // PIECE : begin // PIECE + 25])


def test_a_click_lets_in_no_more_than_60_ms_of_echo(agent: Sound) -> None:
    echo = ECHOES["a small room"].of(agent)
    click, at = np.zeros(len(agent)), samples(3000)
    click[at : at + samples(30)] = noise(samples(30), 2000)
    passed = call(agent, echo + click + noise(len(agent), 5)).passed()
    around = slice(at // PIECE, at // PIECE + 20)
    assert 0 < np.count_nonzero(passed[around] & (_loud(echo)[around] > 30)) <= 3


def test_a_second_turn_of_the_agent_is_silent_from_its_onset(agent: Sound) -> None:
    twice = np.concatenate((agent, np.zeros(samples(4000)), agent))
    echo = ECHOES["a small room"].of(twice)
    heard = call(twice, echo + noise(len(twice), 5))
    sounding = _loud(echo) > 30
    sounding[: (len(agent) + samples(4000)) // PIECE] = False
    assert np.count_nonzero(heard.passed() & sounding) <= 0.02 * np.count_nonzero(sounding)
    assert len(heard.facts) == 2


def test_what_a_browser_s_own_canceller_leaves_does_no_harm(agent: Sound, user: list[Sound]) -> None:
    echo = Echo(delay_ms=180, level_db=-20, reverberation_ms=300, overdrive=4).of(agent)
    # It lets a bit through now and then, torn out of its place.
    leaks = np.random.default_rng(1).random(len(agent) // PIECE).repeat(PIECE) < 0.2
    said, _ = spoken_over(agent, agent, user, 0)
    heard = call(agent, said + echo * leaks * 0.1 + noise(len(agent), 5))
    voiced = _loud(said) > _loud(said).max() / 30
    assert np.all(heard.passed()[voiced])


def test_without_an_echo_nothing_is_touched_that_the_user_says(agent: Sound, user: list[Sound]) -> None:
    said, _ = spoken_over(agent, agent, user, 0)
    heard = call(agent, said + noise(len(agent), 5))
    assert np.array_equal(heard.before, heard.behind)
    assert heard.facts == []


def test_a_sudden_onset_is_no_echo_of_the_silence_beside_the_agent_s_sound() -> None:
    sent = np.concatenate((np.zeros(RATE), noise(samples(100), 3000, seed=3), np.zeros(samples(120))))
    onset = np.zeros(len(sent))
    onset[-samples(260) :] = 9000
    heard = call(sent, onset)
    assert np.array_equal(heard.before, heard.behind)
    assert heard.found == []


def test_the_echo_is_told_of_once_with_its_delay_and_level(agent: Sound) -> None:
    heard = call(agent, Echo(delay_ms=150, level_db=-20).of(agent))
    assert len(heard.facts) == 1
    fact = heard.facts[0]
    assert fact.turn_id == TURN
    assert abs(fact.delay_ms - 150) < 5
    assert abs(fact.level_db + 20) < 4
    assert ms(fact.start) < 1500
    assert ms(fact.end) > ms(len(agent)) - 2000


def _pcm(sound: Sound) -> "np.typing.NDArray[np.int16]":
    return sound.round().clip(-32768, 32767).astype("<i2")


def _loud(sound: Sound) -> Sound:
    """RMS of each piece of 20 ms."""
    loud: Sound = np.sqrt(np.mean(sound[: len(sound) // PIECE * PIECE].reshape(-1, PIECE) ** 2, axis=1))
    return loud


def _pauses(agent: Sound) -> list[int]:
    """Where the agent's second and third turn begin: 200 ms before their sound."""
    loud = np.flatnonzero(_loud(agent) > 30)
    gaps = np.flatnonzero(np.diff(loud) * PIECE > samples(600))
    return [int(loud[gap + 1]) * PIECE - samples(200) for gap in gaps]


def _rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(sound**2)))


def _recording(path: Path) -> Sound:
    with wave.open(str(path), "rb") as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
        sound: Sound = soxr.resample(pcm, file.getframerate(), RATE)
    return sound


async def _synthesized(texts: tuple[str, ...], voice: str) -> list[bytes]:
    async with TestClient(TestServer(make_app(SynthesizerSettings()))) as client:
        spoken = []
        for text in texts:
            order = {"input": text, "voice": voice, "response_format": "pcm"}
            async with client.post("/v1/audio/speech", json=order) as answer:
                assert answer.status == 200, await answer.text()
                spoken.append(await answer.read())
        return spoken


@pytest.mark.parametrize("behind_ms", [0, 500, 2000])
def test_a_burst_of_constant_voltage_is_no_echo(behind_ms: int) -> None:
    """Its edges alone have the frequencies that are compared, and so have those of what was sent."""
    suppressor = EchoSuppressor()
    voltage = np.full(samples(5000), 9000, "<i2").tobytes()
    suppressor.sent(TURN, np.full(samples(60), 3000, "<i2").tobytes(), samples(300))
    suppressor.filter(voltage, samples(360 + behind_ms))
    assert suppressor.found() is None
