"""An order as a learner types it: parts between semicolons, read as an order file is."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import tomli_w

from thecal.errors import InputError, InputErrors, nearest_name
from thecal.twin.order_file import OrderFile, parse_order

USAGE = (
    "program 120 mcg/day",
    "program flex 06:00-22:00 80 mcg, 22:00-06:00 60 mcg; total 140 mcg/day",
    "program periodic 20 mcg over 15 min every 6 h from 06:00 on 60 mcg/day; total 140 mcg/day",
    "program stopped    program minimum rate",
    "bolus 25 mcg over 10 min",
    "refill 18 mL of 500 mcg/mL; measured 3.1 mL; program 120 mcg/day; bridge; total 120 mcg/day",
)
"""Orders to learn from."""
PARTS = {
    "total": "the 24-h total as a person has worked it out: confirms the order",
    "bridge": "bridge the old strength out of the line",
    "no bridge": "why there is none: no bridge the line was aspirated",
    "prime": "fill what of the line holds no drug; prime at 1 mL/h",
    "strength": "what is entered, where it is not that of the fill",
    "volume": "what is entered, where it is not what was injected",
    "low reservoir": "the low reservoir threshold",
    "clock": "the pump clock's offset from UTC",
    "measured": "what the syringe read before the fill",
    "again": "what came when it was aspirated once more",
    "rinse": "rinse 2 mL x 3",
    "port": "the port that was found: refill port, or catheter access port",
    "gauge": "the needle in it",
    "override": "why, and who goes on over a red residual: override the reason by whom",
    "anyway": "why the order goes on in spite of a rule that stops it",
}
"""What may follow in an order, each part after a semicolon."""
_STEP = re.compile(r"(\d{2}:\d{2})-(\d{2}:\d{2}) (.+)")
_PERIODIC = re.compile(r"(.+?) over (.+?) every (.+?) from (\d{2}:\d{2}) on (.+)")


def read_order_line(line: str) -> tuple[OrderFile, str | None]:
    """(the order, why it goes on in spite of a rule). Raises InputError, InputErrors."""
    first, *others = [part.strip() for part in line.split(";")]
    order: dict[str, Any] = {}
    fill: dict[str, Any] = {}
    anyway = None
    for part in (first, *[other for other in others if other]):
        word, rest = _worded(part)
        if word == "anyway":
            order["anyway"] = anyway = rest or "no reason was given"
        elif word == "program":
            order["program"] = _program(rest)
        elif word in _FILLS:
            fill.update(_FILLS[word](rest))
        else:
            order.update(_PLAIN[word](rest))
    if fill and "volume" not in fill:
        raise InputError(next(iter(fill)), line, "goes with a refill", nearest='"refill 18 mL of 500 mcg/mL; measured 3.1 mL"')
    total, program = order.get("confirm_total"), order.get("program")
    if program and program["mode"] == "flex" and "daily_total" not in program and "day" not in program:
        if total is None:
            raise InputError("program", line, "is flex, and needs its total", nearest='"...; total 140 mcg/day"')
        program["daily_total"] = total
    document = {"order": 1, **order, **({"fill": fill} if fill else {})}
    try:
        return parse_order(tomli_w.dumps(document).encode(), "order"), anyway
    except InputErrors as errors:
        raise InputErrors(error.at("order") for error in errors.errors) from None


def _worded(part: str) -> tuple[str, str]:
    words = sorted([*PARTS, "program", "bolus", "refill"], key=len, reverse=True)
    found = next((word for word in words if part == word or part.startswith(f"{word} ")), None)
    if found is None:
        nearest = nearest_name(part.partition(" ")[0], words)
        raise InputError("order", part, "is no part of an order", accepted=sorted(words), nearest=nearest)
    return found, part[len(found) :].strip()


def _program(text: str) -> dict[str, Any]:
    if text in ("stopped", "minimum rate"):
        return {"mode": text}
    if text.startswith("flex "):
        return {"mode": "flex", "steps": [_step(step.strip()) for step in text.removeprefix("flex ").split(",")]}
    if text.startswith("periodic "):
        found = _PERIODIC.fullmatch(text.removeprefix("periodic "))
        if found is None:
            raise InputError("program", text, "is no periodic bolus", accepted=(USAGE[2],))
        return {"mode": "periodic bolus", **dict(zip(("bolus", "over", "every", "first", "basal"), found.groups(), strict=True))}
    return {"mode": "simple continuous", "dose": text}


def _step(text: str) -> dict[str, str]:
    found = _STEP.fullmatch(text)
    if found is None:
        raise InputError("program", text, "is no step", accepted=("06:00-22:00 80 mcg",))
    return dict(zip(("from", "to", "dose"), found.groups(), strict=True))


def _between(text: str, word: str, keys: tuple[str, str], usage: str) -> dict[str, Any]:
    one, found, other = text.partition(f" {word} ")
    if not found:
        raise InputError("order", text, f"lacks {word!r}", accepted=(usage,))
    return dict(zip(keys, (one.strip(), other.strip()), strict=True))


def _rinse(text: str) -> dict[str, Any]:
    parts = _between(text, "x", ("rinse", "rinses"), "rinse 2 mL x 3")
    return {"rinse": parts["rinse"], "rinses": _whole(parts["rinses"])}


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise InputError("order", text, "is no whole number", accepted=("3",))
    return int(text)


def _prime(text: str) -> dict[str, Any]:
    return {"prime": True, **({"prime_flow": text.removeprefix("at ")} if text else {})}


_FILLS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "refill": lambda text: _between(text, "of", ("volume", "concentration"), USAGE[5]),
    "measured": lambda text: {"measured": text},
    "again": lambda text: {"again": text},
    "rinse": _rinse,
    "port": lambda text: {"port": text},
    "gauge": lambda text: {"needle_gauge": _whole(text)},
    "override": lambda text: _between(text, "by", ("override", "by"), "override the catheter was changed by Dr. A"),
}
_PLAIN: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "bolus": lambda text: {"bolus": _between(text, "over", ("dose", "over"), USAGE[4])},
    "total": lambda text: {"confirm_total": text},
    "bridge": lambda _: {"bridge": True},
    "no bridge": lambda text: {"without_bridge": text or "no reason was given"},
    "prime": _prime,
    "strength": lambda text: {"concentration": text},
    "volume": lambda text: {"reservoir": text},
    "low reservoir": lambda text: {"low_reservoir": text},
    "clock": lambda text: {"clock": text},
}
