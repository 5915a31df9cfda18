"""`antiphon bench recognition`: word errors on requests that the recogniser's language model was not made from."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import click

from gateway.cli.bench.readers import ESPEAK, FLITE, Flite, NotRead, People, Reader, Synthesized
from gateway.cli.bench.word_errors import Heard, Rate, rate
from gateway.cli.home import Home, Secrets
from gateway.session.clock import BYTES, RATE, samples
from services.base.problems import Problem
from services.transcriber import protocol as wire

UNSEEN = Path(__file__).parent / "unseen" / "requests.txt"

SILENCE = bytes(samples(500) * BYTES)
"""Before and behind each phrase, as in a call whose turn the session ends."""

FINAL_S = 60.0
CONNECT_S = 5.0


class NotHeard(Problem):
    """The transcriber cannot be reached, or gave up."""

    code, title = "not_heard", "The transcriber did not hear"


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one reader."""

    reader: str
    rate: Rate | None
    """None where the reader is not here; `missing` says why."""
    missing: str | None
    utterances: tuple[Heard, ...]

    def line(self) -> str:
        """For the table."""
        if self.rate is None:
            return f"{self.reader:24} –        {self.missing}"
        interval = f"{self.rate.low:.2f} to {self.rate.high:.2f}"
        words = sum(each.words for each in self.utterances)
        return f"{self.reader:24} {self.rate.mean:.2f}     {interval:16} {words:6}"


@dataclass(frozen=True, slots=True)
class Where:
    """The parts that are measured, and the key that they ask for."""

    transcriber: str
    synthesizer: str
    key: str

    @classmethod
    def find(cls, transcriber: str | None, synthesizer: str | None) -> "Where":
        """Those given, else those of the deployment that runs here.

        Raises:
            NotHeard: nothing runs here, and not both were given.
        """
        home = Home.find()
        running = home.running()
        parts = running.parts if running else {}
        key = os.environ.get("ANTIPHON_INTERNAL_KEY") or (Secrets.load(home).internal_key if running else "")

        def url(name: str, given: str | None) -> str:
            if given:
                return given.rstrip("/")
            if name in parts and parts[name].port:
                return f"http://127.0.0.1:{parts[name].port}"
            raise NotHeard(f"no {name} runs here: start `antiphon up`, or give --{name} URL")

        return cls(url("transcriber", transcriber), url("synthesizer", synthesizer), key)


@click.command()
@click.option("--transcriber", help="Its URL; else the one that runs here.")
@click.option(
    "--synthesizer", help="The URL of the one that reads eSpeak NG's voices; else the one that runs here."
)
@click.option("--espeak", multiple=True, default=ESPEAK, show_default=True, help="A voice of eSpeak NG.")
@click.option("--flite", multiple=True, default=FLITE, show_default=True, help="A voice of flite.")
@click.option(
    "--human", type=click.Path(path_type=Path), help="A folder of recordings with transcripts.jsonl."
)
@click.option("--first", type=click.IntRange(1), help="Only so many phrases a voice.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write every utterance there, too.")
def recognition(
    transcriber: str | None,
    synthesizer: str | None,
    espeak: Sequence[str],
    flite: Sequence[str],
    human: Path | None,
    first: int | None,
    file: Path | None,
) -> None:
    """Word errors on 100 unseen requests to an assistant, a row a voice.

    Each phrase is the first of a call of its own, so that nothing is known of the voice yet.
    """
    where = Where.find(transcriber, synthesizer)
    phrases = UNSEEN.read_text("utf-8").splitlines()[:first]
    result = asyncio.run(_measure(where, phrases, espeak, flite, human))
    if file:
        file.write_text(json.dumps(result, indent=2) + "\n")


async def _measure(
    where: Where, phrases: Sequence[str], espeak: Sequence[str], flite: Sequence[str], human: Path | None
) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http:
        name = await recogniser(http, where.transcriber)
        click.echo(f"{name}; {len(phrases)} unseen requests a voice, each the first words of a call\n")
        click.echo(f"{'voice':24} errors   95 %              words")
        readers: list[Reader] = [
            *(Synthesized(http, where.synthesizer, where.key, voice, phrases) for voice in espeak),
            *(Flite(voice, phrases) for voice in flite),
            *([People(human)] if human else []),
        ]
        rows = []
        for reader in readers:
            rows.append(await measure(http, where, reader))
            click.echo(rows[-1].line())
    return {"recognizer": name, "rows": [asdict(row) for row in rows]}


async def recogniser(http: aiohttp.ClientSession, url: str) -> str:
    """The name by which the transcriber calls what it hears with.

    Raises:
        NotHeard: it can't be reached, or isn't ready.
    """
    try:
        async with asyncio.timeout(CONNECT_S), http.get(f"{url}/ready", raise_for_status=True) as answer:
            return str((await answer.json())["recognizer"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        raise NotHeard(f"{url}/ready: {error!r}") from error


async def measure(http: aiohttp.ClientSession, where: Where, reader: Reader) -> Row:
    """Have everything that one reader reads be heard.

    Raises:
        NotHeard: the transcriber is at fault.
    """
    try:
        utterances = [
            Heard(reading.said, await heard(http, where, reading.pcm)) async for reading in reader.readings()
        ]
    except NotRead as missing:
        return Row(reader.name, None, missing.detail, ())
    return Row(reader.name, rate(utterances), None, tuple(utterances))


async def heard(http: aiohttp.ClientSession, where: Where, pcm: bytes) -> str:
    """The final words of a call in which only this is said.

    Raises:
        NotHeard: there are none.
    """
    headers = {"Authorization": f"Bearer {where.key}"} if where.key else {}
    url = f"{where.transcriber}/v1/listen?rate={RATE}"
    sound = SILENCE + pcm + SILENCE
    try:
        async with asyncio.timeout(FINAL_S), http.ws_connect(url, headers=headers) as socket:
            # All at once: words depend on the sound alone, not on how fast it comes.
            await socket.send_bytes(sound)
            await socket.send_str(wire.encode_finish(wire.Finish(len(sound) // BYTES)))
            async for message in socket:
                match wire.decode(message.data):
                    case wire.Final(text):
                        return text
                    case wire.Failed(code, why):
                        raise NotHeard(f"{code}: {why}")
    except (aiohttp.ClientError, TimeoutError, wire.BadMessage) as error:
        raise NotHeard(f"{where.transcriber}: {error!r}") from error
    raise NotHeard("the transcriber closed the socket before the final words")
