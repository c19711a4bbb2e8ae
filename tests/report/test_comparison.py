"""Regimens side by side: every number worked out again from the body, what makes them unequal, and all three forms."""

import re

import numpy as np
import pytest

from tests.command import ROOT
from tests.twin.test_exposure import BODY, exposure_of, given_by, ran
from tests.twin.test_supposed import FIRST, HEAD, PLAIN
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.errors import InputError
from thecal.report.comparison import (
    QUANTITIES,
    Compared,
    cautions,
    compared,
    comparison_document,
    comparison_lines,
    comparison_page,
    rows,
)
from thecal.report.tables import WIDTH
from thecal.timeline import DAY_S
from thecal.twin.case import read_case
from thecal.twin.run import run
from thecal.twin.trace import Trace

SHIPPED = ("even-day", "strong-night", "bolus-by-schedule", "tablets")
CHANNELS = ("csf_t10_ng_per_ml", "legs_ng_per_ml", "brain_ng_per_ml", "plasma_ng_per_ml", "ashworth_legs", "spasm_penn")
INDICES = ("weakness_index", "sedation_index", "overdose_index")


def tablets(at: str, dose: str) -> str:
    return f'[[event]]\nat = "{at}"\nkind = "tablets"\ndose = "{dose}"\ntimes = ["08:00", "14:00", "22:00"]\n'


def stop(at: str) -> str:
    return f'[[event]]\nat = "{at}"\nkind = "stop_tablets"\n'


def shipped(name: str) -> tuple[Compared, Trace]:
    case = read_case(ROOT / "scenarios" / f"{name}.toml")
    trace = run(case.world, case.source, case.until)
    return compared(case, trace, 7), trace


def one_of(text: str, days: int = 7) -> Compared:
    return compared(*ran(text), days)


def text_of(regimens: list[Compared]) -> str:
    return "\n".join(line.text for line in comparison_lines(regimens, 7))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_number_is_that_of_the_last_days(name: str) -> None:
    """Dose from the infusions, the rest from the response every ten minutes of the last seven days."""
    one, trace = shipped(name)
    exposure, values = exposure_of(trace), one.values
    start = trace.end.s - 7 * DAY_S
    mcg = sum(given_by(infusion, start, trace.end.s) for infusion in exposure.infusions)
    assert values["pump_mcg_per_day"] == pytest.approx(mcg / 7, rel=1e-4)  # whole nanolitres
    grid = Grid(start, 600, 7 * 144 + 1)
    implant_s = exposure.implant.s if exposure.implant else trace.end.s
    response = propagate(exposure.patient, exposure.doses(trace.end), Record(grid, (*CHANNELS, *INDICES), implant_s))
    seen = {channel: response[channel][0] for channel in (*CHANNELS, *INDICES)}
    for quantity, channel in (("csf", "csf_t10"), ("legs", "legs"), ("brain", "brain"), ("plasma", "plasma")):
        assert values[f"{quantity}_mean_ng_per_ml"] == pytest.approx(np.mean(seen[f"{channel}_ng_per_ml"]), rel=1e-9)
    assert values["csf_low_ng_per_ml"] == pytest.approx(np.min(seen["csf_t10_ng_per_ml"]), rel=1e-9)
    assert values["csf_high_ng_per_ml"] == pytest.approx(np.max(seen["csf_t10_ng_per_ml"]), rel=1e-9)
    assert values["plasma_high_ng_per_ml"] == pytest.approx(np.max(seen["plasma_ng_per_ml"]), rel=1e-9)
    swing = 100 * np.ptp(seen["legs_ng_per_ml"]) / np.mean(seen["legs_ng_per_ml"])
    assert values["legs_swing_percent"] == pytest.approx(swing, rel=1e-6, abs=1e-6)
    mean = float(np.mean(seen["ashworth_legs"]))
    assert values["ashworth_without"] == 3.5
    assert values["ashworth_mean"] == pytest.approx(mean, rel=1e-9)
    spared = (3.5 - mean) / 2.5  # of what is above no increase in tone
    assert values["mild_with"] == pytest.approx(1 + (2 - 1) * (1 - spared), rel=1e-9)
    assert values["severe_with"] == pytest.approx(1 + (4 - 1) * (1 - spared), rel=1e-9)
    for quantity, channel in zip(("weakness_high", "sedation_high", "overdose_high"), INDICES, strict=True):
        assert values[quantity] == pytest.approx(np.max(seen[channel]), rel=1e-9, abs=1e-15)
    assert one.hours[0] == 0
    assert one.hours[-1] == 24
    assert np.array_equal(one.curves["legs_ng_per_ml"], seen["legs_ng_per_ml"][-145:])


