"""What a worker is given and what it gives back: a block of the patients of a study, or one of them alone."""

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from thecal.errors import ThecalError

DIED = "the worker that ran this patient died"


class StudyError(ThecalError):
    """A run that cannot go on by itself. What it has finished is kept."""


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str: ...


class Study(Protocol):
    """What the running of a study has to know of its protocol; ``thecal.study.design`` reads them."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def patients(self) -> int: ...
    @property
    def follow_up_days(self) -> int: ...
    @property
    def block(self) -> int: ...
    @property
    def arms(self) -> Sequence[Named]: ...
    @property
    def policy_files(self) -> Sequence[tuple[str, str]]: ...
    @property
    def hash(self) -> str: ...
    @property
    def blocks(self) -> int: ...
    def enrolled(self) -> Sequence[int]: ...


class Missed(Protocol):
    """A patient of an arm who failed, and why."""

    @property
    def patient(self) -> int: ...
    @property
    def arm(self) -> str: ...
    @property
    def error(self) -> str: ...


class Made(Protocol):
    """What a block has become: columns by table and name, and who failed."""

    @property
    def tables(self) -> Mapping[str, Mapping[str, Sequence[Any]]]: ...
    @property
    def failures(self) -> Sequence[Missed]: ...


RunBlock = Callable[[Any, Sequence[int]], Made]
"""Runs the patients of these numbers by a protocol. Importable by name, so that another process can be told of it."""
ReadProtocol = Callable[[Any], Any]
"""Reads the protocol of a path."""


@dataclass(frozen=True, slots=True)
class Task:
    """Patients to run: the block ``block``, or a part of it. ``alone``: with nothing else that could be to blame for its end."""

    block: int
    numbers: Sequence[int]
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a task: ``made``; or why it could not be (``raised``, a traceback); or neither, where its worker died."""

    task: Task
    made: Made | None
    seconds: float = 0.0
    raised: str = ""


class Workers(Protocol):
    """Who runs tasks: processes of this machine, or a cluster."""

    @property
    def kind(self) -> str: ...
    @property
    def count(self) -> int: ...
    def takes(self, task: Task) -> bool:
        """Whether the task may be given now: only so many are in flight that nobody waits for work."""

    def give(self, task: Task) -> None:
        """Begin a task that is taken."""

    def answers(self) -> list[Answer]:
        """Wait until one or more of the tasks that were given have ended. Raises StudyError where no worker is left."""

    def close(self) -> None:
        """End all workers of ours; what still runs is abandoned."""


def work(run: RunBlock, study: Study, task: Task) -> Answer:
    """Do a task here and now. An exception comes back as its text, since not every exception can be sent."""
    begun = time.perf_counter()
    try:
        made = run(study, task.numbers)
    except MemoryError:
        return Answer(task, None, time.perf_counter() - begun)
    except Exception:  # noqa: BLE001  # it is raised again where the study is led
        return Answer(task, None, time.perf_counter() - begun, traceback.format_exc())
    return Answer(task, made, time.perf_counter() - begun)


def own_runner() -> RunBlock:
    """What runs a block where no other is given."""
    from thecal.study.block import run_block  # noqa: PLC0415  # the whole of thecal, for who brings none of his own

    return run_block


def own_reader() -> ReadProtocol:
    """What reads a protocol where no other is given."""
    from thecal.study.design import read_protocol  # noqa: PLC0415  # as above

    return read_protocol
