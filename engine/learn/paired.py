"""Compare a model with face curves that animators made from video of the speaker (the FACEGOOD layout)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from ..errors import EngineError
from ..pipeline import animate
from ..types import Settings, Waveform
from .metrics import seen_mouth

FloatArray = NDArray[Any]

ARRAYS = "facegood_bs.npz"
FPS = 30.0
JAW, ROUNDING = "mouth_stretch_c", ("mouth_oh_c", "mouth_funnel_dl", "mouth_oo_c")
LARGEST_LAG_FRAMES = 6


@dataclass(frozen=True)
class PairedMeasures:
    """Correlations with the animators' jaw and rounding, as they are and at the best shift; lag_ms is positive where ours is late."""

    jaw_r: float
    jaw_best_r: float
    jaw_lag_ms: float
    round_r: float
    round_best_r: float


def is_paired(dataset: Path) -> bool:
    """Whether a folder has this layout."""
    return (dataset / ARRAYS).exists()


def evaluate_paired(model: str, dataset: Path, identity: str = "pivot") -> dict[str, PairedMeasures]:
    """Measure every clip of facegood_bs.npz (names, bs_<clip>) that lies beside it as <clip>.flac.

    Raises:
        EngineError: the arrays lack the curves that are compared.
    """
    with np.load(dataset / ARRAYS, allow_pickle=False) as arrays:
        names = [str(name) for name in arrays["names"]]
        clips = {key.removeprefix("bs_"): arrays[key] for key in arrays.files if key.startswith("bs_")}
    missing = [name for name in (JAW, *ROUNDING) if name not in names]
    if missing:
        raise EngineError(f"{dataset / ARRAYS} lacks the curves {', '.join(missing)}. Give the FACEGOOD arrays.")
    settings = Settings(model=model, identity=identity, fps=FPS, device="cpu", threads=1)
    return {clip: _compare(dataset / f"{clip}.flac", curves, names, settings) for clip, curves in sorted(clips.items())}


def _compare(audio: Path, curves: FloatArray, names: list[str], settings: Settings) -> PairedMeasures:
    samples, _ = soundfile.read(audio, dtype="float32")
    motion = animate(Waveform(samples), settings).motion
    mouth = seen_mouth(motion.weights, motion.channels)
    jaw_r, jaw_best_r, lag = _correlations(mouth.jaw, curves[:, names.index(JAW)])
    round_r, round_best_r, _ = _correlations(mouth.rounding, curves[:, [names.index(name) for name in ROUNDING]].sum(axis=1))
    return PairedMeasures(jaw_r, jaw_best_r, lag * 1000 / FPS, round_r, round_best_r)


def _correlations(ours: FloatArray, theirs: FloatArray) -> tuple[float, float, int]:
    """r as it is, the best r, and its shift in frames."""
    n = min(len(ours), len(theirs)) - LARGEST_LAG_FRAMES
    core = theirs[LARGEST_LAG_FRAMES:n]
    shifts = range(-LARGEST_LAG_FRAMES, LARGEST_LAG_FRAMES + 1)
    scores = [float(np.corrcoef(ours[LARGEST_LAG_FRAMES + shift:n + shift], core)[0, 1]) for shift in shifts]
    best = int(np.argmax(scores))
    return scores[LARGEST_LAG_FRAMES], scores[best], best - LARGEST_LAG_FRAMES
