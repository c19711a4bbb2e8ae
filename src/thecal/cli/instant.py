"""An instant of a case, as an option says it."""

from thecal.errors import InputError
from thecal.timeline import Instant
from thecal.twin.case import Case


def instant_within(at: str | None, case: Case) -> Instant:
    """The instant that ``--at`` says, or the end of the case. Raises InputError outside the case."""
    if at is None:
        return case.until
    now = Instant.parse(at, case.zone, "--at")
    first = case.actions[0].at
    if not first <= now <= case.until:
        accepted = (f"{first.local_text(case.zone)} to {case.until.local_text(case.zone)}",)
        raise InputError("--at", at, "is not within the case", accepted=accepted)
    return now
