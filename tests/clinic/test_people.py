"""People: kept beside the record, found by names that are spelled nearly right, and erased for good."""

from datetime import date

import pytest

from tests.clinic.practice import NOW, admit
from thecal.clinic.people import ERASED, add_person, change_person, erase_person, everybody, find, people_of, person_of
from thecal.clinic.person import Person, new_pseudonym
from thecal.clinic.practice import Practice
from thecal.clinic.record import heads_digest, verify
from thecal.errors import InputError

ADA = Person("Ada Lövelace", date(1970, 12, 10), "H-17", "555-0110", "Bo 555-0111", "ada@example.org", "1 Street", "Dr. Who")


def test_a_person_is_read_as_written(practice: Practice) -> None:
    """Every field, without the spaces around it; a pseudonym says nothing of them."""
    with practice.database.writing() as connection:
        pseudonym = add_person(connection, ADA)
        other = add_person(connection, Person("  Bo  "), "P-OTHER")
    with practice.database.reading() as connection:
        assert person_of(connection, pseudonym) == ADA
        assert person_of(connection, other) == Person("Bo")
        assert person_of(connection, "P-NOBODY") is None
        assert people_of(connection, [pseudonym, "P-NOBODY"]) == {pseudonym: ADA}
        assert len(people_of(connection, ["P-NOBODY"] * 501)) == 2
    assert pseudonym.startswith("P-")
    assert len({new_pseudonym() for _ in range(200)}) == 200


@pytest.mark.parametrize(("person", "field"), [(Person("  "), "name"), (Person("Cy", number="H-17"), "number")])
def test_a_person_without_a_name_or_with_anothers_number_is_refused(practice: Practice, person: Person, field: str) -> None:
    """Neither added nor changed; nobody else is another for it."""
    with practice.database.writing() as connection:
        add_person(connection, ADA)
        bo = add_person(connection, Person("Bo"))
    with pytest.raises(InputError) as told, practice.database.writing() as connection:
        add_person(connection, person)
    assert told.value.field == field
    with pytest.raises(InputError) as told, practice.database.writing() as connection:
        change_person(connection, bo, person)
    assert told.value.field == field
    with practice.database.reading() as connection:
        assert [row.name for row in everybody(connection)] == ["Ada Lövelace", "Bo"]


def test_several_people_may_have_no_number(small: Practice) -> None:
    """An empty number is nobody's."""
    with small.database.writing() as connection:
        assert add_person(connection, Person("Bo")) != add_person(connection, Person("Cy"))


def test_what_was_changed_of_a_person_is_named(small: Practice) -> None:
    """The names of the fields, and never what they hold: that is what the audit may keep."""
    with small.database.writing() as connection:
        ada = add_person(connection, ADA)
        assert change_person(connection, ada, ADA) == ()
        assert change_person(connection, ada, Person("Ada Byron", number="H-17")) == (
            "name", "born", "phone", "second_contact", "email", "address", "referrer",
        )  # fmt: skip
        assert person_of(connection, ada) == Person("Ada Byron", number="H-17")


@pytest.mark.parametrize(
    "typed",
    ["Ada Lövelace", "ada lovelace", "lovelace", "Lovelase", "Adda Lovelace", "H-17", "h 17", "1970-12-10", "LÖVELACE, Ada"],
)
def test_a_person_is_found_however_the_name_is_spelled(small: Practice, typed: str) -> None:
    """Capitals, accents, one letter wrong, a part of it, the number, the day of birth; the likeliest is the first."""
    with small.database.writing() as connection:
        ada = add_person(connection, ADA)
        for name in ("Xaver Quill", "Zoe Umbra", "Olga Tribeck"):
            add_person(connection, Person(name))
        found = find(connection, typed)
    assert found[0] == (ada, ADA)


@pytest.mark.parametrize("typed", ["", "  ", "...", "Gottfried Leibniz"])
def test_nobody_is_found_for_what_is_like_nobody(small: Practice, typed: str) -> None:
    """Nothing typed is nobody, and not everybody."""
    with small.database.writing() as connection:
        add_person(connection, ADA)
        assert find(connection, typed) == []


def test_only_so_many_are_found(small: Practice) -> None:
    """A page of them, those that are spelled alike before the others."""
    with small.database.writing() as connection:
        for number in range(30):
            add_person(connection, Person(f"Maria Nr{number:02d}"))
        found = find(connection, "Maria", limit=5)
    assert [person.name for _, person in found] == [f"Maria Nr{number:02d}" for number in range(5)]


@pytest.mark.requirement("REC-09")
def test_an_erased_person_is_gone_and_the_record_is_not(practice: Practice) -> None:
    """No identifier is left in any row, nobody finds them, and every chain is as it was (H45)."""
    stream = admit(practice, "Ada Lövelace", number="H-17")
    with practice.database.reading() as connection:
        before = heads_digest(verify(connection))
    with practice.database.writing() as connection:
        erase_person(connection, stream, NOW)
    with practice.database.reading() as connection:
        (row,) = everybody(connection)
        assert list(row) == [stream, ERASED, "", "", "", "", "", "", "", NOW.s]
        assert find(connection, "Lövelace") == find(connection, "H-17") == find(connection, ERASED) == []
        assert heads_digest(verify(connection)) == before
    with practice.reading() as reading:
        assert reading.history(stream).chart.implanted


@pytest.mark.parametrize("name", ["erased", " Erased "])
def test_nobody_is_called_as_what_stands_where_everything_was_erased(small: Practice, name: str) -> None:
    """Such a person could not be changed, nor erased."""
    with small.database.writing() as connection:
        with pytest.raises(InputError, match="where everything was erased"):
            add_person(connection, Person(name))
        stream = add_person(connection, Person("Ada Example"))
        with pytest.raises(InputError, match="where everything was erased"):
            change_person(connection, stream, Person(name))
        assert person_of(connection, stream) == Person("Ada Example")


def test_who_was_erased_does_not_come_back(practice: Practice) -> None:
    """By a form that was open meanwhile."""
    with practice.database.writing() as connection:
        stream = add_person(connection, Person("Ada Example", phone="555-0110"))
        erase_person(connection, stream, practice.now)
        with pytest.raises(InputError, match="they were erased"):
            change_person(connection, stream, Person("Ada Example", phone="555-0111"))
        assert person_of(connection, stream) == Person("erased")


def test_the_number_of_an_erased_person_is_free_again(small: Practice) -> None:
    """Nothing is kept by which it could still be known."""
    with small.database.writing() as connection:
        erase_person(connection, add_person(connection, ADA), NOW)
        again = add_person(connection, ADA)
        assert person_of(connection, again) == ADA
