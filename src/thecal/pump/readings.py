"""Both readings of what no source decides: what each of them would deliver in the same short course."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from thecal.errors import Refusal
from thecal.pump.advance import advance
from thecal.pump.faults import disturb
from thecal.pump.handle import handle, report
from thecal.pump.messages import BeginUpdate, Command, Fill, Interference, LowBattery, RequestBolus, StartBolus, Update, Withdraw
from thecal.pump.program import BridgeBolus, PatientBolus, PrimingBolus, SimpleContinuous, SingleBolus
from thecal.pump.reservoir import perform
from thecal.pump.sheet import READINGS, PumpSheet, with_reading
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration, Instant

_PROGRAM = SimpleContinuous(FlowRate(250_000))
_STRENGTH = Concentration(500)
_HOUR = Duration(3600)
_BOLUS = Volume(100_000)
_START = Instant(1_767_571_200)  # any midnight
COURSE = f"{_PROGRAM.in_words()}; boluses of {_BOLUS} over {_HOUR}"


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of one property: what a pump delivers in the 24 h after something happens, its mode then, or a refusal.

    ``on_sheet`` says that it is the data sheet's own.
    """

    name: str
    value: str
    on_sheet: bool
    happens: str
    delivered: Volume
    mode: str
    alarms: tuple[str, ...]
    refused: Refusal | None


@dataclass(frozen=True, slots=True)
class _Probe:
    """What happens to the running pump, in words and as steps."""

    happens: str
    steps: tuple[Callable[[PumpState], PumpState | Refusal], ...]


def _tell(command: Command) -> Callable[[PumpState], PumpState | Refusal]:
    def step(pump: PumpState) -> PumpState | Refusal:
        answer = handle(pump, command)
        return answer if isinstance(answer, Refusal) else answer.state

    return step


def _disturb(fault: Interference | LowBattery) -> Callable[[PumpState], PumpState | Refusal]:
    def step(pump: PumpState) -> PumpState | Refusal:
        change = disturb(pump, fault)
        return change if isinstance(change, Refusal) else change.state

    return step


def _empty_all_but(left: Volume) -> Callable[[PumpState], PumpState | Refusal]:
    def step(pump: PumpState) -> PumpState | Refusal:
        outcome = perform(pump, Withdraw(Volume(pump.usable_nl) - left))
        return outcome if isinstance(outcome, Refusal) else outcome[0]

    return step


_SINGLE = _tell(StartBolus(SingleBolus(_BOLUS, _HOUR)))
_PROBES: Mapping[str, _Probe] = {
    "basal_during_bolus": _Probe("a single bolus", (_SINGLE,)),
    "after_single_bolus": _Probe("a single bolus", (_SINGLE,)),
    "after_patient_bolus": _Probe(
        "a patient bolus", (_tell(Update(patient=PatientBolus(_BOLUS, _HOUR, _HOUR, 1))), _tell(RequestBolus()))
    ),
    "after_priming_bolus": _Probe("a priming bolus", (_tell(StartBolus(PrimingBolus(_BOLUS, _HOUR))),)),
    "after_bridge_bolus": _Probe("a bridge bolus", (_tell(StartBolus(BridgeBolus(_BOLUS, FlowRate(500_000)))),)),
    "update_during_bolus": _Probe(
        "an update to half the flow during a bolus", (_SINGLE, _tell(Update(SimpleContinuous(FlowRate(125_000)))))
    ),
    "stops_while_updating": _Probe("an update that is begun and left open", (_tell(BeginUpdate()),)),
    "patient_bolus": _Probe(
        "a patient bolus", (_tell(Update(patient=PatientBolus(_BOLUS, _HOUR, _HOUR, 1))), _tell(RequestBolus()))
    ),
    "fill_sensor": _Probe("a loss of all but 1 mL that nobody typed in", (_empty_all_but(Volume(10**6)),)),
    "emi_during_alarm": _Probe(
        "interference while the low reservoir alarm sounds",
        (_tell(Update(low_reservoir=Volume(20 * 10**6))), _disturb(Interference())),
    ),
    "safe_state": _Probe("a low-battery reset", (_disturb(LowBattery()),)),
}


def readings(sheet: PumpSheet) -> Iterator[Reading]:
    """Every reading of every property of a data sheet that no source decides, computed."""
    for name, values in READINGS.items() if sheet.programmable else ():
        if sheet.datum(name).confidence in "UDI":
            for value in values:
                yield _reading(with_reading(sheet, name, value), name, value, on_sheet=value == sheet.datum(name).value)


def _reading(sheet: PumpSheet, name: str, value: str, *, on_sheet: bool) -> Reading:
    """The probe of a property on a pump that was filled and runs."""
    probe = _PROBES[name]
    volume = sheet.reservoir_capacity
    filled = perform(new_pump(sheet, _START), Fill(volume, _STRENGTH))
    assert not isinstance(filled, Refusal)  # it holds what it holds
    outcome = _tell(Update(_PROGRAM, _STRENGTH, volume))(filled[0])
    assert not isinstance(outcome, Refusal)  # an ordinary program
    pump, refused = outcome, None
    for step in probe.steps:
        outcome = step(pump)
        if isinstance(outcome, Refusal):
            refused = outcome
        else:
            pump = outcome
    passage = advance(pump, Instant(_START.s + DAY_S))
    delivered = Volume(sum(block.volume_nl for block in passage.blocks))
    return Reading(name, value, on_sheet, probe.happens, delivered, passage.state.mode, report(passage.state).alarms, refused)
