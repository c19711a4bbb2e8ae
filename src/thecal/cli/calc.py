"""``thecal calc``: the arithmetic of the therapy; every number with its unit, and each as JSON too."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from textwrap import wrap
from typing import Annotated, NoReturn

import typer

from thecal.chart.order import OrderBolus, OrderContinuous, bolus_for, programmed, programmed_dose
from thecal.cli.console import REFUSED, print_lines, print_refusal, say
from thecal.errors import InputError, Refusal
from thecal.fluid import Parcel
from thecal.programmer.plans import plan_bridge, plan_prime
from thecal.pump.program import check_bolus_flow, check_program, program_pattern
from thecal.pump.sheet import DEFAULT_PUMP, PumpSheet, pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Gain, Length, Volume, VolumePerLength
from thecal.report.document import json_text, refusal_document
from thecal.report.tables import WIDTH, Line
from thecal.report.words import number_text
from thecal.therapy.refill import (
    SMALL_RESERVOIR,
    RefillPolicy,
    check_low_reservoir,
    discrepancy_flag,
    discrepancy_limit,
    expected_residual,
    refill_dates,
    rule_value,
)
from thecal.timeline import DAY_S, Duration

calc = typer.Typer(no_args_is_help=True, help="Flow, refill date, bridge, prime, mixture, bolus and residual, with units.")

Number = float | str | None

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; numbers are numbers.")]
PumpName = Annotated[str, typer.Option("--pump", metavar="NAME", help="Whose limits and flow steps apply; see thecal pumps.")]
DoseText = Annotated[str, typer.Option("--dose", metavar="TEXT", help='The daily dose, such as "137.5 mcg/day".')]
ConcentrationText = Annotated[str, typer.Option("--concentration", metavar="TEXT", help='Such as "2000 mcg/mL".')]


@calc.command()
def flow(dose: DoseText, concentration: ConcentrationText, pump: PumpName = DEFAULT_PUMP, json: AsJson = False) -> None:
    """The flow that gives a daily dose, and the dose that the pump can really be programmed to."""
    sheet = pump_sheet(pump, "--pump")
    strength = Concentration.parse(concentration, "--concentration")
    order = OrderContinuous(DailyDose.parse(dose, "--dose"))
    program = programmed(order, strength, sheet)
    if isinstance(program, Refusal):
        _refuse(program, json)
    refusal = check_program(program, sheet)
    if refusal:
        _refuse(refusal, json)
    got = programmed_dose(program, strength, sheet)
    _answer(
        {
            "flow_ml_per_day": program_pattern(program, sheet).mean_nl_per_day / 10**6,
            "ordered_mcg_per_day": order.dose.mcg_per_day,
            "programmed_mcg_per_day": got.mcg_per_day,
        },
        json,
        [f"On {sheet.name}, in flow steps of {sheet.flow_step}."],
    )


@calc.command()
def refill(
    fill: Annotated[str, typer.Option("--fill", metavar="TEXT", help='The usable volume, such as "40 mL".')],
    concentration: ConcentrationText,
    dose: DoseText,
    alarm: Annotated[
        str | None, typer.Option("--alarm", metavar="TEXT", help="The low reservoir threshold; the data sheet's if not given.")
    ] = None,
    stability: Annotated[str, typer.Option("--stability", metavar="TEXT", help="How long the drug keeps.")] = rule_value(
        "stability"
    ),
    buffer: Annotated[str, typer.Option("--buffer", metavar="TEXT", help="How long before to refill.")] = rule_value("buffer"),
    clinic_max: Annotated[str | None, typer.Option("--clinic-max", metavar="TEXT", help="The clinic's longest interval.")] = None,
    service: Annotated[str | None, typer.Option("--service", metavar="TEXT", help="Time until the pump's service date.")] = None,
    pump: PumpName = DEFAULT_PUMP,
    json: AsJson = False,
) -> None:
    """Days to the alarm and to empty, and the day to refill by: the earliest of what bounds it, less the buffer."""
    sheet = pump_sheet(pump, "--pump")
    volume = Volume.parse(fill, "--fill")
    low = sheet.low_reservoir_threshold if alarm is None else Volume.parse(alarm, "--alarm", zero=True)
    strength, daily = Concentration.parse(concentration, "--concentration"), DailyDose.parse(dose, "--dose")
    policy = RefillPolicy(
        stability=Duration.parse(stability, "--stability"),
        buffer=Duration.parse(buffer, "--buffer", zero=True),
        clinic_max=None if clinic_max is None else Duration.parse(clinic_max, "--clinic-max"),
        service=None if service is None else Duration.parse(service, "--service"),
    )
    nl_per_day = Fraction(daily.pg_per_day, strength.mcg_per_ml)
    dates = refill_dates(volume, low, nl_per_day, policy)
    bound = Gain(Gain.EXACT + sheet.flow_accuracy_ppm)
    fast = refill_dates(volume, low, nl_per_day * bound.ppm / Gain.EXACT, policy)
    refusal = _check_pump(sheet, pump, volume, nl_per_day) or check_low_reservoir(volume, low) or dates.check(policy)
    if refusal:
        _refuse(refusal, json)
    _answer(
        {
            "flow_ml_per_day": float(nl_per_day / 10**6),
            "days_to_alarm": float(dates.days_to_alarm),
            "days_to_empty": float(dates.days_to_empty),
            "refill_by_day": dates.refill_by_day,
            "governed_by": dates.governed_by,
            "refill_by_day_at_label_bound": fast.refill_by_day,
        },
        json,
        [f"At exactly this flow; the last line at the upper bound of the pump's label, {bound}, as thecal run counts (REF-12)."],
    )


@calc.command()
def bridge(
    old: Annotated[str, typer.Option("--from", metavar="TEXT", help='The concentration in the line, such as "500 mcg/mL".')],
    new: Annotated[str, typer.Option("--to", metavar="TEXT", help='The new concentration, such as "2000 mcg/mL".')],
    dose: DoseText,
    dead_volume: Annotated[str, typer.Option("--dead-volume", metavar="TEXT", help='Tubing and catheter, such as "0.4 mL".')],
    pump: PumpName = DEFAULT_PUMP,
    json: AsJson = False,
) -> None:
    """The bridge bolus after a change of concentration, and what the patient would get without it.

    The dose is the 24-h mean of the new order.
    """
    before, after = Concentration.parse(old, "--from"), Concentration.parse(new, "--to")
    if before == after:
        raise InputError("--to", new, "is the concentration that is in the line already; there is nothing to bridge")
    sheet = pump_sheet(pump, "--pump")
    volume = Volume.parse(dead_volume, "--dead-volume")
    plan = plan_bridge(before, after, DailyDose.parse(dose, "--dose"), volume, sheet)
    if isinstance(plan, Refusal):
        _refuse(plan, json)
    _answer(
        {
            "bridge_flow_ml_per_day": plan.flow.ml_per_day,
            "bridge_hours": float(plan.hours),
            "bridge_dose_mcg": plan.dose.mcg,
            "then_flow_ml_per_day": plan.then_flow.ml_per_day,
            "without_bridge": {
                "mcg_per_day": float(plan.without_mcg_per_day),
                "percent_of_order": float(plan.without_percent),
                "hours": float(plan.without_hours),
            },
        },
        json,
        [
            f"On {sheet.name}. Without the bridge the line gives "
            f"{'an overdose' if plan.without_percent > 100 else 'too little'}: {number_text(float(plan.without_percent))} % "
            f"of the ordered dose for {number_text(float(plan.without_hours) / 24, 2)} days."
        ],
    )


@calc.command()
def prime(
    tubing: Annotated[
        str, typer.Option("--tubing", metavar="TEXT", help='The pump tubing, such as "0.140 mL"; "0 mL" where full.')
    ],
    catheter_length: Annotated[str, typer.Option("--catheter-length", metavar="TEXT", help='As implanted, such as "89 cm".')],
    per_length: Annotated[str, typer.Option("--per-length", metavar="TEXT", help='Its lumen, such as "0.00221 mL/cm".')],
    flow: Annotated[str, typer.Option("--flow", metavar="TEXT", help='The priming flow, such as "24 mL/day".')],
    concentration: Annotated[
        str | None, typer.Option("--concentration", metavar="TEXT", help="Adds the early dose in mcg.")
    ] = None,
    pump: PumpName = DEFAULT_PUMP,
    json: AsJson = False,
) -> None:
    """The priming bolus for a line without drug: volume, time, and how much is past the tip when it ends.

    expected_spilled_fraction is the estimate by dispersion; first_drug_at_fraction and spilled_fraction_of_lumen are the bound
    without diffusion. All are fractions of the catheter's lumen.
    """
    plan = plan_prime(
        Volume.parse(tubing, "--tubing", zero=True),
        Length.parse(catheter_length, "--catheter-length"),
        VolumePerLength.parse(per_length, "--per-length"),
        FlowRate.parse(flow, "--flow"),
        pump_sheet(pump, "--pump"),
    )
    if isinstance(plan, Refusal):
        _refuse(plan, json)
    answer: dict[str, Number | Mapping[str, Number]] = {
        "volume_ml": plan.volume.ml,
        "minutes": float(plan.minutes),
        "expected_spilled_fraction": plan.expected_spilled_fraction,
        "first_drug_at_fraction": plan.first_drug_at_fraction,
        "spilled_fraction_of_lumen": plan.spilled_fraction_of_lumen,
    }
    if concentration is not None:
        estimate, bound = plan.early_mcg(Concentration.parse(concentration, "--concentration"))
        answer |= {"early_dose_mcg": estimate, "early_dose_bound_mcg": bound}
    lumen = plan.lumen.ml
    _answer(
        answer,
        json,
        [
            f"Past the tip when the prime ends: about {number_text(plan.expected_spilled_fraction * lumen, 4)} mL of drug by "
            f"dispersion; without any diffusion the first drug would arrive after {number_text(lumen / 2, 4)} mL of the "
            f"catheter's {plan.lumen}, and {number_text(lumen / 4, 4)} mL would be past the tip. Real connectors and pump "
            "tubing mix more."
        ],
    )


@calc.command()
def mix(
    residual: Annotated[str, typer.Option("--residual", metavar="TEXT", help='What is left, such as "1.4 mL".')],
    residual_concentration: Annotated[str, typer.Option("--residual-concentration", metavar="TEXT", help="Of what is left.")],
    fill: Annotated[str, typer.Option("--fill", metavar="TEXT", help='What is injected, such as "18.6 mL".')],
    concentration: ConcentrationText,
    json: AsJson = False,
) -> None:
    """The concentration after filling on top of what is left."""
    left, added = Volume.parse(residual, "--residual", zero=True), Volume.parse(fill, "--fill", zero=True)
    old = Concentration.parse(residual_concentration, "--residual-concentration", zero=True)
    new = Concentration.parse(concentration, "--concentration")
    if not left.nl + added.nl:
        raise InputError("--fill", fill, "and the residual are both nothing; there is no mixture")
    mixture = Parcel.whole(left.nl + added.nl, left.of(old).pg + added.of(new).pg)
    _answer({"concentration_mcg_per_ml": mixture.mcg_per_ml}, json)


@calc.command()
def bolus(
    dose: Annotated[str, typer.Option("--dose", metavar="TEXT", help='The bolus, such as "50 mcg".')],
    concentration: ConcentrationText,
    over: Annotated[str, typer.Option("--over", metavar="TEXT", help='Its duration, such as "10 min".')],
    pump: Annotated[str | None, typer.Option("--pump", metavar="NAME", help="Refuse what this pump cannot run.")] = None,
    json: AsJson = False,
) -> None:
    """The volume of a single bolus and its flow, on top of the running dose."""
    order = OrderBolus(Amount.parse(dose, "--dose"), Duration.parse(over, "--over"))
    given = bolus_for(order, Concentration.parse(concentration, "--concentration"))
    if isinstance(given, Refusal):
        _refuse(given, json)
    nl_per_day = Fraction(given.volume.nl * DAY_S, given.duration.s)
    sheet = None if pump is None else pump_sheet(pump, "--pump")
    refusal = (sheet.check_programmable("a single bolus") or check_bolus_flow(given, sheet)) if sheet else None
    if refusal:
        _refuse(refusal, json)
    _answer(
        {
            "volume_ml": given.volume.ml,
            "flow_ml_per_day": float(nl_per_day / 10**6),
            "flow_ml_per_hour": float(nl_per_day / 24 / 10**6),
        },
        json,
    )


@calc.command()
def residual(
    fill: Annotated[str, typer.Option("--fill", metavar="TEXT", help='What was filled, such as "40 mL".')],
    flow: Annotated[str, typer.Option("--flow", metavar="TEXT", help='The programmed mean flow, such as "0.250 mL/day".')],
    after: Annotated[str, typer.Option("--after", metavar="TEXT", help='The time since the fill, such as "120 days".')],
    measured: Annotated[str | None, typer.Option("--measured", metavar="TEXT", help="What the syringe withdrew.")] = None,
    reservoir: Annotated[
        str | None,
        typer.Option(
            "--reservoir", metavar="TEXT", help="The reservoir's size; 20 mL or 40 mL, whichever holds the fill, if not given."
        ),
    ] = None,
    pump: PumpName = DEFAULT_PUMP,
    json: AsJson = False,
) -> None:
    """What should come out of the reservoir, within the labelled accuracy, and whether what came out fits (RPC-07)."""
    filled = Volume.parse(fill, "--fill")
    size = _size_for(filled) if reservoir is None else Volume.parse(reservoir, "--reservoir")
    withdrawn = Volume.parse(measured, "--measured", zero=True) if measured is not None else None
    for option, text, volume in (("--fill", fill, filled), ("--measured", measured, withdrawn)):
        if volume is not None and volume > size:
            raise InputError(option, text, f"is more than the reservoir of {size} holds")
    accuracy_ppm = pump_sheet(pump, "--pump").flow_accuracy_ppm
    nl_per_day = Fraction(FlowRate.parse(flow, "--flow").nl_per_day)
    refusal = _check_pump(pump_sheet(pump, "--pump"), pump, filled, nl_per_day)
    if refusal:
        _refuse(refusal, json)
    left = expected_residual(filled, nl_per_day, Duration.parse(after, "--after", zero=True), size, accuracy_ppm)
    limit = discrepancy_limit(size)
    nothing = " None was expected to be left: an empty syringe proves nothing." if not left.expected.nl else ""
    _answer(
        {
            "expected_ml": left.expected.ml,
            "low_ml": left.low.ml,
            "high_ml": left.high.ml,
            "discrepancy_ml": (withdrawn - left.expected).ml if withdrawn else None,
            "flag": discrepancy_flag(left.expected, withdrawn, size) if withdrawn else None,
        },
        json,
        [
            f"Low and high: the flow off by its labelled {Gain(Gain.EXACT + accuracy_ppm)}, up or down. "
            f"The flag goes by size alone (RPC-07, reservoir of {size}): amber above {limit}, red above {limit + limit}.{nothing}"
        ],
    )


def _check_pump(sheet: PumpSheet, named: str, fill: Volume, nl_per_day: Fraction) -> Refusal | None:
    """What a pump that was asked for cannot do: run at another flow than its only one, or hold more than it holds."""
    if not sheet.programmable and nl_per_day != sheet.flow_max.nl_per_day:
        return sheet.check_programmable(f"a flow of {FlowRate(round(nl_per_day))}")
    if named == DEFAULT_PUMP or fill <= sheet.reservoir_capacity:
        return None
    limit, advice = f"the reservoir holds {sheet.reservoir_capacity}", "Check the volume, or the model of the pump."
    return Refusal("PMP-20", f"fill {fill}", limit, sheet.source("reservoir_capacity"), advice)


def _size_for(filled: Volume) -> Volume:
    return SMALL_RESERVOIR if filled <= SMALL_RESERVOIR else SMALL_RESERVOIR + SMALL_RESERVOIR


def _refuse(refusal: Refusal, as_json: bool) -> NoReturn:
    """Print a refusal and end the verb with its exit code."""
    if as_json:
        say(json_text({"refused": refusal_document(refusal)}).rstrip())
    print_refusal(refusal)
    raise typer.Exit(REFUSED)


def _answer(answer: Mapping[str, Number | Mapping[str, Number]], as_json: bool, notes: Iterable[str] = ()) -> None:
    """The answer as JSON, or one line a number and then what a reader should know beside it."""
    if as_json:
        say(json_text(dict(answer)).rstrip())
        return
    for key, value in answer.items():
        if isinstance(value, Mapping):
            print_lines([Line(f"{key.replace('_', ' ')}:"), *(_line(inner, number, "  ") for inner, number in value.items())])
        else:
            print_lines([_line(key, value)] if value is not None else [])
    print_lines(Line(note, "note") for text in notes for note in wrap(text, WIDTH))


_UNITS = {
    "ml_per_day": "mL/day",
    "ml_per_hour": "mL/h",
    "mcg_per_day": "mcg/day",
    "mcg_per_ml": "mcg/mL",
    "mcg": "mcg",
    "ml": "mL",
}


def _line(key: str, value: Number, indent: str = "") -> Line:
    unit = next((unit for suffix, unit in _UNITS.items() if key == suffix or key.endswith(f"_{suffix}")), "")
    words = key.removesuffix(next((f"_{suffix}" for suffix in _UNITS if key.endswith(f"_{suffix}")), "")).replace("_", " ")
    text = number_text(value, 6) if isinstance(value, int | float) else value or "-"
    return Line(f"{indent}{words:<30}{text} {unit}".rstrip())
