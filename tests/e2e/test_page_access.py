"""Who can use the page: by eye, by screen reader, by keyboard, on a phone, in the light and in the dark."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page

from gateway.session.clock import RATE
from tests.e2e.axe import violations
from tests.e2e.browser import Window, opened
from tests.e2e.deployment import Deployment
from tests.e2e.speech import write_wav

OUT = Path(__file__).parents[1] / "out"

WISH = "what time is it in tokyo"

PHONE, WIDE, LOW = (320, 640), (900, 900), (640, 360)
"""CSS pixels: the narrowest screen (WCAG 1.4.10), a desk's, and a desk's of 1280 × 720 at 200 % (WCAG 1.4.4)."""

FOCUSABLE = """() => [...document.querySelectorAll(
  "a[href], button:enabled, input:enabled, select:enabled, summary, [tabindex='0']")]
  .filter((each) => each.checkVisibility()).map((each) => each.id || each.textContent)"""
"""What the keyboard must reach."""

FOCUSED = """() => {
  const at = document.activeElement;
  const seen = getComputedStyle(at);
  return [at.id || at.textContent, seen.outlineStyle !== "none" && parseFloat(seen.outlineWidth) >= 2];
}"""
"""Where the focus is, and whether one sees it."""


END_CALLS = """async () => {
  const sessions = "/api/mas/voice/sessions";
  // A session is listed once its row is written, behind the sound.
  while (document.querySelector("#call").dataset.phase === "live") {
    const { sessions: live } = await (await fetch(`${sessions}?active=true`)).json();
    for (const { session_id } of live) await fetch(`${sessions}/${session_id}`, { method: "DELETE" });
    await new Promise((later) => setTimeout(later, 100));
  }
}"""
"""Ends the calls that run, as a dashboard does."""


def silence(folder: Path) -> Path:
    return write_wav(folder / "microphone.wav", np.zeros(RATE, np.int16))


async def found(window: Window, name: str) -> list[str]:
    """What axe finds in the light and in the dark; screenshots of both are kept."""
    told: list[str] = []
    for scheme in ("light", "dark"):
        await window.screenshot(OUT / f"{name}-{scheme}.png", scheme)
        told += [f"{scheme}: {each}" for each in await violations(window.page)]
    return told


async def set_size(page: Page, size: tuple[int, int]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})


async def too_wide(page: Page) -> bool:
    """Whether one must scroll sideways."""
    wide: bool = await page.evaluate(
        "[document.scrollingElement, ...document.querySelectorAll('main, dialog[open]')]"
        ".some((each) => each.scrollWidth > each.clientWidth)"
    )
    return wide


async def reached(page: Page) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """What the tabulator must reach, what it reaches, and where one doesn't see that it is there."""
    wanted: list[str] = await page.evaluate(FOCUSABLE)
    await page.evaluate("document.activeElement.blur()")
    at: list[str] = []
    unseen: list[str] = []
    # Behind the last control the focus leaves the page once.
    for _ in [*wanted, "the browser"]:
        await page.keyboard.press("Tab")
        where, is_seen = await page.evaluate(FOCUSED)
        if await page.evaluate("document.activeElement === document.body"):
            continue
        at.append(where)
        if not is_seen:
            unseen.append(where)
    return wanted, at, unseen


@pytest_asyncio.fixture
async def window(deployment: Deployment, tmp_path: Path) -> AsyncIterator[Window]:
    """The page before a call, with a microphone in a silent room."""
    async with opened(deployment.url, silence(tmp_path), tmp_path) as window:
        await window.page.get_by_test_id("engine").nth(1).wait_for(state="attached")
        yield window
        assert window.errors == []


async def test_before_a_call_axe_finds_nothing(window: Window) -> None:
    assert await found(window, "before") == []
    await set_size(window.page, PHONE)
    assert await found(window, "before-phone") == []
    assert not await too_wide(window.page)


async def test_in_settings_and_help_axe_finds_nothing(window: Window) -> None:
    for name in ("settings", "help"):
        await window.page.get_by_test_id(f"open-{name}").click()
        assert await found(window, name) == []
        await set_size(window.page, PHONE)
        assert await found(window, f"{name}-phone") == []
        assert not await too_wide(window.page)
        await set_size(window.page, WIDE)
        await window.page.keyboard.press("Escape")
        assert not await window.page.get_by_test_id(name).is_visible()
        focus = await window.page.evaluate("document.activeElement.id")
        assert focus == f"open-{name}", "back where it was opened"


