"""The recorded session of NVIDIA's page (tests/vectors/speech_wire)."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest

from services.speech.opus import OpusReader
from services.speech.opus.codec import Codec
from services.speech.protocol import Audio, Chat, Handshake, decode_down, decode_up, parse_query
from tests.services.speech.opus.streaming import energy, resemblance, shift
from tests.services.transcriber.voices import spoken

SESSION = Path(__file__).parents[3] / "vectors" / "speech_wire" / "page.json"


@pytest.fixture(scope="module")
def session() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(SESSION.read_text())
    return read


def sent(session: dict[str, Any], sender: str) -> list[bytes]:
    return [base64.b64decode(each["base64"]) for each in session["messages"] if each["from"] == sender]


def sound_of(session: dict[str, Any]) -> list[bytes]:
    """What the page's messages carry, all of them sound."""
    messages = [decode_up(message) for message in sent(session, "client")]
    return [message.data for message in messages if isinstance(message, Audio)]


def test_its_query_is_understood(session: dict[str, Any]) -> None:
    assert parse_query(dict(parse_qsl(session["query"]))) == Chat(
        voice_prompt="NATF0.pt",
        text_prompt="You are a patient listener. Answer in one short sentence.",
        text_seed=412345,
        audio_seed=98765,
        text_temperature=0.7,
        text_topk=25,
        audio_temperature=0.8,
        audio_topk=250,
    )


def test_it_waits_for_the_handshake_and_sends_sound_alone(session: dict[str, Any]) -> None:
    assert session["messages"][0]["from"] == "server"
    assert [decode_down(message) for message in sent(session, "server")] == [Handshake()]
    assert len(sound_of(session)) == len(sent(session, "client"))


def test_each_message_brings_its_40_ms(session: dict[str, Any], codec: Codec) -> None:
    reader = OpusReader(codec)
    lengths = [len(reader.read(data)) for data in sound_of(session)]
    assert lengths[:2] == [0, 0]
    assert set(lengths[2:-1]) == {960}
    assert 0 < lengths[-1] <= 960
    assert reader.skipped == 0


def test_what_it_says_is_heard(session: dict[str, Any], codec: Codec) -> None:
    reader = OpusReader(codec)
    heard = np.concatenate([reader.read(data) for data in sound_of(session)])
    said = spoken(session["says"]).astype(np.float32) / np.float32(32_768)
    late = shift(said, heard)
    assert late < 480
    assert resemblance(said, heard, late) > 0.95
    assert energy(heard) == pytest.approx(energy(said), rel=0.2)
