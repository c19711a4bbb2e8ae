"""Codes: which count on which day of service, which do not stand together, and how many units a drug makes.

Of CPT the numbers alone are kept; whoever holds a license supplies their text (BIL-09).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, get_args

from thecal.datum import CONFIDENCE, DataError, data_names, pick, read_data
from thecal.errors import InputError, nearest_name
from thecal.quantity import Concentration, Volume
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.rules import all_rules

Shows = Literal["session", "change", "fill", "staff", "physician"]
BILLED = ("CPT", "HCPCS", "ICD-10-CM")
_FOLDER = "codes"
_FAMILY = "-"
_PG_IN_MCG = 10**6


@dataclass(frozen=True, slots=True)
class Code:
    """One code of a system; one that ends in a hyphen is a family, which alone is no code.

    It may be billed from its ``first`` to its ``last`` day, None where that day is not known, and ``instead`` of it stands
    another. ``asks`` is what the chart of its day has to show, ``not_with`` and ``excludes`` what does not stand beside it.
    """

    system: str
    code: str
    concept: str
    source: str
    confidence: str
    rule: str | None = None
    first: date | None = None
    last: date | None = None
    instead: str = ""
    unit_mcg: int | None = None
    asks: tuple[Shows, ...] = ()
    not_with: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    def covers(self, code: str) -> bool:
        """Whether a code is this one, or one of this family."""
        if not self.code.endswith(_FAMILY):
            return code == self.code
        stem = self.code.removesuffix(_FAMILY)
        return code == self.code or (code.startswith(stem) and len(code) > len(stem))


@cache
def code_systems() -> Mapping[str, Mapping[str, Code]]:
    """Every system of codes, by name, and its codes."""
    found: dict[str, Mapping[str, Code]] = {}
    for name in data_names(_FOLDER):
        tables = read_data(_FOLDER, name)
        system = tables["system"]
        found[system] = MappingProxyType({code: _code(system, code, table) for code, table in tables["code"].items()})
    return MappingProxyType(found)


def codes_of(system: str, field: str = "system") -> Mapping[str, Code]:
    """The codes of a system. Raises InputError with the nearest known one."""
    return pick(system, code_systems(), field)


def code_named(code: str, field: str = "code") -> Code:
    """A code that is billed, or its family. Raises InputError with the nearest known one."""
    found = _known(code)
    if found is None:
        known = list(_billed())
        alike = [other for other in known if other[:3].upper() == code.strip()[:3].upper()]
        nearest = nearest_name(code.strip().upper(), known)
        raise InputError(field, code, "is not one of the codes that are kept here", accepted=alike, nearest=nearest)
    return found


def codes_valid(codes: Sequence[str], on: date) -> tuple[Finding, ...]:
    """What is wrong with the codes of one day of service: their dates (BIL-10) and what does not stand together.

    A code that is not kept here is said not to be checked.
    """
    written = sorted({code.strip().upper() for code in codes})
    return ordered([*_dates(written, on), *_pairs(written)])


def units(code: str, volume: Volume, concentration: Concentration) -> int:
    """How many units of J0475 or J0476 a volume makes (BIL-08); a begun unit counts whole.

    Raises InputError for a code that counts no drug.
    """
    counted = [name for name, known in _billed().items() if known.unit_mcg]
    known = code_named(code)
    if known.unit_mcg is None:
        raise InputError("code", code, "counts no units of a drug", accepted=counted)
    return -(-volume.of(concentration).pg // (known.unit_mcg * _PG_IN_MCG))


@cache
def _billed() -> Mapping[str, Code]:
    return {code: known for system in BILLED for code, known in codes_of(system).items()}


def _known(code: str) -> Code | None:
    """The code itself where it is kept, else its narrowest family."""
    wanted = code.strip().upper()
    if wanted in _billed():
        return _billed()[wanted]
    alike = [known for known in _billed().values() if known.covers(wanted)]
    return max(alike, key=lambda known: len(known.code), default=None)


def _dates(codes: Sequence[str], on: date) -> Iterator[Finding]:
    for code in codes:
        known = _known(code)
        if _is_header(code):
            advice = "Find the whole code in the tabular list."
            yield _finding("BIL-10", "warn", f"{code}, a family of codes", "a code with all its characters", advice, known)
        elif known is None:
            yield _finding("BIL-10", "advise", f"{code} was not checked", "codes that are kept here", "Check it by hand.")
        elif known.last is not None and on > known.last:
            asked, advice = f"{code} on {on}", f"Use {known.instead}." if known.instead else "Find the code that took its place."
            yield _finding("BIL-10", "warn", asked, f"{code} until {known.last}", advice, known)
        elif known.first is not None and on < known.first:
            asked, advice = f"{code} on {on}", f"Use {known.instead}." if known.instead else "Use the code of that day."
            yield _finding("BIL-10", "warn", asked, f"{code} from {known.first} on", advice, known)


def _is_header(code: str) -> bool:
    """Whether a diagnosis needs more characters: it is a family, or codes begin with it while it is none itself."""
    diagnoses = codes_of("ICD-10-CM")
    return code.endswith(_FAMILY) or (code not in diagnoses and any(other.startswith(code) for other in diagnoses))


def _pairs(codes: Sequence[str]) -> Iterator[Finding]:
    """BIL-04 and BIL-11: each code against those that it does not stand beside."""
    for code in codes:
        known = _billed().get(code)
        if known is None:
            continue
        for other in codes:
            if other in known.not_with:
                asked, advice = f"{code} together with {other}", "Report the one that says what was done."
                yield _finding("BIL-04", "warn", asked, f"one of them, not both, for one service: {code} or {other}", advice)
            if any(_family(name).covers(other) for name in known.excludes):
                asked, advice = f"{code} together with {other}", "Keep the code that the record supports."
                yield _finding("BIL-11", "warn", asked, f"{code} excludes {', '.join(known.excludes)} (Excludes1)", advice, known)


def _family(name: str) -> Code:
    return _billed()[name]


def _finding(
    rule: str, severity: Literal["warn", "advise"], asked: str, allowed: str, what_next: str, code: Code | None = None
) -> Finding:
    told = all_rules()[rule]
    source, confidence = (code.source, code.confidence) if code else (told.source, told.confidence)
    return Finding(rule, severity, asked, allowed, source, confidence, what_next)


def _code(system: str, code: str, table: Mapping[str, Any]) -> Code:
    if table["confidence"] not in CONFIDENCE or not set(table.get("asks", ())) <= set(get_args(Shows)):
        raise DataError(f"codes {system}: {code} has an unknown confidence, or asks for something unknown")
    if system == "CPT" and "concept" in table:
        raise DataError(f"codes {system}: {code} has a text, which is licensed (BIL-09)")
    if "concept" not in table and system != "CPT":
        raise DataError(f"codes {system}: {code} has no concept")
    lists = {key: tuple(table.get(key, ())) for key in ("asks", "not_with", "excludes")}
    return Code(
        system,
        code,
        table.get("concept", ""),
        table["source"],
        table["confidence"],
        table.get("rule"),
        table.get("from"),
        table.get("until"),
        table.get("instead", ""),
        table.get("unit_mcg"),
        **lists,
    )
