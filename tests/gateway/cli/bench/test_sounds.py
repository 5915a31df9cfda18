"""Sounds that are no words, and where voices come from."""

from pathlib import Path

import numpy as np
import pytest

from gateway.cli.bench.readers import Flite, NotRead
from gateway.cli.bench.scenario import Hum
from gateway.cli.bench.sounds import HUM_RMS, babble, hum, loudness, pink
from gateway.cli.bench.voices import NoVoice, Voices
from gateway.cli.waveforms import AUDIBLE_DB, Pcm, levels, stretches
from gateway.session.clock import RATE, samples

NOWHERE = Voices("http://127.0.0.1:1", "")


def share_below(pcm: Pcm, hz: float) -> float:
    """Of all power, what lies below `hz`."""
    power = np.abs(np.fft.rfft(pcm.astype(np.float64))) ** 2
    return float(power[np.fft.rfftfreq(len(pcm), 1 / RATE) < hz].sum() / power.sum())


@pytest.mark.parametrize("ms", [300, 760])
def test_a_hum_lasts_as_long_as_it_should_and_is_as_loud_as_speech(ms: int) -> None:
    sound = hum(ms)
    assert len(sound) == samples(ms)
    assert loudness(sound) == pytest.approx(HUM_RMS, rel=0.1)
    assert len(stretches(sound, breath_s=0.05)) == 1


def test_a_hum_comes_through_the_nose_and_nearly_stops_in_its_middle() -> None:
    sound = hum(600)
    assert share_below(sound, 600) > 0.9
    frames = levels(sound)
    breath = frames[round(len(frames) * 0.36) : round(len(frames) * 0.48)].min()
    assert breath < max(frames) - 8


def test_noise_is_as_loud_as_was_asked() -> None:
    for noise in (pink(2.0, 0.01), babble([hum(400), hum(300, 200)], 2.0, 0.01)):
        assert len(noise) == 2 * RATE
        assert np.sqrt(np.mean((noise / 32768) ** 2)) == pytest.approx(0.01, rel=0.02)
    assert levels(pink(1.0, 0.01)).max() > AUDIBLE_DB


def test_pink_noise_has_as_much_power_in_each_octave() -> None:
    noise = pink(4.0, 0.05)
    octave = [share_below(noise, 2 * hz) - share_below(noise, hz) for hz in (200, 400, 800, 1600, 3200)]
    assert max(octave) < 1.2 * min(octave)


async def test_a_hum_needs_no_synthesizer() -> None:
    assert len(await NOWHERE.line("espeak:en-us", Hum(hum=300))) == samples(300)


async def test_a_synthesizer_that_is_not_there_is_told() -> None:
    with pytest.raises(NoVoice, match="espeak:en-us"):
        await NOWHERE.line("espeak:en-us", "hello")


@pytest.mark.parametrize(
    ("voice", "told"),
    [("flite:slt", "flite is not installed"), ("tom", "neither espeak"), ("espeak:", "neither")],
)
async def test_a_voice_that_cannot_be_had_has_its_reason(
    monkeypatch: pytest.MonkeyPatch, voice: str, told: str
) -> None:
    monkeypatch.setenv("PATH", "")
    assert told in str(await NOWHERE.missing(voice))


async def test_a_voice_that_flite_does_not_know_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "flite"
    # With any other arguments it would, as the real one does, succeed.
    program.write_text("#!/bin/sh\necho 'Voices available: kal slt '\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await NOWHERE.missing("flite:slt") is None
    assert await NOWHERE.missing("flite:tom") == "flite has no voice tom; it has kal, slt"
    with pytest.raises(NoVoice, match=r"flite:tom: flite has no voice tom"):
        await NOWHERE.line("flite:tom", "hello")
    with pytest.raises(NotRead, match=r"^flite has no voice tom"):
        [each async for each in Flite("tom", ["hello"]).readings()]


async def test_a_pause_lies_between_the_words_to_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    said = []

    async def espeak(self: Voices, name: str, text: str) -> Pcm:
        said.append((name, text))
        padded: Pcm = np.pad(np.full(RATE // 2, 0x1000, np.int16), RATE // 10)
        return padded

    monkeypatch.setattr(Voices, "_espeak", espeak)
    sound = await Voices("", "").line("espeak:en-us", ["remind me in", 1.2, "ten minutes"])
    first, second = stretches(sound, breath_s=0.1)
    assert (*first, *second) == pytest.approx((0.0, 0.5, 1.7, 2.2))
    assert said == [("en-us", "remind me in,"), ("en-us", "ten minutes")]
