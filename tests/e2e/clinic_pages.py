"""Every page of a clinic, with people of the demonstration, as addresses that a browser can open."""

from datetime import timedelta
from urllib.parse import urlsplit

from tests.clinic.practice import ordered_for_a_second
from tests.web.calculations import asked
from tests.web.visitor import visitor
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic import demo
from thecal.clinic.closures import close
from thecal.clinic.demo_courses import demo_patients
from thecal.clinic.entry import Entry, OrderWritten, PassportIssued, Recalled, VisitBegun
from thecal.clinic.import_writing import keep_upload
from thecal.clinic.invitation import invite
from thecal.clinic.newcomer import template_csv
from thecal.clinic.open_days import Closure
from thecal.clinic.operation import KINDS
from thecal.clinic.people import everybody
from thecal.clinic.practice import HOUSE, By, Practice
from thecal.clinic.rebuild import rebuild
from thecal.clinic.record import version_of
from thecal.clinic.slots import local_times, offer_slots
from thecal.errors import Refusal
from thecal.quantity import DailyDose
from thecal.therapy.education import education
from thecal.timeline import Duration
from thecal.web.calculators import CALCULATORS
from thecal.web.record_fact import KINDS as FACTS


def with_demo_people(practice: Practice, number: int) -> dict[str, str]:
    """The first of the demonstration's people, with years of history; their charts by the hospital's number."""
    for each in demo_patients(practice.now, practice.office().zone, number):
        with practice.database.writing() as connection:
            demo._write(connection, each)
    rebuild(practice)
    with practice.database.reading() as connection:
        return {row.number: row.pseudonym for row in everybody(connection)}


