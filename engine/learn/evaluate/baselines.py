"""The mouths that are compared on a recording: the engine's, Rhubarb Lip Sync's cues, and one that follows loudness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...pipeline import animate
from ...values.types import FloatArray, Life, Motion, Settings, Waveform
from .metrics import FPS, SeenMouth, seen_mouth

# Rhubarb's mouth shapes as (lip opening, jaw, rounding, tuck).
RHUBARB_SHAPES: Mapping[str, tuple[float, float, float, float]] = {
    "A": (-0.05, 0.02, 0.0, 0.1), "B": (0.16, 0.12, 0.0, 0.0), "C": (0.45, 0.36, 0.0, 0.0), "D": (0.68, 0.58, 0.0, 0.0),
    "E": (0.36, 0.30, 0.45, 0.0), "F": (0.14, 0.12, 0.9, 0.0), "G": (0.08, 0.10, 0.0, 0.5), "H": (0.40, 0.32, 0.0, 0.0),
    "X": (0.0, 0.0, 0.0, 0.0),
}
EASE = np.array([1, 2, 3, 2, 1]) / 9  # frames of 20 ms
LOUD_RANGE_DB, LOUD_PERCENTILE, LOUD_POWER, LOUD_JAW = 30.0, 95.0, 1.5, 0.55
SAMPLES_PER_FRAME = 320


def rhubarb_mouth(cues: Sequence[Mapping[str, Any]], n_frames: int) -> SeenMouth:
    """Cues ({start, end in seconds, value: shape letter}) as an animator would ease them."""
    shapes = np.zeros((n_frames, 4))
    for cue in cues:
        # Frames whose second is inside.
        first, last = (math.ceil(float(cue[key]) * FPS - 1e-6) for key in ("start", "end"))
        shapes[first:last] = RHUBARB_SHAPES[str(cue["value"])]
    eased = np.stack([np.convolve(np.pad(column, 2, mode="edge"), EASE, mode="valid") for column in shapes.T], axis=1)
    opening, jaw, rounding, tuck = eased.T
    return SeenMouth(opening, jaw, rounding, tuck, np.clip(jaw - opening, 0, None))


def loudness_mouth(samples: FloatArray, n_frames: int) -> SeenMouth:
    """A jaw that opens with the level (n,) 16 kHz, shut 30 dB below its loud frames; lips never meet by themselves."""
    padded = np.zeros(n_frames * SAMPLES_PER_FRAME + 2 * SAMPLES_PER_FRAME)
    padded[SAMPLES_PER_FRAME:SAMPLES_PER_FRAME + len(samples)] = samples
    starts = np.arange(n_frames) * SAMPLES_PER_FRAME + SAMPLES_PER_FRAME // 2
    power = np.array([np.mean(padded[start:start + SAMPLES_PER_FRAME] ** 2) for start in starts])
    level_db = 10 * np.log10(power + 1e-10)
    low = np.percentile(level_db, LOUD_PERCENTILE) - LOUD_RANGE_DB
    jaw = np.clip((level_db - low) / LOUD_RANGE_DB, 0, 1) ** LOUD_POWER * LOUD_JAW
    jaw = np.convolve(np.pad(jaw, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    zero = np.zeros(n_frames)
    return SeenMouth(jaw, jaw, zero, zero, zero)


def evaluation_settings(model: str, identity: str = "pivot") -> Settings:
    """How a model is run to be measured: one thread, nothing but speech."""
    return Settings(model=model, identity=identity, fps=FPS, device="cpu", threads=1, life=Life(blinks=0))


def our_mouth(samples: FloatArray, settings: Settings) -> SeenMouth:
    """What the engine makes of a recording (n,), at settings.fps."""
    motion = our_motion(samples, settings)
    return seen_mouth(motion.weights, motion.channels)


def our_motion(samples: FloatArray, settings: Settings) -> Motion:
    """The engine's motion of a recording (n,)."""
    return animate(Waveform(np.ascontiguousarray(samples, np.float32)), settings).motion
