"""The boluses of a printout: read from its fields, compared with what was ordered, and entered again by a second person."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from thecal.chart.order import OFF_MAX_PERCENT, Order, OrderBolus, OrderFlex, OrderNoPatient, OrderPatient, ordered_dose
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import Printed
from thecal.clinic.order_form import PATIENT, Fields, Reader, read_bolus, read_patient, span_of, volume_of
from thecal.clinic.re_entry import AMOUNT, COUNT, SPAN, VOLUME, ReEntry
from thecal.clinic.visit_writing import refused
from thecal.errors import InputError, Refusal
from thecal.programmer.review import Review
from thecal.pump.messages import Report, Update
from thecal.pump.program import BridgeBolus, PrimingBolus
from thecal.pump.sheet import PumpSheet
from thecal.pump.written import BOLUSES
from thecal.quantity import Amount, FlowRate, Volume, nearest
from thecal.therapy.rules import refusal_by
from thecal.timeline import DAY_S, Duration
from thecal.unit import decimal_text

Began = PrimingBolus | BridgeBolus | OrderBolus
"""What may begin with a session."""
VOLUME_STEP = Volume(100_000)
"""D: a printout tells a reservoir's volume to 0.1 mL, so the pump may hold half of that more or less."""
DOSE_STEP = Amount(100_000)
"""D: a printout tells a dose to 0.1 mcg."""
_BOLUS_STEP = Volume(1_000)  # D: the volume of a bridge or a prime is printed to 0.001 mL
_SPAN_STEP = Duration(60)  # D: how long a bolus lasts is printed to the minute
_ONE = "a bridge", "a prime", "a single bolus"
FIELDS = (
    "patient", "pb_dose", "pb_over", "pb_lockout", "pb_per_day",
    "bridge_volume", "bridge_over", "prime_volume", "prime_over", "bolus_dose", "bolus_over",
)  # fmt: skip
"""The fields of a printout that tell of boluses."""


@dataclass(slots=True)
class Boluses:
    """What was typed of boluses: of the patient's, and what began; and what is wrong with it, by field."""

    patient: OrderPatient | OrderNoPatient | None = None
    began: Began | None = None
    errors: dict[str, InputError] = field(default_factory=dict)


def read_boluses(fields: Fields) -> Boluses:
    """What the fields say: a bridge and a prime by volume and duration, boluses by dose and duration, as they are printed."""
    reader = Reader(fields)
    patient = read_patient(reader)
    bridge, prime = _moved(reader, "bridge", _bridge), _moved(reader, "prime", PrimingBolus)
    began = [each for each in (bridge, prime, read_bolus(reader)) if each is not None]
    if len(began) > 1:
        last = "bolus_dose" if isinstance(began[-1], OrderBolus) else "prime_volume"
        reader.errors[last] = InputError(
            last.replace("_", " "), fields[last], f"is one bolus more: of {', '.join(_ONE)} one begins"
        )
    return Boluses(patient, began[0] if began else None, reader.errors)


def has_boluses(typed: Fields, orders: OrderSheet | None, before: Report | None) -> bool:
    """Whether a printout has something to say of boluses: by what was typed of them, the order, or what the patient has."""
    asked = orders is not None and (orders.patient or orders.bolus or orders.bridge or orders.prime)
    return bool(asked or (before and before.patient) or any(typed.get(name, "") not in ("", PATIENT[0]) for name in FIELDS))


def _moved(reader: Reader, name: str, made: Callable[[Volume, Duration], Began | None]) -> Began | None:
    """A volume that is moved through the line, over a time."""
    fields = f"{name}_volume", f"{name}_over"
    asked = any(reader.fields.get(each, "").strip() for each in fields)
    volume = reader.read(fields[0], volume_of, f"volume of the {name}", needed=asked)
    over = reader.read(fields[1], span_of, f"duration of the {name}", needed=asked)
    if volume is None or over is None:
        return None
    found = made(volume, over)
    if found is None:
        reader.errors[fields[1]] = InputError(f"duration of the {name}", str(over), f"is too long for {volume}")
    return found


def _bridge(volume: Volume, over: Duration) -> BridgeBolus | None:
    flow_nl = nearest(volume.nl * DAY_S, over.s)
    return BridgeBolus(volume, FlowRate(flow_nl)) if flow_nl else None


def bolus_re_entries(printed: Printed) -> Iterator[ReEntry]:
    """What a second person enters again of the boluses, exactly as they were typed."""
    hint, began, patient = "with its unit, such as 26 h 24 min", printed.bolus, printed.patient
    match began:
        case OrderBolus():
            yield ReEntry("bolus", "Single bolus, mcg", "", AMOUNT, (began.dose.pg,))
            yield ReEntry("bolus_over", "Single bolus over", hint, SPAN, (began.over.s,))
        case BridgeBolus():
            off = 1 + began.duration.s // began.flow.nl_per_day  # its flow is whole, so its duration is not what was typed
            yield ReEntry("bridge", "Bridge, mL", "", VOLUME, (began.volume.nl,))
            yield ReEntry("bridge_over", "Bridge over", hint, SPAN, (began.duration.s,), off)
        case PrimingBolus():
            yield ReEntry("prime", "Prime, mL", "", VOLUME, (began.volume.nl,))
            yield ReEntry("prime_over", "Prime over", hint, SPAN, (began.duration.s,))
    if isinstance(patient, OrderPatient):
        yield ReEntry("patient", "Patient bolus, mcg", "each of them", AMOUNT, (patient.dose.pg,))
        yield ReEntry("patient_over", "Patient bolus over", hint, SPAN, (patient.over.s,))
        yield ReEntry("patient_lockout", "Patient bolus, lockout", hint, SPAN, (patient.lockout.s,))
        yield ReEntry("patient_per_day", "Patient boluses, at most in 24 h", "", COUNT, (patient.per_day,))


