"""Pictures of curves: what is in them is what was given, and they are small enough for a page."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib import pyplot
from PIL import Image

from engine.learn.data.labels import Word
from engine.learn.data.recordings import Clip
from engine.learn.evaluate import pictures
from engine.learn.evaluate.metrics import SeenMouth, reference_mouth
from engine.learn.evaluate.paired import PairedCurves
from engine.learn.synth.phones import Phone
from engine.values.errors import OutputError

PHONES = (Phone("SIL", 0, 1), Phone("M", 1, 1.2), Phone("AA", 1.2, 1.8), Phone("F", 1.8, 2), Phone("SIL", 2, 3))


def clip(seconds: float = 3.0, phones=PHONES) -> Clip:
    samples = np.zeros(round(seconds * 16000), np.float32)
    samples[16000:32000] = np.random.default_rng(0).normal(0, 0.1, 16000)
    return Clip("a", "a", samples, phones)


@pytest.fixture
def drawn(monkeypatch):
    """The figures as they are when they are closed."""
    figures = []
    monkeypatch.setattr(pyplot, "close", figures.append)
    yield figures
    monkeypatch.undo()
    pyplot.close("all")


def mouths(n: int) -> dict[str, SeenMouth]:
    reference = reference_mouth(PHONES, n)
    return {
        "ours": SeenMouth(
            *(0.5 * getattr(reference, name) for name in ("opening", "jaw", "rounding", "tuck", "closure"))
        ), "viseme model": reference,
    }


def test_a_picture_shows_sound_phones_and_three_curves(tmp_path, drawn):
    pictures.draw_clip(clip(), mouths(150), "title", tmp_path / "a.png")
    sound, opening, rounding, tuck = drawn[0].axes
    assert [text.get_text() for text in sound.texts] == ["M", "AA", "F"]
    assert [axis.get_ylabel() for axis in (opening, rounding, tuck)] == ["lip opening", "rounding", "lip tuck"]
    assert opening.lines[0].get_ydata() == pytest.approx(mouths(150)["ours"].opening)
    assert len(tuck.patches) == 2  # M and F are marked
    assert Image.open(tmp_path / "a.png").width > 400 and (tmp_path / "a.png").stat().st_size < 150_000


def test_a_long_clip_is_shown_from_its_first_sound(tmp_path, drawn):
    pictures.draw_clip(clip(20.0), mouths(1000), "title", tmp_path / "a.png")
    assert drawn[0].axes[-1].get_xlim() == pytest.approx((0.7, 8.7), abs=0.01)
    assert "8 of 20 s" in drawn[0].get_suptitle()


def test_words_stand_where_no_phones_are_known(tmp_path, drawn):
    pictures.draw_clip(
        clip(phones=()), {"ours": mouths(150)["ours"]}, "title", tmp_path / "a.png",
        (Word("ma", 1.0, 1.8, ("M", "AA")),),
    )
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["ma"]


def test_paired_clips_show_the_animators_curves(tmp_path, drawn):
    curves = {"jaw": np.linspace(0, 1, 90), "round": np.zeros(90)}
    path = pictures.draw_report([], [PairedCurves("b", clip().samples, curves, curves)], tmp_path / "new")[0]
    assert path.exists() and [axis.get_ylabel() for axis in drawn[0].axes] == ["sound", "jaw", "round"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--pictures"):
        pictures.draw_report([], [], tmp_path / "file" / "x")
