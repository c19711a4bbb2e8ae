"""The forms of oral baclofen and their strengths: milligrams and milliliters of a prescription must agree (ORL-07)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from thecal.chart.clinical import Prescribed
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.prescriptions import BACLOFEN, now_taken

_STRENGTH = re.compile(r"(?P<mg>[0-9]+(\.[0-9]+)?) *mg( */ *(?P<ml>[0-9]+(\.[0-9]+)?)? *mL)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Strength:
    """So many milligrams in a piece, or in ``ml`` milliliters of a liquid."""

    mg: float
    ml: float | None = None

    @property
    def liquid(self) -> bool:
        """Whether it is measured out in milliliters."""
        return self.ml is not None

    @property
    def mg_per_ml(self) -> float:
        """Of a liquid."""
        assert self.ml is not None
        return self.mg / self.ml

    def same(self, other: "Strength") -> bool:
        """Whether both hold as much, however it is written."""
        if self.ml is None or other.ml is None:
            return self == other
        return self.mg * other.ml == other.mg * self.ml

    def __str__(self) -> str:
        if self.ml is None:
            return f"{self.mg:g} mg"
        return f"{self.mg:g} mg/{'' if self.ml == 1 else f'{self.ml:g} '}mL"


_PIECES = (Strength(5), Strength(10), Strength(20))
_GENERIC = (Strength(10, 5), Strength(5, 1))
FORMS: Mapping[str, tuple[Strength, ...]] = {
    "tablet": _PIECES,
    "granules": _PIECES,
    "solution": (Strength(5, 5), *_GENERIC),
    "suspension": (Strength(25, 5), *_GENERIC),
}
"""What is sold (openFDA NDC pages: Ozobax, Fleqsuvy, Lyvispah; generic liquids)."""
SMALLEST_MG, LARGEST_MG = _PIECES[0].mg, _PIECES[-1].mg


def read_strength(text: str) -> Strength | None:
    """A strength as it is written on a prescription, ``"10 mg"`` or ``"5 mg/5 mL"``; None where it cannot be read."""
    match = _STRENGTH.fullmatch(text.strip())
    if match is None or not float(match["mg"]):
        return None
    if "/" not in text:
        return Strength(float(match["mg"]))
    ml = float(match["ml"] or 1)
    return Strength(float(match["mg"]), ml) if ml else None


def agreement(look: Look) -> Iterator[Finding]:
    """ORL-07: the strength is one of the form's, and the milliliters hold the milligrams."""
    taken = now_taken(look, BACLOFEN)
    if taken is None or taken.written is None or taken.written.route != "oral":
        return
    written = taken.written
    known = FORMS.get(written.form) if written.form else _all()
    if known is None:
        accepted = ", ".join(FORMS)
        yield look.found("ORL-07", "warn", f"baclofen as {written.form!r}", accepted, "Write the form that is dispensed.")
        return
    strength = read_strength(written.strength) if written.strength else None
    if written.strength and (strength is None or not any(strength.same(other) for other in known)):
        told = f"{written.form or 'oral baclofen'} of {written.strength}"
        allowed = f"one of {', '.join(map(str, known))}"
        yield look.found("ORL-07", "block", told, allowed, _elsewhere(strength))
    elif written.ml_per_dose is not None:
        yield from _volume(look, written, strength)


def _volume(look: Look, written: Prescribed, strength: Strength | None) -> Iterator[Finding]:
    ml, doses = written.ml_per_dose or 0.0, max(written.doses_a_day, 1)
    asked_mg = written.per_day / doses
    told = f"{asked_mg:g} mg measured out as {ml:g} mL"
    if (strength is not None and not strength.liquid) or written.form in ("tablet", "granules"):
        allowed = "milliliters belong to a liquid"
        yield look.found("ORL-07", "block", told, allowed, f"Write {asked_mg:g} mg of {written.form or 'pieces'}, without mL.")
        return
    if strength is None:
        allowed = "a liquid with its strength: those sold differ fivefold per mL"
        yield look.found("ORL-07", "warn", told, allowed, f"Write which one it is: {_which(asked_mg, ml)}.")
        return
    limit, holds = look.limit("ORL-07", "mismatch"), ml * strength.mg_per_ml
    if abs(holds - asked_mg) * 100 > limit.value * asked_mg:
        allowed = f"{asked_mg:g} mg of {strength}, which is {asked_mg / strength.mg_per_ml:.3g} mL"
        meant = f"Write {asked_mg / strength.mg_per_ml:.3g} mL, or check the strength: {_which(asked_mg, ml)}."
        yield look.passed(limit, f"{told} of {strength}, which hold {holds:g} mg", allowed, meant)


def _which(mg: float, ml: float) -> str:
    """Which strength makes the milligrams and milliliters agree, and else how much each holds."""
    liquids = {strength.mg_per_ml: strength for strength in reversed(_all()) if strength.liquid}
    fitting = [str(strength) for per_ml, strength in liquids.items() if abs(ml * per_ml - mg) <= mg / 100]
    if fitting:
        return f"{ml:g} mL hold {mg:g} mg at {fitting[0]}"
    told = (f"{mg / per_ml:.3g} mL of {strength}" for per_ml, strength in sorted(liquids.items()))
    return f"{mg:g} mg are {', '.join(told)}"


def _elsewhere(strength: Strength | None) -> str:
    """What is probably meant by a strength that the form does not have."""
    if strength is None:
        return "Write the strength as 10 mg, or as 5 mg/5 mL."
    forms = [form for form, known in FORMS.items() if any(strength.same(other) for other in known)]
    if forms:
        return f"Write {' or '.join(forms)}, which has {strength}; or the strength that is dispensed."
    kind = [other for other in _all() if other.liquid == strength.liquid]
    nearest = min(kind, key=lambda other: abs((other.mg / (other.ml or 1)) - strength.mg / (strength.ml or 1)))
    return f"Write the strength that is dispensed; the nearest is {nearest}."


def _all() -> tuple[Strength, ...]:
    return tuple(dict.fromkeys(strength for known in FORMS.values() for strength in known))
