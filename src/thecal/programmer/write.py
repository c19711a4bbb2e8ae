"""From an order sheet to what is written: the program, its bolus, and why not."""

from dataclasses import dataclass

from thecal.chart.line_ledger import LineLedger, strength
from thecal.chart.order import Order, bolus_for, ordered_dose, patient_bolus_for, pattern_dose, programmed
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.believed import check_write
from thecal.programmer.bridge import LineBridge, bridge_from, without_plan
from thecal.programmer.prime import LinePrime, prime_from
from thecal.pump.messages import Report, SetClock, StartBolus, Update, Write
from thecal.pump.program import Stopped, program_pattern
from thecal.pump.sheet import PumpSheet
from thecal.pump.written import BOLUSES, expected
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.mixture import agrees
from thecal.therapy.refill import check_low_reservoir

WORTH_A_BRIDGE = Volume(1000)
"""Less of another strength than this in the line changes no dose: a microlitre, a rest of rounding."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """What is to be written, and the plan that it rests on."""

    write: Write
    bridge: LineBridge | None = None
    prime: LinePrime | None = None


def draft(orders: OrderSheet, running: Order | None, report: Report, ledger: LineLedger, sheet: PumpSheet) -> Drafted | Refusal:
    """The write for an order sheet on a pump that said ``report``, with what its line holds; or the first reason against it.

    ``running`` is the dosing order that the pump runs.
    """
    refusal = orders.check()
    if refusal:
        return refusal
    drafted = _drafted(orders, running, report, ledger, sheet)
    if isinstance(drafted, Refusal):
        return drafted
    return (
        check_write(drafted.write, report, sheet)
        or _check_threshold(drafted.write, report, sheet)
        or _check_strength(drafted.write, report, ledger, sheet)
        or _check_line(drafted, orders, report, ledger, sheet)
        or drafted
    )


def _drafted(
    orders: OrderSheet, running: Order | None, report: Report, ledger: LineLedger, sheet: PumpSheet
) -> Drafted | Refusal:
    if orders.clock_offset_s is not None:
        return Drafted(SetClock(orders.clock_offset_s))
    if orders.bolus is not None:
        bolus = bolus_for(orders.bolus, report.concentration)
        return bolus if isinstance(bolus, Refusal) else Drafted(StartBolus(bolus))
    return _update(orders, running, report, ledger, sheet)


def _update(orders: OrderSheet, running: Order | None, report: Report, ledger: LineLedger, sheet: PumpSheet) -> Drafted | Refusal:
    concentration = orders.concentration or report.concentration
    program = None if orders.dosing is None else programmed(orders.dosing, concentration, sheet)
    if isinstance(program, Refusal):
        return program
    patient = None if orders.patient is None else patient_bolus_for(orders.patient, concentration)
    if isinstance(patient, Refusal):
        return patient
    bridge: LineBridge | Refusal | None = None
    prime: LinePrime | Refusal | None = None
    if orders.bridge:
        dose = mean_dose(orders.dosing or running, report, concentration, sheet)
        bridge = _no_dose() if dose is None or concentration is None else bridge_from(ledger, concentration, dose, sheet)
    elif orders.prime:
        prime = prime_from(ledger, sheet, orders.prime_flow)
    for plan in (bridge, prime):
        if isinstance(plan, Refusal):
            return plan
    assert not isinstance(bridge, Refusal)
    assert not isinstance(prime, Refusal)
    chosen = bridge or prime
    write = Update(
        program, orders.concentration, orders.reservoir, orders.low_reservoir, patient, chosen.bolus if chosen else None
    )
    return Drafted(write, bridge, prime)


def mean_dose(order: Order | None, report: Report, concentration: Concentration | None, sheet: PumpSheet) -> DailyDose | None:
    """The 24-h mean that an order asks for; of a pump that runs none, what its program gives."""
    ordered = ordered_dose(order) if order else None
    if ordered is not None or concentration is None:
        return ordered
    return pattern_dose(program_pattern(report.program, sheet), concentration)


def _no_dose() -> Refusal:
    return Refusal(
        "SES-02",
        "a bridge without a dose",
        "a bridge keeps the 24-h mean of an order at the old concentration",
        "ITB refill practice: a bridge paces the old concentration out of the line",
        "Order a dose and its concentration with it.",
    )


def old_strengths(ledger: LineLedger, concentration: Concentration) -> list[tuple[Volume, Concentration]]:
    """The drug of another strength that lies in the line."""
    told = [(Volume(parcel.volume_nl), strength(parcel)) for parcel in ledger.line.parcels]
    return [(volume, held) for volume, held in told if held is not None and held != concentration]


def _check_threshold(write: Write, report: Report, sheet: PumpSheet) -> Refusal | None:
    """A volume or a threshold that is written leaves an alarm to come (REF-01)."""
    if not isinstance(write, Update) or (write.reservoir is None and write.low_reservoir is None):
        return None
    after = expected(report, write, sheet)
    return None if after.calculated is None else check_low_reservoir(after.calculated, after.low_reservoir)


def _check_strength(write: Write, report: Report, ledger: LineLedger, sheet: PumpSheet) -> Refusal | None:
    """Line, reservoir and program agree: a dose is written only at the strength that was filled (SES-09)."""
    after, filled = expected(report, write, sheet), ledger.filled
    told = after.concentration
    if told is None or filled is None or agrees(told, filled) or not program_pattern(after.program, sheet).total:
        return None
    return Refusal(
        "SES-09",
        f"a dose at {told} where {filled} was filled",
        f"what was filled, or the mixture that it makes: the pump would give {100 * filled.mcg_per_ml // told.mcg_per_ml} %",
        "RPC-15: program the concentration that is in the reservoir, after the fill is in",
        f"Order concentration, volume and program for {filled}, with a bridge; record a fill before its strength is programmed.",
    )


def ends_bolus(write: Write, report: Report, sheet: PumpSheet) -> bool:
    """Whether a bolus that runs is ended by a write, or by the begin of the update already."""
    runs = report.mode in BOLUSES
    return runs and (sheet.stops_while_updating or (isinstance(write, Update) and write.program is not None))


def _check_line(drafted: Drafted, orders: OrderSheet, report: Report, ledger: LineLedger, sheet: PumpSheet) -> Refusal | None:
    """A program over drug of another strength in the line is bridged, or a person says why not (SES-03).

    The program may be the one that runs, where the update ends the bridge that kept it waiting.
    """
    write, after = drafted.write, expected(report, drafted.write, sheet)
    stays = isinstance(write, SetClock) or (isinstance(write, Update) and write.program is None and write.concentration is None)
    waits = report.mode in BOLUSES and not ends_bolus(write, report, sheet)
    planned = drafted.bridge or drafted.prime or orders.without_bridge
    if planned or after.concentration is None or isinstance(after.program, Stopped) or waits:
        return None
    if stays and not ends_bolus(write, report, sheet):
        return None
    old = old_strengths(ledger, after.concentration)
    volume = Volume(sum(volume.nl for volume, _ in old))
    if volume <= WORTH_A_BRIDGE:
        return None
    held = " and ".join(dict.fromkeys(str(held) for _, held in old))
    gives = "; then ".join(stretch.in_words() for stretch in without_plan(ledger, after, sheet))
    return Refusal(
        "SES-03",
        f"a program at {after.concentration} over {volume} of {held} in the line, without a bridge",
        f"a bridge, or a reason against it{f'; the tip would give {gives}' if gives else ''}",
        "ITB refill practice: a bridge bolus must be programmed when the concentration changes (Boster 2016)",
        "Order bridge = true; or aspirate the line and prime it, or say why in without_bridge.",
    )
