"""A listener with the real models, without processes or sockets."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pocketsphinx import Decoder

from services.transcriber import recogniser
from services.transcriber.listener import VAD_FRAME, Listener
from services.transcriber.protocol import Event, Final, Partial, SpeechStarted, SpeechStopped
from services.transcriber.recogniser import Heard, Recogniser
from services.transcriber.vocabulary import prepare
from services.transcriber.worker import voice_activity
from tests.services.transcriber.voices import Sound, distance, extent, human, silence, spoken
from tests.services.transcriber.wire import final

ASKED = "what time is it in tokyo"
FOUND_WITHIN_S = 0.1

Listen = Callable[[int], Listener]


@pytest.fixture
def decoder(home: Path, phrases: Path) -> Decoder:
    return recogniser.load(prepare(phrases, home / "cache"))


@pytest.fixture
def listen(decoder: Decoder) -> Listen:
    return lambda rate: Listener(Recogniser(decoder), voice_activity(), rate, "en")


def told(listener: Listener, sound: Sound, rate: int = 24000) -> list[Event]:
    """What comes of `sound`, in pieces of 20 ms, without an order to finish."""
    step = rate // 50
    pieces = [sound[start : start + step] for start in range(0, len(sound), step)]
    return [event for piece in pieces for event in listener.hear(piece.tobytes())]


def turn(listener: Listener, sound: Sound, rate: int = 24000) -> list[Event]:
    return [*told(listener, sound, rate), *listener.finish()]


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
def test_words_and_places_are_right_at_every_rate(listen: Listen, rate: int) -> None:
    sound = spoken("what is the weather like in boston", rate)
    began, ended = extent(sound, rate)
    events = turn(listen(rate), sound, rate)
    started = next(event for event in events if isinstance(event, SpeechStarted))
    stopped = [event for event in events if isinstance(event, SpeechStopped)][-1]
    words = final(events).words
    near = FOUND_WITHIN_S * rate
    assert abs(started.at - began) <= near
    assert abs(stopped.at - ended) <= near
    # The model wants 7 kHz; a telephone's 4 cost it words.
    assert distance("what is the weather like in boston", final(events).text) <= (2 if rate == 8000 else 1)
    assert abs(words[0].start - began) <= 2 * near
    assert abs(words[-1].end - ended) <= 2 * near
    assert all(a.start < a.end <= b.start for a, b in pairwise(words))


def test_an_onset_is_told_within_130_ms_and_partial_words_within_the_turn(listen: Listen) -> None:
    sound = spoken(ASKED)
    began, ended = extent(sound)
    listener = listen(24000)
    early = told(listener, sound[: began + 3120])
    assert [type(event) for event in early] == [SpeechStarted]
    later = told(listener, sound[began + 3120 : ended])
    partials = [event for event in later if isinstance(event, Partial)]
    assert len(partials) >= 4
    assert all(a.text != b.text for a, b in pairwise(partials))
    assert partials[-1].words[0].text == "what"


class Counting:
    """In place of a recogniser: a word for each frame that it was fed."""

    def __init__(self) -> None:
        self.fed = 0

    def feed(self, sound: np.ndarray, position: int) -> None:
        self.fed += len(sound) // VAD_FRAME

    def pause(self) -> None:
        pass

    def words(self) -> list[Heard]:
        return [Heard(str(number), 0, 1, 1.0) for number in range(self.fed)]


@pytest.mark.parametrize("voiced", range(8, 12))
def test_words_are_fresh_when_the_voice_stops_and_when_all_was_heard(voiced: int) -> None:
    recogniser, frame = Counting(), bytes(2 * VAD_FRAME)
    speech = [0.0] * 12 + [0.9] * voiced + [0.0] * 24
    listener = Listener(recogniser, lambda _: speech.pop(0), 16000, "en")  # type: ignore[arg-type]
    counts: list[int] = []
    while speech:
        for event in listener.hear(frame):
            match event:
                case Partial(_, words):
                    counts.append(len(words))
                case SpeechStopped():
                    assert counts[-1] == recogniser.fed
    assert counts[-1] == recogniser.fed
    assert counts == sorted(set(counts))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("goforward.wav", "go forward ten meters"),
        ("something.wav", "go somewhere and do something"),
        ("cards_001.wav", "ten of clubs"),
        ("cards_003.wav", "seven of clubs"),
    ],
)
def test_people_are_heard(listen: Listen, name: str, words: str) -> None:
    assert distance(words, final(turn(listen(24000), human(name))).text) <= 2


@pytest.mark.parametrize("word", ["wait", "okay", "i see", "wait a second"])
def test_short_words_that_steer_a_call_are_heard(listen: Listen, word: str) -> None:
    assert final(turn(listen(24000), spoken(word))).text == word


@pytest.mark.parametrize(
    "through",
    [
        pytest.param(lambda sound: sound * 10 ** (-30 / 20) / (np.std(sound) / 32768), id="at -30 dBFS"),
        pytest.param(lambda sound: sound + 3000.0, id="with an offset"),
        pytest.param(lambda sound: sound * 3.0, id="clipped"),
    ],
)
def test_bad_microphones_are_understood(listen: Listen, through: Callable[[np.ndarray], np.ndarray]) -> None:
    sound = spoken(ASKED)
    worse = np.clip(through(sound.astype(np.float64)), -32768, 32767).astype(np.int16)
    events = turn(listen(24000), worse)
    assert abs(next(e for e in events if isinstance(e, SpeechStarted)).at - extent(sound)[0]) <= 2400
    assert distance(ASKED, final(events).text) <= 2


@pytest.mark.parametrize("kind", ["nothing", "noise", "a hum", "clicks"])
def test_no_words_are_made_up_where_nobody_speaks(listen: Listen, kind: str) -> None:
    rng, times = np.random.default_rng(3), np.arange(72000)
    made = {
        "nothing": np.zeros(72000),
        "noise": rng.normal(0, 800, 72000),
        "a hum": 3000 * np.sin(times * 2 * np.pi * 50 / 24000),
        "clicks": np.where(times % 12000 < 24, 20000, 0),
    }
    events = turn(listen(24000), made[kind].astype(np.int16))
    assert events == [Final("", (), 0.0, "en")]


def test_speech_backwards_is_not_trusted(listen: Listen) -> None:
    backwards = spoken("please transfer some money into my savings account")[::-1]
    assert final(turn(listen(24000), backwards)).confidence < 0.6


def test_every_turn_begins_fresh_and_places_go_on(listen: Listen) -> None:
    listener = listen(24000)
    first = turn(listener, spoken(ASKED))
    sound = spoken("turn off the pump")
    second = turn(listener, sound)
    assert distance("turn off the pump", final(second).text) <= 1
    began = len(spoken(ASKED)) + extent(sound)[0]
    assert abs(final(second).words[0].start - began) <= 4800
    assert final(first).words[-1].end < final(second).words[0].start


def test_a_long_pause_stays_in_the_turn_and_its_words_keep_their_places(listen: Listen) -> None:
    first, second = spoken("how many miles are in ten kilometers"), spoken(ASKED)
    pause = silence(4)
    events = turn(listen(24000), np.concatenate([first, pause, second]))
    assert sum(isinstance(event, SpeechStarted) for event in events) == 2
    assert distance(f"how many miles are in ten kilometers {ASKED}", final(events).text) <= 2
    began = len(first) + len(pause) + extent(second)[0]
    assert any(abs(word.start - began) <= 4800 for word in final(events).words)


def test_an_order_in_mid_sentence_cuts_the_turn_and_loses_nothing(listen: Listen) -> None:
    listener = listen(24000)
    one = spoken("how many miles are in ten kilometers")
    cut = extent(one)[1]
    joined = np.concatenate([one[:cut], spoken("turn off the pump")[12000:]])
    first = turn(listener, joined[: cut - 1200])
    second = turn(listener, joined[cut - 1200 :])
    assert final(first).text.startswith("how many miles")
    # The voice went on over the order: no second onset is told, its words are the next turn's.
    assert final(second).text.endswith("off the pump")


def test_lost_sound_counts_as_silence(listen: Listen) -> None:
    listener = listen(24000)
    assert list(listener.skip(48000)) == []
    sound = spoken(ASKED)
    events = turn(listener, sound)
    assert abs(next(e for e in events if isinstance(e, SpeechStarted)).at - 48000 - extent(sound)[0]) <= 2400


def test_sound_lost_in_mid_word_ends_the_speech(listen: Listen) -> None:
    listener = listen(24000)
    sound = spoken(ASKED)
    told(listener, sound[:24000])
    assert list(listener.skip(4800)) == [SpeechStopped(24000)]


def test_somebody_who_never_pauses_is_understood_to_the_end(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recogniser, "LONGEST", recogniser.RATE)
    text = "how many miles are in ten kilometers"
    listener = listen(24000)
    events = [e for _ in range(4) for e in told(listener, spoken(text))] + list(listener.finish())
    assert distance(" ".join([text] * 4), final(events).text) <= 5
    starts = [word.start for word in final(events).words]
    assert starts == sorted(starts)


def test_when_the_voice_stops_the_last_word_has_its_whole_length(listen: Listen) -> None:
    """It grows while it is spoken, long after it was guessed first; how long to wait is judged by it."""
    listener = listen(24000)
    events = told(listener, np.concatenate((spoken(ASKED), silence(0.5))))
    stopped = next(i for i, event in enumerate(events) if isinstance(event, SpeechStopped))
    partial = next(event for event in reversed(events[:stopped]) if isinstance(event, Partial))
    last, whole = partial.words[-1], final(list(listener.finish())).words[-1]
    assert (last.text, last.start) == (whole.text, whole.start)
    assert abs(last.end - whole.end) <= 2400
