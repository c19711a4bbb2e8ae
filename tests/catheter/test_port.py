"""The catheter access port: what comes into the syringe, what is driven into the patient, and when there is nothing to be had."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import GEOMETRY, ml
from thecal.catheter.faults import CatheterFault, CatheterLeak, Disconnection, Kink, Migration, damage
from thecal.catheter.line import Line
from thecal.catheter.port import PortUse, aspirate, contents_pg, inject
from thecal.errors import Refusal
from thecal.fluid import Parcel, amount_of, take_front, volume_of
from thecal.quantity import Length, Volume

# GEOMETRY is 80 cm of 2,210 nL/cm behind 140,000 nL of tubing: a lumen of 176,800 nL past the port, a dead volume of 316,800 nL.
LUMEN_NL, DEAD_NL = 176_800, 316_800
Line500 = Line.holding(GEOMETRY.dead_volume, "drug", 500, GEOMETRY.bore)


def syringe(millilitres: float, mcg_per_ml: int = 0) -> Parcel:
    volume_nl = ml(millilitres).nl
    return Parcel.whole(volume_nl, volume_nl * mcg_per_ml, "drug" if mcg_per_ml else "sterile water")


def damaged(fault: CatheterFault, line: Line = Line500) -> Line:
    return damage(line, GEOMETRY, fault)[0]


def used(outcome: PortUse | Refusal) -> PortUse:
    assert isinstance(outcome, PortUse), outcome
    return outcome


def row(parcels: tuple[Parcel, ...]) -> list[tuple[int, int, str]]:
    return [(parcel.volume_nl, parcel.amount_pg, parcel.content) for parcel in parcels]


@pytest.mark.requirement("CAT-11")
def test_less_than_the_lumen_is_drawn_from_the_pump_s_end_and_csf_follows_at_the_tip() -> None:
    """0.1 mL of 500 mcg/mL come out of the catheter, 0.1 mL of spinal fluid come in; the tubing keeps what it holds."""
    use = used(aspirate(Line500, ml(0.1)))
    assert row(use.drawn) == [(100_000, 50_000_000, "drug")]
    assert row(use.line.parcels) == [(100_000, 0, "CSF"), (76_800, 38_400_000, "drug"), (140_000, 70_000_000, "drug")]
    assert (use.csf_nl, use.out, use.lost_nl, use.lost_pg) == (100_000, (), 0, 0)


@pytest.mark.requirement("CAT-11")
def test_more_than_the_lumen_brings_the_csf_itself() -> None:
    """0.25 mL: the lumen's 88.4 mcg, and then 0.0732 mL of spinal fluid; what lies in the tubing is not to be had here."""
    use = used(aspirate(Line500, ml(0.25)))
    assert sorted(row(use.drawn)) == [(73_200, 0, "CSF"), (176_800, 88_400_000, "drug")]
    assert use.csf_nl == 250_000
    assert row(use.line.parcels) == [(176_800, 0, "CSF"), (140_000, 70_000_000, "drug")]
    assert contents_pg(use.line) == 0


@pytest.mark.requirement("CAT-11")
def test_the_lumen_exactly_leaves_it_full_of_csf() -> None:
    """To the nanolitre: one less leaves one nanolitre of drug."""
    assert contents_pg(used(aspirate(Line500, Volume(LUMEN_NL))).line) == 0
    assert contents_pg(used(aspirate(Line500, Volume(LUMEN_NL - 1))).line) == 500


@pytest.mark.requirement("CAT-11")
@pytest.mark.parametrize(("mcg_per_ml", "dose_mcg"), [(500, 85), (2000, 340)])
def test_an_injection_drives_the_contents_into_the_patient(mcg_per_ml: int, dose_mcg: int) -> None:
    """0.17 mL of contrast into a catheter of 500 mcg/mL is a bolus of 85 mcg, of 2,000 mcg/mL one of 340: ISMP's near miss."""
    line = Line.holding(GEOMETRY.dead_volume, "drug", mcg_per_ml, GEOMETRY.bore)
    use = used(inject(line, syringe(0.17)))
    assert (volume_of(use.out), amount_of(use.out)) == (170_000, dose_mcg * 10**6)
    assert [volume for volume, _, _ in row(use.line.parcels)] == [6_800, 170_000, 140_000]
    assert (use.drawn, use.lost_nl, use.csf_nl) == ((), 0, 0)


