"""The certificate of `up --lan`: what is in it, and when it is made anew."""

import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway.cli.certificate import LIFETIME, RENEWED_BEFORE, Certificate, ensure
from services.base.tls import fingerprint

NAMES = ("box.local", "192.0.2.7", "2001:db8::7", "localhost")
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def parsed(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.path.read_bytes())


def test_it_names_every_way_to_this_machine(tmp_path: Path) -> None:
    made = parsed(ensure(tmp_path / "tls", NAMES, NOW))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["box.local", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("192.0.2.7"), ip_address("2001:db8::7")]


def test_it_can_vouch_for_nobody_else(tmp_path: Path) -> None:
    extensions = parsed(ensure(tmp_path, NAMES, NOW)).extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    certificate = ensure(tmp_path / "tls", NAMES, NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (certificate.path, certificate.key)} == {0o600}
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert len(list((tmp_path / "tls").iterdir())) == 2


@pytest.mark.parametrize("fewer", [NAMES, NAMES[:2]])
def test_it_is_kept_while_it_covers_what_is_asked(tmp_path: Path, fewer: tuple[str, ...]) -> None:
    first = fingerprint(ensure(tmp_path, NAMES, NOW).path)
    assert fingerprint(ensure(tmp_path, fewer, NOW + timedelta(days=100)).path) == first


def test_a_new_address_takes_a_new_one(tmp_path: Path) -> None:
    first = fingerprint(ensure(tmp_path, NAMES, NOW).path)
    again = ensure(tmp_path, (*NAMES, "192.0.2.8"), NOW)
    assert fingerprint(again.path) != first
    assert again.fits((*NAMES, "192.0.2.8"), NOW)


def test_it_is_made_anew_before_it_ends(tmp_path: Path) -> None:
    certificate = ensure(tmp_path, NAMES, NOW)
    late = NOW + LIFETIME - RENEWED_BEFORE
    assert certificate.fits(NAMES, late - timedelta(minutes=1))
    assert not certificate.fits(NAMES, late)
    assert ensure(tmp_path, NAMES, late).fits(NAMES, late)


def test_a_key_that_belongs_to_another_is_replaced(tmp_path: Path) -> None:
    certificate, other = ensure(tmp_path / "mine", NAMES, NOW), ensure(tmp_path / "other", NAMES, NOW)
    certificate.key.write_bytes(other.key.read_bytes())
    assert not certificate.fits(NAMES, NOW)
    assert ensure(tmp_path / "mine", NAMES, NOW).fits(NAMES, NOW)


def test_a_file_cut_short_is_replaced(tmp_path: Path) -> None:
    certificate = ensure(tmp_path, NAMES, NOW)
    certificate.path.write_bytes(certificate.path.read_bytes()[:100])
    assert ensure(tmp_path, NAMES, NOW).fits(NAMES, NOW)


def test_it_is_known_by_its_fingerprint(tmp_path: Path) -> None:
    certificate = ensure(tmp_path, NAMES, NOW)
    assert fingerprint(certificate.path) == parsed(certificate).fingerprint(hashes.SHA256())
