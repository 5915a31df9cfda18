"""The gateway's settings; the names are public (`.env.example`)."""

import os
import socket
from pathlib import Path

from pydantic import Field

from services.base.settings import Settings


class GatewaySettings(Settings):
    """Read from the environment by `GatewaySettings.load()`."""

    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8999
    gateway_node: str = ""
    """This gateway's name in `voice_sessions.node`; the host's name and port where empty."""
    gateway_max_sessions: int = 8 * (os.cpu_count() or 1)
    """By default as many as one transcriber of default size hears at once."""
    gateway_allowed_hosts: str = ""
    """Further names, comma separated, by which browsers may reach this gateway (`Host`, `Origin`)."""
    gateway_tls_cert: Path | None = None
    """PEM. Where set, the gateway serves https and wss, and nothing else."""
    gateway_tls_key: Path | None = None
    """PEM, without a password; where unset it lies in the certificate's file, too."""
    gateway_public_url: str = ""
    """Where tools that answer later reach this gateway (`http://voice.example:8999`); empty: at host and port."""
    gateway_trusted_proxies: str = ""
    """Addresses and networks, comma separated, whose `X-Forwarded-For` and `-Proto` are believed."""
    gateway_max_sessions_per_key: int | None = Field(default=None, ge=0)
    """Calls at once; None: as many as there are places."""
    gateway_max_sessions_per_address: int | None = Field(default=None, ge=0)
    """Calls at once; None: half of the places."""
    gateway_sessions_per_minute: int = Field(default=60, ge=0)
    """New calls of one key, and of one address. Of all limits 0 takes it away."""
    gateway_requests_per_minute: int = Field(default=1200, ge=0)
    """Of one key, and of one address."""
    gateway_max_connections: int | None = Field(default=None, ge=0)
    """Requests, streams and sockets at once, of one key, and of one address; None: 100, and two for each place."""
    gateway_failures_per_minute: int = Field(default=10, ge=0)
    """Wrong keys and secrets from one address, until it has to wait."""
    gateway_bytes_per_second: int = Field(default=1_000_000, ge=0)
    """Of one call's client; twelve times what a microphone gives."""
    gateway_events_per_second: int = Field(default=50, ge=0)
    """Of one call's client, sound not counted."""
    gateway_idle_s: int = Field(default=3600, ge=0)
    """A call whose client sends nothing for so long is over."""
    antiphon_api_keys: str = ""
    """Comma separated; each may be `name:key`. Needed beyond loopback. A key reads and ends its own sessions."""
    antiphon_operator_keys: str = ""
    """The same, of those who see and steer everybody's sessions."""
    antiphon_home: str = ""
    """In its `journal/` deeds are written down while Postgres is away; empty: then nothing is done."""
    database_url: str
    transcriber_urls: str = "http://127.0.0.1:8007"
    personaplex_urls: str = ""
    """Speech servers, comma separated: ours (`services/speech`) or stock ones; empty: no duplex model."""
    synthesizer_url: str = "http://127.0.0.1:8009"
    orchestrator_url: str = "http://127.0.0.1:8001"
    llm_base_url: str = ""
    """Any OpenAI-compatible server; empty: the persona's small talk answers."""
    llm_model: str = ""
    llm_api_key: str = ""
    llm_max_tokens: int = 300
    filler_after_s: float = Field(default=0.15, ge=0)
    """How long whoever asked for something waits in silence; a result that is there by then needs no filler."""
    web_folder: Path | None = None
    """The built page; where unset, the one in the package or the checkout."""

    @property
    def node(self) -> str:
        """`gateway_node`, or what stands in for it."""
        return self.gateway_node or f"{socket.gethostname()}:{self.gateway_port}"

    @property
    def ledger_journal(self) -> Path | None:
        """A file of this gateway's own: several may share a home."""
        if not self.antiphon_home:
            return None
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in self.node)
        return Path(self.antiphon_home).expanduser() / "journal" / f"ledger-{name}.journal"

    @property
    def public_url(self) -> str:
        """`gateway_public_url`, or where we listen: a name for "everywhere" is this machine."""
        host = self.gateway_host if self.gateway_host not in ("0.0.0.0", "::", "") else "127.0.0.1"
        scheme = "https" if self.gateway_tls_cert else "http"
        own = f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.gateway_port}"
        return self.gateway_public_url.rstrip("/") or own
