"""Passports for tests: of a chart, as a clinic issues them."""

from tests.charts import Story, day
from thecal.chart.facts import SessionEnded
from thecal.clinic.entry import DeviceRecorded
from thecal.clinic.passport import Passport, passport_of
from thecal.therapy.look import Look

PAPERS = DeviceRecorded(day(0), "synchromed-ii-40", "NGP123456H", access_port=True)


def issued(look: Look, device: DeviceRecorded | None = PAPERS, *, line_known: bool = True) -> Passport:
    office = ("Spasticity clinic", "+49 30 1234567", "+49 30 7654321")
    return passport_of(look, device, "P-2026-0001", look.now, *office, line_known=line_known)


def last_session(story: Story) -> SessionEnded:
    return [fact for fact in story.facts if isinstance(fact, SessionEnded)][-1]
