"""The binding: its voices, its data, and how it stops."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest

from services.synthesizer.espeak import LONGEST_PATH, Espeak, EspeakError


@pytest.fixture
def espeak() -> Iterator[Espeak]:
    with Espeak() as espeak:
        yield espeak


def audible(espeak: Espeak, text: str, voice: str = "en-us") -> bool:
    pcm = espeak.speak(text, voice).pcm
    return bool(np.abs(pcm.astype(np.int32)).max(initial=0) > 3000)


def test_it_speaks_at_its_rate(espeak: Espeak) -> None:
    assert espeak.rate == 22050
    assert 0.3 < len(espeak.speak("Hello there", "en-us").pcm) / espeak.rate < 1.5


def test_marks_point_at_the_words(espeak: Espeak) -> None:
    text = "Naïve 😀 words here"
    marks = espeak.speak(text, "en-us").marks
    at = [mark.position for mark in marks]
    assert {text.index("Naïve"), text.index("words"), text.index("here")} <= set(at)
    assert sorted(mark.at for mark in marks) == [mark.at for mark in marks]


def test_every_listed_voice_can_be_heard(espeak: Espeak) -> None:
    voices = [*espeak.languages, *(f"en-us+{variant}" for variant in espeak.variants)]
    assert len(espeak.languages) > 100
    assert [voice for voice in voices if not audible(espeak, "a 12", voice)] == []


@pytest.mark.parametrize("voice", ["en-gb", "en-us+f2", "en-gb-x-rp+m3", "en-us+Mr serious"])
def test_it_knows_what_it_lists(espeak: Espeak, voice: str) -> None:
    assert espeak.knows(voice)
    assert audible(espeak, "Hello", voice)


@pytest.mark.parametrize(
    "voice", ["", "+", "en-us+", "xx", "en-us+nobody", "en-us+../../lang/gmw/en", "../x"]
)
def test_it_takes_no_voice_that_it_does_not_list(espeak: Espeak, voice: str) -> None:
    assert not espeak.knows(voice)
    with pytest.raises(EspeakError, match="has no voice"):
        espeak.speak("Hello", voice)


def test_the_pause_behind_a_sentence_is_made_when_asked_for(espeak: Espeak) -> None:
    without = espeak.speak("Hello.", "en-us").pcm
    with_pause = espeak.speak("Hello.", "en-us", end_pause=True).pcm
    assert len(with_pause) - len(without) > 0.1 * espeak.rate


def test_it_stops_at_once_and_speaks_again(espeak: Espeak) -> None:
    long = "This goes on for quite a while. " * 8
    whole = len(espeak.speak(long, "en-us").pcm)
    asked: list[int] = []

    def after_five() -> bool:
        asked.append(1)
        return len(asked) >= 5

    assert len(espeak.speak(long, "en-us", cancelled=after_five).pcm) < whole / 20
    assert len(asked) <= 6
    assert len(espeak.speak(long, "en-us").pcm) == pytest.approx(whole, rel=0.01)


def test_a_data_path_too_long_for_espeak_is_linked_to_a_short_one(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 90) / ("b" * 90)
    deep.mkdir(parents=True)
    data = deep / "espeak-ng-data"
    data.symlink_to(espeakng_loader.get_data_path(), target_is_directory=True)
    assert len(str(data)) > LONGEST_PATH
    with Espeak(data) as espeak:
        assert audible(espeak, "Hello")
        assert audible(espeak, "Hello", "de+f2")


def test_missing_data_is_said(tmp_path: Path) -> None:
    # In a process of its own: the library keeps what it read before.
    program = f"from services.synthesizer.espeak import *\nfrom pathlib import Path\nEspeak(Path({str(tmp_path)!r}))"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert f"EspeakError: eSpeak NG found no data at {tmp_path}" in ended.stderr


def test_the_wire_alone_does_not_load_it() -> None:
    program = (
        "import sys, services.synthesizer.protocol\n"
        "sys.exit('espeakng_loader' in sys.modules or 'services.synthesizer.espeak' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
