"""The figures of the documentation, drawn from the code: ``make figures`` writes them anew."""

from collections.abc import Callable

from tests.command import ROOT
from thecal.pump.sheet import pump_sheet
from thecal.report.body_figures import effects_figure
from thecal.report.diagrams import alarms_diagram, modes_diagram
from thecal.report.effects import effects_of
from thecal.report.figures import course_figure
from thecal.twin.case import read_case
from thecal.twin.run import run
from thecal.twin.trace import Record

FOLDER = ROOT / "docs" / "figures"


def course(name: str) -> str:
    case = read_case(ROOT / "scenarios" / f"{name}.toml")
    return course_figure(case, run(case.world, case.source, case.until, Record(policy=case.policy)))


def body(name: str) -> str:
    case = read_case(ROOT / "scenarios" / f"{name}.toml")
    effects = effects_of(case, run(case.world, case.source, case.until, Record(policy=case.policy)))
    assert effects is not None
    return effects_figure(case, effects)


FIGURES: dict[str, Callable[[], str]] = {
    "first-year": lambda: course("first-year"),
    "first-year-body": lambda: body("first-year"),
    "modes": modes_diagram,
    "alarms": lambda: alarms_diagram(pump_sheet("synchromed-ii-40")),
}


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        (FOLDER / f"{name}.svg").write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    write()
