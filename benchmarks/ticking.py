"""The peer: the same pump as most simulators write it, one step a minute in floating point."""

from dataclasses import dataclass

MINUTES_A_DAY = 1440


@dataclass
class TickingPump:
    """A reservoir and a line of one concentration; ``flows_ml_per_day`` has one entry a minute of the day."""

    flows_ml_per_day: list[float]
    reservoir_ml: float
    mcg_per_ml: float
    gain: float
    delivered_mcg: float = 0.0
    alarm_minute: int | None = None

    def run(self, minutes: int) -> None:
        """Tick."""
        for minute in range(minutes):
            flowed = self.flows_ml_per_day[minute % MINUTES_A_DAY] / MINUTES_A_DAY * self.gain
            flowed = min(flowed, self.reservoir_ml)
            self.reservoir_ml -= flowed
            self.delivered_mcg += flowed * self.mcg_per_ml
            if self.alarm_minute is None and self.reservoir_ml <= 2:
                self.alarm_minute = minute
