"""Limits on a day's dose and on its change, beyond which one person does not release a program."""

from thecal.quantity import DailyDose
from thecal.therapy.settings import settings_of


def dose_limit(name: str) -> DailyDose:
    """SAF-01: the dose above which nothing is written, or from which on a second person is needed."""
    return DailyDose.parse(settings_of("programmer")[name].value, name)


def change_limits() -> tuple[int, int]:
    """PRG-02: the largest rise and the largest fall of a 24-h total that one person releases, in percent."""
    up, down = (int(settings_of("programmer")[name].value.removesuffix(" %")) for name in ("change_up_max", "change_down_max"))
    return up, down
