"""Workers on the nodes of a Ray cluster. The only file that knows Ray, which is loaded when a cluster is asked for.

Each worker is an actor that stays, with its models left open. The driver chooses the node of each one itself: so it can
greet the nodes, leave out one that would give other results, and take in one that comes later.
"""

from __future__ import annotations

import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic

from ..values.errors import EngineError, InstallError, SettingError
from .executor import ONE_THREAD, Result, Task, Work, packets

WAITING_A_WORKER = 2        # packets that are handed out for each worker, so that none waits for the next
MAX_DEATHS = 3              # of workers during one task; the nodes of a cluster may go for their own reasons
LOOK_S = 5.0                # between two looks at the nodes
SLOW_S = 30.0               # without a first worker, after which that is said
KNOCK_S = 10.0              # for the head of a cluster to answer
STOP_S = 10.0               # for workers to end that were killed
PATIENCE_S = 300.0          # for a first node to come back where all were lost


class ClusterError(EngineError):
    """The cluster cannot be reached, or none of its nodes can help."""


@dataclass(frozen=True)
class ClusterOptions:
    """How to use a cluster.

    Attributes:
        address: host:port of its head, or auto.
        workers: at the most; 0 takes all that fit.
        cpus, gpus: processors and graphics cards of each worker; shares of a card such as 0.25 let four share one.
        about: what must be the same on the driver and on each node: name -> value. Run on both.
        warn: gets a sentence for each node that is left out.
    """

    address: str
    workers: int
    cpus: float
    gpus: float
    about: Callable[[], Mapping[str, str]]
    warn: Callable[[str], None]