# Beside what was ordered -----------------------------------------------------------------------------------------------------


def as_ordered(printed: Printed, made: Review, sheet: PumpSheet) -> Printed | Refusal:
    """The printout of an update, with the values of the order where it rounds them; or the first that is not as ordered."""
    orders = made.orders
    for said, meant in _differences(printed, made, sheet):
        return refusal_by(
            "SAF-04",
            f"a printout of {said}",
            f"{meant}, as was ordered",
            "Read the printout again; if it says so, the pump is not programmed as ordered: see to that, and print again.",
        )
    return replace(printed, patient=orders.patient or printed.patient, bolus=_meant(made))


def check_reading(printed: Printed, before: Report | None) -> Refusal | None:
    """A bolus that runs by the chart goes on by itself: typed in again, it would be another one."""
    if printed.bolus is None or before is None or before.mode not in BOLUSES:
        return None
    if before.bolus_ends is None or before.bolus_ends <= printed.at:
        return None
    asked = f"{_told(printed.bolus)} that begins, on a reading while a {before.mode} runs"
    return refused(asked, "one bolus at a time: the chart knows of that one", "Leave it out; it goes on.", "PMP-06")


def _meant(made: Review) -> Began | None:
    """What begins with an order: as it was ordered, or by its plan."""
    return made.write.bolus if isinstance(made.write, Update) else made.orders.bolus


def _differences(printed: Printed, made: Review, sheet: PumpSheet) -> Iterator[tuple[str, str]]:
    """What the printout says otherwise than what was ordered, as (said, meant)."""
    orders, strength = made.orders, made.after.concentration
    if orders.dosing is not None and printed.order != orders.dosing:
        yield _dosing_told(printed.order), _dosing_told(orders.dosing)
    if strength is not None and printed.concentration != strength:
        yield str(printed.concentration), str(strength)
    volume = None if sheet.fill_sensor else orders.reservoir  # what is sensed is not what was typed in
    if volume is not None and not _near(printed.calculated.nl, volume.nl, VOLUME_STEP.nl):
        yield f"{printed.calculated} in the reservoir", str(volume)
    low = orders.low_reservoir
    if low is not None and printed.low_reservoir != low:
        yield f"a low reservoir alarm at {printed.low_reservoir}", str(low)
    if not _same(printed.bolus, _meant(made)):
        yield _told(printed.bolus), _told(_meant(made))
    patient = orders.patient or _runs(made)
    said = printed.patient or (OrderNoPatient() if orders.patient is None else None)
    if printed.patient != orders.patient and not _same_patient(said, patient):
        yield _patient_told(said), _patient_told(patient)


def _runs(made: Review) -> OrderPatient | OrderNoPatient:
    """What the patient may ask for where nothing was ordered of it: what was before."""
    ran, strength = made.after.patient, made.after.concentration
    if ran is None or strength is None:
        return OrderNoPatient()
    return OrderPatient(ran.volume.of(strength), ran.duration, ran.lockout, ran.per_day)


def _near(said: int, meant: int, step: int) -> bool:
    """Whether a printed value is the ordered one: to what is rounded, or to what an order may be off in a pump."""
    off = abs(said - meant)
    return 2 * off <= step or 100 * off <= OFF_MAX_PERCENT * meant


def _same(said: Began | None, meant: Began | None) -> bool:
    if said is None or meant is None or type(said) is not type(meant):
        return said is meant
    (much, step, over), (much_meant, _, over_meant) = _size(said), _size(meant)
    return _near(much, much_meant, step) and _near(over.s, over_meant.s, _SPAN_STEP.s)


def _same_patient(said: OrderPatient | OrderNoPatient | None, meant: OrderPatient | OrderNoPatient) -> bool:
    if not isinstance(said, OrderPatient) or not isinstance(meant, OrderPatient):
        return said == meant
    spans = ((said.over, meant.over), (said.lockout, meant.lockout))
    return (
        said.per_day == meant.per_day
        and _near(said.dose.pg, meant.dose.pg, DOSE_STEP.pg)
        and all(_near(one.s, other.s, _SPAN_STEP.s) for one, other in spans)
    )


def _size(bolus: Began) -> tuple[int, int, Duration]:
    """How much it is, to what that is printed, and how long it lasts."""
    if isinstance(bolus, OrderBolus):
        return bolus.dose.pg, DOSE_STEP.pg, bolus.over
    return bolus.volume.nl, _BOLUS_STEP.nl, bolus.duration


def _told(bolus: Began | None) -> str:
    if bolus is None:
        return "no bridge, prime or single bolus"
    if isinstance(bolus, OrderBolus):
        return f"a single bolus of {bolus.dose} over {bolus.over}"
    name = "bridge" if isinstance(bolus, BridgeBolus) else "prime"
    minutes = nearest(bolus.duration.s, 60)
    lasts = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{decimal_text(bolus.duration.s, 60, 1)} min"
    return f"a {name} of {bolus.volume} over {lasts}"


def _patient_told(patient: OrderPatient | OrderNoPatient | None) -> str:
    if not isinstance(patient, OrderPatient):
        return "no patient bolus" if patient else "nothing of patient boluses"
    each = f"patient boluses of {patient.dose} over {patient.over}"
    return f"{each}, {patient.lockout} apart, at most {patient.per_day} in 24 h"


def _dosing_told(order: Order) -> str:
    dose = ordered_dose(order)
    told = order.mode if dose is None else f"{order.mode}, {dose}"
    steps = [str(step) for day in order.days for step in day.steps] if isinstance(order, OrderFlex) else []
    return f"{told}: {', '.join(steps)}" if steps else told
