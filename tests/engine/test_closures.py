"""On the bundled model and a spoken line, no option parts lips that touch without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import Gains, Rig, Settings, animate, read_audio
from engine.motion.lip_contact import closest_moments, opening
from engine.values.channels import ARKIT_52
from tests.engine.conftest import DATA
from tests.engine.lip_gap import lip_gap_mm, touching

PLAIN = Settings(threads=1, fps=50)     # the bundled model's own rate: frames can be compared one by one


@pytest.fixture(scope="module")
def line():
    return read_audio(DATA / "sample.flac")


@pytest.fixture
def shut(line):
    frames = animate(line, PLAIN).contacts.closed
    assert 10 < frames.sum() < 0.8 * len(frames)
    return frames


def test_contacts_are_where_a_head_shows_closed_lips(line, shut):
    gap = lip_gap_mm(animate(line, PLAIN).motion)
    assert gap[shut].max() < 2.6 < np.percentile(gap[~shut], 1)


@pytest.mark.parametrize("change", [
    {"smooth": 0.2}, {"smooth": 1.0}, {"gains": Gains(jaw=2)}, {"gains": Gains(lips=2)}, {"gains": Gains(lips=0)},
    {"smooth": 1.0, "gains": Gains(2, 2, 2, 2)},
])
def test_options_keep_closed_lips_closed(line, shut, change):
    motion = animate(line, replace(PLAIN, **change)).motion
    assert touching(motion)[shut].all()
    assert not motion.weights[[0, -1]].any()


@pytest.mark.parametrize("max_error", [0.01, 0.05, 0.5])
def test_key_reduction_keeps_closed_lips_closed(line, shut, max_error):
    animation = animate(
        line, replace(PLAIN, max_error=max_error), Rig(shape_keys=frozenset(ARKIT_52), preset="arkit52")
    )
    seconds = np.arange(len(shut)) / 50
    values = {
        channel.name: np.interp(seconds, curve.seconds, curve.values)
        for channel, curve in animation.curves.curves.items()
    }
    between_keys = replace(
        animation.motion, weights=np.stack([values[name] for name in ARKIT_52], axis=1).astype(np.float32)
    )
    assert touching(between_keys)[shut].all()
    assert np.abs(between_keys.weights - animation.motion.weights).max() <= max_error + 1e-6


@pytest.mark.parametrize("fps", [12.0, 23.976, 24.0, 30.0, 60.0])
def test_scene_rate_keeps_every_closure(line, fps):
    plain = animate(line, PLAIN)
    moments = closest_moments(opening(plain.motion), plain.contacts.closed)
    motion = animate(line, replace(PLAIN, fps=fps)).motion
    frames = np.minimum(np.round(moments / 50 * fps).astype(int), len(motion.weights) - 1)
    assert touching(motion)[frames].all()
