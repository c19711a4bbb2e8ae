"""The implant: consent, infection, site, what is recorded of it, the start of the infusion, and the way home."""

from collections.abc import Iterator
from dataclasses import dataclass

from thecal.chart.facts import PumpReplaced
from thecal.chart.line_ledger import DRUG_FREE, line_ledger
from thecal.chart.vocabulary import grouped, words
from thecal.errors import Refusal
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.hospital import day_of_implant, first_session, implant_ahead, in_hospital, monitored_until
from thecal.therapy.infusion_start import planned_start
from thecal.therapy.look import Checks, Look, in_words
from thecal.therapy.plan import Plan
from thecal.therapy.service import line_measured, pump_in_place
from thecal.therapy.stability import stable
from thecal.therapy.tip import drug_at_tip


@dataclass(frozen=True, slots=True)
class TipRange:
    """Where the tip usually lies, in words and as vertebral levels."""

    text: str
    levels: tuple[str, ...]


_LEGS = TipRange("T6 to T10", ("T6", "T7", "T8", "T9", "T10"))
TIP_OF_PATTERN: dict[str, TipRange] = {
    "dystonia": TipRange("the middle of the neck", tuple(f"C{number}" for number in range(1, 8))),
    "upper and lower limbs": TipRange("T1 to T2", ("T1", "T2")),
    "both legs": _LEGS,
    "legs and trunk": _LEGS,
}
"""Where one surgical series (Vender) places the tip, by the pattern; of the neck it names no levels, so that any passes."""
_DAY_ITEMS = ("site marked sitting", "side recorded")
_REHABILITATION = "rehabilitation"
_AT_START = ("IMP-03", "IMP-05", "IMP-08", "IMP-09", "IMP-11")


def usual_tip(look: Look) -> tuple[str, TipRange] | None:
    """IMP-04: the pattern on the chart, and where one series places the tip for it; None without a pattern."""
    known = look.known
    patterns = (name for name in TIP_OF_PATTERN if known.present(name) or known.answer("distribution", name))
    pattern = next(patterns, None)
    return (pattern, TIP_OF_PATTERN[pattern]) if pattern else None


def start_plan(look: Look) -> Plan | Refusal:
    """What follows an implant, by date, from the start of the infusion to the first monthly visits."""
    found = ordered(finding for rule in _AT_START for finding in CHECKS[rule](look))
    return planned_start(look, found)


def _consent(look: Look) -> Iterator[Finding]:
    """IMP-01."""
    missing = _missing(look, "consent")
    if missing and implant_ahead(look):
        asked = f"no consent on record to {', '.join(missing)}"
        yield look.found("IMP-01", "block", asked, "consent to all of it", "Talk it over, and record the consent.")


def _no_infection(look: Look) -> Iterator[Finding]:
    """IMP-02."""
    if not implant_ahead(look):
        return
    infections = grouped("conditions", "infection") | grouped("conditions", "deep infection") | {"active infection"}
    for condition in sorted(infections):
        if look.known.present(condition):
            asked = f"an implant with {words('conditions')[condition].text}"
            yield look.found("IMP-02", "block", asked, "no infection", "Call the operation off, and treat the infection.")
    if day_of_implant(look) is None:
        return
    if not _answered_on_the_day(look, "no infection"):
        asked, advice = "no screen for infection on the day of the implant", "Examine for infection, and record it."
        yield look.found("IMP-02", "block", asked, "no infection, recorded on the day", advice)
    if not _answered_on_the_day(look, "antibiotic prophylaxis"):
        asked, advice = "no antibiotic prophylaxis on record", "Give it in time, and record it."
        yield look.found("IMP-02", "warn", asked, "prophylaxis recorded", advice)


def _site(look: Look) -> Iterator[Finding]:
    """IMP-03: marked before, measured after."""
    missing = [item for item in _DAY_ITEMS if not look.known.answer("day of implant", item)]
    if missing and day_of_implant(look) is not None:
        asked = f"on the day of the implant not recorded: {', '.join(missing)}"
        yield look.found("IMP-03", "warn", asked, "site marked while sitting, side recorded", "Do and record it first.")
    limit, depth = look.limit("CAN-15", "depth"), look.known.measure("implant depth")
    if depth is not None and depth.value > limit.value and in_hospital(look):
        asked, advice = f"a pump {depth.value:g} cm deep", "Have it placed less deep: it could not be read or refilled."
        yield look.found("IMP-03", limit.severity, asked, f"at most {limit}", advice)


def _tip(look: Look) -> Iterator[Finding]:
    """IMP-04."""
    implanted, usual = look.chart.implanted, usual_tip(look)
    if implanted is None or usual is None or not in_hospital(look) or implanted.tip_level in usual[1].levels:
        return
    asked, allowed = f"a tip at {implanted.tip_level} for {usual[0]}", f"{usual[1].text} in one series"
    yield look.found("IMP-04", "advise", asked, allowed, "Record why the tip lies there.")


