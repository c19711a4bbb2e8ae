"""The fields of the program editor and the order sheet that they come to: what was typed is read, and what is ordered is shown.

Fields are texts by name. A flex program is a table: group ``g`` of weekdays has ``day-g-Mon`` to ``day-g-Sun`` (none ticked means
every day), its daily total ``total-g`` and steps ``from-g-r``, ``to-g-r`` and ``dose-g-r``. A field whose label names its unit
takes a number without it; all others need their unit. An empty field asks for nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from thecal.chart.order import (
    FlexDay,
    Order,
    OrderBolus,
    OrderContinuous,
    OrderFlex,
    OrderMinimumRate,
    OrderNoPatient,
    OrderPatient,
    OrderPeriodic,
    OrderStop,
    StepDose,
)
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import InputError, nearest_name
from thecal.pump.program import WEEKDAYS, clock_text
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Volume
from thecal.timeline import DAY_S, Duration
from thecal.unit import decimal_text

T = TypeVar("T")
Fields = Mapping[str, str]
NO_CHANGE = "no change"
MODES = (
    NO_CHANGE,
    OrderContinuous.mode,
    OrderFlex.mode,
    OrderPeriodic.mode,
    OrderMinimumRate.mode,
    OrderStop.mode,
)
"""What may be chosen of the program."""
PATIENT = ("unchanged", "none", "set")
"""What may be chosen of the patient's bolus."""
PLANS = ("no plan", "bridge", "no bridge", "prime")
"""What may be chosen for the line: nothing, a bridge, none for a reason, a prime."""
_BARE = re.compile(r"[0-9][0-9.,]*")
_SPAN = re.compile(r"([0-9]+ ?h) ?([0-9]+ ?min)")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_ROW = re.compile(r"(?:from|to|dose)-([0-9]{1,2})-([0-9]{1,2})")
_GROUP = re.compile(r"total-([0-9]{1,2})")
_GROUPS_MAX = len(WEEKDAYS)
_ROWS_MAX = 48  # a bound of the form; what a pump can run stands on its data sheet
_PER_DAY_MAX = 1440  # one a minute: a bound of the form, as of an order file
_EMPTY_ROW = ("00:00", "24:00", "")


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the table of steps as it was typed: its weekdays, their daily total, and rows of (from, to, dose)."""

    days: tuple[str, ...]
    total: str
    rows: tuple[tuple[str, str, str], ...]


@dataclass(slots=True)
class Typed:
    """What was typed, read: ``orders``, and what is wrong by field. With an error the orders are not complete."""

    orders: OrderSheet = field(default_factory=OrderSheet)
    errors: dict[str, InputError] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """Whether anything is asked of the pump at all; a total that was typed is not."""
        asked = OrderSheet(confirm_total=self.orders.confirm_total)
        return self.orders != asked


# The table of steps ----------------------------------------------------------------------------------------------------------


def groups_of(fields: Fields) -> tuple[Group, ...]:
    """The table of steps as it was typed; one group of one empty row where there is none."""
    numbers = sorted({int(found[1]) for name in fields if (found := _GROUP.fullmatch(name) or _ROW.fullmatch(name))})
    return tuple(_group(fields, number) for number in numbers[:_GROUPS_MAX]) or (Group((), "", (_EMPTY_ROW,)),)


def _group(fields: Fields, number: int) -> Group:
    found = (_ROW.fullmatch(name) for name in fields)
    rows = sorted({int(match[2]) for match in found if match and int(match[1]) == number})[:_ROWS_MAX]
    typed = ((_text(fields, f"{part}-{number}-{row}") for part in ("from", "to", "dose")) for row in rows)
    cells = [(begin, end, dose) for begin, end, dose in typed]
    days = tuple(day for day in WEEKDAYS if _text(fields, f"day-{number}-{day}"))
    return Group(days, _text(fields, f"total-{number}"), tuple(cells) or (_EMPTY_ROW,))


def with_groups(fields: Fields, groups: tuple[Group, ...]) -> dict[str, str]:
    """The fields with another table of steps, numbered anew from 0."""
    kept = {name: text for name, text in fields.items() if not re.match(r"(day|total|from|to|dose)-[0-9]", name)}
    for g, group in enumerate(groups):
        kept[f"total-{g}"] = group.total
        kept |= {f"day-{g}-{day}": "yes" for day in group.days}
        for r, row in enumerate(group.rows):
            kept |= dict(zip((f"from-{g}-{r}", f"to-{g}-{r}", f"dose-{g}-{r}"), row, strict=True))
    return kept


def edited(fields: Fields, do: str) -> tuple[dict[str, str], str]:
    """The fields after a button of the table, and the field to go on in.

    ``do`` is ``add row G``, ``remove row G R``, ``add days`` or ``remove days G``. The last row and the last group stay. Raises
    InputError for another word, or a row or group that is not there.
    """
    groups = list(groups_of(fields))
    verb, numbers = _button(do)
    g, r = (*numbers, 0, 0)[:2]
    try:
        match verb:
            case "add days":
                groups = [*groups, Group((), "", (_EMPTY_ROW,))][:_GROUPS_MAX]
                return with_groups(fields, tuple(groups)), f"total-{len(groups) - 1}"
            case "remove days":
                del groups[g]
                return with_groups(fields, tuple(groups) or groups_of({})), "mode"
            case "add row":
                begins = groups[g].rows[-1][1] if groups[g].rows[-1][1] != "24:00" else ""
                rows = (*groups[g].rows, (begins, "24:00", ""))[:_ROWS_MAX]
            case _:
                before, after = groups[g].rows[:r], groups[g].rows[r + 1 :]
                if r >= len(groups[g].rows):
                    raise IndexError  # a slice would say nothing of it
                rows = before + after or (_EMPTY_ROW,)
    except IndexError:
        raise InputError("do", do, "names a row that is not there") from None
    groups[g] = Group(groups[g].days, groups[g].total, rows)
    place = len(rows) - 1 if verb == "add row" else max(r - 1, 0)
    return with_groups(fields, tuple(groups)), f"from-{g}-{place}"


def _button(do: str) -> tuple[str, list[int]]:
    match = re.fullmatch(r"(add row|remove row|add days|remove days)((?: [0-9]{1,2}){0,2})", do)
    needed = {"add row": 1, "remove row": 2, "add days": 0, "remove days": 1}
    numbers = [int(number) for number in match[2].split()] if match else []
    if match is None or len(numbers) != needed[match[1]]:
        raise InputError("do", do, "is no button of the table", accepted=tuple(needed), nearest=nearest_name(do, needed))
    return match[1], numbers


# What was typed --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Reader:
    """Reads fields, and keeps what is wrong with them."""

    fields: Fields
    errors: dict[str, InputError] = field(default_factory=dict)

    def read(self, name: str, parse: Callable[[str, str], T], label: str, *, needed: bool = False) -> T | None:
        """A field by a function of its text and label; None where it is empty or wrong."""
        text = _text(self.fields, name)
        if not text:
            if needed:
                self.errors.setdefault(name, InputError(label, "", "is missing"))
            return None
        try:
            return parse(text, label)
        except InputError as error:
            self.errors.setdefault(name, error)
            return None

    def chosen(self, name: str, known: tuple[str, ...]) -> str:
        """One of the words that may be chosen; the first where nothing was."""
        text = _text(self.fields, name) or known[0]
        if text not in known:
            problem = "is not one of those"
            self.errors[name] = InputError(name, text, problem, accepted=known, nearest=nearest_name(text, known))
            return known[0]
        return text


def read_orders(fields: Fields) -> Typed:
    """The order sheet that the fields come to, and what of them cannot be read; units and limits of the program's own."""
    reader = Reader(fields)
    mode = reader.chosen("mode", MODES)
    dosing = read_dosing(reader, mode)
    plan = reader.chosen("plan", PLANS)
    why = _text(fields, "why_no_bridge")
    if plan == "no bridge" and not why:
        reader.errors["why_no_bridge"] = InputError("why there is no bridge", "", "is missing")
    total = reader.read("total", _or_zero(dose_of), "24-h total")
    orders = OrderSheet(
        dosing=dosing,
        patient=read_patient(reader),
        concentration=reader.read("concentration", concentration_of, "concentration"),
        reservoir=reader.read("reservoir", volume_of, "reservoir volume"),
        low_reservoir=reader.read("low_reservoir", _or_zero(volume_of), "low reservoir threshold"),
        bridge=plan == "bridge",
        without_bridge=why if plan == "no bridge" and why else None,
        prime=plan == "prime",
        prime_flow=reader.read("prime_flow", FlowRate.parse, "prime flow") if plan == "prime" else None,
        bolus=read_bolus(reader),
        confirm_total=total if total is not None else _only_total(dosing),
    )
    return Typed(orders, reader.errors)


