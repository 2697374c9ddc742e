"""Many short lines on one computer, on a Ray cluster of this computer with a node killed, and one call for each as 0.1
did it; then a simulation carries what was measured to a thousand workers.

    python -m tests.bench.farm SPEECH FOLDER [--lines 2000] [--blender PYTHON]

SPEECH is a folder of recordings, cut into phrases at their pauses. Run it where Ray is installed (tests/environments/
farm.txt); it never fails on a figure. Start it on a quiet computer: figures of a busy one are ratios at best.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import soundfile

from engine import EngineError, batch, lines, read_audio
from engine.__main__ import _parser
from engine.files.journal import MADE, Journal
from engine.files.whole_file import part_of
from engine.idle.prosody import prosody
from engine.model.folder import open_model
from engine.workers.cluster import WAITING_A_WORKER, ClusterOptions, RayCluster
from engine.workers.executor import MAX_PACKET, PACKETS_A_WORKER, Executor, Work
from engine.workers.local import LocalProcesses, ThisProcess

ROOT = Path(__file__).resolve().parents[2]
PHRASE_S = (0.6, 5.0)       # shortest and longest phrase
MIN_PAUSE_S = 0.15
FEW = "phrases/000*.flac"   # a hundred, for one worker alone
SINGLE = 12                 # calls of 0.1's way that are timed
NODES = 3
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
TASKS = 8000                # that do nothing, for what handing out costs
JOURNAL_LINES = 3000
# Assumptions of the simulation that were not measured here.
START_S = 6.0               # of a worker: Python, NumPy, ONNX Runtime and the model from a common disk
DISK_MB_S = 500.0           # of the common disk, all nodes together: 5 Gbit/s
LINE_KB = 200.0             # read and written for a line: 3 s of 16-bit sound and 40 kB of npz, with room
DEATHS_AN_HOUR = 0.01       # of a worker


def main() -> None:
    """Measure, print, simulate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--blender", default="", help="a Python with bpy, for one Blender job per line")
    options = parser.parse_args()
    phrases = options.folder / "phrases"
    if not phrases.is_dir():
        _cut(options.speech, phrases, options.lines)
    paths = sorted(phrases.iterdir())
    seconds = sum(soundfile.info(path).duration for path in paths)
    print(f"{len(paths)} phrases of {seconds / len(paths):.2f} s on average, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}", flush=True)
    single = _one_call_each(paths, options.folder)
    if options.blender:
        _one_blender_each(paths, options.folder, options.blender)
    one = _run(options.folder, "local1", lambda _: ThisProcess(), source=FEW)
    _run(options.folder, "local2", lambda _: LocalProcesses(2))
    _journal_cost()
    handing_s = _cluster_cost(options.folder, paths) if _has_ray() else 0.0
    driver_s = _run(options.folder, "nothing", lambda _: Instant()).driver_line_s + handing_s
    line_s = one.line_s
    print(f"a line: {single / line_s:.0f} times cheaper than one call each")
    simulate(line_s, driver_s)


def _cut(speech: Path, folder: Path, wanted: int) -> None:
    """Phrases between pauses; where recordings do not give enough, they are cut again 50 ms later."""
    draft = folder.with_name("phrases.part")
    draft.mkdir(parents=True)
    waves = [read_audio(path) for path in sorted(speech.rglob("*")) if path.suffix in (".flac", ".wav", ".ogg")]
    spans = [(wave, *span) for wave in waves for span in _spans(wave)]
    rounds = math.ceil(wanted / len(spans))
    found = ((wave, start + 0.05 * turn, stop) for turn in range(rounds) for wave, start, stop in spans)
    for number, (wave, start, stop) in enumerate(islice(found, wanted)):
        samples = wave.samples[round(start * 16000):round(stop * 16000)]
        soundfile.write(draft / f"{number:05}.flac", samples, 16000)
    print(f"{min(wanted, len(spans))} distinct phrases of {len(waves)} recordings, cut {rounds} times")
    draft.rename(folder)


def _spans(wave: object) -> Iterator[tuple[float, float]]:
    start = 0.0
    pauses = [*(pause for pause in prosody(wave).pauses if pause[1] - pause[0] >= MIN_PAUSE_S)]
    for begin, end in [*pauses, (wave.duration_s, wave.duration_s)]:
        while begin - start > PHRASE_S[1]:
            yield start, start + PHRASE_S[1]
            start += PHRASE_S[1]
        if begin - start >= PHRASE_S[0]:
            yield start, begin
        start = end


@dataclass(frozen=True)
class Cost:
    """Of a run: its seconds, and the processor seconds of a line, in its worker and on the driver."""

    wall_s: float
    line_s: float
    driver_line_s: float


