"""What an order comes to before it is written: what the rules find, what the pump would do, who may go on; and its second person.

Nothing here is sent to a pump and nothing is written: a look and an order go in, and what may be written comes out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from thecal.chart.clinical import Answered, Overrode, Signed
from thecal.chart.order import OrderPatient, ordered_dose
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.checklist import Question, questions, with_answers
from thecal.clinic.entry import Entry, VisitStepped
from thecal.clinic.order_form import Fields
from thecal.clinic.re_entry import AMOUNT, DOSE, SPAN, STRENGTH, VOLUME, ReEntry
from thecal.clinic.visit import STEPS, Visit
from thecal.clinic.visit_writing import check_open, refused
from thecal.errors import InputError, Refusal
from thecal.programmer.review import Review, review
from thecal.pump.messages import Update
from thecal.quantity import Amount
from thecal.therapy.asked import Asked, asked_for
from thecal.therapy.check import check
from thecal.therapy.due import refill_policy
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.permissions import Permission, may, roles
from thecal.therapy.rules import all_rules
from thecal.therapy.service import last_report
from thecal.therapy.signing import by_author
from thecal.timeline import DAY_S, Duration, Instant

AHEAD = Duration(3 * DAY_S)
"""How far ahead the editor says what reaches the tip of the catheter. It is only what is shown."""
_ROUNDED_PG = 50_000  # a dose is compared to the tenth of a microgram to which people round one; a bound of arithmetic
_LINE = "IMP-05"
_SECOND = "SAF-05"
_TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class Checked:
    """An order as it would be written: ``look`` asks about it, ``review`` is what a session would show of it, if it can be made.

    ``refusals`` say why the pump cannot be programmed so. ``override`` names, by rule, the permission with which a person may go
    on in spite of what it finds; ``waits`` are the rules that ask for nothing any more but signatures, which come after it.
    """

    orders: OrderSheet
    look: Look
    review: Review | None
    refusals: tuple[Refusal, ...]
    findings: tuple[Finding, ...]
    override: Mapping[str, Permission]
    waits: frozenset[str]

    @property
    def asked(self) -> Asked | None:
        return self.look.asked

    @property
    def blocks(self) -> tuple[Finding, ...]:
        """What stops the order from being written."""
        return tuple(found for found in self.findings if _blocks(found) and found.rule not in self.waits)

    @property
    def second(self) -> tuple[Finding, ...]:
        """What asks for a second person, or for more signatures, before the pump is updated."""
        waits = (found for found in self.findings if _blocks(found) and found.rule in self.waits)
        return (*waits, *(found for found in self.findings if found.severity == "second_person" and found.stops))

    @property
    def may_be_written(self) -> bool:
        """Whether nothing stands against it."""
        return not self.refusals and not self.blocks


def _blocks(finding: Finding) -> bool:
    return finding.severity == "block" and finding.overridden is None


def may_order(visit: Visit, look: Look) -> Refusal | None:
    """Whether an order belongs to this visit now: it is open, of a kind with an order, and there is a pump to be programmed."""
    step = next(step for step in STEPS if step.name == "order")
    if visit.kind not in step.kinds:
        limit = f"a visit of kind {', '.join(sorted(step.kinds))}"
        return refused(f"an order at a {visit.kind} visit", limit, "Begin a visit of such a kind.")
    if look.sheet is None:
        return refused("an order without a pump", "a pump that is in place", "Record the implant first.")
    return check_open(visit) or look.sheet.check_programmable("an order")


def checked(orders: OrderSheet, look: Look, visit: Visit, *, line_known: bool = True, standing: bool = False) -> Checked:
    """An order at a visit, worked out with all that the rules and the pump say of it. Nothing is written.

    Signatures and overrides were of the order that they were given with: of a new one none counts, of one that is ``standing``
    its own. Without ``line_known`` neither bridge nor prime is planned.
    """
    look = _of_this_order(replace(look, asked=None), visit, standing=standing)
    made, refusals = _reviewed(orders, look, visit, line_known=line_known)
    asked = asked_for(orders, look.chart, look.sheet) if look.sheet else None
    if isinstance(asked, Refusal):
        return Checked(orders, look, made, (asked, *(no for no in refusals if no.rule != asked.rule)), (), {}, frozenset())
    look = replace(look, asked=asked)
    findings = check(look, "order")
    return Checked(orders, look, made, refusals, findings, _overridable(look, findings), _waiting(look, findings))


def _of_this_order(look: Look, visit: Visit, *, standing: bool) -> Look:
    """The look without what was signed, and gone on with, for another order than this one."""
    overrides, signed = [gone for gone in look.known.overrides if gone.at < visit.begun], list[Signed]()
    if standing:  # a reading of this visit is a session too, and ends neither
        overrides += [replace(gone, at=look.now) for gone in visit.gone_on]
        signed += [replace(sign, at=look.now) for sign in visit.signed]
    return replace(look, known=replace(look.known, signed=signed, overrides=overrides))


def _reviewed(orders: OrderSheet, look: Look, visit: Visit, *, line_known: bool) -> tuple[Review | None, tuple[Refusal, ...]]:
    """What a session would show, and what stands against it: the pump, its line, and the fill of this visit (RPC-10, RPC-15)."""
    report, sheet = last_report(look.known), look.sheet
    if (orders.bridge or orders.prime) and not line_known:
        limit = "a catheter whose volume is known"
        no = refused("a bridge or a prime", limit, "Image the catheter, or plan a monitored start; record its volume.", _LINE)
        return None, (no,)
    if report is None or sheet is None:
        no = refused("an order for a pump that was never read", "a pump that was interrogated", "Interrogate it first.", "SES-05")
        return None, (no,)
    made = review(orders, look.chart, report, sheet, refill_policy(look))
    if isinstance(made, Refusal):
        return None, (made,)
    return made, tuple(_of_fill(made, look, visit))


def _of_fill(made: Review, look: Look, visit: Visit) -> Iterator[Refusal]:
    """A fill that no session has entered yet is entered with this order, and as it was injected."""
    if visit.procedure is None or visit.filled is None or look.chart.fill_session is not None:
        return
    if not isinstance(made.write, Update):
        limit = f"the fill of this visit, {visit.filled.volume}, entered first"
        yield refused(
            "an order that leaves the fill out", limit, "Order the reservoir volume; give a bolus afterwards.", "RPC-10"
        )
        return
    done = visit.procedure.programmed(made.write, look.now)
    if isinstance(done, Refusal):
        yield done


def _overridable(look: Look, findings: tuple[Finding, ...]) -> dict[str, Permission]:
    """The rules that a person may go on in spite of, each with its permission: tried, with such a person."""
    found: dict[str, Permission] = {}
    for finding in findings:
        limits = all_rules()[finding.rule].limits.values() if _blocks(finding) else ()
        for permission in {limit.override for limit in limits if limit.override is not None}:
            role = next((name for name in roles() if may(name, permission)), _TRIAL)
            trial = with_overrides(look, (Overrode(look.now, finding.rule, _TRIAL, _TRIAL, role),))
            if not any(again.rule == finding.rule and _blocks(again) for again in check(trial, "order")):
                found[finding.rule] = permission
    return found


def with_overrides(look: Look, overrides: tuple[Overrode, ...]) -> Look:
    """The look with people who go on in spite of rules."""
    return replace(look, known=replace(look.known, overrides=[*look.known.overrides, *overrides]))


def _waiting(look: Look, findings: tuple[Finding, ...]) -> frozenset[str]:
    """The rules whose blocks end with the signatures of others, who enter the order again once it is written."""
    blocking = {finding.rule for finding in findings if _blocks(finding)}
    role = next(name for name in roles() if may(name, "double-check"))
    needed = int(look.limit("SAF-03", "signatures").value)
    signed = [Signed(look.now, _TRIAL, f"{_TRIAL} {number}", role) for number in range(needed)]
    trial = replace(look, known=replace(look.known, signed=signed))
    return frozenset(blocking - {finding.rule for finding in check(trial, "order") if _blocks(finding)})


# Going on in spite of a rule -------------------------------------------------------------------------------------------------


def who_may(permission: Permission) -> tuple[str, ...]:
    """The professions that may go on in spite of a rule that asks for a permission, some of them with a certificate."""
    return tuple(role.name for role in roles().values() if role.permissions[permission] != "no")


@dataclass(frozen=True, slots=True)
class Signer:
    """Who writes an order: the account, its role, and what it may do now."""

    name: str
    role: str
    rights: frozenset[str]

    def may(self, permission: Permission) -> bool:
        """Whether they may go on by a permission now: by their profession, or with a certificate that counts today."""
        return permission in self.rights


def overridden(found: Checked, fields: Fields, by: Signer) -> tuple[tuple[Overrode, ...], dict[str, InputError]]:
    """What a person goes on in spite of, with the reasons typed as ``reason-RULE``; and what is wrong with them, by field."""
    done, errors = [], {}
    for rule in dict.fromkeys(finding.rule for finding in found.blocks if finding.rule in found.override):
        name, permission = f"reason-{rule}", found.override[rule]
        reason = " ".join(fields.get(name, "").split())
        if reason and by.may(permission):
            done.append(Overrode(found.look.now, rule, reason, by.name, by.role))
        elif reason:
            problem = f"cannot be given by a {by.role}"
            errors[name] = InputError(f"reason to go on in spite of {rule}", reason, problem, accepted=who_may(permission))
    return tuple(done), errors


def gone_on(found: Checked, overrides: tuple[Overrode, ...]) -> Checked:
    """The order once these people go on: checked again, by the same rules."""
    return _again(found, with_overrides(found.look, overrides))


def _again(found: Checked, look: Look) -> Checked:
    """The order checked again, with a chart that says more."""
    findings = check(look, "order")
    return replace(found, look=look, findings=findings, override=_overridable(look, findings), waits=_waiting(look, findings))


def asks(found: Checked) -> tuple[Question, ...]:
    """The items of checklists that the rules ask of whoever orders so: with a yes they find less, or something else."""
    asked = (one for finding in found.findings for one in questions(found.look, finding, said=(True,)))
    return tuple(dict.fromkeys(asked))


def answered(found: Checked, said: tuple[Question, ...]) -> tuple[tuple[Answered, ...], Checked]:
    """The answers of who orders, to be written with the order; and the order checked again with them."""
    answers = tuple(Answered(found.look.now, checklist, item, yes=True) for checklist, item in said)
    return answers, _again(found, with_answers(found.look, answers)) if answers else found


# What it comes to ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arrival:
    """What leaves the tip from one instant to another; to the end of what is known where ``until`` is None."""

    since: Instant
    until: Instant | None
    told: str


def arrivals(made: Review, now: Instant) -> tuple[Arrival, ...]:
    """What would reach the tip within the next three days if the pump were updated now, by what people know of the line."""
    strength = made.after.concentration
    new = f"the new program, of {strength}" if strength else "what the new program gives"
    if made.bridge:
        ends = now + made.bridge.ends_after
        return (Arrival(now, ends, made.bridge.in_words()), Arrival(ends, None, new))
    if made.prime:
        ends = Instant(now.s + made.prime.duration.s)
        return (Arrival(now, ends, made.prime.in_words()), Arrival(ends, None, new))
    rows, last = [], now
    for stretch in made.if_now:
        if stretch.start_s < AHEAD.s:
            last = Instant(now.s + stretch.end_s)
            rows.append(Arrival(Instant(now.s + stretch.start_s), last, stretch.in_words()))
    if last.s - now.s < AHEAD.s:
        rows.append(Arrival(last, None, new if made.programmed and made.programmed.pg_per_day else "nothing flows"))
    return tuple(rows)


def totals_of(found: Checked) -> tuple[tuple[str, str, str], ...]:
    """The totals before and after, as (what, before, after)."""
    asked = found.asked
    if asked is None:
        return ()
    before, after = asked.before, asked.after

    def row(name: str, part: str) -> tuple[str, str, str]:
        was, will = ("not known" if one is None else str(getattr(one, part)) for one in (before, after))
        return name, was, will

    most = "not known" if asked.most is None else str(asked.most)
    rows = [
        row("24-h total", "day"),
        ("the most in 24 h, boluses included", row("", "day_max")[1], most),
        row("peak hour of the program", "peak_hour"),
        row("mean of a day over 7 days", "seven_day_mean"),
    ]
    if asked.bolus > Amount(0):
        rows.append(("the single bolus, on top", "", str(asked.bolus)))
    return tuple(rows)


# The second person -----------------------------------------------------------------------------------------------------------


def re_entries(found: Checked) -> tuple[ReEntry, ...]:
    """What a second person enters again (SAF-05): concentration, daily dose, 24-h total, volume, and every bolus of the order."""
    orders, asked = found.orders, found.asked
    if asked is None:
        return ()
    rows = []
    if asked.concentration is not None:
        rows.append(ReEntry("concentration", "Concentration, mcg/mL", "", STRENGTH, (asked.concentration.mcg_per_ml,)))
    session = found.look.chart.session
    order = orders.dosing or (session.order if session else None)
    dose = ordered_dose(order) if order is not None else None
    if dose is not None:
        hint = "as ordered, the mean of a week where days differ"
        rows.append(ReEntry("dose", "Daily dose, mcg/day", hint, DOSE, (dose.pg_per_day,), _ROUNDED_PG))
    if asked.after is not None:
        meant = (asked.after.day.pg, *((orders.confirm_total.pg_per_day,) if orders.confirm_total else ()))
        hint = "the most of the program in any 24 h, worked out step by step"
        rows.append(ReEntry("total", "24-h total, mcg/day", hint, DOSE, meant, _ROUNDED_PG))
    if orders.reservoir is not None:
        rows.append(ReEntry("volume", "Reservoir volume, mL", "as injected", VOLUME, (orders.reservoir.nl,)))
    if orders.bolus is not None:
        rows.append(ReEntry("bolus", "Single bolus, mcg", "", AMOUNT, (orders.bolus.dose.pg,)))
        rows.append(ReEntry("bolus_over", "Single bolus over", "with its unit, such as 10 min", SPAN, (orders.bolus.over.s,)))
    if isinstance(orders.patient, OrderPatient):
        rows.append(ReEntry("patient", "Patient bolus, mcg", "each of them", AMOUNT, (orders.patient.dose.pg,)))
    return tuple(rows)


def check_second(visit: Visit, checker: str) -> Refusal | None:
    """Whether somebody may be the second person of the order of a visit now."""
    closed = check_open(visit)
    if closed:
        return closed
    if visit.orders is None:
        return refused("a second person without an order", "an order that was written", "Write the order first.", _SECOND)
    now = Instant(0)  # only names are compared
    if by_author(Signed(now, visit.author, checker, "")):
        advice = "Another person enters the order again."
        return refused(f"{checker} as author and second person of one order", "two persons", advice, _SECOND)
    if visit.asks_for_order_right and not visit.approved_by:
        limit = "an order that somebody stands behind who may order"
        return refused("a second person for a proposal", limit, "Have the order approved first.", "ROL-03")
    if any(by_author(Signed(now, sign.checker, checker, "")) for sign in visit.signed):
        return refused(f"{checker} as second person twice", "another person each time", "Ask somebody else.", _SECOND)
    return None


def sign(visit: Visit, checker: str, role: str, now: Instant) -> tuple[Entry, ...]:
    """The entries of a second person who has entered the order again as it is."""
    return (Signed(now, visit.author, checker, role), VisitStepped(now, visit.name, "second person", checker))
