"""Interactions and restrictions: what else is taken, planned or the case while somebody has baclofen, by any route."""

from collections.abc import Iterator
from dataclasses import dataclass

from thecal.chart.clinical import Prescribed
from thecal.chart.vocabulary import grouped, words
from thecal.pump.program import Stopped
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.look import Check, Checks, Look
from thecal.therapy.reconciliation import reconciled
from thecal.therapy.rules import all_rules
from thecal.therapy.service import booked
from thecal.therapy.titration import MS
from thecal.timeline import DAY_S, Instant

BACLOFEN = "baclofen"
OPERATIONS = ("implant", "replacement", "surgery")


@dataclass(frozen=True, slots=True)
class Pair:
    """Baclofen with other drugs: those of some classes of the vocabulary, what happens, and what is done about it."""

    rule: str
    others: str
    classes: tuple[str, ...]
    effect: str
    action: str
    without: tuple[str, ...] = ()

    def about(self, medicine: str) -> bool:
        """Whether a medicine is one of the pair's others."""
        meant = any(medicine in grouped("medicines", name) for name in self.classes)
        return meant and medicine != BACLOFEN and not any(medicine in grouped("medicines", name) for name in self.without)

    @property
    def medicines(self) -> tuple[str, ...]:
        """Every medicine of the vocabulary that the pair is about, by name."""
        return tuple(sorted(filter(self.about, words("medicines"))))

    @property
    def source(self) -> str:
        return all_rules()[self.rule].source

    @property
    def confidence(self) -> str:
        return all_rules()[self.rule].confidence


_PAIRS = (
    Pair(
        "INT-02",
        "alcohol, sedatives, other relaxants",
        ("CNS depressant", "antispastic"),
        "more sedation, slower breathing",
        "Weigh each of them, watch sedation and breathing, and stop none of them abruptly.",
        ("botulinum toxin",),
    ),
    Pair(
        "INT-03",
        "opioids",
        ("opioid",),
        "low blood pressure, hard breathing",
        "Watch blood pressure and breathing, and use the least that works.",
    ),
    Pair(
        "INT-04",
        "tricyclic antidepressants",
        ("tricyclic",),
        "markedly slack muscles",
        "Examine tone before the dose is raised, and ask whether another antidepressant would do.",
    ),
    Pair(
        "INT-05",
        "MAO inhibitors",
        ("MAO inhibitor",),
        "more depression of the brain",
        "Adjust the doses, and watch sedation and blood pressure.",
    ),
    Pair(
        "INT-06",
        "lithium",
        ("lithium",),
        "movements that nobody intends",
        "Look for new or worse movements, and tell whoever prescribes the lithium.",
    ),
    Pair(
        "INT-07",
        "levodopa",
        ("levodopa",),
        "confusion, hallucinations, agitation, worse parkinsonism",
        "Avoid the pair if you can; otherwise look for confusion and worse parkinsonism at every contact.",
    ),
    Pair(
        "INT-08",
        "drugs against high blood pressure",
        ("antihypertensive",),
        "a lower blood pressure",
        "Measure the blood pressure, and adjust what lowers it.",
    ),
    Pair(
        "INT-09",
        "drugs that burden the kidneys",
        ("reduces renal function",),
        "baclofen builds up",
        "Measure the eGFR again, and lower tablets by it.",
    ),
    Pair(
        "INT-11",
        "general anesthetics, with a pump",
        ("general anaesthetic",),
        "disturbances of the heart, seizures",
        "Tell the anesthetist of pump, drug and dose, and write down a plan of anesthesia.",
    ),
    Pair(
        "INT-12",
        "drugs against diabetes",
        ("antidiabetic",),
        "a higher blood glucose",
        "Measure the blood glucose more often after every change.",
    ),
)
_BY_RULE = {pair.rule: pair for pair in _PAIRS}


def pairs() -> tuple[Pair, ...]:
    """Every pair of baclofen with other drugs that is looked for, in the order of the rules."""
    return _PAIRS


def interactions(look: Look) -> tuple[Finding, ...]:
    """What else is taken, planned or the case that baclofen does not go with unwatched; the gravest first."""
    return ordered(finding for check in CHECKS.values() for finding in check(look))


