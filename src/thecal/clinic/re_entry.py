"""A value that a second person enters again, without seeing it (SAF-05), and how it is read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from thecal.clinic.order_form import amount_of, concentration_of, dose_of, per_day_of, span_of, volume_of
from thecal.errors import InputError

Reader = Callable[[str, str], int]
"""What was entered, and the label for the error, as a whole number to be compared. Raises InputError."""
NO_DAY = 0
"""An empty date, where none may be meant."""


@dataclass(frozen=True, slots=True)
class ReEntry:
    """A value to be entered again: what it is called, how it is read, and the values that are the same.

    A ``day`` may be left empty, where there is none.
    """

    name: str
    label: str
    hint: str
    parse: Reader
    meant: tuple[int, ...] = field(repr=False)
    off: int = 0
    day: bool = False

    def compare(self, text: str) -> InputError | None:
        """What is wrong with what was entered; never what would have been right."""
        if not text.strip() and not self.day:
            return InputError(self.label, "", "is missing")
        try:
            entered = self.parse(text.strip(), self.label) if text.strip() else NO_DAY
        except InputError as error:
            return error
        if any(abs(entered - meant) <= self.off for meant in self.meant):
            return None
        return InputError(self.label, text.strip(), "is not the same; nothing was signed")


def _counted(parse: Callable[[str, str], object], unit: str) -> Reader:
    def counted(text: str, label: str) -> int:
        count: int = getattr(parse(text, label), unit)
        return count

    return counted


def _day(text: str, label: str) -> int:
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError:
        raise InputError(label, text, "is no day", accepted=("2027-03-09",)) from None


STRENGTH = _counted(concentration_of, "mcg_per_ml")
DOSE = _counted(lambda text, label: dose_of(text, label, zero=True), "pg_per_day")
VOLUME = _counted(lambda text, label: volume_of(text, label, zero=True), "nl")
AMOUNT = _counted(amount_of, "pg")
SPAN = _counted(span_of, "s")
COUNT = per_day_of
DAY = _day