def _only_total(dosing: Order | None) -> DailyDose | None:
    """The daily total of a flex program whose days are all alike, which a person typed, is its 24-h total too."""
    if isinstance(dosing, OrderFlex) and len(dosing.days) == 1 and not dosing.days[0].weekdays:
        return dosing.days[0].daily_total
    return None


def read_dosing(reader: Reader, mode: str) -> Order | None:
    """The program of a mode; None where it stays, or cannot be read."""
    match mode:
        case OrderContinuous.mode:
            dose = reader.read("dose", dose_of, "dose", needed=True)
            return OrderContinuous(dose) if dose else None
        case OrderFlex.mode:
            days = [_day(reader, g, group) for g, group in enumerate(groups_of(reader.fields))]
            return OrderFlex(tuple(day for day in days if day is not None))
        case OrderPeriodic.mode:
            return _periodic(reader)
        case OrderMinimumRate.mode:
            return OrderMinimumRate()
        case OrderStop.mode:
            return OrderStop()
        case _:
            return None


def _day(reader: Reader, g: int, group: Group) -> FlexDay | None:
    label = f"daily total of {' '.join(group.days) or 'every day'}"
    total = reader.read(f"total-{g}", dose_of, label, needed=True)
    steps: list[StepDose] = []
    for r in range(len(group.rows)):
        begin = reader.read(f"from-{g}-{r}", clock_of, "from", needed=True)
        end = reader.read(f"to-{g}-{r}", _end_of, "to", needed=True)
        dose = reader.read(f"dose-{g}-{r}", amount_of, "dose", needed=True)
        if begin is not None and end is not None and dose is not None:
            steps.append(StepDose(begin, end, dose))
    if total is None or len(steps) != len(group.rows):
        return None
    return FlexDay(tuple(WEEKDAYS.index(day) for day in group.days), total, tuple(steps))


