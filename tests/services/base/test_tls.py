"""Serving with TLS."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.cli.certificate import Certificate, ensure
from services.base.settings import BadSettings
from services.base.tls import fingerprint, server_context, signs_itself, spelled


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return ensure(tmp_path, ("localhost", "127.0.0.1"))


@pytest_asyncio.fixture
async def port(certificate: Certificate) -> AsyncIterator[int]:
    """Of a service that says its scheme."""

    async def scheme(request: web.Request) -> web.Response:
        return web.Response(text=request.scheme)

    app = web.Application()
    app.router.add_get("/", scheme)
    server = TestServer(app)
    await server.start_server(ssl=server_context(certificate.path, certificate.key))
    assert server.port
    yield server.port
    await server.close()


def trusting(certificate: Certificate) -> ssl.SSLContext:
    """A client that trusts this certificate alone, as strict as Python 3.13's."""
    context = ssl.create_default_context(cafile=str(certificate.path))
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


async def got(port: int, host: str, tls: ssl.SSLContext | aiohttp.Fingerprint) -> str:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"https://{host}:{port}/", ssl=tls) as answer,
    ):
        return await answer.text()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_strict_client_that_trusts_the_certificate_gets_in(
    port: int, certificate: Certificate, host: str
) -> None:
    assert await got(port, host, trusting(certificate)) == "https"


async def test_a_client_that_pins_it_needs_no_name(port: int, certificate: Certificate) -> None:
    assert await got(port, "127.0.0.1", aiohttp.Fingerprint(fingerprint(certificate.path))) == "https"
    with pytest.raises(aiohttp.ServerFingerprintMismatch):
        await got(port, "127.0.0.1", aiohttp.Fingerprint(bytes(32)))


async def test_nobody_else_trusts_it(port: int) -> None:
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await got(port, "localhost", ssl.create_default_context())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_only_tls_1_2_and_later_are_spoken(port: int, certificate: Certificate) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert await got(port, "localhost", only(version, certificate)) == "https"
    with pytest.raises(aiohttp.ClientConnectorError):
        await got(port, "localhost", only(ssl.TLSVersion.TLSv1_1, certificate))


def only(version: ssl.TLSVersion, certificate: Certificate) -> ssl.SSLContext:
    context = trusting(certificate)
    # OpenSSL itself is against old versions, too.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("broken", ["missing", "no key", "another's key", "not PEM"])
def test_files_that_cannot_be_used_are_one_sentence(
    certificate: Certificate, tmp_path: Path, broken: str
) -> None:
    path, key = certificate.path, certificate.key
    match broken:
        case "missing":
            path = tmp_path / "nowhere.pem"
        case "no key":
            key = path
        case "another's key":
            key = ensure(tmp_path / "other", ("localhost",)).key
        case "not PEM":
            path.write_text("certificate")
    with pytest.raises(BadSettings, match="GATEWAY_TLS_CERT"):
        server_context(path, key)


def test_key_and_certificate_may_lie_in_one_file(certificate: Certificate, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(certificate.key.read_text() + certificate.path.read_text())
    server_context(both, None)
    assert fingerprint(both) == fingerprint(certificate.path)


def test_who_vouches_for_a_certificate_is_seen(certificate: Certificate, tmp_path: Path) -> None:
    assert signs_itself(certificate.path)
    signed = tmp_path / "signed.pem"
    signed.write_bytes(by_an_authority("voice.example"))
    assert not signs_itself(signed)


def by_an_authority(name: str) -> bytes:
    """A certificate that somebody else signed, as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, "Them"))
    made = x509.CertificateBuilder(issuer, subject, key.public_key(), 1, now, now + timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_fingerprint_is_spelled_as_browsers_do() -> None:
    assert spelled(bytes([0, 171, 16])) == "00:AB:10"


def test_a_file_without_a_certificate_has_no_fingerprint(certificate: Certificate) -> None:
    with pytest.raises(BadSettings, match="holds no certificate"):
        fingerprint(certificate.key)
