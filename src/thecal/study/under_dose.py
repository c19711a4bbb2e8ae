"""Hours at less than a part of the ordered dose, and how many of them nobody had noticed."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from thecal.body.doses import Infusion


@dataclass(slots=True)
class UnderDose:
    """Counts for one patient. ``part`` is what of the ordered dose still counts as the dose; hours are sums so far."""

    part: float
    hours: float = 0.0
    unnoticed_hours: float = 0.0
    _changes: list[tuple[int, float, bool]] = field(default_factory=lambda: [(0, 0.0, False)])

    def ordered(self, second: int, mcg_per_day: float) -> None:
        """From now on this dose is ordered; 0 where none is."""
        self._changes.append((second, mcg_per_day, self._changes[-1][2]))

    def noticed(self, second: int, *, known: bool) -> None:
        """From now on the clinic knows, or no longer has a reason to think, that the dose does not arrive."""
        self._changes.append((second, self._changes[-1][1], known))

    def count(self, infusions: Sequence[Infusion], start_s: int, end_s: int) -> None:
        """Take in what left the tip between two seconds."""
        flowed = [(one.start_s, one.end_s, daily_mean(one)) for one in infusions if one.end_s > start_s and one.start_s < end_s]
        times = {start_s, end_s, *(change[0] for change in self._changes)}
        times.update(edge for begin, end, _ in flowed for edge in (begin, end))
        inside = sorted(time for time in times if start_s <= time <= end_s)
        since = [change[0] for change in self._changes]
        for low, high in pairwise(inside):
            _, dose, known = self._changes[bisect_right(since, low) - 1]
            given = sum(mean for begin, end, mean in flowed if begin <= low < end)
            if given < self.part * dose:
                self.hours += (high - low) / 3600
                self.unnoticed_hours += 0.0 if known else (high - low) / 3600
        self._changes = [(end_s, *self._changes[-1][1:])]


def daily_mean(infusion: Infusion) -> float:
    """What an infusion gives in a day on the mean of its pattern, mcg."""
    steps = zip(
        (0, *infusion.ends_s),
        infusion.ends_s,
        infusion.mcg_per_h[:, 0] if infusion.mcg_per_h.ndim == 2 else infusion.mcg_per_h,
        strict=False,
    )
    return 24 * sum(float(rate) * (end - begin) for begin, end, rate in steps) / infusion.period_s
