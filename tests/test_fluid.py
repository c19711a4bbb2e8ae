"""Fluids: whatever is drawn from one, nothing is lost and nothing made."""

from hypothesis import given
from hypothesis import strategies as st

from thecal.fluid import Parcel, take_front


@given(st.integers(1, 10**8), st.integers(0, 10**12), st.lists(st.integers(0, 10**7), max_size=20))
def test_what_is_drawn_adds_up(volume_nl: int, amount_pg: int, draws: list[int]) -> None:
    """Drawn in any pieces, the pieces and the rest hold exactly what the whole held."""
    rest = Parcel.whole(volume_nl, amount_pg)
    drawn = []
    for draw in draws:
        piece, rest = rest.take(min(draw, rest.volume_nl))
        drawn.append(piece)
    assert sum(piece.amount_pg for piece in drawn) + rest.amount_pg == amount_pg
    assert sum(piece.volume_nl for piece in drawn) + rest.volume_nl == volume_nl
    assert all(piece.amount_pg >= 0 for piece in drawn)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 10**6)), max_size=8), st.integers(0, 5000))
def test_the_front_comes_off_a_row_in_order(fluids: list[tuple[int, int]], volume_nl: int) -> None:
    """Front and rest together are the row, and the front is what was asked for as far as it goes."""
    row = [Parcel.whole(*fluid) for fluid in fluids]
    front, rest = take_front(row, volume_nl)
    total = sum(parcel.volume_nl for parcel in row)
    assert sum(parcel.volume_nl for parcel in front) == min(volume_nl, total)
    assert sum(parcel.amount_pg for parcel in (*front, *rest)) == sum(parcel.amount_pg for parcel in row)


def test_only_the_next_part_of_the_same_fluid_joins() -> None:
    """Neighbors of one mixture are one; another mixture of the same strength is not."""
    first, second = Parcel.whole(100, 5000).take(40)
    assert first.joins(second)
    assert not second.joins(first)
    assert not first.joins(Parcel.whole(200, 10_000).take(40)[1])
    assert Parcel.whole(0, 0).mcg_per_ml == 0
    assert first.mcg_per_ml == 50
