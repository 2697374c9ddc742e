"""What is seen of lips: the gap of a real head, and how long closures last."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import Life, Settings, animate, read_audio
from engine.learn.evaluate.lips import PRESSED, TABLE, closure_edges, lip_gap, mouth_width
from engine.learn.synth.phones import Phone
from engine.values.channels import ARKIT_52
from engine.values.settings import Mood
from tests.demo.chart_heads import gltf_head

ROOT = Path(__file__).parents[2]
ICT = ROOT.parent / "shared" / "data" / "rigs" / "ict_facekit_head.glb"


def pose(**weights: float) -> np.ndarray:
    return np.array([[weights.get(name, 0.0) for name in ARKIT_52]], np.float32)


def test_the_gap_is_1_for_an_open_jaw_and_0_at_rest():
    assert lip_gap(pose(jawOpen=1.0), ARKIT_52)[0] == pytest.approx(1.0, abs=1e-3)
    assert lip_gap(pose(), ARKIT_52)[0] == 0.0


def test_a_funnel_parts_the_lips_which_the_formula_of_the_engine_leaves_out():
    assert lip_gap(pose(mouthFunnel=1.0), ARKIT_52)[0] == pytest.approx(0.306, abs=0.01)


def test_lips_cannot_pass_through_each_other():
    assert lip_gap(pose(mouthClose=1.0), ARKIT_52)[0] == pytest.approx(PRESSED)


def test_pucker_narrows_and_smile_widens_the_mouth():
    assert mouth_width(pose(mouthPucker=1.0), ARKIT_52)[0] < -0.2
    assert mouth_width(pose(mouthSmileLeft=1.0, mouthSmileRight=1.0), ARKIT_52)[0] > 0.2


@pytest.mark.skipif(not ICT.exists(), reason="the ICT head is not beside the checkout")
def test_the_table_is_what_the_head_does():
    head, table = gltf_head(ICT), json.loads(TABLE.read_text(encoding="utf-8"))
    upper, lower = np.array(table["pairs"]).T
    parted = {name: shape[upper, 2] - shape[lower, 2] for name, shape in head.shapes.items() if name in ARKIT_52}
    for name, moved in parted.items():
        wanted = moved / parted["jawOpen"].mean()
        np.testing.assert_allclose(table["gap"].get(name, np.zeros(5)), wanted, atol=0.003, err_msg=name)


def test_closures_are_timed_between_frames():
    """Lips that fall in a straight line from .16 at 0.18 s to 0 at 0.20 s cross .06 at 0.1925 s."""
    opening = np.full(40, 0.16)
    opening[10:15] = 0.0
    phones = [Phone("AA", 0.0, 0.20), Phone("B", 0.20, 0.27), Phone("AA", 0.27, 0.8)]
    [(label, start_ms, end_ms)] = closure_edges(opening, phones, 50.0, 0.06)
    assert label == "B"
    assert start_ms == pytest.approx(-7.5, abs=0.01)
    assert end_ms == pytest.approx(17.5, abs=0.01)      # shut to 0.2875 s, said to 0.27


@pytest.mark.parametrize("mood", ["happy", "sad", "disgusted", "effort"])
def test_a_mood_at_its_most_moves_no_end_of_a_closure(mood):
    """On the real head's gap, with the lips' crossings read between frames: to a hundredth of a frame."""
    wave = read_audio(ROOT / "tests" / "data" / "sample.flac")
    plain = Settings(threads=1, fps=50, life=Life(blinks=0))
    edges = []
    for settings in (plain, replace(plain, mood=Mood(mood, 1.5))):
        made = animate(wave, settings)
        gap = lip_gap(made.motion.weights, made.motion.channels)
        edges.append([edge[1:] for edge in closure_edges(gap, made.phones, 50.0, 0.06)])
    assert len(edges[0]) > 4
    np.testing.assert_allclose(edges[1], edges[0], atol=0.2)
