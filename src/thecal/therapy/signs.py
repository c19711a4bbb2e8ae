"""Signs of withdrawal and overdose: what is there, which of the two it argues for, and what was done to the pump before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from thecal.chart.clinical import Noticed
from thecal.chart.facts import Fact, Ordered, PortUsed, Revised
from thecal.chart.order import OrderBolus
from thecal.chart.vocabulary import grouped
from thecal.therapy.look import Look
from thecal.therapy.memo import of_last_look
from thecal.timeline import HOUR_S, Duration, Instant

Suspicion = Literal["withdrawal", "overdose", "either", "device", "none of these"]
Tone = Literal["limp", "normal", "high"]
Done = Literal["bolus", "refill", "programming", "MRI", "surgery", "missed refill"]
WITHDRAWAL, OVERDOSE = "withdrawal suspected", "overdose suspected"
_SUSPECTED = (WITHDRAWAL, OVERDOSE)
_NORMAL_ASHWORTH = 1.0  # of a scale from 1 to 5
_VISITS: Mapping[str, Done] = {
    "refill": "refill",
    "home refill": "refill",
    "MRI": "MRI",
    "surgery": "surgery",
    "implant": "surgery",
    "replacement": "surgery",
    "explant": "surgery",
}


@dataclass(frozen=True, slots=True)
class Signs:
    """What is there now. ``ago`` holds, by symptom, how long ago it was last reported, ``begun`` how long ago the first of them.

    ``suspected`` are the conditions of a suspicion that somebody noticed.
    """

    ago: Mapping[str, Duration]
    begun: Duration
    suspected: frozenset[str] = frozenset()
    tone: Tone | None = None

    def of(self, group: str) -> frozenset[str]:
        """Those of a group of symptoms."""
        return frozenset(self.ago) & grouped("symptoms", group)

    @property
    def early(self) -> frozenset[str]:
        return self.of("early withdrawal")

    @property
    def severe(self) -> frozenset[str]:
        return self.of("severe withdrawal")

    @property
    def overdose(self) -> frozenset[str]:
        """Features of an overdose, limp muscles among them."""
        return self.of("overdose") | self.of("overdose tone")

    @property
    def grave(self) -> frozenset[str]:
        """Features of an overdose that are no mere side effect."""
        return self.of("overdose") - (self.of("side effect") - self.of("screening stop"))

    @property
    def limp(self) -> bool:
        """Whether the tone argues for an overdose (OVD-07)."""
        return self.tone in ("limp", "normal")

    @property
    def for_withdrawal(self) -> bool:
        """Whether something argues for withdrawal that an overdose does not show as well, and that is not only blood pressure."""
        signs = (self.early | self.severe) - self.of("withdrawal or overdose") - self.of("blood pressure")
        return bool(signs) or WITHDRAWAL in self.suspected

    @property
    def for_overdose(self) -> bool:
        """Whether something argues for an overdose that a withdrawal does not show as well."""
        return bool(self.overdose - self.of("withdrawal or overdose")) or OVERDOSE in self.suspected

    @property
    def suspicion(self) -> Suspicion:
        """Which of the two they argue for. Limp muscles decide only where nothing but unspecific signs speaks against them."""
        if self.for_withdrawal and self.for_overdose:
            clear = self.tone == "high" or WITHDRAWAL in self.suspected
            drug = bool(self.of("overdose") - self.of("withdrawal or overdose")) or OVERDOSE in self.suspected
            return "overdose" if self.limp and drug and not clear else "either"
        if self.for_withdrawal:
            return "either" if self.limp else "withdrawal"
        if self.for_overdose:
            return "overdose"
        return "either" if self.early or self.severe else "none of these"

    @property
    def withdrawal_possible(self) -> bool:
        """Whether any sign of withdrawal is there, or somebody suspects it."""
        return bool(self.early or self.severe) or WITHDRAWAL in self.suspected

    @property
    def active_withdrawal(self) -> bool:
        """Whether a restart may not wait (SAF-06): a sign of withdrawal is there, or somebody suspects it.

        Where an overdose is in question, signs that both of them show do not count alone.
        """
        return self.for_withdrawal or (self.withdrawal_possible and not self.for_overdose)


@of_last_look
def signs_of(look: Look) -> Signs:
    """What a chart says is there: the latest report of each symptom, of one instant the worst grade."""
    since_s = look.now.s - look.limit("WDL-01", "recent").value * HOUR_S
    latest: dict[str, tuple[Instant, int]] = {}
    first: dict[str, Instant] = {}
    for report in reversed(look.known.symptoms):
        if report.at.s < since_s:
            break
        at, grade = latest.get(report.symptom, (report.at, report.grade))
        latest[report.symptom] = (at, max(grade, report.grade) if report.at == at else grade)
        if report.grade > 0:
            first[report.symptom] = report.at
    ago = {name: look.since(at) for name, (at, grade) in sorted(latest.items()) if grade > 0}
    suspected = frozenset(name for name in _SUSPECTED if look.known.present(name))
    of_withdrawal = grouped("symptoms", "early withdrawal") | grouped("symptoms", "severe withdrawal")
    begins = [first[name] for name in ago if name in of_withdrawal]
    begins += [look.known.conditions[name].at for name in suspected if name == WITHDRAWAL]
    if not begins:
        begins = [*(first[name] for name in ago), *(look.known.conditions[name].at for name in suspected)]
    begun = look.since(min(begins, default=look.now))
    return Signs(ago, begun, suspected, tone_of(frozenset(ago), _normal(look, begun)))


def tone_of(symptoms: frozenset[str], normal: bool = False) -> Tone | None:
    """The tone that symptoms tell of; ``normal`` says that an examiner found no more than that."""
    if symptoms & grouped("symptoms", "overdose tone"):
        return "limp"
    if symptoms & grouped("symptoms", "tone returned"):
        return "high"
    return "normal" if normal else None


def _normal(look: Look, begun: Duration) -> bool:
    """Whether the last examination since the first sign found no raised tone in the legs."""
    examined = [fact for fact in look.known.assessments[-3:] if look.since(fact.at) <= begun and fact.ashworth_legs is not None]
    last = [fact.ashworth_legs for fact in examined if fact.at == examined[-1].at]
    return bool(last) and all(score is not None and score <= _NORMAL_ASHWORTH for score in last)


def begun_at(look: Look, signs: Signs) -> Instant:
    """When the first of the signs was reported."""
    return Instant(look.now.s - signs.begun.s)


def lately(look: Look, hours: float) -> Iterator[Fact]:
    """The facts of the last hours, the latest first."""
    for fact in reversed(look.chart.facts):
        if fact.at.s < look.now.s - hours * HOUR_S:
            return
        yield fact


def noticed_overdose(look: Look, hours: float) -> Instant | None:
    """When an overdose was first suspected within the last hours, whether it still is or not."""
    seen = [fact.at for fact in lately(look, hours) if isinstance(fact, Noticed) and fact.condition == OVERDOSE and fact.present]
    return min(seen, default=None)


def done_before(look: Look, hours: float) -> Mapping[Done, Duration]:
    """How long ago each thing was last done to pump or person, as far as that was within the last hours."""
    ago: dict[Done, Duration] = {}
    for what, at in _done(look, hours):
        since = look.since(at)
        if since.s <= hours * HOUR_S:
            ago[what] = min(since, ago.get(what, since))
    return ago


def _done(look: Look, hours: float) -> Iterator[tuple[Done, Instant]]:
    known = look.known
    yield from (("refill", fill.at) for fill in known.fills[-1:])
    yield from (("programming", session.at) for session in known.sessions[-1:])
    yield from (("MRI", scan.at) for scan in known.scans[-1:])
    yield from (("bolus", test.at) for test in known.tests[-1:])
    yield from (("surgery", fact.at) for fact in (known.implanted, known.explanted, *known.replaced[-1:]) if fact is not None)
    if look.chart.uncertain is not None:
        yield "programming", look.chart.uncertain.at
    yield from ((_VISITS[visit.visit], visit.at) for visit in known.visits[-5:] if visit.visit in _VISITS)
    for fact in lately(look, hours):
        match fact:
            case Revised():
                yield "surgery", fact.at
            case PortUsed() | Ordered(order=OrderBolus()):
                yield "bolus", fact.at


def on_baclofen(look: Look) -> bool:
    """Whether there is a pump, or baclofen was ever given by any route."""
    known = look.known
    return bool(known.implanted or known.tests or known.fills or known.prescriptions.get("baclofen"))


def has_pump(look: Look) -> bool:
    """Whether a pump is in place."""
    return look.chart.implanted is not None


def named_signs(names: frozenset[str]) -> str:
    """Symptoms as a list in words."""
    return ", ".join(sorted(names))
