"""An oracle that knows nothing of the program: what a pump has delivered, from the bytes of its journal alone.

It reads frames by the protocol's table, integrates flows piece by piece in fractions, and knows stopped, minimum rate, simple
continuous and flex programs, every bolus but the periodic one, gains, refills and a pump that runs dry. It shares no code with
the program; of the data sheet it is told two numbers.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any
from zlib import crc32

DAY = 86_400
_HEAD, _STATE, _ENTRY = 16, 17, 18
_EPOCH_WEEKDAY_S = 3 * DAY  # 1970-01-01 was a Thursday, the fourth day of a week
_GAINS = {"temperature": 1, "pressure": 2}


def frames(data: bytes) -> Iterator[tuple[int, int, int, Any]]:
    """(type, session, sequence, payload) of each frame."""
    at = 0
    while at < len(data):
        magic, version, kind, session, sequence, length = struct.unpack_from(">HBBQII", data, at)
        end = at + 20 + length
        assert (magic, version) == (0x8954, 1)
        assert struct.unpack_from(">I", data, end) == (crc32(data[at:end]),)
        yield kind, session, sequence, json.loads(data[at + 20 : end])
        at = end + 4


def life(files: Mapping[str, bytes]) -> tuple[Any, list[Any]]:
    """The state that a pump came to the bench with, and everything that ever happened to it, in order."""
    parts: list[str] = []
    happened: list[Any] = []
    for number, name in enumerate(sorted(name for name in files if name.startswith("journal-")), start=1):
        for kind, session, _, payload in frames(files[name]):
            assert session == number
            if kind == _STATE and number == 1:
                parts.append(payload["part"])
            elif kind == _ENTRY:
                happened.append(payload)
    return json.loads("".join(parts)), happened


@dataclass
class Bolus:
    """A bolus under way: nanolitres a second of its own, from a second to another, instead of the program or on top of it."""

    flow: Fraction
    until: int
    alone: bool


@dataclass
class Oracle:
    """A pump that is worked out. Volumes are nanolitres, times seconds of UTC; ``out`` is exact."""

    undeliverable_nl: int
    minimum_nl_per_day: int
    now: int = 0
    program: Any = None
    patient: Any = None
    offset_s: int = 0
    gains: list[Fraction] = field(default_factory=lambda: [Fraction(1)] * 4)
    bolus: Bolus | None = None
    staged: Any = None
    came_nl: int = 0
    withdrawn_nl: int = 0
    out: Fraction = Fraction(0)

    def begin(self, state: Any) -> None:
        """As the first segment begins: a pump that runs a program, and nothing else."""
        settings, mechanics = state["memory"]["settings"], state["mechanics"]
        assert state["memory"]["bolus"] is state["memory"]["hold"] is mechanics["leak"] is mechanics["stall"] is None
        assert mechanics["carry"] == 0
        self.now, self.program, self.patient = state["now"]["s"], settings["program"], settings["patient"]
        self.offset_s = settings["clock"]["offset_s"]
        influences = mechanics["influences"]
        self.gains = [Fraction(influences[f"{name}_ppm"], 10**6) for name in ("own", "temperature", "pressure", "open")]
        self.came_nl = mechanics["reservoir"]["end"] - mechanics["reservoir"]["start"] - self.undeliverable_nl

    @property
    def delivered_nl(self) -> int:
        return floor(self.out)

    @property
    def usable_nl(self) -> int:
        return self.came_nl - self.withdrawn_nl - self.delivered_nl

    @property
    def gain(self) -> Fraction:
        """All influences together, to the nearest part per million."""
        product = self.gains[0] * self.gains[1] * self.gains[2] * self.gains[3]
        return Fraction(ceil(product * 10**6 - Fraction(1, 2)), 10**6)

    def happen(self, entry: Any) -> None:
        """Everything up to an entry, and then the entry."""
        self.run(entry["at"]["s"])
        match entry["kind"]:
            case "Heard":
                self._hear(entry["message"]["command"])
            case "Asked":
                self._give(self.patient, alone=False)
            case "Needled":
                self._needle(entry["procedure"])
            case "Befell":
                self._suffer(entry["fault"])
            case other:
                assert other == "Passed"

    def run(self, until: int) -> None:
        """Let time pass, from one change of the flow to the next."""
        while self.now < until:
            if self.bolus and self.bolus.until <= self.now:
                self.bolus = None
            basal, end = self._basal(until)
            flow = Fraction(basal, DAY)
            if self.bolus:
                end = min(end, self.bolus.until)
                flow = self.bolus.flow + (0 if self.bolus.alone else flow)
            if self.usable_nl > 0:
                self.out += flow * self.gain * (end - self.now)
                self.out = min(self.out, Fraction(self.came_nl - self.withdrawn_nl))  # nothing flows that is not there
            self.now = end

    def _basal(self, until: int) -> tuple[int, int]:
        """What the program gives now, in nanolitres a day, and until when."""
        match self.program["kind"]:
            case "Stopped":
                return 0, until
            case "MinimumRate":
                return self.minimum_nl_per_day, until
            case "SimpleContinuous":
                return self.program["flow"]["nl_per_day"], until
            case other:
                assert other == "Flex"
        clock = self.now + self.offset_s + _EPOCH_WEEKDAY_S
        days = self.program["days"]
        for step in days[clock // DAY % len(days)]:
            if clock % DAY < step["until_s"]:
                return step["flow"]["nl_per_day"], min(until, self.now + step["until_s"] - clock % DAY)
        raise AssertionError("a flex day ends at midnight")

    def _hear(self, command: Any) -> None:
        match command["kind"]:
            case "Stage":
                self.staged = command["write"]
            case "Commit":
                self._write(self.staged)
            case "CancelBolus":
                self.bolus = None

    def _write(self, write: Any) -> None:
        match write["kind"]:
            case "SetClock":
                self.offset_s = write["offset_s"]
            case "StartBolus":
                self._give(write["bolus"], alone=write["bolus"]["kind"] != "SingleBolus")
            case "Update":
                if write["program"]:
                    self.program, self.bolus = write["program"], None
                if write["patient"]:
                    self.patient = None if write["patient"]["kind"] == "NoPatientBolus" else write["patient"]
                if write["bolus"]:
                    self._give(write["bolus"], alone=True)

    def _give(self, bolus: Any, *, alone: bool) -> None:
        if "flow" in bolus:
            flow = Fraction(bolus["flow"]["nl_per_day"], DAY)
            seconds = ceil(bolus["volume"]["nl"] / flow)
        else:
            seconds = bolus["duration"]["s"]
            flow = Fraction(bolus["volume"]["nl"], seconds)
        self.bolus = Bolus(flow, self.now + seconds, alone)

    def _needle(self, procedure: Any) -> None:
        match procedure["kind"]:
            case "Fill":
                self.came_nl += procedure["volume"]["nl"]
            case "Withdraw":
                self.withdrawn_nl += self.usable_nl if procedure["volume"] is None else procedure["volume"]["nl"]

    def _suffer(self, fault: Any) -> None:
        match fault["kind"]:
            case "ChangeGain":
                self.gains[0] = Fraction(fault["gain"]["ppm"], 10**6)
            case "Surroundings":
                self.gains[_GAINS[fault["what"]]] = Fraction(fault["gain"]["ppm"], 10**6)
            case "Resistance":
                self.gains[3] = Fraction(fault["open_ppm"], 10**6)
            case other:
                raise AssertionError(f"not known here: {other}")
