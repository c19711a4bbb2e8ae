"""A clinic's settings as a document: jurisdiction, payers, limits of its own, and what is switched on."""

from pathlib import Path

from pydantic import Field

from thecal.errors import InputError
from thecal.therapy.clinic import Clinic, Jurisdiction, Loosened
from thecal.therapy.payers import payer_named
from thecal.twin.fields import AVersion, Document, PlainText
from thecal.twin.reading import BYTES_MAX, Found, read_plain


class OverrideTable(Document):
    """A published limit that the clinic sets less strict, with a reason and a name."""

    limit: PlainText
    value: float | int
    reason: PlainText
    by: PlainText


class ClinicTable(Document):
    """The settings of a clinic. ``limits`` are written ``"TIT-03.rise" = 20``, in the unit of the rule."""

    clinic: AVersion
    jurisdiction: Jurisdiction = "US"
    payers: list[PlainText] = Field(default_factory=list)
    limits: dict[str, float | int] = Field(default_factory=dict)
    switches: dict[str, bool] = Field(default_factory=dict)
    override: list[OverrideTable] = Field(default_factory=list)


def read_clinic(path: str | Path) -> Clinic:
    """Read a clinic file.

    Raises InputErrors, each with its line, for settings that are not allowed, and OSError where there is no file to read.
    """
    path = Path(path)
    with path.open("rb") as file:
        return parse_clinic(file.read(BYTES_MAX + 1), path.name.encode("utf-8", "backslashreplace").decode())


def parse_clinic(raw: bytes, name: str) -> Clinic:
    """A clinic's settings from the bytes of its file. Raises InputErrors."""
    table, place = read_plain(ClinicTable, raw, name, 'clinic = 1 and a jurisdiction, "US" or "UK"')
    found = Found(place)
    payers: list[str] = []
    for number, payer in enumerate(table.payers):
        with found.at("payers", number):
            payers.append(payer_named(payer, "payers").name)
    clinic = Clinic(table.jurisdiction, tuple(payers))
    for limit, value in table.limits.items():
        with found.at("limits", limit):
            clinic = clinic.with_limit(limit, float(value))
    for number, row in enumerate(table.override):
        with found.at("override", number):
            for key in ("reason", "by"):
                if not getattr(row, key):
                    raise InputError(key, "", "is missing: a looser limit has a reason and a name")
            clinic = clinic.with_limit(row.limit, float(row.value), Loosened(row.limit, row.reason, row.by))
    for rule, on in table.switches.items():
        with found.at("switches", rule):
            clinic = clinic.with_switch(rule, on)
    found.end()
    return clinic
