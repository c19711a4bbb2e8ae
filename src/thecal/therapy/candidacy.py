"""Candidacy: who may be helped by a pump, who not, and by which way."""

from dataclasses import dataclass
from typing import Literal

from thecal.therapy import distribution, exclusion, indication, profile
from thecal.therapy.bolus import exhausted
from thecal.therapy.distribution import Route, route
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.look import Checks, Look
from thecal.therapy.profile import PayerResult, payer_results
from thecal.therapy.reason import Judge, Reason, findings_of

Standing = Literal["candidate", "not a candidate", "not decided yet"]
_JUDGES: dict[str, Judge] = {
    "CAN-01": indication.severity_and_origin,
    "CAN-02": indication.interferes,
    "CAN-03": indication.tried_by_mouth,
    "CAN-04": indication.intolerance_coded,
    "CAN-05": indication.physical_management,
    "CAN-06": indication.weakness,
    "CAN-07": distribution.distribution,
    "CAN-08": exclusion.contraindications,
    "CAN-09": exclusion.concerns,
    "CAN-10": exclusion.no_exclusions,
    "CAN-11": indication.referral,
    "CAN-12": indication.before_test,
    "CAN-13": exclusion.injured_lately,
    "CAN-14": exclusion.age_and_size,
    "CAN-15": exclusion.device_stops,
    "CAN-17": profile.of_children,
}


@dataclass(frozen=True, slots=True)
class Candidacy:
    """Where the decision on a pump stands: every reason, the way that the distribution speaks for, and what payers would say.

    A payer's answer changes nothing of ``standing`` (CON-10).
    """

    standing: Standing
    route: Route
    reasons: tuple[Reason, ...]
    payers: tuple[PayerResult, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is to be done, the gravest first."""
        return ordered(reason.finding for reason in self.reasons if reason.finding is not None)

    def told(self, verdict: str) -> tuple[tuple[str, str], ...]:
        """The reasons of one verdict (met, missing, against, review), as rule and text."""
        return tuple((reason.rule, reason.text) for reason in self.reasons if reason.verdict == verdict)


def candidacy(look: Look) -> Candidacy:
    """Where the decision on a pump stands by what is on the chart now."""
    reasons = tuple(dict.fromkeys(reason for judge in _JUDGES.values() for reason in judge(look)))
    none_left = exhausted(look)
    if none_left is not None:
        reasons = (*reasons, Reason("SCR-05", "against", none_left))
    verdicts = {reason.verdict for reason in reasons}
    standing: Standing = "candidate"
    if "against" in verdicts:
        standing = "not a candidate"
    elif "missing" in verdicts:
        standing = "not decided yet"
    return Candidacy(standing, route(look), reasons, payer_results(look))


def undecided(look: Look) -> bool:
    """Whether candidacy is a question: somebody asks for a pump, none was implanted, and the way to it is not closed."""
    known = look.known
    if known.implanted is not None or known.closed is not None:
        return False
    asked = known.referred is not None or bool(known.tests) or any(name in _ASKS for name, _ in known.answers)
    return asked or any(booking.visit in _VISITS for booking in known.bookings)


_ASKS = frozenset({"impact", "oral trial", "before test", "relative concerns"})
_VISITS = frozenset({"referral", "assessment", "screening test", "implant"})


CHECKS: Checks = {rule: findings_of(judge, undecided) for rule, judge in _JUDGES.items()} | {
    "CAN-16": findings_of(profile.of_payers, undecided)
}
