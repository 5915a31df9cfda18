"""`antiphon talk`: hold a call from the terminal, with a WAV file as the user's voice."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import click

from gateway.cli.address import gateway_url, headers
from gateway.cli.wav import read_wav, write_wav
from gateway.cli.waveforms import answer_times, track
from gateway.session.clock import BYTES, RATE, ms
from services.base.problems import Problem

CHUNK_S = 0.02
QUIET_S = 2.0
"""The call is over when nobody has spoken, and no tool has run, for this long after the file's end."""

FIRST_ANSWER_S = 8.0
"""What the agent gets to begin with its last answer."""


GOODBYE_S = 5.0
"""What the gateway gets to take the close."""


class CallFailed(Problem):
    """The gateway refused the call, or broke it off."""

    code, title = "call_failed", "The call could not be held"


@dataclass(slots=True)
class Transcript:
    """What happened in the call, and the agent's sound where it sounded."""

    began: float
    """The loop's clock, seconds."""
    sound: bytearray = field(default_factory=bytearray)
    pending: set[str] = field(default_factory=set)
    """Responses and tools under way."""
    moved_at: float = 0.0
    answered: bool = False
    """The agent has spoken since the user last did."""

    def take(self, event: dict[str, Any], now: float) -> str | None:
        """Take one server event; returns a line for the terminal."""
        kind = event["type"]
        if kind not in ("antiphon.partial", "antiphon.duck"):
            self.moved_at = now
        at = f"{now - self.began:6.2f} s"
        match kind:
            case "session.created":
                return None
            case "antiphon.engine":
                why = f" ({event['reason']})" if event["reason"] else ""
                return f"{at}  engine   {event['mode']}{why}, {event['persona']}, voice {event['voice']}"
            case "input_audio_buffer.speech_started":
                self.answered = False
                return None
            case "conversation.item.input_audio_transcription.completed":
                return f"{at}  you      {event['transcript'] or '(nothing was understood)'}"
            case "response.created":
                self.pending.add(event["response"]["id"])
                return None
            case "response.output_audio.delta":
                self._place(base64.b64decode(event["delta"]), now)
                return None
            case "response.done":
                return self._response_done(event["response"], at, now)
            case "antiphon.tool" if "action" in event:
                return self._tool(event, at)
            case "antiphon.latency":
                spans = event["spans"]
                told = ", ".join(f"{name} {value:.0f} ms" for name, value in spans.items())
                return f"{at}  latency  {told}"
            case "antiphon.barge_in":
                return f"{at}  barge-in {event['kind']} after {event['heard_ms']} ms heard"
            case "error":
                return f"{at}  error    {event['error']['code']}: {event['error']['message']}"
            case _:
                return None

    def is_over(self, now: float) -> bool:
        """Whether nothing more is to be expected."""
        if self.pending:
            return False
        return now - self.moved_at > (QUIET_S if self.answered else FIRST_ANSWER_S)

    def _place(self, pcm: bytes, now: float) -> None:
        """Lay sound where it is heard: right away, or behind what still sounds."""
        start = round((now - self.began) * RATE) * BYTES
        if len(self.sound) < start:
            self.sound.extend(bytes(start - len(self.sound)))
        self.sound.extend(pcm)

    def _response_done(self, response: dict[str, Any], at: str, now: float) -> str:
        self.pending.discard(response["id"])
        self.answered = True
        if response["status"] == "cancelled":
            # What was sent and did not sound yet never does.
            del self.sound[round((now - self.began) * RATE) * BYTES :]
        parts = [part for item in response["output"] for part in item.get("content", ())]
        text = " ".join(part.get("transcript") or part.get("text") or "" for part in parts)
        ending = "" if response["status"] == "completed" else f" [{response['status']}]"
        return f"{at}  agent    {text}{ending}"

    def _tool(self, row: dict[str, Any], at: str) -> str:
        key = f"tool {row['invocation_id']}"
        if row["status"] in ("requested", "running", "awaiting_approval"):
            self.pending.add(key)
        else:
            self.pending.discard(key)
        took = f" in {row['latency_ms']:.0f} ms" if row["latency_ms"] is not None else ""
        arguments = json.dumps(row["arguments"], ensure_ascii=False)
        return f"{at}  tool     {row['agent']}.{row['action']} {arguments}: {row['status']}{took}"


