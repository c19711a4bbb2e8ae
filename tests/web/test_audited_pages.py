"""Whoever looks at somebody is in the audit: every page of a chart, without exception."""

from collections.abc import Callable

import pytest

from tests.web.test_links import a_day_at_work
from tests.web.test_permissions import MAY, every_page
from tests.web.visitor import Visitor
from thecal.chart.vocabulary import words
from thecal.clinic.audit import Audited, read_audit
from thecal.clinic.practice import Practice
from thecal.web.place import field_of
from thecal.web.route import PageRoute

SignIn = Callable[[str], Visitor]
PAGES = [route for route in every_page() if route.method == "GET" and "{stream}" in route.path]
ELSE = {
    "name": "v1",
    "version": "1",
    "what": "refill-note",
    "number": "T-AAAAAAAA",
}
"""What else the address of a page names."""


def address_of(route: PageRoute, stream: str) -> str:
    named = dict(ELSE)
    if route.path.startswith("/checklist"):
        named["name"] = field_of(next(iter(words("checklists").values())).name)
    return route.path.format(stream=stream, **named)


def lines_of(practice: Practice, stream: str) -> list[Audited]:
    with practice.database.reading() as connection:
        return list(read_audit(connection, stream=stream))


@pytest.mark.parametrize("route", PAGES, ids=[route.path for route in PAGES])
def test_a_page_of_somebody_is_in_the_audit(as_: SignIn, practice: Practice, route: PageRoute) -> None:
    """Who looked, at whom, in which request, for somebody who may."""
    stream = a_day_at_work(practice)
    who = next(name for name, rights in MAY.items() if route.needs in rights)
    visitor, before = as_(who), lines_of(practice, stream)
    answer = visitor.get(address_of(route, stream))
    assert answer.status == 200, answer.words
    new = lines_of(practice, stream)[: -len(before)]
    assert [(line.who, line.stream) for line in new] == [(who, stream)] * len(new)
    assert new
    assert all(line.did and line.request for line in new)
