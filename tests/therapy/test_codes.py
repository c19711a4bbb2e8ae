"""Codes: their days, what stands together, how many units a drug makes; and claims against the chart of their day."""

from datetime import date

import pytest

from tests.charts import Story, day, found, severities
from thecal.chart.clinical import Answered, ClinicalFact, Measured
from thecal.chart.vocabulary import words
from thecal.errors import InputError
from thecal.quantity import Concentration, Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.codes import BILLED, code_named, code_systems, codes_of, codes_valid, units
from thecal.timeline import DAY_S, Instant

ML = 10**6
LAST, FIRST = date(2025, 9, 30), date(2025, 10, 1)


def claimed(on: float, *codes: str) -> list[ClinicalFact]:
    return [Answered(day(on), "claim", code, True) for code in codes]


def refilled(*doses: float) -> Story:
    """A fill and a session a day for each dose, the first on day 0."""
    story = Story().person().tested(-14).implanted()
    for number, dose in enumerate(doses):
        story.filled(30 * number).programmed(30 * number, dose)
    return story


@pytest.mark.requirement("BIL-10")
@pytest.mark.parametrize(
    ("codes", "on", "severities_found"),
    [
        (["G35"], LAST, []),
        (["G35"], FIRST, ["warn"]),
        (["G35.A"], FIRST, []),
        (["G35.A"], LAST, ["warn"]),
        (["g35.c1", "G35.B0"], FIRST, []),
        (["G35.B"], FIRST, ["warn"]),
        (["G81.1"], FIRST, ["warn"]),
        (["G81.1-"], FIRST, ["warn"]),
        (["G81.11", "T85.695A", "T42.8X6A"], FIRST, []),
        (["E11.9"], FIRST, ["advise"]),
    ],
)
def test_codes_count_from_a_day_to_a_day(codes: list[str], on: date, severities_found: list[str]) -> None:
    """G35 alone until 2025-09-30, its members from the day after; a family is none; what is not kept was not checked."""
    findings = codes_valid(codes, on)
    assert [finding.severity for finding in findings] == severities_found
    assert all(finding.rule == "BIL-10" for finding in findings)


@pytest.mark.requirement("BIL-10")
def test_a_code_that_no_longer_counts_names_those_that_do() -> None:
    (finding,) = codes_valid(["G35"], FIRST)
    assert "G35.D" in finding.next
    assert finding.confidence == "Q"


@pytest.mark.requirement("BIL-11")
@pytest.mark.parametrize(
    ("codes", "rules"),
    [(["R25.2"], []), (["R25.2", "G35.A"], []), (["R25.2", "M62.838"], ["BIL-11"]), (["R25.2", "M62.49"], ["BIL-11"])],
)
def test_cramp_excludes_disorders_of_muscle(codes: list[str], rules: list[str]) -> None:
    assert [finding.rule for finding in codes_valid(codes, FIRST)] == rules


@pytest.mark.requirement("BIL-04")
@pytest.mark.parametrize("analysis", ["62367", "62368", "62369", "62370"])
@pytest.mark.parametrize("refill", ["95990", "95991"])
def test_a_refill_without_reprogramming_stands_alone(analysis: str, refill: str) -> None:
    assert [finding.rule for finding in codes_valid([analysis, refill], FIRST)] == ["BIL-04"]
    assert codes_valid([analysis], FIRST) == codes_valid([refill], FIRST) == ()


@pytest.mark.requirement("BIL-08")
@pytest.mark.parametrize(
    ("code", "ml", "mcg_per_ml", "count"),
    [
        ("J0475", 20, 500, 1),
        ("J0475", 20, 2000, 4),
        ("J0475", 40, 2000, 8),
        ("J0475", 38, 2000, 8),
        ("J0475", 20.001, 500, 2),
        ("J0475", 0.001, 500, 1),
        ("j0476", 1, 50, 1),
        ("J0476", 2, 50, 2),
    ],
)
def test_units_of_a_drug(code: str, ml: float, mcg_per_ml: int, count: int) -> None:
    """The published vectors; a begun unit counts whole."""
    assert units(code, Volume(round(ml * ML)), Concentration(mcg_per_ml)) == count


def test_what_counts_no_drug_or_is_not_kept_is_refused() -> None:
    with pytest.raises(InputError, match="J0475, J0476"):
        units("62370", Volume(ML), Concentration(500))
    with pytest.raises(InputError, match="J0475, J0476"):
        units("J0499", Volume(ML), Concentration(500))
    with pytest.raises(InputError, match="'ATC'"):
        codes_of("ATTC")


def test_every_code_has_a_source_and_of_cpt_only_the_number_is_kept() -> None:
    """CPT is licensed: no text of it is in the package (BIL-09)."""
    for codes in code_systems().values():
        assert all(code.source and code.confidence for code in codes.values())
    assert not any(code.concept for code in codes_of("CPT").values())
    assert all(code.concept for name, codes in code_systems().items() if name != "CPT" for code in codes.values())
    assert codes_of("SNOMED CT")["221360009"].confidence == "Q"
    assert codes_of("ATC")["M03BX01"].concept == "baclofen"


