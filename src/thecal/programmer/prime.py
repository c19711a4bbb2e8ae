"""The prime, planned from what lies in the line: what holds no drug is filled with it, and nothing else (IMP-09)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from thecal.catheter.dispersion import SPILLED_FRACTION_BOUND
from thecal.catheter.transport import transport
from thecal.chart.line_ledger import DRUG_FREE, LineLedger, strength
from thecal.errors import Refusal
from thecal.fluid import Parcel, amount_of, volume_of
from thecal.pump.program import PrimingBolus, ceiled_flow, check_bolus_flow, check_flow
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount, Concentration, FlowRate, Volume
from thecal.therapy.settings import setting_source, settings_of
from thecal.timeline import DAY_S, Block, Duration, Instant, Interval, Pattern
from thecal.unit import decimal_text

Part = Literal["tubing and catheter", "catheter only", "tubing only", "the remainder"]
_RULE = "IMP-09: every prime starts from what lies in tubing and catheter"
_NO_PLUG = "a priming bolus is no plug: drug comes early, and diluted after it (field notice, mdd.gov.hk 2013)"
_ESTIMATE = "early dose: dispersion on the way through the catheter (Taylor, Aris); without any diffusion a quarter of the lumen"


def observation_after_prime() -> Duration:
    """How long to watch a patient after a prime."""
    return Duration.parse(settings_of("programmer")["observation_after_prime"].value, "observation_after_prime")


@dataclass(frozen=True, slots=True)
class LinePrime:
    """A priming bolus for what the line holds: ``part`` of it, ``volume`` at ``flow``, beginning at ``begins``.

    ``early`` is the drug past the tip when it ends, by dispersion, ``early_bound`` the most that could be, without any diffusion;
    ``pushed`` is what of it lay there before and goes into the patient as a plug. ``front`` is how far from the tip the drug is
    now, ``front_s`` after how many seconds it gets there.
    """

    part: Part
    volume: Volume
    flow: FlowRate
    bolus: PrimingBolus
    begins: Instant
    early: Amount
    early_bound: Amount
    pushed: Amount
    front: Volume
    front_s: int
    observe: Duration
    cautions: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def minutes(self) -> Fraction:
        """What the volume takes at the flow, exactly; the bolus lasts the whole seconds by which it has flowed."""
        return Fraction(1440 * self.volume.nl, self.flow.nl_per_day)

    @property
    def duration(self) -> Duration:
        return self.bolus.duration

    @property
    def reaches_tip(self) -> Instant:
        return Instant(self.begins.s + self.front_s)

    @property
    def ends(self) -> Instant:
        return self.begins + self.duration

    @property
    def observe_until(self) -> Instant:
        return self.ends + self.observe

    def in_words(self) -> str:
        """The plan in a line: what is filled, how, and what of it is early."""
        minutes = decimal_text(self.duration.s, 60, 1)
        early = f"past the tip by then about {_mcg(self.early)}, at most {_mcg(self.early_bound)}"
        return f"prime {self.part}, {self.volume} at {self.flow} over {minutes} min; {early}; observe for {self.observe} after it"


def prime_from(ledger: LineLedger, sheet: PumpSheet, flow: FlowRate | None = None) -> LinePrime | Refusal:
    """The priming bolus for what the line holds, at a flow or at the fastest that the pump's shortest bolus leaves.

    Refused where something in it or in the reservoir is not known, or nothing lacks drug (IMP-09); over drug of another strength
    (PLN-06); outside the pump's flows and durations (PMP-01, PMP-02, PMP-13).
    """
    refusal = sheet.check_programmable("a priming bolus")
    if refusal:
        return refusal
    new = ledger.reservoir
    if new is None or not ledger.known:
        return _unknown(ledger)
    if any(strength(parcel) not in (None, new) for parcel in ledger.line.parcels):
        return _other_strength(ledger, new)
    volume_nl = _to_prime(ledger)
    if not volume_nl:
        return _nothing(ledger)
    flow, bolus = _bolus(Volume(volume_nl), flow, sheet)
    refusal = check_bolus_flow(bolus, sheet) or check_flow(ceiled_flow(volume_nl, bolus.duration.s), sheet)
    if refusal:
        return replace(refusal, advice=f"Prime {bolus.volume} at another flow; a rest too small for any is left to the program.")
    return _planned(ledger, new, flow, bolus, sheet)


def _bolus(volume: Volume, flow: FlowRate | None, sheet: PumpSheet) -> tuple[FlowRate, PrimingBolus]:
    """The bolus to the first whole second by which its volume has flowed; by itself no shorter than the pump gives one."""
    asked = flow or min(sheet.flow_max, FlowRate(-(-volume.nl * DAY_S // sheet.bolus_duration_min.s)))
    return asked, PrimingBolus(volume, Duration(-(-volume.nl * DAY_S // asked.nl_per_day)))


def _planned(ledger: LineLedger, new: Concentration, flow: FlowRate, bolus: PrimingBolus, sheet: PumpSheet) -> LinePrime:
    volume, seconds = bolus.volume, bolus.duration.s
    drug = Parcel.whole(volume.nl, volume.of(new).pg)
    pushed = ledger.line.pushed((drug,))
    pushed_pg = amount_of(pushed.out)
    pattern = Pattern.of([(seconds, volume.nl * DAY_S)], DAY_S * seconds)
    block = Block(Interval(ledger.as_of, ledger.as_of + bolus.duration), pattern, 0, 0, (drug,))
    early_pg = sum(part.amount_pg for part in transport(ledger.line, block).tip)
    bound_pg = pushed_pg + sum(_spilled_pg(front_nl, ledger, new) for front_nl in _fronts(ledger) if front_nl <= volume.nl)
    front_nl = volume_of(_leading(ledger.line.parcels))
    gap = Volume(volume_of(parcel for parcel in pushed.line.parcels if parcel.content in DRUG_FREE))
    return LinePrime(
        part=_part(ledger, volume),
        volume=volume,
        flow=flow,
        bolus=bolus,
        begins=ledger.as_of,
        early=Amount(early_pg),
        early_bound=Amount(min(bound_pg, volume.of(new).pg)),
        pushed=Amount(pushed_pg),
        front=Volume(front_nl),
        front_s=-(-front_nl * seconds // volume.nl),
        observe=observation_after_prime(),
        cautions=(*_cautions(Amount(pushed_pg), gap), *ledger.cautions),
        sources=(
            _RULE,
            _NO_PLUG,
            _ESTIMATE,
            setting_source("programmer", "observation_after_prime"),
            sheet.source("flow_max"),
            sheet.source("tubing_volume"),
        ),
    )


def _leading(parcels: tuple[Parcel, ...]) -> tuple[Parcel, ...]:
    """The fluids without drug that lie nearest the tip."""
    first = next((number for number, parcel in enumerate(parcels) if parcel.content not in DRUG_FREE), len(parcels))
    return parcels[:first]


def _to_prime(ledger: LineLedger) -> int:
    """The nanolitres after which the tubing holds drug alone, and drug is at the tip.

    It does not matter how much of it has been given already: what is left is always the whole less that.
    """
    at_nl = clears_tubing_nl = 0
    runs: list[tuple[int, int]] = []  # where fluid without drug begins and ends, from the tip
    for parcel in ledger.line.parcels:
        begins_nl, at_nl = at_nl, at_nl + parcel.volume_nl
        if parcel.content not in DRUG_FREE:
            continue
        if runs and runs[-1][1] == begins_nl:
            begins_nl = runs.pop()[0]
        runs.append((begins_nl, at_nl))
        clears_tubing_nl = max(at_nl - ledger.catheter_volume.nl, 0)
    return next((end for begin, end in runs if begin <= clears_tubing_nl < end), clears_tubing_nl)


def _fronts(ledger: LineLedger) -> Iterator[int]:
    """How far from the tip drug lies behind fluid without drug, in nanolitres; the last such front may still be in the pump."""
    at_nl, before = 0, False
    for parcel in ledger.line.parcels:
        free = parcel.content in DRUG_FREE
        if before and not free:
            yield at_nl
        at_nl, before = at_nl + parcel.volume_nl, free
    if before:
        yield at_nl


def _spilled_pg(front_nl: int, ledger: LineLedger, new: Concentration) -> int:
    """The bound without diffusion of a front that travels to the tip, rounded up: through the tubing it is taken as a plug."""
    travels_nl = min(front_nl, ledger.catheter_volume.nl)
    spilled = Fraction(SPILLED_FRACTION_BOUND) * travels_nl * new.mcg_per_ml
    return -(-spilled.numerator // spilled.denominator)


def _part(ledger: LineLedger, volume: Volume) -> Part:
    leading = Volume(volume_of(_leading(ledger.line.parcels)))
    if volume.nl == ledger.line.volume_nl:
        return "tubing and catheter"
    if volume == leading == ledger.catheter_volume:
        return "catheter only"
    if volume == ledger.tubing_volume and ledger.line.parcels[-1].content in DRUG_FREE:
        return "tubing only"
    return "the remainder"


def _cautions(pushed: Amount, gap: Volume) -> Iterator[str]:
    if pushed.pg:
        yield f"{_mcg(pushed)} that lie in the catheter are pushed into the patient: prime a new pump before it is connected."
    if gap.nl:
        yield f"{gap} without drug stay in the catheter: while they pass the tip the patient gets none."


def _mcg(amount: Amount) -> str:
    return f"{decimal_text(amount.pg, 10**6, 2)} mcg"


def _unknown(ledger: LineLedger) -> Refusal:
    pushes = ledger.reservoir or "a fluid that the pump was never told"
    return Refusal(
        "IMP-09",
        f"a prime with {pushes} of a line that holds, {ledger.in_words()}",
        "what lies in the line and what comes behind it is known",
        _RULE,
        "Do not prime: start with the patient monitored, or aspirate the catheter through the access port and interrogate first.",
    )


def _nothing(ledger: LineLedger) -> Refusal:
    return Refusal(
        "IMP-09",
        f"a prime of a line that holds, {ledger.in_words()}",
        "there is nothing to prime: drug lies in the tubing and at the tip already, as after any refill with the same drug",
        _RULE,
        "Prime nothing.",
    )


def _other_strength(ledger: LineLedger, new: Concentration) -> Refusal:
    """Bridge first; but where the catheter was aspirated and old drug lies in the tubing, out of the needle's reach, none runs.

    Behind as much fluid without drug it can be brought into the catheter, and nothing of it into the patient.
    """
    advice = "Bridge the old concentration out first; where no bridge runs, aspirate the line through the access port."
    leading = Volume(volume_of(_leading(ledger.line.parcels)))
    if leading >= max(ledger.catheter_volume, ledger.tubing_volume):
        advice = (
            "The needle does not reach the old concentration in the tubing: bring it into the empty catheter with a priming "
            f"bolus of {ledger.tubing_volume}, aspirate again, and plan the prime anew."
        )
    return Refusal(
        "PLN-06",
        f"a prime with {new} of a line that holds, {ledger.in_words()}",
        f"no drug of another strength than {new} in the line: it would go into the patient at once",
        _RULE,
        advice,
    )
