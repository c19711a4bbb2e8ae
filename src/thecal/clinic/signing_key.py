"""The clinic's signing key: made once in its data folder, never overwritten; and the public half of it, which anybody may hold.

Ed25519 (RFC 8032). The file holds the public key in a line before the private one, and has one spelling, so that a file with a
flipped bit is told from a whole one: by themselves any 32 bytes are a private key.
"""

import base64
import binascii
import os
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from thecal.errors import InputError, ThecalError

KEY_FILE = "signing.key"
"""What the file of the key is called in the clinic's data folder."""
PREFIX = "thecal-key:"
_SECRET = "thecal-secret-key:"  # noqa: S105  # what the line of it begins with
_RAW = 32
_ID = 8


class DamagedKeyError(ThecalError):
    """The file of the signing key holds no whole key: says which file, and what to do."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a clinic's key, as its 32 bytes. ``str`` gives it as text, to hand out."""

    raw: bytes
    SIGNATURE: ClassVar[int] = 64

    @classmethod
    def parse(cls, text: str, name: str = "public key") -> Self:
        """Read ``thecal-key:`` and its base64url. Raises InputError for any other spelling."""
        shown = text.strip()
        raw = _unspelled(shown.removeprefix(PREFIX))
        if raw is not None and str(cls(raw)) == shown:
            return cls(raw)
        raise InputError(name, text, "is no public key of a clinic", accepted=(f"{PREFIX} and 43 letters, digits, - and _",))

    def __str__(self) -> str:
        return PREFIX + _spelled(self.raw)

    @property
    def key_id(self) -> bytes:
        """Eight bytes by which a signed text names its key: the first ones of the SHA-256 of it."""
        return sha256(self.raw).digest()[:_ID]

    @property
    def fingerprint(self) -> str:
        """The same eight bytes to read aloud: ``"3f2a 9c01 77de 0b45"``."""
        return in_groups(self.key_id)

    def verifies(self, signature: bytes, purpose: str, data: bytes) -> bool:
        """Whether this clinic has signed the data for that purpose."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, _for(purpose, data))
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A clinic's key. It is never printed; what leaves the clinic is ``public``."""

    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The half that anybody may hold."""
        return PublicKey(self.private.public_key().public_bytes_raw())

    def sign(self, purpose: str, data: bytes) -> bytes:
        """The signature (64 bytes) of data for one ``purpose``: it fits nothing else that the key has signed."""
        return self.private.sign(_for(purpose, data))


def in_groups(data: bytes) -> str:
    """Bytes as hex digits in groups of four."""
    return data.hex(" ", 2)


def load_or_make(folder: Path) -> SigningKey:
    """The clinic's key in its data folder, made there on first use (0600). An existing file is never written to.

    Raises DamagedKeyError for a file that is no whole key, OSError.
    """
    path = folder / KEY_FILE
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):  # somebody else was first: theirs is the key
            _put_once(path, _file_of(SigningKey(Ed25519PrivateKey.generate())))
    return _loaded(path)


def _for(purpose: str, data: bytes) -> bytes:
    return purpose.encode("ascii") + b"\0" + data


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _unspelled(text: str) -> bytes | None:
    """The 32 bytes of a key; None for what has not so many. Whoever asks compares the spelling."""
    with suppress(ValueError, binascii.Error):
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=")
        return raw if len(raw) == _RAW else None
    return None


def _file_of(key: SigningKey) -> bytes:
    return f"{key.public}\n{_SECRET}{_spelled(key.private.private_bytes_raw())}\n".encode("ascii")


def _put_once(path: Path, data: bytes) -> None:
    """A whole file or none, readable by its owner alone. Raises FileExistsError where there is one already."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        path.hardlink_to(beside)  # which never takes the place of a file
    finally:
        beside.unlink(missing_ok=True)


def _loaded(path: Path) -> SigningKey:
    data = path.read_bytes()
    raw = _unspelled(data.decode("ascii", "replace").partition(_SECRET)[2].strip())
    if raw is not None:
        key = SigningKey(Ed25519PrivateKey.from_private_bytes(raw))
        if _file_of(key) == data:
            return key
    raise DamagedKeyError(
        f"{path} is damaged: it holds no whole signing key. Put it back from a backup; without one, move it away: a new key is "
        "made, and every passport has to be issued again."
    )
