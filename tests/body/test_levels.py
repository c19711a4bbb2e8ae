"""Vertebral levels and their heights above the sac end."""

from itertools import pairwise

import pytest

from thecal.body.levels import ARM_CORD_CM, CANAL_CM, LEG_CORD_CM, LUMBAR_PUNCTURE_CM, level_cm
from thecal.errors import InputError

UPWARDS = (
    *(f"L{n}" for n in range(5, 0, -1)),
    *(f"T{n}" for n in range(12, 0, -1)),
    *(f"C{n}" for n in range(7, 0, -1)),
)  # fmt: skip


def test_landmarks() -> None:
    """L3/4 at 10 cm, T12 at 20, T10 at 25, T2 at 40, all exactly."""
    assert (level_cm("L3") + level_cm("L4")) / 2 == pytest.approx(10, abs=1e-12)
    assert LUMBAR_PUNCTURE_CM == 10
    assert (level_cm("T12"), level_cm("T10"), level_cm("T2")) == (20, 25, 40)


def test_levels_rise_from_l5_to_c1_inside_the_canal() -> None:
    """Every vertebra lies above the one below it, between the sac end and the foramen magnum."""
    found = [level_cm(level) for level in UPWARDS]
    assert len(found) == 24
    assert all(low < high for low, high in pairwise(found))
    assert found[0] > 0
    assert found[-1] < CANAL_CM


def test_levels_are_evenly_spaced_between_landmarks() -> None:
    """From T12 to T10, T10 to T2, and T2 to the neck every step is the same."""
    for part in (("T12", "T11", "T10"), tuple(f"T{n}" for n in range(10, 1, -1)), ("T2", "T1", "C7", "C6", "C5", "C1")):
        steps = [(level_cm(b) - level_cm(a)) for a, b in pairwise(part[:-1] if part[-1] == "C1" else part)]
        assert steps == pytest.approx([steps[0]] * len(steps))


def test_the_cords_lie_at_their_vertebrae() -> None:
    """The legs' cord at T11 to L1, the arms' at C4 to C7: the heights hold the middles of those vertebrae."""
    assert LEG_CORD_CM[0] <= level_cm("L1") <= level_cm("T11") <= LEG_CORD_CM[1]
    assert ARM_CORD_CM[0] <= level_cm("C7") <= level_cm("C4") <= ARM_CORD_CM[1]


@pytest.mark.parametrize(
    "level",
    ["T13", "L6", "C0", "C8", "t10", "", " T10", "T10 ", "T", "10", "T-1", "T1.5", "S1", "L3/4", "T100", "TT1",
     "\u0422\u0031\u0030", "T0"],
)  # fmt: skip
def test_what_is_no_level_is_refused(level: str) -> None:
    """With the field, what was written, and every range that is accepted."""
    with pytest.raises(InputError) as refused:
        level_cm(level, "tip")
    text = str(refused.value)
    assert text.startswith("tip")
    assert not level or repr(level) in text
    for accepted in ("C1 to C7", "T1 to T12", "L1 to L5"):
        assert accepted in text


@pytest.mark.parametrize("level", ["T01", "L05"])
def test_a_level_is_written_one_way(level: str) -> None:
    """A leading zero is no vertebral level: one place would have two names."""
    with pytest.raises(InputError):
        level_cm(level)
