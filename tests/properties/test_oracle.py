"""The device against an independent one that ticks every second."""

from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.courses import Bench, Wait, flex_days, ml, new_bench, run_course
from tests.oracle import NaivePump
from thecal.pump.messages import ChangeGain, Fill, StartBolus, Update, Withdraw
from thecal.pump.program import Day, Flex, SingleBolus
from thecal.pump.sheet import Basal, pump_sheet
from thecal.quantity import Concentration, Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant

MIDNIGHT = Instant(1_767_571_200)  # 2026-01-05 00:00 UTC, a Monday
FAST = st.integers(480_000, 20_000_000)


def second_by_second(days: list[Day], clock_s: int) -> int:
    """The flow at a second of the pump clock, counted from a Monday's midnight."""
    day = days[clock_s // DAY_S % len(days)]
    return next(step.flow.nl_per_day for step in day if clock_s % DAY_S < step.until_s)


@dataclass(frozen=True)
class Leg:
    """A refill, a bolus, and a gain that changes on the way."""

    seconds: int
    bolus_nl: int
    over_s: int
    gain_ppm: int
    gain_after_s: int


LEGS = st.builds(
    Leg, st.integers(1, 3000), st.integers(1, 300_000), st.integers(60, 900), st.integers(700_000, 1_300_000), st.integers(0, 900)
)


@settings(max_examples=30)
@given(
    st.lists(flex_days(FAST), min_size=1, max_size=1) | st.lists(flex_days(FAST), min_size=7, max_size=7),
    st.sampled_from(["synchromed-ii-20", "reference-40"]),
    st.sampled_from(["continues", "suspended"]),
    st.integers(150_000, 2_000_000),
    st.lists(LEGS, min_size=2, max_size=3),
    st.integers(0, 7 * DAY_S),
    st.integers(-12 * 3600, 14 * 3600),
)
def test_it_is_what_a_ticking_pump_does(
    days: list[Day], sheet_name: str, basal: Basal, fill_nl: int, legs: list[Leg], start_s: int, offset_s: int
) -> None:
    """Believed, true and tip volumes agree to the nanolitre, drug to a picogram a mixture, and alarms to the second."""
    sheet = replace(pump_sheet(sheet_name), basal_during_bolus=basal)
    start, dead, low = Instant(MIDNIGHT.s + start_s), ml(0.1), Volume(100_000)
    bench = new_bench(sheet, start, offset_s, dead)
    naive = NaivePump(
        dead.nl,
        sheet.undeliverable_volume.nl,
        Fraction(1),
        lambda second: second_by_second(days, start_s + offset_s + second),
        low.nl,
        suspends=basal == "suspended",
    )
    for number, leg in enumerate(legs):
        strength = Concentration(2000 if number % 2 else 500)
        aspirated, before = naive.refill(fill_nl, strength.mcg_per_ml), bench.pump.usable_nl
        update = Update(Flex(tuple(days)), strength, Volume(fill_nl), low)
        bench = run_course(bench, [Withdraw(), Fill(Volume(fill_nl), strength), update])
        assert aspirated == before
        given_bolus = bench.do(StartBolus(SingleBolus(Volume(leg.bolus_nl), Duration(leg.over_s))))
        if not given_bolus.refusals:
            naive.bolus = (leg.bolus_nl, leg.over_s, naive.second)
            bench = given_bolus
        naive.alarms.clear()
        alarms_before, began = len(bench.events), naive.second
        first, rest = min(leg.gain_after_s, leg.seconds + leg.over_s), max(leg.seconds + leg.over_s - leg.gain_after_s, 0)
        bench = run_course(bench, [Wait(first), ChangeGain(Gain(leg.gain_ppm)), Wait(rest)])
        naive.run(first)
        naive.gain = Fraction(leg.gain_ppm, 10**6)
        naive.run(rest)
        assert bench.pump.memory.calculated_nl == naive.calculated_nl
        assert bench.pump.usable_nl == naive.usable_nl
        volume_nl, amount_pg = naive.at_tip()
        assert bench.world.ledger.intrathecal.volume_nl == volume_nl
        assert abs(bench.world.ledger.intrathecal.amount_pg - amount_pg) <= 2 * (number + 1)
        since = {name: second for name, second in naive.alarms.items() if second > began}
        assert alarms_of(bench, alarms_before, start) == since


def alarms_of(bench: Bench, since: int, start: Instant) -> dict[str, int]:
    events = bench.events[since:]
    return {event.kind.removesuffix(" alarm"): event.at.s - start.s for event in events if event.kind.endswith(" alarm")}
