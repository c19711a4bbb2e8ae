"""What is done without a pump: tablets, and an examination."""

from dataclasses import replace

from thecal.chart.facts import Assessed, TabletsStarted, TabletsStopped, TabletTaken
from thecal.errors import Refusal
from thecal.twin.action import Assess, StopTablets, TakeOnce, TakeTablets
from thecal.twin.done import Done
from thecal.twin.exposure import TabletCourse
from thecal.twin.world import World


def take_tablets(world: World, action: TakeTablets) -> Done:
    """Tablets each day from now on, instead of those of before."""
    course = TabletCourse(action.at, action.doses, action.times_s, action.form, action.zone)
    fact = TabletsStarted(action.at, action.doses, action.times_s, action.form)
    return Done(replace(world, exposure=world.exposure and world.exposure.takes(course)), (fact,))


def take_once(world: World, action: TakeOnce) -> Done:
    """One dose by mouth."""
    exposure = world.exposure and world.exposure.takes_once(action.at, action.dose, action.form)
    return Done(replace(world, exposure=exposure), (TabletTaken(action.at, action.dose, action.form),))


def stop_tablets(world: World, action: StopTablets) -> Done:
    """No more tablets."""
    return Done(replace(world, exposure=world.exposure and world.exposure.stops(action.at)), (TabletsStopped(action.at),))


def assess(world: World, action: Assess) -> Done | Refusal:
    """What an examiner wrote down, or finds in this body (TWN-06)."""
    if action.written is not None:
        return Done(world, (action.written,))
    if world.exposure is None:
        return Refusal(
            "TWN-06",
            "an examination without a body",
            "a case with a [body], or the scores that were found",
            "thecal: what is measured is measured on something",
            "Describe the body, or write ashworth_legs, ashworth_arms or spasm_penn.",
        )
    exposure, found = world.exposure.assessed(action.at)
    tenths = (round(score, 1) for score in (found.ashworth_legs, found.ashworth_arms, found.spasm_penn))
    return Done(replace(world, exposure=exposure), (Assessed(action.at, *tenths),))
