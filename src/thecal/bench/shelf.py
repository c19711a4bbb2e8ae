"""A pump on the shelf: a virtual pump with its journal. Nothing is acknowledged that is not durable."""

from dataclasses import dataclass

from thecal.bench.codec import UnreadableError
from thecal.bench.entry import Entry, Passed, entry_of, entry_plain
from thecal.bench.folder import Folder
from thecal.bench.journal import DamagedJournalError, Journal, NotWrittenError
from thecal.bench.virtual_pump import Outcome, VirtualPump, after, at_instant, pump_of, pump_plain
from thecal.errors import Refusal
from thecal.pump.messages import Event
from thecal.timeline import Instant


@dataclass(slots=True)
class ShelvedPump:
    """A virtual pump, kept. ``torn`` is how many bytes of a write that was never acknowledged were dropped when it was opened."""

    pump: VirtualPump
    journal: Journal
    torn: int = 0

    @classmethod
    def new(cls, folder: Folder, pump: VirtualPump) -> "ShelvedPump":
        """Put a pump on the shelf. Raises JournalError."""
        return cls(pump, Journal.begin(folder, pump_plain(pump)))

    @classmethod
    def open(cls, folder: Folder) -> "ShelvedPump":
        """Take a pump from its journal. Raises JournalError, FileNotFoundError, OSError."""
        found = Journal.recover(folder)
        try:
            pump = pump_of(found.state)
            for entry in found.entries:
                pump = after(pump, entry_of(entry)).pump
        except UnreadableError as error:
            raise DamagedJournalError(f"the newest journal cannot be gone on with: {error}") from None
        return cls(pump, found.journal, found.torn)

    def wait(self, now: Instant) -> tuple[Event, ...]:
        """Let time pass; what happened on the way follows from the journal, so that nothing needs to be written."""
        passed = at_instant(self.pump, max(now, self.pump.now))
        self.pump = passed.pump
        return passed.events

    def take(self, entry: Entry) -> Outcome | Refusal:
        """Let something happen to the pump, and make it durable before anybody hears of it.

        Refused with nothing changed where it cannot be written (BEN-02). What changes nothing is not written.
        Raises BrokenJournalError where nobody knows what was written.
        """
        outcome = after(self.pump, entry)
        if outcome.changed:
            try:
                self.journal.append(entry_plain(entry))
            except NotWrittenError as error:
                return _not_written(error)
        self.pump = outcome.pump
        self._go_on()
        return outcome

    def put_away(self, now: Instant) -> None:
        """Write down until when time has passed. Raises JournalError."""
        entry = Passed(max(now, self.pump.now))
        outcome = after(self.pump, entry)
        self.journal.append(entry_plain(entry))
        self.pump = outcome.pump

    def _go_on(self) -> None:
        """Begin a new segment where the present one is long. Where the disk does not take it, the old one goes on."""
        if self.journal.is_long:
            try:
                self.journal.go_on_from(pump_plain(self.pump))
            except NotWrittenError:
                return


def _not_written(error: NotWrittenError) -> Refusal:
    return Refusal(
        "BEN-02",
        "to write into the pump's memory",
        f"what the disk under it takes ({error})",
        "thecal: nothing is acknowledged that is not durable",
        "Nothing was changed. Make room on the disk of the bench, then interrogate and do it again.",
    )
