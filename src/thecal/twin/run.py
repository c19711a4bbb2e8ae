"""The one loop."""

from collections.abc import Callable

from thecal.chart.chart import Chart
from thecal.chart.facts import Acted
from thecal.errors import Refusal
from thecal.timeline import Instant
from thecal.twin.act import act, orders
from thecal.twin.action import Action
from thecal.twin.done import Done
from thecal.twin.trace import Record, Trace
from thecal.twin.world import OUTAGES, World, pass_time

Source = Callable[[Chart, Instant], Action | None]
"""Who decides: asked with the chart and the present instant, answers the next action (at its time, now or later) or None."""


def run(
    world: World,
    source: Source,
    until: Instant,
    record: Record | None = None,
    chart: Chart | None = None,
    pause: frozenset[str] = OUTAGES,
) -> Trace:
    """Run a world under a source until an instant, and return what was recorded.

    The loop asks the source, lets time pass until the action's instant, carries it out, and asks again; it also asks again at
    every event of a kind to ``pause`` at. An action at ``until`` is still carried out. A refused action changes nothing and the
    run goes on. Raises ValueError for an action in the past.
    """
    record = Record() if record is None else record
    chart = Chart() if chart is None else chart
    start = world.now
    while True:
        action = source(chart, world.now)
        if action is not None and action.at > until:
            action = None
        due = action.at if action else until
        passed = pass_time(world, due, pause)
        record.passed(world, passed, chart)
        world = passed.world
        if world.now < due:
            continue  # the flow stopped or came back on the way
        if action is None:
            return record.trace(start, world, chart)
        outcome = act(world, chart, action)
        refusal = outcome if isinstance(outcome, Refusal) else None
        done = Done(world, ()) if isinstance(outcome, Refusal) else outcome
        world = done.world
        facts = (*orders(action), *done.facts, Acted(action.at, action.name, refusal))
        chart = chart.after(*facts)
        record.acted(done, chart, action, facts, refusal)
