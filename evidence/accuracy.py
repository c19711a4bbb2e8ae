"""How far what a pump delivers is from what was programmed, over windows of hours to days.

A window begins at each full minute of the time that is looked at. What was programmed in it is the exact sum of its flows; what
was delivered is what left the pump, in whole nanolitres.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from thecal.errors import Refusal
from thecal.pump.advance import advance
from thecal.pump.faults import disturb
from thecal.pump.handle import handle
from thecal.pump.messages import ChangeGain, Fill, Update
from thecal.pump.program import Flex, MinimumRate, SimpleContinuous, Step
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.report.figures import drawn
from thecal.timeline import Instant

WINDOWS_H = (1, 2, 4, 8, 12, 24, 48, 72, 168, 336)
SPAN_DAYS = 21
START = Instant(1_767_571_200)  # a midnight of the pump's clock, so that a flex day begins with it
SHEET = "reference-40"
MINUTE_S, MINUTES_A_DAY = 60, 1440
STEPS = ((6, 100_000), (10, 1_300_000), (14, 237_911), (22, 310_003), (24, 480_000))
"""A flex day: until which hour, nL/day."""
CONTINUOUS_NL_PER_DAY = 310_007
FAST = Gain(1_025_000)
COLORS = ("#1b4f72", "#d35400", "#1e8449", "#6c3483")


def programs() -> dict[str, tuple[SimpleContinuous | MinimumRate | Flex, Gain, Sequence[tuple[int, int]]]]:
    """What is run: the program, the pump's own gain, and the flows of the day as (until which hour, nL/day)."""
    flex = Flex((tuple(Step(hour * 3600, FlowRate(flow)) for hour, flow in STEPS),))
    plain = SimpleContinuous(FlowRate(CONTINUOUS_NL_PER_DAY))
    slowest = pump_sheet(SHEET).minimum_rate_flow.nl_per_day
    one = Gain(1_000_000)
    return {
        "simple continuous, 0.310007 mL/day": (plain, one, ((24, CONTINUOUS_NL_PER_DAY),)),
        "minimum rate, 0.006 mL/day": (MinimumRate(), one, ((24, slowest),)),
        "flex, five steps, 0.1 to 1.3 mL/day": (flex, one, STEPS),
        "simple continuous in a pump that is 2.5 % fast": (plain, FAST, ((24, CONTINUOUS_NL_PER_DAY),)),
    }


def accuracy(days: int = SPAN_DAYS, windows_h: Sequence[int] = WINDOWS_H) -> list[dict[str, Any]]:
    """For each program and window the smallest and the largest error of the mean flow, in percent of what was programmed."""
    found = []
    for name, (program, gain, flows) in programs().items():
        delivered = np.array(_delivered(program, gain, days), dtype=np.int64)
        asked = np.array(_programmed(flows, days), dtype=np.int64)
        for hours in windows_h:
            minutes = hours * 60
            meant = asked[minutes:] - asked[:-minutes]
            off = (delivered[minutes:] - delivered[:-minutes]) * MINUTES_A_DAY - meant
            errors = 100 * off / meant
            found.append(
                {"program": name, "window_h": hours, "min_percent": float(errors.min()), "max_percent": float(errors.max())}
            )
    return found


def accuracy_figure(rows: Sequence[dict[str, Any]]) -> str:
    """The trumpet: smallest and largest error over the window, as SVG."""

    def draw(axes: Sequence[Axes]) -> None:
        names = list(dict.fromkeys(row["program"] for row in rows))
        fast = names[-1]
        for name, color in zip(names, COLORS, strict=True):
            panel = axes[1] if name == fast else axes[0]
            own = [row for row in rows if row["program"] == name]
            hours = [row["window_h"] for row in own]
            panel.plot(hours, [row["max_percent"] for row in own], color=color, marker=".", label=name)
            panel.plot(hours, [row["min_percent"] for row in own], color=color, marker=".")
        for panel in axes:
            panel.set_xscale("log")
            panel.set_xticks([1, 4, 12, 24, 72, 168, 336], ["1 h", "4 h", "12 h", "1 day", "3 days", "7 days", "14 days"])
            panel.minorticks_off()
            panel.set_ylabel("error of the mean flow, %")
            panel.legend(frameon=False, fontsize=9)
        axes[1].set_xlabel("length of the window")

    return drawn(draw, 2, 6.4)


def _delivered(program: SimpleContinuous | MinimumRate | Flex, gain: Gain, days: int) -> list[int]:
    """The nanolitres that have left the pump at each full minute."""
    pump = _filled(program)
    if gain.ppm != 1_000_000:
        changed = disturb(pump, ChangeGain(gain))
        assert not isinstance(changed, Refusal)  # every pump can have a gain
        pump = changed.state
    volumes = []
    for minute in range(1, days * MINUTES_A_DAY + 1):
        passed = advance(pump, Instant(START.s + minute * MINUTE_S))
        pump = passed.state
        volumes.append(sum(block.volume_nl for block in passed.blocks))
    return [0, *accumulate(volumes)]


def _filled(program: SimpleContinuous | MinimumRate | Flex) -> PumpState:
    """A full pump that runs a program from its first second on."""
    drug = Concentration(500)
    filled = perform(new_pump(pump_sheet(SHEET), START), Fill(Volume(40_000_000), drug))
    assert not isinstance(filled, Refusal)  # it is empty and holds as much
    answer = handle(filled[0], Update(program, drug, Volume(40_000_000)))
    assert not isinstance(answer, Refusal)  # the programs above are within its limits
    return answer.state


def _programmed(flows: Sequence[tuple[int, int]], days: int) -> list[int]:
    """What is programmed to have flowed at each full minute, in nanolitres times the minutes of a day, so that it is whole.

    The flows summed up, and nothing of the pump's.
    """
    per_minute = [next(flow for hour, flow in flows if minute < hour * 60) for minute in range(MINUTES_A_DAY)]
    return list(accumulate(per_minute * days, initial=0))
