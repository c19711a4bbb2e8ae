"""Meaning: whether a change between two scores is more than noise, by what was published of their scale."""

from dataclasses import dataclass
from fractions import Fraction

from thecal.errors import Refusal
from thecal.therapy.clinic import Clinic, limit_named
from thecal.therapy.rules import Limit, all_rules
from thecal.therapy.scales import Scale, scales
from thecal.therapy.scores import Score, change


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a change means. ``grade`` names the highest threshold that it reaches, None where it reaches none.

    ``change`` is in points or the unit of the scale (of ranks: of their codes), ``percent`` of the score before, where the
    threshold is a percentage. ``better`` is None where nothing changed.
    """

    scale: str
    change: Fraction
    percent: Fraction | None
    grade: str | None
    better: bool | None
    threshold: str
    rule: str
    source: str
    confidence: str

    @property
    def meaningful(self) -> bool:
        """Whether a threshold is reached."""
        return self.grade is not None


def meaningful(before: Score, after: Score, clinic: Clinic | None = None) -> Meaning | Refusal:
    """What the change from one score to another means; refused over two scales, and where no threshold was published."""
    by = change(before, after, coded=True)
    if isinstance(by, Refusal):
        return by
    scale = scales()[before.scale]
    limits = [_own(limit, clinic) for limit in _limits(scale, before, clinic)]
    rule = all_rules()[scale.rule]
    if not limits:
        advice = "Show both scores, and say what changed for the person."
        return Refusal(rule.id, f"a meaningful change of {scale.name}", "a published threshold", rule.source, advice)
    percent = Fraction(100) * by / before.order if limits[0].unit == "%" and before.order else None
    size = percent if limits[0].unit == "%" else by
    if size is None:
        return Refusal(
            rule.id, f"a change in percent of {before}", "a score before of more than 0", rule.source, "Show both scores."
        )
    reached = next((limit for limit in limits if abs(size) >= limit.value), None)
    named = reached or limits[-1]
    told = all_rules()[named.rule]
    return Meaning(
        scale.name,
        by,
        percent,
        reached.name if reached else None,
        None if not by else (by < 0) == (scale.better == "lower"),
        f"at least {named}",
        named.rule,
        told.source,
        named.confidence,
    )


def _limits(scale: Scale, before: Score, clinic: Clinic | None) -> tuple[Limit, ...]:
    """The thresholds of a scale, the highest first; those of the high steps where the change began there."""
    if scale.high_steps:
        begin, of_high_steps = scale.high_steps
        if before.order >= _own(limit_named(begin), clinic).value:
            return (limit_named(of_high_steps),)
    return tuple(limit_named(name) for name in scale.meaningful)


def _own(limit: Limit, clinic: Clinic | None) -> Limit:
    return clinic.limit(limit.rule, limit.name) if clinic else limit
