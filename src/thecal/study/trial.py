"""Published trials and cohorts beside the studies that re-enact them: every published number of a protocol, asked of its rows.

    from pathlib import Path
    from thecal.study.result import Result
    from thecal.study.trial import published_of

    result = Result.open(Path("results"))
    rows = published_of(result.protocol, result)

A row of ``[[published]]`` says with one SELECT how the tables patients, visits, course and events are asked for its number. Beside
the number stands how much of it is chance: its standard error by the jackknife, which leaves out one part of the patients after
the other and asks again. A patient is left out with all that was observed of them, in every arm, so that the numbers of pairs
keep their pairs.
"""

from collections.abc import Iterator, Sequence
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any, Protocol

from thecal.errors import InputError
from thecal.report.validation import ROLES, Published

if TYPE_CHECKING:
    from thecal.study.design import Protocol as Design
    from thecal.study.protocol_document import PublishedTable

PARTS = 20
"""So many parts of the patients are left out in turn."""
TRUE_FALSE = "true/false"
"""The unit of a row that is right or wrong, 1 or 0; it has no standard error."""
_TABLES = ("patients", "visits", "course", "events")


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
        error=None if model is None or row.unit == TRUE_FALSE else _error(row, result),
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


def _error(row: "PublishedTable", result: Asked) -> float | None:
    """The standard error by the jackknife; None where a part of the patients more or less decides whether there is a number."""
    _, (found,) = result.query(f"SELECT {', '.join(_without(row.model))}")  # the protocol's own query, read only
    values = [_read(row, value) for value in found]
    numbers = [value for value in values if value is not None]
    if len(numbers) < PARTS:
        return None
    mean = sum(numbers) / PARTS
    return sqrt((PARTS - 1) / PARTS * sum((number - mean) ** 2 for number in numbers))


def _without(model: str) -> Iterator[str]:
    """The query of a row as one value, without each part of the patients in turn; the filter hides the tables by their names."""
    query = model.strip().rstrip(";")
    for part in range(PARTS):
        hidden: Sequence[str] = [
            f"{table} AS (SELECT * FROM main.{table} WHERE patient % {PARTS} <> {part})"  # noqa: S608  # names of our own
            for table in _TABLES
        ]
        yield f"(WITH {', '.join(hidden)} SELECT * FROM ({query}))"
