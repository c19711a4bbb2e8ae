"""The refill as a procedure: its steps in their order, each at its instant. A refused step changes nothing.

Interrogate; confirm port and needle; aspirate; rinse or state the mixed concentration, where the concentration changes; fill;
program; read back (RPC-15). A reservoir has an undeliverable rest below its usable volume, which stays and mixes.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeVar

from thecal.chart.facts import Filled, Interrogated
from thecal.errors import Refusal
from thecal.pump.messages import Report, Update
from thecal.pump.sheet import PumpSheet
from thecal.pump.written import at_instant, expected, unlike
from thecal.quantity import Concentration, Volume
from thecal.therapy.mixture import TOLERANCE, agrees, mixed, rinsed, whole
from thecal.therapy.refill import Flag, discrepancy_flag, discrepancy_limit, discrepancy_rule, rule_value
from thecal.therapy.settings import setting_count, setting_source
from thecal.therapy.steps import (
    FOLLOWS,
    Aspirated,
    MixtureStated,
    Overridden,
    PortConfirmed,
    Programmed,
    Rinsed,
    Step,
    Verified,
    WorkedOut,
)
from thecal.timeline import Instant

Port = Literal["refill port", "catheter access port"]
S = TypeVar("S")
_ORDER = "ITB refill practice: interrogate, aspirate, rinse or state the mixture, fill, program, read back"
_ACCESS_PORT = "ISMP 2004: a refill into the catheter access port has killed"
_AGAIN = "Interrogate again; program again what differs, before the patient moves."
_TO_EMPTY = "South Shore Neurologic, pump refill: aspirate to empty, record the residual, do not overfill"


@dataclass(frozen=True, slots=True)
class MeasuredResidual:
    """All that was aspirated beside what was expected; nothing is flagged where nothing was expected.

    An ``unreliable`` one is the first after implant. ``taken_on`` says who filled in spite of it, and why.
    """

    expected: Volume | None
    measured: Volume
    flag: Flag | None
    unreliable: bool
    taken_on: str | None = None

    @property
    def discrepancy(self) -> Volume | None:
        """Measured less expected: below zero where less came than expected."""
        return None if self.expected is None else self.measured - self.expected


_FLAGGED = {"amber": "an amber", "red": "a red"}


@dataclass(frozen=True, slots=True)
class RefillProcedure:
    """A refill of one pump up to its last step.

    ``first`` says that it is the first after implant, ``emptied`` that all was aspirated before, and nothing filled since:
    whatever the pump counts, nothing is expected.
    """

    sheet: PumpSheet
    first: bool
    steps: tuple[Step, ...] = ()
    emptied: bool = False

    @property
    def residual(self) -> MeasuredResidual | None:
        """RPC-06 and RPC-07: the sum of the aspirations and its flag; None before the first."""
        aspirations = self._all(Aspirated)
        if not aspirations:
            return None
        measured = Volume(sum(step.volume.nl for step in aspirations))
        expected, _ = self._known()
        flag = None if expected is None else discrepancy_flag(expected, measured, self.sheet.reservoir_capacity)
        over = self._last(Overridden)
        return MeasuredResidual(expected, measured, flag, self.first, f"{over.by}: {over.reason}" if over else None)

    @property
    def not_aspirated(self) -> Volume:
        """What was expected and did not come, and may still be there; within the limit it is the pump's accuracy (RPC-07)."""
        residual = self.residual
        off = residual.discrepancy if residual else None
        if residual is None or off is None or residual.flag == "ok":
            return Volume(0)
        return Volume(max(-off.nl, 0))

    @property
    def concentration(self) -> Concentration | None:
        """What the reservoir holds after the fill, its undeliverable rest mixed in; None before."""
        filled = self._last(Filled)
        return self._held(filled.volume, filled.concentration) if filled else None

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return self._last(Verified if self.sheet.programmable else Filled) is not None

    def interrogated(self, report: Report, at: Instant) -> "RefillProcedure | Refusal":
        """The pump was read; a pump without electronics cannot be (PMP-40)."""
        refusal = self.sheet.check_programmable("an interrogation") or self._check(Interrogated, at)
        return refusal or self._with(Interrogated(at, report))

    def worked_out(
        self, expected: Volume | None, concentration: Concentration | None, at: Instant
    ) -> "RefillProcedure | Refusal":
        """Of a pump without electronics, instead of an interrogation: what should be in it (RPC-02)."""
        if self.sheet.programmable:
            return Refusal(
                "RPC-02",
                "a residual that was worked out instead of an interrogation",
                "a pump with electronics is interrogated before its refill",
                "Gillette, refill page: the pump is read before and after a refill",
                "Interrogate the pump; if it does not answer, find out why before the refill.",
            )
        return self._check(WorkedOut, at) or self._with(WorkedOut(at, expected, concentration))

    def port_confirmed(self, port: Port, needle_gauge: int, at: Instant) -> "RefillProcedure | Refusal":
        """RPC-16 and RPC-04: the needle is in the refill port, and it is the one of the refill kit."""
        refusal = self._check(PortConfirmed, at)
        if refusal:
            return refusal
        if port != "refill port":
            advice = "Inject nothing. Withdraw the needle and find the refill port with the template."
            return Refusal("RPC-16", f"a refill through the {port}", "the refill port only", _ACCESS_PORT, advice)
        gauge = setting_count("refill", "refill_needle_gauge")
        if needle_gauge != gauge:
            return Refusal(
                "RPC-04",
                f"a needle of {needle_gauge} gauge in the refill port",
                f"{gauge} gauge",
                setting_source("refill", "refill_needle_gauge"),
                "Take the refill kit of this pump. If unsure, do not inject.",
            )
        return self._with(PortConfirmed(at, needle_gauge))

    def aspirated(self, volume: Volume, at: Instant) -> "RefillProcedure | Refusal":
        """RPC-06: what the syringe withdrew; again as often as needed, the sum counts."""
        refusal = self._check(Aspirated, at)
        if refusal:
            return refusal
        capacity, before = self.sheet.reservoir_capacity, self.residual
        measured = volume + before.measured if before else volume
        if measured > capacity:
            return Refusal(
                "RPC-06",
                f"a residual of {measured}",
                f"the reservoir holds {capacity}",
                self.sheet.source("reservoir_capacity"),
                "Read the syringe again and correct the volume.",
            )
        return self._with(Aspirated(at, volume))

    def overridden(self, reason: str, by: str, at: Instant) -> "RefillProcedure | Refusal":
        """RPC-07: a person takes it on themselves to fill in spite of a red residual; a later aspiration ends that."""
        refusal = self._check(Overridden, at)
        if refusal:
            return refusal
        residual = self.residual
        if residual is None or residual.flag != "red":
            return self._off("an override of a residual that is not red", "only a red residual is overridden", "Go on without.")
        if not reason.strip() or not by.strip():
            return self._off(
                "an override without a reason or a name", "a reason, and who takes it on themselves", "Write down both."
            )
        return self._with(Overridden(at, reason, by))

    def rinsed(self, volume: Volume, times: int, concentration: Concentration, at: Instant) -> "RefillProcedure | Refusal":
        """RPC-15: a volume of the new strength was injected and withdrawn again, so many times."""
        refusal = self._check(Rinsed, at) or self._check_residual() or self._check_room("rinse with", volume)
        if refusal:
            return refusal
        if times < 1:
            return _out_of_order(f"a rinse {times} times", "at least once", "Rinse, or state the mixed concentration.")
        return self._with(Rinsed(at, volume, times, concentration))

    def mixture_stated(self, concentration: Concentration, at: Instant) -> "RefillProcedure | Refusal":
        """RPC-15: what the reservoir will hold after the fill, as a person worked it out; the fill compares it."""
        return self._check(MixtureStated, at) or self._with(MixtureStated(at, concentration))

    def filled(self, volume: Volume, concentration: Concentration, at: Instant) -> "RefillProcedure | Refusal":
        """RPC-07, RPC-08, RPC-15, RPC-16: inject, if the residual was settled, it fits, and the mixture is known."""
        refusal = (
            self._check(Filled, at)
            or self._check_residual()
            or self._check_room("fill", volume)
            or self._check_mixture(volume, concentration)
        )
        return refusal or self._with(Filled(at, volume, concentration))

    def programmed(self, update: Update, at: Instant) -> "RefillProcedure | Refusal":
        """RPC-10 and RPC-15: one update with the injected volume and the concentration that the reservoir now holds.

        Programming again, before the read-back, takes its place.
        """
        refusal = self.sheet.check_programmable("an update") or self._check(Programmed, at)
        return refusal or self._check_update(update) or self._with(Programmed(at, update))

    def read_back(self, report: Report, at: Instant) -> "RefillProcedure | Refusal":
        """RPC-15: what the pump says after the update is what was programmed."""
        refusal = self.sheet.check_programmable("a read-back") or self._check(Verified, at)
        if refusal:
            return refusal
        before, done = self._last(Interrogated), self._last(Programmed)
        assert before is not None  # the order of steps
        assert done is not None
        if report.at < done.at:
            return _out_of_order(f"a read-back of {report.at.utc_text()}", f"after the update at {done.at.utc_text()}", _AGAIN)
        meant = expected(at_instant(before.report, done.at), done.update, self.sheet)
        for setting in unlike(report, meant, self.sheet):
            asked = f"a read-back of {setting.name} {setting.before}"
            return _out_of_order(asked, f"what was programmed: {setting.after}", _AGAIN)
        return self._with(Verified(at, report))

    def _with(self, step: Step) -> "RefillProcedure":
        return replace(self, steps=(*self.steps, step))

    def _all(self, kind: type[S]) -> list[S]:
        return [step for step in self.steps if isinstance(step, kind)]

    def _last(self, kind: type[S]) -> S | None:
        return next(reversed(self._all(kind)), None)

    def _known(self) -> tuple[Volume | None, Concentration | None]:
        """(what should be left, its concentration), by the pump or as people worked it out."""
        first = self.steps[0] if self.steps else None
        if isinstance(first, Interrogated):
            return (Volume(0) if self.emptied else first.report.calculated), first.report.concentration
        return (first.expected, first.concentration) if isinstance(first, WorkedOut) else (None, None)

    def _check(self, kind: type, at: Instant) -> Refusal | None:
        """Whether a step may come now."""
        last = self.steps[-1] if self.steps else None
        what, follows = FOLLOWS[kind]
        if last and at < last.at:
            limit = f"not before {FOLLOWS[type(last)][0]}, at {last.at.utc_text()}"
            return _out_of_order(f"{what} at {at.utc_text()}", limit, "Check the time; record the steps in their order.")
        if type(last) in follows or (last is None and not follows):
            return None
        asked = f"{what} {f'after {FOLLOWS[type(last)][0]}' if last else 'as the first step'}"
        limit = f"it follows {', '.join(FOLLOWS[step][0] for step in follows)}" if follows else "it is the first step"
        refusal = _out_of_order(asked, limit, "Take the steps in their order.")
        if kind in (Rinsed, Filled) and not self._all(Aspirated):
            return replace(refusal, rule="RPC-16", source=_ACCESS_PORT)  # nothing is injected before the match
        return refusal

    def _check_residual(self) -> Refusal | None:
        """RPC-07: an amber residual was aspirated again, a red one was taken on by somebody."""
        residual = self.residual
        if residual is None or residual.flag in (None, "ok"):
            return None
        limit = f"at most {discrepancy_limit(self.sheet.reservoir_capacity)} off"
        asked = (
            f"an injection at {_FLAGGED[residual.flag]} residual, {residual.measured} measured and {residual.expected} expected"
        )
        if residual.flag == "amber" and len(self._all(Aspirated)) < 2:
            return self._off(asked, f"{limit}, or aspirated again", "Check the needle, and aspirate again.")
        since = next(step for step in reversed(self.steps) if isinstance(step, Aspirated | Overridden))
        if residual.flag == "red" and not isinstance(since, Overridden):
            advice = "Stop and look for the reason. Inject only if a named person takes it on themselves."
            return self._off(asked, f"{limit}, or overridden with a reason", advice)
        return None

    def _off(self, asked: str, limit: str, advice: str) -> Refusal:
        source = setting_source("refill", discrepancy_rule(self.sheet.reservoir_capacity))
        return Refusal("RPC-07", asked, limit, source, advice)

    def _check_room(self, what: str, volume: Volume) -> Refusal | None:
        """RPC-08: something is injected, and it fits on top of what did not come out."""
        capacity, left = self.sheet.reservoir_capacity, self.not_aspirated
        room = Volume(max(capacity.nl - left.nl, 0))
        if Volume(0) < volume <= room:
            return None
        asked = f"{what} {volume}" + (f" with {left} not aspirated" if left.nl else "")
        limit = f"more than 0 mL; the reservoir holds {capacity}" + (f", so {room} more" if left.nl else "")
        advice = "Inject no more than fits; never fill on top of what was not aspirated."
        return Refusal("RPC-08", asked, limit, f"{self.sheet.source('reservoir_capacity')}; {_TO_EMPTY}", advice)

    def _held(self, volume: Volume, new: Concentration) -> Concentration:
        """What the reservoir holds after a fill, by what was in it and the rinses; where nothing is known of it, the new."""
        _, old = self._known()
        rest = self.sheet.undeliverable_volume
        held = Fraction((old or new).mcg_per_ml)
        for rinse in self._all(Rinsed):
            held = rinsed(rest, held, rinse.volume, rinse.times, rinse.concentration)
        return whole(mixed(rest, held, volume, new))

    def _check_mixture(self, volume: Volume, new: Concentration) -> Refusal | None:
        """RPC-15: a mixture that was stated is right; without one, the strength afterwards is that of the vial."""
        held, stated = self._held(volume, new), self._last(MixtureStated)
        said = f"{volume} of {new} on {self.sheet.undeliverable_volume} that stays gives {held}"
        if stated:
            if agrees(stated.concentration, held):
                return None
            return _out_of_order(f"a stated mixture of {stated.concentration}", said, "Work the mixture out again.", TOLERANCE)
        if agrees(new, held):
            return None
        _, old = self._known()
        asked = f"fill {new} after {old}"
        advice = f"Rinse with {new}, or state the mixed concentration and program that."
        return _out_of_order(asked, f"a rinse, or the mixture stated: {said}", advice, TOLERANCE)

    def _check_update(self, update: Update) -> Refusal | None:
        filled, held = self._last(Filled), self.concentration
        assert filled is not None  # the order of steps
        assert held is not None
        if update.reservoir != filled.volume:
            return Refusal(
                "RPC-10",
                f"program a reservoir volume of {update.reservoir}" if update.reservoir else "program no reservoir volume",
                f"the volume that was injected, {filled.volume}",
                "ISMP, pump programming errors: the volume of a vial or of a reservoir was typed in",
                "Enter the injected volume; the pump itself subtracts a prime.",
            )
        _, old = self._known()
        written = update.concentration or old
        if written is not None and agrees(written, held):
            return None
        asked = f"program {written}" if written else "program no concentration"
        limit = f"what the reservoir holds, {held}, within {rule_value(TOLERANCE)}"
        return _out_of_order(asked, limit, f"Program {held}, and the dose for it.", TOLERANCE)


def _out_of_order(asked: str, limit: str, advice: str, datum: str | None = None) -> Refusal:
    return Refusal("RPC-15", asked, limit, setting_source("refill", datum) if datum else _ORDER, advice)
