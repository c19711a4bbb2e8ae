"""Restarting: what interrupted the infusion and for how long, and which of the two kinds of restart an order is (SAF-06)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from thecal.chart.facts import SessionEnded
from thecal.chart.order import ordered_dose
from thecal.pump.messages import Report
from thecal.pump.program import EndOfService, MinimumRate, SafeState, Stopped, program_pattern
from thecal.quantity import Amount
from thecal.therapy.asked import Asked
from thecal.therapy.finding import Finding
from thecal.therapy.infusing import NOT_RUNNING
from thecal.therapy.look import Checks, Look, in_words
from thecal.therapy.memo import of_last_look
from thecal.therapy.rules import Limit
from thecal.therapy.signs import has_pump, named_signs, signs_of
from thecal.therapy.titration import titration_rule
from thecal.therapy.totals import totals
from thecal.timeline import HOUR_S, Duration, Instant

RestartKind = Literal["active withdrawal", "after a pause"]
EMPTY, STALLED, STOOD_STILL = "empty reservoir", "motor stall", "pump stopped"
_ALARMS = (EMPTY, STALLED, STOOD_STILL, "end of service", "low battery reset", "critical memory error")
_MONITORED, _ORDERED = "monitored setting", "physician order"


@dataclass(frozen=True, slots=True)
class Interruption:
    """A time without therapy, as best known. ``since`` is None where nobody knows it, ``until`` where it lasts."""

    why: str
    since: Instant | None
    until: Instant | None = None

    def lasted(self, now: Instant) -> Duration | None:
        """How long it was, or is by now; None where nobody knows."""
        return None if self.since is None else Duration(max((self.until or now).s - self.since.s, 0))

    def in_words(self, now: Instant) -> str:
        lasted = self.lasted(now)
        return f"{self.why}, {f'for {in_words(lasted)}' if lasted is not None else 'nobody knows for how long'}"


@of_last_look
def interruption(look: Look) -> Interruption | None:
    """The longest interruption that no session has ended; None where none is known.

    One that ended without a session counts as long as a sign would: by then the therapy has begun again anyway.
    """
    if not has_pump(look):
        return None
    ended_s = look.now.s - look.limit("WDL-01", "recent").value * HOUR_S
    found = [off for off in _interruptions(look) if off.until is None or off.until.s >= ended_s]
    return max(found, key=lambda off: _length(off, look.now), default=None)


def _length(off: Interruption, now: Instant) -> tuple[bool, int, str]:
    lasted = off.lasted(now)
    return lasted is None, lasted.s if lasted else 0, off.why


def restart_kind(look: Look) -> RestartKind | None:
    """Which kind of restart the next dose would be; None where the therapy runs, never ran, or stood still for a short time."""
    off = interruption(look)
    if off is None or dose_before(look) is None:
        return None
    if signs_of(look).active_withdrawal:
        return "active withdrawal"
    lasted, short = off.lasted(look.now), look.limit("WDL-07", "short")
    return "after a pause" if lasted is None or lasted.s > short.value * HOUR_S else None


@of_last_look
def dose_before(look: Look) -> Amount | None:
    """The 24-h total that last ran; None where none did."""
    return next((day for _, day in _ran(look)), None)


def dose_not_suspect(look: Look, by: Instant, within: Limit) -> Amount | None:
    """The 24-h total that ran before an overdose: where it was set shortly before that, the smaller of it and the one before."""
    latest = list(islice((ran for ran in _ran(look) if ran[0] <= by), 2))
    if not latest:
        return None
    at, day = latest[0]
    return min(day for _, day in latest) if by.s - at.s <= within.value * HOUR_S else day


def _ran(look: Look) -> Iterator[tuple[Instant, Amount]]:
    """The sessions that left a therapy running, the latest first, with its 24-h total."""
    for session in reversed(look.known.sessions):
        day = None if isinstance(session.report.program, NOT_RUNNING) else _day(look, session)
        if day is not None:
            yield session.at, day


def _day(look: Look, session: SessionEnded) -> Amount | None:
    whole = totals(session.report, look.sheet) if look.sheet else None
    if whole is not None:
        return whole.day if whole.day.pg else None
    dose = ordered_dose(session.order) if session.order else None
    return Amount(dose.pg_per_day) if dose and dose.pg_per_day else None


# What interrupts -------------------------------------------------------------------------------------------------------


def _interruptions(look: Look) -> Iterator[Interruption]:
    placed, report = _placed(look), reading(look)
    session = look.known.last_session
    if report is None:
        if session is not None and session.at < placed:
            out = look.known.explanted
            since = out.at if out is not None and session.at <= out.at <= placed else placed
            yield Interruption("a new pump that was not programmed yet", since)
        yield from _of_pump_before(look, placed)
        return
    yield from _by_report(look, report)
    yield from _of_pump_before(look, placed)
    yield from _stalls(look, report)
    yield from _run_out(look, report)
    yield from _scanned(look)
    paper = look.known.documents.get("overdose recorded")
    if paper is not None and (session is None or session.at < paper.at):
        yield Interruption("an overdose was recorded: pump stopped or emptied", paper.at)


def _of_pump_before(look: Look, placed: Instant) -> Iterator[Interruption]:
    """What the pump before this one gave no therapy by, where this one has given none since it was put in."""
    session = look.known.last_session
    if session is not None and session.at >= placed and not isinstance(session.report.program, NOT_RUNNING):
        return
    read = next((fact for fact in reversed(look.known.interrogations) if fact.at < placed), None)
    if read is None:
        return
    whys = [alarm for alarm in _ALARMS if alarm in read.report.alarms]
    whys += [read.report.program.mode] if isinstance(read.report.program, NOT_RUNNING) else []
    if whys:
        logged = [event.at for event in read.report.log for why in whys if event.kind == f"{why} alarm"]
        yield Interruption(f"{' and '.join(dict.fromkeys(whys))} of the pump before", min(logged, default=read.at))


def _placed(look: Look) -> Instant:
    """When the pump in place was put there."""
    known = look.known
    assert known.implanted is not None  # there is a pump
    return max([known.implanted.at, *(fact.at for fact in known.replaced[-1:])])


def reading(look: Look) -> Report | None:
    """What the pump in place said last; what it said at the end of a session counts after an interrogation of that second."""
    session = look.chart.session
    interrogated = look.known.interrogations[-1] if look.known.interrogations else None
    if session is not None and (interrogated is None or interrogated.at <= session.at):
        return session.report
    return interrogated.report if interrogated is not None and interrogated.at >= _placed(look) else None


def _by_report(look: Look, report: Report) -> Iterator[Interruption]:
    """What the pump itself says of why it gives nothing."""
    whys = [alarm for alarm in _ALARMS if alarm in report.alarms]
    if isinstance(report.program, NOT_RUNNING):
        whys.append(report.program.mode)
    updating = report.mode == "updating" and look.sheet is not None and look.sheet.stops_while_updating
    if updating or report.mode == "telemetry mode":
        whys.append(report.mode)
    if not whys:
        return
    known = [onset for onset in (_onset(look, report, why) for why in whys) if onset is not None]
    filled = look.chart.filled
    refilled = filled is not None and whys == [EMPTY] and filled.at >= report.at
    told = [why for why in whys if why != Stopped().mode or STOOD_STILL not in whys]
    yield Interruption(" and ".join(dict.fromkeys(told)), min(known, default=None), filled.at if refilled and filled else None)


def _onset(look: Look, report: Report, why: str) -> Instant | None:
    logged = [event.at for event in report.log if event.kind == f"{why} alarm"]
    if logged and why == STOOD_STILL and look.sheet is not None:
        return Instant(logged[-1].s - look.sheet.stopped_alarm_after.s)  # it sounds so long after the stop
    if logged:
        return logged[-1]
    if why == report.mode == "updating":
        return report.at
    if isinstance(report.program, SafeState | EndOfService):
        return None
    placed = _placed(look)
    if not any(session.at >= placed for session in look.known.sessions):
        return placed  # as it came out of its box
    since = None
    for session in reversed(look.known.sessions):
        if session.at < placed or not isinstance(session.report.program, Stopped | MinimumRate):
            break
        since = session.at
    return since


def _stalls(look: Look, report: Report) -> Iterator[Interruption]:
    """Stalls that have ended by the event log, after the last session."""
    began: Instant | None = None
    session = look.chart.session
    for event in report.log:
        if event.kind == f"{STALLED} alarm":
            began = event.at
        elif event.kind == f"{STALLED} alarm ended":
            if session is None or session.at < event.at:
                yield Interruption("a motor stall that has ended", began, event.at)
            began = None


def _run_out(look: Look, report: Report) -> Iterator[Interruption]:
    """A reservoir that is empty by the count, whether or not anybody heard it (H20)."""
    if look.sheet is None or not look.sheet.programmable or not report.calculated or not report.calculated.nl:
        return
    residual = look.chart.residual
    if residual is not None and residual.at > report.at and residual.measured.nl:
        return  # the syringe has shown that it was not empty
    pattern = program_pattern(report.program, look.sheet)
    seconds = pattern.seconds_to(report.clock_reading_s % pattern.period_s, report.calculated.nl * pattern.per)
    filled = look.chart.filled
    until = filled.at if filled is not None and filled.at > report.at else None
    if seconds is not None and report.at.s + seconds < (until or look.now).s:
        yield Interruption("an empty reservoir by the pump's count", Instant(report.at.s + seconds), until)


def _scanned(look: Look) -> Iterator[Interruption]:
    """A scan during which the infusion is known to have been off."""
    session = look.chart.session
    for scan in look.known.scans[-5:]:
        if scan.infusion_off is None or not scan.infusion_off.s:
            continue
        ended = scan.at + scan.infusion_off
        if session is None or session.at < ended:
            yield Interruption("infusion off around a scan", scan.at, ended if ended <= look.now else None)


# The check -------------------------------------------------------------------------------------------------------------


def gives(asked: Asked | None) -> Amount | None:
    """The most that an order gives in 24 h where it lets the therapy run, or gives a bolus; None where it does neither."""
    if asked is None or asked.most is None or asked.orders.clock_offset_s is not None:
        return None
    idle = asked.program is None or isinstance(asked.program, NOT_RUNNING)
    return None if idle and not asked.bolus.pg else asked.most


@of_last_look
def resumes(look: Look) -> bool:
    """Whether an order brings back, in active withdrawal, the dose before the therapy stopped or was lowered, or one near it: no
    more above it than a rise.

    The cheapest questions come first: it is asked at every check.
    """
    amount = gives(look.asked)
    if amount is None or not signs_of(look).active_withdrawal:
        return False
    before = dose_before(look) if restart_kind(look) == "active withdrawal" else _before_a_fall(look)
    rise = look.limit(titration_rule(look), "rise")
    return before is not None and amount.pg * 100 <= before.pg * (100 + rise.value)


def _before_a_fall(look: Look) -> Amount | None:
    """The dose that was lowered of late; None where none was."""
    last = look.known.doses[-1] if look.known.doses else None
    if last is None or last.before is None or last.dose is None or last.dose >= last.before:
        return None
    recent_s = look.limit("WDL-01", "recent").value * HOUR_S
    return Amount(last.before.pg_per_day) if look.since(last.at).s <= recent_s else None


def answered_since(look: Look, item: str, since: Instant) -> bool:
    """Whether an item of the restart checklist was answered yes since an instant."""
    answer = look.known.answers.get(("restart", item))
    return answer is not None and answer.yes and answer.at >= since


def missing(look: Look, since: Instant | None, *items: str) -> tuple[str, ...]:
    """The items of the restart checklist that nobody has answered yes since then, or lately where nobody knows since when."""
    recent_s = int(look.limit("WDL-01", "recent").value * HOUR_S)
    begun = since if since is not None else Instant(max(look.now.s - recent_s, 0))
    return tuple(item for item in items if not answered_since(look, item, begun))


def share(part: Limit, whole: Amount) -> Amount:
    """A limit's percentage of an amount."""
    return Amount(int(part.value * whole.pg / 100))


