"""Measures what the topology's page costs a browser: `.venv/bin/python -m tests.e2e.measure_topology`.

The built page in Chromium follows the real stream over 200 made-up calls and 60 nodes, of which two in five calls come
to do something else at each look, twice a second. Of Chromium's own trace the script on the page's main thread is added
up between one frame and the next. Prints JSON; asserts nothing.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.async_api import async_playwright

from gateway.topology.graph import build
from tests.e2e.browser import QUIET, executable
from tests.e2e.topology_stage import Play, staged

SCRIPT = frozenset(
    {
        "EvaluateScript",
        "EventDispatch",
        "FireAnimationFrame",
        "FunctionCall",
        "MajorGC",
        "MinorGC",
        "RunMicrotasks",
        "TimerFire",
        "V8.GCIncrementalMarking",
        "V8.GCScavenger",
        "XHRReadyStateChange",
        "v8.callFunction",
        "v8.run",
    }
)
"""Trace events in which script runs, or is cleaned up behind."""

FRAME = "BeginMainThreadFrame"

CATEGORIES = [
    "devtools.timeline",
    "disabled-by-default-devtools.timeline",
    "disabled-by-default-devtools.timeline.frame",
    "v8",
]


@dataclass(frozen=True, slots=True)
class Trace:
    """The page's main thread; times in ms."""

    frames: np.ndarray[Any, np.dtype[np.float64]]
    """When each began."""
    begun: np.ndarray[Any, np.dtype[np.float64]]
    """When each stretch of script did."""
    took: np.ndarray[Any, np.dtype[np.float64]]
    """How long it kept the processor."""

    def per_frame(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Script from each frame's beginning to the next one's."""
        if len(self.frames) < 2:
            return np.zeros(0)
        place = np.searchsorted(self.frames, self.begun, side="right") - 1
        inside = (place >= 0) & (place < len(self.frames) - 1)
        sums = np.zeros(len(self.frames) - 1)
        np.add.at(sums, place[inside], self.took[inside])
        return sums


async def trace(calls: int, agents: int, tools: int, seconds: float) -> dict[str, Any]:
    """Watch the page for so long; what it cost."""
    play = Play(calls, agents, tools)
    async with staged(play) as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable(playwright),
            args=[*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        page = await browser.new_page(viewport={"width": 1400, "height": 1000})
        await page.goto(f"{url}/topology")
        await page.wait_for_function(
            "(calls) => document.querySelectorAll('[data-testid=sessions] tr').length === calls", arg=calls
        )
        # What is compiled once, and the first painting, are over by then.
        await asyncio.sleep(3.0)
        looks = play.looks
        await browser.start_tracing(page=page, categories=CATEGORIES)
        await asyncio.sleep(seconds)
        raw = await browser.stop_tracing()
        looks = play.looks - looks
        nodes = len(build(play.look()).nodes)
        await browser.close()
    found = read(json.loads(raw)["traceEvents"])
    per_frame = found.per_frame()
    return {
        "calls": calls,
        "nodes": nodes,
        "seconds": seconds,
        "changes": looks,
        "frames": len(per_frame),
        "script_ms_per_frame": {
            "mean": rounded(per_frame.mean() if len(per_frame) else None),
            "p95": rounded(np.percentile(per_frame, 95) if len(per_frame) else None),
            "p99": rounded(np.percentile(per_frame, 99) if len(per_frame) else None),
            "longest": rounded(per_frame.max() if len(per_frame) else None),
        },
        "frames_over_4_ms": int((per_frame > 4).sum()),
        "script_ms_per_s": rounded(found.took.sum() / seconds),
        "load_average": rounded(os.getloadavg()[0]),
    }


def read(events: Sequence[dict[str, Any]]) -> Trace:
    """The thread of the trace on which most script ran: the page's."""
    names = {
        (e["pid"], e["tid"]): e["args"]["name"]
        for e in events
        if e.get("ph") == "M" and e.get("name") == "thread_name"
    }
    threads: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for event in events:
        thread = event["pid"], event["tid"]
        if names.get(thread) == "CrRendererMain" and event.get("ph") in ("X", "I", "i", "B"):
            threads.setdefault(thread, []).append(event)
    traces = [_of_thread(each) for each in threads.values()]
    return max(traces, key=lambda each: each.took.sum())


def _of_thread(events: list[dict[str, Any]]) -> Trace:
    events.sort(key=lambda event: event["ts"])
    frames = [event["ts"] / 1000 for event in events if event["name"] == FRAME]
    outer = list(_outermost(event for event in events if event["name"] in SCRIPT and "dur" in event))
    return Trace(
        np.array(frames),
        np.array([event["ts"] / 1000 for event in outer]),
        # The processor's time where it was told: beside other programs a thread also waits.
        np.array([event.get("tdur", event["dur"]) / 1000 for event in outer]),
    )


def _outermost(events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of stretches that lie in each other the one around them."""
    until = 0.0
    for event in events:
        if event["ts"] >= until:
            until = event["ts"] + event["dur"]
            yield event


def rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--agents", type=int, default=10)
    parser.add_argument("--tools", type=int, default=34)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    told = asyncio.run(trace(asked.calls, asked.agents, asked.tools, asked.seconds))
    json.dump(told, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
