"""``make evidence``: run the tests that the bundle rests on, and write it into ``build/evidence``."""

import argparse
import csv
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from evidence.accuracy import accuracy, accuracy_figure
from evidence.bundle import Documents, bundle, worst
from evidence.documents import DocumentError, text_of
from evidence.matrix import read_hazards, wanted
from evidence.page import page_text
from evidence.run import RunError, run_tests
from evidence.sbom import LockError, bill, packages
from tests.command import ROOT
from thecal.hazards.catalogue import severities


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where the bundle is whole, 1 where it is not, 2 where it could not be made."""
    parser = argparse.ArgumentParser(prog="python -m evidence", description=__doc__)
    parser.add_argument(
        "--date", type=date.fromisoformat, default=datetime.now(UTC).date(), help="the date of the bundle, today by default"
    )
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "evidence", help="the folder, build/evidence by default")
    chosen = parser.parse_args(arguments)
    try:
        made = write(chosen.to, chosen.date)
    except (DocumentError, LockError, RunError) as error:
        sys.stderr.write(f"evidence: {error}\n")
        return 2
    print(f"{chosen.to / 'evidence.html'}: {len(made['hazards'])} hazards, {len(made['requirements'])} requirements")
    for fact in worst(made):
        print(f"- {fact}")
    if made["problems"]:
        print(f"not whole: {len(made['problems'])} problems stand first on the page")
    return 1 if made["problems"] else 0


def write(folder: Path, when: date) -> dict[str, Any]:
    """Make the bundle in a folder; it replaces what was there."""
    documents = Documents(*(text_of(f"{name}.md") for name in ("evidence", "anomalies", "mutation")))
    hazards = read_hazards()
    text = bill(when)
    rows = accuracy()
    with tempfile.TemporaryDirectory() as place:
        recorded = run_tests(wanted(hazards), Path(place))
    made = bundle(recorded, hazards, dict(severities()), documents, rows, packages(text), when)
    figure = accuracy_figure(rows)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "sbom.cdx.json").write_text(text, encoding="utf-8")
    (folder / "accuracy.svg").write_text(figure, encoding="utf-8")
    with (folder / "accuracy.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "evidence.json").write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "evidence.html").write_text(page_text(made, figure), encoding="utf-8")
    return made


if __name__ == "__main__":
    sys.exit(main())
