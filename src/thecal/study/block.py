"""A block of people through every arm of a protocol: the rows that come of it.

What becomes of a person in an arm depends on the protocol, the seed and the person's number alone, to the last bit: not on the
block, nor on who else is in it.
"""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from thecal.body.engine import Engine, engine_for
from thecal.chart.facts import Assessed
from thecal.study.bodies import ARMS, WEAKNESS, Bodies, Looks, spent
from thecal.study.course import BEFORE_DAYS, Course, Entry
from thecal.study.design import Protocol
from thecal.study.fate import Fate
from thecal.study.people import People
from thecal.study.pump_course import PumpCourse
from thecal.study.rows import Failure, Rows, Watched
from thecal.study.titration import Screening, first_doses, screen
from thecal.study.treatment import Treatment
from thecal.timeline import DAY_S, Instant
from thecal.twin.exposure import Exposure

START = Instant(1_767_258_000)
"""2026-01-01 09:00 UTC: a study is a calendar of its own, which begins for everybody here."""
_PG_PER_MG = 10**9
_MANY = 10**6
_ROUNDING = 1e-6  # of hours
_KEPT = ("ashworth_legs", ARMS, "spasm_penn", "withdrawal_index")


def run_block(protocol: Protocol, numbers: Sequence[int]) -> Rows:
    """The rows of some people in every arm; who fails in an arm is named, and the others go on."""
    people = protocol.population.people(protocol.seed, numbers)
    engine = engine_for(_MANY)
    rows = Rows.empty()
    screening = screen(people.patients, engine) if any(arm.screening for arm in protocol.arms) else None
    failures: list[Failure] = []
    for arm in protocol.arms:
        followed = _Arm(protocol, arm, people, screening, engine)
        followed.follow()
        followed.add_to(rows)
        failures += [Failure(people.persons[n].number, arm.name, error) for n, error in sorted(followed.failed.items())]
    return Rows(rows.tables, tuple(failures))


