"""The pump as its report describes it: what it would refuse, and what it would do, worked out by the pump's own rules."""

from dataclasses import replace

from thecal.errors import Refusal
from thecal.pump.alarms import ALARMS
from thecal.pump.handle import STOP, handle
from thecal.pump.messages import BeginUpdate, Fill, Report, StartBolus, Update, Write
from thecal.pump.modes import check_mode
from thecal.pump.program import ConstantFlow, EndOfService, PeriodicBolus, SafeState, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import PumpState, new_pump
from thecal.pump.written import BOLUSES, clock_offset_s
from thecal.quantity import Volume

_CRITICAL = frozenset(kind.name for kind in ALARMS if kind.severity == "critical")


def believed_pump(report: Report, sheet: PumpSheet) -> PumpState:
    """A pump of exact flow with the settings of a report, no bolus running, and in its reservoir what it calculates."""
    tight = replace(sheet, undeliverable_volume=Volume(0), fill_sensor=False)  # what people are told, and no more
    pump = new_pump(tight, report.at, clock_offset_s(report))
    calculated = None if report.calculated is None else min(report.calculated, sheet.reservoir_capacity)  # a sensor may err
    if calculated and report.concentration and calculated.nl:
        filled = perform(pump, Fill(calculated, report.concentration))
        assert not isinstance(filled, Refusal)  # the pump was told so much and no more
        pump = filled[0]
    program = Stopped() if isinstance(report.program, SafeState | EndOfService | ConstantFlow) else report.program
    told = handle(pump, Update(program, report.concentration, calculated, report.low_reservoir, report.patient))
    assert not isinstance(told, Refusal), told  # it runs so already
    return told.state


def check_write(write: Write, report: Report, sheet: PumpSheet) -> Refusal | None:
    """Whether a pump that said ``report`` would take a write, by its own limits; nothing is sent to find out."""
    refusal = _check_mode(write, report, sheet)
    if refusal:
        return refusal
    bolus = write.bolus if isinstance(write, Update | StartBolus) else None
    sounding = next((name for name in report.alarms if name in _CRITICAL), None)
    ended_by_it = isinstance(write, Update) and (write.program is not None or write.reservoir is not None)
    if bolus is not None and sounding and not ended_by_it:
        return Refusal(
            "PMP-14",
            f"a bolus while the {sounding} alarm sounds",
            "no bolus under a critical alarm",
            "Generic Infusion Pump safety requirements 1.4.11 (UPenn MS-CIS-08-31)",
            "Resolve the alarm first.",
        )
    told = handle(believed_pump(report, sheet), write)
    if isinstance(told, Refusal):
        return told
    scheduled = report.mode == PeriodicBolus.mode and not sheet.stops_while_updating
    if scheduled and isinstance(write, Update) and write.bolus and write.program in (None, report.program):
        return check_mode(report.mode, StartBolus(write.bolus).name, sheet)  # a bolus that is being given is believed by nobody
    return None


def _check_mode(write: Write, report: Report, sheet: PumpSheet) -> Refusal | None:
    """Whether the pump would begin the update in its mode, and then take the write under a bolus that goes on."""
    if report.mode in BOLUSES and write == STOP:
        return None
    ends = report.mode == "updating" or (report.mode in (*BOLUSES, PeriodicBolus.mode) and sheet.stops_while_updating)
    refusal = check_mode(report.mode, BeginUpdate.name, sheet)
    return refusal or (None if ends else check_mode(report.mode, write.name, sheet))
