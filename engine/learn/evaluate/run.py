"""How a model is run to be measured."""

from __future__ import annotations

import numpy as np

from ...pipeline import animate
from ...values.types import FloatArray, Life, Motion, Settings, Waveform
from .metrics import FPS, SeenMouth, seen_mouth


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
