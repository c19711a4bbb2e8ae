"""Whether a pump was infusing its program when it was read."""

from thecal.pump.messages import Report
from thecal.pump.program import EndOfService, MinimumRate, SafeState, Stopped
from thecal.pump.sheet import PumpSheet


def not_infusing(report: Report, sheet: PumpSheet) -> str | None:
    """Why a pump that was just read was not infusing its program; None where it was."""
    if report.mode == "updating" and sheet.stops_while_updating:
        return "an update was left open"
    if isinstance(report.program, Stopped | MinimumRate | SafeState | EndOfService):
        return report.program.mode
    if report.log and report.log[-1].kind == "telemetry mode ended" and report.log[-1].at == report.at:
        return "it was in telemetry mode"
    return next((alarm for alarm in report.alarms if alarm in ("empty reservoir", "motor stall", "pump stopped")), None)
