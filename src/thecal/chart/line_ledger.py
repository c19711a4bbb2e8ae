"""The line ledger as people know it: what lies in pump tubing and catheter by the facts of a chart, and by nothing else.

What the pump counts as pumped went into the line as a plug, fluid behind fluid. Between two reports the difference of their
counts is exact; where something was done that no report dates, the flow until then is reckoned from what the pump runs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from thecal.catheter.geometry import Geometry
from thecal.catheter.line import Line
from thecal.catheter.port import aspirate, inject
from thecal.chart.chart import Chart
from thecal.chart.facts import (
    Explanted,
    Fact,
    Filled,
    Implanted,
    Interrogated,
    PortUsed,
    PumpReplaced,
    Revised,
    SessionEnded,
)
from thecal.errors import Refusal
from thecal.fluid import Content, Parcel, take_front, volume_of
from thecal.pump.messages import Report
from thecal.pump.program import SafeState, program_pattern
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, Volume
from thecal.timeline import Instant

DRUG_FREE: frozenset[Content] = frozenset({"sterile water", "CSF", "air"})
"""The fluids of which people know that no drug is in them."""

_IN_WORDS: dict[Content, str] = {"other drug": "another drug", "unknown": "an unknown fluid"}
_STALLED = "The motor stalled: what the pump counted meanwhile has not flowed."
_EMPTY = "The reservoir was empty by the count: what the pump counted after that has not flowed."
_SPENT = "The pump counted more than was filled by the record: what it counted after that may not have flowed."
_LOST = "The pump lost its settings and ran in its safe state: what it counts is to be compared with the residual."
_NOT_DATED = "The pump was not read when {}: what had flowed until then is reckoned from its program."
_NO_ELECTRONICS = "A pump without electronics reports nothing: what lies in the line is not known."


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sentence on where the ledger may be wrong, until the whole line was pushed through; ``since`` counts what was pumped."""

    text: str
    since: Volume


@dataclass(frozen=True, slots=True)
class LineLedger:
    """What lies in the line, as believed at ``as_of``: a plug of whole fluids, the one nearest the tip first.

    The line has the bore of its ``geometry``, for estimates; both are None where nobody wrote down the catheter.
    ``reservoir`` is what flows in now, None where nobody knows; it is the latest that was said, by a fill or by what the pump
    was newly told. ``filled`` is the last fill of this pump, ``empty_at`` the count at which it is used up. ``pumped`` is the
    pump's count so far, ``report`` the last that it said.
    """

    as_of: Instant
    pump: str
    line: Line
    geometry: Geometry | None
    reservoir: Concentration | None = None
    pumped: Volume = Volume(0)
    filled: Concentration | None = None
    empty_at: Volume = Volume(0)
    report: Report | None = None
    doubts: tuple[Doubt, ...] = ()

    @property
    def cautions(self) -> tuple[str, ...]:
        """Where belief may be wrong, since the whole line was last replaced or pushed through."""
        told = self.report.concentration if self.report else None
        said = [] if pump_sheet(self.pump).programmable else [_NO_ELECTRONICS]
        if told and self.filled and told != self.filled:
            said.append(f"The pump was told {told}, and {self.filled} was filled.")
        return (*said, *(doubt.text for doubt in self.doubts))

    @property
    def catheter_volume(self) -> Volume:
        """The catheter without the tubing; all of the line where nobody wrote down the catheter."""
        return Volume(self.line.bore.lumen_nl if self.line.bore else self.line.volume_nl)

    @property
    def tubing_volume(self) -> Volume:
        return Volume(self.line.volume_nl) - self.catheter_volume

    @property
    def known(self) -> bool:
        """Whether it is known of every fluid which drug and how much of it it holds."""
        return not any(parcel.content not in DRUG_FREE and strength(parcel) is None for parcel in self.line.parcels)

    def in_words(self) -> str:
        """The fluids from the tip to the pump, and the drug in all of them."""
        fluids = ", then ".join(f"{Volume(parcel.volume_nl)} of {fluid_text(parcel)}" for parcel in self.line.parcels)
        amount = Amount(self.line.amount_pg)
        return f"from the tip: {fluids}; {f'{amount} in all' if amount.pg else 'no drug known'}"

    def with_fill(self, concentration: Concentration) -> "LineLedger":
        """The ledger after a fill whose concentration is known: this flows in from now on."""
        return replace(self, reservoir=concentration, filled=concentration)


