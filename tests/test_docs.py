"""The documentation is true: its commands run, its outputs are what comes out, and nothing is left out of it."""

import ast
import doctest
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest

import thecal as public
from tests.command import ROOT
from tests.command import inside as thecal
from tests.figures import FIGURES, FOLDER
from thecal.catheter.faults import CatheterFault
from thecal.cli.bench import bench
from thecal.cli.calc import calc
from thecal.cli.clinic import clinic
from thecal.cli.drill import drill
from thecal.cli.main import app
from thecal.cli.plan import plan
from thecal.cli.study import study
from thecal.datum import CONFIDENCE
from thecal.pump.alarms import ALARMS
from thecal.pump.messages import Fault, Resistance
from thecal.pump.modes import COMMANDS, MODES, REFUSED, TABLE
from thecal.pump.sheet import pump_sheets
from thecal.therapy.check import Topic
from thecal.twin.clinic_file import ClinicTable
from thecal.twin.document import CaseTable, ChartTable, LookTable, known_keys
from thecal.twin.events import EVENT_TABLES
from thecal.twin.fact_tables import FACT_TABLES
from thecal.twin.mishaps import TRUTH_TABLES
from thecal.twin.programs import PatientBolusTable

SOURCE = ROOT / "src" / "thecal"
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {path.name: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]}
ONE_COURSE = ("thecal bench", "thecal study")
"""A block with one of these is one course, its commands one after another: test_documented.py of the room runs it."""
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(text) if kind == language]


def shown_commands() -> list[tuple[str, str, str]]:
    """(document, command, the output that is shown) of every console block."""
    commands = []
    for name, text in DOCS.items():
        for body in blocks(text, "console"):
            if any(begins in body for begins in ONE_COURSE):
                continue
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                if command.startswith("thecal "):
                    commands.append((name, command, output.strip("\n")))
    return commands


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the scenarios and the tutorial's case and order in it."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    (tmp_path / "studies").symlink_to(ROOT / "studies")
    written = blocks(DOCS["tutorial.md"], "toml")
    for name, text in (("mine.toml", written[0]), ("order.toml", written[-1])):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("name", "command", "output"), shown_commands(), ids=lambda value: str(value)[:60])
def test_every_documented_command_runs(desk: Path, name: str, command: str, output: str) -> None:
    """As shown, with the exit code that is shown, and with the output that is shown."""
    written, _, comment = command.partition("  #")
    result = thecal(*shlex.split(written)[1:], cwd=desk)
    expected = re.search(r"exits with ([0-9])", comment)
    assert result.returncode == (int(expected[1]) if expected else 0), f"{name}: {result.stderr}"
    if output:
        assert (result.stdout + result.stderr).strip() == output


def test_there_are_enough_of_them() -> None:
    """The test above has something to run."""
    assert len(shown_commands()) >= 15


def test_the_readme_shows_what_make_run_prints() -> None:
    """The first year, to the letter."""
    assert blocks(README, "text") == [thecal("run", "scenarios/first-year.toml").stdout]


def test_the_readme_s_first_screen() -> None:
    """What it is, two commands and a picture, in that order, before the first heading below."""
    first = README[: README.index("\n## ")]
    order = [first.index(piece) for piece in ("in software", "$ make run", "$ make test", "docs/figures/first-year.svg")]
    assert order == sorted(order)
    assert len(first.splitlines()) < 25


def test_the_readme_s_python_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight lines of the public interface."""
    (code,) = blocks(README, "python")
    assert len([line for line in code.splitlines() if line.strip()]) == 8
    monkeypatch.chdir(ROOT)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  # the README's own lines
    out = capsys.readouterr().out
    assert "2025-11-25 flex 228 mcg/day 233.7 mcg/day" in out
    assert "ECRI 26 Mar 2014" in out


def test_the_python_of_the_body_s_page_gives_what_it_shows() -> None:
    """Line by line."""
    (shown,) = blocks(DOCS["body.md"], "pycon")
    example = doctest.DocTestParser().get_doctest(shown, {}, "body.md", "body.md", 0)
    assert len(example.examples) > 5
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_the_trial_arm_of_the_body_s_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Both prints show the distribution at five levels, rising."""
    (code,) = blocks(DOCS["body.md"], "python")
    exec(compile(code, "body.md", "exec"), {})  # noqa: S102  # the page's own lines
    shown = [ast.literal_eval(line) for line in capsys.readouterr().out.splitlines()]
    assert len(shown) == 2
    for quantiles in shown:
        assert list(quantiles) == sorted(quantiles)
        assert list(quantiles.values()) == sorted(quantiles.values())