def _periodic(reader: Reader) -> OrderPeriodic | None:
    dose = reader.read("p_dose", amount_of, "bolus", needed=True)
    over = reader.read("p_over", span_of, "over", needed=True)
    every = reader.read("p_every", span_of, "every", needed=True)
    first = reader.read("p_first", clock_of, "first at", needed=True)
    basal = reader.read("p_basal", dose_of, "basal", needed=True)
    if dose is None or over is None or every is None or first is None or basal is None:
        return None
    return OrderPeriodic(dose, over, every, first, basal)


def read_patient(reader: Reader) -> OrderPatient | OrderNoPatient | None:
    """What the patient may ask for; None where nothing is said of it."""
    chosen = reader.chosen("patient", PATIENT)
    if chosen != "set":
        return OrderNoPatient() if chosen == "none" else None
    dose = reader.read("pb_dose", amount_of, "patient bolus", needed=True)
    over = reader.read("pb_over", span_of, "over", needed=True)
    lockout = reader.read("pb_lockout", span_of, "lockout", needed=True)
    per_day = reader.read("pb_per_day", per_day_of, "at most in 24 h", needed=True)
    if dose is None or over is None or lockout is None or per_day is None:
        return None
    return OrderPatient(dose, over, lockout, per_day)


def read_bolus(reader: Reader) -> OrderBolus | None:
    """A single bolus."""
    asked = bool(_text(reader.fields, "bolus_dose") or _text(reader.fields, "bolus_over"))
    dose = reader.read("bolus_dose", amount_of, "single bolus", needed=asked)
    over = reader.read("bolus_over", span_of, "over", needed=asked)
    return OrderBolus(dose, over) if dose is not None and over is not None else None


def dose_of(text: str, label: str, *, zero: bool = False) -> DailyDose:
    """A daily dose; a number alone is mcg/day, as the label says. Raises InputError."""
    return DailyDose.parse(_with_unit(text, "mcg/day"), label, zero=zero)


def amount_of(text: str, label: str) -> Amount:
    """An amount; a number alone is mcg, as the label says. Raises InputError."""
    return Amount.parse(_with_unit(text, "mcg"), label)


def concentration_of(text: str, label: str) -> Concentration:
    """A concentration; a number alone is mcg/mL, as the label says. Raises InputError."""
    return Concentration.parse(_with_unit(text, "mcg/mL"), label)


