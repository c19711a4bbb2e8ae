"""``thecal serve``: the clinic's pages, on this machine or on its network."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from thecal.bench.bench_folder import BenchFolder
from thecal.cli.console import complain, say
from thecal.cli.serve_dir import Data, Url, address, default_folder
from thecal.errors import InputError, ThecalError
from thecal.timeline import Instant
from thecal.twin.clinic_file import read_clinic

if TYPE_CHECKING:
    from thecal.clinic.practice import Practice

_BENCH_WAIT_S = 20.0
_RUN = "from thecal.cli.main import main; main()"


def serve(
    host: Annotated[
        str, typer.Option("--host", help="The address to be reached at; 0.0.0.0 for the whole network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 is any free one.")] = 8321,
    data: Data = None,
    database: Url = None,
    clinic: Annotated[Path | None, typer.Option("--clinic", metavar="FILE", help="The clinic's own limits of the rules.")] = None,
    reached_at: Annotated[
        str | None,
        typer.Option(
            "--address", metavar="URL", help="Where a proxy is that people reach it through, as https://pumps.example.org."
        ),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="A demonstration clinic of invented people, gone when it ends.")] = False,
) -> None:
    """Serve the pages of a pump clinic until Ctrl-C.

    The first start makes the database and prints an address at which the first account is made. It never talks to a real
    implant: real pumps are programmed with their maker's programmer, whose printouts are entered; virtual ones run on a bench.
    """
    site = _site(reached_at) if reached_at is not None else ""
    if data is not None and data.exists() and not data.is_dir():
        raise InputError("--data", str(data), "is a file, not a folder for a clinic")
    if demo:
        with _demo_folder(data) as folder:
            _serve(folder, address(folder, None), host, port, clinic, site, demo=True)
        return
    folder = data or default_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _serve(folder, address(folder, database), host, port, clinic, site, demo=False)


@contextmanager
def _demo_folder(data: Path | None) -> Iterator[Path]:
    """A folder for a demonstration: a new one that is removed, or the one that was named, which must not be there yet."""
    if data is not None:
        if data.exists() and any(data.iterdir()):
            raise InputError(
                "--data", str(data), "holds something; a demonstration is made in a new folder", accepted=("no --data",)
            )
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield data
        return
    folder = Path(tempfile.mkdtemp(prefix="thecal-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _site(address: str) -> str:
    """An address that links can begin with. Raises InputError for any other."""
    site = address.rstrip("/")
    try:
        parts = urlsplit(site)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:  # a port that is none, a bracket that is left open
        fits = False
    if not fits or site != f"{parts.scheme}://{parts.netloc}":
        accepted = ("https://pumps.example.org", "http://10.0.0.5:8080")
        raise InputError("--address", address, "is no address to begin links with", accepted=accepted)
    return site


def _serve(folder: Path, url: str, host: str, port: int, clinic: Path | None, site: str, *, demo: bool) -> None:
    import uvicorn  # noqa: PLC0415  # asyncio and the pages, so slow

    from thecal.bench.start import listening_at  # noqa: PLC0415  # as above
    from thecal.clinic.account import accounts  # noqa: PLC0415
    from thecal.clinic.bench_link import BenchLink  # noqa: PLC0415
    from thecal.clinic.database import Database  # noqa: PLC0415
    from thecal.clinic.practice import Practice  # noqa: PLC0415
    from thecal.web.app import make_app  # noqa: PLC0415
    from thecal.web.nightly import nightly  # noqa: PLC0415

    begun = time.monotonic()
    listener = listening_at(host, port)  # before anything is made: a port that is taken leaves nothing behind
    bench = BenchFolder((folder / "bench").resolve())
    settings = read_clinic(clinic) if clinic else None
    practice = Practice(Database(url), folder.resolve(), _clock, settings, BenchLink(bench))
    app = make_app(practice, nightly=nightly, address=site)
    with _demonstration(practice, bench, demo=demo):
        here = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{listener.getsockname()[1]}"  # noqa: S104
        with practice.database.reading() as connection:
            anybody = bool(accounts(connection))
        if not anybody:
            app.state.first_key = secrets.token_urlsafe(16)
            say(f"Nobody has an account yet. Make the first one at {site or here}/first?key={app.state.first_key}")
        if demo:
            from thecal.clinic.demo import PASSWORD, PEOPLE  # noqa: PLC0415

            names = ", ".join(f"{account.name} ({account.role})" for account in PEOPLE)
            say(f"Everybody here is invented. Sign in as {names}; the password of all is: {PASSWORD}")
        reached = f", and is reached at {site}" if site else ""
        say(f"The clinic is at {here} after {time.monotonic() - begun:.1f} s{reached}. Ctrl-C ends it.")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
            server.run(sockets=[listener])
    practice.database.close()


def _clock() -> Instant:
    return Instant(int(time.time()))


@contextmanager
def _demonstration(practice: "Practice", bench: BenchFolder, *, demo: bool) -> Iterator[None]:
    """The demonstration's people and pumps, and its bench, for as long as it lasts; nothing without one."""
    if not demo:
        yield
        return
    from thecal.clinic.demo import fill  # noqa: PLC0415

    fill(practice, bench, lambda told: complain(f"thecal: {told}"))
    command = [sys.executable, "-P", "-c", _RUN, "bench", "start", "--dir", str(bench.path), "--plain"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ), start_new_session=True)  # noqa: S603
    try:
        deadline = time.monotonic() + _BENCH_WAIT_S
        while bench.listening() is None:
            if child.poll() is not None or time.monotonic() > deadline:
                raise ThecalError("the bench of the demonstration did not start")
            time.sleep(0.02)
        yield
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