class _Worker:
    """What runs on a node."""

    def greet(self, about: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
        return about()

    def do(self, do: Callable[[object], Result], tasks: Sequence[object]) -> list[Result]:
        return [do(task) for task in tasks]


@dataclass
class _Packet(Generic[Task]):
    """Tasks that go out together. is_suspect: a worker died with them, so nothing else goes to their next one."""

    tasks: list[Task]
    is_suspect: bool = False


@dataclass
class _Hired:
    """A worker on a node. has_greeted: it may get tasks."""

    actor: Any
    node: str
    has_greeted: bool = False
    packets: dict[int, _Packet[Any]] = field(default_factory=dict)

    def can_take(self, packet: _Packet[Any]) -> bool:
        """Whether the packet may wait here; a suspect is alone."""
        if not self.has_greeted or any(other.is_suspect for other in self.packets.values()):
            return False
        return len(self.packets) < (1 if packet.is_suspect else WAITING_A_WORKER)


class RayCluster:
    """Workers on a Ray cluster."""

    def __init__(self, options: ClusterOptions) -> None:
        self._options = options

    def results(self, work: Work[Task, Result], tasks: Sequence[Task]) -> Generator[Result, None, None]:
        """As Executor. Tasks on a node that is lost are done on another one.

        Raises:
            ClusterError: the cluster cannot be reached, or no node gives the same results as this one.
        """
        if not tasks:
            return
        ray = _connected(self._options.address)
        try:
            yield from _Run(ray, self._options, work, tasks).results()
        finally:
            ray.shutdown()


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise InstallError(
            f"A cluster needs the extra 'farm' ({error}). Install it: pip install 'unitalker[farm]'."
        ) from error
    _knock(address)
    package = Path(__file__).parents[2]
    paths = f"{package}:${{PYTHONPATH}}" if __name__.startswith("engine.") else "${PYTHONPATH}"
    variables = {**ONE_THREAD, "PYTHONPATH": paths}     # a checkout on a common disk is found there
    try:
        ray.init(
            address, log_to_driver=False, logging_level="error", configure_logging=True,
            runtime_env={"env_vars": variables},
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise _unreachable(address, error) from error
    return ray


def _knock(address: str) -> None:
    """Ray itself would wait for minutes where nobody is. Raises ClusterError."""
    host, _, port = address.rpartition(":")
    try:
        if host:
            socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except (OSError, ValueError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str, error: Exception) -> ClusterError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ClusterError(
        f"No Ray cluster answers at {address} ({reason}). Start one with `ray start --head --port 6379` and give "
        "its host:6379."
    )


class _Run(Generic[Task, Result]):
    """One walk through the tasks."""

    def __init__(self, ray: Any, options: ClusterOptions, work: Work[Task, Result], tasks: Sequence[Task]) -> None:
        self._ray, self._options, self._work = ray, options, work
        self._own = dict(options.about())
        self._hired: dict[int, _Hired] = {}
        self._idle: set[int] = set()                    # those that may take a packet more
        self._refused: dict[str, str] = {}              # node -> why
        self._answers: SimpleQueue[tuple[int, int, Any]] = SimpleQueue()     # worker, packet, what came of it
        self._numbers = iter(range(sys.maxsize))
        self._again: deque[_Packet[Task]] = deque()
        self._deaths: Counter[int] = Counter()
        self._next_look = 0.0
        self._told_of_waiting = self._has_worked = False
        self._started = self._last_places = time.monotonic()        # the latter: when there was room for a worker
        self._fresh: Iterator[list[Task]] = packets(work, tasks, max(1, sum(self._places().values())))
        self._next: _Packet[Task] | None = None
        self._actor = ray.remote(num_cpus=options.cpus, num_gpus=options.gpus or None, max_restarts=0)(_Worker)

    def results(self) -> Generator[Result, None, None]:
        """The results as they come."""
        try:
            while True:
                self._look()
                self._hand_out()
                if not self._waiting() and not any(hired.packets for hired in self._hired.values()):
                    return
                try:
                    answer = self._answers.get(timeout=LOOK_S)
                except Empty:
                    continue
                yield from self._take(*answer)
        finally:
            self._dismiss()

    def _waiting(self) -> _Packet[Task] | None:
        """The packet that goes out next; None when all are out."""
        if self._next is None:
            tasks = None if self._again else next(self._fresh, None)
            self._next = self._again.popleft() if self._again else _Packet(tasks) if tasks else None
        return self._next

    def _places(self) -> dict[str, int]:
        """How many workers there may be on each node that is alive and not refused."""
        options, places = self._options, {}
        for node in self._ray.nodes():
            if node["Alive"] and node["NodeID"] not in self._refused:
                has = node["Resources"]
                counts = [int(has.get("CPU", 0) // options.cpus)] if options.cpus else []
                counts += [int(has.get("GPU", 0) // options.gpus)] if options.gpus else []
                places[node["NodeID"]] = min(counts, default=1)
        while options.workers and sum(places.values()) > options.workers:
            fullest = max(places, key=lambda node: places[node])
            places[fullest] -= 1
        return places

    def _look(self) -> None:
        """Hire where there is room, every few seconds: on nodes that came, and for workers that died."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_S
        places = self._places()
        here = Counter(hired.node for hired in self._hired.values())
        for node, count in places.items():
            for _ in range(count - here[node]):
                self._hire(node)
        if any(places.values()):
            self._last_places = time.monotonic()
        else:
            self._wait_for_nodes()
        is_slow = time.monotonic() - self._started > SLOW_S
        if is_slow and not self._has_worked and not self._told_of_waiting:
            self._told_of_waiting = True
            self._options.warn("The cluster is busy with other work, or slow to start; waiting for the first worker.")

    def _wait_for_nodes(self) -> None:
        """There is room for no worker. Raises ClusterError: not from the start, or no longer for minutes."""
        reasons = " ".join(dict.fromkeys(self._refused.values()))
        if reasons:
            raise ClusterError(f"No node of the cluster can help. {reasons}")
        if not self._has_worked or time.monotonic() - self._last_places > PATIENCE_S:
            options = self._options
            wanted = f"{options.cpus:g} processors" + f" and {options.gpus:g} GPUs" * bool(options.gpus)
            raise ClusterError(
                f"No node of the cluster at {options.address} has {wanted} for a worker. Ask for less, or add nodes."
            )

    def _hire(self, node: str) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(node, soft=False)
        number = next(self._numbers)
        self._hired[number] = _Hired(self._actor.options(scheduling_strategy=there).remote(), node)
        self._ask(number, -1, self._hired[number].actor.greet.remote(self._options.about))

    def _ask(self, worker: int, packet: int, reference: Any) -> None:
        """Have the answer put into the queue of answers, be it a result or an error."""
        def answered(future: Any) -> None:
            error = future.exception()
            self._answers.put((worker, packet, error if error is not None else future.result()))

        reference.future().add_done_callback(answered)

    def _hand_out(self) -> None:
        for number in [*self._idle]:
            hired = self._hired.get(number)
            while hired and (packet := self._waiting()) and hired.can_take(packet):
                self._next = None
                key = next(self._numbers)
                hired.packets[key] = packet
                tasks = [self._work.send(task) for task in packet.tasks]
                self._ask(number, key, hired.actor.do.remote(self._work.do, tasks))
            if hired is None or len(hired.packets) == WAITING_A_WORKER:
                self._idle.discard(number)

    def _take(self, worker: int, key: int, answer: Any) -> Iterator[Result]:
        """What came of a packet, of a greeting (no packet), or that a worker died."""
        hired = self._hired.get(worker)
        if hired is None:
            return
        if isinstance(answer, self._ray.exceptions.RayTaskError) and key >= 0:
            raise answer            # a bug of ours: `do` says what goes wrong
        if isinstance(answer, Exception):
            yield from self._bury(worker, answer)
        elif key < 0:
            self._compare(worker, answer)
        else:
            del hired.packets[key]
            self._idle.add(worker)
            yield from answer

    def _bury(self, worker: int, death: Exception) -> Iterator[Result]:
        """Its packets go to others, task by task, unless one of them has seen too many deaths."""
        hired = self._hired.pop(worker)
        self._next_look = 0.0
        if not hired.has_greeted and isinstance(death, self._ray.exceptions.RayTaskError | ImportError):
            self._refuse(hired.node, f"cannot run this program ({_last_line(death)})")
        self._ray.kill(hired.actor)
        for packet in hired.packets.values():
            for task in packet.tasks:
                self._deaths[id(task)] += 1
                if self._deaths[id(task)] < MAX_DEATHS:
                    self._again.append(_Packet([task], is_suspect=True))
                else:
                    yield self._work.lost(task)

    def _compare(self, worker: int, about: Mapping[str, str]) -> None:
        """Let a worker begin whose node has what this one has."""
        hired = self._hired[worker]
        other = {name: str(about.get(name)) for name, value in self._own.items() if about.get(name) != value}
        if not other:
            hired.has_greeted = self._has_worked = True
            self._idle.add(worker)
            return
        found = "; ".join(f"{name} is {value} there and {self._own[name]} here" for name, value in other.items())
        self._refuse(hired.node, f"would give other results: {found}. Install the same there")

    def _refuse(self, node: str, why: str) -> None:
        """Leave a node out, and say so once."""
        if node in self._refused:
            return
        name = next((found["NodeManagerHostname"] for found in self._ray.nodes() if found["NodeID"] == node), node)
        self._refused[node] = f"Node {name} ({node[:8]}) {why}."
        self._options.warn(self._refused[node])
        for number in [number for number, hired in self._hired.items() if hired.node == node]:
            self._ray.kill(self._hired.pop(number).actor)
        self._next_look = 0.0

    def _dismiss(self) -> None:
        """End all workers, and wait until those that had work have ended."""
        busy = {number for number, hired in self._hired.items() if hired.packets}
        for hired in self._hired.values():
            self._ray.kill(hired.actor)
        until = time.monotonic() + STOP_S
        while busy and time.monotonic() < until:
            try:
                busy.discard(self._answers.get(timeout=0.1)[0])
            except Empty:
                continue


def _last_line(error: Exception) -> str:
    return str(getattr(error, "cause", None) or error).strip().splitlines()[-1][:200]


def address_of(given: str) -> str:
    """The address as it may be given. Raises SettingError."""
    if given != "auto" and (":" not in given or "://" in given):
        raise SettingError(f"--ray takes host:port or auto, got {given!r}. Ray's own port is 6379.")
    return given
