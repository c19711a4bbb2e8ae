"""The screening test: what stands ready, the bolus, the observation of it hour by hour, what it has shown, and the next step."""

from dataclasses import replace
from datetime import timedelta

from starlette.responses import Response

from thecal.chart.clinical import Measured, SymptomReported
from thecal.chart.facts import Assessed, Noted, TestBolusGiven
from thecal.chart.vocabulary import grouped, words
from thecal.clinic.entry import Corrected, Entry
from thecal.clinic.history import History
from thecal.clinic.observation import VITALS, adverse_signs, minutes_after, observation_sheet
from thecal.errors import Refusal
from thecal.quantity import Amount, Concentration
from thecal.therapy.bolus import screening_plan, screening_step, volume_of
from thecal.therapy.check import check
from thecal.therapy.finding import ordered
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan
from thecal.therapy.readiness import screening_open
from thecal.therapy.response import last_bolus, screening_result
from thecal.timeline import Duration, Instant
from thecal.web.ask import Ask
from thecal.web.candidacy import answers, conditions_listed, conditions_noticed, listed, measured_number
from thecal.web.emergency import history_of, person_shown
from thecal.web.form import Form
from thecal.web.place import BEFORE_BOLUS, RESULT, field_of
from thecal.web.route import Pages

PAGES = Pages()
_LABS = ("platelets", "INR")
_GRADES = ("0", "1", "2", "3")
_WHY_MAX = 300


@PAGES.get("/screening/{stream}", "visit")
def screening_page(ask: Ask, stream: str) -> Response:
    """The whole test on one page; what is due is counted in minutes since the bolus."""
    ask.audit("read the screening test", stream)
    return _page(ask, stream, 200)


@PAGES.post("/screening/{stream}/before", "visit")
def before_saved(ask: Ask, stream: str) -> Response:
    """What stands ready, what was chosen for the drugs by mouth, the laboratory, what would postpone the test."""
    form, (look, _) = ask.form, _look(ask, stream)
    entries: list[Entry] = [
        *answers(form, look, BEFORE_BOLUS, look.now),
        *conditions_noticed(form, look, _postponing(), look.now),
    ]
    for name in _LABS:
        value, known = measured_number(form, name), look.known.measure(name)
        if value is not None and (known is None or known.value != value):
            entries.append(Measured(look.now, name, value))
    return _written(ask, stream, entries, "wrote down what stands ready for a screening test", "What is new was written down.")


@PAGES.post("/screening/{stream}/bolus", "visit")
def bolus_given(ask: Ask, stream: str) -> Response:
    """The bolus as it was given. One that the rules stand against is taken only with a reason, for the record says what was."""
    form, (look, _) = ask.form, _look(ask, stream)
    at = _moment(form, look, "bolus_at")
    dose, strength = form.needed("dose", Amount.parse), form.needed("strength", Concentration.parse)
    if not screening_open(look):
        form.refuse("dose", "", "is not taken: " + screening_step(look).why)
    if at is None or dose is None or strength is None or form.errors:
        return _page(ask, stream, 422)
    against, why = _against(replace(look, now=at), at, dose), form.text("bolus_why")
    if against and not (form.ticked("bolus_all_the_same") and why):
        told = f"is not written down without a reason: {'; '.join(against)}"
        form.refuse("dose", form.text("dose"), told, label="dose")
        if form.ticked("bolus_all_the_same"):
            form.refuse("bolus_why", "", "is missing", label="the reason")
    if len(why) > _WHY_MAX:
        form.refuse("bolus_why", why, f"is longer than {_WHY_MAX} characters", label="the reason")
    entries: list[Entry] = [TestBolusGiven(at, dose, strength, None)]
    if against:
        entries.append(Noted(at, f"screening bolus given although {'; '.join(against)}. Reason: {why}"))
    said = f"The bolus of {dose} is written down. Observe by the sheet."
    return _written(ask, stream, entries, "wrote down a screening bolus", said)


def _against(look: Look, at: Instant, dose: Amount) -> list[str]:
    """What of the rules forbids a bolus at an instant, in words."""
    plan = screening_plan(look, at, dose)
    if isinstance(plan, Refusal):
        return [f"{plan.asked}, allowed: {plan.limit} ({plan.rule})"]
    return [f"{finding.asked} ({finding.rule})" for finding in plan.findings if finding.stops]


