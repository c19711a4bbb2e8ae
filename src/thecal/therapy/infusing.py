"""Whether a pump was infusing its program when it was read."""

from thecal.chart.order import OrderMinimumRate, OrderStop
from thecal.pump.messages import Report
from thecal.pump.program import EndOfService, MinimumRate, SafeState, Stopped
from thecal.pump.sheet import PumpSheet

NOT_RUNNING = (Stopped, MinimumRate, SafeState, EndOfService)
"""Programs that give no therapy."""

NO_THERAPY = (OrderStop, OrderMinimumRate)
"""Orders that ask for none."""


def not_infusing(report: Report, sheet: PumpSheet) -> str | None:
    """Why a pump that was just read was not infusing its program; None where it was."""
    if report.mode == "updating" and sheet.stops_while_updating:
        return "an update was left open"
    if isinstance(report.program, NOT_RUNNING):
        return report.program.mode
    if report.log and report.log[-1].kind == "telemetry mode ended" and report.log[-1].at == report.at:
        return "it was in telemetry mode"
    return next((alarm for alarm in report.alarms if alarm in ("empty reservoir", "motor stall", "pump stopped")), None)
