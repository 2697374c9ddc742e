"""Move face motion from the model's clock to the scene's clock.

Sits between decode.py and retarget.py. Knows time; knows nothing of rigs or Blender.
"""

from __future__ import annotations

import numpy as np

from ..values.errors import SettingError
from ..values.types import MAX_FPS, FloatArray, Motion
from . import lip_contact


def retime(motion: Motion, fps: float, n_frames: int | None = None) -> Motion:
    """Resample motion to another frame rate; the clip keeps its length to within one frame.

    A lip closure that falls between two scene frames moves to the nearer one, so that a slow frame rate loses no p, b or m.

    Args:
        motion: weights (n_frames, n_channels) float32; row i stands for second i / motion.fps.
        fps: wanted rate in frames per second, for example 23.976.
        n_frames: wanted length; by default round(n_frames * fps / motion.fps).
    Returns:
        The same channels as (m_frames, n_channels).
    Raises:
        SettingError: fps is not above 0, above 1000, or so low that the clip would have no frame.
    Source: linear interpolation; a cubic could overshoot and open a closed mouth.
    """
    if not 0 < fps <= MAX_FPS:
        raise SettingError(f"Scene frame rate must be above 0 and at most {MAX_FPS:g}, got {fps}. Set it in Output > Frame Rate, or with --fps.")
    n_wanted = round(len(motion.weights) * fps / motion.fps) if n_frames is None else n_frames
    if n_wanted < 1:
        raise SettingError(f"Frame rate {fps:g} leaves no frame for {len(motion.weights) / motion.fps:.2f} s of sound. Choose a higher rate.")
    if fps == motion.fps and n_wanted == len(motion.weights):
        return motion
    position = np.minimum(np.arange(n_wanted) * (motion.fps / fps), len(motion.weights) - 1)
    low = np.minimum(position.astype(np.int64), max(len(motion.weights) - 2, 0))
    part = (position - low).astype(np.float32)[:, None]
    weights = motion.weights[low] * (1 - part) + motion.weights[np.minimum(low + 1, len(motion.weights) - 1)] * part
    return _keep_closures(motion, Motion(np.asarray(weights, np.float32), motion.channels, fps))


def _keep_closures(before: Motion, after: Motion) -> Motion:
    """Give each closure of `before` its own row in `after`, taken whole from the moment when the lips were closest."""
    if not lip_contact.has_lips(before.channels) or not len(after.weights):
        return after
    opening = lip_contact.opening(before)
    moments = closest_moments(opening)
    rows = np.minimum(np.round(moments * after.fps / before.fps).astype(np.int64), len(after.weights) - 1)
    lost = lip_contact.opening(after)[rows] >= lip_contact.SHUT_BELOW
    after.weights[rows[lost]] = before.weights[moments[lost]]
    return after


def closest_moments(opening: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Frame of the smallest opening in each run of frames with closed lips."""
    shut = opening < lip_contact.SHUT_BELOW
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shut, [False]]).astype(np.int8)))
    runs = zip(edges[::2], edges[1::2], strict=True)
    return np.asarray([start + int(np.argmin(opening[start:stop])) for start, stop in runs], np.int64)
