"""What people are likely to say here, written out for the recogniser: one phrase a line."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

import aiohttp
import click

from gateway.cli.home import Home
from gateway.cli.part import PartFailed
from services.base.problems import Problem
from services.base.settings import Settings
from services.orchestrator.protocol import ToolDescription

ASK_S = 10.0
POLL_S = 0.05


class PhrasesSettings(Settings):
    """What `antiphon phrases` reads."""

    orchestrator_url: str = "http://127.0.0.1:8001"
    transcriber_phrases: Path | None = None
    """Is filled; where unset, the folder `phrases` in the home."""


class BadPersonas(Problem):
    """A persona's file cannot be used; `detail` names file, line and field."""

    code, title = "bad_personas", "A persona cannot be used"


@click.command()
def phrases() -> None:
    """Write what people are likely to say to this deployment into TRANSCRIBER_PHRASES, before its transcriber starts.

    `antiphon up` does it by itself. Where the parts run apart, run it whenever tools or personas have changed.
    """
    settings = PhrasesSettings.load()
    folder = settings.transcriber_phrases or Home.find().phrases
    asyncio.run(write_phrases(folder, settings.orchestrator_url, settings.antiphon_internal_key))
    click.echo(f"wrote what people may say to {folder}")


async def write_phrases(
    folder: Path, orchestrator_url: str, internal_key: str, patience_s: float = 0.0
) -> None:
    """Fill `folder` with `persona.txt` (small talk) and `tools.txt` (what asks for a tool).

    Args:
        patience_s: how long the orchestrator may take until it listens.

    Raises:
        BadPersonas: a file of theirs is wrong.
        PartFailed: the orchestrator doesn't tell its tools, or the folder can't be written.
    """
    tools, talk = await asyncio.gather(
        tool_phrases(orchestrator_url, internal_key, patience_s), asyncio.to_thread(small_talk)
    )
    try:
        for name, phrases in (("persona", talk), ("tools", tools)):
            await asyncio.to_thread(_write, folder / f"{name}.txt", phrases)
    except OSError as error:
        raise PartFailed(f"what people may say can't be written to {folder}: {error.strerror}") from error


def small_talk() -> list[str]:
    """The examples of all personas' small talk."""
    # YAML and its models: a start need not wait for them before its parts are on their way.
    from personas.errors import PersonaError
    from personas.loader import load

    try:
        catalogue = load()
    except PersonaError as error:
        raise BadPersonas(str(error)) from error
    return [
        example for persona in catalogue.personas for talk in persona.small_talk for example in talk.examples
    ]


async def tool_phrases(orchestrator_url: str, internal_key: str, patience_s: float = 0.0) -> list[str]:
    """The examples of all tools that the orchestrator has; it may take `patience_s` until it listens."""
    until = time.monotonic() + patience_s
    headers = {"Authorization": f"Bearer {internal_key}"}
    timeout = aiohttp.ClientTimeout(total=ASK_S)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout, raise_for_status=True) as http:
        while True:
            try:
                async with http.get(f"{orchestrator_url}/tools") as answer:
                    tools = [ToolDescription.model_validate(tool) for tool in await answer.json()]
                return [example for tool in tools for example in tool.examples]
            except (aiohttp.ClientError, TimeoutError, TypeError, ValueError) as error:
                if not isinstance(error, aiohttp.ClientConnectorError) or time.monotonic() >= until:
                    raise PartFailed(f"the orchestrator's list of tools can't be read: {error!r}") from error
            await asyncio.sleep(POLL_S)


def _write(path: Path, phrases: Iterable[str]) -> None:
    # Each once, in the order in which they came.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{phrase}\n" for phrase in dict.fromkeys(phrases)), encoding="utf-8")
