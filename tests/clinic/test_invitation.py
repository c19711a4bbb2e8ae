"""Invitations: an address that one person has, which ends, can be revoked, and that the database cannot give away."""

from sqlalchemy import event, select

from tests.clinic.practice import Clock
from thecal.clinic.invitation import counts_for, invitations, invite, invited, revoke_invitation
from thecal.clinic.practice import Practice
from thecal.clinic.schema import invitation as table
from thecal.timeline import Duration

STREAM = "P-AAAAAAAA"


def made(practice: Practice, stream: str = STREAM) -> str:
    with practice.database.writing() as connection:
        return invite(connection, stream, "nora", practice.now)[0]


def found(practice: Practice, token: str) -> str | None:
    with practice.database.reading() as connection:
        invitation = invited(connection, token, practice.now)
    return invitation.stream if invitation else None


def test_an_invitation_leads_to_its_own_chart(practice: Practice) -> None:
    """Each token to the one that it was made for; another one to none."""
    ours, theirs = made(practice), made(practice, "P-BBBBBBBB")
    assert (found(practice, ours), found(practice, theirs)) == (STREAM, "P-BBBBBBBB")
    assert found(practice, ours[:-1]) is None
    assert found(practice, "") is None
    assert found(practice, "\ud800") is None


def test_the_database_holds_no_token(practice: Practice) -> None:
    """Only its digest, from which nobody gets back."""
    token = made(practice)
    with practice.database.reading() as connection:
        row = connection.execute(select(table)).one()
    assert token not in [str(value) for value in row]
    assert len(row.token) == 64


def test_an_invitation_counts_until_its_end(practice: Practice, clock: Clock) -> None:
    """To the second that the setting says."""
    token = made(practice)
    clock.pass_(Duration(counts_for().s - 1))
    assert found(practice, token) == STREAM
    clock.pass_(Duration(1))
    assert found(practice, token) is None


def test_a_revoked_invitation_counts_no_longer(practice: Practice) -> None:
    """At once; a second time there is nothing to revoke, and the other invitations go on."""
    token, other = made(practice), made(practice)
    with practice.database.reading() as connection:
        number = invited(connection, token, practice.now)
    assert number is not None
    with practice.database.writing() as connection:
        assert not revoke_invitation(connection, "P-BBBBBBBB", number.number, practice.now)
        assert revoke_invitation(connection, STREAM, number.number, practice.now)
        assert not revoke_invitation(connection, STREAM, number.number, practice.now)
    assert found(practice, token) is None
    assert found(practice, other) == STREAM


def test_the_list_says_how_each_of_them_stands(practice: Practice, clock: Clock) -> None:
    """The newest first; none of another chart."""
    made(practice, "P-BBBBBBBB")
    made(practice)
    clock.pass_(counts_for())
    made(practice)
    made(practice)
    with practice.database.writing() as connection:
        newest = invitations(connection, STREAM)[0]
        revoke_invitation(connection, STREAM, newest.number, practice.now)
        listed = invitations(connection, STREAM)
    assert [each.made.s for each in listed] == sorted((each.made.s for each in listed), reverse=True)
    assert sorted(each.state(practice.now) for each in listed) == ["counts", "ended", "revoked"]
    assert {each.made_by for each in listed} == {"nora"}


def test_whether_a_token_is_wrong_ended_or_revoked_the_database_is_asked_the_same(small: Practice, clock: Clock) -> None:
    """One question each, so that the time of the answer tells nothing."""
    ended, revoked = made(small), made(small)
    with small.database.writing() as connection:
        revoke_invitation(connection, STREAM, invitations(connection, STREAM)[0].number, small.now)
    clock.pass_(counts_for())
    asked: list[list[str]] = []
    for token in (ended, revoked, "wrong"):
        statements: list[str] = []
        with small.database.reading() as connection:
            event.listen(connection, "before_cursor_execute", lambda *told, kept=statements: kept.append(told[2]))
            assert invited(connection, token, small.now) is None
        asked.append(statements)
    assert asked[0] == asked[1] == asked[2]
    assert len(asked[0]) == 1
