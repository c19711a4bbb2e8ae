"""What a learner can do: each verb of a drill, how it is written, and what it does."""

import re
from calendar import day_name
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import get_args

from pydantic import ValidationError

from thecal.chart.facts import Acted, Assessed, Fact, Interrogated
from thecal.chart.vocabulary import words as vocabulary
from thecal.datum import pick
from thecal.drill.bedside import bedside_actions, causes, takes
from thecal.drill.drill import scene_facts
from thecal.drill.move import Moved, lines_of, spent, told, until
from thecal.drill.order_line import PARTS, USAGE
from thecal.drill.ordering import PROGRAMMER, order, syringe
from thecal.drill.state import State, acted, body, holds
from thecal.errors import InputError, nearest_name
from thecal.quantity import Concentration, OralDose, Volume
from thecal.report.education import emergency_lines
from thecal.report.findings import finding_counts, finding_lines
from thecal.report.printout import section_lines
from thecal.report.programmer import Interrogation, interrogation_sections
from thecal.report.tables import Line
from thecal.report.words import fact_text
from thecal.therapy.check import Topic, check
from thecal.therapy.emergency_plan import emergency_plan
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import (
    Action,
    Assess,
    EmptyReservoir,
    EndBolus,
    Note,
    ReplacePump,
    Revise,
    StopTablets,
    TakeOnce,
    TakeTablets,
    UsePort,
)
from thecal.twin.action import (
    Look as Read,
)
from thecal.twin.events import wall_clock_s

_MINOR = ("advise", "task")
_GIVE = re.compile(r"(.+?) ([0-9.,]+ ?mg)(?: every (.+))?")
_PORT = re.compile(r"([0-9.,]+ ?\S+)(?: of (.+))?")
_UNTIL = re.compile(r"until (?:(\S+) )?([0-9]{2}:[0-9]{2})")
_TABLETS = "baclofen"
_PORT_MOST = Volume(40_000_000)
"""The most spinal fluid that is withdrawn in an overdose (OVD-04)."""
_CONDITIONS = ("overdose", "withdrawal")
"""What is a condition of the chart where it is suspected."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: how it is written, what it is for, and what it does with the rest of the line."""

    usage: str
    means: str
    does: Callable[[State, str], Moved]


def scene_lines(state: State) -> Iterator[Line]:
    """Where the learner is."""
    scene = state.drill.table.scene
    yield from lines_of(f"{scene.place}. {scene.role}")
    if not state.has_programmer:
        yield from lines_of("No programmer is at hand.")


def _look(state: State, _: str) -> Moved:
    return Moved(state, tuple(scene_lines(state)))


def _ask(state: State, text: str) -> Moved:
    if not text:
        return told(state, "Ask what? A word or a sentence: ask alarm, ask when was the last refill")
    words = set(re.findall(r"[a-z]+", text.lower()))
    for answer in state.drill.table.answer:
        asked = [word for word in answer.to if set(word.lower().split()) <= words]
        if asked and holds(state, answer.when):
            after = state.hears(answer).done(f"ask: {answer.to[0]}")
            said = told(after, f"{answer.who.capitalize()}: \u201c{answer.says}\u201d", style="done")
            return said.then(lambda one: spent(one, takes("ask")))
    return told(state.done("ask"), "Nobody here knows.").then(lambda one: spent(one, takes("ask")))


def _examine(state: State, _: str) -> Moved:
    after, _fact = acted(state, Assess(state.now))
    found = next(fact for fact in reversed(after.chart.facts) if isinstance(fact, Assessed))
    legs, arms, spasms = found.ashworth_legs, found.ashworth_arms, found.spasm_penn
    tone = f"Ashworth of the legs {legs}, of the arms {arms} (1 to 5); spasms {spasms} (Penn, 0 to 4)."
    lines = list(lines_of(tone))
    levels = body(after)
    for sign in state.drill.table.sign:
        if holds(after, sign.when, levels):
            after = after.hears(sign)
            lines += list(lines_of(sign.says))
    return Moved(after.done("examine"), tuple(lines)).then(lambda one: spent(one, takes("examine")))


