"""The timeline: every entry of a chart in words, the newest first, with who wrote it down, when it happened and when it was told.

What was taken back stays where it was, with the correction that says so. The words of facts are those of every report.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args
from zoneinfo import ZoneInfo

from thecal.chart import clinical, facts
from thecal.chart.facts import Fact
from thecal.chart.order import ordered_dose
from thecal.chart.vocabulary import words
from thecal.clinic import entry as of_clinic
from thecal.clinic.entry import Entry
from thecal.clinic.history import History, Recorded
from thecal.report.words import fact_text, order_text
from thecal.therapy.steps import Aspirated, Overridden, PortConfirmed, Rinsed, Step
from thecal.timeline import DAY_S, Instant

PAGE = 50
"""How many entries a page of the timeline shows."""
_FACTS: tuple[type, ...] = get_args(Fact)
_A_DAY: dict[clinical.Route, str] = {
    "oral": "mg/day", "intrathecal": "mcg/day", "intravenous": "mg/day", "injection": "units", "spray": "sprays/day",
}  # fmt: skip
"""In what a prescription counts, by its route: as its fact is written (``Prescribed``)."""


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """An entry in words. ``late`` says that it was written down on a later day than it happened on.

    ``taken_back`` is the correction after which it counts no longer; ``may_be_taken_back`` whether one may still be written.
    """

    version: int
    at: Instant
    recorded: Instant
    who: str
    kind: str
    text: str
    late: bool
    taken_back: Recorded | None
    may_be_taken_back: bool

    @property
    def why(self) -> str:
        """Why it was taken back; empty where it was not."""
        correction = self.taken_back.entry if self.taken_back is not None else None
        return correction.why if isinstance(correction, of_clinic.Corrected) else ""


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """So many rows of it, and where they stand."""

    rows: tuple[TimelineRow, ...]
    page: int
    pages: int
    total: int


def timeline(history: History, zone: ZoneInfo, page: int = 1) -> TimelinePage:
    """A page of the timeline, by when things happened, the newest first; a page that there is not is the nearest one."""
    ordered = sorted(history.rows, key=lambda row: (row.entry.at, row.version), reverse=True)
    pages = max(-(-len(ordered) // PAGE), 1)
    page = min(max(page, 1), pages)
    shown = ordered[(page - 1) * PAGE : page * PAGE]
    return TimelinePage(tuple(timeline_row(history, row, zone) for row in shown), page, pages, len(ordered))


def timeline_row(history: History, row: Recorded, zone: ZoneInfo) -> TimelineRow:
    """One entry of a history in words."""
    at, taken_back = row.entry.at, history.taken_back.get(row.version)
    return TimelineRow(
        version=row.version,
        at=at,
        recorded=row.recorded,
        who=row.who,
        kind=kind_of(row.entry),
        text=entry_text(row.entry, zone),
        late=at.date(zone) != row.recorded.date(zone) and row.recorded.s - at.s > DAY_S // 2,
        taken_back=taken_back,
        may_be_taken_back=taken_back is None and not isinstance(row.entry, of_clinic.Corrected),
    )


def kind_of(entry: Entry) -> str:
    """What kind of entry it is, in a word or two: ``SessionEnded`` is ``session ended``."""
    return _spaced(type(entry).__name__)


def prescribed_text(fact: clinical.Prescribed) -> str:
    """A prescription with its unit and route, and as it is to be taken."""
    doses = "1 dose" if fact.doses_a_day == 1 else f"{fact.doses_a_day} doses"
    extra = [part for part in (fact.form, fact.strength, f"for {fact.indication}" if fact.indication else None) if part]
    if fact.ml_per_dose:
        extra.append(f"{fact.ml_per_dose:g} mL each")
    told = "".join(f", {part}" for part in extra)
    return f"{fact.medicine} {fact.per_day:g} {_A_DAY[fact.route]} in {doses}, {fact.route}{told}"


def entry_text(entry: Entry, zone: ZoneInfo) -> str:
    """An entry in words, whatever it is: with its units, and never empty."""
    if isinstance(entry, _FACTS):
        return _fact_text(entry, zone)  # type: ignore[arg-type]  # it is one of them
    return "; ".join(part for part in _clinic_text(entry, zone) if part) or kind_of(entry)


def _fact_text(fact: Fact, zone: ZoneInfo) -> str:
    """A fact as reports say it, but with the unit, the person and the end that the short line of a report leaves out."""
    match fact:
        case clinical.Measured(measure=measure, value=value):
            word = words("measures").get(measure)
            return f"{word.text if word else measure}: {value:g} {word.unit if word else ''} measured".replace("  ", " ")
        case clinical.Prescribed():
            return prescribed_text(fact)
        case clinical.Documented(document=document, until=until, by=by):
            ends = f", until {until.date(zone)}" if until else ""
            return f"on file: {document}{f' by {by}' if by else ''}{ends}"
        case clinical.Booked(who=who) | clinical.Visited(who=who):
            return f"{fact_text(fact, zone)}{f', with {who}' if who else ''}"
        case clinical.Scored(rater=rater):
            return f"{fact_text(fact, zone)}{f', rated by {rater}' if rater else ''}"
        case clinical.Scanned(infusion_off=off):
            return f"{fact_text(fact, zone)}{f', no infusion known for {off}' if off else ''}"
        case facts.Ordered(order=order):
            return f"ordered: {order_text(order)}"
        case facts.SessionEnded():
            return _session_text(fact, zone)
        case facts.Entered(volume=volume):
            return fact_text(fact, zone) or f"{volume} typed in as the volume, as injected"
        case facts.Acted(action=action):
            return fact_text(fact, zone) or f"done: {action}"
        case _:
            return fact_text(fact, zone) or kind_of(fact)


def _session_text(fact: facts.SessionEnded, zone: ZoneInfo) -> str:
    """A session: what the pump is programmed to since, as it acknowledged."""
    dose = ordered_dose(fact.order) if fact.order is not None else None
    ran = f"programmed to {dose}, {fact.report.mode}" if dose is not None else f"the pump says: {fact.report.mode}"
    return f"{fact_text(fact, zone) or 'session: acknowledged by the pump'}; {ran}"


def _clinic_text(entry: Entry, zone: ZoneInfo) -> Iterator[str]:
    """What the clinic's own entries say, part by part."""
    match entry:
        case of_clinic.Corrected(version=version, why=why):
            yield f"entry {version} taken back: {why}"
        case of_clinic.DeviceRecorded():
            yield from _device_parts(entry)
        case of_clinic.LineUnknown(known=known, how=how):
            if known:
                yield f"the volume of the catheter is known now: {how}"
            else:
                yield f"the volume of the catheter is not known{f': {how}' if how else ''}"
                yield "no prime and no bridge until it is measured"
        case of_clinic.PassportIssued(number=number):
            yield f"pump passport {number} issued"
        case of_clinic.Ended(how=how, told=told):
            yield f"treatment here ended: {how}{f', {told}' if told else ''}"
        case of_clinic.Recalled(recall=recall, model=model, what=what, closed=closed):
            yield f"field action {recall} of {model}: {what}{', closed' if closed else ''}"
        case of_clinic.Contacted() | of_clinic.Resolved() | of_clinic.Telephoned() | of_clinic.PreVisitAsked():
            yield from _contact_parts(entry, zone)
        case _:
            yield from _visit_parts(entry)


