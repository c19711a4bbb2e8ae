"""thecal programmer: what the pump says, orders by file and by hand, every end of a session, and what is refused at the door."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.bench.bench import Bench, Clock, new_folder, new_pump, process, serve, until
from tests.cli.terminal import at_terminal
from tests.command import inside
from tests.courses import ml
from tests.report.test_printout import Reader, check_page, check_text
from thecal.bench import control
from thecal.bench.access import PERMISSIONS
from thecal.bench.bad_link import BadLink
from thecal.bench.bench_folder import BenchFolder
from thecal.bench.frame import Frame, FrameType
from thecal.bench.keys import issue_programmer, make_authority
from thecal.bench.patient_charts import add_facts, read_chart
from thecal.bench.server import Talk
from thecal.bench.start import open_shelf
from thecal.bench.wire import Notice, frame_of, said_in
from thecal.chart.chart import Chart
from thecal.chart.facts import Entered, Fact, Filled, Interrogated, Noted, Ordered, SessionEnded, SessionUncertain
from thecal.chart.order import (
    FlexDay,
    OrderBolus,
    OrderContinuous,
    OrderFlex,
    OrderMinimumRate,
    OrderNoPatient,
    OrderPatient,
    OrderPeriodic,
    OrderStop,
    StepDose,
)
from thecal.chart.order_sheet import OrderSheet
from thecal.cli.programmer_link import Reach, reach
from thecal.cli.programmer_menu import Menu
from thecal.cli.programmer_run import Programming
from thecal.cli.programmer_screen import BackError, LeftError
from thecal.errors import Refusal
from thecal.programmer.session import Standing, idle_alert, idle_clear
from thecal.pump.handle import report
from thecal.pump.messages import CancelBolus, Command, Commit, Fill, LowBattery, ReadBack, Report, Stage
from thecal.pump.program import SimpleContinuous
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Volume
from thecal.report.words import BANNER
from thecal.timeline import DAY_S, Duration, Instant

UP = 'order = 1\nconfirm_total = "120 mcg/day"\n[program]\nmode = "simple continuous"\ndose = "120 mcg/day"\n'
UNSAID = UP.replace('confirm_total = "120 mcg/day"\n', "")
DAY = Duration(DAY_S)
MCG = 10**6
RUNS = DailyDose(100 * MCG)
MODES = "mode, 1 to 5"
TOTAL = "   the 24-h total as you worked it out from the order, such as 120 mcg/day"
FRESH = iter(range(2, 100))
Answer = str | Callable[[], Awaitable[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenchFolder]:
    """A bench as a process: a pump for each test that writes, one that takes no patient bolus, and the keys of six people."""
    made = new_folder(tmp_path_factory.mktemp("clinic") / "bench", pumps=24)
    now = datetime.now(UTC)
    issue_programmer(made.keys, "looker", ["may_interrogate"], [], DAY, now)
    issue_programmer(made.keys, "old", PERMISSIONS, [], DAY, datetime.fromtimestamp(now.timestamp() - 3 * DAY_S, UTC))
    issue_programmer(made.keys, "ward", PERMISSIONS, ["TC-0001"], DAY, now)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    make_authority(elsewhere, now)
    issue_programmer(elsewhere, "stranger", PERMISSIONS, [], DAY, now)
    for path in elsewhere.glob("programmer-*"):
        (made.keys / path.name).write_bytes(path.read_bytes())
    with made.locked():
        for shelved in open_shelf(made, lambda at: [new_pump("TM-0001", at, "medstream-40")]).values():
            shelved.journal.folder.close()  # type: ignore[attr-defined]  # a folder of the file system
    with process(made):
        yield made


@pytest.fixture
def serial() -> str:
    """A pump that no other test writes to."""
    return f"TC-{next(FRESH):04d}"


@dataclass(frozen=True)
class Said:
    returncode: int
    stdout: str
    stderr: str


def programmer(folder: BenchFolder, serial: str, *options: str | Path, who: str = "nurse") -> Said:
    """The command within this process, by somebody's key."""
    done = inside("programmer", serial, "--dir", folder.path, "--as", who, *options)
    return Said(done.returncode, done.stdout, done.stderr)


def order(folder: Path, text: str) -> Path:
    path = folder / "order.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: BenchFolder, serial: str, out: Path) -> dict[str, Any]:
    """What the pump says now, as data."""
    assert programmer(folder, serial, "--json", out).returncode == 0
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


# What the pump says ----------------------------------------------------------------------------------------------------


def test_without_an_order_it_says_what_the_pump_says(folder: BenchFolder, tmp_path: Path) -> None:
    """Settings, 24-h total, alarms, battery, refill date, clock, line and log, in every form alike; nothing is written."""
    files = [tmp_path / f"x.{end}" for end in ("txt", "html", "json")]
    before = programmer(folder, "TC-0001", "--text", files[0], "--html", files[1], "--json", files[2])
    assert (before.returncode, before.stderr) == (0, "")
    text, page, data = (path.read_text(encoding="utf-8") for path in files)
    assert before.stdout == text
    said = json.loads(data)
    for wanted in (
        "virtual pump TC-0001 of the bench",
        "simple continuous: 0.2 mL/day all day, every day",
        "24-h total                100 mcg",
        "no replacement indicator (ERI)",
        "refill by",
        "the pump clock is set to it",
        "from the tip: 0.3168 mL of 500 mcg/mL; 158.4 mcg in all",
        "Event log",
        BANNER,
    ):
        assert wanted in text
    assert said["totals"]["day_mcg"] == 100
    assert said["report"]["concentration_mcg_per_ml"] == 500
    assert f"reservoir volume          {Volume(said['report']['calculated_nl'])}" in text
    assert said["line"]["amount_pg"] == 158_400_000
    check_text(text, said["sections"])
    for part in said["sections"]:
        assert Reader(page).tables[part["title"]][-len(part["rows"]) :] == part["rows"]
    chart = read_chart(folder, "TC-0001")
    assert chart.session is not None
    assert chart.session.session is None  # a reading: nobody has programmed it


