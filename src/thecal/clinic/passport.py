"""The pump passport: what a clinic states of a pump, for a person to carry; ``clinic/passport_code.py`` signs it.

All of it is signed. What is told of its line, and of what stops it, is worked out as for the admission sheet.
"""

import re
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from thecal.chart.facts import Implanted, PumpReplaced, Revised
from thecal.chart.line_ledger import line_ledger
from thecal.chart.order import OrderMinimumRate, ordered_dose
from thecal.clinic.emergency_card import uncertain_words
from thecal.clinic.entry import DeviceRecorded
from thecal.clinic.pump_words import (
    LINE_UNKNOWN,
    PROCEDURES,
    flow_words,
    held_words,
    line_words_within,
    stopping_short,
    without_programmer,
)
from thecal.errors import InputError, ThecalError
from thecal.pump.messages import Report
from thecal.pump.sheet import PumpSheet, pump_sheet, pump_sheets
from thecal.therapy.due import RefillDue, refill_due
from thecal.therapy.emergency_plan import IN_MAGNET, NOT_RECORDED, emergency_plan
from thecal.therapy.infusing import not_infusing
from thecal.therapy.look import Look
from thecal.therapy.mri import conditional
from thecal.therapy.service import end_of_service, indicated, last_report, pump_in_place
from thecal.therapy.totals import totals
from thecal.timeline import Instant

_LONGEST = {"number": 24, "clinic": 60, "phone_day": 32, "phone_night": 32, "serial": 32, "catheter": 40, "tip": 24}
_LONGEST_RULED = dict.fromkeys(("too_much", "too_little", "procedures"), 240)
_LONGEST_OTHER = 160  # all are bounds of the program, so that the code stays small enough for a telephone
_BOUNDS = _LONGEST | _LONGEST_RULED
_INITIALS = re.compile(r"[^\W\d_]\.?([ -]?[^\W\d_]\.?){0,3}")
_MAY_BE_EMPTY = ("initials", "line_doubts", "interference", "two_tones")
_UNCERTAIN = "uncertain: a session's end is not known; interrogate the pump"

Wrong = Literal["no passport", "newer version", "older version", "damaged", "another key", "signature", "unreadable"]


class PassportError(ThecalError):
    """A text that is not accepted as a passport, or a person without a pump: ``wrong`` names which, the message says it."""

    def __init__(self, wrong: Wrong | Literal["no pump"], message: str) -> None:
        self.wrong = wrong
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Passport:
    """What the clinic states of a pump, as text to be read aloud; what no fact says is ``"not recorded"``. Days are the clinic's.

    ``daily_dose`` is ordered, ``day_total`` what the pump is programmed to, ``flow`` the mean of that. ``line`` is what lies in
    tubing and catheter, ``line_doubts`` why that may be wrong, ``line_held`` what an emptied reservoir leaves there. ``alarm_on``
    is by the pump's own count, ``empty_on`` the earliest that this pump's gain allows; ``replacement`` the elective replacement
    indicator. ``too_much``, ``too_little`` and ``into_ports`` are of where nobody has a programmer. Raises InputError for a text
    that is empty, too long or not printable.
    """

    number: str
    clinic: str
    phone_day: str
    phone_night: str
    maker_line: str
    issued_on: str
    counts_until: str
    pump: str
    serial: str
    drug: str
    concentration: str
    daily_dose: str
    day_total: str
    mode: str
    flow: str
    line: str
    line_held: str
    catheter: str
    tip: str
    access_port: str
    alarm_on: str
    empty_on: str
    replacement: str
    service_ends: str
    mri: str
    in_scanner: str
    dysreflexia: str
    oral_baclofen: str
    operation: str
    procedures: str
    too_much: str
    too_little: str
    into_ports: str
    line_doubts: str = ""
    interference: str = ""
    two_tones: str = ""
    initials: str = ""
    birth_year: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            text, longest = getattr(self, each.name), _BOUNDS.get(each.name, _LONGEST_OTHER)
            if not isinstance(text, str):
                continue
            if not text.strip() and each.name not in _MAY_BE_EMPTY:
                raise InputError(each.name, text, "must be said")
            if len(text) > longest:
                raise InputError(each.name, text, f"is longer than {longest} characters")
            if not text.isprintable():
                raise InputError(each.name, text, "has a character that cannot be printed")
        if self.initials and not _INITIALS.fullmatch(self.initials):
            raise InputError("initials", self.initials, "are not initials: a passport holds no name", accepted=("A.B.", "AB"))
        if self.birth_year is not None and not 1880 <= self.birth_year < 2200:
            raise InputError("birth_year", str(self.birth_year), "is no year of birth", accepted=("1975",))
        _day(self.issued_on, "issued_on")
        if self.counts_until != NOT_RECORDED:
            _day(self.counts_until, "counts_until")

    def counts_on(self, day: date) -> bool:
        """Whether it counts on a day: from its own day to the one by which to refill; without that, on its own day only."""
        until = self.issued_on if self.counts_until == NOT_RECORDED else self.counts_until
        return self.issued_on <= day.isoformat() <= until


