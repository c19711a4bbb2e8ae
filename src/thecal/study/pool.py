"""Worker processes of this machine, each with one thread and a line of its own, so that it is known whose task killed it."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process, resource_tracker

from thecal.errors import InputError, ThecalError
from thecal.study.task import Answer, RunBlock, Study, StudyError, Task, work

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What tells numpy and numba to use one thread; they read it once, when they are imported."""
MOST_WORKERS = 512
_IN_FLIGHT = 2  # of each worker: one that runs, one that waits, so that nobody waits for the leader
_SPAWN = get_context("spawn")


def usable_cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """``count`` worker processes; as many as there are usable processors where none is given.

    A worker that dies is replaced; its task comes back as an answer without rows, those that waited behind it are given anew.
    Raises InputError for a number of workers that cannot be.
    """

    kind = "processes"

    def __init__(self, study: Study, run: RunBlock, count: int | None = None) -> None:
        self.count = usable_cpus() if count is None else count
        if not 1 <= self.count <= MOST_WORKERS:
            raise InputError("workers", self.count, "is no number of workers", accepted=(f"1 to {MOST_WORKERS}",))
        self._work = (run, study)
        self._workers: list[_Worker] = []

    def takes(self, task: Task) -> bool:
        """As ``Workers`` says."""
        return len(self._workers) < self.count or any(worker.has_room(task) for worker in self._workers)

    def give(self, task: Task) -> None:
        """As ``Workers`` says, to the one that has least to do."""
        worker = min((each for each in self._workers if each.has_room(task)), key=lambda each: len(each.tasks), default=None)
        if (worker is None or worker.tasks) and len(self._workers) < self.count:
            worker = self._added()
        if worker is None:
            raise ThecalError(f"block {task.block} was given to workers that have no room for it")
        if task.alone and worker.used:
            worker = self._replaced(worker)
        worker.give(task)

    def answers(self) -> list[Answer]:
        """As ``Workers`` says. Raises StudyError where a worker dies before it has begun, which is no task's fault."""
        found: list[Answer] = []
        while not found:
            gone: list[_Worker] = []
            by_line = {worker.line: worker for worker in self._workers if worker.tasks}
            for line in connection.wait(list(by_line)):
                worker = by_line[line]  # type: ignore[index]
                try:
                    found += worker.heard()
                except (EOFError, OSError):
                    gone.append(worker)
            for worker in gone:
                found += self._lost(worker)
        return found

    def close(self) -> None:
        """As ``Workers`` says."""
        while self._workers:
            self._workers.pop().end()

    def _lost(self, worker: "_Worker") -> list[Answer]:
        code = worker.end()
        if not worker.ready:
            raise StudyError(
                f"a worker process ended before it began (exit code {code}); its own words stand above. "
                "A script that runs a study keeps that call behind: if __name__ == '__main__':"
            )
        culprit, *behind = worker.tasks
        anew = self._replaced(worker)
        for task in behind:
            anew.give(task)
        return [Answer(culprit, None)]

    def _added(self) -> "_Worker":
        self._workers.append(_Worker(*self._work))
        return self._workers[-1]

    def _replaced(self, worker: "_Worker") -> "_Worker":
        worker.end()
        self._workers.remove(worker)
        return self._added()


class _Worker:
    """One process, the line to it, and the tasks that it has, in the order in which it does them."""

    def __init__(self, run: RunBlock, study: Study) -> None:
        self.line, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, run, study), daemon=True)
        with _born_single():
            self._process.start()
        theirs.close()
        self.tasks: deque[Task] = deque()
        self.ready = self.used = False

    def has_room(self, task: Task) -> bool:
        """Whether a task may be given: one that is to be alone needs an idle worker, and keeps others away."""
        if task.alone or any(given.alone for given in self.tasks):
            return not self.tasks
        return len(self.tasks) < _IN_FLIGHT

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        self.used = True
        try:
            self.line.send(task)
        except BrokenPipeError:  # it has died; the end of its line tells
            return

    def heard(self) -> list[Answer]:
        """One message. Raises EOFError or OSError where there will be none any more."""
        message = self.line.recv()
        if not self.ready:
            self.ready = True
            return []
        self.tasks.popleft()
        return [message]

    def end(self) -> int | None:
        """Kill it, where it lives; its exit code."""
        self._process.kill()
        self._process.join()
        self.line.close()
        return self._process.exitcode


@contextmanager
def _born_single() -> Iterator[None]:
    """A process that starts here has one thread for its arithmetic, and never hears of a Ctrl-C, which is for its parent."""
    resource_tracker.ensure_running()  # started by itself it would lift the mask
    before = {name: os.environ.get(name) for name in THREADS}
    masked = threading.current_thread() is threading.main_thread() and hasattr(signal, "pthread_sigmask")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masked else None
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _serve(line: "connection.Connection[Answer | None, Task]", run: RunBlock, study: Study) -> None:
    """What a worker does until nobody leads it any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        line.send(None)
        while True:
            line.send(work(run, study, line.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