@PAGES.post("/screening/{stream}/observation", "visit")
def observation_noted(ask: Ask, stream: str) -> Response:
    """One row of the sheet: scores, vital signs, adverse signs of one instant."""
    form, (look, _) = ask.form, _look(ask, stream)
    at = _moment(form, look, "seen_at")
    legs, penn = form.number("legs", 1, 5, needed=False), form.number("penn", 0, 4, needed=False)
    vitals = [(name, measured_number(form, name)) for name in VITALS]
    signs = [(name, form.chosen(field_of("sign", name), _GRADES, needed=False)) for name in adverse_signs()]
    if at is None or form.errors:
        return _page(ask, stream, 422)
    entries: list[Entry] = [Assessed(at, legs, None, penn)] if legs is not None or penn is not None else []
    entries += [Measured(at, name, value) for name, value in vitals if value is not None]
    entries += [SymptomReported(at, name, int(grade)) for name, grade in signs if grade is not None]
    if not entries:
        form.refuse("legs", "", "is missing: nothing was noted", label="a score, a vital sign or a sign")
    return _written(ask, stream, entries, "wrote down an observation", "The observation is written down.")


@PAGES.post("/screening/{stream}/result", "visit")
def result_saved(ask: Ask, stream: str) -> Response:
    """What the examiners say, and how long the effect lasted; this takes the place of the bolus as it was written first."""
    form, (look, history) = ask.form, _look(ask, stream)
    result = screening_result(look)
    if result.bolus is None:
        form.refuse("lasted", "", "is not taken: no bolus was given", label="the result")
        return _page(ask, stream, 422)
    lasted = form.read("lasted", Duration.parse)
    if lasted is not None and result.bolus.at.s + lasted.s > look.now.s:
        form.refuse("lasted", form.text("lasted"), "is longer than the bolus is ago", label="how long the effect lasted")
    entries: list[Entry] = list(answers(form, _of_this_bolus(look), RESULT, look.now))
    if lasted is not None and lasted != result.bolus.effect_lasted:
        version = max(row.version for row in history.standing if row.entry == result.bolus)
        entries.append(Corrected(look.now, version, "how long the effect lasted is written down"))
        entries.append(replace(result.bolus, effect_lasted=lasted))
    return _written(ask, stream, entries, "wrote down the result of a screening test", "The result is written down.")


def _of_this_bolus(look: Look) -> Look:
    """The look without what the examiners said of a bolus before the last one."""
    bolus, known = last_bolus(look), look.known
    if bolus is None:
        return look
    kept = {key: fact for key, fact in known.answers.items() if key[0] not in RESULT or fact.at >= bolus.at}
    return replace(look, known=replace(known, answers=kept))


# The page --------------------------------------------------------------------------------------------------------------


def _look(ask: Ask, stream: str) -> tuple[Look, History]:
    with ask.practice.reading() as reading:
        history = history_of(reading, stream)
        return reading.look(history), history


def _moment(form: Form, look: Look, name: str) -> Instant | None:
    """A local time that was, within the minute."""
    at = form.instant(name, look.zone)
    if at is not None and at > look.now:
        form.refuse(name, form.text(name), "has not come yet", label="the time")
        return None
    return at


def _postponing() -> tuple[str, ...]:
    return tuple(sorted(grouped("conditions", "screening stop")))


def _written(ask: Ask, stream: str, entries: list[Entry], did: str, said: str) -> Response:
    if ask.form.errors:
        return _page(ask, stream, 422)
    if not entries:
        return ask.go(f"/screening/{stream}", "Nothing was new; nothing was written.")
    ask.practice.write(stream, ask.form.seen, entries, ask.by, did)
    return ask.go(f"/screening/{stream}", said)


def _page(ask: Ask, stream: str, status: int) -> Response:
    with ask.practice.reading() as reading:
        history = history_of(reading, stream)
        look, person = reading.look(history), person_shown(ask, reading, stream)
    step, sheet = screening_step(look), observation_sheet(look)
    strength = Concentration(int(look.limit("SCR-02", "strength").value))
    made = screening_plan(look, look.now) if step.dose is not None else None
    plan = made if isinstance(made, Plan) else None
    minute = look.now.local(look.zone)
    labs = {name: look.known.measure(name) for name in _LABS}
    return ask.page(
        "screening.html",
        status,
        stream=stream,
        person=person,
        seen=history.version,
        open=screening_open(look),
        findings=ordered((*check(look, "screening"), *(plan.findings if plan else ()))),
        step=step,
        plan=plan,
        refused=made if isinstance(made, Refusal) else None,
        strength=strength,
        sheet=sheet,
        volume=volume_of(sheet.bolus.dose, sheet.bolus.concentration) if sheet else None,
        minutes=lambda at: minutes_after(sheet.bolus, at) if sheet else 0,
        result=screening_result(look),
        local_now=(minute - timedelta(seconds=minute.second)).strftime("%Y-%m-%dT%H:%M"),
        ready=[listed(look, name) for name in BEFORE_BOLUS],
        examined=listed(_of_this_bolus(look), RESULT[0]),
        conditions=conditions_listed(look, _postponing()),
        labs=[(field_of(name), words("measures")[name], fact) for name, fact in labs.items()],
        vitals=[(field_of(name), words("measures")[name]) for name in VITALS],
        signs=[(field_of("sign", name), words("symptoms")[name]) for name in adverse_signs()],
    )
