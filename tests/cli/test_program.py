"""thecal program: a session by an order file, its printout in three forms, its numbers worked out by hand, its exit codes."""

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.command import ROOT
from tests.command import inside as thecal
from tests.report.test_printout import check_page, check_text
from thecal.cli.main import main
from thecal.report.words import BANNER

DAY_S = 86_400
BERLIN = ZoneInfo("Europe/Berlin")
# A reference pump keeps no rest; the line is 140 µL of tubing and 80 cm of 2.21 µL. 200 mcg/day of 500 mcg/mL are 0.4 mL/day:
# after twenty days 10 of 18 mL are left, and the line is full of 500 mcg/mL.
LINE_NL, LEFT_NL = 140_000 + 80 * 2_210, 10_000_000
CASE = """\
case = 1
title = "a case"
timezone = "Europe/Berlin"
until = "2026-03-22 09:00"

[patient]
label = "somebody"

[pump]
model = "reference-20"

[catheter]
model = "indura-8709sc"
tip_level = "T10"
trimmed = "9 cm"

[[event]]
at = "2026-03-02 08:00"
kind = "note"
text = "admitted"

[[event]]
at = "2026-03-02 09:00"
kind = "implant"

[[event]]
at = "2026-03-02 09:00"
kind = "refill"
volume = "18 mL"
concentration = "500 mcg/mL"
[event.program]
mode = "simple continuous"
dose = "200 mcg/day"
"""
NOW = datetime(2026, 3, 22, 8, tzinfo=UTC)
FILL = '[fill]\nvolume = "18 mL"\nconcentration = "2000 mcg/mL"\nrinse = "2 mL"\nrinses = 1\n'
PROGRAM = '[program]\nmode = "simple continuous"\ndose = "{} mcg/day"\n'
BRIDGE = f'order = 1\nbridge = true\nconfirm_total = "240 mcg/day"\n{PROGRAM.format(240)}{FILL}'
ALARM = 'order = 1\nlow_reservoir = "4 mL"\n'
UP = f"order = 1\n{PROGRAM.format(240)}"
WHAT_IF = "Tip dose of the next days, if updated now"


@dataclass(frozen=True)
class Said:
    """What a call of the command said, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


Call = Callable[..., Said]


@pytest.fixture
def called(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command, called in this process: its own errors would come through as they are."""

    def call(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["thecal", *map(str, arguments)])
        handler = signal.getsignal(signal.SIGTERM)
        code: object = None
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        finally:
            signal.signal(signal.SIGTERM, handler)
        out, err = capsys.readouterr()
        assert code is None or isinstance(code, int)
        return Said(code or 0, out, err)

    return call


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return saved(tmp_path / "case.toml", CASE)


