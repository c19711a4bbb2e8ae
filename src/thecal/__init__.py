"""thecal: the intrathecal baclofen pump system in software.

Research, training and record-keeping software: it never talks to a real implant. What stands here is the public interface;
a course of therapy is :func:`read_case`, :func:`run`, and the :class:`Trace` that it returns.
"""

from thecal.catheter.geometry import catheter_sheet
from thecal.chart.chart import Chart
from thecal.errors import InputError, InputErrors, Refusal, ThecalError
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, OralDose, Volume
from thecal.timeline import Block, Duration, Instant, Interval
from thecal.twin.case import Case, read_case
from thecal.twin.chart_file import read_chart
from thecal.twin.run import run
from thecal.twin.trace import Record, Trace
from thecal.twin.world import World

__all__ = [
    "Amount",
    "Block",
    "Case",
    "Chart",
    "Concentration",
    "DailyDose",
    "Duration",
    "FlowRate",
    "InputError",
    "InputErrors",
    "Instant",
    "Interval",
    "OralDose",
    "Record",
    "Refusal",
    "ThecalError",
    "Trace",
    "Volume",
    "World",
    "catheter_sheet",
    "pump_sheet",
    "read_case",
    "read_chart",
    "run",
]
