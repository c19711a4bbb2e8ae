"""Calculators: the arithmetic of the therapy by published rule, without a chart or with what one says filled in.

Nothing is written: a page is its address, and can be printed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from thecal.chart.line_ledger import line_ledger
from thecal.chart.line_ledger import strength as fluid_strength
from thecal.clinic.entry import LineUnknown
from thecal.clinic.paper import printed_line
from thecal.clinic.practice import CHART, Reading
from thecal.clinic.pump_words import line_words
from thecal.errors import Refusal
from thecal.pump.sheet import DEFAULT_PUMP, pump_sheets
from thecal.quantity import Volume
from thecal.therapy.look import Look
from thecal.therapy.refill import rule_value
from thecal.therapy.restart import reading as last_reading
from thecal.therapy.rules import SURENESS, all_rules
from thecal.web import calculation
from thecal.web.ask import Ask
from thecal.web.calculation import READ_AS, Answer
from thecal.web.form import Form
from thecal.web.guard import NotFoundError, need
from thecal.web.route import SIGNED_IN, Pages

PAGES = Pages()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a calculator. ``of_chart`` is what of a chart fills it in."""

    name: str
    label: str
    hint: str = ""
    needed: bool = True
    of_chart: str = ""


@dataclass(frozen=True, slots=True)
class Calculator:
    """One of them: its fields, the formula in words, the rules behind it, and the function that answers."""

    title: str
    means: str
    formula: str
    rules: tuple[str, ...]
    fields: tuple[Field, ...]
    calculate: Callable[[Form, Look], Answer]


# Them all --------------------------------------------------------------------------------------------------------------

_PUMP = Field("pump", "Pump", "its data sheet gives limits and flow steps", of_chart="pump")
_DOSE = Field("dose", "Daily dose", "such as 137.5 mcg/day", of_chart="dose")
_CONCENTRATION = Field("concentration", "Concentration", "such as 2,000 mcg/mL", of_chart="concentration")

CALCULATORS: Mapping[str, Calculator] = {
    "bridge": Calculator(
        "Bridge bolus",
        "After a change of concentration: the old drug leaves the line at the ordered dose, then the new program begins.",
        "Flow = daily dose / old concentration; time = dead volume / that flow; then daily dose / new concentration.",
        ("RPC-15", "SAF-05"),
        (
            Field("from", "Concentration in the line", "such as 500 mcg/mL", of_chart="line"),
            Field("to", "New concentration", "such as 2,000 mcg/mL"),
            _DOSE,
            Field("dead_volume", "Dead volume: pump tubing and catheter", "such as 0.4 mL", of_chart="dead_volume"),
            _PUMP,
        ),
        calculation.bridge,
    ),
    "prime": Calculator(
        "Priming bolus",
        "For a line without drug: what fills it, how long that takes, and how much is past the tip by then.",
        "Volume = tubing + catheter length x volume per length; time = volume / flow; the front by dispersion (Taylor, Aris).",
        ("IMP-09",),
        (
            Field("tubing", "Pump tubing", "such as 0.14 mL; 0 mL where it is full", of_chart="tubing"),
            Field("catheter_length", "Catheter length in place", "such as 80 cm", of_chart="catheter_length"),
            Field("per_length", "Volume per length", "such as 0.00221 mL/cm", of_chart="per_length"),
            Field("flow", "Priming flow", "such as 24 mL/day"),
            Field("concentration", "Concentration, for the drug past the tip", "may be empty", False, "concentration"),
            _PUMP,
        ),
        calculation.prime,
    ),
    "mix": Calculator(
        "Mixture in the reservoir",
        "What a fill comes to on top of what is left.",
        "Concentration = (residual x its concentration + fill x its concentration) / (residual + fill).",
        ("RPC-15", "SAF-02"),
        (
            Field("residual", "What is left", "such as 1.4 mL"),
            Field("residual_concentration", "Its concentration", "such as 2,000 mcg/mL", of_chart="concentration"),
            Field("fill", "What is filled", "such as 18.6 mL"),
            Field("concentration", "Concentration of the fill", "such as 500 mcg/mL"),
        ),
        calculation.mix,
    ),
    "refill": Calculator(
        "Date to refill by",
        "Days to the alarm and to empty, and the day to refill by: the earliest of what bounds it, less the buffer.",
        "Days to the alarm = (fill - alarm volume) / (daily dose / concentration); refill by = earliest bound - buffer.",
        ("REF-01", "REF-04", "REF-12"),
        (
            Field("fill", "Filled volume", "such as 40 mL", of_chart="fill"),
            _CONCENTRATION,
            _DOSE,
            Field("alarm", "Low reservoir alarm at", "empty: that of the data sheet", False, "alarm"),
            Field("stability", "The drug keeps for", "as the rules say (REF-04); a clinic sets its own"),
            Field("buffer", "Refill before the earliest bound by", "as the rules say; a clinic sets its own"),
            Field("longest", "Longest interval of the clinic", "may be empty", needed=False),
            Field("filled_on", "Filled on", "a date, such as 2026-03-02; may be empty", False, "filled_on"),
            _PUMP,
        ),
        calculation.refill,
    ),
    "flow": Calculator(
        "Flow of a dose",
        "The flow that gives a daily dose, and the dose that the pump can really be programmed to.",
        "Flow = daily dose / concentration, to the nearest step of the pump.",
        ("SAF-01", "SAF-02"),
        (_DOSE, _CONCENTRATION, _PUMP),
        calculation.flow,
    ),
    "bolus": Calculator(
        "Single bolus",
        "The volume of a single bolus, and its flow on top of the running dose.",
        "Volume = bolus / concentration; flow = volume / duration.",
        ("SAF-02", "SAF-05"),
        (Field("amount", "Bolus", "such as 50 mcg"), _CONCENTRATION, Field("over", "Over", "such as 10 min"), _PUMP),
        calculation.bolus,
    ),
    "units": Calculator(
        "Units",
        "A quantity as it is written here, and in the other units of its kind. Milligrams are said and never taken over.",
        "1 mg = 1,000 mcg; 1 day = 24 h. An intrathecal dose is written in mcg.",
        ("SAF-01",),
        (Field("kind", "It is a"), Field("quantity", "As it is written", "such as 2 mg/mL")),
        calculation.units,
    ),
}


