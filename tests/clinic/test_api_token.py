"""Tokens of the programming interface: what is kept of them, what they may, and when they end."""

import pytest
from sqlalchemy import select, update

from tests.clinic.practice import Clock
from thecal.clinic.account import set_active
from thecal.clinic.api_token import (
    GRANTED,
    ApiToken,
    make_token,
    revoke_token,
    revoke_tokens_of,
    token_lasts,
    token_standing,
    tokens,
)
from thecal.clinic.practice import Practice
from thecal.clinic.schema import account as account_table
from thecal.clinic.schema import api_token as table
from thecal.errors import InputError
from thecal.timeline import Duration


def made(practice: Practice, *permissions: str, account: str = "nora") -> tuple[str, ApiToken]:
    """A token of somebody."""
    with practice.database.writing() as connection:
        return make_token(connection, "the ward", account, permissions, practice.now)


def rights(practice: Practice, token: str) -> frozenset[str]:
    """What may be done with a token now; nothing where it does not count."""
    with practice.reading() as reading:
        found = token_standing(reading.connection, token, reading.now)
        return found[0].rights(found[1], reading.staff()) if found is not None else frozenset()


@pytest.mark.requirement("ACC-09")
def test_a_token_is_not_in_the_database(practice: Practice) -> None:
    """Only its digest is, so that nobody can make a token out of a copy of the database."""
    token, kept = made(practice, "chart")
    with practice.database.reading() as connection:
        rows = connection.execute(select(table)).all()
        assert tokens(connection) == [kept]
        assert token_standing(connection, kept.number, practice.now) is None
    assert len(token) >= 43
    assert token not in repr(rows)
    assert kept.number in repr(rows)


@pytest.mark.requirement("ACC-08")
def test_a_token_may_what_it_was_given_and_its_account_has(practice: Practice) -> None:
    """Both are asked each time: a scheduler's token never opens a chart, whatever was written into it."""
    token, _ = made(practice, "worklist", "chart")
    assert rights(practice, token) == {"worklist", "chart"}
    of_scheduler, _ = made(practice, "worklist", "chart", account="susan")
    assert rights(practice, of_scheduler) == {"worklist"}
    with practice.database.writing() as connection:
        connection.execute(update(account_table).where(account_table.c.name == "nora").values(role="scheduler"))
    assert rights(practice, token) == {"worklist"}


@pytest.mark.requirement("ACC-08")
def test_what_no_token_may_do_is_not_worth_anything_in_one(practice: Practice) -> None:
    """Not even where it stands in the database: nothing that orders, signs, erases or administers."""
    token, kept = made(practice, "chart")
    with practice.database.writing() as connection:
        connection.execute(
            update(table).where(table.c.token == kept.number).values(permissions="chart,administer,erase,program,calendar")
        )
    assert rights(practice, token) == {"chart"}
    assert not {"administer", "erase", "order", "program", "refill", "double-check"} & set(GRANTED)


@pytest.mark.parametrize("wrong", ["administer", "erase", "order", "everything", ""])
def test_what_cannot_be_given_is_refused(small: Practice, wrong: str) -> None:
    """With what can be, and nothing is kept."""
    with pytest.raises(InputError) as error:
        made(small, "chart", wrong)
    assert error.value.accepted == GRANTED
    with small.database.reading() as connection:
        assert tokens(connection) == []


def test_a_token_without_rights_label_or_open_account_is_refused(small: Practice) -> None:
    """It would be of no use, or of nobody."""
    for label, account, permissions in (
        ("the ward", "nora", ()),
        ("  ", "nora", ("chart",)),
        ("x" * 121, "nora", ("chart",)),
        ("the ward", "nobody", ("chart",)),
    ):
        with small.database.writing() as connection, pytest.raises(InputError):
            make_token(connection, label, account, permissions, small.now)
    with small.database.reading() as connection:
        assert tokens(connection) == []


def test_a_token_ends_by_itself(practice: Practice, clock: Clock) -> None:
    """After a year, to the second."""
    token, kept = made(practice, "audit")
    clock.pass_(Duration(token_lasts().s - 1))
    assert kept.state(clock.now) == "counts"
    assert rights(practice, token) == {"audit"}
    clock.pass_(Duration(1))
    assert kept.state(clock.now) == "ended"
    assert rights(practice, token) == frozenset()


def test_a_revoked_token_opens_nothing(practice: Practice) -> None:
    """From then on, and it is revoked once; the others of the account go on."""
    token, kept = made(practice, "chart")
    other, _ = made(practice, "chart")
    with practice.database.writing() as connection:
        assert revoke_token(connection, kept.number, practice.now)
        assert not revoke_token(connection, kept.number, practice.now)
    assert rights(practice, token) == frozenset()
    assert rights(practice, other) == {"chart"}
    with practice.database.writing() as connection:
        assert revoke_tokens_of(connection, "nora", practice.now) == 1
        assert {each.state(practice.now) for each in tokens(connection)} == {"revoked"}


def test_a_closed_account_closes_its_tokens(practice: Practice) -> None:
    """And they count again where it is opened again, if nobody has revoked them."""
    token, _ = made(practice, "worklist", account="nils")
    for active, may in ((False, frozenset[str]()), (True, frozenset({"worklist"}))):
        with practice.database.writing() as connection:
            set_active(connection, "nils", active=active)
        assert rights(practice, token) == may
