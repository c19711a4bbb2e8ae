"""Garbage is looked for seldom while charts are read, and as often as before when that is over."""

import gc

from thecal.clinic.garbage import looked_for_seldom


def test_it_is_as_before_when_the_block_ends() -> None:
    """Also where the block raised; inside, garbage is still looked for."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        with looked_for_seldom():
            assert gc.isenabled()
            assert gc.get_threshold()[0] > before[0]
            assert gc.get_freeze_count() > frozen
            raise ValueError
    except ValueError:
        pass
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
