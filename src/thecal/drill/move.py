"""What a move leaves: the drill as it is afterwards, and what is shown of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from thecal.drill.state import State, passed
from thecal.pump.alarms import ALARMS
from thecal.pump.messages import Event
from thecal.report.tables import WIDTH, Line, Style
from thecal.timeline import Duration, Instant

_CRITICAL = frozenset(f"{kind.name} alarm" for kind in ALARMS if kind.severity == "critical")


@dataclass(frozen=True, slots=True)
class Moved:
    """A drill after a move, and the lines that the learner sees."""

    state: State
    lines: tuple[Line, ...]

    def then(self, move: "Callable[[State], Moved]") -> "Moved":
        """This, and then another."""
        after = move(self.state)
        return Moved(after.state, self.lines + after.lines)


def told(state: State, *texts: str, style: Style = "plain") -> Moved:
    """Nothing but words."""
    return Moved(state, tuple(line for text in texts for line in lines_of(text, style)))


def lines_of(text: str, style: Style = "plain", indent: str = "  ") -> Iterator[Line]:
    """A text in lines."""
    yield from (Line(part, style) for part in wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent) or [""])


def spent(state: State, duration: Duration) -> Moved:
    """The time that a deed takes: whoever has something to say meanwhile says it."""
    return until(state, state.now + duration, stopping=False)


def until(state: State, instant: Instant, *, stopping: bool) -> Moved:
    """Time passes; ``stopping`` ends it where somebody speaks."""
    lines: list[Line] = []
    while True:
        after = passed(state, instant, heeding=True)
        state = after.state
        lines += list(_tones(after.alarms))
        if after.voice:
            lines += list(lines_of(f"{after.voice.who.capitalize()}: \u201c{after.voice.says}\u201d", "done"))
        if state.now >= state.drill.table.until:
            ended = lines_of("The time of this drill is over.", "title")
            return Moved(replace(state, ended=True), (*lines, *ended))
        if after.voice is None or stopping:
            return Moved(state, tuple(lines))


def _tones(alarms: Sequence[Event]) -> Iterable[Line]:
    """What is heard of an alarm: a tone, and not which."""
    for event in alarms:
        tone = "a two-tone" if event.kind in _CRITICAL else "a single-tone"
        yield from lines_of(f"From the pump comes {tone} beep.", "critical" if event.kind in _CRITICAL else "non-critical")
