"""The plan of a start of oral baclofen: its steps, up to what the place and the kidneys allow (ORL-01, ORL-02, ORL-05)."""

from itertools import count

from thecal.chart.clinical import Prescribed
from thecal.chart.vocabulary import grouped, words
from thecal.errors import Refusal
from thecal.therapy import oral
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.forms import LARGEST_MG, SMALLEST_MG
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.prescriptions import BACLOFEN, course, now_taken, supposing
from thecal.therapy.renal import Adjusted, adjusted
from thecal.therapy.rules import refusal_by
from thecal.therapy.tapers import divided
from thecal.timeline import Instant

_STANDING_AGAINST = ("ORL-05", "ORL-06", "ORL-08", "MED-01")


def oral_titration_plan(look: Look, start: Instant) -> Plan | Refusal:
    """The dated steps of oral baclofen from what is taken now, each by response, in whole tablets of 5 mg.

    Refused for children, where baclofen is contraindicated or to be avoided, and where nothing is left to rise to.
    """
    most = adjusted(oral.maximum(look).value, look)
    refusal = _contraindicated(look, most)
    if refusal is not None:
        return refusal
    taken = now_taken(look, BACLOFEN)
    levels = [mg for mg in titration_levels(look) if taken is None or mg > taken.per_day]
    if not levels:
        asked = f"more than {taken.per_day:g} mg of oral baclofen a day" if taken else "a start of oral baclofen"
        return refusal_by("ORL-01", asked, f"at most {most.daily_mg:.3g} mg/day", "Judge it after 6 weeks (ORL-04).")
    every = look.limit("ORL-02", "every")
    steps = tuple(
        _step(look, look.later(start, days=number * every.value), mg, first=not number and taken is None)
        for number, mg in enumerate(levels)
    )
    findings = tuple(_against(look, levels[-1]))
    notes = (f"Kidneys: {most}.", f"At most {most.daily_mg:.3g} mg/day, of {oral.maximum(look)} where the clinic is.", _ADVICE)
    return Plan("Start of oral baclofen" if taken is None else "Rise of oral baclofen", steps, findings, notes)


_ADVICE = (
    "Keep the lowest dose that helps. Take doses 2 to 3 h before activity or the night; no driving until the effect is known."
)


def titration_levels(look: Look) -> list[float]:
    """The daily doses (mg) in order: a tablet more in each of three doses, then up to the maximum; less for the kidneys."""
    start, step, most = look.limit("ORL-01", "start").value, look.limit("ORL-02", "step").value, oral.maximum(look).value
    doses: list[float] = []
    for number in count():
        mg = min(start + number * step, most)
        doses.append(adjusted(mg, look).daily_mg // SMALLEST_MG * SMALLEST_MG)
        if mg >= most:
            break
    return sorted({mg for mg in doses if mg > 0})


def _step(look: Look, at: Instant, mg: float, first: bool) -> PlanStep:
    few, many = int(look.limit("ORL-02", "fewest doses").value), int(look.limit("ORL-02", "most doses").value)
    thirds = not mg % (few * SMALLEST_MG) and mg / few <= LARGEST_MG
    told = divided(mg, few if thirds or mg < many * SMALLEST_MG else many, SMALLEST_MG)
    when = "The start." if first else "Only where the step before helps too little and is borne."
    return PlanStep(at, f"{mg:g} mg/day", "ORL-01" if first else "ORL-02", f"{told} over the day. {when}")


def _contraindicated(look: Look, most: Adjusted) -> Refusal | None:
    age = look.age_years
    if age is not None and age < look.limit("TIT-05", "adult").value:
        return refusal_by(
            "ORL-01", f"oral baclofen at {age} years", "this schedule is for adults", "Ask a specialist for children."
        )
    for name in sorted(grouped("conditions", "contraindication")):
        if look.known.present(name):
            return refusal_by(
                "ORL-08", f"oral baclofen with {words('conditions')[name].text}", "no baclofen", "Choose another drug."
            )
    if look.clinic.jurisdiction == "UK" and look.known.present("peptic ulcer"):
        advice = "Choose another drug, or treat the ulcer first."
        return refusal_by("ORL-08", "oral baclofen with a peptic ulcer", "contraindicated in the UK", advice)
    if most.avoid:
        return refusal_by("ORL-05", f"oral baclofen; {most}", "no baclofen by mouth", "Choose another drug with a nephrologist.")
    return None


def _against(look: Look, mg: float) -> tuple[Finding, ...]:
    """What the highest step of the plan would meet."""
    history = course(look, BACLOFEN)
    doses = int(look.limit("ORL-02", "fewest doses").value)
    supposed = supposing(look, Prescribed(look.now, BACLOFEN, "oral", mg, doses))
    found = ordered(finding for rule in _STANDING_AGAINST for finding in oral.CHECKS[rule](supposed))
    return found if not history or mg > history[-1].per_day else ()
