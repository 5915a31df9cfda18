"""`antiphon health`: whether a part on this machine is ready; for the health checks of containers and supervisors.

Asked every few seconds for as long as a deployment lives, so it loads next to nothing.
"""

import json
import os
import ssl
import sys
from collections.abc import Mapping
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

import click

PORTS = {"gateway": 8999, "orchestrator": 8001, "speech": 8998, "synthesizer": 8009, "transcriber": 8007}
"""Where the parts listen unless `<PART>_PORT` says otherwise."""
LOOPBACK = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")
ASK_S = 5.0
"""A part gives each of its own checks 2 s."""


@click.command()
@click.argument("part", type=click.Choice(list(PORTS)))
def health(part: str) -> None:
    """Exit with 0 when PART, on this machine, is ready; else with 1 and the reason."""
    why = missing(url_of(part, os.environ))
    click.echo(f"{part}: {why or 'ready'}")
    sys.exit(why is not None)


def url_of(part: str, environ: Mapping[str, str]) -> str:
    """Where `part` tells whether it is ready, by the settings with which it was started."""
    host = environ.get(f"{part.upper()}_HOST") or LOOPBACK
    if host in EVERYWHERE:
        host = LOOPBACK
    port = environ.get(f"{part.upper()}_PORT") or PORTS[part]
    scheme = "https" if environ.get(f"{part.upper()}_TLS_CERT") else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/ready"


def missing(url: str) -> str | None:
    """Why the part behind `url` is not ready; None when it is."""
    # The certificate is made out to the names that others use, and nothing of it is believed but that it is ready.
    tls = HTTPSHandler(context=ssl._create_unverified_context())
    # A proxy of this environment is for the world outside; it does not reach what listens on this machine.
    here = build_opener(ProxyHandler({}), tls)
    try:
        with here.open(url, timeout=ASK_S):
            return None
    except HTTPError as answer:
        with answer:
            return reasons(answer.read()) or f"status {answer.code}"
    except OSError as error:
        return f"no answer at {url}: {error}"


def reasons(body: bytes) -> str:
    """What a part that is not ready says; empty where it isn't one of ours that answers."""
    try:
        parts: dict[str, dict[str, str | None]] = json.loads(body)["parts"]
        return "; ".join(f"{name}: {found['reason']}" for name, found in parts.items() if not found["ready"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
