"""Candidacy: what is asked before a screening test and a pump, what stands against them, and where the decision stands."""

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

from starlette.responses import Response

from thecal.chart.clinical import Answered, Described, Measured, Noticed, Origin, Referred, Scored, SymptomReported
from thecal.chart.vocabulary import grouped, words
from thecal.clinic.entry import Entry
from thecal.therapy.candidacy import candidacy, undecided
from thecal.therapy.check import check
from thecal.therapy.look import Look
from thecal.therapy.scales import scales
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.emergency import history_of, person_shown
from thecal.web.form import BIRTHS, Form
from thecal.web.place import CANDIDACY, field_of
from thecal.web.route import Pages

PAGES = Pages()
YES_NO, PRESENT = ("yes", "no"), ("present", "absent")
_GOAL = "goal-attainment"
_GOAL_MAX = 60
_GROUPS = ("contraindication", "deep infection", "device stop", "not an exclusion")
_MORE = ("active infection", "primary weakness", "relies on spasticity", "very small child")
_VERDICTS = ("against", "missing", "review", "met")


def conditions_asked() -> tuple[str, ...]:
    """The conditions that are asked for: what excludes, and what excludes nobody (CAN-06, CAN-08, CAN-10, CAN-14, CAN-15)."""
    wanted = frozenset(_MORE).union(*(grouped("conditions", group) for group in _GROUPS))
    return tuple(name for name in words("conditions") if name in wanted)


def answers(form: Form, look: Look, checklists: tuple[str, ...], at: Instant) -> Iterator[Answered]:
    """What was answered otherwise than the chart has it; what was left open stays as it is."""
    for checklist in checklists:
        for item in words("checklists")[checklist].items:
            said = form.chosen(field_of(checklist, item), YES_NO, needed=False)
            if said is not None and look.known.answer(checklist, item) != (said == "yes"):
                yield Answered(at, checklist, item, said == "yes")


def listed(look: Look, checklist: str) -> tuple[str, str, str, list[tuple[str, str, str]]]:
    """A checklist for a page: its name, its rule, what it asks, and of each item (field, words, how it stands)."""
    told = {None: "", True: "yes", False: "no"}
    items = [
        (field_of(checklist, item), item, told[look.known.answer(checklist, item)])
        for item in words("checklists")[checklist].items
    ]
    return checklist, words("checklists")[checklist].rule, words("checklists")[checklist].text, items


def conditions_noticed(form: Form, look: Look, names: tuple[str, ...], at: Instant) -> Iterator[Noticed]:
    """The conditions that were noted otherwise than the chart has them."""
    for name in names:
        said = form.chosen(field_of("condition", name), PRESENT, needed=False)
        noted = look.known.conditions.get(name)
        if said is not None and (noted is None or noted.present != (said == "present")):
            yield Noticed(at, name, said == "present")


