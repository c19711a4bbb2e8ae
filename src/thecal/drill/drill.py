"""A drill, read and ready to be played; those of the package, and those of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from thecal.chart.facts import Fact
from thecal.datum import data_names
from thecal.drill.bedside import bedside_actions, causes
from thecal.drill.document import AnswerTable, DrillTable, SignTable, VoiceTable
from thecal.errors import InputError, nearest_name
from thecal.therapy.rules import rule_named
from thecal.timeline import Instant
from thecal.twin.case import Case, case_of
from thecal.twin.fact_tables import FACT_TABLES, FactTable
from thecal.twin.reading import BYTES_MAX, Found, read_timed

FOLDER = "drills"
DEEDS = (
    "ask", "examine", "interrogate", "rules", "chart", "do", "give", "stop", "program", "bolus", "refill", "bridge", "no bridge",
    "prime", "cancel bolus", "aspirate port", "inject port", "empty reservoir", "revise catheter", "replace pump", "suspect",
    "refused",
)  # fmt: skip
"""What a learner can have done, by the name before its colon."""


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill: its ``case`` is the course up to the scene and the truth beyond it, ``facts`` what is known of the person then."""

    name: str
    sha256: str
    table: DrillTable
    case: Case
    facts: tuple[Fact, ...]

    @property
    def zone(self) -> ZoneInfo:
        return self.case.zone

    @property
    def start(self) -> Instant:
        """When the learner takes over."""
        return self.table.scene.start


@cache
def drill_names() -> tuple[str, ...]:
    """The drills of the package."""
    return data_names(FOLDER)


def read_drill(name: str) -> Drill:
    """A drill of the package by its name, or of a file by its path.

    Raises InputError for a name that is neither, with the nearest; InputErrors for a document that cannot be right.
    """
    if name in drill_names():
        return parse_drill((files("thecal") / "data" / FOLDER / f"{name}.toml").read_bytes(), name)
    path = Path(name)
    if not path.suffix and not path.exists():
        accepted = (*drill_names(), "the path of a file")
        raise InputError("DRILL", name, "is no drill", accepted=accepted, nearest=nearest_name(name, drill_names()))
    with path.open("rb") as file:
        return parse_drill(file.read(BYTES_MAX + 1), path.name)


def parse_drill(raw: bytes, name: str) -> Drill:
    """A drill from the bytes of its file; ``name`` stands in the errors. Raises InputErrors."""
    table, zone, place = read_timed(DrillTable, raw, name, "drill = 1, a title and a timezone to begin with")
    digest = sha256(raw).hexdigest()
    case = case_of(table, zone, place, digest)
    found = Found(place)
    facts = _facts(table, found)
    _check_scene(table, zone, found)
    _check_spoken(table, zone, found)
    _check_deeds(table, found)
    found.end()
    return Drill(name.removesuffix(".toml"), digest, table, case, facts)


def scene_facts(rows: Sequence[Mapping[str, Any]], at: Instant, zone: ZoneInfo) -> tuple[Fact, ...]:
    """The facts that somebody's words are, at an instant. Raises InputError, ValidationError for a row that is none."""
    made: list[Fact] = []
    for row in rows:
        kind = row.get("kind")
        if kind not in FACT_TABLES:
            nearest = nearest_name(str(kind), FACT_TABLES)
            raise InputError("kind", kind, "is not a kind of fact", accepted=FACT_TABLES, nearest=nearest)
        table = FACT_TABLES[kind].model_validate({**row, "at": at.local_text(zone)}, context={"zone": zone})
        assert isinstance(table, FactTable)
        made += table.facts()
    return tuple(made)


def _facts(table: DrillTable, found: Found) -> tuple[Fact, ...]:
    facts: list[Fact] = []
    for number, row in enumerate(table.fact):
        with found.at("fact", number):
            facts += row.facts()
    return tuple(sorted(facts, key=lambda fact: fact.at))


def _check_scene(table: DrillTable, zone: ZoneInfo, found: Found) -> None:
    with found.at("scene", "start"):
        start, first = table.scene.start, table.event[0].at
        if not first < start < table.until:
            accepted = (f"after {first.local_text(zone)}, the first event, and before {table.until.local_text(zone)}, until",)
            raise InputError("start", start.local_text(zone), "is not within the course", accepted=accepted)
    for number, event in enumerate(table.event):
        with found.at("event", number, "at"):
            if event.at > table.scene.start:
                accepted = (f"{table.scene.start.local_text(zone)} or earlier",)
                problem = "is after the scene begins: what is done then is the learner's"
                raise InputError("at", event.at.local_text(zone), problem, accepted=accepted)


def _check_spoken(table: DrillTable, zone: ZoneInfo, found: Found) -> None:
    """Facts in words that can be read, and voices that can be told apart."""
    lists: dict[str, Sequence[VoiceTable | AnswerTable | SignTable]] = {
        "voice": table.voice,
        "answer": table.answer,
        "sign": table.sign,
    }
    for key, rows in lists.items():
        for number, row in enumerate(rows):
            with found.at(key, number, "fact"):
                try:
                    scene_facts(row.fact, table.scene.start, zone)
                except ValidationError as error:
                    problem = "; ".join(_said(one) for one in error.errors(include_url=False))
                    raise InputError("fact", str(row.fact), f"cannot be read: {problem}") from None
    names = [voice.name for voice in table.voice]
    for number, name in enumerate(names):
        with found.at("voice", number, "name"):
            if name in names[:number]:
                raise InputError("name", name, "is the name of two voices")


def _said(error: Any) -> str:
    inner = error.get("ctx", {}).get("error")
    return str(inner) if inner else f"{'.'.join(str(key) for key in error['loc'])}: {error['msg']}"


def _check_deeds(table: DrillTable, found: Found) -> None:
    """Every deed that is asked for can be done, and every rule is one."""
    asked = {word for answer in table.answer for word in answer.to}
    for key in ("critical", "harmful"):
        rows = getattr(table, key)
        for number, row in enumerate(rows):
            with found.at(key, number, "by"):
                for deed in row.by:
                    _check_deed(deed, asked)
            with found.at(key, number, "rules"):
                for rule in row.rules:
                    rule_named(rule, "rules")
    for number, critical in enumerate(table.critical):
        with found.at("critical", number, "by"):
            if bool(critical.by) == bool(critical.gives):
                raise InputError("by", "", "or gives is needed, and not both: a deed, or a dose at the tip")
        with found.at("critical", number, "since"):
            if critical.since:
                _check_deed(critical.since, asked)


def _check_deed(deed: str, asked: set[str]) -> None:
    head, _, rest = deed.partition(": ")
    if head not in DEEDS:
        raise InputError("by", deed, "is no deed", accepted=DEEDS, nearest=nearest_name(head, DEEDS))
    known = {"do": set(bedside_actions()), "suspect": set(causes()), "ask": asked}.get(head)
    if rest and known is not None and rest not in known:
        nearest = nearest_name(rest, known)
        raise InputError("by", deed, f"is nothing that can be the rest of {head}", accepted=sorted(known), nearest=nearest)
