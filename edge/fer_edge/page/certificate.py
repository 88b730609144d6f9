"""A certificate of this computer's own: with it browsers give a page their camera."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes
from fer_core.places import secrets_folder
from fer_core.text import typed
from fer_edge.page.access import ServeAddress

if TYPE_CHECKING:
    from cryptography import x509

LIFE, LEAST_LEFT = timedelta(days=365), timedelta(days=30)
"""How long a certificate holds, and how long before its end another one is made."""
_LOCAL = ("localhost", "127.0.0.1", "::1")
_FILE = "https.pem"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key.

    Attributes:
        file: A PEM file that holds both; only its owner may read it.
        fingerprint: SHA-256 of the certificate as browsers show it, 32 pairs of hex digits.
        ends: When browsers begin to refuse it, with a zone.
    """

    file: Path
    fingerprint: str
    ends: datetime

    def ends_soon(self) -> bool:
        """Return whether it is time for another one."""
        return self.ends - datetime.now(timezone.utc) < LEAST_LEFT

    def context(self) -> ssl.SSLContext:
        """Return what a server encrypts with, TLS 1.2 or newer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context


def own_certificate(
    address: ServeAddress, folder: Path | None = None, now: datetime | None = None
) -> Certificate:
    """Return this computer's certificate, a new one where there is none for all of its names.

    Args:
        address: Where the page is served.
        folder: Where it is kept; by default in the user's settings, or that of the service.
        now: The time of day, with its zone.

    Raises:
        FerError: `cryptography` is not installed, other users may read the key, or the disk
            refuses.
    """
    try:
        import cryptography.x509  # noqa: F401
    except ImportError as error:
        raise FerError(
            "--https needs cryptography: pip install '.[studio]' in the folder of fer-edge-kit"
        ) from error
    file = make_folder(folder or secrets_folder()) / _FILE
    hosts = filter(None, map(_certified_name, address.hosts))
    names, now = {*_LOCAL, *hosts}, now or datetime.now(timezone.utc)
    kept = _read(file)
    if kept is None or kept.not_valid_after_utc - now < LEAST_LEFT or names - _names_of(kept):
        kept = _make(file, sorted(names), now)
    return Certificate(file, _fingerprint(kept), kept.not_valid_after_utc)


def _read(file: Path) -> x509.Certificate | None:
    """Return the certificate in a file, None where there is none; its key must be secret."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise FerError(f"other users may read the key in {file}: chmod 600 {typed(file)}")
        pem = file.read_bytes()
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)  # the key goes with it
        return load_pem_x509_certificate(pem)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise FerError(f"cannot read {file}: {error.strerror}") from error
    except (ssl.SSLError, ValueError):
        return None  # damaged: another one is made


def _certified_name(host: str) -> str:
    """Return a host's name or number as certificates have it, "" for a name that fits none.

    Letters beyond ASCII are written by IDNA (RFC 3490): büro.local is xn--bro-hoa.local.
    """
    with suppress(ValueError):
        return str(ip_address(host.partition("%")[0]))
    with suppress(UnicodeError):
        return host.encode("idna").decode()
    return ""


def _names_of(certificate: x509.Certificate) -> set[str]:
    from cryptography.x509 import ExtensionNotFound, SubjectAlternativeName

    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}


def _make(file: Path, names: list[str], now: datetime) -> x509.Certificate:
    """Write a new key and a certificate for these names; return the certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fer-edge-kit")])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        file.touch(mode=0o600)  # what replaces it keeps its mode
    except OSError as error:
        raise FerError(f"cannot write {file}: {error.strerror}") from error
    write_bytes(file, secret + made.public_bytes(serialization.Encoding.PEM))
    return made


def _general(names: Iterable[str]) -> list[x509.GeneralName]:
    from cryptography.x509 import DNSName, IPAddress

    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(IPAddress(ip_address(name)))
        except ValueError:
            general.append(DNSName(name))
    return general


def _fingerprint(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex(":").upper()