def _run(
    folder: Path, name: str, workers: Callable[[Callable], Executor], watch: Callable = lambda _: None,
    source: str = "phrases",
) -> Cost:
    """One batch into folder/name."""
    out = folder / name
    command = ["batch", str(folder / source), "-o", str(out), "--overwrite"]
    open_model("mini")
    start, driver = time.monotonic(), time.process_time()
    found = lines.Lines(_parser().parse_args(command))
    find_s = time.process_time() - driver
    ended: list[float] = []         # processor seconds of the driver when each line had ended

    def note(entry: batch.LineEntry) -> None:
        ended.append(time.process_time())
        watch(entry)

    models = {(settings.model, settings.model_folders) for line in found.found for settings in line.wanted}
    executor = workers(lambda: batch.fingerprint(sorted(models)))
    report = batch.run_batch(found.found, found.wrong, batch.BatchOptions(command[1], str(out), overwrite=True),
                             executor, note)
    wall_s, all_s = time.monotonic() - start, time.process_time() - driver
    made = [entry for entry in report.entries if entry.processor_s]
    worker_s = sum(entry.processor_s for entry in made)
    each_s = find_s / len(made) + (ended[-1] - ended[0] - worker_s * (name == "local1")) / len(made)
    print(f"{name:10} {report.counts()} {len(made) / wall_s:6.1f} lines/s  {worker_s / len(made) * 1e3:6.1f} processor "
          f"ms a line  driver {each_s * 1e3:5.2f} ms a line, {all_s:.1f} s in all  {wall_s:6.1f} s  driver's memory "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB", flush=True)
    return Cost(wall_s, worker_s / len(made), each_s)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _timed(name: str, calls: list[list[str]], **more: object) -> float:
    """Processor seconds of each of some commands, printed."""
    before, start = _children_s(), time.monotonic()
    for call in calls:
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL, **more)
    each, wall = (_children_s() - before) / len(calls), (time.monotonic() - start) / len(calls)
    print(f"{name:40} {1 / wall:6.2f} lines/s  {each * 1e3:6.0f} processor ms a line", flush=True)
    return each


