"""Audio formats: levels against ITU-T G.711, what a sine loses on the way, and pieces against the whole."""

import base64

import numpy as np
import numpy.typing as npt
import pytest

from gateway.wires.realtime.formats import PCM, Decoder, Encoder, compression, expansion

RATE = 24_000
Sound = npt.NDArray[np.int16]


def sine(rate: int, hz: float = 440.0, seconds: float = 1.0, peak: float = 16_000.0) -> Sound:
    return np.round(peak * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def snr_db(clean: Sound, heard: Sound) -> float:
    """Signal to noise, where the filter at the ends has no part."""
    inner = slice(len(clean) // 10, -len(clean) // 10)
    a, b = clean[inner].astype(float), heard[inner].astype(float)
    return float(10 * np.log10(np.sum(a**2) / np.sum((a - b) ** 2)))


# ITU-T G.711, tables 2a and 1a: the decoder's values times 4 (14 bits) and 8 (13 bits), as PCM16.
MU_LAW = {0xFF: 0, 0xFE: 8, 0xF0: 120, 0xEF: 132, 0x80: 32124, 0x7E: -8, 0x6F: -132, 0x00: -32124}
A_LAW = {0xD5: 8, 0xD4: 24, 0xC5: 264, 0xAA: 32256, 0x55: -8, 0x54: -24, 0x2A: -32256}


@pytest.mark.parametrize(("kind", "levels"), [("audio/pcmu", MU_LAW), ("audio/pcma", A_LAW)])
def test_codes_stand_for_the_levels_of_the_recommendation(kind: str, levels: dict[int, int]) -> None:
    assert {code: int(expansion(kind)[code]) for code in levels} == levels


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_every_code_comes_back_as_itself(kind: str) -> None:
    levels = expansion(kind)
    codes = compression(kind)[levels.astype(np.int32) + 32768]
    assert (expansion(kind)[codes] == levels).all()


@pytest.mark.parametrize(("kind", "code"), [("audio/pcmu", 0xFF), ("audio/pcma", 0xD5)])
def test_silence_has_the_code_of_silence(kind: str, code: int) -> None:
    encoder = Encoder({"type": kind})
    heard = base64.b64decode(encoder.encode(bytes(4800))) + base64.b64decode(encoder.finish())
    assert set(heard) == {code}
    assert len(heard) == 800


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_a_sine_comes_through_the_encoder(kind: str) -> None:
    encoder = Encoder({"type": kind})
    coded = base64.b64decode(encoder.encode(sine(RATE).tobytes())) + base64.b64decode(encoder.finish())
    assert snr_db(sine(8000), expansion(kind)[np.frombuffer(coded, np.uint8)]) > 30


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_a_sine_comes_through_the_decoder(kind: str) -> None:
    coded = compression(kind)[sine(8000).astype(np.int32) + 32768].tobytes()
    decoder = Decoder({"type": kind})
    heard = decoder.decode(base64.b64encode(coded).decode()) + decoder.finish()
    assert snr_db(sine(RATE), np.frombuffer(heard, "<i2")) > 30


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_what_a_telephone_cannot_carry_is_filtered_out_and_not_folded_down(kind: str) -> None:
    encoder = Encoder({"type": kind})
    coded = base64.b64decode(encoder.encode(sine(RATE, hz=6000.0).tobytes()))
    heard = expansion(kind)[np.frombuffer(coded, np.uint8)]
    assert np.abs(heard[800:].astype(np.int32)).max() < 100


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
@pytest.mark.parametrize("size", [160, 333])
def test_pieces_make_the_same_sound_as_the_whole(kind: str, size: int) -> None:
    pcm = sine(RATE, hz=997.0).tobytes()
    whole, pieces = Encoder({"type": kind}), Encoder({"type": kind})
    at_once = base64.b64decode(whole.encode(pcm)) + base64.b64decode(whole.finish())
    parts = [pieces.encode(pcm[i : i + 2 * size]) for i in range(0, len(pcm), 2 * size)] + [pieces.finish()]
    assert b"".join(base64.b64decode(part) for part in parts) == at_once
    up_whole, up_pieces = Decoder({"type": kind}), Decoder({"type": kind})
    heard_at_once = up_whole.decode(base64.b64encode(at_once).decode()) + up_whole.finish()
    heard = [
        up_pieces.decode(base64.b64encode(at_once[i : i + size]).decode())
        for i in range(0, len(at_once), size)
    ]
    assert b"".join([*heard, up_pieces.finish()]) == heard_at_once


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_nothing_of_one_response_sounds_in_the_next(kind: str) -> None:
    encoder = Encoder({"type": kind})
    encoder.encode(sine(RATE).tobytes())
    encoder.finish()
    silent = base64.b64decode(encoder.encode(bytes(9600)))
    assert len(set(silent)) == 1


def test_pcm_goes_through_untouched() -> None:
    pcm = sine(RATE).tobytes()
    encoder, decoder = Encoder(PCM), Decoder(PCM)
    assert decoder.decode(encoder.encode(pcm)) == pcm
    assert (encoder.finish(), decoder.finish()) == ("", b"")
