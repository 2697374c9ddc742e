"""Shape motion without harming it: silence, gains, limits, smoothing, key reduction.

Every step that could part closed lips gets the frames on which they touched, and puts them back (lips.py).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..values.channels import region
from ..values.types import (
    SAMPLE_RATE_HZ,
    Curve,
    FloatArray,
    Gains,
    Motion,
    RegionSmooth,
    RigChannel,
    RigCurves,
    Waveform,
)
from . import lip_contact

SILENCE_DBFS = -75.0        # quieter than speech recorded 30 dB too low; what is louder and no speech, the phone scores rest
SILENCE_FADE_DB = 6.0       # the mouth opens fully this far above
LEVEL_BLOCK = 320           # samples, 20 ms: level resolution
LEVEL_REACH = 2             # blocks to each side that a loud block keeps the mouth free: 40 ms of attack and release
EASE_IN_S, EASE_OUT_S = 0.06, 0.12      # lips part quickly and come to rest slowly
FINE_SHARE = 0.15
BLOCK_ROWS = 240            # of a reduction, side by side: a minute in a seventh of the steps
LEAST_SIGMA = 0.05          # frames; a narrower filter changes nothing visible
MAX_SMOOTH_S = 0.08         # standard deviation of the filter at smooth = 1: softer loses whole syllables
CONTACT_BLEND_S = 0.02      # how fast smoothed motion gives way to a closure
_EVEN = RegionSmooth()


def close_in_silence(motion: Motion, wave: Waveform, spoken: FloatArray | None = None) -> Motion:
    """Fade the face to neutral where the sound is below SILENCE_DBFS.

    Only the level within 60 ms counts, never the rest of the clip, so that a part of a clip moves as the whole does.

    Args:
        spoken: (n_frames,) 0 to 1, where the user says that the face speaks however quiet the sound is.
    """
    level = _level_db(wave)
    gate = np.clip((level - SILENCE_DBFS) / SILENCE_FADE_DB, 0, 1)
    seconds = np.arange(len(motion.weights)) / motion.fps
    per_frame = np.interp(seconds, np.arange(len(gate)) * (LEVEL_BLOCK / SAMPLE_RATE_HZ), gate).astype(np.float32)
    per_frame = per_frame if spoken is None else np.maximum(per_frame, spoken)
    return replace(motion, weights=motion.weights * per_frame[:, None])


def ease_ends(motion: Motion, end_s: float = np.inf) -> Motion:
    """Start and end at rest, so that a clip cut in mid-word leaves no open mouth before and after it.

    Args:
        end_s: when the face must be at rest: the last frame of a slower clock, whose key holds on after the clip; by default the last frame.
    """
    seconds = np.arange(len(motion.weights)) / motion.fps
    rest_s = np.floor(min(end_s, seconds[-1]) * motion.fps + 1e-6) / motion.fps      # the frame before it: between frames motion is a line
    ramp = np.minimum(seconds / EASE_IN_S, (rest_s - seconds) / EASE_OUT_S).clip(0, 1)
    return replace(motion, weights=motion.weights * ramp.astype(np.float32)[:, None])


def limit(motion: Motion) -> Motion:
    """Clip all weights to 0..1; lips that touched before still touch."""
    shut = lip_contact.shut_frames(motion)
    return lip_contact.keep_shut(replace(motion, weights=np.clip(motion.weights, 0, 1)), shut)


def apply_gains(motion: Motion, gains: Gains) -> Motion:
    """Scale each face region; closed lips stay closed."""
    if gains == Gains():
        return motion
    shut = lip_contact.shut_frames(motion)
    factors = [getattr(gains, name) if (name := region(channel)) else 1.0 for channel in motion.channels]
    return lip_contact.keep_shut(replace(motion, weights=motion.weights * np.asarray(factors, np.float32)), shut)


def smooth(motion: Motion, amount: float, regions: RegionSmooth = _EVEN) -> Motion:
    """Soften motion with a zero-phase Gaussian filter, around the lip closures instead of over them.

    Args:
        amount: 0 (unchanged) to 1 (standard deviation 80 ms), for all channels.
        regions: the same for the channels of each face region, on top of amount.
    """
    amounts = np.array([np.hypot(amount, getattr(regions, name)) if (name := region(channel)) else amount for channel in motion.channels])
    sigmas = amounts * MAX_SMOOTH_S * motion.fps
    if len(motion.weights) < 2 or not (sigmas >= LEAST_SIGMA).any():
        return motion
    soft = motion.weights.copy()
    for sigma in np.unique(sigmas[sigmas >= LEAST_SIGMA]):
        columns = sigmas == sigma
        soft[:, columns] = gaussian(motion.weights[:, columns], float(sigma))
    return around_closures(motion, soft)


def around_closures(motion: Motion, changed: FloatArray) -> Motion:
    """Other weights (n_frames, n_channels) for a motion, that give way to it softly towards the frames on which its lips touch."""
    shut = lip_contact.shut_frames(motion)
    keep = nearness(shut, motion.fps)
    return lip_contact.keep_shut(replace(motion, weights=np.asarray(keep * motion.weights + (1 - keep) * changed, np.float32)), shut)


def nearness(contact: lip_contact.BoolArray, fps: float) -> FloatArray:
    """1 on the marked frames (n_frames,), falling to 0 around them within CONTACT_BLEND_S or so: (n_frames, 1)."""
    near = gaussian(contact.astype(np.float32)[:, None], max(CONTACT_BLEND_S * fps, 0.3))
    return np.where(contact[:, None], np.float32(1), np.minimum(near * 2, 1))


def reduce_keys(curves: RigCurves, max_error: float, slack: FloatArray) -> RigCurves:
    """Drop keys that straight lines between the others replace to within an error.

    Args:
        curves: one key per frame on every channel, as retarget gives them.
        max_error: how far a curve may move, in the unit of its channel; of a quaternion's parts less (share_of_error).
        slack: (n_frames,) how far curves may move on each frame, as lips.contact_slack says; infinite where only max_error counts.
    Returns:
        The same curves with fewer keys; values of the keys that remain are unchanged. Stepped curves have no key too many already.
    Source: cone intersection (Williams 1978), all curves side by side.
    """
    if not curves.curves or curves.stepped or len(slack) < 3:
        return curves
    channels = list(curves.curves)
    seconds = curves.curves[channels[0]].seconds
    values = np.stack([curves.curves[channel].values for channel in channels], axis=1).astype(np.float64)
    tolerance = np.minimum(slack.astype(np.float64), max_error)[:, None] * np.array([share_of_error(channel) for channel in channels])
    keep = _cone_keys(seconds, values, tolerance)
    reduced: dict[RigChannel, Curve] = {
        channel: Curve(seconds[keep[:, column]], curves.curves[channel].values[keep[:, column]]) for column, channel in enumerate(channels)
    }
    return replace(curves, curves=reduced)


def share_of_error(channel: RigChannel) -> float:
    """How much of an allowed error a channel may take: the parts of a quaternion little, since they stand for half an angle."""
    return FINE_SHARE if channel.path == "rotation_quaternion" else 1.0


def _cone_keys(seconds: NDArray[np.float64], values: NDArray[np.float64], tolerance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows of values (n, c) to keep, with tolerance (n, c).

    Blocks of rows are looked at side by side; where two meet there is a key, which goes again if the line over it holds.
    """
    n_rows, n_columns = values.shape
    n_blocks = max(1, -(-(n_rows - 1) // BLOCK_ROWS))
    n_inside = -(-(n_rows - 1) // n_blocks)
    rows = np.minimum(np.arange(n_inside + 1)[:, None] + n_inside * np.arange(n_blocks), n_rows - 1)     # (rows of a block, blocks), the last row again and again
    times = seconds[rows] + (np.arange(n_inside + 1)[:, None] + n_inside * np.arange(n_blocks) - rows)      # that still rise
    shape = (n_inside + 1, n_blocks * n_columns)
    found = _cones(np.repeat(times, n_columns, axis=1), values[rows].reshape(shape), tolerance[rows].reshape(shape)).reshape(n_inside + 1, n_blocks, n_columns)
    keep = np.zeros(values.shape, np.bool_)
    for block in range(n_blocks):
        inside = rows[:, block]
        keep[inside] |= found[:, block]
    keep[[0, -1]] = True
    for border in rows[0, 1:]:
        if 0 < border < n_rows - 1:
            keep[border] = ~_holds_without(border, keep, seconds, values, tolerance)
    return keep


def _cones(seconds: NDArray[np.float64], values: NDArray[np.float64], tolerance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows (n, c) to keep: a key is set where the next sample leaves the cone of lines that pass all samples since the last key."""
    keep = np.zeros(values.shape, np.bool_)
    keep[[0, -1]] = True
    anchor_s, anchor = seconds[0].copy(), values[0].copy()
    low, high = np.full(values.shape[1], -np.inf), np.full(values.shape[1], np.inf)
    for row in range(1, len(values)):
        slope = (values[row] - anchor) / (seconds[row] - anchor_s)
        outside = (slope < low) | (slope > high)
        if outside.any():
            keep[row - 1] |= outside
            anchor_s[outside], anchor[outside] = seconds[row - 1, outside], values[row - 1, outside]
            low[outside], high[outside] = -np.inf, np.inf
            slope[outside] = (values[row, outside] - anchor[outside]) / (seconds[row, outside] - seconds[row - 1, outside])
        reach = tolerance[row] / (seconds[row] - anchor_s)
        np.maximum(low, slope - reach, out=low)
        np.minimum(high, slope + reach, out=high)
    return keep


def _holds_without(
    row: int, keep: NDArray[np.bool_], seconds: NDArray[np.float64], values: NDArray[np.float64], tolerance: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Columns (c,) whose curve stays within the tolerance when the key on a row goes."""
    columns = np.arange(values.shape[1])
    before, after = row - 1 - np.argmax(keep[row - 1::-1], axis=0), row + 1 + np.argmax(keep[row + 1:], axis=0)
    first, last = int(before.min()), int(after.max()) + 1
    slope = (values[after, columns] - values[before, columns]) / (seconds[after] - seconds[before])
    line = values[before, columns] + slope * (seconds[first:last, None] - seconds[before])
    near = (np.abs(values[first:last] - line) <= tolerance[first:last]) | (np.arange(first, last)[:, None] < before) | (np.arange(first, last)[:, None] > after)
    return np.asarray(near.all(axis=0))


def loudest_db(wave: Waveform) -> float:
    """Level of the loudest 20 ms in dBFS, at least -120."""
    return float(_level_db(wave).max())


def _level_db(wave: Waveform) -> FloatArray:
    """Loudest 20 ms RMS level in dBFS within LEVEL_REACH blocks of each block."""
    n_whole = len(wave.samples) // LEVEL_BLOCK
    blocks = wave.samples[:n_whole * LEVEL_BLOCK].reshape(n_whole, LEVEL_BLOCK)      # a view: an hour of sound is not copied
    rest = wave.samples[n_whole * LEVEL_BLOCK:]
    power = np.append(np.einsum("ij,ij->i", blocks, blocks), np.dot(rest, rest)) / LEVEL_BLOCK
    padded = np.pad(power, LEVEL_REACH)
    loudest = np.lib.stride_tricks.sliding_window_view(padded, 2 * LEVEL_REACH + 1).max(axis=1)
    return np.asarray(10 * np.log10(np.maximum(loudest, 1e-12)), np.float32)


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
