"""What the doctor finds of ports, keys, microphone and certificate."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.cli import lan
from gateway.cli.certificate import LIFETIME, ensure
from gateway.cli.deployment import UpSettings
from gateway.cli.doctor import door
from gateway.cli.home import Home, Running
from gateway.cli.ports import free_port
from services.base.health import add_health

KEY = "ann:long enough to be a key"


def settings(**given: object) -> UpSettings:
    ports = {name: free_port() for name in ("orchestrator_port", "synthesizer_port", "transcriber_port")}
    return UpSettings.model_validate({"gateway_port": free_port(), **ports, **given})


async def test_taken_ports_are_told_apart() -> None:
    foreign = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with foreign:
        taken = foreign.sockets[0].getsockname()[1]
        gateway = list(door.ports(settings(gateway_port=taken)))
        inner = list(door.ports(settings(transcriber_port=taken)))
    assert [finding.verdict for finding in gateway] == ["bad"]
    assert [finding.verdict for finding in inner] == ["good", "note"]
    assert inner[1].advice == "the transcriber will take another"


async def test_what_runs_is_asked_whether_it_is_ready() -> None:
    missing: list[str | None] = [None]

    async def check() -> str | None:
        return missing[0]

    app = web.Application()
    add_health(app, "gateway", {"voice": check})
    async with TestServer(app) as server:
        running = Running(os.getpid(), "today", "http://box", url=str(server.make_url("")).rstrip("/"))
        assert (await door.ready(running)).verdict == "good"
    missing[0] = "it is gone"
    app = web.Application()
    add_health(app, "gateway", {"voice": check})
    async with TestServer(app) as server:
        running = Running(os.getpid(), "today", "http://box", url=str(server.make_url("")).rstrip("/"))
        assert (await door.ready(running)).advice == "voice: it is gone"


async def test_what_runs_and_does_not_answer_is_told() -> None:
    found = await door.ready(Running(os.getpid(), "today", "http://box", url="http://127.0.0.1:1"))
    assert found.verdict == "note"
    assert "does not answer" in found.what


def test_keys_are_judged(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert door.keys(home, settings()).verdict == "good"
    assert door.keys(home, settings(gateway_host="0.0.0.0")).verdict == "bad"
    assert door.keys(home, settings(antiphon_api_keys="ann:short")).verdict == "bad"
    known = door.keys(home, settings(gateway_host="0.0.0.0", antiphon_api_keys=KEY))
    assert (known.verdict, known.what) == ("good", "a key is asked for: ann")


def test_an_operator_s_key_is_a_key(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for host in ("0.0.0.0", "127.0.0.1"):
        alone = door.keys(home, settings(gateway_host=host, antiphon_operator_keys=KEY))
        assert (alone.verdict, alone.what) == ("good", "a key is asked for: ann")
    short = door.keys(home, settings(antiphon_operator_keys="ann:short"))
    assert (short.verdict, short.what.partition(":")[0]) == ("bad", "ANTIPHON_OPERATOR_KEYS")
    twice = door.keys(home, settings(antiphon_api_keys=KEY, antiphon_operator_keys=f"{KEY}!"))
    assert (twice.verdict, "in one of them alone" in twice.what) == ("bad", True)


def test_beyond_this_machine_the_microphone_needs_tls(tmp_path: Path) -> None:
    far = door.microphone(settings(gateway_host="192.0.2.1"))
    assert far.verdict == "note"
    assert "antiphon up --lan" in far.advice
    local = door.microphone(settings(gateway_port=8123))
    assert local.verdict == "good"
    assert "ssh -L 8123:localhost:8123" in local.advice
    assert door.microphone(settings(gateway_host="192.0.2.1", gateway_tls_cert=tmp_path)).verdict == "good"


def test_the_certificate_of_lan_is_told_in_each_of_its_states(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert "makes a certificate" in door.certificate(home, settings()).what
    ensure(home.tls, ["192.0.2.99"])
    assert "no longer fits" in door.certificate(home, settings()).what
    ensure(home.tls, lan.names("0.0.0.0"))
    ends = datetime.now(UTC) + LIFETIME
    assert f"lasts until {ends:%Y-%m-%d}" in door.certificate(home, settings()).what


def test_a_certificate_of_ones_own_is_looked_at(tmp_path: Path) -> None:
    made = ensure(tmp_path, ["voice.example"], datetime.now(UTC) - LIFETIME - timedelta(days=1))
    given = {"gateway_tls_cert": made.path, "gateway_tls_key": made.key}
    assert "ended on" in door.certificate(Home(tmp_path / "home"), settings(**given)).what
    made.key.unlink()
    assert door.certificate(Home(tmp_path / "home"), settings(**given)).verdict == "bad"
