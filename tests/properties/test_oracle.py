"""The device against an independent one that ticks every second."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.courses import Bench, Operation, Wait, flex_days, ml, new_bench, run_course
from tests.oracle import NaivePump
from thecal.pump.messages import ChangeGain, Fill, StartBolus, Update, Withdraw
from thecal.pump.program import Day, Flex, SingleBolus, Step
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant

MIDNIGHT = Instant(1_767_571_200)  # 2026-01-05 00:00 UTC, a Monday
FAST = st.integers(480_000, 20_000_000)


def second_by_second(day: tuple[Step, ...], second: int) -> int:
    return next(step.flow.nl_per_day for step in day if second % DAY_S < step.until_s)


@settings(max_examples=25)
@given(
    flex_days(FAST),
    st.integers(700_000, 1_300_000),
    st.sampled_from(["synchromed-ii-20", "reference-40"]),
    st.integers(150_000, 2_000_000),
    st.lists(st.tuples(st.integers(1, 3000), st.integers(1, 300_000), st.integers(60, 900)), min_size=2, max_size=3),
    st.integers(0, DAY_S - 9000),
)
def test_it_is_what_a_ticking_pump_does(
    day: Day, gain_ppm: int, sheet_name: str, fill_nl: int, legs: list[tuple[int, int, int]], start_s: int
) -> None:
    """Believed, true and tip volumes agree to the nanolitre, drug to a picogram a mixture, and alarms to the second."""
    sheet, start = pump_sheet(sheet_name), Instant(MIDNIGHT.s + start_s)
    dead, low = ml(0.1), Volume(100_000)
    bench = new_bench(sheet, start, dead_volume=dead).do(ChangeGain(Gain(gain_ppm)))
    naive = NaivePump(
        dead.nl,
        sheet.undeliverable_volume.nl,
        Fraction(gain_ppm, 10**6),
        lambda second: second_by_second(day, start_s + second),
        low.nl,
    )
    for number, (seconds, bolus_nl, over_s) in enumerate(legs):
        strength = Concentration(2000 if number % 2 else 500)
        aspirated = naive.refill(fill_nl, strength.mcg_per_ml)
        before = bench.pump.usable_nl
        fill: list[Operation] = [
            Withdraw(),
            Fill(Volume(fill_nl), strength),
            Update(Flex((day,)), strength, Volume(fill_nl), low),
        ]
        bench = run_course(bench, fill)
        assert aspirated == before
        given_bolus = bench.do(StartBolus(SingleBolus(Volume(bolus_nl), Duration(over_s))))
        if not given_bolus.refusals:
            naive.bolus = (bolus_nl, over_s, naive.second)
            bench = given_bolus
        naive.alarms.clear()
        alarms_before = len(bench.events)
        bench = bench.do(Wait(seconds + over_s))
        naive.run(seconds + over_s)
        assert bench.pump.memory.calculated_nl == naive.calculated_nl
        assert bench.pump.usable_nl == naive.usable_nl
        volume_nl, amount_pg = naive.at_tip()
        assert bench.world.ledger.intrathecal.volume_nl == volume_nl
        assert abs(bench.world.ledger.intrathecal.amount_pg - amount_pg) <= 2 * (number + 1)
        assert alarms_of(bench, alarms_before, start) == {
            name: second for name, second in naive.alarms.items() if second > naive.second - seconds - over_s
        }


def alarms_of(bench: Bench, since: int, start: Instant) -> dict[str, int]:
    events = bench.events[since:]
    return {event.kind.removesuffix(" alarm"): event.at.s - start.s for event in events if event.kind.endswith(" alarm")}
