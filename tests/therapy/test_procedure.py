"""The refill as a procedure: its order, its checks at both sides, and that a refused step changes nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.courses import START, done, flow, ml, needled, refused, running_pump
from thecal.chart.facts import Filled, Interrogated
from thecal.errors import Refusal
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.messages import Fill, Report, Update, Withdraw
from thecal.pump.program import (
    BridgeBolus,
    NoPatientBolus,
    PatientBolus,
    PrimingBolus,
    Program,
    SimpleContinuous,
    Stopped,
)
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState
from thecal.pump.written import at_instant
from thecal.quantity import Concentration, Volume
from thecal.therapy.mixture import mixture
from thecal.therapy.procedure import MeasuredResidual, Port, RefillProcedure
from thecal.therapy.steps import (
    Aspirated,
    MixtureStated,
    Overridden,
    PortConfirmed,
    Programmed,
    Verified,
    WorkedOut,
)
from thecal.timeline import DAY_S, Duration, Instant

SMALL, LARGE = pump_sheet("synchromed-ii-20"), pump_sheet("synchromed-ii-40")
STRONG, WEAK = Concentration(2000), Concentration(500)
PROGRAM = SimpleContinuous(flow(0.4))
Outcome = RefillProcedure | Refusal


def minute(count: int) -> Instant:
    return Instant(START.s + count * 60)


def took(outcome: Outcome) -> RefillProcedure:
    assert not isinstance(outcome, Refusal), outcome
    return outcome


def report_of(expected: Volume | None, concentration: Concentration | None = STRONG, at: Instant = START) -> Report:
    """What a pump would say that calculates so much."""
    return replace(at_instant(report(running_pump(PROGRAM)), at), calculated=expected, concentration=concentration)


def read(expected: float = 5, concentration: Concentration | None = STRONG, sheet: str = "synchromed-ii-20") -> RefillProcedure:
    """Interrogated, with the needle in the refill port."""
    procedure = RefillProcedure(pump_sheet(sheet), first=False)
    procedure = took(procedure.interrogated(report_of(ml(expected), concentration), START))
    return took(procedure.port_confirmed("refill port", 22, minute(1)))


def emptied(expected: float = 5, measured: float = 5, concentration: Concentration | None = STRONG) -> RefillProcedure:
    return took(read(expected, concentration).aspirated(ml(measured), minute(2)))


def filled() -> RefillProcedure:
    """18 mL of the strength of before."""
    return took(emptied().filled(ml(18), STRONG, minute(3)))


def update(volume: float = 18, concentration: Concentration | None = STRONG, program: Program | None = PROGRAM) -> Update:
    return Update(program, concentration, ml(volume))


def true_refill(
    pump: PumpState, strength: Concentration, bolus: BridgeBolus | None = None
) -> tuple[PumpState, Update, RefillProcedure]:
    """A real pump emptied, filled with 18 mL and programmed, and the procedure beside it up to the update."""
    procedure = took(RefillProcedure(pump.sheet, first=False).interrogated(report(pump), pump.now))
    procedure = took(procedure.port_confirmed("refill port", 22, pump.now))
    outcome = perform(pump, Withdraw())
    assert not isinstance(outcome, Refusal)
    pump, syringe = outcome
    procedure = took(procedure.aspirated(Volume(syringe.volume_nl), pump.now))
    procedure = took(procedure.mixture_stated(mixture(pump.sheet.undeliverable_volume, STRONG, ml(18), strength), pump.now))
    pump = needled(perform(pump, Fill(ml(18), strength)))
    procedure = took(procedure.filled(ml(18), strength, pump.now))
    assert procedure.concentration is not None
    written = replace(update(concentration=procedure.concentration, program=SimpleContinuous(flow(0.3))), bolus=bolus)
    return done(handle(pump, written)), written, took(procedure.programmed(written, pump.now))


@pytest.mark.requirement("RPC-15")
def test_a_refill_from_beginning_to_end() -> None:
    """2,000 to 500 mcg/mL in a real pump: 1.4 mL stay, the mixture is stated and programmed with its bridge, and read back."""
    pump = advance(running_pump(PROGRAM, "synchromed-ii-20", ml(18), 2000), Instant(START.s + 30 * DAY_S)).state
    bridge = BridgeBolus(ml(0.3), flow(0.1))
    after, written, procedure = true_refill(pump, WEAK, bridge)
    assert written.concentration == mixture(ml(1.4), STRONG, ml(18), WEAK) == Concentration(608)
    assert procedure.residual == MeasuredResidual(ml(6), ml(6), "ok", unreliable=False)
    assert not procedure.complete
    read_after = advance(after, Instant(after.now.s + 600)).state
    over = took(procedure.read_back(report(read_after), read_after.now))
    assert over.complete
    assert [type(step) for step in over.steps] == [
        Interrogated, PortConfirmed, Aspirated, MixtureStated, Filled, Programmed, Verified,
    ]  # fmt: skip
    assert over.steps[-1].at == read_after.now


STEPS: dict[str, Callable[[RefillProcedure, Instant], Outcome]] = {
    "interrogated": lambda procedure, at: procedure.interrogated(report_of(ml(5)), at),
    "port": lambda procedure, at: procedure.port_confirmed("refill port", 22, at),
    "aspirated": lambda procedure, at: procedure.aspirated(ml(0), at),
    "overridden": lambda procedure, at: procedure.overridden("needle checked by ultrasound", "Dr. A", at),
    "rinsed": lambda procedure, at: procedure.rinsed(ml(5), 2, STRONG, at),
    "mixture": lambda procedure, at: procedure.mixture_stated(STRONG, at),
    "filled": lambda procedure, at: procedure.filled(ml(18), STRONG, at),
    "programmed": lambda procedure, at: procedure.programmed(update(), at),
    "read back": lambda procedure, at: procedure.read_back(report_of(ml(18), STRONG, at), at),
}
AFTER: dict[str, tuple[RefillProcedure, set[str]]] = {
    "nothing": (RefillProcedure(SMALL, first=False), {"interrogated"}),
    "interrogated": (RefillProcedure(SMALL, first=False, steps=(Interrogated(START, report_of(ml(5))),)), {"port"}),
    "port": (read(), {"port", "aspirated"}),
    "aspirated": (emptied(), {"port", "aspirated", "rinsed", "mixture", "filled"}),
    "overridden": (
        took(emptied(measured=8).overridden("more came", "Dr. A", minute(3))),
        {"port", "aspirated", "rinsed", "mixture", "filled"},
    ),
    "rinsed": (took(emptied().rinsed(ml(5), 1, STRONG, minute(3))), {"rinsed", "mixture", "filled"}),
    "mixture": (took(emptied().mixture_stated(STRONG, minute(3))), {"mixture", "filled"}),
    "filled": (filled(), {"programmed"}),
    "programmed": (took(filled().programmed(update(), minute(4))), {"programmed", "read back"}),
    "read back": (
        took(took(filled().programmed(update(), minute(4))).read_back(report_of(ml(18), STRONG, minute(5)), minute(5))),
        set(),
    ),
}


@pytest.mark.requirement("RPC-15")
@pytest.mark.parametrize("last", AFTER)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_has_its_place(last: str, step: str) -> None:
    """Every pair of steps: in its place it is taken at its instant, out of it refused, and the object is what it was."""
    procedure, allowed = AFTER[last]
    before = replace(procedure)
    outcome = STEPS[step](procedure, minute(9))
    assert procedure == before
    if step in allowed:
        assert took(outcome).steps[:-1] == procedure.steps
        assert took(outcome).steps[-1].at == minute(9)
    else:
        injects = step in ("rinsed", "filled") and not any(isinstance(made, Aspirated) for made in procedure.steps)
        assert refused(outcome).rule == (
            "RPC-16" if injects else "RPC-07" if (last, step) == ("aspirated", "overridden") else "RPC-15"
        )


@pytest.mark.requirement("RPC-15")
@pytest.mark.parametrize("last", [last for last in AFTER if AFTER[last][1] and last != "nothing"])
def test_time_goes_one_way(last: str) -> None:
    """A second before the last step is refused, the same second is taken."""
    procedure, allowed = AFTER[last]
    at = procedure.steps[-1].at
    for step in allowed - {"read back"}:
        refusal = refused(STEPS[step](procedure, Instant(at.s - 1)))
        assert refusal.rule == "RPC-15"
        assert at.utc_text() in refusal.limit
        took(STEPS[step](procedure, at))


@pytest.mark.requirement("RPC-16")
@pytest.mark.parametrize(("port", "gauge", "rule"), [("refill port", 22, None), ("catheter access port", 22, "RPC-16")])
def test_the_catheter_access_port_is_refused(port: Port, gauge: int, rule: str | None) -> None:
    """A refill into it has killed; whatever the needle."""
    procedure = took(RefillProcedure(SMALL, first=False).interrogated(report_of(ml(5)), START))
    outcome = procedure.port_confirmed(port, gauge, START)
    assert (outcome.rule if isinstance(outcome, Refusal) else None) == rule
    assert refused(procedure.port_confirmed("catheter access port", 24, START)).rule == "RPC-16"


@pytest.mark.requirement("RPC-04")
@pytest.mark.parametrize("gauge", [20, 21, 23, 24])
def test_only_the_needle_of_the_kit_is_taken(gauge: int) -> None:
    """22 gauge; the refusal names where that comes from."""
    procedure = took(RefillProcedure(SMALL, first=False).interrogated(report_of(ml(5)), START))
    refusal = refused(procedure.port_confirmed("refill port", gauge, START))
    assert (refusal.rule, refusal.limit) == ("RPC-04", "22 gauge")
    assert "confidence S" in refusal.source


@pytest.mark.requirement("RPC-06")
def test_all_that_was_aspirated_counts() -> None:
    """Three syringes are one residual, which is at most the reservoir's capacity."""
    procedure = read(expected=20)
    assert procedure.residual is None
    for volume in (12, 7.5, 0.5):
        procedure = took(procedure.aspirated(ml(volume), minute(2)))
    assert procedure.residual == MeasuredResidual(ml(20), ml(20), "ok", unreliable=False)
    refusal = refused(procedure.aspirated(Volume(1), minute(2)))
    assert (refusal.rule, refusal.asked, refusal.limit) == ("RPC-06", "a residual of 20.000001 mL", "the reservoir holds 20 mL")


