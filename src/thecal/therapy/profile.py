"""Profiles: what a payer (CAN-16) or a guideline for children (CAN-17) asks for, beside the clinical gates."""

from collections.abc import Iterator
from dataclasses import dataclass

from thecal.chart.vocabulary import grouped, words
from thecal.therapy.distribution import FOCAL, route
from thecal.therapy.finding import Finding
from thecal.therapy.indication import oral_failure
from thecal.therapy.look import Look
from thecal.therapy.reason import Reason, met, told
from thecal.timeline import Instant

UK_CBA = "UK-CBA"
GRADES: dict[str, dict[str, int]] = {
    "ashworth-0-4": {str(grade): grade + 1 for grade in range(5)},
    "ashworth-1-5": {str(grade): grade for grade in range(1, 6)},
    "modified-ashworth": {"0": 1, "1": 2, "1+": 2, "2": 3, "3": 4, "4": 5},
}
"""Each way to write an Ashworth score as the grade from 1 to 5 that it is at least (CON-04); 1+ lies between 2 and 3."""
VARIANT = "it does not say which Ashworth it means: it is read as the one from 1 to 5, on which 4 is the 3 of the one from 0 to 4"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that a payer asks for, whether it is met (None where the chart does not say), and what the chart says."""

    asks: str
    met: bool | None
    said: str
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class PayerResult:
    """What a payer's profile makes of a chart; ``note`` is what is ambiguous in the profile itself."""

    payer: str
    criteria: tuple[Criterion, ...]
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether all of it is met; None where something is not known and nothing is against it."""
        answers = {criterion.met for criterion in self.criteria}
        return False if False in answers else None if None in answers else True


def payer_results(look: Look) -> tuple[PayerResult, ...]:
    """What the profiles of the clinic's payers say; a payer without a profile here is left to the rules of coverage."""
    return (PayerResult(UK_CBA, tuple(_uk_cba(look)), VARIANT),) if UK_CBA in look.clinic.payers else ()


def of_payers(look: Look) -> Iterator[Reason]:
    """CAN-16: what the profile would hold against the person; a payer's gate blocks no clinical step (CON-10)."""
    for result in payer_results(look):
        for criterion in result.criteria:
            if criterion.finding is not None:
                yield told("review", criterion.finding)
            else:
                yield met("CAN-16", f"{UK_CBA}: {criterion.said}")


def of_children(look: Look) -> Iterator[Reason]:
    """CAN-17: in the UK, until the age at which a person counts as adult for titration."""
    age = look.age_years
    if look.clinic.jurisdiction != "UK" or age is None or age >= look.limit("TIT-05", "adult").value:
        return
    limit, level = look.limit("CAN-17", "GMFCS"), look.known.measure("GMFCS level")
    if level is not None and level.value < limit.value:
        asked = f"gross motor function of level {level.value:g}"
        advice = "Think of other ways first: a pump is for the graver levels."
        yield told("review", look.passed(limit, asked, f"level {limit.number} to 5", advice))
    if look.known.answer("distribution", "upper and lower limbs") is False:
        asked, allowed = "not both upper and lower limbs", "spasticity of both sides in upper and lower limbs"
        yield told("review", look.found("CAN-17", "advise", asked, allowed, "Ask whether a pump is the right way."))
    for condition in sorted(grouped("conditions", "paediatric concern") | {"seizure disorder"}):
        if look.known.present(condition):
            asked, advice = words("conditions")[condition].text, "Weigh it in the team, and tell surgeon and anesthetist."
            yield told("review", look.found("CAN-17", "advise", asked, "a review by the team", advice))


def _uk_cba(look: Look) -> Iterator[Criterion]:
    yield _severity(look)
    yield _oral(look)
    yield _botulinum(look)
    yield _exclusions(look)


def _criterion(look: Look, asks: str, met: bool | None, said: str) -> Criterion:
    if met:
        return Criterion(asks, met, said)
    asked = f"{UK_CBA}: {said}"
    return Criterion(asks, met, said, look.found("CAN-16", "warn", asked, asks, "Record it, or ask the payer for an exception."))