def test_what_can_be_claimed_is_kept() -> None:
    """The checklist of a claim and the codes are two lists of the same; families cannot be claimed."""
    whole = {code for system in BILLED for code in codes_of(system) if not code.endswith("-")}
    assert set(words("checklists")["claim"].items) == whole
    assert code_named("g35.a").code == "G35.A"


@pytest.mark.requirement("BIL-10")
@pytest.mark.requirement("BIL-11")
@pytest.mark.requirement("BIL-04")
def test_a_claim_is_held_against_its_own_day() -> None:
    """Two codes of two days do not stand together; the day of service decides, not today."""
    story = Story().person()
    before, after = (Instant((on.toordinal() - date(1970, 1, 1).toordinal()) * DAY_S + 43_200) for on in (LAST, FIRST))
    last_day = max(after, day(0))
    story.fact(Answered(before, "claim", "G35", True), Answered(before, "claim", "95990", True))
    story.fact(Answered(last_day, "claim", "62369", True), Answered(after, "claim", "R25.2", True))
    look = story.look(1)
    assert severities(look, "BIL-10") == severities(look, "BIL-04") == severities(look, "BIL-11") == []
    story.fact(Answered(last_day, "claim", "95990", True), Answered(last_day, "claim", "G35", True))
    story.fact(Answered(after, "claim", "M62.838", True))
    look = story.look(1)
    assert severities(look, "BIL-10") == severities(look, "BIL-04") == severities(look, "BIL-11") == ["warn"]


@pytest.mark.requirement("BIL-06")
@pytest.mark.parametrize(
    ("code", "on", "severity"),
    [
        ("62369", 30, []),
        ("62369", 31, ["warn"]),
        ("62367", 30, []),
        ("62367", 31, ["warn"]),
        ("95990", 30, []),
        ("95990", 31, ["warn"]),
        ("62350", 31, []),
    ],
)
def test_a_claim_is_borne_out_by_the_chart_of_its_day(code: str, on: float, severity: list[str]) -> None:
    assert severities(refilled(100, 120).fact(*claimed(on, code)).look(40), "BIL-06") == severity


@pytest.mark.requirement("BIL-05")
def test_reprogramming_without_a_change_of_dose_is_written_down() -> None:
    assert severities(refilled(100, 120).fact(*claimed(30, "62368")).look(40), "BIL-05") == []
    assert severities(refilled(100, 100).fact(*claimed(30, "62368")).look(40), "BIL-05") == ["advise"]
    assert severities(refilled(100, 100).fact(*claimed(30, "62367")).look(40), "BIL-05") == []


@pytest.mark.requirement("BIL-05")
@pytest.mark.parametrize(
    ("code", "on", "severity"), [("62370", 30, []), ("62370", 29, ["warn"]), ("62369", 30, ["advise"]), ("62369", 29, [])]
)
def test_who_performed_it_decides_between_two_codes(code: str, on: float, severity: list[str]) -> None:
    """A physician who performed it on another day did not perform it on this one."""
    performed = Answered(day(on), "claim performer", "physician or qualified professional", True)
    assert severities(refilled(100, 120).fact(*claimed(30, code), performed).look(40), "BIL-05") == severity


@pytest.mark.requirement("BIL-08")
@pytest.mark.parametrize(("counted", "severity"), [(2, []), (1, ["warn"]), (3, ["warn"])])
def test_the_units_of_a_claim_are_those_that_were_injected(counted: int, severity: list[str]) -> None:
    """40 mL of 500 mcg/mL are 20 mg: two units."""
    story = refilled(100).fact(*claimed(0, "J0475"), Measured(day(0), "units of J0475", counted))
    assert severities(story.look(1), "BIL-08") == severity


@pytest.mark.requirement("BIL-08")
def test_drug_is_claimed_on_the_day_it_was_given() -> None:
    assert severities(refilled(100).fact(*claimed(1, "J0475")).look(2), "BIL-08") == ["warn"]
    tested = Story().person().tested(-14, 75)
    assert severities(tested.fact(*claimed(-14, "J0476")).look(0), "BIL-08") == []
    assert severities(tested.fact(Measured(day(-14), "units of J0476", 2)).look(0), "BIL-08") == []
    assert severities(tested.fact(Measured(day(-14), "units of J0476", 1)).look(0), "BIL-08") == ["warn"]


@pytest.mark.requirement("BIL-14")
def test_what_was_discarded_is_on_the_claim_in_the_us() -> None:
    story = refilled(100).fact(*claimed(0, "J0475"))
    assert severities(story.look(1), "BIL-14") == ["advise"]
    assert severities(story.look(1, clinic=Clinic("UK")), "BIL-14") == []
    for modifier in ("JW", "JZ"):
        other = refilled(100).fact(*claimed(0, "J0475", modifier))
        assert found(other.look(1), "BIL-14") == []
