"""A regimen: a program with what the patient may add to it, and the totals that a reviewer confirms."""

from dataclasses import dataclass

from thecal.pump.program import MinimumRate, PatientBolus, Running, program_pattern
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Concentration, Volume
from thecal.timeline import DAY_S, HOUR_S, WEEK_S, Pattern


@dataclass(frozen=True, slots=True)
class Totals:
    """Volumes that a regimen gives, rounded up to the nanolitre: nothing is told smaller than it is.

    ``day`` is the most in any 24 h of the program itself, ``day_max`` that with every bolus that the patient may ask for,
    ``peak_hour`` the most in any hour of the program, and ``seven_day_mean`` the mean of a day over the week.
    """

    day: Volume
    day_max: Volume
    peak_hour: Volume
    seven_day_mean: Volume

    def in_words(self, concentration: Concentration | None = None) -> str:
        """The four totals in a line, as doses where the concentration is known."""

        def told(volume: Volume) -> str:
            if concentration is None:
                return str(volume)
            return str(volume.of(concentration))

        most = f", at most {told(self.day_max)} with patient boluses" if self.day_max > self.day else ""
        return (
            f"24-h total {told(self.day)}{most}; peak hour {told(self.peak_hour)}; 7-day mean {told(self.seven_day_mean)} a day"
        )


@dataclass(frozen=True, slots=True)
class Regimen:
    """What a pump of a data sheet is programmed to, with the patient boluses that are allowed on top."""

    program: Running
    sheet: PumpSheet
    patient: PatientBolus | None = None

    @property
    def pattern(self) -> Pattern:
        return program_pattern(self.program, self.sheet)

    @property
    def allotted_nl(self) -> int:
        """What the patient may add in any 24 h; nothing without a running dose."""
        if isinstance(self.program, MinimumRate) or not self.pattern.total:
            return 0
        return self.patient.volume.nl * self.patient.per_day if self.patient else 0

    def totals(self) -> Totals:
        pattern = self.pattern
        day = Volume(-(-pattern.peak(DAY_S) // pattern.per))
        return Totals(
            day=day,
            day_max=Volume(day.nl + self.allotted_nl),
            peak_hour=Volume(-(-pattern.peak(HOUR_S) // pattern.per)),
            seven_day_mean=Volume(-(-pattern.numerator(0, WEEK_S) // (7 * pattern.per))),
        )

    def in_words(self, concentration: Concentration | None = None) -> str:
        """The regimen as it is read aloud: what runs, what the patient may add, and the totals."""
        patient = [self.patient.in_words()] if self.patient else []
        return ". ".join([self.program.in_words(), *patient, self.totals().in_words(concentration)]) + "."
