"""A course with two lines beside it: what people believe, folded from the chart, and what is so, pushed by what left the pump."""

from dataclasses import dataclass, replace
from fractions import Fraction

from tests.courses import START
from thecal.catheter.line import Line
from thecal.catheter.port import aspirate, inject
from thecal.chart.chart import Chart
from thecal.chart.facts import Acted, Interrogated, SessionEnded
from thecal.chart.line_ledger import LineLedger, line_ledger
from thecal.errors import Refusal
from thecal.fluid import Parcel, take_front
from thecal.timeline import Instant
from thecal.twin.act import act
from thecal.twin.action import Action, Explant, Implant, ReplacePump, Revise, UsePort
from thecal.twin.world import PlannedFault, World, pass_time

Row = list[tuple[int, int, str]]


def row(parcels: tuple[Parcel, ...]) -> Row:
    """(nanolitres, picograms, content) of each fluid; parts of one strength that lie side by side are one."""
    told: Row = []
    for parcel in parcels:
        if not parcel.volume_nl:
            continue
        here = (parcel.volume_nl, parcel.amount_pg, parcel.content)
        if told and told[-1][2] == here[2] and Fraction(told[-1][1], told[-1][0]) == Fraction(here[1], here[0]):
            before = told.pop()
            here = (before[0] + here[0], before[1] + here[1], here[2])
        told.append(here)
    return told


@dataclass(frozen=True)
class Course:
    """A world under actions, its chart, and the line as a plug: no mixing in it, but the same bore, for the access port."""

    world: World
    chart: Chart
    plug: Line
    refusals: tuple[Refusal, ...] = ()

    @classmethod
    def begun(cls, faults: tuple[PlannedFault, ...] = ()) -> "Course":
        """Before anything was done."""
        return cls(World(START, faults=faults), Chart(), Line(()))

    def until(self, at: Instant) -> "Course":
        passed = pass_time(self.world, at)
        plug = self.plug
        for block in passed.outlet:
            plug = plug.pushed(block.parcels).line
        return replace(self, world=passed.world, plug=plug)

    def do(self, action: Action) -> "Course":
        course = self.until(action.at)
        outcome = act(course.world, course.chart, action)
        if isinstance(outcome, Refusal):
            chart = course.chart.after(Acted(action.at, action.name, outcome))
            return replace(course, chart=chart, refusals=(*course.refusals, outcome))
        plug = course._plug(action, outcome.world.line)
        return replace(course, world=outcome.world, chart=course.chart.after(*outcome.facts), plug=plug)

    def _plug(self, action: Action, after: Line) -> Line:
        """The plug after an action, which takes from the world's line only what was put in new."""
        match action:
            case Implant():
                return after
            case Explant():
                return Line(())
            case ReplacePump() | Revise():
                assert self.plug.bore is not None
                assert after.bore is not None
                mine = take_front(self.plug.parcels, self.plug.bore.lumen_nl)
                new = take_front(after.parcels, after.bore.lumen_nl)
                parts = (mine[0], new[1]) if isinstance(action, ReplacePump) else (new[0], mine[1])
                return Line((*parts[0], *parts[1]), after.bore)
            case UsePort():
                pg = action.volume.of(action.concentration).pg if action.concentration else 0
                fluid = Parcel.whole(action.volume.nl, pg, "drug" if pg else "sterile water")
                used = aspirate(self.plug, action.volume) if action.what == "aspirate" else inject(self.plug, fluid)
                assert not isinstance(used, Refusal)
                return used.line
            case _:
                return self.plug

    @property
    def ledger(self) -> LineLedger | None:
        return line_ledger(self.chart)

    @property
    def is_read(self) -> bool:
        """Whether the pump was read in this second."""
        here = [fact for fact in self.chart.facts if fact.at == self.world.now]
        return any(isinstance(fact, SessionEnded | Interrogated) for fact in here)

    def believed(self) -> Row:
        ledger = self.ledger
        return row(ledger.line.parcels) if ledger else []

    def true(self) -> Row:
        return row(self.plug.parcels)
