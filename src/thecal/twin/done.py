"""What carrying out an action gives."""

from dataclasses import dataclass

from thecal.chart.facts import Fact
from thecal.pump.messages import Event
from thecal.twin.world import World


@dataclass(frozen=True, slots=True)
class Done:
    """An action that was carried out."""

    world: World
    facts: tuple[Fact, ...]
    events: tuple[Event, ...] = ()
