"""Speed of the engine on one thread: `python -m tests.bench.engine`. Prints figures; never fails on one."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile

from engine import Delays, Gains, Life, RegionSmooth, Rig, Settings, Waveform, animate, pipeline, read_audio
from engine.values.cache import forget_all
from engine.values.channels import ARKIT_52

DATA = Path(__file__).resolve().parent.parent / "data"
CLIP_S = 60
REPEATS = 5
# of the project, for one thread of a usual computer; 0.3 s for each change
GOALS = {"end to end": "at least 40 x", "another style": "below 0.3 s"}
CHANGES = {         # of a clip that was heard before: what the add-on does while a slider moves, keys reduced
    "another style": {"identity": "#2", "strength": 1.5}, "strength": {"strength": 0.7}, "smoothing": {"smooth": 0.4},
    "articulation": {"articulation": 0.8},
    "anticipation": {"anticipation_s": 0.08}, "delay of the jaw": {"delays": Delays(jaw=0.05)},
    "smoothing of the lips": {"region_smooth": RegionSmooth(lips=0.5)},
    "gain of the lips": {"gains": Gains(lips=1.4)}, "frame rate": {"fps": 24.0},
    "another seed of all life": {"life": Life(1, 1, 1, 1, 1, seed=1)},
    "everything": {
        "articulation": 0.5, "anticipation_s": 0.05, "delays": Delays(0.02, 0.01, 0.05, 0.05),
        "region_smooth": RegionSmooth(0.1, 0.2, 0.3, 0.4), "smooth": 0.2, "gains": Gains(1.2, 1.1, 1.3, 1.4),
        "life": Life(1, 1, 1, 1, 1, seed=2),
    },
}
RIG = Rig(
    shape_keys=frozenset(ARKIT_52), bones=frozenset({"head", "eye.L", "eye.R", "chest", "shoulder.L", "shoulder.R"}),
    preset="arkit52",
)


def main() -> None:
    print(
        f"engine: Python {sys.version.split()[0]}, numpy {np.__version__}, ONNX Runtime {onnxruntime.__version__}, one "
        f"thread, {CLIP_S} s of speech"
    )
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
        settings = replace(settings, max_error=0.01)
        animate(wave, settings, RIG)
        _show("keys of a rig, nothing new", _seconds(lambda: animate(wave, settings, RIG), REPEATS))
        for what, change in CHANGES.items():
            _show(what, _seconds(partial(_changed, wave, settings, change), REPEATS))


def _changed(wave: Waveform, settings: Settings, change: dict[str, object]) -> None:
    """A change that is new: what the decoder said in this style is not known yet, the features are."""
    if {"identity", "strength"} & set(change):
        pipeline.forget_styles()
    animate(wave, replace(settings, **change), RIG)


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