def volume_of(text: str, label: str, *, zero: bool = False) -> Volume:
    """A volume; a number alone is mL, as the label says. Raises InputError."""
    return Volume.parse(_with_unit(text, "mL"), label, zero=zero)


def clock_of(text: str, label: str, *, end: bool = False) -> int:
    """Seconds from pump midnight, of ``06:30``; ``24:00`` where a step ends. Raises InputError."""
    match = _CLOCK.fullmatch(text)
    second = int(match[1]) * 3600 + int(match[2]) * 60 if match and int(match[2]) < 60 else DAY_S + 1
    if second > DAY_S or (second == DAY_S and not end):
        accepted = ("00:00 to 23:59", *(("24:00",) if end else ()))
        raise InputError(label, text, "is not a time of day", accepted=accepted)
    return second


def span_of(text: str, label: str) -> Duration:
    """A duration, as people write it or as hours and minutes are printed, ``26 h 24 min``. Raises InputError."""
    both = _SPAN.fullmatch(text)
    if both is None:
        return Duration.parse(text, label)
    return Duration(sum(Duration.parse(part, label, zero=True).s for part in both.groups()))


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if _BARE.fullmatch(text) else text


def _or_zero(parse: Callable[..., T]) -> Callable[[str, str], T]:
    """The same function, which takes a zero too."""
    return lambda text, label: parse(text, label, zero=True)


def _end_of(text: str, label: str) -> int:
    return clock_of(text, label, end=True)


def per_day_of(text: str, label: str) -> int:
    """How many boluses the patient may ask for in 24 h. Raises InputError."""
    if not text.isascii() or not text.isdecimal() or len(text) > 6 or not 1 <= int(text) <= _PER_DAY_MAX:
        raise InputError(label, text, "is no number of boluses", accepted=(f"1 to {_PER_DAY_MAX:,}",))
    return int(text)


def _text(fields: Fields, name: str) -> str:
    return fields.get(name, "").strip()


# What is ordered, as fields --------------------------------------------------------------------------------------------------


def fields_of(orders: OrderSheet) -> dict[str, str]:
    """The fields of an order sheet. What a person confirms, the totals, is left empty: it is never filled in for them."""
    fields = {"mode": orders.dosing.mode if orders.dosing else NO_CHANGE, **dosing_fields(orders.dosing)}
    patient, bolus = orders.patient, orders.bolus
    fields["patient"] = "none" if isinstance(patient, OrderNoPatient) else "set" if patient else PATIENT[0]
    if isinstance(patient, OrderPatient):
        fields |= {"pb_dose": _mcg(patient.dose), "pb_over": str(patient.over), "pb_lockout": str(patient.lockout)}
        fields["pb_per_day"] = str(patient.per_day)
    if bolus:
        fields |= {"bolus_dose": _mcg(bolus.dose), "bolus_over": str(bolus.over)}
    quantities = ("concentration", "reservoir", "low_reservoir", "prime_flow")
    fields |= {name: str(value) for name in quantities if (value := getattr(orders, name)) is not None}
    fields["plan"] = PLANS[1] if orders.bridge else PLANS[3] if orders.prime else PLANS[2] if orders.without_bridge else PLANS[0]
    return fields | ({"why_no_bridge": orders.without_bridge} if orders.without_bridge else {})


def dosing_fields(dosing: Order | None) -> dict[str, str]:
    """The fields of a program, without its mode and its totals: also of the one that runs, to begin with."""
    match dosing:
        case OrderContinuous(dose):
            return {"dose": decimal_text(dose.pg_per_day, 10**6)}
        case OrderFlex(days):
            return with_groups({}, tuple(_typed(day) for day in days))
        case OrderPeriodic():
            words = {"p_dose": _mcg(dosing.dose), "p_over": str(dosing.over), "p_every": str(dosing.every)}
            basal = decimal_text(dosing.basal.pg_per_day, 10**6)
            return {**words, "p_first": clock_text(dosing.first_s), "p_basal": basal}
        case _:
            return {}


def _typed(day: FlexDay) -> Group:
    return Group(tuple(WEEKDAYS[number] for number in day.weekdays), "", tuple(_rows(day)))


def _rows(day: FlexDay) -> Iterator[tuple[str, str, str]]:
    for step in day.steps:
        yield clock_text(step.from_s), clock_text(step.to_s), _mcg(step.dose)


def _mcg(amount: Amount) -> str:
    return decimal_text(amount.pg, 10**6)