def _device_parts(entry: of_clinic.DeviceRecorded) -> Iterator[str]:
    yield f"pump on record: {entry.model}, serial number {entry.serial or 'not recorded'}"
    named = (("lot", entry.lot), ("catheter", entry.catheter_serial), ("site", entry.site), ("software", entry.software))
    yield from (f"{name} {text}" for name, text in named if text)
    if entry.access_port is not None:
        yield f"{'a' if entry.access_port else 'no'} catheter access port"


_OfContact = of_clinic.Contacted | of_clinic.Resolved | of_clinic.Telephoned | of_clinic.PreVisitAsked


def _contact_parts(entry: _OfContact, zone: ZoneInfo) -> Iterator[str]:
    match entry:
        case of_clinic.Contacted():
            yield f"{entry.item}: {entry.whom} {'reached' if entry.reached else 'not reached'} ({entry.how})"
            yield entry.outcome
        case of_clinic.Resolved(item=item, how=how):
            yield f"{item} resolved: {how}"
        case of_clinic.Telephoned():
            yield f"telephone, {entry.caller}: {entry.reason}"
            yield f"triage {entry.tier}{f', {entry.suspicion}' if entry.suspicion else ''}"
            yield f"advised: {entry.advice}" if entry.advice else ""
        case of_clinic.PreVisitAsked():
            yield f"called before the visit of {entry.visit_on.local_text(zone)}"
            said = (f"{one.question} {'yes' if one.yes else 'no'}{f' ({one.told})' if one.told else ''}" for one in entry.answers)
            yield ", ".join(said)
    call_back = getattr(entry, "call_back", None)
    if call_back is not None:
        yield f"call back by {call_back.local_text(zone)}"


def _visit_parts(entry: Entry) -> Iterator[str]:
    match entry:
        case of_clinic.VisitBegun(visit=visit, what=what):
            yield f"visit {visit} begun: {what}"
        case of_clinic.VisitStepped(visit=visit, step=step, note=note):
            yield f"visit {visit}: {step} done{f', {note}' if note else ''}"
        case of_clinic.RefillStepped(visit=visit, step=step):
            yield f"visit {visit}, refill: {_step_text(step)}"
        case of_clinic.DrugVerified(visit=visit, second=second):
            yield f"visit {visit}: drug verified with {second}, {entry.label}"
            yield f"{entry.vials} out of stock" if entry.stock else ""
        case of_clinic.OrderWritten(visit=visit, author=author, orders=orders):
            dosing = order_text(orders.dosing) if orders.dosing is not None else "no other dosing"
            yield f"visit {visit}, ordered by {author}: {dosing}"
            yield "with a bridge" if orders.bridge else "with a prime" if orders.prime else ""
        case of_clinic.PrintoutTyped(visit=visit):
            yield f"visit {visit}: printout typed; it counts once a second person enters the same"
        case of_clinic.PrintoutEntered(visit=visit, report=report, again_by=again_by):
            yield f"visit {visit}: printout entered, the pump says {report.mode}"
            yield f"entered again by {again_by}" if again_by else "not entered again by a second person"
        case of_clinic.VisitClosed(visit=visit):
            yield f"visit {visit} closed"
        case of_clinic.VisitAbandoned(visit=visit, why=why):
            yield f"visit {visit} given up: {why}"


def _step_text(step: Step) -> str:
    """A step of the refill's procedure. What has a fact of its own is only named."""
    match step:
        case PortConfirmed(needle_gauge=gauge):
            return f"the needle of {gauge} G is in the port"
        case Aspirated(volume=volume):
            return f"{volume} aspirated"
        case Overridden(reason=reason, by=by):
            return f"{by} goes on in spite of a red residual: {reason}"
        case Rinsed(volume=volume, times=times, concentration=concentration):
            return f"rinsed {times} times with {volume} of {concentration}"
        case _:
            return _spaced(type(step).__name__)


def _spaced(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
