"""The services of `docker-compose.voice.yml` as plain processes, with the environment that the file gives them.

No container runs here. What a container would add is put in by hand, and nothing else: the image's own environment,
names of hosts, volumes. The database is the embedded Postgres, under the file's user, password and name.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import aiohttp
import asyncpg
import pytest

from gateway.cli.caller import Caller, transcript
from gateway.cli.health import PORTS
from gateway.cli.phrases import small_talk
from gateway.cli.ports import free_port
from gateway.cli.postgres import EmbeddedPostgres, binaries
from gateway.cli.tether import tethered
from services.base.database_url import for_psql
from tests.deploy import composition, dockerfile
from tests.deploy.composition import ROOT, Composition, mounts
from tests.e2e.rows import eventually

KEY = "a key of the page's users"
PASSWORD = "p@ss/w:rd %41"
VARIABLES = {
    "ANTIPHON_API_KEYS": f"house:{KEY}",
    "ANTIPHON_INTERNAL_KEY": "what the parts show each other",
    "POSTGRES_PASSWORD": PASSWORD,
    "LOG_FORMAT": "json",
    "TRANSCRIBER_WORKERS": "2",
}
HEALTHY_S = 120.0
STOPPED_S = 60.0


@dataclass(slots=True)
class Host:
    """This machine in the place of all containers."""

    services: Mapping[str, Mapping[str, Any]]
    folder: Path
    """Volumes and logs lie in it."""
    postgres_port: int
    ports: dict[str, int] = field(default_factory=lambda: {part: free_port() for part in PORTS})
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def url(self, part: str) -> str:
        return f"http://127.0.0.1:{self.ports[part]}"

    def environment(self, name: str) -> dict[str, str]:
        """What the process has: the image's environment, then the file's, both in terms of this machine."""
        image = dockerfile.environment(dockerfile.FILE.read_text(encoding="utf-8"), self.target(name))
        given = {**image, **self.services[name]["environment"]}
        found = {variable: self._here(name, value) for variable, value in given.items()}
        # In a container a part listens where it always does.
        ports = {f"{part.upper()}_PORT": str(port) for part, port in self.ports.items() if part == name}
        return {**found, **ports, "PGPORT": str(self.postgres_port)}

    def target(self, name: str) -> str | None:
        """The stage of the Dockerfile that makes the image of a service; None for the last."""
        build = self.services[name].get("build")
        return build["target"] if isinstance(build, dict) else None

    def _here(self, name: str, value: str) -> str:
        for source, target in mounts(self.services[name]):
            value = value.replace(target, str(self.volume(source)))
        # Whoever has no volume there finds the image's empty folder.
        value = value.replace("/var/lib/antiphon", str(self.volume(f"image of {name}")))
        for part, port in self.ports.items():
            value = value.replace(f"//{part}:{PORTS[part]}", f"//127.0.0.1:{port}")
        return value.replace("@postgres:5432/", f"@127.0.0.1:{self.postgres_port}/").replace(
            "0.0.0.0", "127.0.0.1"
        )

    def volume(self, name: str) -> Path:
        folder = self.folder / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    async def up(self, order: Sequence[str]) -> None:
        """Start all, each once what it depends on is as the file asks for it."""
        for name in order:
            for other, how in self.services[name].get("depends_on", {}).items():
                await self.reach(other, how["condition"])
            if name != "postgres":
                await self.start(name)
        for name in order:
            if "healthcheck" in self.services[name]:
                await self.reach(name, "service_healthy")

    async def start(self, name: str, *arguments: str) -> None:
        """Start one, with `arguments` behind those of the file."""
        text = dockerfile.FILE.read_text(encoding="utf-8")
        command = [
            *dockerfile.entrypoint(text, self.target(name)),
            *self.services[name]["command"],
            *arguments,
        ]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = await asyncio.create_subprocess_exec(
                *tethered(_with_our_python(command), SIGKILL),
                env=self.environment(name),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def reach(self, name: str, condition: str) -> None:
        match condition:
            case "service_started":
                assert self.running[name].returncode is None, self.log(name)
            case "service_completed_successfully":
                async with asyncio.timeout(HEALTHY_S):
                    assert await self.running[name].wait() == 0, self.log(name)
            case "service_healthy":
                async with asyncio.timeout(HEALTHY_S):
                    while (said := await self.unwell(name)) is not None:
                        if name in self.running:
                            assert self.running[name].returncode is None, f"{said}\n{self.log(name)}"

    async def unwell(self, name: str) -> str | None:
        """What the health check of the file says; None when it passes."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        checking = await asyncio.create_subprocess_exec(
            *_with_our_python(command),
            env=self.environment(name),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await checking.communicate()
        return None if checking.returncode == 0 else said.decode()

    async def down(self, order: Sequence[str]) -> dict[str, int]:
        """Stop all, each before what it depends on; their exit statuses."""
        for name in reversed(order):
            if name in self.running and self.running[name].returncode is None:
                self.running[name].send_signal(SIGTERM)
                async with asyncio.timeout(STOPPED_S):
                    await self.running[name].wait()
        return {name: process.returncode or 0 for name, process in self.running.items()}

    def kill(self) -> None:
        """End what is left, with its workers."""
        for process in self.running.values():
            try:
                os.killpg(process.pid, SIGKILL)
            except ProcessLookupError:
                continue


