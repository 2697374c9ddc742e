"""Characters with few mouth shapes: two at a time, no jumps, s and f and m told apart."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Motion
from engine.rig import viseme_mix
from engine.rig.presets import choose
from engine.values.channels import ARKIT_52

from .rigs import rig_of

S = {"jawOpen": 0.06, "mouthStretchLeft": 0.3, "mouthStretchRight": 0.3, "mouthLowerDownLeft": 0.2,
     "mouthLowerDownRight": 0.2, "mouthUpperUpLeft": 0.15, "mouthUpperUpRight": 0.15}
F = {"jawOpen": 0.05, "mouthRollLower": 0.6, "mouthUpperUpLeft": 0.1, "mouthUpperUpRight": 0.1}
M = {"jawOpen": 0.1, "mouthClose": 0.1, "mouthPressLeft": 0.3, "mouthPressRight": 0.3, "mouthRollLower": 0.2,
     "mouthRollUpper": 0.2}
A = {"jawOpen": 0.6, "mouthLowerDownLeft": 0.25, "mouthLowerDownRight": 0.25}
U = {"jawOpen": 0.12, "mouthFunnel": 0.3, "mouthPucker": 0.75}


def shapes_of(preset_id):
    """Names and poses of a preset's mouth shapes."""
    targets = [target for target in choose(rig_of(preset_id)).targets if target.blend]
    return [target.to.name for target in targets], [dict(target.sources) for target in targets]


def motion_of(*poses):
    return Motion(np.array([[pose.get(name, 0.0) for name in ARKIT_52] for pose in poses], np.float32), ARKIT_52, 30.0)


@pytest.mark.parametrize("preset_id", ["vrm0", "vrm1", "preston_blair"])
def test_s_f_and_m_are_told_apart(preset_id):
    names, poses = shapes_of(preset_id)
    s, f, m = viseme_mix.mix(motion_of(S, F, M), poses).T
    moving = [i for i, pose in enumerate(poses) if any(pose.values()) and not viseme_mix.closures([pose]).any()]
    assert m[moving].max() == pytest.approx(0, abs=0.02)                # lips that meet
    assert f[moving].sum() > 0.1 and np.abs(s - f)[moving].max() > 0.15 and np.abs(f - m).max() > 0.1
    assert s[moving].sum() > 0.3                                        # an s is seen
    if preset_id == "preston_blair":
        assert names[int(f.argmax())] == "FV" and names[int(m.argmax())] == "MBP"


@pytest.mark.parametrize("preset_id", ["vrm0", "vrm1", "preston_blair", "rhubarb", "mmd"])
def test_at_most_two_shapes_show_and_nothing_jumps(preset_id):
    _, poses = shapes_of(preset_id)
    way = [
        {name: (1 - share) * start.get(name, 0.0) + share * end.get(name, 0.0) for name in {*start, *end}}
        for start, end in ((A, U), (U, S), (S, A), (A, F), (F, U)) for share in np.linspace(0, 1, 120)
    ]
    weights = viseme_mix.mix(motion_of(*way), poses)
    moving = [i for i, pose in enumerate(poses) if any(pose.values()) and not viseme_mix.closures([pose]).any()]
    assert ((weights[moving] > 1e-4).sum(axis=0) <= 2).all()
    assert np.abs(np.diff(weights[moving][:, :119], axis=1)).max() < 0.2        # in a hundredth of the way


def test_the_sum_of_the_two_is_that_of_all():
    weights = np.array([[0.5, 0.4, 0.3], [0.3, 0.4, 0.3], [0.1, 0.1, 0.3]], np.float32)
    two = viseme_mix._winner_and_runner_up(weights)
    np.testing.assert_allclose(two[:, 0], [0.6, 0.3, 0.0], atol=1e-6)
    np.testing.assert_allclose(two[:, 1], [0.45, 0.45, 0.0], atol=1e-6)
    np.testing.assert_allclose(two[:, 2], weights[:, 2])
