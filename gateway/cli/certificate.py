"""The certificate that `antiphon up --lan` makes for itself: kept, and made anew where it no longer fits.

It signs itself (docs/adr/a-certificate-that-signs-itself.md).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.cli.home import write_private

LIFETIME = timedelta(days=397)
"""Browsers take none of a public authority that lasts longer than 398 days; Apple none at all over 825."""
RENEWED_BEFORE = timedelta(days=30)
LATE_CLOCKS = timedelta(days=1)
"""A phone whose clock is late must not take it for one of the future."""
LONGEST_COMMON_NAME = 64
"""X.520's bound; who looks for a name looks among the alternative names anyway."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    path: Path
    key: Path

    @classmethod
    def kept_in(cls, folder: Path) -> Self:
        """The one that `up --lan` keeps there, or will."""
        return cls(folder / "certificate.pem", folder / "key.pem")

    def fits(self, names: Sequence[str], now: datetime) -> bool:
        """Whether it is whole, covers all `names`, and lasts."""
        try:
            certificate = x509.load_pem_x509_certificate(self.path.read_bytes())
            key = load_pem_private_key(self.key.read_bytes(), password=None)
            covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, x509.ExtensionNotFound):
            # Missing, cut short or somebody else's: a new one mends it.
            return False
        return (
            certificate.public_key() == key.public_key()
            and set(map(_general, names)) <= set(covered)
            and certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEWED_BEFORE
        )

    def ends(self) -> datetime:
        """When nobody trusts it any more.

        Raises:
            OSError, ValueError: there is none.
        """
        return x509.load_pem_x509_certificate(self.path.read_bytes()).not_valid_after_utc


def ensure(folder: Path, names: Sequence[str], now: datetime | None = None) -> Certificate:
    """The certificate in `folder`, made where there is none, where it lacks one of `names`, or nears its end.

    Args:
        names: host names and IP addresses.
    """
    now = now or datetime.now(UTC)
    certificate = Certificate.kept_in(folder)
    if not certificate.fits(names, now):
        pem, key = make(names, now)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Killed between the two, it is found not to fit the next time.
        for path, content in ((certificate.key, key), (certificate.path, pem)):
            new = path.with_suffix(f".{os.getpid()}")
            write_private(new, content)
            new.replace(path)
    return certificate


def make(names: Sequence[str], now: datetime) -> tuple[str, str]:
    """A certificate for `names` and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"Antiphon on {names[0]}"[:LONGEST_COMMON_NAME])]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LATE_CLOCKS)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(list(map(_general, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), private.decode()


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
