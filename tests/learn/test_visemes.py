"""The viseme model: what is forced, and what a style may change."""

from __future__ import annotations

import numpy as np
import pytest

from engine.learn.evaluate.metrics import seen_mouth
from engine.learn.synth.phones import PHONES, VOWELS, Phone
from engine.learn.visemes.curves import CURVES, NEUTRAL, STYLES, to_arkit, viseme_curves
from engine.values.channels import ARKIT_52

FPS = 50
EVERY_STYLE = [NEUTRAL, *STYLES.values()]
SIDEWAYS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
LONGEST_STEP = 0.30     # of a curve from one frame of 20 ms to the next: lips shut within three frames
SENTENCE = "SIL DH AX B IH G M UW N SH OW N F AO R IY CH W AY L D F AA DH ER SIL".replace("AY", "AA IH")


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


@pytest.mark.parametrize("style", EVERY_STYLE)
@pytest.mark.parametrize("length_s", [0.04, 0.09, 0.25])
def test_nothing_but_p_b_m_f_and_v_shuts_the_lips(style, length_s):
    for label in set(PHONES) - {"SIL", "P", "B", "M", "F", "V"}:
        seen = seen_mouth(motion(f"AH {label} AH", style, length_s), ARKIT_52)
        assert seen.opening.min() > 0.06, label


def test_rounding_begins_before_its_vowel_and_outlasts_it():
    spread, rounded = (curve("mouthPucker", f"SIL N N {vowel} N N SIL", length_s=0.08) for vowel in ("IY", "UW"))
    before, after = round(0.22 * FPS), round(0.34 * FPS)        # 20 ms before the vowel begins, 20 ms after it ended
    assert rounded[before] > 0.15 + spread[before]
    assert rounded[after] > 0.15 + spread[after]


def test_short_phones_reach_less_with_the_jaw_more_than_with_the_lips():
    def share_reached(name: str, vowel: str) -> float:
        slow, fast = (curve(name, f"{vowel} " * 8, length_s=length_s)[5:-5].max() for length_s in (0.20, 0.05))
        return fast / slow

    assert share_reached("jawOpen", "AA") < 0.85
    assert share_reached("mouthPucker", "UW") > 0.85
    assert share_reached("mouthFunnel", "AO") > share_reached("jawOpen", "AO") + 0.09


def test_a_long_vowel_is_held_to_near_its_end():
    jaw = curve("jawOpen", "T AA T", length_s=1.0)
    held = jaw[round(1.15 * FPS):round(1.88 * FPS)]
    assert held.min() > 0.95 * held.max()


def test_jaw_opens_faster_than_it_closes():
    jaw = curve("jawOpen", "T AA T", length_s=0.2)
    start, peak = jaw[round(0.1 * FPS)], jaw.max()
    half = np.flatnonzero(jaw > (start + peak) / 2) / FPS
    # no earlier than it opens before the vowel, and it falls after it
    assert half[-1] - 0.4 > 0.2 - half[0] - 0.02
    rise, fall = np.diff(jaw).max(), -np.diff(jaw).min()
    assert rise > fall


def test_louder_syllables_open_the_jaw_more_than_the_lips_and_the_default_is_the_usual_level():
    phones = spoken("T AA S UW T")
    usual, loud = (viseme_curves(phones, FPS, 22, loudness_db=[db] * 5) for db in (0.0, 6.0))
    assert np.array_equal(usual, viseme_curves(phones, FPS, 22))
    jaw, pucker = (
        loud[:, CURVES.index(name)].max() / usual[:, CURVES.index(name)].max() for name in ("jawOpen", "mouthPucker")
    )
    assert jaw > 1.06
    assert 1.0 < pucker < 1.04


def test_a_gap_between_phones_is_a_pause():
    phones = [Phone("AA", 0.0, 0.2), Phone("AA", 1.0, 1.2)]
    jaw = viseme_curves(phones, FPS, 60)[:, 0]
    assert jaw[round(0.6 * FPS)] < 0.01
    assert jaw[round(1.1 * FPS)] > 0.4


def test_a_silence_of_30_ms_does_not_rest_the_mouth():
    phones = [Phone("AA", 0.0, 0.2), Phone("SIL", 0.2, 0.23), Phone("AA", 0.23, 0.43)]
    assert viseme_curves(phones, FPS, 21)[5:15, 0].min() > 0.35


@pytest.mark.parametrize("style", EVERY_STYLE)
@pytest.mark.parametrize("length_s", [0.04, 0.08, 0.20])
def test_no_curve_jumps(style, length_s):
    assert np.abs(np.diff(motion(SENTENCE, style, length_s), axis=0)).max() < LONGEST_STEP


