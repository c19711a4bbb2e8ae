"""What is known of a person: a chart's facts, folded once into what rules ask for."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from thecal.chart import clinical, facts
from thecal.chart.chart import Chart
from thecal.chart.order import ordered_dose
from thecal.quantity import DailyDose
from thecal.timeline import DAY_S, Instant


@dataclass(frozen=True, slots=True)
class DoseSet:
    """The mean daily dose that a session left, and that of before; None where it is a flow or not known."""

    at: Instant
    dose: DailyDose | None
    before: DailyDose | None

    @property
    def rose(self) -> bool:
        """Whether it was raised."""
        return self.dose is not None and self.before is not None and self.dose > self.before


@dataclass(frozen=True, slots=True)
class PumpVisit:
    """A visit with the pump: the sessions within a day of the first that began it, by the last of them."""

    begun: Instant
    session: facts.SessionEnded

    @property
    def ended(self) -> Instant:
        """When its last session was."""
        return self.session.at


@dataclass(slots=True)
class Known:
    """Facts by what rules ask for, those of one thing in order of time. It is filled once, and only read afterwards.

    ``doses`` holds every session with another dose than before, ``sessions`` all of them, ``pump_visits`` those visits at which
    the pump was not only read; ``medicines`` what is taken now, tablets of a case included.
    """

    chart: Chart
    described: clinical.Described | None = None
    referred: clinical.Referred | None = None
    closed: clinical.Closed | None = None
    answers: dict[tuple[str, str], clinical.Answered] = field(default_factory=dict)
    conditions: dict[str, clinical.Noticed] = field(default_factory=dict)
    symptoms: list[clinical.SymptomReported] = field(default_factory=list)
    scores: dict[str, list[clinical.Scored]] = field(default_factory=lambda: defaultdict(list))
    measures: dict[str, list[clinical.Measured]] = field(default_factory=lambda: defaultdict(list))
    medicines: dict[str, clinical.Prescribed] = field(default_factory=dict)
    prescriptions: dict[str, list[clinical.Prescribed | clinical.Discontinued]] = field(default_factory=lambda: defaultdict(list))
    bookings: list[clinical.Booked] = field(default_factory=list)
    visits: list[clinical.Visited] = field(default_factory=list)
    documents: dict[str, clinical.Documented] = field(default_factory=dict)
    signed: list[clinical.Signed] = field(default_factory=list)
    overrides: list[clinical.Overrode] = field(default_factory=list)
    alarms: list[clinical.AlarmHeard] = field(default_factory=list)
    scans: list[clinical.Scanned] = field(default_factory=list)
    certificates: list[clinical.Certified] = field(default_factory=list)
    tests: list[facts.TestBolusGiven] = field(default_factory=list)
    fills: list[facts.Filled] = field(default_factory=list)
    residuals: list[facts.ResidualMeasured] = field(default_factory=list)
    sessions: list[facts.SessionEnded] = field(default_factory=list)
    pump_visits: list[PumpVisit] = field(default_factory=list)
    interrogations: list[facts.Interrogated] = field(default_factory=list)
    doses: list[DoseSet] = field(default_factory=list)
    assessments: list[facts.Assessed] = field(default_factory=list)
    implanted: facts.Implanted | None = None
    replaced: list[facts.PumpReplaced] = field(default_factory=list)
    explanted: facts.Explanted | None = None

    def present(self, condition: str) -> bool:
        """Whether a condition is there now."""
        noticed = self.conditions.get(condition)
        return noticed is not None and noticed.present

    def answer(self, checklist: str, item: str) -> bool | None:
        """How an item was answered last; None where it was not."""
        answered = self.answers.get((checklist, item))
        return answered.yes if answered else None

    def measure(self, name: str) -> clinical.Measured | None:
        """The latest measurement, if there is one."""
        values = self.measures.get(name)
        return values[-1] if values else None

    def document(self, name: str, now: Instant) -> clinical.Documented | None:
        """A paper that counts now."""
        paper = self.documents.get(name)
        return paper if paper and (paper.until is None or now <= paper.until) else None

    def symptoms_since(self, since: Instant) -> Mapping[str, clinical.SymptomReported]:
        """The latest report of each symptom from an instant on, those that went away left out."""
        latest = {report.symptom: report for report in self.symptoms if report.at >= since}
        return {name: report for name, report in latest.items() if report.grade > 0}

    @property
    def dose(self) -> DailyDose | None:
        """The mean daily dose that the pump runs; None where none is known."""
        return self.doses[-1].dose if self.doses else None

    @property
    def last_session(self) -> facts.SessionEnded | None:
        """The latest session with the pump."""
        return self.sessions[-1] if self.sessions else None


def known(chart: Chart) -> Known:
    """A chart, folded: facts of one instant count the same in whatever order they stand."""
    found = Known(chart)
    for fact in chart.facts:
        fold = _FOLDS.get(type(fact))
        if fold is not None:
            fold(found, fact)
    return found


def _session(found: Known, fact: facts.SessionEnded) -> None:
    dose = ordered_dose(fact.order) if fact.order is not None else None
    before = found.doses[-1].dose if found.doses else None
    if not found.doses or dose != before:
        found.doses.append(DoseSet(fact.at, dose, before))
    found.sessions.append(fact)
    read = found.interrogations[-1] if found.interrogations else None
    if read is None or read.at != fact.at or read.report != fact.report:
        last = found.pump_visits[-1] if found.pump_visits else None
        if last is not None and fact.at.s - last.begun.s < DAY_S:
            found.pump_visits[-1] = PumpVisit(last.begun, fact)
        else:
            found.pump_visits.append(PumpVisit(fact.at, fact))
    found.interrogations.append(facts.Interrogated(fact.at, fact.report))


def _prescribed(found: Known, fact: clinical.Prescribed) -> None:
    found.medicines[fact.medicine] = fact
    found.prescriptions[fact.medicine].append(fact)


def _discontinued(found: Known, fact: clinical.Discontinued) -> None:
    found.medicines.pop(fact.medicine, None)
    found.prescriptions[fact.medicine].append(fact)


def _tablets(found: Known, fact: facts.TabletsStarted) -> None:
    mg = sum(dose.mcg for dose in fact.doses) / 1000
    _prescribed(found, clinical.Prescribed(fact.at, "baclofen", "oral", mg, len(fact.doses), form=fact.form))


def _explanted(found: Known, fact: facts.Explanted) -> None:
    found.explanted = fact
    found.doses.append(DoseSet(fact.at, None, found.dose))


def _set(name: str) -> Callable[[Known, Any], None]:
    return lambda found, fact: setattr(found, name, fact)


def _add(name: str) -> Callable[[Known, Any], None]:
    return lambda found, fact: getattr(found, name).append(fact)


_FOLDS: Mapping[type, Callable[[Known, Any], None]] = {
    clinical.Described: _set("described"),
    clinical.Referred: _set("referred"),
    clinical.Closed: _set("closed"),
    clinical.Answered: lambda found, fact: found.answers.__setitem__((fact.checklist, fact.item), fact),
    clinical.Noticed: lambda found, fact: found.conditions.__setitem__(fact.condition, fact),
    clinical.SymptomReported: _add("symptoms"),
    clinical.Scored: lambda found, fact: found.scores[fact.scale].append(fact),
    clinical.Measured: lambda found, fact: found.measures[fact.measure].append(fact),
    clinical.Prescribed: _prescribed,
    clinical.Discontinued: _discontinued,
    clinical.Booked: _add("bookings"),
    clinical.Visited: _add("visits"),
    clinical.Documented: lambda found, fact: found.documents.__setitem__(fact.document, fact),
    clinical.Signed: _add("signed"),
    clinical.Overrode: _add("overrides"),
    clinical.AlarmHeard: _add("alarms"),
    clinical.Scanned: _add("scans"),
    clinical.Certified: _add("certificates"),
    facts.TestBolusGiven: _add("tests"),
    facts.Filled: _add("fills"),
    facts.ResidualMeasured: _add("residuals"),
    facts.SessionEnded: _session,
    facts.Interrogated: _add("interrogations"),
    facts.Assessed: _add("assessments"),
    facts.TabletsStarted: _tablets,
    facts.TabletsStopped: lambda found, fact: _discontinued(found, clinical.Discontinued(fact.at, "baclofen")),
    facts.Implanted: _set("implanted"),
    facts.PumpReplaced: _add("replaced"),
    facts.Explanted: _explanted,
}