_LABELS = {
    "number": "Passport number",
    "initials": "Initials",
    "birth_year": "Year of birth",
    "clinic": "Clinic",
    "phone_day": "Clinic by day",
    "phone_night": "Clinic by night",
    "maker_line": "Maker's line",
    "issued_on": "Issued on",
    "counts_until": "Counts until (refill by)",
    "pump": "Pump",
    "serial": "Serial number",
    "drug": "Drug",
    "concentration": "Concentration",
    "daily_dose": "Daily dose, ordered",
    "day_total": "24-h total, programmed",
    "mode": "Mode",
    "flow": "Flow, programmed",
    "line": "In tubing and catheter",
    "line_doubts": "Why that may be wrong",
    "line_held": "Once the reservoir is emptied",
    "catheter": "Catheter",
    "tip": "Catheter tip",
    "access_port": "Catheter access port",
    "alarm_on": "Low reservoir alarm, as the pump counts",
    "empty_on": "Empty at the earliest",
    "replacement": "Elective replacement indicator",
    "service_ends": "End of service",
    "mri": "MRI status",
    "in_scanner": "In the field of an MRI",
    "dysreflexia": "Injury at T6 or above, or dysreflexia",
    "oral_baclofen": "Oral baclofen at home",
    "two_tones": "Alarm",
    "interference": "Interference",
    "operation": "Operation",
    "procedures": PROCEDURES,
    "too_much": "Without a programmer, too much",
    "too_little": "Without a programmer, too little",
    "into_ports": "Without a programmer, never",
}


def passport_rows(passport: Passport) -> tuple[tuple[str, str], ...]:
    """Labels and values, for pages and prints; without what nobody has to say."""
    values = ((label, getattr(passport, name)) for name, label in _LABELS.items())
    return tuple((label, str(value)) for label, value in values if value not in ("", None))


def passport_of(
    look: Look,
    device: DeviceRecorded | None,
    number: str,
    now: Instant,
    clinic: str,
    phone_day: str,
    phone_night: str,
    *,
    line_known: bool = True,
    initials: str = "",
    birth_year: int | None = None,
) -> Passport:
    """The passport of the pump in place, issued ``now``. No name stands in it; initials and a year of birth only where given.

    Papers of another pump than the one in place are not used. ``line_known`` is false where nobody knows the volume of the
    catheter: no figure of it stands there. Raises PassportError where no pump is in place, InputError for a
    text that does not fit, or a ``now`` before the look.
    """
    pump = pump_in_place(look.known)
    if pump is None:
        raise PassportError("no pump", "no pump is in place: there is nothing to issue a passport for")
    if now < look.now:
        raise InputError("now", now.utc_text(), f"is before what is known, of {look.now.utc_text()}")
    sheet = look.sheet if look.sheet is not None and look.sheet.name == pump.pump else pump_sheet(pump.pump)
    look = replace(look, sheet=sheet)
    papers, report, due, zone = _papers(device, pump, sheet), last_report(look.known), refill_due(look), look.zone
    tube = next(fact for fact in reversed(look.chart.facts) if isinstance(fact, Implanted | Revised))
    line, doubts = _line(look) if line_known else (f"{LINE_UNKNOWN}: measure it first", "")
    strength, plan, status = _strength(look, report), emergency_plan(look), conditional(sheet)
    port = {True: "yes", False: "no", None: NOT_RECORDED}[papers.access_port if papers else None]
    held, stops = held_words(look, line_known), stopping_short(sheet)
    alone = {row[0]: row[1] for row in without_programmer(port, held).rows}
    ask = f"{status.text}; " if status else "nothing is known of this model; "
    return Passport(
        number=number,
        clinic=clinic,
        phone_day=phone_day or NOT_RECORDED,
        phone_night=phone_night or NOT_RECORDED,
        maker_line=plan.value("Maker's line"),
        issued_on=now.date(zone).isoformat(),
        counts_until=due.date(zone).isoformat() if due else NOT_RECORDED,
        pump=f"{sheet.title} ({sheet.name})",
        serial=(papers.serial if papers else "") or NOT_RECORDED,
        drug="baclofen, intrathecal" if strength != NOT_RECORDED else NOT_RECORDED,
        concentration=strength,
        daily_dose=_dose(look, report, sheet),
        day_total=_total(look, report, sheet),
        mode=_mode(look, report, sheet),
        flow=uncertain_words(look) or flow_words(look, short=True) or NOT_RECORDED,
        line=line,
        line_held=held,
        line_doubts=doubts,
        catheter=tube.catheter or NOT_RECORDED,
        tip=tube.tip_level or NOT_RECORDED,
        access_port=port,
        alarm_on=_alarm(due, sheet, zone),
        empty_on="emptied, and not filled since" if look.chart.emptied else _on(due.empty if due else None, zone),
        replacement=_indicator(look, report, sheet),
        service_ends=_on(end_of_service(look), zone),
        mri=f"{ask}ask the clinic before any scan",
        in_scanner=IN_MAGNET[sheet.magnet],
        dysreflexia=plan.value("Injury at T6 or above, or dysreflexia"),
        oral_baclofen=plan.value("Oral baclofen at home"),
        two_tones=stops.get("Alarm", ""),
        interference=stops.get("Interference", ""),
        operation=stops["Operation"],
        procedures=stops[PROCEDURES],
        too_much=alone["too much"],
        too_little=alone["too little"],
        into_ports=alone["never"],
        initials=initials,
        birth_year=birth_year,
    )