def pump_runs(look: Look) -> bool:
    """Whether a pump gives baclofen, or would by the order that is asked."""
    session = look.chart.session
    runs = session is not None and not isinstance(session.report.program, Stopped)
    return runs or (look.asked is not None and look.asked.after is not None and look.asked.after.day.pg > 0)


def routes(look: Look) -> str:
    """How baclofen is taken, in words; nothing where it is not."""
    taken = look.known.medicines.get(BACLOFEN)
    by_pump = pump_runs(look) or (taken is not None and taken.route == "intrathecal")
    by_mouth = taken is not None and taken.route != "intrathecal"
    return " and ".join([*["by mouth"] * by_mouth, *["by pump"] * by_pump])


def last_rise(look: Look) -> Instant | None:
    """When the dose of baclofen rose last, by either route; a start is a rise. None where it never did."""
    by_pump = (
        change.at
        for change in look.known.doses
        if change.dose is not None and change.dose.pg_per_day and (change.before is None or change.dose > change.before)
    )
    by_mouth, before = [], 0.0
    for fact in look.known.prescriptions.get(BACLOFEN, ()):
        per_day = fact.per_day if isinstance(fact, Prescribed) else 0.0
        by_mouth += [fact.at] if per_day > before else []
        before = per_day
    return max([*by_pump, *by_mouth], default=None)


def _taken(look: Look, rule: str) -> list[str]:
    """Which medicines of a pair are taken together with baclofen."""
    return sorted(filter(_BY_RULE[rule].about, look.known.medicines)) if routes(look) else []


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _gate(look: Look) -> Iterator[Finding]:
    """INT-01, for people on baclofen."""
    return reconciled(look) if look.asked is not None or routes(look) else iter(())


def _sedating(look: Look) -> Iterator[Finding]:
    """INT-02: a warning, and a block where an overdose is suspected or not long past."""
    names, way = _taken(look, "INT-02"), routes(look)
    if way and look.known.present("alcohol misuse") and "alcohol" not in names:
        names = sorted([*names, "alcohol"])
    if not names:
        return
    pair, limit = _BY_RULE["INT-02"], look.limit("INT-02", "overdose")
    asked, recorded = f"{_listed(names)} with baclofen {way}", look.known.documents.get("overdose recorded")
    past = recorded is not None and look.since(recorded.at).s <= limit.value * DAY_S
    suspected = look.known.present("overdose suspected")
    if not (past or suspected) or (look.asked is not None and look.asked.stops):
        yield look.found("INT-02", "warn", f"{asked}: {pair.effect}", "each of them weighed and watched", pair.action)
        return
    told = "an overdose is suspected" if suspected or recorded is None else f"an overdose was recorded {_ago(look, recorded.at)}"
    allowed = f"none of them until {limit} after an overdose, unless a person who may order decides so"
    yield look.passed(limit, f"{asked}, while {told}", allowed, f"Decide on each with a reason. {pair.action}")


def _ago(look: Look, at: Instant) -> str:
    return f"{look.ago(at)} ago"


def _warned(rule: str) -> Check:
    """A pair that is warned of for as long as both are taken."""

    def check(look: Look) -> Iterator[Finding]:
        names, pair = _taken(look, rule), _BY_RULE[rule]
        if names:
            asked = f"{_listed(names)} with baclofen {routes(look)}: {pair.effect}"
            yield look.found(rule, "warn", asked, f"no {pair.others} unwatched", pair.action)

    return check


def _blood_pressure(look: Look) -> Iterator[Finding]:
    """INT-08: a warning for the pair, and a task until the blood pressure was measured after the last change of either."""
    yield from _warned("INT-08")(look)
    names = _taken(look, "INT-08")
    if not names:
        return
    changed = max(at for at in (*(look.known.medicines[name].at for name in names), last_rise(look)) if at is not None)
    measured = look.known.measure("systolic blood pressure")
    if measured is None or measured.at <= changed:
        asked = f"no blood pressure measured since {_listed(names)} was changed or baclofen raised, {_ago(look, changed)}"
        yield look.found("INT-08", "task", asked, "one after each such change", "Measure the blood pressure.")


def _kidneys(look: Look) -> Iterator[Finding]:
    """INT-09: a task until the filtration was measured after the drug was started."""
    values = (look.known.measure("eGFR"), look.known.measure("creatinine clearance"))
    measured = max((value.at for value in values if value is not None), default=Instant(0))
    names = [name for name in _taken(look, "INT-09") if look.known.medicines[name].at >= measured]
    if names:
        asked = f"{_listed(names)} with baclofen {routes(look)}, and no eGFR since"
        yield look.found("INT-09", "task", asked, "an eGFR after the start of each", _BY_RULE["INT-09"].action)


