"""Scores: read on their own scale, compared within it, and counted with only where that means something."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from thecal.chart.clinical import Scored
from thecal.errors import InputError, Refusal
from thecal.therapy.rules import all_rules, refusal_by
from thecal.therapy.scales import Scale, scale_named, scales

_NUMBER = re.compile(r"[+-]?[0-9]{1,6}(\.[0-9]{1,6})?")
_TARDIEU = re.compile(r"R1 (?P<r1>-?[0-9]{1,3}) R2 (?P<r2>-?[0-9]{1,3}) quality (?P<quality>[0-9])")
_TURN = 180
_MAX_QUALITY = 5


@dataclass(frozen=True, slots=True)
class Score:
    """A score on its scale. ``order`` is its place there, and nowhere else; an ordinal one is coded for analysis by it.

    ``number`` is what may be counted with, in the unit of the scale; None of a rank.
    """

    scale: str
    text: str
    order: Fraction
    number: Fraction | None
    part: str | None = None

    def __str__(self) -> str:
        unit = scales()[self.scale].unit
        return f"{self.text} {unit}".strip() if self.number is not None and scales()[self.scale].type == "number" else self.text


@dataclass(frozen=True, slots=True)
class Tardieu:
    """The angle of the first catch, the full range (both in degrees) and the quality of a modified Tardieu examination."""

    r1_degrees: int
    r2_degrees: int
    quality: int

    @property
    def spasticity_degrees(self) -> int:
        """R2 less R1: large where the tone is dynamic, small where the muscle is short."""
        return self.r2_degrees - self.r1_degrees


def read_score(scale: str, text: str, field: str = "score", part: str | None = None) -> Score:
    """A score as it was written, on a scale and of one of its parts where it has parts.

    Raises InputError for a scale that is not known or has no variant, and for a score that the scale does not have, with its
    range and source.
    """
    return _read(scale, text, field, part)


def score_of(fact: Scored) -> Score | None:
    """The score of a fact; None where its scale has no variant or does not have it, which SAF-09 flags."""
    try:
        return read_score(fact.scale, fact.score, part=fact.part)
    except InputError:
        return None


@lru_cache(maxsize=4096)
def _read(name: str, text: str, field: str, part: str | None) -> Score:
    scale = scale_named(name)
    if scale.parts and part is not None and part not in scale.parts:
        raise InputError("part", part, f"is not a part of {scale.name}", accepted=scale.parts)
    written = text.strip()
    if written in scale.refused:
        raise _outside(scale, text, field, part, f"is no score on {name}: {scale.refused[written]}")
    if scale.levels:
        return _rank(scale, text, field, part)
    if scale.type == "angles":
        tardieu = read_tardieu(text, field)
        return Score(name, written, Fraction(tardieu.spasticity_degrees), Fraction(tardieu.spasticity_degrees), part)
    return _number(scale, text, field, part)


def read_tardieu(text: str, field: str = "score") -> Tardieu:
    """A modified Tardieu examination, written ``R1 20 R2 80 quality 3``. Raises InputError for anything else."""
    scale = scales()["tardieu"]
    match = _TARDIEU.fullmatch(text.strip())
    if match is None:
        raise _outside(scale, text, field, None, "is not a Tardieu score")
    found = Tardieu(int(match["r1"]), int(match["r2"]), int(match["quality"]))
    if found.quality > _MAX_QUALITY or found.r1_degrees > found.r2_degrees:
        raise _outside(scale, text, field, None, "has a catch beyond the full range, or a quality that there is not")
    if max(abs(found.r1_degrees), abs(found.r2_degrees)) > _TURN:
        raise _outside(scale, text, field, None, "has an angle of more than half a turn")
    return found


def read_penn(frequency: str, severity: str | None, field: str = "severity") -> tuple[Score, Score | None]:
    """Frequency and severity of spasms: severity is left out where there are none, and only there (SCL-04)."""
    often = read_score("penn-frequency", frequency)
    if severity is not None and not often.order:
        raise InputError(field, severity, "is left out where the frequency is 0 (SCL-04)")
    if severity is None and often.order:
        raise InputError(field, "", "is missing where the frequency is not 0 (SCL-04)", accepted=scales()["penn-severity"].levels)
    return often, read_score("penn-severity", severity, field) if severity is not None else None


def mean(scores: Sequence[Score], *, coded: bool = False) -> Fraction | Refusal:
    """The mean of scores of one scale. Ranks have none, unless their analysis codes are asked for (``coded``)."""
    if not scores:
        return refusal_by("SAF-09", "the mean of no scores", "at least one score", "Score first.")
    return _uncountable(scores, coded) or sum((score.order for score in scores), Fraction(0)) / len(scores)


def change(before: Score, after: Score, *, coded: bool = False) -> Fraction | Refusal:
    """By how much a score has changed. Ranks do not differ by a number, unless their analysis codes are asked for."""
    return _uncountable((before, after), coded) or after.order - before.order


def filled_total(answers: Sequence[int | None], part: str, field: str = "answers") -> Fraction | Refusal:
    """The total of a part of the MSSS-88 from its answers, with the person's mean in place of what is missing.

    Refused where fewer than half are there (SCL-07). Raises InputError for an answer that there is not.
    """
    scale = scales()["msss-88"]
    if part not in scale.parts:
        raise InputError("part", part, "is not a part of msss-88", accepted=scale.parts)
    items, (low, high) = scale.parts[part], scale.item
    given = [answer for answer in answers if answer is not None]
    if len(answers) != items or any(not low <= answer <= high for answer in given):
        raise InputError(field, str(list(answers)), f"is not {items} answers of {low} to {high}, or none in their place")
    limit = all_rules()["SCL-07"].limits["answered"]
    if 100 * len(given) < limit.value * items:
        rule = all_rules()["SCL-07"]
        return Refusal("SCL-07", f"{len(given)} of {items} answered", f"at least {limit}", rule.source, "Ask for the others.")
    return Fraction(sum(given) * items, len(given))


def walking_band(score: Score) -> str | Refusal:
    """Which of the three published bands of the timed 25-foot walk a time is in (SCL-08)."""
    if score.scale != "timed-25-foot-walk":
        rule = all_rules()["SCL-08"]
        return Refusal("SCL-08", f"a band of {score.scale}", "timed-25-foot-walk", rule.source, "Give a walking time.")
    limits = all_rules()["SCL-08"].limits
    middle, slow = limits["middle band"], limits["slow band"]
    if score.order >= slow.value:
        return f"{slow} or more"
    return f"{middle} to under {slow}" if score.order >= middle.value else f"under {middle}"


def _rank(scale: Scale, text: str, field: str, part: str | None) -> Score:
    written = text.strip().removeprefix("+")
    if written not in scale.levels:
        raise _outside(scale, text, field, part, f"is no score on {scale.name}")
    numbers = all(level.lstrip("-").isdigit() for level in scale.levels)
    return Score(scale.name, written, Fraction(int(written) if numbers else scale.levels.index(written)), None, part)


def _number(scale: Scale, text: str, field: str, part: str | None) -> Score:
    written = text.strip().removesuffix(scale.unit).strip() if scale.unit else text.strip()
    if not _NUMBER.fullmatch(written):
        raise _outside(scale, text, field, part, f"is no score on {scale.name}")
    value = Fraction(written)
    for not_there, why in scale.refused.items():
        if value == Fraction(not_there):
            raise _outside(scale, text, field, part, f"is no score on {scale.name}: {why}")
    low, high = scale.bounds(part)
    assert low is not None  # a scale without levels has bounds
    below = value <= low if scale.above_low else value < low
    if below or (high is not None and value > high) or (scale.step and (value - low) % scale.step):
        raise _outside(scale, text, field, part, f"is no score on {scale.name}")
    return Score(scale.name, written, value, value if scale.type == "number" else None, part)


def _outside(scale: Scale, text: str, field: str, part: str | None, problem: str) -> InputError:
    source = all_rules()[scale.rule].source
    return InputError(field, text, f"{problem} ({scale.text}; {scale.rule}, {source})", accepted=(scale.range_text(part),))


def _uncountable(scores: Sequence[Score], coded: bool) -> Refusal | None:
    """Why scores cannot be counted with: several scales or parts, or ranks whose codes nobody has asked for."""
    names = sorted({score.scale for score in scores})
    if len(names) > 1:
        return refusal_by(
            "SAF-09", f"arithmetic over {' and '.join(names)}", "scores of one scale and variant", "Compare each with its own."
        )
    if scales()[names[0]].parts and len({score.part for score in scores}) > 1:
        return refusal_by(
            "SAF-09", f"arithmetic over parts of {names[0]}", "scores of one part", "Compare each part with its own."
        )
    if not coded and any(score.number is None for score in scores):
        asked = f"arithmetic over ranks of {names[0]}"
        return refusal_by("SAF-09", asked, "their analysis codes, where that is said", "Ask for the codes, or compare the ranks.")
    return None
