"""The conformance kit: the reference passes it on every profile; what is broken is found by the check that is meant for it."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.bench.broken_pumps import CAUGHT
from tests.command import ROOT, inside
from tests.courses import PROGRAMMABLE
from thecal.bench.conformance.lines import LinesSubject
from thecal.bench.conformance.run import ALL_CHECKS, conformance
from thecal.bench.conformance.subject import ABILITIES, Introduced, ReferencePump
from thecal.pump.sheet import pump_sheet, with_reading
from thecal.timeline import Instant

REFERENCE = pump_sheet("reference-40")
LINES = "from thecal.bench.conformance.lines import serve; from thecal.bench.conformance.subject import ReferencePump"

WRONG = "import sys; from thecal.bench.conformance.lines import *"


def by_lines(code: str) -> str:
    """The command of a pump in another process."""
    return f'{sys.executable} -c "{code}"'


@pytest.mark.parametrize("name", PROGRAMMABLE)
@pytest.mark.requirement("BEN-25")
def test_the_reference_passes(name: str) -> None:
    """On every profile; only what a data sheet does not have is not possible."""
    found = Counter(each.result for each in conformance(ReferencePump, pump_sheet(name)))
    assert found["passed"] >= len(ALL_CHECKS) - 6
    assert found["passed"] + found["not possible"] == len(ALL_CHECKS) >= 50


@pytest.mark.requirement("BEN-25")
def test_on_the_profile_itself_nothing_is_left_out() -> None:
    """Every check is possible on the reference profile."""
    assert {each.result for each in conformance(ReferencePump, REFERENCE)} == {"passed"}


@pytest.mark.parametrize("broken", CAUGHT, ids=lambda broken: broken.__name__)
@pytest.mark.requirement("BEN-25")
def test_a_broken_pump_is_found(broken: type[ReferencePump]) -> None:
    """By the check that is meant for it, with what was expected, what was found, and the steps to see it."""
    found = {each.check.id: each for each in conformance(broken, REFERENCE)}
    told = found[CAUGHT[broken]]
    assert told.result in ("failed", "broke")
    assert told.why
    assert told.steps
    if told.result == "failed":
        assert "expected" in told.why
        assert "found" in told.why


def test_a_pump_that_can_less_passes_less() -> None:
    """What cannot be tried is not passed."""

    class Plain(ReferencePump):
        def begin(self, model: str, at: Instant) -> Introduced:
            super().begin(model, at)
            return Introduced("a pump on a desk", (), 0)

    found = {each.check.id: each for each in conformance(Plain, REFERENCE)}
    impossible = [each for each in found.values() if each.result == "not possible"]
    assert {each.why.rpartition(" ")[2] for each in impossible} == set(ABILITIES)
    assert Counter(each.result for each in found.values())["failed"] == 0


def test_a_real_pump_may_be_off_as_far_as_it_says() -> None:
    """With its tolerance a pump that gives a thousandth more passes, and one percent more does not."""

    class Real(ReferencePump):
        more_ppm = 1_000

        def begin(self, model: str, at: Instant) -> Introduced:
            super().begin(model, at)
            return Introduced("a pump on a scale", (), 2_000)

        def weigh(self) -> int:
            return super().weigh() * (10**6 + self.more_ppm) // 10**6

    class Worse(Real):
        more_ppm = 10_000

    one = [check for check in ALL_CHECKS if check.id == "CNF-21"]
    assert [each.result for each in conformance(Real, REFERENCE, one)] == ["passed"]
    assert [each.result for each in conformance(Worse, REFERENCE, one)] == ["failed"]


def test_the_other_readings_are_checked_too() -> None:
    """What follows from a data sheet is expected of it, and not of the reference profile."""
    sheet = with_reading(pump_sheet("synchromed-ii-40"), "after_single_bolus", "stopped")

    class Other(ReferencePump):
        def begin(self, model: str, at: Instant) -> Introduced:
            introduced = super().begin(model, at)
            self._pump = self.pump.__class__(
                self.pump.serial, self.pump.state.__class__(sheet, at, self.pump.state.memory, self.pump.state.mechanics),
                self.pump.account,
            )  # fmt: skip
            return introduced

    ours = {each.check.id: each.result for each in conformance(Other, sheet)}
    theirs = {each.check.id: each.result for each in conformance(ReferencePump, sheet)}
    assert ours["CNF-40"] == "passed"
    assert theirs["CNF-40"] == "failed"


@pytest.mark.long
@pytest.mark.requirement("BEN-25")
def test_a_pump_in_another_process_passes() -> None:
    """It speaks lines of JSON."""
    few = [check for check in ALL_CHECKS if check.id in ("CNF-06", "CNF-22", "CNF-48", "CNF-70", "CNF-80", "CNF-81")]
    found = list(conformance(lambda: LinesSubject(by_lines(f"{LINES}; serve(ReferencePump())")), REFERENCE, few))
    assert [(each.result, each.why) for each in found] == [("passed", "")] * len(few)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit(3)", "went away"),
        ("print('hello')", "cannot be read"),
        ("import sys; sys.stdin.readline(); sys.stdout.write('x' * 3_000_000); sys.stdout.flush()", "does not end"),
        (f"{WRONG}; sys.stdin.readline(); print(canonical(written(Done(), Told)).decode())", "no answer to Begin"),
        ("import time; time.sleep(60)", "no answer"),
    ],
)
def test_a_process_that_is_no_pump_is_told(code: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, talks rubbish, talks without end, answers something else, or is silent."""
    monkeypatch.setattr("thecal.bench.conformance.lines.PATIENCE_S", 2.0)
    (found,) = conformance(lambda: LinesSubject(by_lines(code)), REFERENCE, ALL_CHECKS[:1])
    assert found.result == "broke"
    assert said in found.why