def conditions_listed(look: Look, names: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Conditions for a page: of each (field, words, how it stands); nothing where nobody has noted it."""
    noted = {name: look.known.conditions.get(name) for name in names}
    return [
        (
            field_of("condition", name),
            words("conditions")[name].text,
            "" if fact is None else "present" if fact.present else "absent",
        )
        for name, fact in noted.items()
    ]


def measured_number(form: Form, name: str) -> float | None:
    """A measure that was typed, within what its vocabulary allows."""
    word = words("measures")[name]
    return form.number(field_of(name), word.low, word.high, needed=False)


def causes(look: Look) -> tuple[str, ...]:
    """The causes that may be chosen, and the one that is on the chart."""
    own = look.known.described.cause if look.known.described else ""
    return tuple(dict.fromkeys((*words("causes"), *([own] if own else []))))


# The page ----------------------------------------------------------------------------------------------------------------


@PAGES.get("/candidacy/{stream}", "record")
def candidacy_page(ask: Ask, stream: str) -> Response:
    """Where the decision stands, by which rules, and the form of what they ask for."""
    ask.audit("read the candidacy", stream)
    return _candidacy(ask, stream, 200)


@PAGES.post("/candidacy/{stream}", "record")
def candidacy_saved(ask: Ask, stream: str) -> Response:
    """Write down what is new. What was not touched is not written again."""
    with ask.practice.reading() as reading:
        history = history_of(reading, stream)
        look = reading.look(history)
    entries = list(_candidacy_entries(ask.form, look, look.now))
    if ask.form.errors:
        return _candidacy(ask, stream, 422)
    if not entries:
        return ask.go(f"/candidacy/{stream}", "Nothing was new; nothing was written.")
    ask.practice.write(stream, ask.form.seen, entries, ask.by, "wrote down candidacy")
    number = "1 answer was" if len(entries) == 1 else f"{len(entries)} answers were"
    return ask.go(f"/candidacy/{stream}", f"{number} written down.")


def _candidacy_entries(form: Form, look: Look, at: Instant) -> Iterator[Entry]:
    described = _described(form, look, at)
    if described is not None:
        yield described
    if form.ticked("referred") and look.known.referred is None:
        yield Referred(at)
    yield from answers(form, look, CANDIDACY, at)
    yield from conditions_noticed(form, look, conditions_asked(), at)
    depth = measured_number(form, "implant depth")
    before = look.known.measure("implant depth")
    if depth is not None and (before is None or before.value != depth):
        yield Measured(at, "implant depth", depth)
    yield from _effect(form, at)
    yield from _goal(form, at)


def _described(form: Form, look: Look, at: Instant) -> Described | None:
    """Who it is about, where something of it is new; cause and origin go together."""
    before = look.known.described
    cause, origin = form.text("cause"), form.text("origin")
    severe = form.text("severe")
    injured = form.day("injured", needed=False, first=BIRTHS)
    if not (cause or origin or severe or injured):
        return None
    form.chosen("cause", causes(look))
    form.chosen("origin", get_args(Origin))
    form.chosen("severe", YES_NO, needed=False)
    if injured is not None and injured > at.date(look.zone):
        form.refuse("injured", injured.isoformat(), "has not come yet")
    elif injured is not None and look.birth is not None and injured < look.birth:
        form.refuse("injured", injured.isoformat(), "is before the birth")
    if form.errors:
        return None
    told = {"yes": True, "no": False, "": None}[severe]
    found = Described(at, cause, "spinal" if origin == "spinal" else "cerebral", injured=injured, severe=told)
    same = before is not None and replace(before, at=at, born=None) == found
    return None if same else found


def _effect(form: Form, at: Instant) -> Iterator[SymptomReported]:
    """An effect of the treatment by mouth with its grade (CAN-04): both or neither."""
    effect, grade = form.text("effect"), form.text("effect_grade")
    if not effect and not grade:
        return
    form.chosen("effect", tuple(sorted(grouped("symptoms", "CNS"))))
    form.chosen("effect_grade", ("1", "2", "3"))
    if "effect" not in form.errors and "effect_grade" not in form.errors:
        yield SymptomReported(at, effect, int(grade))


def _goal(form: Form, at: Instant) -> Iterator[Scored]:
    """A goal on the scale of goal attainment, with where it stands now: both or neither."""
    goal, score = form.text("goal"), form.text("goal_score")
    if not goal and not score:
        return
    if not goal:
        form.refuse("goal", "", "is missing")
    elif len(goal) > _GOAL_MAX:
        form.refuse("goal", goal, f"is longer than {_GOAL_MAX} characters")
    form.chosen("goal_score", scales()[_GOAL].levels)
    if "goal" not in form.errors and "goal_score" not in form.errors:
        yield Scored(at, _GOAL, score, goal)


def _candidacy(ask: Ask, stream: str, status: int) -> Response:
    with ask.practice.reading() as reading:
        history = history_of(reading, stream)
        look, person = reading.look(history), person_shown(ask, reading, stream)
    found, known, goal = candidacy(look), look.known, scales()[_GOAL]
    depth = known.measure("implant depth")
    return ask.page(
        "candidacy.html",
        status,
        stream=stream,
        person=person,
        seen=history.version,
        found=found,
        reasons=sorted(found.reasons, key=lambda reason: (_VERDICTS.index(reason.verdict), reason.rule)),
        findings=check(look, "candidacy"),
        undecided=undecided(look),
        known=known,
        age=look.age_years,
        causes=causes(look),
        origins=get_args(Origin),
        lists=[listed(look, name) for name in CANDIDACY],
        conditions=conditions_listed(look, conditions_asked()),
        depth="" if depth is None else f"{depth.value:g}",
        effects=[(name, words("symptoms")[name].text) for name in sorted(grouped("symptoms", "CNS"))],
        levels=[(level, f"{level}: {told}") for level, told in zip(goal.levels, goal.meanings, strict=True)],
        goals=known.scores.get(_GOAL, ()),
    )