@pytest.mark.requirement("RPC-07")
@pytest.mark.parametrize("first", [True, False])
def test_the_residual_is_what_came_beside_what_was_expected(first: bool) -> None:
    """Less than expected is below zero; the first after implant is unreliable; nothing expected, nothing flagged."""
    procedure = replace(emptied(expected=5, measured=3.75), first=first)
    residual = procedure.residual
    assert residual == MeasuredResidual(ml(5), ml(3.75), "amber", unreliable=first)
    assert residual.discrepancy == ml(-1.25)
    unknown = took(RefillProcedure(SMALL, first=first).interrogated(report_of(None, None), START))
    unknown = took(took(unknown.port_confirmed("refill port", 22, START)).aspirated(ml(3), START))
    residual = unknown.residual
    assert residual == MeasuredResidual(None, ml(3), None, unreliable=first)
    assert residual.discrepancy is None
    took(unknown.filled(ml(20), WEAK, START))


@pytest.mark.requirement("RPC-07")
@pytest.mark.parametrize("off_nl", [1_000_000, -1_000_000])
def test_what_is_not_off_is_filled(off_nl: int) -> None:
    """1 mL either way in a reservoir of 20 mL is ok, a nanolitre more is amber."""
    procedure = read()
    ok = took(procedure.aspirated(Volume(5_000_000 + off_nl), minute(2)))
    took(ok.filled(ml(18), STRONG, minute(3)))
    more = took(procedure.aspirated(Volume(5_000_000 + off_nl + (1 if off_nl > 0 else -1)), minute(2)))
    assert refused(more.filled(ml(18), STRONG, minute(3))).rule == "RPC-07"


