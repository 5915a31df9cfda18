"""A call on the page that is cancelled before the gateway has made its session."""

import asyncio
from pathlib import Path

import numpy as np
from playwright.async_api import Response, Route

from gateway.session.clock import RATE
from tests.e2e.browser import opened
from tests.e2e.deployment import Deployment
from tests.e2e.speech import write_wav

PATIENCE_S = 60.0


def ends_one(response: Response) -> bool:
    return response.request.method == "DELETE"


async def test_a_session_that_comes_too_late_is_ended_and_the_next_call_goes_on(
    deployment: Deployment, tmp_path: Path
) -> None:
    asked, late = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        response = await route.fetch()
        asked.set()
        await late.wait()
        await route.fulfill(response=response)

    microphone = write_wav(tmp_path / "microphone.wav", np.zeros(RATE, np.int16))
    async with opened(deployment.url, microphone, tmp_path) as window, asyncio.timeout(PATIENCE_S):
        page = window.page
        await page.route("**/api/mas/voice/duplex/session", hold, times=1)
        await window.press()
        await asked.wait()
        await window.press()
        await page.locator("[data-testid=call][data-phase=ended]").wait_for()

        await window.press()
        await page.locator("[data-testid=call][data-phase=live]").wait_for()
        async with page.expect_response(ends_one) as answer:
            late.set()
        response = await answer.value
        assert response.ok
        assert (await response.json())["end_reason"] == "hung_up"
        assert await page.get_by_test_id("call").get_attribute("data-phase") == "live"
        assert window.errors == []
