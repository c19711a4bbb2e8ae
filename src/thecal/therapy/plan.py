"""Plans: what is to be done on which day, and what each day rests on."""

from dataclasses import dataclass

from thecal.therapy.finding import Finding
from thecal.timeline import Instant


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One thing to be done at an instant: ``what`` in a few words, ``detail`` in a sentence, by a rule."""

    at: Instant
    what: str
    rule: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order of time. ``findings`` say what stands against the plan or must come with it, ``notes`` what it rests on."""

    title: str
    steps: tuple[PlanStep, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
