"""Whether the model's thread makes gaps: `python -m services.speech.soak --seconds 600`, which `make soak` runs.

The toy's server as a process of its own, every slot taken, and callers in others who send Opus in real time. Most stay
for the whole time; two at a time come and go, each time with another persona, so that there is always somebody to be
primed. What it looks for holds on a machine that others load, too: a frame that was lost or doubled, a call that ended
with an error, a slot that stays taken, and a frame that waited longer than it sounds while the thread did other work.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from services.speech.bench_caller import PERSONA
from services.speech.callers import STARTED_S, Called, have_called
from services.speech.shapes import FRAME_S

GUESTS = 2
"""Calls that come and go."""
GUESTS_STAY_S = 10.0
ANY_SPEED = "1e9"
EMPTY_S = 10.0
"""What calls that were hung up get to leave."""

Metrics = dict[tuple[str, str], float]
"""Values by name and, where there is one, the label's value."""


@dataclass(frozen=True, slots=True)
class Soaked:
    """What was found."""

    slots: int
    seconds: float
    calls: int
    sent: int
    """Frames of all callers."""
    unanswered: int
    said: int
    """Frames that the server sent."""
    late_by_model: int
    """Frames that waited longer than they sound while the model's thread did other work."""
    late_by_machine: int
    """Frames that waited as long while other programs ran."""
    failed: int
    """Calls that ended by an error."""
    still_taken: int
    """Slots, after all have hung up."""
    real_time: float
    """Of real time: the median of the last ticks."""
    answer_p50: float
    """Milliseconds from the sending of a frame to its answer."""
    answer_p99: float
    join_new: float
    """Median of milliseconds from asking for the socket to the handshake, with another persona than any before."""
    join_known: float
    """The longest, of those who came together with a persona that is known."""

    def faults(self) -> Iterator[str]:
        """What must not be, in sentences."""
        if self.late_by_model:
            yield f"{self.late_by_model} frames waited for the model's thread for longer than they sound"
        if self.unanswered:
            yield f"{self.unanswered} frames were not answered"
        if self.said != self.sent:
            yield f"{self.sent} frames were sent, and {self.said} were said"
        if self.failed:
            yield f"{self.failed} calls ended by an error"
        if self.still_taken:
            yield f"{self.still_taken} slots are taken, and nobody calls"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; its status is 1 where something was found that must not be."""
    parser = argparse.ArgumentParser(prog="python -m services.speech.soak", description=__doc__)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args(arguments)
    if given.slots <= GUESTS:
        parser.error(f"{GUESTS} slots are for those who come and go, so more have to be there")
    print(f"{given.slots} calls of the toy over the wire, {given.seconds:g} s", flush=True)
    found = asyncio.run(soak(given.slots, given.seconds))
    for name, value in asdict(found).items():
        print(f"{name:>16}  {value:g}")
    faults = list(found.faults())
    print("\n".join(faults) or "no gap that the model's thread caused")
    if given.json:
        given.json.write_text(json.dumps(asdict(found) | {"faults": faults}, indent=2) + "\n")
    sys.exit(1 if faults else 0)


async def soak(slots: int, seconds: float) -> Soaked:
    """Have all slots called for so long."""
    async with _server(slots) as url:
        first = await have_called(url, 1, 1, "ogg")  # From now on those who stay are known.
        stay = asyncio.create_task(have_called(url, slots - GUESTS, round(seconds / FRAME_S), "ogg"))
        guests = await _come_and_go(url, stay)
        stayed = await stay
        metrics = await _when_empty(url)
    calls = [*first, *guests, *stayed]
    times = [each for call in calls for each in call.ms]
    answers = np.array([each for each in times if each is not None])
    ended = {outcome: value for (name, outcome), value in metrics.items() if name.endswith("_calls_total")}
    late = {cause: value for (name, cause), value in metrics.items() if name.endswith("_late_frames_total")}
    return Soaked(
        slots=slots,
        seconds=seconds,
        calls=len(calls),
        sent=len(times),
        unanswered=len(times) - len(answers),
        said=int(metrics["antiphon_speech_frames_total", ""]),
        late_by_model=int(late["model"]),
        late_by_machine=int(late["machine"]),
        failed=int(sum(ended.values()) - ended.get("client", 0.0)),
        still_taken=int(metrics["antiphon_speech_slots_used", ""]),
        real_time=metrics["antiphon_speech_real_time_now", ""],
        answer_p50=float(np.percentile(answers, 50)),
        answer_p99=float(np.percentile(answers, 99)),
        join_new=float(np.median([call.join_ms for call in [*first, *guests]])),
        join_known=max(call.join_ms for call in stayed),
    )


async def _come_and_go(url: str, stay: "asyncio.Task[list[Called]]") -> list[Called]:
    """Call, time and again, until those who stay have gone."""
    guests: list[Called] = []
    while not stay.done():
        persona = f"You are guest {len(guests)}. {PERSONA}"
        guests += await have_called(url, GUESTS, round(GUESTS_STAY_S / FRAME_S), "ogg", persona=persona)
    return guests


@asynccontextmanager
async def _server(slots: int) -> AsyncIterator[str]:
    """The toy's server, from its being ready until it has stopped."""
    environ = {**os.environ, "SPEECH_MOST_REAL_TIME": ANY_SPEED, "SPEECH_DRAIN_S": "0", "LOG_FORMAT": "json"}
    arguments = ["-m", "services.speech", "--toy", "--port", "0", "--slots", str(slots)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environ, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(STARTED_S):
            port = await _port(process.stderr)
        # What it logs goes on to be read, or it would wait for a reader in the end.
        logging = asyncio.create_task(_pass_on(process.stderr))
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        await asyncio.gather(process.wait(), logging)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _port(log: asyncio.StreamReader) -> int:
    """Where it listens, as it logs."""
    while line := await log.readline():
        told = json.loads(line)
        if told["message"] == "listening":
            return int(told["port"])
    raise RuntimeError("the server ended before it listened")


async def _pass_on(log: asyncio.StreamReader) -> None:
    async for line in log:
        if json.loads(line)["level"] != "info":
            sys.stderr.write(line.decode())


async def _when_empty(url: str) -> Metrics:
    """The server's metrics once no slot is taken, or after a while."""
    async with aiohttp.ClientSession() as http:
        for _ in range(round(EMPTY_S / FRAME_S)):
            metrics = await _metrics(http, url)
            if not metrics["antiphon_speech_slots_used", ""]:
                break
            await asyncio.sleep(FRAME_S)
    return metrics


async def _metrics(http: aiohttp.ClientSession, url: str) -> Metrics:
    async with http.get(f"{url}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


if __name__ == "__main__":
    main()
