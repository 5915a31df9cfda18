"""The gateway's settings; the names are public (`.env.example`)."""

import os
from pathlib import Path

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
    antiphon_api_keys: str = ""
    """Comma separated; each may be `name:key`. Needed beyond loopback. A key reads and ends its own sessions."""
    antiphon_operator_keys: str = ""
    """The same, of those who see and steer everybody's sessions."""
    database_url: str
    transcriber_urls: str = "http://127.0.0.1:8007"
    synthesizer_url: str = "http://127.0.0.1:8009"
    orchestrator_url: str = "http://127.0.0.1:8001"
    llm_base_url: str = ""
    """Any OpenAI-compatible server; empty: the persona's small talk answers."""
    llm_model: str = ""
    llm_api_key: str = ""
    llm_max_tokens: int = 300
    web_folder: Path | None = None
    """The built page; where unset, the one in the package or the checkout."""

    @property
    def public_url(self) -> str:
        """`gateway_public_url`, or where we listen: a name for "everywhere" is this machine."""
        host = self.gateway_host if self.gateway_host not in ("0.0.0.0", "::", "") else "127.0.0.1"
        scheme = "https" if self.gateway_tls_cert else "http"
        own = f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.gateway_port}"
        return self.gateway_public_url.rstrip("/") or own
