"""What an instructor can do to a drill: time, truth, faults and voices. An instructor's line begins with an exclamation mark."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from pydantic import ValidationError

from thecal.drill.move import Moved, lines_of, told, until
from thecal.drill.state import State, truth
from thecal.errors import InputError, nearest_name
from thecal.quantity import Gain
from thecal.report.tables import Line
from thecal.timeline import Duration
from thecal.twin.devices import Device, check_on
from thecal.twin.mishaps import TRUTH_TABLES, AnyWorldEvent
from thecal.twin.truth import drifted, faults
from thecal.twin.world import Slip

MARK = "!"
AT_ONCE_S = 1
"""A fault strikes a second after it was injected: one in the second of a deed would come before it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What an instructor can order: how it is written, what it is for, and what it does."""

    usage: str
    means: str
    does: Callable[[State, str], Moved]


def _pause(state: State, _: str) -> Moved:
    return told(replace(state, paused=True), "Paused.", style="note")


def _resume(state: State, _: str) -> Moved:
    return told(replace(state, paused=False), "It goes on.", style="note")


def _jump(state: State, text: str) -> Moved:
    end = state.now + Duration.parse(text, "jump")
    if end > state.drill.table.until:
        last = state.drill.table.until.local_text(state.drill.zone)
        raise InputError("jump", text, "is past the end of the drill", accepted=(f"until {last}, or less",))
    return until(state, end, stopping=False)


def _show(state: State, text: str) -> Moved:
    _check_truth(text, "show")
    return Moved(replace(state, truth_shown=True), tuple(line for one in truth(state) for line in lines_of(one, "unsensed")))


def _hide(state: State, text: str) -> Moved:
    _check_truth(text, "hide")
    return Moved(replace(state, truth_shown=False), ())


def _check_truth(text: str, word: str) -> None:
    if text != "truth":
        raise InputError(word, text, "is nothing to show or hide", accepted=("truth",))


def _say(state: State, text: str) -> Moved:
    who, colon, words = text.partition(":")
    if not colon or not words.strip():
        raise InputError("say", text, "says nothing", accepted=("say wife: he is so stiff today",))
    return told(state, f"{who.strip().capitalize()}: \u201c{words.strip()}\u201d", style="done")


def _voice(state: State, text: str) -> Moved:
    voices = {voice.name: voice for voice in state.drill.table.voice}
    if text not in voices:
        nearest = nearest_name(text, voices)
        raise InputError("voice", text, "is no voice of this drill", accepted=sorted(voices), nearest=nearest)
    voice = voices[text]
    after = replace(state, told=state.told | {text}).hears(voice)
    return told(after, f"{voice.who.capitalize()}: \u201c{voice.says}\u201d", style="done")


def _fault(state: State, text: str) -> Moved:
    """A fault of a kind that a case can have, from now on."""
    try:
        kind, *pairs = shlex.split(text) or [""]
    except ValueError:
        raise InputError("fault", text, "has a quote that does not end", accepted=('fault kink open="0 %"',)) from None
    if not kind:
        keys = ((name, [key for key in table.model_fields if key not in ("at", "kind")]) for name, table in TRUTH_TABLES.items())
        return Moved(state, tuple(Line(f"  {name:<18}{', '.join(given)}", "note") for name, given in keys))
    if kind not in TRUTH_TABLES:
        nearest = nearest_name(kind, TRUTH_TABLES)
        raise InputError("fault", kind, "is not a kind of fault", accepted=sorted(TRUTH_TABLES), nearest=nearest)
    at = state.now + Duration(AT_ONCE_S)
    row = dict(_pair(pair) for pair in pairs)
    own_keys = [key for key in ("at", "kind") if key in row]
    if own_keys:
        raise InputError(own_keys[0], row[own_keys[0]], "is not for the instructor to say: it strikes now")
    table = TRUTH_TABLES[kind]
    try:
        event = table.model_validate(
            {"kind": kind, "at": at.local_text(state.drill.zone), **row}, context={"zone": state.drill.zone}
        )
    except ValidationError as error:
        raise _unreadable(kind, error, table.model_fields) from None
    pump, geometry = state.world.pump, state.world.geometry
    if pump is None or geometry is None:
        raise InputError("fault", kind, "has nothing that it could happen to")
    own = drifted([*faults(cast("AnyWorldEvent", event))], Gain(pump.mechanics.influences.own_ppm))
    for planned in own:
        if not isinstance(planned.fault, Slip):
            check_on(Device(pump.sheet, geometry), kind, planned.fault)
    to_come = sorted((*state.world.faults, *own), key=lambda one: one.at)
    after = replace(state, world=replace(state.world, faults=tuple(to_come)), faults=(*state.faults, *own))
    return told(after, f"From now on: {', '.join(one.told or kind for one in own)}.", style="note").then(
        lambda one: until(one, at, stopping=False)
    )


def _pair(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError("fault", text, "is no key with its value", accepted=('lasts="4 h"', 'open="0 %"'))
    return key, int(value) if value.isascii() and value.isdecimal() else value


def _unreadable(kind: str, error: ValidationError, fields: Mapping[str, object]) -> InputError:
    first = error.errors(include_url=False)[0]
    inner = first.get("ctx", {}).get("error")
    if isinstance(inner, InputError):
        return inner
    keys = [key for key in fields if key not in ("at", "kind")]
    name = str(first["loc"][-1]) if first["loc"] else kind
    match first["type"]:
        case "missing":
            return InputError(name, "", f"is missing; {kind} has {', '.join(keys) or 'no keys'}")
        case "extra_forbidden":
            return InputError(name, name, f"is not a key of {kind}", accepted=keys, nearest=nearest_name(name, keys))
        case _:
            return InputError(name, str(first["input"]), f"cannot be read: {first['msg'][:1].lower()}{first['msg'][1:]}")


ORDERS: Mapping[str, Order] = {
    "pause": Order("! pause", "the learner has to wait", _pause),
    "resume": Order("! resume", "it goes on", _resume),
    "jump": Order("! jump 2 h", "time passes, and nobody can act", _jump),
    "show": Order("! show truth", "to everybody: what is so, now and after every line", _show),
    "hide": Order("! hide truth", "no longer", _hide),
    "fault": Order('! fault kink open="0 %"', "something goes wrong now; ! fault alone lists kinds and keys", _fault),
    "say": Order("! say wife: words", "words of your own", _say),
    "voice": Order("! voice NAME", "a voice of the drill speaks now", _voice),
}
"""What concerns one state; what concerns the whole run (rewind, branch, reset) stands with the run."""


def instruct(state: State, line: str) -> Moved:
    """What an instructor's line does, without its mark. Raises InputError for one that cannot be read."""
    word, _, rest = " ".join(line.split()).partition(" ")
    if word not in ORDERS:
        known = [*ORDERS, "rewind", "branch", "reset", "help"]
        raise InputError("line", f"! {line}", "is no order of an instructor", accepted=known, nearest=nearest_name(word, known))
    return ORDERS[word].does(state, rest.strip())
