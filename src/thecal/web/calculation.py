"""What the calculators calculate: a form and the clinic's limits in; numbers with units, a refusal, or nothing out.

They are the functions of ``thecal calc``. What SAF-01 and SAF-02 say of the numbers that go in stands beside the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from thecal.chart.order import OrderBolus, OrderContinuous, bolus_for, programmed, programmed_dose
from thecal.errors import Refusal
from thecal.fluid import Parcel
from thecal.programmer.plans import plan_bridge, plan_prime
from thecal.pump.program import check_bolus_flow, check_program
from thecal.pump.sheet import PumpSheet, pump_sheet, pump_sheets
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Gain, Length, Volume, VolumePerLength
from thecal.report.words import number_text, significant_text
from thecal.therapy.look import Look
from thecal.therapy.refill import RefillPolicy, check_low_reservoir, refill_dates
from thecal.therapy.rules import all_rules
from thecal.timeline import DAY_S, Duration
from thecal.web.form import Form

Values = tuple[tuple[str, str], ...]
_MCG_PG = 10**6


@dataclass(frozen=True, slots=True)
class Calculated:
    """Numbers with their units, what should be known beside them, and what a person must confirm."""

    values: Values
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


Answer = Calculated | Refusal | None
"""None where a field cannot be read."""


# Fields ----------------------------------------------------------------------------------------------------------------


def _pump(form: Form) -> PumpSheet | None:
    name = form.chosen("pump", tuple(pump_sheets()))
    return pump_sheet(name, "pump") if name is not None else None


def _concentration(form: Form, name: str, label: str, *, zero: bool = False) -> Concentration | None:
    return form.needed(name, lambda text: Concentration.parse(text, label, zero=zero))


def _dose(form: Form) -> DailyDose | None:
    return form.needed("dose", lambda text: DailyDose.parse(text, "daily dose"))


def _volume(form: Form, name: str, label: str, *, zero: bool = False) -> Volume | None:
    return form.needed(name, lambda text: Volume.parse(text, label, zero=zero))


def _too_much(look: Look, dose: DailyDose) -> Refusal | None:
    """SAF-01: what is never given in 24 h."""
    most, rule = look.limit("SAF-01", "daily dose"), all_rules()["SAF-01"]
    if dose.pg_per_day <= most.value * _MCG_PG:
        return None
    return Refusal("SAF-01", str(dose), f"at most {most} in 24 h", rule.source, "Look at the unit and at the decimal point.")


def _cautions(look: Look, dose: DailyDose | None, *strengths: Concentration) -> tuple[str, ...]:
    """What SAF-01 and SAF-02 ask of the numbers that go in."""
    said = []
    second = look.limit("SAF-01", "second person")
    if dose is not None and dose.pg_per_day > second.value * _MCG_PG:
        said.append(f"{dose} is more than {second} in 24 h: a second person confirms it (SAF-01).")
    stocked = [look.limit("SAF-02", name) for name in ("low strength", "middle strength", "high strength")]
    for strength in strengths:
        if strength.mcg_per_ml not in [limit.value for limit in stocked]:
            listed = ", ".join(str(limit) for limit in stocked)
            said.append(f"{strength} is none of the stocked strengths, {listed}: whoever orders it names it (SAF-02).")
    return tuple(said)


def _hours(hours: Fraction) -> str:
    """Hours, and the same in hours and minutes."""
    minutes = round(hours * 60)
    return f"{significant_text(float(hours))} h ({minutes // 60} h {minutes % 60} min)"


# What they calculate ---------------------------------------------------------------------------------------------------


def flow(form: Form, look: Look) -> Answer:
    """The flow that gives a daily dose, and the dose that the pump can really be programmed to."""
    dose, strength, sheet = _dose(form), _concentration(form, "concentration", "concentration"), _pump(form)
    if dose is None or strength is None or sheet is None:
        return None
    program = programmed(OrderContinuous(dose), strength, sheet)
    refusal = _too_much(look, dose) or (program if isinstance(program, Refusal) else check_program(program, sheet))
    if refusal is not None or isinstance(program, Refusal):
        return refusal
    got = programmed_dose(program, strength, sheet)
    flow = Fraction(got.pg_per_day, strength.mcg_per_ml * 10**6)
    values = (
        ("Flow", f"{number_text(float(flow), 6)} mL/day, {number_text(float(flow / 24), 6)} mL/h"),
        ("Ordered", str(dose)),
        ("Can be programmed", str(got)),
    )
    return Calculated(values, (f"On {sheet.title}, in flow steps of {sheet.flow_step}.",), _cautions(look, dose, strength))


def bridge(form: Form, look: Look) -> Answer:
    """The bridge after a change of concentration, and what the line would give without it."""
    old, new = _concentration(form, "from", "concentration in the line"), _concentration(form, "to", "new concentration")
    dose, dead, sheet = _dose(form), _volume(form, "dead_volume", "dead volume"), _pump(form)
    if old is not None and old == new:
        form.refuse("to", str(new), "is the concentration that is in the line already: there is nothing to bridge")
    if form.errors or old is None or new is None or dose is None or dead is None or sheet is None:
        return None
    plan = _too_much(look, dose) or plan_bridge(old, new, dose, dead, sheet)
    if isinstance(plan, Refusal):
        return plan
    percent, days = number_text(float(plan.without_percent)), significant_text(float(plan.without_hours / 24))
    values = (
        ("Bridge: flow", str(plan.flow)),
        ("Bridge: for", _hours(plan.hours)),
        ("Bridge: drug in it", str(plan.dose)),
        ("Then: flow", str(plan.then_flow)),
        (
            "Without the bridge",
            f"{number_text(float(plan.without_mcg_per_day))} mcg/day, {percent} % of the order, for {days} days",
        ),
    )
    harm = "an overdose" if plan.without_percent > 100 else "too little, and withdrawal may follow"
    notes = (f"On {sheet.title}. Without the bridge the line gives {harm}.", "The dose is the mean of 24 h of the new order.")
    return Calculated(values, notes, _cautions(look, dose, old, new))


def prime(form: Form, look: Look) -> Answer:
    """The priming bolus of a line without drug, and how much is past the tip when it ends."""
    tubing = _volume(form, "tubing", "pump tubing", zero=True)
    length = form.needed("catheter_length", lambda text: Length.parse(text, "catheter length"))
    lumen = form.needed("per_length", lambda text: VolumePerLength.parse(text, "volume per length"))
    flow = form.needed("flow", lambda text: FlowRate.parse(text, "priming flow"))
    strength = form.read("concentration", lambda text: Concentration.parse(text, "concentration"))
    sheet = _pump(form)
    if form.errors or tubing is None or length is None or lumen is None or flow is None or sheet is None:
        return None
    plan = plan_prime(tubing, length, lumen, flow, sheet)
    if isinstance(plan, Refusal):
        return plan
    values: Values = (
        ("Volume", str(plan.volume)),
        ("For", f"{number_text(float(plan.minutes))} min"),
        ("Past the tip at its end, estimate", f"{significant_text(plan.expected_spilled_fraction * plan.lumen.ml)} mL"),
        ("Past the tip at its end, at most", f"{significant_text(plan.spilled_fraction_of_lumen * plan.lumen.ml)} mL"),
    )
    if strength is not None:
        estimate, bound = plan.early_mcg(strength)
        early = f"about {significant_text(estimate)} mcg, at most {significant_text(bound)} mcg"
        values = (*values, ("Drug past the tip at its end", early))
    notes = (
        "For a line that holds no drug. The estimate is by dispersion, the bound without any diffusion; both are of the "
        f"catheter's lumen of {plan.lumen}. Real connectors and pump tubing mix more.",
    )
    return Calculated(values, notes, _cautions(look, None, *([strength] if strength is not None else [])))


def mix(form: Form, look: Look) -> Answer:
    """The concentration of a fill on top of what is left (RPC-15)."""
    left, added = _volume(form, "residual", "residual", zero=True), _volume(form, "fill", "filled volume", zero=True)
    old = _concentration(form, "residual_concentration", "concentration of the residual", zero=True)
    new = _concentration(form, "concentration", "concentration of the fill")
    if left is not None and added is not None and not left.nl + added.nl:
        form.refuse("fill", str(added), "and the residual are both nothing: there is no mixture")
    if form.errors or left is None or added is None or old is None or new is None:
        return None
    mixture = Parcel.whole(left.nl + added.nl, left.of(old).pg + added.of(new).pg)
    off = 100 * (mixture.mcg_per_ml / new.mcg_per_ml - 1)
    values = (
        ("Concentration of the mixture", f"{number_text(mixture.mcg_per_ml)} mcg/mL"),
        ("Against what is filled", f"{'+' if off > 0 else ''}{number_text(off)} %"),
        ("Volume", str(left + added)),
    )
    most = look.limit("RPC-15", "mixed")
    cautions = _cautions(look, None, new)
    if abs(off) > most.value:
        cautions = (*cautions, f"More than {most} off: rinse the reservoir, or program the mixed concentration (RPC-15).")
    notes = ("What cannot be withdrawn from a reservoir mixes as well: see the data sheet of the pump.",)
    return Calculated(values, notes, cautions)


def refill(form: Form, look: Look) -> Answer:
    """By when to refill, at the flow as programmed and at the upper bound of the pump's label (REF-01, REF-04, REF-12)."""
    volume, strength = _volume(form, "fill", "filled volume"), _concentration(form, "concentration", "concentration")
    daily, sheet = _dose(form), _pump(form)
    low = form.read("alarm", lambda text: Volume.parse(text, "low reservoir alarm", zero=True))
    stability = form.needed("stability", lambda text: Duration.parse(text, "stability"))
    buffer = form.needed("buffer", lambda text: Duration.parse(text, "buffer", zero=True))
    longest = form.read("longest", lambda text: Duration.parse(text, "longest interval"))
    filled_on = form.day("filled_on", needed=False)
    if form.errors or volume is None or strength is None or daily is None or sheet is None or stability is None or buffer is None:
        return None
    low = sheet.low_reservoir_threshold if low is None else low
    policy = RefillPolicy(stability, buffer, longest)
    nl_per_day = Fraction(daily.pg_per_day, strength.mcg_per_ml)
    refusal = _too_much(look, daily) or _check_pump(sheet, volume, nl_per_day) or check_low_reservoir(volume, low)
    dates = refill_dates(volume, low, nl_per_day, policy)
    refusal = refusal or dates.check(policy)
    if refusal:
        return refusal
    bound = Gain(Gain.EXACT + sheet.flow_accuracy_ppm)
    fast = refill_dates(volume, low, nl_per_day * bound.ppm / Gain.EXACT, policy)

    def by(days: int) -> str:
        return f"{days} days after the fill" + (f": {filled_on + timedelta(days=days)}" if filled_on else "")

    values = (
        ("Flow", f"{number_text(float(nl_per_day / 10**6), 6)} mL/day"),
        ("Alarm, at this flow", f"{number_text(float(dates.days_to_alarm))} days"),
        ("Empty, at this flow", f"{number_text(float(dates.days_to_empty))} days"),
        ("Refill by, at this flow", f"{by(dates.refill_by_day)}, bound by {dates.governed_by}"),
        ("Refill by, at the upper bound", f"{by(fast.refill_by_day)}, bound by {fast.governed_by}"),
    )
    notes = (
        f"The last line counts with the upper bound of the pump's label, {bound}: that is the date to book by (REF-12).",
        f"The alarm sounds at {low}.",
    )
    return Calculated(values, notes, _cautions(look, daily, strength))