@pytest.mark.requirement("RPC-07")
def test_amber_asks_for_another_aspiration() -> None:
    """Neither fill nor rinse before; afterwards both, whether more came or not; also after the needle was checked."""
    amber = emptied(measured=3.5)
    for outcome in (amber.filled(ml(18), STRONG, minute(3)), amber.rinsed(ml(5), 1, STRONG, minute(3))):
        assert refused(outcome).rule == "RPC-07"
        assert "amber" in refused(outcome).asked
    again = took(amber.aspirated(ml(0), minute(3)))
    took(again.filled(ml(18), STRONG, minute(4)))
    took(again.rinsed(ml(5), 1, STRONG, minute(4)))
    moved = took(amber.port_confirmed("refill port", 22, minute(3)))
    assert refused(moved.filled(ml(18), STRONG, minute(4))).rule == "RPC-15"
    more = took(moved.aspirated(ml(1), minute(4)))
    assert more.residual is not None
    assert more.residual.flag == "ok"
    took(more.filled(ml(18), STRONG, minute(5)))


@pytest.mark.requirement("RPC-07")
def test_red_asks_for_a_person_and_a_reason() -> None:
    """Another aspiration that brings nothing does not help; a later one ends an override."""
    red = took(emptied(measured=2).aspirated(ml(0), minute(3)))
    assert refused(red.filled(ml(15), STRONG, minute(4))).rule == "RPC-07"
    assert refused(red.rinsed(ml(5), 1, STRONG, minute(4))).rule == "RPC-07"
    for reason, by in (("", "Dr. A"), ("  ", "Dr. A"), ("known to run fast", ""), ("known to run fast", "\t")):
        assert refused(red.overridden(reason, by, minute(4))).rule == "RPC-07"
    taken = took(red.overridden("known to run fast", "Dr. A", minute(4)))
    assert taken.steps[-1] == Overridden(minute(4), "known to run fast", "Dr. A")
    took(taken.filled(ml(15), STRONG, minute(5)))
    took(took(taken.rinsed(ml(5), 1, STRONG, minute(5))).filled(ml(15), STRONG, minute(6)))
    later = took(taken.aspirated(ml(0), minute(5)))
    assert refused(later.filled(ml(15), STRONG, minute(6))).rule == "RPC-07"
    took(took(later.overridden("still so", "Dr. A", minute(6))).filled(ml(15), STRONG, minute(7)))


