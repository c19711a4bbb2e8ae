"""What the printout of a real programmer says, typed in, and the report that the pump must have given for it.

No wand of this program reaches an implant: a clinic programs with the maker's programmer, and a person enters what that printed.
What is entered is compared with itself (the 24-h total with the order, the alarm date with volume and flow) before it counts.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, SessionEnded
from thecal.chart.order import (
    OFF_MAX_PERCENT,
    Order,
    OrderBolus,
    OrderFlex,
    bolus_for,
    ordered_dose,
    patient_bolus_for,
    programmed,
)
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import Printed
from thecal.clinic.prediction import INSTEAD_OF_BASAL, told_pump
from thecal.clinic.printed_bolus import DOSE_STEP, VOLUME_STEP, bolus_re_entries
from thecal.clinic.re_entry import DAY, DOSE, NO_DAY, STRENGTH, VOLUME, ReEntry
from thecal.errors import InputError, Refusal, nearest_name
from thecal.programmer.session_record import reading_facts
from thecal.pump.advance import advance
from thecal.pump.alarms import ALARMS
from thecal.pump.clock import Clock
from thecal.pump.handle import Answer, handle
from thecal.pump.handle import report as said_by
from thecal.pump.messages import Report, StartBolus, Update
from thecal.pump.program import (
    BridgeBolus,
    NoPatientBolus,
    PatientBolus,
    PrimingBolus,
    Program,
    Running,
    SingleBolus,
    program_pattern,
)
from thecal.pump.regimen import Regimen
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import PumpState, new_pump
from thecal.pump.written import BOLUSES, clock_offset_s
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.therapy.asked import asked_for
from thecal.therapy.check import check
from thecal.therapy.due import mean_flow
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.rules import all_rules, refusal_by
from thecal.therapy.totals import program_totals
from thecal.timeline import DAY_S, Instant

ALARM_DAYS_OFF = 1
"""D: by how many days a printed alarm date may differ from the one that is worked out."""


def report_of(printed: Printed, before: Report | None, chart: Chart, sheet: PumpSheet, zone: ZoneInfo) -> Report | Refusal:
    """The report that the pump gave, as the facts of a chart need it; or the first reason why it cannot have said so.

    What a printout does not show is worked out as an exact pump would have it, from what it said ``before``: what its motor was
    commanded, how much it logged, its clock (UTC where nothing is known), and a bolus that was running. Raises InputError for the
    name of an alarm that no pump has.
    """
    known = [kind.name for kind in ALARMS]
    for name in printed.alarms:
        if name not in known:
            raise InputError("alarms", name, "is not an alarm of a pump", accepted=known, nearest=nearest_name(name, known))
    refusal = (
        sheet.check_programmable("a printout")
        or _check_order_of_time(printed, before, zone)
        or _check_strength(printed, before, chart)
        or _check_volume(printed, sheet)
        or _check_replacement(printed, sheet, zone)
    )
    if refusal:
        return refusal
    set_to = _settings(printed, before, sheet)
    if isinstance(set_to, Refusal):
        return set_to
    program, patient = set_to
    refusal = _check_total(printed, program, sheet)
    if refusal:
        return refusal
    offset_s = clock_offset_s(before) if before else 0
    pump = _as_printed(printed, program, patient, new_pump(sheet, printed.at, offset_s))
    if isinstance(pump, Refusal):
        return pump
    told = replace(
        said_by(pump),
        calculated=printed.calculated,  # as printed, by a fill sensor too
        alarms=printed.alarms,
        replace_by=None if printed.eri is None else _midnight(printed.eri, zone),
        clock_reading_s=Clock(offset_s, printed.at).reading_s(printed.at),
        log=(),
        logged=0,
        pumped=Volume(0),
    )
    if before is not None:
        told = _continued(told, before, sheet, new_bolus=printed.bolus is not None)
    return _check_alarm_date(printed, told, sheet, zone) or told


def _as_printed(printed: Printed, program: Program, patient: PatientBolus | None, pump: PumpState) -> PumpState | Refusal:
    """A pump that was told what is printed, and the bolus that began with it; or why it would not have taken that."""
    moved = None if isinstance(printed.bolus, OrderBolus) else printed.bolus
    told = Update(program, printed.concentration, printed.calculated, printed.low_reservoir, patient or NoPatientBolus(), moved)
    answer = handle(pump, told)
    if isinstance(answer, Answer) and isinstance(printed.bolus, OrderBolus):
        bolus = bolus_for(printed.bolus, printed.concentration)
        answer = bolus if isinstance(bolus, Refusal) else handle(answer.state, StartBolus(bolus))
    return answer if isinstance(answer, Refusal) else answer.state


def printed_re_entries(printed: Printed) -> tuple[ReEntry, ...]:
    """What a second person enters again of a printout (SAF-05): its six values and its boluses, exactly as they were typed."""
    dose = printed.daily_dose or ordered_dose(printed.order)
    rows = [ReEntry("concentration", "Concentration, mcg/mL", "", STRENGTH, (printed.concentration.mcg_per_ml,))]
    if dose is not None:
        rows.append(ReEntry("dose", "Daily dose, mcg/day", "", DOSE, (dose.pg_per_day,)))
    alarm, eri = (day.toordinal() if day else NO_DAY for day in (printed.alarm_on, printed.eri))
    return (
        *rows,
        ReEntry("total", "24-h total, mcg/day", "", DOSE, (printed.day_total.pg_per_day,)),
        ReEntry("volume", "Reservoir volume, mL", "as printed", VOLUME, (printed.calculated.nl,)),
        ReEntry("alarm", "Alarm date", "empty if none is printed", DAY, (alarm,), day=True),
        ReEntry("eri", "Replace by (ERI)", "empty if not reached", DAY, (eri,), day=True),
        *bolus_re_entries(printed),
    )


def re_entry_due(printed: Printed, look: Look) -> tuple[Finding, ...] | Refusal:
    """What asks for a second person before this printout counts; empty where one person is enough.

    SAF-05 asks where a printout changes what the chart knows by a new concentration, a prime or a bridge, a restart, a stop or
    more than the limits; other rules of an order ask too (a high dose). A reading that finds all as it was changes nothing.
    Refused where no pump is in place, or where the printout is no order that the pump could run.
    """
    sheet, session = look.sheet, look.chart.session
    if sheet is None:
        return refusal_by("DEV-01", "a printout without a pump", "the pump in place, on the chart", "Record the implant first.")
    ran = session.report if session else None
    set_to = _settings(printed, ran, sheet)
    if isinstance(set_to, Refusal):
        return set_to
    same = ran is not None and (*set_to, printed.concentration) == (ran.program, ran.patient, ran.concentration)
    single = printed.bolus if isinstance(printed.bolus, OrderBolus) else None
    sheets = [OrderSheet(bolus=single)] if single else []  # it is ordered alone
    if not same or (printed.bolus and not single):
        sheets.append(_sheet_of(printed))
    unsigned = replace(look.known, signed=[])  # whoever signed has entered an order again, and not this printout
    due: list[Finding] = []
    for orders in sheets:
        asked = asked_for(orders, look.chart, sheet)
        if isinstance(asked, Refusal):
            return asked
        found = check(replace(look, asked=asked, known=unsigned), "order")
        due += [finding for finding in found if finding.severity == "second_person" and finding.stops]
    return tuple(due)


def _sheet_of(printed: Printed) -> OrderSheet:
    """The update that a printout tells of, as it would be ordered."""
    return OrderSheet(
        dosing=printed.order,
        patient=printed.patient,
        concentration=printed.concentration,
        reservoir=printed.calculated,
        low_reservoir=printed.low_reservoir,
        bridge=isinstance(printed.bolus, BridgeBolus),
        prime=isinstance(printed.bolus, PrimingBolus),
    )


def printed_facts(report: Report, chart: Chart, sheet: PumpSheet, order: Order, session: str) -> tuple[Fact, ...]:
    """What a printout leaves in the chart, under the name of its ``session``.

    Where settings or the reservoir's volume are others than the last session left, or no session is known, the pump was updated:
    the session ended with this order. Else it was read. A fill is entered where its volume was typed in.
    """
    last = chart.session
    if last is None or _updated(report, last.report, sheet):
        return (SessionEnded(report.at, order, report, session),)
    return reading_facts(report, chart, sheet, session)


def _updated(report: Report, before: Report, sheet: PumpSheet) -> bool:
    def settings(said: Report) -> tuple[object, ...]:
        return said.program, said.patient, said.concentration, said.low_reservoir

    if settings(report) != settings(before):
        return True
    if report.mode in (*INSTEAD_OF_BASAL, SingleBolus.mode) and report.bolus_ends != before.bolus_ends:
        return True
    return _typed_in(report, before, _exact(before, report.at, sheet), sheet)


def _typed_in(report: Report, before: Report, exact: PumpState, sheet: PumpSheet) -> bool:
    """Whether a volume was typed in since: the count is off from what the pump's own rules make of the last one.

    It may be off by what two printouts round, and lower by what the patient may have asked for.
    """
    counted, expected_nl = report.calculated, exact.memory.calculated_nl
    if counted is None or expected_nl is None:
        return counted is not None
    if sheet.fill_sensor:
        return counted.nl - expected_nl > VOLUME_STEP.nl  # what it senses may fall by what it does not count, and never rises
    below_nl = expected_nl - counted.nl
    allotments = -(-(report.at.s - before.at.s) // DAY_S)
    asked_nl = Regimen(before.program, sheet, before.patient).allotted_nl * allotments
    return not -VOLUME_STEP.nl <= below_nl <= VOLUME_STEP.nl + asked_nl


def _exact(before: Report, at: Instant, sheet: PumpSheet) -> PumpState:
    """A pump of exact flow that said so before, at an instant."""
    return advance(told_pump(before, sheet), at).state


def _continued(told: Report, before: Report, sheet: PumpSheet, *, new_bolus: bool) -> Report:
    """The report with what goes on from the one before: the counters, and a bolus that no update has ended.

    A volume that an exact pump would have had printed so is that of the exact pump: only its digits were not printed.
    """
    begun, exact = told_pump(before, sheet), _exact(before, told.at, sheet)
    counted_nl, expected_nl = exact.memory.count.pumped_nl, exact.memory.calculated_nl
    printed, was = told.calculated, before.calculated
    if printed and printed.nl and was and expected_nl and not sheet.fill_sensor:  # what is sensed is not worked out
        if 2 * abs(expected_nl - printed.nl) <= VOLUME_STEP.nl:
            told = replace(told, calculated=Volume(expected_nl))
        elif not _typed_in(told, before, exact, sheet):  # one motor, two counters: they go on together
            counted_nl = max(was.nl - printed.nl, 0)
    logged = exact.memory.signals.logged - begun.memory.signals.logged
    told = replace(told, pumped=Volume(before.pumped.nl + counted_nl), logged=before.logged + logged)
    if new_bolus or told.concentration != before.concentration or not told.program == before.program == exact.memory.program:
        return told
    running = exact.memory.bolus
    if running is None or running.bolus is None or before.mode not in BOLUSES:
        return replace(told, mode=exact.mode)
    left = Volume(running.bolus.volume.nl - running.given_nl(told.at))
    return replace(told, mode=before.mode, bolus_left=left, bolus_ends=running.end)


def _settings(printed: Printed, before: Report | None, sheet: PumpSheet) -> tuple[Program, PatientBolus | None] | Refusal:
    """Program and patient bolus. What a printout cannot tell from what ran before is what ran before."""
    strength = printed.concentration
    program = programmed(printed.order, strength, sheet)
    if isinstance(program, Refusal):
        return program
    same_strength = before is not None and before.concentration == strength
    running = program
    if before is not None and same_strength and _printed_alike(before.program, program, strength, sheet):
        running = cast(Program, before.program)  # of the same kind
    if printed.patient is None:
        if before is not None and before.patient is not None and not same_strength:
            return refusal_by(
                "SAF-04",
                f"patient boluses of before at {strength}, with no dose printed",
                "their dose, at a new concentration",
                "Enter what the printout says of patient boluses.",
            )
        return running, before.patient if before else None
    patient = patient_bolus_for(printed.patient, strength)
    if isinstance(patient, Refusal):
        return patient
    if isinstance(patient, NoPatientBolus):
        return running, None
    was = before.patient if before and same_strength else None
    if was is not None and replace(patient, volume=was.volume) == was:
        off = abs(patient.volume.nl - was.volume.nl) * strength.mcg_per_ml
        patient = was if 2 * off <= DOSE_STEP.pg else patient
    return running, patient


def _printed_alike(before: Running, after: Program, strength: Concentration, sheet: PumpSheet) -> bool:
    """Whether a printout tells two programs alike: the same kind and times, and every step's dose to what it rounds."""
    if type(before) is not type(after):
        return False
    one, other = program_pattern(before, sheet), program_pattern(after, sheet)
    if (one.ends, one.per) != (other.ends, other.per):
        return False
    spans = [end - start for start, end in zip((0, *one.ends), one.ends, strict=False)]
    steps = zip(spans, one.rates, other.rates, strict=True)
    return all(2 * abs(a - b) * span * strength.mcg_per_ml <= DOSE_STEP.pg * one.per for span, a, b in steps)


