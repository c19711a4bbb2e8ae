"""The chart: what people know, folded over its facts."""

from dataclasses import dataclass, replace

from thecal.chart.facts import Acted, Explanted, Fact, Filled, Implanted, PumpReplaced, ResidualMeasured, SessionEnded

_NO_PUMP = dict.fromkeys(("implanted", "filled", "residual", "session", "fill_session"))


@dataclass(frozen=True, slots=True)
class Chart:
    """Every fact in order, and what the latest ones say.

    ``fill_session`` is the first session after the last fill, in which its volume was typed in; ``acted`` counts the actions.
    """

    facts: tuple[Fact, ...] = ()
    implanted: Implanted | None = None
    filled: Filled | None = None
    residual: ResidualMeasured | None = None
    session: SessionEnded | None = None
    fill_session: SessionEnded | None = None
    acted: int = 0

    def after(self, *facts: Fact) -> "Chart":
        """The chart with more facts. Raises ValueError for a fact before the last one."""
        last = self.facts[-1].at if self.facts else None
        changes: dict[str, object] = {}
        acted = self.acted
        for fact in facts:
            if last is not None and fact.at < last:
                raise ValueError(f"a fact of {fact.at.utc_text()} after one of {last.utc_text()}")
            last = fact.at
            match fact:
                case Implanted():
                    changes |= {**_NO_PUMP, "implanted": fact}
                case Filled():
                    changes |= {"filled": fact, "fill_session": None}
                case ResidualMeasured():
                    changes["residual"] = fact
                case SessionEnded():
                    changes["session"] = fact
                    if changes.get("fill_session", self.fill_session) is None:
                        changes["fill_session"] = fact
                case PumpReplaced():
                    changes |= {**_NO_PUMP, "implanted": self.implanted}
                case Explanted():
                    changes |= _NO_PUMP
                case Acted():
                    acted += 1
                case _:
                    pass
        return replace(self, facts=self.facts + facts, acted=acted, **changes)  # type: ignore[arg-type]  # keys match above