def _one_call_each(paths: list[Path], folder: Path) -> float:
    (folder / "single").mkdir(exist_ok=True)
    chosen = paths[::len(paths) // SINGLE][:SINGLE]
    return _timed("0.1's way: one `animate` a line", [
        [sys.executable, "-m", "engine", "animate", str(path), "-o", str(folder / "single" / f"{path.stem}.npz")]
        for path in chosen
    ], cwd=ROOT)


def _one_blender_each(paths: list[Path], folder: Path, blender: str) -> None:
    """A Blender, a file and a job for each line, with the extension that is installed for this user."""
    shot = folder / "shot.blend"
    make = "import bpy; bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True); " \
           "import addon_utils; addon_utils.enable('bl_ext.user_default.unitalker'); " \
           f"bpy.ops.unitalker.add_test_head(); bpy.context.view_layer.objects.active.name = 'Anna'; " \
           f"bpy.ops.wm.save_as_mainfile(filepath={str(shot)!r}); import os; os._exit(0)"
    subprocess.run([blender, "-c", make], check=True, stdout=subprocess.DEVNULL)
    calls = []
    for path in paths[::len(paths) // SINGLE][:SINGLE // 2]:
        jobs = folder / f"{path.stem}.jsonl"
        jobs.write_text(json.dumps({
            "blend": str(shot), "save": str(folder / f"{path.stem}.blend"), "audio": str(path), "character": "Anna"}))
        calls.append([sys.executable, "-m", "engine", "farm", str(jobs), "--blender", blender, "--workers", "1",
                      "--overwrite"])
    _timed("0.1's way: one Blender job a line", calls, cwd=ROOT)


def _journal_cost() -> None:
    """Print what a line's notes and putting its file in place cost."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(os.path.join(folder, "report.json"), batch.LineEntry)
        journal.begin()
        parts = [(os.path.join(folder, f"part{number}"), os.path.join(folder, f"{number}.npz"))
                 for number in range(JOURNAL_LINES)]
        for part, _ in parts:
            Path(part).write_bytes(b"")
        start = time.process_time()
        for number, (part, path) in enumerate(parts):
            entry = batch.LineEntry(str(number), status=MADE, inputs={path: "0" * 64}, message="2.00 s of sound")
            journal.note(entry)
            journal.put(part, path, [entry], "0" * 64)
            journal.status([entry], "done")
        each = (time.process_time() - start) / JOURNAL_LINES
        print(f"journal and renaming: {each * 1e3:.3f} ms a line, "
              f"{os.path.getsize(journal.path) / JOURNAL_LINES:.0f} bytes a line", flush=True)


def _has_ray() -> bool:
    try:
        import ray  # noqa: F401
    except ImportError:
        print("Ray is not installed: nothing is added for handing out lines")
        return False
    return True


class Instant:
    """Workers that need no time: what is left is the driver's."""

    def results(self, work: Work, tasks: list[batch.BatchLine]) -> Iterator[batch.LineDone]:
        """As LineWorkers, with empty files."""
        for line in tasks:
            parts = tuple((part_of(path), path, "0" * 64) for path in line.outputs)
            for part, _, _ in parts:
                Path(part).write_bytes(b"")
            yield batch.LineDone(line.id, parts, {line.audio: "0" * 64}, (), 2.0, 0.001, 0.001)


def _nothing(task: int) -> int:
    return task


def _cluster_cost(folder: Path, paths: list[Path]) -> float:
    """Three nodes, one killed in the middle: the same bytes; and what handing out costs the driver for a line."""
    from ray.cluster_utils import Cluster

    os.environ["PYTHONPATH"] = str(ROOT)
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    nodes = [cluster.add_node(**NODE) for _ in range(NODES - 1)]
    cluster.wait_for_nodes()
    done: list[str] = []

    def kill_in_the_middle(entry: batch.LineEntry) -> None:
        done.append(entry.id)
        if len(done) == len(paths) // 2:
            cluster.remove_node(nodes[0], allow_graceful=False)
            print(f"a node of {NODES} is killed after {len(done)} lines", flush=True)

    def workers(about: Callable) -> Executor:
        return RayCluster(ClusterOptions(cluster.address, 0, 1.0, 0.0, about, print))

    try:
        _run(folder, "ray", workers, kill_in_the_middle)
        same = [path.name for path in (folder / "local2").glob("*.npz")
                if path.read_bytes() == (folder / "ray" / path.name).read_bytes()]
        print(f"{len(same)} of {len(paths)} files have the same bytes; {len(done) - len({*done})} lines twice, "
              f"{len(paths) - len({*done})} lost", flush=True)
        start = time.process_time()
        count = sum(1 for _ in workers(dict).results(Work(_nothing, _nothing), range(1000, 1000 + TASKS)))
        each = (time.process_time() - start) / count
        print(f"handing out: {each * 1e3:.3f} ms of the driver a line, connecting and hiring included", flush=True)
    finally:
        cluster.shutdown()
    return each


def simulate(line_s: float, driver_s: float, count: int = 1_000_000) -> None:
    """Print how long a million lines take on 1 to 1,000 workers."""
    print(f"\nSimulation of {count:,} lines. Measured: a line {line_s * 1e3:.0f} ms on a worker, "
          f"{driver_s * 1e3:.2f} ms on the driver. Assumed: start of a worker {START_S:g} s, a common disk of "
          f"{DISK_MB_S:g} MB/s, {LINE_KB:g} kB a line, lines lognormal (sigma .5), "
          f"{DEATHS_AN_HOUR:g} deaths of a worker an hour.")
    print("workers  lines/s  efficiency  driver busy  disk busy   hours")
    for workers in (1, 2, 10, 30, 100, 200, 300, 500, 1000):
        took_s, packets = _simulated(workers, count, line_s, driver_s)
        ideal_s = count * line_s / workers
        print(f"{workers:7} {count / took_s:8.0f} {ideal_s / took_s:10.0%} {count * driver_s / took_s:11.0%} "
              f"{count * LINE_KB / 1e3 / DISK_MB_S / took_s:10.0%} {took_s / 3600:8.2f}   ({packets:,} packets)")
    print(f"First limit: the driver from {line_s / driver_s:.0f} workers on, "
          f"the disk from {line_s * DISK_MB_S * 1e3 / LINE_KB:.0f} on.")


def _simulated(workers: int, count: int, line_s: float, driver_s: float) -> tuple[float, int]:
    """Seconds until all is done, and the number of packets: one driver and one disk, each serving in turn."""
    draw = random.Random(1)
    share = 1 / (PACKETS_A_WORKER * workers)
    left, packets, driver_free, disk_free, now = count, 0, 0.0, 0.0, 0.0
    waiting = [(START_S * (1 + 0.2 * draw.random()), worker) for worker in range(workers)
               for _ in range(WAITING_A_WORKER)]
    heapq.heapify(waiting)
    free = [0.0] * workers
    while left:
        asked, worker = heapq.heappop(waiting)
        size = min(left, max(1, min(MAX_PACKET, int(share * left))))
        left -= size
        packets += 1
        driver_free = max(driver_free, asked) + size * driver_s
        disk_free = max(disk_free, driver_free) + size * LINE_KB / 1e3 / DISK_MB_S
        work_s = sum(draw.lognormvariate(-0.125, 0.5) for _ in range(size)) * line_s
        if draw.random() < work_s * DEATHS_AN_HOUR / 3600:
            work_s += START_S + work_s
        free[worker] = max(free[worker], disk_free) + work_s
        now = max(now, free[worker])
        heapq.heappush(waiting, (free[worker], worker))
    return now, packets


if __name__ == "__main__":
    try:
        main()
    except EngineError as error:
        sys.exit(str(error))
