"""Every page is reached by links: from sign-in and worklist, through the charts of somebody with a pump and of a candidate."""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape

import pytest

from tests.clinic.practice import admit
from tests.web.visitor import Visitor, wrong_ids
from thecal.chart.clinical import Booked, Described, Referred
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.closures import close
from thecal.clinic.entry import OrderWritten, PassportIssued, Recalled, VisitBegun, VisitStepped
from thecal.clinic.newcomer import template_csv
from thecal.clinic.open_days import Closure
from thecal.clinic.people import add_person
from thecal.clinic.person import Person
from thecal.clinic.practice import HOUSE, By, Practice
from thecal.clinic.record import version_of
from thecal.errors import Refusal
from thecal.quantity import DailyDose
from thecal.timeline import DAY_S, Instant
from thecal.web.app import routes

SignIn = Callable[[str], Visitor]
_LINKS = re.compile(r"<(?:a|link)\b[^>]*? href=\"([^\"]+)\"")
_FORMS = re.compile(r"<form\b[^>]*>")
_ACTION = re.compile(r" action=\"([^\"]+)\"")
_OF_ONE_PAGE = 5
"""So many addresses of one page are looked at: its other people, weeks and days have the same links."""


def links_of(page: str) -> Iterator[str]:
    """Where a page leads without anything being sent: its links, and its forms that only ask."""
    forms = [form for form in _FORMS.findall(page) if 'method="post"' not in form]
    found = [*_LINKS.findall(page), *(action for form in forms for action in _ACTION.findall(form))]
    addresses = (unescape(address).partition("#")[0] for address in found)
    yield from (address for address in addresses if address.startswith("/") and not address.startswith("/static/"))


def page_of(address: str) -> str | None:
    """The route of an address, as the application finds it."""
    path = address.partition("?")[0]
    known = (route.path for route in routes() if route.method == "GET")
    return next((route for route in known if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path)), None)


def crawl(visitor: Visitor, *begin: str) -> set[str]:
    """The pages that somebody reaches from some addresses; every link leads to a page that is there, and has each id once."""
    seen, waiting, reached = set(begin), deque(begin), Counter[str]()
    while waiting:
        address = waiting.popleft()
        page = page_of(address)
        assert page is not None, address
        if reached[page] == _OF_ONE_PAGE:
            continue
        reached[page] += 1
        answer = visitor.get(address)
        assert answer.status == 200, f"{address}: {answer.status}"
        assert not answer.headers["content-type"].startswith("text/html") or wrong_ids(answer.text) == [], address
        led = answer.url.removeprefix("http://clinic.test")
        shown = page_of(led)
        assert shown is not None, led
        reached[shown] += shown != page
        new = [link for link in dict.fromkeys(links_of(answer.text)) if link not in seen]
        seen |= set(new)
        waiting.extend(new)
    return {page for page, times in reached.items() if times}


def a_day_at_work(practice: Practice) -> str:
    """Somebody with a pump at a visit, whose chart is given, a candidate, and one of everything else that a clinic has."""
    now, stream = practice.now, admit(practice, papers=True)
    dose = DailyDose.parse("110 mcg/day")
    with practice.database.writing() as connection:
        candidate = add_person(connection, Person("Cora Example"))
        described = Described(now, "multiple sclerosis", "spinal")
        practice.write_with(connection, candidate, 0, [described, Referred(now)], By("nora"), "wrote for a test")
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    entries = (
        Booked(now, "refill", Instant(now.s + 2 * DAY_S)),
        VisitBegun(now, "v1", "titration"),
        OrderWritten(now, "v1", "dora", OrderSheet(OrderContinuous(dose), confirm_total=dose)),
        VisitStepped(now, "v1", "order approved", "dora"),
        PassportIssued(now, "T-AAAAAAAA", "0" * 64),
    )
    practice.write(stream, seen, entries, By("dora"), "wrote for a test")
    recall = Recalled(now, "FA-1", "synchromed-ii-40", (), (), "look at the battery", "a notice")
    practice.write(HOUSE, 0, (recall,), By("nora"), "wrote for a test")
    day = now.date(practice.office().zone) + timedelta(days=7)
    assert not isinstance(close(practice, Closure("", day, day, "holiday"), By("nora")), Refusal)
    practice.refresh(stream)
    practice.refresh(candidate)
    return stream


@pytest.mark.requirement("LNK-01")
def test_every_page_is_reached_by_a_link(as_: SignIn, practice: Practice) -> None:
    """Of all that asks for no secret, as the first account does. What is looked at after an upload is where its form leads."""
    stream = a_day_at_work(practice)
    nora = as_("nora")
    sheet = {"file": ("people.csv", template_csv().encode(), "text/csv")}
    looked_at = nora.send("/import", {}, files=sheet, to="/import")
    assert page_of(looked_at.url.removeprefix("http://clinic.test")) == "/import/checked/{digest}", looked_at.words
    signed_out = as_("")
    kept = signed_out.post("/closures", {"what": "typed before the session ended"})
    assert kept.status == 401
    reached = crawl(nora, "/worklist", looked_at.url.removeprefix("http://clinic.test"))
    leading = list(links_of(kept.text))
    reached |= crawl(signed_out, "/", *leading)
    reached |= crawl(nora, *(link.partition("?back=")[2] for link in leading if "?back=" in link))  # once they have signed in
    wanted = {route.path for route in routes() if route.method == "GET" and "{token}" not in route.path}
    assert wanted - reached == {"/first"}
    assert f'href="/calculators?stream={stream}"' in nora.get(f"/chart/{stream}").text
