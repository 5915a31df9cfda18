"""Where commands find the gateway, what they show it, and what to say where it can't be had."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from gateway.cli.home import Home, Running
from services.base.problems import Problem
from services.base.tls import pinned, spelled

USUAL = "http://127.0.0.1:8999"


class BadAddress(Problem):
    """What was given as the gateway's address, or as its certificate's fingerprint, is none."""

    code, title = "bad_address", "The gateway's address cannot be used"


def gateway_url(given: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The gateway's address: `--url`, `ANTIPHON_URL`, the deployment that runs here, or the usual port.

    It has no slash at its end.

    Raises:
        BadAddress: it is no http or https address.
    """
    url = given or environ.get("ANTIPHON_URL")
    if url is None or url == "":
        running = Home.find(environ).running()
        return running.url if running else USUAL
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # A port that is no number, or half a bracket.
        good = False
    if not good:
        source = "--url" if given else "ANTIPHON_URL"
        raise BadAddress(
            f"{source} is {url!r}; expected http://host:port, or https://host:port where it has TLS"
        )
    return url.rstrip("/")


def client(url: str, environ: Mapping[str, str] = os.environ, **options: Any) -> aiohttp.ClientSession:
    """A session for requests to the gateway at `url`: it shows our key, and knows the gateway's certificate.

    Args:
        options: of `aiohttp.ClientSession`.
    """
    headers = {"Authorization": f"Bearer {key}"} if (key := api_key(url, environ)) else {}
    return aiohttp.ClientSession(headers=headers, connector=connector(url, environ), **options)


def api_key(url: str, environ: Mapping[str, str] = os.environ) -> str:
    """The key to show: `ANTIPHON_API_KEY`, else the one that `up --lan` made here; else empty."""
    if key := environ.get("ANTIPHON_API_KEY"):
        return key
    home = Home.find(environ)
    # To no other address than our own.
    return home.api_key.read_text().strip() if _here(url, home) and home.api_key.exists() else ""


def connector(url: str, environ: Mapping[str, str] = os.environ) -> aiohttp.TCPConnector:
    """Connects to the gateway at `url`: by the certificate that it shows here, or by `ANTIPHON_FINGERPRINT`.

    Raises:
        BadAddress: that is no SHA-256.
    """
    running = _here(url, Home.find(environ))
    if running and running.certificate:
        return pinned(Path(running.certificate))
    if text := environ.get("ANTIPHON_FINGERPRINT"):
        try:
            return aiohttp.TCPConnector(ssl=aiohttp.Fingerprint(bytes.fromhex(text.replace(":", ""))))
        except ValueError as error:
            raise BadAddress(
                f"ANTIPHON_FINGERPRINT is {text!r}; expected a SHA-256, AB:CD:… of 32 pairs"
            ) from error
    return aiohttp.TCPConnector()


def unreachable(url: str, error: Exception) -> str:
    """Why no request gets through to `url`, and what to do."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return (
                f"{url}: nobody whom this machine trusts vouches for its certificate. "
                "Where `antiphon up --lan` made it, set ANTIPHON_FINGERPRINT to what was printed there."
            )
        case aiohttp.ServerFingerprintMismatch():
            return (
                f"{url}: its certificate is another one, of SHA-256 {spelled(error.got)}. "
                "Compare with what `antiphon up --lan` prints there, and set ANTIPHON_FINGERPRINT to that."
            )
        case aiohttp.ClientSSLError():
            return f"{url}: what answers there speaks no TLS. Without `--lan` it is http://."
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientConnectionResetError() if url.startswith(
            "http:"
        ):
            return f"{url}: it hung up without an answer. Started with `antiphon up --lan`, it is https://."
        case TimeoutError():
            return f"{url}: no answer in time. Is it the right address, and the machine up?"
        case _:
            return f"{url}: {error}. Is it running? `antiphon up` starts it."


def refusal(status: int, body: Any) -> str:
    """The gateway's own words for an answer that is an error."""
    if status == 401:
        return "it asks for a key: set ANTIPHON_API_KEY to one that it knows"
    told = body if isinstance(body, dict) else {}
    return str(told.get("detail") or told.get("title") or f"it answered {status}")


def _here(url: str, home: Home) -> Running | None:
    """The deployment of `home`, if it is what answers at `url`."""
    running = home.running()
    return running if running and url in (running.url, running.address) else None
