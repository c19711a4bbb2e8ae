"""What the data sheets do not know: values without a source, and values that are a design of thecal, by profile."""

from typing import Any

from thecal.catheter.geometry import catheter_sheets
from thecal.datum import CONFIDENCE
from thecal.pump.sheet import pump_sheets

WEAK = ("U", "D")


def profiles() -> list[dict[str, Any]]:
    """For each pump and catheter how many values it has, how sure each is, and those that are weak, as written."""
    found = []
    for kind, sheets in (("pump", pump_sheets()), ("catheter", catheter_sheets())):
        for name, sheet in sheets.items():
            counts = {confidence: sum(datum.confidence == confidence for datum in sheet.data) for confidence in CONFIDENCE}
            weak = [
                {"name": datum.name, "value": datum.value, "confidence": datum.confidence, "source": datum.source}
                for datum in sheet.data
                if datum.confidence in WEAK
            ]
            found.append({"profile": name, "kind": kind, "values": len(sheet.data), "confidence": counts, "weak": weak})
    return found
