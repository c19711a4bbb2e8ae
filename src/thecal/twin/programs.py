"""Programs as a case document writes them."""

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from thecal.chart.order import (
    FlexDay,
    Order,
    OrderContinuous,
    OrderFlex,
    OrderMinimumRate,
    OrderNoPatient,
    OrderPatient,
    OrderPeriodic,
    OrderStop,
    StepDose,
)
from thecal.errors import InputError
from thecal.twin.fields import ADose, ADuration, AnAmount, Clock, Document, Weekday


class StepTable(Document):
    """One step of a flex day."""

    from_: Clock = Field(alias="from")
    to: Clock
    dose: AnAmount

    def step(self) -> StepDose:
        return StepDose(self.from_, self.to, self.dose)


class DayTable(Document):
    """The flex steps of some weekdays."""

    days: list[Weekday] = Field(min_length=1)
    daily_total: ADose
    steps: list[StepTable] = Field(min_length=1)


class PatientBolusTable(Document):
    """What the patient may ask for."""

    dose: AnAmount
    over: ADuration
    lockout: ADuration
    per_day: int = Field(ge=1, le=1440)

    def order(self) -> OrderPatient:
        return OrderPatient(self.dose, self.over, self.lockout, self.per_day)


Mode = Literal["simple continuous", "flex", "periodic bolus", "minimum rate", "stopped"]


class ProgramTable(Document):
    """A program: its mode, and the dose that the mode needs."""

    mode: Mode
    dose: ADose | None = None
    daily_total: ADose | None = None
    steps: list[StepTable] | None = None
    day: list[DayTable] | None = None
    bolus: AnAmount | None = None
    over: ADuration | None = None
    every: ADuration | None = None
    first: Clock | None = None
    basal: ADose | None = None
    patient_bolus: PatientBolusTable | None = None
    no_patient_bolus: bool = False

    @model_validator(mode="after")
    def _fields_fit_the_mode(self) -> "ProgramTable":
        names = ("dose", "daily_total", "steps", "day", "bolus", "over", "every", "first", "basal")
        given = {name for name in names if getattr(self, name) is not None}
        fits: dict[str, tuple[set[str], ...]] = {
            "simple continuous": ({"dose"},),
            "flex": ({"daily_total", "steps"}, {"day"}),
            "periodic bolus": ({"bolus", "over", "every", "first", "basal"},),
            "minimum rate": (set(),),
            "stopped": (set(),),
        }
        if self.patient_bolus and self.no_patient_bolus:
            error = InputError("no_patient_bolus", "true", "ends what patient_bolus gives", accepted=("one of both",))
            raise PydanticCustomError("input", "{error}", {"error": error})
        if given not in fits[self.mode]:
            needed = " or ".join(", ".join(sorted(names)) or "no dose" for names in fits[self.mode])
            got = ", ".join(sorted(given)) or "no dose"
            error = InputError("mode", self.mode, f"goes with {needed}; here it has {got}")
            raise PydanticCustomError("input", "{error}", {"error": error})
        return self

    def order(self) -> Order:
        """The order that the table states."""
        if self.mode == "stopped":
            return OrderStop()
        if self.mode == "minimum rate":
            return OrderMinimumRate()
        if self.dose is not None:
            return OrderContinuous(self.dose)
        if self.bolus and self.over and self.every and self.basal:
            return OrderPeriodic(self.bolus, self.over, self.every, self.first or 0, self.basal)
        if self.day is not None:
            return OrderFlex(
                tuple(FlexDay(tuple(day.days), day.daily_total, tuple(step.step() for step in day.steps)) for day in self.day)
            )
        assert self.daily_total is not None  # as validated
        assert self.steps is not None
        return OrderFlex((FlexDay((), self.daily_total, tuple(step.step() for step in self.steps)),))

    def patient(self) -> OrderPatient | OrderNoPatient | None:
        """The patient bolus that comes with it, or the end of one."""
        if self.no_patient_bolus:
            return OrderNoPatient()
        return self.patient_bolus.order() if self.patient_bolus else None