@PAGES.get("/calculators", SIGNED_IN)
def calculators_page(ask: Ask) -> Response:
    """All of them, by what they are for."""
    stream = ask.query("stream")
    return ask.page(
        "calculators.html", calculators=CALCULATORS, chosen=None, kind="", stream=stream if _chart(ask, stream) else ""
    )


@PAGES.get("/calculators/{kind}", SIGNED_IN)
def calculator_page(ask: Ask, kind: str) -> Response:
    """One of them: its form, and its answer where it was asked; ``print=1`` is the answer on one page, to be printed."""
    if kind not in CALCULATORS:
        raise NotFoundError(f"There is no calculator of that name. There are: {', '.join(CALCULATORS)}.")
    calculator, stream = CALCULATORS[kind], ask.query("stream")
    of_chart, told = _prefill(ask, stream)
    sent = {name: (value,) for name, value in ask.request.query_params.items()}
    given = {field.name: (of_chart[field.of_chart],) for field in calculator.fields if field.of_chart in of_chart}
    defaults = {"pump": (DEFAULT_PUMP,), "buffer": (rule_value("buffer"),)}
    with ask.practice.reading() as reading:
        look = reading.staff()
        defaults["stability"] = (str(look.limit("REF-04", "stability")),)
        printed = printed_line(reading.now, reading.zone, ask.account.full_name, reading.office.name)
    asked = bool(ask.query("go"))
    ask.form = Form(sent if asked else {**defaults, **given, **sent})
    answer = calculator.calculate(ask.form, look) if asked else None
    if ask.form.errors:
        answer = None
    return ask.page(
        "calculated.html" if ask.query("print") and answer is not None else "calculators.html",
        422 if ask.form.errors else 200,
        calculators=CALCULATORS,
        chosen=calculator,
        kind=kind,
        stream=stream,
        told=told,
        pumps=[(sheet.name, f"{sheet.title} ({sheet.name})") for sheet in pump_sheets().values()],
        kinds=[name for name, _ in READ_AS],
        answer=answer,
        refused=answer if isinstance(answer, Refusal) else None,
        rules=[all_rules()[name] for name in calculator.rules],
        sureness=SURENESS,
        printed=printed,
        query=ask.request.url.query,
    )


def _chart(ask: Ask, stream: str) -> bool:
    """Whether a chart is named. Raises ForbiddenError for who may read none."""
    if stream:
        need(ask, "chart")
    return bool(stream)


def _prefill(ask: Ask, stream: str) -> tuple[dict[str, str], str]:
    """(what a chart says, by what it is of; what it does not say). Raises NotFoundError, ForbiddenError."""
    if not _chart(ask, stream):
        return {}, ""
    with ask.practice.reading() as reading:
        found, told = _of_chart(reading, stream)
    ask.audit("read the chart for a calculator", stream)
    return found, told


def _of_chart(reading: Reading, stream: str) -> tuple[dict[str, str], str]:
    history = reading.history(stream)
    if not stream.startswith(CHART) or not history.rows:
        raise NotFoundError("There is no chart of that name.")
    look, unknown = reading.look(history), history.last(LineUnknown)
    report, filled, sheet = last_reading(look), look.chart.filled, look.sheet
    strength = report.concentration if report and report.concentration else filled.concentration if filled else None
    known: dict[str, object | None] = {"concentration": strength, "dose": look.known.dose}
    if sheet is not None:
        known |= {"pump": sheet.name, "tubing": sheet.tubing_volume, "alarm": report.low_reservoir if report else None}
    if filled is not None:
        known |= {"fill": filled.volume, "filled_on": filled.at.date(reading.zone)}
    ledger, told = line_ledger(look.chart) if sheet is not None else None, ""
    if unknown is not None and not unknown.known:
        told = "The volume of the catheter is not known: no prime and no bridge until it is measured."
    elif ledger is not None:
        strengths = {fluid_strength(parcel) for parcel in ledger.line.parcels}
        known |= {"dead_volume": Volume(ledger.line.volume_nl), "line": strengths.pop() if len(strengths) == 1 else None}
        if ledger.geometry is not None:
            known |= {"catheter_length": ledger.geometry.length, "per_length": ledger.geometry.sheet.volume_per_length}
        told = " ".join((f"In the line, as believed, {line_words(ledger)}.", *ledger.cautions))
    return {name: str(value) for name, value in known.items() if value is not None}, told
