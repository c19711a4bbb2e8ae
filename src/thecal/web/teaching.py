"""What if: a program beside another one, by arithmetic; and, where it is asked for, what a population model makes of both.

The curves are bands of a population of invented bodies. They say nothing of the person of a chart: nobody has measured what the
fluid of this person does, and no dose is to be taken from them. They are off until somebody ticks them on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from starlette.responses import Response

from thecal.body.doses import Doses, Infusion
from thecal.body.patient import patient_sheets
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.catheter.geometry import TIP_LEVELS
from thecal.chart.clinical import Described
from thecal.clinic.people import ERASED, person_of
from thecal.clinic.practice import CHART, Reading
from thecal.quantity import Concentration, DailyDose
from thecal.report.effects import HONESTY
from thecal.report.words import digits_text, number_text, significant_text
from thecal.study.population import draw
from thecal.therapy.restart import reading as last_reading
from thecal.therapy.service import pump_in_place
from thecal.timeline import DAY_S
from thecal.web.ask import Ask
from thecal.web.form import Form
from thecal.web.guard import NotFoundError, need
from thecal.web.route import Pages

PAGES = Pages()
PEOPLE, SEED = 100, 1
"""How many bodies the population has (a choice of ours: a page is answered within three seconds), and their seed."""
RUN_IN_DAYS = 28
"""So long every body has had the present dose before (a choice of ours): tolerance counts from its beginning."""
DAYS = (3, 7, 14)
SHARES = (5, 50, 95)
"""The percentiles of a band: one body in twenty lies below it, half below its middle, one in twenty above it."""
BODIES: tuple[str, ...] = ("adult-ms", "adult-sci", "adult-cerebral", "child")
_OF_CAUSE = {"multiple sclerosis": "adult-ms", "spinal cord injury": "adult-sci"}
_ADULT_YEARS = 18
_STEP_S = 3600
NOT_THIS_PERSON = (
    "These curves are of a population model, not of this person: invented bodies that differ as published measurements differ. "
    "Nobody knows which of them this person is like. No dose follows from them."
)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that is shown: its name in the model, its title and unit, how many digits it is worth, and where it begins."""

    name: str
    title: str
    unit: str
    digits: int = 2
    least: int = 0


