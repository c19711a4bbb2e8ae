"""The body's course as text and as plain data."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

import numpy as np

from thecal.body.patient import PARAMETERS, patient_sheet
from thecal.report.effects import HONESTY, SEEN, BodyRow, Effects
from thecal.report.signs import TONE, Episode
from thecal.report.tables import WIDTH, Line
from thecal.report.words import digits_text
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import Case

_INDICES = ("weakness_index", "sedation_index", "overdose_index", "withdrawal_index")
_WIDTHS = (5, 7, 6, 7)
_DAILY = (*SEEN[:2], "ashworth_legs", "spasm_penn", *_INDICES)
BODY_WORDS = {
    "csf": "baclofen in the spinal fluid beside the tip as implanted, the mean of the row",
    "leg cord": "at the cord segments L2 to S2, behind the spinal fluid; the mean of the row",
    "Ashworth": "1 (no increase in tone) to 5 (rigid): the mean of the row, and from the lowest to the highest for the legs",
    "spasms": "spasm frequency, Penn 0 to 4",
    "tolerance": "by how much more the cord needs than at first, at the end of the row: 0.3 is 30 % more",
    "indices": "0 to 1, the highest in the row; settings: their order and time mean something, their size does not",
}


def body_lines(case: Case, effects: Effects) -> Iterator[Line]:
    """The body's course, row by row of the course of therapy, and its signs."""
    assert case.body is not None  # it has a course
    yield Line(f"The body: {body_text(case)}", "title")
    tip = f"csf {case.geometry.tip_level}"
    yield Line(_row("from", tip, "leg cord", "plasma", "Ashworth legs", "arms", "spasms", "toler", "highest index of"), "head")
    indices = "".join(f"{name:>{width}}" for name, width in zip(("weak", "drowsy", "overd", "withdr"), _WIDTHS, strict=True))
    yield Line(_row("", "ng/mL", "ng/mL", "ng/mL", "mean  low  high", "", "Penn", "ance", indices), "head")
    for row in effects.rows:
        yield Line(_figures(case, row), "row")
    yield Line("")
    for episode in effects.episodes:
        for text in wrap(episode_text(episode, case), WIDTH, subsequent_indent="   "):
            yield Line(text, "unsensed")
    if effects.episodes:
        yield Line("")
    for word, meaning in BODY_WORDS.items():
        yield from (Line(text, "note") for text in wrap(f"{word:<13}{meaning}", WIDTH, subsequent_indent=" " * 13))
    yield from (Line(text, "note") for text in wrap(HONESTY, WIDTH))
    yield Line("")


def body_text(case: Case) -> str:
    """The kind of patient, and what the case gives itself."""
    assert case.body is not None
    values = (f"{name} {case.body.patient[name][0]:g} {PARAMETERS[name].unit}".rstrip() for name in case.body.given)
    given = "; of its own: " + ", ".join(values) if case.body.given else ""
    return f"{patient_sheet(case.body.kind).title} ({case.body.kind}){given}"


def _figures(case: Case, row: BodyRow) -> str:
    tone = f"{row.ashworth_legs:.1f}  {row.ashworth_legs_min:.1f}  {row.ashworth_legs_max:.1f}"
    indices = (row.weakness_index_max, row.sedation_index_max, row.overdose_index_max, row.withdrawal_index_max)
    return _row(
        row.course.interval.start.local_text(case.zone),
        digits_text(row.csf_ng_per_ml),
        digits_text(row.legs_ng_per_ml),
        digits_text(row.plasma_ng_per_ml, 2),
        tone,
        f"{row.ashworth_arms:.1f}",
        f"{row.spasm_penn:.1f}",
        f"{row.tolerance:.2f}",
        "".join(f"{index:>{width}.2f}" for index, width in zip(indices, _WIDTHS, strict=True)),
    )


def _row(*cells: str) -> str:
    at, csf, legs, plasma, tone, arms, spasms, tolerance, indices = cells
    return f"{at:<19}{csf:>8}{legs:>9}{plasma:>7} {tone:>15}{arms:>5}{spasms:>7}{tolerance:>6} {indices:>24}".rstrip()


def episode_text(episode: Episode, case: Case) -> str:
    """A sign in words."""
    worst = f"Ashworth of the legs {episode.worst:.1f}" if episode.kind == TONE else f"index {episode.worst:.2f}"
    until = "the end of the case" if episode.lasting else episode.end.local_text(case.zone)
    at = episode.worst_at.local_text(case.zone)
    return f"** {episode.kind}: from {episode.start.local_text(case.zone)} to {until}, at its worst on {at} ({worst})"


def body_document(case: Case, effects: Effects) -> dict[str, Any]:
    """The body's course as plain data: ``{kind, parameters, rows, signs, days, note}``."""
    assert case.body is not None
    return {
        "kind": case.body.kind,
        "given": list(case.body.given),
        "parameters": {name: float(case.body.patient[name][0]) for name in PARAMETERS},
        "rows": [_row_document(row, case) for row in effects.rows],
        "signs": [_sign_document(episode, case) for episode in effects.episodes],
        "days": list(_days(effects, case)),
        "note": HONESTY,
    }


def _row_document(row: BodyRow, case: Case) -> dict[str, Any]:
    values = {name: round(float(getattr(row, name)), 6) for name in BodyRow.__slots__ if name != "course"}
    return {"start_local": row.course.interval.start.local_text(case.zone), **values}


def _sign_document(episode: Episode, case: Case) -> dict[str, Any]:
    return {
        "kind": episode.kind,
        "start_utc": episode.start.utc_text(),
        "end_utc": episode.end.utc_text(),
        "start_local": episode.start.local_text(case.zone),
        "worst_local": episode.worst_at.local_text(case.zone),
        "worst": round(episode.worst, 6),
        "lasting": episode.lasting,
    }


def _days(effects: Effects, case: Case) -> Iterator[dict[str, Any]]:
    """The mean of each channel over each 24 h from the start of the case; the highest of each index."""
    per_day = DAY_S // effects.grid.step_s
    for first in range(0, effects.grid.count - per_day, per_day):
        day = slice(first, first + per_day)
        at = Instant(effects.grid.start_s + first * effects.grid.step_s)
        values = {name: effects[name][day] for name in (effects.csf, *_DAILY)}
        yield {
            "start_local": at.local_text(case.zone),
            **{
                name: round(float(np.max(channel) if name in _INDICES else np.mean(channel)), 6)
                for name, channel in values.items()
            },
        }