def _check_order_of_time(printed: Printed, before: Report | None, zone: ZoneInfo) -> Refusal | None:
    if before is None or before.at <= printed.at:
        return None
    return refusal_by(
        "REF-13",
        f"a printout of {printed.at.local_text(zone)} after a report of {before.at.local_text(zone)}",
        "printouts in the order in which they were made",
        "Check date and time on the printout; an older one is entered with what was known before it.",
    )


def _check_strength(printed: Printed, before: Report | None, chart: Chart) -> Refusal | None:
    """SAF-02: no screening strength, and none above the strongest stocked one that the chart does not know."""
    limits, strength = all_rules()["SAF-02"].limits, printed.concentration
    screening, highest = limits["screening strength"], limits["high strength"]
    known = [chart.filled.concentration if chart.filled else None, before.concentration if before else None]
    if screening.value < strength.mcg_per_ml and (strength.mcg_per_ml <= highest.value or strength in known):
        return None
    return refusal_by(
        "SAF-02",
        f"{strength} in a pump",
        f"more than {screening}, up to {highest} or what the chart says was filled",
        "Read the printout again; a compounded strength is recorded with its fill first.",
    )


def _check_volume(printed: Printed, sheet: PumpSheet) -> Refusal | None:
    """RPC-10."""
    if printed.calculated <= sheet.reservoir_capacity:
        return None
    return Refusal(
        "RPC-10",
        f"{printed.calculated} calculated",
        f"the reservoir holds {sheet.reservoir_capacity}",
        sheet.source("reservoir_capacity"),
        "Read the volume on the printout again, and the model of the pump.",
    )


