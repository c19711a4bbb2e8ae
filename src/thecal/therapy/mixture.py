"""What a reservoir holds after a fill, where a rest of another strength stays in it and mixes."""

from fractions import Fraction

from thecal.quantity import Concentration, Gain, Volume, nearest
from thecal.therapy.refill import rule_value

TOLERANCE = "concentration_tolerance"


def mixture(rest: Volume, old: Concentration, fill: Volume, new: Concentration) -> Concentration:
    """RPC-15: what a ``fill`` on top of a ``rest`` gives, to the nearest whole mcg/mL (halves down).

    1.4 mL of 2,000 mcg/mL with 18.6 mL of 500, 20 mL in all, give 605 mcg/mL; with 20 mL, a usable volume on top of it, 598.
    """
    return whole(mixed(rest, Fraction(old.mcg_per_ml), fill, new))


def rinsed_to(rest: Volume, old: Concentration, rinse: Volume, times: int, new: Concentration) -> Concentration:
    """What a rest holds after rinses, to the nearest whole mcg/mL (halves down): each mixes with it and is withdrawn again."""
    return whole(rinsed(rest, Fraction(old.mcg_per_ml), rinse, times, new))


def mixed(rest: Volume, held: Fraction, fill: Volume, new: Concentration) -> Fraction:
    """The mcg/mL of a fill on top of a rest that holds ``held``, exactly; that of the fill where there is nothing at all."""
    total_nl = rest.nl + fill.nl
    return (rest.nl * held + fill.of(new).pg) / total_nl if total_nl else Fraction(new.mcg_per_ml)


def rinsed(rest: Volume, held: Fraction, rinse: Volume, times: int, new: Concentration) -> Fraction:
    """The mcg/mL of a rest after rinses, exactly."""
    for _ in range(times):
        held = mixed(rest, held, rinse, new)
    return held


def whole(held: Fraction) -> Concentration:
    """As a programmer takes it."""
    return Concentration(nearest(held.numerator, held.denominator))


def agrees(written: Concentration, held: Concentration) -> bool:
    """RPC-15: whether a concentration is that of what is held, as closely as a vial is labelled."""
    ppm = Gain.UNITS.read(rule_value(TOLERANCE), TOLERANCE)
    return abs(written.mcg_per_ml - held.mcg_per_ml) * Gain.EXACT <= held.mcg_per_ml * ppm
