"""`antiphon up --lan`: other machines come in, by TLS and with a key."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from gateway.cli.caller import API, PATIENCE_S, Caller, transcript
from tests.e2e.browser import opened
from tests.e2e.deployment import UP, Deployment, run_command
from tests.e2e.speech import silence, write_wav


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


async def test_a_timer_finds_its_way_back_into_the_call(
    invited: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTIPHON_API_KEY", invited.key)
    monkeypatch.setenv("ANTIPHON_FINGERPRINT", invited.fingerprint)
    async with Caller.calling(invited.url) as caller:
        await caller.write("set a timer for two seconds")
        await caller.tool("success")
        await caller.until("response.done", lambda event: "timer is up" in transcript(event["response"]))


async def test_without_the_key_nobody_gets_a_session(invited: Invitation) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=invited.pin)) as http:
        for token in ("", "not the key at all"):
            headers = {"Authorization": f"Bearer {token}"}
            async with http.post(f"{invited.url}{API}/duplex/session", json={}, headers=headers) as answer:
                assert answer.status == 401
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{invited.url}/v1/realtime", headers=headers)
            assert refused.value.status == 401


async def test_no_browser_is_told_to_accept_no_warning_ever_again(invited: Invitation) -> None:
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=invited.pin)) as http,
        http.get(invited.url) as answer,
    ):
        assert "<html" in await answer.text()
        assert "Strict-Transport-Security" not in answer.headers


async def test_commands_on_this_machine_need_be_told_nothing(lan: Deployment) -> None:
    ran = await asyncio.to_thread(run_command, lan.environment, "sessions", "list")
    assert ran.returncode == 0, ran.stderr


async def test_the_inner_parts_stay_on_this_machine(lan: Deployment, invited: Invitation) -> None:
    host = urlsplit(invited.url).hostname
    assert host != "localhost", "this machine has no address under which others could reach it"
    for name in ("orchestrator", "synthesizer", "transcriber", "postgres"):
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection(host, lan.part(name).port)


async def test_who_accepts_the_browser_s_warning_and_has_the_key_can_call(
    invited: Invitation, tmp_path: Path
) -> None:
    microphone = write_wav(tmp_path / "microphone.wav", silence(60))
    async with opened("about:blank", microphone, tmp_path / "profile") as window:
        page = window.page
        with pytest.raises(PlaywrightError, match="ERR_CERT_AUTHORITY_INVALID"):
            await page.goto(invited.url)
        await accept_warning(page)
        await page.get_by_label("API key").fill("not the key at all")
        await page.get_by_label("API key").press("Enter")
        await page.get_by_text("That is not a key of this gateway").wait_for()
        await page.get_by_label("API key").fill(invited.key)
        await page.get_by_label("API key").press("Enter")
        await window.press()
        await window.type("how are you today?")
        await window.until("agent", "done")
        assert await page.evaluate("window.isSecureContext")
        assert "input_audio_buffer.append" in window.sent, "the browser gave no microphone"


async def accept_warning(page: Page) -> None:
    """Type what Chromium's warning takes for a yes; its buttons are out of reach of those who drive it."""
    async with asyncio.timeout(PATIENCE_S):
        while not page.url.startswith("https:"):
            # A slow machine does not show the warning yet, and loses what is typed.
            await page.keyboard.type("thisisunsafe")
            with suppress(PlaywrightTimeout):
                await page.wait_for_url("https://**", wait_until="commit", timeout=2000)