def every_page(practice: Practice, streams: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Addresses of every page there is, by the path of its route; what they need is written into the record first.

    ``streams`` are the charts of demonstration people, by number. What is a file, or leads on to another page, has no address.
    """
    now, folder = practice.now, practice.folder
    p, candidate = streams["DEMO-0001"], streams["DEMO-C2"]
    dose = DailyDose.parse("153 mcg/day")
    with practice.database.reading() as connection:
        seen = version_of(connection, p)
    second = ordered_for_a_second(practice)
    entries: tuple[Entry, ...] = (
        VisitBegun(now, "v1", "titration"),
        OrderWritten(now, "v1", "dora", OrderSheet(OrderContinuous(dose), confirm_total=dose)),
        PassportIssued(now, "T-AAAAAAAA", "0" * 64),
    )
    practice.write(p, seen, entries, By("dora"), "wrote for a test")
    recall = Recalled(now, "FA-1", "synchromed-ii-20", (), (), "look at the battery", "a notice")
    practice.write(HOUSE, 0, (recall,), By("nora"), "wrote for a test")
    zone = practice.office().zone
    day = now.date(zone) + timedelta(days=7)
    made = close(practice, Closure("", day, day, "holiday"), By("nora"))
    assert not isinstance(made, Refusal)
    times = local_times(day - timedelta(days=6), day - timedelta(days=1), range(5), "09:00, 10:00", Duration(3600), zone)
    assert not isinstance(offer_slots(practice, times, "Room 1", "nora", "nils", By("nora")), Refusal)
    with visitor(practice) as sign_in:
        passport = sign_in("nora").send(f"/passport/{p}", {})
    with practice.database.writing() as connection:
        token, _ = invite(connection, p, "nora", now)
    digest = keep_upload(folder, template_csv().replace("187.5", "much").encode(), now)
    return {
        "/sign-in": ("/sign-in",),
        "/password": ("/password",),
        "/signed-in-again": ("/signed-in-again",),
        "/worklist": ("/worklist", "/worklist?tier=red", "/worklist?kind=refill"),
        "/chart/{stream}": (f"/chart/{p}", f"/chart/{candidate}", f"/chart/{p}?as-of=2026-06-01"),
        "/search": ("/search?q=example",),
        "/new-person": ("/new-person", "/new-person?with=pump"),
        "/person/{stream}": (f"/person/{p}",),
        "/operation/{stream}": (
            f"/operation/{p}",
            *(f"/operation/{p}?kind={kind.replace(' ', '+')}" for kind in KINDS),
        ),
        "/person/{stream}/erase": (f"/person/{p}/erase",),
        "/chart/{stream}/record": (f"/chart/{p}/record", *(f"/chart/{p}/record?kind={kind}" for kind in FACTS)),
        "/chart/{stream}/correct/{version}": (f"/chart/{p}/correct/3",),
        "/checklist/{stream}": (f"/checklist/{p}",),
        "/checklist/{stream}/{name}": (f"/checklist/{p}/emergency-plan", f"/checklist/{candidate}/before-test"),
        "/chart/{stream}/print/{what}": tuple(
            f"/chart/{p}/print/{what}" for what in ("emergency-card", "admission-sheet", "refill-note", "passport", "dose-letter")
        ),
        "/call/{stream}": (f"/call/{p}",),
        "/pre-visit/{stream}": (f"/pre-visit/{p}",),
        "/to-do/{stream}": (f"/to-do/{p}",),
        "/recalls": ("/recalls",),
        "/recalls/{recall}": ("/recalls/FA-1",),
        "/slots": ("/slots", f"/slots?week={day}"),
        "/book/{stream}": (f"/book/{p}", f"/book/{p}?visit=replacement"),
        "/closures": ("/closures",),
        "/closures/{name}": (f"/closures/{made[0].name}",),
        "/calendar": ("/calendar",),
        "/visit/{stream}": (f"/visit/{p}",),
        "/visit/{stream}/{name}": (f"/visit/{p}/v1",),
        "/visit/{stream}/{name}/order": (f"/visit/{p}/v1/order",),
        "/visit/{stream}/{name}/second": (f"/visit/{p}/v1/second", f"/visit/{second}/v1/second"),
        "/emergency": ("/emergency",),
        "/emergency/{stream}": (f"/emergency/{p}", f"/emergency/{candidate}"),
        "/passport/{stream}": (f"/passport/{p}",),
        "/passport/{stream}/{number}": (f"/passport/{p}/T-AAAAAAAA", urlsplit(passport.url).path),
        "/passport-check": ("/passport-check",),
        "/patient/{token}": (f"/patient/{token}",),
        "/patient/{token}/{topic}": (f"/patient/{token}/{next(iter(education()))}",),
        "/invite/{stream}": (f"/invite/{p}",),
        "/candidacy/{stream}": (f"/candidacy/{candidate}",),
        "/screening/{stream}": (f"/screening/{candidate}",),
        "/stock": ("/stock",),
        "/outage": ("/outage",),
        "/audit": ("/audit",),
        "/calculators": ("/calculators",),
        "/calculators/{kind}": (
            *(f"/calculators/{kind}" for kind in CALCULATORS),
            *(asked(kind, **more) for kind in CALCULATORS for more in ({}, {"print": "1"})),
        ),
        "/teaching": ("/teaching",),
        "/teaching/{stream}": (
            f"/teaching/{p}",
            f"/teaching/{p}?go=1&now=153+mcg/day&then=180+mcg/day&body=adult-ms&tip=T10&days=7&curves=yes",
        ),
        "/admin": ("/admin",),
        "/staff": ("/staff",),
        "/staff/{name}": ("/staff/dora",),
        "/import": ("/import",),
        "/import/checked/{digest}": (f"/import/checked/{digest}",),
        "no such page": ("/chart/P-AAAAAAAA", "/visit/P-AAAAAAAA/none"),
    }


NO_PAGES = {
    "/", "/first", "/paper-style/{name}", "/calendar/{token}.ics", "/book/{stream}/visit.ics",
    "/emergency/{stream}/admission-sheet", "/stock/forecast.pdf", "/outage.csv", "/outage.pdf", "/import/template.csv",
}  # fmt: skip
"""Routes that lead on to another page, are there while nobody has an account, or are files."""