@pytest.mark.parametrize("name", FIGURES)
def test_the_figures_are_drawn_from_the_code(name: str) -> None:
    """What is committed is what make figures draws."""
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == FIGURES[name]()


def test_the_tutorial_s_case_grows_as_it_says(tmp_path: Path) -> None:
    """Its pieces, put together, run; its mistake is refused by the rule that it names."""
    case, night, world, *_ = blocks(DOCS["tutorial.md"], "toml")
    gain, refill = world.split("\n\n", maxsplit=1)
    head, events = case[: case.index("[[event]]")], case[case.index("[[event]]") :]
    whole = tmp_path / "mine.toml"
    whole.write_text(f"{head}{gain}\n{events}\n{night}\n{refill}", encoding="utf-8")
    result = thecal("run", whole)
    assert (result.returncode, result.stderr) == (0, "")
    whole.write_text(f"{case}\n{night.replace('50 mcg', '60 mcg')}", encoding="utf-8")
    result = thecal("run", whole)
    assert result.returncode == 1
    assert "ORD-01" in result.stdout


def test_the_tutorial_s_mistake_is_answered_as_it_says(desk: Path) -> None:
    """Line, field, text, what is accepted and what was meant."""
    case = desk / "mine.toml"
    case.write_text(case.read_text(encoding="utf-8").replace("100 mcg/day", "100"), encoding="utf-8")
    assert [thecal("run", case).stderr] == blocks(DOCS["tutorial.md"], "text")


def test_the_weekly_case_of_the_docs_runs(desk: Path) -> None:
    """The week that docs/cases.md shows, after the tutorial's case."""
    _, week = blocks(DOCS["cases.md"], "toml")
    case = desk / "mine.toml"
    case.write_text(f"{case.read_text(encoding='utf-8')}\n{week}", encoding="utf-8")
    result = thecal("run", case)
    assert result.returncode == 0
    assert "117.14" in result.stdout  # five days of 120 and two of 110


def test_the_order_of_the_docs_is_written(tmp_path: Path) -> None:
    """The order file that docs/cases.md shows, on the pump of a scenario."""
    order, _ = blocks(DOCS["cases.md"], "toml")
    (tmp_path / "order.toml").write_text(order, encoding="utf-8")
    result = thecal(
        "program", "scenarios/update-during-bridge.toml", "--at", "2026-04-06 09:00", "--order", tmp_path / "order.toml"
    )
    assert result.returncode == 0, result.stderr
    assert "WRITTEN AND READ BACK" in result.stdout


def test_every_verb_is_in_the_reference() -> None:
    """Each command and each calculation."""
    verbs = [command.callback.__name__ for command in app.registered_commands if command.callback]
    for name, group in (("calc", calc), ("bench", bench), ("drill", drill), ("study", study), ("clinic", clinic)):
        verbs += [f"{name} {each.name or each.callback.__name__}" for each in group.registered_commands if each.callback]
    assert len(verbs) == 51
    assert not [verb for verb in verbs if f"`thecal {verb}" not in DOCS["reference.md"]]


def test_every_event_and_public_name_is_in_the_reference() -> None:
    """Nothing public is undocumented."""
    for kind in ALARMS:
        assert f"| {kind.name} alarm | {kind.severity} | {kind.begins} |" in DOCS["reference.md"]
        assert f"| {kind.name} | {kind.severity} | {kind.begins} | {kind.ends} |" in DOCS["device.md"]
    assert not [name for name in public.__all__ if f"`{name}`" not in DOCS["reference.md"]]


