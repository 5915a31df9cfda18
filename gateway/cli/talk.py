"""`antiphon talk`: hold a call from the terminal, with a WAV file as the user's voice."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from gateway.cli.address import gateway_url
from gateway.cli.caller import Caller, Event, Missing
from gateway.cli.wav import read_wav, write_wav
from gateway.cli.waveforms import answer_times, track
from gateway.session.clock import BYTES, ms
from services.base.problems import Problem

QUIET_S = 2.0
"""The call is over when nobody has spoken, and no tool has run, for this long after the file's end."""

FIRST_ANSWER_S = 8.0
"""What the agent gets to begin with its last answer."""


class CallFailed(Problem):
    """The gateway broke the call off, or it did not end."""

    code, title = "call_failed", "The call could not be held"


@dataclass(slots=True)
class Transcript:
    """What happened in the call, and the agent's sound where it sounded."""

    sound: bytes = b""
    """What the agent said, where it sounded; once the call is over."""
    pending: set[str] = field(default_factory=set)
    """Responses and tools under way."""
    moved_at: float = 0.0
    answered: bool = False
    """The agent has spoken since the user last did."""

    def take(self, event: Event) -> str | None:
        """Take one server event; returns a line for the terminal."""
        kind = event["type"]
        if kind not in ("antiphon.partial", "antiphon.duck"):
            self.moved_at = event["at"]
        at = f"{event['at']:6.2f} s"
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
            case "response.done":
                return self._response_done(event["response"], at)
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

    def is_over(self, now: float, sounds_until: float = 0.0) -> bool:
        """Whether nothing more is to be expected.

        Args:
            sounds_until: when the last of the agent's sound that came will have sounded.
        """
        if self.pending:
            return False
        return now - max(self.moved_at, sounds_until) > (QUIET_S if self.answered else FIRST_ANSWER_S)

    def _response_done(self, response: dict[str, Any], at: str) -> str:
        self.pending.discard(response["id"])
        self.answered = True
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
        write_wav(out, transcript.sound)
        click.echo(f"{ms(len(transcript.sound) // BYTES) / 1000:.1f} s of sound in {out}")


async def hold(url: str, asked: dict[str, Any], pcm: bytes, limit_s: float) -> Transcript:
    """Make a session, speak `pcm` (24 kHz PCM16) in real time, and listen until all is said.

    Raises:
        CallRefused: the gateway cannot be reached, or says no.
        CallFailed: it ends the call, or the call lasts longer than `limit_s`.
    """
    transcript = Transcript()

    def tell(event: Event) -> None:
        if (line := transcript.take(event)) is not None:
            click.echo(line)

    # Whether the agent speaks first is the persona's business here.
    wishes = {"greeting": None, **{name: value for name, value in asked.items() if value is not None}}
    try:
        async with asyncio.timeout(limit_s), Caller.calling(url, watch=tell, **wishes) as caller:
            await caller.say(track(pcm))
            transcript.moved_at = max(transcript.moved_at, caller.now())
            await caller.when(
                "end of the call", lambda: transcript.is_over(caller.now(), caller.sounds_until()), limit_s
            )
            transcript.sound = bytes(caller.heard)
    except TimeoutError as error:
        raise CallFailed(f"the call was not over after {limit_s:g} s") from error
    except Missing as error:
        raise CallFailed(f"the gateway ended the call (close code {caller.close_code})") from error
    return transcript