def test_times_are_said_in_the_zone_that_was_asked_for(folder: BenchFolder) -> None:
    """And by how much the pump clock is off the wall clock there."""
    said = programmer(folder, "TC-0001", "--timezone", "Asia/Kolkata").stdout
    assert "Asia/Kolkata" in said
    assert "the pump clock is 5.5 h behind it" in said


def test_an_alarm_is_said_before_anything_else(folder: BenchFolder, tmp_path: Path, serial: str) -> None:
    """Above the tables, in the text and on the page, as is a pump that gives nothing."""
    control.happened(folder, control.Strike(serial, LowBattery()))
    said = programmer(folder, serial, "--html", tmp_path / "x.html", "--json", tmp_path / "x.json")
    assert said.returncode == 0
    page, data = ((tmp_path / name).read_text(encoding="utf-8") for name in ("x.html", "x.json"))
    assert json.loads(data)["report"]["alarms"] == ["low battery reset"]
    for form in (said.stdout, page):
        assert form.index("ALARM: low battery reset") < form.index("THE PUMP GIVES NO THERAPY: safe state")
        assert form.index("THE PUMP GIVES NO THERAPY: safe state") < form.index("What the pump runs")


def test_an_update_that_somebody_left_open_is_said(
    plain: BenchFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By the next who reads the pump."""

    async def whole() -> None:
        async with serve(plain, plain=True) as bench:
            unanswered(bench, lambda talk: talk.writer.transport.abort(), monkeypatch, Stage)
            at = reach_of(plain, "TC-0001")
            assert await Programming(at, {}, WANTED, yes=True, cancel=False).by_file() == 1
            assert "AN UPDATE IS OPEN" not in capsys.readouterr().out
            assert await Programming(at, {"text": tmp_path / "x.txt"}, None, yes=False, cancel=False).by_file() == 0

    asyncio.run(whole())
    assert "AN UPDATE IS OPEN: somebody has begun one and not finished it" in (tmp_path / "x.txt").read_text(encoding="utf-8")


# Orders by file --------------------------------------------------------------------------------------------------------


def test_an_order_is_written_read_back_and_printed(folder: BenchFolder, tmp_path: Path, serial: str) -> None:
    """With the total given and --yes; the printout may be signed, its forms agree, the chart knows, the pump runs it."""
    files = [tmp_path / f"x.{end}" for end in ("txt", "html", "json")]
    outputs: list[str | Path] = ["--text", files[0], "--html", files[1], "--json", files[2]]
    done = programmer(folder, serial, "--order", order(tmp_path, UP), "--yes", *outputs)
    assert (done.returncode, done.stderr) == (0, "")
    text, page, data = (path.read_text(encoding="utf-8") for path in files)
    assert done.stdout == text
    assert "WRITTEN AND READ BACK" in text
    assert f"virtual pump {serial} of the bench" in text
    printed = json.loads(data)
    assert (printed["standing"], printed["may_be_signed"], printed["confirmed_mcg_per_day"]) == ("done", True, 120)
    assert not [caution for caution in printed["cautions"] if caution["rule"] == "SAF-04"]  # somebody has confirmed it
    check_text(text, printed["sections"])
    check_page(page, printed["sections"])
    facts = read_chart(folder, serial).facts
    assert [fact.order for fact in facts if isinstance(fact, Ordered)] == [OrderContinuous(DailyDose(120 * MCG))]
    assert isinstance(facts[-1], SessionEnded)
    assert facts[-1].session == printed["session"]
    assert "0.24 mL/day" in read(folder, serial, tmp_path / "again.json")["report"]["program"]


def test_the_total_may_come_with_the_command(folder: BenchFolder, tmp_path: Path, serial: str) -> None:
    """--confirm is what confirm_total is; and what it must be is the program's total (SAF-04)."""
    path = order(tmp_path, UNSAID)
    wrong = programmer(folder, serial, "--order", path, "--yes", "--confirm", "1200 mcg/day")
    assert (wrong.returncode, "refused by SAF-04" in wrong.stderr, wrong.stdout) == (1, True, "")
    assert "0.2 mL/day" in read(folder, serial, tmp_path / "x.json")["report"]["program"]
    right = programmer(folder, serial, "--order", path, "--yes", "--confirm", "120 mcg/day")
    assert (right.returncode, "WRITTEN AND READ BACK" in right.stdout) == (0, True)


def test_nobody_who_could_agree_is_no_agreement(folder: BenchFolder, tmp_path: Path, serial: str) -> None:
    """Without --yes and without a terminal the review is printed, nothing is sent, and the exit code says so."""
    for text in (UP, UNSAID):
        said = programmer(folder, serial, "--order", order(tmp_path, text))
        assert said.returncode == 1
        assert "NOT WRITTEN: a review only" in said.stdout
        assert "nothing was written: nobody is here to confirm it" in said.stderr
    found = read(folder, serial, tmp_path / "x.json")
    assert "0.2 mL/day" in found["report"]["program"]
    assert found["logged"] == 0


@pytest.mark.parametrize(
    ("serial", "text", "rule"),
    [
        ("TC-0001", UP.replace("120", "2100"), "SAF-01"),
        ("TC-0001", UP.replace("120", "0.5"), "PMP-01"),
        ("TC-0001", 'order = 1\nconfirm_total = "100 mcg/day"\n', "SES-01"),
        ("TC-0001", 'order = 1\nconfirm_total = "100 mcg/day"\nbridge = true\n', "PLN-09"),
        (
            "TM-0001",
            UP + '[program.patient_bolus]\ndose = "10 mcg"\nover = "5 min"\nlockout = "4 h"\nper_day = 2\n',
            "PMP-33",
        ),
    ],
)
def test_an_order_that_is_refused_writes_nothing(folder: BenchFolder, tmp_path: Path, serial: str, text: str, rule: str) -> None:
    """By the rules, and by what this pump can do: rule, limit, source and what to do, exit code 1, and no file."""
    before = read(folder, serial, tmp_path / "before.json")["report"]["program"]
    said = programmer(folder, serial, "--order", order(tmp_path, text), "--yes", "--json", tmp_path / "x.json")
    assert (said.returncode, said.stdout) == (1, "")
    assert f"refused by {rule}" in said.stderr
    assert "Allowed: " in said.stderr
    assert not (tmp_path / "x.json").exists()
    assert read(folder, serial, tmp_path / "after.json")["report"]["program"] == before


def test_a_programmer_that_may_not_program_is_refused(folder: BenchFolder, tmp_path: Path) -> None:
    """It reads; an order of it ends at the first message that would change something, with nothing changed."""
    assert programmer(folder, "TC-0001", who="looker").returncode == 0
    said = programmer(folder, "TC-0001", "--order", order(tmp_path, UP), "--yes", who="looker")
    assert (said.returncode, said.stdout) == (1, "")
    assert "refused by BEN-11: begin update by looker" in said.stderr
    assert "0.2 mL/day" in read(folder, "TC-0001", tmp_path / "x.json")["report"]["program"]


def test_a_bolus_is_ended(folder: BenchFolder, tmp_path: Path, serial: str) -> None:
    """In one step; and without a bolus it is refused."""
    bolus = 'order = 1\nconfirm_total = "100 mcg/day"\n[bolus]\ndose = "20 mcg"\nover = "30 min"\n'
    assert programmer(folder, serial, "--order", order(tmp_path, bolus), "--yes").returncode == 0
    assert read(folder, serial, tmp_path / "x.json")["report"]["mode"] == "single bolus"
    said = programmer(folder, serial, "--cancel-bolus")
    assert said.returncode == 0
    assert "bolus cut short" in said.stdout
    again = programmer(folder, serial, "--cancel-bolus")
    assert (again.returncode, "refused by PMP-07" in again.stderr) == (1, True)


def test_a_fill_by_the_needle_is_entered_by_the_programmer(folder: BenchFolder, tmp_path: Path, serial: str) -> None:
    """The session after the fill types its volume in, however often the pump was read before; no false caution."""
    filled = control.happened(folder, control.DoNeedle(serial, Fill(ml(8), Concentration(500))))
    assert isinstance(filled, control.Happened)
    add_facts(folder, serial, (Filled(filled.at, ml(37.2), Concentration(500)),))
    for _ in range(2):
        assert programmer(folder, serial).returncode == 0
    text = 'order = 1\nconfirm_total = "100 mcg/day"\nreservoir = "37.2 mL"\n'
    said = programmer(folder, serial, "--order", order(tmp_path, text), "--yes")
    assert said.returncode == 0
    assert "RPC-10" not in said.stdout
    chart = read_chart(folder, serial)
    assert chart.fill_session is not None
    assert chart.fill_session.report.calculated == chart.typed == ml(37.2)
    assert [fact.volume for fact in chart.facts if isinstance(fact, Entered)] == [ml(37.2)]


def test_a_link_that_doubles_reorders_and_delays_writes_once(folder: BenchFolder, tmp_path: Path, serial: str) -> None:
    """The pump has one write more, and the printout may be signed."""
    link = ["--link", "doubled=60%, reordered=40%, delay=5ms"]
    assert programmer(folder, serial, "--order", order(tmp_path, UP), "--yes", *link).returncode == 0
    chart = read_chart(folder, serial)
    assert len([fact for fact in chart.facts if isinstance(fact, SessionEnded) and fact.session]) == 1


# Bad input -------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_is_said_before_anything_is_opened(folder: BenchFolder, tmp_path: Path) -> None:
    """Exit code 2, one line, what is wrong and what is accepted."""
    good, fill = order(tmp_path, UP), tmp_path / "fill.toml"
    fill.write_text(UP + '[fill]\nvolume = "18 mL"\nconcentration = "500 mcg/mL"\n', encoding="utf-8")
    unsaid = tmp_path / "unsaid.toml"
    unsaid.write_text(UNSAID, encoding="utf-8")
    broken = tmp_path / "broken.toml"
    broken.write_text(UP.replace("120 mcg/day", "120"), encoding="utf-8")
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        (("--order", fill), "thecal bench needle"),
        (("--order", unsaid, "--yes"), "the 24-h total as a person worked it out has to be given"),
        (("--order", good, "--confirm", "120 mcg/day"), "confirm_total"),
        (("--order", unsaid, "--confirm", "120"), 'Did you mean "120 mcg/day"?'),
        (("--order", broken), "broken.toml:2"),
        (("--order", good, "--cancel-bolus"), "one thing at a time"),
        (("--confirm", "120 mcg/day"), "goes with --order"),
        (("--yes",), "goes with --order"),
        (("--order", tmp_path / "none.toml"), "No such file"),
        (("--json", folder.path), "is the folder of the bench"),
        (("--order", good, "--text", good), "the file of --order too"),
        (("--link", "lots=10%"), "Did you mean 'lost'?"),
        (("--timezone", "Europe/Berln"), "Did you mean 'Europe/Berlin'?"),
    ]
    for options, wanted in cases:
        said = programmer(folder, "TC-0001", *options)
        assert (said.returncode, said.stdout, wanted in said.stderr) == (2, "", True), (options, said)