@pytest.mark.requirement("CAT-11")
def test_more_than_the_lumen_injects_itself_too() -> None:
    """0.2 mL of 2,000 mcg/mL: 88.4 mcg that lay there and 46.4 mcg of its own; 353.6 mcg stay for the next injection."""
    use = used(inject(Line500, syringe(0.2, 2000)))
    assert row(use.out) == [(176_800, 88_400_000, "drug"), (23_200, 46_400_000, "drug")]
    assert contents_pg(use.line) == 353_600_000
    assert row(use.line.parcels)[-1] == (140_000, 70_000_000, "drug")


@pytest.mark.requirement("CAT-11")
def test_aspirating_first_makes_an_injection_safe() -> None:
    """The rule of the bedside: empty the catheter, and what is then injected drives spinal fluid ahead of it."""
    emptied = used(aspirate(Line500, ml(0.2))).line
    use = used(inject(emptied, syringe(0.17)))
    assert amount_of(use.out) == 0
    assert contents_pg(Line500) == 88_400_000


@pytest.mark.requirement("CAT-08")
@pytest.mark.requirement("CAT-11")
def test_a_leak_on_the_way_takes_its_share_of_an_injection() -> None:
    """A quarter at 40 cm: of 0.1 mL that pass it 0.075 go on; the tip gives 0.075 mL of what lay beyond."""
    use = used(inject(damaged(CatheterLeak(Length(400), 250_000)), syringe(0.1, 2000)))
    assert (use.lost_nl, use.lost_pg) == (25_000, (88_400 * 500 + 11_600 * 2000) // 4)
    assert row(use.out) == [(75_000, 37_500_000, "drug")]
    assert contents_pg(use.line) == 88_400_000 + 200_000_000 - 37_500_000 - use.lost_pg
    assert use.line.volume_nl == DEAD_NL


@pytest.mark.requirement("CAT-08")
@pytest.mark.requirement("CAT-11")
@pytest.mark.parametrize("fault", [Disconnection(Length(400)), Migration(None)])
def test_an_injection_into_a_catheter_that_ends_in_the_tissue_stays_there(fault: CatheterFault) -> None:
    """Nothing reaches the spinal fluid: 0.05 mL of 500 mcg/mL that lay before the hole get out."""
    use = used(inject(damaged(fault), syringe(0.05)))
    assert use.out == ()
    assert (use.lost_nl, use.lost_pg) == (50_000, 25_000_000)


@pytest.mark.requirement("CAT-10")
def test_an_occluded_catheter_gives_and_takes_nothing() -> None:
    """Refused either way, with what to do; a kink that lets something through is none."""
    occluded = damaged(Kink(0))
    for outcome in (aspirate(occluded, ml(0.2)), inject(occluded, syringe(0.2))):
        assert isinstance(outcome, Refusal)
        assert (outcome.rule, outcome.limit) == ("CAT-10", "a catheter that is open")
        assert "0.2 mL" in outcome.asked
        assert "Do not inject" in outcome.advice
    assert used(aspirate(damaged(Kink(1)), ml(0.2))).csf_nl == 200_000
    assert volume_of(used(inject(damaged(Kink(1)), syringe(0.2))).out) == 200_000


@pytest.mark.requirement("CAT-10")
@pytest.mark.parametrize("fault", [CatheterLeak(Length(400), 1), Disconnection(Length(0)), Migration(None)])
def test_nothing_is_aspirated_through_a_hole(fault: CatheterFault) -> None:
    """What would come is air or tissue fluid: no spinal fluid means no whole catheter."""
    outcome = aspirate(damaged(fault), ml(0.2))
    assert isinstance(outcome, Refusal)
    assert (outcome.rule, outcome.limit) == ("CAT-10", "a catheter whole from the port to the spinal fluid")


@pytest.mark.requirement("CAT-10")
def test_a_tip_that_is_back_in_the_canal_gives_spinal_fluid_again() -> None:
    """And a kink that has gone."""
    back = damaged(Migration("T10"), damaged(Migration(None)))
    assert used(aspirate(back, ml(0.2))).csf_nl == 200_000
    assert used(aspirate(damaged(Kink(10**6), damaged(Kink(0))), ml(0.2))).csf_nl == 200_000


def test_a_line_without_a_bore_is_all_catheter() -> None:
    """A plug has no tubing of its own."""
    plug = replace(Line500, bore=None)
    assert contents_pg(plug) == 158_400_000
    assert row(used(aspirate(plug, ml(0.3))).line.parcels) == [(300_000, 0, "CSF"), (16_800, 8_400_000, "drug")]


NEEDLES = st.lists(st.tuples(st.booleans(), st.integers(1, 500_000), st.integers(0, 3000)), max_size=8)
HOLES = st.none() | st.builds(CatheterLeak, st.integers(0, 799).map(Length), st.integers(1, 10**6))


@pytest.mark.requirement("CAT-01")
@pytest.mark.requirement("CAT-11")
@given(NEEDLES, HOLES)
def test_what_goes_in_is_in_the_line_or_came_out(needles: list[tuple[bool, int, int]], hole: CatheterLeak | None) -> None:
    """Any needles in any order: the line stays full, the tubing untouched, and volumes and amounts add up."""
    line = damaged(hole) if hole else Line500
    in_nl, in_pg, out_nl, out_pg = 0, 0, 0, 0
    for drawing, volume_nl, mcg_per_ml in needles:
        parcel = Parcel.whole(volume_nl, volume_nl * mcg_per_ml)
        outcome = aspirate(line, Volume(volume_nl)) if drawing else inject(line, parcel)
        assert isinstance(outcome, Refusal) == bool(drawing and hole)
        if isinstance(outcome, Refusal):
            continue
        line = outcome.line
        in_nl, in_pg = in_nl + volume_nl, in_pg + (0 if drawing else parcel.amount_pg)
        assert outcome.csf_nl == (volume_nl if drawing else 0)
        gone = (*outcome.drawn, *outcome.out)
        assert volume_of(gone) + outcome.lost_nl == volume_nl
        out_nl, out_pg = out_nl + volume_of(gone) + outcome.lost_nl, out_pg + amount_of(gone) + outcome.lost_pg
    assert (line.volume_nl, in_nl) == (DEAD_NL, out_nl)
    assert line.amount_pg == 158_400_000 + in_pg - out_pg
    tubing = take_front(line.parcels, LUMEN_NL)[1]
    # A hole at the port may leave the drug of less than a nanolitre without a nanolitre; it joins the fluid that it lies at.
    left_pg = sum(max(mcg_per_ml, 500) for *_, mcg_per_ml in needles) if hole else 0
    assert volume_of(tubing) == 140_000
    assert 0 <= amount_of(tubing) - 70_000_000 <= left_pg


@pytest.mark.requirement("CAT-11")
def test_what_a_hole_leaves_of_a_nanolitre_is_not_lost() -> None:
    """A nanolitre lost but for its second picogram: that lies in the line, and then in the fluid beside it."""
    first = used(inject(damaged(CatheterLeak(Length(0), 1)), Parcel.whole(1, 2)))
    assert (first.lost_nl, first.lost_pg, first.line.amount_pg) == (1, 1, 158_400_001)
    second = used(inject(first.line, Parcel.whole(1, 0)))
    assert (second.lost_nl, second.lost_pg, second.line.amount_pg) == (1, 0, 158_400_001)
