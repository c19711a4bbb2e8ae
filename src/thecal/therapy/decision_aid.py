"""The decision aid: tablets beside a pump, row by row with what is published, and which rows matter for one person."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from thecal.chart.vocabulary import grouped, words
from thecal.datum import DataError, read_data
from thecal.therapy.education import Paragraph, read_paragraph
from thecal.therapy.interactions import BACLOFEN, last_rise, pairs, routes
from thecal.therapy.look import Look
from thecal.therapy.service import booked, pump_in_place
from thecal.timeline import Instant

_FILE = "tablets-or-pump"


@dataclass(frozen=True, slots=True)
class Row:
    """One aspect with what is published of both ways; ``why`` says why it matters for the person who was looked at."""

    name: str
    tablets: tuple[Paragraph, ...]
    pump: tuple[Paragraph, ...]
    why: tuple[str, ...] = ()

    @property
    def matters(self) -> bool:
        """Whether something on the chart makes this row one to talk about."""
        return bool(self.why)


def decision_aid(look: Look | None) -> tuple[Row, ...]:
    """Every row, always in the same order; with a look at a chart, each says why it matters for that person, if it does."""
    if look is None:
        return _rows()
    return tuple(replace(row, why=tuple(_REASONS[row.name](look))) for row in _rows())


@cache
def _rows() -> tuple[Row, ...]:
    table = read_data("education", _FILE)
    rows = tuple(_row(row) for row in table["row"])
    if [row.name for row in rows] != list(_REASONS):
        raise DataError(f"education {_FILE}: needs exactly the rows {list(_REASONS)}, in that order")
    return rows


def _row(table: Mapping[str, Any]) -> Row:
    where = f"education {_FILE}, row {table['name']}"
    tablets, pump = (tuple(read_paragraph(part, where) for part in table[way]) for way in ("tablets", "pump"))
    return Row(table["name"], tablets, pump)


def _giving(look: Look) -> Iterator[str]:
    taken = look.known.medicines.get(BACLOFEN)
    if taken is not None and taken.route == "oral" and taken.doses_a_day > 1:
        yield f"takes baclofen {taken.doses_a_day} times a day"


def _dose(look: Look) -> Iterator[str]:
    taken, dose = look.known.medicines.get(BACLOFEN), look.known.dose
    if taken is not None and taken.route == "oral":
        yield f"takes {taken.per_day:g} mg a day by mouth"
    if look.known.answer("oral trial", "maximum tolerated dose reached"):
        yield "has reached the most that is tolerated by mouth"
    if dose is not None and dose.pg_per_day:
        yield f"the pump gives {dose} now"


def _effect(look: Look) -> Iterator[str]:
    known = look.known
    if known.answer("oral trial", "inadequate response"):
        yield "medicine by mouth has done too little"
    if known.described is not None and known.described.severe:
        yield "the spasticity is severe"
    where = [item for item in words("checklists")["distribution"].items if known.answer("distribution", item)]
    if where:
        yield f"the spasticity is here: {', '.join(where)}"
    if "focal" in where and not {"multi-segmental", "generalised"} & set(where):
        yield "few muscles are tight: injections of botulinum toxin may serve better than either"
    if "upper and lower limbs" in where:
        yield "the arms are spastic too, and a pump does less for arms than for legs"
    if known.tests and known.tests[-1].effect_lasted is not None:
        yield f"the effect of a test dose of {known.tests[-1].dose} lasted {known.tests[-1].effect_lasted}"


def _side_effects(look: Look) -> Iterator[str]:
    reported = look.known.symptoms_since(Instant(0))
    names = sorted(name for name in reported if name in grouped("symptoms", "side effect"))
    if names:
        yield f"reports {', '.join(names)}"
    if look.known.answer("oral trial", "intolerable effects"):
        yield "medicine by mouth had effects that could not be tolerated"
    if look.known.answer("test result", "negative reaction"):
        yield "there was a negative reaction to the test dose"
    sedating = next(pair for pair in pairs() if pair.rule == "INT-02")
    others = sorted(filter(sedating.about, look.known.medicines))
    if others:
        yield f"takes what adds to sedation: {', '.join(others)}"


def _strength(look: Look) -> Iterator[str]:
    yield from _present(look, "primary weakness", "relies on spasticity", "ambulatory")


def _reversibility(look: Look) -> Iterator[str]:
    if look.known.present("pregnancy"):
        yield "is pregnant: neither may end abruptly"
    if not look.known.tests and look.known.implanted is None:
        yield "has had no test dose yet, and may try one before anything is decided"
    rose = last_rise(look)
    if rose is not None and routes(look):
        yield f"has baclofen, last raised {look.ago(rose)} ago: it must not end abruptly"


def _commitment(look: Look) -> Iterator[str]:
    concerns = words("checklists")["relative concerns"].items
    yield from (item for item in concerns if look.known.answer("relative concerns", item))
    yield from _present(look, "transport risk", "lives alone", "single-handed service")
    pump = pump_in_place(look.known)
    if pump is not None:
        yield f"has a pump, in place since {pump.at.date(look.zone)}"


def _risks(look: Look) -> Iterator[str]:
    names = (
        grouped("conditions", "withdrawal risk") | grouped("conditions", "contraindication") | grouped("conditions", "infection")
    )
    yield from _present(look, *sorted(names | grouped("conditions", "deep infection")), "active infection")
    yield from _present(look, "chronic kidney disease", "renal failure", "dialysis", "coagulopathy", "body too small")


def _scans(look: Look) -> Iterator[str]:
    yield from _present(look, "travel planned")
    if look.known.scans:
        yield f"has had an MRI, the last {look.ago(look.known.scans[-1].at)} ago"
    if booked(look, "MRI"):
        yield "has an MRI booked"


def _present(look: Look, *conditions: str) -> Iterator[str]:
    """What a condition says in full, for those that are there."""
    return (words("conditions")[name].text for name in conditions if look.known.present(name))


_REASONS: Mapping[str, Callable[[Look], Iterator[str]]] = {
    "how it is given": _giving,
    "dose": _dose,
    "effect": _effect,
    "side effects": _side_effects,
    "strength and walking": _strength,
    "reversibility": _reversibility,
    "commitment": _commitment,
    "risks": _risks,
    "scans and travel": _scans,
}
