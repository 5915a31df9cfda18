"""Chromium with a WAV for a microphone, and a page that notes what it shows and records what it plays."""

import base64
import json
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright

from gateway.cli.waveforms import Pcm

MISSING = (
    "There is no Chromium to test the page in. As root on Debian: apt-get install -y chromium. "
    "Else: .venv/bin/playwright install chromium"
)

QUIET = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

WATCH = (Path(__file__).parent / "watch.js").read_text()


@dataclass(frozen=True, slots=True)
class Seen:
    """How one entry of the conversation looked at one moment."""

    at: float
    """Seconds since the page was opened."""
    entry: int
    """Its place in the list."""
    role: str
    """`user`, `agent`, `tool`, or empty for a notice."""
    state: str
    """Of a bubble its `data-state`, of a badge its `data-status`."""
    text: str


class Window:
    """A page in which somebody talks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.sent: list[str] = []
        """The types of the messages that it sent to the gateway."""
        page.on("websocket", lambda socket: socket.on("framesent", self._note))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    async def press(self) -> None:
        await self.page.get_by_test_id("call").click()

    async def type(self, text: str) -> None:
        """Write `text` and send it."""
        await self.page.get_by_test_id("text").fill(text)
        await self.page.get_by_test_id("text").press("Enter")

    async def hears(self, until_s: float) -> None:
        """Wait until the microphone's file has been played up to a second of it."""
        await self.page.wait_for_function(
            "(until) => performance.now() - window.microphoneAt >= until * 1000",
            arg=until_s,
            timeout=(until_s + 45.0) * 1000,
        )

    async def until(self, role: str, state: str, count: int = 1, seconds: float = 45.0) -> None:
        """Wait until so many entries of this kind have come to this state at some moment."""
        await self.page.wait_for_function(
            "([role, state, count]) => new Set(window.seen.filter((s) => s.role === role && s.state === state)"
            ".map((s) => s.entry)).size >= count",
            arg=[role, state, count],
            timeout=seconds * 1000,
        )

    async def says(self, words: int, seconds: float = 45.0) -> None:
        """Wait until the agent has got so far in what it says now."""
        await self.page.wait_for_function(
            "(words) => [...document.querySelectorAll('[data-role=agent][data-state=speaking] .words')]"
            ".some((said) => said.textContent.split(' ').length >= words)",
            arg=words,
            timeout=seconds * 1000,
        )

    async def seen(self) -> list[Seen]:
        """Everything that the conversation showed, in order."""
        return [Seen(**each) for each in await self.page.evaluate("window.seen")]

    async def recording(self) -> Pcm:
        """What the loudspeaker was given since the call began, 24 kHz."""
        raw: str = await self.page.evaluate("window.finishRecording()")
        return np.frombuffer(base64.b64decode(raw), "<i2")

    async def recorded_s(self) -> float:
        """How long that recording is by now."""
        seconds: float = await self.page.evaluate("(performance.now() - window.recordingAt) / 1000")
        return seconds

    def _note(self, frame: str | bytes) -> None:
        self.sent.append(json.loads(frame)["type"])

    async def screenshot(self, path: Path, scheme: Literal["light", "dark"] = "light") -> None:
        await self.page.emulate_media(color_scheme=scheme)
        path.parent.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=path, animations="disabled")


@asynccontextmanager
async def opened(
    url: str, microphone: Path, profile: Path, flags: Sequence[str] = (), before: str = ""
) -> AsyncIterator[Window]:
    """A window at `url` in a browser of its own, which hears `microphone` from the first call on.

    Args:
        flags: more of Chromium's; of two alike the last one holds.
        before: a script that runs before the page's own.
    """
    async with async_playwright() as playwright:
        context = await _launch(playwright, microphone, profile, flags)
        try:
            await context.add_init_script(WATCH)
            if before:
                await context.add_init_script(before)
            window = Window(await context.new_page())
            await window.page.goto(url)
            yield window
        finally:
            await context.close()


async def _launch(
    playwright: Playwright, microphone: Path, profile: Path, flags: Sequence[str]
) -> BrowserContext:
    return await playwright.chromium.launch_persistent_context(
        str(profile),
        executable_path=executable(playwright),
        args=[
            *QUIET,
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}%noloop",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            *flags,
        ],
        viewport={"width": 900, "height": 900},
    )


def executable(playwright: Playwright) -> str:
    """The machine's Chromium, else Playwright's own; where there is none the test fails."""
    found = shutil.which("chromium") or playwright.chromium.executable_path
    if not Path(found).exists():
        pytest.fail(MISSING)
    return found