def _with_our_python(command: Sequence[str]) -> list[str]:
    """The command as this environment has it: `antiphon` out of this checkout, Postgres's own out of its wheel."""
    if command[0] == "antiphon":
        return [sys.executable, "-m", "gateway.cli.main", *command[1:]]
    return [str(binaries() / command[0]), *command[1:]]


@asynccontextmanager
async def composed(folder: Path) -> AsyncIterator[tuple[Host, list[str]]]:
    """All services of the profile `cpu`, healthy; stopped in order in the end."""
    text = composition.FILE.read_text(encoding="utf-8")
    file = Composition.read(text, VARIABLES, "cpu")
    made = file.services["postgres"]["environment"]
    assert (made["POSTGRES_USER"], made["POSTGRES_DB"]) == ("antiphon", "antiphon")
    postgres = EmbeddedPostgres(folder / "postgres", made["POSTGRES_PASSWORD"], {"fsync": "off"})
    await postgres.start()
    assert postgres.port is not None
    order = list(file.in_order())
    host = Host(file.services, folder, postgres.port)
    try:
        await host.up(order)
        yield host, order
        assert await host.down(order) == {name: 0 for name in order if name != "postgres"}
    finally:
        host.kill()
        await postgres.stop()


async def test_the_services_of_the_compose_file_are_plain_processes_that_take_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTIPHON_API_KEY", KEY)
    async with composed(tmp_path) as (host, _):
        await _page_and_key(host)
        async with Caller.calling(host.url("gateway")) as caller:
            await caller.write("how many miles are ten kilometres")
            assert (await caller.tool("success"))["action"] == "convert_units"
            await caller.until("response.done", lambda event: "6.21 miles" in transcript(event["response"]))
        await _is_written_down(host)
        _is_expected_by_the_recogniser(host)


async def _page_and_key(host: Host) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(host.url("gateway")) as page:
            assert page.status == 200, await page.text()
            assert "<title>Antiphon" in await page.text()
        async with http.post(f"{host.url('gateway')}/api/mas/voice/duplex/session", json={}) as refused:
            assert refused.status == 401
        async with http.get(f"{host.url('orchestrator')}/tools") as refused:
            assert refused.status == 401
        # It is well without its store; here it has one.
        async with http.get(f"{host.url('orchestrator')}/ready") as told:
            assert {name: part["reason"] for name, part in (await told.json())["parts"].items()} == {
                "tools": None,
                "store": None,
            }


async def _is_written_down(host: Host) -> None:
    settings = host.environment("gateway")
    connection = await asyncpg.connect(for_psql(settings["DATABASE_URL"]), password=settings["PGPASSWORD"])
    try:

        async def is_there() -> bool:
            node = await connection.fetchval(
                "SELECT node FROM voice_sessions s JOIN voice_tool_invocations t USING (session_id)"
                " WHERE t.status = 'success' AND NOT s.is_active"
            )
            return bool(node == "gateway")

        await eventually(is_there)
    finally:
        await connection.close()


def _is_expected_by_the_recogniser(host: Host) -> None:
    folder = Path(host.environment("transcriber")["TRANSCRIBER_PHRASES"])
    assert (folder / "persona.txt").read_text(encoding="utf-8").splitlines() == list(
        dict.fromkeys(small_talk())
    )
    assert "what time is it" in (folder / "tools.txt").read_text(encoding="utf-8")
    built = re.search(r'"domain_phrases": (\d+)', host.log("transcriber"))
    phrases = {
        line for file in folder.glob("*.txt") for line in file.read_text(encoding="utf-8").splitlines()
    }
    assert built is not None, host.log("transcriber")
    assert int(built[1]) >= len(phrases)


async def test_the_speech_service_of_the_compose_file_is_a_plain_process_that_serves_the_toy(
    tmp_path: Path,
) -> None:
    # Where other tests run beside it, a tick may take longer than it sounds.
    variables = {**VARIABLES, "SPEECH_SLOTS": "2", "SPEECH_MOST_REAL_TIME": "100"}
    host = Host(gpu(variables).services, tmp_path, free_port())
    try:
        await host.start("speech", "--toy")
        await host.reach("speech", "service_healthy")
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{host.url('speech')}/ready") as told:
                assert (await told.json())["slots_total"] == 2
            async with http.get(f"{host.url('speech')}/api/chat") as refused:
                assert refused.status == 401
        assert await host.down(["speech"]) == {"speech": 0}
    finally:
        host.kill()


async def test_without_a_gpu_it_ends_with_a_sentence_and_its_health_check_says_that_it_is_away(
    tmp_path: Path,
) -> None:
    host = Host(gpu({**VARIABLES, "SPEECH_DEVICE": "cuda:99"}).services, tmp_path, free_port())
    try:
        await host.start("speech")
        async with asyncio.timeout(HEALTHY_S):
            assert await host.running["speech"].wait() == 1
        assert re.search(r"^speech: There is no such GPU: SPEECH_DEVICE is cuda:99", host.log("speech"), re.M)
        said = await host.unwell("speech")
        assert said is not None
        assert said.startswith("speech: no answer at ")
    finally:
        host.kill()


def gpu(variables: Mapping[str, str]) -> Composition:
    """The profile `gpu`."""
    return Composition.read(composition.FILE.read_text(encoding="utf-8"), variables, "gpu")