def _severity(look: Look) -> Criterion:
    ashworth, groups, penn = (look.limit("CAN-16", name) for name in ("Ashworth", "muscle groups", "Penn"))
    asks = f"Ashworth of at least {ashworth.number} (1 to 5) in {groups}, or Penn of at least {penn.number}"
    grades, spasms = _grades(look), _penn(look)
    so_spastic = sum(grade >= ashworth.value for grade in grades)
    literally = sum(grade - 1 >= ashworth.value for grade in grades)
    if spasms is not None and spasms >= penn.value:
        return Criterion(asks, True, f"Penn of {spasms:g}")
    said = f"Ashworth of at least {ashworth.number} (1 to 5) in {so_spastic} of {len(grades)} muscle groups"
    if so_spastic < groups.value:
        known = bool(grades) and spasms is not None
        spasm_words = f"Penn of {spasms:g}" if spasms is not None else "Penn not on record"
        return _criterion(look, asks, False if known else None, f"{said}, {spasm_words}")
    if literally >= groups.value:
        return Criterion(asks, True, said)
    said = f"{said}, which the scale from 0 to 4 would not call so"
    advice = "Name the variant of the scale to the payer."
    return Criterion(asks, True, said, look.found("CAN-16", "advise", f"{UK_CBA}: {said}", VARIANT, advice))


def _oral(look: Look) -> Criterion:
    asks = "the highest tolerated dose by mouth, or effects that cannot be borne"
    why = oral_failure(look)
    if why is not None and why[0] == "CAN-04":
        return Criterion(asks, True, why[1])
    reached = look.known.answer("oral trial", "maximum tolerated dose reached")
    said = {True: "was reached", False: "was not reached", None: "is not on record"}[reached]
    return _criterion(look, asks, reached, f"the highest tolerated dose by mouth {said}")


def _botulinum(look: Look) -> Criterion:
    asks = "botulinum toxin tried where it is apt"
    toxins = grouped("medicines", "botulinum toxin")
    if any(look.known.prescriptions.get(toxin) for toxin in toxins):
        return Criterion(asks, True, "botulinum toxin was tried")
    if any(look.known.answer("distribution", item) for item in FOCAL):
        return _criterion(look, asks, False, "no botulinum toxin on record for focal spasticity")
    if route(look).way == "open":
        return _criterion(look, asks, None, "whether botulinum toxin is apt is not on record")
    return Criterion(asks, True, "botulinum toxin is not apt for so wide a spasticity")


def _exclusions(look: Look) -> Criterion:
    asks = "no renal failure, uncontrolled epilepsy, severe unstable mental disease or active infection"
    names = sorted(grouped("conditions", "UK-CBA exclusion") | {"active infection"})
    present = [words("conditions")[name].text for name in names if look.known.present(name)]
    return _criterion(look, asks, not present, " and ".join(present) or "none of the exclusions on record")


def _before_tests(look: Look) -> Instant:
    return look.known.tests[0].at if look.known.tests else look.now


def _grades(look: Look) -> list[float]:
    """The grades from 1 to 5 before any test: of the muscle groups on the scale that was used last, or of legs and arms."""
    until = _before_tests(look)
    scored = {scale: _latest_of_parts(look, scale, until) for scale in GRADES}
    used = max(((max(at for at, _ in parts.values()), scale) for scale, parts in scored.items() if parts), default=None)
    if used is not None:
        return [float(-grade) for _, grade in scored[used[1]].values()]
    examined = [fact for fact in look.known.assessments if fact.at <= until]
    means = (examined[-1].ashworth_legs, examined[-1].ashworth_arms) if examined else ()
    return [mean for mean in means if mean is not None]


def _latest_of_parts(look: Look, scale: str, until: Instant) -> dict[str, tuple[Instant, int]]:
    """When each part was scored last, and the grade, negative, so that of two raters at once the lower one counts."""
    latest: dict[str, tuple[Instant, int]] = {}
    for fact in look.known.scores.get(scale, ()):
        if fact.at <= until and fact.score in GRADES[scale]:
            part, noted = fact.part or "", (fact.at, -GRADES[scale][fact.score])
            latest[part] = max(latest.get(part, noted), noted)
    return latest


def _penn(look: Look) -> float | None:
    """The spasm frequency before any test, as it was noted last."""
    until = _before_tests(look)
    noted = [(fact.at, float(fact.score)) for fact in look.known.scores.get("penn-frequency", ()) if fact.at <= until]
    noted += [(fact.at, fact.spasm_penn) for fact in look.known.assessments if fact.at <= until and fact.spasm_penn is not None]
    return max(noted)[1] if noted else None