def _restart(look: Look) -> Iterator[Finding]:
    """SAF-06."""
    amount = gives(look.asked)
    kind = restart_kind(look) if amount is not None else None
    off, before = interruption(look), dose_before(look)
    if amount is None or kind is None or off is None or before is None:
        return
    if kind == "active withdrawal":
        yield _in_withdrawal(look, amount, off, before)
    else:
        yield from _after_pause(look, amount, off, before)


def _in_withdrawal(look: Look, amount: Amount, off: Interruption, before: Amount) -> Finding:
    signs = signs_of(look)
    told = named_signs(signs.early | signs.severe) or "a withdrawal is suspected"
    open_items = missing(look, off.since, _MONITORED, _ORDERED)
    advice = "Give it at once, watch breathing and tone after it; look for the cause in parallel."
    if open_items:
        advice = f"Give it at once, monitored and on a physician's order; record it: restart checklist, {', '.join(open_items)}."
    asked = f"a restart at {amount} in 24 h in active withdrawal ({told}); {off.in_words(look.now)}"
    return look.found("SAF-06", "warn", asked, f"the dose before, {before} in 24 h, or near it, monitored", advice)


def _after_pause(look: Look, amount: Amount, off: Interruption, before: Amount) -> Iterator[Finding]:
    fraction = look.limit("SAF-06", "fraction")
    asked = f"a restart at {amount} in 24 h, before it {before}; {off.in_words(look.now)}; no signs of withdrawal"
    allowed = f"a reduced start, monitored: at most {share(fraction, before)} in 24 h ({fraction} of the dose before, a setting)"
    advice = "Order a reduced start in a monitored setting, and raise it as after an implant."
    if STOOD_STILL in off.why:
        advice += " A drive that stood still for so long may overinfuse: compare the residual early."
    if _is_full(look, amount, before):
        yield look.passed(look.limit("SAF-06", "full"), asked, allowed, advice)
    elif amount.pg * 100 > fraction.value * before.pg:
        yield look.passed(fraction, asked, allowed, advice)
    if missing(look, off.since, _MONITORED):
        told = f"a restart without a monitored setting; {off.in_words(look.now)}"
        advice = "Restart where the person is monitored, and answer it in the restart checklist."
        yield look.found("SAF-06", "block", told, "a restart after a pause only where the person is monitored", advice)


def _is_full(look: Look, amount: Amount, before: Amount) -> bool:
    return amount.pg * 100 >= look.limit("SAF-06", "full").value * before.pg


def full_after_pause(look: Look) -> Finding | None:
    """What SAF-06 finds against the dose itself, where an order gives all of the dose before after a pause without signs."""
    amount, before = gives(look.asked), dose_before(look)
    if amount is None or before is None or restart_kind(look) != "after a pause" or not _is_full(look, amount, before):
        return None
    return next(_restart(look), None)


CHECKS: Checks = {"SAF-06": _restart}
