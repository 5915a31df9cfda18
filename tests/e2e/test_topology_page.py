"""The topology in a browser: a real call lights its way, is listed, opened, hung up; a connection breaks."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest_asyncio
from playwright.async_api import Locator, Page, ViewportSize

from gateway.cli.caller import Caller
from gateway.session.clock import RATE
from tests.e2e.axe import violations
from tests.e2e.browser import Window, opened
from tests.e2e.deployment import Deployment
from tests.e2e.speech import Voice, write_wav
from tests.e2e.topology_stage import Play, staged
from tests.gateway.proxy import Proxy

OUT = Path(__file__).parents[1] / "out"

PATIENCE_MS = 45_000.0

DESK: ViewportSize = {"width": 1280, "height": 900}

NOTE_CELLS = """() => {
  window.noted = [];
  const note = () => {
    for (const row of document.querySelectorAll("#sessions tr")) noteOnce(row.dataset.id, row.cells[4].textContent);
    for (const row of document.querySelectorAll("#parts tr")) noteOnce(row.dataset.id, row.cells[5].textContent);
  };
  const noteOnce = (id, text) => {
    if (text !== "" && !window.noted.some(([i, t]) => i === id && t === text)) window.noted.push([id, text]);
  };
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
"""Keeps each thing that a call or a part was shown to do."""


HAS_FOCUS = "(element) => element === document.activeElement"


class TopologyPage:
    """The page, and what it showed."""

    def __init__(self, window: Window) -> None:
        self.window, self.page = window, window.page

    async def is_live(self) -> None:
        await self.says("Live.")

    async def says(self, text: str) -> None:
        """Wait until the page says so of its connection."""
        await self.page.get_by_test_id("standing").filter(has_text=text).wait_for(timeout=PATIENCE_MS)

    def row(self, session_id: str) -> Locator:
        return self.page.locator(f"#sessions tr[data-id='{session_id}']")

    async def shows(self, row_id: str, text: str) -> None:
        """Wait until that row was shown to do so at some moment."""
        await self.page.wait_for_function(
            "([id, text]) => window.noted.some(([i, t]) => i === id && t.includes(text))",
            arg=[row_id, text],
            timeout=PATIENCE_MS,
        )


def nobody_speaks(folder: Path) -> Path:
    return write_wav(folder / "microphone.wav", np.zeros(RATE, np.int16))


@pytest_asyncio.fixture
async def topology(deployment: Deployment, tmp_path: Path) -> AsyncIterator[TopologyPage]:
    async with opened(f"{deployment.url}/topology", nobody_speaks(tmp_path), tmp_path) as window:
        topology = TopologyPage(window)
        await window.page.set_viewport_size(DESK)
        await window.page.evaluate(NOTE_CELLS)
        await topology.is_live()
        yield topology
        assert window.errors == []


async def faults(page: Page) -> Sequence[str]:
    """What axe finds with all of the page unfolded."""
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    return await violations(page)


async def test_a_call_lights_its_way_is_listed_and_hung_up(
    topology: TopologyPage, caller: Caller, voice: Voice
) -> None:
    page, session_id = topology.page, caller.session_id
    await topology.row(session_id).wait_for()
    await caller.say(await voice.say("what time is it in tokyo"))
    await caller.tool("success")
    for doing in ("hears the user", "uses tell time", "speaks"):
        await topology.shows(session_id, doing)
    await topology.shows("transcriber", "hears the user")
    await topology.shows("agent:clock", "uses a tool")
    await topology.shows("tool:tell_time", "uses a tool")
    await topology.shows("synthesizer", "speaks")
    await topology.shows("database", "writes it down")

    await topology.row(session_id).get_by_role("button", name="Details").click()
    details = page.get_by_test_id("details")
    await details.get_by_text("full duplex").wait_for()
    await details.get_by_role("button", name="What was said").click()
    await details.get_by_text("tell time (success").wait_for()
    await page.evaluate("scrollTo(0, 0)")
    for scheme in ("light", "dark"):
        await topology.window.screenshot(
            OUT / f"topology-{scheme}.png", "dark" if scheme == "dark" else "light"
        )
        assert await faults(page) == [], scheme

    await topology.row(session_id).get_by_role("button", name="Hang up").click()
    await page.get_by_test_id("confirm").get_by_role("button", name="Let it go on").click()
    assert await topology.row(session_id).is_visible()
    await topology.row(session_id).get_by_role("button", name="Hang up").click()
    await page.get_by_test_id("confirm").get_by_role("button", name="Hang up").click()
    await caller.closed()
    await topology.row(session_id).wait_for(state="detached")
    assert await page.evaluate("document.activeElement !== document.body"), "the keyboard goes on from there"


async def test_a_part_is_opened_by_keyboard_and_says_how_it_is(topology: TopologyPage) -> None:
    page = topology.page
    node = page.locator("#nodes [data-id='engine:personaplex'] button")
    await node.focus()
    await page.keyboard.press("Enter")
    details = page.get_by_test_id("details")
    await details.get_by_text("not set up").wait_for()
    assert await page.evaluate("document.activeElement.id") == "details-title"
    await page.keyboard.press("Escape")
    assert not await details.is_visible()
    assert await node.evaluate("(node) => node === document.activeElement"), "back where it was opened"


async def test_the_focus_stays_near_what_a_call_that_ends_takes_away(tmp_path: Path) -> None:
    play = Play(calls=5, agents=3, tools=9)
    async with (
        staged(play) as url,
        opened(f"{url}/topology", nobody_speaks(tmp_path), tmp_path) as window,
    ):
        topology, page = TopologyPage(window), window.page
        await topology.is_live()
        rows = await page.locator("#sessions tr").evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
        a_node, a_row, in_the_panel, asked_of, last = rows

        async def ends(session_id: str) -> None:
            play.end(session_id)
            await topology.row(session_id).wait_for(state="detached")

        def button(session_id: str, name: str) -> Locator:
            return topology.row(session_id).get_by_role("button", name=name)

        await page.locator(f"#nodes [data-id='client:{a_node}'] button").focus()
        await ends(a_node)
        assert await page.evaluate("document.activeElement.closest('#nodes li') !== null")

        await button(a_row, "Hang up").focus()
        await ends(a_row)
        details = button(in_the_panel, "Details")
        assert await details.evaluate(HAS_FOCUS), "not the button that would end another call"

        await page.keyboard.press("Enter")
        hang_up = page.get_by_test_id("details").get_by_role("button", name="Hang up")
        await hang_up.focus()
        await ends(in_the_panel)
        await hang_up.wait_for(state="hidden")
        assert await page.locator("#details-title").evaluate(HAS_FOCUS)
        await page.keyboard.press("Escape")
        region = page.get_by_role("region", name="Calls")
        assert await region.evaluate(HAS_FOCUS), "what opened the panel is gone"

        await button(asked_of, "Hang up").focus()
        await page.keyboard.press("Enter")
        confirm = page.get_by_test_id("confirm")
        await confirm.wait_for()
        await ends(asked_of)
        assert not await confirm.is_visible()
        await page.get_by_text("is over.").wait_for()
        assert await button(last, "Details").evaluate(HAS_FOCUS)
        await ends(last)
        assert await region.evaluate(HAS_FOCUS)
        assert window.errors == []


async def test_a_lost_connection_is_told_and_found_again(tmp_path: Path) -> None:
    async with (
        staged(Play(calls=20, agents=3, tools=9)) as url,
        Proxy.before(urlsplit(url).port or 0) as proxy,
        opened(f"http://127.0.0.1:{proxy.port}/topology", nobody_speaks(tmp_path), tmp_path) as window,
    ):
        topology = TopologyPage(window)
        await topology.is_live()
        main = window.page.get_by_test_id("topology")
        proxy.reset()
        proxy.stall()
        await topology.says("No connection since")
        assert await main.get_attribute("data-stale") == "true"
        assert await window.page.locator("#sessions tr").count() == 20, "what was last seen stays"
        proxy.flow()
        await window.page.get_by_role("button", name="Try now").click()
        await topology.is_live()
        assert await main.get_attribute("data-stale") == "false"


async def test_two_hundred_calls_are_grouped_and_axe_finds_nothing(tmp_path: Path) -> None:
    async with (
        staged(Play(calls=200, agents=10, tools=34)) as url,
        opened(f"{url}/topology", nobody_speaks(tmp_path), tmp_path) as window,
    ):
        await window.page.set_viewport_size(DESK)
        await TopologyPage(window).is_live()
        assert await window.page.locator("#sessions tr").count() == 200
        assert await window.page.locator("#nodes li[data-id^='clients:']").count() == 5
        await window.screenshot(OUT / "topology-200-light.png", "light")
        assert await faults(window.page) == []
        assert window.errors == []