async def test_in_a_call_with_open_badges_axe_finds_nothing(window: Window) -> None:
    page = window.page
    await window.press()
    await page.locator("[data-testid=call][data-phase=live]").wait_for()
    await window.type(WISH)
    await window.until("tool", "success")
    await page.locator("[data-role=agent][data-state=done] .words", has_text="in Tokyo.").wait_for()
    for unfolded in ("tool", "spans"):
        await page.get_by_test_id(unfolded).first.locator("summary").click()
    assert await found(window, "call-badges") == []
    assert await page.get_by_test_id("meter").is_visible()
    for size, name in ((PHONE, "phone"), (LOW, "zoomed")):
        await set_size(page, size)
        assert await found(window, f"call-{name}") == []
        assert not await too_wide(page)
    await set_size(page, WIDE)
    wanted, at, unseen = await reached(page)
    assert sorted(at) == sorted(wanted)
    assert unseen == []


async def test_by_hand_axe_finds_nothing(window: Window) -> None:
    page = window.page
    await page.get_by_test_id("push-to-talk").check()
    await window.press()
    await page.get_by_test_id("hold").wait_for()
    assert await found(window, "by-hand") == []
    await set_size(page, PHONE)
    assert await found(window, "by-hand-phone") == []
    assert not await too_wide(page)


async def test_with_a_refused_microphone_axe_finds_nothing(deployment: Deployment, tmp_path: Path) -> None:
    deny = ["--use-fake-ui-for-media-stream=deny"]
    async with opened(deployment.url, silence(tmp_path), tmp_path, deny) as window:
        await window.press()
        trouble = window.page.get_by_test_id("trouble")
        await trouble.wait_for()
        assert "Allow it" in await trouble.inner_text()
        assert await found(window, "refused") == []
        await set_size(window.page, PHONE)
        assert await found(window, "refused-phone") == []
        said = await window.page.get_by_test_id("announcer").inner_text()
        assert "The microphone is blocked for this page." in said


async def test_before_a_call_the_keyboard_reaches_all_and_one_sees_where_it_is(window: Window) -> None:
    wanted, at, unseen = await reached(window.page)
    assert sorted(at) == sorted(wanted)
    assert {"call", "text", "push-to-talk", "open-settings", "open-help", "open-topology", "main"} <= set(at)
    assert unseen == []


async def test_low_windows_scroll_and_nothing_is_squeezed_out(window: Window) -> None:
    await set_size(window.page, LOW)
    assert await found(window, "before-zoomed") == []
    for part in ("call", "text", "open-settings"):
        control = window.page.get_by_test_id(part)
        await control.scroll_into_view_if_needed()
        box = await control.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= LOW[1]


async def test_the_focus_stays_on_the_page_when_its_button_goes_with_the_call(window: Window) -> None:
    page = window.page
    await window.press()
    await page.get_by_test_id("mute").wait_for()
    await page.get_by_test_id("mute").focus()
    assert await page.evaluate("document.activeElement.id") == "mute"
    await page.evaluate(END_CALLS)
    await page.locator("#status", has_text="The gateway ended the call.").wait_for()
    assert await page.evaluate("document.activeElement.id") == "call"


async def test_an_engine_that_cannot_be_had_says_why_before_and_in_the_call(window: Window) -> None:
    page = window.page
    await page.get_by_test_id("open-settings").click()
    engine = page.get_by_test_id("engine").and_(page.locator("[data-mode=personaplex]"))
    radio = engine.get_by_role("radio")
    assert await radio.is_disabled()
    reason = await engine.locator("p").inner_text()
    assert reason.startswith("Can't be had: ")
    assert await radio.get_attribute("aria-describedby") == await engine.locator("p").get_attribute("id")
    # As where it was taken away between the choice and the call.
    await radio.evaluate("(radio) => { radio.disabled = false; radio.click(); }")
    await page.get_by_test_id("close-settings").click()
    await window.press()
    facts = page.get_by_test_id("facts")
    await facts.get_by_text(reason.removeprefix("Can't be had: ").rstrip(".")).wait_for()
    assert "Local engine" in await facts.inner_text()
    assert await found(window, "fallback") == []


async def test_keys_of_one_letter_can_be_switched_off(window: Window) -> None:
    page = window.page
    await page.keyboard.press("?")
    assert await page.get_by_test_id("help").is_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement.id") == "text"
    await page.keyboard.type("what?")
    assert await page.get_by_test_id("text").input_value() == "what?", "in a text a key is a letter"
    await page.get_by_test_id("open-settings").click()
    await page.get_by_test_id("shortcuts").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    assert not await page.get_by_test_id("help").is_visible()


@pytest.mark.parametrize("colours", ["active", "none"])
async def test_in_forced_colours_the_call_button_keeps_its_edge(window: Window, colours: str) -> None:
    await window.page.emulate_media(forced_colors=colours)  # type: ignore[arg-type]
    await window.page.screenshot(path=OUT / f"before-forced-{colours}.png", animations="disabled")
    edge = await window.page.get_by_test_id("call").evaluate(
        "(call) => getComputedStyle(call).borderTopStyle"
    )
    assert (edge == "solid") is (colours == "active")