def test_curves_do_not_depend_on_where_the_frames_fall():
    phones = spoken(SENTENCE)
    slow, fast = viseme_curves(phones, FPS, 110), viseme_curves(phones, 4 * FPS, 440)[::4]
    # a closure is held for a frame at least, which is longer at the slower rate
    assert np.abs(slow - fast).max() < 0.12


def test_a_crop_of_a_clip_equals_the_clip():
    phones = spoken(SENTENCE, 0.12)
    whole = viseme_curves(phones, FPS, 150)
    first_s = 1.0
    near = [Phone(p.label, p.start_s - first_s, p.end_s - first_s) for p in phones if p.end_s > first_s - 0.5]
    assert np.abs(viseme_curves(near, FPS, 60) - whole[50:110]).max() < 0.02


def test_open_rounded_and_spread_vowels_look_different():
    assert curve("jawOpen", "AA AA AA", length_s=0.15).max() > 0.5
    assert curve("jawOpen", "IY IY IY").max() < 0.2
    assert curve("mouthPucker", "UW UW UW").max() > 0.6
    assert curve("mouthStretchLeft", "IY IY IY").max() > 0.2
    assert curve("mouthFunnel", "SH SH SH").max() > 0.45


def test_eyes_brows_and_sideways_motion_stay_still():
    weights = motion(" ".join(PHONES))
    still = [i for i, name in enumerate(ARKIT_52) if name.startswith(("eye", "brow")) or name in SIDEWAYS]
    assert not weights[:, still].any()


@pytest.mark.parametrize("style", EVERY_STYLE)
def test_left_equals_right(style):
    weights = motion(" ".join(PHONES), style)
    for left, name in enumerate(ARKIT_52):
        if name.endswith("Left"):
            assert np.array_equal(weights[:, left], weights[:, ARKIT_52.index(name[:-4] + "Right")]), name


@pytest.mark.parametrize("length_s", [0.03, 0.09, 0.4])
def test_all_52_are_weights(length_s):
    weights = np.concatenate([motion(" ".join(PHONES), style, length_s) for style in EVERY_STYLE])
    assert weights.shape[1] == 52 and weights.dtype == np.float32
    assert np.isfinite(weights).all() and weights.min() >= 0 and weights.max() <= 1


def test_speech_moves_every_channel_below_the_eyes_but_those_that_go_sideways():
    moved = motion(SENTENCE, length_s=0.12).max(axis=0) > 0.005
    below = [name.startswith(("jaw", "mouth", "cheek", "nose", "tongue")) and name not in SIDEWAYS for name in ARKIT_52]
    assert moved.tolist() == below


def test_styles_are_seen():
    line = "AA S IY P UW AE SH OW M EH F AA"
    means = {
        name: dict(zip(CURVES, viseme_curves(spoken(line), FPS, 54, style).mean(axis=0), strict=True))
        for name, style in STYLES.items()
    }
    assert means["energetic"]["jawOpen"] > 1.4 * means["relaxed"]["jawOpen"] > 1.2 * 1.4 * means["mumbled"]["jawOpen"]
    assert means["clear"]["mouthLowerDown"] > 1.3 * means["relaxed"]["mouthLowerDown"]
    assert means["wide"]["mouthSmile"] > 2 * means["rounded"]["mouthSmile"]
    assert means["rounded"]["mouthFunnel"] > 1.3 * means["wide"]["mouthFunnel"]
    assert means["soft"]["mouthPress"] < 0.7 * means["clear"]["mouthPress"]
    assert means["singing"]["mouthFunnel"] > 1.15 * means["energetic"]["mouthFunnel"]


def test_every_two_styles_differ_in_the_mean_of_a_curve_that_is_seen():
    seen = [
        CURVES.index(name)
        for name in ("jawOpen", "mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthStretch", "mouthSmile")
    ]
    means = [viseme_curves(spoken(SENTENCE), FPS, 110, style).mean(axis=0)[seen] for style in EVERY_STYLE]
    nearest = min(np.abs(a - b).max() for i, a in enumerate(means) for b in means[:i])
    assert nearest > 0.02


def test_mean_of_the_styles_is_near_the_neutral_style():
    line = spoken("SIL AA S IY P UW AE SH OW M EH F AA SIL")
    mean = np.mean([viseme_curves(line, FPS, 63, style) for style in STYLES.values()], axis=0)
    assert np.abs(mean - viseme_curves(line, FPS, 63)).max() < 0.08


def test_no_phones_give_a_still_face():
    assert not viseme_curves([], FPS, 10).any()
