"""`antiphon say`: a text by a persona's voice, to the ear or into a file."""

import asyncio
import os
import secrets
import sys
from pathlib import Path

import aiohttp
import click

from gateway.cli.address import client, gateway_url, refusal, unreachable
from gateway.cli.child import Child, Spec
from gateway.cli.deployment import LOOPBACK
from gateway.cli.home import Home
from gateway.cli.loudspeaker import play, players
from gateway.cli.part import PartFailed
from gateway.cli.ports import free_port
from gateway.cli.wav import write_wav
from gateway.engines.voice_service import VoiceService
from gateway.ports import PartAway
from gateway.rest.speech import recorded
from gateway.session.clock import BYTES, RATE
from personas.errors import PersonaError
from personas.loader import load
from personas.model import Voice
from services.base.problems import Problem

PATH = "/v1/audio/speech"
LIMIT_S = 120.0
"""Far more than the longest text takes: eSpeak makes 5 s of speech in 4 ms."""


class NotSpoken(Problem):
    """Nobody speaks the text."""

    code, title = "not_spoken", "The text could not be spoken"


@click.command()
@click.argument("text")
@click.option("--persona", help="Whose voice.")
@click.option("--voice", help="Another voice than theirs.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write a WAV file, and play nothing.",
)
@click.option("--url", help="The gateway; else ANTIPHON_URL, else the one that runs here.")
def say(text: str, persona: str | None, voice: str | None, out: Path | None, url: str | None) -> None:
    """Say TEXT by a persona's voice, to the ear or into a file; `-` reads it from stdin.

    Where no gateway runs here and none is named, the voice is started for this one text.
    """
    text = (sys.stdin.read() if text == "-" else text).strip()
    if not text:
        raise click.BadParameter("there is nothing to say", param_hint="TEXT")
    if out is None:
        players()  # Better to know before than after.
    elif not out.parent.is_dir():
        raise click.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    if url or os.environ.get("ANTIPHON_URL") or Home.find().running():
        pcm = asyncio.run(by_gateway(gateway_url(url), text, persona, voice))
    else:
        pcm = asyncio.run(by_own_voice(text, chosen(persona, voice)))
    if out is None:
        play(pcm)
        return
    write_wav(out, pcm)
    click.echo(f"{len(pcm) / BYTES / RATE:.1f} s of sound in {out}")


async def by_gateway(url: str, text: str, persona: str | None, voice: str | None) -> bytes:
    """Have the gateway at `url` speak: PCM16 mono at 24 kHz.

    Raises:
        NotSpoken: it can't be reached, says no, or breaks off.
    """
    wishes = {"input": text, "persona": persona, "voice": voice, "response_format": "pcm"}
    body = {name: wish for name, wish in wishes.items() if wish is not None}
    try:
        async with (
            client(url, timeout=aiohttp.ClientTimeout(total=LIMIT_S)) as http,
            http.post(f"{url}{PATH}", json=body) as answer,
        ):
            if answer.status == 200 and answer.content_type == "audio/pcm":
                return await answer.read()
            if not answer.content_type.endswith("json"):
                raise NotSpoken(f"{url} is no gateway: it answered {answer.status}")
            raise NotSpoken(refusal(answer.status, await answer.json(content_type=None)))
    except aiohttp.ClientPayloadError as error:
        raise NotSpoken("the gateway broke off in the middle: its voice was lost") from error
    except (aiohttp.ClientError, OSError) as error:
        raise NotSpoken(unreachable(url, error)) from error


def chosen(persona: str | None, voice: str | None) -> Voice:
    """The voice that the gateway would take, too.

    Raises:
        NotSpoken: there is no such persona, or no such voice.
    """
    try:
        catalogue = load()
        who = catalogue.persona(persona) if persona else catalogue.default
        return catalogue.voice(voice or who.voice)
    except PersonaError as error:
        raise NotSpoken(str(error)) from error


async def by_own_voice(text: str, voice: Voice) -> bytes:
    """Start the synthesizer for this text: PCM16 mono at 24 kHz.

    Raises:
        HomeUnusable: there is no place for what it logs.
        NotSpoken: it does not start, or refuses.
    """
    port, key = free_port(), secrets.token_urlsafe()
    told = {"SYNTHESIZER_HOST": LOOPBACK, "SYNTHESIZER_PORT": str(port), "ANTIPHON_INTERNAL_KEY": key}
    command = (sys.executable, "-P", "-m", "gateway.cli.main", "synthesizer")
    home = Home.find()
    home.prepare()
    child = Child(
        Spec("synthesizer", command, port, home.logs / "synthesizer.log", lambda: {**os.environ, **told}),
        say=lambda line: None,
    )
    try:
        await child.start()
        async with aiohttp.ClientSession() as http:
            service = VoiceService(http, f"http://{LOOPBACK}:{port}", key)
            sound = b"".join([piece async for piece in recorded(text, voice, service)])
            await service.close()
            return sound
    except PartFailed as error:
        raise NotSpoken(f"{error.detail}\n{child.last_words()}".rstrip()) from error
    except PartAway as error:
        raise NotSpoken(error.detail) from error
    finally:
        await child.stop(asyncio.Event())
