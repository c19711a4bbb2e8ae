"""The templates: everything is escaped, what is missing is an error, and numbers are shown as the reports show them."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from thecal.clinic.item import TIERS
from thecal.errors import sentence
from thecal.quantity import Volume
from thecal.report.words import BANNER, number_text
from thecal.therapy.look import in_words
from thecal.timeline import Duration, Instant
from thecal.unit import decimal_text

STATIC = Path(__file__).parent / "static"


def local_time(instant: Instant | None, zone: ZoneInfo) -> str:
    """A local date and time; a dash for none."""
    return "-" if instant is None else instant.local_text(zone)


def local_day(instant: Instant | None, zone: ZoneInfo) -> str:
    """A local date with its weekday; a dash for none."""
    return "-" if instant is None else day_text(instant.date(zone))


def day_text(day: date) -> str:
    """A date with its weekday, the same in every language setting."""
    return f"{('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')[day.weekday()]} {day.isoformat()}"


def days_text(instant: Instant | None, now: Instant, zone: ZoneInfo) -> str:
    """How many days are left on the calendar, in words."""
    if instant is None:
        return "no date"
    days = (instant.date(zone) - now.date(zone)).days
    if days < 0:
        return f"{-days} {'day' if days == -1 else 'days'} over"
    return "today" if days == 0 else f"in {days} {'day' if days == 1 else 'days'}"


def ml(volume: Volume) -> str:
    """A volume of a syringe or a reservoir, to a hundredth of a milliliter."""
    return f"{decimal_text(volume.nl, 10**6, 2)} mL"


def ago(instant: Instant, now: Instant) -> str:
    """How long ago something was."""
    return f"{in_words(Duration(max(now.s - instant.s, 0)))} ago"


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals.update(BANNER=BANNER, TIERS=TIERS)
TEMPLATES.filters.update(
    local_time=local_time, local_day=local_day, day_text=day_text, days_text=days_text, ago=ago,
    number=number_text, ml=ml, sentence=sentence,
)  # fmt: skip
