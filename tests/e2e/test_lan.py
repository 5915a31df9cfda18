"""`antiphon up --lan`: other machines come in, by TLS and with a key."""

import asyncio
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pytest
from playwright.async_api import async_playwright

from gateway.cli.caller import API, Caller
from tests.e2e.browser import QUIET, executable
from tests.e2e.deployment import UP, Deployment, run_command


@dataclass(frozen=True, slots=True)
class Invitation:
    """What it told the one who started it."""

    url: str
    fingerprint: str
    key: str

    @property
    def pin(self) -> aiohttp.Fingerprint:
        return aiohttp.Fingerprint(bytes.fromhex(self.fingerprint.replace(":", "")))


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory, _no_settings_from_outside: None) -> Iterator[Deployment]:
    deployment = Deployment.started(tmp_path_factory.mktemp("lan"), command=(*UP, "--lan"))
    try:
        yield deployment
    except BaseException:
        deployment.kill()
        raise
    assert deployment.stop() == 0, deployment.tail()


@pytest.fixture
def invited(lan: Deployment) -> Invitation:
    told = "\n".join(lan.lines)

    def the(pattern: str) -> str:
        found = re.search(pattern, told, re.MULTILINE)
        assert found, told
        return found[1]

    return Invitation(
        url=the(r"other machines open (\S+)"),
        fingerprint=the(r"\| ((?:\w\w:){31}\w\w)$"),
        key=the(r"asks for a key: (\S+)"),
    )


async def test_a_client_that_knows_fingerprint_and_key_holds_a_call(
    lan: Deployment, invited: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTIPHON_API_KEY", invited.key)
    monkeypatch.setenv("ANTIPHON_FINGERPRINT", invited.fingerprint)
    async with Caller.calling(invited.url) as caller:
        assert str(caller.socket._response.url).startswith("wss://")
        await caller.write("how are you today?")
        assert (await caller.answer())["status"] == "completed"


async def test_without_the_key_nobody_gets_a_session(invited: Invitation) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=invited.pin)) as http:
        for token in ("", "not the key at all"):
            headers = {"Authorization": f"Bearer {token}"}
            async with http.post(f"{invited.url}{API}/duplex/session", json={}, headers=headers) as answer:
                assert answer.status == 401
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{invited.url}/v1/realtime", headers=headers)
            assert refused.value.status == 401


async def test_commands_on_this_machine_need_be_told_nothing(lan: Deployment) -> None:
    ran = await asyncio.to_thread(run_command, lan.environment, "sessions", "list")
    assert ran.returncode == 0, ran.stderr


async def test_the_inner_parts_stay_on_this_machine(lan: Deployment, invited: Invitation) -> None:
    host = urlsplit(invited.url).hostname
    assert host != "localhost", "this machine has no address under which others could reach it"
    for name in ("orchestrator", "synthesizer", "transcriber", "postgres"):
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection(host, lan.part(name).port)


async def test_once_the_warning_is_accepted_the_browser_gives_the_microphone(invited: Invitation) -> None:
    fakes = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable(playwright), args=[*QUIET, *fakes, *root]
        )
        page = await browser.new_page(ignore_https_errors=True)
        await page.goto(invited.url)
        assert await page.evaluate("window.isSecureContext")
        heard = "navigator.mediaDevices.getUserMedia({audio: true}).then((s) => s.getAudioTracks().length)"
        assert await page.evaluate(heard) == 1
        await browser.close()
