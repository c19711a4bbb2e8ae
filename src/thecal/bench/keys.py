"""Keys: the clinic's certificate authority, and the certificates of its pumps and programmers.

All of it is for virtual pumps. A pump shows its own certificate, so that a programmer knows that it talks to the pump it means; a
programmer's certificate says what it may do. What is trusted is one file, which holds the authority before a rotation as well.
"""

import re
import ssl
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from thecal.bench.access import MAY, ONLY, PERMISSIONS
from thecal.errors import InputError, nearest_name
from thecal.timeline import Duration

AUTHORITY, TRUSTED, REVOKED, FORMER = "authority", "trusted.pem", "revoked", "former-"
YEARS = timedelta(days=3653)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
SERIAL = re.compile(r"[A-Z0-9][A-Z0-9-]{1,14}[A-Z0-9]")
_SKEW = timedelta(minutes=5)  # clocks that are a little apart still agree that a certificate has begun


def pump_host(serial: str) -> str:
    """The name under which a pump shows its certificate."""
    return f"{serial.lower()}.pump.thecal"


def check_name(name: str, field: str) -> None:
    """Raises InputError for what is no name of a programmer."""
    if not NAME.fullmatch(name):
        raise InputError(field, name, "is no name of a programmer", accepted=("letters, digits, dot, dash and underscore",))


def has_authority(folder: Path) -> bool:
    """Whether there is an authority in a folder of keys."""
    return (folder / f"{AUTHORITY}.key").exists()


def make_authority(folder: Path, now: datetime) -> None:
    """Make the authority; an older one stays trusted until it is retired. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"thecal bench authority {x509.random_serial_number():x}"[:40])])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _certificate(name, name, key.public_key(), now, YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    trusted = folder / TRUSTED
    _put(trusted, pem + (trusted.read_bytes() if trusted.exists() else b""))  # first, so that a cut leaves no key untrusted
    _put(folder / f"{AUTHORITY}.key", _key_bytes(key))
    _put(folder / f"{AUTHORITY}.pem", pem)


def retire(folder: Path) -> None:
    """Trust the present authority only. Raises OSError."""
    _put(folder / TRUSTED, (folder / f"{AUTHORITY}.pem").read_bytes())


def issue_programmer(
    folder: Path, name: str, permissions: Iterable[str], pumps: Iterable[str], lasts: Duration, now: datetime
) -> Path:
    """A key and a certificate for a programmer, in ``programmer-NAME.pem`` (which is returned) and ``.key``.

    A certificate of that name of which it takes the place is set aside, so that it is revoked with it. Raises InputError for a
    name or a permission that there is not, OSError.
    """
    check_name(name, "--programmer")
    may = list(dict.fromkeys(permissions))
    for permission in may:
        if permission not in PERMISSIONS:
            nearest = nearest_name(permission, PERMISSIONS)
            raise InputError("--may", permission, "is no permission", accepted=PERMISSIONS, nearest=nearest)
    uris = [*(MAY + permission for permission in may), *(ONLY + serial for serial in pumps)]
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    if (folder / f"programmer-{name}.pem").exists():
        set_aside(folder, name)
    return _issue(folder, f"programmer-{name}", name, names, usage, now, timedelta(seconds=lasts.s))


def issue_pump(folder: Path, serial: str, now: datetime) -> Path:
    """A key and a certificate for a pump, in ``pump-SERIAL.pem`` (which is returned) and ``.key``. Raises OSError."""
    names: list[x509.GeneralName] = [x509.DNSName(pump_host(serial))]
    return _issue(folder, f"pump-{serial}", serial, names, ExtendedKeyUsageOID.SERVER_AUTH, now, YEARS)


def revoke(folder: Path, name: str) -> None:
    """Let nobody in any more with a programmer's certificate, nor with one of it from before a rotation.

    Raises InputError where there is none, OSError.
    """
    path = folder / f"programmer-{name}.pem"
    if not path.exists():
        known = programmers(folder)
        raise InputError("--revoke", name, "is no programmer here", accepted=known, nearest=nearest_name(name, known))
    read = [x509.load_pem_x509_certificate(each.read_bytes()) for each in (path, *folder.glob(f"{FORMER}*.pem"))]
    numbers = {f"{each.serial_number:X}" for each in read if each.subject == read[0].subject}
    _put(folder / REVOKED, "".join(f"{each}\n" for each in sorted(revoked(folder) | numbers)).encode())


def set_aside(folder: Path, name: str) -> None:
    """Keep a programmer's certificate, without its key, beside the one that takes its place, so that both can be revoked."""
    data = (folder / f"programmer-{name}.pem").read_bytes()
    _put(folder / f"{FORMER}{x509.load_pem_x509_certificate(data).serial_number:X}.pem", data)


def revoked(folder: Path) -> frozenset[str]:
    """The numbers of the certificates that are revoked."""
    path = folder / REVOKED
    return frozenset(line.lstrip("0") for line in path.read_text(encoding="ascii").split()) if path.exists() else frozenset()


def programmers(folder: Path) -> list[str]:
    """The programmers that have a key here."""
    return sorted(path.stem.removeprefix("programmer-") for path in folder.glob("programmer-*.pem"))


def pump_context(folder: Path, serial: str) -> ssl.SSLContext:
    """What a pump talks with: its own certificate, and none but clients of a trusted authority. Raises OSError, SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / TRUSTED)
    context.load_cert_chain(folder / f"pump-{serial}.pem", folder / f"pump-{serial}.key")
    context.num_tickets = 0  # a session is not resumed: who may talk is asked each time
    return context


def programmer_context(folder: Path, name: str) -> ssl.SSLContext:
    """What a programmer talks with. Raises InputError where it has no key, OSError, SSLError."""
    certificate = folder / f"programmer-{name}.pem"
    if not certificate.exists():
        known = programmers(folder)
        problem = f"has no key in {folder}; make one with: thecal bench keys --programmer {name}"
        raise InputError("--as", name, problem, accepted=known, nearest=nearest_name(name, known))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(folder / TRUSTED)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


def _issue(
    folder: Path,
    stem: str,
    common: str,
    names: list[x509.GeneralName],
    usage: x509.ObjectIdentifier,
    now: datetime,
    lasts: timedelta,
) -> Path:
    authority = x509.load_pem_x509_certificate((folder / f"{AUTHORITY}.pem").read_bytes())
    authority_key = serialization.load_pem_private_key((folder / f"{AUTHORITY}.key").read_bytes(), password=None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)  # as it was made
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    builder = (
        _certificate(subject, authority.subject, key.public_key(), now, lasts)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(authority_key, hashes.SHA256())
    path = folder / f"{stem}.pem"
    _put(path.with_suffix(".key"), _key_bytes(key))
    _put(path, certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)


def _put(path: Path, data: bytes) -> None:
    """Write a file whole, readable by its owner alone."""
    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    beside.write_bytes(data)
    beside.replace(path)