def test_the_same_dose_another_way_is_what_was_claimed() -> None:
    """Three regimens of 228 mcg/day and 60 mg by mouth: no caution; boluses peak in the fluid, tablets in the blood."""
    regimens = [shipped(name)[0] for name in SHIPPED]
    even, night, boluses, mouth = (one.values for one in regimens)
    assert list(cautions(regimens)) == []
    assert [round(one["pump_mcg_per_day"]) for one in (even, night, boluses, mouth)] == [228, 228, 228, 0]
    assert [one["oral_mg_per_day"] for one in (even, night, boluses, mouth)] == [0, 0, 0, 60]
    assert even["csf_high_ng_per_ml"] < night["csf_high_ng_per_ml"] < boluses["csf_high_ng_per_ml"]
    assert even["legs_swing_percent"] == pytest.approx(0, abs=1e-3)
    assert mouth["plasma_mean_ng_per_ml"] > 50 * even["plasma_mean_ng_per_ml"]
    assert mouth["ashworth_mean"] > even["ashworth_mean"] + 1


def test_text_data_and_page_have_the_same_rows() -> None:
    """Every quantity in all of them; the text of a number is the number rounded."""
    regimens = [shipped(name)[0] for name in SHIPPED]
    document, page, text = comparison_document(regimens, 7), comparison_page(regimens, 7), text_of(regimens)
    for one, data in zip(regimens, document["regimens"], strict=True):
        assert {name: data[name] for name in one.values} == {name: round(value, 6) for name, value in one.values.items()}
    cells = re.findall(r"<tr>(.*?)</tr>", page.split("<tbody>")[1])
    assert len(cells) == len(QUANTITIES)
    for words, values in rows(regimens):
        line = next(line for line in text.splitlines() if line.startswith(words) and line.split()[-4:] == values)
        assert len(line) <= WIDTH
        for value, one in zip(values, regimens, strict=True):
            quantity = next(q for q in QUANTITIES if q.words.format(level="T10") == words and _is(one, q.name, value))
            assert quantity


def _is(one: Compared, name: str, shown: str) -> bool:
    value = one.values[name]
    return shown == "-" if not value else float(shown.replace(",", "")) == pytest.approx(value, rel=0.06, abs=1e-3)


def test_what_makes_them_unequal_is_said() -> None:
    """Dose, body and tip; none of it where nothing differs."""
    plain = one_of(PLAIN)
    more = one_of(PLAIN.replace("200 mcg/day", "210 mcg/day"))
    nearly = one_of(PLAIN.replace("200 mcg/day", "203 mcg/day"))
    higher = one_of(PLAIN.replace('"T10"', '"T6"'))
    child = one_of(PLAIN.replace("[body]", '[body]\npatient = "child"'))
    assert list(cautions([plain, nearly])) == []
    (dose,) = cautions([plain, more])
    assert dose == "The pumps do not give the same dose: 200 to 210 mcg/day."
    (tip,) = cautions([plain, higher])
    assert tip == "The catheter tips differ: T10, T6."
    (body,) = cautions([plain, child])
    assert body.startswith("The bodies differ: ")
    assert "(child)" in body
    assert "(adult-ms)" in body


@pytest.mark.parametrize(("text", "days", "says"), [(HEAD + FIRST, 7, "describes no body"), (PLAIN, 37, "1 to 36")])
def test_what_cannot_be_compared_is_an_error(text: str, days: int, says: str) -> None:
    """A case without a body, and more days than it lasts."""
    with pytest.raises(InputError, match=says):
        one_of(text, days)


# What is said and is not so -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "mg"),
    [
        (tablets("2026-01-20 06:00", "20 mg") + stop("2026-02-10 08:30"), 60.0),  # stopped half an hour before the end
        (tablets("2026-01-20 06:00", "5 mg") + tablets("2026-02-09 09:00", "20 mg"), (6 * 15 + 60) / 7),
    ],
    ids=["stopped at the end", "raised on the last day"],
)
def test_the_dose_by_mouth_is_the_mean_of_the_last_days(events: str, mg: float) -> None:
    """As the dose of the pump is, and the blood that it makes."""
    text = HEAD + BODY + events
    assert one_of(text).values["oral_mg_per_day"] == pytest.approx(mg, rel=0.05)


def test_no_body_is_said_to_be_that_of_all_where_they_differ() -> None:
    """Neither in the text nor on the page."""
    regimens = [one_of(PLAIN), one_of(PLAIN.replace("[body]", '[body]\npatient = "child"'))]
    assert "The body: adult with multiple sclerosis (adult-ms)." not in text_of(regimens)


@pytest.mark.parametrize("count", [5, 6])
def test_six_regimens_are_as_wide_as_two(count: int) -> None:
    """No line of the text is wider than those of a run."""
    one = one_of(PLAIN)
    assert max(len(line) for line in text_of([one] * count).splitlines()) <= WIDTH


def test_every_row_of_the_page_says_what_it_is() -> None:
    """No two rows have the same words: highest of the fluid, highest of the blood."""
    page = comparison_page([one_of(PLAIN), one_of(PLAIN)], 7)
    words = [cell.strip() for cell in re.findall(r"<tr><t[dh][^>]*>(.*?)</t[dh]>", page.split("<tbody>")[1])]
    assert len(words) == len(QUANTITIES) == len(set(words))
