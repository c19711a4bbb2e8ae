"""Regimens side by side over their last days: dose, exposure in spinal fluid and blood, steadiness, effect, side effects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from thecal.body.schedule import Grid
from thecal.errors import InputError
from thecal.report.body_lines import body_text
from thecal.report.effects import HONESTY, check_comparable, csf_channel
from thecal.report.figures import drawn, plain
from thecal.report.html import page, scrolling, table
from thecal.report.tables import WIDTH, Line
from thecal.report.words import BANNER, digits_text
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import Case
from thecal.twin.exposure import Exposure
from thecal.twin.trace import Trace

Floats = NDArray[np.float64]

MILD, SEVERE = 2.0, 4.0
"""Ashworth scores without drug for which the effect is worked out beside the patient's own."""
_MINUTES = 10
_WORDS = 32  # columns of the first one
_SAME_DOSE = 0.02
_COLORS = ("#1b4f72", "#d35400", "#148f77", "#7d3c98", "#b7950b", "#5d6d7e")
_SEEN = (
    "plasma_ng_per_ml",
    "legs_ng_per_ml",
    "brain_ng_per_ml",
    "ashworth_legs",
    "spasm_penn",
    "weakness_index",
    "sedation_index",
    "overdose_index",
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A row of the comparison: its name as data and in words, and how many significant digits it is worth."""

    name: str
    words: str
    digits: int = 3


QUANTITIES = (
    Quantity("pump_mcg_per_day", "from the pump, mcg/day"),
    Quantity("oral_mg_per_day", "by mouth, mg/day"),
    Quantity("csf_mean_ng_per_ml", "csf {level}, mean, ng/mL"),
    Quantity("csf_low_ng_per_ml", "csf {level}, lowest, ng/mL"),
    Quantity("csf_high_ng_per_ml", "csf {level}, highest, ng/mL"),
    Quantity("legs_mean_ng_per_ml", "leg cord, mean, ng/mL"),
    Quantity("legs_swing_percent", "leg cord, swing, % of the mean", 2),
    Quantity("brain_mean_ng_per_ml", "brain, mean, ng/mL"),
    Quantity("plasma_mean_ng_per_ml", "plasma, mean, ng/mL", 2),
    Quantity("plasma_high_ng_per_ml", "plasma, highest, ng/mL", 2),
    Quantity("ashworth_without", "Ashworth legs without drug", 2),
    Quantity("ashworth_mean", "Ashworth legs, mean", 2),
    Quantity("ashworth_high", "Ashworth legs, highest", 2),
    Quantity("mild_with", "Ashworth 2 (mild) becomes", 2),
    Quantity("severe_with", "Ashworth 4 (severe) becomes", 2),
    Quantity("spasm_mean", "spasms, Penn, mean", 2),
    Quantity("weakness_high", "weakness index, highest", 2),
    Quantity("sedation_high", "drowsiness index, highest", 2),
    Quantity("overdose_high", "overdose index, highest", 2),
)


@dataclass(frozen=True, slots=True)
class Compared:
    """A regimen over its last days, and the last of them as curves: hours, leg cord, Ashworth of the legs, plasma."""

    case: Case
    values: dict[str, float]
    hours: Floats
    curves: dict[str, Floats]


def compared(case: Case, trace: Trace, days: int) -> Compared:
    """A regimen over the last days of its case. Raises InputError for a case without a body, or shorter than that."""
    exposure = trace.world.exposure
    check_comparable(case)
    assert exposure is not None  # as checked
    assert case.body is not None
    start = trace.end.s - days * DAY_S
    if start < trace.start.s:
        length = (trace.end.s - trace.start.s) // DAY_S
        raise InputError("--days", str(days), f"is more than {case.name} lasts", accepted=(f"1 to {length}",) if length else ())
    csf = csf_channel(case)
    grid = Grid.over(start, trace.end.s, _MINUTES * 60)
    response = exposure.response(grid, (csf, *_SEEN))
    seen = {name: channel[0] for name, channel in response.values.items()}
    (_, first), (_, last) = trace.delivered_at([Instant(start), trace.end])
    before = float(case.body.patient["legs_ashworth"][0])
    legs, ashworth = seen["legs_ng_per_ml"], seen["ashworth_legs"]
    spared = float(((before - ashworth) / (before - 1)).mean()) if before > 1 else 0.0
    values = {
        "pump_mcg_per_day": (last - first) / 1e6 / days,
        "oral_mg_per_day": _by_mouth(exposure, start, trace.end.s) / days,
        "csf_mean_ng_per_ml": seen[csf].mean(),
        "csf_low_ng_per_ml": seen[csf].min(),
        "csf_high_ng_per_ml": seen[csf].max(),
        "legs_mean_ng_per_ml": legs.mean(),
        "legs_swing_percent": 100 * (legs.max() - legs.min()) / legs.mean() if legs.mean() else 0.0,
        "brain_mean_ng_per_ml": seen["brain_ng_per_ml"].mean(),
        "plasma_mean_ng_per_ml": seen["plasma_ng_per_ml"].mean(),
        "plasma_high_ng_per_ml": seen["plasma_ng_per_ml"].max(),
        "ashworth_without": before,
        "ashworth_mean": ashworth.mean(),
        "ashworth_high": ashworth.max(),
        "mild_with": MILD - (MILD - 1) * spared,
        "severe_with": SEVERE - (SEVERE - 1) * spared,
        "spasm_mean": seen["spasm_penn"].mean(),
        "weakness_high": seen["weakness_index"].max(),
        "sedation_high": seen["sedation_index"].max(),
        "overdose_high": seen["overdose_index"].max(),
    }
    day = DAY_S // grid.step_s + 1
    curves = {name: seen[name][-day:] for name in ("legs_ng_per_ml", "ashworth_legs", "plasma_ng_per_ml")}
    return Compared(case, {name: float(value) for name, value in values.items()}, np.linspace(0, 24, day), curves)


def _by_mouth(exposure: Exposure, start: int, end: int) -> float:
    """The mg by mouth between two instants."""
    total = 0.0
    for tablets in exposure.doses(Instant(end)).tablets:
        for time, mg in zip(tablets.times_s, tablets.mg, strict=True):
            first, last = tablets.start_s + time, min(tablets.end_s, end)
            total += float(mg) * len([at for at in range(first, last, tablets.period_s) if at >= start])
    return total


def cautions(regimens: Sequence[Compared]) -> Iterator[str]:
    """What makes the regimens unequal beside the way in which they are given."""
    doses = [one.values["pump_mcg_per_day"] for one in regimens if one.values["pump_mcg_per_day"]]
    if doses and max(doses) - min(doses) > _SAME_DOSE * max(doses):
        yield f"The pumps do not give the same dose: {digits_text(min(doses))} to {digits_text(max(doses))} mcg/day."
    bodies = {body_text(one.case) for one in regimens}
    if len(bodies) > 1:
        yield f"The bodies differ: {'; '.join(sorted(bodies))}."
    levels = {one.case.geometry.tip_level for one in regimens if one.values["pump_mcg_per_day"]}
    if len(levels) > 1:
        yield f"The catheter tips differ: {', '.join(sorted(levels))}."


def rows(regimens: Sequence[Compared]) -> Iterator[tuple[str, list[str]]]:
    """(the quantity in words, its value in each regimen)."""
    levels = "/".join(dict.fromkeys(one.case.geometry.tip_level for one in regimens))
    for quantity in QUANTITIES:
        values = [one.values[quantity.name] for one in regimens]
        none = "-" if quantity.name.endswith("_per_day") else "0"
        yield quantity.words.format(level=levels), [digits_text(value, quantity.digits) if value else none for value in values]


def comparison_lines(regimens: Sequence[Compared], days: int) -> Iterator[Line]:
    """As text, a column for each regimen."""
    width = min(24, (WIDTH - _WORDS) // len(regimens))
    yield Line(f"The last {days} days of each", "title")
    names = [wrap(one.case.title, width - 2) for one in regimens]
    for n in range(max(len(name) for name in names)):
        heads = (name[n] if n < len(name) else "" for name in names)
        yield Line(" " * _WORDS + "".join(f"{head:>{width}}" for head in heads), "head")
    for words, values in rows(regimens):
        yield Line(f"{words:<{_WORDS}}{''.join(f'{value:>{width}}' for value in values)}")
    yield Line("")
    for text in (*cautions(regimens), *_body(regimens), HONESTY, BANNER):
        yield from (Line(line, "note") for line in wrap(text, WIDTH))


def _body(regimens: Sequence[Compared]) -> Iterator[str]:
    """The body, where it is one; where they differ the cautions say so."""
    bodies = {body_text(one.case) for one in regimens}
    if len(bodies) == 1:
        yield f"The body: {bodies.pop()}."


def comparison_document(regimens: Sequence[Compared], days: int) -> dict[str, Any]:
    """As plain data."""
    return {
        "schema": 1,
        "days": days,
        "regimens": [
            {
                "case": one.case.name,
                "title": one.case.title,
                "tip_level": one.case.geometry.tip_level,
                "body": one.case.body.kind if one.case.body else None,
                **{name: round(value, 6) for name, value in one.values.items()},
            }
            for one in regimens
        ],
        "cautions": list(cautions(regimens)),
        "note": HONESTY,
    }


def comparison_page(regimens: Sequence[Compared], days: int) -> str:
    """As one self-contained page with a figure."""
    cells = ([escape(words), *(escape(value) for value in values)] for words, values in rows(regimens))
    parts = [
        "<h1>Regimens side by side</h1>",
        f'<p class="muted">The last {days} days of each. {escape("".join(_body(regimens)))}</p>',
        f'<p class="banner">{escape(BANNER)} {escape(HONESTY)}</p>',
        *(f'<p class="non-critical">{escape(text)}</p>' for text in cautions(regimens)),
        scrolling("The last 24 hours of each", f"<figure>{_figure(regimens)}</figure>"),
        table(["", *(one.case.title for one in regimens)], cells, {0: "text"}, f"Means and extremes of the last {days} days"),
    ]
    return page("Regimens side by side", parts)


def _figure(regimens: Sequence[Compared]) -> str:
    panels = (("legs_ng_per_ml", "leg cord, ng/mL"), ("ashworth_legs", "Ashworth legs"), ("plasma_ng_per_ml", "plasma, ng/mL"))

    def draw(axes: Sequence[Axes]) -> None:
        for axis, (channel, label) in zip(axes, panels, strict=True):
            for n, one in enumerate(regimens):
                axis.plot(one.hours, one.curves[channel], color=_COLORS[n % len(_COLORS)], lw=1.6, label=one.case.title)
            axis.set_ylabel(label)
            axis.yaxis.set_major_formatter(plain)
            axis.set_ylim(bottom=0)
        axes[1].set_ylim(1, 5)
        axes[0].legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1)
        axes[-1].set_xlabel("hours of the last 24 before the end of each case")
        axes[-1].set_xticks(range(0, 25, 3))

    return drawn(draw, len(panels), 7.4)