def strength(parcel: Parcel) -> Concentration | None:
    """The concentration of a believed fluid; None of one without drug, or with what nobody knows."""
    if parcel.content != "drug" or not parcel.of_pg:
        return None
    return Concentration(parcel.of_pg // parcel.of_nl)


def fluid_text(parcel: Parcel) -> str:
    """A believed fluid in words."""
    return str(strength(parcel) or _IN_WORDS.get(parcel.content, parcel.content))


def line_ledger(chart: Chart) -> LineLedger | None:
    """What lies in the line after all facts of a chart; None without a pump."""
    ledger: LineLedger | None = None
    for number, fact in enumerate(chart.facts):
        ledger = _after(ledger, fact, chart.facts, number)
    return ledger


def advanced(ledger: LineLedger, report: Report) -> LineLedger:
    """The ledger at a fresh report of its pump: what was pumped since the last one lies behind all that lay there."""
    before = ledger.report
    ledger = _pushed(ledger, max(report.pumped.nl - ledger.pumped.nl, 0))
    told = report.concentration
    newly = told is not None and (before is None or told != before.concentration)
    ledger = _doubted(replace(ledger, pumped=report.pumped), *_told_by(report, ledger))
    return replace(ledger, as_of=report.at, reservoir=told if newly else ledger.reservoir, report=report)


def _told_by(report: Report, ledger: LineLedger) -> Iterable[str]:
    """What a report shows of why the count may not have flowed: it lasts, or it ended since the last report."""
    new = report.logged - (ledger.report.logged if ledger.report else 0)
    events = report.log[-new:] if new else ()
    alarms = {*report.alarms, *(event.kind.removesuffix(" ended").removesuffix(" alarm") for event in events)}
    if "motor stall" in alarms:
        yield _STALLED
    if report.calculated == Volume(0) or "empty reservoir" in alarms:
        yield _EMPTY
    if isinstance(report.program, SafeState) or alarms & {"low battery reset", "critical memory error"}:
        yield _LOST


def _after(ledger: LineLedger | None, fact: Fact, facts: Sequence[Fact], number: int) -> LineLedger | None:
    match fact:
        case Implanted():
            return _implanted(fact)
        case Explanted():
            return None
    if ledger is None:
        return None
    match fact:
        case SessionEnded(report=report) | Interrogated(report=report):
            return advanced(ledger, report)
        case Filled():
            return _filled(_until(ledger, fact, facts, number), fact)
        case PortUsed():
            return _port_used(_until(ledger, fact, facts, number), fact)
        case Revised():
            return _revised(_until(ledger, fact, facts, number), fact)
        case PumpReplaced():
            return _replaced(_until(ledger, fact, facts, number), fact)
        case _:
            return ledger


def _pushed(ledger: LineLedger, volume_nl: int) -> LineLedger:
    """The ledger after the reservoir's fluid came in; what was doubted is certain once all of it has gone out."""
    parcel = _fluid(volume_nl, ledger.reservoir)
    line = ledger.line.pushed((parcel,)).line if volume_nl else ledger.line
    pumped = Volume(ledger.pumped.nl + volume_nl)
    doubts = tuple(doubt for doubt in ledger.doubts if pumped.nl - doubt.since.nl < line.volume_nl)
    after = replace(ledger, line=line.with_parcels(_merged(line.parcels)), pumped=pumped, doubts=doubts)
    return _doubted(after, _SPENT) if volume_nl and pumped > ledger.empty_at else after


def _doubted(ledger: LineLedger, *texts: str) -> LineLedger:
    """The ledger with something doubted from now on, until the whole line is pushed through."""
    before = tuple(doubt for doubt in ledger.doubts if doubt.text not in texts)
    return replace(ledger, doubts=(*before, *(Doubt(text, ledger.pumped) for text in texts)))


def _fluid(volume_nl: int, concentration: Concentration | None) -> Parcel:
    if concentration is None:
        return Parcel.whole(volume_nl, 0, "unknown")
    return Parcel.whole(volume_nl, Volume(volume_nl).of(concentration).pg)


def _merged(parcels: Iterable[Parcel]) -> tuple[Parcel, ...]:
    """The fluids, with neighbors that are the same fluid made one; each is whole."""
    merged: list[Parcel] = []
    for parcel in parcels:
        volume_nl, amount_pg = parcel.volume_nl, parcel.amount_pg
        if not volume_nl:
            continue
        if merged and (merged[-1].content, strength(merged[-1])) == (parcel.content, strength(parcel)):
            last = merged.pop()
            volume_nl, amount_pg = last.volume_nl + volume_nl, last.amount_pg + amount_pg
        merged.append(Parcel.whole(volume_nl, amount_pg, parcel.content))
    return tuple(merged)


# What is done to pump and catheter -------------------------------------------------------------------------------------

_Done = Filled | PortUsed | Revised | PumpReplaced
_WHEN: dict[type, str] = {
    Filled: "it was filled",
    PortUsed: "the access port was used",
    Revised: "the catheter was revised",
    PumpReplaced: "it was taken out",
}


def _until(ledger: LineLedger, fact: _Done, facts: Sequence[Fact], number: int) -> LineLedger:
    """The ledger up to the second in which something was done: by a report of that second, or reckoned.

    A report that follows in the same second counts as well: what flowed until then was the fluid of before.
    """
    if not pump_sheet(ledger.pump).programmable:
        return replace(ledger, as_of=fact.at)
    read = _read_in(fact.at, facts, number)
    if read is not None:
        return replace(_pushed(ledger, max(read.pumped.nl - ledger.pumped.nl, 0)), as_of=fact.at)
    reckoned_nl = _reckoned_nl(ledger, fact.at)
    after = replace(_pushed(ledger, reckoned_nl), as_of=fact.at)
    flows_in = _fluid(1, ledger.reservoir)
    alike = all((parcel.content, strength(parcel)) == (flows_in.content, strength(flows_in)) for parcel in ledger.line.parcels)
    if not reckoned_nl or (fact.concentration == ledger.reservoir if isinstance(fact, Filled) else alike):
        return after
    return _doubted(after, _NOT_DATED.format(_WHEN[type(fact)]))


def _read_in(at: Instant, facts: Sequence[Fact], number: int) -> Report | None:
    """What the same pump said later in the same second."""
    for n in range(number, len(facts)):
        later = facts[n]
        if later.at > at or isinstance(later, PumpReplaced | Implanted | Explanted):
            return None
        if isinstance(later, SessionEnded | Interrogated):
            return later.report
    return None


def _reckoned_nl(ledger: LineLedger, at: Instant) -> int:
    """What the pump has counted since it was believed to have pumped ``pumped``: the bolus that ran, then the program.

    What a patient asked for since, and a clock that drifts, nobody knows before the next report.
    """
    report, sheet = ledger.report, pump_sheet(ledger.pump)
    if report is None or report.mode == "telemetry mode" or (report.mode == "updating" and sheet.stops_while_updating):
        return 0
    seconds = at.s - report.at.s
    bolus_s = report.bolus_ends.s - report.at.s if report.bolus_ends else 0
    given_nl = report.bolus_left.nl * min(bolus_s, seconds) // bolus_s if bolus_s else report.bolus_left.nl
    instead = report.mode in ("priming bolus", "bridge bolus") or sheet.basal_during_bolus == "suspended"
    skipped_s = min(bolus_s, seconds) if instead else 0
    pattern = program_pattern(report.program, sheet)
    phase = (report.clock_reading_s + skipped_s) % pattern.period_s
    basal_nl = pattern.numerator(phase, seconds - skipped_s) // pattern.per
    return max(report.pumped.nl + given_nl + basal_nl - ledger.pumped.nl, 0)


def _implanted(fact: Implanted) -> LineLedger:
    """A line as it was filled at operation; unknown where nobody wrote it down, or where no report will ever tell."""
    line = _unknown(fact.dead_volume)
    if fact.geometry and pump_sheet(fact.pump).programmable:
        catheter = _held(fact.geometry.catheter_volume, fact.holds)
        line = Line(_merged((catheter, _tubing(fact.geometry.tubing_volume, fact.primed))), fact.geometry.bore)
    return LineLedger(fact.at, fact.pump, line, fact.geometry)


def _unknown(volume: Volume) -> Line:
    return Line((_held(volume, "unknown"),))


def _held(volume: Volume, content: Content) -> Parcel:
    """A catheter full of something; a drug of which nobody says how strong it is, is unknown."""
    return Parcel.whole(volume.nl, 0, content if content in DRUG_FREE else "unknown")


def _tubing(volume: Volume, primed: Concentration | None) -> Parcel:
    return _fluid(volume.nl, primed) if primed else _held(volume, "sterile water")


def _filled(ledger: LineLedger, fact: Filled) -> LineLedger:
    return replace(ledger.with_fill(fact.concentration), empty_at=ledger.pumped + fact.volume)


def _port_used(ledger: LineLedger, fact: PortUsed) -> LineLedger:
    """The catheter after a needle in its port; where nobody knows what is catheter, all is unknown from then on."""
    if ledger.geometry is None or ledger.line.bore is None:
        return replace(ledger, line=_unknown(Volume(ledger.line.volume_nl)))
    pg = fact.volume.of(fact.concentration).pg if fact.concentration else 0
    injected = Parcel.whole(fact.volume.nl, pg, "drug" if pg else "sterile water")
    used = aspirate(ledger.line, fact.volume) if fact.what == "aspirate" else inject(ledger.line, injected)
    assert not isinstance(used, Refusal)  # as people know it, the catheter is whole and open
    return replace(ledger, line=used.line.with_parcels(_merged(used.line.parcels)))


def _parts(ledger: LineLedger) -> tuple[tuple[Parcel, ...], tuple[Parcel, ...]] | None:
    """(what lies in the catheter, what lies in the tubing), where somebody knows which is which."""
    if ledger.geometry is None or ledger.line.bore is None:
        return None
    return take_front(ledger.line.parcels, ledger.line.bore.lumen_nl)


def _revised(ledger: LineLedger, fact: Revised) -> LineLedger:
    """Another catheter, full of what it was filled with, on the tubing that stays; what was doubted of that is still doubted."""
    geometry, programmable = fact.geometry, pump_sheet(ledger.pump).programmable
    if geometry is None or not programmable:
        return replace(ledger, line=_unknown(fact.dead_volume), geometry=geometry)
    parts = _parts(ledger)
    tubing = parts[1] if parts else (_held(geometry.tubing_volume, "unknown"),)
    catheter = _held(geometry.catheter_volume, fact.holds)
    return replace(ledger, line=Line(_merged((catheter, *tubing)), geometry.bore), geometry=geometry)


def _replaced(ledger: LineLedger, fact: PumpReplaced) -> LineLedger:
    """Another pump, whose count begins at zero, and its tubing; the catheter keeps what lies in it, and what is doubted of it."""
    doubts = tuple(Doubt(doubt.text, Volume(0)) for doubt in ledger.doubts)
    new = LineLedger(fact.at, fact.pump, _unknown(fact.dead_volume), ledger.geometry, doubts=doubts)
    if ledger.geometry is None or not pump_sheet(fact.pump).programmable:
        return new
    parts = _parts(ledger)
    catheter = parts[0] if parts else (_held(ledger.geometry.catheter_volume, "unknown"),)
    tubing_volume = fact.dead_volume - Volume(volume_of(catheter))
    geometry = replace(ledger.geometry, tubing_volume=tubing_volume)
    line = Line(_merged((*catheter, _tubing(tubing_volume, fact.primed))), geometry.bore)
    return replace(new, line=line, geometry=geometry)
