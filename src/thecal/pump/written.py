"""What a write leaves: what the pump will say after it, and every setting of two reports side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from thecal.pump.messages import Report, SetClock, StartBolus, Update, Write
from thecal.pump.program import NoPatientBolus, Stopped
from thecal.pump.settle import after_bolus
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Volume
from thecal.timeline import DAY_S, Instant

BOLUSES = ("single bolus", "patient bolus", "priming bolus", "bridge bolus")


def begun(report: Report, sheet: PumpSheet) -> Report:
    """What a pump will say once an update is begun: one that stops for it ends the bolus that runs."""
    if report.mode == "updating":
        return replace(report, mode=report.program.mode)
    if report.mode not in BOLUSES or not sheet.stops_while_updating:
        return report
    return replace(report, mode=report.program.mode, bolus_left=Volume(0), bolus_ends=None)


def expected(report: Report, write: Write, sheet: PumpSheet) -> Report:
    """What a pump that said ``report`` will say once the write has been carried out in an update, in the same second."""
    report = begun(report, sheet)
    match write:
        case SetClock(offset_s):
            return replace(report, clock_reading_s=report.clock_reading_s + offset_s - clock_offset_s(report))
        case StartBolus(bolus):
            return replace(report, mode=bolus.mode, bolus_left=bolus.volume, bolus_ends=report.at + bolus.duration)
        case Update():
            return _updated(report, write)


def written_at(meant: Report, write: Write, now: Instant) -> Report:
    """What was meant by a write, where it was carried out later than it was worked out: a bolus of it began, and ends, later."""
    bolus = write.bolus if isinstance(write, Update | StartBolus) else None
    return meant if bolus is None else replace(meant, bolus_ends=now + bolus.duration)


def _updated(report: Report, update: Update) -> Report:
    program = report.program if update.program is None else update.program
    patient = report.patient if update.patient is None else update.patient
    after = replace(
        report,
        program=program,
        patient=None if isinstance(patient, NoPatientBolus) else patient,
        concentration=update.concentration or report.concentration,
        low_reservoir=report.low_reservoir if update.low_reservoir is None else update.low_reservoir,
    )
    if update.reservoir is not None:
        after = replace(after, calculated=update.reservoir)
    if update.bolus is not None:
        bolus = update.bolus
        return replace(after, mode=bolus.mode, bolus_left=bolus.volume, bolus_ends=report.at + bolus.duration)
    if update.program is not None or report.mode not in BOLUSES:
        return replace(after, mode=program.mode, bolus_left=Volume(0), bolus_ends=None)
    return after


_MONDAY_S = 3 * DAY_S  # 1970-01-01 was a Thursday


def clock_offset_s(report: Report) -> int:
    """By how much the pump clock is ahead of UTC."""
    return report.clock_reading_s - report.at.s - _MONDAY_S


def bolus_words(report: Report) -> str:
    """The bolus that runs and what is left of it."""
    if report.mode not in BOLUSES:
        return "none"
    return f"{report.mode}, {report.bolus_left} to give"


def offset_words(seconds: int) -> str:
    """An offset from UTC as ``UTC+01:00``, with the seconds where there are any."""
    sign, seconds = "-" if seconds < 0 else "+", abs(seconds)
    rest = f":{seconds % 60:02d}" if seconds % 60 else ""
    return f"UTC{sign}{seconds // 3600:02d}:{seconds % 3600 // 60:02d}{rest}"


def _known(value: object) -> str:
    return "not known" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting before and after, in words."""

    name: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after


SETTINGS: Mapping[str, Callable[[Report], str]] = {
    "program": lambda report: report.program.in_words(),
    "patient bolus": lambda report: report.patient.in_words().removeprefix("patient bolus: ") if report.patient else "none",
    "bolus": bolus_words,
    "concentration": lambda report: _known(report.concentration),
    "reservoir volume": lambda report: _known(report.calculated),
    "low reservoir threshold": lambda report: str(report.low_reservoir),
    "pump clock": lambda report: offset_words(clock_offset_s(report)),
    "open update": lambda report: "open" if report.mode == "updating" else "none",
}
"""Every setting that a programmer writes or leaves open, and how it is told."""


def settings(before: Report, after: Report) -> tuple[Setting, ...]:
    """Every setting before and after."""
    return tuple(Setting(name, told(before), told(after)) for name, told in SETTINGS.items())


def unlike(said: Report, meant: Report, sheet: PumpSheet) -> tuple[Setting, ...]:
    """The settings in which what a pump said differs from what was meant (as ``before`` and ``after``): what flowed meanwhile,
    and a bolus that has ended meanwhile as its duration says, is no difference.
    """
    passed = _passed(meant, said.at, sheet)
    rows = settings(said, passed)
    return tuple(row for row in rows if row.changed and not _by_flow(row, said, passed, meant, sheet))


_CLOCK_S = 60  # what a drifting clock may be off within a session; it is set to the minute


def at_instant(report: Report, now: Instant) -> Report:
    """The same report at another second, its clock gone on."""
    return replace(report, at=now, clock_reading_s=report.clock_reading_s + now.s - report.at.s)


def _passed(meant: Report, now: Instant, sheet: PumpSheet) -> Report:
    """What was meant, some time later: a bolus that is over has been followed by what the data sheet says."""
    later = at_instant(meant, now)
    if meant.bolus_ends is None or now < meant.bolus_ends:
        return later
    program = Stopped() if after_bolus(meant.mode, sheet) == "stopped" else meant.program
    return replace(later, program=program, mode=program.mode, bolus_left=Volume(0), bolus_ends=None)


def _by_flow(row: Setting, said: Report, passed: Report, meant: Report, sheet: PumpSheet) -> bool:
    """Whether a difference is only of what flowed since the write: never more than the motor was commanded in that time."""
    flowed_nl = said.pumped.nl - meant.pumped.nl
    if row.name == "bolus":
        if said.mode == "patient bolus":
            return meant.patient is not None  # the patient may ask for one at any time
        return said.mode == passed.mode and 0 <= passed.bolus_left.nl - said.bolus_left.nl <= flowed_nl
    if row.name == "pump clock":
        return abs(said.clock_reading_s - passed.clock_reading_s) < _CLOCK_S
    if row.name == "reservoir volume":
        if sheet.fill_sensor or said.calculated is None or passed.calculated is None:
            return sheet.fill_sensor
        return 0 <= passed.calculated.nl - said.calculated.nl <= flowed_nl
    return False
