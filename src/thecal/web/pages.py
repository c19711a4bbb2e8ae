"""Every page, module by module."""

from thecal.web import (
    candidacy,
    chart,
    emergency,
    order,
    passport,
    patient,
    person,
    pre_visit,
    printed_paper,
    recall,
    record_fact,
    screening,
    search,
    second_person,
    sign_in,
    telephone,
    to_do,
    visit,
    visit_pump,
    worklist,
)
from thecal.web.route import PageRoute, Pages

_MODULES: tuple[Pages, ...] = (
    sign_in.PAGES,
    worklist.PAGES,
    chart.PAGES,
    search.PAGES,
    person.PAGES,
    record_fact.PAGES,
    printed_paper.PAGES,
    telephone.PAGES,
    pre_visit.PAGES,
    to_do.PAGES,
    recall.PAGES,
    visit_pump.PAGES,
    order.PAGES,
    second_person.PAGES,
    visit.PAGES,
    emergency.PAGES,
    passport.PAGES,
    patient.PAGES,
    candidacy.PAGES,
    screening.PAGES,
)


def all_pages() -> list[PageRoute]:
    """The routes of all modules, in their order."""
    return [route for pages in _MODULES for route in pages.routes]
