"""Second persons: who has entered an order again since the last session with the pump (SAF-05)."""

from thecal.chart.clinical import Signed
from thecal.therapy.look import Look
from thecal.therapy.permissions import may


def signed(look: Look) -> list[Signed]:
    """Who has signed since the last session."""
    last = look.known.last_session
    return [sign for sign in look.known.signed if last is None or sign.at >= last.at]


def checkers(look: Look) -> frozenset[str]:
    """Those of them who are not the author and may double-check."""
    return frozenset(_name(sign.checker) for sign in signed(look) if not by_author(sign) and may(sign.role, "double-check"))


def by_author(sign: Signed) -> bool:
    """Whether author and checker are one person, however the name is written."""
    return _name(sign.checker) == _name(sign.author)


def _name(name: str) -> str:
    return " ".join(name.casefold().split())


def signed_off(look: Look) -> bool:
    """Whether as many second persons as are asked for have entered the order again."""
    return len(checkers(look)) >= look.limit("SAF-05", "checkers").value
