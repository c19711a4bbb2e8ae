"""docs/trials.md: published trials and cohorts beside the studies that re-enact them; ``make trials`` writes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.command import ROOT
from thecal.report.validation import ROLES, Published
from thecal.study.design import LIMITS, Protocol, read_protocol
from thecal.study.result import Result
from thecal.study.runner import run_study
from thecal.study.treatment import Treatment
from thecal.study.trial import published_of

STUDIES = ROOT / "studies"
TRUE_FALSE = "true/false"
DOCUMENT = ROOT / "docs" / "trials.md"
WORKERS = 2
_HEAD = """# Published trials and the model

Trials and cohorts that were published, re-enacted as studies of computed patients. Written by `make trials` from the protocols in
[`studies`](../studies); a test holds that the numbers are what they give. To run one:
`thecal study run studies/bolus-stroke.toml --out stroke`, then `thecal study report stroke`.

A row is `ok` where the model's number lies within what is accepted, and `FAILS` where it does not; rows that fail stay. What is
accepted was set by one rule: the published range; else the mean and its SD; else a binomial or Poisson 95 % interval; else 25 %
to either side. K11 keeps the bounds of `thecal validate`, C14 a factor of two, C26 a quarter of those who are lost. The bounds of
the means are wide, since the papers are small: `ok` says that the model is not against the paper, not that it is right. Behind ±
stands the standard error that chance leaves in the model's number, from balanced half samples of its patients; it says nothing
of how well the model is known. The seed is 1 everywhere, as that of `thecal validate`.

| role | |
|---|---|
"""
_LEFT_OUT = """
## What is not asked

- Tablets that were taken off in the first year (69 % of 106 people with multiple sclerosis were without any, PMID 30366276):
  who takes tablets off, and which drugs besides baclofen there were, is a decision of people. The model could only give back what
  a protocol puts in.
- Walking with a pump (77.8 % walked at one year, Abbatemarco 2021): no proxy for walking is published, so none is set.
- The fall of the H reflex in bolus and continuous mode (91 and 78 %, Clin Neurophysiol 2012): a study keeps no H reflex.
- The flow of pumps (+1 % at 6 and 12 months, Wesemann 2014): it is put into the world (`flow_bias`), and a study keeps neither
  residuals nor what was delivered.
- Missed refills: no rate is published. What follows on one is asked, in a study in which everybody misses theirs.
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """A protocol that was run, and its published rows."""

    protocol: Protocol
    rows: tuple[Published, ...]
    failed: int


def protocols() -> dict[str, Protocol]:
    """Every protocol in studies/, by name."""
    return {path.stem: read_protocol(path) for path in sorted(STUDIES.glob("*.toml"))}


def trials() -> dict[str, Protocol]:
    """Those that have published rows."""
    return {name: one for name, one in protocols().items() if one.published}


def played(protocol: Protocol, folder: Path, workers: int = WORKERS) -> Trial:
    """A protocol, run into a folder that is new."""
    manifest = run_study(protocol, folder, workers=workers)
    return Trial(protocol, published_of(protocol, Result.open(folder)), len(manifest["failures"]))


def text(played_ones: list[Trial]) -> str:
    """The whole page."""
    roles = {role for one in played_ones for row in one.rows for role in row.role.split(", ")}
    parts = [_HEAD, *(f"| {role} | {meaning} |\n" for role, meaning in ROLES.items() if role in roles)]
    parts += _summary(played_ones)
    parts += ["\n## What no trial here can know\n\n", *(f"- {limit}\n" for limit in LIMITS), _LEFT_OUT]
    parts += [section(one) for one in played_ones]
    others = [one for one in protocols().values() if not one.published]
    parts.append("\n## Studies with nothing published beside them\n\n")
    parts += [f"- [{one.name}](../studies/{one.name}.toml): {one.title}\n" for one in others]
    return "".join(parts)


def section(trial: Trial) -> str:
    """One trial: who, how, and each number beside the model's."""
    return "".join(_section(trial))