def saved(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def order_in(folder: Path, text: str) -> Path:
    return saved(folder / "order.toml", text)


def written(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"case.toml", "order.toml"}


def targets(folder: Path) -> list[str | Path]:
    return ["--text", folder / "x.txt", "--html", folder / "x.html", "--json", folder / "x.json"]


@dataclass(frozen=True)
class Told:
    """A session that was held, in all its forms."""

    stdout: str
    text: str
    page: str
    data: dict[str, Any]


def told(folder: Path, text: str, *options: str, case_text: str = CASE) -> Told:
    """One process with every output."""
    one, order = saved(folder / "case.toml", case_text), order_in(folder, text)
    result = thecal("program", one, "--order", order, *options, *targets(folder))
    assert (result.returncode, result.stderr) == (0, "")
    text, page = ((folder / name).read_text(encoding="utf-8") for name in ("x.txt", "x.html"))
    return Told(result.stdout, text, page, json.loads((folder / "x.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def bridged(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """240 mcg/day of 2,000 mcg/mL over a line of 500, with its forecast."""
    return told(tmp_path_factory.mktemp("bridge"), BRIDGE, "--what-if-now")


def local(seconds: Fraction | int) -> str:
    """The Berlin wall clock so many seconds after the session."""
    moment = (NOW + timedelta(seconds=-(-seconds // 1))).astimezone(BERLIN)
    return moment.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")


def utc(seconds: Fraction | int) -> str:
    return (NOW + timedelta(seconds=-(-seconds // 1))).strftime("%Y-%m-%dT%H:%M:%SZ")


def rows_of(data: dict[str, Any], title: str) -> dict[str, list[str]]:
    return {row[0]: row[1:] for part in data["sections"] if part["title"] == title for row in part["rows"]}


# What is printed ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SES-18")
@pytest.mark.requirement("CLI-05")
def test_the_three_forms_and_the_terminal_agree(bridged: Told) -> None:
    """Every table is in all of them, cell by cell, the banner and the status too; the text file is what the terminal shows."""
    assert bridged.stdout == bridged.text
    check_text(bridged.text, bridged.data["sections"])
    check_page(bridged.page, bridged.data["sections"])
    assert bridged.data["banner"] == BANNER
    for form in (bridged.text, bridged.page):
        assert BANNER in form
        assert bridged.data["status"] in form
    assert max(len(line) for line in bridged.text.splitlines()) <= 106
    assert "http" not in bridged.page


@pytest.mark.requirement("SES-18")
@pytest.mark.requirement("CLI-03")
def test_the_data_are_what_the_reference_says(bridged: Told) -> None:
    """Its keys, in that order; and no path of the machine that made it."""
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    listed = reference[reference.index("`thecal program --json` writes `{") :].partition("{")[2].partition("}")[0]
    assert list(bridged.data) == [key.strip() for key in listed.split(",")]
    assert (bridged.data["schema"], bridged.data["timezone"], bridged.data["at_utc"]) == (1, "Europe/Berlin", utc(0))
    assert (bridged.data["standing"], bridged.data["may_be_signed"]) == ("done", True)
    assert bridged.data["title"] == "a case"
    assert "dead volume 0.3168 mL" in bridged.data["device"]


@pytest.mark.requirement("SES-15")
def test_totals_and_settings_are_those_of_the_order(bridged: Told) -> None:
    """200 to 240 mcg in 24 h is +20 %; an hour has a 24th of it, in whole nanolitres that are never told smaller."""
    data = bridged.data
    before, after = data["totals"]["before"], data["totals"]["after"]
    assert before == {
        "day_mcg": 200, "day_max_mcg": 200, "peak_hour_mcg": -(-400_000 // 24) * 500 / 10**6, "seven_day_mean_mcg": 200,
    }  # fmt: skip
    assert after == {"day_mcg": 240, "day_max_mcg": 240, "peak_hour_mcg": 10, "seven_day_mean_mcg": 240}
    assert data["change_percent"] == 20
    assert data["ordered_mcg_per_day"] == data["programmed_mcg_per_day"] == data["confirmed_mcg_per_day"] == 240
    settings = {row["name"]: row for row in data["settings"]}
    assert {name for name, row in settings.items() if row["changed"]} == {
        "program", "bolus", "concentration", "reservoir volume"
    }  # fmt: skip
    assert "0.12 mL/day" in settings["program"]["after"]  # 240 mcg of 2,000 mcg/mL
    assert (settings["reservoir volume"]["before"], settings["reservoir volume"]["after"]) == ("10 mL", "18 mL")
    assert data["read_back"] == data["after"]
    assert (data["after"]["calculated_nl"], data["after"]["concentration_mcg_per_ml"]) == (18_000_000, 2000)
    assert data["unlike"] == []


@pytest.mark.requirement("SES-17")
@pytest.mark.requirement("PLN-01")
def test_the_bridge_is_the_dose_at_the_old_strength_until_the_line_is_clear(bridged: Told) -> None:
    """240 mcg/day of 500 mcg/mL is 0.48 mL/day: 0.3168 mL take 57,024 s and carry 158.4 mcg. Without it: 0.12 mL/day of 500."""
    line = bridged.data["line"]
    assert (line["volume_nl"], line["amount_pg"]) == (LINE_NL, LINE_NL * 500)
    flow = Fraction(240 * 10**6, 500)
    bridge = line["bridge"]
    assert (bridge["volume_nl"], bridge["flow_nl_per_day"]) == (LINE_NL, flow)
    assert bridge["seconds"] == LINE_NL * DAY_S / flow == 57_024
    assert bridge["dose_pg"] == LINE_NL * 500
    (stretch,) = line["without_plan"]
    assert (stretch["volume_nl"], stretch["start_s"]) == (LINE_NL, 0)
    assert stretch["end_s"] == LINE_NL * DAY_S / Fraction(240 * 10**6, 2000)
    assert (stretch["mcg_per_day"], stretch["percent"]) == (240 * 500 / 2000, 100 * 500 / 2000)
    assert bridged.data["after"]["bolus_ends_utc"] == utc(57_024)
    assert line["prime"] is None


@pytest.mark.requirement("SES-16")
def test_the_dates_follow_from_volumes_and_flows(bridged: Told) -> None:
    """0.4 mL/day from 10 mL; then the bridge and 0.12 mL/day from 18 mL, down to 2 mL and to nothing, on both clocks.

    To refill by: counted from the fill with 14.5 % more than programmed, less five days, in whole days.
    """
    dates = bridged.data["dates"]
    assert dates["before"]["low_reservoir_utc"] == utc(Fraction(LEFT_NL - 2_000_000, 400_000) * DAY_S)
    assert dates["before"]["empty_utc"] == utc(Fraction(LEFT_NL, 400_000) * DAY_S)
    low_s = 57_024 + Fraction(18_000_000 - LINE_NL - 2_000_000, 120_000) * DAY_S
    empty_s = 57_024 + Fraction(18_000_000 - LINE_NL, 120_000) * DAY_S
    assert dates["after"]["low_reservoir_utc"] == utc(low_s)
    assert dates["after"]["empty_utc"] == utc(empty_s)
    shown = rows_of(bridged.data, "Dates, as far as the pump can count")
    assert shown["low reservoir alarm"] == [local(Fraction(LEFT_NL - 2_000_000, 400_000) * DAY_S), local(low_s)]
    assert shown["calculated volume at zero"][1] == local(empty_s)
    gone = Fraction(LINE_NL) * Fraction("1.145")
    days = Fraction(57_024, DAY_S) + (18_000_000 - gone - 2_000_000) / (120_000 * Fraction("1.145")) - 5
    due = (NOW.astimezone(BERLIN).date() + timedelta(days=int(days))).isoformat()
    assert (dates["after"]["refill_by_local"], dates["after"]["refill_by_governed_by"]) == (due, "alarm")


@pytest.mark.requirement("SES-16")
@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize(
    "order", [ALARM, BRIDGE, f"order = 1\n{FILL.replace('2000', '500')}"], ids=["threshold", "bridge", "refill"]
)
def test_the_refill_was_due_by_the_fill_of_before(called: Call, case: Path, tmp_path: Path, order: str) -> None:
    """18 mL at 0.4 mL/day and 14.5 % more reach 2 mL after 34.9 days; less five, the 29th day after it, whatever comes now."""
    result = called("program", case, "--order", order_in(tmp_path, order), *targets(tmp_path))
    assert result.returncode == 0
    data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    days = int(16_000_000 / (400_000 * Fraction("1.145")) - 5)
    due = (datetime(2026, 3, 2, tzinfo=BERLIN).date() + timedelta(days=days)).isoformat()
    assert data["dates"]["before"]["refill_by_local"] == due
    assert rows_of(data, "Dates, as far as the pump can count")["refill by"][0] == f"{due} (alarm)"


@pytest.mark.requirement("RPC-07")
def test_the_residual_is_expected_and_measured(bridged: Told) -> None:
    """10 mL are expected and come; it is the first after implant."""
    assert bridged.data["residual"] == {
        "expected_nl": LEFT_NL, "measured_nl": LEFT_NL, "discrepancy_nl": 0, "flag": "ok", "first_after_implant": True,
        "taken_on": None,
    }  # fmt: skip


# What if now ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SES-17")
def test_with_the_bridge_every_day_has_its_dose(bridged: Told) -> None:
    """240 mcg within 1 %, where without it a quarter comes until the line is clear: 0.3168/0.12 days."""
    days = bridged.data["what_if_now"]
    assert [day["start_utc"] for day in days] == [utc(n * DAY_S) for n in range(7)]
    for day in days:
        assert day["with_plan_pg"] == pytest.approx(240 * 10**6, rel=0.01)
    clear = Fraction(LINE_NL, 120_000)
    for number, day in enumerate(days):
        if number + 1 <= clear:
            assert day["without_plan_pg"] == pytest.approx(240 * 10**6 * 500 / 2000, rel=0.01)
        elif number >= clear + Fraction(1, 10):
            assert day["without_plan_pg"] == pytest.approx(240 * 10**6, rel=0.01)


@pytest.mark.requirement("SES-17")
def test_all_that_comes_was_in_the_line_or_came_from_the_reservoir(bridged: Told) -> None:
    """Seven days: 158.4 mcg from the line, and of 2,000 mcg/mL all that flowed in but the 0.3168 mL that are in the line then."""
    days = bridged.data["what_if_now"]
    flowed = {
        "with_plan_pg": LINE_NL + Fraction(7 * DAY_S - 57_024, DAY_S) * 120_000,
        "without_plan_pg": Fraction(7 * 120_000),
    }
    for course, flowed_nl in flowed.items():
        assert sum(day[course] for day in days) == pytest.approx(LINE_NL * 500 + (flowed_nl - LINE_NL) * 2000, abs=4000)
    shown = [part for part in bridged.data["sections"] if part["title"] == WHAT_IF]
    assert [len(part["columns"]) for part in shown] == [3]
    for row, day in zip(shown[0]["rows"], days, strict=True):
        cells = [float(cell.removesuffix(" mcg").replace(",", "")) for cell in row[1:]]
        assert cells == [pytest.approx(day[course] / 10**6, abs=0.05) for course in flowed]
    assert [row[0] for row in shown[0]["rows"]] == [local(n * DAY_S) for n in range(7)]


@pytest.mark.requirement("SES-17")
def test_to_a_weaker_drug_four_times_the_dose_would_come(tmp_path: Path) -> None:
    """2,000 to 500 mcg/mL at 100 mcg/day: paced at 0.05 mL/day for 6.336 days; without it 400 mcg/day for 1.584 days."""
    order = f'order = 1\nbridge = true\nconfirm_total = "100 mcg/day"\n{PROGRAM.format(100)}{FILL.replace("2000", "500")}'
    weaker = told(tmp_path, order, "--what-if-now", "--days", "9", case_text=CASE.replace("500 mcg/mL", "2000 mcg/mL"))
    bridge = weaker.data["line"]["bridge"]
    assert (bridge["flow_nl_per_day"], bridge["seconds"]) == (50_000, -(-LINE_NL * DAY_S // 50_000))
    days = weaker.data["what_if_now"]
    assert len(days) == 9
    for day in days:
        assert day["with_plan_pg"] == pytest.approx(100 * 10**6, rel=0.01)
    assert days[0]["without_plan_pg"] == pytest.approx(400 * 10**6, rel=0.01)
    assert days[2]["without_plan_pg"] == pytest.approx(100 * 10**6, rel=0.01)
    flowed_nl = LINE_NL + Fraction(9 * DAY_S - bridge["seconds"], DAY_S) * 200_000
    for course, nl in (("with_plan_pg", flowed_nl), ("without_plan_pg", Fraction(9 * 200_000))):
        assert sum(day[course] for day in days) == pytest.approx(LINE_NL * 2000 + (nl - LINE_NL) * 500, abs=4000)
    check_text(weaker.text, weaker.data["sections"])


@pytest.mark.requirement("SES-17")
@pytest.mark.requirement("PLN-03")
def test_a_prime_brings_the_first_dose_on_the_first_day(tmp_path: Path) -> None:
    """0.3168 mL at 24 mL/day in 1,141 s, then 0.4 mL/day; without it the water of the line comes first.

    What came out is all that flowed in but what fills the line at the end; the line held no drug.
    """
    order = f"order = 1\nprime = true\n{PROGRAM.format(200)}{FILL.replace('2000', '500')}"
    only = CASE[: CASE.index('[[event]]\nat = "2026-03-02 09:00"\nkind = "refill"')]
    primed = told(tmp_path, order, "--what-if-now", "--days", "4", "--at", "2026-03-02 09:00", case_text=only)
    prime = primed.data["line"]["prime"]
    seconds = -(-LINE_NL * DAY_S // 24_000_000)
    assert (prime["part"], prime["volume_nl"], prime["seconds"]) == ("tubing and catheter", LINE_NL, seconds)
    days = primed.data["what_if_now"]
    flowed = {
        "with_plan_pg": LINE_NL + Fraction(4 * DAY_S - seconds, DAY_S) * 400_000,
        "without_plan_pg": Fraction(4 * 400_000),
    }
    for course, flowed_nl in flowed.items():
        assert sum(day[course] for day in days) == pytest.approx((flowed_nl - LINE_NL) * 500, abs=1000)
    first_pg = Fraction(DAY_S - seconds, DAY_S) * 400_000 * 500
    assert days[0]["with_plan_pg"] == pytest.approx(first_pg, rel=0.01)
    assert days[0]["without_plan_pg"] == pytest.approx((400_000 - LINE_NL) * 500, rel=0.01)
    assert primed.data["residual"] is None or primed.data["residual"]["expected_nl"] is None


@pytest.mark.requirement("SES-17")
@pytest.mark.parametrize(
    ("order", "mcg"),
    [
        (ALARM, [200, 200]),
        (UP, [240, 240]),
        ('order = 1\n[bolus]\ndose = "50 mcg"\nover = "10 min"\n', [250, 200]),
        ('order = 1\nclock = "+02:00"\n', [200, 200]),
        ('order = 1\n[program]\nmode = "stopped"\n', [0, 0]),
    ],
)
def test_without_a_plan_there_is_one_column(called: Call, case: Path, tmp_path: Path, order: str, mcg: list[float]) -> None:
    """Of the same strength the tip gives what the order asks for, a bolus on top of it, from the first day on."""
    result = called("program", case, "--order", order_in(tmp_path, order), "--what-if-now", "--days", "2", *targets(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")
    data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert [day["with_plan_pg"] / 10**6 for day in data["what_if_now"]] == [pytest.approx(dose, rel=0.001) for dose in mcg]
    assert [day["without_plan_pg"] for day in data["what_if_now"]] == [day["with_plan_pg"] for day in data["what_if_now"]]
    (shown,) = [part for part in data["sections"] if part["title"] == WHAT_IF]
    assert len(shown["columns"]) == 2
    check_text(result.stdout, data["sections"])


@pytest.mark.requirement("SES-07")
def test_a_forecast_that_cannot_be_made_is_refused_and_the_session_is_printed(called: Call, tmp_path: Path) -> None:
    """A pump that was never told a volume: the session is done, and the rest is said, with rule and advice; exit code 1."""
    only = saved(tmp_path / "case.toml", CASE[: CASE.index('[[event]]\nat = "2026-03-02 09:00"\nkind = "refill"')])
    result = called("program", only, "--order", order_in(tmp_path, ALARM), "--what-if-now", *targets(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("thecal: refused by SES-07: ")
    data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert (data["standing"], data["may_be_signed"]) == ("done", True)
    assert data["what_if_now"]["refused"]["rule"] == "SES-07"
    assert data["what_if_now"]["refused"]["advice"]


def test_without_the_option_nothing_is_forecast(called: Call, case: Path, tmp_path: Path) -> None:
    """Neither a table nor numbers."""
    result = called("program", case, "--order", order_in(tmp_path, ALARM), *targets(tmp_path))
    data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert (result.returncode, data["what_if_now"]) == (0, None)
    assert WHAT_IF not in result.stdout


# What is refused ------------------------------------------------------------------------------------------------------

REFUSED = [
    ("order = 1\n", "SES-01"),
    (f'{ALARM}[bolus]\ndose = "50 mcg"\nover = "10 min"\n', "SES-01"),
    (f'order = 1\nclock = "+02:00"\n{PROGRAM.format(240)}', "SES-01"),
    (f"order = 1\nbridge = true\nprime = true\n{PROGRAM.format(240)}", "SES-01"),
    (f"order = 1\n{PROGRAM.format(240)}{FILL}", "SES-03"),
    (f'order = 1\nconfirm_total = "200 mcg/day"\n{PROGRAM.format(240)}', "SAF-04"),
    (f"order = 1\n{PROGRAM.format(20)}", "PMP-01"),
    (f"order = 1\nbridge = true\n{PROGRAM.format(240)}", "PLN-09"),
    ("order = 1\nprime = true\n", "IMP-09"),
    ('order = 1\nlow_reservoir = "21 mL"\n', "PMP-10"),
    (f'{BRIDGE}port = "catheter access port"\n', "RPC-16"),
    (f"{BRIDGE}needle_gauge = 20\n", "RPC-04"),
    (f'{BRIDGE}measured = "0 mL"\n', "RPC-07"),
    (f'{BRIDGE}drawn_up = "17 mL"\n', "TWN-02"),
    (BRIDGE.replace("bridge = true", 'bridge = true\nreservoir = "20 mL"'), "RPC-10"),
    (
        'order = 1\n[program]\nmode = "flex"\ndaily_total = "240 mcg/day"\n'
        'steps = [{ from = "00:00", to = "24:00", dose = "200 mcg" }]\n',
        "ORD-01",
    ),
]


@pytest.mark.requirement("CLI-01")
@pytest.mark.parametrize(("order", "rule"), REFUSED)
def test_a_refused_order_says_why_and_what_to_do_and_writes_nothing(
    called: Call, case: Path, tmp_path: Path, order: str, rule: str
) -> None:
    """Rule, limit, next step and source, in one line on standard error; nothing on standard output, no file; exit code 1."""
    result = called("program", case, "--order", order_in(tmp_path, order), "--what-if-now", *targets(tmp_path))
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"thecal: refused by {rule}: ")
    limit, _, rest = line.partition("Allowed: ")[2].partition(". ")
    advice, _, source = rest.partition("Source: ")
    assert limit
    assert advice.strip().endswith(".")
    assert len(source) > 5
    assert written(tmp_path) == set()


@pytest.mark.requirement("SES-03")
def test_a_refused_change_says_what_the_tip_would_give(case: Path, tmp_path: Path) -> None:
    """As a process: a quarter of the dose for 63.4 h (0.3168/0.12 days), and three ways out."""
    order = order_in(tmp_path, f"order = 1\n{PROGRAM.format(240)}{FILL}")
    result = thecal("program", case, "--order", order, *targets(tmp_path))
    assert (result.returncode, result.stdout) == (1, "")
    for said in (
        "0.3168 mL of 500 mcg/mL",
        "63.4 h: 60 mcg/day, 25 % of the dose",
        "bridge = true",
        "without_bridge",
        "prime it",
    ):
        assert said in result.stderr
    assert written(tmp_path) == set()


@pytest.mark.requirement("PMP-40")
def test_a_pump_without_electronics_has_no_session(called: Call, tmp_path: Path) -> None:
    """Refused with the reason; exit code 1."""
    model = CASE[: CASE.index("[event.program]")].replace("reference-20", "isomed-8472-20-10")
    result = called("program", saved(tmp_path / "case.toml", model), "--order", order_in(tmp_path, ALARM), *targets(tmp_path))
    assert (result.returncode, result.stdout) == (1, "")
    assert "refused by PMP-40" in result.stderr
    assert written(tmp_path) == set()


def test_a_reason_instead_of_a_bridge_is_printed(called: Call, case: Path, tmp_path: Path) -> None:
    """With the strength and the volume that it is about, among what is read before signing."""
    order = f'order = 1\nwithout_bridge = "in hospital,  with tablets"\n{PROGRAM.format(240)}{FILL}'
    result = called("program", case, "--order", order_in(tmp_path, order), *targets(tmp_path))
    assert result.returncode == 0
    data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    (caution,) = [one for one in data["cautions"] if one["rule"] == "SES-03"]
    assert caution["severity"] == "warn"
    assert "in hospital, with tablets" in caution["text"]
    assert "0.3168 mL of 500 mcg/mL" in caution["text"]
    assert data["line"]["bridge"] is None


# Bad input ------------------------------------------------------------------------------------------------------------

BAD: list[tuple[str, int | None, str, str]] = [
    # the file, the line and the field of the mistake, and what is said
    ("order = 1\nprogam = 3\n", 2, "progam", "Did you mean 'program'?"),
    ('order = 1\n"pr\\u006fgam" = 3\n', 2, "progam", "Did you mean 'program'?"),
    ("order = 1\nLow_Reservoir = 3\n", 2, "Low_Reservoir", "Did you mean 'low_reservoir'?"),
    ('order = 1\n[fill]\nvolume = "18 mL"\nconcentration = "500 mcg/mL"\nmesured = "1 mL"\n', 5, "fill.mesured", "'measured'"),
    ('order = 1\n\n[program]\nmode = "simple continuous"\ndose = "240"\n', 5, "program.dose", 'Did you mean "240 mcg/day"?'),
    ('order = 1\nlow_reservoir = "4"\n', 2, "low_reservoir", 'has no unit. Accepted: mL, µL, nL. Did you mean "4 mL"?'),
    ('order = 1\nreservoir = "18 L"\n', 2, "reservoir", "reservoirs hold millilitres"),
    (
        'order = 1\n[program]\nmode = "simple continuous"\ndose = "0.24 mg/day"\n', 4, "program.dose",
        'Did you mean "240 mcg/day"?',
    ),
    ('order = 1\nconcentration = "2 mg/mL"\n', 2, "concentration", 'Did you mean "2,000 mcg/mL"?'),
    ('order = 1\n[bolus]\ndose = "0.05 mg"\nover = "10 min"\n', 3, "bolus.dose", 'Did you mean "50 mcg"?'),
    ('order = 2\nlow_reservoir = "4 mL"\n', 1, "order", "Accepted: 1."),
    ('order = "1"\nlow_reservoir = "4 mL"\n', 1, "order", "Accepted: 1."),
    ('order = true\nlow_reservoir = "4 mL"\n', 1, "order", "Accepted: 1."),
    ('low_reservoir = "4 mL"\n', 1, "order", "is missing"),
    ('case = 1\nlow_reservoir = "4 mL"\n', 1, "case", "is not a key here"),
    ("order = 1\nbridge = yes\n", 2, "document", "is not TOML"),
    ("order = 1\n[fill\n", 2, "document", "is not TOML"),
    ('order = 1\nbridge = true\nbridge = false\n', 3, "document", "repeats a key or a table"),
    ('order = 1\nbridge = "true"\n', 2, "bridge", "valid boolean"),
    ("order = 1\nprogram = 240\n", 2, "program", "is not a table; write [program] and its keys below"),
    ("order = 1\nlow_reservoir = 4\n", 2, "low_reservoir", 'needs a unit, in quotes. Accepted: mL, µL, nL. Did you mean "4 mL"?'),
    ("order = 1\nnote = 7\n", 2, "note", "is not text in quotes"),
    ('order = 1\nclock = "2 h"\n', 2, "clock", "is not an offset from UTC"),
    ("order = 1\n[[program]]\n", 2, "program", "is not a table"),
    ('order = 1\n[bolus]\ndose = "50 mcg"\n', 2, "bolus.over", "is missing; the keys of this table are dose, over"),
    ('order = 1\n[program]\nmode = "flexx"\n', 3, "program.mode", "Did you mean 'flex'?"),
    ('order = 1\n[program]\nmode = "flex"\ndose = "240 mcg/day"\n', 3, "program.mode", "here it has dose"),
    (
        'order = 1\nbridge = true\nwithout_bridge = "later"\n', 3, "without_bridge",
        "says why there is no bridge, and bridge = true orders one",
    ),
    ('order = 1\nprime_flow = "24 mL/day"\n', 2, "prime_flow", "goes with prime = true"),
    (f'{BRIDGE.replace("rinses = 1", "")}', 10, "fill.rinse", "needs both: rinse, a volume, and rinses, how often"),
    (BRIDGE.replace('rinse = "2 mL"\n', ""), 10, "fill.rinses", "needs both: rinse, a volume, and rinses, how often"),
    (BRIDGE.replace("rinses = 1", "rinses = 11"), 11, "fill.rinses", "at most 10"),
    (f'{BRIDGE}port = "access port"\n', 12, "fill.port", "Accepted: refill port, catheter access port."),
    ('order = 1\n[[event]]\nkind = "note"\n', 2, "event", "is not a key here"),
    ('order = 1\nwithout_bridge = "a\\u202eb"\n', 2, "without_bridge", "holds the control character"),
    ("", None, "", "is an empty file. Did you mean order = 1 and what is to be written?"),
    ("\n  \n", None, "", "is an empty file"),
]  # fmt: skip


@pytest.mark.requirement("CLI-01")
@pytest.mark.requirement("CLI-02")
@pytest.mark.parametrize(("text", "line", "field", "says"), BAD)
def test_a_mistake_in_an_order_file_is_named_with_its_line(
    called: Call, case: Path, tmp_path: Path, text: str, line: int | None, field: str, says: str
) -> None:
    """File, line, field and what is accepted or was meant; exit code 2, no file, no table."""
    result = called("program", case, "--order", order_in(tmp_path, text), *targets(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    place = f"thecal: order.toml:{line}: {field}" if line else "thecal: order.toml"
    said = [one for one in result.stderr.splitlines() if one.startswith(place) and says in one]
    assert [one[len(place)] for one in said] in ([":"], [" "]), result.stderr
    assert written(tmp_path) == set()


def test_all_mistakes_are_said_at_once_in_the_order_of_lines(called: Call, case: Path, tmp_path: Path) -> None:
    """Three in one file; and where a case has some too, those come first."""
    order = 'order = 1\nlow_reservoir = "4"\n[bolus]\ndose = "1 mg"\novr = "5 min"\nover = "5"\n'
    result = called("program", case, "--order", order_in(tmp_path, order))
    places = [line.split(": ")[1] for line in result.stderr.splitlines()]
    assert places == [f"order.toml:{line}" for line in (2, 4, 5, 6)]
    assert result.returncode == 2


def test_the_version_that_is_wrong_is_that_of_an_order(called: Call, case: Path, tmp_path: Path) -> None:
    """An order file is no case."""
    result = called("program", case, "--order", order_in(tmp_path, 'order = 2\nlow_reservoir = "4 mL"\n'))
    assert result.returncode == 2
    assert "version of the case format" not in result.stderr


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"# " + b"x" * (16 * 2**20), "is larger than it can be (16,777,216 bytes)"),
        (ALARM.encode("utf-16"), "save it as UTF-8"),
        ('order = 1\nnote = "für"\n'.encode("latin-1"), "order.toml:2: document: '0xfc' at byte"),
        (b"x = " + b"[" * 5000 + b"]" * 5000, "nests too deeply"),
        (b"\x00\x01", "is not TOML"),
    ],
    ids=["large", "UTF-16", "latin-1", "deep", "rubbish"],
)
def test_what_is_no_order_at_all_says_so(called: Call, case: Path, tmp_path: Path, raw: bytes, says: str) -> None:
    """Too large, another encoding, endless nesting; exit code 2."""
    order = tmp_path / "order.toml"
    order.write_bytes(raw)
    result = called("program", case, "--order", order, *targets(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert "order.toml" in result.stderr or says == "nests too deeply"
    assert written(tmp_path) == set()


def test_a_byte_order_mark_does_no_harm(called: Call, case: Path, tmp_path: Path) -> None:
    """Some editors write one."""
    order = tmp_path / "order.toml"
    order.write_bytes(b"\xef\xbb\xbf" + ALARM.encode())
    assert called("program", case, "--order", order).returncode == 0


@pytest.mark.requirement("CLI-01")
@pytest.mark.parametrize("order", ['order = 1\nbridge = true\nwithout_bridge = "x"\n', 'order = 1\nlow_reservoir = "4"\n'])
def test_bad_input_ends_a_process_with_two(case: Path, tmp_path: Path, order: str) -> None:
    """One line on standard error for the mistake, and no traceback."""
    result = thecal("program", case, "--order", order_in(tmp_path, order), *targets(tmp_path))
    assert "Traceback" not in result.stderr
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert result.stderr.startswith("thecal: order.toml:")
    assert written(tmp_path) == set()


@pytest.mark.requirement("CLI-01")
def test_what_is_missing_or_no_file_exits_with_two(called: Call, case: Path, tmp_path: Path) -> None:
    """The case, the order, the option itself; a folder is none."""
    order = order_in(tmp_path, ALARM)
    for arguments in ([tmp_path / "none.toml", "--order", order], [case, "--order", tmp_path / "none.toml"]):
        result = called("program", *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert "none.toml" in result.stderr
    assert called("program", case, "--order", tmp_path).returncode == 2
    assert called("program", case).returncode == 2
    for days in ("0", "61", "x"):
        assert called("program", case, "--order", order, "--what-if-now", "--days", days).returncode == 2


# When -----------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CLI-01")
@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("2026-03-02 07:59", "is not within the case. Accepted: 2026-03-02 08:00 to 2026-03-22 09:00."),
        ("2026-03-22 09:01", "is not within the case. Accepted: 2026-03-02 08:00 to 2026-03-22 09:00."),
        ("yesterday", "is not a date and time"),
        ("2026-03-10", 'Accepted: "2026-03-01 09:30"'),
        ("2026-03-29 02:30", "does not exist in Europe/Berlin"),
    ],
)
def test_a_time_outside_the_case_is_bad_input(called: Call, case: Path, tmp_path: Path, at: str, says: str) -> None:
    """With the option, the text, and what is accepted."""
    result = called("program", case, "--order", order_in(tmp_path, ALARM), "--at", at, *targets(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"thecal: --at: '{at}' ")
    assert says in result.stderr
    assert written(tmp_path) == set()


@pytest.mark.requirement("CLI-01")
@pytest.mark.parametrize(
    ("case_text", "options", "when"),
    [
        (CASE, ["--at", "2026-03-02 08:30"], "2026-03-02 08:30"),
        (f'{CASE}[[event]]\nat = "2026-03-20 09:00"\nkind = "explant"\n', [], "2026-03-22 09:00"),
    ],
    ids=["before the implant", "after the explant"],
)
def test_a_case_without_a_pump_then_is_bad_input(
    called: Call, tmp_path: Path, case_text: str, options: list[str], when: str
) -> None:
    """There is nothing to hold a session with; the time is said, and what to write instead."""
    one = saved(tmp_path / "case.toml", case_text)
    result = called("program", one, "--order", order_in(tmp_path, ALARM), *options, *targets(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert f"has no pump in place at {when}" in result.stderr
    assert "case.toml" in result.stderr
    assert "--at" in result.stderr
    assert written(tmp_path) == set()


def test_the_case_runs_until_then_and_is_not_changed(called: Call, case: Path, tmp_path: Path) -> None:
    """Ten days on, 14 of 18 mL are left; a second session finds the pump as the first one did."""
    order = order_in(tmp_path, ALARM)
    for _ in range(2):
        result = called("program", case, "--order", order, "--at", "2026-03-12 09:00", "--json", tmp_path / "x.json")
        assert result.returncode == 0
        data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
        assert (data["before"]["calculated_nl"], data["before"]["low_reservoir_nl"]) == (14_000_000, 2_000_000)
        assert data["at_utc"] == "2026-03-12T08:00:00Z"
    assert case.read_text(encoding="utf-8") == CASE
    assert order.read_text(encoding="utf-8") == ALARM


def test_a_session_follows_one_of_the_case_in_the_same_minute(called: Call, tmp_path: Path) -> None:
    """The case ends with a session of its own; the next one begins where it left the pump."""
    event = f'[[event]]\nat = "2026-03-22 09:00"\nkind = "session"\n{PROGRAM.format(240).replace("[p", "[event.p")}'
    one = saved(tmp_path / "case.toml", f"{CASE}{event}")
    result = called("program", one, "--order", order_in(tmp_path, ALARM), "--json", tmp_path / "x.json")
    assert (result.returncode, result.stderr) == (0, "")
    assert "0.48 mL/day" in json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["before"]["program"]


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CLI-02")
@pytest.mark.parametrize("option", ["--text", "--html", "--json"])
@pytest.mark.parametrize("place", ["missing/x", ".", "order.toml/x"])
def test_a_place_that_cannot_be_written_leaves_nothing(called: Call, case: Path, tmp_path: Path, option: str, place: str) -> None:
    """One of three targets is bad, and none of the files is there; exit code 2."""
    wanted = targets(tmp_path)
    wanted[wanted.index(option) + 1] = tmp_path / place
    result = called("program", case, "--order", order_in(tmp_path, ALARM), *wanted)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("thecal: ")
    assert written(tmp_path) == set()


@pytest.mark.requirement("CLI-02")
def test_no_file_takes_the_place_of_another(called: Call, case: Path, tmp_path: Path) -> None:
    """Not of the case, not of the order, not of another output, under whatever name it is reached."""
    order = order_in(tmp_path, ALARM)
    (tmp_path / "link.toml").symlink_to(order)
    other = tmp_path / "x"
    wrong: list[list[str | Path]] = [
        ["--order", case],
        ["--order", order, "--json", case],
        ["--order", order, "--text", order],
        ["--order", order, "--html", tmp_path / "link.toml"],
        ["--order", order, "--json", other, "--html", other],
    ]
    for arguments in wrong:
        result = called("program", case, *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert "Accepted: another file." in result.stderr
    assert (case.read_text(encoding="utf-8"), order.read_text(encoding="utf-8")) == (CASE, ALARM)
    assert not other.exists()


@pytest.mark.requirement("CLI-02")
def test_old_files_stay_where_the_order_is_refused(called: Call, case: Path, tmp_path: Path) -> None:
    """A printout of before is not lost to an order that was never written."""
    for name in ("x.txt", "x.html", "x.json"):
        saved(tmp_path / name, "old")
    assert called("program", case, "--order", order_in(tmp_path, "order = 1\n"), *targets(tmp_path)).returncode == 1
    assert {(tmp_path / name).read_text(encoding="utf-8") for name in ("x.txt", "x.html", "x.json")} == {"old"}


# Hostile text ---------------------------------------------------------------------------------------------------------

EVIL = '<script>alert(1)</script> & </title> " 日本 ✓'


@pytest.mark.requirement("SES-18")
def test_markup_in_a_case_is_text(called: Call, tmp_path: Path) -> None:
    """Title, label and reason come out as they were written; on the page none of it is a tag."""
    text = CASE.replace('"a case"', f"'{EVIL}'").replace('"somebody"', f"'{EVIL}'")
    order = f"order = 1\nnote = '{EVIL}'\nwithout_bridge = '{EVIL}'\n{PROGRAM.format(240)}{FILL}"
    result = called("program", saved(tmp_path / "case.toml", text), "--order", order_in(tmp_path, order), *targets(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")
    data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert data["title"] == EVIL
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("</title>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;/title&gt;" in page
    check_page(page, data["sections"])
    assert EVIL in result.stdout


@pytest.mark.parametrize("escape", ["\\u001b[31m", "\\u0007", "\\u0000", "\\u202e", "\\u009b"])
@pytest.mark.parametrize("place", ["title", "label", "note", "without_bridge", "key", "key of a table"])
def test_no_control_character_reaches_the_terminal(called: Call, tmp_path: Path, escape: str, place: str) -> None:
    """What would color, move or reverse a terminal's text is refused, and the refusal shows it as plain characters."""
    texts = {"title": 'title = "a case"', "label": 'label = "somebody"'}
    case_text, order = CASE, {
        "note": f'{ALARM}note = "a{escape}b"\n',
        "without_bridge": f'{ALARM}without_bridge = "a{escape}b"\n',
        "key": f'{ALARM}"a{escape}b" = 1\n',
        "key of a table": f'{ALARM}[bolus]\ndose = "50 mcg"\nover = "5 min"\n"a{escape}b" = 1\n',
    }.get(place, ALARM)  # fmt: skip
    if place in texts:
        key = texts[place].partition(" ")[0]
        case_text = CASE.replace(texts[place], f'{key} = "a{escape}b"')
    one = saved(tmp_path / "case.toml", case_text)
    result = called("program", one, "--order", order_in(tmp_path, order), *targets(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert all(character.isprintable() or character == "\n" for character in result.stderr), repr(result.stderr)
    assert written(tmp_path) == set()
