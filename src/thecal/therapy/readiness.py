"""Readiness for a screening bolus, and the signs on which a test is stopped."""

from collections.abc import Iterator

from thecal.chart.clinical import Booked
from thecal.chart.vocabulary import grouped, words
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.response import last_bolus, window_end
from thecal.therapy.service import booked
from thecal.timeline import Instant

TEST = "screening test"
_LUMBAR = {
    "postural headache": "Examine for a leak of spinal fluid after the lumbar puncture; this alone is no overdose.",
    "urinary retention": "Scan the bladder; this alone is no overdose.",
}


def screening_open(look: Look) -> bool:
    """Whether a test may still be asked for: no pump was implanted, and the way to it is not closed."""
    return look.known.implanted is None and look.known.closed is None


def booked_test(look: Look) -> Booked | None:
    """The screening test that is booked and was not given yet."""
    last = last_bolus(look)
    since = Instant(last.at.s + 1) if last is not None else Instant(Instant.FIRST)
    ahead = booked(look, TEST, since) if screening_open(look) else ()
    return ahead[0] if ahead else None


def no_medical_issue(look: Look) -> Iterator[Finding]:
    """SCR-01."""
    for condition in sorted(grouped("conditions", "screening stop")):
        if look.known.present(condition):
            asked = f"a screening test with {words('conditions')[condition].text}"
            yield look.found("SCR-01", "block", asked, "no test with an active medical issue", "Treat it, and test after it.")


def equipped(look: Look) -> Iterator[Finding]:
    """SCR-11."""
    missing = [item for item in words("checklists")["test site"].items if not look.known.answer("test site", item)]
    if missing:
        asked = f"a screening test without {' and '.join(missing)} on record"
        yield look.found("SCR-11", "block", asked, "both at hand", "Have them at hand, and record it.")


def coagulation(look: Look) -> Iterator[Finding]:
    """SCR-13."""
    platelets, inr = look.limit("SCR-13", "platelets"), look.limit("SCR-13", "INR")
    counted, ratio = look.known.measure("platelets"), look.known.measure("INR")
    advice = "No lumbar puncture: ask who treats the coagulation."
    if counted is None:
        yield look.passed(platelets, "no platelets on record", f"above {platelets}", "Measure them.")
    elif counted.value <= platelets.value:
        yield look.passed(platelets, f"platelets of {counted.value:,.10g} /uL", f"above {platelets}", advice)
    if ratio is None:
        yield look.passed(inr, "no INR on record", f"below {inr}", "Measure it.")
    elif ratio.value >= inr.value:
        yield look.passed(inr, f"an INR of {ratio.value:g}", f"below {inr}", advice)
    for medicine in sorted(grouped("medicines", "antithrombotic") & look.known.medicines.keys()):
        yield look.found("SCR-13", "warn", f"{medicine} is taken", "as the local rules say", "Follow the local rules for it.")


def orals_chosen(look: Look) -> Iterator[Finding]:
    """SCR-15."""
    checklist = "oral drugs before test"
    taken = sorted(
        name
        for name in grouped("medicines", "antispastic") & look.known.medicines.keys()
        if look.known.medicines[name].route == "oral"
    )
    if taken and not any(look.known.answer(checklist, item) for item in words("checklists")[checklist].items):
        asked = f"nothing chosen for {', '.join(taken)} before the test"
        yield look.found("SCR-15", "advise", asked, "kept, tapered or weaned", "Choose and record it; stop nothing abruptly.")


def readiness(look: Look) -> Iterator[Finding]:
    """Everything that stands against giving a bolus now."""
    for gate in (no_medical_issue, equipped, coagulation, orals_chosen):
        yield from gate(look)


def stop_symptoms(look: Look) -> Iterator[Finding]:
    """SCR-12: what was reported since the last bolus and has not gone; a stop sign while the bolus may have brought it on."""
    last = last_bolus(look)
    if last is None or not screening_open(look):
        return
    since, end = look.known.symptoms_since(last.at), window_end(look, last)
    of_test = {report.symptom for report in look.known.symptoms if last.at <= report.at <= end and report.grade}
    for symptom in sorted(grouped("symptoms", "screening stop") & since.keys() & of_test):
        asked = f"{words('symptoms')[symptom].text}, {since[symptom].at - last.at} after a bolus of {last.dose}"
        advice = "Stop the test, secure breathing and circulation, and follow the overdose rules (OVD-01)."
        yield look.found("SCR-12", "emergency", asked, "none of the stop signs", advice)
    for symptom in sorted(grouped("symptoms", "lumbar puncture") & since.keys()):
        asked = f"{words('symptoms')[symptom].text}, {since[symptom].at - last.at} after a lumbar puncture"
        advice = _LUMBAR.get(symptom, "Examine for a complication of the lumbar puncture.")
        yield look.found("SCR-12", "warn", asked, "looked after by itself, apart from overdose", advice)
