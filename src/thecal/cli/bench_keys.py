"""``thecal bench keys``: who may talk to the pumps of a bench, and say what."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.bench.bench_folder import DEFAULT, BenchFolder, NoBenchError
from thecal.cli.bench_dir import Dir, advised, columns
from thecal.cli.console import print_lines, say
from thecal.datum import pick
from thecal.errors import InputError
from thecal.report.document import json_text
from thecal.report.tables import Line
from thecal.report.words import BANNER
from thecal.timeline import Duration

if TYPE_CHECKING:
    from thecal.bench.key_ring import Held

FIRST = "clinic"
"""The programmer that gets a key with the authority, and may do everything."""
_LASTS = "365 days"
_LASTS_MAX = Duration(3650 * 86_400)


def keys(
    programmer: Annotated[
        str | None, typer.Option("--programmer", metavar="NAME", help="Issue a key to this programmer; its older one is revoked.")
    ] = None,
    may: Annotated[
        list[str] | None, typer.Option("--may", metavar="PERMISSION", help="may_interrogate (if none is given) or may_program.")
    ] = None,
    pump: Annotated[
        list[str] | None, typer.Option("--pump", metavar="SERIAL", help="For this pump alone; for all if none is given.")
    ] = None,
    lasts: Annotated[str, typer.Option("--lasts", metavar="TIME", help="How long it is valid.")] = _LASTS,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new authority and all keys anew; the old ones go on.")] = False,
    retire: Annotated[bool, typer.Option("--retire", help="Trust the present authority alone.")] = False,
    revoke: Annotated[
        str | None, typer.Option("--revoke", metavar="NAME", help="Let this programmer in no more.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    dir: Dir = DEFAULT,
) -> None:
    """Make, issue, rotate and revoke the keys of a bench, and list them. All of them are for virtual pumps.

    The first call makes the authority, and a key for the programmer clinic that may do everything. A bench that runs reads its
    keys again.
    """
    from thecal.bench.control import ReadKeys, ask  # noqa: PLC0415  # asyncio, so slow

    folder = BenchFolder(dir)
    _check_one_thing({"--programmer": programmer, "--rotate or --retire": rotate or retire, "--revoke": revoke})
    for option, given in {"--may": may, "--pump": pump, "--lasts": lasts != _LASTS}.items():
        if given and programmer is None:
            raise InputError(option, "", "says what a key permits, and none is issued", accepted=("--programmer NAME with it",))
    folder.make()
    made = _authority_made(folder)
    if programmer is not None:
        _issue(folder, programmer, may or ["may_interrogate"], pump or [], lasts)
    elif revoke is not None:
        _revoke(folder, revoke)
    else:
        _renew(folder, rotate=rotate and not made, retire=retire)
    with suppress(NoBenchError):
        ask(folder, ReadKeys())
    if json:
        say(json_text(_document(folder)).rstrip())
    else:
        print_lines(_lines(folder))


def _check_one_thing(asked: dict[str, object]) -> None:
    named = [option for option, given in asked.items() if given]
    if len(named) > 1:
        raise InputError("keys", " and ".join(named), "are two things", accepted=("one of them at a time",))


def _authority_made(folder: BenchFolder) -> bool:
    """Whether the authority and its first programmer had to be made."""
    from thecal.bench.access import PERMISSIONS  # noqa: PLC0415  # with the keys
    from thecal.bench.keys import has_authority, issue_programmer, make_authority  # noqa: PLC0415  # cryptography, so slow

    if has_authority(folder.keys):
        return False
    now = datetime.now(UTC)
    make_authority(folder.keys, now)
    issue_programmer(folder.keys, FIRST, PERMISSIONS, [], Duration.parse(_LASTS), now)
    return True


def _issue(folder: BenchFolder, name: str, may: list[str], pumps: list[str], lasts: str) -> None:
    from thecal.bench import keys as made  # noqa: PLC0415  # cryptography, so slow
    from thecal.bench.access import PERMISSIONS  # noqa: PLC0415  # with the keys

    made.check_name(name, "--programmer")
    for permission in may:
        pick(permission, {str(name): name for name in PERMISSIONS}, "--may")
    for serial in pumps:
        if folder.serials():
            folder.check_serial(serial, "--pump")
        elif not made.SERIAL.fullmatch(serial):
            raise InputError("--pump", serial, "is no serial number", accepted=("capital letters, digits and dashes",))
    how_long = Duration.parse(lasts, "--lasts")
    if how_long > _LASTS_MAX:
        raise InputError("--lasts", lasts, "is longer than an authority lasts", accepted=(f"at most {_LASTS_MAX}",))
    if name in made.programmers(folder.keys):
        made.revoke(folder.keys, name)
    made.issue_programmer(folder.keys, name, may, pumps, how_long, datetime.now(UTC))


def _revoke(folder: BenchFolder, name: str) -> None:
    from thecal.bench.keys import revoke  # noqa: PLC0415  # cryptography, so slow

    revoke(folder.keys, name)


def _renew(folder: BenchFolder, *, rotate: bool, retire: bool) -> None:
    from thecal.bench import key_ring, keys  # noqa: PLC0415  # cryptography, so slow

    if rotate:
        key_ring.rotate(folder.keys, datetime.now(UTC))
    if retire:
        keys.retire(folder.keys)


def _document(folder: BenchFolder) -> dict[str, Any]:
    from thecal.bench.key_ring import authorities, held_keys, pump_keys  # noqa: PLC0415  # cryptography, so slow

    return {
        "schema": 1,
        "dir": str(folder.path),
        "banner": BANNER,
        "authorities_until_utc": [_utc(each.not_valid_after_utc) for each in authorities(folder.keys)],
        "programmers": [
            {
                "name": held.client.name,
                "permissions": sorted(held.client.permissions),
                "pumps": None if held.client.pumps is None else sorted(held.client.pumps),
                "until_utc": _utc(held.until),
                "standing": held.standing,
                "certificate": str(folder.keys / f"programmer-{held.client.name}.pem"),
                "key": str(folder.keys / f"programmer-{held.client.name}.key"),
            }
            for held in held_keys(folder.keys, datetime.now(UTC))
        ],
        "pump_keys": pump_keys(folder.keys),
    }


def _lines(folder: BenchFolder) -> Iterator[Line]:
    from thecal.bench.key_ring import authorities, held_keys, pump_keys  # noqa: PLC0415  # cryptography, so slow

    trusted = authorities(folder.keys)
    yield Line(f"The keys of the bench in {folder.path}, for virtual pumps; each is in {folder.keys}", "title")
    yield Line(
        f"authority until {_utc(trusted[0].not_valid_after_utc)}, and {len(pump_keys(folder.keys))} pumps with a key of it"
    )
    if len(trusted) > 1:
        retire = advised("bench keys --retire", folder.path)
        yield Line(f"{len(trusted) - 1} older are trusted too; when every programmer has its new key: {retire}", "note")
    rows = [_row(held) for held in held_keys(folder.keys, datetime.now(UTC))]
    head, *lines = columns([("programmer", "may", "pumps", "until", "standing"), *rows])
    yield Line(head, "head")
    yield from (Line(line, "row") for line in lines)
    yield Line(BANNER, "note")


def _row(held: "Held") -> tuple[str, ...]:
    client = held.client
    pumps = "all" if client.pumps is None else " ".join(sorted(client.pumps))
    return client.name, " ".join(sorted(client.permissions)), pumps, _utc(held.until), held.standing


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
