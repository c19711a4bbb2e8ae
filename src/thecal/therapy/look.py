"""A look: all that a rule is given. A chart at an instant, the clinic's settings, and an order where one is asked."""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import floor
from zoneinfo import ZoneInfo

from thecal.chart.chart import Chart
from thecal.chart.clinical import Certified
from thecal.pump.sheet import PumpSheet
from thecal.therapy.asked import Asked
from thecal.therapy.clinic import Clinic
from thecal.therapy.finding import Finding, Severity
from thecal.therapy.known import Known, known
from thecal.therapy.permissions import Permission, roles
from thecal.therapy.rules import Limit, all_rules
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Look:
    """What is known at ``now``; ``sheet`` is that of the pump in place, None without one.

    ``birth`` is the day of birth where an owner of charts keeps it beside them, with what else tells who somebody is.
    """

    known: Known
    now: Instant
    zone: ZoneInfo = UTC
    sheet: PumpSheet | None = None
    clinic: Clinic = field(default_factory=Clinic)
    asked: Asked | None = None
    birth: date | None = None

    @classmethod
    def at(
        cls, chart: Chart, now: Instant, zone: ZoneInfo = UTC, sheet: PumpSheet | None = None, clinic: Clinic | None = None
    ) -> "Look":
        """A look at a chart. Facts after ``now`` have not happened yet."""
        if chart.facts and chart.facts[-1].at > now:
            chart = Chart().after(*(fact for fact in chart.facts if fact.at <= now))
        return cls(known(chart), now, zone, sheet, clinic or Clinic())

    @property
    def chart(self) -> Chart:
        """The chart itself."""
        return self.known.chart

    def limit(self, rule: str, name: str) -> Limit:
        """A limit of a rule as the clinic has set it."""
        return self.clinic.limit(rule, name)

    def on(self, rule: str) -> bool:
        """Whether a rule that can be switched is on."""
        return self.clinic.on(rule)

    @property
    def age_years(self) -> int | None:
        """Whole years since birth; None where the day is neither beside the chart nor on it."""
        described = self.known.described
        born = self.birth or (described.born if described is not None else None)
        if born is None:
            return None
        today = self.now.date(self.zone)
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))

    def since(self, at: Instant) -> Duration:
        """How long ago something was."""
        return Duration(max(self.now.s - at.s, 0))

    def later(self, at: Instant, *, days: float = 0, months: float = 0) -> Instant:
        """So many days or calendar months later by the clock on the wall, which daylight saving moves.

        In a shorter month the last day counts. A part of a day counts as so many hours.
        """
        local = at.local(self.zone).replace(tzinfo=None)
        years, month = divmod(local.month - 1 + int(months), 12)
        last = monthrange(local.year + years, month + 1)[1]
        moved = local.replace(year=local.year + years, month=month + 1, day=min(local.day, last)) + timedelta(days=floor(days))
        return Instant(round(moved.replace(tzinfo=self.zone).timestamp()) + round((days - floor(days)) * DAY_S))

    def may(self, who: str, role: str, permission: Permission, at: Instant | None = None) -> bool:
        """Whether a person in a role may do something, now or at another instant (ROL-01 to ROL-11).

        Where a role needs a certificate, it counts up to its last instant, no longer than the clinic's months after it was given.
        """
        profession, at = roles().get(role), at or self.now
        answer = profession.permissions[permission] if profession else "no"
        if answer != "if certified":
            return answer == "yes"
        held = [fact for fact in self.known.certificates if (fact.who, fact.role, fact.permission) == (who, role, permission)]
        return any(fact.at <= at <= self.certificate_ends(fact) for fact in held)

    def certificate_ends(self, fact: Certified) -> Instant:
        """The last instant at which a certificate counts here."""
        return min(fact.until, self.later(fact.at, months=self.limit("ROL-11", "valid").value))

    def ago(self, at: Instant) -> str:
        """How long ago something was, as people say it: see ``in_words``."""
        return in_words(self.since(at))

    def passed(self, limit: Limit, asked: str, allowed: str, what_next: str, due: Instant | None = None) -> Finding:
        """The finding of a limit that was passed."""
        return self.found(limit.rule, limit.severity, asked, allowed, what_next, due, limit)

    def found(
        self,
        rule: str,
        severity: Severity,
        asked: str,
        allowed: str,
        what_next: str,
        due: Instant | None = None,
        limit: Limit | None = None,
    ) -> Finding:
        """A finding of a rule. A rule that a person has overridden says so; ``limit`` names the permission that this takes."""
        told = all_rules()[rule]
        confidence = limit.confidence if limit else told.confidence
        return Finding(rule, severity, asked, allowed, told.source, confidence, what_next, due, self._overridden(rule, limit))

    def _overridden(self, rule: str, limit: Limit | None) -> str | None:
        if limit is None or limit.override is None:
            return None
        last = self.known.last_session
        for override in reversed(self.known.overrides):
            if last is not None and override.at < last.at:
                return None
            if override.rule == rule and self.may(override.by, override.role, limit.override, override.at):
                return f"{override.by} ({override.role}): {override.reason}"
        return None


def in_words(duration: Duration) -> str:
    """A duration as people say it: in whole days from two days on, in hours from two hours on, else in minutes."""
    for unit, size in (("days", DAY_S), ("h", HOUR_S)):
        if duration.s >= 2 * size:
            return f"{duration.s // size} {unit}"
    return f"{duration.s // 60} min"


Check = Callable[[Look], Iterator[Finding]]
Checks = Mapping[str, Check]
