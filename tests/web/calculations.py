"""What the calculators are asked: of each one question that has an answer."""

from urllib.parse import urlencode

ASKED: dict[str, dict[str, str]] = {
    "bridge": {"from": "500 mcg/mL", "to": "2000 mcg/mL", "dose": "200 mcg/day", "dead_volume": "0.4 mL"},
    "prime": {
        "tubing": "0.14 mL",
        "catheter_length": "89 cm",
        "per_length": "0.00221 mL/cm",
        "flow": "24 mL/day",
        "concentration": "500 mcg/mL",
    },
    "mix": {"residual": "1.4 mL", "residual_concentration": "2000 mcg/mL", "fill": "18.6 mL", "concentration": "500 mcg/mL"},
    "refill": {
        "fill": "40 mL",
        "concentration": "2000 mcg/mL",
        "dose": "500 mcg/day",
        "stability": "180 days",
        "buffer": "7 days",
        "filled_on": "2026-03-02",
    },
    "flow": {"dose": "137.5 mcg/day", "concentration": "500 mcg/mL"},
    "bolus": {"amount": "50 mcg", "concentration": "500 mcg/mL", "over": "10 min"},
    "units": {"kind": "daily dose", "quantity": "240 mcg/day"},
}


def asked(kind: str, **changed: str) -> str:
    """The address of the answer of a calculator, with fields that are ``changed``."""
    return f"/calculators/{kind}?{urlencode({'go': '1', 'pump': 'reference-40', **ASKED[kind], **changed})}"
