"""The viseme model: what is forced, and what a style may change."""

from __future__ import annotations

import numpy as np
import pytest

from engine.channels import ARKIT_52
from engine.learn.metrics import seen_mouth
from engine.learn.synth.phones import PHONES, VOWELS, Phone
from engine.learn.synth.visemes import CURVES, NEUTRAL, STYLES, to_arkit, viseme_curves

FPS = 50
EVERY_STYLE = [NEUTRAL, *STYLES.values()]


def spoken(labels: str, length_s: float = 0.09) -> list[Phone]:
    return [Phone(label, i * length_s, (i + 1) * length_s) for i, label in enumerate(labels.split())]


def motion(labels: str, style=NEUTRAL, length_s: float = 0.09) -> np.ndarray:
    phones = spoken(labels, length_s)
    return to_arkit(viseme_curves(phones, FPS, round(phones[-1].end_s * FPS), style))


def curve(name: str, labels: str, style=NEUTRAL, length_s: float = 0.09) -> np.ndarray:
    return motion(labels, style, length_s)[:, ARKIT_52.index(name)]


@pytest.mark.parametrize("style", EVERY_STYLE)
@pytest.mark.parametrize("closer", ["P", "B", "M"])
@pytest.mark.parametrize("vowel", sorted(VOWELS))
@pytest.mark.parametrize("length_s", [0.03, 0.09, 0.2])
def test_lips_meet_on_every_p_b_m_between_any_vowels(style, closer, vowel, length_s):
    seen = seen_mouth(motion(f"{vowel} {closer} {vowel}", style, length_s), ARKIT_52)
    middle = round(1.5 * length_s * FPS)
    assert seen.opening[max(middle - 1, 0):middle + 2].min() < 0.0


@pytest.mark.parametrize("style", EVERY_STYLE)
def test_lower_lip_tucks_on_f_and_v(style):
    for label in "FV":
        assert curve("mouthRollLower", f"AA {label} AA", style).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("style", EVERY_STYLE)
def test_mouth_rests_in_silence(style):
    weights = motion("AA SIL SIL SIL SIL SIL SIL AA", style)
    middle = weights[round(4 * 0.09 * FPS)]
    assert np.abs(middle).max() < 0.02


def test_open_rounded_and_spread_vowels_look_different():
    assert curve("jawOpen", "AA AA AA", length_s=0.15).max() > 0.5
    assert curve("jawOpen", "IY IY IY").max() < 0.2
    assert curve("mouthPucker", "UW UW UW").max() > 0.6
    assert curve("mouthStretchLeft", "IY IY IY").max() > 0.2
    assert curve("mouthFunnel", "SH SH SH").max() > 0.45


def test_eyes_brows_and_sideways_motion_stay_still():
    weights = motion(" ".join(PHONES))
    still = [i for i, name in enumerate(ARKIT_52) if name.startswith(("eye", "brow")) or name in ("mouthLeft", "mouthRight", "jawLeft")]
    assert not weights[:, still].any()


def test_left_equals_right():
    weights = motion(" ".join(PHONES))
    for name in ("mouthSmile", "mouthLowerDown", "mouthPress", "cheekSquint"):
        left, right = ARKIT_52.index(f"{name}Left"), ARKIT_52.index(f"{name}Right")
        assert np.array_equal(weights[:, left], weights[:, right])


def test_all_values_are_weights():
    curves = np.concatenate([viseme_curves(spoken(" ".join(PHONES)), FPS, 200, style) for style in EVERY_STYLE])
    assert curves.min() >= 0 and curves.max() <= 1 and curves.dtype == np.float32


def test_styles_are_seen():
    line = "AA S IY P UW AE SH OW M EH F AA"
    means = {name: dict(zip(CURVES, viseme_curves(spoken(line), FPS, 54, style).mean(axis=0), strict=True)) for name, style in STYLES.items()}
    assert means["energetic"]["jawOpen"] > 1.4 * means["relaxed"]["jawOpen"]
    assert means["clear"]["mouthLowerDown"] > 1.3 * means["relaxed"]["mouthLowerDown"]
    assert means["wide"]["mouthSmile"] > 2 * means["rounded"]["mouthSmile"]
    assert means["rounded"]["mouthFunnel"] > 1.3 * means["wide"]["mouthFunnel"]
    assert means["soft"]["mouthPress"] < 0.7 * means["clear"]["mouthPress"]


def test_mean_of_the_styles_is_near_the_neutral_style():
    line = spoken("SIL AA S IY P UW AE SH OW M EH F AA SIL")
    mean = np.mean([viseme_curves(line, FPS, 63, style) for style in STYLES.values()], axis=0)
    assert np.abs(mean - viseme_curves(line, FPS, 63)).max() < 0.08


def test_no_phones_give_a_still_face():
    assert not viseme_curves([], FPS, 10).any()
