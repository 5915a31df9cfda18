"""TLS: the context with which a service answers, and the fingerprint by which its certificate is known."""

import hashlib
import re
import ssl
from pathlib import Path

import aiohttp

from services.base.settings import BadSettings

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """A context for a server.

    Args:
        certificate: PEM, followed by those that lead to its authority.
        key: PEM, without a password; None where it lies in `certificate` too.

    Raises:
        BadSettings: the files can't be read, or don't belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # RFC 8996 forbids what was before; RFC 9325 what comes with it.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An empty password, since without one OpenSSL would ask for it at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        files = f"{certificate} and {key}" if key else f"{certificate}"
        raise BadSettings(
            f"GATEWAY_TLS_CERT, GATEWAY_TLS_KEY: {files} can't be used as certificate and key: {error}"
        ) from error
    return context


def fingerprint(certificate: Path) -> bytes:
    """The SHA-256 of the first certificate in a PEM file, which is the one that a server shows for itself.

    Raises:
        BadSettings: there is none.
    """
    try:
        found = PEM.search(certificate.read_text(encoding="ascii", errors="replace"))
    except OSError as error:
        raise BadSettings(f"GATEWAY_TLS_CERT: {certificate} can't be read: {error.strerror}") from error
    if found is None:
        raise BadSettings(f"GATEWAY_TLS_CERT: {certificate} holds no certificate in PEM")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).digest()


def signs_itself(certificate: Path) -> bool:
    """Whether nobody vouches for it, so that browsers warn."""
    from cryptography import x509  # Takes 50 ms, which only those with TLS need spend.

    first = x509.load_pem_x509_certificate(certificate.read_bytes())
    return first.issuer == first.subject


def spelled(digest: bytes) -> str:
    """A fingerprint as browsers and OpenSSL write it: `AB:CD:…`."""
    return digest.hex(":").upper()


def pinned(certificate: Path | None) -> aiohttp.TCPConnector:
    """Connects to one who shows exactly this certificate, whatever it is called; without one, to anybody."""
    return aiohttp.TCPConnector(ssl=aiohttp.Fingerprint(fingerprint(certificate)) if certificate else True)
