"""The letter to the referrer: what was ordered and found since an instant, and what comes next."""

from collections.abc import Iterator

from thecal.clinic.emergency_card import dose_in_place, mode_in_place, uncertain_words, with_sheet
from thecal.clinic.outage_list import oral_words, run_dates
from thecal.clinic.paper import Paper, listed, pairs, printed_line, recorded
from thecal.clinic.person import Person
from thecal.clinic.refill_note import RESIDUALS, change_text, next_visits, residual_row, told_of
from thecal.programmer.printout import Section
from thecal.quantity import DailyDose
from thecal.therapy.look import Look
from thecal.timeline import Instant

_NO_DOSE = "no dose: stopped by removal, minimum rate, or not known"


def dose_letter(look: Look, person: Person, since: Instant, *, by: str = "", clinic: str = "") -> Paper:
    """The letter: the doses that were ordered since then, scores and symptoms, residuals, and the next visits.

    Raises ValueError for a letter about the future.
    """
    if since > look.now:
        raise ValueError("a letter since an instant that has not come")
    look = with_sheet(look)
    born = f", born {person.born}" if person.born else ""
    number = f", number {person.number}" if person.number else ""
    lines = (
        f"{recorded(person.name)}{born}{number}",
        f"To: {recorded(person.referrer)}",
        f"About {since.date(look.zone)} to {look.now.date(look.zone)}. {printed_line(look.now, look.zone, by, clinic)}",
    )
    nothing = f"none recorded since {since.date(look.zone)}"
    sections = (_now(look), _doses(look, since, nothing), _told(look, since, nothing), _residuals(look, since, nothing))
    return Paper("Intrathecal baclofen: letter to the referrer", lines, (*sections, next_visits(look)))


def _now(look: Look) -> Section:
    sheet, filled, dates = look.sheet, look.chart.filled, run_dates(look)
    doubt = uncertain_words(look)
    rows = (
        ("pump", f"{sheet.title} ({sheet.name})" if sheet else None),
        ("strength filled", filled.concentration if sheet and filled else None),
        ("daily dose", dose_in_place(look)),
        ("mode", mode_in_place(look)),
        ("baclofen by mouth", oral_words(look)),
        ("refill by", dates.refill_by),
        ("low reservoir alarm, as the pump counts", dates.alarm),
    )
    return pairs("Now", *([("beware", doubt)] if doubt else []), *rows)


def _doses(look: Look, since: Instant, nothing: str) -> Section:
    """Every change of the ordered dose, the latest first, and what was ordered before the first of them."""
    changes = [change for change in look.known.doses if change.at >= since]
    rows = []
    for change in reversed(changes):
        before, after = change.before, change.dose
        told = change_text(before.pg_per_day, after.pg_per_day) if before is not None and after is not None else ""
        first = "" if look.known.doses[0] is not change else "the first"
        rows.append((str(change.at.date(look.zone)), first or _dose(before), _dose(after), told))
    return listed("Daily dose as ordered", ("on", "before", "from then on", "change"), tuple(rows), nothing)


def _dose(dose: DailyDose | None) -> str:
    return _NO_DOSE if dose is None else str(dose)


def _told(look: Look, since: Instant, nothing: str) -> Section:
    return listed("Symptoms, scores and measurements", ("on", "what", ""), tuple(_rows(look, since)), nothing)


def _rows(look: Look, since: Instant) -> Iterator[tuple[str, str, str]]:
    for fact in reversed(look.chart.facts):
        if fact.at < since:
            return
        for what, came_to in told_of(fact):
            yield str(fact.at.date(look.zone)), what, came_to


def _residuals(look: Look, since: Instant, nothing: str) -> Section:
    found = [residual for residual in reversed(look.known.residuals) if residual.at >= since]
    return listed("Residuals at refills", RESIDUALS, tuple(residual_row(look, residual) for residual in found), nothing)
