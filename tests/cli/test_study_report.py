"""``thecal study report``: of made-up results, as text, data and page."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from tests.study.made_up import MadeUpProtocol, made_up
from thecal.cli.study_report import report
from thecal.errors import InputError
from thecal.study import result


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The command, of results that are made up."""
    tables = made_up(30)
    manifest = {"failures": [], "versions": {"thecal": "0.1.0"}}
    made = SimpleNamespace(table=tables.__getitem__, protocol=MadeUpProtocol(patients=30), manifest=manifest, missing=0)
    monkeypatch.setattr(result, "Result", SimpleNamespace(open=lambda _: made))
    app = typer.Typer()
    app.command("report")(report)
    return app


def test_text_data_and_page(told: typer.Typer, tmp_path: Path) -> None:
    page = tmp_path / "study.html"
    text = CliRunner().invoke(told, ["somewhere", "--html", str(page)])
    assert text.exit_code == 0
    assert "change of the Ashworth score of the legs, points (primary)" in text.output
    assert page.read_text(encoding="utf-8").count("<figure>") == 6
    data = CliRunner().invoke(told, ["somewhere", "--json"])
    assert data.exit_code == 0
    assert json.loads(data.output)["protocol"]["seed"] == 7


def test_a_study_that_is_not_whole(told: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No report of a part of the patients; what to do next is said."""
    made = SimpleNamespace(manifest={"blocks": 9}, missing=2)
    monkeypatch.setattr(result, "Result", SimpleNamespace(open=lambda _: made))
    with pytest.raises(InputError, match=r"2 of 9 blocks are missing\. Did you mean thecal study resume somewhere"):
        CliRunner().invoke(told, ["somewhere"], catch_exceptions=False)


def test_a_folder_that_holds_no_study(tmp_path: Path) -> None:
    """Said in words, with the exit code of bad input."""
    from tests.command import inside

    ended = inside("study", "report", tmp_path)
    assert ended.returncode == 2
    assert "holds no study" in ended.stderr
