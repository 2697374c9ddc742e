"""Bone rotations in the way that each bone takes them: any Euler order, quaternion, or axis and angle.

Presets give angles about the bone's own X, then Y, then Z, or a quaternion. A bone in another mode would ignore such
keys, so they are turned into its own kind.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...engine import Curve, RigChannel

EULER, QUATERNION, AXIS_ANGLE = "rotation_euler", "rotation_quaternion", "rotation_axis_angle"
AT_REST = {EULER: (0.0, 0.0, 0.0), QUATERNION: (1.0, 0.0, 0.0, 0.0)}
ODD_ORDERS = ("XZY", "YXZ", "ZYX")


def to_bone_modes(curves: Mapping[RigChannel, Curve], modes: Mapping[str, str]) -> dict[RigChannel, Curve]:
    """Turn rotation curves of bones into the path and order that each bone uses.

    Args:
        curves: radians for rotation_euler, applied in the order X, Y, Z; everything else passes unchanged.
        modes: bone name -> rotation_mode. A bone that is not in it keeps its curves, and so does one that they fit as
            they are.
    """
    rotations: dict[str, dict[RigChannel, Curve]] = {}
    result = {}
    for channel, curve in curves.items():
        if channel.kind == "bone" and channel.path in AT_REST and channel.name in modes:
            rotations.setdefault(channel.name, {})[channel] = curve
        else:
            result[channel] = curve
    for bone, parts in sorted(rotations.items()):
        result.update(parts if _fits(list(parts), modes[bone]) else _converted(bone, parts, modes[bone]))
    return result


def _fits(channels: list[RigChannel], mode: str) -> bool:
    """Whether curves mean the same in this mode; one angle alone is the same in every Euler order."""
    paths = {channel.path for channel in channels}
    if mode == 'QUATERNION':
        return paths == {QUATERNION}
    return paths == {EULER} and mode != 'AXIS_ANGLE' and (mode == 'XYZ' or len(channels) == 1)


def _converted(bone: str, parts: Mapping[RigChannel, Curve], mode: str) -> dict[RigChannel, Curve]:
    seconds = np.unique(np.concatenate([curve.seconds for curve in parts.values()]))
    quaternions = _quaternions(_rows(parts, EULER, seconds))
    # both at once: the angles turn within the quaternion's frame
    if any(channel.path == QUATERNION for channel in parts):
        own = _rows(parts, QUATERNION, seconds)
        quaternions = _product(own / np.maximum(np.linalg.norm(own, axis=0), 1e-9), quaternions)
    if mode == 'QUATERNION':
        path, rows = QUATERNION, quaternions
    elif mode == 'AXIS_ANGLE':
        path, rows = AXIS_ANGLE, _axis_angles(quaternions)
    else:
        path, rows = EULER, _angles(quaternions, mode)
    return {
        RigChannel("bone", bone, path, index): Curve(seconds, row.astype(np.float32)) for index, row in enumerate(rows)
    }


def _rows(parts: Mapping[RigChannel, Curve], path: str, seconds: np.ndarray) -> np.ndarray:
    """All components of a path (3 or 4, n), those without a curve at rest."""
    rows = np.repeat(np.array(AT_REST[path])[:, None], len(seconds), axis=1)
    for channel, curve in parts.items():
        if channel.path == path:
            rows[channel.index] = np.interp(seconds, curve.seconds, curve.values)
    return rows


def _quaternions(xyz: np.ndarray) -> np.ndarray:
    """(w, x, y, z) rows (4, n) of rotations about X, then Y, then Z, by angles (3, n) in radians."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(xyz / 2), np.cos(xyz / 2)
    return np.stack([
        cx * cy * cz + sx * sy * sz, sx * cy * cz - cx * sy * sz, cx * sy * cz + sx * cy * sz,
        cx * cy * sz - sx * sy * cz,
    ])


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Quaternion product, rows (4, n)."""
    (a, b, c, d), (e, f, g, h) = left, right
    return np.stack([
        a * e - b * f - c * g - d * h, a * f + b * e + c * h - d * g, a * g - b * h + c * e + d * f,
        a * h + b * g - c * f + d * e,
    ])


def _axis_angles(quaternions: np.ndarray) -> np.ndarray:
    """(angle, x, y, z) rows (4, n); no rotation keeps Blender's resting axis, Y."""
    sine = np.linalg.norm(quaternions[1:], axis=0)
    resting = sine < 1e-9
    axis = np.where(resting, np.array([[0.0], [1.0], [0.0]]), quaternions[1:] / np.where(resting, 1.0, sine))
    return np.concatenate([2 * np.arctan2(sine, quaternions[0])[None], axis])


def _angles(quaternions: np.ndarray, order: str) -> np.ndarray:
    """Angles about X, Y and Z (3, n) that give these rotations in an Euler order, without jumps of a whole turn."""
    w, x, y, z = quaternions
    matrix = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])
    first, middle, last = ("XYZ".index(axis) for axis in order)
    sign = -1.0 if order in ODD_ORDERS else 1.0
    angles = np.empty((3, len(w)))
    angles[middle] = np.arctan2(-sign * matrix[last, first], np.hypot(matrix[first, first], matrix[middle, first]))
    angles[first] = np.arctan2(sign * matrix[last, middle], matrix[last, last])
    angles[last] = np.arctan2(sign * matrix[middle, first], matrix[first, first])
    return np.unwrap(angles, axis=1)