def _interrogate(state: State, _: str) -> Moved:
    pump = state.world.pump
    if not state.has_programmer:
        return told(state, "There is no programmer here.", style="refused")
    if pump is None:
        return told(state, "There is no pump in place.", style="refused")
    after, fact = acted(state, Read(state.now, PROGRAMMER))
    if fact.refusal:
        return told(state, str(fact.refusal), style="refused")
    read = next(one for one in reversed(after.chart.facts) if isinstance(one, Interrogated))
    said = Interrogation(read.report, after.chart, pump.sheet, state.drill.case.policy)
    lines = [Line(f"  {text}", "critical") for text in said.urgent()]
    lines += [line for section in interrogation_sections(said, state.drill.zone) for line in section_lines(section)]
    return Moved(after.done("interrogate"), tuple(lines)).then(lambda one: spent(one, takes("interrogate")))


def _rules(state: State, text: str) -> Moved:
    topics: dict[str, Topic | None] = {"all": None, **{name: name for name in get_args(Topic)}}
    findings = check(_looked(state), pick(text or "all", topics, "rules"))
    grave = [finding for finding in findings if finding.severity not in _MINOR]
    lines = [*lines_of(f"On this chart the rules find: {finding_counts(findings)}.")]
    lines += list(finding_lines(findings if text else grave or findings[:3], state.drill.zone))
    if not text and len(grave) < len(findings):
        lines += list(lines_of("With advice and tasks: rules all, or rules and a topic, such as rules withdrawal.", "note"))
    return Moved(state.done("rules"), tuple(lines))


def _chart(state: State, _: str) -> Moved:
    plan = emergency_plan(_looked(state))
    return Moved(state.done("chart"), tuple(emergency_lines(plan, state.drill.zone)))


def _looked(state: State) -> Look:
    sheet = state.world.pump.sheet if state.world.pump else None
    return Look.at(state.chart, state.now, state.drill.zone, sheet)


def _do(state: State, text: str) -> Moved:
    known = bedside_actions()
    begun = [name for name in known if text and name.startswith(text)]
    action = known[begun[0]] if len(begun) == 1 else pick(text, known, "do")
    after = state.knows(scene_facts(action.facts, state.now, state.drill.zone)).done(f"do: {action.name}")
    return told(after, action.says, style="done").then(lambda one: spent(one, action.takes))


def _give(state: State, text: str) -> Moved:
    found = _GIVE.fullmatch(text)
    if found is None:
        raise InputError("give", text, "is no medicine with a dose", accepted=("baclofen 20 mg every 6 h", "diazepam 10 mg"))
    medicine, dose, every = found[1].lower(), OralDose.parse(found[2], "give"), found[3]
    apart = Duration.parse(every, "every") if every else Duration(DAY_S)
    if not 3600 <= apart.s <= DAY_S or DAY_S % apart.s:
        raise InputError("every", every, "does not divide the 24 hours", accepted=("4 h, 6 h, 8 h, 12 h",))
    a_day = DAY_S // apart.s
    if medicine == _TABLETS and not every:
        once, _ = acted(state, TakeOnce(state.now, dose, "tablet"))
        return _given(once, medicine, f"{dose}, once")
    row = {"kind": "prescribed", "medicine": medicine, "doses_a_day": a_day, "dose": f"{dose.mcg * a_day / 1000:g} mg/day"}
    try:
        facts = scene_facts((row,), state.now, state.drill.zone)
    except ValidationError:
        nearest = nearest_name(medicine, vocabulary("medicines"))
        raise InputError("give", medicine, "is not known: see thecal words", nearest=nearest) from None
    after = state.knows(facts)
    if medicine == _TABLETS:
        after, _ = acted(after, _tablets(after, dose, apart))
    return _given(after, medicine, f"{dose} every {apart}" if every else f"{dose}, once")


def _given(state: State, medicine: str, how: str) -> Moved:
    said = told(state.done(f"give: {medicine}"), f"{medicine} {how}, by mouth.", style="done")
    return said.then(lambda one: spent(one, takes("give")))


