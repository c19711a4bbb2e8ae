"""A re-enactment: one course of therapy in two halves, as it happened and as it goes here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from thecal.chart.facts import Fact
from thecal.errors import InputError
from thecal.hazards.document import HalfTable, MeasureTable, ReenactmentTable, ShownTable, WrittenTable
from thecal.timeline import Instant
from thecal.twin.case import case_of
from thecal.twin.chart_file import ChartFile, expectation
from thecal.twin.document import CourseTable
from thecal.twin.lines import Path
from thecal.twin.reading import Found, Place, read_timed

HalfName = Literal["happened", "here"]
HALVES: tuple[HalfName, ...] = get_args(HalfName)
_FOLDER = "hazards"


@dataclass(frozen=True, slots=True)
class Half:
    """One half, ready to run: its ``document`` holds the course, the facts and the looks."""

    name: HalfName
    story: str
    document: ChartFile
    refused: tuple[str, ...]
    written: tuple[WrittenTable, ...]


@dataclass(frozen=True, slots=True)
class Reenactment:
    """Both halves; ``here`` is None where only what happened is told. ``shown`` is the stretch that is drawn."""

    title: str
    zone: ZoneInfo
    sources: tuple[str, ...]
    shown: tuple[Instant, Instant]
    measures: tuple[MeasureTable, ...]
    happened: Half
    here: Half | None

    @property
    def halves(self) -> tuple[Half, ...]:
        return (self.happened, self.here) if self.here else (self.happened,)


@cache
def reenactments() -> tuple[str, ...]:
    """The ids of the hazards that have one."""
    names = (entry.name for entry in (files("thecal") / "data" / _FOLDER).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.startswith("H") and name.endswith(".toml")))


@cache
def reenactment(hazard: str) -> Reenactment:
    """The re-enactment of a hazard. Raises InputErrors for a document that cannot be right."""
    return parse_reenactment((files("thecal") / "data" / _FOLDER / f"{hazard}.toml").read_bytes(), f"{hazard}.toml")


def parse_reenactment(raw: bytes, name: str) -> Reenactment:
    """A re-enactment from the bytes of its file; ``name`` stands in the errors. Raises InputErrors."""
    begins = "reenactment = 1, a title and a timezone to begin with"
    table, zone, place = read_timed(ReenactmentTable, raw, name, begins)
    _check_measures(table, zone, place)
    digest = sha256(raw).hexdigest()
    happened = _half(table, "happened", table.happened, zone, place, digest)
    here = _half(table, "here", table.here, zone, place, digest) if table.here else None
    shown = (table.shown.start, table.shown.to)
    return Reenactment(table.title, zone, tuple(table.sources), shown, tuple(table.measure), happened, here)


def _check_measures(table: ReenactmentTable, zone: ZoneInfo, place: Place) -> None:
    """Numbers of what runs, of which one says how large the harm is.

    A first half that harms and a second that does not differ in at least one of them, by what is asked of it.
    """
    found = Found(place)
    stretches: list[tuple[Path, ShownTable | MeasureTable]] = [(("shown",), table.shown)]
    stretches += [(("measure", number), measure) for number, measure in enumerate(table.measure)]
    for path, stretch in stretches:
        times = {"from": stretch.start, "to": stretch.to, "at": getattr(stretch, "at", None)}
        for key, at in times.items():
            with found.at(*path, key):
                if at is not None and at > table.until:
                    accepted = (f"{table.until.local_text(zone)} or earlier, or a later until",)
                    raise InputError(key, at.local_text(zone), "is after the course ends", accepted=accepted)
    for number, measure in enumerate(table.measure):
        with found.at("measure", number):
            if measure.channel is not None and table.body is None:
                raise InputError("channel", measure.channel, "is not seen: no body is described", nearest="[body] above")
        with found.at("measure", number, "here"):
            if measure.here is not None and table.here is None:
                raise InputError("here", "", "bounds a half that is not there")
    with found.at("measure", 0):
        if not any(measure.happened for measure in table.measure):
            raise InputError("happened", "", "is missing in every measure: no number says how large the harm is")
        pairs = [(measure.happened, measure.here) for measure in table.measure]
        if table.here is not None and not any(happened and here and happened.apart(here) for happened, here in pairs):
            problem = "tells the halves apart by no number: bounds of happened and here that exclude each other"
            raise InputError("measure", "", problem)
    found.end()


def _half(table: ReenactmentTable, name: HalfName, half: HalfTable, zone: ZoneInfo, place: Place, digest: str) -> Half:
    """One half with what both have: events and facts of both in order of time, those of both first at one instant."""
    both: Sequence[tuple[CourseTable | HalfTable, Path]] = ((table, ()), (half, (name,)))
    events = sorted(((event, (*at, "event", n)) for part, at in both for n, event in enumerate(part.event)), key=_event_at)
    truth = sorted(
        ((event, (*at, "world", "event", n)) for part, at in both for n, event in enumerate(part.world.event)),
        key=lambda pair: pair[0].at,
    )
    facts = [(fact, (*at, "fact", n)) for part, at in both for n, fact in enumerate(part.fact)]
    given = {key: getattr(half.world, key) for key in half.world.model_fields_set - {"event"}}
    world = table.world.model_copy(update={**given, "event": [event for event, _ in truth]})
    changed = {"event": [event for event, _ in events], "world": world, "fact": [fact for fact, _ in facts]}
    course = table.model_copy(update={**changed, **({"pump": half.pump} if half.pump else {})})
    moved: dict[Path, Path] = {("event", n): at for n, (_, at) in enumerate(events)}
    moved |= {("world", "event", n): at for n, (_, at) in enumerate(truth)}
    moved |= {("fact", n): at for n, (_, at) in enumerate(facts)}
    moved |= {("world", key): (name, "world", key) for key in given} | ({("pump",): (name, "pump")} if half.pump else {})
    own = replace(place, moved=moved)
    case = case_of(course, zone, own, digest)
    found = Found(place)
    known: list[tuple[Fact, int]] = []
    for fact, at in facts:
        with found.at(*at):
            known += [(one, place.line(at)) for one in fact.facts()]
    looks = []
    for number, look in enumerate(half.look):
        with found.at(name, "look", number):
            looks.append(expectation(look))
    found.end()
    ordered = tuple(sorted((fact for fact, _ in known), key=lambda fact: fact.at))
    lines = tuple(own.line(("event", n)) for n in range(len(events)))
    until = max([table.until, *(fact.at for fact in ordered)])
    title = f"{table.title}: {'as it happened' if name == 'happened' else 'here'}"
    document = ChartFile(place.name, digest, title, zone, ordered, until, case, tuple(looks), False, lines, tuple(known))
    return Half(name, half.story, document, tuple(half.refused), tuple(half.written))


def _event_at(pair: tuple[object, Path]) -> Instant:
    at: Instant = getattr(pair[0], "at")  # noqa: B009  # each of the many kinds has one
    return at
