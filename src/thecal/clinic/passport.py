"""The pump passport: a signed statement that a person with a pump carries, to be read and verified without a network.

The text is ``THECAL1:`` and the base45 (RFC 9285, what a QR code holds best) of: a CRC-32 of the rest (4 bytes), the id of the
key (8), the Ed25519 signature (64), and the passport as canonical JSON under zlib. The signature is over the compressed bytes, so
it is checked before anything is unpacked, and no second text says the same.
"""

import io
import re
import zlib
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

import segno

from thecal.bench.codec import UnreadableError, canonical, parse, read, written
from thecal.chart.facts import Implanted, PumpReplaced, Revised
from thecal.chart.order import OrderMinimumRate, ordered_dose
from thecal.clinic.entry import DeviceRecorded
from thecal.clinic.signing_key import PublicKey, SigningKey, in_groups
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

VERSION = 1
TEXT_MAX = 1451
"""Characters of a QR code of version 25 at error correction M (ISO/IEC 18004, alphanumeric mode)."""
_PREFIX = re.compile(r"THECAL([1-9][0-9]{0,3}):")
_BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(_BASE45)}
_PURPOSE = f"thecal passport {VERSION}"
_PLAIN_MAX = 8192  # bytes of a passport once unpacked; a bound of the program, several times what its texts can be
_CHECKED, _HEAD = 4, 12
_LONGEST = {"number": 24, "clinic": 60, "phone_day": 32, "phone_night": 32, "serial": 32, "catheter": 40, "tip": 24}
_LONGEST_OTHER = 160  # both are bounds of the program, so that the code stays small enough for a telephone
_INITIALS = re.compile(r"[^\W\d_]\.?([ -]?[^\W\d_]\.?){0,3}")
_UNCERTAIN = "uncertain: a session's end is not known; interrogate the pump"

Wrong = Literal["no passport", "newer version", "damaged", "another key", "signature", "unreadable"]


class PassportError(ThecalError):
    """A text that is not accepted as a passport, or a person without a pump: ``wrong`` names which, the message says it."""

    def __init__(self, wrong: Wrong | Literal["no pump"], message: str) -> None:
        self.wrong = wrong
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Passport:
    """What the clinic states of a pump, as text to be read aloud; what no fact says is ``"not recorded"``. Days are the clinic's.

    ``daily_dose`` is ordered, ``day_total`` what the pump is programmed to; ``alarm_on`` is by the pump's own count, ``empty_on``
    the earliest that this pump's gain allows; ``replacement`` the elective replacement indicator. Raises InputError for a text
    that is empty, too long or not printable.
    """

    number: str
    clinic: str
    phone_day: str
    phone_night: str
    issued_on: str
    counts_until: str
    pump: str
    serial: str
    drug: str
    concentration: str
    daily_dose: str
    day_total: str
    mode: str
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
    initials: str = ""
    birth_year: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            text, longest = getattr(self, each.name), _LONGEST.get(each.name, _LONGEST_OTHER)
            if not isinstance(text, str):
                continue
            if not text.strip() and each.name != "initials":
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
    "issued_on": "Issued on",
    "counts_until": "Counts until (refill by)",
    "pump": "Pump",
    "serial": "Serial number",
    "drug": "Drug",
    "concentration": "Concentration",
    "daily_dose": "Daily dose, ordered",
    "day_total": "24-h total, programmed",
    "mode": "Mode",
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
}


