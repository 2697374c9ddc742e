"""Filmed lips: which clips report, when the talker speaks, and how late a curve comes."""

import json

import numpy as np
import pytest
import soundfile

from engine.learn.data.filmed_lips import filmed_clips, is_filmed
from engine.learn.evaluate.filmed import figures_of
from engine.learn.evaluate.lips import extrema, matched_shifts_ms
from engine.learn.evaluate.metrics import SeenMouth

FPS, FRAMES = 25.0, 75


@pytest.fixture
def folder(tmp_path):
    """Eleven clips of three seconds; the lips swing, and the chin and the width with them."""
    names = [f"clip{i:02d}" for i in range(11)]
    gap = np.tile(0.1 + 0.05 * np.sin(np.arange(FRAMES) / 3), len(names))
    (tmp_path / "sound").mkdir()
    for name in names:
        soundfile.write(tmp_path / "sound" / f"{name}.opus", np.zeros(48000), 16000, format="OGG", subtype="OPUS")
    words = {name: [["sil", 0.0, 1.0], ["bin", 1.0, 2.0], ["sil", 2.0, 3.0]] for name in names}
    (tmp_path / "words.json").write_text(json.dumps(words))
    np.savez(
        tmp_path / "motion.npz", clips=np.array(names), start=np.arange(11) * FRAMES, frames=np.full(11, FRAMES),
        fps=np.float32(FPS), lip_gap=gap, chin_distance=1 + gap, mouth_width=1 - gap,
    )
    return tmp_path


def test_every_fifth_clip_reports_and_the_others_teach(folder):
    assert is_filmed(folder)
    reported, teaching = ([clip.name for clip in filmed_clips(folder, which)] for which in (True, False))
    assert reported == ["clip00", "clip05", "clip10"]
    assert len(teaching) == 8 and not set(reported) & set(teaching)


def test_speech_is_where_words_are(folder):
    clip = next(filmed_clips(folder, True))
    assert np.flatnonzero(clip.speaking)[[0, -1]].tolist() == [25, 50]


@pytest.mark.parametrize("late_s", [-0.04, 0.0, 0.06])
def test_a_late_mouth_is_found_to_be_late(folder, late_s):
    def mouth(clip):
        seconds = np.arange(150) / 50 - late_s
        opening = np.interp(seconds, clip.seconds, clip.gap)
        return SeenMouth(opening, opening, opening, opening, opening)

    figures = figures_of(list(filmed_clips(folder, True)), mouth)
    assert figures["lag_ms"].value == pytest.approx(1000 * late_s, abs=10)
    if late_s == 0.0:
        rows = [figures[name].value for name in ("gap", "gap, speech", "jaw", "narrowing")]
        assert rows == pytest.approx([1, 1, 1, 1], abs=1e-3)
        assert figures["mtm_ms"].value < 5


def test_extrema_of_a_swing_are_matched_across_a_shift():
    theirs = np.sin(np.arange(100) / 6)
    ours = np.sin((np.arange(100) - 3) / 6)     # three frames late
    assert len(extrema(theirs)) == 5
    assert np.median(matched_shifts_ms(ours, theirs, FPS)) == pytest.approx(3 * 1000 / FPS, abs=20)
