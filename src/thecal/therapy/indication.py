"""The indication: how severe the spasticity is, what it interferes with, and what else was tried."""

from collections.abc import Iterator

from thecal.chart.clinical import Prescribed
from thecal.chart.vocabulary import grouped, words
from thecal.therapy.look import Look
from thecal.therapy.reason import Reason, met, told
from thecal.timeline import DAY_S, Instant

_WEEK_S = 7 * DAY_S


def severity_and_origin(look: Look) -> Iterator[Reason]:
    """CAN-01."""
    described = look.known.described
    if described is not None and described.severe:
        yield met("CAN-01", f"severe spasticity of {described.origin} origin: {described.cause}")
        return
    allowed = "severe spasticity of spinal or cerebral origin"
    if described is None or described.severe is None:
        text = "nobody has said " + ("whose spasticity it is" if described is None else "whether the spasticity is severe")
        yield told("missing", look.found("CAN-01", "block", text, allowed, "Record cause, origin and severity."))
        return
    text = f"spasticity that is not severe: {described.cause}"
    yield told("against", look.found("CAN-01", "block", text, allowed, "Treat by mouth and with therapy."))


def interferes(look: Look) -> Iterator[Reason]:
    """CAN-02."""
    limit, areas = look.limit("CAN-02", "areas"), _yes(look, "impact")
    if len(areas) >= limit.value:
        yield met("CAN-02", f"interferes with {', '.join(areas)}")
        return
    open_items = [item for item in words("checklists")["impact"].items if look.known.answer("impact", item) is None]
    text = f"the spasticity interferes with {', '.join(areas) or 'nothing'}" + (
        f"; not asked: {', '.join(open_items)}" if open_items else ""
    )
    advice = "Ask what it interferes with." if open_items else "Do not go on: nothing would be gained."
    finding = look.passed(limit, text, f"at least {limit}", advice)
    yield told("missing" if open_items else "against", finding)


def tried_by_mouth(look: Look) -> Iterator[Reason]:
    """CAN-03: for spasticity of spinal origin; weeks and highest dose are what payers ask for, and stop nothing."""
    described, why = look.known.described, oral_failure(look)
    if why is not None:
        yield met(*why)
        if why[0] == "CAN-03":
            yield from _as_payers_ask(look)
    elif described is not None and described.origin == "spinal":
        yield _not_tried(look)


def _not_tried(look: Look) -> Reason:
    allowed, helped = "no answer to baclofen by mouth, or effects that cannot be borne", look.known.answer
    if helped("oral trial", "inadequate response") is False and helped("oral trial", "intolerable effects") is False:
        text = "baclofen by mouth helps and is borne"
        return told("against", look.found("CAN-03", "block", text, allowed, "Go on by mouth."))
    text = "what baclofen by mouth has done is not recorded"
    return told("missing", look.found("CAN-03", "block", text, allowed, "Try it by mouth, and record response and effects."))


def _as_payers_ask(look: Look) -> Iterator[Reason]:
    limit, taken_s = look.limit("CAN-03", "weeks"), sum(end.s - start.s for start, end in _by_mouth(look))
    if taken_s and taken_s < limit.value * _WEEK_S:
        text = f"baclofen by mouth for {taken_s // DAY_S} days"
        advice = "Ask the payer, or go on by mouth until then."
        yield told("review", look.passed(limit, text, f"at least {limit}", advice))
    if look.known.answer("oral trial", "maximum tolerated dose reached") is False:
        text, allowed = "the highest dose that is tolerated was not reached", "the highest tolerated dose by mouth"
        yield told("review", look.found("CAN-03", "warn", text, allowed, "Raise the dose by mouth, or say why not."))


def intolerance_coded(look: Look) -> Iterator[Reason]:
    """CAN-04."""
    if not look.known.answer("oral trial", "intolerable effects"):
        return
    limit, worst = look.limit("CAN-04", "grade"), _worst_effect(look)
    if worst is None or worst[0] < limit.value:
        text = f"intolerable effects, of which the gravest on record is {f'{worst[1]}, grade {worst[0]}' if worst else 'none'}"
        advice = "Record which effect it was, and its grade."
        yield told("review", look.passed(limit, text, f"grade {limit.number} or more", advice))


