"""The limits of refills: a clinic that is stricter never finds less."""

from collections import Counter

import pytest

from tests.charts import Story, day, started
from tests.courses import ml
from thecal.chart.clinical import Booked, Documented, Noticed, SymptomReported, Visited
from thecal.chart.facts import ResidualMeasured
from thecal.therapy.check import check
from thecal.therapy.clinic import Clinic
from thecal.therapy.refilling import CHECKS
from thecal.therapy.rules import Limit, all_rules

LIMITS = [
    limit for rule in CHECKS for limit in all_rules()[rule].limits.values() if limit.stricter and limit.configurable != "no"
]
STORIES: dict[str, Story] = {
    "unbooked": started(200),
    "booked": started(200).fact(Booked(day(1), "refill", day(76), "nurse"), Documented(day(1), "reachable contact")),
    "moved": started(200).fact(Booked(day(1), "refill", day(75), "nurse")).programmed(10, 230),
    "slow": started(90).fact(Booked(day(1), "home refill", day(174), "nurse"), Noticed(day(1), "previous withdrawal")),
    "fast": started(470).filled(20).programmed(20, 470).filled(40, measured_ml=23).programmed(40, 470),
    "elsewhere": started(200).fact(Documented(day(1), "refill elsewhere", day(70), "Clinic B")),
    "journey": started(200).fact(
        Booked(day(1), "travel", day(60)), Booked(day(1), "return", day(70)), Noticed(day(1), "transport risk")
    ),
    "refilled": started(200)
    .fact(Visited(day(60), "refill"))
    .filled(60)
    .programmed(60, 200)
    .fact(SymptomReported(day(61.2), "pocket pain", 1), ResidualMeasured(day(61.5), ml(40), ml(35.5), ml(40))),
}
DAYS = (2, 21, 41, 60.1, 63, 68, 71, 75, 79, 85, 90, 174)


def rules_found(story: Story, on: float, clinic: Clinic) -> Counter[str]:
    """How often each rule finds something."""
    return Counter(finding.rule for finding in check(story.look(on, clinic=clinic), "refill"))


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.rule}.{limit.name}")
@pytest.mark.parametrize("percent", [10, 80])
def test_a_stricter_limit_finds_no_less(limit: Limit, percent: int) -> None:
    """Rule by rule, over several courses and days."""
    part = 1 - percent / 100 if limit.stricter == "lower" else 1 + percent / 100
    stricter = Clinic().with_switch("RPC-12", on=True).with_limit(f"{limit.rule}.{limit.name}", limit.value * part)
    usual = Clinic().with_switch("RPC-12", on=True)
    for name, story in STORIES.items():
        for on in DAYS:
            less, more = (rules_found(story, on, clinic) for clinic in (usual, stricter))
            assert less <= more, (name, on)