def _day(text: str, name: str) -> None:
    try:
        same = date.fromisoformat(text).isoformat() == text
    except ValueError:
        same = False
    if not same:
        raise InputError(name, text, "is no day", accepted=("2026-03-01",))


def _papers(device: DeviceRecorded | None, pump: Implanted | PumpReplaced, sheet: PumpSheet) -> DeviceRecorded | None:
    """The papers, where they are of the pump in place: not from before its operation, nor of another model."""
    if device is None or device.at < pump.at or (device.model in pump_sheets() and device.model != sheet.name):
        return None
    return device


def _strength(look: Look, report: Report | None) -> str:
    """What was filled, or what the pump was told since."""
    filled = look.chart.filled
    if filled is not None and (report is None or report.concentration is None or filled.at > report.at):
        return str(filled.concentration)
    return str(report.concentration) if report is not None and report.concentration is not None else NOT_RECORDED


def _dose(look: Look, report: Report | None, sheet: PumpSheet) -> str:
    """What was ordered at the last session, where the pump still runs that."""
    if not sheet.programmable:
        return "none: a constant flow, which nobody can change"
    if look.chart.uncertain is not None:
        return _UNCERTAIN
    session = look.chart.session
    if session is None or session.order is None or report is None:
        return NOT_RECORDED
    if report.program != session.report.program:
        return f"not as ordered: the pump was read otherwise on {report.at.date(look.zone)}"
    if isinstance(session.order, OrderMinimumRate):
        return "none: the slowest flow of the pump was ordered"
    return str(ordered_dose(session.order))


def _total(look: Look, report: Report | None, sheet: PumpSheet) -> str:
    """The most in any 24 h of what the pump is programmed to, by its last report."""
    if look.chart.uncertain is not None:
        return _UNCERTAIN
    filled = look.chart.filled
    if report is not None and filled is not None and filled.at > report.at:
        return f"not known: filled on {filled.at.date(look.zone)}, and not read since"
    sums = totals(report, sheet) if report is not None else None
    if sums is None:
        return NOT_RECORDED
    return f"{sums.day}, at most {sums.day_max} with patient boluses" if sums.day_max > sums.day else str(sums.day)


def _mode(look: Look, report: Report | None, sheet: PumpSheet) -> str:
    if not sheet.programmable:
        return "constant flow"
    if look.chart.uncertain is not None:
        return _UNCERTAIN
    if report is None:
        return NOT_RECORDED
    mode, why = report.program.mode, not_infusing(report, sheet)
    running = mode if report.mode == mode else f"{report.mode}, then {mode}"
    return running if why in (None, mode) else f"{running}; not infusing when it was read: {why}"


def _line(look: Look) -> tuple[str, str]:
    """(what lies in the line, why that may be wrong); shortened where it does not fit."""
    ledger = line_ledger(look.chart)
    assert ledger is not None  # a pump is in place
    on = f", as of {ledger.as_of.date(look.zone)}"
    doubts = " ".join(ledger.cautions)
    if len(doubts) > _LONGEST_OTHER:
        doubts = f"{ledger.cautions[0]} And {len(ledger.cautions) - 1} more: ask the clinic."
    return f"{line_words_within(ledger, _LONGEST_OTHER - len(on))}{on}", doubts


def _alarm(due: RefillDue | None, sheet: PumpSheet, zone: ZoneInfo) -> str:
    if not sheet.programmable:
        return "none: the pump sounds no alarm"
    return _on(due.counted if due else None, zone)


def _indicator(look: Look, report: Report | None, sheet: PumpSheet) -> str:
    if not sheet.programmable:
        return "none: the pump has no battery"
    reached = indicated(look)
    if reached is not None:
        return f"reached on {reached.date(look.zone)}"
    return f"not reached when read on {report.at.date(look.zone)}" if report is not None else NOT_RECORDED


def _on(at: Instant | None, zone: ZoneInfo) -> str:
    return at.date(zone).isoformat() if at is not None else NOT_RECORDED
