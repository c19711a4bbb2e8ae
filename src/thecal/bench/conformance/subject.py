"""The subject: a pump that is to be checked, behind the few things that can be done to any pump from outside.

Time is simulated: the pump under test is told how many seconds pass. A subject in another process speaks the same things as lines
of canonical JSON (docs/conformance.md).
"""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from thecal.bench.entry import Asked, Befell, Entry, Heard, Needled
from thecal.bench.virtual_pump import Outcome, VirtualPump, after, at_instant, on_bench, pump_of, pump_plain, sheet_with
from thecal.errors import Refusal, ThecalError
from thecal.pump.messages import Fault, Message, Procedure, Report, Syringe
from thecal.pump.state import new_pump
from thecal.timeline import Instant

Ability = Literal["activator", "faults", "power"]
ABILITIES: tuple[Ability, ...] = get_args(Ability)


class SubjectError(ThecalError):
    """A subject that broke: it went away, was silent, or talked rubbish."""


@dataclass(frozen=True, slots=True)
class Introduced:
    """What a subject says of itself: its name, what can be done to it beside messages, needles, waiting and weighing, and how far
    what it delivers may be from what it should (parts per million; 0 for software).
    """

    name: str
    can: tuple[Ability, ...]
    tolerance_ppm: int


class Subject(Protocol):
    """A pump under test."""

    def begin(self, model: str, at: Instant) -> Introduced:
        """Be a new pump of a data sheet, out of its box, its clock at UTC: stopped, with nothing typed in."""

    def say(self, message: Message) -> Report | Refusal:
        """Take a message by the wand."""

    def needle(self, procedure: Procedure) -> Syringe | Refusal:
        """Do what a needle does."""

    def wait(self, seconds: int) -> None:
        """Let time pass."""

    def weigh(self) -> int:
        """The nanolitres that have left the outlet since it began."""

    def press(self) -> Report | Refusal:
        """The patient asks for a bolus (``activator``)."""

    def lose_power(self) -> None:
        """Be cut off from power without warning, and come back in the same second (``power``)."""

    def fault(self, fault: Fault) -> Refusal | None:
        """Let a fault strike (``faults``)."""


class ReferencePump:
    """The first subject: the pump of this package. After a loss of power it is what can be read back of it."""

    def __init__(self) -> None:
        self._pump: VirtualPump | None = None

    def begin(self, model: str, at: Instant) -> Introduced:
        """A new pump."""
        self._pump = on_bench("TC-0001", new_pump(sheet_with(model, ()), at))
        return Introduced("the reference pump of thecal", ABILITIES, 0)

    @property
    def pump(self) -> VirtualPump:
        """The pump as it is."""
        if self._pump is None:
            raise SubjectError("the subject was not begun")
        return self._pump

    def say(self, message: Message) -> Report | Refusal:
        """By the wand's own door."""
        answer = self._take(Heard(self.pump.now, message)).answer
        assert isinstance(answer, Report | Refusal)  # what is heard is answered
        return answer

    def needle(self, procedure: Procedure) -> Syringe | Refusal:
        """By its own reservoir."""
        answer = self._take(Needled(self.pump.now, procedure)).answer
        assert isinstance(answer, Syringe | Refusal)  # a needle draws something, or is refused
        return answer

    def wait(self, seconds: int) -> None:
        """By jumps."""
        self._pump = at_instant(self.pump, Instant(self.pump.now.s + seconds)).pump

    def weigh(self) -> int:
        """By its account."""
        return self.pump.account.delivered.volume_nl

    def press(self) -> Report | Refusal:
        """By its activator."""
        answer = self._take(Asked(self.pump.now)).answer
        assert isinstance(answer, Report | Refusal)  # a request is answered
        return answer

    def lose_power(self) -> None:
        """Only what is written survives."""
        self._pump = pump_of(pump_plain(self.pump))

    def fault(self, fault: Fault) -> Refusal | None:
        """As its sheet allows."""
        answer = self._take(Befell(self.pump.now, fault)).answer
        return answer if isinstance(answer, Refusal) else None

    def _take(self, entry: Entry) -> Outcome:
        outcome = after(self.pump, entry)
        self._pump = outcome.pump
        return outcome