@click.command()
@click.option(
    "--wav", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="What you say."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write what the agent says, on one clock with yours.",
)
@click.option("--persona", help="Who answers.")
@click.option("--voice", help="With which voice.")
@click.option("--mode", default="auto", show_default=True, help="Which engine.")
@click.option("--url", help="The gateway; else ANTIPHON_URL, else the one that runs here.")
@click.option("--limit", default=120.0, show_default=True, help="Longest call, seconds.")
def talk(
    wav: Path,
    out: Path | None,
    persona: str | None,
    voice: str | None,
    mode: str,
    url: str | None,
    limit: float,
) -> None:
    """Hold a call from the terminal: the file is your voice, the transcript is printed as it comes.

    Latencies in the transcript are the gateway's own spans. At the end stands what was heard here: from the end of
    your words to the agent's first sound, read off both waveforms.
    """
    pcm = read_wav(wav)
    if out is not None and not out.parent.is_dir():
        # Better before the call than after it.
        raise click.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    asked = {"mode": mode, "persona": persona, "voice": voice, "metadata": {"by": "antiphon talk"}}
    transcript = asyncio.run(hold(gateway_url(url), asked, pcm, limit))
    if times := answer_times(track(pcm), track(transcript.sound)):
        click.echo(f"words end -> agent sounds: {', '.join(f'{time:.2f} s' for time in times)}")
    if out is not None:
        write_wav(out, bytes(transcript.sound))
        click.echo(f"{ms(len(transcript.sound) // BYTES) / 1000:.1f} s of sound in {out}")


async def hold(url: str, asked: dict[str, Any], pcm: bytes, limit_s: float) -> Transcript:
    """Make a session, speak `pcm` (24 kHz PCM16) in real time, and listen until all is said.

    Raises:
        CallFailed: the gateway cannot be reached, refuses, or the call lasts longer than `limit_s`.
    """
    try:
        async with asyncio.timeout(limit_s), aiohttp.ClientSession() as http:
            session = await _make_session(http, url, asked)
            secret = session["client_secret"]["value"]
            async with http.ws_connect(
                f"{session['realtime_url']}&antiphon=1",
                headers={"Authorization": f"Bearer {secret}"},
                protocols=("realtime",),
                max_msg_size=20 * 2**20,
            ) as socket:
                return await _converse(socket, pcm)
    except TimeoutError as error:
        raise CallFailed(f"the call was not over after {limit_s:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise CallFailed(f"{url}: {error}. Is it running? `antiphon up` starts it.") from error


async def _make_session(http: aiohttp.ClientSession, url: str, asked: dict[str, Any]) -> dict[str, Any]:
    # Who plays a file from its beginning is not greeted over it.
    body = {"greeting": False, **{name: value for name, value in asked.items() if value is not None}}
    async with http.post(f"{url}/api/mas/voice/duplex/session", json=body, headers=headers()) as response:
        made: dict[str, Any] = await response.json(content_type=None)
        if response.status != 201:
            raise CallFailed(made.get("detail") or made.get("title") or f"status {response.status}")
        return made


async def _converse(socket: aiohttp.ClientWebSocketResponse, pcm: bytes) -> Transcript:
    """
    Raises:
        CallFailed: the gateway ended the call.
    """
    loop = asyncio.get_running_loop()
    transcript = Transcript(loop.time(), moved_at=loop.time())
    speaking = asyncio.create_task(_speak(socket, pcm, transcript), name="speak")
    try:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                line = transcript.take(json.loads(message.data), loop.time())
                if line is not None:
                    click.echo(line)
        # It either closes this socket itself, or finds that it cannot send any more.
        await asyncio.wait({speaking}, timeout=GOODBYE_S)
    finally:
        speaking.cancel()
        await asyncio.wait({speaking})
    if speaking.cancelled() or speaking.exception():
        raise CallFailed(f"the gateway ended the call (close code {socket.close_code})")
    return transcript


async def _speak(socket: aiohttp.ClientWebSocketResponse, pcm: bytes, transcript: Transcript) -> None:
    """Send the file in real time, then silence as a microphone would, until the call is over."""
    loop = asyncio.get_running_loop()
    size = round(CHUNK_S * RATE) * BYTES
    due, sent = loop.time(), 0
    while sent < len(pcm) or not transcript.is_over(loop.time()):
        chunk = pcm[sent : sent + size].ljust(size, b"\0")
        sent += size
        if sent >= len(pcm) > sent - size:
            transcript.moved_at = loop.time()
        audio = base64.b64encode(chunk).decode()
        await socket.send_json({"type": "input_audio_buffer.append", "audio": audio})
        due += CHUNK_S
        await asyncio.sleep(max(0.0, due - loop.time()))
    await socket.close()
