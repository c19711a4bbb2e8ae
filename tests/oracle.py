"""An independent oracle: the same device, second by second, in fractions, sharing no arithmetic with the package.

Slow, plain and obvious: a program is a function of the second, a line is a list of fluids, and everything is added up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor


@dataclass
class NaivePump:
    """A reservoir, a line, a program and a clock that ticks."""

    dead_nl: int
    undeliverable_nl: int
    gain: Fraction
    flow_nl_per_day: Callable[[int], int]
    low_nl: int
    suspends: bool = False
    second: int = 0
    programmed: Fraction = Fraction(0)
    delivered: Fraction = Fraction(0)
    typed_nl: int = 0
    filled_nl: int = 0
    reservoir: tuple[int, Fraction] = (0, Fraction(0))  # nanolitres with the undeliverable rest, picograms per nanolitre
    bolus: tuple[int, int, int] | None = None  # nanolitres, seconds, start
    dry: bool = False
    out_nl: int = 0
    fluids: list[tuple[int, Fraction]] = field(default_factory=list)
    alarms: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reservoir = (self.undeliverable_nl, Fraction(0))
        self.fluids = [(self.dead_nl, Fraction(0))]

    def refill(self, volume_nl: int, mcg_per_ml: int) -> int:
        """Aspirate, fill, type it in; returns what was aspirated."""
        aspirated = self.usable_nl
        held = Fraction(self.undeliverable_nl) * self.reservoir[1]
        total = self.undeliverable_nl + volume_nl
        self.reservoir = (total, (held + volume_nl * mcg_per_ml) / total)
        self.filled_nl = volume_nl
        self.delivered -= floor(self.delivered)  # a new mixture counts from what had left the old one in whole nanolitres
        self.programmed -= floor(self.programmed)
        self.typed_nl = volume_nl
        self.dry = False
        self.out_nl = 0
        return aspirated

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self._tick()

    def _tick(self) -> None:
        flow = Fraction(self.flow_nl_per_day(self.second), 86_400)
        if self.bolus and self.bolus[2] <= self.second < self.bolus[2] + self.bolus[1]:
            flow = Fraction(self.bolus[0], self.bolus[1]) + (0 if self.suspends else flow)
        self.second += 1
        self.programmed += flow
        if not self.dry:
            self.delivered += flow * self.gain
            if floor(self.delivered) >= self.filled_nl:
                self.dry, self.delivered = True, Fraction(self.filled_nl)
            self._push(floor(self.delivered) - self.out_nl)
        for name, threshold in (("low reservoir", self.low_nl), ("empty reservoir", 0)):
            if self.calculated_nl <= threshold:
                self.alarms.setdefault(name, self.second)

    def _push(self, volume_nl: int) -> None:
        self.out_nl += volume_nl
        if volume_nl:
            self.fluids.append((volume_nl, self.reservoir[1]))

    @property
    def calculated_nl(self) -> int:
        return max(0, self.typed_nl - floor(self.programmed))

    @property
    def usable_nl(self) -> int:
        return self.filled_nl - self.out_nl

    def at_tip(self) -> tuple[int, Fraction]:
        """(nanolitres, picograms) that have left the tip: everything that was pushed, less what still lies in the line."""
        left = sum(volume for volume, _ in self.fluids) - self.dead_nl
        amount, volume_nl = Fraction(0), left
        for fluid_nl, density in self.fluids:
            taken = min(fluid_nl, volume_nl)
            amount += taken * density
            volume_nl -= taken
        return left, amount
