"""First actions: what is done first where a withdrawal, an overdose or either is suspected, in order, and what is looked at."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from thecal.therapy.clinic import Clinic
from thecal.therapy.look import Look
from thecal.therapy.overdose import line_text
from thecal.therapy.restart import dose_before
from thecal.therapy.rules import all_rules
from thecal.therapy.signs import Suspicion, has_pump

_CONTRAINDICATED = "lumbar puncture contraindicated"
_DEVICE = (
    "Interrogate: program, alarms, log, what is calculated.",
    "Empty the reservoir by syringe and compare with what was expected.",
    "X-ray of the whole system.",
    "Refill with the right concentration.",
    "Study of the catheter.",
    "Surgical repair where it is at fault.",
)


@dataclass(frozen=True, slots=True)
class ByRule:
    """A sentence and the rule that it rests on."""

    rule: str
    text: str

    @property
    def confidence(self) -> str:
        """How sure that rule is."""
        return all_rules()[self.rule].confidence


def in_order(
    suspicion: Suspicion, emergency: bool, conditions: Collection[str], clinic: Clinic, look: Look | None, mild: bool = False
) -> Iterator[ByRule]:
    """What to do, the first thing first; ``mild`` says that all that speaks for an overdose is a side effect of grade 1."""
    match suspicion:
        case "overdose" if mild:
            yield _call(clinic)
            yield ByRule("OVD-01", "Look at breathing, wakefulness and tone now and again; compare the program with the order.")
            yield ByRule("OVD-02", f"As soon as anything graver shows: stop the pump, then empty the reservoir; {_line(look)}.")
        case "overdose":
            yield from of_overdose(conditions, clinic, look)
            yield _call(clinic)
        case "withdrawal":
            yield from of_withdrawal(emergency, clinic, look)
        case "either":
            yield _call(clinic)
            yield ByRule("WDL-09", "Monitored setting: airway, breathing, circulation.")
            yield ByRule("OVD-07", "Examine the tone now: limp or normal argues for overdose, raised for withdrawal.")
            yield ByRule("OVD-02", f"If it is an overdose: stop the pump first, then empty the reservoir; {_line(look)}.")
            yield ByRule("WDL-07", f"If it is a withdrawal: intrathecal baclofen at or near {_dose(look)} as soon as possible.")
        case "device":
            yield _call(clinic)
            yield ByRule("WDL-10", _DEVICE[0])
        case "none of these":
            return


def of_withdrawal(emergency: bool, clinic: Clinic, look: Look | None) -> Iterator[ByRule]:
    """What is done first in a withdrawal."""
    yield _call(clinic)
    if emergency:
        yield ByRule("WDL-09", "Monitored setting: airway, breathing, circulation; consider seizure prevention.")
    yield ByRule("WDL-07", f"Restore intrathecal baclofen at or near {_dose(look)} as soon as possible.")
    yield ByRule("WDL-08", "Cover until then by the cover plan; never rely on drugs by mouth alone.")
    yield ByRule("WDL-10", "Look at the device in parallel.")


def of_overdose(conditions: Collection[str], clinic: Clinic, look: Look | None) -> Iterator[ByRule]:
    """What is done first in an overdose: the pump is stopped before anything is taken out of it."""
    if look is None or look.sheet is None or look.sheet.programmable:
        yield ByRule("OVD-02", "Stop the pump first.")
        yield ByRule("OVD-02", f"Then empty the reservoir; {_line(look)}.")
    yield ByRule("OVD-02", "Without a programmer: empty the reservoir and aspirate the catheter access port.")
    yield ByRule("OVD-03", "Airway at the same time; intubate where breathing is depressed, until the drug is eliminated; ICU.")
    low, high = clinic.limit("OVD-04", "from"), clinic.limit("OVD-04", "to")
    volume = f"{low.number} to {high} of spinal fluid"
    if _CONTRAINDICATED in conditions:
        yield ByRule(
            "OVD-04", f"No lumbar puncture: contraindicated. {volume} only by the catheter access port, where there is one."
        )
    else:
        where = "by lumbar puncture once an X-ray shows where the catheter enters, or by the access port"
        yield ByRule("OVD-04", f"Consider withdrawing {volume}, {where}.")
    if clinic.on("OVD-05"):
        yield ByRule("OVD-05", physostigmine(clinic, look))
    yield ByRule("OVD-06", "Then watch for withdrawal: the drug was removed. Restart only after recovery, reduced, monitored.")


def physostigmine(clinic: Clinic, look: Look | None) -> str:
    """OVD-05: the doses of older labels with their warnings; by age and weight where they are known."""
    number = {name: clinic.limit("OVD-05", name) for name in all_rules()["OVD-05"].limits}
    adult = f"adult {number['adult']} intramuscular or intravenous at up to {number['adult rate']}, may be repeated"
    weight = look.known.measure("body weight") if look is not None else None
    most = number["child most"]
    own = f", here {min(number['child'].value * weight.value, most.value):.2g} mg" if weight is not None else ""
    child = (
        f"child {number['child']}{own}, at up to {number['child rate']}, again after {number['child from'].number} to "
        f"{number['child to']}, at most {most} in all"
    )
    age = look.age_years if look is not None else None
    doses = f"{adult}; {child}" if age is None else child if age < clinic.limit("TIT-05", "adult").value else adult
    warning = "may cause seizures and a slow heart; reported as not always effective or safe; newer labels name no antidote"
    return f"Physostigmine by older labels: {doses}. It {warning}."


def work_up(suspicion: Suspicion) -> Iterator[ByRule]:
    """What is ordered and looked at."""
    if suspicion in ("withdrawal", "either"):
        yield ByRule("WDL-06", "Creatine kinase, electrolytes, liver function, blood count, coagulation.")
    if suspicion != "none of these":
        yield from (ByRule("WDL-10", text) for text in _DEVICE)


def _call(clinic: Clinic) -> ByRule:
    line = " The maker's line answers day and night: 800-707-0933 (WDL-12)." if clinic.jurisdiction == "US" else ""
    return ByRule("WDL-02", f"Call a physician who knows intrathecal baclofen now, within minutes.{line}")


def _line(look: Look | None) -> str:
    return line_text(look) if look is not None else "the line still holds drug: its volume times the concentration"


def _dose(look: Look | None) -> str:
    before = dose_before(look) if look is not None and has_pump(look) else None
    return f"the dose before ({before} in 24 h)" if before is not None else "the dose before"
