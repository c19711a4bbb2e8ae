"""The order sheet: everything that is asked for in one session with a pump."""

from dataclasses import dataclass

from thecal.chart.order import Order, OrderBolus, OrderNoPatient, OrderPatient
from thecal.errors import Refusal
from thecal.quantity import Concentration, DailyDose, FlowRate, Volume


@dataclass(frozen=True, slots=True)
class OrderSheet:
    """What is to be written; what is None stays as it is.

    ``concentration`` is what the reservoir holds now and ``reservoir`` the volume that was injected, after a refill. A change of
    concentration is bridged (``bridge``), or a reason says why not (``without_bridge``). ``prime`` asks for a priming bolus by
    the plan, at ``prime_flow`` where one is given. A single ``bolus`` and the ``clock_offset_s`` from UTC are written alone.

    ``confirm_total`` is the 24-h total as a person worked it out, to be compared with what the review finds. ``anyway`` is why
    the order goes on in spite of a rule of the therapy that stops it.
    """

    dosing: Order | None = None
    patient: OrderPatient | OrderNoPatient | None = None
    concentration: Concentration | None = None
    reservoir: Volume | None = None
    low_reservoir: Volume | None = None
    bridge: bool = False
    without_bridge: str | None = None
    prime: bool = False
    prime_flow: FlowRate | None = None
    bolus: OrderBolus | None = None
    clock_offset_s: int | None = None
    confirm_total: DailyDose | None = None
    anyway: str | None = None

    @property
    def only_refills(self) -> bool:
        """Whether it enters the volume that was injected, and leaves everything that the pump runs as it is."""
        own = OrderSheet(reservoir=self.reservoir, confirm_total=self.confirm_total, anyway=self.anyway)
        return self.reservoir is not None and self == own

    def check(self) -> Refusal | None:
        """Whether it asks for something, and for one thing at a time (SES-01)."""
        update = (self.dosing, self.patient, self.concentration, self.reservoir, self.low_reservoir)
        parts = [
            ("an update", any(part is not None for part in update) or self.bridge or self.prime),
            ("a single bolus", self.bolus is not None),
            ("the pump clock", self.clock_offset_s is not None),
        ]
        asked = [name for name, given in parts if given]
        if self.bridge and self.prime:
            asked = ["a bridge", "a prime"]
        if len(asked) == 1:
            return None
        return Refusal(
            "SES-01",
            " and ".join(asked) if asked else "an order sheet that asks for nothing",
            "one write in one session: an update (with a bridge or a prime), a single bolus, or the clock",
            "thecal: what is reviewed together is written together, all of it or nothing",
            "Order them in sessions of their own." if asked else "Say what is to be written.",
        )
