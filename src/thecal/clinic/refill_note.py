"""The note of a refill, or of a visit without one: written by the chart itself out of what it holds of before and after it."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from thecal.chart.chart import Chart
from thecal.chart.clinical import Measured, Overrode, Scored, Signed, SymptomReported, Visited
from thecal.chart.facts import Assessed, Entered, Fact, Filled, ResidualMeasured
from thecal.chart.vocabulary import words
from thecal.clinic.emergency_card import mode_in_place, serial_in_place, uncertain_words, with_sheet
from thecal.clinic.entry import DeviceRecorded
from thecal.clinic.outage_list import run_dates
from thecal.clinic.paper import Paper, listed, pairs, printed_line, recorded, three_figures
from thecal.clinic.visit import Visit
from thecal.errors import sentence
from thecal.programmer.printout import Section, gain_words
from thecal.quantity import Amount, Volume
from thecal.report.words import order_text
from thecal.therapy.emergency_plan import NOT_RECORDED
from thecal.therapy.gain import pump_gain
from thecal.therapy.look import Look
from thecal.therapy.residual import flagged_residual
from thecal.therapy.restart import reading
from thecal.therapy.scales import scales
from thecal.therapy.scores import score_of
from thecal.therapy.service import booked, pump_in_place
from thecal.therapy.totals import Totals, totals
from thecal.timeline import Instant
from thecal.unit import decimal_text

_GRADES = ("gone", "mild", "moderate", "severe")
_TREND = 4  # earlier residuals beside the one of the visit: a year or so of refills
_SYRINGE = 4  # decimals of a nanolitre count: no syringe is read more finely than to 0.01 mL
RESIDUALS = ("on", "expected", "measured", "off by", "flag")


def refill_note(
    look_before: Look,
    look_after: Look,
    *,
    who: str,
    by: str = "",
    clinic: str = "",
    device: DeviceRecorded | None = None,
    lot: str = "",
    verified_by: str = "",
) -> Paper:
    """The note of a refill: ``look_before`` is the chart when the visit began, ``look_after`` when it ended.

    ``who`` is the identity line, which no chart holds, ``by`` who did the refill, ``lot`` that of the drug with its expiry,
    ``verified_by`` the two who compared it with the order. What happened after the first look and until the second is of this
    visit. Raises ValueError for looks in the wrong order.
    """
    if look_after.now < look_before.now:
        raise ValueError("a visit that ended before it began")
    before, after = with_sheet(look_before), with_sheet(look_after)
    done = tuple(fact for fact in after.chart.facts if before.now < fact.at <= after.now)
    when = max((fact.at for fact in done if isinstance(fact, Filled)), default=after.now)
    lines = (
        recorded(who),
        f"Refill of {when.local_text(after.zone)}",
        printed_line(after.now, after.zone, by, clinic),
    )
    sections = (
        _pump(after, device),
        _residual(after, done),
        _filled(done, lot, verified_by),
        _program(before, after),
        _dates(after),
        _alarms(before, after),
        of_that_day(after, when),
        _overridden(done),
        _people(done, by),
        next_visits(after),
    )
    return Paper("Refill note", lines, sections)


def visit_note(
    look_before: Look,
    look_after: Look,
    visit: Visit,
    *,
    who: str,
    names: Mapping[str, str],
    clinic: str = "",
    device: DeviceRecorded | None = None,
) -> Paper:
    """The note of a visit at which nothing was filled: what was ordered, and by whom, and what it changed of program and dates.

    The looks and ``who`` are as those of a refill note; ``names`` are the full names of the accounts. Raises ValueError as well.
    """
    if look_after.now < look_before.now:
        raise ValueError("a visit that ended before it began")
    before, after = with_sheet(look_before), with_sheet(look_after)
    done = tuple(fact for fact in after.chart.facts if before.now < fact.at <= after.now)
    by = names.get(visit.begun_by, visit.begun_by)
    lines = (
        recorded(who),
        f"{sentence(visit.kind)} visit of {visit.begun.local_text(after.zone)}{f', {visit.ended}' if visit.ended else ''}",
        printed_line(after.now, after.zone, by, clinic),
    )
    sections = (
        _pump(after, device),
        _ordered(visit, names, after),
        _program(before, after),
        _dates_changed(before, after),
        _alarms(before, after),
        of_that_day(after, visit.begun),
        _overridden(done),
        _people(done, by),
        next_visits(after),
    )
    return Paper("Visit note", lines, sections)


def _pump(look: Look, device: DeviceRecorded | None) -> Section:
    sheet, pump = look.sheet, pump_in_place(look.known)
    return pairs(
        "Pump",
        ("pump", f"{sheet.title} ({sheet.name})" if sheet else None),
        ("serial number", serial_in_place(look, device)),
        ("in place since", pump.at.date(look.zone) if pump else None),
        ("true flow against programmed", gain_words(pump_gain(look.chart, sheet)) if sheet else None),
    )


# The residual ----------------------------------------------------------------------------------------------------------


def residual_row(look: Look, residual: ResidualMeasured) -> tuple[str, ...]:
    """A residual beside what was expected, with its flag by the limits of the clinic (RPC-07)."""
    day, found = str(residual.at.date(look.zone)), flagged_residual(look, residual)
    if residual.expected is None:
        return day, "none: the pump knows no volume", str(residual.measured), "nothing to compare", "none"
    flag = found.flag if found else "ok"
    told = "; first after implant, not reliable yet (RPC-07)" if residual.first else ""
    told += f"; filled in spite of it by {residual.taken_on}" if residual.taken_on else ""
    off_nl = residual.measured.nl - residual.expected.nl
    off = three_figures(Volume(round(off_nl, -_SYRINGE)), signed=True)
    return day, three_figures(residual.expected), str(residual.measured), off, f"{flag}{told}"


def _residual(look: Look, done: tuple[Fact, ...]) -> Section:
    """The residual of the visit first, then those of before: the trend of this pump."""
    now = [fact for fact in done if isinstance(fact, ResidualMeasured)]
    pump = pump_in_place(look.known)
    since = pump.at if pump else look.now
    earlier = [fact for fact in look.known.residuals if since <= fact.at and fact not in now][-_TREND:]
    rows = [residual_row(look, fact) for fact in reversed(now)] or [("this visit", *[NOT_RECORDED] * 4)]
    rows += [residual_row(look, fact) for fact in reversed(earlier)]
    return Section("Residual, and those before it", RESIDUALS, tuple(rows))


def _filled(done: tuple[Fact, ...], lot: str, verified_by: str) -> Section:
    fills = [fact for fact in done if isinstance(fact, Filled)]
    typed = [fact for fact in done if isinstance(fact, Entered)]
    strengths = dict.fromkeys(str(fact.concentration) for fact in fills)
    return pairs(
        "Drug filled",
        ("drug", "baclofen, intrathecal" if fills else None),
        ("volume", " and ".join(str(fact.volume) for fact in fills)),
        ("strength", " and ".join(strengths)),
        ("lot", lot),
        ("compared with the order by (RPC-03)", verified_by),
        ("typed in as the volume", typed[-1].volume if typed else None),
    )


# The program -----------------------------------------------------------------------------------------------------------


def change_text(before: int, after: int) -> str:
    """A change of a dose in percent with its sign, to a tenth; empty where there was none before."""
    if not before:
        return ""
    tenths = round(Fraction(1000 * (after - before), before))
    return f"{'+' if tenths > 0 else ''}{decimal_text(tenths, 10, 1)} %"


def _program(before: Look, after: Look) -> Section:
    """What the pump was programmed to, before and after the visit; a pump that was replaced at it had another program."""
    was, now = _settings(before), _settings(after)
    found_totals = (_totals(before), _totals(after))
    rows = [(name, was[name], now[name], "") for name in now]
    rows.append(_total("24-h total", *(found.day if found else None for found in found_totals)))
    if any(found is not None and found.day_max != found.day for found in found_totals):
        rows.append(_total("24-h total with every patient bolus", *(found.day_max if found else None for found in found_totals)))
    if uncertain_words(before) or uncertain_words(after):
        rows.insert(0, ("beware", uncertain_words(before), uncertain_words(after), ""))
    changed = frozenset(number for number, row in enumerate(rows) if row[1] != row[2] and row[0] != "beware")
    return Section("Program", ("", "before", "after", "change"), tuple(rows), changed)


def _settings(look: Look) -> dict[str, str]:
    report = reading(look) if look.sheet is not None else None
    return {
        "ordered": recorded(_order(look.chart)),
        "mode": recorded(mode_in_place(look)),
        "strength": recorded(report.concentration if report else None),
        "patient bolus": (report.patient.in_words() if report.patient else "none") if report else NOT_RECORDED,
        "low reservoir alarm at": recorded(report.low_reservoir if report else None),
    }


def _order(chart: Chart) -> str | None:
    return order_text(chart.session.order) if chart.session and chart.session.order else None


def _totals(look: Look) -> Totals | None:
    report = reading(look) if look.sheet is not None else None
    return totals(report, look.sheet) if report and look.sheet else None


def _total(name: str, before: Amount | None, after: Amount | None) -> tuple[str, str, str, str]:
    change = change_text(before.pg, after.pg) if before is not None and after is not None else ""
    return name, amount_text(before), amount_text(after), change


def amount_text(amount: Amount | None) -> str:
    """A total of a program, to a tenth of a microgram as programmers show it."""
    return NOT_RECORDED if amount is None else f"{decimal_text(amount.pg, 10**6, 1)} mcg"


def _ordered(visit: Visit, names: Mapping[str, str], look: Look) -> Section:
    """The order that counts at a visit, its author, and when it was written into the pump; or why there is none."""
    orders, update, left = visit.orders, visit.done.get("update"), visit.done.get("order left out")
    if orders is None:
        return pairs("Order", ("ordered", f"no change: {left.note}" if left else None))
    told = [order_text(each) for each in (orders.dosing, orders.patient, orders.bolus) if each is not None]
    told += [f"low reservoir alarm at {orders.low_reservoir}"] if orders.low_reservoir else []
    told += ["with a bridge"] if orders.bridge else ["with a prime"] if orders.prime else []
    return pairs(
        "Order",
        ("ordered", "; ".join(told)),
        ("ordered by", names.get(visit.author, visit.author)),
        ("ordered on", visit.ordered_at.local_text(look.zone) if visit.ordered_at else None),
        ("approved by", names.get(visit.approved_by, visit.approved_by)),
        ("written into the pump", update.at.local_text(look.zone) if update else None),
    )


def _dates(look: Look) -> Section:
    return pairs("Dates", *_dates_of(look))


def _dates_changed(before: Look, after: Look) -> Section:
    rows = [
        (name, recorded(was), recorded(now)) for (name, was), (_, now) in zip(_dates_of(before), _dates_of(after), strict=True)
    ]
    changed = frozenset(number for number, (_, was, now) in enumerate(rows) if was != now)
    return Section("Dates", ("", "before", "after"), tuple(rows), changed)


def _dates_of(look: Look) -> tuple[tuple[str, str | None], ...]:
    dates = run_dates(look)
    by = f"{dates.refill_by}, by {dates.governed_by}" if dates.refill_by != NOT_RECORDED else None
    return (
        ("refill by", by),
        ("low reservoir alarm, as the pump counts", dates.alarm),
        ("low reservoir alarm, at the earliest", dates.earliest_alarm),
        ("empty, at the earliest", dates.earliest_empty),
    )


def _alarms(before: Look, after: Look) -> Section:
    report = reading(after) if after.sheet is not None else None
    last = before.chart.filled
    heard = [fact for fact in after.known.alarms if last is None or fact.at >= last.at]
    tones = ", ".join(f"{fact.tone} on {fact.at.local_text(after.zone)}" for fact in heard)
    replace_by = report.replace_by.date(after.zone) if report and report.replace_by else None
    return pairs(
        "Alarms",
        ("said by the pump", (", ".join(report.alarms) or "none") if report else None),
        ("heard since the refill before", tones or "none recorded"),
        ("replacement indicator", f"reached; replace by {replace_by}" if replace_by else "not reached" if report else None),
    )


# The person ------------------------------------------------------------------------------------------------------------


def of_that_day(look: Look, when: Instant) -> Section:
    """Symptoms, scores and measurements of the day of an instant."""
    today = when.date(look.zone)
    rows = [row for fact in look.chart.facts if fact.at.date(look.zone) == today for row in told_of(fact)]
    return listed("Symptoms and scores of that day", ("", ""), tuple(rows))


def told_of(fact: Fact) -> Iterator[tuple[str, str]]:
    """What a fact says of how the person is: what was asked or scored, and what it came to."""
    match fact:
        case SymptomReported(symptom=symptom, grade=grade):
            known = words("symptoms").get(symptom)
            yield known.text if known else symptom, _GRADES[grade] if grade < len(_GRADES) else str(grade)
        case Scored(scale=scale, part=part):
            score = score_of(fact)
            name = scales()[scale].text if scale in scales() else scale
            yield f"{name} ({part})" if part else name, str(score) if score else f"{fact.score}: not a score of this scale"
        case Assessed():
            scores = (("Ashworth, legs (1 to 5)", fact.ashworth_legs), ("Ashworth, arms (1 to 5)", fact.ashworth_arms))
            for name, score_found in (*scores, ("spasms (Penn, 0 to 4)", fact.spasm_penn)):
                if score_found is not None:
                    yield name, f"{score_found:g}"
        case Measured(measure=measure, value=value):
            measured = words("measures").get(measure)
            yield measured.text if measured else measure, f"{value:g} {measured.unit}" if measured else f"{value:g}"


def _overridden(done: tuple[Fact, ...]) -> Section:
    rows = [(fact.rule, f"{fact.by} ({fact.role})", fact.reason) for fact in done if isinstance(fact, Overrode)]
    rows += [("RPC-07", fact.taken_on, "") for fact in done if isinstance(fact, ResidualMeasured) and fact.taken_on]
    return listed("Rules that were overridden", ("rule", "by", "why"), tuple(rows), "none recorded")


def _people(done: tuple[Fact, ...], by: str) -> Section:
    signed = [f"{fact.checker} ({fact.role}), order of {fact.author}" for fact in done if isinstance(fact, Signed)]
    came = dict.fromkeys(fact.who for fact in done if isinstance(fact, Visited) and fact.who)
    return pairs(
        "People",
        ("done by", by or ", ".join(came)),
        ("second person (SAF-05)", "; ".join(dict.fromkeys(signed))),
    )


def next_visits(look: Look) -> Section:
    """Every visit that is booked from now on, the first one first."""
    ahead = sorted((fact for visit in words("visits") for fact in booked(look, visit)), key=lambda fact: (fact.on, fact.visit))
    rows = ((fact.on.local_text(look.zone), words("visits")[fact.visit].text, recorded(fact.who)) for fact in ahead)
    return listed("Next visits", ("when", "what", "with"), tuple(rows))
