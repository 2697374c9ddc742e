"""What every kind of workers does: take tasks as workers get free, and give results in the order in which they end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

# Variables that NumPy's libraries read when they load. A matrix product differs in its last bit with another number of
# threads, and many workers with many threads each are in each other's way.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1",
)
MAX_PACKET = 16             # tasks; a message costs the driver about as much as noting two tasks
PACKETS_A_WORKER = 8        # in which a worker's share of what is left is handed out, at the least
Task = TypeVar("Task")
Result = TypeVar("Result")


def as_it_is(task: Task) -> Task:
    """Tasks go to workers of this computer as they are."""
    return task


def alike(_task: object) -> float:
    """Every task takes as long as any other."""
    return 1.0


@dataclass(frozen=True)
class Work(Generic[Task, Result]):
    """What is done with each task.

    Attributes:
        do: does one task in a worker, and says what goes wrong instead of raising it. Workers find it by its name.
        lost: the result of a task whose workers died again and again.
        size: of a task beside others, for sharing them out.
        send: the task as `do` gets it on another computer, made when its turn comes.
    """

    do: Callable[..., Result]
    lost: Callable[[Task], Result]
    size: Callable[[Task], float] = alike
    send: Callable[[Task], object] = as_it_is


class Executor(Protocol):
    """Does all tasks, each once as far as its result tells."""

    def results(self, work: Work[Task, Result], tasks: Sequence[Task]) -> Generator[Result, None, None]:
        """The result of each task, in the order in which they end; few are handed out before a worker is free.

        Closed early, it ends when no worker writes any more.
        """


def packets(work: Work[Task, Result], tasks: Iterable[Task], workers: int) -> Generator[list[Task], None, None]:
    """Tasks to hand out together: small ones in packets, so that a message does not cost as much as a task; those that
    come last are small, so that workers end together."""
    share = 1 / (PACKETS_A_WORKER * workers)
    sizes = [(task, max(work.size(task), 1.0)) for task in tasks]
    left = sum(size for _, size in sizes)
    packet: list[Task] = []
    weight = 0.0
    for task, size in sizes:
        if packet and (weight + size > share * left or len(packet) == MAX_PACKET):
            yield packet
            left -= weight
            packet, weight = [], 0.0
        packet.append(task)
        weight += size
    if packet:
        yield packet
