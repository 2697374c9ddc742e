"""`batch --ray` on a true cluster of this computer: three nodes, of which one is killed; a killed driver too."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from engine import batch
from engine.__main__ import run
from engine.workers.cluster import ClusterOptions, RayCluster
from engine.workers.executor import Work
from tests.engine.conftest import DATA, make_syllables
from tests.engine.test_farm import BLENDER

pytest.importorskip("ray", reason="Ray is not installed")
from ray.cluster_utils import Cluster

ROOT = Path(__file__).resolve().parents[2]
TINY = str(DATA / "tiny")
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
LINES = 24


def started(tries: int = 3) -> Cluster:
    """Three nodes. On a very busy computer Ray itself gives up after half a minute."""
    found = Cluster(initialize_head=False)
    try:
        found.add_node(**NODE, include_dashboard=False)
        for _ in range(2):
            found.add_node(**NODE)
        found.wait_for_nodes()
    except Exception:
        found.shutdown()
        if tries == 1:
            raise
        return started(tries - 1)
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    os.environ["PYTHONPATH"] = str(ROOT)
    found = started()
    yield found
    found.shutdown()


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> Path:
    """24 short lines and what one computer makes of them, in `local`."""
    folder = tmp_path_factory.mktemp("farm")
    (folder / "sounds").mkdir()
    for number in range(LINES):
        sound = make_syllables(1 + number % 3, seed=number).samples
        soundfile.write(folder / "sounds" / f"line{number:02}.wav", sound, 16000)
    assert batch_of(folder, "local", "--workers", "1") == 0
    return folder


def batch_of(folder: Path, output: str, *more: str) -> int:
    return run(["batch", str(folder / "sounds"), "-o", str(folder / output), "--model", TINY, *more])


def made(folder: Path, output: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / output).glob("*.npz")}


def report(folder: Path, output: str) -> dict:
    return json.loads((folder / output / "batch.report.json").read_text("utf-8"))


@pytest.mark.parametrize("way", [[], ["--by-value"]])
def test_a_cluster_gives_the_bytes_of_one_computer(cluster, sounds, way):
    output = "".join(["ray", *way])
    assert batch_of(sounds, output, "--ray", cluster.address, *way) == 0
    assert made(sounds, output) == made(sounds, "local") and report(sounds, output)["counts"] == {"done": LINES}
    inputs = [job["inputs"] for job in report(sounds, output)["jobs"]]
    assert inputs == [job["inputs"] for job in report(sounds, "local")["jobs"]]


def test_a_node_that_is_lost_costs_nothing_and_neither_does_a_driver(cluster, sounds):
    for number in range(LINES):         # enough to be killed in the middle of
        for copy in range(3):
            shutil.copy(sounds / "sounds" / f"line{number:02}.wav", sounds / "sounds" / f"more{number:02}_{copy}.wav")
    assert batch_of(sounds, "all", "--workers", "1") == 0
    command = [sys.executable, "-m", "engine", "batch", str(sounds / "sounds"), "-o", str(sounds / "killed")]
    command += ["--model", TINY, "--ray", cluster.address]
    driver = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    while driver.poll() is None and len(made(sounds, "killed")) < 5:
        time.sleep(0.02)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    before = {path: path.stat().st_mtime_ns for path in (sounds / "killed").glob("line*.npz")}
    assert 0 < len(made(sounds, "killed")) < LINES * 4
    extra = cluster.add_node(**NODE)
    lost = []

    def kill_a_node(entry: batch.LineEntry) -> None:
        if not entry.resumed and not lost:
            lost.append(cluster.remove_node(extra, allow_graceful=False))

    from engine import __main__ as main

    options = main._parser().parse_args([*command[3:], "--resume"])
    found = main.lines.Lines(options)
    asked = batch.BatchOptions(options.source, options.output, resume=True)
    done = batch.run_batch(found.found, found.wrong, asked, main._workers(options, dict), kill_a_node)
    assert lost and done.counts() == {"done": LINES * 4}
    assert made(sounds, "killed") == made(sounds, "all")
    assert {path for path, stamp in before.items() if path.stat().st_mtime_ns != stamp} == set()
    assert [path.name for path in (sounds / "killed").iterdir() if ".part" in path.name] == []


def _dies(name: str) -> str:
    if name == "bad":
        os._exit(1)
    return name


def results(cluster: Cluster, work: Work, tasks: list[str], about: object = dict) -> list[str]:
    options = ClusterOptions(cluster.address, 2, 1.0, 0.0, about, print)
    return sorted(RayCluster(options).results(work, tasks))


def test_a_task_that_ends_its_workers_costs_itself_alone(cluster):
    tasks = ["bad", *(f"good{number}" for number in range(9))]
    work = Work(_dies, lambda name: f"{name} is lost")
    assert results(cluster, work, tasks) == sorted(["bad is lost", *tasks[1:]])


def _about() -> dict[str, str]:
    return {"model mini": "another" if "RAY_WORKER" in os.environ or "default_worker" in sys.argv[0] else "this one"}


def test_a_node_with_another_model_is_refused_by_name(cluster):
    with pytest.raises(batch.EngineError, match="model mini is another there and this one here"):
        results(cluster, Work(_dies, str), ["good"], _about)


def test_shots_are_made_by_blenders_on_the_nodes(cluster, tmp_path):
    lines = [{"blend": f"{name}.blend", "save": f"{name}_out.blend", "id": name} for name in "abc"]
    (tmp_path / "shots.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "blender").write_text(BLENDER)
    (tmp_path / "blender").chmod(0o755)
    blender = ["--blender", str(tmp_path / "blender")]
    assert run(["farm", str(tmp_path / "shots.jsonl"), "--lines", "1", "--ray", cluster.address, *blender]) == 0
    assert sorted(path.name for path in tmp_path.glob("*_out.blend")) == [f"{name}_out.blend" for name in "abc"]
    found = json.loads((tmp_path / "shots.jsonl.report.json").read_text("utf-8"))
    assert found["counts"] == {"done": 3} and not list(tmp_path.glob("*.farm-*"))


def test_a_cluster_that_is_not_there_is_said_in_one_line(sounds, capsys):
    assert batch_of(sounds, "none", "--ray", "127.0.0.1:1") == 1
    assert "No Ray cluster answers at 127.0.0.1:1" in capsys.readouterr().err
