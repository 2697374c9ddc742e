"""Workers of this computer."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context

from .executor import Result, Task, Work, packets

WAITING_A_WORKER = 2        # packets that are handed out for each worker, so that none waits for the next


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
        """As Executor. What was in work when a process died is done once more, one by one."""
        waiting = packets(work, tasks, self.count)
        while True:
            suspects: list[Task] = []
            yield from _until_a_death(work.do, waiting, suspects, self.count)
            if not suspects:
                return
            alone = iter([[task] for task in suspects])
            while True:
                culprit: list[Task] = []
                yield from _until_a_death(work.do, alone, culprit, 1, waiting_a_worker=1)
                if not culprit:
                    break
                yield work.lost(culprit[0])


def _until_a_death(
    do: Callable[[Task], Result], waiting: Iterator[list[Task]], suspects: list[Task], count: int,
    waiting_a_worker: int = WAITING_A_WORKER,
) -> Generator[Result, None, None]:
    """Results until no packet is left, or a process dies; then `suspects` gets the tasks that were in work."""
    in_work: dict[Future[list[Result]], list[Task]] = {}
    with ProcessPoolExecutor(count, get_context("spawn"), _leave_ctrl_c_to_the_driver) as pool:

        def hand_out(number: int) -> None:
            for packet in islice(waiting, number):
                suspects.extend(packet)         # until it is known to be with a worker
                in_work[pool.submit(_do_all, do, packet)] = packet
                suspects.clear()

        try:
            hand_out(waiting_a_worker * count)
            while in_work:
                for future in wait(in_work, return_when=FIRST_COMPLETED).done:
                    yield from future.result()
                    del in_work[future]
                    hand_out(1)
        except BrokenProcessPool:
            suspects.extend(task for packet in in_work.values() for task in packet)
        finally:
            pool.shutdown(cancel_futures=True)


def _do_all(do: Callable[[Task], Result], packet: list[Task]) -> list[Result]:
    return [do(task) for task in packet]


def _leave_ctrl_c_to_the_driver() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
