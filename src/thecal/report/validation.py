"""Published numbers beside what the model says, as text and as data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from thecal.report.tables import WIDTH, Line

ROLES = {
    "calibration": "the model may be fitted to the row, so that it says how well it fits and nothing more",
    "consistency": "nothing is fitted to the row; it is looked at",
    "with studies": "it needs a study, of doses or of complications, and not the body alone",
    "trial": "what a published trial or cohort found; nothing is fitted to it",
}
NOTES = (
    "CSF clearance, gradient and volume come out within a factor of two, not better.",
    "Human EC50 and ke0 for the Ashworth score are derived, not published.",
    "What is aspirated from a catheter tip (mean 4.6 mcg/mL, unrelated to the dose) must never calibrate bulk CSF.",
    "Two published statements on tablets conflict: a peak at 2 to 3 h in an article, at 1.25 to 1.9 h as measured. The measured "
    "one is kept.",
)
_COLUMNS = (6, 53, 16, 8, 16)


@dataclass(frozen=True, slots=True)
class Published:
    """One published number and what the model says: a row of validation.

    ``shown`` is the number as it was published; ``low`` and ``high`` are accepted, both included; ``protocol`` is how the model
    was asked. ``model`` is None where it cannot be asked yet. ``error`` is the standard error of the model's number that the
    chance of a study leaves in it, None where there is none or it is not known.
    """

    id: str
    quantity: str
    published: float
    shown: str
    unit: str
    model: float | None
    low: float
    high: float
    role: str
    source: str
    protocol: str
    error: float | None = None

    @property
    def ok(self) -> bool | None:
        return None if self.model is None else self.low <= self.model <= self.high

    @property
    def verdict(self) -> str:
        """What a reader looks for first."""
        return {True: "ok", False: "FAILS", None: "-"}[self.ok]


def validation_document(rows: Sequence[Published], patient: str, seed: int) -> dict[str, Any]:
    """The rows as data, numbers as numbers."""
    keys = ("id", "quantity", "published", "unit", "model", "low", "high", "ok", "role", "source")
    shown = [{key: getattr(row, key) for key in keys} for row in rows]
    return {"schema": 1, "patient": patient, "seed": seed, "rows": shown, "notes": list(NOTES)}


def validation_lines(rows: Sequence[Published], patient: str, seed: int) -> Iterator[Line]:
    """The rows as a table, what stands behind each of them, the roles, and what the numbers cannot say."""
    yield Line(f"Published numbers and the model: {patient}", "title")
    yield Line(f"The typical patient of the sheet; the populations of C7, C8 and K11 are drawn with seed {seed}.")
    yield Line("")
    yield Line(_columns("", "quantity", "published", "model", "accepted") + "verdict", "head")
    for role in dict.fromkeys(row.role for row in rows):
        yield Line(role, "head")
        for row in (row for row in rows if row.role == role):
            yield Line(_row(row), "non-critical" if row.ok is False else "row")
    yield Line("")
    yield Line(_count(rows))
    yield Line("")
    told = {role for row in rows for role in row.role.split(", ")}
    for role, meaning in ((role, meaning) for role, meaning in ROLES.items() if role in told):
        yield from _wrapped(f"{role:<13}{meaning}", 13)
    yield Line("")
    for note in NOTES:
        yield from _wrapped(f"- {note}", 2)
    yield Line("")
    yield Line("Where each is published, and how the model was asked", "head")
    for row in rows:
        yield from _wrapped(f"{row.id:<6}{row.source}. Model: {row.protocol}.", 6)


def _row(row: Published) -> str:
    if row.unit == "true/false":
        said = {1.0: "true", 0.0: "false", None: "-"}[row.model]
        return (_columns(row.id, row.quantity, row.shown, said, "true") + row.verdict).rstrip()
    model = "-" if row.model is None else _digits(row.model)
    quantity = f"{row.quantity}, {row.unit}" if row.unit else row.quantity
    return _columns(row.id, quantity, row.shown, model, f"{_digits(row.low)} to {_digits(row.high)}") + row.verdict


def _columns(*texts: str) -> str:
    return "".join(f"{text:<{width}}" for text, width in zip(texts, _COLUMNS, strict=True))


def _digits(value: float) -> str:
    """Three digits: none of these numbers is surer than that."""
    text = f"{value:.3g}"
    return f"{value:,.0f}" if "e" in text or abs(value) >= 1000 else text


def _count(rows: Sequence[Published]) -> str:
    asked = [row for row in rows if row.ok is not None]
    failed = [row.id for row in asked if not row.ok]
    outside = f"; outside: {', '.join(failed)}" if failed else ""
    waiting = [row.id for row in rows if row.ok is None]
    wait = f"; not asked yet: {', '.join(waiting)}" if waiting else ""
    return f"{len(asked) - len(failed)} of {len(asked)} are within what is accepted{outside}{wait}."


def _wrapped(text: str, indent: int) -> Iterator[Line]:
    yield from (Line(line, "note") for line in wrap(text, WIDTH, subsequent_indent=" " * indent))
