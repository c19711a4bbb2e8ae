"""Cover: a dated plan for the time in which the pump cannot give the drug (WDL-08). It never relies on drugs by mouth alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from thecal.chart.vocabulary import grouped
from thecal.errors import Refusal
from thecal.therapy import first_actions
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.renal import Adjusted, adjusted
from thecal.therapy.restart import dose_before
from thecal.therapy.rules import all_rules
from thecal.therapy.signs import on_baclofen
from thecal.timeline import HOUR_S, Duration, Instant

_TABLET_MG = 5  # the smallest (ORL-07)
_LOOK_AGAIN = "Signs of withdrawal, tone, breathing, sedation, blood pressure, creatine kinase; worse: intensive care."
_DEFINITIVE = "Where the pump cannot run: a monitored bolus by lumbar puncture, or a temporary intrathecal catheter."
_BY_LINE = "Where the pump cannot run: a temporary intrathecal catheter; a lumbar puncture is contraindicated here."
_INTENSIVE = "In intensive care: a benzodiazepine, or low-dose propofol, by infusion."
_NEVER_ALONE = "Never rely on drugs by mouth alone: what ends a withdrawal is intrathecal baclofen."
_BY_WEIGHT = "The published doses are for adults: a prescriber for children sets this one{}."


@dataclass(frozen=True, slots=True)
class Covering:
    """A covering drug by mouth: its doses in mg, and how often, as the clinic has them."""

    medicine: str
    low: float
    high: float
    often: float
    seldom: float

    def in_words(self, part: Fraction = Fraction(1)) -> str:
        """The doses, the part of them that the kidneys leave rounded down to whole tablets."""
        low, high = (_rounded(dose, part) for dose in (self.low, self.high))
        every = f"{self.often:g} h" if self.often == self.seldom else f"{self.often:g} to {self.seldom:g} h"
        return f"{f'{low:g} to ' if low != high else ''}{high:g} mg every {every}"


def _rounded(dose: float, part: Fraction) -> float:
    """The part of a dose in whole tablets, rounded down; what is less than a tablet stays as it is."""
    left = Fraction(dose) * part
    return float(left if part == 1 or left < _TABLET_MG else left // _TABLET_MG * _TABLET_MG)


def covering(look: Look, medicine: str) -> Covering:
    """The doses of a covering drug, by WDL-08."""
    low, high, often, seldom = (look.limit("WDL-08", f"{medicine} {name}").value for name in ("from", "to", "often", "seldom"))
    return Covering(medicine, low, high, often, seldom)


def cover_plan(look: Look, at: Instant) -> Plan | Refusal:
    """The order set that covers an interruption from an instant on, what is an emergency first; refused where nothing was given.

    Baclofen by mouth follows the kidneys (ORL-05): where it is to be avoided it is no part of the plan, a finding says so, and
    the other covers stay.
    """
    if not on_baclofen(look):
        return Refusal(
            "WDL-08",
            "a cover for somebody who has neither a pump nor was ever given baclofen",
            "a cover for an interruption of baclofen",
            all_rules()["WDL-08"].source,
            "Put on the chart what was given, or look for another cause of the signs.",
        )
    kidneys = _kidneys(look)
    steps = [*_emergency(look, at), *_drugs(look, at, kidneys), *_definitive(look, at), *_reassessments(look, at)]
    return Plan(
        "Cover while the pump cannot give the drug",
        tuple(sorted(steps, key=lambda step: step.at)),
        tuple(_findings(look, at, kidneys)),
        tuple(_notes(look, kidneys)),
    )


def _kidneys(look: Look) -> Adjusted:
    """What the kidneys leave of a dose; renal failure that nobody has measured counts as dialysis."""
    kidneys = adjusted(covering(look, "baclofen").high, look)
    if not kidneys.bands and not kidneys.dialysis and look.known.present("renal failure"):
        return Adjusted(0.0, Fraction(0), (), dialysis=False)
    return kidneys


def _emergency(look: Look, at: Instant) -> Iterator[PlanStep]:
    for said in first_actions.of_withdrawal(True, look.clinic, look):
        if said.rule in ("WDL-02", "WDL-09"):
            yield PlanStep(at, "Emergency", said.rule, said.text)
    yield PlanStep(at, "Order tests", "WDL-06", "Creatine kinase, electrolytes, liver function, blood count, coagulation, eGFR.")
    yield PlanStep(at, "Look at the device", "WDL-10", "Interrogate, reservoir, X-ray, concentration, catheter: in parallel.")


def _drugs(look: Look, at: Instant, kidneys: Adjusted) -> Iterator[PlanStep]:
    if kidneys.avoid:
        instead = f"{_why(kidneys)}. Instead: the drugs below in a monitored setting, and the definitive cover early."
        yield PlanStep(at, "No baclofen by mouth or tube", "ORL-05", instead)
    else:
        detail = _dose(look, "baclofen", "by mouth or tube, instead of what was taken until now", kidneys.part)
        yield PlanStep(at, "Baclofen by mouth or tube", "WDL-08", detail)
    yield PlanStep(at, "Diazepam", "WDL-08", _dose(look, "diazepam", "by breathing and sedation"))
    yield PlanStep(at, "Cyproheptadine", "WDL-08", _dose(look, "cyproheptadine", "by mouth or tube"))
    yield PlanStep(at, "Intensive care option", "WDL-08", _INTENSIVE)


def _dose(look: Look, medicine: str, how: str, part: Fraction = Fraction(1)) -> str:
    if _child(look):
        weight = look.known.measure("body weight")
        return _BY_WEIGHT.format(f", for {weight.value:g} kg" if weight else "")
    return f"{covering(look, medicine).in_words(part)}, {how}"


def _child(look: Look) -> bool:
    age = look.age_years
    return age is not None and age < look.limit("TIT-05", "adult").value


def _definitive(look: Look, at: Instant) -> Iterator[PlanStep]:
    before = dose_before(look)
    dose = f"at or near {before} in 24 h" if before is not None else "at or near the dose before"
    yield PlanStep(at, "Restore the therapy", "WDL-07", f"Intrathecal baclofen {dose}, as soon as possible (SAF-06).")
    contraindicated = look.known.present("lumbar puncture contraindicated")
    yield PlanStep(at, "Definitive cover", "WDL-08", _BY_LINE if contraindicated else _DEFINITIVE)


def _reassessments(look: Look, at: Instant) -> Iterator[PlanStep]:
    """Before every dose of the first day, then daily, as long as the severe form may still develop."""
    every_s = int(covering(look, "baclofen").seldom * HOUR_S)
    day_s, until_s = 24 * HOUR_S, int(look.limit("WDL-04", "watch").value * HOUR_S)
    times = {*range(every_s, min(day_s, until_s) + 1, every_s), *range(day_s, until_s + 1, day_s), until_s}
    for seconds in sorted(times):
        last = " Then: is the therapy back? Taper the cover only after it is (WEA-02)." if seconds == until_s else ""
        yield PlanStep(at + Duration(seconds), "Look again", "WDL-04", _LOOK_AGAIN + last)


def _why(kidneys: Adjusted) -> str:
    return str(kidneys) if kidneys.bands or kidneys.dialysis else "renal failure without an eGFR: to be avoided"


def _findings(look: Look, at: Instant, kidneys: Adjusted) -> Iterator[Finding]:
    if kidneys.avoid:
        advice = "Leave it out; diazepam, cyproheptadine, intensive care, and early the definitive intrathecal cover."
        asked = f"baclofen by mouth as a cover: {_why(kidneys)}"
        yield look.found("ORL-05", "block", asked, "baclofen by mouth only where the kidneys excrete it", advice)
    elif not kidneys.bands:
        asked = "a cover with baclofen by mouth, and no eGFR on the chart"
        advice = "Measure it now; begin at the lower dose until it is known."
        yield look.found("ORL-05", "warn", asked, "a dose by the kidneys", advice, at)
    if _child(look):
        advice = "A prescriber for children sets the doses, by weight."
        yield look.found("WDL-08", "warn", f"a cover at {look.age_years} years", "the published doses are for adults", advice)
    if look.known.document("cover order", look.now) is None:
        advice = "A prescriber writes the cover order by this plan, in the own name."
        yield look.found("WDL-08", "task", "a plan without a cover order", "a cover order that a prescriber signed", advice, at)


def _notes(look: Look, kidneys: Adjusted) -> Iterator[str]:
    yield _NEVER_ALONE
    yield f"Kidneys: {_why(kidneys) if kidneys.avoid else kidneys}."
    if not kidneys.avoid and kidneys.part != 1:
        yield f"Doses of baclofen by mouth are rounded down to tablets of {_TABLET_MG} mg; watch the mental state."
    sedating = sorted(name for name in look.known.medicines if name in grouped("medicines", "CNS depressant"))
    if sedating:
        yield f"Sedating drugs on the chart, which add up (INT-02): {', '.join(sedating)}."
    rule = all_rules()["WDL-08"]
    yield f"Doses by WDL-08, confidence {rule.confidence}: {rule.source}."
