"""What the lock of the program says is to be installed on this machine."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from tests.command import ROOT

LOCK = ROOT / "locks" / "core.txt"


@dataclass(frozen=True)
class Pin:
    """A line of the lock that counts here: a package, its version, and the hashes of the files that may be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]


def read_lock(path: Path = LOCK) -> list[Pin]:
    """The pins of a lock whose markers hold on this machine, in their order."""
    found = []
    for entry in re.split(r"^(?=[a-zA-Z])", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        requirement = Requirement(entry.partition("\\\n")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate():
            version = next(iter(requirement.specifier)).version
            found.append(Pin(requirement.name, version, tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))))
    return found
