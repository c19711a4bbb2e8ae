"""docs/drills.md shows what comes out, and names what there is."""

import re

from tests.drill.transcript import DOCUMENT, shown, written
from thecal.drill.bedside import bedside_actions, causes
from thecal.drill.document import DrillTable
from thecal.drill.drill import DEEDS, drill_names
from thecal.drill.instructor import ORDERS
from thecal.drill.order_line import PARTS
from thecal.drill.verbs import VERBS
from thecal.twin.document import CourseTable, known_keys


def test_the_transcript_is_what_comes_out() -> None:
    """To the letter; ``make hazards`` writes it anew."""
    assert written()[1] == shown()


def test_everything_that_can_be_typed_is_in_the_document() -> None:
    """Verbs, parts of an order, what an instructor can do, every drill, and every key of a file."""
    text = DOCUMENT.read_text(encoding="utf-8")
    words = [*VERBS, *PARTS, *ORDERS, "rewind", "branch", "reset", *drill_names(), *DEEDS]
    assert not [word for word in words if f"`{word}" not in text]
    own = set(DrillTable.model_fields) - set(CourseTable.model_fields)
    keys = own | {key for name in DrillTable.parts for key in known_keys((name,), {}, DrillTable)}
    assert not [key for key in keys if not re.search(rf"\b{key}\b", text)]
    assert str(len(bedside_actions())) in text
    assert str(len(causes())) in text
