"""A study of the real core through real workers: the same rows for one and two of them, and after a part was lost."""

from pathlib import Path

import pytest

from thecal.study.design import Protocol, read_protocol
from thecal.study.result import Result
from thecal.study.runner import resume_study, run_study

PROTOCOL = """
study = 1
title = "A few weeks"
seed = 5
patients = 6
block = 2
follow_up = "60 days"
endpoints = ["ashworth_change", "dose"]
course = "12 h"
[world]
catheter_per_year = "4 /year"
[[arm]]
name = "gentle"
policy = "gentle.py:gentle"
first_dose = "100 mcg/day"
[[arm]]
name = "label"
policy = "label"
screening = true
"""
GENTLE = """
from thecal.study.policy import continuous

def gentle(history):
    if history.mcg_per_day and history.since_implant:
        return continuous(1.05 * history.mcg_per_day)
"""


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """With a policy of its own, which the workers have to be told of."""
    folder = tmp_path_factory.mktemp("protocol")
    (folder / "gentle.py").write_text(GENTLE, encoding="utf-8")
    (folder / "weeks.toml").write_text(PROTOCOL, encoding="utf-8")
    return read_protocol(folder / "weeks.toml")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of rows, by its place."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


@pytest.mark.long
def test_rows_are_the_same_for_one_and_two_workers_and_after_a_loss(protocol: Protocol, tmp_path: Path) -> None:
    """To the last byte of every file."""
    alone, pair = tmp_path / "alone", tmp_path / "pair"
    assert run_study(protocol, alone, workers=1)["failures"] == []
    run_study(protocol, pair, workers=2)
    assert len(contents(alone)) == 3 * 4
    assert contents(pair) == contents(alone)
    for lost in (pair / "patients", pair / "visits"):
        next(iter(sorted(lost.glob("*.parquet")))).unlink()
    resume_study(pair, workers=1)
    assert contents(pair) == contents(alone)
    patients = Result.open(pair).table("patients")
    assert sorted(patients["patient"].tolist()) == sorted([*range(6)] * 2)
