"""Key reduction for Bezier curves: which keys may go when the keys that stay are joined by curves with auto-clamped handles.

A curve that is joined by curves, not by lines, moves between its keys in its own way, so an error bound that was reckoned for lines says nothing
about it. Here handles are placed as Blender places them (auto-clamped, without its optional smoothing over several keys), the curve is evaluated
on every frame and between, and keys come back where it goes too far. Knows nothing of Blender.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..values.types import Curve, FloatArray, RigChannel, RigCurves
from .smooth import reduce_keys as reduce_for_lines
from .smooth import share_of_error

Array = NDArray[np.float64]

HANDLE_SHARE = 1 / 2.5614       # of the way to the next key, in time: Blender's handles
LONGEST_RATIO = 5.0             # a handle reaches at most so many times as far as the other
COARSE = 2.0                    # the search starts from keys that lines would need for this many times the error
MARGIN = 0.98                   # of the error is used: keys are stored as float32
PARTS = 4                       # of a frame: as closely the curve is looked at
REACH = 3                       # keys: so far beside a new key the curve changes
TABLE = 4097                    # places of a table with an error below 1e-8
ROUNDS = 60                     # then every frame gets a key
NEWTON_STEPS = 5                # to find the place on a curve that belongs to a time: error below 1e-7


@dataclass(frozen=True)
class Handles:
    """Times and values (n,) of the left and the right handle of each key."""

    left_x: Array
    left_y: Array
    right_x: Array
    right_y: Array


def auto_clamped(x: Array, y: Array) -> Handles:
    """Handles of keys at times x (n,), rising, with values y (n,): level at peaks and at both ends, nowhere beyond the neighbours.

    Source: Blender's F-curves with AUTO_CLAMPED handles, auto_smoothing NONE and constant extrapolation; tests compare with Blender.
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
    left_y = np.where(beyond_left, clamped_left, np.where(beyond_right, y - (clamped_right - y) / right * left, left_y))
    right_y = np.where(beyond_left, y + (y - clamped_left) / left * right, np.where(beyond_right, clamped_right, right_y))
    level = (before_y >= 0) & (after_y <= 0) | (before_y <= 0) & (after_y >= 0)
    level[[0, -1]] = True
    return Handles(x - left, np.where(level, y, left_y), x + right, np.where(level, y, right_y))


def evaluate(x: Array, y: Array, at: Array) -> Array:
    """Values (m,) at times `at` of the curve through keys at x (n,) with values y (n,); constant before the first and after the last."""
    if len(x) < 2:
        return np.full(len(at), y[0])
    handles = auto_clamped(x, y)
    segment = np.clip(np.searchsorted(x, at, "right") - 1, 0, len(x) - 2)
    length = np.diff(x)
    share = np.clip((at - x[segment]) / length[segment], 0, 1)
    place = _place(share, segment, (handles.right_x[:-1] - x[:-1]) / length, (handles.left_x[1:] - x[:-1]) / length)
    linear = 3 * (handles.right_y[:-1] - y[:-1])
    square = 3 * (handles.left_y[1:] - handles.right_y[:-1]) - linear
    cube = y[1:] - y[:-1] - linear - square
    return np.asarray(((cube[segment] * place + square[segment]) * place + linear[segment]) * place + y[segment])


def reduce_keys(curves: RigCurves, max_error: float, slack: FloatArray) -> RigCurves:
    """Drop keys that auto-clamped curves between the others replace to within an error; as smooth.reduce_keys() does for lines.

    Args:
        curves: one key per frame on every channel.
        max_error: how far a curve may move on a frame, in the unit of its channel; between two frames it stays as near to the values of both.
        slack: (n_frames,) how far curves may move on each frame, as lips.contact_slack says.
    Returns:
        The same curves with fewer keys; values of the keys that remain are unchanged.
    """
    if not curves.curves or curves.stepped or len(slack) < 3:
        return curves
    coarse = reduce_for_lines(curves, max_error * COARSE, slack)
    tolerance = np.minimum(slack.astype(np.float64), max_error) * MARGIN
    reduced: dict[RigChannel, Curve] = {}
    known: dict[bytes, NDArray[np.bool_]] = {}          # left and right are often alike
    for channel, curve in curves.curves.items():
        same = curve.values.tobytes()
        if same not in known:
            rows = np.searchsorted(curve.seconds, coarse.curves[channel].seconds - 1e-9)
            known[same] = _with_enough_keys(curve.values.astype(np.float64), rows, tolerance * share_of_error(channel))
        reduced[channel] = Curve(curve.seconds[known[same]], curve.values[known[same]])
    return replace(curves, curves=reduced)


def _with_enough_keys(values: Array, rows: NDArray[np.intp], tolerance: Array) -> NDArray[np.bool_]:
    """Which frames (n,) keep a key: those of rows, and more until the curve is within the tolerance (n,) everywhere."""
    keep = np.zeros(len(values), np.bool_)
    keep[rows] = True
    excess = np.zeros(len(values))
    looked_at = np.arange(len(values) - 1)          # frames whose way to the next one is looked at: at first all, then what new keys change
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


def _near(keys: NDArray[np.intp], new: NDArray[np.intp], n_frames: int) -> NDArray[np.intp]:
    """The frames between keys whose handles, or whose neighbours' handles, new keys change."""
    place = np.searchsorted(keys, new)
    first, last = keys[np.maximum(place - REACH, 0)], keys[np.minimum(place + REACH, len(keys) - 1)]
    change = np.zeros(n_frames + 1, np.int32)
    np.add.at(change, first, 1)
    np.add.at(change, last, -1)
    return np.flatnonzero(np.cumsum(change[:n_frames - 1]))


def _measure(keys: NDArray[np.intp], values: Array, tolerance: Array, looked_at: NDArray[np.intp], excess: Array) -> None:
    """Set in excess (n,) how far beyond the tolerance the curve through some keys goes on frames and on the way to the next one."""
    times = (looked_at[:, None] + np.arange(PARTS) / PARTS).ravel()
    curve = evaluate(keys.astype(np.float64), values[keys], times).reshape(-1, PARTS)
    now, then = values[looked_at], values[looked_at + 1]
    on_frame = np.abs(curve[:, 0] - now) - tolerance[looked_at]
    between = curve[:, 1:]
    beyond = np.maximum(np.minimum(now, then) - between.min(axis=1), between.max(axis=1) - np.maximum(now, then))
    beyond -= np.minimum(tolerance[looked_at], tolerance[looked_at + 1])
    excess[looked_at] = np.maximum(on_frame, beyond)
    np.maximum.at(excess, looked_at + 1, beyond)


def _place(share: Array, segment: NDArray[np.intp], first: Array, second: Array) -> Array:
    """Parameter 0..1 on curves at shares of their time; the handles of each segment lie at first and second of its time."""
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
    return place, 3 * (1 - place) ** 2 * place * HANDLE_SHARE + 3 * (1 - place) * place**2 * (1 - HANDLE_SHARE) + place**3


def _solved(share: Array, first: Array, second: Array) -> Array:
    """The same by Newton's method."""
    linear, square, cube = 3 * first, 3 * (second - 2 * first), 1 + 3 * (first - second)
    place = share.copy()
    for _ in range(NEWTON_STEPS):
        off = ((cube * place + square) * place + linear) * place - share
        speed = (3 * cube * place + 2 * square) * place + linear
        place = np.clip(place - off / np.maximum(speed, 1e-3), 0, 1)
    return place
