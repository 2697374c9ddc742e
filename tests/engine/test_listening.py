"""Listening and looking at something: the face of who hears a sound, and eyes that rest on a target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import Life, Motion, Settings, animate
from engine.idle.blinks import add_idle_motion
from engine.idle.head_gaze_breath import gaze_spells, head_angles, stream
from engine.idle.listening import nods, stops
from engine.motion.smooth import runs
from engine.values.channels import ARKIT_52, HEAD_ANGLES, LOOK_RAD
from tests.engine.test_idle import FPS, rhythm, speech, still

LISTENING = Life(performance="listening")


def gaze_yaw(motion: Motion) -> np.ndarray:
    return motion["eyeLookInLeft"] * LOOK_RAD["In"] - motion["eyeLookOutLeft"] * LOOK_RAD["Out"]


def test_a_listener_says_nothing(tiny):
    motion = animate(speech(10), replace(tiny, life=LISTENING)).motion
    mouth = [motion[name] for name in ARKIT_52 if name.startswith(("jaw", "mouth", "tongue"))]
    assert not np.any(mouth) and motion["eyeBlinkLeft"].max() > 0.9


def test_listeners_blink_at_the_resting_rate_mostly_a_quarter_to_half_a_second_after_the_voice_stops():
    rates, after, depths = [], [], []
    for seed in range(12):
        heard = rhythm(120, seed % 3)
        motion = add_idle_motion(still(120), heard, replace(LISTENING, seed=seed))
        shut = runs(motion["eyeBlinkLeft"] > 0.85)
        rates.append(len(shut) / 2)
        depths += [motion["eyeBlinkLeft"][first:stop].max() for first, stop in shut]
        starts = [first / FPS for first, _ in shut]
        after += [min((start - stop for stop in stops(heard) if stop < start), default=9) for start in starts]
    assert 15 <= np.mean(rates) <= 20 and min(depths) > 0.99
    assert np.mean([0.15 < delay < 0.55 for delay in after]) > 0.5


def test_listeners_look_at_the_speaker_for_three_quarters_of_the_time_three_seconds_at_a_time():
    at, away = [], []
    for seed in range(30):
        spells = gaze_spells(stream(seed, "spells"), 240.0, listens=True)
        assert spells[0][2] and spells[1][2]
        at += [stop - start for start, stop, on_face in spells[1:-1] if on_face]
        away += [stop - start for start, stop, on_face in spells[1:-1] if not on_face]
    assert np.mean(at) == pytest.approx(3.0, abs=0.25)
    assert sum(at) / (sum(at) + sum(away)) == pytest.approx(0.75, abs=0.03)


def test_listeners_nod_a_little_after_some_pauses_and_never_while_the_phrase_lasts():
    heard, seconds = rhythm(120), np.arange(round(120 * FPS)) / FPS
    pitch = nods(heard, seconds, stream(0, "nods"))
    starts = [first / FPS for first, _ in runs(pitch > 1e-4)]
    delays = [min(start - stop for stop in stops(heard) if stop < start) for start in starts]
    assert 0.2 < len(starts) / len(stops(heard)) < 0.6
    assert np.mean([delay < 0.5 for delay in delays]) > 0.6     # the others are second and third nods
    assert 1 < np.degrees(pitch.max()) < 3


@pytest.mark.parametrize("performance", ["natural", "listening"])
def test_eyes_rest_on_what_they_are_to_look_at(performance):
    there = (0.15, -0.05)
    life = Life(performance=performance, head=0, look_at=(there,))
    motion = add_idle_motion(still(60), rhythm(60), life)
    yaw = gaze_yaw(motion)[30:-30]
    assert np.median(yaw) == pytest.approx(0.15, abs=0.02)
    assert np.median(motion["eyeLookUpLeft"][30:-30]) * LOOK_RAD["Up"] == pytest.approx(0.05, abs=0.02)


def test_eyes_follow_a_target_that_moves():
    path = tuple((0.2 * np.sin(frame / FPS), 0.0) for frame in range(round(30 * FPS)))
    motion = add_idle_motion(still(30), rhythm(30), Life(performance="listening", head=0, look_at=path))
    assert np.corrcoef(gaze_yaw(motion)[30:-30], np.array(path)[30:-30, 0])[0, 1] > 0.8


def test_the_head_turns_for_what_is_further_than_15_degrees_aside():
    near, far = (
        head_angles(rhythm(30), 900, FPS, replace(LISTENING, look_at=((yaw, 0.0),)))[:, 0] for yaw in (0.2, 0.8)
    )
    plain = head_angles(rhythm(30), 900, FPS, LISTENING)[:, 0]
    assert np.allclose(near, plain, atol=1e-6)
    assert np.median(far - plain) == pytest.approx(0.8 - 0.26, abs=0.01)
    motion = add_idle_motion(still(30), rhythm(30), replace(LISTENING, look_at=((0.8, 0.0),)))
    together = gaze_yaw(motion) + motion[HEAD_ANGLES[0]]
    assert np.median(together[30:-30]) == pytest.approx(0.8, abs=0.1)


def test_a_mood_shows_whole_on_a_listener_whose_mouth_rests(tiny):
    from engine.values.settings import Mood

    motion = animate(speech(10), replace(tiny, life=LISTENING, mood=Mood("happy"))).motion
    assert motion["mouthSmileLeft"][120:180].max() == pytest.approx(0.9, abs=0.12)
    assert Settings(life=LISTENING).life.is_listening