def _check_pump(sheet: PumpSheet, fill: Volume, nl_per_day: Fraction) -> Refusal | None:
    """What a pump cannot do: run at another flow than its only one, or hold more than it holds."""
    if not sheet.programmable and nl_per_day != sheet.flow_max.nl_per_day:
        return sheet.check_programmable(f"a flow of {FlowRate(round(nl_per_day))}")
    if fill <= sheet.reservoir_capacity:
        return None
    limit, advice = f"the reservoir holds {sheet.reservoir_capacity}", "Check the volume, or the model of the pump."
    return Refusal("PMP-20", f"fill {fill}", limit, sheet.source("reservoir_capacity"), advice)


def bolus(form: Form, look: Look) -> Answer:
    """The volume and the flow of a single bolus on a pump that can give it."""
    amount = form.needed("amount", lambda text: Amount.parse(text, "bolus"))
    strength, sheet = _concentration(form, "concentration", "concentration"), _pump(form)
    over = form.needed("over", lambda text: Duration.parse(text, "duration"))
    if form.errors or amount is None or strength is None or over is None or sheet is None:
        return None
    given = bolus_for(OrderBolus(amount, over), strength)
    if isinstance(given, Refusal):
        return given
    refusal = sheet.check_programmable("a single bolus") or check_bolus_flow(given, sheet)
    if refusal:
        return refusal
    nl_per_day = Fraction(given.volume.nl * DAY_S, given.duration.s)
    values = (
        ("Volume", str(given.volume)),
        ("Flow", f"{number_text(float(nl_per_day / 24 / 10**6), 6)} mL/h, {number_text(float(nl_per_day / 10**6), 6)} mL/day"),
    )
    return Calculated(values, (f"On {sheet.title}, on top of the running dose.",), _cautions(look, None, strength))


