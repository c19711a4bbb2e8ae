"""Where a clinic is: the folder of its files and the address of its database, as options say it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from thecal.errors import InputError

DATABASE_FILE = "clinic.db"
"""What the SQLite file of a clinic is called in its folder."""


def default_folder() -> Path:
    """The folder where none is named: that of the user's data, the same wherever the command is given."""
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share") / "thecal"


Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="THECAL_DATA",
        help="The folder of the clinic; thecal in the user's data folder if not given (XDG_DATA_HOME, or ~/.local/share).",
        show_default=False,
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="THECAL_DATABASE",
        help=f"postgresql://USER@HOST/NAME, or sqlite:///FILE; {DATABASE_FILE} in the folder if not given.",
        show_default=False,
    ),
]


def address(data: Path | None, database: str | None) -> str:
    """The address of the clinic's database. Raises InputError where what a clinic needs is not installed."""
    try:
        from thecal.clinic.database import sqlite_url  # noqa: PLC0415  # a database, so slow
    except ModuleNotFoundError as error:
        raise InputError(str(error.name), "", "is not installed", accepted=('pip install "thecal[clinic]"',)) from None
    return database or sqlite_url((data or default_folder()).resolve() / DATABASE_FILE)


def existing_address(data: Path | None, database: str | None) -> str:
    """The same, of a clinic that is there: nothing is made by looking. Raises InputError where an SQLite file is not."""
    url = address(data, database)
    path = sqlite_file(url)
    if path is not None and not path.is_file():
        option = "--database" if database else "--data"
        accepted = ("the folder of a clinic, with --data", "the address of its database, with --database")
        raise InputError(option, str(path if database else path.parent), "has no clinic in it", accepted=accepted)
    return url


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite address; None of any other. Raises InputError for what is no address."""
    from sqlalchemy import make_url  # noqa: PLC0415  # a database, so slow
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415  # as above

    try:
        parts = make_url(url)
    except ArgumentError:
        accepted = ("sqlite:///FILE", "postgresql://USER@HOST/NAME")
        raise InputError("--database", "", "is no address of a database", accepted=accepted) from None
    return Path(parts.database or "") if parts.get_backend_name() == "sqlite" else None
