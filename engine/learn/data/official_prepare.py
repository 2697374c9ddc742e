"""Prepare one item of an official data set as the released code does: rates, scale, length, normalisation.

Kept from the reference: 60 and 100 fps are thinned by dropping frames without a low-pass; sound is normalised after it
was cut to 20 s; frame and sample counts are Python's round of the common duration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...values.errors import SettingError
from ...values.types import SAMPLE_RATE_HZ, FloatArray

LONGEST_S = 20.0
SHORTEST_S = 0.5        # shorter items are left out of training
KEPT_FRAMES = {25: 1, 30: 1, 60: 2, 100: 4}     # annotation rate -> every so many frames
NORMALISE_EPSILON = 1e-7


@dataclass(frozen=True)
class Item:
    """One prepared item: audio (n,), motion (t, d), template (1, d) in scaled units; unrounded duration."""

    audio: FloatArray
    motion: FloatArray
    template: FloatArray
    fps: int
    duration_s: float


@dataclass(frozen=True)
class Recording:
    """One item on disk: audio (n,) mono 16 kHz, motion (t, ...) at fps, template (...) of its speaker, unscaled."""

    audio: FloatArray
    motion: NDArray[np.floating]
    template: NDArray[np.floating]
    fps: int


def prepare(recording: Recording, scale: float, normalise: bool) -> Item:
    """Thin, scale, cut and normalise.

    Args:
        scale: of the data set, for motion and template.
        normalise: whether the encoder's preprocessor does.
    Raises:
        SettingError: the motion has another rate than 25, 30, 60 or 100 fps.
    """
    if recording.fps not in KEPT_FRAMES:
        raise SettingError(
            f"Motion has {recording.fps} fps, the official data have {', '.join(map(str, KEPT_FRAMES))}. Resample it "
            "first."
        )
    step = KEPT_FRAMES[recording.fps]
    fps = recording.fps // step
    motion = recording.motion[::step]
    duration_s = min(len(recording.audio) / SAMPLE_RATE_HZ, len(motion) / fps, LONGEST_S)
    audio = recording.audio[:round(duration_s * SAMPLE_RATE_HZ)]
    if normalise:
        audio = (audio - audio.mean()) / np.sqrt(audio.var() + NORMALISE_EPSILON)
    kept = motion[:round(duration_s * fps)]
    return Item(
        np.asarray(audio, np.float32), np.asarray(kept.reshape(len(kept), -1) * scale, np.float32),
        np.asarray(recording.template.reshape(1, -1) * scale, np.float32), fps, duration_s,
    )
