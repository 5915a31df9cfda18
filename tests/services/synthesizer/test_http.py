"""The service beside its socket: OpenAI's endpoint, voices, health, keys."""

import io
import json
import wave

import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from services.synthesizer.line import MAX_TEXT
from services.synthesizer.server import SynthesizerSettings, make_app
from tests.services.synthesizer.conftest import Client, Connect
from tests.services.synthesizer.speaking import level, say

SPEECH = "/v1/audio/speech"


async def test_speech_is_a_wav_with_sound(client: Client) -> None:
    answer = await client.post(
        SPEECH, json={"model": "tts-1", "input": "Hello there. How are you?", "voice": "en-gb"}
    )
    assert (answer.status, answer.content_type) == (200, "audio/wav")
    with wave.open(io.BytesIO(await answer.read())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24000, 1, 2)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert level(pcm) > 1000
    assert 1.0 < len(pcm) / 24000 < 4.0


async def test_pcm_is_what_the_socket_says(client: Client, connect: Connect) -> None:
    text = "Hello there. How are you?"
    answer = await client.post(SPEECH, json={"input": text, "voice": "en-us", "response_format": "pcm"})
    heard = await say(await connect(24000), text, "en-us")
    assert len(await answer.read()) == pytest.approx(len(heard.audio), rel=0.01)


async def test_speed_shortens(client: Client) -> None:
    lengths = [
        len(await (await client.post(SPEECH, json={"input": "Hello there", "speed": speed})).read())
        for speed in (1, 2.0)
    ]
    assert lengths[1] < 0.7 * lengths[0]


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ("{", "invalid_request", "JSON"),
        ("[]", "invalid_request", "JSON object"),
        ('{"voice": "en-us"}', "invalid_request", "`input` is missing"),
        ('{"input": 1}', "invalid_request", "`input` must be str"),
        ('{"input": "a", "response_format": "mp3"}', "invalid_request", "one of wav, pcm, not mp3"),
        ('{"input": "a", "voice": "alloy"}', "unknown_voice", "GET /v1/voices"),
        ('{"input": "a", "speed": 9}', "out_of_range", "speed must be between 0.5 and 2.5"),
        ('{"input": "a", "speed": NaN}', "out_of_range", "speed"),
        (json.dumps({"input": "a" * (MAX_TEXT + 1)}), "text_too_long", f"{MAX_TEXT} are allowed"),
    ],
)
async def test_a_wrong_request_is_a_problem_with_a_code(
    client: Client, body: str, code: str, detail: str
) -> None:
    answer = await client.post(SPEECH, data=body)
    problem = await answer.json()
    assert (answer.status, answer.content_type, problem["code"]) == (400, "application/problem+json", code)
    assert detail in problem["detail"]


async def test_no_text_is_no_sound(client: Client) -> None:
    answer = await client.post(SPEECH, json={"input": "", "response_format": "pcm"})
    assert (answer.status, await answer.read()) == (200, b"")


async def test_voices_are_listed_with_their_variants(client: Client) -> None:
    body = await (await client.get("/v1/voices")).json()
    assert {"name": "en-us", "title": "English (America)", "gender": "male"} in body["voices"]
    assert {"name": "f2", "title": "female2", "gender": "female"} in body["variants"]


async def test_it_is_healthy_and_ready(client: Client) -> None:
    assert (await client.get("/health")).status == 200
    ready = await client.get("/ready")
    assert (ready.status, (await ready.json())["parts"]["voice"]["ready"]) == (200, True)


async def test_what_was_said_is_counted(client: Client, connect: Connect) -> None:
    await say(await connect(), "Hello there")
    text = await (await client.get("/metrics")).text()
    for name in ("texts_total", "audio_seconds_total", "first_sound_seconds_count", "sockets 1.0"):
        assert f"antiphon_synthesizer_{name}" in text


async def test_where_a_key_is_set_it_is_asked_for() -> None:
    settings = SynthesizerSettings(antiphon_internal_key="k3y")
    async with TestClient(TestServer(make_app(settings))) as client:
        assert (await client.get("/v1/voices")).status == 401
        assert (await client.get("/v1/speak")).status == 401
        assert (await client.get("/health")).status == 200
        right = {"Authorization": "Bearer k3y"}
        assert (await client.get("/v1/voices", headers=right)).status == 200
