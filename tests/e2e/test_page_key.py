"""The page of a gateway that asks for a key, opened by another machine's name over plain http: no microphone there."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Route

from gateway.session.clock import RATE
from tests.e2e.browser import Window, opened
from tests.e2e.deployment import Deployment
from tests.e2e.speech import write_wav
from tests.e2e.test_page_access import PHONE, found, set_size, too_wide

KEY = "a-key-of-24-characters--"
HOST = "antiphon.test"

WISH = "what time is it in tokyo"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment with a key, that is also reached by a name that is not localhost."""
    settings = {"ANTIPHON_API_KEYS": f"somebody:{KEY}", "GATEWAY_ALLOWED_HOSTS": HOST}
    deployment = Deployment.started(tmp_path_factory.mktemp("guarded"), settings)
    try:
        yield deployment
    except BaseException:
        deployment.kill()
        raise
    assert deployment.stop() == 0, deployment.tail()


@pytest_asyncio.fixture
async def window(guarded: Deployment, tmp_path: Path) -> AsyncIterator[Window]:
    """The page as another machine sees it."""
    silence = write_wav(tmp_path / "microphone.wav", np.zeros(RATE, np.int16))
    there = [f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    async with opened(f"http://{HOST}:{urlsplit(guarded.url).port}", silence, tmp_path, there) as window:
        await window.page.get_by_test_id("key").wait_for()
        yield window


async def give(window: Window, key: str) -> None:
    """Type `key` where the focus is, and send it."""
    await window.page.keyboard.type(key)
    await window.page.keyboard.press("Enter")


async def test_a_key_is_asked_for_and_axe_finds_nothing(window: Window) -> None:
    page = window.page
    assert await found(window, "key") == []
    await set_size(page, PHONE)
    assert await found(window, "key-phone") == []
    assert not await too_wide(page)
    assert not await page.get_by_test_id("call").is_visible()


@pytest.mark.parametrize("wrong", ["b-key-of-24-characters--", "schlüssel"])
async def test_a_wrong_key_is_told_to_be_wrong(window: Window, wrong: str) -> None:
    await give(window, wrong)
    alert = window.page.get_by_role("alert", include_hidden=False).filter(
        has_text="not a key of this gateway"
    )
    await alert.wait_for()
    assert await window.page.evaluate("document.activeElement.ariaInvalid") == "true"
    assert await found(window, "key-wrong") == []


@pytest.mark.parametrize("path", ["", "topology"])
async def test_a_good_key_is_not_called_wrong_because_the_gateway_refuses_for_now(
    window: Window, path: str
) -> None:
    page = window.page
    await page.goto(f"{page.url}{path}")
    await page.get_by_test_id("key").wait_for()

    async def refuse(route: Route) -> None:
        await route.fulfill(status=503, json={"detail": "The gateway stops."})

    await page.route("**/api/personas", refuse)
    await give(window, KEY)
    alert = page.get_by_role("alert", include_hidden=False)
    await alert.filter(has_text="The gateway refuses (503). The gateway stops.").wait_for()
    assert await page.evaluate("document.activeElement.ariaInvalid") == "false"

    await page.unroute("**/api/personas")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("key").wait_for(state="detached")


async def test_with_the_key_one_types_and_reads_where_there_is_no_microphone(window: Window) -> None:
    page = window.page
    await give(window, KEY)
    trouble = page.get_by_test_id("trouble")
    await trouble.wait_for()
    assert not await page.get_by_test_id("key").is_visible()
    told = await trouble.inner_text()
    assert "antiphon up --lan" in told
    assert f"ssh -L {urlsplit(page.url).port}:localhost:{urlsplit(page.url).port} {HOST}" in told
    assert await page.evaluate("document.activeElement.id") == "call"
    assert await found(window, "insecure") == []

    await window.press()
    await page.locator("#status", has_text="https and localhost pages only").wait_for()
    urls: list[str] = []
    page.on("websocket", lambda socket: urls.append(socket.url))
    await window.type(WISH)
    await page.locator("[data-role=agent][data-state=done] .words", has_text="in Tokyo.").wait_for()
    assert "session.update" in window.sent, "it asks for words alone"
    said = [each.text for each in await window.seen() if each.role == "agent"]
    assert said[-1].endswith("in Tokyo.")
    assert [KEY in url for url in urls] == [False]

    # The tab keeps it, and nothing else does.
    await page.reload()
    await page.get_by_test_id("call").wait_for()
    assert not await page.get_by_test_id("key").is_visible()
    assert KEY in await page.evaluate("JSON.stringify(sessionStorage)")
    assert KEY not in await page.evaluate("JSON.stringify(localStorage) + document.cookie")


async def test_the_topology_asks_for_the_key_and_shares_it_with_the_calls(window: Window) -> None:
    page = window.page
    calls = page.url
    await page.goto(f"{calls}topology")
    await page.get_by_test_id("key").wait_for()
    assert await found(window, "topology-key") == []
    await give(window, KEY)
    await page.get_by_test_id("standing").filter(has_text="Live.").wait_for()
    assert not await page.get_by_test_id("key").is_visible()
    await page.goto(calls)
    await page.get_by_test_id("trouble").wait_for()
    assert not await page.get_by_test_id("key").is_visible()
