"""The list of medicines: what each is for, and how many of them sedate (MED-01)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from thecal.chart.clinical import Prescribed
from thecal.chart.vocabulary import grouped, words
from thecal.therapy.finding import Finding
from thecal.therapy.look import Checks, Look
from thecal.therapy.prescriptions import BACLOFEN, Taken, now_taken

Purpose = Literal["spasticity", "MS disease-modifying", "other"]
_UNITS = {"botulinum toxin": "units", "cannabinoid spray": "sprays"}
_WAYS = {"oral": "by mouth", "intravenous": "by vein", "injection": "by injection", "spray": "by spray"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list: a medicine, how it is taken, what for, and whether it sedates."""

    medicine: str
    route: str
    daily: str
    form: str | None
    indication: str | None
    purpose: Purpose
    sedates: bool

    def __str__(self) -> str:
        return f"{self.medicine} {self.daily} {self.route}"


def medication_list(look: Look) -> tuple[Listed, ...]:
    """Everything that is taken now, the pump's baclofen included; by purpose, then by name."""
    taken = {name: now_taken(look, name) for name in look.known.prescriptions}
    lines = [_line(name, now) for name, now in taken.items() if now is not None]
    dose = look.known.dose
    if dose is not None and dose.pg_per_day:
        lines.append(Listed(BACLOFEN, "by pump", str(dose), None, None, "spasticity", sedates=True))
    else:
        lines += _intrathecal(look)
    order: tuple[Purpose, ...] = ("spasticity", "MS disease-modifying", "other")
    return tuple(sorted(lines, key=lambda line: (order.index(line.purpose), line.medicine, line.route)))


def sedatives(look: Look) -> tuple[Listed, ...]:
    """The lines of the list that sedate."""
    return tuple(line for line in medication_list(look) if line.sedates)


def _line(medicine: str, taken: Taken) -> Listed:
    written = taken.written
    assert written is not None  # what is taken was prescribed
    classes = words("medicines")[medicine].groups if medicine in words("medicines") else ()
    unit = next((_UNITS[name] for name in classes if name in _UNITS), "mg")
    daily = f"{taken.per_day:g} {unit}" if unit == "units" else f"{taken.per_day:g} {unit}/day"
    sedates = medicine in grouped("medicines", "CNS depressant")
    return Listed(medicine, _WAYS[written.route], daily, written.form, written.indication, _purpose(classes, written), sedates)


def _intrathecal(look: Look) -> Iterator[Listed]:
    """Baclofen of a pump whose sessions are not on the chart, but a prescription is."""
    written = look.known.medicines.get(BACLOFEN)
    if written is not None and written.route == "intrathecal" and written.per_day:
        yield Listed(BACLOFEN, "by pump", f"{written.per_day:g} mg/day", None, written.indication, "spasticity", sedates=True)


def _purpose(classes: tuple[str, ...], written: Prescribed) -> Purpose:
    if "MS disease-modifying" in classes:
        return "MS disease-modifying"
    return "spasticity" if "antispastic" in classes or written.indication == "spasticity" else "other"


def _sedation(look: Look) -> Iterator[Finding]:
    """MED-01."""
    lines, limit = sedatives(look), look.limit("MED-01", "depressants")
    count = len({line.medicine for line in lines})
    if count >= limit.value:
        asked = f"{count} medicines that depress the nervous system: {', '.join(map(str, lines))}"
        yield look.passed(limit, asked, f"fewer than {limit}", "Ask of each whether it is still needed; taper what is not.")


CHECKS: Checks = {"MED-01": _sedation}