def _driving(look: Look) -> Iterator[Finding]:
    """INT-10."""
    rose = last_rise(look)
    if not routes(look) or rose is None:
        return
    answered = look.known.answers.get(("advice", "driving"))
    if answered is None or not answered.yes or answered.at < rose:
        asked = f"no advice on driving since baclofen was started or raised {_ago(look, rose)}"
        advice = "Say that nobody drives or works with machines until they know what the dose does to them, and write it down."
        yield look.found("INT-10", "task", asked, "advice at the start and after every rise", advice)
    described = look.known.described
    told = look.known.document("driving authority told", look.now)
    if look.clinic.jurisdiction == "UK" and described is not None and described.cause == MS and told is None:
        asked = "MS, and no record that the driving authority was told"
        yield look.found(
            "INT-10", "task", asked, "MS is notified in the UK", "Tell a person who drives to notify the DVLA of MS."
        )


def _anesthesia(look: Look) -> Iterator[Finding]:
    """INT-11: an operation that is booked, or an anesthetic that is given, without a plan made since."""
    if "by pump" not in routes(look):
        return
    pair, plan = _BY_RULE["INT-11"], look.known.document("anaesthesia plan", look.now)
    given = [name for name in _taken(look, "INT-11") if look.known.medicines[name].route in ("intravenous", "injection")]
    if given:
        asked = f"{_listed(given)} with baclofen by pump: {pair.effect}"
        yield look.found("INT-11", "advise", asked, "an anesthetist who knows of the pump", pair.action)
    for booking in (found for visit in OPERATIONS for found in booked(look, visit)):
        if plan is None or plan.at < booking.at:
            asked = f"{booking.visit} booked, and no plan of anesthesia since"
            yield look.found("INT-11", "advise", asked, "an anesthetist who knows of the pump", pair.action, booking.on)


def _pregnancy(look: Look) -> Iterator[Finding]:
    """INT-13."""
    way = routes(look)
    if not way or not look.known.present("pregnancy"):
        return
    asked = f"a pregnancy with baclofen {way}"
    if look.known.document("high-risk pregnancy pathway", look.now) is None:
        allowed, advice = "only where the benefit outweighs the risk", "Open a high-risk pathway: weigh both with obstetrics."
        yield look.found("INT-13", "warn", f"{asked} and no pathway for it", allowed, advice)
    if "by pump" in way and look.known.document("anaesthesia plan", look.now) is None:
        advice = "Plan anesthesia for the birth around catheter and pump."
        yield look.found("INT-13", "task", f"{asked} and no plan of anesthesia", "a plan before the birth", advice)
    if look.asked is not None and look.asked.stops:
        advice = "Taper it under supervision; only an overdose or an emergency stops it at once."
        yield look.found("INT-13", "warn", f"{asked} and an order that ends it", "no abrupt stop", advice)
    if "by mouth" in way:
        advice = "Tell the newborn's team, and have the newborn watched from hours to days after birth."
        yield look.found("INT-13", "advise", f"{asked}: the newborn may withdraw", "a newborn's team that knows", advice)


def _breast_feeding(look: Look) -> Iterator[Finding]:
    """INT-14."""
    if "by pump" in routes(look) and look.known.present("breast-feeding"):
        asked = "breast-feeding with baclofen by pump"
        advice = "Decide together with the mother and the doctor of the child."
        yield look.found("INT-14", "advise", asked, "a shared decision: one milk level, 0.617 ng/mL, is published", advice)


CHECKS: Checks = {
    "INT-01": _gate,
    "INT-02": _sedating,
    "INT-03": _warned("INT-03"),
    "INT-04": _warned("INT-04"),
    "INT-05": _warned("INT-05"),
    "INT-06": _warned("INT-06"),
    "INT-07": _warned("INT-07"),
    "INT-08": _blood_pressure,
    "INT-09": _kidneys,
    "INT-10": _driving,
    "INT-11": _anesthesia,
    "INT-12": _warned("INT-12"),
    "INT-13": _pregnancy,
    "INT-14": _breast_feeding,
}
