"""Which keys may go: for keys joined by straight lines, and for keys joined by curves with auto-clamped handles.

A curve that is joined by curves moves between its keys in its own way, so an error bound that was reckoned for lines
says nothing about it. There handles are placed as Blender places them (auto-clamped, without its optional smoothing
over several keys), the curve is evaluated on every frame and between, and keys come back where it goes too far. Knows
nothing of Blender.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..values.types import BoolArray, Curve, FloatArray, IntArray, RigChannel, RigCurves

Array = NDArray[np.float64]

QUATERNION_SHARE = 0.15     # of an allowed error that the parts of a quaternion take: they stand for half an angle
BLOCK_ROWS = 240            # of a reduction for lines, side by side: a minute in a seventh of the steps
HANDLE_SHARE = 1 / 2.5614   # of the way to the next key, in time: Blender's handles
LONGEST_RATIO = 5.0         # a handle reaches at most so many times as far as the other
COARSE = 2.0                # the search starts from keys that lines would need for this many times the error
MARGIN = 0.98               # of the error is used: keys are stored as float32
PARTS = 4                   # of a frame: as closely the curve is looked at
REACH = 3                   # keys: so far beside a new key the curve changes
TABLE = 4097                # places of a table with an error below 1e-8
ROUNDS = 60                 # then every frame gets a key
NEWTON_STEPS = 5            # to find the place on a curve that belongs to a time: error below 1e-7


@dataclass(frozen=True)
class Handles:
    """Times and values (n,) of the left and the right handle of each key."""

    left_x: Array
    left_y: Array
    right_x: Array
    right_y: Array


def reduce_for_lines(curves: RigCurves, max_error: float, slack: FloatArray) -> RigCurves:
    """Drop keys that straight lines between the others replace to within an error.

    Args:
        curves: one key per frame on every channel, as retarget gives them.
        max_error: how far a curve may move, in the unit of its channel; of a quaternion's parts less.
        slack: (n_frames,) how far curves may move on each frame (LipContacts); infinite where only max_error counts.
    Returns:
        The same curves with fewer keys; values of the keys that remain are unchanged. Stepped curves have no key too
        many already.
    Source: cone intersection (Williams 1978), all curves side by side.
    """
    if not curves.curves or curves.stepped or len(slack) < 3:
        return curves
    channels = list(curves.curves)
    seconds = curves.curves[channels[0]].seconds
    values = np.stack([curves.curves[channel].values for channel in channels], axis=1).astype(np.float64)
    shares = np.array([_share_of_error(channel) for channel in channels])
    keep = _cone_keys(seconds, values, np.minimum(slack.astype(np.float64), max_error)[:, None] * shares)
    reduced: dict[RigChannel, Curve] = {}
    for channel, kept in zip(channels, keep.T, strict=True):
        reduced[channel] = Curve(seconds[kept], curves.curves[channel].values[kept])
    return replace(curves, curves=reduced)


def reduce_for_curves(curves: RigCurves, max_error: float, slack: FloatArray) -> RigCurves:
    """Drop keys that auto-clamped curves between the others replace to within an error; else as `reduce_for_lines`.

    Args:
        max_error: how far a curve may move on a frame; between two frames it stays as near to the values of both.
    """
    if not curves.curves or curves.stepped or len(slack) < 3:
        return curves
    coarse = reduce_for_lines(curves, max_error * COARSE, slack)
    tolerance = np.minimum(slack.astype(np.float64), max_error) * MARGIN
    reduced: dict[RigChannel, Curve] = {}
    known: dict[bytes, BoolArray] = {}          # left and right are often alike
    for channel, curve in curves.curves.items():
        same = curve.values.tobytes()
        if same not in known:
            rows = np.searchsorted(curve.seconds, coarse.curves[channel].seconds - 1e-9)
            allowed = tolerance * _share_of_error(channel)
            known[same] = _with_enough_keys(curve.values.astype(np.float64), rows, allowed)
        reduced[channel] = Curve(curve.seconds[known[same]], curve.values[known[same]])
    return replace(curves, curves=reduced)


def _share_of_error(channel: RigChannel) -> float:
    return QUATERNION_SHARE if channel.path == "rotation_quaternion" else 1.0


def _cone_keys(seconds: Array, values: Array, tolerance: Array) -> BoolArray:
    """Which rows of values (n, c) to keep, with tolerance (n, c).

    Blocks of rows are searched side by side; where two meet there is a key, which goes again if the line over it holds.
    """
    n_rows, n_columns = values.shape
    n_blocks = max(1, -(-(n_rows - 1) // BLOCK_ROWS))
    n_inside = -(-(n_rows - 1) // n_blocks)
    wanted = np.arange(n_inside + 1)[:, None] + n_inside * np.arange(n_blocks)      # (rows of a block, blocks)
    rows = np.minimum(wanted, n_rows - 1)
    times = seconds[rows] + (wanted - rows)         # the last row again and again, at times that still rise
    shape = (n_inside + 1, n_blocks * n_columns)
    found = _cones(np.repeat(times, n_columns, axis=1), values[rows].reshape(shape), tolerance[rows].reshape(shape))
    found = found.reshape(n_inside + 1, n_blocks, n_columns)
    keep = np.zeros(values.shape, np.bool_)
    for block in range(n_blocks):
        keep[rows[:, block]] |= found[:, block]
    keep[[0, -1]] = True
    for border in rows[0, 1:]:
        if 0 < border < n_rows - 1:
            keep[border] = ~_holds_without(border, keep, seconds, values, tolerance)
    return keep


def _cones(seconds: Array, values: Array, tolerance: Array) -> BoolArray:
    """Which rows (n, c) to keep: a key is set where the next sample leaves the cone of lines from the last key."""
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
            step_s = seconds[row, outside] - seconds[row - 1, outside]
            slope[outside] = (values[row, outside] - anchor[outside]) / step_s
        reach = tolerance[row] / (seconds[row] - anchor_s)
        np.maximum(low, slope - reach, out=low)
        np.minimum(high, slope + reach, out=high)
    return keep


def _holds_without(row: int, keep: BoolArray, seconds: Array, values: Array, tolerance: Array) -> BoolArray:
    """Columns (c,) whose curve stays within the tolerance when the key on a row goes."""
    columns = np.arange(values.shape[1])
    before = row - 1 - np.argmax(keep[row - 1::-1], axis=0)
    after = row + 1 + np.argmax(keep[row + 1:], axis=0)
    first, last = int(before.min()), int(after.max()) + 1
    slope = (values[after, columns] - values[before, columns]) / (seconds[after] - seconds[before])
    line = values[before, columns] + slope * (seconds[first:last, None] - seconds[before])
    frames = np.arange(first, last)[:, None]
    near = np.abs(values[first:last] - line) <= tolerance[first:last]
    return np.asarray((near | (frames < before) | (frames > after)).all(axis=0))


def auto_clamped(x: Array, y: Array) -> Handles:
    """Handles of keys at rising times x (n,) with values y (n,): level at peaks and ends, nowhere beyond neighbours.

    Source: Blender's F-curves with AUTO_CLAMPED handles, auto_smoothing NONE and constant extrapolation; tests compare
    with Blender.
    """
    if len(x) < 2:
        return Handles(x.copy(), y.copy(), x.copy(), y.copy())
    step_x, step_y = np.diff(x), np.diff(y)
    before_x, after_x = np.append(step_x[0], step_x), np.append(step_x, step_x[-1])
    before_y, after_y = np.append(step_y[0], step_y), np.append(step_y, step_y[-1])
    slope = (before_y / before_x + after_y / after_x) / 2
    left = np.minimum(before_x, LONGEST_RATIO * after_x) * HANDLE_SHARE
    right = np.minimum(after_x, LONGEST_RATIO * before_x) * HANDLE_SHARE
    left_y, right_y = y - slope * left, y + slope * right
    below, above = np.minimum(y - before_y, y), np.maximum(y - before_y, y)
    clamped_left = np.clip(left_y, below, above)
    clamped_right = np.clip(right_y, np.minimum(y + after_y, y), np.maximum(y + after_y, y))
    beyond_left, beyond_right = clamped_left != left_y, clamped_right != right_y
    mirrored_left = np.where(beyond_right, y - (clamped_right - y) / right * left, left_y)
    left_y = np.where(beyond_left, clamped_left, mirrored_left)
    clamped_or_own = np.where(beyond_right, clamped_right, right_y)
    right_y = np.where(beyond_left, y + (y - clamped_left) / left * right, clamped_or_own)
    level = (before_y >= 0) & (after_y <= 0) | (before_y <= 0) & (after_y >= 0)
    level[[0, -1]] = True
    return Handles(x - left, np.where(level, y, left_y), x + right, np.where(level, y, right_y))


def evaluate(x: Array, y: Array, at: Array) -> Array:
    """Values (m,) at times `at` of the curve through keys at x (n,) with values y (n,); constant outside of them."""
    if len(x) < 2:
        return np.full(len(at), y[0])
    handles = auto_clamped(x, y)
    segment = np.clip(np.searchsorted(x, at, "right") - 1, 0, len(x) - 2)
    length = np.diff(x)
    share = np.clip((at - x[segment]) / length[segment], 0, 1)
    first, second = (handles.right_x[:-1] - x[:-1]) / length, (handles.left_x[1:] - x[:-1]) / length
    place = _place(share, segment, first, second)
    linear = 3 * (handles.right_y[:-1] - y[:-1])
    square = 3 * (handles.left_y[1:] - handles.right_y[:-1]) - linear
    cube = y[1:] - y[:-1] - linear - square
    return np.asarray(((cube[segment] * place + square[segment]) * place + linear[segment]) * place + y[segment])


def _with_enough_keys(values: Array, rows: IntArray, tolerance: Array) -> BoolArray:
    """Which frames (n,) keep a key: those of rows, and more until the curve is within the tolerance (n,) everywhere."""
    keep = np.zeros(len(values), np.bool_)
    keep[rows] = True
    excess = np.zeros(len(values))
    looked_at = np.arange(len(values) - 1)          # frames whose way to the next one is looked at: first all of them
    for _ in range(ROUNDS):
        keys = np.flatnonzero(keep)
        _measure(keys, values, tolerance, looked_at, excess)
        bad = np.flatnonzero((excess > 0) & ~keep)
        if not len(bad):
            return keep
        segment = np.searchsorted(keys, bad)        # the worst frame of every stretch gets a key
        worst = np.lexsort((-excess[bad], segment))
        new = bad[worst[np.unique(segment[worst], return_index=True)[1]]]
        keep[new] = True
        looked_at = _near(np.flatnonzero(keep), new, len(values))
    return np.ones(len(values), np.bool_)


def _near(keys: IntArray, new: IntArray, n_frames: int) -> IntArray:
    """The frames between keys whose handles, or whose neighbours' handles, new keys change."""
    place = np.searchsorted(keys, new)
    first, last = keys[np.maximum(place - REACH, 0)], keys[np.minimum(place + REACH, len(keys) - 1)]
    change = np.zeros(n_frames + 1, np.int32)
    np.add.at(change, first, 1)
    np.add.at(change, last, -1)
    return np.flatnonzero(np.cumsum(change[:n_frames - 1]))