@pytest.mark.requirement("RPC-07")
@pytest.mark.parametrize("measured", [5, 3.5])
def test_only_red_is_overridden(measured: float) -> None:
    """Amber asks for an aspiration, not for a signature."""
    assert refused(emptied(measured=measured).overridden("in a hurry", "Dr. A", minute(3))).rule == "RPC-07"


@pytest.mark.requirement("RPC-08")
@pytest.mark.parametrize(
    ("measured", "room_nl"),
    [
        (5, 20_000_000),
        (5.5, 20_000_000),  # more came than expected: it is out
        (4.0, 20_000_000),  # 1 mL less: within what RPC-07 allows a pump of 20 mL
        (3.9, 18_900_000),  # more than that did not come: it may still be in there
    ],
)
def test_a_reservoir_is_not_overfilled(measured: float, room_nl: int) -> None:
    """To its usable capacity and not a nanolitre more; the refusal says how much fits. A rinse is no exception."""
    procedure = emptied(measured=measured)
    procedure = took(procedure.aspirated(ml(0), minute(2)))  # once more, where it was amber
    assert procedure.not_aspirated == Volume(20_000_000 - room_nl)
    took(procedure.filled(Volume(room_nl), STRONG, minute(3)))
    took(procedure.rinsed(Volume(room_nl), 1, STRONG, minute(3)))
    refusal = refused(procedure.filled(Volume(room_nl + 1), STRONG, minute(3)))
    assert refusal.rule == "RPC-08"
    assert str(Volume(room_nl)) in refusal.limit
    assert str(Volume(room_nl + 1)) in refusal.asked
    assert refused(procedure.rinsed(Volume(room_nl + 1), 1, STRONG, minute(3))).rule == "RPC-08"


@pytest.mark.requirement("RPC-08")
def test_nothing_is_no_fill() -> None:
    """A fill or a rinse of 0 mL, and a rinse that was not done, are refused; 1 nL is not."""
    for outcome in (emptied().filled(ml(0), STRONG, minute(3)), emptied().rinsed(ml(0), 1, STRONG, minute(3))):
        assert refused(outcome).rule == "RPC-08"
    assert refused(emptied().rinsed(ml(5), 0, STRONG, minute(3))).rule == "RPC-15"
    took(emptied().filled(Volume(1), STRONG, minute(3)))


