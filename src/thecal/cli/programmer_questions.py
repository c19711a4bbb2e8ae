"""The questions of a programmer: an order, asked for piece by piece in the words of an order file, and read as one is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import Field, create_model

from thecal.chart.facts import Filled
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
from thecal.cli.programmer_screen import Screen
from thecal.errors import InputErrors
from thecal.pump.program import WEEKDAYS, clock_text
from thecal.pump.written import offset_words
from thecal.quantity import Amount, Concentration, Volume
from thecal.report.words import order_text
from thecal.timeline import DAY_S, Duration
from thecal.twin.fields import Document
from thecal.twin.order_tables import BolusTable, SheetTable
from thecal.twin.programs import DayTable, PatientBolusTable, ProgramTable, StepTable
from thecal.twin.reading import read_plain

_MODES = {
    "simple continuous": "one dose, evenly over the 24 h",
    "flex": "steps over the day, or by weekday",
    "periodic bolus": "a dose again and again, on a basal dose",
    "minimum rate": "the slowest flow the pump runs at",
    "stopped": "infuse nothing",
}
_PLANS = {
    "bridge": "pace the old strength out of the line at the ordered dose",
    "no bridge": "for a reason that is printed",
    "prime": "push drug to the tip of a line that holds none",
    "none": "neither",
}


@cache
def _answer_table(table: type[Document], key: str) -> type[Document]:
    """A document of one key, which is read as in its table."""
    name, field = next((name, field) for name, field in table.model_fields.items() if (field.alias or name) == key)
    fields: Any = {name: (field.rebuild_annotation(), Field(alias=field.alias))}
    return create_model("AnswerTable", __base__=Document, **fields)


def read_answer(table: type[Document], key: str, text: str) -> Any:
    """What an answer means behind a key of a table of an order file. Raises InputErrors, as an order file does."""
    one = _answer_table(table, key)
    written: Any = text
    if key == "days":
        written = text.split()
    elif key == "per_day" and text.isascii() and text.isdecimal():
        written = int(text)
    read, _ = read_plain(one, f"{key} = {json.dumps(written, ensure_ascii=False)}\n".encode(), "answer", "an answer")
    return getattr(read, next(iter(one.model_fields)))


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked of a person at a screen. Each raises BackError where it is not answered, LeftError where nobody is there."""

    screen: Screen

    async def of(self, table: type[Document], key: str, words: str) -> Any:
        """An answer that can be read; asked again until it is one."""
        while True:
            text = await self.screen.ask(f"   {words}")
            try:
                return read_answer(table, key, text)
            except InputErrors as errors:
                for error in errors.errors:
                    self.screen.say(f"   {error.at('', key).sentence()}", "red")

    async def choice(self, words: str, offered: Mapping[str, str]) -> str:
        """One of several, by its number or the beginning of its name."""
        names = list(offered)
        for number, name in enumerate(names, start=1):
            self.screen.say(f"   {number}  {name:<18} {offered[name]}")
        while True:
            text = await self.screen.ask(f"   {words}, 1 to {len(names)}")
            found = [name for number, name in enumerate(names, start=1) if text == str(number) or name == text.lower()]
            found = found or [name for name in names if name.startswith(text.lower())]
            if len(found) == 1:
                return found[0]
            self.screen.say(f"   {text!r} is none of them, or more than one.", "red")

    async def yes(self, words: str) -> bool:
        """Yes or no."""
        while True:
            text = (await self.screen.ask(f"   {words} (yes or no)")).lower()
            if text in ("y", "yes", "n", "no"):
                return text.startswith("y")
            self.screen.say("   Answer yes or no.", "red")

    async def dose(self) -> Order:
        """A dosing order."""
        mode = await self.choice("mode", _MODES)
        match mode:
            case "simple continuous":
                return OrderContinuous(await self.of(ProgramTable, "dose", "daily dose, such as 120 mcg/day"))
            case "flex":
                return OrderFlex(await self._flex_days())
            case "periodic bolus":
                return OrderPeriodic(
                    await self.of(ProgramTable, "bolus", "each bolus, such as 20 mcg"),
                    await self.of(ProgramTable, "over", "over, such as 15 min"),
                    await self.of(ProgramTable, "every", "every, such as 6 h"),
                    await self.of(ProgramTable, "first", "one of them at, by the pump clock, such as 06:00"),
                    await self.of(ProgramTable, "basal", "dose between and under them, such as 60 mcg/day"),
                )
            case "minimum rate":
                return OrderMinimumRate()
            case _:
                return OrderStop()

    async def patient(self) -> OrderPatient | OrderNoPatient:
        """What the patient may ask for."""
        chosen = await self.choice("patient bolus", {"give": "the patient may ask for a bolus", "none": "nothing any more"})
        if chosen == "none":
            return OrderNoPatient()
        return OrderPatient(
            await self.of(PatientBolusTable, "dose", "dose, such as 10 mcg"),
            await self.of(PatientBolusTable, "over", "over, such as 5 min"),
            await self.of(PatientBolusTable, "lockout", "lockout, start to start, such as 4 h"),
            await self.of(PatientBolusTable, "per_day", "at most how many in 24 h, such as 4"),
        )

    async def bolus(self) -> OrderBolus:
        """A single bolus."""
        dose: Amount = await self.of(BolusTable, "dose", "dose, such as 25 mcg")
        over: Duration = await self.of(BolusTable, "over", "over, such as 10 min")
        return OrderBolus(dose, over)

    async def plan(self) -> dict[str, Any]:
        """Bridge, prime or neither, as the fields of an order sheet."""
        fields: dict[str, Any] = {"bridge": False, "without_bridge": None, "prime": False, "prime_flow": None}
        match await self.choice("for the line", _PLANS):
            case "bridge":
                fields["bridge"] = True
            case "no bridge":
                fields["without_bridge"] = await self.of(SheetTable, "without_bridge", "why no bridge")
            case "prime":
                fields["prime"] = True
                if await self.yes("at a flow of your own instead of the plan's?"):
                    fields["prime_flow"] = await self.of(SheetTable, "prime_flow", "flow, such as 1 mL/h")
        return fields

    async def low_reservoir(self) -> Volume:
        """The threshold of the low reservoir alarm."""
        threshold: Volume = await self.of(SheetTable, "low_reservoir", "low reservoir threshold, such as 2 mL")
        return threshold

    async def fill(self, filled: Filled | None, told: Concentration | None) -> dict[str, Any]:
        """What a fill left in the reservoir, as the fields of an order sheet."""
        known = f"{filled.volume} of {filled.concentration}" if filled else "none"
        self.screen.say(f"   The last fill on record: {known}. Fill first: thecal bench needle.")
        fields = {"reservoir": await self.of(SheetTable, "reservoir", "volume that was injected, such as 38 mL")}
        if told is None or await self.yes(f"another strength than {told}?"):
            fields["concentration"] = await self.of(SheetTable, "concentration", "strength in the reservoir, such as 500 mcg/mL")
        return fields

    async def clock(self) -> int:
        """The offset of the pump clock from UTC, in seconds."""
        offset: int = await self.of(SheetTable, "clock", "pump clock, as its offset from UTC, such as +01:00")
        return offset

    async def _flex_days(self) -> tuple[FlexDay, ...]:
        if await self.yes("every day alike?"):
            begins: int = await self.of(StepTable, "from", "the first step begins at, by the pump clock, such as 06:00")
            return (await self._flex_day((), begins),)
        days: list[FlexDay] = []
        while left := [name for number, name in enumerate(WEEKDAYS) if all(number not in day.weekdays for day in days)]:
            weekdays: list[int] = await self.of(DayTable, "days", f"days that are alike, of {' '.join(left)}")
            again = [WEEKDAYS[number] for number in weekdays if WEEKDAYS[number] not in left]
            if again or len(set(weekdays)) < len(weekdays):
                self.screen.say("   Name each of these days once.", "red")
                continue
            days.append(await self._flex_day(tuple(weekdays), 0))
        return tuple(days)

    async def _flex_day(self, weekdays: tuple[int, ...], begins: int) -> FlexDay:
        """The steps of a day, one after the other until its 24 h are covered."""
        total = await self.of(ProgramTable, "daily_total", "24-h total of the day, such as 120 mcg/day")
        steps: list[StepDose] = []
        at, covered_s = begins, 0
        while covered_s < DAY_S:
            ends: int = await self.of(StepTable, "to", f"step {len(steps) + 1}, from {clock_text(at % DAY_S)} to")
            step = StepDose(at % DAY_S, ends, Amount(0))
            if covered_s + step.seconds > DAY_S:
                last = clock_text(begins) if begins else "24:00"
                self.screen.say(f"   That is past the end of the 24 h: the last step ends at {last}.", "red")
                continue
            dose = await self.of(StepTable, "dose", "its dose, all of it together, such as 40 mcg")
            steps.append(StepDose(at % DAY_S, ends, dose))
            at, covered_s = ends, covered_s + step.seconds
            given = Amount(sum(one.dose.pg for one in steps))
            self.screen.say(f"   {given} in {covered_s / 3600:g} h, of {total}", "dim")
        return FlexDay(weekdays, total, tuple(steps))


def sheet_words(orders: OrderSheet) -> dict[str, str]:
    """What an order sheet asks for, by the names of its parts."""
    told = {
        "dose": orders.dosing and order_text(orders.dosing),
        "patient bolus": orders.patient and order_text(orders.patient),
        "single bolus": orders.bolus and order_text(orders.bolus),
        "concentration": orders.concentration and str(orders.concentration),
        "reservoir volume": orders.reservoir and str(orders.reservoir),
        "low reservoir threshold": None if orders.low_reservoir is None else str(orders.low_reservoir),
        "bridge": "by the plan" if orders.bridge else orders.without_bridge and f"none: {orders.without_bridge}",
        "prime": (f"at {orders.prime_flow}" if orders.prime_flow else "by the plan") if orders.prime else None,
        "pump clock": None if orders.clock_offset_s is None else offset_words(orders.clock_offset_s),
    }
    return {name: words for name, words in told.items() if words}