def _summary(played_ones: list[Trial]) -> Iterator[str]:
    rows = [row for one in played_ones for row in one.rows]
    asked = [row for row in rows if row.ok is not None]
    failed = [row.id for row in asked if not row.ok]
    outside = f" Outside: {', '.join(failed)}." if failed else ""
    yield f"\n{len(asked) - len(failed)} of {len(asked)} numbers are within what is accepted.{outside}\n"
    yield "\n| | quantity | study | published | model | accepted | |\n|---|---|---|---|---|---|---|\n"
    for one in played_ones:
        name = one.protocol.name
        for row in one.rows:
            study = f"[{name}](#{name})"
            yield f"| {row.id} | {_quantity(row)} | {study} | {row.shown} | {_model(row)} | {_accepted(row)} | {row.verdict} |\n"


def _section(trial: Trial) -> Iterator[str]:
    protocol = trial.protocol
    yield f"\n## {protocol.name}\n\n**{protocol.title}**: [`studies/{protocol.name}.toml`](../studies/{protocol.name}.toml).\n\n"
    yield f"- Patients: {protocol.patients:,}, the same in each arm, followed for {_days(protocol.follow_up_days)}; "
    yield f"{_who(protocol)}.\n"
    for arm in protocol.arms:
        yield f"- Arm `{arm.name}`: {_arm(arm)}.\n"
    own = {name: value for arm in protocol.arms for name, value in arm.world.own.items()}
    if own:
        yield f"- World: {', '.join(f'{name} {value}' for name, value in own.items())}; the rest as usual.\n"
    if trial.failed:
        yield f"- {trial.failed} patients failed in an arm and are left out.\n"
    yield "\n| | quantity | published | model | accepted | | role |\n|---|---|---|---|---|---|---|\n"
    for row in trial.rows:
        yield f"| {row.id} | {_quantity(row)} | {row.shown} | {_model(row)} | {_accepted(row)} | {row.verdict} | {row.role} |\n"
    yield "\n"
    for row in trial.rows:
        yield f"- {row.id}: {row.source}. Model: {row.protocol}.\n"
    yield "\nWhat the model cannot know about it:\n\n"
    yield from (f"- {limit}\n" for limit in protocol.limits if limit not in LIMITS)


def _who(protocol: Protocol) -> str:
    population = protocol.population
    parts = [_shares("", population.sheets), _shares("tip at ", population.tip_levels), _shares("", population.pumps)]
    parts.append(_shares("", population.catheters))
    parts += [f"{name} {value:g} for all" for name, value in population.given]
    parts += [f"{only.name} {_bounds(only.low, only.high)}" for only in population.only]
    return ", ".join(parts)


def _shares(before: str, parts: tuple[tuple[str, float], ...]) -> str:
    if len(parts) == 1:
        return before + parts[0][0]
    return before + " / ".join(f"{name} {100 * part:.0f} %" for name, part in parts)


def _bounds(low: float, high: float) -> str:
    if high == float("inf"):
        return f"{low:g} or more"
    return f"{high:g} or less" if low == -float("inf") else f"{low:g} to {high:g}"


def _arm(arm: Treatment) -> str:
    parts = [arm.title] if arm.title != arm.name else []
    parts.append(f"policy {arm.policy_text}")
    parts += ["with screening"] if arm.screening else []
    parts += [f"first dose {arm.first_mcg_per_day:g} mcg/day"] if arm.first_mcg_per_day is not None else []
    return "; ".join(parts)


def _days(days: int) -> str:
    return f"{days:,} day" if days == 1 else f"{days:,} days"


def _quantity(row: Published) -> str:
    return f"{row.quantity}, {row.unit}" if row.unit and row.unit != TRUE_FALSE else row.quantity


def _model(row: Published) -> str:
    if row.model is None:
        return "-"
    if row.unit == TRUE_FALSE:
        return "true" if row.model else "false"
    return _digits(row.model) + ("" if row.error is None else f" ± {_digits(float(f'{row.error:.1g}'))}")


def _accepted(row: Published) -> str:
    return "true" if row.unit == TRUE_FALSE else f"{_digits(row.low)} to {_digits(row.high)}"


def _digits(value: float) -> str:
    """Three digits: none of these numbers is surer than that."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        DOCUMENT.write_text(text([played(one, Path(folder) / name) for name, one in trials().items()]), encoding="utf-8")
