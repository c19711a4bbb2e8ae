"""Who somebody is. It stands beside the record and never in it, so that it can be erased; the record knows a pseudonym."""

import secrets
from dataclasses import dataclass
from datetime import date

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no letter that is taken for a digit


@dataclass(frozen=True, slots=True)
class Person:
    """The identifiers of a person. What is not known is empty.

    ``number`` is the hospital's, ``second_contact`` whom to call where the person does not answer (name and telephone number),
    ``referrer`` who gets the letters.
    """

    name: str
    born: date | None = None
    number: str = ""
    phone: str = ""
    second_contact: str = ""
    email: str = ""
    address: str = ""
    referrer: str = ""


def new_pseudonym() -> str:
    """A pseudonym that says nothing of anybody: ``P-`` and eight characters that are not mistaken for one another."""
    return "P-" + "".join(secrets.choice(_LETTERS) for _ in range(8))
