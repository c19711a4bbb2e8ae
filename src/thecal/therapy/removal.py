"""The wean of a pump before it is taken out, elective or infected, as small series have done it (WEA-06, WEA-07)."""

from math import ceil

from thecal.chart.clinical import Prescribed
from thecal.chart.vocabulary import grouped
from thecal.errors import Refusal
from thecal.quantity import DailyDose
from thecal.therapy import oral
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.forms import SMALLEST_MG
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.prescriptions import BACLOFEN, supposing, taken_of
from thecal.therapy.renal import adjusted
from thecal.therapy.rules import all_rules, refusal_by
from thecal.therapy.tapers import divided
from thecal.therapy.tizanidine import TIZANIDINE, tizanidine
from thecal.therapy.weaning import infusing_since
from thecal.timeline import DAY_S, Instant

_CLONAZEPAM = "clonazepam"


def removal_plan(look: Look, removal: Instant) -> Plan | Refusal:
    """How the pump is weaned before it is taken out: of an infected, externalised one WEA-07, else WEA-06.

    Both are what small series have done, for a specialist to change and sign. Refused without a dose that runs, and where too
    few days are left.
    """
    dose = look.known.dose
    if infusing_since(look) is None or dose is None:
        return refusal_by("WEA-06", "a wean of the pump", "a daily dose that runs", "Interrogate the pump first.")
    infected = sorted(name for name in grouped("conditions", "deep infection") if look.known.present(name))
    return _infected(look, removal, dose, infected) if infected else _elective(look, removal, dose)


def _elective(look: Look, removal: Instant, dose: DailyDose) -> Plan | Refusal:
    days = (look.limit("WEA-06", "first days"), look.limit("WEA-06", "second days"))
    cuts = (look.limit("WEA-06", "first cut"), look.limit("WEA-06", "second cut"))
    first, second = (look.later(removal, days=-limit.value) for limit in days)
    if first < look.now:
        advice = "Choose a later day; in an emergency cover the withdrawal (WDL-08)."
        return refusal_by("WEA-06", f"a removal {removal.local_text(look.zone)}", f"at least {days[0]} from now", advice)
    pump = [
        PlanStep(at, f"pump {_cut(dose, cut.value)}", "WEA-06", f"{cut} less than {dose}; a physician orders it.")
        for at, cut in zip((first, second), cuts, strict=True)
    ]
    drugs, findings = _cover(look, first, second)
    passed = next((finding for finding in findings if finding.rule == "ORL-01" and finding.severity == "block"), None)
    if passed is not None:
        advice = "Put the withdrawal plan or the cover order on file, with who prescribes it."
        return refusal_by("ORL-01", f"a wean with {passed.asked}", f"{passed.allowed}, or more by a named prescriber", advice)
    last = PlanStep(removal, "removal", "WEA-06", "The cover goes on, and is tapered afterwards by a plan of its own (WEA-02).")
    notes = (
        "What one case series has done; the doses of its second day are taken as those of the second cut.",
        "A specialist signs it as the plan against withdrawal.",
    )
    return Plan("Wean before an elective removal", (*_by_time([*pump, *drugs]), last), findings, notes)


def _cut(dose: DailyDose, percent: float) -> DailyDose:
    """A dose less so many percent, to the nearest tenth of a microgram."""
    return DailyDose(round(dose.pg_per_day * (100 - percent) / 100 / 10**5) * 10**5)


def _cover(look: Look, first: Instant, second: Instant) -> tuple[list[PlanStep], tuple[Finding, ...]]:
    """The drugs by mouth of WEA-06 as they suit this person, and what stands against them."""
    limit = {name: look.limit("WEA-06", name).value for name in all_rules()["WEA-06"].limits}
    steps: list[PlanStep] = []
    prescribed: list[Prescribed] = []
    for at, doses in ((first, 3), (second, 4)):
        adjusted_mg = adjusted(limit["baclofen dose"] * doses, look).daily_mg // SMALLEST_MG * SMALLEST_MG
        if adjusted_mg:
            told = f"{divided(adjusted_mg, doses, SMALLEST_MG)} over the day, as the kidneys allow."
            steps.append(PlanStep(at, f"baclofen {adjusted_mg:g} mg/day", "WEA-06", told))
            prescribed.append(Prescribed(look.now, BACLOFEN, "oral", adjusted_mg, doses))
    if not taken_of(look, "strong CYP1A2 inhibitor"):
        for at, name, doses in ((first, "tizanidine", 2), (second, "tizanidine later", 4)):
            steps.append(
                PlanStep(at, f"tizanidine {limit[name] * doses:g} mg/day", "WEA-06", f"{limit[name]:g} mg {doses} times.")
            )
    told = f"At night, up to {limit['clonazepam most']:g} mg."
    steps.append(PlanStep(first, f"{_CLONAZEPAM} {limit['clonazepam']:g} mg/day", "WEA-06", told))
    return steps, _against(look, prescribed, limit["tizanidine later"] * 4, limit["clonazepam most"])


def _against(look: Look, prescribed: list[Prescribed], tizanidine_mg: float, clonazepam_mg: float) -> tuple[Finding, ...]:
    """What the plan at its highest would meet: maxima, kidneys, interactions, sedation, and no oral baclofen at all."""
    others = (
        Prescribed(look.now, TIZANIDINE, "oral", tizanidine_mg, 4),
        Prescribed(look.now, _CLONAZEPAM, "oral", clonazepam_mg, 1),
    )
    supposed = supposing(look, *prescribed, *others)
    found = [finding for rule in ("ORL-08", "MED-01") for finding in oral.CHECKS[rule](supposed)]
    found += oral.over_maximum(look, max((fact.per_day for fact in prescribed), default=0))
    found += [finding for finding in tizanidine(supposed) if finding.severity == "block"]
    kidneys = adjusted(1, look)
    if kidneys.avoid:
        advice = "Plan the cover with a nephrologist: benzodiazepines and monitoring instead."
        limit = look.limit("ORL-05", "half")
        found.append(look.passed(limit, f"oral baclofen as cover; {kidneys}", "no oral baclofen for these kidneys", advice))
    return ordered(found)


def _infected(look: Look, removal: Instant, dose: DailyDose, infected: list[str]) -> Plan | Refusal:
    """WEA-07: the same part less each day, and off."""
    least, most, mean, spread = (look.limit("WEA-07", name).value for name in ("least", "most", "days", "spread"))
    days = min((removal.s - look.now.s) // DAY_S, round(mean))
    if days < ceil(mean - spread):
        asked = f"a wean over {max(days, 0)} days"
        advice = "Cover the withdrawal in hospital (WDL-08), or keep the externalised pump longer."
        return refusal_by("WEA-07", asked, f"at least {ceil(mean - spread)} days", advice)
    cut, start, running = (least + most) / 2, look.later(removal, days=-days), dose
    steps = []
    for number in range(days):
        running = _cut(running, cut)
        told = f"{cut:g} % less than the day before; in hospital, looked at before each step."
        steps.append(PlanStep(look.later(start, days=number), f"pump {running}", "WEA-07", told))
    steps.append(PlanStep(removal, "removal", "WEA-07", "Off, and out. Watch for withdrawal for 72 h."))
    notes = (f"Five patients, {least:g} to {most:g} % a day; the middle is taken.", f"For: {', '.join(infected)}.")
    return Plan("Wean of an infected, externalised pump", tuple(steps), (), notes)


def _by_time(steps: list[PlanStep]) -> list[PlanStep]:
    return sorted(steps, key=lambda step: (step.at, step.rule, step.what))