def _check_replacement(printed: Printed, sheet: PumpSheet, zone: ZoneInfo) -> Refusal | None:
    """EOS-02: once its indicator is reached a pump runs on for so long and no longer."""
    if printed.eri is None:
        return None
    latest = (printed.at + sheet.eri_to_eos).date(zone)
    if printed.eri <= latest:
        return None
    return Refusal(
        "EOS-02",
        f"a date to replace by of {printed.eri}",
        f"{latest} at the latest: the pump runs {sheet.eri_to_eos} from its indicator on",
        sheet.source("eri_to_eos"),
        "An estimate of when the indicator will be reached is no such date: enter that it is not reached.",
    )


def _check_total(printed: Printed, program: Running, sheet: PumpSheet) -> Refusal | None:
    """SAF-04: the most in any 24 h that the order comes to, patient boluses aside; where days differ, of one of them too."""
    total = program_totals(program, None, printed.concentration, sheet).day
    days = [day.daily_total.pg_per_day for day in printed.order.days] if isinstance(printed.order, OrderFlex) else []
    if any(abs(printed.day_total.pg_per_day - pg) * 100 <= OFF_MAX_PERCENT * pg for pg in (total.pg, *days)):
        return None
    return refusal_by(
        "SAF-04",
        f"a 24-h total of {printed.day_total} printed",
        f"what the order comes to at {printed.concentration}: {total} in 24 h, within {OFF_MAX_PERCENT} %",
        "Compare every step with the printout, and its unit: a dose an hour is 24 times a dose a day.",
    )


