"""A call with the official OpenAI SDK, unpatched: prints as JSON what it saw, and keeps what it heard.

    .venvs/openai/bin/python tests/clients/openai/client.py BASE_URL SPOKEN_WAV BURST_WAV FOLDER TEXT

Runs in an environment of its own (`requirements.lock` beside it), so it knows nothing of ours but the protocol.
"""

import asyncio
import base64
import json
import sys
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

RATE = 24_000
CHUNK_S = 0.02
PATIENCE_S = 45.0
TRUNCATED_AT_MS = 600


@dataclass
class Turn:
    """What one turn brought."""

    kinds: list[str] = field(default_factory=list)
    """Types of the events, in order; runs of the same one are one."""
    said: list[str] = field(default_factory=list)
    """Transcripts of the user's voice."""
    answers: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """Of each answer: how many samples of the sound came before its end."""
    sound: bytearray = field(default_factory=bytearray)
    wav: str = ""

    def take(self, event: RealtimeServerEvent) -> None:
        if self.kinds[-1:] != [event.type]:
            self.kinds.append(event.type)
        if event.type == "conversation.item.input_audio_transcription.completed":
            self.said.append(event.transcript)
        elif event.type == "response.output_audio.delta":
            self.sound += base64.b64decode(event.delta)
        elif event.type == "response.done":
            self.answers.append(event.response.to_dict())
            self.ends.append(len(self.sound) // 2)
        elif event.type == "conversation.item.done" and event.item.type == "mcp_call":
            self.tools.append(event.item.to_dict())
        elif event.type == "error":
            self.errors.append(f"{event.error.code}: {event.error.message}")

    def told(self, folder: Path, name: str) -> dict[str, Any]:
        """As JSON, its sound in a file."""
        self.wav = str(folder / f"{name}.wav")
        with wave.open(self.wav, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(bytes(self.sound))
        return {key: value for key, value in asdict(self).items() if key != "sound"}


async def hear(
    connection: AsyncRealtimeConnection,
    until: Callable[[RealtimeServerEvent, Turn], bool],
    turn: Turn | None = None,
) -> Turn:
    """Take events until one is the last that is waited for."""
    turn = turn or Turn()
    async with asyncio.timeout(PATIENCE_S):
        async for event in connection:
            turn.take(event)
            if until(event, turn):
                break
    return turn


def answered(times: int = 1) -> Callable[[RealtimeServerEvent, Turn], bool]:
    return lambda event, turn: len(turn.answers) == times


def sounded(seconds: float) -> Callable[[RealtimeServerEvent, Turn], bool]:
    return lambda event, turn: len(turn.sound) >= seconds * RATE * 2


async def ask(connection: AsyncRealtimeConnection, text: str) -> None:
    """A turn of the user's in text."""
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    )
    await connection.response.create()


async def append(connection: AsyncRealtimeConnection, pcm: bytes) -> None:
    await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())


async def speak(connection: AsyncRealtimeConnection, pcm: bytes) -> None:
    """Send sound as a microphone does, and silence behind it until cancelled."""
    clock = asyncio.get_running_loop().time
    size, due, sent = round(CHUNK_S * RATE) * 2, clock(), 0
    while True:
        await append(connection, pcm[sent : sent + size].ljust(size, b"\0"))
        sent += size
        due += CHUNK_S
        await asyncio.sleep(due - clock())


async def by_voice(connection: AsyncRealtimeConnection, pcm: bytes) -> Turn:
    microphone = asyncio.create_task(speak(connection, pcm))
    try:
        return await hear(connection, answered())
    finally:
        microphone.cancel()
        await asyncio.wait({microphone})


async def by_text(connection: AsyncRealtimeConnection, text: str, answers: int = 1) -> Turn:
    await ask(connection, text)
    return await hear(connection, answered(answers))


async def cancelled(connection: AsyncRealtimeConnection, text: str) -> Turn:
    """Stop an answer in its middle."""
    await ask(connection, text)
    turn = await hear(connection, sounded(1.0))
    await connection.response.cancel()
    return await hear(connection, answered(), turn)


async def truncated(connection: AsyncRealtimeConnection, text: str) -> Turn:
    """Stop an answer, and say how little of it was played."""
    turn = await cancelled(connection, text)
    item_id = turn.answers[0]["output"][0]["id"]
    await connection.conversation.item.truncate(
        item_id=item_id, content_index=0, audio_end_ms=TRUNCATED_AT_MS
    )
    return await hear(connection, lambda event, turn: event.type == "conversation.item.truncated", turn)


@asynccontextmanager
async def calling(base_url: str) -> AsyncIterator[tuple[AsyncRealtimeConnection, str]]:
    """A connection whose session is created and set up as stock clients do, and the session's id."""
    client = AsyncOpenAI(base_url=base_url, api_key="none-is-needed-on-loopback")
    async with client, client.realtime.connect(model="gpt-realtime") as connection:
        first = await connection.recv()
        assert first.type == "session.created", first
        await connection.session.update(
            session={
                "type": "realtime",
                "audio": {"output": {"voice": "alloy"}},
                "output_modalities": ["audio"],
                "tools": [{"type": "mcp", "server_label": "antiphon", "server_url": base_url}],
            }
        )
        await hear(connection, lambda event, turn: event.type == "session.updated")
        yield connection, str(first.session.to_dict()["id"])


async def recorded(base_url: str, text: str) -> Turn:
    """`text` as recorded speech, taken as it comes."""
    asked = AsyncOpenAI(base_url=base_url, api_key="none").audio.speech.with_streaming_response
    turn = Turn()
    async with asked.create(model="tts-1", voice="alloy", input=text, response_format="pcm") as answer:
        async for piece in answer.iter_bytes():
            turn.sound += piece
    return turn


async def main(base_url: str, spoken: Path, burst: Path, folder: Path, text: str) -> None:
    seen: dict[str, Any] = {"versions": {name: version(name) for name in ("openai", "websockets")}}
    async with calling(base_url) as (connection, seen["session_id"]):
        turns = {
            "voice": await by_voice(connection, pcm_of(spoken)),
            "text": await by_text(connection, "How are you today?"),
            "tool": await by_text(connection, "What time is it in Tokyo?"),
            "cancel": await cancelled(connection, "What can you do?"),
            "truncate": await truncated(connection, "Tell me a story."),
        }
    async with calling(base_url) as (connection, seen["burst_session_id"]):
        await append(connection, pcm_of(burst))
        turns["burst"] = await hear(connection, answered())
    turns["recorded"] = await recorded(base_url, text)
    print(json.dumps(seen | {name: turn.told(folder, name) for name, turn in turns.items()}))


def pcm_of(path: Path) -> bytes:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return file.readframes(file.getnframes())


if __name__ == "__main__":
    url, spoken, burst, folder, text = sys.argv[1:]
    asyncio.run(main(url, Path(spoken), Path(burst), Path(folder), text))