def _tablets(state: State, dose: OralDose, every: Duration) -> Action:
    zone = state.drill.zone
    local = state.now.local(zone)
    first = local.hour * 3600 + local.minute * 60 + 60
    times = tuple(sorted((first + n * every.s) % DAY_S for n in range(DAY_S // every.s)))
    return TakeTablets(state.now, (dose,) * len(times), times, "tablet", zone)


def _stop(state: State, text: str) -> Moved:
    if text != "tablets":
        return told(state, "stop tablets ends the tablets; program stopped stops the pump.")
    after, _ = acted(state, StopTablets(state.now))
    return told(after.done("stop: tablets"), "No more tablets.", style="done").then(lambda one: spent(one, takes("give")))


def _needle(deed: str, action: Callable[[State, str], Action], takes_: str = "needle") -> Callable[[State, str], Moved]:
    """A deed that is one action at the pump, which may refuse it."""

    def move(state: State, text: str) -> Moved:
        if deed == "cancel bolus" and not state.has_programmer:
            return told(state, "There is no programmer here.", style="refused")
        before = state.chart.facts
        after, fact = acted(state, action(state, text))
        if fact.refusal:
            return told(state.done(f"refused: {deed}"), str(fact.refusal), style="refused").then(
                lambda one: spent(one, takes(takes_))
            )
        shown = tuple(_shown(after, after.chart.facts[len(before) :]))
        return Moved(after.done(deed), shown).then(lambda one: spent(one, takes(takes_)))

    return move


def _shown(state: State, facts: Sequence[Fact]) -> Iterator[Line]:
    """What a needle left on the chart, in words."""
    texts = (fact_text(fact, state.drill.zone) for fact in facts if not isinstance(fact, Acted))
    yield from (line for text in texts if text for line in lines_of(text, "done"))


def _port(what: str) -> Callable[[State, str], Action]:
    def action(state: State, text: str) -> Action:
        found = _PORT.fullmatch(text)
        if found is None:
            raise InputError(f"{what} port", text, "is no volume", accepted=("aspirate port 1 mL", "inject port 0.5 mL"))
        strength = Concentration.parse(found[2], "of") if found[2] else None
        volume = Volume.parse(found[1], what)
        if volume > _PORT_MOST:
            raise InputError(
                f"{what} port", found[1], "is more than anybody moves there", accepted=(f"up to {_PORT_MOST} (OVD-04)",)
            )
        return UsePort(state.now, "aspirate", volume) if what == "aspirate" else UsePort(state.now, "inject", volume, strength)

    return action


def _revise(state: State, _: str) -> Action:
    geometry = state.world.geometry
    assert geometry is not None  # a drill has a catheter
    return Revise(state.now, geometry, "CSF")


def _replace(state: State, _: str) -> Action:
    return ReplacePump(state.now, state.drill.case.sheet, wall_clock_s(state.now, state.drill.zone))


def _empty(state: State, text: str) -> Action:
    return EmptyReservoir(state.now, Volume.parse(text, "empty reservoir", zero=True) if text else syringe(state))


def _suspect(state: State, text: str) -> Moved:
    words = pick(text, causes(), "suspect")
    row = {"kind": "condition", "condition": f"{text} suspected"}
    facts = scene_facts((row,), state.now, state.drill.zone) if text in _CONDITIONS else ()
    return told(state.knows(facts).done(f"suspect: {text}"), f"You suspect {words}.", style="done")


def _wait(state: State, text: str) -> Moved:
    found = _UNTIL.fullmatch(text)
    end = _next(state, found[1], found[2]) if found else state.now + Duration.parse(text, "wait")
    if end <= state.now:
        raise InputError("wait", text, "has passed", accepted=("wait 2 h", "wait until 07:00", "wait until monday 08:00"))
    if end > state.drill.table.until:
        last = state.drill.table.until.local_text(state.drill.zone)
        return told(state, f"The drill ends at {last}: wait until then, or type done.", style="refused")
    return until(state, end, stopping=True)


def _next(state: State, day_text: str | None, clock: str) -> Instant:
    """The next time that the wall clock shows it, of a weekday, or on a date."""
    zone, day = state.drill.zone, state.now.date(state.drill.zone)
    if day_text is not None:
        names = {name.lower(): number for number, name in enumerate(day_name)}
        ahead = (names[day_text.lower()] - day.weekday()) % 7 if day_text.lower() in names else None
        text = day_text if ahead is None else str(day + timedelta(days=ahead))
        return Instant.parse(f"{text} {clock}", zone, "wait until")
    today = Instant.parse(f"{day} {clock}", zone, "wait until")
    return today if today > state.now else Instant.parse(f"{day + timedelta(days=1)} {clock}", zone, "wait until")


def _printout(state: State, _: str) -> Moved:
    return Moved(state, state.printed) if state.printed else told(state, "No session has been held.")


def _note(state: State, text: str) -> Moved:
    after, _ = acted(state, Note(state.now, text or "-"))
    return Moved(after, ())


def _done(state: State, _: str) -> Moved:
    return told(replace(state, ended=True), "The drill has ended.", style="title")


def _actions(state: State, _: str) -> Moved:
    lines = []
    by_group = sorted(bedside_actions().values(), key=lambda action: action.group)
    for group, some in groupby(by_group, key=lambda action: action.group):
        lines += list(lines_of(f"{group}: {', '.join(action.name for action in some)}"))
    return Moved(state, tuple(lines))


def _causes(state: State, _: str) -> Moved:
    return Moved(state, tuple(Line(f"  {name:<22}{words}") for name, words in causes().items()))


def _help(state: State, _: str) -> Moved:
    lines = [Line(f"  {verb.usage:<44}{verb.means}") for verb in VERBS.values()]
    lines += [Line("  Orders:"), *(Line(f"    {usage}") for usage in USAGE)]
    lines += [Line("  and their parts, after a semicolon:"), *(Line(f"    {part:<15}{means}") for part, means in PARTS.items())]
    return Moved(state, tuple(lines))


VERBS: Mapping[str, Verb] = {
    "look": Verb("look", "where you are, and what is at hand", _look),
    "ask": Verb("ask WORDS", "ask whoever is there", _ask),
    "examine": Verb("examine", "tone, spasms and what there is to see", _examine),
    "interrogate": Verb("interrogate", "read the pump", _interrogate),
    "chart": Verb("chart", "what is known of pump, drug, dose and dates", _chart),
    "rules": Verb("rules [TOPIC]", "what the rules find on this chart", _rules),
    "do": Verb("do ACTION", "one of the actions: type actions", _do),
    "give": Verb("give MEDICINE DOSE [every 6 h]", "by mouth", _give),
    "stop": Verb("stop tablets", "no more tablets", _stop),
    "program": Verb("program ...", "a new program, by the programmer", lambda state, text: order(state, f"program {text}")),
    "bolus": Verb("bolus ...", "a single bolus, by the programmer", lambda state, text: order(state, f"bolus {text}")),
    "refill": Verb("refill ...", "the needle and the programmer", lambda state, text: order(state, f"refill {text}")),
    "cancel bolus": Verb(
        "cancel bolus", "end the running bolus", _needle("cancel bolus", lambda state, _: EndBolus(state.now), "interrogate")
    ),
    "aspirate port": Verb(
        "aspirate port VOLUME", "a needle in the catheter access port", _needle("aspirate port", _port("aspirate"))
    ),
    "inject port": Verb("inject port VOLUME [of STRENGTH]", "the same, the other way", _needle("inject port", _port("inject"))),
    "empty reservoir": Verb("empty reservoir", "a needle takes all of it out", _needle("empty reservoir", _empty)),
    "revise catheter": Verb(
        "revise catheter", "a whole one in its place, full of spinal fluid", _needle("revise catheter", _revise, "operation")
    ),
    "replace pump": Verb(
        "replace pump", "a new one of the kind, stopped and empty", _needle("replace pump", _replace, "operation")
    ),
    "suspect": Verb("suspect CAUSE", "say what you think is wrong: type causes", _suspect),
    "wait": Verb("wait 2 h, wait until 07:00", "let time pass; it stops where somebody speaks", _wait),
    "printout": Verb("printout", "the whole printout of the last session", _printout),
    "note": Verb("note TEXT", "write into the chart", _note),
    "actions": Verb("actions", "everything that do can do", _actions),
    "causes": Verb("causes", "everything that can be suspected", _causes),
    "help": Verb("help", "this list", _help),
    "done": Verb("done", "end the drill, and talk it over", _done),
}
"""Every verb by its name."""


def move(state: State, line: str) -> Moved:
    """What a learner's line does. Raises InputError, InputErrors for one that cannot be read; then nothing has changed."""
    if state.ended:
        return told(state, "The drill has ended.", style="refused")
    if state.paused:
        return told(state, "The drill is paused.", style="refused")
    verb, rest = _parsed(line)
    return VERBS[verb].does(state, rest)


def _parsed(line: str) -> tuple[str, str]:
    text = " ".join(line.split())
    names = sorted(VERBS, key=len, reverse=True)
    found = next((name for name in names if text == name or text.startswith(f"{name} ")), None)
    if found is None:
        first = text.partition(" ")[0]
        raise InputError("line", text, "begins with no verb", accepted=tuple(VERBS), nearest=nearest_name(first, VERBS))
    return found, text[len(found) :].strip()
