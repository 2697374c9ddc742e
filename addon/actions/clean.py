"""Keys that change nothing are taken out of Actions, whoever made them: with Blender's own curves as the judge.

Which keys may go is guessed with straight lines; then each curve is looked at as Blender plays it, and keys come back
until it stays within the error everywhere. Keys that stay keep time, value and interpolation; their handles too, but
for those towards a key that went, which become auto-clamped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bpy
import numpy as np

from . import actions, keys
from .actions import ActionUse
from .keys import Keys

ROUNDS = 40                 # of looking and taking keys back; then a curve stays as it was
PARTS = 2                   # of a frame: as closely a curve is looked at
QUATERNION_SHARE = 0.15     # of the error that parts of a quaternion take: they stand for half an angle
FEWEST_KEYS = 3
NEAR_ZERO = 1e-7            # rounding of Blender's own curves


@dataclass(frozen=True)
class Tight:
    """Frames (n,), rising by one, and how far curves may move on each (n,): lips that touch stay together there."""

    frames: np.ndarray
    slack: np.ndarray

    def at(self, frames: np.ndarray) -> np.ndarray:
        """The slack at some frames, between two frames the smaller one; infinite outside."""
        if not len(self.frames):
            return np.full(len(frames), np.inf)
        place = frames - self.frames[0]
        low, high = np.floor(place).astype(np.intp), np.ceil(place).astype(np.intp)
        padded = np.concatenate([[np.inf], self.slack, [np.inf]])
        return np.minimum(*(padded[np.clip(side + 1, 0, len(padded) - 1)] for side in (low, high)))


@dataclass(frozen=True)
class CleanedAction:
    """What was taken out: keys of how many, on how many curves, and the most that a curve moved.

    Attributes:
        locked: curves that were left alone because they are locked. odd: because a modifier plays them.
    """

    keys: int
    gone: int
    curves: int
    error: float
    locked: int
    odd: int


def clean(uses: Iterable[tuple[ActionUse, Tight]], error: float, selected: bool = False) -> CleanedAction:
    """Take keys out of all curves of some uses of Actions.

    Args:
        error: the most by which a curve may move, in its own unit. selected: only curves that are selected.
    """
    before = gone = touched = locked = odd = 0
    largest = 0.0
    for use, tight in uses:
        for curve in actions.curves_of(use):
            if selected and not curve.select:
                continue
            count = len(curve.keyframe_points)
            before += count
            if actions.is_locked(curve):
                locked += 1
            elif len(curve.modifiers):
                odd += 1
            elif count >= FEWEST_KEYS:
                moved = _clean_curve(curve, error, tight)
                if len(curve.keyframe_points) < count:
                    gone += count - len(curve.keyframe_points)
                    touched += 1
                    largest = max(largest, moved)
    return CleanedAction(before, gone, touched, largest, locked, odd)


def _clean_curve(curve: bpy.types.FCurve, error: float, tight: Tight) -> float:
    """Take out what may go; the most by which the curve moved."""
    all_keys: Keys = {name: keys.field_of(curve, name).copy() for name in keys.KEY_FIELDS}
    frames = all_keys["co"][:, 0].astype(np.float64)
    looked_at = _moments(frames)
    was = _values(curve, looked_at)
    share = QUATERNION_SHARE if curve.data_path.endswith("rotation_quaternion") else 1.0
    allowed = np.minimum(tight.at(looked_at), error) * share + NEAR_ZERO
    keep = _guess(frames, all_keys, np.minimum(tight.at(frames), error) * share)
    for _ in range(ROUNDS):
        if keep.all():
            break
        _put(curve, all_keys, keep)
        off = np.abs(_values(curve, looked_at) - was)
        bad = np.flatnonzero(off > allowed)
        if not len(bad):
            return float(off.max(initial=0.0))
        keep |= _needed(frames, keep, looked_at[bad], (off - allowed)[bad])
    _put(curve, all_keys, np.ones(len(frames), bool))
    return 0.0


def _moments(frames: np.ndarray) -> np.ndarray:
    """Where a curve is looked at: on each key, on every frame and between."""
    first, last = np.ceil(frames[0] * PARTS), np.floor(frames[-1] * PARTS)
    return np.union1d(frames, np.arange(first, last + 1) / PARTS)


def _values(curve: bpy.types.FCurve, frames: np.ndarray) -> np.ndarray:
    return np.fromiter(map(curve.evaluate, frames.tolist()), np.float64, len(frames))


def _guess(frames: np.ndarray, all_keys: Keys, allowed: np.ndarray) -> np.ndarray:
    """Keys (n,) that straight lines, or held values, between the others do not give. Source: cone intersection."""
    values = all_keys["co"][:, 1].astype(np.float64)
    held = all_keys["interpolation"][:, 0] == keys.interpolation_number('CONSTANT')
    keep = np.zeros(len(frames), bool)
    keep[[0, -1]] = True
    anchor, low, high = 0, -np.inf, np.inf
    for i in range(1, len(frames) - 1):
        if held[i - 1] or held[i]:          # what comes before or after is no line
            same = held[i - 1] and held[i] and abs(values[i] - values[anchor]) <= allowed[i]
            keep[i] = not same
        else:
            step = frames[i] - frames[anchor]
            low = max(low, (values[i] - allowed[i] - values[anchor]) / step)
            high = min(high, (values[i] + allowed[i] - values[anchor]) / step)
            slope = (values[i + 1] - values[anchor]) / (frames[i + 1] - frames[anchor])
            keep[i] = not low <= slope <= high
        if keep[i]:
            anchor, low, high = i, -np.inf, np.inf
    return keep


def _put(curve: bpy.types.FCurve, all_keys: Keys, keep: np.ndarray) -> None:
    """Give a curve these of its keys; handles towards a key that went become auto-clamped."""
    rows = np.flatnonzero(keep)
    left = {name: values[rows].copy() for name, values in all_keys.items()}
    near = np.diff(rows) == 1
    exact = {"handle_left": np.append(True, near), "handle_right": np.append(near, True)}
    auto = keys.handle_number('AUTO_CLAMPED')
    for side, kept in exact.items():
        left[f"{side}_type"][~kept] = auto
    keys.put_back(curve, left, exact)


def _needed(frames: np.ndarray, keep: np.ndarray, moments: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """The key that went nearest to the worst moment of each stretch between two keys."""
    rows = np.flatnonzero(keep)
    stretch = np.clip(np.searchsorted(frames[rows], moments, "right") - 1, 0, len(rows) - 2)
    more = np.zeros(len(frames), bool)
    for number in np.unique(stretch):
        # a handle of one stretch may be bent by the next one: keys come back on both sides
        inside = np.arange(rows[number] + 1, rows[number + 1])
        if not len(inside):
            beside = [*range(rows[max(number - 1, 0)], rows[number]), *range(
                rows[number + 1] + 1, rows[min(number + 2, len(rows) - 1)])]
            inside = np.array([row for row in beside if not keep[row]], np.intp)
        if len(inside):
            mine = stretch == number
            worst = moments[mine][int(np.argmax(excess[mine]))]
            more[inside[int(np.abs(frames[inside] - worst).argmin())]] = True
    return more