def _measure(keys: IntArray, values: Array, tolerance: Array, looked_at: IntArray, excess: Array) -> None:
    """Set in excess (n,) how far beyond the tolerance the curve goes on frames and on the way to the next one."""
    times = (looked_at[:, None] + np.arange(PARTS) / PARTS).ravel()
    curve = evaluate(keys.astype(np.float64), values[keys], times).reshape(-1, PARTS)
    now, then = values[looked_at], values[looked_at + 1]
    on_frame = np.abs(curve[:, 0] - now) - tolerance[looked_at]
    between = curve[:, 1:]
    beyond = np.maximum(np.minimum(now, then) - between.min(axis=1), between.max(axis=1) - np.maximum(now, then))
    beyond -= np.minimum(tolerance[looked_at], tolerance[looked_at + 1])
    excess[looked_at] = np.maximum(on_frame, beyond)
    np.maximum.at(excess, looked_at + 1, beyond)


def _place(share: Array, segment: IntArray, first: Array, second: Array) -> Array:
    """Parameter 0..1 on curves at shares of their time; the handles of each segment lie at shares first and second."""
    places, times = _usual_places()
    place: Array = np.interp(share, times, places)
    unusual = (np.abs(first - HANDLE_SHARE) > 1e-9) | (np.abs(second - 1 + HANDLE_SHARE) > 1e-9)
    odd = np.flatnonzero(unusual[segment])
    if len(odd):
        place[odd] = _solved(share[odd], first[segment[odd]], second[segment[odd]])
    return place


@cache
def _usual_places() -> tuple[Array, Array]:
    """Parameters, and the share of time at each, of a curve whose handles are as long as they usually are."""
    place = np.linspace(0, 1, TABLE)
    rising = 3 * (1 - place) ** 2 * place * HANDLE_SHARE + 3 * (1 - place) * place**2 * (1 - HANDLE_SHARE) + place**3
    return place, rising


def _solved(share: Array, first: Array, second: Array) -> Array:
    """The same by Newton's method."""
    linear, square, cube = 3 * first, 3 * (second - 2 * first), 1 + 3 * (first - second)
    place = share.copy()
    for _ in range(NEWTON_STEPS):
        off = ((cube * place + square) * place + linear) * place - share
        speed = (3 * cube * place + 2 * square) * place + linear
        place = np.clip(place - off / np.maximum(speed, 1e-3), 0, 1)
    return place
