"""Workers of a Dask cluster. Before the first block each tells its versions and reads the protocol for itself."""

import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from thecal.errors import InputError
from thecal.study.manifest import other_version, texts_of, versions
from thecal.study.pool import THREADS
from thecal.study.task import Answer, ReadProtocol, RunBlock, Study, StudyError, Task, own_reader, work

if TYPE_CHECKING:
    from distributed import Future

CONNECT_S = 10
_LOOK_S = 30
_IN_FLIGHT = 2


class Cluster:
    """The workers of a scheduler at an address such as ``tcp://host:8786``.

    Raises InputError where Dask is not installed, the scheduler does not answer or has no workers, a worker has another version
    of what decides the rows, or reads another protocol there, or may use several threads for its arithmetic.
    """

    kind = "dask"

    def __init__(self, address: str, study: Study, run: RunBlock, read: ReadProtocol | None = None) -> None:
        try:
            from distributed import Client  # noqa: PLC0415  # slow, and with an extra
        except ImportError:
            raise InputError("--scheduler", address, "needs Dask", accepted=('pip install "thecal[study]"',)) from None
        if not address.startswith(("tcp://", "tls://")):
            raise InputError("--scheduler", address, "is no address", accepted=("tcp://HOST:PORT", "tls://HOST:PORT"))
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is told in our words
        self._address, self._study, self._run = address, study, run
        self._versions = versions()
        self._given: dict[Future[Answer], Task] = {}
        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            problem = f"does not answer within {CONNECT_S} s ({error})"
            advice = (f"dask scheduler on that machine, and dask worker {address}", "--workers N, to run on this machine")
            raise InputError("--scheduler", address, problem, accepted=advice) from None
        self._client = cast(Any, client)  # it has no types
        try:
            self.count = self._check(read)
        except BaseException:
            self._client.close()
            raise

    def takes(self, task: Task) -> bool:
        """As ``Workers`` says."""
        alone = task.alone or any(given.alone for given in self._given.values())
        return not self._given if alone else len(self._given) < _IN_FLIGHT * self.count

    def give(self, task: Task) -> None:
        """As ``Workers`` says."""
        key = f"thecal-{task.block}-{uuid4().hex}"
        future = self._client.submit(_work_there, self._run, self._study, task, self._versions, key=key, pure=False)
        self._given[future] = task

    def answers(self) -> list[Answer]:
        """As ``Workers`` says. Raises StudyError where the scheduler is gone, or all its workers are."""
        from distributed import CancelledError, KilledWorker, wait  # noqa: PLC0415  # as above

        first_of: Any = wait  # it has no types
        while True:
            try:
                with self._client.as_current():
                    ended = first_of(list(self._given), timeout=_LOOK_S, return_when="FIRST_COMPLETED").done
                break
            except TimeoutError:
                if not self._client.nthreads():
                    raise self._lost("has no workers any more") from None
            except (CancelledError, OSError):
                raise self._lost("is gone") from None
        found = []
        for future in ended:
            task = self._given.pop(future)
            error = future.exception()
            if isinstance(error, KilledWorker):
                found.append(Answer(task, None))
            elif error is not None:
                found.append(Answer(task, None, raised=f"{type(error).__name__}: {error}"))
            else:
                found.append(future.result())
            future.release()
        return found

    def close(self) -> None:
        """As ``Workers`` says; the cluster stays."""
        self._client.cancel(list(self._given), force=True)
        self._client.close()

    def _lost(self, problem: str) -> StudyError:
        advice = "All finished blocks are kept; when it is there again: thecal study resume DIR --scheduler ADDRESS"
        return StudyError(f"the scheduler at {self._address} {problem}. {advice}")

    def _check(self, read: ReadProtocol | None) -> int:
        """How many tasks the workers can do at once, after each has told what it is."""
        texts = texts_of(self._study)
        told = self._client.run(_tell, texts, self._study.name, read, on_error="return")
        if not told:
            accepted = (f"dask worker {self._address}, once or more",)
            raise InputError("--scheduler", self._address, "has no workers", accepted=accepted)
        for worker, answer in told.items():
            problem = self._problem(answer)
            if problem:
                raise InputError("worker", worker, problem, accepted=("workers like this machine",))
        return sum(self._client.nthreads().values())

    def _problem(self, answer: Any) -> str | None:
        if isinstance(answer, Exception):
            return f"cannot run studies ({type(answer).__name__}: {answer})"
        other = other_version(self._versions, answer["versions"])
        if other:
            return f"has another version ({other})"
        if answer["hash"] != self._study.hash:
            return f"reads another protocol (hash {answer['hash'][:12]} there, {self._study.hash[:12]} here)"
        if answer["threads"]:
            names = " and ".join(answer["threads"])
            return f"may use several threads for its arithmetic: {names} must be 1 when it starts, as with its nanny"
        return None


def _tell(texts: dict[str, str], name: str, read: ReadProtocol | None) -> dict[str, Any]:
    """What a worker is: its versions, the hash of the protocol as it reads it, and what lets it use more than one thread."""
    read = read or own_reader()
    with tempfile.TemporaryDirectory() as folder:
        for file, text in texts.items():
            path = Path(folder) / (f"{name}.toml" if file == "protocol.toml" else file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        found = read(Path(folder) / f"{name}.toml").hash
    threads = [which for which in THREADS[:2] if os.environ.get(which) != "1"]
    return {"versions": versions(), "hash": found, "threads": threads}


def _work_there(run: RunBlock, study: Study, task: Task, expected: dict[str, str | None]) -> Answer:
    """Do a task on a worker, which may have joined after the others were asked."""
    other = other_version(expected, versions())
    if other:
        return Answer(task, None, raised=f"a worker that has joined has another version ({other})")
    return work(run, study, task)
