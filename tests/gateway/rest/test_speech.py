"""Recorded speech: OpenAI's endpoint, by a persona's voice."""

import asyncio
import struct
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from gateway.access import Access
from gateway.rest import speech
from gateway.session.clock import samples
from tests.gateway.harness import PATIENCE, WORD, Gateway

PATH = "/v1/audio/speech"
ANN, BEN = "the key of ann, long", "the key of ben, long"
HEAD = 44
"""Bytes of a WAV header."""


async def spoken(gateway: Gateway, **body: Any) -> tuple[str, bytes]:
    """Media type and sound."""
    async with gateway.http.post(f"{gateway.url}{PATH}", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return answer.content_type, await answer.read()


async def test_a_text_is_spoken_as_plain_sound(gateway: Gateway) -> None:
    kind, sound = await spoken(gateway, input=" one two three ", response_format="pcm")
    assert kind == "audio/pcm"
    assert sound == b"\x00\x40" * (3 * WORD)


async def test_a_wav_file_tells_how_it_is_to_be_played(gateway: Gateway) -> None:
    kind, file = await spoken(gateway, input="one")
    assert kind == "audio/wav"
    riff, _, wave, fmt, size, pcm, channels, rate, second, block, bits, data, _ = struct.unpack(
        "<4sI4s4sIHHIIHH4sI", file[:HEAD]
    )
    assert (riff, wave, fmt, size, pcm, data) == (b"RIFF", b"WAVE", b"fmt ", 16, 1, b"data")
    assert (channels, rate, second, block, bits) == (1, 24_000, 48_000, 2, 16)
    assert len(file) == HEAD + 2 * WORD


async def test_sentences_are_spoken_one_by_one_with_a_pause_between(gateway: Gateway) -> None:
    _, sound = await spoken(gateway, input="It is noon. Tea is ready.", response_format="pcm")
    assert gateway.parts.voice.spoken == ["It is noon.", "Tea is ready."]
    assert len(sound) == 2 * (6 * WORD + samples(250))


async def test_the_sound_is_sent_while_it_is_made(gateway: Gateway) -> None:
    go_on = asyncio.Event()
    gateway.parts.voice.after_first = go_on.wait
    body = {"input": "one two", "response_format": "pcm"}
    async with asyncio.timeout(PATIENCE), gateway.http.post(f"{gateway.url}{PATH}", json=body) as answer:
        first = await answer.content.readexactly(2 * WORD)
        assert first == b"\x00\x40" * WORD
        go_on.set()
        assert await answer.content.read() == first


async def test_a_client_that_goes_away_stops_the_making(gateway: Gateway) -> None:
    go_on = asyncio.Event()
    voice = gateway.parts.voice
    voice.after_first = go_on.wait
    async with asyncio.timeout(PATIENCE):
        # More than all buffers on the way hold.
        body = {"input": "one " * 1000, "response_format": "pcm"}
        async with gateway.http.post(f"{gateway.url}{PATH}", json=body) as answer:
            await answer.content.readexactly(2 * WORD)
            answer.close()
        go_on.set()
        await voice.closed.wait()
    assert voice.words < 1000


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({}, "fern"),
        ({"voice": "alloy"}, "fern"),
        ({"voice": "reed"}, "reed"),
        ({"persona": "plain"}, "wren"),
        ({"persona": "plain", "voice": "nova"}, "wren"),
    ],
)
async def test_the_voice_is_the_one_named_else_the_persona_s(
    gateway: Gateway, body: dict[str, Any], wanted: str
) -> None:
    catalogue = gateway.parts.catalogue
    expected = {"fern": catalogue.default.voice, "wren": catalogue.persona("plain").voice}.get(wanted, wanted)
    await spoken(gateway, input="one", **body)
    assert [voice.name for voice in gateway.parts.voice.voices] == [expected]


@pytest.mark.parametrize(("speed", "expected"), [(1.0, 0.95), (2.0, 1.9), (4.0, 2.5), (0.25, 0.5)])
async def test_speed_is_the_voice_s_own_times_that_as_far_as_it_goes(
    gateway: Gateway, speed: float, expected: float
) -> None:
    await spoken(gateway, input="one", voice="fern", speed=speed)
    assert gateway.parts.voice.voices[0].espeak.speed == pytest.approx(expected)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"input": " "}, "invalid_request"),
        ({"input": "a" * 4097}, "invalid_request"),
        ({"input": "a", "voice": "nobody"}, "invalid_request"),
        ({"input": "a", "persona": "nobody"}, "invalid_request"),
        ({"input": "a", "speed": 5}, "invalid_request"),
        ({"input": "a", "stream_format": "sse"}, "invalid_request"),
        ({"input": "a", "response_format": "mp3"}, "unsupported_format"),
        ({"input": "a", "response_format": 3}, "invalid_request"),
    ],
)
async def test_what_cannot_be_spoken_is_refused_before_a_sound(
    gateway: Gateway, body: dict[str, Any], code: str
) -> None:
    status, problem = await gateway.ask("POST", PATH, json=body)
    assert (status, problem["code"]) == (400, code)
    assert gateway.parts.voice.spoken == []


async def test_a_voice_that_is_away_is_a_problem_and_no_empty_file(gateway: Gateway) -> None:
    gateway.parts.voice.breaks_after = 0
    status, problem = await gateway.ask("POST", PATH, json={"input": "one"})
    assert (status, problem["code"]) == (503, "part_away")


async def test_half_a_text_never_passes_for_a_whole_one(gateway: Gateway) -> None:
    gateway.parts.voice.breaks_after = 2
    async with gateway.http.post(f"{gateway.url}{PATH}", json={"input": "one two three"}) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_only_a_few_texts_are_spoken_at_once(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "MOST", 1)
    go_on = asyncio.Event()
    gateway.parts.voice.after_first = go_on.wait
    body = {"input": "one two", "response_format": "pcm"}
    async with asyncio.timeout(PATIENCE), gateway.http.post(f"{gateway.url}{PATH}", json=body) as answer:
        await answer.content.readexactly(2 * WORD)
        status, problem = await gateway.ask("POST", PATH, json=body)
        assert (status, problem["code"], problem["retry_after"]) == (503, "busy", 1)
        go_on.set()
        await answer.read()
    await spoken(gateway, **body)


async def test_one_key_leaves_places_to_others() -> None:
    access = Access({"ann": ANN, "ben": BEN}, open_to_all=False, hosts=frozenset())
    async with Gateway(access) as gateway, AsyncExitStack() as speaking:
        go_on = asyncio.Event()
        gateway.parts.voice.after_first = go_on.wait
        body = {"input": "one two", "response_format": "pcm"}

        async def status(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            answer = gateway.http.post(f"{gateway.url}{PATH}", json=body, headers=headers)
            return (await speaking.enter_async_context(answer)).status

        async with asyncio.timeout(PATIENCE):
            assert [await status(ANN) for _ in range(speech.MOST_OF_ONE + 1)] == [200, 200, 503]
            assert await status(BEN) == 200
            go_on.set()


async def test_a_client_that_takes_far_longer_than_the_sound_lasts_is_cut_off(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "SLOW_S", 1000.0)
    monkeypatch.setattr(speech, "GRACE_S", 0.2)
    # As if the sound took no time.
    monkeypatch.setattr(speech, "RATE", 10**12)
    # More than all buffers on the way hold.
    body = {"input": "one " * 1000, "response_format": "pcm"}
    async with asyncio.timeout(PATIENCE), gateway.http.post(f"{gateway.url}{PATH}", json=body) as answer:
        await gateway.parts.voice.closed.wait()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
