"""The rows of a study as they were kept: tables as arrays, and questions in SQL.

from pathlib import Path
from thecal.study.result import Result

result = Result.open(Path("results"))
names, rows = result.query("SELECT arm, avg(ashworth_change) FROM patients GROUP BY arm")
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thecal.errors import InputError, nearest_name
from thecal.study.columns import TABLES
from thecal.study.folder import StudyFolder, connect
from thecal.study.manifest import Note, failures_of
from thecal.study.rows import COLUMNS
from thecal.study.task import ReadProtocol, own_reader

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from thecal.study.design import Protocol

_CHUNK = 10_000
_ORDER = ("patient", "day", "hour", "kind", "detail")


@dataclass(frozen=True, slots=True)
class Result:
    """A folder of results: its manifest, with who failed so far; its protocol; and the blocks that are done."""

    path: Path
    manifest: dict[str, Any]
    protocol: "Protocol"
    notes: tuple[Note, ...]

    @classmethod
    def open(cls, path: Path, verify: bool = True, read: ReadProtocol | None = None) -> "Result":
        """The results in a folder. With ``verify`` each file's checksum is looked at, and not only that it is there.

        ``read`` reads the protocol, thecal's own where not given. Raises InputError for a folder that holds no study, a protocol
        that is not what was run, and a file that is missing, foreign or changed.
        """
        folder = StudyFolder(path)
        manifest = folder.manifest()
        protocol = replace(folder.protocol(read or own_reader()), name=manifest["study"])
        notes = folder.check(verify)
        return cls(path, {**manifest, "failures": [asdict(failed) for failed in failures_of(notes)]}, protocol, notes)

    @property
    def missing(self) -> int:
        """How many blocks of the study are not done yet."""
        return int(self.manifest["blocks"]) - len(self.notes)

    def rows(self, table: str) -> int:
        """How many rows a table has. Raises InputError for a table that there is not."""
        return sum(note.rows[_known(table)] for note in self.notes)

    def table(self, name: str) -> dict[str, NDArray[Any]]:
        """The columns of a table, arrays of one length by name; arms in the order of the protocol, then patient, then time.

        Numbers are numbers, with nan where there is none, which makes whole numbers and yes-or-no floats; texts are objects, with
        None. Raises InputError for a table that there is not.
        """
        arms = [arm.name for arm in self.protocol.arms]
        with self._database() as database:
            keys = ", ".join(key for key in _ORDER if key in COLUMNS[_known(name)])
            ordered = f"SELECT * FROM {name} ORDER BY list_position(?::VARCHAR[], arm), {keys}"  # noqa: S608
            columns = database.execute(ordered, [arms]).fetchnumpy()
        return {column: _array(columns[column], kind) for column, kind in COLUMNS[name].items()}

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names and the rows that a SELECT gives, over the tables of ``thecal.study.rows``. It can change nothing.

        Raises InputError for what is no SELECT, and with DuckDB's own words for what it cannot do.
        """
        names, rows, _ = self.query_most(sql, None)
        return names, rows

    def query_most(self, sql: str, most: int | None) -> tuple[list[str], list[tuple[Any, ...]], int]:
        """As ``query``, but ``most`` rows at the most, and how many there are."""
        import duckdb  # noqa: PLC0415  # with the extra; the database below says where it is missing

        with self._database() as database:
            try:
                kinds = [statement.type for statement in database.extract_statements(sql)]
                if kinds != [duckdb.StatementType.SELECT]:
                    raise InputError("query", sql, "is not one SELECT", accepted=("SELECT, one of them",))
                cursor = database.execute(sql)
                names = [str(column[0]) for column in cursor.description or ()]
                rows, count = [], 0
                while part := cursor.fetchmany(_CHUNK):
                    rows += part if most is None else part[: max(0, most - count)]
                    count += len(part)
            except duckdb.Error as error:
                raise InputError("query", sql, f"cannot be answered: {error}", accepted=_columns_there()) from None
        return names, rows, count

    @contextmanager
    def _database(self) -> "Iterator[DuckDBPyConnection]":
        """A database that can read the files of these results, and nothing else, and writes none."""
        folder = StudyFolder(self.path.resolve())
        files = {table: [str(folder.file(table, note.block)) for note in self.notes] for table in TABLES}
        database = connect()
        try:
            for table, paths in files.items():
                database.execute(f"CREATE VIEW {table} AS {_source(table, paths)}")
            database.execute(f"SET allowed_paths = [{_quoted(path for paths in files.values() for path in paths)}]")
            for setting in ("enable_external_access = false", "lock_configuration = true"):
                database.execute(f"SET {setting}")
            yield database
        finally:
            database.close()


def _known(table: str) -> str:
    if table not in TABLES:
        raise InputError("table", table, "is not there", accepted=TABLES, nearest=nearest_name(table, TABLES))
    return table


def _source(table: str, paths: Sequence[str]) -> str:
    if paths:
        return f"SELECT * FROM read_parquet([{_quoted(paths)}])"  # noqa: S608  # paths of our own, quoted
    columns = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in COLUMNS[table].items())
    return f"SELECT {columns} WHERE false"


def _quoted(texts: "Sequence[str] | Iterator[str]") -> str:
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)


def _array(found: NDArray[Any], kind: str) -> NDArray[Any]:
    """A column as DuckDB gives it, where NULL is masked."""
    gaps = np.ma.getmaskarray(found)
    plain = np.ma.getdata(found)
    if kind == "VARCHAR":
        texts = np.empty(len(plain), dtype=object)
        texts[:] = [None if gap else text for text, gap in zip(plain, gaps, strict=True)]
        return texts
    if kind != "DOUBLE" and not gaps.any():
        return plain
    return np.where(gaps, np.nan, plain.astype(np.float64))


def _columns_there() -> tuple[str, ...]:
    return tuple(f"{table} ({', '.join(columns)})" for table, columns in COLUMNS.items())