def _record(look: Look) -> Iterator[Finding]:
    """IMP-05: a gate to the first program of a pump."""
    pump, catheter = pump_in_place(look.known), look.chart.catheter
    if pump is None or catheter is None or (look.sheet is not None and not look.sheet.programmable):
        return
    if look.known.last_session is not None and look.known.last_session.at >= pump.at:
        return
    missing = []
    kept = isinstance(pump, PumpReplaced) and line_measured(look)
    if not kept and catheter.geometry is None:
        missing.append("model, length and trimmed length of the catheter")
    if pump.dead_volume.nl <= 0:
        missing.append("volume of tubing and catheter")
    paper = look.known.document("device record", look.now)
    if paper is None or paper.at.date(look.zone) < pump.at.date(look.zone):
        missing.append("device record with serial number, size and site")
    if missing:
        asked = f"a first program without {', '.join(missing)}"
        yield look.found("IMP-05", "block", asked, "a complete record", "Complete the record before the pump is programmed.")


def _clock(look: Look) -> Iterator[Finding]:
    """IMP-06: until drug has reached the tip, or a refill shows that it long has."""
    session = first_session(look)
    if session is None or len(look.known.fills) > 1:
        return
    tip = drug_at_tip(look.chart)
    if tip is not None and look.now < tip:
        asked = f"an infusion that reaches the tip on {tip.local_text(look.zone)}, {in_words(tip - session.at)} after its start"
        allowed = "benefit and the first 24 h counted from then"
        yield look.found("IMP-06", "advise", asked, allowed, "Judge no effect and raise no dose before.", tip)


def _monitored(look: Look) -> Iterator[Finding]:
    """IMP-07."""
    session = first_session(look)
    if session is None or len(look.known.fills) > 1:
        return
    until, limit = monitored_until(look), look.limit("IMP-07", "monitor")
    if until is not None and look.now < until:
        asked = f"an infusion that was started {look.ago(session.at)} ago"
        yield look.passed(limit, asked, f"monitored for {limit} from drug at the tip", "Go on monitoring.", until)


def _rehabilitation(look: Look) -> Iterator[Finding]:
    """IMP-08."""
    implanted, known = look.chart.implanted, look.known
    if implanted is None or known.closed is not None or known.document("rehabilitation referral", look.now):
        return
    planned = {fact.visit for fact in known.bookings} | {fact.visit for fact in known.visits}
    if _REHABILITATION not in planned and not stable(known, look.clinic):
        asked, allowed = "no referral to rehabilitation", "a referral before discharge"
        yield look.found("IMP-08", "task", asked, allowed, "Refer: inpatient, outpatient or at home.")


def _prime(look: Look) -> Iterator[Finding]:
    """IMP-09: an order with a prime against what lies in the line, and a first program without one."""
    asked, session = look.asked, look.known.last_session
    if asked is None or not (asked.orders.prime or (session is None and asked.orders.dosing is not None)):
        return
    ledger = line_ledger(look.chart)
    if ledger is None:
        return
    free = [parcel for parcel in ledger.line.parcels if parcel.content in DRUG_FREE]
    if not asked.orders.prime:
        if ledger.known and free:
            told = f"a start without a prime of a line that holds, {ledger.in_words()}"
            advice = "Prime what holds no drug, or count every clock from drug at the tip."
            yield look.found("IMP-09", "advise", told, "a prime of what holds no drug", advice)
    elif not ledger.known:
        told = f"a prime of a line that holds, {ledger.in_words()}"
        yield look.found("IMP-09", "block", told, "what lies in the line is known", "Do not prime: start with monitoring.")
    elif not free:
        told = f"a prime of a line that holds, {ledger.in_words()}"
        yield look.found("IMP-09", "block", told, "nothing to prime where drug lies everywhere", "Prime nothing.")


def _bundle(look: Look) -> Iterator[Finding]:
    """IMP-10: where the clinic uses it."""
    missing = _missing(look, "infection bundle")
    if look.on("IMP-10") and missing and day_of_implant(look) is not None:
        asked = f"of the bundle against infection not recorded: {', '.join(missing)}"
        yield look.found("IMP-10", "advise", asked, "the whole bundle", "Do and record it.")


def _leaves_with(look: Look) -> Iterator[Finding]:
    """IMP-11: a gate to discharge."""
    missing = _missing(look, "discharge")
    if look.known.document("emergency plan", look.now) is not None:
        missing = [item for item in missing if item != "emergency plan"]
    if missing and in_hospital(look):
        asked = f"a discharge without {', '.join(missing)}"
        yield look.found("IMP-11", "block", asked, "card, bracelet and emergency plan", "Issue them before discharge.")


def _missing(look: Look, checklist: str) -> list[str]:
    return [item for item in words("checklists")[checklist].items if not look.known.answer(checklist, item)]


def _answered_on_the_day(look: Look, item: str) -> bool:
    answered, day = look.known.answers.get(("day of implant", item)), day_of_implant(look)
    return answered is not None and answered.yes and day is not None and answered.at.date(look.zone) >= day


CHECKS: Checks = {
    "IMP-01": _consent,
    "IMP-02": _no_infection,
    "IMP-03": _site,
    "IMP-04": _tip,
    "IMP-05": _record,
    "IMP-06": _clock,
    "IMP-07": _monitored,
    "IMP-08": _rehabilitation,
    "IMP-09": _prime,
    "IMP-10": _bundle,
    "IMP-11": _leaves_with,
}
