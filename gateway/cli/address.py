"""Where commands find the gateway: `--url`, `ANTIPHON_URL`, the deployment that runs here, or the usual port."""

import os
from collections.abc import Mapping

from gateway.cli.home import Home

USUAL = "http://127.0.0.1:8999"


def gateway_url(given: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The gateway's address, without a slash at its end."""
    running = None if given or environ.get("ANTIPHON_URL") else Home.find(environ).running()
    url = given or environ.get("ANTIPHON_URL") or (running.address if running else USUAL)
    return url.rstrip("/")


def headers(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The API key to show, where `ANTIPHON_API_KEY` holds one."""
    key = environ.get("ANTIPHON_API_KEY", "")
    return {"Authorization": f"Bearer {key}"} if key else {}
