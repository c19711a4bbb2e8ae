"""Both halves of a re-enactment, played: what ran, what was refused and found, what was measured, and what is not as said."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import cast

import numpy as np

from thecal.chart.facts import Acted
from thecal.errors import InputError, InputErrors, Refusal
from thecal.hazards.document import MeasureTable, What
from thecal.hazards.reenactment import Half, HalfName, Reenactment
from thecal.report.effects import Effects, effects_of
from thecal.therapy.finding import Finding
from thecal.timeline import DAY_S, HOUR_S, Instant
from thecal.twin.case import Case, parse_case
from thecal.twin.chart_file import Expectation, parse_chart
from thecal.twin.clinic_file import parse_clinic
from thecal.twin.expected import differences, found, looked
from thecal.twin.order_file import parse_order
from thecal.twin.run import run
from thecal.twin.trace import Record, Trace

UNITS: Mapping[What, str] = {
    "dose": "mcg",
    "peak_hour": "mcg/h",
    "hours_below": "h",
    "hours_above": "h",
    "hours_to": "h",
    "highest": "",
    "lowest": "",
    "true_ml": "mL",
    "gap_ml": "mL",
    "tissue": "mcg",
}
_DOORS: Mapping[str, Callable[[bytes, str], object]] = {
    "case": parse_case,
    "chart": parse_chart,
    "order": parse_order,
    "clinic": parse_clinic,
}
_PG_PER_MCG = 10**6


@dataclass(frozen=True)
class Played:
    """One half that was played."""

    half: Half
    trace: Trace

    @property
    def case(self) -> Case:
        """The course of the half."""
        return cast("Case", self.half.document.case)

    @cached_property
    def effects(self) -> Effects | None:
        """What its body went through; None without one."""
        return effects_of(self.case, self.trace)

    @cached_property
    def findings(self) -> tuple[tuple[Expectation, tuple[Finding, ...] | Refusal], ...]:
        """What the rules find at each look, or why its order cannot be programmed at all."""
        pairs = ((one, looked(self.half.document, one)) for one in self.half.document.looks)
        return tuple((one, look if isinstance(look, Refusal) else found(look, one)) for one, look in pairs)

    @cached_property
    def answers(self) -> tuple[str | None, ...]:
        """What thecal answers to each document that it should not take; None where it takes it."""
        return tuple(_answer(one.document, one.text) for one in self.half.written)

    def given_mcg(self, instants: list[Instant]) -> list[float]:
        """Micrograms that had left the tip by each instant."""
        return [pg / _PG_PER_MCG for _, pg in self.trace.delivered_at(instants)]

    def rates(self, start: Instant, to: Instant, parts: int) -> list[float]:
        """The mean dose at the tip, in mcg a day, in so many equal parts of a stretch of time."""
        edges = [Instant(start.s + (to.s - start.s) * n // parts) for n in range(parts + 1)]
        given = self.given_mcg(edges)
        lengths = np.diff([edge.s for edge in edges])
        return [float(rate) for rate in np.diff(given) * DAY_S / lengths]

    def measured(self, measure: MeasureTable) -> float:
        """The number that is asked for, in the unit of its kind; infinite for a wait that does not end."""
        return _MEASURES[measure.what](self, measure)

    def problems(self) -> Iterator[str]:
        """What in this half is not as it says."""
        name = self.half.name
        for refused in self.trace.refused:
            if not refused.action.expect_refused:
                yield f"{name}: {refused.action.name} at {refused.action.at.local_text(self.case.zone)}: {refused.refusal}"
        for action in self.trace.unrefused:
            yield f"{name}: {action.name} at {action.at.local_text(self.case.zone)} was not refused"
        rules = {refused.refusal.rule for refused in self.trace.refused}
        rules |= {answer.rule for _, answer in self.findings if isinstance(answer, Refusal)}
        yield from (f"{name}: nothing was refused by {rule}" for rule in self.half.refused if rule not in rules)
        for look in self.half.document.looks:
            if isinstance(dict(self.findings)[look], Refusal):
                continue  # its rule stands among those that refuse
            at = look.at.local_text(self.case.zone)
            yield from (f"{name}: at {at} {look.topic}: {problem}" for problem in differences(self.half.document, look))
        for written, answer in zip(self.half.written, self.answers, strict=True):
            if answer is None or written.says not in answer:
                yield f"{name}: the {written.document} is answered with {answer!r}, and not with {written.says!r}"


@dataclass(frozen=True)
class Reenacted:
    """Both halves, and each measure with what it comes to in them; None where there is no second half."""

    reenactment: Reenactment
    happened: Played
    here: Played | None

    @property
    def halves(self) -> tuple[Played, ...]:
        return (self.happened, self.here) if self.here else (self.happened,)

    @cached_property
    def measured(self) -> tuple[tuple[MeasureTable, float, float | None], ...]:
        """(measure, as it happened, here)."""
        return tuple(
            (measure, self.happened.measured(measure), self.here.measured(measure) if self.here else None)
            for measure in self.reenactment.measures
        )

    def problems(self) -> list[str]:
        """What is not as the re-enactment says: then the harm or the answer is not real."""
        wrong = [problem for played in self.halves for problem in played.problems()]
        for measure, happened, here in self.measured:
            pairs: tuple[tuple[HalfName, float | None], ...] = (("happened", happened), ("here", here))
            for name, value in pairs:
                bound = getattr(measure, name)
                if bound and value is not None and not bound.holds(value):
                    wrong.append(f"{name}: {measure.says} is {value:g}, and not {bound}")
        return wrong


def reenact(reenactment: Reenactment) -> Reenacted:
    """Play both halves."""
    happened = _played(reenactment.happened)
    return Reenacted(reenactment, happened, _played(reenactment.here) if reenactment.here else None)


def _played(half: Half) -> Played:
    case = cast("Case", half.document.case)
    return Played(half, run(case.world, case.source, case.until, Record(policy=case.policy)))


def _answer(document: str, text: str) -> str | None:
    try:
        _DOORS[document](text.encode(), document)
    except (InputError, InputErrors) as error:
        return str(error)
    return None


def _stretch(measure: MeasureTable) -> tuple[Instant, Instant]:
    assert measure.start is not None
    assert measure.to is not None
    return measure.start, measure.to


def _hours(played: Played, measure: MeasureTable) -> list[float]:
    """Mcg in each whole hour of the stretch."""
    start, to = _stretch(measure)
    return np.diff(played.given_mcg([Instant(s) for s in range(start.s, to.s + 1, HOUR_S)])).tolist()


def _dose(played: Played, measure: MeasureTable) -> float:
    first, last = played.given_mcg(list(_stretch(measure)))
    return last - first


def _peak_hour(played: Played, measure: MeasureTable) -> float:
    return max(_hours(played, measure))


def _hours_below(played: Played, measure: MeasureTable) -> float:
    assert measure.below is not None
    return float(sum(given * 24 < measure.below.mcg_per_day for given in _hours(played, measure)))


def _hours_above(played: Played, measure: MeasureTable) -> float:
    assert measure.above is not None
    return float(sum(given * 24 > measure.above.mcg_per_day for given in _hours(played, measure)))


def _hours_to(played: Played, measure: MeasureTable) -> float:
    start, names = measure.start, set(measure.by or ())
    assert start is not None
    ended = [event.at for event in played.trace.events if event.kind in names]
    ended += [fact.at for fact in played.trace.chart.facts if isinstance(fact, Acted) and _told(fact) & names]
    for look, answer in played.findings:
        rules = {answer.rule} if isinstance(answer, Refusal) else {finding.rule for finding in answer}
        ended += [look.at] if rules & names else []
    return min((at.s - start.s for at in ended if at >= start), default=inf) / HOUR_S


def _told(fact: Acted) -> set[str]:
    """What an action is known by: its name where it was carried out, the rule where it was refused."""
    return {fact.refusal.rule if fact.refusal else fact.action}


def _channel(played: Played, measure: MeasureTable) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    effects, (start, to) = played.effects, _stretch(measure)
    if effects is None or measure.channel is None:
        raise InputError("channel", measure.channel, "is not seen: no body is described")
    grid = effects.grid
    first, last = ((at.s - grid.start_s) // grid.step_s for at in (start, to))
    if first < 0 or last >= grid.count:
        raise InputError("from", start.local_text(played.case.zone), "and its to are not within what the body goes through")
    return effects[measure.channel][first : last + 1]


def _highest(played: Played, measure: MeasureTable) -> float:
    return float(_channel(played, measure).max())


def _lowest(played: Played, measure: MeasureTable) -> float:
    return float(_channel(played, measure).min())


def _reservoir(played: Played, measure: MeasureTable) -> tuple[float | None, float]:
    """(what the pump believes, what is true) in mL, at an instant."""
    case, at = played.case, measure.at
    assert at is not None
    trace = run(case.world, case.source, at, Record(policy=case.policy, keep_rows=False, keep_blocks=False))
    pump = trace.world.pump
    if pump is None:
        raise InputError("at", at.local_text(case.zone), "has no pump in place")
    return (None if pump.known_nl is None else pump.known_nl / 10**6), max(pump.usable_nl, 0) / 10**6


def _true_ml(played: Played, measure: MeasureTable) -> float:
    return _reservoir(played, measure)[1]


def _gap_ml(played: Played, measure: MeasureTable) -> float:
    believed, true = _reservoir(played, measure)
    if believed is None:
        raise InputError("what", measure.what, "cannot be measured: the pump knows no volume", accepted=("true_ml",))
    return believed - true


def _tissue(played: Played, _: MeasureTable) -> float:
    return played.trace.balance.ledger.tissue.amount_pg / _PG_PER_MCG


_MEASURES: Mapping[What, Callable[[Played, MeasureTable], float]] = {
    "dose": _dose,
    "peak_hour": _peak_hour,
    "hours_below": _hours_below,
    "hours_above": _hours_above,
    "hours_to": _hours_to,
    "highest": _highest,
    "lowest": _lowest,
    "true_ml": _true_ml,
    "gap_ml": _gap_ml,
    "tissue": _tissue,
}
