"""Running the kit: every check on a subject that begins anew, and what came of each."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from thecal.bench.conformance import alarms, boluses, memory, needles, programs, sessions
from thecal.bench.conformance.subject import Subject, SubjectError
from thecal.bench.conformance.trial import CHECKS, START, Check, Different, NotPossible, Trial
from thecal.errors import InputError
from thecal.pump.sheet import PumpSheet

Result = Literal["passed", "failed", "not possible", "broke"]
ROOMS = (sessions, programs, boluses, alarms, needles, memory)
"""The files of checks; importing them has made them."""
ALL_CHECKS: tuple[Check, ...] = tuple(sorted(CHECKS, key=lambda check: check.id))


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check: why it did not pass, and the steps that led there."""

    check: Check
    result: Result
    why: str = ""
    steps: tuple[str, ...] = ()


def conformance(subject: Callable[[], Subject], sheet: PumpSheet, checks: Iterable[Check] = ALL_CHECKS) -> Iterator[Checked]:
    """Every check on a new subject each, as a pump of a data sheet."""
    for check in checks:
        yield _checked(subject, sheet, check)


def _checked(make: Callable[[], Subject], sheet: PumpSheet, check: Check) -> Checked:
    steps: list[str] = []
    with ExitStack() as stack:
        try:
            subject = make()
            stack.callback(getattr(subject, "close", _nothing))
            check.run(Trial(subject, sheet, subject.begin(sheet.name, START), steps))
        except Different as found:
            return Checked(check, "failed", str(found), tuple(steps))
        except NotPossible as why:
            return Checked(check, "not possible", str(why))
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever else a subject does is a finding about it
            return Checked(check, "broke", _told(error), tuple(steps))
    return Checked(check, "passed")


def _nothing() -> None:
    """A subject that has nothing to close."""


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, SubjectError) else f"{type(error).__name__}: {error}"
