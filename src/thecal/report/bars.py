"""Rates over time as a row of bars, for a terminal."""

from collections.abc import Sequence

PARTS = 64
"""How many bars a row has."""
_BARS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"


def bars(rates: Sequence[float], highest: float) -> str:
    """Rates as bars up to a highest one; a point where there is nothing, the highest bar for what is above it."""
    return "".join(_bar(rate / highest) if rate > 0 and highest > 0 else _NOTHING for rate in rates)


def _bar(share: float) -> str:
    return _BARS[min(len(_BARS) - 1, int(round(share * len(_BARS), 9)))]
