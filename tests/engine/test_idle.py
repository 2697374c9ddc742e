"""Blinks, brow raises, head, gaze and breath: human rates, the seed, and that later sound never changes what was
before."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from engine import Life, Motion, Settings, Waveform, animate
from engine.audio.pitch import pitch_hz as track
from engine.idle import blinks as idle
from engine.idle.blinks import LOOK_AHEAD_S, add_idle_motion, blinks, moved_by, raises
from engine.idle.prosody import Prosody, prosody
from engine.values.channels import ARKIT_32, ARKIT_52, HEAD_ANGLES, LOOK_RAD
from tests.engine.conftest import make_syllables
from tests.engine.lip_gap import lip_gap_mm

FPS = 30.0
ALL = Life(1, 1, 1, 1, 1)
EACH = [Life(1), Life(0, 1), Life(0, 0, 1), Life(0, 0, 0, 1), Life(0, 0, 0, 0, 1)]


@cache
def speech(duration_s: float, seed: int = 0) -> Waveform:
    """Phrases of two to four seconds with pauses of half a second, in a voice that rises and falls."""
    random = np.random.default_rng(seed)
    seconds = np.arange(round(duration_s * 16000)) / 16000
    pitch = 120 * 2 ** (0.3 * np.sin(2 * np.pi * 0.7 * seconds))
    voice = sum(np.sin(number * 2 * np.pi * np.cumsum(pitch) / 16000) / number for number in range(1, 6))
    loud = np.maximum(np.sin(2 * np.pi * 2.2 * seconds), 0.1) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.45 * seconds))
    start = 0.0
    while start < duration_s:
        start += random.uniform(2.0, 4.0)
        loud[(seconds >= start) & (seconds < start + 0.5)] = 0
        start += 0.5
    return Waveform((0.1 * loud * voice).astype(np.float32))


@cache
def rhythm(duration_s: float, seed: int = 0) -> Prosody:
    return prosody(speech(duration_s, seed))


def add_life(motion: Motion, wave: Waveform, life: Life) -> Motion:
    return add_idle_motion(motion, prosody(wave), life)


def still(duration_s: float, channels: tuple[str, ...] = ARKIT_52) -> Motion:
    return Motion(np.zeros((round(duration_s * FPS), len(channels)), np.float32), channels, FPS)


def closings(motion: Motion) -> np.ndarray:
    """Frames on which an eye falls shut."""
    shut = motion["eyeBlinkLeft"] > 0.85
    return np.flatnonzero(shut & ~np.roll(shut, 1))


def test_people_blink_15_to_20_times_a_minute_at_uneven_intervals():
    rates, gaps = [], []
    for seed in range(12):
        frames = closings(add_idle_motion(still(120), rhythm(120, seed % 3), Life(seed=seed)))
        rates.append(len(frames) / 2)
        gaps.append(np.diff(frames) / FPS)
    assert 15 <= np.mean(rates) <= 20
    every = np.concatenate(gaps)
    assert every.min() >= 0.4 and every.std() > 0.35 * every.mean()


@pytest.mark.parametrize(("amount", "low", "high"), [(0.5, 6, 11), (2.0, 27, 38)])
def test_amount_of_blinks_is_their_rate(amount, low, high):
    assert low <= np.mean([
        len(closings(add_idle_motion(still(120), rhythm(120), Life(amount, seed=seed)))) / 2 for seed in range(6)
    ]) <= high


@pytest.mark.parametrize("fps", [12.0, 24.0, 30.0, 60.0])
def test_blinks_last_a_tenth_to_four_tenths_and_close_faster_than_they_open(fps):
    frozen = Motion(np.zeros((round(120 * fps), 52), np.float32), ARKIT_52, fps)
    motion = add_idle_motion(frozen, rhythm(120), Life())
    lid = motion["eyeBlinkLeft"]
    assert np.array_equal(lid, motion["eyeBlinkRight"])
    edges = np.flatnonzero(np.diff((lid > 0).astype(int), prepend=0, append=0))
    runs = list(zip(edges[::2], edges[1::2], strict=True))
    assert len(runs) > 20
    for start, stop in runs:
        assert lid[start:stop].max() >= 0.9         # whatever the frame rate, one frame shows the eye shut
        assert 0.1 - 2 / fps <= (stop - start) / fps <= 0.4
    lengths = np.mean(
        [(np.argmax(lid[start:stop]) + 0.5, stop - start - np.argmax(lid[start:stop]) - 0.5) for start, stop in runs],
        axis=0,
    )
    assert fps < 20 or lengths[1] > 1.3 * lengths[0]


def test_most_blinks_come_in_pauses_and_at_ends_of_phrases():
    wave = speech(120)
    heard = prosody(wave)
    share_of_pauses = sum(stop - start for start, stop in heard.pauses) / 120
    seconds = [blink.second for seed in range(8) for blink in blinks(heard, 120, Life(seed=seed))]
    inside = np.mean([any(start - 0.1 <= second <= stop + 0.1 for start, stop in heard.pauses) for second in seconds])
    assert inside > share_of_pauses + 0.3


def test_no_blink_where_the_model_moves_the_lids_itself():
    plain = closings(add_life(still(60), speech(60), Life()))
    motion = still(60)
    motion["eyeBlinkRight"][plain[3] - 4:plain[3] + 4] = 0.3
    frames = closings(add_life(motion, speech(60), Life()))
    assert set(plain) - set(frames) == {plain[3]} and not set(frames) - set(plain)
    assert np.array_equal(
        add_life(motion, speech(60), Life())["eyeBlinkRight"][plain[3] - 4:plain[3] + 4],
        motion["eyeBlinkRight"][plain[3] - 4:plain[3] + 4],
    )


def test_clip_begins_and_ends_at_rest():
    for duration_s in (0.1, 1.0, 3.37, 12.0):
        for seed in range(8):
            moved = add_life(still(duration_s), speech(duration_s), replace(ALL, seed=seed))
            assert np.isfinite(moved.weights).all() and np.abs(moved.weights[[0, -1]]).max() < 1e-6


def test_only_blinks_are_on_by_default(tiny):
    motion = animate(speech(20), tiny).motion
    without = animate(speech(20), replace(tiny, life=Life(blinks=0))).motion
    assert motion.channels == without.channels == ARKIT_52
    changed = {name for name in ARKIT_52 if not np.array_equal(motion[name], without[name])}
    assert {"eyeBlinkLeft", "eyeBlinkRight"} <= changed <= {
        f"{name}{side}" for name in ("eyeBlink", "eyeSquint", "cheekSquint") for side in ("Left", "Right")
    }


@pytest.mark.parametrize("life", [*EACH, ALL], ids=str)
def test_same_seed_same_motion_and_another_seed_another(life):
    wave = speech(30)
    first, again, other = (add_life(still(30), wave, replace(life, seed=seed)).weights for seed in (5, 5, -6))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.02


@pytest.mark.parametrize("life", [*EACH, ALL], ids=str)
def test_what_comes_later_changes_nothing_before(life):
    whole = speech(40)
    cut = 25 * 16000
    others = [
        np.concatenate([whole.samples[:cut], tail])
        for tail in (
            np.zeros(15 * 16000, np.float32), 3 * whole.samples[::-1][:15 * 16000], np.zeros(60 * 16000, np.float32)
        )
    ]
    frames = round((25 - LOOK_AHEAD_S) * FPS)
    motion = add_life(still(40), whole, life).weights[:frames]
    for samples in others:
        wave = Waveform(samples.astype(np.float32))
        assert np.allclose(add_life(still(wave.duration_s), wave, life).weights[:frames], motion, atol=1e-5)


def test_one_amount_does_not_change_another_kind():
    wave = speech(20)
    blinking, everything = add_life(still(20), wave, Life()), add_life(still(20), wave, ALL)
    assert np.array_equal(blinking["eyeBlinkLeft"], everything["eyeBlinkLeft"])
    assert np.array_equal(add_life(still(20), wave, Life(0, head=1))["headYaw"], everything["headYaw"])


def test_brows_rise_with_stressed_syllables_and_by_their_amount():
    wave = speech(60)
    heard = prosody(wave)
    moments = np.array([stress.second for stress in heard.stresses])
    tops = [one.second for one in raises(heard, Life(brows=1))]
    assert 8 <= len(tops) <= 20 and max(np.abs(moments - top).min() for top in tops) < 0.1
    half, full = (add_life(still(60), wave, Life(0, brows=amount))["browInnerUp"] for amount in (0.5, 1.0))
    assert 0.2 < full.max() < 0.6 and half == pytest.approx(full / 2, abs=1e-5)


def test_brows_of_the_model_are_not_lowered():
    motion = still(20)
    motion["browInnerUp"][:] = 0.3
    assert add_life(motion, speech(20), Life(0, brows=1))["browInnerUp"].min() == pytest.approx(0.3)


def test_head_moves_by_degrees_and_slowly():
    head = np.stack([add_life(still(60), speech(60), Life(0, head=1))[name] for name in HEAD_ANGLES], axis=1)
    degrees = np.degrees(head)
    assert (degrees.std(axis=0) > 0.5).all() and np.abs(degrees).max() < 12
    assert np.abs(np.diff(degrees, axis=0)).max() * FPS < 60
    assert np.degrees(add_life(still(60), speech(60), Life(0, head=2))["headYaw"]) == pytest.approx(
        2 * degrees[:, 0], abs=1e-4
    )


def test_head_nods_down_on_stress():
    wave = speech(60)
    pitch = add_life(still(60), wave, Life(0, head=1))["headPitch"]
    on_stress = [pitch[round(stress.second * FPS)] for stress in prosody(wave).stresses]
    assert np.mean(on_stress) > pitch.mean() + 0.015


def test_eyes_jump_and_then_rest_and_counter_the_head():
    motion = add_life(still(60), speech(60), Life(0, eyes=1, head=1))
    yaw = LOOK_RAD["In"] * motion["eyeLookInLeft"] - LOOK_RAD["Out"] * motion["eyeLookOutLeft"]
    other = LOOK_RAD["Out"] * motion["eyeLookOutRight"] - LOOK_RAD["In"] * motion["eyeLookInRight"]
    assert yaw == pytest.approx(other, abs=1e-6)       # both eyes look the same way
    in_world = yaw + motion["headYaw"]
    inner = np.abs(np.diff(in_world))[20:-20]
    assert np.mean(inner < 1e-3) > 0.85                 # still while the head turns ...
    jumps = np.flatnonzero(inner > 0.02)
    assert 10 < len(jumps) < 200                        # ... apart from jumps that take a frame or two
    assert motion["eyeLookInLeft"].max() < 1


def test_chest_rises_in_pauses():
    wave = speech(60)
    breath = add_life(still(60), wave, Life(0, breath=1))["breath"]
    rising = np.diff(breath) > 0.02
    speaking = np.interp(
        np.arange(len(breath) - 1) / FPS, np.arange(len(prosody(wave).speaking)) / 50, prosody(wave).speaking
    ) > 0.5
    assert 0.9 < breath.max() <= 1 and breath.min() >= 0
    assert rising.sum() > 20 and (rising & speaking).sum() < 0.35 * rising.sum()


def test_chest_rises_and_falls_slowly_where_nobody_speaks():
    breath = add_life(still(60), Waveform(np.zeros(60 * 16000, np.float32)), Life(0, breath=1))["breath"]
    tops = np.flatnonzero((breath[1:-1] > breath[:-2]) & (breath[1:-1] >= breath[2:]) & (breath[1:-1] > 0.5))
    assert 12 <= len(tops) <= 20            # a minute


def test_lips_are_left_alone():
    wave = speech(20)
    motion = Motion(
        np.abs(np.random.default_rng(0).normal(scale=0.2, size=(600, 52))).astype(np.float32), ARKIT_52, FPS
    )
    assert np.array_equal(lip_gap_mm(add_life(motion, wave, ALL)), lip_gap_mm(motion))


def test_head_without_eyes_gets_lids_and_other_motion_passes_unchanged():
    moved = add_life(still(20, ARKIT_32), speech(20), Life())
    assert moved.channels[:32] == ARKIT_32 and moved["eyeBlinkLeft"].max() > 0.9
    other = Motion(np.ones((60, 2), np.float32), ("a", "b"), FPS)
    assert add_life(other, speech(2), ALL) is other


def test_life_knows_what_it_moves():
    assert moved_by(Life(blinks=0)) == frozenset()
    assert moved_by(Life()) == {
        f"{name}{side}" for name in ("eyeBlink", "eyeSquint", "eyeWide") for side in ("Left", "Right")
    }
    assert {"headYaw", "breath", "browInnerUp", "eyeLookUpRight"} <= moved_by(ALL)
    moved = add_life(still(30), speech(30), ALL)
    assert {name for name in moved.channels if moved[name].any()} <= moved_by(ALL) | {
        "cheekSquintLeft", "cheekSquintRight"
    }


def test_noise_has_no_pitch_and_a_voice_has_its_own():
    noise = track(Waveform(np.random.default_rng(0).normal(scale=0.1, size=32000).astype(np.float32)), 100)
    assert np.mean(noise > 0) < 0.15
    seconds = np.arange(32000) / 16000
    for pitch_hz in (80, 130, 210, 300):
        voice = sum(
            np.sin(2 * np.pi * pitch_hz * number * seconds) / number for number in range(1, 8)
        ).astype(np.float32) * 0.1
        assert np.median(track(Waveform(voice), 100)[5:-5]) == pytest.approx(pitch_hz, rel=0.01)


def test_pauses_are_found_in_noise_too():
    wave = speech(20)
    noisy = Waveform(
        wave.samples + np.random.default_rng(1).normal(scale=0.004, size=len(wave.samples)).astype(np.float32)
    )
    clean, heard = prosody(wave).speaking, prosody(noisy).speaking
    assert np.mean(clean == heard) > 0.9 and np.mean(~clean) > 0.1


def test_raw_gives_no_life(tiny):
    assert animate(make_syllables(6), replace(tiny, raw=True, life=ALL)).motion.channels == ARKIT_52


def test_idle_needs_no_more_than_the_sound(tiny, monkeypatch):
    """Another identity or strength leaves the blinks where they are."""
    assert idle.LOOK_AHEAD_S < 10
    first, other = (
        animate(speech(20), replace(tiny, identity=identity, strength=1.5)).motion["eyeBlinkLeft"]
        for identity in ("pivot", "wide")
    )
    assert np.array_equal(first > 0.8, other > 0.8)


def test_settings_take_life():
    assert Settings().life == Life(blinks=1.0)
