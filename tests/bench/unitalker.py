"""UniTalker at real sizes on the CPU, beside the released code's way: `python -m tests.bench.unitalker FOLDER`. Prints
figures; never fails on one.

Each figure comes from a process of its own, so that its peak memory is its own. FOLDER keeps checkpoints and models (4
GB) for the next run. For Linux. Both ways get the same sound and the same weights; the last column says how far apart
their motions are.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from engine import Settings, Waveform, animate_all, read_audio
from engine.values.cache import forget_all

DATA = Path(__file__).resolve().parent.parent / "data"
HEAD = "D6"                 # the data set of the one-head figures: 51 blendshapes
DATASET_HEADS = {           # the eight data sets of the release, in the order of the style table, and their heads
    "D0": "BIWI_23370_vertices", "D1": "FLAME_5023_vertices", "D2": "meshtalk_6172_vertices",
    "D3": "3DETF_blendshape_weight",
    "D4": "3DETF_blendshape_weight", "D5": "flame_params_from_dadhead", "D6": "inhouse_blendshape_weight",
    "D7": "inhouse_blendshape_weight",
}


@dataclass(frozen=True)
class Case:
    """One line of the table; goal compares the two ways, and is the project's."""

    size: str
    clip_s: int
    heads: str
    threads: int
    repeats: int
    goal: str = ""


def cases(threads: int) -> list[Case]:
    """What is measured with this many threads."""
    return [
        Case("B", 10, "one", threads, 3, "at least 1.3 x"), Case("B", 10, "all", threads, 1, "at least 6 x"),
        Case("L", 10, "one", threads, 2, "at least 1.3 x"), Case("L", 10, "all", threads, 1, "at least 6 x"),
        Case("B", 25, "one", threads, 1), Case("L", 25, "one", threads, 1, "below 2.5 GB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="tests.bench.unitalker", description="UniTalker at real sizes, beside the released code's way."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1], help="default: 1 and all")
    parser.add_argument("--sizes", nargs="+", default=["B", "L"])
    parser.add_argument("--way", choices=["reference", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(_measure(options.way, Case(**json.loads(options.case)), options.folder)))
        return
    for size in options.sizes:
        if not (options.folder / size / "model" / "model.json").exists():
            _own_process([
                "-c",
                f"from pathlib import Path; from tests.bench.real_size import make; make({size!r}, "
                f"Path({str(options.folder / size)!r}))",
            ])
    print(
        "UniTalker, random weights: reference's way -> ours; seconds of the clock (of the processor, all threads), "
        "peak memory", flush=True,
    )
    print(_floor(options.sizes))
    for threads in dict.fromkeys(options.threads):
        for case in cases(threads):
            if case.size in options.sizes:
                print(_line(case, options.folder), flush=True)


def _floor(sizes: list[str]) -> str:
    """The arithmetic that both ways share, and how long this processor's fastest matrix product would take for it on
    one thread."""
    n = 1536
    matrix, best = np.random.default_rng(0).random((n, n), np.float32), np.inf
    for _ in range(8):
        start = time.process_time()
        matrix @ matrix
        best = min(best, time.process_time() - start)
    rate = 2 * n**3 / best      # processor time: of all threads together, so of one
    parts = [
        f"{size} {_operations(size, 10) / 1e9:.0f} billion operations, {_operations(size, 10) / rate:.2f} s"
        for size in sizes
    ]
    return f"  arithmetic of the encoder for 10 s at {rate / 1e9:.0f} billion operations a second: {'; '.join(parts)}"


def _operations(size: str, seconds: int) -> float:
    """Multiplications and additions of the encoder's products: convolutions, position convolution, transformer
    layers."""
    width, layers, positions = {"B": (768, 12, 128), "L": (1024, 24, 128)}[size]
    total, frames, channels = 0.0, seconds * 16000, 1
    for kernel, stride in zip((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2), strict=True):
        frames = (frames - kernel) // stride + 1
        total += 2.0 * channels * 512 * kernel * frames
        channels = 512
    total += 2.0 * 512 * width * frames + 2.0 * width * (width // 16) * positions * frames
    return total + layers * (2.0 * frames * 12 * width**2 + 4.0 * frames**2 * width)


def _line(case: Case, folder: Path) -> str:
    results = {}
    for way in ("reference", "ours"):
        with tempfile.TemporaryDirectory() as temporary:
            output = Path(temporary) / "motion.npy"
            text = json.dumps(asdict(case))
            answer = _own_process(
                ["-m", "tests.bench.unitalker", str(folder), "--way", way, "--case", text],
                {"UNITALKER_BENCH_MOTION": str(output)},
            )
            results[way] = (json.loads(answer.splitlines()[-1]), np.load(output))
    (theirs, expected), (ours, motion) = results["reference"], results["ours"]
    shown = " -> ".join(
        f"{one['wall_s']:6.2f} s ({one['cpu_s']:6.2f} s) {one['peak_bytes'] / 1e9:4.2f} GB" for one in (theirs, ours)
    )
    ratio = f"{theirs['wall_s'] / ours['wall_s']:5.2f} x ({theirs['cpu_s'] / ours['cpu_s']:5.2f} x)"
    difference = f"{np.abs(expected - motion).max():.0e}"
    goal = f"   (goal: {case.goal})" if case.goal else ""
    heads = "all heads" if case.heads == "all" else "one head "
    return (
        f"  {case.size} {case.clip_s:2d} s, {heads}, {case.threads} thread{'s' * (case.threads > 1):1}  {shown}  "
        f"{ratio}  differ by {difference}{goal}"
    )


def _own_process(arguments: list[str], variables: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **(variables or {})}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def _measure(way: str, case: Case, folder: Path) -> dict[str, float]:
    """Seconds of the best run, and the process's peak memory; opening the model is not counted."""
    samples = read_audio(DATA / "sample.flac").samples
    wave = Waveform(np.tile(samples, case.clip_s * 16000 // len(samples) + 1)[: case.clip_s * 16000])
    names = list(DATASET_HEADS) if case.heads == "all" else [HEAD]
    work = (_reference if way == "reference" else _ours)(case, folder / case.size, wave, names)
    best, motions = (np.inf, np.inf), []
    for _ in range(case.repeats + 1):       # the first run opens and warms
        start, start_cpu = time.perf_counter(), time.process_time()
        motions = work()
        best = min(best, (time.perf_counter() - start, time.process_time() - start_cpu))
    np.save(os.environ["UNITALKER_BENCH_MOTION"], motions[names.index(HEAD)])
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss      # on Linux
    return {"wall_s": best[0], "cpu_s": best[1], "peak_bytes": kilobytes * 1024}


def _ours(case: Case, folder: Path, wave: Waveform, names: list[str]) -> Callable[[], list[np.ndarray]]:
    model = str(folder / "model")
    wanted = [
        Settings(model, DATASET_HEADS[name], f"{name}_0", device="cpu", threads=case.threads, raw=True)
        for name in names
    ]

    def work() -> list[np.ndarray]:
        forget_all()
        return [animation.motion.weights for animation in animate_all(wave, wanted)]

    return work


def _reference(case: Case, folder: Path, wave: Waveform, names: list[str]) -> Callable[[], list[np.ndarray]]:
    import torch

    from .real_size import DATASETS, KINDS, PUBLISHED, open_reference

    torch.set_num_threads(case.threads)
    reference = open_reference(case.size, folder)
    samples = wave.samples
    if PUBLISHED[KINDS[case.size]].normalise:
        samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    return lambda: reference.run(samples, [DATASETS[name] for name in names])


if __name__ == "__main__":
    main()
