"""The page's connection breaks while somebody talks: it comes back, and no word is lost."""

import asyncio

import pytest
from playwright.async_api import WebSocketRoute

from gateway.session.clock import RATE
from tests.e2e.browser import opened
from tests.e2e.deployment import Deployment
from tests.e2e.speech import Voice, timeline, write_wav

BEFORE, ASKED = "how are you today", "what time is it in tokyo"

GREETING_S, ANSWER_S = 6.0, 5.5
"""What the agent's greeting and its answer to the first sentence take at most."""

LOST = 4000
"""A close that ends no session (RFC 6455 7.4.2: for private use)."""


class Network:
    """Between a page and its gateway."""

    def __init__(self) -> None:
        self.connections = 0
        self.there = asyncio.Event()
        """Without it nobody who calls gets through."""
        self.there.set()
        self._last: list[WebSocketRoute] = []

    async def connect(self, page: WebSocketRoute) -> None:
        self.connections += 1
        await self.there.wait()
        self._last = [page, page.connect_to_server()]

    async def cut(self) -> None:
        """Break the connection that stands, and let none be made."""
        self.there.clear()
        for end in self._last:
            await end.close(code=LOST, reason="cut")


@pytest.mark.parametrize("by_hand", [True, False], ids=["push to talk", "duplex"])
async def test_what_is_said_while_the_connection_is_away_is_heard(
    deployment: Deployment, voice: Voice, tmp_path_factory: pytest.TempPathFactory, by_hand: bool
) -> None:
    folder = tmp_path_factory.mktemp("resume")
    before, asked = await voice.say(BEFORE), await voice.say(ASKED)
    asked_at = GREETING_S + len(before) / RATE + ANSWER_S
    sound = timeline(GREETING_S, before, ANSWER_S, asked, 1.0)
    async with opened(deployment.url, write_wav(folder / "microphone.wav", sound), folder) as window:
        network, keyboard = Network(), window.page.keyboard
        await window.page.route_web_socket("**/v1/realtime*", network.connect)
        dropped = window.page.get_by_test_id("status").get_by_text("The connection dropped.")
        await window.page.get_by_test_id("push-to-talk").set_checked(by_hand)
        await window.press()
        await window.hears(asked_at - 0.5)
        if by_hand:
            await keyboard.down("Space")
        await window.hears(asked_at + 0.2)
        await network.cut()
        await dropped.wait_for()
        await window.hears(asked_at + len(asked) / RATE)
        network.there.set()
        await dropped.wait_for(state="detached")
        await window.hears(asked_at + len(asked) / RATE + 0.4)
        if by_hand:
            await keyboard.up("Space")
        await window.until("tool", "success")
        seen, errors = await window.seen(), window.errors
    assert network.connections == 2
    assert errors == []
    settled = {each.text for each in seen if each.role == "user" and each.state == "settled"}
    assert settled == ({ASKED} if by_hand else {BEFORE, ASKED})