@pytest.mark.requirement("RPC-15")
def test_another_strength_needs_a_rinse_or_its_mixture() -> None:
    """18.6 mL of 500 on 1.4 mL of 2,000: refused as it is, taken with the mixture of 605 stated, within 5 % of it."""
    procedure = emptied()
    refusal = refused(procedure.filled(ml(18.6), WEAK, minute(3)))
    assert refusal.rule == "RPC-15"
    assert "605 mcg/mL" in refusal.limit
    for stated, fits in ((605, True), (575, True), (574, False), (635, True), (636, False), (500, False)):
        outcome = took(procedure.mixture_stated(Concentration(stated), minute(3))).filled(ml(18.6), WEAK, minute(4))
        assert isinstance(outcome, Refusal) is not fits
    corrected = took(took(procedure.mixture_stated(WEAK, minute(3))).mixture_stated(Concentration(605), minute(3)))
    assert took(corrected.filled(ml(18.6), WEAK, minute(4))).concentration == Concentration(605)


@pytest.mark.requirement("RPC-15")
def test_a_rinse_must_be_enough() -> None:
    """One of 5 mL leaves 828 mcg/mL in the rest and 523 in the whole, within 5 % of 500; one of 0.5 mL does not."""
    procedure = emptied()
    once = took(took(procedure.rinsed(ml(5), 1, WEAK, minute(3))).filled(ml(18.6), WEAK, minute(4)))
    assert once.concentration == Concentration(523)
    little = took(procedure.rinsed(ml(0.5), 1, WEAK, minute(3)))
    assert "rinse" in refused(little.filled(ml(18.6), WEAK, minute(4))).limit
    enough = took(little.rinsed(ml(0.5), 10, WEAK, minute(4)))
    assert took(enough.filled(ml(18.6), WEAK, minute(5))).concentration == Concentration(504)
    other = took(procedure.rinsed(ml(5), 3, STRONG, minute(3)))
    assert refused(other.filled(ml(18.6), WEAK, minute(4))).rule == "RPC-15"


@pytest.mark.requirement("RPC-15")
def test_a_pump_that_keeps_nothing_needs_no_rinse() -> None:
    """Its data sheet says that nothing stays: the fill is what the vial says. A mixture that is stated wrong is refused."""
    procedure = took(read(sheet="reference-20").aspirated(ml(5), minute(2)))
    assert took(procedure.filled(ml(18), WEAK, minute(3))).concentration == WEAK
    assert took(took(procedure.mixture_stated(WEAK, minute(3))).filled(ml(18), WEAK, minute(4))).concentration == WEAK
    wrong = took(procedure.mixture_stated(Concentration(605), minute(3)))
    assert refused(wrong.filled(ml(18), WEAK, minute(4))).rule == "RPC-15"


@pytest.mark.requirement("RPC-15")
def test_where_no_concentration_is_known_the_fill_gives_it() -> None:
    """A pump that was never filled changes nothing."""
    procedure = emptied(concentration=None)
    assert procedure.concentration is None
    done_with = took(procedure.filled(ml(18), WEAK, minute(3)))
    assert done_with.concentration == WEAK
    assert refused(done_with.programmed(update(concentration=None), minute(4))).rule == "RPC-15"
    took(done_with.programmed(update(concentration=WEAK), minute(4)))


@pytest.mark.requirement("RPC-10")
@pytest.mark.parametrize("typed", [None, ml(20), ml(17.999999), ml(19.4)])
def test_the_injected_volume_is_programmed(typed: Volume | None) -> None:
    """Not the reservoir's size, not the vial, not with the rest that stays, and not nothing."""
    refusal = refused(filled().programmed(Update(PROGRAM, STRONG, typed), minute(4)))
    assert refusal.rule == "RPC-10"
    assert "18 mL" in refusal.limit
    took(filled().programmed(Update(PROGRAM, STRONG, ml(18)), minute(4)))


