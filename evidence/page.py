"""The bundle as one HTML page that loads nothing."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from evidence.documents import html_of, line_html
from thecal.report.html import page, table

_RESULTS = {"passed": "done", "failed": "critical", "not run": "non-critical", "no test": "critical"}
_STROKES = "Continuous flow replaces motor strokes: no dose comes in steps here, and no accuracy of a real pump is claimed."


def page_text(made: Mapping[str, Any], figure: str) -> str:
    """The page."""
    body = [
        "<h1>Evidence</h1>",
        f'<p class="muted">{escape(", ".join(f"{key} {value}" for key, value in made["versions"].items()))}</p>',
        f'<p class="banner">{escape(made["banner"])} {_STROKES}</p>',
        *_problems(made["problems"]),
        "<h2>Intended use</h2>",
        html_of(made["intended_use"]),
        "<h2>What it is not</h2>",
        html_of(made["what_it_is_not"]),
        *_hazards(made),
        *_requirements(made["requirements"], made["tests"]),
        *_dependencies(made["dependencies"]),
        "<h2>Known anomalies</h2>",
        _dicts(made["anomalies"], "What is known to be wrong or missing"),
        "<h2>Deviations from real pumps</h2>",
        _dicts(made["deviations"], "Where thecal differs, and why"),
        *_profiles(made["profiles"]),
        *_decisions(made["decisions"], made["tables"]),
        "<h2>Surviving mutants</h2>",
        f"<p>{made['mutants']['survived']} survive. What docs/mutation.md says of them:</p>",
        html_of(_below_title(made["mutation"])),
        *_accuracy(made["accuracy"], figure),
    ]
    return page("Evidence", body)


def _problems(problems: Sequence[str]) -> list[str]:
    if not problems:
        return ['<p class="done">Nothing in this bundle is missing or failed.</p>']
    return [
        '<p class="critical">This bundle is not whole:</p>',
        f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in problems)}</ul>",
    ]


def _hazards(made: Mapping[str, Any]) -> list[str]:
    scale = "".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in made["severity"].items())
    heads = ("hazard", "what happened", "cause", "severity", "control", "test", "result", "residual risk, and what is open")
    rows = [
        (
            row["hazard"],
            f"<b>{escape(row['title'])}</b><br>{escape(row['happened'])}<br><span class='muted'>{escape(row['source'])}</span>",
            escape(row["cause"]),
            escape(row["severity"]),
            ", ".join(f'<span class="time">{control["id"]}</span>' for control in row["controls"]) or "none",
            _tests(row["controls"]) + _own(row),
            _result(row["result"]),
            escape(row["residual"])
            + (f"<br><span class='non-critical'>open:</span> {escape(row['open'])}" if row["open"] else ""),
        )
        for row in made["hazards"]
    ]
    classes = dict.fromkeys(range(8), "text") | {1: "text what", 2: "text what", 7: "text what"}
    return [
        "<h2>Hazards: cause, severity, control, test, result, residual risk</h2>",
        f"<p>Severity is that of the harm as reported:</p><dl>{scale}</dl>",
        table(heads, rows, classes, "Hazards and what answers them"),
    ]


def _tests(controls: Iterable[Mapping[str, Any]]) -> str:
    """The tests of all controls, each once, folded away behind their number."""
    tests = {test["test"]: test for control in controls for test in control["tests"]}
    items = "".join(f"<li>{escape(name)}: {escape(test['result'])}, {test['cases']}</li>" for name, test in sorted(tests.items()))
    return f"<details><summary>{len(tests)}</summary><ul>{items}</ul></details>" if tests else "none"


def _own(row: Mapping[str, Any]) -> str:
    """The test that holds the answer itself: a re-enactment, or a law."""
    return f"<br><span class='muted'>{escape(row['test'])}:</span> {_result(row['test_result'])}" if row["test"] else ""


def _result(result: str) -> str:
    return f'<span class="{_RESULTS[result]}">{escape(result)}</span>'


def _requirements(rows: Sequence[Mapping[str, Any]], tests: Mapping[str, int]) -> list[str]:
    counted = ", ".join(f"{count} {word}" for word, count in sorted(tests.items()))
    cells = [(row["id"], escape(row["shall"]), str(row["tests"]), _result(row["result"])) for row in rows]
    return [
        "<h2>Requirements of pump, programmer, bench and hazards</h2>",
        f"<p>Cases of tests: {escape(counted)}. What is not run takes longer, and is run by <code>make test-long</code>.</p>",
        table(("id", "it shall", "tests", "result"), cells, {0: "text", 1: "text", 3: "text"}, "Requirements and their tests"),
    ]


def _dependencies(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        "<h2>Dependencies</h2>",
        "<p>What is installed to run thecal on the machine that made this; the hashes are in sbom.cdx.json.</p>",
        _dicts(rows, "Packages by locks/core.txt"),
    ]


def _profiles(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    cells = [
        (row["profile"], row["kind"], str(row["values"]), *(str(row["confidence"][key]) for key in ("U", "D"))) for row in rows
    ]
    weak = "".join(
        f"<details><summary>{escape(row['profile'])}: {len(row['weak'])}</summary>{_dicts(row['weak'], row['profile'])}</details>"
        for row in rows
        if row["weak"]
    )
    return [
        "<h2>What the data sheets do not know</h2>",
        "<p>U: no source was found, a setting to check against the real device. D: arithmetic, or a design of thecal.</p>",
        table(("profile", "kind", "values", "U", "D"), cells, {0: "text", 1: "text"}, "Values by profile"),
        weak,
    ]


def _decisions(files: Sequence[Mapping[str, Any]], tables: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        (
            row["file"],
            f"{row['covered_lines']} of {row['num_statements']}",
            f"{row['covered_branches']} of {row['num_branches']}",
        )
        for row in files
    ]
    entries = [(row["table"], str(row["entries"]), escape("; ".join(row["idle"])) or "none") for row in tables]
    return [
        "<h2>Decision coverage</h2>",
        "<p>Branches that the tests of pump and programmer took, by coverage.py. A decision made of several conditions counts "
        "as taken both ways when the whole of it was. Modes and alarms decide by tables and not by branches; so their entries "
        "are counted as well, each exercised by some test.</p>",
        table(("file", "statements", "branches"), lines, {0: "text"}, "Statements and branches taken"),
        table(("table", "entries", "not exercised"), entries, {0: "text", 2: "text"}, "Entries of the tables"),
    ]


def _accuracy(rows: Sequence[Mapping[str, Any]], figure: str) -> list[str]:
    cells = [
        (escape(row["program"]), str(row["window_h"]), _percent(row["min_percent"]), _percent(row["max_percent"])) for row in rows
    ]
    return [
        "<h2>Accuracy of delivery</h2>",
        "<p>The error of the mean flow over windows of an hour to 14 days, each that begins at a full minute of 21 days. A short "
        "window errs by the rounding to whole nanolitres only, and in a pump that is 2.5 % fast by those 2.5 % besides. "
        "<strong>A real pump's strokes are not modelled</strong>: what it gives in an hour is lumpier than this, and its label "
        "allows 14.5 %.</p>",
        f"<figure>{figure}</figure>",
        table(
            ("program", "window, h", "smallest error, %", "largest error, %"), cells, {0: "text"}, "Smallest and largest error"
        ),
    ]


def _dicts(rows: Sequence[Mapping[str, Any]], caption: str) -> str:
    """A table of rows whose keys are its columns."""
    heads = tuple(rows[0]) if rows else ()
    cells = [tuple(line_html(str(row[head])) for head in heads) for row in rows]
    return table(heads, cells, dict.fromkeys(range(len(heads)), "text"), caption)


def _percent(value: float) -> str:
    """To three digits; what is exactly none is 0."""
    return f"{value:+.3g}" if value else "0"


def _below_title(text: str) -> str:
    return text.partition("\n")[2] if text.startswith("# ") else text
