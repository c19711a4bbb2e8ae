"""Tablets, examinations and the body itself, as a case document writes them."""

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from thecal.body.doses import form as form_named
from thecal.body.patient import DEFAULT_PATIENT, PARAMETERS, Patients, patient_sheet, typical
from thecal.chart.facts import Assessed
from thecal.errors import InputError
from thecal.quantity import OralDose
from thecal.twin.action import Assess, StopTablets, TakeOnce, TakeTablets
from thecal.twin.fields import Clock, Document, EventTable, quantity_field, reading


def _form(value: object, name: str) -> str:
    return form_named(str(value)).name if isinstance(value, str) else _no_text(value, name)


def _kind_of_patient(value: object, name: str) -> str:
    return patient_sheet(value, name).name if isinstance(value, str) else _no_text(value, name)


def _no_text(value: object, name: str) -> str:
    raise InputError(name, value, "is not a name in quotes")


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
AnOralDose = Annotated[OralDose, quantity_field(OralDose)]
AForm = Annotated[str, reading(_form)]


class TabletsEvent(EventTable):
    """Doses by mouth: each day at ``times`` from now on, or one now where there are none."""

    kind: Literal["tablets"]
    dose: AnOralDose | None = None
    doses: list[AnOralDose] | None = Field(default=None, min_length=1)
    times: list[Clock] | None = Field(default=None, min_length=1)
    form: AForm = "tablet"

    @model_validator(mode="after")
    def _doses_and_times_agree(self) -> "TabletsEvent":
        error: InputError | None = None
        if (self.dose is None) == (self.doses is None):
            error = InputError("dose", "", "or doses is needed, and not both: one dose for all times, or one for each")
        elif self.doses is not None and len(self.doses) != len(self.times or []):
            count = len(self.times or [])
            error = InputError("doses", f"{len(self.doses)} doses", "are not one for each of times", accepted=(f"{count} doses",))
        elif self.times is not None and len(set(self.times)) < len(self.times):
            error = InputError("times", "", "hold one time twice")
        if error is not None:
            raise PydanticCustomError("input", "{error}", {"error": error})
        return self

    def action(self, zone: ZoneInfo, *, refused: bool) -> TakeTablets | TakeOnce:
        """The tablets as an action."""
        if self.times is None:
            assert self.dose is not None  # checked above
            return TakeOnce(self.at, self.dose, self.form, refused)
        doses = tuple(self.doses) if self.doses else (self.dose or OralDose(0),) * len(self.times)
        pairs = sorted(zip(self.times, doses, strict=True), key=lambda pair: pair[0])
        return TakeTablets(self.at, tuple(dose for _, dose in pairs), tuple(time for time, _ in pairs), self.form, zone, refused)


class StopTabletsEvent(EventTable):
    """No more tablets."""

    kind: Literal["stop_tablets"]

    def action(self, *, refused: bool) -> StopTablets:
        """The stop as an action."""
        return StopTablets(self.at, refused)


class AssessmentEvent(EventTable):
    """An examination: what was written down, or what this body shows where nothing was."""

    kind: Literal["assessment"]
    ashworth_legs: float | None = Field(default=None, ge=1, le=5)
    ashworth_arms: float | None = Field(default=None, ge=1, le=5)
    spasm_penn: float | None = Field(default=None, ge=0, le=4)

    def action(self, *, refused: bool) -> Assess:
        """The examination as an action."""
        scores = self.ashworth_legs, self.ashworth_arms, self.spasm_penn
        written = None if scores == (None, None, None) else Assessed(self.at, *scores)
        return Assess(self.at, written, refused)


def _parameter(text: object, name: str) -> float:
    """A parameter of the body: a number with its unit, as the patient sheets write it."""
    known = PARAMETERS[name]
    number, _, unit = text.strip().partition(" ") if isinstance(text, str) else ("", "", "")
    if not _NUMBER.fullmatch(number) or unit != known.unit:
        bounds = [f"{bound:g} {known.unit}".rstrip() for bound in (known.low, known.high)]
        raise InputError(
            name, text, "is not a plain number with its unit, in quotes", accepted=(f'"{bounds[0]}" to "{bounds[1]}"',)
        )
    known.check(np.array([float(number)]))
    return float(number)


_AParameter = Annotated[float | None, reading(_parameter)]
_FIELDS: dict[str, Any] = dict.fromkeys(PARAMETERS, (_AParameter, None))
ParametersTable = create_model(
    "ParametersTable",
    __base__=Document,
    __doc__="The parameters in which a body differs from the typical one.",
    **_FIELDS,
)


class BodyTable(Document):
    """The true body: a kind of patient, and the parameters in which this one differs from the typical."""

    patient: Annotated[str, reading(_kind_of_patient)] = DEFAULT_PATIENT
    parameters: ParametersTable = ParametersTable()

    @property
    def given(self) -> dict[str, float]:
        """The parameters that the case gives itself."""
        return {name: value for name in PARAMETERS if (value := getattr(self.parameters, name)) is not None}

    def body(self) -> Patients:
        """The patient that it describes."""
        return typical(self.patient).with_values("this case", **self.given)
