"""The mouth alone: made anew for another sound, while the rest of a performance stays as it is."""

from __future__ import annotations

import numpy as np

from ..values.channels import MOUTH
from ..values.errors import SettingError
from ..values.types import Motion

SAME_RATE = 1e-4            # of a frame rate; less moves no frame of an hour


def mouth_alone(motion: Motion) -> Motion:
    """Jaw, lips and tongue of a motion. Raises SettingError: it has none."""
    columns = [i for i, channel in enumerate(motion.channels) if channel in MOUTH]
    if not columns:
        raise SettingError(
            "The mouth alone can be made with a head of face shapes only; this one gives none. Choose another head, "
            "or the whole face."
        )
    weights = np.ascontiguousarray(motion.weights[:, columns])
    return Motion(weights, tuple(motion.channels[column] for column in columns), motion.fps)


def mouth_over(performance: Motion, made: Motion) -> Motion:
    """A performance with the mouth of another motion; every other channel keeps its bits.

    Args:
        performance: at the frame rate of `made`. Where the sound goes on after its end, its last pose is held.
    Returns:
        As many frames as the longer of both; after the end of the sound the mouth rests.
    Raises:
        SettingError: another frame rate, or no mouth in `made`.
    """
    if abs(performance.fps - made.fps) > SAME_RATE * made.fps:
        raise SettingError(
            f"The performance has {performance.fps:g} frames per second, the new mouth {made.fps:g}. "
            f"Give --fps {performance.fps:g}."
        )
    mouth = mouth_alone(made)
    n_frames = max(len(performance.weights), len(mouth.weights))
    held = np.minimum(np.arange(n_frames), len(performance.weights) - 1)
    stays = [i for i, channel in enumerate(performance.channels) if channel not in MOUTH]
    rest = np.zeros((n_frames, len(mouth.channels)), np.float32)
    rest[:len(mouth.weights)] = mouth.weights
    weights = np.concatenate([performance.weights[held][:, stays], rest], axis=1)
    names = (*(performance.channels[i] for i in stays), *mouth.channels)
    return Motion(np.ascontiguousarray(weights), names, performance.fps)
