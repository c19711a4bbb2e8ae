"""A longer fuzz, guided by coverage: arbitrary bytes to the frame decoder or to the case parser.

    python -m tests.bench.fuzz frame|case [seconds]

It runs for a minute if nothing else is said, and ends with what failed, and the bytes that did it, where anything did. It needs
atheris, which is no dependency of the project: install it beside the project's own packages with ``pip install atheris``.
"""

import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from zlib import crc32

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def frame(data: bytes) -> None:
    """The bytes as a stream, and as the payload of a frame whose checksum fits."""
    stream(data)
    head = struct.pack(">2sBBQII", b"\x89T", 1, 3, 7, 9, len(data))
    stream(head + data + struct.pack(">I", crc32(head + data)))


def stream(data: bytes) -> None:
    """In two pieces: every byte is told of or waited for, no more than a frame is kept, and what is found was sent."""
    from thecal.bench.frame import FRAME_MAX, Decoder, Frame

    decoder, told = Decoder(), 0
    for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
        for found in decoder.feed(piece):
            told += len(found.encoded()) if isinstance(found, Frame) else found.skipped
            if isinstance(found, Frame) and found.encoded() not in data:
                raise AssertionError("a frame that nobody sent")
        if decoder.waiting >= FRAME_MAX:
            raise AssertionError("more is kept than a frame")
    if told + decoder.waiting != len(data):
        raise AssertionError("bytes were lost")


def case(data: bytes) -> None:
    """A file: a case, or errors that say where."""
    from thecal.errors import InputErrors
    from thecal.twin.case import parse_case

    with suppress(InputErrors):
        parse_case(data, "fuzz.toml")


ATTEMPTS: dict[str, Callable[[bytes], None]] = {"frame": frame, "case": case}


def main(arguments: list[str]) -> int:
    """Fuzz one of them for so many seconds; the exit status is that of the fuzzer, 2 where it cannot run."""
    what, seconds = [*arguments, *["", "60"][len(arguments) :]][:2]
    if what not in ATTEMPTS or not seconds.isdecimal():
        sys.stderr.write("usage: python -m tests.bench.fuzz frame|case [seconds]\n")
        return 2
    try:
        atheris: Any = import_module("atheris")  # by name: it has no types, and is seldom there
    except ImportError:
        sys.stderr.write("atheris is missing. Install it with: pip install atheris\n")
        return 2
    with atheris.instrument_imports(include=["thecal"]):  # here for the first time, or they would not be
        import thecal.bench.frame
        import thecal.twin.case  # noqa: F401
    seeds = ",".join(map(str, sorted(SCENARIOS.glob("*.toml")))) if what == "case" else ""
    limits = ("-max_len=70000", "-timeout=10", "-rss_limit_mb=1024", f"-max_total_time={seconds}")
    atheris.Setup([sys.argv[0], *limits, *([f"-seed_inputs={seeds}"] if seeds else [])], ATTEMPTS[what])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