@pytest.mark.requirement("RPC-15")
@pytest.mark.parametrize(("written", "fits"), [(1900, True), (1899, False), (2100, True), (2101, False), (None, True)])
def test_what_the_reservoir_holds_is_programmed(written: int | None, fits: bool) -> None:
    """Within 5 %, both ends included; the same strength need not be written again."""
    outcome = filled().programmed(update(concentration=Concentration(written) if written else None), minute(4))
    assert isinstance(outcome, Refusal) is not fits
    if isinstance(outcome, Refusal):
        assert outcome.rule == "RPC-15"


@pytest.mark.requirement("RPC-15")
def test_a_mixture_is_programmed_and_not_the_label() -> None:
    """605 and not 500; nor the old 2,000 that stays where nothing is written."""
    procedure = took(took(emptied().mixture_stated(Concentration(605), minute(3))).filled(ml(18.6), WEAK, minute(4)))
    for wrong in (WEAK, STRONG, None):
        assert refused(procedure.programmed(update(18.6, wrong), minute(5))).rule == "RPC-15"
    took(procedure.programmed(update(18.6, Concentration(605)), minute(5)))


@pytest.mark.requirement("RPC-15")
def test_the_new_concentration_is_not_programmed_before_the_fill() -> None:
    """Nor anything else."""
    for procedure, _ in (AFTER[last] for last in ("nothing", "interrogated", "port", "aspirated", "rinsed", "mixture")):
        assert refused(procedure.programmed(update(), minute(9))).rule == "RPC-15"


PATIENT = PatientBolus(ml(0.02), Duration(300), Duration(4 * 3600), 4)


def with_all() -> tuple[RefillProcedure, Report]:
    """An update that writes everything, and the report that shows it ten minutes later."""
    before = report_of(ml(5))
    bolus = PrimingBolus(ml(0.2), Duration(1200))
    written = Update(Stopped(), STRONG, ml(18), ml(3), PATIENT, bolus)
    after = replace(
        at_instant(before, minute(14)),
        mode=bolus.mode,
        bolus_left=ml(0.1),
        program=Stopped(),
        patient=PATIENT,
        low_reservoir=ml(3),
        calculated=ml(17.9),
        pumped=before.pumped + ml(0.1),
    )
    return took(filled().programmed(written, minute(4))), after


@pytest.mark.requirement("RPC-15")
def test_a_read_back_shows_what_was_programmed() -> None:
    """All of it; and what the pump has counted since is no more than its motor was commanded."""
    procedure, shown = with_all()
    assert took(procedure.read_back(shown, minute(14))).complete
    took(procedure.read_back(replace(shown, calculated=ml(18)), minute(14)))
    ended = replace(at_instant(shown, minute(24)), mode="stopped", bolus_left=ml(0))
    took(procedure.read_back(ended, minute(24)))


@pytest.mark.requirement("RPC-15")
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"concentration": Concentration(1999)}, "1,999 mcg/mL"),
        ({"concentration": None}, "not known"),
        ({"program": PROGRAM}, "0.4 mL/day all day"),
        ({"patient": None}, "patient bolus none"),
        ({"patient": replace(PATIENT, per_day=5)}, "at most 5 in 24 h"),
        ({"low_reservoir": ml(2)}, "2 mL"),
        ({"calculated": ml(18.000001)}, "18.000001 mL"),
        ({"calculated": ml(17.899999)}, "17.899999 mL"),
        ({"calculated": None}, "not known"),
        ({"mode": "stopped"}, "bolus none"),
        ({"mode": "updating"}, "bolus none"),
        ({"at": Instant(minute(4).s - 1)}, "2026-01-05T09:03:59Z"),
    ],
)
def test_a_read_back_that_shows_something_else_is_refused(changed: dict[str, object], named: str) -> None:
    """And it says what; then it can be programmed again."""
    procedure, shown = with_all()
    refusal = refused(procedure.read_back(replace(shown, **changed), minute(14)))  # type: ignore[arg-type]  # fields of a report
    assert refusal.rule == "RPC-15"
    assert named in refusal.asked
    again = took(procedure.programmed(update(), minute(15)))
    took(again.read_back(report_of(ml(18), at=minute(16)), minute(16)))
    refused(again.read_back(replace(report_of(ml(18), at=minute(16)), mode="updating"), minute(16)))