@dataclass(frozen=True, slots=True)
class Bands:
    """One channel under both programs: hours, and for each program the low, middle and high values of the population."""

    channel: Channel
    hours: tuple[int, ...]
    now: tuple[tuple[float, ...], ...]
    then: tuple[tuple[float, ...], ...]

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Each day in words: what goes on as it is, and what is changed."""
        for place, hour in enumerate(self.hours):
            if hour % 24 == 0:
                yield f"day {hour // 24}", self._words(self.now, place), self._words(self.then, place)

    def _words(self, several: tuple[tuple[float, ...], ...], place: int) -> str:
        low, middle, high = (digits_text(band[place], self.channel.digits) for band in several)
        return f"{middle} ({low} to {high})"

    def document(self) -> dict[str, object]:
        """What the figure is drawn from."""
        title, unit, least = self.channel.title, self.channel.unit, self.channel.least
        return {"title": title, "unit": unit, "least": least, "hours": self.hours, "now": self.now, "then": self.then}


def bands(body: str, tip: str, now: DailyDose, then: DailyDose, days: int) -> tuple[Bands, ...]:
    """A population under a dose that goes on and under one that is changed, both as constant flows at a tip level.

    Every body has had the present dose for ``RUN_IN_DAYS``. The fluid in the catheter is left out: a change is at the tip at
    once. Raises InputError for a body or a level that is not known.
    """
    people, change = draw(body, SEED, range(PEOPLE)), RUN_IN_DAYS * DAY_S
    end = change + days * DAY_S
    channels = (
        Channel(f"csf_{tip.lower()}_ng_per_ml", f"Baclofen in spinal fluid at {tip}", "ng/mL"),
        Channel("ashworth_legs", "Ashworth score of the legs, 1 to 5", "", least=1),
        Channel("spasm_penn", "Spasms, Penn, 0 to 4", ""),
    )
    record = Record(Grid.over(change, end, _STEP_S), tuple(channel.name for channel in channels), 0)
    seen = []
    for dose in (now, then):
        infusions = [Infusion.constant(now.mcg_per_day, tip, 0, change), Infusion.constant(dose.mcg_per_day, tip, change, end)]
        response = propagate(people, Doses(tuple(infusions)), record)
        seen.append({channel.name: np.percentile(response[channel.name], SHARES, axis=0) for channel in channels})
    hours = tuple(range(record.grid.count))

    def of(number: int, name: str) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(round(float(value), 4) for value in band) for band in seen[number][name])

    return tuple(Bands(channel, hours, of(0, channel.name), of(1, channel.name)) for channel in channels)


@PAGES.get("/teaching", "teach")
def teaching_page(ask: Ask) -> Response:
    """Two programs that are typed in, without a chart."""
    return _page(ask, "", "", {}, ())


@PAGES.get("/teaching/{stream}", "teach")
def teaching_of(ask: Ask, stream: str) -> Response:
    """The program that runs by the record, beside one that is typed in."""
    need(ask, "chart")
    with ask.practice.reading() as reading:
        history, person = reading.history(stream), person_of(reading.connection, stream)
        if not stream.startswith(CHART) or not history.rows:
            raise NotFoundError(f"Nobody is on record as {stream}.")
        named = person.name if person is not None and person.name != ERASED and ask.sees("identify") else stream
        given, notes = _of_chart(reading, stream)
    ask.audit("read the teaching page", stream)
    return _page(ask, stream, named, given, notes)


def _of_chart(reading: Reading, stream: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """(what a chart says, by field; what should be known of it)."""
    look = reading.look(reading.history(stream))
    report, placed, described = last_reading(look), pump_in_place(look.known), look.known.described
    given: dict[str, str] = {"body": _body(described, look.age_years)}
    notes = []
    if look.known.dose is not None:
        given["now"] = str(look.known.dose)
    else:
        notes.append("No daily dose that runs is on record.")
    if report is not None and report.concentration is not None:
        given["concentration"] = str(report.concentration)
    implanted = look.chart.implanted
    if placed is not None and implanted is not None and implanted.tip_level in TIP_LEVELS:
        given["tip"] = implanted.tip_level
        notes.append(f"The tip level is that of the implantation, {implanted.tip_level}: a later revision may have moved it.")
    if report is not None:
        notes.append(f"By what the pump said last it runs: {report.program.in_words()}. Here it counts as a constant flow.")
    return given, tuple(notes)


def _body(described: Described | None, age: int | None) -> str:
    """The kind of bodies that is nearest to what is on record."""
    if age is not None and age < _ADULT_YEARS:
        return "child"
    if described is None:
        return BODIES[0]
    return "adult-cerebral" if described.origin == "cerebral" else _OF_CAUSE.get(described.cause, BODIES[0])


def _page(ask: Ask, stream: str, named: str, given: dict[str, str], notes: tuple[str, ...]) -> Response:
    sent, asked = dict(ask.request.query_params), bool(ask.query("go"))
    defaults = {"body": BODIES[0], "tip": "T10", "days": str(DAYS[1])}
    values = sent if asked else {**defaults, **given, **sent}
    form = ask.form = Form({name: (value,) for name, value in values.items()})
    shown: tuple[Bands, ...] = ()
    known: tuple[tuple[str, str, str], ...] = ()
    if asked:
        body, tip = form.chosen("body", BODIES), form.chosen("tip", TIP_LEVELS)
        days = form.chosen("days", tuple(str(number) for number in DAYS))
        now = form.needed("now", lambda text: DailyDose.parse(text, "dose that runs", zero=True))
        then = form.needed("then", lambda text: DailyDose.parse(text, "other dose", zero=True))
        strength = form.read("concentration", lambda text: Concentration.parse(text, "concentration"))
        if now is not None and then is not None:
            _check(ask, form, now, then)
        if not form.errors and now is not None and then is not None:
            known = tuple(_known(now, then, strength))
            if form.ticked("curves") and body is not None and tip is not None and days is not None:
                shown = bands(body, tip, now, then, int(days))
    sheets = patient_sheets()
    return ask.page(
        "teaching.html",
        422 if form.errors else 200,
        stream=stream,
        named=named,
        notes=notes,
        bodies=[(name, sheets[name].title) for name in BODIES],
        tips=TIP_LEVELS,
        days=[(str(number), f"{number} days") for number in DAYS],
        known=known,
        bands=shown,
        people=PEOPLE,
        run_in=RUN_IN_DAYS,
        shares=SHARES,
        honesty=HONESTY,
        not_this_person=NOT_THIS_PERSON,
    )


def _check(ask: Ask, form: Form, now: DailyDose, then: DailyDose) -> None:
    """SAF-01: no dose is taught that may not be given; and something must be given to compare."""
    with ask.practice.reading() as reading:
        most = reading.staff().limit("SAF-01", "daily dose")
    for name, dose in (("now", now), ("then", then)):
        if dose.pg_per_day > most.value * 10**6:
            form.refuse(name, str(dose), "is more than goes in 24 h (SAF-01)", accepted=(f"at most {most}",))
    if not now.pg_per_day and not then.pg_per_day:
        form.refuse("then", str(then), "and the one that runs are both nothing")


def _known(now: DailyDose, then: DailyDose, strength: Concentration | None) -> Iterator[tuple[str, str, str]]:
    """What arithmetic says of both, without any model."""
    yield "Daily dose", str(now), str(then)
    yield "An hour", f"{number_text(now.mcg_per_day / 24, 2)} mcg/h", f"{number_text(then.mcg_per_day / 24, 2)} mcg/h"
    if now.pg_per_day:
        change = 100 * (Fraction(then.pg_per_day, now.pg_per_day) - 1)
        text = significant_text(float(change)) if change else "0"
        yield "Change", "-", f"{'+' if change > 0 else ''}{text} %"
    if strength is not None:
        flows = [f"{number_text(dose.mcg_per_day / strength.mcg_per_ml, 4)} mL/day" for dose in (now, then)]
        yield f"Flow at {strength}", flows[0], flows[1]
