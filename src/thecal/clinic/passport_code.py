"""The pump passport as a signed text, to be read and verified without a network, and as a QR code.

The text is ``THECAL2:`` and the base45 (RFC 9285, what a QR code holds best) of: a CRC-32 of the rest (4 bytes), the id of the
key (8), the Ed25519 signature (64), and the passport as canonical JSON under zlib, whose dictionary is what passports usually
say (``data/clinic/passport-2.txt``). The signature is over the compressed bytes, so it is checked before anything is unpacked,
and no second text says the same. The dictionary is of the version: with another one nothing that was signed is read.
"""

import io
import re
import zlib
from functools import cache
from importlib.resources import files

import segno

from thecal.bench.codec import UnreadableError, canonical, parse, read, written
from thecal.clinic.passport import Passport, PassportError
from thecal.clinic.signing_key import PublicKey, SigningKey, in_groups
from thecal.errors import InputError

VERSION = 2
BEGINS = f"THECAL{VERSION}:"
TEXT_MAX = 1451
"""Characters of a QR code of version 25 at error correction M (ISO/IEC 18004, alphanumeric mode)."""
_PREFIX = re.compile(r"THECAL([1-9][0-9]{0,3}):")
_BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(_BASE45)}
_PURPOSE = f"thecal passport {VERSION}"
_PLAIN_MAX = 8192  # bytes of a passport once unpacked; a bound of the program, several times what its texts can be
_CHECKED, _HEAD = 4, 12


def signed(passport: Passport, key: SigningKey) -> str:
    """The passport as a text that fits a QR code of version 25 at most. Raises InputError for one that is too long for that."""
    packing = zlib.compressobj(9, zdict=_usual())
    body = packing.compress(canonical(written(passport, Passport))) + packing.flush()
    whole = key.public.key_id + key.sign(_PURPOSE, body) + body
    text = f"{BEGINS}{_base45(zlib.crc32(whole).to_bytes(_CHECKED, 'big') + whole)}"
    if len(text) > TEXT_MAX:
        problem = f"is {len(text):,} characters signed, more than the {TEXT_MAX:,} of a code that telephones read"
        raise InputError("passport", passport.number, f"{problem}; shorten the name of the clinic and the other texts")
    return text


def read_passport(text: str, public_key: PublicKey) -> Passport:
    """The passport that a clinic's key has signed; blanks around the text do not count. Raises PassportError for another text."""
    whole = _bytes_of(text.strip())
    key_id, signature, body = (
        whole[_CHECKED:_HEAD],
        whole[_HEAD : _HEAD + PublicKey.SIGNATURE],
        whole[_HEAD + PublicKey.SIGNATURE :],
    )
    if key_id != public_key.key_id:
        told = f"it is signed with the key {in_groups(key_id)}, and this one is {public_key.fingerprint}"
        raise PassportError("another key", f"another clinic's key: {told}")
    if not public_key.verifies(signature, _PURPOSE, body):
        raise PassportError("signature", "the signature does not fit: this is not what the clinic has signed")
    unpacking = zlib.decompressobj(zdict=_usual())
    try:
        plain = unpacking.decompress(body, _PLAIN_MAX)
        if not unpacking.eof or unpacking.unused_data:
            raise PassportError("unreadable", f"the clinic signed it, but it does not unpack to at most {_PLAIN_MAX:,} bytes")
        found: Passport = read(Passport, parse(plain), "passport")
    except (zlib.error, UnreadableError, InputError) as error:
        raise PassportError("unreadable", f"the clinic signed it, but it cannot be read: {error}") from None
    return found


def qr_svg(text: str) -> str:
    """A text as a QR code, an SVG that loads nothing and has a title. Raises InputError for a text that fits no code."""
    try:
        code = segno.make_qr(text, error="m")
    except (segno.DataOverflowError, ValueError) as error:
        raise InputError("text", text, f"fits no QR code: {error}") from None
    out = io.BytesIO()
    code.save(out, kind="svg", xmldecl=False, scale=4, title="Pump passport, a code to scan", light="#fff", nl=False)
    return out.getvalue().decode("utf-8").replace("<svg ", '<svg role="img" ', 1)


@cache
def _usual() -> bytes:
    """What compression begins with: no text of it has to be in a code that says the same."""
    return (files("thecal") / "data" / "clinic" / "passport-2.txt").read_text("ascii").encode()


def _bytes_of(text: str) -> bytes:
    """What a text of this version holds, whole by its CRC."""
    prefix = _PREFIX.match(text)
    if prefix is None:
        raise PassportError("no passport", f"this is not a pump passport, which begins with {BEGINS}")
    if int(prefix[1]) < VERSION:
        told = f"this passport is of version {prefix[1]}, older than the {VERSION} that is read here"
        raise PassportError("older version", f"{told}; ask the clinic for a new one, or a character of its beginning is wrong")
    if int(prefix[1]) > VERSION:
        told = f"this passport is of version {prefix[1]}, newer than the {VERSION} that is read here"
        raise PassportError("newer version", f"{told}; update thecal, or a character of its beginning is wrong")
    damaged = PassportError("damaged", "the passport is damaged: a part is missing or a character is wrong; scan it again")
    whole = _base45_read(text[prefix.end() :]) if len(text) <= TEXT_MAX else None
    if whole is None or len(whole) <= _HEAD + PublicKey.SIGNATURE:
        raise damaged
    if zlib.crc32(whole[_CHECKED:]).to_bytes(_CHECKED, "big") != whole[:_CHECKED]:
        raise damaged
    return whole


def _base45(data: bytes) -> str:
    """RFC 9285: two bytes in three characters, a last one in two."""
    out = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, rest = divmod(value, 45)
            out.append(_BASE45[rest])
    return "".join(out)


def _base45_read(text: str) -> bytes | None:
    """The bytes of a base45 text; None for what is none."""
    out = bytearray()
    for start in range(0, len(text), 3):
        group = [_VALUE.get(character) for character in text[start : start + 3]]
        value = sum(digit * 45**place for place, digit in enumerate(group) if digit is not None)
        if None in group or len(group) == 1 or value >= 256 ** (len(group) - 1):
            return None
        out += value.to_bytes(len(group) - 1, "big")
    return bytes(out)
