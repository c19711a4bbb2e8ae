"""The printout: what a clinician signs, as titled tables; the review, what was written, and what was read back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from thecal.programmer.review import Dates, Review
from thecal.programmer.session import Session, Standing
from thecal.pump.messages import Report
from thecal.pump.program import WEEKDAYS, Day, Flex, PeriodicBolus, clock_text
from thecal.pump.written import clock_offset_s
from thecal.quantity import Amount, DailyDose, Gain, Volume
from thecal.therapy.gain import PumpGain
from thecal.therapy.procedure import MeasuredResidual
from thecal.therapy.totals import Totals
from thecal.timeline import DAY_S, Instant
from thecal.unit import decimal_text

STATUS: dict[Standing, str] = {
    "reviewed": "NOT WRITTEN: a review only",
    "confirmed": "NOT WRITTEN: a review only",
    "done": "WRITTEN AND READ BACK",
    "unlike": "NOT AS REVIEWED: the pump says otherwise; do not let the patient leave",
    "uncertain": "UNCERTAIN: nobody knows whether the pump was written; interrogate it before anything else",
}
"""How a session ended, in the words over its printout."""
_LOG_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Section:
    """A titled table: what its columns are called, its rows as text, and the numbers of the rows that are marked."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Printout:
    """The whole of it: ``status`` says whether anything was written, ``signed`` whether it may be signed."""

    status: str
    may_be_signed: bool
    sections: tuple[Section, ...]


def printout(session: Session, zone: ZoneInfo, residual: MeasuredResidual | None = None) -> Printout:
    """The printout of a session with a review. Raises ValueError for one that has none."""
    made = session.review
    if made is None:
        raise ValueError("a session without a review has nothing to print")
    sections = (
        _totals(made),
        _settings(made),
        _steps(made),
        _dates(made, zone),
        _line(made, zone),
        *_residual(residual, made.gain),
        _pump(session.read_back or made.before, zone),
        _cautions(made, zone),
        *_read_back(session, zone),
    )
    status = STATUS.get(session.standing, STATUS["uncertain"])
    return Printout(status, session.standing == "done", tuple(section for section in sections if section.rows))


def _change(before: Amount | None, after: Amount | None) -> str:
    """A change in percent, with its sign."""
    if before is None or after is None or not before.pg:
        return ""
    tenths = round(Fraction(1000 * (after.pg - before.pg), before.pg))
    return f"{'+' if tenths > 0 else ''}{decimal_text(tenths, 10, 1)} %"


def _totals(review: Review) -> Section:
    before, after = review.totals

    def row(name: str, part: str) -> tuple[str, ...]:
        was: Amount | None = getattr(before, part) if before else None
        will: Amount | None = getattr(after, part) if after else None
        return name, _mcg(was), _mcg(will), _change(was, will)

    rows = [row("24-h total", "day")]
    if _asks(before) or _asks(after):
        rows.append(row("24-h total with every patient bolus", "day_max"))
    if review.bolus.pg:
        rows.append(("the single bolus, on top", "", str(review.bolus), ""))
    rows += [row("peak hour of the program", "peak_hour"), row("mean of a day over 7 days", "seven_day_mean")]
    confirmed = review.orders.confirm_total
    rows.append(("ordered", "", _dose(review.ordered), ""))
    rows.append(("programmed", "", _dose(review.programmed), ""))
    rows.append(("24-h total as a person worked it out", "", _dose(confirmed) if confirmed else "not confirmed", ""))
    totals = [(number, row) for number, row in enumerate(rows[:2]) if row[0].startswith("24-h total")]
    changed = frozenset(number for number, (_, was, will, _change) in totals if was != will)
    return Section("The dose", ("", "before", "after", "change"), tuple(rows), changed)


def _asks(totals: Totals | None) -> bool:
    return totals is not None and totals.day_max != totals.day


def _mcg(amount: Amount | None) -> str:
    return "not known" if amount is None else str(amount)


def _dose(dose: DailyDose | None) -> str:
    return "no dose" if dose is None else str(dose)


