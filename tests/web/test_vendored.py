"""What is vendored is what was taken: unchanged, and nothing that nobody wrote down."""

import re
from hashlib import sha256

from thecal.web.templating import STATIC

ROW = re.compile(r"^\| `([a-z.]+)` \| .* \| `([0-9a-f]{64})` \|$", re.MULTILINE)


def test_every_vendored_file_is_the_one_that_was_written_down() -> None:
    """By its hash; every minified file is in the list."""
    rows = dict(ROW.findall((STATIC / "VENDORED.md").read_text(encoding="utf-8")))
    assert rows == {name: sha256((STATIC / name).read_bytes()).hexdigest() for name in rows}
    assert set(rows) == {path.name for path in STATIC.iterdir() if ".min." in path.name}
