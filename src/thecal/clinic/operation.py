"""Operations on a chart that is there: a pump and a catheter put in, exchanged and taken out, as somebody writes them down.

What was done goes in and entries come out, dated when it happened; what the chart contradicts is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from thecal.chart.clinical import Answered, Booked, Documented
from thecal.chart.contradiction import new_contradictions
from thecal.chart.facts import Explanted, Fact, Filled, Implanted, Noted, PortUsed, PumpReplaced, Revised
from thecal.chart.line_ledger import line_ledger
from thecal.clinic.catheter import Catheter, Line
from thecal.clinic.entry import DeviceRecorded, Ended, Entry, LineUnknown
from thecal.clinic.history import History
from thecal.clinic.visit import open_visit
from thecal.errors import InputError, InputErrors
from thecal.fluid import Content
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Concentration, Volume
from thecal.therapy.appointment import REFILLS
from thecal.therapy.look import Look
from thecal.therapy.service import AFTER_REPLACEMENT
from thecal.therapy.team import upcoming
from thecal.timeline import Instant

Kind = Literal["implant", "replacement", "revision", "port", "explant"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HELD: tuple[Content, ...] = ("sterile water", "CSF", "air", "unknown")
"""What a catheter may hold when it is put in, so far as the line is reckoned with it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a kind, at an instant, on what was in place ``before``; written down ``by`` somebody."""

    kind: Kind
    at: Instant
    history: History
    before: Look
    by: str

    def checked(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """The entries, once nothing stands against them. Raises InputErrors, of field ``at`` where the chart contradicts."""
        found = tuple(entries)
        problems = [InputError("the operation", "", problem, accepted=(accepted,)) for problem, accepted in self._against()]
        facts = [entry for entry in found if isinstance(entry, Fact)]
        new = new_contradictions(self.history.chart.facts, facts, self.before.birth)
        problems += [InputError("the operation", "", f"contradicts the chart: {each.problem}") for each in new]
        if problems:
            raise InputErrors(problems)
        return found

    def _against(self) -> Iterable[tuple[str, str]]:
        if self.history.last(Ended) is not None:
            yield "is of a person whom the clinic no longer treats", "that entry taken back in the timeline first"
        if open_visit(self.history) is not None:
            yield "cannot be written down while a visit is open", "the visit closed, or given up with a reason, first"
        if self.kind not in ("implant", "explant") and self.before.sheet is None:
            yield "is of a pump that was not in place then", "an implant that is written down first"

    def implanted(self, device: DeviceRecorded, told: Catheter, holds: Content, primed: Concentration | None) -> list[Entry]:
        """A pump and a catheter put in where none are. Raises InputErrors."""
        sheet = pump_sheet(device.model)
        line = told.line(sheet)
        of_line = (line.catheter, line.tip, line.dead_volume, line.geometry, holds, primed)
        return [Implanted(self.at, sheet.name, *of_line), *self._papers(device), *self._line(line, told)]

    def replaced(self, device: DeviceRecorded, primed: Concentration | None) -> list[Entry]:
        """Another pump on the catheter that stays. Raises InputErrors."""
        ledger, before = line_ledger(self.before.chart), self.before.sheet
        if ledger is None or before is None:
            raise InputError("the operation", "", "contradicts the chart: no pump was in place then", accepted=("an implant",))
        sheet = pump_sheet(device.model)
        catheter = Volume(ledger.line.volume_nl) - before.tubing_volume
        return [PumpReplaced(self.at, sheet.name, sheet.tubing_volume + catheter, primed), *self._papers(device)]

    def answered(self, items: Iterable[str]) -> list[Entry]:
        """What of the list after a replacement was done."""
        return [Answered(self.at, AFTER_REPLACEMENT, item, yes=True) for item in items]

    def revised(self, told: Catheter, holds: Content, catheter_serial: str) -> list[Entry]:
        """Another catheter, or the old one as it is now, on the pump that stays. Raises InputErrors."""
        if self.before.sheet is None:
            raise InputError("the operation", "", "contradicts the chart: no pump was in place then", accepted=("an implant",))
        line = told.line(self.before.sheet)
        revised = Revised(self.at, line.catheter, line.tip, line.dead_volume, line.geometry, holds)
        device = self.history.last(DeviceRecorded)
        papers = [replace(device, at=self.at, catheter_serial=catheter_serial)] if device and catheter_serial else []
        return [revised, *papers, *self._line(line, told)]

    def port_used(self, what: Literal["aspirate", "inject"], volume: Volume, drug: Concentration | None) -> list[Entry]:
        """A needle in the catheter access port. Raises InputError."""
        if what == "aspirate" and drug is not None:
            raise InputError("concentration", str(drug), "is of what is injected", accepted=("nothing, of an aspiration",))
        return [PortUsed(self.at, what, volume, drug)]

    def taken_out(self, why: str) -> list[Entry]:
        """Pump and catheter taken out; the person is still treated here."""
        return [Explanted(self.at), *([Noted(self.at, f"pump and catheter taken out: {why}")] if why else [])]

    @staticmethod
    def taken_back(now: Look) -> list[Entry]:
        """What is booked of a pump that is no longer there."""
        ahead = upcoming(now, *REFILLS, "titration")
        return [Booked(now.now, booking.visit, booking.on, booking.who, cancelled=True) for booking in ahead]

    def filled(self, sheet: PumpSheet, volume: Volume, strength: Concentration) -> list[Entry]:
        """The fill of a pump that was just put in. Raises InputError (RPC-08, SAF-02)."""
        if volume > sheet.reservoir_capacity:
            problem = f"is more than the reservoir of {sheet.name} holds (RPC-08)"
            raise InputError("fill", str(volume), problem, accepted=(f"at most {sheet.reservoir_capacity}",))
        screening = self.before.limit("SAF-02", "screening strength")
        if strength.mcg_per_ml <= screening.value:
            problem = "is that of a screening test, which goes into no pump (SAF-02)"
            raise InputError("strength", str(strength), problem, accepted=(f"more than {screening}",))
        return [Filled(self.at, volume, strength)]

    def _papers(self, device: DeviceRecorded) -> tuple[Entry, ...]:
        """The papers of the new pump, which is another than the one before it. Raises InputError."""
        papers = self.history.all(DeviceRecorded)
        if any(paper.serial == device.serial and paper.at <= self.at for paper in papers):
            raise InputError(
                "serial", device.serial, "is that of a pump before it", accepted=("the serial number of the new pump",)
            )
        later = next((paper for paper in papers if paper.at > self.at and paper.serial != device.serial), None)
        if later is not None:
            problem = f"is not what was written down since: {later.serial or 'none'}, {later.at.local_text(self.before.zone)}"
            raise InputError("serial", device.serial, problem, accepted=("that one", "that entry taken back first"))
        return papers_of(device, self.by)

    def _line(self, line: Line, told: Catheter) -> list[Entry]:
        """Whether the volume of this catheter is known, where that is to be said."""
        unknown = self.history.last(LineUnknown)
        entries: list[Entry] = []
        if not line.known or (unknown is not None and not unknown.known):
            entries.append(LineUnknown(self.at, line.known, f"by the record of the {self.kind}"))
        if told.volume is not None:
            entries.append(Documented(self.at, "catheter volume", by=self.by))
        return entries


def papers_of(device: DeviceRecorded, by: str | None = None) -> tuple[Entry, ...]:
    """The papers of a pump; with the place where it lies they are the whole record of the device (DEV-01)."""
    record = (Documented(device.at, "device record", by=by),) if device.site else ()
    return (device, *record)
