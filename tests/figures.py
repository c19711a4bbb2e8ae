"""The figures of the documentation, drawn from the code: ``make figures`` writes them anew."""

from pathlib import Path

from tests.command import ROOT
from thecal.report.figures import course_figure
from thecal.twin.case import read_case
from thecal.twin.run import run
from thecal.twin.trace import Record

FIRST_YEAR = ROOT / "docs" / "figures" / "first-year.svg"


def first_year() -> str:
    case = read_case(ROOT / "scenarios" / "first-year.toml")
    return course_figure(case, run(case.world, case.source, case.until, Record(policy=case.policy)))


def write(path: Path = FIRST_YEAR) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(first_year(), encoding="utf-8")


if __name__ == "__main__":
    write()
