"""A run of a drill: its lines, each with the state and the text that it left. The same lines always make the same run."""

from dataclasses import dataclass, field

from thecal.drill.drill import Drill
from thecal.drill.instructor import MARK, ORDERS, instruct
from thecal.drill.move import Moved, lines_of
from thecal.drill.state import State, begun, truth
from thecal.drill.verbs import move, scene_lines
from thecal.errors import InputError
from thecal.report.tables import Line
from thecal.timeline import Duration, Instant

REWIND, RESET = "rewind", "reset"
_HELP = (
    f"{MARK} {REWIND} 3, {MARK} {REWIND} 30 min     back by so many lines, or to so long ago",
    f"{MARK} {RESET}                  back to the beginning",
    f"{MARK} branch FILE            save what has been up to now as a run of its own, and go on here",
)


@dataclass(frozen=True, slots=True)
class Told:
    """A line of a run: who typed it, what it was, the state after it, and what was shown."""

    line: str
    by: str
    state: State
    shown: tuple[Line, ...]


@dataclass(slots=True)
class Run:
    """A drill as far as it has been played. ``lines`` are all that were typed, ``told`` those that count: a rewind takes some
    away.
    """

    drill: Drill
    first: State = field(init=False)
    told: list[Told] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first = begun(self.drill)

    @property
    def state(self) -> State:
        return self.told[-1].state if self.told else self.first

    def opening(self) -> list[Line]:
        """What is shown before the first line: title, aims, and the situation."""
        table = self.drill.table
        lines = [Line(table.title, "title"), *lines_of(table.brief), Line("")]
        lines += [Line("What it teaches:", "head"), *(line for aim in table.objectives for line in lines_of(f"- {aim}"))]
        return [*lines, Line(""), Line("The situation:", "head"), *scene_lines(self.first)]

    def play(self, line: str, by: str = "") -> tuple[Line, ...]:
        """Do a line, and return what is shown of it. Raises InputError, InputErrors; then nothing has changed."""
        shown = self._done(" ".join(line.split()), by)
        self.lines.append((line, by))
        return shown

    def _done(self, line: str, by: str) -> tuple[Line, ...]:
        if not line.startswith(MARK):
            return self._keep(line, by, move(self.state, line))
        word, _, rest = line.removeprefix(MARK).strip().partition(" ")
        match word:
            case "rewind":
                return self._rewound(rest)
            case "reset":
                self.told.clear()
                return tuple(lines_of("Back at the beginning.", "note"))
            case "help":
                usages = (f"{order.usage:<26} {order.means}" for order in ORDERS.values())
                return tuple(Line(f"  {text}", "note") for text in (*usages, *_HELP))
            case _:
                return self._keep(line, by, instruct(self.state, line.removeprefix(MARK).strip()))

    def _keep(self, line: str, by: str, moved: Moved) -> tuple[Line, ...]:
        shown = moved.lines
        if moved.state.truth_shown and not line.startswith(MARK):
            shown += tuple(one for text in truth(moved.state) for one in lines_of(text, "unsensed"))
        self.told.append(Told(line, by, moved.state, shown))
        return shown

    def _rewound(self, text: str) -> tuple[Line, ...]:
        """Back by so many lines that count, or to the state of so long ago."""
        if text.isascii() and text.isdecimal():
            count = int(text)
            if not 0 < count <= len(self.told):
                raise InputError(REWIND, text, "is not so many lines back", accepted=(f"1 to {len(self.told)}",))
            del self.told[-count:]
        else:
            instant = Instant(self.state.now.s - Duration.parse(text, REWIND).s)
            while self.told and self.told[-1].state.now > instant:
                self.told.pop()
        at = self.state.now.local_text(self.drill.zone)
        return tuple(lines_of(f"Back at {at}.", "note"))

    def at_text(self) -> str:
        """The time of the drill, and how long it has lasted."""
        elapsed = self.state.elapsed
        hours, minutes = divmod(elapsed.s // 60, 60)
        return f"{self.state.now.local_text(self.drill.zone)} (+{hours}:{minutes:02d})"