def passport_rows(passport: Passport) -> tuple[tuple[str, str], ...]:
    """Labels and values, for pages and prints; without the initials and the year where they are not said."""
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
    initials: str = "",
    birth_year: int | None = None,
) -> Passport:
    """The passport of the pump in place, issued ``now``. No name stands in it; initials and a year of birth only where given.

    Papers of another pump than the one in place are not used. Raises PassportError where no pump is in place, InputError for a
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
    line = next(fact for fact in reversed(look.chart.facts) if isinstance(fact, Implanted | Revised))
    strength, plan, status = _strength(look, report), emergency_plan(look), conditional(sheet)
    ask = f"{status.text}; " if status else "nothing is known of this model; "
    return Passport(
        number=number,
        clinic=clinic,
        phone_day=phone_day or NOT_RECORDED,
        phone_night=phone_night or NOT_RECORDED,
        issued_on=now.date(zone).isoformat(),
        counts_until=due.date(zone).isoformat() if due else NOT_RECORDED,
        pump=f"{sheet.title} ({sheet.name})",
        serial=(papers.serial if papers else "") or NOT_RECORDED,
        drug="baclofen, intrathecal" if strength != NOT_RECORDED else NOT_RECORDED,
        concentration=strength,
        daily_dose=_dose(look, report, sheet),
        day_total=_total(look, report, sheet),
        mode=_mode(look, report, sheet),
        catheter=line.catheter or NOT_RECORDED,
        tip=line.tip_level or NOT_RECORDED,
        access_port={True: "yes", False: "no", None: NOT_RECORDED}[papers.access_port if papers else None],
        alarm_on=_alarm(due, sheet, zone),
        empty_on="emptied, and not filled since" if look.chart.emptied else _on(due.empty if due else None, zone),
        replacement=_indicator(look, report, sheet),
        service_ends=_on(end_of_service(look), zone),
        mri=f"{ask}ask the clinic before any scan",
        in_scanner=IN_MAGNET[sheet.magnet],
        dysreflexia=plan.value("Injury at T6 or above, or dysreflexia"),
        oral_baclofen=plan.value("Oral baclofen at home"),
        initials=initials,
        birth_year=birth_year,
    )


def signed(passport: Passport, key: SigningKey) -> str:
    """The passport as a text that fits a QR code of version 25 at most. Raises InputError for one that is too long for that."""
    body = zlib.compress(canonical(written(passport, Passport)), 9)
    whole = key.public.key_id + key.sign(_PURPOSE, body) + body
    text = f"THECAL{VERSION}:{_base45(zlib.crc32(whole).to_bytes(_CHECKED, 'big') + whole)}"
    if len(text) > TEXT_MAX:
        problem = f"is {len(text):,} characters signed, more than the {TEXT_MAX:,} of a code that telephones read"
        raise InputError("passport", passport.number, f"{problem}; shorten the name of the clinic and the other texts")
    return text


def read_passport(text: str, public_key: PublicKey) -> Passport:
    """The passport that a clinic's key has signed; blanks around the text do not count. Raises PassportError for another text."""
    whole = _bytes_of(text.strip())
    key_id, signature, body = (
        whole[_CHECKED:_HEAD],
        whole[_HEAD : _HEAD + PublicKey.SIGNATURE],
        whole[_HEAD + PublicKey.SIGNATURE :],
    )
    if key_id != public_key.key_id:
        told = f"it is signed with the key {in_groups(key_id)}, and this one is {public_key.fingerprint}"
        raise PassportError("another key", f"another clinic's key: {told}")
    if not public_key.verifies(signature, _PURPOSE, body):
        raise PassportError("signature", "the signature does not fit: this is not what the clinic has signed")
    unpacking = zlib.decompressobj()
    try:
        plain = unpacking.decompress(body, _PLAIN_MAX)
        if not unpacking.eof or unpacking.unused_data:
            raise PassportError("unreadable", f"the clinic signed it, but it does not unpack to at most {_PLAIN_MAX:,} bytes")
        found: Passport = read(Passport, parse(plain), "passport")
    except (zlib.error, UnreadableError, InputError) as error:
        raise PassportError("unreadable", f"the clinic signed it, but it cannot be read: {error}") from None
    return found


def qr_svg(text: str) -> str:
    """A text as a QR code, an SVG that loads nothing and has a title. Raises InputError for a text that fits no code."""
    try:
        code = segno.make_qr(text, error="m")
    except (segno.DataOverflowError, ValueError) as error:
        raise InputError("text", text, f"fits no QR code: {error}") from None
    out = io.BytesIO()
    code.save(out, kind="svg", xmldecl=False, scale=4, title="Pump passport, a code to scan", light="#fff", nl=False)
    return out.getvalue().decode("utf-8").replace("<svg ", '<svg role="img" ', 1)


def _bytes_of(text: str) -> bytes:
    """What a text of this version holds, whole by its CRC."""
    prefix = _PREFIX.match(text)
    if prefix is None:
        raise PassportError("no passport", f"this is not a pump passport, which begins with THECAL{VERSION}:")
    if int(prefix[1]) > VERSION:
        told = f"this passport is of version {prefix[1]}, newer than the {VERSION} that is read here"
        raise PassportError("newer version", f"{told}; update thecal, or a character of its beginning is wrong")
    damaged = PassportError("damaged", "the passport is damaged: a part is missing or a character is wrong; scan it again")
    whole = _base45_read(text[prefix.end() :]) if len(text) <= TEXT_MAX else None
    if whole is None or len(whole) <= _HEAD + PublicKey.SIGNATURE:
        raise damaged
    if zlib.crc32(whole[_CHECKED:]).to_bytes(_CHECKED, "big") != whole[:_CHECKED]:
        raise damaged
    return whole


def _base45(data: bytes) -> str:
    """RFC 9285: two bytes in three characters, a last one in two."""
    out = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, rest = divmod(value, 45)
            out.append(_BASE45[rest])
    return "".join(out)


def _base45_read(text: str) -> bytes | None:
    """The bytes of a base45 text; None for what is none."""
    out = bytearray()
    for start in range(0, len(text), 3):
        group = [_VALUE.get(character) for character in text[start : start + 3]]
        value = sum(digit * 45**place for place, digit in enumerate(group) if digit is not None)
        if None in group or len(group) == 1 or value >= 256 ** (len(group) - 1):
            return None
        out += value.to_bytes(len(group) - 1, "big")
    return bytes(out)


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
