"""Speed of the engine on one thread: `python -m tests.bench.engine`. Prints figures; never fails on one."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile

from engine import Settings, animate, read_audio
from engine.models import open_model
from engine.recent import forget_all

DATA = Path(__file__).resolve().parent.parent / "data"
CLIP_S = 60
REPEATS = 5
GOALS = {"end to end": "at least 40 x", "another style, cached": "below 0.3 s"}     # of the project, for one thread of a usual computer


def main() -> None:
    print(f"engine: Python {sys.version.split()[0]}, numpy {np.__version__}, ONNX Runtime {onnxruntime.__version__}, one thread, {CLIP_S} s of speech")
    settings = Settings(model="mini", threads=1, device="cpu", fps=30)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        samples, rate_hz = soundfile.read(DATA / "sample.flac", dtype="float32")
        soundfile.write(path, np.tile(samples, -(-CLIP_S * rate_hz // len(samples)))[: CLIP_S * rate_hz], rate_hz)

        def whole() -> None:
            forget_all()
            animate(read_audio(path), settings)

        _show("first call, opening the model", _seconds(whole, 1))
        _show("end to end", _seconds(whole, REPEATS))
        wave = read_audio(path)
        styles = [identity.id for identity in open_model("mini").identities]
        animate(wave, settings)
        _show("another style, cached", _seconds(lambda: animate(wave, replace(settings, identity=styles[-1], strength=1.5)), REPEATS))


def _seconds(work: Callable[[], object], repeats: int) -> float:
    """The best of some runs: what else the computer does only makes a run longer."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _show(what: str, seconds: float) -> None:
    goal = f"   (goal: {GOALS[what]})" if what in GOALS else ""
    print(f"  {what:32} {seconds:7.3f} s   {CLIP_S / seconds:6.0f} x real time{goal}")


if __name__ == "__main__":
    main()
