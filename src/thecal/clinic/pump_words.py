"""What papers tell of the pump in place: its flow, what lies in the line, what stops it, what is done without a programmer.

Admission sheet and passport tell it from here, each sentence with its rule or its source.
"""

import re
from collections.abc import Iterator, Mapping

from thecal.chart.line_ledger import LineLedger, fluid_text, strength
from thecal.clinic.paper import three_figures
from thecal.errors import sentence
from thecal.programmer.printout import Section, gain_words
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount, Volume
from thecal.report.words import digits_text, significant_text
from thecal.therapy.due import mean_flow
from thecal.therapy.emergency_plan import IN_MAGNET
from thecal.therapy.gain import pump_gain
from thecal.therapy.look import Look
from thecal.therapy.overdose import line_text
from thecal.therapy.restart import reading
from thecal.therapy.rules import all_rules
from thecal.therapy.service import pump_in_place

NO_SOURCE = "No source on file says what they do to this pump: ask the clinic or the maker's line before any of them."
LINE_UNKNOWN = "how much drug the line still holds is not known"
PROCEDURES = "Radiotherapy, electroconvulsive therapy, diathermy"
_ASK_FIRST = "that the clinician is called before any procedure: Medtronic UK, cautions on medical procedures"
_RULE = re.compile(r"(?<=^[A-Z]{3}-[0-9]{2}): .*")
_ACCESS: Mapping[str | None, str] = {
    "yes": "an access port is on record",
    "no": "no access port is on record: only the reservoir can be emptied",
}


def flow_words(look: Look, *, short: bool = False) -> str | None:
    """The mean of a day, with the band of the true flow: by the label, or by the residuals of this pump.

    ``short`` leaves out how many residuals tell of a band that is still the label's. A pump that gives nothing has no band.
    """
    sheet = look.sheet
    if sheet is None or pump_in_place(look.known) is None:
        return None
    told = gain_words(pump_gain(look.chart, sheet))
    band = f"; true flow against it: {told.partition(';')[0] if short else told}"
    if not sheet.programmable:
        return f"{sheet.flow_max}{band}"
    report = reading(look)
    if report is None:
        return None
    nl, per = mean_flow(report, sheet, patient=False)
    return f"{digits_text(nl / per / 10**6)} mL/day{band if nl else ''}"


# The line --------------------------------------------------------------------------------------------------------------


def line_words(ledger: LineLedger) -> str:
    """What lies in the line, as ``LineLedger.in_words`` says it, but each number to three figures, as of any real catheter."""
    parcels = ledger.line.parcels
    fluids = ", then ".join(f"{three_figures(Volume(parcel.volume_nl))} of {fluid_text(parcel)}" for parcel in parcels)
    return f"from the tip: {fluids}; {_amount_words(ledger)}"


def line_words_within(ledger: LineLedger, longest: int) -> str:
    """The same where it is no longer than so many letters; else how much it is of how many fluids, and the strongest of them."""
    whole, parcels = line_words(ledger), ledger.line.parcels
    if len(whole) <= longest:
        return whole
    known = [found for found in (strength(parcel) for parcel in parcels) if found is not None]
    strongest = f", the strongest that is known {max(known)}" if known else ""
    return f"{three_figures(Volume(ledger.line.volume_nl))} of {len(parcels)} fluids{strongest}; {_amount_words(ledger)}"


def _amount_words(ledger: LineLedger) -> str:
    amount = Amount(ledger.line.amount_pg)
    return f"{significant_text(amount.mcg)} mcg in all" if amount.pg else "no drug known"


def held_words(look: Look, line_known: bool) -> str:
    """What an emptied reservoir still leaves to deliver; no figure where nobody knows the volume of the catheter."""
    return line_text(look) if line_known else LINE_UNKNOWN


# What is done, and what is not -----------------------------------------------------------------------------------------


def without_programmer(port: str | None, held: str) -> Section:
    """What is done where nobody has a programmer.

    ``port`` is yes, no or anything else where nobody wrote it down; ``held`` what the line still holds, in words.
    """
    access = _ACCESS.get(port, "whether there is an access port is not recorded")
    rows = (
        ("too much", f"Empty the reservoir and aspirate the catheter access port; {access}; {held} (OVD-02)."),
        (
            "too little",
            "Have a programmer brought, and cover until then: drugs by mouth alone are never relied on, a monitored bolus by "
            "lumbar puncture or a temporary intrathecal catheter is the definitive cover (WDL-08).",
        ),
        ("never", "Inject nothing into a port of the pump: a refill into the catheter access port has killed (RPC-16)."),
    )
    return Section("Without a programmer", ("", ""), rows)


def stopping(sheet: PumpSheet | None) -> Section:
    """What can stop a pump, or harm it, a sentence each, with the source."""
    rows = tuple((what, f"{told} [{source}]") for what, told, source in _stopping(sheet))
    return Section("What can stop it, or harm it", ("", ""), rows)


def stopping_short(sheet: PumpSheet) -> dict[str, str]:
    """The same by what stops it; a source that is a rule's is named by the id of the rule."""
    return {what: f"{told} [{_RULE.sub('', source)}]" for what, told, source in _stopping(sheet)}


def _stopping(sheet: PumpSheet | None) -> Iterator[tuple[str, str, str]]:
    if sheet is None:
        yield "MRI", "Which pump it is, is not recorded: no scan before the clinic has answered.", _rule("MRI-01")
    else:
        inside = IN_MAGNET[sheet.magnet]
        yield "MRI", f"{sentence(inside)}; ask the clinic before any scan.", sheet.datum("magnet").source
    if sheet is None or sheet.emi_during_alarm == "telemetry mode":
        told = "Strong fields while an alarm sounds can leave it infusing nothing until it is interrogated."
        yield "Interference", told, _rule("MRI-03")
    told = (
        "Tell the anesthetist beforehand: general anesthetics have disturbed the heart and brought seizures; it is not stopped."
    )
    yield "Operation", told, _rule("INT-11")
    if sheet is None or sheet.programmable:
        told = "Two tones in turn mean that the drug may no longer flow: interrogate at once, it is an emergency."
        yield "Alarm", told, _rule("DEV-03")
    yield PROCEDURES, NO_SOURCE, _ASK_FIRST


def _rule(rule: str) -> str:
    return f"{rule}: {all_rules()[rule].source}"
