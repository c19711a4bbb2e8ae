"""The boluses of a printout: read, compared with what was ordered, and entered again."""

from dataclasses import replace

import pytest

from tests.charts import MODEL, Story, day
from thecal.chart.order import OrderBolus, OrderContinuous, OrderNoPatient, OrderPatient
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import Printed
from thecal.clinic.order_form import span_of
from thecal.clinic.printed_bolus import Began, as_ordered, bolus_re_entries, read_boluses
from thecal.errors import InputError, Refusal
from thecal.programmer.review import Review, review
from thecal.pump.handle import report
from thecal.pump.program import BridgeBolus, PrimingBolus
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Volume
from thecal.therapy.refill import RefillPolicy
from thecal.timeline import DAY_S, Duration

SHEET = pump_sheet(MODEL)
DOSE = DailyDose(100 * 10**6)
C500 = Concentration(500)
FULL = Volume(40_000_000)
PATIENT = OrderPatient(Amount(5 * 10**6), Duration(600), Duration(4 * 3600), 4)
FIRST = OrderSheet(OrderContinuous(DOSE), PATIENT, C500, FULL, prime=True, confirm_total=DOSE)


@pytest.fixture
def made() -> Review:
    """The first session after an implant: the fill entered, the line primed, a patient bolus."""
    story = Story().person().tested(-14).implanted(0).filled(0)
    assert story.pump is not None
    found = review(FIRST, story.chart, report(story.pump), SHEET, RefillPolicy(Duration(180 * DAY_S), Duration(7 * DAY_S)))
    assert isinstance(found, Review), found
    return found


@pytest.fixture
def prime(made: Review) -> PrimingBolus:
    assert made.prime is not None
    return made.prime.bolus


@pytest.fixture
def printed(prime: PrimingBolus) -> Printed:
    """The printout of it, to 0.001 mL and to the minute."""
    rounded = PrimingBolus(Volume(round(prime.volume.nl, -3)), Duration(round(prime.duration.s / 60) * 60))
    return Printed(day(0), OrderContinuous(DOSE), PATIENT, C500, DOSE, FULL, Volume(2_000_000), None, bolus=rounded)


def test_a_prime_is_taken_as_it_was_planned(made: Review, prime: PrimingBolus, printed: Printed) -> None:
    """A printout rounds it, and the pump has given what was ordered."""
    assert printed.bolus != prime
    answer = as_ordered(printed, made, SHEET)
    assert isinstance(answer, Printed), answer
    assert (answer.bolus, answer.patient) == (prime, PATIENT)


@pytest.mark.parametrize(("parts", "fits"), [(990, True), (1010, True), (989, False), (1011, False)])
def test_a_prime_may_be_off_by_one_per_cent(made: Review, prime: PrimingBolus, printed: Printed, parts: int, fits: bool) -> None:
    """As the dose of an order may; more is refused with both volumes."""
    volume = Volume(prime.volume.nl * parts // 1000 + (parts < 1000))
    answer = as_ordered(replace(printed, bolus=PrimingBolus(volume, prime.duration)), made, SHEET)
    assert isinstance(answer, Printed) == fits
    if isinstance(answer, Refusal):
        assert str(volume) in answer.asked
        assert str(prime.volume) in answer.limit


@pytest.mark.parametrize(
    "other",
    [
        None,
        OrderNoPatient(),
        replace(PATIENT, dose=Amount(6 * 10**6)),
        replace(PATIENT, over=Duration(660)),
        replace(PATIENT, lockout=Duration(3 * 3600)),
        replace(PATIENT, per_day=5),
    ],
)
def test_each_part_of_a_patient_bolus_is_compared(
    made: Review, printed: Printed, other: OrderPatient | OrderNoPatient | None
) -> None:
    """None of them is what was ordered."""
    answer = as_ordered(replace(printed, patient=other), made, SHEET)
    assert isinstance(answer, Refusal)
    assert answer.limit == "patient boluses of 5 mcg over 10 min, 4 h apart, at most 4 in 24 h, as was ordered"


def test_what_was_not_ordered_of_the_patient_is_what_it_was(made: Review, printed: Printed) -> None:
    """Printed again it is the same; printed otherwise it is refused."""
    silent = replace(made, orders=replace(made.orders, patient=None))
    for said in (None, PATIENT):
        answer = as_ordered(replace(printed, patient=said), silent, SHEET)
        assert isinstance(answer, Printed), answer
        assert answer.patient == said
    assert isinstance(as_ordered(replace(printed, patient=OrderNoPatient()), silent, SHEET), Refusal)


def test_a_volume_that_is_sensed_is_not_compared_with_what_was_typed_in(made: Review, printed: Printed) -> None:
    """Its sensor tells what is there."""
    sensed = replace(printed, calculated=Volume(38_000_000))
    assert isinstance(as_ordered(sensed, made, SHEET), Refusal)
    assert isinstance(as_ordered(sensed, made, replace(SHEET, fill_sensor=True)), Printed)


@pytest.mark.parametrize(
    ("bolus", "fields"),
    [
        (BridgeBolus(Volume(275_000), FlowRate(250_000)), {"bridge_volume": "0.275", "bridge_over": "26 h 24 min"}),
        (BridgeBolus(Volume(275_000), FlowRate(250_000)), {"bridge_volume": "0.275 mL", "bridge_over": "26.4 h"}),
        (PrimingBolus(Volume(300_000), Duration(1320)), {"prime_volume": "0.3", "prime_over": "22 min"}),
        (OrderBolus(Amount(25 * 10**6), Duration(600)), {"bolus_dose": "25", "bolus_over": "10 min"}),
    ],
)
def test_a_bolus_is_read_and_entered_again_as_it_was_typed(printed: Printed, bolus: Began, fields: dict[str, str]) -> None:
    """Every other value is found."""
    read = read_boluses(fields)
    assert (read.began, read.errors) == (bolus, {})
    for entry, text in zip(bolus_re_entries(replace(printed, bolus=read.began, patient=None)), fields.values(), strict=True):
        assert entry.compare(text) is None
        assert entry.compare({"0.275": "0.276"}.get(text, "23 min")) is not None


def test_the_four_values_of_a_patient_bolus_are_entered_again(printed: Printed) -> None:
    """Each that differs is found, and a number of boluses that is none is an error."""
    entries = list(bolus_re_entries(replace(printed, bolus=None)))
    same, other = ["5", "10 min", "4 h", "4"], ["6", "11 min", "3 h", "many"]
    assert [entry.compare(text) for entry, text in zip(entries, same, strict=True)] == [None] * 4
    assert None not in [entry.compare(text) for entry, text in zip(entries, other, strict=True)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("26 h 24 min", 95_040), ("26h 24min", 95_040), ("0 h 22 min", 1320), ("33 h 0 min", 118_800), ("2 h", 7200)],
)
def test_hours_and_minutes_are_read_as_they_are_printed(text: str, seconds: int) -> None:
    """And with one unit, as everywhere."""
    assert span_of(text, "over") == Duration(seconds)


@pytest.mark.parametrize("text", ["26:24", "26", "26 h 24", "24 min 26 h", "-1 h 5 min"])
def test_what_could_be_hours_or_minutes_is_not_read(text: str) -> None:
    """A unit is never guessed."""
    with pytest.raises(InputError):
        span_of(text, "over")