READ_AS: tuple[tuple[str, Callable[[str], Values]], ...] = (
    ("concentration", lambda text: (("Concentration", str(Concentration.parse(text))),)),
    ("daily dose", lambda text: _daily(DailyDose.parse(text))),
    ("amount", lambda text: (("Amount", str(Amount.parse(text))),)),
    ("volume", lambda text: _volumes(Volume.parse(text))),
    ("flow", lambda text: _flows(FlowRate.parse(text))),
    ("length", lambda text: (("Length", str(Length.parse(text))),)),
    ("duration", lambda text: _durations(Duration.parse(text))),
)


def _daily(dose: DailyDose) -> Values:
    return ("A day", str(dose)), ("An hour", f"{number_text(dose.mcg_per_day / 24, 6)} mcg/h")


def _volumes(volume: Volume) -> Values:
    return ("Millilitres", str(volume)), ("Microlitres", f"{volume.nl / 1000:,.3f} \u00b5L")


def _flows(flow: FlowRate) -> Values:
    return ("A day", str(flow)), ("An hour", f"{number_text(flow.ml_per_day / 24, 6)} mL/h")


def _durations(duration: Duration) -> Values:
    units = (("days", DAY_S), ("h", 3600), ("min", 60))
    return tuple((unit, f"{number_text(duration.s / size, 4)} {unit}") for unit, size in units)


def units(form: Form, _: Look) -> Answer:
    """A quantity in the units in which it is written here. What is written in another unit is said, and never taken over."""
    kind, readers = form.chosen("kind", tuple(name for name, _ in READ_AS)), dict(READ_AS)
    values = form.needed("quantity", readers[kind]) if kind is not None else None
    return Calculated(values) if values is not None else None
