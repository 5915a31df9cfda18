"""What is read off the transcriber's wire, and what is refused."""

import json
from typing import Any

import pytest

from services.transcriber.protocol import (
    BadMessage,
    Event,
    Failed,
    Final,
    Partial,
    SpeechStarted,
    SpeechStopped,
    Word,
    decode,
    encode,
)

WORD = {"text": "hello", "start": 0, "end": 2400}


@pytest.mark.parametrize(
    "event",
    [
        SpeechStarted(2400),
        SpeechStopped(4800),
        Partial("hello", (Word("hello", 0, 2400),)),
        Final("hello", (Word("hello", 0, 2400),), 0.9, "en"),
        Final("", (), 0, "en"),
        Failed("overflow", "too much waits", fatal=False),
    ],
)
def test_an_event_is_read_as_it_was_written(event: Event) -> None:
    assert decode(encode(event)) == event


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"at": 1},
        {"type": []},
        {"type": "speech_over", "at": 1},
        {"type": "speech_started"},
        {"type": "speech_started", "at": "1"},
        {"type": "speech_started", "at": 1.5},
        {"type": "speech_started", "at": True},
        {"type": "speech_started", "at": None},
        {"type": "partial", "text": 7, "words": []},
        {"type": "partial", "text": "hello", "words": None},
        {"type": "partial", "text": "hello", "words": ["hello"]},
        {"type": "partial", "text": "hello", "words": [{**WORD, "start": "0"}]},
        {"type": "final", "text": "", "words": [], "confidence": "high", "language": "en"},
        {"type": "error", "code": "overflow", "message": "too much", "fatal": "no"},
    ],
)
def test_what_is_not_as_declared_is_refused_where_it_is_read(body: Any) -> None:
    with pytest.raises(BadMessage):
        decode(json.dumps(body))
