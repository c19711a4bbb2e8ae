"""Order sheets as a document writes them: the tables of an order file, and of a session in a case."""

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from thecal.chart.order import OrderBolus
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import InputError
from thecal.twin.action import Needle
from thecal.twin.fields import (
    AConcentration,
    ADoseOrZero,
    ADuration,
    AFlow,
    AnAmount,
    AnOffset,
    AVersion,
    AVolume,
    AVolumeOrZero,
    Document,
    PlainText,
)
from thecal.twin.programs import ProgramTable


class BolusTable(Document):
    """A single bolus."""

    dose: AnAmount
    over: ADuration

    def order(self) -> OrderBolus:
        return OrderBolus(self.dose, self.over)


class FillTable(Document):
    """The needle of a refill: what is aspirated, rinsed and injected, and what is written down of it."""

    volume: AVolume
    concentration: AConcentration
    measured: AVolumeOrZero | None = None
    again: AVolumeOrZero | None = None
    drawn_up: AVolume | None = None
    rinse: AVolume | None = None
    rinses: int = Field(default=0, ge=0, le=10)
    port: Literal["refill port", "catheter access port"] = "refill port"
    needle_gauge: int = Field(default=22, ge=10, le=40)
    override: PlainText | None = None
    by: PlainText | None = None

    @model_validator(mode="after")
    def _rinsed_with_something(self) -> "FillTable":
        if self.by and not self.override:
            error = InputError("by", self.by, "goes with override: who goes on over a red residual, and why")
            raise PydanticCustomError("input", "{error}", {"error": error})
        if self.again is not None and self.measured is None:
            error = InputError("again", str(self.again), "goes with measured: what came first")
            raise PydanticCustomError("input", "{error}", {"error": error})
        if (self.rinse is None) != (self.rinses == 0):
            given = ("rinses", str(self.rinses)) if self.rinse is None else ("rinse", str(self.rinse))
            error = InputError(*given, "needs both: rinse, a volume, and rinses, how often")
            raise PydanticCustomError("input", "{error}", {"error": error})
        return self

    def needle(self) -> Needle:
        return Needle(
            volume=self.volume,
            concentration=self.concentration,
            measured=self.measured,
            again=self.again,
            drawn_up=self.drawn_up,
            rinse=self.rinse,
            rinses=self.rinses,
            port=self.port,
            needle_gauge=self.needle_gauge,
            override=self.override,
            by=self.by,
        )


class SheetTable(Document):
    """An order sheet: what is to be written in one session, with the refill that it belongs to."""

    program: ProgramTable | None = None
    bolus: BolusTable | None = None
    fill: FillTable | None = None
    concentration: AConcentration | None = None
    reservoir: AVolume | None = None
    low_reservoir: AVolumeOrZero | None = None
    bridge: bool = False
    without_bridge: PlainText | None = None
    prime: bool = False
    prime_flow: AFlow | None = None
    clock: AnOffset | None = None
    confirm_total: ADoseOrZero | None = None
    anyway: PlainText | None = None

    @model_validator(mode="after")
    def _parts_fit(self) -> "SheetTable":
        for name, needs, with_it in (("prime_flow", "prime", self.prime),):
            if getattr(self, name) is not None and not with_it:
                error = InputError(name, str(getattr(self, name)), f"goes with {needs} = true")
                raise PydanticCustomError("input", "{error}", {"error": error})
        if self.bridge and self.without_bridge:
            error = InputError("without_bridge", self.without_bridge, "says why there is no bridge, and bridge = true orders one")
            raise PydanticCustomError("input", "{error}", {"error": error})
        return self

    def sheet(self) -> OrderSheet:
        """The order sheet; after a fill its strength and volume are what is entered, where nothing else is said."""
        fill = self.fill
        return OrderSheet(
            dosing=self.program.order() if self.program else None,
            patient=self.program.patient() if self.program else None,
            concentration=self.concentration or (fill.concentration if fill else None),
            reservoir=self.reservoir or (fill.volume if fill else None),
            low_reservoir=self.low_reservoir,
            bridge=self.bridge,
            without_bridge=self.without_bridge,
            prime=self.prime,
            prime_flow=self.prime_flow,
            bolus=self.bolus.order() if self.bolus else None,
            clock_offset_s=self.clock,
            confirm_total=self.confirm_total,
            anyway=self.anyway,
        )


class OrderTable(SheetTable):
    """A whole order file."""

    order: AVersion
    note: PlainText | None = None
