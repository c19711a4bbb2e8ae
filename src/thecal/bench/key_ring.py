"""The keys of a clinic as a whole: who holds which, until when, and the rotation of all of them to a new authority."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography import x509

from thecal.bench.access import Client, client_of
from thecal.bench.keys import TRUSTED, issue_programmer, issue_pump, make_authority, programmers, revoked
from thecal.timeline import Duration

Standing = Literal["valid", "expired", "revoked", "not trusted"]


@dataclass(frozen=True, slots=True)
class Held:
    """A programmer's certificate: whose, what it permits, until when, and whether it lets anybody in."""

    client: Client
    until: datetime
    standing: Standing


def held_keys(folder: Path, now: datetime) -> list[Held]:
    """The programmers' certificates in a folder of keys. Raises OSError, and ValueError for what is no certificate."""
    trusted = {authority.subject for authority in authorities(folder)}
    out = revoked(folder)
    return [_held(folder / f"programmer-{name}.pem", trusted, out, now) for name in programmers(folder)]


def authorities(folder: Path) -> list[x509.Certificate]:
    """The authorities that are trusted, the present one first."""
    return x509.load_pem_x509_certificates((folder / TRUSTED).read_bytes())


def pump_keys(folder: Path) -> list[str]:
    """The pumps that have a key here."""
    return sorted(path.stem.removeprefix("pump-") for path in folder.glob("pump-*.pem"))


def rotate(folder: Path, now: datetime) -> None:
    """Make a new authority, and from it all keys of pumps anew, and of programmers those that are valid.

    They permit what they did, as long as they did. The old ones are taken until the old authority is retired. Raises OSError.
    """
    held = held_keys(folder, now)
    make_authority(folder, now)
    for serial in pump_keys(folder):
        issue_pump(folder, serial, now)
    for key in held:
        if key.standing == "valid":
            client, lasts = key.client, Duration(int((key.until - now).total_seconds()))
            issue_programmer(folder, client.name, sorted(client.permissions), sorted(client.pumps or ()), lasts, now)


def _held(path: Path, trusted: set[x509.Name], out: frozenset[str], now: datetime) -> Held:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    number = f"{certificate.serial_number:X}"
    names = [("URI", uri) for uri in _uris(certificate)]
    subject = ((("commonName", path.stem.removeprefix("programmer-")),),)
    client = client_of({"subject": subject, "serialNumber": number, "subjectAltName": names})
    until = certificate.not_valid_after_utc
    standing: Standing = "valid"
    if number in out:
        standing = "revoked"
    elif until <= now:
        standing = "expired"
    elif certificate.issuer not in trusted:
        standing = "not trusted"
    return Held(client, until, standing)


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
