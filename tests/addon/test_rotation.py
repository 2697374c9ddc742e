"""Bone rotations in every mode, against Blender's own conversion."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from mathutils import Euler, Quaternion  # noqa: E402

MODES = ('XYZ', 'XZY', 'YXZ', 'YZX', 'ZXY', 'ZYX', 'QUATERNION', 'AXIS_ANGLE')
ANGLES = (0.5, -0.3, 0.7)


def _written(ext, mode, parts):
    """Values that a bone in this mode gets, by path, and the rotation that they are."""
    types, rotation = ext.module("engine.values.types"), ext.module("addon.character.rotation")
    seconds = np.arange(3.0)
    curves = {
        types.RigChannel("bone", "jaw", path, index): types.Curve(
            seconds, np.array([0.0, value / 2, value], np.float32)
        )
        for path, index, value in parts
    }
    found = {
        (channel.path, channel.index): curve.values
        for channel, curve in rotation.to_bone_modes(curves, {"jaw": mode}).items()
    }
    return found, {path for path, _ in found}


@pytest.mark.parametrize("mode", MODES)
def test_angles_about_three_axes_are_the_same_rotation_in_every_mode(ext, mode):
    found, paths = _written(ext, mode, [("rotation_euler", index, angle) for index, angle in enumerate(ANGLES)])
    wanted = Euler(ANGLES, 'XYZ').to_matrix()
    if mode == 'QUATERNION':
        got = Quaternion([found["rotation_quaternion", i][2] for i in range(4)]).to_matrix()
    elif mode == 'AXIS_ANGLE':
        got = Quaternion(
            [found["rotation_axis_angle", i][2] for i in (1, 2, 3)], found["rotation_axis_angle", 0][2]
        ).to_matrix()
    else:
        got = Euler([found["rotation_euler", i][2] for i in range(3)], mode).to_matrix()
    assert len(paths) == 1
    assert np.abs(np.array(got) - np.array(wanted)).max() < 1e-6


@pytest.mark.parametrize("mode", MODES)
def test_quaternion_targets_reach_bones_of_every_mode(ext, mode):
    wanted = Euler(ANGLES, 'XYZ').to_quaternion()
    found, _ = _written(ext, mode, [("rotation_quaternion", index, value) for index, value in enumerate(wanted)])
    if mode in ('QUATERNION', 'AXIS_ANGLE'):
        assert ("rotation_quaternion" if mode == 'QUATERNION' else "rotation_axis_angle", 0) in found
    else:
        got = Euler([found["rotation_euler", i][2] for i in range(3)], mode).to_quaternion()
        assert abs(got.dot(wanted)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("mode", ['YZX', 'ZYX'])
def test_one_angle_alone_stays_as_it_is_in_any_euler_order(ext, mode):
    found, _ = _written(ext, mode, [("rotation_euler", 0, 0.4)])
    assert list(found) == [("rotation_euler", 0)]
    assert found["rotation_euler", 0][2] == pytest.approx(0.4)