@pytest.mark.requirement("RPC-15")
def test_what_was_not_written_stays() -> None:
    """The program, the patient's bolus and the threshold of before; a patient's bolus that was taken away is gone."""
    before = replace(report_of(ml(5)), patient=PATIENT)
    start = replace(filled(), steps=(Interrogated(START, before), *filled().steps[1:]))
    kept = took(start.programmed(Update(reservoir=ml(18)), minute(4)))
    shown = replace(at_instant(before, minute(4)), calculated=ml(18))
    took(kept.read_back(shown, minute(4)))
    for changed in ({"patient": None}, {"low_reservoir": ml(1)}, {"program": Stopped()}):
        refused(kept.read_back(replace(shown, **changed), minute(4)))
    taken = took(start.programmed(Update(reservoir=ml(18), patient=NoPatientBolus()), minute(4)))
    took(taken.read_back(replace(shown, patient=None), minute(4)))
    refused(taken.read_back(shown, minute(4)))


@pytest.mark.requirement("RPC-15")
@pytest.mark.parametrize("wait_s", [0, 1, 600, 7 * DAY_S])
@pytest.mark.parametrize("model", ["reference-20", "synchromed-ii-20", "synchromed-iii-40", "prometra-ii-20", "medstream-20"])
def test_a_true_pump_is_read_back_at_any_time(model: str, wait_s: int) -> None:
    """What it counts down after the update is no other volume; a fill sensor reads what it reads."""
    pump = running_pump(PROGRAM, model, ml(18), 2000)
    pump = advance(pump, Instant(START.s + 20 * DAY_S)).state
    after, _, procedure = true_refill(pump, STRONG)
    later = advance(after, Instant(after.now.s + wait_s)).state
    assert took(procedure.read_back(report(later), later.now)).complete
    if not pump.sheet.fill_sensor:
        wrong = done(handle(later, Update(reservoir=ml(20))))
        assert refused(procedure.read_back(report(wrong), wrong.now)).rule == "RPC-15"


@pytest.mark.requirement("RPC-15")
@pytest.mark.parametrize("read_ml", [17.5, 18.5])
def test_a_fill_sensor_reads_another_volume_than_was_typed(read_ml: float) -> None:
    """What went in, with its own error; that is no update that failed."""
    procedure = took(read(sheet="medstream-20").aspirated(ml(5), minute(2)))
    procedure = took(took(procedure.filled(ml(18), STRONG, minute(3))).programmed(update(), minute(4)))
    took(procedure.read_back(report_of(ml(read_ml), at=minute(5)), minute(5)))


@pytest.mark.requirement("RPC-02")
def test_a_pump_without_electronics_is_refilled_without_telemetry() -> None:
    """Its residual is worked out, nothing is programmed, and the fill is its last step."""
    procedure = RefillProcedure(pump_sheet("isomed-8472-20-10"), first=False)
    assert refused(procedure.interrogated(report_of(ml(5)), START)).rule == "PMP-40"
    procedure = took(procedure.worked_out(ml(5), STRONG, START))
    assert procedure.steps == (WorkedOut(START, ml(5), STRONG),)
    procedure = took(took(procedure.port_confirmed("refill port", 22, START)).aspirated(ml(4.5), START))
    assert procedure.residual == MeasuredResidual(ml(5), ml(4.5), "ok", unreliable=False)
    procedure = took(took(procedure.rinsed(ml(5), 1, WEAK, START)).filled(ml(19.5), WEAK, START))
    assert procedure.complete
    assert refused(procedure.programmed(update(19.5, WEAK), START)).rule == "PMP-40"
    assert refused(procedure.read_back(report_of(ml(5)), START)).rule == "PMP-40"


@pytest.mark.requirement("RPC-02")
def test_a_pump_with_electronics_is_interrogated() -> None:
    """No residual that was worked out takes the place of its own."""
    assert refused(RefillProcedure(SMALL, first=False).worked_out(ml(5), STRONG, START)).rule == "RPC-02"
