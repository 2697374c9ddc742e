"""A natural performance against the published figures of people who talk (docs/PERFORMANCE.md has them as a table)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import Life, Motion, SettingError, Settings, animate
from engine.idle.blinks import add_idle_motion, lively, raises
from engine.idle.head_gaze_breath import gaze_spells, head_angles, stream
from engine.motion.asymmetry import side_difference, two_sides
from engine.motion.smooth import runs
from engine.values.channels import ARKIT_52, LOOK_RAD
from engine.values.settings import PERFORMANCES
from tests.engine.lip_gap import lip_gap_mm
from tests.engine.test_idle import FPS, rhythm, speech, still

NATURAL = Life(performance="natural")
SIDES = ("Left", "Right")


def alone(**amounts: float) -> Life:
    """A natural performance of these parts alone."""
    return replace(Life(performance="natural", **dict.fromkeys(Life.LABELS, 0.0)), **amounts)


def shut(motion: Motion) -> list[tuple[int, int]]:
    return runs(motion["eyeBlinkLeft"] > 0.85)


def test_talkers_blink_26_to_32_times_a_minute_and_shut_their_eyes():
    rates, depths = [], []
    for seed in range(12):
        motion = add_idle_motion(still(120), rhythm(120, seed % 3), alone(blinks=1, seed=seed))
        rates.append(len(shut(motion)) / 2)
        depths += [motion["eyeBlinkLeft"][start:stop].max() for start, stop in shut(motion)]
    assert 26 <= np.mean(rates) <= 32
    assert min(depths) == 1


def test_one_lid_opens_up_to_12_ms_after_the_other_which_is_no_wink():
    fps = 1000.0
    frozen = Motion(np.zeros((round(60 * fps), 52), np.float32), ARKIT_52, fps)
    motion = add_idle_motion(frozen, rhythm(60), alone(blinks=1, asymmetry=1))
    ends = [[stop for _, stop in runs(motion["eyeBlink" + side] > 0.5)] for side in SIDES]
    later_s = (np.array(ends[0]) - ends[1]) / fps
    assert 0.004 < np.abs(later_s).mean() < 0.008 and np.abs(later_s).max() <= 0.014
    assert later_s.min() < 0 < later_s.max()


def test_brows_start_before_the_stressed_syllable_and_are_up_just_after_its_start():
    heard = rhythm(120)
    starts = np.array([stress.start_s for stress in heard.stresses])
    found = list(raises(heard, NATURAL))
    assert len(found) > 20
    for lift in found:
        assert 0 < lift.second - starts[np.abs(starts - lift.second).argmin()] < 0.1
        assert lift.second - lift.up_s < starts[np.abs(starts - lift.second).argmin()]


def test_a_nod_begins_with_the_stressed_syllable_and_peaks_100_to_180_ms_later():
    heard, fps = rhythm(120), 100.0
    pitch = head_angles(heard, round(120 * fps), fps, NATURAL)[:, 1]
    flat = replace(heard, stresses=())
    nods = pitch - head_angles(flat, round(120 * fps), fps, NATURAL)[:, 1]
    starts = np.array([stress.start_s for stress in heard.stresses])
    tops = np.flatnonzero((nods[1:-1] > nods[:-2]) & (nods[1:-1] >= nods[2:]) & (nods[1:-1] > 0.01)) + 1
    after_s = np.array([(top / fps - starts)[top / fps >= starts].min() for top in tops])
    assert len(tops) > 20 and 0.09 < np.median(after_s) < 0.19
    assert np.mean((after_s > 0.08) & (after_s < 0.2)) > 0.9


def test_eyes_rest_on_the_listener_for_two_seconds_at_a_time_and_60_percent_of_the_talk():
    mutual, averted = [], []
    for seed in range(30):
        spells = gaze_spells(stream(seed, "spells"), 240.0)
        assert spells[-1][2] and not spells[1][2]       # a turn begins averted and ends on the listener
        mutual += [stop - start for start, stop, on_face in spells[1:-1] if on_face]
        averted += [stop - start for start, stop, on_face in spells[1:-1] if not on_face]
    assert np.mean(mutual) == pytest.approx(2.2, abs=0.2)
    assert sum(mutual) / (sum(mutual) + sum(averted)) == pytest.approx(0.6, abs=0.03)


def test_saccades_take_21_ms_and_2_2_ms_a_degree():
    fps = 1000.0
    frozen = Motion(np.zeros((round(60 * fps), 52), np.float32), ARKIT_52, fps)
    motion = add_idle_motion(frozen, rhythm(60), alone(eyes=1))
    yaw = motion["eyeLookInLeft"] * LOOK_RAD["In"] - motion["eyeLookOutLeft"] * LOOK_RAD["Out"]
    pitch = motion["eyeLookDownLeft"] * LOOK_RAD["Down"] - motion["eyeLookUpLeft"] * LOOK_RAD["Up"]
    # head motion is off, so that all of it are jumps
    angles = np.degrees(np.stack([yaw, pitch], axis=1))[600:-600]
    moving = np.abs(np.diff(angles, axis=0)).max(axis=1) > 1e-3
    jumps = [(stop - start, np.hypot(*(angles[stop] - angles[start]))) for start, stop in runs(moving)]
    large = [(length, degrees) for length, degrees in jumps if degrees > 3]
    assert len(large) > 10
    for length, degrees in large:
        assert length == pytest.approx(21 + 2.2 * degrees, abs=4) and 25 < length < 120


def test_lids_follow_the_eyes():
    motion = add_idle_motion(still(60), rhythm(60), alone(eyes=1))
    for side in SIDES:
        assert np.allclose(motion["eyeBlink" + side], 0.25 * motion["eyeLookDown" + side], atol=1e-6)
    assert motion["eyeBlinkLeft"].max() > 0.02


def smile() -> Motion:
    """A smile that comes and goes, the same on both sides, on a mouth that opens."""
    motion = still(60)
    wave = (0.5 - 0.5 * np.cos(np.arange(len(motion.weights)) / FPS * 2)).astype(np.float32)
    for side in SIDES:
        motion["mouthSmile" + side][:] = 0.7 * wave
        motion["mouthUpperUp" + side][:] = 0.3 * wave
    motion["jawOpen"][:] = 0.3 * wave
    return motion


def test_the_weaker_side_moves_by_86_to_94_percent_of_the_other_mostly_the_left_one():
    weaker, left_larger = [], []
    for seed in range(60):
        moved = two_sides(smile(), 1.0, seed, rhythm(60).pauses)
        left, right = (moved["mouthSmile" + side].sum() for side in SIDES)
        weaker.append(min(left, right) / max(left, right))
        left_larger.append(left > right)
    assert 0.88 <= np.mean(weaker) <= 0.92 and np.percentile(weaker, 10) > 0.85
    assert 0.6 <= np.mean(left_larger) <= 0.8


def test_a_person_keeps_the_larger_side_in_all_phrases():
    for seed in range(20):
        difference = side_difference(seed, rhythm(120).pauses, 3600, FPS)
        assert np.mean(np.sign(difference) == np.sign(difference.mean())) > 0.85
        assert difference.std() > 0.01


@pytest.mark.parametrize("amount", [0.5, 1.0, 2.0])
def test_asymmetry_opens_no_lips(amount):
    moved = two_sides(smile(), amount, 3, rhythm(60).pauses)
    assert np.abs(moved["mouthSmileLeft"] - moved["mouthSmileRight"]).max() > 0.02
    assert np.abs(lip_gap_mm(moved) - lip_gap_mm(smile())).max() < 1e-4
    assert moved.weights.min() >= 0 and moved.weights.max() <= 1


def test_cheeks_tighten_on_strong_syllables_and_the_nose_only_between_parted_lips():
    heard = rhythm(60)
    closed = add_idle_motion(still(60), heard, alone(cheeks=1))
    assert 0.08 < closed["cheekSquintLeft"].max() <= 0.25 and not closed["noseSneerLeft"].any()
    wide = still(60)
    wide["jawOpen"][:] = 0.5
    assert 0.02 < add_idle_motion(wide, heard, alone(cheeks=1))["noseSneerRight"].max() < 0.1


@pytest.mark.parametrize("performance", ["natural", "lively"])
def test_same_seed_same_performance_and_another_seed_another(performance, tiny):
    def weights(seed: int) -> np.ndarray:
        return animate(speech(10), replace(tiny, life=Life(performance=performance, seed=seed))).motion.weights

    assert np.array_equal(weights(4), weights(4)) and np.abs(weights(4) - weights(5)).max() > 0.05


@pytest.mark.parametrize("performance", ["natural", "lively"])
def test_what_comes_later_changes_nothing_before(performance):
    life, cut = Life(performance=performance, seed=2), round(34 * FPS)
    whole = add_idle_motion(still(60), rhythm(60), life)
    part = add_idle_motion(still(40), rhythm(60), life)
    assert np.array_equal(whole.weights[:cut], part.weights[:cut])


def test_lively_does_more_than_natural_and_lips_only_blinks():
    natural, more, lips = (
        head_angles(rhythm(60), 1800, FPS, lively(Life(performance=name))).std()
        for name in ("natural", "lively", "lips")
    )
    assert more == pytest.approx(1.5 * natural) and natural > 0 and lips == 0
    assert Life() == Life(1, 0, 0, 0, 0, 0, 0, 0, "lips") == Settings().life
    assert all(getattr(NATURAL, name) == 1 for name in PERFORMANCES["natural"])


def test_a_part_of_a_performance_can_be_switched_off(tiny):
    life = Life(head=0, breath=0, performance="natural")
    motion = animate(speech(10), replace(tiny, life=life)).motion
    assert motion.channels == ARKIT_52 and motion["eyeLookInLeft"].any()


def test_unknown_performance_is_a_setting_error():
    with pytest.raises(SettingError, match=r"Unknown performance: 'wild'\. Choose one of: lips, natural, lively"):
        Life(performance="wild")
