"""``thecal clinic``: the record of a clinic, verified, rebuilt, backed up, restored, and moved from one database to another."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.cli.console import REFUSED, complain, explain, say, write_whole
from thecal.cli.serve_dir import Data, Url, address, existing_address, sqlite_file
from thecal.errors import InputError, ThecalError
from thecal.timeline import Instant

if TYPE_CHECKING:
    from thecal.clinic.archive import Manifest, Told
    from thecal.clinic.database import Database
    from thecal.clinic.record import Head

INTERRUPTED = 130
_SHOWN = 20
_WHO = "command line"
_FORCE = typer.Option("--force", help="Put it in the place of a file that is there.")
_PRINTED = Path("-")
_TOLD = "The heads of all chains: written where there is no such file, else compared"
_HEADS = typer.Option("--heads", metavar="FILE", help=f"{_TOLD}.", show_default=False)
_HEADS_OR_LINES = typer.Option("--heads", metavar="FILE", help=f"{_TOLD}; - prints a line for each.", show_default=False)

clinic = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The record of a clinic: is it as it was written, its backups, and its way from one database to another.",
)


@clinic.command()
def verify(heads: Annotated[Path | None, _HEADS_OR_LINES] = None, data: Data = None, database: Url = None) -> None:
    """Check that every entry of every chain is as it was written, and print the digest that stands for all of them.

    What was changed breaks its chain; that the end of a chain was cut off is seen by heads that were noted before (--heads, kept
    where the database is not). Exits with 1 and the place where the record is broken.
    """
    printed = heads == _PRINTED
    heads = None if printed else heads
    url = existing_address(data, database)
    from thecal.clinic.online_backup import check_noted, heads_text, noted_heads  # noqa: PLC0415  # a database, so slow
    from thecal.clinic.record import heads_digest  # noqa: PLC0415  # as above

    noted = noted_heads(heads.read_text(encoding="utf-8"), str(heads)) if heads and heads.exists() else None
    with _broken_is_refused(), _stoppable("nothing was changed"), _opened(url) as opened, opened.reading() as connection:
        with _bar() as told:
            found = list(_counted(connection, told))
        if noted is not None:
            check_noted(connection, noted, found)
    entries = sum(head.version for head in found)
    say(f"{entries:,} entries in {len(found):,} chains are as they were written")
    say(f"digest {heads_digest(found)}")
    for head in sorted(found, key=lambda head: head.stream) if printed else ():
        say(f"head {head.stream} {head.version} {head.digest}")
    if heads is not None and noted is None:
        write_whole({heads: heads_text(found)})
        say(f"The heads are noted in {heads}: keep it where the database is not.")
    elif noted is not None:
        more = entries - sum(head.version for head in noted)
        say(f"They go through all {len(noted):,} heads of {heads}, and {more:,} entries on.")


def _counted(connection: Any, told: "Told") -> "Iterator[Head]":
    from sqlalchemy import func, select  # noqa: PLC0415  # a database, so slow

    from thecal.clinic.record import verify as chains  # noqa: PLC0415  # as above
    from thecal.clinic.schema import entry  # noqa: PLC0415  # as above

    total, done = connection.execute(select(func.count()).select_from(entry)).scalar_one(), 0
    for head in chains(connection):
        done += head.version
        told("reading the record", done, total)
        yield head


@clinic.command()
def rebuild(data: Data = None, database: Url = None) -> None:
    """Work out every standing (the worklist, the lists) anew from the record, and tell which were not as they are now.

    A standing becomes another with the day and the hour, too. Stopped by Ctrl-C, it is run again.
    """
    url = existing_address(data, database)
    from thecal.clinic.practice import Practice  # noqa: PLC0415  # as above
    from thecal.clinic.rebuild import rebuild as work_out  # noqa: PLC0415  # a database, so slow

    with _broken_is_refused(), _stoppable("what was done is kept: run it again"), _opened(url) as opened, _bar() as told:
        found = work_out(Practice(opened, _folder(url, data), _now), told)
    same = found.charts - len(found.changed)
    say(f"{found.charts:,} charts were worked out anew; {max(same, 0):,} standings are the same as before")
    for stream in list(found.changed)[:_SHOWN]:
        say(f"{stream}: it was {found.changed[stream]}")
    if len(found.changed) > _SHOWN:
        say(f"and {len(found.changed) - _SHOWN:,} more")


@clinic.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.", show_default=False)],
    force: Annotated[bool, _FORCE] = False,
    data: Data = None,
    database: Url = None,
) -> None:
    """Keep all of a clinic in one file, while it is at work: of SQLite a copy of its file, of PostgreSQL the portable archive.

    It is verified before it is put in its place. It holds identifiers of persons and passwords as hashes: keep it as safe as the
    database. The files of the folder (the signing key) are not in it.
    """
    from_clinic("backed up the record", file, existing_address(data, database), force=force, identifiers=None)


@clinic.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write, a ZIP.", show_default=False)],
    without_identifiers: Annotated[
        bool,
        typer.Option(
            "--without-identifiers",
            help="The record alone, for research: no persons, accounts, bookings or audit. Dates of what was done stay.",
        ),
    ] = False,
    force: Annotated[bool, _FORCE] = False,
    data: Data = None,
    database: Url = None,
) -> None:
    """Write the portable archive: canonical JSON lines for each table, which either kind of database can be restored from.

    With it go persons and accounts (passwords as hashes). Sessions, tokens and invitations are left out, and issued anew.
    """
    if without_identifiers:
        complain(
            "thecal: persons are left out, but not what was typed as free text, nor the account names of the staff: read it first"
        )
    from_clinic("exported the record", file, existing_address(data, database), force=force, identifiers=not without_identifiers)


def from_clinic(did: str, file: Path, url: str, *, force: bool, identifiers: bool | None) -> None:
    """Write a backup, or an archive where it is said whether with identifiers; the audit tells of it before it is begun."""
    from thecal.clinic.audit import write_audit  # noqa: PLC0415  # a database, so slow
    from thecal.clinic.online_backup import backup as keep  # noqa: PLC0415  # as above
    from thecal.clinic.online_backup import export as archive  # noqa: PLC0415  # as above

    with _broken_is_refused(), _stoppable(f"{file} was not written"), _opened(url) as opened, _bar() as told:
        if file.resolve() == sqlite_file(url):
            raise InputError("FILE", str(file), "is the database itself", accepted=("another file",))
        detail = f"{file.name}, by user {os.getuid()}" + ("" if identifiers is not False else ", without identifiers")
        with opened.writing() as connection:
            write_audit(connection, _WHO, did, _now(), detail=detail)
        if identifiers is None:
            manifest = keep(opened, file, _now(), force=force, told=told)
        else:
            manifest = archive(opened, file, _now(), identifiers=identifiers, force=force, told=told)
    _tell(f"{file}: ", manifest, ", verified")


_FROM = typer.Argument(metavar="FILE", help="The file to read.", show_default=False)
_NOTED = typer.Option("--heads", metavar="FILE", help="The chains must go through these noted heads.", show_default=False)


@clinic.command()
def restore(
    file: Annotated[Path, _FROM], heads: Annotated[Path | None, _NOTED] = None, data: Data = None, database: Url = None
) -> None:
    """Fill an empty clinic from a backup, or from a portable archive: all of it, or nothing.

    The file is checked before anything is written, and what was written before it counts. Everybody signs in again; tokens and
    invitations are issued anew.
    """
    into_clinic(file, heads, address(data, database), archives_only=False)


@clinic.command("import")
def import_(
    file: Annotated[Path, _FROM], heads: Annotated[Path | None, _NOTED] = None, data: Data = None, database: Url = None
) -> None:
    """Fill an empty clinic from a portable archive, whichever kind of database that was made of. Else as restore."""
    into_clinic(file, heads, address(data, database), archives_only=True)


@clinic.command()
def passport(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A passport, as its QR code holds it.", show_default=False)],
    key: Annotated[str, typer.Option("--key", metavar="KEY", help="The clinic's public key: thecal-key:...", show_default=False)],
) -> None:
    """Check a pump passport without a network, and say what it states. Exits with 1 where it is not as that clinic signed it."""
    try:
        from thecal.web.passport import check_passport_text  # noqa: PLC0415  # the pages, so slow
    except ModuleNotFoundError as error:
        raise InputError(str(error.name), "", "is not installed", accepted=('pip install "thecal[clinic]"',)) from None
    rows = check_passport_text(file.read_text(encoding="utf-8").strip("\r\n"), key, date.today())  # noqa: DTZ011  # of who looks
    if isinstance(rows, ThecalError):
        complain(f"thecal: {rows}")
        raise typer.Exit(REFUSED)
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        say(f"{label:<{width}}  {value}")


def into_clinic(file: Path, heads: Path | None, url: str, *, archives_only: bool) -> None:
    """Read a file into an empty database."""
    from thecal.clinic.archive import Archive, restore as read_in  # noqa: I001, PLC0415  # a database, so slow
    from thecal.clinic.online_backup import check_noted, noted_heads, open_source, target  # noqa: PLC0415  # as above

    noted = noted_heads(heads.read_text(encoding="utf-8"), str(heads)) if heads else []
    with _broken_is_refused(), _stoppable("nothing was restored"), _bar() as told, open_source(file, told) as source:
        if archives_only and not isinstance(source, Archive):
            raise InputError("FILE", str(file), "is a backup of SQLite", accepted=(f"thecal clinic restore {file}",))
        _make_folder(url)
        with target(url) as opened:

            def confirm(connection: Any, found: "list[Head]") -> None:
                check_noted(connection, noted, found)

            readable = read_in(opened, source, f"{_WHO}, user {os.getuid()}", _now(), told, confirm)
    _tell(f"{file}: ", source.manifest, " restored")
    if not readable:
        say("The standings have to be worked out now: thecal clinic rebuild")


def _make_folder(url: str) -> None:
    place = sqlite_file(url)
    if place is not None:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _tell(before: str, manifest: "Manifest", after: str) -> None:
    say(f"{before}{manifest.entries:,} entries in {manifest.streams:,} chains, {manifest.rows:,} rows in all{after}")
    say(f"digest {manifest.heads}")


def _now() -> Instant:
    return Instant(int(time.time()))


def _folder(url: str, data: Path | None) -> Path:
    file = sqlite_file(url)
    return data or (file.parent if file is not None else Path())


@contextmanager
def _opened(url: str) -> "Iterator[Database]":
    from thecal.clinic.database import Database  # noqa: PLC0415  # a database, so slow

    database = Database(url)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _broken_is_refused() -> Iterator[None]:
    """Exit with 1, and the place, where a record or an archive is not as it was written."""
    from sqlalchemy.exc import DatabaseError  # noqa: PLC0415  # a database, so slow

    from thecal.clinic.archive import ArchiveError, RestoreError  # noqa: PLC0415  # as above
    from thecal.clinic.record import BrokenChainError  # noqa: PLC0415  # as above

    try:
        yield
    except (BrokenChainError, ArchiveError, RestoreError) as error:
        complain(explain(error))
        raise typer.Exit(REFUSED) from None
    except DatabaseError as error:
        complain(explain(ThecalError(f"the database is damaged: {str(error.orig).strip()}")))
        raise typer.Exit(REFUSED) from None


@contextmanager
def _stoppable(kept: str) -> Iterator[None]:
    """Say after Ctrl-C what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        complain(f"\nthecal: stopped; {kept}")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _bar() -> "Iterator[Callable[[str, int, int], None]]":
    """A bar on the terminal for what takes a while; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415  # with the bar
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415  # as above

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total or None)
            bar.update(tasks[what], completed=done)

        yield told
