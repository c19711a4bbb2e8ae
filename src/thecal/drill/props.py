"""Props of a drill, to print and to hand out: the emergency card, the last session's printout, the label of the vial."""

from collections.abc import Iterator
from html import escape

from thecal.chart.facts import Filled
from thecal.drill.drill import Drill
from thecal.drill.state import State, begun
from thecal.programmer.printout import Section
from thecal.quantity import Concentration, Volume
from thecal.report.html import page
from thecal.report.printout import section_html, section_lines
from thecal.report.programmer import Interrogation, interrogation_sections
from thecal.report.tables import Line
from thecal.report.words import BANNER
from thecal.therapy.emergency_plan import emergency_plan
from thecal.therapy.look import Look
from thecal.timeline import Instant
from thecal.twin.mishaps import WrongStrengthEvent

_PRACTICE = "FOR PRACTICE ONLY: an exercise, and no real person, pump or drug."
_LOT = "EXERCISE"


def prop_sections(drill: Drill) -> tuple[tuple[str, tuple[Section, ...]], ...]:
    """(name, tables) of each prop, as people would have them when the scene begins."""
    state = begun(drill)
    return (("Emergency card", (_card(state),)), ("Last session", _printout(state)), ("Label of the vial", (_label(state),)))


def prop_lines(drill: Drill) -> Iterator[Line]:
    """All props as text."""
    yield Line(drill.table.title, "title")
    yield Line(_PRACTICE, "critical")
    for name, sections in prop_sections(drill):
        yield Line("")
        yield Line(name.upper(), "head")
        for section in sections:
            yield from section_lines(section)
    yield Line("")
    yield Line(BANNER, "note")


def prop_page(drill: Drill) -> str:
    """All props as one self-contained page, each on a sheet of its own when it is printed."""
    sheets = []
    for name, sections in prop_sections(drill):
        tables = "".join(part for section in sections for part in section_html(section))
        style = "break-after: page; border: 1px solid #aeb6bf; padding: .5rem 1rem; margin: 1rem 0"
        sheets.append(f'<section style="{style}"><h2>{escape(name)}</h2><p class="critical">{_PRACTICE}</p>{tables}</section>')
    head = f'<h1>{escape(drill.table.title)}: props</h1><p class="banner">{escape(BANNER)}</p>'
    return page(f"{drill.table.title}: props", [head, *sheets])


def _card(state: State) -> Section:
    sheet = state.world.pump.sheet if state.world.pump else None
    plan = emergency_plan(Look.at(state.chart, state.now, state.drill.zone, sheet))
    return Section("", ("", ""), tuple((line.label, line.value) for line in plan.lines))


def _printout(state: State) -> tuple[Section, ...]:
    """What the pump said when it was last programmed; nothing of what has happened since."""
    session, pump = state.chart.session, state.world.pump
    if session is None or pump is None:
        return (Section("", ("", ""), (("session", "none is on record"),)),)
    said = Interrogation(session.report, state.chart, pump.sheet, state.drill.case.policy)
    held = Section("", ("", ""), (("held on", session.at.local_text(state.drill.zone)),))
    return (held, *interrogation_sections(said, state.drill.zone))


def _between(state: State, first: Instant, last: Instant) -> bool:
    """Whether another fill was between two instants."""
    return any(isinstance(fact, Filled) and first <= fact.at < last for fact in state.chart.facts)


def _label(state: State) -> Section:
    filled = state.chart.filled
    strength: Concentration | None = filled.concentration if filled else None
    for event in state.drill.table.world.event:  # the vial says what was truly in it
        if (
            filled
            and isinstance(event, WrongStrengthEvent)
            and event.at <= filled.at
            and not _between(state, event.at, filled.at)
        ):
            strength = event.concentration
    volume: Volume | None = filled.volume if filled else None
    rows = (
        ("drug", "baclofen injection, intrathecal, preservative-free"),
        ("strength", str(strength) if strength else "none is on record"),
        ("volume of the last fill", str(volume) if volume else "none is on record"),
        ("lot", _LOT),
        ("expires", _LOT),
    )
    return Section("", ("", ""), rows)
