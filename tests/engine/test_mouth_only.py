"""The mouth alone, over a performance that keeps the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine import Motion, Rig, SettingError, Settings, animate, read_audio
from engine.files.motion import read_motion, write_motion
from engine.motion.mouth import mouth_alone, mouth_over
from engine.values.channels import ARKIT_52, MOUTH

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample.flac"


def random_motion(n_frames, fps=30.0, seed=0):
    weights = np.random.default_rng(seed).uniform(0, 1, (n_frames, 52)).astype(np.float32)
    return Motion(weights, ARKIT_52, fps)


def test_a_performance_keeps_all_but_the_mouth_to_the_bit():
    performance, made = random_motion(40), random_motion(60, seed=1)
    both = mouth_over(performance, made)
    assert len(both.weights) == 60 and set(both.channels) == set(ARKIT_52)
    for channel in ARKIT_52:
        source = made if channel in MOUTH else performance
        np.testing.assert_array_equal(both[channel][:40], source[channel][:40])
    np.testing.assert_array_equal(both["browInnerUp"][40:], np.full(20, performance["browInnerUp"][-1]))
    short = mouth_over(performance, random_motion(30, seed=1))
    assert len(short.weights) == 40 and not short["jawOpen"][30:].any()
    with pytest.raises(SettingError, match="Give --fps 60"):
        mouth_over(random_motion(40, fps=60.0), made)
    with pytest.raises(SettingError, match="gives none"):
        mouth_alone(Motion(made.weights[:, :1], ("browInnerUp",), 30.0))


def test_settings_lay_the_mouth_over_a_file(tmp_path):
    performance = random_motion(200)
    write_motion(performance, tmp_path / "take.npz", {})
    wave = read_audio(SAMPLE)
    plain = animate(wave, Settings()).motion
    both = animate(wave, Settings(over=str(tmp_path / "take.npz"))).motion
    n_frames = min(200, len(plain.weights))
    np.testing.assert_array_equal(both["jawOpen"][:n_frames], plain["jawOpen"][:n_frames])
    np.testing.assert_array_equal(both["eyeBlinkLeft"][:n_frames], performance["eyeBlinkLeft"][:n_frames])
    alone = animate(wave, Settings(part="mouth"), Rig(shape_keys=frozenset(ARKIT_52)))
    assert {channel.name for channel in alone.curves.curves} == set(MOUTH)


def test_motion_of_a_file_goes_over_itself_unchanged(tmp_path):
    motion = random_motion(20)
    write_motion(motion, tmp_path / "take.csv", {})
    back = read_motion(tmp_path / "take.csv")
    both = mouth_over(back, back)
    for channel in ARKIT_52:
        np.testing.assert_array_equal(both[channel], back[channel])