def oral_failure(look: Look) -> tuple[str, str] | None:
    """By which rule, and in which words, baclofen by mouth is not enough (CAN-03) or not borne (CAN-04); None where neither."""
    if look.known.answer("oral trial", "inadequate response"):
        return "CAN-03", "no adequate response to baclofen by mouth"
    if look.known.answer("oral trial", "intolerable effects"):
        return "CAN-04", "effects of baclofen by mouth that cannot be borne"
    worst = _worst_effect(look)
    if worst is not None and worst[0] >= look.limit("CAN-04", "grade").value:
        return "CAN-04", f"{worst[1]} of grade {worst[0]} on baclofen by mouth"
    return None


def physical_management(look: Look) -> Iterator[Reason]:
    """CAN-05."""
    done = _yes(look, "physical management")
    if done or look.known.document("physical therapy record", look.now):
        yield met("CAN-05", f"without drugs: {', '.join(done) or 'a course of physical therapy'}")
        return
    text, allowed = "no physical management on record", "physical management tried or going on"
    yield told("review", look.found("CAN-05", "warn", text, allowed, "Refer to physical therapy."))


def weakness(look: Look) -> Iterator[Reason]:
    """CAN-06."""
    if look.known.present("primary weakness"):
        text, allowed = "weakness, not spasticity, is what limits", "spasticity as the first problem"
        yield told("against", look.found("CAN-06", "block", text, allowed, "Do not test: less tone would make it worse."))
    elif look.known.present("relies on spasticity"):
        small = look.limit("SCR-03", "small")
        text, allowed = "spasticity is used to stand, to transfer or to walk", f"a test that begins with {small}"
        advice = f"Test with {small}, set goals of function, and have strength examined."
        yield told("review", look.found("CAN-06", "warn", text, allowed, advice))


def referral(look: Look) -> Iterator[Reason]:
    """CAN-11."""
    known, why = look.known, oral_failure(look)
    if known.referred or known.document("referral", look.now) or known.tests:
        yield met("CAN-11", "referred")
    elif why is not None and _yes(look, "impact"):
        text, advice = f"spasticity that interferes, and {why[1]}", "Refer for consultation about a pump."
        yield told("review", look.found("CAN-11", "task", text, "a referral", advice))


def before_test(look: Look) -> Iterator[Reason]:
    """CAN-12: a gate to the first screening test."""
    missing = _not_yes(look, "before test")
    if not missing:
        yield met("CAN-12", "assessed, taught and committed before the test")
    elif not look.known.tests:
        text = f"before the screening test there is no {', no '.join(missing)}"
        yield told("missing", look.found("CAN-12", "block", text, "all of it done", "Do it before the screening test."))


def _yes(look: Look, checklist: str) -> list[str]:
    return [item for item in words("checklists")[checklist].items if look.known.answer(checklist, item)]


def _not_yes(look: Look, checklist: str) -> list[str]:
    return [item for item in words("checklists")[checklist].items if not look.known.answer(checklist, item)]


def _by_mouth(look: Look) -> list[tuple[Instant, Instant]]:
    """From when to when baclofen was taken by mouth."""
    runs: list[tuple[Instant, Instant]] = []
    since: Instant | None = None
    for entry in look.known.prescriptions.get("baclofen", ()):
        taken = isinstance(entry, Prescribed) and entry.route == "oral"
        if taken and since is None:
            since = entry.at
        elif not taken and since is not None:
            runs.append((since, entry.at))
            since = None
    return runs if since is None else [*runs, (since, look.now)]


def _worst_effect(look: Look) -> tuple[int, str] | None:
    """The gravest effect on the brain that was reported while baclofen was taken by mouth: its grade and its name."""
    runs, central = _by_mouth(look), grouped("symptoms", "CNS")
    return max(
        (
            (report.grade, report.symptom)
            for report in look.known.symptoms
            if report.symptom in central and any(start <= report.at <= end for start, end in runs)
        ),
        default=None,
    )
