"""Pumps that are new on a bench: ready ones, empty ones, those of a case; and how they come to the shelf."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.command import ROOT
from tests.programmer.desk import C500, continuous, desk
from thecal.bench.bench_folder import BenchError, BenchFolder
from thecal.bench.codec import canonical, parse, read, written
from thecal.bench.journal import NotWrittenError
from thecal.bench.new_pump import Made, check_virtual, empty_pump, free_serials, numbered, pump_of_case, ready_pump
from thecal.bench.patient_charts import read_chart
from thecal.bench.shelf import ShelvedPump
from thecal.bench.start import NewPump, open_shelf
from thecal.bench.virtual_pump import VirtualPump, pump_of, pump_plain
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, Filled, Implanted
from thecal.chart.line_ledger import line_ledger
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import InputError, Refusal
from thecal.pump.messages import Fill
from thecal.pump.reservoir import perform
from thecal.pump.sheet import READINGS, pump_sheet, pump_sheets, with_reading
from thecal.quantity import Volume
from thecal.therapy.settings import settings_of
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import read_case

NOW = Instant(1_767_603_600)  # 2026-01-05 09:00 UTC
PROGRAMMABLE = sorted(name for name, sheet in pump_sheets().items() if sheet.programmable)
CASES = sorted(path for path in (ROOT / "scenarios").glob("*.toml") if path.stem != "tablets")  # which has no pump


def made(answer: Made | Refusal) -> Made:
    assert isinstance(answer, Made), answer
    return answer


@pytest.mark.parametrize("name", PROGRAMMABLE)
def test_a_ready_pump_runs_and_its_chart_says_so(name: str) -> None:
    """Of every data sheet: 100 mcg a day from a line full of drug, no alarm, and a programmer goes on from there."""
    pump = made(ready_pump(pump_sheet(name), NOW))
    chart = Chart().after(*pump.facts)
    assert (pump.state.now, pump.state.mode, pump.state.memory.alarms) == (NOW, "simple continuous", ())
    assert pump.state.memory.concentration == C500
    assert pump.state.usable_nl == pump.state.known_nl == pytest.approx(18_286_000, abs=1000)  # 7 days and a primed line less
    lies = line_ledger(chart)
    assert lies is not None
    assert lies.in_words().startswith(f"from the tip: {Volume(lies.line.volume_nl)} of 500 mcg/mL;")
    programmer = desk(pump.state, chart=chart)
    assert programmer.write(OrderSheet(dosing=continuous(110))).totals[1].day.mcg == 110  # type: ignore[union-attr]  # a dose


@pytest.mark.parametrize(
    ("property_", "reading"), [(name, value) for name, values in READINGS.items() for value in values], ids=lambda value: value
)
def test_a_ready_pump_may_be_read_either_way(property_: str, reading: str) -> None:
    """Each reading of what no source decides; and its journal brings the same pump back."""
    sheet = with_reading(pump_sheet("reference-40"), property_, reading)
    pump = made(ready_pump(sheet, NOW))
    assert pump.state.mode == "simple continuous"
    (new,) = numbered(pump, ["TC-0001"])
    assert new.pump.readings == ((property_, reading),)
    assert pump_of(parse(canonical(pump_plain(new.pump)))) == new.pump


def test_the_machine_s_clock_may_stand_at_its_beginning() -> None:
    """A pump that would have been implanted before 1970 was implanted then."""
    pump = made(ready_pump(pump_sheet("reference-40"), Instant(DAY_S)))
    assert pump.facts[0].at == Instant(Instant.FIRST)


def test_an_empty_pump_waits_for_its_first_fill() -> None:
    """Stopped, with nothing in it and water in its line; filled by a needle, it takes its first program."""
    pump = made(empty_pump(pump_sheet("reference-40"), NOW))
    chart = Chart().after(*pump.facts)
    assert (pump.state.now, pump.state.mode, pump.state.usable_nl, pump.state.known_nl) == (NOW, "stopped", 0, None)
    assert isinstance(pump.facts[0], Implanted)
    first = OrderSheet(dosing=continuous(100), concentration=C500, reservoir=Volume(20_000_000), prime=True)
    programmer = desk(pump.state, chart=chart)
    assert programmer.interrogate() is None
    refused = programmer.prepare(OrderSheet(dosing=continuous(100)))
    assert refused is not None
    assert refused.rule == "ORD-06"
    filled = perform(pump.state, Fill(Volume(20_000_000), C500))
    assert not isinstance(filled, Refusal)
    programmer = desk(filled[0], chart=chart.after(Filled(NOW, Volume(20_000_000), C500)))
    programmer.write(first)
    assert programmer.pump.mode == "priming bolus"


def test_a_constant_flow_pump_has_nothing_to_talk_to() -> None:
    """Refused by the rule that says so of every command."""
    refused = check_virtual(pump_sheet("isomed-8472-35-25"))
    assert refused is not None
    assert refused.rule == "PMP-40"
    assert check_virtual(pump_sheet("reference-40")) is None


def test_every_setting_is_a_demonstration_with_a_source() -> None:
    """No number of a new pump stands there by itself."""
    settings = settings_of("bench")
    assert set(settings) == {"catheter", "trimmed", "tip_level", "concentration", "volume", "dose", "has_run"}
    assert all(datum.confidence == "D" and datum.source.startswith("a demonstration") for datum in settings.values())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_pump_of_a_case_comes_with_its_chart(path: Path) -> None:
    """As it is at the end of every scenario, and both survive being written down."""
    case = read_case(path)
    found = pump_of_case(case, case.until)
    assert not isinstance(found, Refusal)
    pump, trace = found
    assert pump.state == trace.world.pump
    assert pump.state.now == case.until
    (new,) = numbered(pump, ["TC-0001"])
    assert pump_of(parse(canonical(pump_plain(new.pump)))) == new.pump
    facts = written(pump.facts, tuple[Fact, ...])
    assert read(tuple[Fact, ...], facts) == pump.facts == trace.chart.facts


def test_a_case_without_a_pump_then_is_bad_input() -> None:
    """Before the implant there is none."""
    case = read_case(ROOT / "scenarios" / "first-year.toml")
    with pytest.raises(InputError, match=r"--case: 'first-year.toml' has no pump in place at 2025-01-08 09:00"):
        pump_of_case(case, case.actions[0].at)


def test_serial_numbers_are_those_that_nobody_has() -> None:
    """In order, around those that are taken."""
    assert list(islice(free_serials(["TC-0002", "TC-0003", "X-1"]), 3)) == ["TC-0001", "TC-0004", "TC-0005"]


@pytest.fixture
def folder(tmp_path: Path) -> BenchFolder:
    found = BenchFolder(tmp_path / "bench")
    found.make()
    return found


def some(count: int) -> Iterator[NewPump]:
    return numbered(made(ready_pump(pump_sheet("reference-40"), NOW)), islice(free_serials([]), count))


def test_new_pumps_are_durable_before_they_are_in_their_places(folder: BenchFolder) -> None:
    """All of them at once: nothing stands in its place before everything was synced."""
    seen: list[list[str]] = []
    with patch.object(os, "sync", lambda: seen.append(folder.serials())):
        shelf = open_shelf(folder, lambda _: some(3))
    assert seen == [[]]
    assert list(shelf) == folder.serials() == ["TC-0001", "TC-0002", "TC-0003"]
    assert not folder.unfinished.path.exists()
    assert len(read_chart(folder, "TC-0003").facts) == len(next(some(1)).facts)
    again = open_shelf(folder, lambda _: ())
    assert [kept.pump for kept in again.values()] == [kept.pump for kept in shelf.values()]


def test_a_new_pump_writes_on_in_its_place(folder: BenchFolder) -> None:
    """Its journal goes on where the pump was put, not where it was made."""
    shelf = open_shelf(folder, lambda _: some(1))
    shelf["TC-0001"].put_away(Instant(NOW.s + 60))
    assert ShelvedPump.open(folder.pump("TC-0001")).pump.now == Instant(NOW.s + 60)


def test_new_pumps_come_all_or_none(folder: BenchFolder) -> None:
    """A disk that is full at the third leaves neither pumps nor charts, and no trace of the attempt."""
    begin, calls = ShelvedPump.new, 0

    def full(place: object, pump: VirtualPump) -> ShelvedPump:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise NotWrittenError("journal-000001: No space left on device")
        return begin(place, pump)  # type: ignore[arg-type]  # as it came

    with patch.object(ShelvedPump, "new", full), pytest.raises(BenchError, match=r"no pump was put there: .*No space left"):
        open_shelf(folder, lambda _: some(5))
    assert calls == 3
    assert (folder.serials(), list(folder.charts.iterdir()), folder.unfinished.path.exists()) == ([], [], False)


def test_what_a_start_that_was_cut_has_left_is_taken_away(folder: BenchFolder) -> None:
    """Half-made pumps are no pumps: the next start makes them anew."""
    (folder.unfinished.pumps / "TC-0001").mkdir(parents=True)
    (folder.unfinished.pumps / "TC-0001" / "journal-000001.part").write_bytes(b"half")
    assert list(open_shelf(folder, lambda _: some(1))) == ["TC-0001"]
    assert not folder.unfinished.path.exists()


def test_a_chart_is_never_given_to_another_pump(folder: BenchFolder) -> None:
    """Where a chart of a serial number is kept, no new pump gets it."""
    open_shelf(folder, lambda _: some(1))
    (folder.pumps / "TC-0001").rename(folder.path / "taken off the bench")
    with pytest.raises(BenchError, match="holds a pump or a chart of TC-0001 already"):
        open_shelf(folder, lambda _: some(1))
    assert folder.serials() == []
