"""What the documents show of the bench runs, each block from its first command to its last, on one bench."""

import re
import shlex
from pathlib import Path

import pytest

from tests.command import ROOT
from tests.command import inside as thecal
from tests.test_docs import DOCS, blocks
from thecal.bench.bench_folder import DEFAULT, BenchFolder

SHOWN = [
    pytest.param([line.removeprefix("$ ") for line in block.splitlines()], id=f"{name}-{number}")
    for name, text in DOCS.items()
    for number, block in enumerate(blocks(text, "console"), start=1)
    if "thecal bench" in block
]


def test_there_are_some() -> None:
    """The next test has something to run."""
    assert len(SHOWN) >= 4


@pytest.mark.parametrize("commands", SHOWN)
def test_the_block_runs_as_it_stands(commands: list[str], tmp_path: Path) -> None:
    """Every command, in order, in one folder, with the exit code that is shown; nothing runs on afterwards."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    try:
        for command in commands:
            written, _, comment = command.partition("  #")
            result = thecal(*shlex.split(written)[1:], cwd=tmp_path)
            shown = re.search(r"exits with ([0-9])", comment)
            assert result.returncode == (int(shown[1]) if shown else 0), f"{command}: {result.stderr}"
            if "--order" in written:
                assert "WRITTEN AND READ BACK" in result.stdout
    finally:
        thecal("bench", "stop", cwd=tmp_path)
    left = BenchFolder(tmp_path / DEFAULT)
    with left.locked():
        assert left.listening() is None
