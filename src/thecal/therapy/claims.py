"""Claims: the codes of a day of service against what the chart shows of that day.

A claim is the checklist of that name, answered at its day of service.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date

from thecal.chart.vocabulary import words
from thecal.quantity import Amount, Concentration, Volume
from thecal.therapy.codes import Shows, code_named, codes_valid, units
from thecal.therapy.finding import Finding
from thecal.therapy.look import Check, Checks, Look
from thecal.timeline import Instant

CLAIM = "claim"
PERFORMER = "claim performer", "physician or qualified professional"
_DRUG, _TRIAL_DRUG = "J0475", "J0476"
_DISCARDED = "JW", "JZ"


def claims(look: Look) -> Mapping[date, tuple[str, ...]]:
    """The codes that were claimed, by day of service; of a code that was claimed several times, the last."""
    found: dict[date, list[str]] = defaultdict(list)
    for code in words("checklists")[CLAIM].items:
        answered = look.known.answers.get((CLAIM, code))
        if answered is not None and answered.yes:
            found[answered.at.date(look.zone)].append(code)
    return {day: tuple(codes) for day, codes in sorted(found.items())}


def discarding(look: Look) -> Iterator[Finding]:
    """BIL-14: a drug is claimed in the US with what was discarded of it, or that nothing was."""
    if look.clinic.jurisdiction != "US":
        return
    for day, codes in claims(look).items():
        if _DRUG in codes and not set(_DISCARDED) & set(codes):
            asked, advice = f"{_DRUG} on {day} without a modifier", "Record what was discarded, and add JW, or JZ for nothing."
            yield look.found("BIL-14", "advise", asked, f"{_DRUG} with {' or '.join(_DISCARDED)}", advice)


def _by_code(rule: str) -> Check:
    """BIL-04, BIL-10 and BIL-11: codes against each other and against their days."""

    def check(look: Look) -> Iterator[Finding]:
        for day, codes in claims(look).items():
            yield from (finding for finding in codes_valid(codes, day) if finding.rule == rule)

    return check


def _reprogramming(look: Look) -> Iterator[Finding]:
    """BIL-05."""
    physician = look.known.answers.get(PERFORMER)
    for day, codes in claims(look).items():
        performed = physician is not None and physician.yes and physician.at.date(look.zone) == day
        for code in codes:
            asks = code_named(code).asks
            if "change" in asks and _shows(look, "session", day) and not _shows(look, "change", day):
                asked = f"{code} on {day}, where the dose did not change"
                allowed = "a record of what was changed: payers dispute whether volume and refill date count"
                yield look.found("BIL-05", "advise", asked, allowed, "Write down what was changed, or report no reprogramming.")
            if "physician" in asks and not performed:
                asked, allowed = f"{code} on {day}, with nobody named who performed it", f"{code} where a {PERFORMER[1]} did"
                yield look.found("BIL-05", "warn", asked, allowed, "Record who performed it, or report 62369.")
            if "staff" in asks and performed:
                asked, allowed = f"{code} on {day}, performed by a {PERFORMER[1]}", f"{code} where staff did"
                yield look.found("BIL-05", "advise", asked, allowed, "See whether 62370 says what was done.")


def _shown(look: Look) -> Iterator[Finding]:
    """BIL-06: what a code stands for is on the chart of its day."""
    for day, codes in claims(look).items():
        for code in codes:
            missing = [name for name in code_named(code).asks if name in ("session", "fill") and not _shows(look, name, day)]
            if missing:
                asked = f"{code} on {day}, with no {' and no '.join(missing)} on the chart of that day"
                yield look.found(
                    "BIL-06", "warn", asked, "a code that the chart bears out", "Report what was done, or record it."
                )


def _units(look: Look) -> Iterator[Finding]:
    """BIL-08: the units on a claim against what was given that day."""
    for day, codes in claims(look).items():
        for code in (code for code in (_DRUG, _TRIAL_DRUG) if code in codes):
            stated = [fact.value for fact in look.known.measures.get(f"units of {code}", ()) if _on(look, fact.at, day)]
            given = _given_units(look, code, day)
            if not given:
                asked = f"{code} on {day}, with no {'fill' if code == _DRUG else 'screening test'} on the chart of that day"
                yield look.found("BIL-08", "warn", asked, "drug that was given", "Record what was given, or take the code back.")
            elif stated and any(value != given for value in stated):
                asked = f"{', '.join(f'{value:g}' for value in sorted(stated))} units of {code} on {day}"
                yield look.found(
                    "BIL-08", "warn", asked, f"{given} for what was given", "Correct the units before the claim leaves."
                )


def _given_units(look: Look, code: str, day: date) -> int:
    """The units that the fills, or the screening tests, of a day make."""
    given: list[tuple[Volume, Concentration]]
    if code == _DRUG:
        given = [(fact.volume, fact.concentration) for fact in look.known.fills if _on(look, fact.at, day)]
    else:
        tests = [fact for fact in look.known.tests if _on(look, fact.at, day)]
        given = [(_volume(fact.dose, fact.concentration), fact.concentration) for fact in tests]
    return sum(units(code, volume, concentration) for volume, concentration in given)


def _volume(dose: Amount, concentration: Concentration) -> Volume:
    return Volume(-(-dose.pg // concentration.mcg_per_ml))


def _shows(look: Look, what: Shows, day: date) -> bool:
    return any(_on(look, at, day) for at in _INSTANTS[what](look)) if what in _INSTANTS else True


def _on(look: Look, at: Instant, day: date) -> bool:
    return at.date(look.zone) == day


_INSTANTS: Mapping[Shows, Callable[[Look], Iterator[Instant]]] = {
    "session": lambda look: (fact.at for fact in look.known.interrogations),
    "change": lambda look: (fact.at for fact in look.known.doses if fact.dose is not None),
    "fill": lambda look: (fact.at for fact in look.known.fills),
}

CHECKS: Checks = {
    "BIL-04": _by_code("BIL-04"),
    "BIL-05": _reprogramming,
    "BIL-06": _shown,
    "BIL-08": _units,
    "BIL-10": _by_code("BIL-10"),
    "BIL-11": _by_code("BIL-11"),
}
