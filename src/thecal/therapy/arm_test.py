"""The Action Research Arm Test: item scores, without the items, and the rule of Lyle that shortens it (SCL-13)."""

from collections.abc import Mapping, Sequence

from thecal.errors import InputError, nearest_name
from thecal.therapy.scores import Score, read_score

SUBTESTS: Mapping[str, int] = {"grasp": 6, "grip": 4, "pinch": 6, "gross": 3}
"""How many items each subtest has."""
_MOST = 3


def subtest_total(subtest: str, scores: Sequence[int], field: str = "scores") -> int:
    """The total of a subtest from the scores of its items, the hardest first, the easiest second, then the others.

    3 on the first gives 3 on all; less, and 0 on the second, gives 0 on all: nothing else is tested then. Raises InputError for
    an item that is missing, is one too many, or is not 0 to 3.
    """
    if subtest not in SUBTESTS:
        raise InputError("subtest", subtest, "is not a subtest", accepted=SUBTESTS, nearest=nearest_name(subtest, SUBTESTS))
    items, given = SUBTESTS[subtest], list(scores)
    if any(score not in range(_MOST + 1) for score in given):
        raise InputError(field, str(given), f"is not scores of 0 to {_MOST}")
    needed, total = _by_lyle(items, given)
    if len(given) != needed:
        raise InputError(
            field, str(given), f"has {len(given)} items, and {subtest} ends after {needed} of {items} (rule of Lyle)"
        )
    return total


def arat(scores: Mapping[str, Sequence[int]]) -> Score:
    """The whole test as a score. Raises InputError where a subtest is missing or cannot be."""
    missing = [name for name in SUBTESTS if name not in scores]
    if missing:
        raise InputError("subtests", ", ".join(scores), f"lack {', '.join(missing)}", accepted=SUBTESTS)
    return read_score("arat", str(sum(subtest_total(name, items, name) for name, items in scores.items())))


def _by_lyle(items: int, given: Sequence[int]) -> tuple[int, int]:
    """How many items are tested, and the total that they give."""
    if given and given[0] == _MOST:
        return 1, items * _MOST
    if len(given) > 1 and given[1] == 0:
        return 2, 0
    return items, sum(given)