def told_kinds() -> set[str]:
    """Every kind of event that the source makes, as far as it stands there as text, and every fault by name."""
    rooms = [path.read_text(encoding="utf-8") for room in ("pump", "twin") for path in (SOURCE / room).glob("*.py")]
    return {kind for text in rooms for kind in re.findall(r"Event\((?:[a-z_.]+), \"([a-z ]+)\"", text)} | {
        fault.name for fault in (*get_args(Fault), *get_args(CatheterFault)) if fault is not Resistance
    }


def test_every_kind_of_event_is_in_the_reference() -> None:
    """What a run may print, the reference explains."""
    kinds = told_kinds()
    assert len(kinds) > 20
    assert not [kind for kind in kinds if kind not in DOCS["reference.md"]]


def test_every_key_of_a_case_is_in_the_docs() -> None:
    """Tables, kinds, keys and modes."""
    keys = set(EVENT_TABLES) | set(TRUTH_TABLES) | set(known_keys((), {})) | set(PatientBolusTable.model_fields)
    for table in (*CaseTable.model_fields, "program"):
        keys |= set(known_keys((table,), {}))
    for path, kinds in ((("event", 0), EVENT_TABLES), (("world", "event", 0), TRUTH_TABLES)):
        for kind in kinds:
            keys |= set(known_keys(path, {"kind": kind}))
    assert len(keys) > 90
    assert not [key for key in keys if not re.search(rf"\b{key}\b", DOCS["cases.md"])]


def test_every_key_of_a_chart_is_in_the_docs() -> None:
    """Kinds of facts and their keys, topics, plans, and the keys of a clinic file."""
    keys = set(FACT_TABLES) | set(ChartTable.model_fields) | set(LookTable.model_fields) | set(ClinicTable.model_fields)
    for table in FACT_TABLES.values():
        keys |= set(table.model_fields)
    assert len(keys) > 60
    assert not [key for key in keys if not re.search(rf"\b{key}\b", DOCS["charts.md"])]
    names = [*get_args(Topic), *(command.callback.__name__ for command in plan.registered_commands if command.callback)]
    assert not [name for name in names if f"`{name}`" not in DOCS["therapy.md"]]


def test_the_documents_of_the_charts_page_are_read(tmp_path: Path) -> None:
    """The chart and the clinic file that it shows."""
    chart, clinic = (tmp_path / name for name in ("chart.toml", "clinic.toml"))
    for path, text in zip((chart, clinic), blocks(DOCS["charts.md"], "toml"), strict=True):
        path.write_text(text, encoding="utf-8")
    result = thecal("check", chart, "--clinic", clinic, "--topic", "coverage")
    assert (result.returncode, result.stderr) == (0, "")
    assert "UK-CBA" in result.stdout


def test_the_tables_of_modes_are_in_the_docs() -> None:
    """One row a mode with its entry for every command, and every reason."""
    for mode in MODES:
        assert f"| {mode} | {' | '.join(TABLE[mode, command] for command in COMMANDS)} |" in DOCS["device.md"]
    for entry, (rule, limit, _) in REFUSED.items():
        assert f"| {entry} | {rule} | {limit} |" in DOCS["device.md"]


def test_every_scenario_is_in_the_docs() -> None:
    """Each with what it shows."""
    for scenario in (ROOT / "scenarios").glob("*.toml"):
        assert f"[{scenario.stem}](../scenarios/{scenario.name}) | " in DOCS["cases.md"]


def test_marks_and_sheets_are_explained() -> None:
    """Each confidence mark stands in the glossary."""
    line = next(line for line in DOCS["glossary.md"].splitlines() if line.startswith("| confidence"))
    assert all(re.search(rf"\b{mark} ", line) for mark in CONFIDENCE)
    families = {"reference", "synchromed-ii", "synchromed-iii", "prometra-i", "prometra-ii", "medstream", "isomed-8472"}
    assert {re.sub(r"-[0-9]+(-[0-9]+)?$", "", name) for name in pump_sheets()} == families


@pytest.mark.parametrize("path", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    """Relative links name files that exist."""
    targets = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (path.parent / target).exists()]