def test_who_is_not_let_in_is_told_why(folder: BenchFolder) -> None:
    """An unknown pump, no key, an expired one, one of another authority, one for another pump: exit code 2, and what to do."""
    cases = [
        ("TC-0099", "nurse", "is no pump of"),
        ("TC-0002", "clinic", "thecal bench keys --programmer clinic"),
        ("TC-0002", "old", "expired"),
        ("TC-0002", "stranger", "another authority"),
        ("TC-0002", "ward", "refused by BEN-12"),
    ]
    for serial, who, wanted in cases:
        said = programmer(folder, serial, who=who)
        assert (said.returncode, said.stdout, wanted in said.stderr) == (2, "", True), (who, said)
        assert len(said.stderr.splitlines()) == 1
    assert programmer(folder, "TC-0001", who="ward").returncode == 0


def test_no_bench_no_link(folder: BenchFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody serves the folder; nothing listens there; the link is cut: each with exit code 2. THECAL_BENCH is another --dir."""
    nobody = inside("programmer", "TC-0001", "--dir", tmp_path)
    assert (nobody.returncode, "Start one with: thecal bench start" in nobody.stderr) == (2, True)
    away = programmer(folder, "TC-0001", "--host", "127.0.0.1", "--port", "1")
    assert (away.returncode, "127.0.0.1:1" in away.stderr) == (2, True)
    cut = programmer(folder, "TC-0001", "--link", "cut=100%")
    assert (cut.returncode, "did not answer" in cut.stderr, cut.stdout) == (2, True, "")
    monkeypatch.setenv("THECAL_BENCH", str(folder.path))
    assert inside("programmer", "TC-0001", "--as", "nurse").returncode == 0
    unknown = inside("programmer", "TC-0001", "--dir", tmp_path, "--host", "127.0.0.1")
    assert (unknown.returncode, "--port" in unknown.stderr) == (2, True)


def test_clocks_that_are_far_apart_may_read_and_not_program(
    folder: BenchFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serial: str
) -> None:
    """Both times are said, and what to do; a minute is not far."""
    for off_s, code in ((-90, 2), (90, 2), (30, 0)):
        now = time.time() + off_s
        monkeypatch.setattr("thecal.cli.programmer_link.time", SimpleNamespace(time=lambda now=now: now))
        assert programmer(folder, serial).returncode == 0
        said = programmer(folder, serial, "--order", order(tmp_path, UP), "--yes")
        assert said.returncode == code, said
        if code:
            assert "is the time of this machine, and the bench says" in said.stderr
            assert "Set the clock that is wrong" in said.stderr


# By hand, within this process ------------------------------------------------------------------------------------------


@dataclass
class Hand:
    """A menu whose questions are answered from a list; what is typed may be a deed, done where the question stands."""

    menu: Menu
    answers: list[Answer]
    asked: list[str] = field(default_factory=list)

    async def ask(self, question: str) -> str:
        self.asked.append(question)
        if not self.answers:
            raise LeftError
        answer = self.answers.pop(0)
        text = answer if isinstance(answer, str) else await answer()
        if not text:
            raise BackError
        return text


def hand(at: Reach, monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> Hand:
    menu = Menu(at)
    one = Hand(menu, list(answers))
    monkeypatch.setattr(menu.screen, "ask", one.ask)
    return one


def reach_of(folder: BenchFolder, serial: str, who: str = "nurse") -> Reach:
    return reach(folder, serial, who, None, None, BadLink(), ZoneInfo("UTC"))


ENTERED: list[tuple[list[str], OrderSheet]] = [
    (["d", "1", "120 mcg/day"], OrderSheet(dosing=OrderContinuous(DailyDose(120 * MCG)))),
    (["d", "simple", "120", "120 mL", "-1 mcg/day", "120 mcg/day"], OrderSheet(dosing=OrderContinuous(DailyDose(120 * MCG)))),
    (
        ["d", "flex", "yes", "06:00", "120 mcg/day", "25:00", "22:00", "70 mcg", "07:00", "06:00", "50 mcg"],
        OrderSheet(
            dosing=OrderFlex(
                (
                    FlexDay(
                        (),
                        DailyDose(120 * MCG),
                        (StepDose(21_600, 79_200, Amount(70 * MCG)), StepDose(79_200, 21_600, Amount(50 * MCG))),
                    ),
                )
            )
        ),
    ),
    (
        [
            *("d", "2", "no", "Mon Tue Wed Thu Frl", "Mon Tue Wed Thu Fri", "120 mcg/day", "24:00", "120 mcg"),
            *("Fri Sat", "Sat Sun", "100 mcg/day", "12:00", "40 mcg", "24:00", "60 mcg"),
        ],
        OrderSheet(
            dosing=OrderFlex(
                (
                    FlexDay((0, 1, 2, 3, 4), DailyDose(120 * MCG), (StepDose(0, DAY_S, Amount(120 * MCG)),)),
                    FlexDay(
                        (5, 6),
                        DailyDose(100 * MCG),
                        (StepDose(0, 43_200, Amount(40 * MCG)), StepDose(43_200, DAY_S, Amount(60 * MCG))),
                    ),
                )
            )
        ),
    ),
    (
        ["d", "3", "20 mcg", "15 min", "6 h", "06:00", "60 mcg/day"],
        OrderSheet(dosing=OrderPeriodic(Amount(20 * MCG), Duration(900), Duration(21_600), 21_600, DailyDose(60 * MCG))),
    ),
    (["d", "9", "s", "m"], OrderSheet(dosing=OrderMinimumRate())),
    (["d", "5"], OrderSheet(dosing=OrderStop())),
    (
        ["p", "1", "10 mcg", "5 min", "4 h", "many", "2000", "4"],
        OrderSheet(patient=OrderPatient(Amount(10 * MCG), Duration(300), Duration(14_400), 4)),
    ),
    (["p", "none"], OrderSheet(patient=OrderNoPatient())),
    (["s", "25 mcg", "10 min"], OrderSheet(bolus=OrderBolus(Amount(25 * MCG), Duration(600)))),
    (["b", "1"], OrderSheet(bridge=True)),
    (["b", "1", "b", "no", "no bridge", "the line was aspirated"], OrderSheet(without_bridge="the line was aspirated")),
    (["b", "3", "perhaps", "yes", "1 mL/h"], OrderSheet(prime=True, prime_flow=FlowRate(24 * MCG))),
    (["b", "3", "no"], OrderSheet(prime=True)),
    (["b", "3", "no", "b", "4"], OrderSheet()),
    (["l", "0 mL"], OrderSheet(low_reservoir=Volume(0))),
    (["v", "38 mL", "no"], OrderSheet(reservoir=ml(38))),
    (["v", "38 mL", "yes", "2 mg/mL", "2000 mcg/mL"], OrderSheet(reservoir=ml(38), concentration=Concentration(2000))),
    (["c", "01:00", "+01:00"], OrderSheet(clock_offset_s=3600)),
    (["l", "3 mL", "d", "1", ""], OrderSheet(low_reservoir=ml(3))),
    (["l", "3 mL", "x"], OrderSheet()),
    (["nonsense", "i", "l", "3 mL"], OrderSheet(low_reservoir=ml(3))),
]


@pytest.mark.parametrize(("answers", "entered"), ENTERED, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_is_entered_by_hand_is_read_as_an_order_file_is(
    folder: BenchFolder, monkeypatch: pytest.MonkeyPatch, answers: list[str], entered: OrderSheet
) -> None:
    """Every question asks again until it can read the answer, an empty answer goes back, and nothing is sent."""
    one = hand(reach_of(folder, "TC-0001"), monkeypatch, *answers, "q")
    assert asyncio.run(one.menu.run()) == 0
    assert (one.menu.orders, one.answers) == (entered, [])


def test_who_may_only_read_is_offered_nothing_else(
    folder: BenchFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The certificate says so, and so does the screen."""
    one = hand(reach_of(folder, "TC-0001", "looker"), monkeypatch, "d", "q")
    assert asyncio.run(one.menu.run()) == 0
    shown = capsys.readouterr().out
    assert "permits to read and not to program (BEN-11)" in shown
    assert "'d' is not offered: i, f, q." in shown


def test_the_menu_prints_to_files(
    folder: BenchFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the ending of the name; over a file that is there only if somebody says so; and a wrong name is said to be one."""
    there = tmp_path / "there.txt"
    there.write_text("mine", encoding="utf-8")
    answers = ["f", "x.pdf", "f", str(there), "no", "f", str(tmp_path / "none" / "x.txt"), "f", str(tmp_path / "x.json"), "q"]
    one = hand(reach_of(folder, "TC-0001"), monkeypatch, *answers)
    assert asyncio.run(one.menu.run()) == 0
    assert there.read_text(encoding="utf-8") == "mine"
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["totals"]["day_mcg"] == 100
    shown = capsys.readouterr().out
    assert "a name ending in .txt" in shown
    assert "no such folder" in " ".join(shown.split())


def test_a_bolus_is_ended_by_hand(
    folder: BenchFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], serial: str
) -> None:
    """It is offered as long as one runs."""
    answers = ["e", "s", "20 mcg", "30 min", "r", "100 mcg/day", "e", "e", "q"]
    one = hand(reach_of(folder, serial), monkeypatch, *answers)
    assert (asyncio.run(one.menu.run()), one.answers) == (0, [])
    shown = capsys.readouterr().out
    assert shown.count("'e' is not offered") == 2
    assert shown.count("end the single bolus") == 1
    assert "bolus cut short" in shown


def test_clocks_far_apart_stop_a_review_and_not_the_menu(
    folder: BenchFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is shown, and what was entered stays."""
    monkeypatch.setattr("thecal.cli.programmer_link.time", SimpleNamespace(time=lambda: 0.0))
    one = hand(reach_of(folder, "TC-0001"), monkeypatch, "l", "3 mL", "r", "q")
    assert asyncio.run(one.menu.run()) == 0
    assert one.menu.orders == OrderSheet(low_reservoir=ml(3))
    assert "Set the clock that is wrong" in capsys.readouterr().out


def test_who_prepared_something_and_went_away_is_alerted_and_then_cleared(folder: BenchFolder) -> None:
    """Once at five minutes; at ten what was entered is dropped. Who has entered nothing is left in peace."""
    menu = Menu(reach_of(folder, "TC-0001"))
    assert menu.left_alone(10_000) is None
    menu.orders = OrderSheet(low_reservoir=ml(3))
    assert menu.left_alone(idle_alert().s - 1) is None
    assert "5 min" in (menu.left_alone(idle_alert().s) or "")
    assert menu.left_alone(idle_alert().s + 1) is None
    assert menu.left_alone(1) is None  # answered
    assert menu.left_alone(idle_alert().s) is not None
    with pytest.raises(BackError, match="dropped"):
        menu.left_alone(idle_clear().s)
    assert menu.orders == OrderSheet()


class Moved(Clock):
    """A steady clock that runs, and may be moved on."""

    def __call__(self) -> float:
        return time.monotonic() + self.s


@pytest.fixture
def plain(tmp_path: Path) -> BenchFolder:
    return new_folder(tmp_path / "bench", keys=False)


def test_a_review_that_the_bench_s_time_has_cleared_is_made_anew(plain: BenchFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a bench that runs fast: the same write to the same pump goes on; to one that was written meanwhile it is shown anew."""

    def fresh(*answers: Answer) -> Hand:
        return hand(reach_of(plain, "TC-0001"), monkeypatch, *answers)

    async def whole() -> None:
        async with serve(plain, plain=True, speed=100, clock=Moved()) as bench:
            one = Hand(Menu(reach_of(plain, "TC-0001")), [])

            async def late() -> str:
                """Twelve minutes of the bench later, which are seven seconds."""
                bench.pass_time(7)
                assert one.menu.desk is not None
                one.menu.desk.wand._steady -= 7
                return "120 mcg/day"

            async def too_late() -> str:
                """And somebody else has written meanwhile."""
                await late()
                other = fresh("l", "3 mL", "r", "100 mcg/day", "q")
                assert await other.menu.run() == 0
                return "120 mcg/day"

            one = fresh("d", "1", "120 mcg/day", "r", late, "q")
            assert (await one.menu.run(), one.asked.count(TOTAL), one.answers) == (0, 1, [])
            assert bench.pump().state.memory.program == SimpleContinuous(FlowRate(240_000))
            one = fresh("d", "1", "100 mcg/day", "r", "100 mcg/day", "d", "1", "120 mcg/day", "r", too_late, "120 mcg/day", "q")
            assert (await one.menu.run(), one.asked.count(TOTAL), one.answers) == (0, 3, [])
            runs = report(bench.pump().state)
            assert (runs.program, runs.low_reservoir) == (SimpleContinuous(FlowRate(240_000)), ml(3))

    asyncio.run(whole())


# At a terminal ---------------------------------------------------------------------------------------------------------


def test_a_whole_session_by_hand(folder: BenchFolder, tmp_path: Path, serial: str) -> None:
    """Read, enter, review side by side, the total as worked out, update message by message, read back, print, quit."""
    with at_terminal("programmer", serial, "--dir", folder.path, "--as", "nurse") as screen:
        said = screen.answer("choose", "d")
        assert "What the pump runs" in said
        assert BANNER in " ".join(said.split())
        screen.answer(MODES, "1")
        screen.answer("such as 120 mcg/day", "120 mcg/day")
        assert "120 mcg/day, simple continuous" in screen.answer("choose", "l")
        screen.answer("such as 2 mL", "3 mL")
        screen.answer("choose", "r")
        review = screen.answer(TOTAL, "120 mcg/day")
        assert review.index("24-h total") < review.index("Every setting")
        assert ">  program " in review
        assert ">  low reservoir threshold   2 mL" in review
        assert "   patient bolus " in review
        assert "Read before signing" in review
        done = screen.answer("choose", "f")
        steps = [done.index(f"{step} ...") for step in ("begin update", "stage", "commit", "read back")]
        assert steps == sorted(steps)
        assert "every setting is as reviewed" in done
        assert "WRITTEN AND READ BACK" in done
        screen.answer(".json", str(tmp_path / "x.json"))
        screen.answer("choose", "q")
        assert screen.ended() == 0
    printed = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert (printed["standing"], printed["confirmed_mcg_per_day"]) == ("done", 120)
    assert all(len(line) <= 100 for line in screen.shown.splitlines() if " > " not in line)


def test_mistakes_by_hand_are_shown_and_asked_again(folder: BenchFolder, serial: str) -> None:
    """A wrong total is refused and nothing sent; what cannot be read is asked again; Ctrl-D leaves."""
    with at_terminal("programmer", serial, "--dir", folder.path, "--as", "nurse") as screen:
        screen.answer("choose", "o")
        assert "'o' is not offered" in screen.answer("choose", "d")
        screen.answer(MODES, "7")
        assert "none of them" in screen.answer(MODES, "simple")
        screen.answer("such as 120 mcg/day", "120")
        assert 'Did you mean "120 mcg/day"?' in screen.answer("such as 120 mcg/day", "120 mcg/day")
        screen.answer("choose", "r")
        screen.answer(TOTAL, "1200 mcg/day")
        assert "refused by SAF-04" in screen.answer("choose", "s")
        screen.answer("such as 25 mcg", "25 mcg")
        screen.answer("such as 10 min", "10 min")
        screen.answer("choose", "r")
        assert "refused by SES-01" in screen.answer("choose", "x")
        screen.wait_for("choose > ")
        screen.leave()
        assert screen.ended() == 0
    assert not [fact for fact in read_chart(folder, serial).facts if isinstance(fact, SessionUncertain | Ordered)]


def test_an_order_file_at_a_terminal_is_agreed_to(folder: BenchFolder, tmp_path: Path, serial: str) -> None:
    """Its review is shown, and the total asked for where it has none; then it is written and printed."""
    command = ("programmer", serial, "--dir", folder.path, "--as", "nurse", "--order", order(tmp_path, UNSAID))
    with at_terminal(*command, "--json", tmp_path / "x.json") as screen:
        assert "Every setting" in screen.answer(TOTAL, "120 mcg/day")
        assert screen.ended() == 0
    printed = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert (printed["standing"], printed["confirmed_mcg_per_day"]) == ("done", 120)


@pytest.mark.parametrize(
    ("total", "answers", "code"),
    [
        (DailyDose(120 * MCG), ["perhaps", "no"], 1),
        (DailyDose(120 * MCG), ["yes"], 0),
        (None, [""], 1),
        (None, [], 1),
        (None, ["1200 mcg/day"], 1),
    ],
)
def test_who_does_not_agree_writes_nothing(
    folder: BenchFolder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    serial: str,
    total: DailyDose | None,
    answers: list[str],
    code: int,
) -> None:
    """A total that the order gives is agreed to with yes; no, no answer, nobody there and another total are none."""
    one = hand(reach_of(folder, serial), monkeypatch, *answers)
    ended: list[Standing] = []
    orders = OrderSheet(dosing=OrderContinuous(DailyDose(120 * MCG)), confirm_total=total)
    assert asyncio.run(one.menu.write(orders, lambda desk: ended.append(desk.session.standing))) == code
    assert ended == ([] if code else ["done"])
    shown = " ".join(capsys.readouterr().out.split())
    assert ("nothing was written" in shown or "nothing was sent" in shown) is bool(code)


def unanswered(bench: Bench, do: Callable[[Talk], None], monkeypatch: pytest.MonkeyPatch, what: type = Commit) -> asyncio.Event:
    """A bench that carries out a command and does not say so, once, but does something else; the event says that it came."""
    came, answer = asyncio.Event(), bench.server._answer

    def heard(talk: Talk, frame: Frame) -> None:
        if not came.is_set() and isinstance(said_in(frame, FrameType.COMMAND), what):
            came.set()
            monkeypatch.setattr(talk, "say", lambda _: None)
            answer(talk, frame)
            do(talk)
        elif not (came.is_set() and talk.say.__name__ == "<lambda>"):
            answer(talk, frame)

    monkeypatch.setattr(bench.server, "_answer", heard)
    return came


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """A terminal for this process: each line that is typed waits until a question reads it."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r") as there:
        monkeypatch.setattr(sys, "stdin", there)
        yield lambda *lines: os.write(ours, "".join(f"{line}\n" for line in lines).encode())
    os.close(ours)


def test_a_link_that_is_lost_in_the_middle_leaves_one_way_out(
    plain: BenchFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], keyboard: Callable[..., int]
) -> None:
    """Uncertain: said, written down, and nothing offered but to interrogate; which tells what the pump runs."""
    keyboard("d", "1", "120 mcg/day", "r", "120 mcg/day", "q", "i", "q")

    async def whole() -> int:
        async with serve(plain, plain=True) as bench:
            unanswered(bench, lambda talk: talk.writer.transport.abort(), monkeypatch)
            return await Menu(reach_of(plain, "TC-0001")).run()

    assert asyncio.run(whole()) == 0
    shown = capsys.readouterr().out
    after = shown[shown.index("UNCERTAIN: nobody knows whether the pump was written") :]
    offered, _, read = after.partition("Interrogation:")
    assert "Nothing else is offered until the pump has been interrogated" in offered
    assert "'q' is not offered: i." in offered
    assert "change the dose" not in offered
    assert "0.24 mL/day" in read
    chart = read_chart(plain, "TC-0001")
    assert [type(fact) for fact in chart.facts[-3:]] == [SessionUncertain, Interrogated, SessionEnded]
    assert chart.session is not None
    assert chart.session.order == OrderContinuous(DailyDose(120 * MCG))


@pytest.mark.parametrize("sign", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_an_interrupt_in_the_middle_is_never_silent(
    plain: BenchFolder, monkeypatch: pytest.MonkeyPatch, sign: signal.Signals
) -> None:
    """What is known is said and written down first, with what to do; the exit code is no success."""

    async def whole() -> None:
        async with serve(plain, plain=True) as bench:
            came, loop = unanswered(bench, lambda _: None, monkeypatch), asyncio.get_running_loop()

            def session() -> None:
                with at_terminal("programmer", "TC-0001", "--dir", plain.path) as screen:
                    screen.wait_for("choose > ")
                    for line in ("d", "1", "120 mcg/day", "r", "120 mcg/day"):
                        screen.type(line)
                    asyncio.run_coroutine_threadsafe(came.wait(), loop).result(30)
                    screen.wait_for("commit ...")
                    screen.process.send_signal(sign)
                    code = screen.ended()
                if sign == signal.SIGTERM:
                    assert code == 128 + sign
                    return
                assert code == 1
                assert "interrupted, and uncertain: no reply came to commit" in screen.shown
                assert "Interrogate it before anything else: thecal programmer TC-0001" in screen.shown

            await asyncio.to_thread(session)
            assert bench.pump().state.memory.program == SimpleContinuous(FlowRate(240_000))

    asyncio.run(whole())
    last = read_chart(plain, "TC-0001").facts[-1]
    assert isinstance(last, SessionUncertain)
    assert last.order == OrderContinuous(DailyDose(120 * MCG))


def test_what_the_bench_says_unasked_is_shown_while_a_question_stands(
    plain: BenchFolder, capsys: pytest.CaptureFixture[str], keyboard: Callable[..., int]
) -> None:
    """An idle alert, and that the bench is put away; then interrogations find nobody, and nothing is made up for them."""
    shown: list[str] = []

    def says(text: str) -> bool:
        shown.append(capsys.readouterr().out)
        return text in "".join(shown)

    async def whole() -> int:
        async with serve(plain, plain=True) as bench:
            sitting = asyncio.create_task(Menu(reach_of(plain, "TC-0001")).run())
            await until(lambda: says("choose > "))
            (talk,) = bench.server._talks
            talk.say(frame_of(FrameType.NOTICE, Notice("idle", "the session was left alone for 5 min")))
            await until(lambda: says("*  the bench says: the session was left alone for 5 min\nchoose > "))
            await bench.ask(control.StopBench())
            await bench.serving
            await until(lambda: says("the bench is put away\nchoose > "))
            shown.clear()
            keyboard("i", "i", "q")
            return await sitting

    assert asyncio.run(whole()) == 0
    assert says("TC-0001 did not answer (the link was cut)")
    assert says("Connection refused")
    assert not says("What the pump runs")


def test_what_somebody_else_writes_down_meanwhile_is_kept(
    folder: BenchFolder, serial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later fact that came between the reading and its being written down stands before it; neither is lost."""
    ahead = Noted(Instant(int(time.time()) + 60), "the needle was faster")

    def late(at: BenchFolder, of: str, facts: tuple[Fact, ...]) -> Chart:
        if ahead not in read_chart(at, of).facts:
            add_facts(at, of, (ahead,))
        return add_facts(at, of, facts)

    monkeypatch.setattr("thecal.cli.programmer_link.add_facts", late)
    assert programmer(folder, serial).returncode == 0
    kept = read_chart(folder, serial).facts
    assert [type(fact) for fact in kept[-3:]] == [Noted, Interrogated, SessionEnded]


# Ends that are no success, by file ------------------------------------------------------------------------------------

WANTED = OrderSheet(dosing=OrderContinuous(DailyDose(120 * MCG)), confirm_total=DailyDose(120 * MCG))


def by_file(plain: BenchFolder, prepare: Callable[[Bench], object], orders: OrderSheet | None = WANTED) -> int:
    """A run by file, with a bench that was prepared for it; the exit code."""

    async def whole() -> int:
        async with serve(plain, plain=True) as bench:
            prepare(bench)
            at = reach_of(plain, "TC-0001")
            return await Programming(at, {}, orders, yes=orders is not None, cancel=orders is None).by_file()

    return asyncio.run(whole())


def test_an_uncertain_end_is_printed_and_exits_with_1(
    plain: BenchFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a reading by the next run says what the pump does."""
    assert by_file(plain, lambda bench: unanswered(bench, lambda talk: talk.writer.transport.abort(), monkeypatch)) == 1
    shown = capsys.readouterr().out
    assert "UNCERTAIN: nobody knows whether the pump was written" in shown
    assert "not to be signed" in shown
    assert isinstance(read_chart(plain, "TC-0001").facts[-1], SessionUncertain)


def test_a_pump_that_says_otherwise_is_not_called_written(
    plain: BenchFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not as reviewed: setting by setting, written down as uncertain, exit code 1; by hand only an interrogation is offered."""

    def lies(bench: Bench) -> None:
        reply = bench.server._reply

        def lied(talk: Talk, frame: Frame, command: Command) -> Report | Refusal:
            said = reply(talk, frame, command)
            if isinstance(command, ReadBack) and isinstance(said, Report):
                return replace(said, low_reservoir=ml(1))
            return said

        monkeypatch.setattr(bench.server, "_reply", lied)

    assert by_file(plain, lies) == 1
    shown = capsys.readouterr().out
    assert "NOT AS REVIEWED: the pump says otherwise; do not let the patient leave" in shown
    assert "1 mL; meant: 2 mL" in shown
    last = read_chart(plain, "TC-0001").facts[-1]
    assert isinstance(last, SessionUncertain)
    assert "low reservoir threshold 1 mL, meant 2 mL" in last.why

    async def whole() -> None:
        async with serve(plain, plain=True) as bench:
            lies(bench)
            one = hand(reach_of(plain, "TC-0001"), monkeypatch, "l", "3 mL", "r", "120 mcg/day", "d", "q", "i", "q")
            assert await one.menu.run() == 0
            assert one.answers == []
            again = hand(reach_of(plain, "TC-0001"), monkeypatch, "l", "4 mL", "r", "120 mcg/day")
            assert await again.menu.run() == 1

    asyncio.run(whole())
    assert "'d' is not offered: i." in capsys.readouterr().out


def test_a_chart_that_cannot_be_written_hides_no_end(
    plain: BenchFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pump was written and read back; that is printed, and the file that could not be written is named."""
    write_down = Reach.write_down

    def full(at: Reach, facts: tuple[Fact, ...]) -> Chart:
        if any(isinstance(fact, Ordered) for fact in facts):
            raise OSError(ENOSPC, "No space left on device", "charts")
        return write_down(at, facts)

    monkeypatch.setattr(Reach, "write_down", full)
    assert by_file(plain, lambda _: None) == 2
    said = capsys.readouterr()
    assert "WRITTEN AND READ BACK" in said.out
    assert said.err == "thecal: charts: No space left on device\n"


def test_a_bolus_that_may_not_have_been_ended_is_uncertain(
    plain: BenchFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No answer, and no link to ask again: said and written down."""
    assert by_file(plain, lambda _: None, OrderSheet(bolus=OrderBolus(Amount(20 * MCG), Duration(1800)), confirm_total=RUNS)) == 0

    def mute(bench: Bench) -> None:
        unanswered(bench, lambda talk: talk.writer.transport.abort(), monkeypatch, CancelBolus)

    assert by_file(plain, mute, None) == 1
    assert "uncertain: no reply came to cancel bolus" in capsys.readouterr().err
    assert isinstance(read_chart(plain, "TC-0001").facts[-1], SessionUncertain)