def _settings(review: Review) -> Section:
    rows = tuple((setting.name, setting.before, setting.after) for setting in review.settings)
    marked = frozenset(number for number, setting in enumerate(review.settings) if setting.changed)
    return Section("Every setting (changed ones are marked)", ("", "before", "after"), rows, marked)


def _steps(review: Review) -> Section:
    """What a program of several flows gives, piece by piece, as doses."""
    after = review.after
    rows: list[tuple[str, ...]] = []
    if after.concentration is not None and isinstance(after.program, Flex):
        for day, weekdays in _days(after.program):
            start_s = 0
            for step in day:
                volume = Volume(step.flow.nl_per_day * (step.until_s - start_s) // DAY_S)
                when = f"{weekdays}{clock_text(start_s)} to {clock_text(step.until_s)}"
                rows.append((when, str(step.flow), str(volume.of(after.concentration))))
                start_s = step.until_s
    if after.concentration is not None and isinstance(after.program, PeriodicBolus):
        program = after.program
        dose = program.volume.of(after.concentration)
        rows.append(
            (f"each bolus over {program.duration}", str(program.volume), f"{dose}, {DAY_S // program.every.s} times a day")
        )
        rows.append(("between and under them", str(program.flow), str(program.flow.of(after.concentration))))
    if after.concentration is not None and after.patient:
        dose = after.patient.volume.of(after.concentration)
        rows.append(("each patient bolus", str(after.patient.volume), f"{dose}, at most {after.patient.per_day} times in 24 h"))
    if after.concentration is not None and after.bolus_left.nl:
        strength = review.bridge.old if review.bridge else after.concentration  # a bridge moves what the line still holds
        rows.append((after.mode, str(after.bolus_left), str(after.bolus_left.of(strength))))
    return Section("The new program, piece by piece", ("pump clock", "flow or volume", "dose"), tuple(rows))


def _days(program: Flex) -> Iterator[tuple[Day, str]]:
    """Each different day of a flex program, and the names of its weekdays."""
    for day in dict.fromkeys(program.days):
        names = [name for name, other in zip(WEEKDAYS, program.days, strict=False) if other == day]
        yield day, f"{' '.join(names)} " if len(program.days) > 1 else ""


def _dates(review: Review, zone: ZoneInfo) -> Section:
    before, after = review.dates

    def row(name: str, part: str) -> tuple[str, ...]:
        return name, _when(getattr(before, part), zone), _when(getattr(after, part), zone)

    rows = [row("low reservoir alarm", "low_reservoir")]
    if after.likely_low_reservoir != after.low_reservoir:
        rows.append(row("the same without patient boluses (likely)", "likely_low_reservoir"))
    rows.append(row("calculated volume at zero", "empty"))
    rows.append(("refill by", _refill_by(before, zone), _refill_by(after, zone)))
    return Section("Dates, as far as the pump can count", ("", "before", "after"), tuple(rows))


def _when(instant: Instant | None, zone: ZoneInfo) -> str:
    return "none" if instant is None else instant.local_text(zone)


def _refill_by(dates: Dates, zone: ZoneInfo) -> str:
    due = dates.refill_by
    return "none" if due is None else f"{due.date(zone).isoformat()} ({due.governed_by})"


def _line(review: Review, zone: ZoneInfo) -> Section:
    rows = [("it holds", review.ledger.in_words())]
    rows += [("updated now, without a plan", stretch.in_words()) for stretch in review.if_now]
    bridge, prime, at = review.bridge, review.prime, review.after.at
    if bridge:
        ends = at + bridge.ends_after
        rows.append(("the plan", bridge.in_words()))
        rows.append(("the new drug", f"{bridge.volume} from the tip now, there at {ends.local_text(zone)}"))
    if prime:
        rows.append(("the plan", prime.in_words()))
        rows.append(("the drug front", f"{prime.front} from the tip now, there at {prime.reaches_tip.local_text(zone)}"))
        rows.append(("observe until", prime.observe_until.local_text(zone)))
        rows += [("with it", text) for text in prime.cautions if text not in review.ledger.cautions]
    return Section("Tubing and catheter, as people know them", ("", ""), tuple(rows))


def _residual(residual: MeasuredResidual | None, gain: PumpGain) -> Iterator[Section]:
    if residual is None or (residual.expected is None and not residual.measured.nl):
        return  # the first fill of all: there was nothing to come out
    off = residual.discrepancy
    rows = [
        ("expected", "not known" if residual.expected is None else str(residual.expected)),
        ("measured", str(residual.measured)),
        ("discrepancy", f"{decimal_text(off.nl, 10**6, 2)} mL, {residual.flag}" if off is not None else "none to tell"),
        ("true flow against programmed", gain_words(gain)),
    ]
    if residual.taken_on:
        rows.append(("filled in spite of it", residual.taken_on))
    if residual.unreliable:
        rows.append(("first after implant", "not reliable yet (RPC-07)"))
    yield Section("Residual", ("", ""), tuple(rows))


def gain_words(gain: PumpGain) -> str:
    """A gain and where it comes from."""
    if not gain.learned:
        return f"{gain.low} to {gain.high} by the label; residuals of this pump that tell of it so far: {gain.residuals}"
    estimate, low, high = (_percent(part) for part in (gain.estimate.ppm, gain.low.ppm, gain.high.ppm))
    return f"{estimate} ({low} to {high}, 95 %), from the residuals of this pump, {gain.residuals} in all"


def _percent(ppm: int) -> str:
    """A measured gain to a tenth of a percent: no residual tells more."""
    tenths = round((ppm - Gain.EXACT) / 1000)
    return f"{'+' if tenths > 0 else ''}{decimal_text(tenths, 10, 1)} %"


def _pump(report: Report, zone: ZoneInfo) -> Section:
    rows = [
        ("drug", "baclofen, intrathecal"),
        ("said at", report.at.local_text(zone)),
        ("alarms", ", ".join(report.alarms) or "none"),
        ("replace by", report.replace_by.date(zone).isoformat() if report.replace_by else "no replacement indicator (ERI)"),
    ]
    shown = report.log[-_LOG_SHOWN:]
    rows.append(("event log", f"the latest {len(shown)} of {report.logged}" if shown else "empty"))
    rows += [(event.at.local_text(zone), f"{event.kind}: {event.text}") for event in shown]
    return Section("What the pump says", ("", ""), tuple(rows))


def _cautions(review: Review, zone: ZoneInfo) -> Section:
    shift = _shift(review.after, zone)
    weights = {"second_person": "SECOND PERSON", "warn": "WARNING", "advise": "note"}
    rows = tuple((weights[one.weight], f"{one.rule}: {one.text} Source: {one.source}.") for one in review.cautions)
    return Section("Read before signing", ("", ""), (*rows, *([("WARNING", shift)] if shift else [])))


def _shift(report: Report, zone: ZoneInfo) -> str:
    """By how much the steps of a program run at other times than on the wall clock."""
    wall = report.at.local(zone).utcoffset() or timedelta()
    off_s = clock_offset_s(report) - wall // timedelta(seconds=1)
    if not isinstance(report.program, Flex | PeriodicBolus) or abs(off_s) < 60:
        return ""
    how = f"{decimal_text(abs(off_s), 3600, 2)} h {'ahead of' if off_s > 0 else 'behind'}"
    runs = "earlier" if off_s > 0 else "later"
    return f"PMP-55: The pump clock is {how} the wall clock: every step runs so much {runs}. Set the clock, or order by it."


def _read_back(session: Session, zone: ZoneInfo) -> Iterator[Section]:
    """What came of it, after a write was sent."""
    if session.standing == "uncertain":
        yield Section("What came of it", ("", ""), (("uncertain", session.why), ("next", "interrogate the pump")))
    elif session.read_back:
        at = session.read_back.at.local_text(zone)
        rows = [("read back at", at), *((row.name, f"{row.before}; meant: {row.after}") for row in session.found)]
        if not session.found:
            rows.append(("compared", "every setting is as reviewed"))
        yield Section("What came of it", ("", ""), tuple(rows))
