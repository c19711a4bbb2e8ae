"""The battery: a charge that the clock and the motor use up, and the dates that follow.

Of the charge, time takes one part and every nanolitre that the motor turns for another, so a pump that gives more lasts shorter.
All in integers: the charge is counted in units in which both parts are whole.
"""

from dataclasses import dataclass

from thecal.pump.sheet import PumpSheet
from thecal.timeline import DAY_S, Instant


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery since it was put in service, what a fault took from it (``lost``), and since when it asks to be replaced.

    ``eri_to_eos_s`` is how long the pump truly runs on after its elective replacement indicator (ERI); a fault shortens it.
    """

    since: Instant
    eri_to_eos_s: int
    lost: int = 0
    eri: Instant | None = None

    def charged(self, sheet: PumpSheet, now: Instant, pumped_nl: int) -> bool:
        """Whether the charge still lasts after so much time and so many nanolitres."""
        a_second, a_nanolitre, whole = charge(sheet)
        return (now.s - self.since.s) * a_second + pumped_nl * a_nanolitre + self.lost < whole

    def eri_at_latest(self, sheet: PumpSheet) -> Instant | None:
        """The service life never ends without the indicator its full time before; None where no age ends it."""
        if sheet.service_life_max is None:
            return None
        return Instant(self.since.s + sheet.service_life_max.s - sheet.eri_to_eos.s)

    def end_of_service(self, sheet: PumpSheet) -> Instant | None:
        """When the pump stops: after the indicator, and at its greatest age at the latest. None before the indicator."""
        return None if self.eri is None else self._at_most(sheet, Instant(self.eri.s + self.eri_to_eos_s))

    def replace_by(self, sheet: PumpSheet) -> Instant | None:
        """The date that the pump tells: it knows its indicator and its age, and nothing of a fault."""
        return None if self.eri is None else self._at_most(sheet, self.eri + sheet.eri_to_eos)

    def _at_most(self, sheet: PumpSheet, ends: Instant) -> Instant:
        if sheet.service_life_max is None:
            return ends
        return min(ends, self.since + sheet.service_life_max)


def charge(sheet: PumpSheet) -> tuple[int, int, int]:
    """(units a second takes, units a nanolitre takes, units of a full charge).

    From the two lives on the data sheet: of a pump at ``battery_life_flow``, and of one that never turns.
    """
    flow, life_s, idle_s = sheet.battery_life_flow.nl_per_day, sheet.battery_life.s, sheet.battery_life_idle.s
    return life_s * flow, (idle_s - life_s) * DAY_S, life_s * idle_s * flow
