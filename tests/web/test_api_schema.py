"""The programming interface against its own description: whatever is sent, it answers as it says, and never with a defect."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.clinic.practice import NOW, admit, new_practice
from thecal.clinic.api_token import GRANTED, make_token
from thecal.clinic.database import sqlite_url
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import verify
from thecal.clinic.slots import offer_slots
from thecal.timeline import DAY_S, Instant
from thecal.web.api import make_api

CALLS = (
    ("GET", "/v1/worklist"),
    ("GET", "/v1/people"),
    ("GET", "/v1/standings"),
    ("GET", "/v1/heads"),
    ("GET", "/v1/charts/{stream}"),
    ("GET", "/v1/charts/{stream}/findings"),
    ("GET", "/v1/charts/{stream}/due"),
    ("POST", "/v1/charts/{stream}/facts"),
    ("GET", "/v1/slots"),
    ("POST", "/v1/bookings"),
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
"""What every answer has to keep. What a schema allows may still be declined: no schema says what a chart contradicts."""
FEW, MANY = 20, 400


class Described:
    """The interface with its description, a token that counts, and a chart to ask for."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.stream = admit(practice)
        begins = [Instant(NOW.s + days * DAY_S) for days in range(1, 30)]
        offer_slots(practice, [(each, Instant(each.s + 3600)) for each in begins], "Room 1", "nora", "nils", By("nora"))
        with practice.database.writing() as connection:
            self.token, _ = make_token(connection, "schemathesis", "nora", GRANTED, practice.now)
        self.schema = schemathesis.openapi.from_asgi("/openapi.json", make_api(practice))

    @property
    def headers(self) -> dict[str, str]:
        """Who calls."""
        return {"Authorization": f"Bearer {self.token}"}

    def seen(self) -> int:
        """The version of the chart."""
        with self.practice.reading() as reading:
            return reading.history(self.stream).version


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    """One clinic for all examples: what they write stays, and they come one after another."""
    folder = tmp_path_factory.mktemp("api")
    practice = new_practice(sqlite_url(folder / "clinic.db"), folder)
    yield Described(practice)
    practice.database.close()


def try_calls(described: Described, method: str, path: str, mode: GenerationMode, examples: int) -> list[int]:
    """The statuses that so many examples of a call were answered with, each answer held against the description."""
    fixed: dict[str, Any] = {"path_parameters": {"stream": described.stream}} if "{stream}" in path else {}
    strategy = described.schema[path][method].as_strategy(mode, **fixed)
    statuses: list[int] = []

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def each(case: Case[Any]) -> None:
        if mode is GenerationMode.POSITIVE:
            _bring_near(case, described)
        checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS
        statuses.append(case.call_and_validate(headers=described.headers, checks=checks).status_code)

    each()
    return statuses


def _bring_near(case: Case[Any], described: Described) -> None:
    """Make of what fits the description something that may be written: of this chart as it is now, and not of the future."""
    if isinstance(case.body, dict) and isinstance(case.body.get("seen"), int):
        case.body["seen"] = described.seen()
        facts = case.body.get("facts")
        for number, fact in enumerate(facts if isinstance(facts, list) else []):
            if number % 2 == 0 and isinstance(fact, dict):
                fact["at"] = "2026-11-20 08:30"
        if "stream" in case.body:
            case.body["stream"] = described.stream


@pytest.mark.parametrize(("method", "path"), CALLS, ids=str)
def test_what_fits_the_description_is_answered_as_it_says(described: Described, method: str, path: str) -> None:
    """Status, type, headers and shape; nothing is a defect. What only reads is also done, and not only declined."""
    statuses = try_calls(described, method, path, GenerationMode.POSITIVE, FEW)
    assert len(statuses) >= (1 if path in ("/v1/standings", "/v1/heads", "/v1/charts/{stream}/due") else FEW // 2)
    assert 200 in statuses or method == "POST"


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[1] not in ("/v1/standings", "/v1/heads")], ids=str)
def test_what_does_not_fit_the_description_is_declined(described: Described, method: str, path: str) -> None:
    """In the one shape, whatever it was; the record is whole afterwards."""
    if path != "/v1/charts/{stream}/due":  # all that it takes is the name of a chart
        assert set(try_calls(described, method, path, GenerationMode.NEGATIVE, FEW)) & {400, 404, 409, 415, 422}
    with described.practice.database.reading() as connection:
        assert {head.stream for head in verify(connection)} == {described.stream, "staff"}


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if "{stream}" in call[1]], ids=str)
def test_any_name_of_a_chart_is_answered_as_the_description_says(described: Described, method: str, path: str) -> None:
    """Whatever characters it has."""
    strategy = described.schema[path][method].as_strategy(GenerationMode.POSITIVE)

    @settings(max_examples=FEW, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def each(case: Case[Any]) -> None:
        assert case.call_and_validate(headers=described.headers, checks=CHECKS).status_code in (404, 422)

    each()


def test_the_description_has_every_call(described: Described) -> None:
    """No call is left out of these tests."""
    raw = described.schema.raw_schema["paths"]
    assert {(method.upper(), path) for path, methods in raw.items() for method in methods} == set(CALLS)


@pytest.mark.long
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), CALLS, ids=str)
def test_many_more_are_answered_as_the_description_says(
    described: Described, method: str, path: str, mode: GenerationMode
) -> None:
    """The same with many more examples of each."""
    if mode is GenerationMode.NEGATIVE and path in ("/v1/standings", "/v1/heads", "/v1/charts/{stream}/due"):
        mode = GenerationMode.POSITIVE
    assert try_calls(described, method, path, mode, MANY)