def _check_alarm_date(printed: Printed, told: Report, sheet: PumpSheet, zone: ZoneInfo) -> Refusal | None:
    """REF-01: the date on which the volume reaches its threshold, every allotted bolus taken, at the flow that is programmed."""
    a_day, per = mean_flow(told, sheet, patient=True)
    above_nl = printed.calculated.nl - told.bolus_left.nl - printed.low_reservoir.nl
    reached, today = above_nl <= 0, told.at.date(zone)
    if not a_day or (reached and printed.alarm_on is None):
        return None if printed.alarm_on is None else _alarm_refused(printed, "none: nothing flows")
    since = told.bolus_ends if told.bolus_ends and told.mode in INSTEAD_OF_BASAL else told.at
    worked_out = Instant(since.s + max(above_nl, 0) * DAY_S * per // a_day).date(zone)
    # What a printed volume rounds is more than a day of the slowest flows.
    off = max(ALARM_DAYS_OFF, -(-VOLUME_STEP.nl * per // (2 * a_day)))
    flow = f"{printed.calculated} down to {printed.low_reservoir} at {FlowRate(a_day // per)}"
    if reached:
        fits = printed.alarm_on is not None and printed.alarm_on <= max(worked_out, today) + timedelta(days=off)
        return None if fits else _alarm_refused(printed, f"{today} at the latest: the threshold has been reached")
    if printed.alarm_on is not None and abs((printed.alarm_on - worked_out).days) <= off:
        return None
    return _alarm_refused(printed, f"{worked_out}, within {off} {'day' if off == 1 else 'days'}: {flow}")


def _alarm_refused(printed: Printed, limit: str) -> Refusal:
    told = f"the alarm date {printed.alarm_on}" if printed.alarm_on else "no alarm date"
    return refusal_by(
        "REF-01", told, limit, "Read date, volume, threshold and dose on the printout again: one of them does not fit the others."
    )


def _midnight(day: date, zone: ZoneInfo) -> Instant:
    """The first second of a day, the earliest that its date can mean."""
    return Instant(round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()))
