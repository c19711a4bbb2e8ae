"""Forms that were sent: each carries a number of its own, so that one sent twice is done once."""

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from thecal.clinic.practice import Practice
from thecal.clinic.schema import submission

_WORKED_ON_S = 120  # longer than any form is worked on
_KEPT_S = 2 * 86400  # longer than a page is left open to be sent again
_LOCATION_MAX = 400


def take(practice: Practice, once: str) -> bool:
    """Whether this form is new; one that was taken and never came to anything, as in a kill, is new again after a while."""
    now = practice.now.s
    given_up = (submission.c.once == once, submission.c.location == "", submission.c.at <= now - _WORKED_ON_S)
    try:
        with practice.database.writing() as connection:
            if connection.execute(update(submission).where(*given_up).values(at=now)).rowcount:
                return True
            connection.execute(insert(submission).values(once=once, at=now, location=""))
    except IntegrityError:
        return False
    return True


def came_to(practice: Practice, once: str) -> str:
    """The page that a form led to, or nothing while nobody knows."""
    with practice.database.reading() as connection:
        return connection.execute(select(submission.c.location).where(submission.c.once == once)).scalar_one_or_none() or ""


def write_location(practice: Practice, once: str, location: str) -> None:
    """Keep what a form led to, for whoever sends it again: of a very long address the page alone."""
    kept = location if len(location) <= _LOCATION_MAX else location.partition("?")[0][:_LOCATION_MAX]
    with practice.database.writing() as connection:
        connection.execute(update(submission).where(submission.c.once == once).values(location=kept))


def give_back(practice: Practice, once: str) -> None:
    """Forget a form that came to nothing: it may be sent again at once."""
    with practice.database.writing() as connection:
        connection.execute(delete(submission).where(submission.c.once == once))


def drop_old_submissions(practice: Practice) -> None:
    """Forget what nobody sends twice any more."""
    with practice.database.writing() as connection:
        connection.execute(delete(submission).where(submission.c.at < practice.now.s - _KEPT_S))
