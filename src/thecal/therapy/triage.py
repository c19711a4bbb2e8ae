"""Triage: withdrawal, overdose, a fault of the device, or none of these; how soon, and what first. With a chart or without one.

Without a chart everything is asked of somebody who calls: symptoms, hours since what was done to the pump, and risks.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from thecal.chart.vocabulary import grouped, named, words
from thecal.errors import InputError, nearest_name
from thecal.quantity import DailyDose
from thecal.therapy import first_actions
from thecal.therapy.clinic import Clinic
from thecal.therapy.first_actions import ByRule
from thecal.therapy.look import Look
from thecal.therapy.overdose import CAUSES, only_mild
from thecal.therapy.refill import RefillPolicy, refill_by
from thecal.therapy.restart import EMPTY, interruption
from thecal.therapy.rules import Limit
from thecal.therapy.signs import (
    OVERDOSE,
    WITHDRAWAL,
    Done,
    Signs,
    Suspicion,
    Tone,
    done_before,
    has_pump,
    named_signs,
    signs_of,
    tone_of,
)
from thecal.therapy.withdrawal import DIFFERENTIAL, MANIPULATIONS, YEAR_S, high_risk
from thecal.timeline import HOUR_S, Duration, Instant

Tier = Literal["emergency", "same day", "routine"]
TIERS: tuple[Tier, ...] = get_args(Tier)
_GRADES = range(4)
_NO_TIME = "No elapsed time excludes a withdrawal."
_PRESSURE = "Blood pressure alone decides nothing: sources disagree on which way a withdrawal moves it."
_TONE = "Limp or normal tone argues for overdose, also where signs look like a withdrawal: examine it."


@dataclass(frozen=True, slots=True)
class Triage:
    """How soon, what is suspected and why; what is done first, in that order; what else it may be, and what is looked at.

    ``watch`` is how long somebody watches from now, ``watch_until`` until when, where there is a clock. ``never_decides`` says
    what must not decide alone, and what decides instead.
    """

    tier: Tier
    suspicion: Suspicion
    reasons: tuple[ByRule, ...]
    first_actions: tuple[ByRule, ...]
    differential: tuple[str, ...]
    work_up: tuple[ByRule, ...]
    watch: Duration | None
    watch_until: Instant | None
    never_decides: tuple[ByRule, ...]

    @property
    def confidence(self) -> Mapping[str, str]:
        """How sure each rule is that was used, by its id."""
        used = (*self.reasons, *self.first_actions, *self.work_up, *self.never_decides)
        return {said.rule: said.confidence for said in sorted(used, key=lambda said: said.rule)}


@dataclass(frozen=True, slots=True)
class Presented:
    """What is known of somebody at the door: signs, how long ago what was done, risks, conditions; a look, if there is one."""

    signs: Signs
    done: Mapping[Done, Duration]
    risks: tuple[str, ...]
    conditions: frozenset[str]
    clinic: Clinic
    look: Look | None

    def limit(self, rule: str, name: str) -> Limit:
        """A limit as the clinic has set it."""
        return self.clinic.limit(rule, name)

    def within(self, whats: Collection[Done], limit: Limit) -> tuple[Done, ...]:
        """What of these was done within so many hours."""
        return tuple(what for what in whats if what in self.done and self.done[what].s <= limit.value * HOUR_S)


_Reason = tuple[Tier, ByRule]


def triage(
    symptoms: Mapping[str, int],
    look: Look | None = None,
    *,
    since: Mapping[str, Duration] | None = None,
    flags: Collection[str] = (),
    tone: Tone | None = None,
    dose: DailyDose | None = None,
    therapy: Duration | None = None,
    clinic: Clinic | None = None,
) -> Triage:
    """Triage of symptoms and their grades (0 gone, to 3 severe), ``since`` what was done to the pump, and with which risks.

    ``flags`` are conditions, ``dose`` the daily one, ``therapy`` how long there has been one. With a look, its chart adds what
    it says; what is given counts before it. Raises InputError for a word that is not known, with the nearest one.
    """
    person = _presented(symptoms, look, since or {}, flags, tone, clinic)
    risks = (*person.risks, *_numbers(person, dose, therapy))
    person = Presented(person.signs, person.done, tuple(dict.fromkeys(risks)), person.conditions, person.clinic, look)
    reasons = list(_reasons(person))
    tier = _tier([grade for grade, _ in reasons])
    if person.risks and person.signs.withdrawal_possible:
        tier = _up(tier)
        reasons.append((tier, ByRule("WDL-03", f"High risk, so a tier up: {'; '.join(person.risks)}.")))
    suspicion = person.signs.suspicion
    if suspicion == "none of these" and reasons and tier != "routine":
        suspicion = "device"
    watch, mild = _watch(person, suspicion), only_mild(person.signs, _grades(symptoms, look))
    actions = first_actions.in_order(suspicion, tier == "emergency", person.conditions, person.clinic, look, mild)
    return Triage(
        tier,
        suspicion,
        tuple(said for _, said in sorted(reasons, key=lambda reason: TIERS.index(reason[0]))),
        (*_pocket(person), *actions),
        DIFFERENTIAL if suspicion in ("withdrawal", "either") else (),
        tuple(first_actions.work_up(suspicion)),
        watch,
        look.now + watch if look is not None and watch is not None else None,
        tuple(ByRule(rule, text) for rule, text in (("WDL-11", _PRESSURE), ("WDL-04", _NO_TIME), ("OVD-07", _TONE))),
    )


def _tier(tiers: Collection[Tier]) -> Tier:
    return min(tiers, key=TIERS.index, default="routine")


def _up(tier: Tier) -> Tier:
    return TIERS[max(TIERS.index(tier) - 1, 0)]


# What is known ----------------------------------------------------------------------------------------------------------


def _presented(
    symptoms: Mapping[str, int],
    look: Look | None,
    since: Mapping[str, Duration],
    flags: Collection[str],
    tone: Tone | None,
    clinic: Clinic | None,
) -> Presented:
    given = {named("symptoms", name, "symptom").name: _grade(name, grade) for name, grade in symptoms.items()}
    conditions = {named("conditions", name, "flag").name for name in flags}
    charted = signs_of(look) if look is not None else Signs({}, Duration(0))
    ago = {name: at for name, at in charted.ago.items() if name not in given}
    ago |= {name: Duration(0) for name, grade in given.items() if grade}
    suspected = charted.suspected | (conditions & {WITHDRAWAL, OVERDOSE})
    tone = tone or tone_of(frozenset(ago), charted.tone == "normal")
    signs = Signs(dict(sorted(ago.items())), charted.begun, frozenset(suspected), tone)
    done = {**(_charted(look) if look is not None else {}), **_given(since)}
    risks = [words("conditions")[name].text for name in sorted(conditions & grouped("conditions", "withdrawal risk"))]
    if look is not None:
        conditions |= {name for name in look.known.conditions if look.known.present(name)}
        risks += [why for why, _ in high_risk(look)]
    settings = clinic or (look.clinic if look is not None else Clinic())
    return Presented(signs, done, tuple(risks), frozenset(conditions), settings, look)


def _grade(symptom: str, grade: int) -> int:
    if grade not in _GRADES:
        raise InputError(symptom, str(grade), "is not a grade", accepted=("0 gone", "1 mild", "2 moderate", "3 severe"))
    return grade


def _grades(symptoms: Mapping[str, int], look: Look | None) -> Mapping[str, int]:
    """The grade of each symptom: what is given counts before what is on the chart."""
    charted = sorted(look.known.symptoms, key=lambda fact: (fact.at.s, fact.grade)) if look is not None else []
    given = {named("symptoms", name, "symptom").name: grade for name, grade in symptoms.items()}
    return {**{fact.symptom: fact.grade for fact in charted}, **given}


def _given(since: Mapping[str, Duration]) -> dict[Done, Duration]:
    known: tuple[Done, ...] = get_args(Done)
    given: dict[Done, Duration] = {}
    for name, ago in since.items():
        what = next((what for what in known if what == name), None)
        if what is None:
            problem = "is nothing that is done to a pump"
            raise InputError("since", name, problem, accepted=known, nearest=nearest_name(name, known))
        given[what] = ago
    return given


def _charted(look: Look) -> dict[Done, Duration]:
    """What was done by the chart, and a refill that is overdue."""
    widest = max(look.limit(rule, name).value for rule, name in (("WDL-04", "manipulation"), ("OVD-01", "after")))
    done = dict(done_before(look, widest))
    due = refill_by(look.chart, look.sheet, RefillPolicy.default()) if look.sheet and has_pump(look) else None
    if due is not None and due.instant < look.now:
        done["missed refill"] = look.since(due.instant)
    return done


def _numbers(person: Presented, dose: DailyDose | None, therapy: Duration | None) -> Iterator[str]:
    """The risks that are numbers (WDL-03)."""
    most, longest = person.limit("WDL-03", "dose"), person.limit("WDL-03", "therapy")
    if dose is not None and dose.pg_per_day > most.value * 10**6:
        yield f"a dose of {dose}"
    if therapy is not None and therapy.s > longest.value * YEAR_S:
        yield f"an intrathecal therapy for {therapy.s / YEAR_S:.1f} years"


# Why --------------------------------------------------------------------------------------------------------------------


def _reasons(person: Presented) -> Iterator[_Reason]:
    yield from _for_withdrawal(person)
    yield from _for_overdose(person)
    yield from _for_device(person)
    pressure = person.signs.of("blood pressure")
    if pressure:
        yield "routine", ByRule("WDL-11", f"{named_signs(pressure)}: {_PRESSURE[0].lower()}{_PRESSURE[1:]}")


def _for_withdrawal(person: Presented) -> Iterator[_Reason]:
    signs = person.signs
    if signs.early and len(signs.early) >= person.limit("WDL-01", "early").value:
        yield "same day", ByRule("WDL-01", f"Early signs of withdrawal: {named_signs(signs.early)}.")
    if signs.severe and len(signs.severe) >= person.limit("WDL-01", "severe").value:
        yield "emergency", ByRule("WDL-01", f"Severe signs of withdrawal: {named_signs(signs.severe)}.")
    if WITHDRAWAL in signs.suspected:
        yield "same day", ByRule("WDL-02", "Somebody suspects a withdrawal.")
    if not signs.withdrawal_possible:
        return
    limit = person.limit("WDL-04", "manipulation")
    near = [f"{what} {person.done[what]} ago" for what in person.within(MANIPULATIONS, limit)]
    if near:
        yield "same day", ByRule("WDL-04", f"Within {limit} a cause in the pump is likelier: {', '.join(near)}.")
    yield "routine", ByRule("WDL-04", _NO_TIME)


def _for_overdose(person: Presented) -> Iterator[_Reason]:
    signs = person.signs
    near = person.within(CAUSES, person.limit("OVD-01", "after"))
    after = [what for what in near if any(signs.ago[name] <= person.done[what] for name in signs.overdose)]
    if signs.overdose:
        told = f"Features of an overdose: {named_signs(signs.overdose)}"
        when = f", {person.done[after[0]]} after {after[0]}" if after else ""
        yield ("emergency" if after or signs.grave else "same day"), ByRule("OVD-01", f"{told}{when}.")
    if OVERDOSE in signs.suspected:
        yield "emergency", ByRule("OVD-01", "Somebody suspects an overdose.")
    if signs.limp and (signs.overdose or signs.withdrawal_possible):
        yield "same day", ByRule("OVD-07", f"The tone is {signs.tone}, which argues for overdose.")


def _for_device(person: Presented) -> Iterator[_Reason]:
    signs, look = person.signs, person.look
    pocket = signs.of("pocket fill")
    if pocket:
        yield "emergency", ByRule("RPC-09", f"Drug may lie in the tissue around the pump: {named_signs(pocket)}.")
    if "missed refill" in person.done:
        yield "same day", ByRule("REF-10", f"A refill is overdue, by {person.done['missed refill']}.")
    if look is None:
        others = frozenset(signs.ago) if person.within(MANIPULATIONS, person.limit("WDL-04", "manipulation")) else frozenset()
    else:
        yield from _of_chart(look)
        others = frozenset(name for name in signs.ago if any(signs.ago[name] <= ago for ago in person.done.values()))
    if others and signs.suspicion == "none of these":
        yield "same day", ByRule("VIS-07", f"New soon after something was done to the pump: {named_signs(others)}.")


def _of_chart(look: Look) -> Iterator[_Reason]:
    """What the pump was heard or read to say."""
    recent = look.limit("WDL-01", "recent").value
    tones = {fact.tone for fact in look.known.alarms[-3:] if look.since(fact.at).s <= recent * HOUR_S}
    if "two-tone" in tones:
        yield "emergency", ByRule("DEV-03", "A two-tone alarm was heard: the drug may no longer flow.")
    if "single" in tones:
        yield "same day", ByRule("DEV-02", "A single tone was heard.")
    off = interruption(look)
    if off is not None and off.until is None:
        empty: Tier = "emergency" if EMPTY in off.why else "same day"
        yield empty, ByRule("REF-10" if EMPTY in off.why else "WDL-07", f"Nothing is infused: {off.in_words(look.now)}.")


def _pocket(person: Presented) -> Iterator[ByRule]:
    """What comes before all else where drug was injected into the tissue."""
    if person.signs.of("pocket fill"):
        yield ByRule("RPC-09", "Stop injecting, aspirate, monitor: an overdose comes first, a withdrawal may follow.")


def _watch(person: Presented, suspicion: Suspicion) -> Duration | None:
    """How long to watch: for the severe form of a withdrawal, and after an overdose for a withdrawal."""
    wanted: tuple[Limit, ...] = {
        "withdrawal": (person.limit("WDL-04", "watch"),),
        "overdose": (person.limit("OVD-06", "watch"),),
        "either": (person.limit("WDL-04", "watch"), person.limit("OVD-06", "watch")),
    }.get(suspicion, ())
    if person.signs.of("pocket fill"):
        wanted = (person.limit("WDL-04", "watch"), person.limit("OVD-06", "watch"))
    return Duration(int(max(limit.value for limit in wanted) * HOUR_S)) if wanted else None
