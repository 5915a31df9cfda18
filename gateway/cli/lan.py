"""`antiphon up --lan`: what it takes to let others in, and what to tell the one who starts it."""

import secrets
import socket
from urllib.parse import urlsplit

from gateway.cli.addresses import host_names, lan_addresses
from gateway.cli.certificate import ensure
from gateway.cli.deployment import EVERYWHERE, LOOPBACK, UpSettings
from gateway.cli.home import Home, made_once
from services.base.serve import is_loopback
from services.base.tls import fingerprint, spelled

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Someone types the key into a telephone: no letter that looks like another, none to be shifted."""
GROUPS, GROUP = 4, 5
"""20 of 31 letters: 99 bits."""


def opened(settings: UpSettings, home: Home) -> UpSettings:
    """`settings` with all that it takes to listen beyond this machine: address, certificate and key.

    What the user has set stays; the rest is made once, and kept in `home`.
    """
    host = listens_at(settings)
    given: dict[str, object] = {"gateway_host": host}
    if not settings.gateway_tls_cert:
        certificate = ensure(home.tls, names(host))
        given |= {"gateway_tls_cert": certificate.path, "gateway_tls_key": certificate.key}
    if not settings.antiphon_api_keys and not settings.antiphon_operator_keys:
        # It is the key of the house: who has it sees all that goes on, as whoever sits at the machine does.
        given["antiphon_operator_keys"] = named(made_once(home.api_key, new_key))
    return settings.model_copy(update=given)


def listens_at(settings: UpSettings) -> str:
    """The host that the gateway binds: all addresses, unless the user has named one that others reach."""
    return EVERYWHERE[0] if is_loopback(settings.gateway_host) else settings.gateway_host


def names(host: str) -> list[str]:
    """All by which a gateway that listens on `host` is reached."""
    others = map(str, lan_addresses(host)) if host in EVERYWHERE else [host]
    return list(dict.fromkeys([*host_names(socket.gethostname()), *others, "localhost", LOOPBACK, "::1"]))


def new_key() -> str:
    """A key that one can type: `k7f3w-9qwmx-…`."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


def invitation(settings: UpSettings, home: Home) -> list[str]:
    """What to tell, once all is ready, the one who started it with `--lan`."""
    certificate = settings.gateway_tls_cert
    assert certificate is not None, "these are no settings for --lan"
    port, host = settings.gateway_port, urlsplit(settings.address).hostname
    if host == "localhost":
        host = socket.gethostname()
        lines = ["this machine has no address in a network yet: connect it, and start again"]
    else:
        lines = [f"on other machines open {' or '.join(settings.addresses)}"]
    if certificate.parent == home.tls:
        lines.append(
            "the browser warns, since this machine vouches for itself. Go on if it shows this SHA-256:"
        )
        lines.append(spelled(fingerprint(certificate)))
    own = home.api_key.read_text() if home.api_key.exists() else ""
    if settings.antiphon_operator_keys == named(own):
        lines.append(f"the page asks for a key: {own} (kept in {home.api_key})")
    else:
        lines.append("the page asks for a key: one of ANTIPHON_API_KEYS or ANTIPHON_OPERATOR_KEYS")
    lines.append(
        f"without all this: `antiphon up` here; there `ssh -L {port}:localhost:{port} {host}`, "
        f"and open http://localhost:{port}"
    )
    return lines


def named(key: str) -> str:
    """The key of this home, as ANTIPHON_OPERATOR_KEYS has keys."""
    return f"lan:{key}"
