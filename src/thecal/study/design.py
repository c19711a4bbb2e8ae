"""The design of a study: one file, read into a protocol whose hash stands for all that decides its rows."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Any

from thecal.datum import data_names
from thecal.errors import InputError
from thecal.study.endpoint import Endpoint, endpoint
from thecal.study.enrollment import read_population
from thecal.study.own_policy import named_policy, policy_file, read_policy_file
from thecal.study.people import Population
from thecal.study.population import WORD_MAX
from thecal.study.protocol_document import ArmTable, PublishedTable, StudyRefillsTable, StudyTable
from thecal.study.setting import Settings, study_settings
from thecal.study.titration import titration_days
from thecal.study.treatment import STOCKED, RefillPlan, Treatment
from thecal.timeline import DAY_S, HOUR_S, Duration
from thecal.twin.reading import Found, read_plain

BEGINS = "study = 1, a title, a seed, patients, follow_up, endpoints and an [[arm]]"
LIMITS = (
    "The patients are computed. What the body model does not hold (pain, the course of an infection, mood, learning, care at "
    "home) is in no result.",
    "Human EC50 and ke0 of the effect on tone are derived, not published; doses that come of them are as uncertain.",
    "Rates of faults are those of published series; how long a fault stays unnoticed and who misses a refill are settings, "
    "unless a source stands beside them.",
    "Everybody is examined at 09:00 by the pump's clock. Where a dose changes over the day, scores at visits, and what a policy "
    "makes of them, are those of that hour; time in target tone is of all hours.",
    "A patient's pumps all have that patient's flow bias; two pumps of one person do not differ.",
    "People neither die nor leave. Times since an implant end with the follow-up, or when the pump is taken out.",
    "A look before the end is of another time after the start than the end is; its boundary is that of a trial in which patients "
    "come in one after another, and is shown for comparison.",
)
_LOOK = Duration(6 * HOUR_S)
_LATER_DAYS = 90  # between visits once titration is over
_SHOWN = ("title", "sources", "limits", "published", "endpoints", "interim")


@dataclass(frozen=True, slots=True)
class Protocol:
    """A study as designed. ``visit_days`` are rising and end with the follow-up; the first arm is the ``reference``.

    Every look in the first ``course_hours`` is kept; scores of the ``upper_limbs`` too where asked for. ``walking`` are the
    largest Ashworth score and weakness index at which the walking proxy holds, None where the protocol does not define it.
    ``text`` and ``policy_files`` are all that it was read from; ``hash`` is the SHA-256 of all that decides the rows.
    """

    name: str
    path: str
    text: str
    policy_files: tuple[tuple[str, str], ...]
    title: str
    seed: int
    patients: int
    follow_up_days: int
    visit_days: tuple[int, ...]
    block: int
    look_s: int
    course_hours: float
    upper_limbs: bool
    population: Population
    arms: tuple[Treatment, ...]
    endpoints: tuple[Endpoint, ...]
    interim_days: tuple[int, ...]
    response_ashworth: float
    target_ashworth: float
    withdrawal_level: float
    overdose_level: float
    walking: tuple[float, float] | None
    published: tuple[PublishedTable, ...]
    limits: tuple[str, ...]
    sources: tuple[str, ...]
    hash: str

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels as what it was read from, since a policy of one's own is code."""
        return _read, (self.path, self.text, self.policy_files)

    @property
    def reference(self) -> str:
        """The arm that others are compared with."""
        return self.arms[0].name

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return ceil(self.patients / self.block)

    def enrolled(self) -> Sequence[int]:
        """The numbers of the patients. Raises InputError where filters and strata do not find as many."""
        return self.population.enrolled(self.seed, self.patients)


def read_protocol(path: Path) -> Protocol:
    """A protocol from its file, with the policies that stand beside it.

    Raises InputErrors with the line of every mistake, InputError for a policy file, OSError where the file cannot be read.
    """
    raw = path.read_bytes()
    table, _ = read_plain(StudyTable, raw, path.name, BEGINS)
    names = dict.fromkeys(file for arm in table.arm if (file := policy_file(arm.policy)))
    sources = tuple((name, read_policy_file(name, path.parent)) for name in names)
    return _read(str(path), raw.decode("utf-8-sig"), sources)


@cache
def _read(path: str, text: str, policy_files: tuple[tuple[str, str], ...]) -> Protocol:
    table, place = read_plain(StudyTable, text.encode(), Path(path).name, BEGINS)
    found = Found(place)
    protocol = _Reader(table, found, dict(policy_files)).protocol(path, text, policy_files)
    found.end()
    assert protocol is not None  # what kept it from being made was found
    return protocol


