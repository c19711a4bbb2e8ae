"""The studies of the documentation run as they are shown."""

import shlex
from pathlib import Path

import pytest

from tests.command import ROOT
from tests.command import inside as thecal
from tests.test_docs import DOCS, blocks
from thecal.study.block import run_block
from thecal.study.design import read_protocol
from thecal.study.endpoint import ENDPOINTS
from thecal.study.policy import POLICIES
from thecal.study.setting import study_data

SHOWN = [(name, body) for name, text in DOCS.items() for body in blocks(text, "console") if "thecal study" in body]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the protocols in it."""
    (tmp_path / "studies").symlink_to(ROOT / "studies")
    return tmp_path


@pytest.mark.parametrize(("name", "body"), SHOWN, ids=lambda value: str(value)[:30])
def test_the_commands_of_a_block_run_one_after_another(desk: Path, name: str, body: str) -> None:
    """As shown, in one folder."""
    commands = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ thecal")]
    assert commands
    for command in commands:
        ended = thecal(*shlex.split(command)[1:], cwd=desk)
        assert ended.returncode == 0, f"{name}: {command}: {ended.stderr}"


def test_the_protocol_of_the_page_runs(tmp_path: Path) -> None:
    """The first one whole, with the population that is shown after it."""
    first, population = blocks(DOCS["studies.md"], "toml")
    whole = tmp_path / "night.toml"
    whole.write_text(f"{first}\n{population}", encoding="utf-8")
    protocol = read_protocol(whole)
    assert [arm.name for arm in protocol.arms] == ["label", "careful"]
    assert not run_block(protocol, protocol.enrolled()[:4]).failures


def test_every_endpoint_policy_and_setting_is_on_the_page() -> None:
    """By its name."""
    named = (*ENDPOINTS, *POLICIES, *study_data("world"))
    assert not [name for name in named if f"`{name}`" not in DOCS["studies.md"]]


def test_the_policy_of_the_page_runs(tmp_path: Path) -> None:
    """In a protocol beside it."""
    (code,) = blocks(DOCS["studies.md"], "python")
    (tmp_path / "gentle.py").write_text(code, encoding="utf-8")
    protocol = tmp_path / "own.toml"
    text = 'study = 1\ntitle = "Gentle"\nseed = 1\npatients = 2\nfollow_up = "60 days"\nendpoints = ["dose"]\n'
    arm = '[[arm]]\nname = "gentle"\npolicy = "gentle.py:gentle"\nfirst_dose = "100 mcg/day"\n'
    protocol.write_text(text + arm, encoding="utf-8")
    rows = run_block(read_protocol(protocol), range(2))
    assert not rows.failures
    assert max(rows.tables["patients"]["mcg_per_day_last"]) > 100
