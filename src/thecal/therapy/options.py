"""What else there is against spasticity, in the order of ALT-00: steps, maxima, tests, and what stands against each here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from thecal.chart.clinical import Prescribed, Route
from thecal.therapy import alternatives as others
from thecal.therapy import oral
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.liver import dates
from thecal.therapy.look import Check, Look
from thecal.therapy.plan import PlanStep
from thecal.therapy.prescriptions import now_taken, supposing
from thecal.therapy.renal import adjusted
from thecal.therapy.rules import Limit
from thecal.therapy.tizanidine import phases
from thecal.timeline import DAY_S, WEEK_S, Instant

Line = Literal["first", "second", "other", "beside"]
_TOXIN = ("For focal and segmental spasticity.", "Units of one brand are no units of another.", "It may spread far.")
_CHECKS: dict[str, Check] = {**oral.CHECKS, **others.CHECKS}


@dataclass(frozen=True, slots=True)
class Option:
    """One drug or measure: its ``steps`` in words, its highest doses, dated ``monitoring`` if it begins now, and ``against``.

    ``line`` is where it stands (ALT-00); ``taken`` whether it is in use already.
    """

    name: str
    rule: str
    line: Line
    taken: bool
    steps: tuple[str, ...]
    maxima: tuple[Limit, ...]
    monitoring: tuple[PlanStep, ...]
    against: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kind:
    """How an option begins, and which limits and rules belong to it."""

    name: str
    rule: str
    line: Line
    route: Route = "oral"
    doses: int = 1
    maxima: tuple[str, ...] = ("maximum",)
    begin: str = "start"
    rules: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


_KINDS = (
    _Kind("baclofen", "ORL-01", "first", "oral", 3, (), "start", ("ORL-05", "ORL-06", "ORL-08")),
    _Kind("gabapentin", "ALT-04", "first", notes=("Also for neuropathic pain.", "UK: a controlled drug.")),
    _Kind("tizanidine", "ALT-01", "second", maxima=("usual", "maximum", "single"), notes=("Watch the blood pressure.",)),
    _Kind("dantrolene", "ALT-02", "second", maxima=("usual", "maximum"), notes=("A boxed warning for the liver.",)),
    _Kind(
        "diazepam",
        "ALT-03",
        "other",
        maxima=("diazepam usual", "diazepam"),
        begin="diazepam usual",
        notes=("Dependence; it needs a taper.",),
    ),
    _Kind(
        "clonazepam",
        "ALT-03",
        "other",
        maxima=("clonazepam",),
        begin="clonazepam start",
        notes=("At night; dependence; it needs a taper.",),
    ),
    _Kind("nabiximols", "ALT-06", "other", "spray", maxima=("sprays",), begin="sprays"),
    _Kind("onabotulinumtoxinA", "ALT-05", "other", "injection", maxima=("units",), begin="units", notes=_TOXIN),
)


def alternatives(look: Look) -> tuple[Option, ...]:
    """Every option with its doses, its tests if it began now, and what stands against it in this person."""
    return (*(_option(look, kind) for kind in _KINDS), _physical(look))


def _option(look: Look, kind: _Kind) -> Option:
    taken = now_taken(look, kind.name) is not None
    prescribed = Prescribed(look.now, kind.name, kind.route, _start(look, kind), kind.doses)
    supposed = look if taken else supposing(look, prescribed)
    maxima = tuple(look.limit(kind.rule, name) for name in kind.maxima) or (oral.maximum(look),)
    notes = (f"Kidneys: {adjusted(maxima[0].value, look)}.",) if kind.rule == "ORL-01" else kind.notes
    monitoring = tuple(sorted(_monitoring(look, kind), key=lambda step: step.at))
    return Option(kind.name, kind.rule, kind.line, taken, _steps(look, kind), maxima, monitoring, _against(supposed, kind), notes)


def _start(look: Look, kind: _Kind) -> float:
    """The first daily dose where one is published, else the usual or the highest."""
    return look.limit(kind.rule, kind.begin).value


def _against(supposed: Look, kind: _Kind) -> tuple[Finding, ...]:
    """What its rules and the sum of sedation would find; what is only to be done later is monitoring."""
    rules = dict.fromkeys(("ALT-00", kind.rule, *kind.rules, "MED-01"))
    found = (finding for rule in rules for finding in _CHECKS[rule](supposed))
    own = (finding for finding in found if finding.rule != "MED-01" or kind.name in finding.asked)
    mine = (finding for finding in own if not any(other.name in finding.asked for other in _KINDS if _rival(other, kind)))
    return ordered(finding for finding in mine if finding.severity != "task")


def _rival(other: _Kind, kind: _Kind) -> bool:
    """Whether a finding that names another drug of the same rule is about that one."""
    return other.rule == kind.rule and other.name != kind.name


def _steps(look: Look, kind: _Kind) -> tuple[str, ...]:
    def limit(name: str) -> Limit:
        return look.limit(kind.rule, name)

    match kind.name:
        case "baclofen":
            step, every = look.limit("ORL-02", "step"), look.limit("ORL-02", "every")
            return (f"{limit('start')} in 3 doses", f"+{step} every {every}, by response")
        case "gabapentin":
            return (f"{limit('start')}, divided", "up by response")
        case "tizanidine":
            return (f"{limit('start')}", f"+{limit('step')} every {limit('every').number} to 4 days")
        case "dantrolene":
            return (f"{limit('start')}", f"a step every {limit('every')}")
        case "diazepam":
            return (f"up to {limit('diazepam usual')} divided, or less for the night alone",)
        case "clonazepam":
            return (f"{limit('clonazepam start').number} mg at night", f"up to {limit('clonazepam').number} mg at night")
        case "nabiximols":
            return (f"a trial of {limit('trial')}; on only after a fall of the score by {limit('improvement')}",)
        case _:
            return (f"a session, the next after {limit('apart')} or more",)


def _monitoring(look: Look, kind: _Kind) -> Iterator[PlanStep]:
    now = look.now
    match kind.name:
        case "baclofen":
            weeks = look.limit("ORL-04", "weeks")
            yield PlanStep(now, "eGFR", "ORL-05", "Before the start, and when anything changes for the kidneys.")
            yield PlanStep(
                _later(now, weeks.value * WEEK_S), "benefit", "ORL-04", f"{weeks} at the highest dose, at the earliest."
            )
        case "tizanidine":
            monitored = look.limit("ALT-01", "monitored")
            detail = f"Monthly from {monitored} on; these dates are for a start from it now."
            yield from (PlanStep(at, "ALT", "ALT-01", detail) for at in dates(now, phases(look)))
        case "dantrolene":
            yield PlanStep(now, "ALT", "ALT-02", "The baseline, before the first dose.")
            yield from (PlanStep(at, "ALT", "ALT-02", "By the schedule.") for at in dates(now, others.dantrolene_phases(look)))
            days = look.limit("ALT-02", "benefit")
            yield PlanStep(_later(now, days.value * DAY_S), "benefit", "ALT-02", f"Stop without benefit after {days}.")
        case "nabiximols":
            trial = look.limit("ALT-06", "trial")
            yield PlanStep(now, others.SPASTICITY_NRS, "ALT-06", "The score before the first spray.")
            yield PlanStep(_later(now, trial.value * WEEK_S), others.SPASTICITY_NRS, "ALT-06", "The score that decides.")
        case "onabotulinumtoxinA":
            apart = look.limit("ALT-05", "apart")
            yield PlanStep(_later(now, apart.value * DAY_S), "next session", "ALT-05", "Not before this day.")


def _later(now: Instant, span_s: float) -> Instant:
    return Instant(now.s + round(span_s))


def _physical(look: Look) -> Option:
    kept = look.known.answer("physical management", "daily stretching") is True
    steps = ("daily stretching and movement", "aquatic therapy where it can be had", "how it is kept is recorded")
    return Option("physical therapy", "ALT-07", "beside", kept, steps, (), (), (), ("Beside every drug.",))
