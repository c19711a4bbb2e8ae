"""A link that fails as a radio does: it loses, delays, doubles, reorders and corrupts frames, and is cut in the middle of one.

Pure: chance is an argument, and what comes of a frame is a list of pieces with the seconds after which each arrives.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from random import Random

from thecal.errors import InputError, nearest_name

PPM = 10**6


@dataclass(frozen=True, slots=True)
class BadLink:
    """How bad a link is: chances in parts per million for each frame, delays in milliseconds.

    A ``reordered`` frame waits for ``delay_ms`` more than the others; a frame that is ``cut`` ends the connection within it.
    """

    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    corrupted: int = 0
    cut: int = 0
    delay_ms: int = 0

    @classmethod
    def parse(cls, text: str, field: str = "--link") -> "BadLink":
        """Read ``"lost=10%, delay=200 ms"``. Raises InputError with the nearest name."""
        values: dict[str, int] = {}
        names = [each.name.removesuffix("_ms") for each in fields(cls)]
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if name not in names or not equals:
                accepted = ("lost=10%", "doubled=5%", "reordered=5%", "corrupted=1%", "cut=1%", "delay=200ms")
                raise InputError(field, part, "is nothing that a link does", accepted=accepted, nearest=nearest_name(name, names))
            key = f"{name}_ms" if name == "delay" else name
            if key in values:
                raise InputError(field, part, "is said twice")
            unit, most, size = ("ms", 60_000, 1) if name == "delay" else ("%", 100, PPM // 100)
            number = value.removesuffix(unit).strip()
            if not value.endswith(unit) or not number.isdecimal() or int(number) > most:
                raise InputError(field, part, "is not a share or a time", accepted=(f"{name}=0{unit} to {name}={most}{unit}",))
            values[key] = int(number) * size
        return cls(**values)

    @property
    def is_good(self) -> bool:
        return self == BadLink()


@dataclass(frozen=True, slots=True)
class Piece:
    """What arrives of a frame: bytes, after so many seconds; ``ends`` where the connection ends with it."""

    data: bytes
    after_s: float
    ends: bool = False


def fate(link: BadLink, frame: bytes, chance: Random) -> Iterator[Piece]:
    """What comes of a frame that is sent."""
    after_s = chance.uniform(0, 2 * link.delay_ms) / 1000
    if _happens(link.cut, chance):
        yield Piece(frame[: chance.randrange(len(frame))], after_s, ends=True)
        return
    if _happens(link.lost, chance):
        return
    if _happens(link.reordered, chance):
        after_s += link.delay_ms / 1000 + 0.02
    for _ in range(2 if _happens(link.doubled, chance) else 1):
        yield Piece(_corrupted(frame, chance) if _happens(link.corrupted, chance) else frame, after_s)


def _happens(ppm: int, chance: Random) -> bool:
    return ppm > 0 and chance.randrange(PPM) < ppm


def _corrupted(frame: bytes, chance: Random) -> bytes:
    """The frame with a few bits flipped, or shorter by its end."""
    if chance.randrange(4) == 0:
        return frame[: chance.randrange(len(frame))]
    data = bytearray(frame)
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)