class _Arm:
    """Some people in one arm."""

    def __init__(self, protocol: Protocol, arm: Treatment, people: People, screening: Screening | None, engine: Engine) -> None:
        self.protocol, self.arm, self.people = protocol, arm, people
        self.screening = screening if arm.screening else None
        self.end = Instant(START.s + protocol.follow_up_days * DAY_S)
        also = (ARMS,) * protocol.upper_limbs + (WEAKNESS,) * bool(protocol.walking)
        self.bodies = Bodies(people.patients, engine, also)
        self.failed: dict[int, str] = {}
        count = len(people.persons)
        apart = arm.world["episode_days"]
        self.withdrawal = Watched.of(count, protocol.withdrawal_level, apart)
        self.overdose = Watched.of(count, protocol.overdose_level, apart)
        self.looks = 0
        self.on_target, self.walking = np.zeros(count), np.zeros(count)
        self.visited: list[list[dict[str, Any]]] = [[] for _ in range(count)]
        self.first = np.full(count, np.nan)
        if self.screening is not None:
            self.first[self.screening.responders] = first_doses(self.screening)
        if arm.first_mcg_per_day is not None:
            self.first = np.where(np.isnan(self.first) & (self.screening is not None), np.nan, arm.first_mcg_per_day)
        self.courses: list[Course | None] = [None] * count
        self.seen: list[list[dict[str, float | None]]] = [[] for _ in range(count)]

    def follow(self) -> None:
        """From the start to the end, visit by visit."""
        for n in range(len(self.courses)):
            self._try(n, self._begin)
            self._try(n, partial(self._reach, until=START))
        before = self._looks(START.s - BEFORE_DAYS * DAY_S, START.s) if self.arm.tablets_before else None
        for n in range(len(self.courses)):
            self._try(n, partial(self._first_visit, before=before))
        days = (0, *self.protocol.visit_days)
        for low, high in pairwise(START.s + day * DAY_S for day in days):
            for n in range(len(self.courses)):
                self._try(n, partial(self._reach, until=Instant(high)))
            looks = self._looks(low, high)
            self._watch(looks)
            for n in range(len(self.courses)):
                self._try(n, partial(self._visit, looks=looks))

    def _try(self, n: int, step: Callable[[int], None]) -> None:
        """One step of one person; whatever goes wrong in it, also in a policy, is that person's failure."""
        if n in self.failed:
            return
        try:
            step(n)
        except (Exception, SystemExit):  # noqa: BLE001  # a policy may raise anything, or end itself, and the rest goes on
            self._fail(n, traceback.format_exc())

    def _fail(self, n: int, error: str) -> None:
        self.failed[n], self.courses[n] = error, None

    def _course(self, n: int) -> Course:
        course = self.courses[n]
        assert course is not None  # who failed is not asked
        return course

    def _reach(self, n: int, until: Instant) -> None:
        self._course(n).reach(until)

    def _begin(self, n: int) -> None:
        person, arm = self.people.persons[n], self.arm
        exposure = Exposure(self.people.patients)  # it only gathers what this one is given: the block is propagated together
        fate = Fate(self.protocol.seed, person.number, arm.world)
        responded = not np.isnan(self.first[n])
        screened = None
        if self.screening is not None and responded:
            screened = (float(self.screening.bolus_mcg[n]), float(self.screening.hours[n]))
        entry = Entry(arm, person, exposure, fate, START, self.end, screened)
        if arm.has_pump and responded:
            self.courses[n] = PumpCourse(entry, float(self.first[n]), implant=arm.route == "pump")
        else:
            self.courses[n] = Course(entry)

    def _first_visit(self, n: int, before: Looks | None) -> None:
        if before is not None:
            self._visit(n, before)
            return
        legs, arms, spasm = (float(self.people.patients[name][n]) for name in ("legs_ashworth", "arms_ashworth", "spasm_penn"))
        self._meet(n, START, legs, arms if self.protocol.upper_limbs else None, spasm)

    def _looks(self, low: int, high: int) -> Looks:
        exposures = [course.world.exposure if course else None for course in self.courses]
        looks = self.bodies.advance(exposures, low, high, self.protocol.look_s)
        for n, error in looks.failures.items():
            self._fail(n, error)
        return looks

    def _watch(self, looks: Looks) -> None:
        """Count what the looks show, of each the end of the time that it stands for."""
        first_s, step_s, protocol = looks.grid.start_s + looks.grid.step_s, looks.grid.step_s, self.protocol
        seen = {name: values[:, 1:] for name, values in looks.values.items()}
        counted = [course is not None and (course.has_pump or not self.arm.has_pump) for course in self.courses]
        who = np.array(counted)[:, None]
        self.withdrawal.see(np.where(who, seen["withdrawal_index"], 0.0), first_s, step_s)
        self.overdose.see(np.where(who, seen["overdose_index"], 0.0), first_s, step_s)
        self._keep(looks)
        self.looks += seen["ashworth_legs"].shape[1]
        self.on_target += np.sum(seen["ashworth_legs"] <= protocol.target_ashworth, axis=1)
        if protocol.walking is not None:
            ashworth, weakness = protocol.walking
            self.walking += np.sum((seen["ashworth_legs"] <= ashworth) & (seen[WEAKNESS] <= weakness), axis=1)

    def _keep(self, looks: Looks) -> None:
        """Every look of the first hours, where the protocol asks for them."""
        hours = looks.grid.hours - START.s / 3600
        for look in np.flatnonzero(hours <= self.protocol.course_hours + _ROUNDING) if self.protocol.course_hours else ():
            for n, kept in enumerate(self.seen):
                if not kept or (kept[-1]["hour"] or 0.0) < hours[look]:
                    values = {name: float(looks.values[name][n, look]) if name in looks.values else None for name in _KEPT}
                    kept.append({"hour": round(float(hours[look]), 6), **values})

    def _visit(self, n: int, looks: Looks) -> None:
        legs, spasm = (float(looks.values[name][n, -1]) for name in ("ashworth_legs", "spasm_penn"))
        arms = float(looks.values[ARMS][n, -1]) if ARMS in looks.values else None
        course, exposure = self._course(n), self._course(n).world.exposure
        assert exposure is not None  # every course has a body
        if looks.grid.end_s > START.s:
            course.under_dose.count(exposure.infusions, looks.grid.start_s, looks.grid.end_s)
        course.world = replace(course.world, exposure=spent(exposure, looks.grid.end_s))
        self._meet(n, Instant(looks.grid.end_s), legs, arms, spasm)

    def _meet(self, n: int, at: Instant, legs: float, arms: float | None, spasm: float) -> None:
        """The visit itself: what is found, what was being given, and what is decided."""
        course, tenths = self._course(n), [None if score is None else round(score, 1) for score in (legs, arms, spasm)]
        given = {"mcg_per_day": course.mcg_per_day, "tablets_mg_per_day": course.taken.mg_per_day}
        found = {"ashworth_legs": legs, "ashworth_arms": arms, "spasm_penn": spasm}
        self.visited[n].append({"day": round(course.day(at)), **found, **given})
        if at == self.end:
            return  # nothing is decided any more
        course.visit(Assessed(at, *tenths))
        if course.implanted is None:
            course.reach(at)  # what happens to a pump is known from its implant on

    def add_to(self, rows: Rows) -> None:
        """The rows of those who were followed to the end."""
        for n, course in enumerate(self.courses):
            if course is None:
                continue
            who = {"patient": course.person.number, "arm": self.arm.name}
            rows.add("patients", {**who, **self._row(n, course)})
            for visit in self.visited[n]:
                rows.add("visits", {**who, **visit})
            for look in self.seen[n]:
                rows.add("course", {**who, **look})
            for day, kind, detail in course.tally.events:
                rows.add("events", {**who, "day": day, "kind": kind, "detail": detail})

    def _row(self, n: int, course: Course) -> dict[str, Any]:
        person, protocol, tally = course.person, self.protocol, course.tally
        first, last = self.visited[n][0], self.visited[n][-1]
        change = last["ashworth_legs"] - first["ashworth_legs"]
        ledger, since, implanted = course.world.ledger, course.implanted, course.implanted is not None
        wasted_pg = ledger.withdrawn.amount_pg + ledger.wasted.amount_pg
        firsts = {name: tally.first_days.get(name) for name in ("catheter", "pump", "infection")}
        firsts["withdrawal"], firsts["overdose"] = _day(self.withdrawal.first_s[n]), _day(self.overdose.first_s[n])
        before, end_day = course.day(since) if since is not None else 0.0, course.day(self.end)
        days = {name: None if day is None else day - before for name, day in firsts.items()}
        return {
            "stratum": person.stratum,
            "origin": person.origin,
            "sheet": person.sheet,
            "age_years": person.age_years,
            "crcl_ml_per_min": person.crcl_ml_per_min,
            "tip_level": person.tip_level if implanted else None,
            "pump": person.pump if implanted else None,
            "catheter": person.catheter if implanted else None,
            "screened": self.screening is not None,
            "responded": self.screening is not None and course.screened is not None,
            "implanted": implanted,
            "follow_up_days": float(protocol.follow_up_days),
            "since_implant_days": None if since is None else min(tally.first_days.get("explant", end_day), end_day) - before,
            "pump_days": course.pump_days,
            "ashworth_before": first["ashworth_legs"],
            "ashworth_after": last["ashworth_legs"],
            "ashworth_change": change,
            "responder": -change >= protocol.response_ashworth,
            "spasm_before": first["spasm_penn"],
            "spasm_after": last["spasm_penn"],
            "spasm_change": last["spasm_penn"] - first["spasm_penn"],
            "target_tone_percent": 100 * float(self.on_target[n]) / self.looks,
            "walking_percent": None if protocol.walking is None else 100 * float(self.walking[n]) / self.looks,
            "withdrawal_episodes": int(self.withdrawal.count[n]),
            "overdose_episodes": int(self.overdose.count[n]),
            "refills": tally.refills,
            "refills_late": tally.refills_late,
            "drug_filled_mg": ledger.vial.amount_pg / _PG_PER_MG,
            "drug_wasted_mg": wasted_pg / _PG_PER_MG,
            "underdosed_hours": course.under_dose.hours,
            "unnoticed_hours": course.under_dose.unnoticed_hours,
            "mcg_per_day_first": tally.mcg_per_day_first,
            "mcg_per_day_last": last["mcg_per_day"],
            "tablets_mg_per_day_last": last["tablets_mg_per_day"],
            "revisions": tally.revisions,
            "pump_replacements": tally.pump_replacements,
            "infections": tally.infections,
            "first_catheter_day": days["catheter"],
            "first_pump_day": days["pump"],
            "first_infection_day": days["infection"],
            "first_withdrawal_day": days["withdrawal"],
            "first_overdose_day": days["overdose"],
        }


def _day(second: float) -> float | None:
    return None if np.isnan(second) else (second - START.s) / DAY_S
