"""What happens to people whoever treats them: each kind of chance from a stream of its own.

The same person has the same faults at the same days in every arm, whatever else the arm does, and a kind of event that is turned
off leaves every other as it was: its rate decides how far its own stream reaches, and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log

import numpy as np
from scipy.special import ndtri

from thecal.catheter.faults import Disconnection, Kink
from thecal.fluid import ALL_PPM
from thecal.pump.messages import BatteryFilm, Magnet, Stall
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Gain, Length
from thecal.study.population import substream
from thecal.study.setting import Settings
from thecal.timeline import DAY_S, HOUR_S, Instant
from thecal.twin.world import Mishap, PlannedFault

YEAR_S = 365.25 * DAY_S
_AT_ONCE = 8
_FRACTION_BITS = 52
_RECOVERY_H = 2.0  # the shortest delay that is reported
_GAIN_LEAST_PPM = 500_000


@dataclass(slots=True)
class Stream:
    """Chance about one person in the name of one noun: uniforms between 0 and 1, one after the other."""

    seed: int
    number: int
    noun: str
    _source: np.random.Philox | None = None
    _left: list[float] = field(default_factory=list)

    def uniform(self) -> float:
        """The next one; both ends are excluded."""
        if not self._left:
            self._source = self._source or substream(self.seed, self.number, self.noun)
            raw = self._source.random_raw(_AT_ONCE)
            self._left = (((raw >> np.uint64(64 - _FRACTION_BITS)).astype(np.float64) + 0.5) * 2.0**-_FRACTION_BITS).tolist()[
                ::-1
            ]
        return self._left.pop()

    def exponential(self, mean: float) -> float:
        """The next one, from an exponential distribution of this mean."""
        return -mean * log(self.uniform())

    def normal(self) -> float:
        """The next one, standard normal."""
        return float(ndtri(self.uniform()))


@dataclass(frozen=True, slots=True)
class Fate:
    """One person's chances under the settings of a world."""

    seed: int
    number: int
    world: Settings

    def stream(self, noun: str) -> Stream:
        """The stream of a noun, from its beginning."""
        return Stream(self.seed, self.number, noun)

    def gain(self) -> Gain:
        """How much of the programmed flow this person's pumps truly give."""
        percent = self.world["flow_bias"] + self.world["flow_spread"] * self.stream("flow").normal()
        return Gain(max(round(Gain.EXACT * (1 + percent / 100)), _GAIN_LEAST_PPM))

    def faults(self, sheet: PumpSheet, start: Instant, end: Instant) -> tuple[PlannedFault, ...]:
        """What happens to such a pump and its catheter from an implant on until the end of the follow-up, in order of time."""
        return tuple(sorted(self._faults(sheet, start, end), key=lambda planned: planned.at))

    def _faults(self, sheet: PumpSheet, start: Instant, end: Instant) -> Iterator[PlannedFault]:
        kinds, recovery = self.stream("catheter kind"), self.stream("scan recovery")
        for at in self._times("catheter", "catheter_per_year", start, end):
            yield PlannedFault(at, self._of_catheter(kinds.uniform()))
        for at in self._times("stall", "stall_per_year", start, end):
            yield PlannedFault(at, Stall(None), "for good")
        for at in self._times("battery", "battery_film_per_year", start, end):
            lost_ppm = round(Gain.EXACT * self.world["battery_film_part"])
            yield PlannedFault(at, BatteryFilm(lost_ppm, sheet.eri_to_eos), "a film in the battery")
        for at in self._times("scan", "scan_per_year", start, end):
            yield PlannedFault(at, self._scan(at, recovery), "a scan")

    def _times(self, noun: str, rate: str, start: Instant, end: Instant) -> list[Instant]:
        """The instants of a Poisson process between two others, in whole seconds."""
        if not self.world[rate]:
            return []
        stream, found, passed = self.stream(noun), [], 0.0
        while (passed := passed + stream.exponential(YEAR_S / self.world[rate])) < end.s - start.s:
            found.append(Instant(start.s + int(passed)))
        return found

    def _of_catheter(self, uniform: float) -> Mishap:
        if uniform < self.world["catheter_occlusion"]:
            return Kink(0)
        if uniform < self.world["catheter_occlusion"] + self.world["catheter_break"]:
            return Disconnection(Length(0))
        return Kink(round(ALL_PPM * self.world["kink_open"]))

    def _scan(self, at: Instant, recovery: Stream) -> Magnet:
        leaves = Instant(at.s + int(self.world["scan_minutes"] * 60))
        late, hours = recovery.uniform(), recovery.uniform()
        if late >= self.world["scan_recovery"]:
            return Magnet(leaves, leaves)
        after_h = _RECOVERY_H + hours * (self.world["scan_recovery_hours"] - _RECOVERY_H)
        return Magnet(leaves, Instant(leaves.s + int(after_h * HOUR_S)))

    def infection_day(self, stream: Stream) -> float | None:
        """On which day after an operation an infection shows, or None; the stream gives two uniforms for each operation."""
        chance, when = stream.uniform(), stream.uniform()
        return when * self.world["infection_days"] if chance < self.world["infection"] else None
