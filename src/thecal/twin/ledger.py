"""The ledger: where every picogram that left a vial is now, as an equality."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Entry:
    """A volume and the drug in it."""

    volume_nl: int = 0
    amount_pg: int = 0

    def plus(self, volume_nl: int, amount_pg: int) -> "Entry":
        return Entry(self.volume_nl + volume_nl, self.amount_pg + amount_pg)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What came in (``vial``, and the ``prefilled`` fluid of a new pump and line, which holds no drug) and where it went."""

    vial: Entry = Entry()
    prefilled: Entry = Entry()
    intrathecal: Entry = Entry()
    tissue: Entry = Entry()
    withdrawn: Entry = Entry()
    wasted: Entry = Entry()

    def delivered(self, volume_nl: int, amount_pg: int) -> "Ledger":
        """The ledger with what left the tip."""
        intrathecal = self.intrathecal.plus(volume_nl, amount_pg)
        return Ledger(self.vial, self.prefilled, intrathecal, self.tissue, self.withdrawn, self.wasted)

    def book(self, **bookings: tuple[int, int]) -> "Ledger":
        """The ledger with (volume_nl, amount_pg) added to the named accounts."""
        changed = {account: getattr(self, account).plus(*booking) for account, booking in bookings.items()}
        return replace(self, **changed)


@dataclass(frozen=True, slots=True)
class Balance:
    """A ledger with what still lies in the pump: vial = reservoir + line + intrathecal + tissue + withdrawn + wasted."""

    ledger: Ledger
    reservoir: Entry
    line: Entry

    @property
    def gap_nl(self) -> int:
        """What the volumes are off by; zero, always."""
        ledger = self.ledger
        came = ledger.vial.volume_nl + ledger.prefilled.volume_nl
        return came - sum(entry.volume_nl for entry in self.held)

    @property
    def gap_pg(self) -> int:
        """What the amounts are off by; zero, always."""
        ledger = self.ledger
        came = ledger.vial.amount_pg + ledger.prefilled.amount_pg
        return came - sum(entry.amount_pg for entry in self.held)

    @property
    def held(self) -> tuple[Entry, ...]:
        ledger = self.ledger
        return (self.reservoir, self.line, ledger.intrathecal, ledger.tissue, ledger.withdrawn, ledger.wasted)

    @property
    def closes(self) -> bool:
        return self.gap_nl == 0 and self.gap_pg == 0
