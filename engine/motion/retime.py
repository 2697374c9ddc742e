"""Move face motion from the model's clock to the scene's clock. Knows time; knows nothing of lip contacts or rigs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..values.errors import SettingError
from ..values.types import MAX_FPS, FloatArray, Motion


def retime(motion: Motion, fps: float, n_frames: int | None = None) -> Motion:
    """Resample motion to another frame rate; the clip keeps its length to within one frame.

    Args:
        motion: weights (n_frames, n_channels) float32; row i stands for second i / motion.fps.
        fps: wanted rate in frames per second, for example 23.976.
        n_frames: wanted length; by default round(n_frames * fps / motion.fps).
    Returns:
        The same channels as (m_frames, n_channels); the motion itself where its clock is the wanted one.
    Raises:
        SettingError: fps is not above 0, above 1000, or so low that the clip would have no frame.
    Source: linear interpolation; a cubic could overshoot and open a closed mouth.
    """
    if not 0 < fps <= MAX_FPS:
        raise SettingError(
            f"Scene frame rate must be above 0 and at most {MAX_FPS:g}, got {fps}. "
            "Set it in Output > Frame Rate, or with --fps."
        )
    length_s = len(motion.weights) / motion.fps
    n_wanted = round(len(motion.weights) * fps / motion.fps) if n_frames is None else n_frames
    if n_wanted < 1:
        raise SettingError(f"Frame rate {fps:g} leaves no frame for {length_s:.2f} s of sound. Choose a higher rate.")
    if fps == motion.fps and n_wanted == len(motion.weights):
        return motion
    return Motion(rows_at(motion.weights, np.arange(n_wanted) * (motion.fps / fps)), motion.channels, fps)


def rows_at(rows: FloatArray, positions: NDArray[np.floating]) -> FloatArray:
    """Rows (n, c) at positions (m,) between them, in straight lines; before the first and after the last they hold."""
    positions = np.clip(positions, 0, len(rows) - 1)
    low = np.minimum(positions.astype(np.int64), max(len(rows) - 2, 0))
    part = (positions - low).astype(np.float32)[:, None]
    return np.asarray(rows[low] * (1 - part) + rows[np.minimum(low + 1, len(rows) - 1)] * part, np.float32)
