"""`POST /v1/audio/transcriptions`, health and metrics."""

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import ClientResponse, FormData

from services.base.settings import BadSettings
from services.transcriber.server import TranscriberSettings, make_app
from tests.services.transcriber.conftest import Client, Connect
from tests.services.transcriber.voices import HUMAN, Sound, distance, spoken
from tests.services.transcriber.wire import hear

ASKED = "what is the weather like in boston"


def wav(sound: Sound, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setsampwidth(2)
        out.setnchannels(1)
        out.setframerate(rate)
        out.writeframes(sound.tobytes())
    return file.getvalue()


async def post(client: Client, file: bytes | None, **fields: str) -> ClientResponse:
    form = FormData(default_to_multipart=True)
    if file is not None:
        form.add_field("file", file, filename="question.wav")
    for name, value in {"model": "whisper-1", **fields}.items():
        form.add_field(name, value)
    return await client.post("/v1/audio/transcriptions", data=form)


async def problem(answer: ClientResponse) -> tuple[int, str, str]:
    body: dict[str, Any] = await answer.json(content_type="application/problem+json")
    return answer.status, body["code"], body["detail"]


@pytest.mark.parametrize("rate", [22050, 44100])
async def test_a_recording_is_written_down(client: Client, rate: int) -> None:
    answer = await post(client, wav(spoken(ASKED, rate), rate))
    assert answer.status == 200
    body = await answer.json()
    assert list(body) == ["text"]
    assert distance(ASKED, body["text"]) <= 1


async def test_plain_text_is_to_be_had(client: Client) -> None:
    answer = await post(client, (HUMAN / "goforward.wav").read_bytes(), response_format="text", language="en")
    assert answer.content_type == "text/plain"
    assert "forward" in await answer.text()


async def test_every_word_has_its_place(client: Client) -> None:
    sound = spoken(ASKED)
    body = await (await post(client, wav(sound, 24000), response_format="verbose_json")).json()
    assert body["duration"] == pytest.approx(len(sound) / 24000)
    assert body["language"] == "english"
    assert [word["word"] for word in body["words"]] == body["text"].split()
    assert 0.4 < body["words"][0]["start"] < body["words"][-1]["end"] < body["duration"]


async def test_a_recording_longer_than_what_may_wait_is_heard_to_its_end(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.transcriber.hearing.WAITING_S", 2.0)
    sound = np.concatenate([spoken("please play some music")] * 3)
    body = await (await post(client, wav(sound, 24000))).json()
    assert distance("please play some music " * 3, body["text"]) <= 3


async def test_what_is_no_recording_is_named(client: Client) -> None:
    assert (await problem(await post(client, b"ID3" + bytes(50))))[:2] == (400, "bad_audio")
    status, code, detail = await problem(await post(client, None))
    assert (status, code) == (400, "invalid_request")
    assert "`file`" in detail
    answer = await client.post("/v1/audio/transcriptions", json={})
    assert "multipart/form-data" in (await problem(answer))[2]


async def test_formats_and_languages_that_there_are_not_are_named(client: Client) -> None:
    file = wav(spoken(ASKED), 24000)
    assert "srt" in (await problem(await post(client, file, response_format="srt")))[2]
    assert (await problem(await post(client, file, language="de")))[1] == "language_not_supported"


async def test_what_happened_is_counted(client: Client, connect: Connect) -> None:
    socket = await connect()
    await hear(socket, spoken(ASKED))
    text = await (await client.get("/metrics")).text()
    assert "antiphon_transcriber_streams 1.0" in text
    for name in (
        "frames_total",
        "overflows_total",
        "restarts_total",
        "lag_seconds_bucket",
        "final_seconds_count",
    ):
        assert f"antiphon_transcriber_{name}" in text


async def test_it_says_when_it_is_ready_and_what_recognises(client: Client) -> None:
    assert (await client.get("/health")).status == 200
    answer = await client.get("/ready")
    assert answer.status == 200
    body = await answer.json()
    assert body["parts"] == {"models": {"ready": True, "reason": None}}
    assert body["recognizer"].startswith("PocketSphinx 5.")


def test_a_folder_of_phrases_that_is_none_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    with pytest.raises(BadSettings, match="TRANSCRIBER_PHRASES"):
        make_app(TranscriberSettings(transcriber_phrases=missing))
