"""Screening boluses for the tests, and what was seen and said of them."""

from tests.charts import Story, day
from thecal.chart.clinical import (
    Answered,
    Booked,
)
from thecal.chart.facts import Assessed
from thecal.quantity import Amount
from thecal.therapy.clinic import Clinic
from thecal.therapy.screening_test import ScreeningResult, screening_result

H = 1 / 24
NO_FALL = ("significant fall in tone", "significant fall in spasms")
PAYER = Clinic(payers=("Medicare",))


def mcg(number: float) -> Amount:
    return Amount(round(number * 10**6))


def said(story: Story, *items: str, yes: bool = True, on: float = 0.3) -> Story:
    """What the examiners say of the test, 7 h after a bolus of day 0 if no other time is said."""
    return story.fact(*(Answered(day(on), "test result", item, yes) for item in items))


def booked(story: Story, on: float = 1.0) -> Story:
    return story.fact(Booked(day(-5), "screening test", day(on)))


def given(*doses: float, lasted_h: float | None = None) -> Story:
    """Boluses a day apart, the last one on day 0, none of which helped but perhaps the last."""
    story = Story().person()
    for number, dose in enumerate(doses, 1 - len(doses)):
        story.tested(number, round(dose), lasted_h if number == 0 else None)
        if number < 0:
            said(story, *NO_FALL, yes=False, on=number + 0.3)
    return story


def examined(story: Story, *legs_at_h: tuple[float, float], penn: float | None = None) -> Story:
    """Mean Ashworth of the legs at hours after day 0; ``penn`` with all of them."""
    return story.fact(*(Assessed(day(hours * H), legs, None, penn) for hours, legs in legs_at_h))


def result(story: Story, on: float = 0.9) -> ScreeningResult:
    return screening_result(story.look(on))
