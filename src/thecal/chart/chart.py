"""The chart: what people know, folded over its facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from thecal.chart.facts import (
    Acted,
    Entered,
    Explanted,
    Fact,
    Filled,
    Implanted,
    Interrogated,
    PumpReplaced,
    ResidualMeasured,
    Revised,
    SessionEnded,
    SessionUncertain,
)
from thecal.pump.messages import Report
from thecal.quantity import Volume

Latest = dict[str, Any]
EMPTIED = "empty reservoir"
"""What the action is called that takes all out of a reservoir."""
_RETYPED_NL = 10_000  # a counter that differs by more than a drop was not only counting
_NO_PUMP: Latest = {
    "emptied": False,
    **dict.fromkeys(("implanted", "filled", "typed", "residual", "session", "fill_session", "uncertain")),
    "uses": (),
}


@dataclass(frozen=True, slots=True)
class Use:
    """What went out of a pump from a fill to its residual, in nanolitres: as the pump counted, and as the syringe measured."""

    programmed_nl: int
    measured_nl: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Every fact in order, and what the latest ones say.

    ``typed`` is what the programmer took for the last fill, None once its residual has been measured, or where a session left it
    open; ``fill_session`` is the first session after the last fill, in which its volume was typed in; ``uses`` are those of this
    pump that tell of its gain; ``uncertain`` is a session of which nobody knows how it ended, until the pump is read;
    ``emptied`` says that the reservoir was emptied by a needle and not filled since; ``acted`` counts the actions.
    """

    facts: tuple[Fact, ...] = ()
    implanted: Implanted | None = None
    filled: Filled | None = None
    typed: Volume | None = None
    residual: ResidualMeasured | None = None
    session: SessionEnded | None = None
    fill_session: SessionEnded | None = None
    uses: tuple[Use, ...] = ()
    uncertain: SessionUncertain | None = None
    emptied: bool = False
    acted: int = 0

    @property
    def catheter(self) -> Implanted | Revised | None:
        """The operation that put in the catheter that is there now; None without one."""
        if self.implanted is None:
            return None
        return next(fact for fact in reversed(self.facts) if isinstance(fact, Implanted | Revised))

    def after(self, *facts: Fact) -> "Chart":
        """The chart with more facts. Raises ValueError for a fact before the last one."""
        last = self.facts[-1].at if self.facts else None
        latest: Latest = {name: getattr(self, name) for name in _LATEST}
        for fact in facts:
            if last is not None and fact.at < last:
                raise ValueError(f"a fact of {fact.at.utc_text()} after one of {last.utc_text()}")
            last = fact.at
            change = _CHANGES.get(type(fact))
            if change is not None:
                latest.update(change(latest, fact))
        return Chart(self.facts + facts, **latest)


_LATEST = tuple(field.name for field in fields(Chart) if field.name != "facts")


def _used(latest: Latest, residual: ResidualMeasured) -> tuple[Use, ...]:
    """The use from the last fill to its residual, if that tells of the pump's gain.

    It does not without a fill before it or a count of the pump; of the first residual after implant (RPC-07); and where the
    pump counted to zero or the reservoir was empty, for then nobody knows when.
    """
    filled, typed, expected, measured = latest["filled"], latest["typed"], residual.expected, residual.measured
    if filled is None or typed is None or expected is None or residual.first:
        return ()
    if not expected.nl or not measured.nl or typed <= expected:
        return ()
    return (Use(typed.nl - expected.nl, filled.volume.nl - measured.nl),)


def typed_in(before: Report, now: Report) -> bool:
    """Whether a volume was typed in between two reports: the count is off from what flowed."""
    if not before.calculated or not now.calculated:
        return False
    flowed_nl = now.pumped.nl - before.pumped.nl
    return abs(before.calculated.nl - flowed_nl - now.calculated.nl) > _RETYPED_NL


def _after_session(latest: Latest, fact: SessionEnded) -> Latest:
    typed, before = latest["typed"], latest["session"]
    if latest["fill_session"] and before and typed_in(before.report, fact.report):
        typed = None  # what was expected is no longer what was counted
    return {"session": fact, "fill_session": latest["fill_session"] or fact, "uncertain": None, "typed": typed}


def _empties(fact: Acted) -> bool:
    return fact.action == EMPTIED and fact.refusal is None


_CHANGES: Mapping[type, Callable[[Latest, Any], Latest]] = {
    Implanted: lambda _, fact: {**_NO_PUMP, "implanted": fact},
    Filled: lambda _, fact: {"filled": fact, "typed": fact.volume, "fill_session": None, "emptied": False},
    Entered: lambda latest, fact: {"typed": fact.volume if latest["typed"] else None},
    ResidualMeasured: lambda latest, fact: {"residual": fact, "typed": None, "uses": latest["uses"] + _used(latest, fact)},
    SessionEnded: _after_session,
    SessionUncertain: lambda _, fact: {"uncertain": fact, "typed": None},
    Interrogated: lambda _, __: {"uncertain": None},
    PumpReplaced: lambda latest, _: {**_NO_PUMP, "implanted": latest["implanted"]},
    Explanted: lambda _, __: _NO_PUMP,
    Acted: lambda latest, fact: {"acted": latest["acted"] + 1, "emptied": latest["emptied"] or _empties(fact)},
}
"""What each kind of fact changes in what the latest ones say."""
