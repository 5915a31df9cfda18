"""Who comes in, and where: ports, keys, the microphone, other machines, the certificate."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import aiohttp

from gateway.access import check_apart, checked_keys
from gateway.cli.address import client, unreachable
from gateway.cli.certificate import Certificate
from gateway.cli.deployment import LOOPBACK, UpSettings
from gateway.cli.doctor.finding import ASK_S
from gateway.cli.health import reasons
from gateway.cli.home import Home, Running
from gateway.cli.lan import listens_at, names
from gateway.cli.ports import is_free
from services.base.findings import Finding
from services.base.serve import is_loopback
from services.base.settings import BadSettings
from services.base.tls import server_context


def examine(home: Home, settings: UpSettings) -> Iterator[Finding]:
    if running := home.running():
        yield asyncio.run(ready(running))
    else:
        yield from ports(settings)
    yield keys(home, settings)
    yield microphone(settings)
    yield certificate(home, settings)


async def ready(running: Running) -> Finding:
    """Whether what runs here can take a call."""
    what = f"Antiphon runs at {running.address} since {running.since} (pid {running.pid})"
    try:
        async with (
            client(running.url, timeout=aiohttp.ClientTimeout(total=ASK_S)) as http,
            http.get(f"{running.url}/ready") as answer,
        ):
            missing = "" if answer.status == 200 else reasons(await answer.read())
    except (aiohttp.ClientError, OSError, BadSettings) as error:
        return Finding("note", f"{what}, and does not answer", unreachable(running.url, error))
    if missing:
        return Finding("note", f"{what}, and is not ready", missing)
    return Finding("good", what)


def ports(settings: UpSettings) -> Iterator[Finding]:
    host, port = settings.gateway_host, settings.gateway_port
    if is_free(host, port):
        yield Finding("good", f"the gateway's port {port} is free")
    else:
        yield Finding(
            "bad", f"another program uses {host}:{port}", "set GATEWAY_PORT to a free port, or stop it"
        )
    inner = {
        "orchestrator": settings.orchestrator_port,
        "synthesizer": settings.synthesizer_port,
        "transcriber": settings.transcriber_port,
    }
    for part, wanted in inner.items():
        if not is_free(LOOPBACK, wanted):
            yield Finding("note", f"another program uses port {wanted}", f"the {part} will take another")


def keys(home: Home, settings: UpSettings) -> Finding:
    try:
        users = checked_keys(settings.antiphon_api_keys)
        operators = checked_keys(settings.antiphon_operator_keys, "ANTIPHON_OPERATOR_KEYS")
        check_apart(users, operators)
    except BadSettings as error:
        return Finding("bad", error.detail, "correct it; `openssl rand -hex 16` makes a key")
    if known := [*users, *operators]:
        return Finding("good", f"a key is asked for: {', '.join(known)}")
    if not is_loopback(settings.gateway_host):
        advice = "start with `antiphon up --lan`, which makes one, or set ANTIPHON_API_KEYS"
        return Finding("bad", f"GATEWAY_HOST is {settings.gateway_host}, and there is no key", advice)
    kept = (
        f"`up --lan` asks for the one in {home.api_key}" if home.api_key.exists() else "`up --lan` makes one"
    )
    return Finding("good", f"no key is asked for on this machine; {kept}")


def microphone(settings: UpSettings) -> Finding:
    port = settings.gateway_port
    if settings.gateway_tls_cert:
        return Finding("good", f"browsers get the microphone, at {' or '.join(settings.addresses)}")
    if is_loopback(settings.gateway_host):
        return Finding(
            "good",
            "browsers on this machine get the microphone, at http://localhost",
            f"from another machine: ssh -L {port}:localhost:{port} to here, then open http://localhost:{port} there; "
            "or start with `antiphon up --lan`",
        )
    advice = (
        "they give it to https and localhost alone: start with `antiphon up --lan`, or set GATEWAY_TLS_CERT"
    )
    return Finding("note", f"browsers elsewhere get no microphone at {settings.address}", advice)


def certificate(home: Home, settings: UpSettings) -> Finding:
    """The one of GATEWAY_TLS_CERT, else the one of `up --lan`."""
    now = datetime.now(UTC)
    if settings.gateway_tls_cert:
        try:
            server_context(settings.gateway_tls_cert, settings.gateway_tls_key)
            ends = Certificate(settings.gateway_tls_cert, settings.gateway_tls_cert).ends()
        except (BadSettings, ValueError) as error:
            return Finding("bad", str(error), "correct GATEWAY_TLS_CERT and GATEWAY_TLS_KEY")
        if ends < now:
            return Finding(
                "note", f"the certificate ended on {ends:%Y-%m-%d}", "browsers refuse it: renew it"
            )
        return Finding("good", f"the certificate of GATEWAY_TLS_CERT lasts until {ends:%Y-%m-%d}")
    own = Certificate.kept_in(home.tls)
    if own.fits(names(listens_at(settings)), now):
        return Finding("good", f"the certificate of `up --lan` lasts until {own.ends():%Y-%m-%d}")
    if own.path.exists():
        what = "the certificate of `up --lan` no longer fits this machine's addresses, or ends soon"
        return Finding(
            "note", what, "the next `antiphon up --lan` makes another, and browsers warn once more"
        )
    return Finding("good", "the first `antiphon up --lan` makes a certificate for other machines")
