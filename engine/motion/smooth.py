"""Shape motion: silence, rest at both ends, limits, smoothing, gains. Knows nothing of lip contacts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..values.channels import manner_region, region
from ..values.types import BoolArray, FloatArray, Gains, Level, Motion, RegionGains, RegionSmooth

SILENCE_DBFS = -75.0        # quieter than speech recorded 30 dB too low; louder non-speech rests by its phone scores
SILENCE_FADE_DB = 6.0       # the mouth opens fully this far above
EASE_IN_S, EASE_OUT_S = 0.06, 0.12      # lips part quickly and come to rest slowly
REST_IN_S, REST_OUT_S = 0.4, 0.6        # a resting pose comes and goes as a mood does
LEAST_SIGMA = 0.05          # frames; a narrower filter changes nothing visible
MAX_SMOOTH_S = 0.08         # standard deviation of the filter at smooth = 1: softer loses whole syllables
_EVEN, _AS_IT_IS = RegionSmooth(), RegionGains()


def close_in_silence(
    motion: Motion, level: Level, spoken: FloatArray | None = None, rest: FloatArray | None = None,
) -> Motion:
    """Fade the face to its rest where the sound is below SILENCE_DBFS.

    Args:
        level: of the sound. It counts within 60 ms only, so that a part of a clip moves as the whole does.
        spoken: (n_frames,) 0 to 1, where the user says that the face speaks however quiet the sound is.
        rest: (n_channels,) its pose; None is neutral.
    """
    seconds = np.arange(len(motion.weights)) / motion.fps
    gate = loudness_gate(level, seconds)
    gate = gate if spoken is None else np.maximum(gate, spoken)
    return resting(motion, 1 - gate, rest)


def resting(motion: Motion, share: FloatArray, rest: FloatArray | None) -> Motion:
    """Motion that gives way to a pose (n_channels,), or to neutral, by a share (n_frames,)."""
    weights = motion.weights * (1 - share)[:, None]
    if rest is not None:
        weights += share[:, None] * rest
    return replace(motion, weights=weights)


def loudness_gate(level: Level, seconds: NDArray[np.float64]) -> FloatArray:
    """How far the face may move at these seconds (n,): 0 in silence, 1 where the sound is loud enough."""
    gate = np.clip((level.loudest_db - SILENCE_DBFS) / SILENCE_FADE_DB, 0, 1)
    return np.asarray(np.interp(seconds, np.arange(len(gate)) * level.step_s, gate), np.float32)


def ease_ends(motion: Motion, end_s: float = np.inf, rest: FloatArray | None = None) -> Motion:
    """Start and end in neutral, so that a clip cut in mid-word leaves no open mouth before and after it.

    Args:
        end_s: when the face must be at rest: the last frame of a slower clock, whose key holds on after the clip; by
            default the last frame.
        rest: (n_channels,) a pose in which the face rests, which comes and goes more slowly.
    """
    seconds = np.arange(len(motion.weights)) / motion.fps
    last_frame = np.floor(min(end_s, seconds[-1]) * motion.fps + 1e-6)      # between frames motion is a line
    rest_s = last_frame / motion.fps
    ramp = np.minimum(seconds / EASE_IN_S, (rest_s - seconds) / EASE_OUT_S).clip(0, 1)
    if rest is None:
        return resting(motion, 1 - ramp.astype(np.float32), None)
    slow = smooth_step(np.minimum(seconds / REST_IN_S, (rest_s - seconds) / REST_OUT_S))
    rested = resting(motion, 1 - ramp.astype(np.float32), rest)
    return replace(rested, weights=rested.weights - (1 - slow)[:, None] * np.minimum(rested.weights, rest))


def limit(motion: Motion) -> Motion:
    """Clip all weights to 0..1."""
    return replace(motion, weights=np.clip(motion.weights, 0, 1))


def apply_intensity(motion: Motion, intensity: FloatArray) -> Motion:
    """Scale the whole face (brows, cheeks, nose, mouth, jaw and tongue) by a factor on each frame (n_frames,)."""
    if (intensity == 1).all():
        return motion
    moved = [not channel.startswith("eye") for channel in motion.channels]
    factors = np.where(moved, intensity[:, None], np.float32(1))
    return replace(motion, weights=np.asarray(motion.weights * factors, np.float32))


def apply_gains(motion: Motion, gains: Gains, finer: RegionGains = _AS_IT_IS) -> Motion:
    """Scale each face region, and each of the finer ones."""
    if gains == Gains() and finer == _AS_IT_IS:
        return motion
    coarse = [getattr(gains, name) if (name := region(channel)) else 1.0 for channel in motion.channels]
    fine = [getattr(finer, name) if (name := manner_region(channel)) else 1.0 for channel in motion.channels]
    factors = np.multiply(coarse, fine)
    return replace(motion, weights=motion.weights * np.asarray(factors, np.float32))


def smooth(motion: Motion, amount: float, regions: RegionSmooth = _EVEN) -> Motion:
    """Soften motion with a zero-phase Gaussian filter.

    Args:
        amount: 0 (unchanged) to 1 (standard deviation 80 ms), for all channels.
        regions: the same for the channels of each face region, on top of amount.
    """
    own = [getattr(regions, name) if (name := region(channel)) else 0.0 for channel in motion.channels]
    sigmas = np.hypot(amount, own) * MAX_SMOOTH_S * motion.fps
    if len(motion.weights) < 2 or not (sigmas >= LEAST_SIGMA).any():
        return motion
    soft = motion.weights.copy()
    for sigma in np.unique(sigmas[sigmas >= LEAST_SIGMA]):
        columns = sigmas == sigma
        soft[:, columns] = gaussian(motion.weights[:, columns], float(sigma))
    return replace(motion, weights=soft)


def smooth_step(share: NDArray[np.floating]) -> FloatArray:
    """0 at 0 and below, 1 at 1 and above, in a soft curve between."""
    x = np.clip(share, 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)


def runs(mask: BoolArray) -> list[tuple[int, int]]:
    """First frame, and frame after the last, of each stretch of a mask (n,)."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def gaussian(rows: FloatArray, sigma: float) -> FloatArray:
    """Zero-phase filter over frames; the ends continue with their last value."""
    reach = max(1, int(np.ceil(3 * sigma)))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    padded = np.pad(rows, ((reach, reach), (0, 0)), mode="edge")
    result = np.zeros_like(rows, np.float32)
    for offset, tap in enumerate(taps):
        result += np.float32(tap) * padded[offset:offset + len(rows)]
    return result