@dataclass(slots=True)
class _Reader:
    """From checked tables to a protocol; every mistake goes to ``found`` with its place."""

    table: StudyTable
    found: Found
    files: Mapping[str, str]

    def protocol(self, path: str, text: str, policy_files: tuple[tuple[str, str], ...]) -> Protocol | None:
        table, defined = self.table, self.table.definitions
        days = self._days()
        population, arms = read_population(self.table.population, self.found), tuple(self._arms())
        endpoints = tuple(self._endpoints(arms))
        interim = self._interim(days)
        with self.found.at("seed"):
            if not 0 <= table.seed <= WORD_MAX:
                raise InputError("seed", table.seed, "is out of range", accepted=("a whole number from 0 to 2^64 - 1",))
        with self.found.at("look"):
            look = table.look or _LOOK
            if DAY_S % look.s:
                raise InputError("look", str(look), "does not divide a day", accepted=("1 h, 2 h, 3 h, 4 h, 6 h, 12 h or 1 day",))
        if self.found.errors or population is None:
            return None
        walking = (defined.walking_ashworth, defined.walking_weakness)
        return Protocol(
            name=Path(path).stem,
            path=path,
            text=text,
            policy_files=policy_files,
            title=table.title,
            seed=table.seed,
            patients=table.patients,
            follow_up_days=days[-1],
            visit_days=days,
            block=table.block,
            look_s=(table.look or _LOOK).s,
            course_hours=table.course.s / HOUR_S if table.course else 0.0,
            upper_limbs=table.upper_limbs,
            population=population,
            arms=arms,
            endpoints=endpoints,
            interim_days=interim,
            response_ashworth=defined.response_ashworth,
            target_ashworth=defined.target_ashworth,
            withdrawal_level=defined.withdrawal_index,
            overdose_level=defined.overdose_index,
            walking=None if walking[0] is None or walking[1] is None else (walking[0], walking[1]),
            published=tuple(table.published),
            limits=(*LIMITS, *table.limits),
            sources=tuple(table.sources),
            hash=_hash(text, policy_files),
        )

    def _days(self) -> tuple[int, ...]:
        """The days of the visits after the first, with the end of the follow-up."""
        end = self._whole_days("follow_up", self.table.follow_up)
        asked = [self._whole_days("visits", visit, n) for n, visit in enumerate(self.table.visits)]
        usual = sorted({*titration_days(), *range(titration_days()[-1] + _LATER_DAYS, end, _LATER_DAYS)})
        days = asked or [day for day in usual if day < end]
        with self.found.at("visits"):
            if any(later <= day for day, later in zip((0, *days), days, strict=False)) or (days and days[-1] > end):
                text = ", ".join(str(day) for day in days)
                raise InputError(
                    "visits", text, "are not days in order within the follow-up", accepted=(f"1 to {end} days, rising",)
                )
        return (*(day for day in days if day < end), end)

    def _whole_days(self, field: str, duration: Duration, *place: int) -> int:
        with self.found.at(field, *place):
            if duration.s % DAY_S:
                raise InputError(field, str(duration), "is not whole days", accepted=('"30 days"',))
        return max(duration.s // DAY_S, 1)

    def _interim(self, days: tuple[int, ...]) -> tuple[int, ...]:
        looks = tuple(self._whole_days("interim", look, n) for n, look in enumerate(self.table.interim))
        with self.found.at("interim"):
            if list(looks) != sorted(set(looks)):
                raise InputError(
                    "interim", ", ".join(f"{day} days" for day in looks), "are not days in order", accepted=("rising days",)
                )
            odd = next((day for day in looks if day not in days[:-1]), None)
            if odd is not None:
                accepted = [f"{day} days" for day in days[:-1]]
                raise InputError("interim", f"{odd} days", "is not a visit before the end", accepted=accepted)
            if looks and self.table.endpoints[0] != "ashworth_change":
                problem = "is the first endpoint, and is not known at a look before the end"
                raise InputError("interim", self.table.endpoints[0], problem, accepted=("ashworth_change",))
        return looks

    def _endpoints(self, arms: Sequence[Treatment]) -> Iterator[Endpoint]:
        for n, name in enumerate(self.table.endpoints):
            with self.found.at("endpoints", n):
                one = endpoint(name)
                without = next((arm.name for arm in arms if one.pump and not arm.has_pump), None)
                if without is not None:
                    problem = f"needs a pump, and the arm {without!r} has none"
                    raise InputError("endpoints", name, problem, accepted=("an endpoint that every arm has",))
                defined = self.table.definitions
                if name == "walking" and None in (defined.walking_ashworth, defined.walking_weakness):
                    accepted = ("walking_ashworth and walking_weakness in [definitions]",)
                    raise InputError("endpoints", name, "is not defined: no proxy for walking is published", accepted=accepted)
                if name == "screening_responders" and not all(arm.screening for arm in arms):
                    raise InputError("endpoints", name, "needs screening in every arm", accepted=("screening = true",))
                yield one

    def _arms(self) -> Iterator[Treatment]:
        names = [arm.name for arm in self.table.arm]
        world = study_settings("world")
        with self.found.at("world"):
            world = world.with_own(self.table.world)
        for n, arm in enumerate(self.table.arm):
            with self.found.at("arm", n):
                if names.index(arm.name) < n:
                    raise InputError("name", arm.name, "is the name of another arm already")
                own = world
                with self.found.at("arm", n, "world"):
                    own = world.with_own(arm.world)
                yield self._arm(arm, own)

    def _arm(self, arm: ArmTable, world: Settings) -> Treatment:
        policy, route = named_policy(arm.policy, arm.settings, self.files)
        pump = route in ("pump", "tablets then pump")
        if pump and arm.first_dose is None and not arm.screening:
            raise InputError(
                "first_dose",
                "",
                "is missing: an arm with a pump begins with a dose",
                accepted=('first_dose = "100 mcg/day"', "screening = true"),
            )
        if not pump and (arm.first_dose is not None or arm.screening):
            raise InputError(
                "first_dose", str(arm.first_dose or "screening"), f"is given to an arm without a pump ({arm.policy})"
            )
        drugs = tuple(sorted(arm.concentrations)) or STOCKED
        _check_refills(arm.refills)
        own = ", ".join(f"{key} {value}" for key, value in arm.settings.items())
        return Treatment(
            name=arm.name,
            title=arm.title or arm.name,
            route=route,
            policy=policy,
            policy_text=f"{arm.policy} ({own})" if own else arm.policy,
            world=world,
            refills=RefillPlan(arm.refills.kind, arm.refills.buffer, arm.refills.every),
            concentrations=drugs,
            interval_days_min=30.0 if arm.interval_min is None else arm.interval_min.s / DAY_S,
            screening=arm.screening,
            first_mcg_per_day=None if arm.first_dose is None else arm.first_dose.pg_per_day / 10**6,
            tablets_before=arm.tablets_before,
            mixing=self.table.mixing,
            test_bolus=arm.test_bolus,
        )


def _check_refills(table: StudyRefillsTable) -> None:
    """Raises InputError where a kind of refills lacks what it needs, or is given what it has no use for."""
    fixed = table.kind == "fixed interval"
    if fixed and table.every is None:
        raise InputError("every", "", "is missing: a fixed interval is so long", accepted=('every = "60 days"',))
    if not fixed and table.every is not None:
        raise InputError("every", str(table.every), "goes with a fixed interval", accepted=('kind = "fixed interval"',))
    if table.kind != "by alarm date" and table.buffer is not None:
        raise InputError("buffer", str(table.buffer), f"has no meaning with {table.kind!r}", accepted=('kind = "by alarm date"',))


def _hash(text: str, policy_files: tuple[tuple[str, str], ...]) -> str:
    """Of what the protocol says but for what is only shown, the policies' source, the data files and the version of thecal."""
    said = {key: value for key, value in tomllib.loads(text).items() if key not in _SHOWN}
    said["arm"] = [{key: value for key, value in arm.items() if key != "title"} for arm in said["arm"]]
    decided = {"protocol": said, "policies": dict(policy_files), "data": _data_digest(), "thecal": version("thecal")}
    return sha256(json.dumps(decided, sort_keys=True, default=str).encode()).hexdigest()


@cache
def _data_digest() -> str:
    """Of the data files that a study's rows rest on."""
    digest = sha256()
    for folder in ("catheters", "drugs", "patients", "pumps", "settings", "studies"):
        for name in data_names(folder):
            digest.update(f"{folder}/{name}\n".encode())
            digest.update((files("thecal") / "data" / folder / f"{name}.toml").read_bytes())
    return digest.hexdigest()
