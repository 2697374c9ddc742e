"""Workers of this computer."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context

from .executor import Result, Task, Work

WAITING_A_WORKER = 2        # tasks that are handed out for each worker, so that none waits for the next


class ThisProcess:
    """Does one task after the other, here."""

    def results(self, work: Work[Task, Result], tasks: Sequence[Task]) -> Generator[Result, None, None]:
        """As Executor."""
        for task in tasks:
            yield work.do(task)


class LocalProcesses:
    """Processes of this computer, each with its models left open."""

    def __init__(self, count: int) -> None:
        self.count = count

    def results(self, work: Work[Task, Result], tasks: Sequence[Task]) -> Generator[Result, None, None]:
        """As Executor. A task during which a process dies is tried once more, alone."""
        waiting = iter(tasks)
        while True:
            suspects: list[Task] = []
            yield from self._until_a_death(work.do, waiting, suspects)
            if not suspects:
                return
            for task in suspects:
                again: list[Task] = []
                yield from self._until_a_death(work.do, iter([task]), again)
                if again:
                    yield work.lost(task)

    def _until_a_death(
        self, do: Callable[[Task], Result], waiting: Iterator[Task], suspects: list[Task],
    ) -> Generator[Result, None, None]:
        """Results until no task is left, or a process dies; then `suspects` gets the tasks that were in work."""
        in_work: dict[Future[Result], Task] = {}
        with ProcessPoolExecutor(self.count, get_context("spawn"), _leave_ctrl_c_to_the_driver) as pool:

            def hand_out(count: int) -> None:
                for task in islice(waiting, count):
                    suspects.append(task)
                    in_work[pool.submit(do, task)] = suspects.pop()

            try:
                hand_out(WAITING_A_WORKER * self.count)
                while in_work:
                    for future in wait(in_work, return_when=FIRST_COMPLETED).done:
                        yield future.result()
                        del in_work[future]
                        hand_out(1)
            except BrokenProcessPool:
                suspects += in_work.values()
            finally:
                pool.shutdown(cancel_futures=True)


def _leave_ctrl_c_to_the_driver() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