def test_the_command_says_it_in_words_and_as_data() -> None:
    """Exit 0 where everything passes, 1 where not; mistakes exit with 2 and say what is accepted."""
    whole = inside("bench", "conform", "--profile", "medstream-20")
    assert whole.returncode == 0, whole.stderr
    assert " 0 failed, 0 broke" in whole.stdout
    one = inside("bench", "conform", "--only", "CNF-48", "--adapter", "tests.bench.broken_pumps:Generous", "--json")
    assert one.returncode == 1
    (check,) = json.loads(one.stdout)["checks"]
    assert (check["id"], check["result"]) == ("CNF-48", "failed")
    assert check["steps"]
    for wrong, said in (
        (("--only", "CNF-4"), "is no check"),
        (("--adapter", "tests.nowhere:Pump"), "cannot be imported"),
        (("--adapter", "tests.command:ROOT"), "makes no pump"),
        (("--adapter", "a:b", "--command", "c"), "one pump too many"),
        (("--command", "./no-such-pump"), "cannot be started"),
        (("--profile", "reference-4"), "reference-40"),
    ):
        told = inside("bench", "conform", *wrong)
        assert told.returncode == 2, told.stdout
        assert said in told.stderr
    refused = inside("bench", "conform", "--profile", "isomed-8472-20-10")
    assert (refused.returncode, "PMP-40" in refused.stderr) == (1, True)


def test_the_page_lists_every_check() -> None:
    """docs/conformance.md has a row for each, and its adapter is one."""
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    for check in ALL_CHECKS:
        assert f"| {check.id} | {check.shall} | {', '.join(check.shows)} |" in page
    assert page.count("| CNF-") == len(ALL_CHECKS)


def test_the_adapter_of_the_page_is_a_subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page shows runs: a pump that knows one flow fails most checks, and breaks none."""
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "my_pump.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    told = inside("bench", "conform", "--adapter", "my_pump:MyPump", "--json")
    results = Counter(each["result"] for each in json.loads(told.stdout)["checks"])
    assert told.returncode == 1
    assert results["failed"] > 20
    assert results["broke"] == 0


def test_every_check_shows_requirements_that_exist() -> None:
    """And has a number and a sentence of its own."""
    documented = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "requirements").glob("*.md"))
    assert len({check.id for check in ALL_CHECKS}) == len({check.shall for check in ALL_CHECKS}) == len(ALL_CHECKS)
    for check in ALL_CHECKS:
        assert check.shows
        assert not [shown for shown in check.shows if f"| {shown} |" not in documented]
