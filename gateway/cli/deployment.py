"""What `antiphon up` runs: which parts, on which ports, told what by environment. No process is started here."""

import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.access import check_apart, checked_keys
from gateway.cli.addresses import host_names, lan_addresses
from gateway.cli.child import READY_S, Spec
from gateway.cli.home import Home, Secrets
from gateway.cli.phrases import write_phrases
from gateway.cli.ports import free_port, is_free
from services.base.problems import Problem
from services.base.serve import PortTaken, is_loopback
from services.base.settings import Settings
from services.base.tls import server_context

LOOPBACK = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")


class OpenDoor(Problem):
    """Others could reach the gateway, and no key would be asked for."""

    code, title = "open_door", "Antiphon does not listen beyond this machine without keys"


class UpSettings(Settings):
    """What `up` itself reads; the parts read theirs."""

    antiphon_api_keys: str = ""
    antiphon_operator_keys: str = ""
    database_url: str = ""
    gateway_host: str = LOOPBACK
    gateway_port: int = 8999
    gateway_tls_cert: Path | None = None
    gateway_tls_key: Path | None = None
    orchestrator_port: int = 8001
    synthesizer_port: int = 8009
    transcriber_port: int = 8007
    web_folder: Path | None = None

    @property
    def address(self) -> str:
        """Where a person finds the page."""
        return self.addresses[0]

    @property
    def addresses(self) -> list[str]:
        """All of those, the likeliest first. Browsers give the microphone to `localhost` and to https alone."""
        host = self.gateway_host
        if is_loopback(host):
            return [self._url("localhost")]
        if host not in EVERYWHERE:
            return [self._url(host)]
        found = list(map(str, lan_addresses(host))) or ["localhost"]
        # The first name is mDNS's, which needs no server.
        return [self._url(each) for each in (*found, *host_names(socket.gethostname())[:1])]

    @property
    def near(self) -> str:
        """The host under which this machine reaches the gateway itself."""
        return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.gateway_host, self.gateway_host)

    @property
    def url(self) -> str:
        """Where commands on this machine find the gateway."""
        return self._url(self.near)

    def _url(self, host: str) -> str:
        scheme = "https" if self.gateway_tls_cert else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.gateway_port}"

    def check(self) -> None:
        """Raise `OpenDoor`, `BadSettings` or `PortTaken` where the gateway must not, or can't, listen as asked."""
        host, port = self.gateway_host, self.gateway_port
        if not is_loopback(host) and not (self.antiphon_api_keys or self.antiphon_operator_keys):
            raise OpenDoor(
                "start it with `antiphon up --lan`, which makes a key and a certificate, "
                f"set ANTIPHON_API_KEYS (comma separated), or don't set GATEWAY_HOST to {host}"
            )
        keys = checked_keys(self.antiphon_api_keys)
        check_apart(keys, checked_keys(self.antiphon_operator_keys, "ANTIPHON_OPERATOR_KEYS"))
        if self.gateway_tls_cert:
            server_context(self.gateway_tls_cert, self.gateway_tls_key)
        if not is_free(host, port):
            raise PortTaken(
                f"another program uses {host}:{port}; stop it, or set GATEWAY_PORT (or --port) to a free one"
            )


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the inner parts listen, all on loopback."""

    orchestrator: int
    synthesizer: int
    transcriber: int

    @classmethod
    def choose(cls, settings: UpSettings, say: Callable[[str], None]) -> "Ports":
        """The ports asked for, or others where a foreign program uses those; `say` is told."""

        def choose(part: str, wanted: int) -> int:
            port = free_port(preferred=wanted)
            if port != wanted:
                say(f"another program uses port {wanted}; the {part} takes {port}")
            return port

        return cls(
            choose("orchestrator", settings.orchestrator_port),
            choose("synthesizer", settings.synthesizer_port),
            choose("transcriber", settings.transcriber_port),
        )


def specs(
    home: Home,
    secrets: Secrets,
    settings: UpSettings,
    ports: Ports,
    environ: Mapping[str, str],
    database_url: Callable[[], str],
    embedded: bool,
) -> list[Spec]:
    """The processes of the embedded default.

    Args:
        environ: ours; what a user has set there reaches the parts.
        database_url: tells where the database is, or will be: the gateway waits for it, the orchestrator tries.
        embedded: the database is a part, `postgres`, too.
    """
    key = settings.antiphon_internal_key or secrets.internal_key
    orchestrator_url = f"http://{LOOPBACK}:{ports.orchestrator}"
    shared = {
        **environ,
        "ANTIPHON_HOME": str(home.root),
        "ANTIPHON_INTERNAL_KEY": key,
        "ANTIPHON_API_KEYS": settings.antiphon_api_keys,
        "ANTIPHON_OPERATOR_KEYS": settings.antiphon_operator_keys,
        "GATEWAY_HOST": settings.gateway_host,
        "GATEWAY_PORT": str(settings.gateway_port),
        **{
            name.upper(): str(path)
            for name in ("gateway_tls_cert", "gateway_tls_key")
            if (path := getattr(settings, name))
        },
        "GATEWAY_URL": settings.url,
        "ORCHESTRATOR_HOST": LOOPBACK,
        "ORCHESTRATOR_PORT": str(ports.orchestrator),
        "ORCHESTRATOR_URL": orchestrator_url,
        "SYNTHESIZER_HOST": LOOPBACK,
        "SYNTHESIZER_PORT": str(ports.synthesizer),
        "SYNTHESIZER_URL": f"http://{LOOPBACK}:{ports.synthesizer}",
        "TRANSCRIBER_HOST": LOOPBACK,
        "TRANSCRIBER_PHRASES": str(home.phrases),
        "TRANSCRIBER_PORT": str(ports.transcriber),
        "TRANSCRIBER_URLS": f"http://{LOOPBACK}:{ports.transcriber}",
    }

    # It stops last, so that whatever the others still have to write finds it.
    database = ("postgres",) if embedded else ()
    inner = ("orchestrator", "synthesizer", "transcriber")

    def spec(name: str, port: int, **more: Any) -> Spec:
        # -P: the folder in which somebody started us must not put its modules before ours.
        command = (sys.executable, "-P", "-m", "gateway.cli.main", name)
        usual = {"environment": lambda: shared, "uses": database}
        return Spec(name, command, port, home.logs / f"{name}.log", **{**usual, **more})

    def with_database() -> Mapping[str, str]:
        return {**shared, "DATABASE_URL": database_url()}

    return [
        spec("orchestrator", ports.orchestrator, environment=with_database),
        spec("synthesizer", ports.synthesizer),
        spec(
            "transcriber",
            ports.transcriber,
            # The orchestrator tells its tools as soon as it listens, long before it is ready.
            before=lambda: write_phrases(home.phrases, orchestrator_url, key, patience_s=READY_S),
        ),
        spec(
            "gateway",
            settings.gateway_port,
            host=settings.near,
            certificate=settings.gateway_tls_cert,
            # It starts while the inner parts do: it is ready, by its own word, once they are.
            after=database,
            uses=(*inner, *database),
            environment=with_database,
        ),
    ]
