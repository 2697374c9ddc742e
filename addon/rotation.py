"""Bone rotations for bones that do not rotate by XYZ Euler angles.

Presets give angles about X, Y and Z. A bone set to quaternions or axis and angle would ignore such keys, so they are turned into its own kind.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..engine import Curve, RigChannel

EULER = "rotation_euler"


def to_bone_modes(curves: Mapping[RigChannel, Curve], modes: Mapping[str, str]) -> dict[RigChannel, Curve]:
    """Turn Euler curves of bones in other modes into rotation_quaternion or rotation_axis_angle curves.

    Args:
        curves: radians for rotation_euler; everything else passes unchanged.
        modes: bone name -> rotation_mode; bones in an Euler order keep their curves.
    """
    result = {channel: curve for channel, curve in curves.items() if not _needs_change(channel, modes)}
    bones = sorted({channel.name for channel in curves if _needs_change(channel, modes)})
    for bone in bones:
        angles = {channel.index: curve for channel, curve in curves.items() if channel.name == bone and channel.path == EULER}
        seconds = np.unique(np.concatenate([curve.seconds for curve in angles.values()]))
        xyz = np.zeros((3, len(seconds)))
        for index, curve in angles.items():
            xyz[index] = np.interp(seconds, curve.seconds, curve.values)
        quaternions = _quaternions(xyz)
        path, rows = ("rotation_quaternion", quaternions) if modes[bone] == 'QUATERNION' else ("rotation_axis_angle", _axis_angles(quaternions))
        for index, row in enumerate(rows):
            result[RigChannel("bone", bone, path, index)] = Curve(seconds, row.astype(np.float32))
    return result


def _needs_change(channel: RigChannel, modes: Mapping[str, str]) -> bool:
    return channel.kind == "bone" and channel.path == EULER and modes.get(channel.name) in ('QUATERNION', 'AXIS_ANGLE')


def _quaternions(xyz: np.ndarray) -> np.ndarray:
    """(w, x, y, z) rows (4, n) of rotations about X, then Y, then Z, by angles (3, n) in radians."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(xyz / 2), np.cos(xyz / 2)
    return np.stack([
        cx * cy * cz + sx * sy * sz, sx * cy * cz - cx * sy * sz, cx * sy * cz + sx * cy * sz, cx * cy * sz - sx * sy * cz,
    ])


def _axis_angles(quaternions: np.ndarray) -> np.ndarray:
    """(angle, x, y, z) rows (4, n); no rotation keeps Blender's resting axis, Y."""
    sine = np.linalg.norm(quaternions[1:], axis=0)
    resting = sine < 1e-9
    axis = np.where(resting, np.array([[0.0], [1.0], [0.0]]), quaternions[1:] / np.where(resting, 1.0, sine))
    return np.concatenate([2 * np.arctan2(sine, quaternions[0])[None], axis])
