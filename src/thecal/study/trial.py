"""Published trials and cohorts beside the studies that re-enact them: every published number of a protocol, asked of its rows.

    from pathlib import Path
    from thecal.study.result import Result
    from thecal.study.trial import published_of

    result = Result.open(Path("results"))
    rows = published_of(result.protocol, result)

A row of ``[[published]]`` says with one SELECT how the tables patients, visits, course and events are asked for its number.
Beside the number stands how much of it is chance: its standard error by balanced half samples, that is the same question to one
half of the patients after the other. A patient is in a half with all that was observed of them, in every arm, so that pairs stay
pairs; medians can be asked so as well as means.
"""

from collections.abc import Iterator
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any, Protocol

from thecal.errors import InputError
from thecal.report.validation import ROLES, Published

if TYPE_CHECKING:
    from thecal.study.design import Protocol as Design
    from thecal.study.protocol_document import PublishedTable

PARTS = 20
"""The patients are split by their numbers into so many parts, of which each half sample has ten."""
TRUE_FALSE = "true/false"
"""The unit of a row that is right or wrong, 1 or 0; it has no standard error."""
_TABLES = ("patients", "visits", "course", "events")
_PRIME = PARTS - 1
_SQUARES = sorted({n * n % _PRIME for n in range(1, _PRIME)})
_HALVES = tuple((_PRIME, *sorted((n + square) % _PRIME for square in _SQUARES)) for n in range(_PRIME))
"""Rows of a Hadamard matrix of order 20 (Paley): with these 19 halves the error of a mean is that of all possible ones."""


class Asked(Protocol):
    """What answers a SELECT: the results of a study."""

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names and the rows that a SELECT gives."""
        ...


def published_of(protocol: "Design", result: Asked) -> tuple[Published, ...]:
    """Every published row of a protocol, in its order, with what the model says of it; NULL is a number that cannot be asked.

    Raises InputError, with the row's name, for a role that there is not, bounds that are no bounds, and a ``model`` that is no
    SELECT or gives anything but one number.
    """
    return tuple(_published(row, result) for row in protocol.published)


def _published(row: "PublishedTable", result: Asked) -> Published:
    _check(row)
    model = _number(row, result)
    return Published(
        id=row.id,
        quantity=row.quantity,
        published=row.published,
        shown=row.shown,
        unit=row.unit,
        model=model,
        low=row.low,
        high=row.high,
        role=row.role,
        source=row.source,
        protocol=row.protocol,
        error=None if model is None or row.unit == TRUE_FALSE else _error(row, result, model),
    )


def _check(row: "PublishedTable") -> None:
    roles = row.role.split(", ")
    odd = next((role for role in roles if role not in ROLES), None)
    if odd is not None:
        raise InputError(f"published {row.id}: role", odd, "is not a role", accepted=ROLES)
    if not row.low <= row.high:
        raise InputError(f"published {row.id}: low", f"{row.low:g}", f"is above high, {row.high:g}")


def _number(row: "PublishedTable", result: Asked) -> float | None:
    """What the query of a row gives, None for NULL."""
    field = f"published {row.id}: model"
    try:
        names, found = result.query(row.model)
    except InputError as error:
        raise InputError(field, row.model, error.problem, accepted=error.accepted) from None
    if len(names) != 1 or len(found) != 1:
        problem = f"gives {len(found)} rows of {len(names)} columns, and not one number"
        raise InputError(field, row.model, problem, accepted=("a SELECT of one number",))
    return _read(row, found[0][0])


def _read(row: "PublishedTable", value: object) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever a database gives; text is found below
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, str) or not isfinite(number):
        raise InputError(f"published {row.id}: model", str(value), "is not a number", accepted=("a SELECT of one number",))
    return number


def _error(row: "PublishedTable", result: Asked, model: float) -> float | None:
    """The standard error by half samples; None where a half has no number, or all have the same, which says nothing."""
    _, (found,) = result.query(f"SELECT {', '.join(_of_halves(row.model))}")  # the protocol's own query, read only
    numbers = [_read(row, value) for value in found]
    apart = [number - model for number in numbers if number is not None]
    if len(apart) < len(numbers) or not any(apart):
        return None
    return sqrt(sum(one**2 for one in apart) / len(apart))


def _of_halves(model: str) -> Iterator[str]:
    """The query of a row as one value for each half; the filtered tables hide those of the study by their names."""
    query = model.strip().rstrip(";")
    for half in _HALVES:
        hidden = (f"{table} AS (SELECT * FROM main.{table} WHERE patient % {PARTS} IN {half})" for table in _TABLES)  # noqa: S608
        yield f"(WITH {', '.join(hidden)} SELECT * FROM ({query}))"  # noqa: S608  # as above
