"""An incident becomes a drill: a case without whoever it was about, and its truth as what is to be found out.

Nothing that a person has written in words of their own comes over, no name, and no date: all times are moved together, so that
they keep their distances, the day of the week and the hour of the day, and the zone is left out.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import tomli_w

from thecal.datum import read_data
from thecal.errors import InputError
from thecal.timeline import DAY_S, WEEK_S, Instant
from thecal.twin.case import Case, parse_case
from thecal.twin.events import wall_clock_s

MONDAY = Instant(1_909_094_400)
"""A Monday in July 2030, at midnight: the week into which every incident is moved."""
LEFT_OUT = "(left out)"
TEXTS: Mapping[str, str | None] = {
    "label": None,
    "who": None,
    "rater": None,
    "indication": None,
    "form": None,
    "strength": None,
    "note": None,
    "text": LEFT_OUT,
    "reason": LEFT_OUT,
    "why": LEFT_OUT,
    "override": LEFT_OUT,
    "without_bridge": LEFT_OUT,
    "anyway": LEFT_OUT,
    "by": "A",
    "author": "A",
    "checker": "B",
}
"""What stands instead of words that somebody has written; None leaves them out."""
KEPT = frozenset({"yes", "no", "scale", "score", "part", "value", "dose", "topic", "state", "finds", "also"})
"""Texts that a document checks against a list or as a number, and that tell of nobody."""
_UNTOLD = ("note", "closed", "certified", "booked", "visited")  # they are about people, places and plans
_NO_TEXT = ("sources", "patient", "case", "title", "timezone", "until", "event", "fact", "world", "pump", "body")
_HEAD = (
    "# A drill that was made of a case. Names, words of people, dates and zone were left out; read it before you hand it on:\n"
    "# who knows the person may still know them by the course. The limits of time are settings to be judged by a clinic. Add\n"
    "# voices, answers and signs of your own.\n\n"
)
_CAUSES = {
    "stall": "pump stopped",
    "internal_short": "pump stopped",
    "memory_error": "pump stopped",
    "mri": "magnet",
    "interference": "magnet",
    "battery_film": "battery",
    "wrong_strength": "wrong concentration",
    "wrong_drug": "wrong concentration",
    "pocket_fill": "pocket fill",
    "overfill": "pump overinfuses",
    "septum_leak": "empty reservoir",
    "sensor_error": "empty reservoir",
    "kink": "catheter",
    "leak": "catheter",
    "disconnection": "catheter",
    "migration": "catheter",
}
_BRIEF = (
    "You take over a patient with a baclofen pump. Something is not as it should be. Find it, say what you suspect, do what the "
    "rules ask for, and type done; after a week the drill ends by itself."
)
_LATER_S, _LASTS_S = 6 * 3600, 7 * DAY_S
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Move:
    """By how much all instants are moved, and the offset of the wall clock that is taken out with it."""

    by_s: int
    offset_s: int
    zone: ZoneInfo
    programmers: dict[str, str] = field(default_factory=dict)

    def programmer(self, name: str) -> str:
        """Each programmer by a number, in the order in which they come."""
        return self.programmers.setdefault(name, f"programmer {len(self.programmers) + 1}")

    def at(self, at: Instant) -> str:
        """An instant of the case as one of the drill."""
        return Instant(at.s + self.by_s).local_text(_UTC)

    def text(self, written: object) -> str:
        """An instant as the case writes it."""
        return self.at(Instant.parse(written, self.zone, "at"))

    def day(self, written: object) -> str:
        """A day of a life: its year, as far from the incident as it was."""
        day = written if isinstance(written, date) else date.fromisoformat(str(written))
        moved = day + timedelta(seconds=self.by_s)
        return f"{moved.year}-01-01"

    def clock(self, offset_s: int) -> str:
        """The offset of a pump clock, as far from the wall clock of the incident as it was."""
        off = offset_s - self.offset_s
        sign, minutes = ("-" if off < 0 else "+"), abs(off) // 60
        return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def drill_from(raw: bytes, name: str, at: str | None = None) -> str:
    """A case as a drill, in TOML. ``at`` is when the learner takes over, by the case's clock; when people first acted after
    something had gone wrong, where it is not given.

    Raises InputErrors for a case that cannot be right, InputError for an instant that is not within it.
    """
    case = parse_case(raw, name)
    data = tomllib.loads(raw.decode("utf-8-sig"))
    start = Instant.parse(at, case.zone, "--at") if at else _start(case)
    first, last = case.actions[0].at, case.until
    if not first < start < last:
        accepted = (f"after {first.local_text(case.zone)}, before {last.local_text(case.zone)}",)
        raise InputError("--at", start.local_text(case.zone), "is not within the case", accepted=accepted)
    offset_s = wall_clock_s(start, case.zone)
    weeks = (start.s + offset_s - MONDAY.s) // WEEK_S
    move = Move(offset_s - weeks * WEEK_S, offset_s, case.zone)
    document = _document(case, data, start, move)
    return _HEAD + tomli_w.dumps(document)


def _start(case: Case) -> Instant:
    """When people first acted after something had gone wrong; a while after it where nobody did."""
    wrong = next((fault.at for fault in case.faults if fault.at > case.actions[0].at), None)
    if wrong is None:
        return next((action.at for action in case.actions if action.expect_refused), case.actions[-1].at)
    acted = next((action.at for action in case.actions if action.at > wrong), None)
    return acted if acted is not None and acted < case.until else Instant(min(wrong.s + _LATER_S, case.until.s - 1))


def _document(case: Case, data: Mapping[str, Any], start: Instant, move: Move) -> dict[str, Any]:
    before = [row for row, action in zip(data["event"], case.actions, strict=True) if action.at < start]
    after = [row for row, action in zip(data["event"], case.actions, strict=True) if action.at >= start]
    truth = dict(data.get("world", {}))
    faults = truth.pop("event", [])
    strikes = [row for row in faults if Instant.parse(row["at"], case.zone, "at").s <= start.s + _LASTS_S]
    causes = sorted({_cause(row) for row in strikes}) or ["programming error"]
    whole = {key: value for key, value in data.items() if key not in _NO_TEXT}
    return {
        "drill": 1,
        "title": "An incident",
        "timezone": "UTC",
        "until": move.at(Instant(start.s + _LASTS_S)),
        "objectives": ["Find out what is wrong.", "Do what the rules ask for, in the order that they ask for it."],
        "brief": _BRIEF,
        "sources": ["a case of a clinic, without whoever it was about"],
        "hidden": [*(_told(row, move) for row in strikes)] or ["What was asked of the pump was refused: see the rules."],
        "debrief": [
            "What would have shown it earlier?",
            *([f"In the case people then did: {_deeds(after, move)}."] if after else []),
        ],
        "pump": {**data["pump"], "clock": _pump_clock(case, data, move)},
        **whole,
        "body": data.get("body", {"patient": "adult-ms"}),
        "scene": {
            "start": move.at(start),
            "place": "A clinic",
            "role": "The patient and a relative are here",
        },
        "event": [_row(row, move) for row in before if row["kind"] not in _UNTOLD],
        "fact": [_row(row, move) for row in data.get("fact", []) if row["kind"] not in _UNTOLD],
        "world": {**truth, "event": [_row(row, move) for row in strikes]},
        "critical": _critical(causes),
        **{key: list(rows) for key, rows in read_data("bedside", "people").items()},
    }


def _critical(causes: Sequence[str]) -> list[dict[str, Any]]:
    """What has to be done in any such case: look, read, and name it."""
    named = [f"suspect: {cause}" for cause in causes]
    return [
        {"does": "examines the patient", "by": ["examine"], "within": "30 min", "why": "The body tells first."},
        {
            "does": "reads the pump",
            "by": ["interrogate"],
            "within": "1 h",
            "why": "The device is looked at while the patient is looked after.",
            "rules": ["WDL-10"],
        },
        {"does": "names the cause", "by": named, "why": "What is not named is not mended."},
    ]


def _row(row: Mapping[str, Any], move: Move) -> dict[str, Any]:
    """A table of the case without the words of people, its times moved."""
    return dict(_fields(row, move))


def _fields(row: Mapping[str, Any], move: Move) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if key in ("at", "on", "until"):
            yield key, move.text(value)
        elif key in ("born", "injured"):
            yield key, move.day(value)
        elif key == "clock":
            yield key, move.clock(_offset_s(value))
        elif key == "programmer":
            yield key, move.programmer(str(value))
        elif key in TEXTS:
            if TEXTS[key] is not None:
                yield key, TEXTS[key]
        elif isinstance(value, dict):
            yield key, _row(value, move)
        elif isinstance(value, list):
            yield key, [_row(one, move) if isinstance(one, dict) else one for one in value]
        else:
            yield key, value


def _pump_clock(case: Case, data: Mapping[str, Any], move: Move) -> str:
    """The pump clock as it was set at implant, by the wall clock of the incident."""
    written = data["pump"].get("clock")
    return move.clock(_offset_s(written) if written else wall_clock_s(case.actions[0].at, case.zone))


def _offset_s(written: object) -> int:
    offset = datetime.strptime(str(written), "%z").utcoffset()
    assert offset is not None  # it was read before
    return offset // timedelta(seconds=1)


def _cause(row: Mapping[str, Any]) -> str:
    more = not str(row.get("gain", row.get("by", row.get("flow", "+")))).startswith("-")
    return _CAUSES.get(row["kind"], "pump overinfuses" if more else "pump underinfuses")


def _told(row: Mapping[str, Any], move: Move) -> str:
    """A fault in the words of its table."""
    given = ", ".join(f"{key} {value}" for key, value in row.items() if key not in ("at", "kind"))
    return f"{move.text(row['at'])}: {row['kind']}{f' ({given})' if given else ''}."


def _deeds(rows: Sequence[Mapping[str, Any]], move: Move) -> str:
    return ", ".join(f"{row['kind']} at {move.text(row['at'])}" for row in rows)
