"""How tasks are dealt out to workers, here and on the nodes of a cluster; tests/farm has a true one."""

from __future__ import annotations

from types import SimpleNamespace

from engine.workers.cluster import ClusterOptions, _Run
from engine.workers.executor import MAX_PACKET, Work, packets
from engine.workers.local import LocalProcesses


def test_large_tasks_go_alone_and_small_ones_in_packets_that_get_smaller():
    work = Work(str, str, size=float)
    tasks = [1000.0, 500.0, *[1.0] * 400]
    made = list(packets(work, tasks, workers=2))
    assert [task for packet in made for task in packet] == tasks
    assert made[:2] == [[1000.0], [500.0]] and len(made[2]) == MAX_PACKET and len(made[-1]) == 1
    assert len(made) < 90


def nodes(*resources: dict[str, float]) -> list[dict]:
    return [{"NodeID": f"n{number}", "Alive": True, "Resources": found} for number, found in enumerate(resources)]


def places(found: list[dict], workers: int, cpus: float, gpus: float) -> dict[str, int]:
    ray = SimpleNamespace(nodes=lambda: found, remote=lambda **_: lambda kind: kind)
    return _Run(ray, ClusterOptions("auto", workers, cpus, gpus, dict, print), Work(str, str), [])._places()


def test_workers_are_as_many_as_processors_and_shares_of_cards_allow():
    found = nodes({"CPU": 8.0}, {"CPU": 4.0, "GPU": 2.0}, {"CPU": 1.0, "GPU": 1.0})
    assert places(found, 0, 1, 0) == {"n0": 8, "n1": 4, "n2": 1}
    assert places(found, 0, 1, 0.25) == {"n0": 0, "n1": 4, "n2": 1}
    assert places(found, 0, 0.5, 0.5) == {"n0": 0, "n1": 4, "n2": 2}
    assert places(found, 5, 1, 0) == {"n0": 2, "n1": 2, "n2": 1}
    found[0]["Alive"] = False
    assert places(found, 0, 1, 0) == {"n1": 4, "n2": 1}


def test_the_results_of_local_processes_are_those_of_all_tasks():
    assert sorted(LocalProcesses(2).results(Work(abs, abs), range(-40, 0))) == list(range(1, 41))
