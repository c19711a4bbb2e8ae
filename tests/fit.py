"""The fit of the body to the calibration rows, and its figures: ``python -m tests.fit`` prints one and draws the other anew.

A few minutes. What it found is written down in docs/decisions/0011-the-body.md.
"""

import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from warnings import catch_warnings, simplefilter

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.figures import FOLDER
from thecal.body.patient import PARAMETERS, typical
from thecal.datum import read_data
from thecal.report.figures import STYLE
from thecal.report.words import number_text
from thecal.study.calibration import ROWS, VARIANTS, Fit, bodies_of, fit, residuals, starting_points
from thecal.study.protocols import TYPICAL

STARTS, SEED = 5, 1
LOOKED_AT = ("K1", "K2", "K3", "K5", "K9")
COLORS = {"sheet": "#7f8c8d", "one dispersion": "#1b4f72", "dispersion rising cranially": "#8e44ad", "both": "#b03a2e"}
COLORS |= {"reversible uptake by cord tissue": "#d35400"}
MARKS = {"sheet": "D", "one dispersion": "o", "dispersion rising cranially": "^", "reversible uptake by cord tissue": "s"}
MARKS |= {"both": "x"}


def fitted() -> dict[str, list[Fit]]:
    """Every variant from every starting point, best first."""
    found = {}
    for variant in VARIANTS:
        fits = [fit(variant, start) for start in starting_points(variant, STARTS, SEED)]
        found[variant.name] = sorted(fits, key=lambda one: one.squares)
    return found


def answers(values: Mapping[str, float], rows: Sequence[str]) -> dict[str, float]:
    """What rows are for the typical patient with some values."""
    body = bodies_of({name: np.array([value]) for name, value in values.items()}) if values else typical()
    return {row: float(TYPICAL[row](body)[0]) for row in rows}


def told(found: dict[str, list[Fit]]) -> Iterator[str]:
    """The report."""
    sheet = np.log([[typical()[name][0] for name in VARIANTS[0].names]])
    yield f"the sheet: sum of squares {float((residuals(VARIANTS[0], sheet) ** 2).sum()):.3f}"
    for name, fits in found.items():
        best = fits[0]
        known, estimated = best.penalties
        yield ""
        yield f"{name}: {len(best.variant.names)} parameters, {len(ROWS)} rows, from {len(fits)} starting points"
        yield f"  sums of squares {', '.join(f'{one.squares:.4f}' for one in fits)}"
        yield f"  Akaike {known:.2f} with the rows' widths as errors, {estimated:.2f} with errors from the residuals"
        for parameter in best.variant.names:
            ends = ", ".join(f"{one.values[parameter]:.4g}" for one in fits)
            yield f"  {parameter:<28}{ends} {PARAMETERS[parameter].unit}"
        yield "  " + ", ".join(f"{row} {best.models[row]:.4g} ({best.residuals[row]:+.2f})" for row in ROWS)
        yield "  singular values " + ", ".join(f"{value:.3g}" for value in best.singular_values)
        blind = {key: part for key, part in best.blind.items() if abs(part) > 0.1}
        yield "  the rows say least of " + ", ".join(f"{part:+.2f} {key}" for key, part in blind.items())
        yield "  correlated: " + "; ".join(correlated(best))
        looked = answers(best.values, LOOKED_AT)
        yield "  looked at: " + ", ".join(f"{row} {value:.3g}" for row, value in looked.items())


def correlated(best: Fit) -> Iterator[str]:
    """Pairs of estimates that go together."""
    names, matrix = best.variant.names, best.correlations
    for one, other in combinations(range(len(names)), 2):
        if abs(matrix[one, other]) > 0.5:
            yield f"{names[one]} and {names[other]} {matrix[one, other]:+.2f}"


def rows_figure(found: dict[str, list[Fit]]) -> str:
    """Every row over what is published, for the sheet and the best fit of each variant."""
    tables = read_data("validation", "rows")
    models = {"sheet": answers({}, (*ROWS, *LOOKED_AT))}
    models |= {name: {**fits[0].models, **answers(fits[0].values, LOOKED_AT)} for name, fits in found.items()}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 8.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[len(ROWS), len(LOOKED_AT)])
        for axes, rows, title in ((above, ROWS, "Fitted"), (below, LOOKED_AT, "Looked at, not fitted")):
            for place, row in enumerate(rows):
                published, low, high = (tables[row][key] for key in ("published", "low", "high"))
                axes.barh(place, (high - low) / published, left=low / published, height=0.86, color="#eaf2f8")
                for name, model in models.items():
                    at = place + 0.17 * (list(models).index(name) - 2)
                    axes.plot(model[row] / published, at, MARKS[name], color=COLORS[name], ms=4, ls="none")
            axes.set_yticks(range(len(rows)), [f"{row}  {tables[row]['quantity']}" for row in rows])
            axes.invert_yaxis()
            axes.axvline(1, color="#7f8c8d", lw=0.8)
            axes.set_title(title, loc="left", fontweight="bold")
            axes.grid(visible=False, axis="y")
        below.set_xscale("log")
        _ticks(below, (0.25, 0.5, 1, 2, 4))
        below.set_xlabel("model over published; the bar is what is accepted")
        for name in models:
            below.plot([], [], MARKS[name], color=COLORS[name], label=name, ls="none")
        figure.legend(frameon=False, loc="outside lower center", ncols=3)
        return svg(figure)


def starts_figure(found: dict[str, list[Fit]]) -> str:
    """Where each starting point ended: what the rows decide is one point."""
    shown = ["one dispersion", "reversible uptake by cord tissue"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 4.2), layout="constrained")
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        names = found[shown[1]][0].variant.names
        for axes, name in zip(panels, shown, strict=True):
            for one in found[name]:
                over = [one.values[key] / _reference(one, key) for key in one.variant.names]
                axes.plot(over, range(len(over)), MARKS[name], color=COLORS[name], mfc="none", ms=7, ls="none")
            axes.axvline(1, color="#7f8c8d", lw=0.8)
            axes.set_title(name, loc="left", fontweight="bold")
            axes.set_xscale("log")
            axes.set_xlabel("where the fit ended, over the sheet")
            _ticks(axes, (0.5, 1, 2))
        panels[0].set_yticks(
            range(len(names)),
            [key.partition("_per_")[0].partition("_ng")[0].partition("_cm2")[0].replace("_", " ") for key in names],
        )
        panels[0].invert_yaxis()
        return svg(figure)


def _reference(one: Fit, key: str) -> float:
    """The sheet's value, or that from which the fit of what the sheet does not have began."""
    return one.variant.added[key][0] if key in one.variant.added else float(typical()[key][0])


def _ticks(axes: Axes, at: Sequence[float]) -> None:
    axes.set_xticks(at, [number_text(value, 3) for value in at])
    axes.minorticks_off()


def svg(figure: Figure) -> str:
    """As in the other figures: text stays text, and nothing tells when it was drawn."""
    out = io.StringIO()
    with catch_warnings():
        simplefilter("ignore")
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "thecal"})
    text = out.getvalue()
    return text[text.index("<svg") :]


def write() -> None:
    found = fitted()
    sys.stdout.write("\n".join(told(found)) + "\n")
    (FOLDER / "body-fit.svg").write_text(rows_figure(found), encoding="utf-8")
    (FOLDER / "body-starts.svg").write_text(starts_figure(found), encoding="utf-8")


if __name__ == "__main__":
    write()
