"""Slips at a refill: what truly went in, where it went, and that nobody knows."""

from dataclasses import replace

import pytest

from tests.courses import ml
from tests.twin.test_operations import C500, C2000, FIRST, IMPLANT, SYNCHROMED, at, pump_of, ran, rules
from thecal.chart.facts import Filled
from thecal.twin.action import Refill
from thecal.twin.ledger import Entry
from thecal.twin.world import Slip

SPOILED = Refill(at(10), ml(18), C500, drawn_up=ml(20))
SLIPS: list[tuple[Slip, Entry, Entry, Entry, Entry]] = [
    # the slip, and by it: reservoir after the refill, from the vials, in the tissue, thrown away
    (Slip(), Entry(18_000_000, 9 * 10**9), Entry(20_000_000, 10**10), Entry(), Entry(2_000_000, 10**9)),
    (
        Slip(concentration=C2000),
        Entry(18_000_000, 36 * 10**9), Entry(20_000_000, 40 * 10**9), Entry(), Entry(2_000_000, 4 * 10**9),
    ),
    (Slip(content="other drug"), Entry(18_000_000, 0), Entry(), Entry(), Entry(2_000_000, 0)),
    (
        Slip(pocket=ml(5)),
        Entry(13_000_000, 65 * 10**8), Entry(20_000_000, 10**10), Entry(5_000_000, 25 * 10**8), Entry(2_000_000, 10**9),
    ),
    (
        Slip(pocket=ml(18)),
        Entry(), Entry(20_000_000, 10**10), Entry(18_000_000, 9 * 10**9), Entry(2_000_000, 10**9),
    ),
    (
        Slip(extra=ml(3)),
        Entry(21_000_000, 105 * 10**8), Entry(23_000_000, 115 * 10**8), Entry(), Entry(2_000_000, 10**9),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("slip", "reservoir", "vial", "tissue", "wasted"), SLIPS, ids=("none", "strength", "drug", "pocket", "all of it", "overfill")
)
def test_a_slip_spoils_the_next_refill_and_nobody_knows(
    slip: Slip, reservoir: Entry, vial: Entry, tissue: Entry, wasted: Entry
) -> None:
    """The true reservoir, vials, tissue and waste; the chart and the pump's count say 18 mL of 500 mcg/mL."""
    trace = ran(IMPLANT, FIRST, SPOILED, until=10, faults=[(7, slip)])
    ledger = trace.balance.ledger
    assert trace.balance.reservoir == reservoir
    assert ledger.vial == Entry(18_000_000 + vial.volume_nl, 9 * 10**9 + vial.amount_pg)
    assert (ledger.tissue, ledger.wasted, ledger.withdrawn) == (tissue, wasted, Entry(16_000_000, 8 * 10**9))
    assert Filled(at(10), ml(18), C500) in trace.chart.facts
    assert (pump_of(trace).memory.concentration, pump_of(trace).memory.calculated_nl) == (C500, 18_000_000)
    assert trace.chart == ran(IMPLANT, FIRST, SPOILED, until=10).chart
    assert trace.world.slip is None


@pytest.mark.parametrize(
    ("slip", "days", "measured"),
    [
        (Slip(pocket=ml(5)), 10, 11),
        (Slip(pocket=ml(18)), 10, 0),
        (Slip(extra=ml(3)), 10, 19),
        (Slip(concentration=C2000), 10, 16),
    ],
)
def test_the_residual_shows_what_a_volume_was_and_the_refill_after_is_sound(slip: Slip, days: int, measured: float) -> None:
    """2 mL later 16 are expected; of a wrong strength a syringe shows nothing."""
    trace = ran(IMPLANT, FIRST, SPOILED, Refill(at(10 + days), ml(18), C500), until=20, faults=[(7, slip)])
    assert trace.chart.residual is not None
    assert (trace.chart.residual.expected, trace.chart.residual.measured) == (ml(16), ml(measured))
    assert trace.balance.reservoir == Entry(18_000_000, 9 * 10**9)


def test_another_drug_mixes_with_what_no_needle_reaches() -> None:
    """The first fill of a SynchroMed II finds 1.4 mL of water; 1.4 of those 19.4 mL are left for the other drug."""
    trace = ran(replace(IMPLANT, sheet=SYNCHROMED), FIRST, SPOILED, until=10, faults=[(7, Slip(content="other drug"))])
    reservoir = trace.balance.reservoir
    assert reservoir.volume_nl == 19_400_000
    assert reservoir.amount_pg == pytest.approx(18_000_000 * 500 * 1_400_000 / 19_400_000, abs=1)


def test_a_refused_refill_does_not_use_up_a_slip() -> None:
    """25 mL do not fit; the next one that is done is the spoiled one."""
    trace = ran(IMPLANT, FIRST, Refill(at(9), ml(25), C500), SPOILED, until=10, faults=[(7, Slip(pocket=ml(5)))])
    assert rules(trace) == ["PMP-20"]
    assert trace.balance.reservoir.volume_nl == 13_000_000
