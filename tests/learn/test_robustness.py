"""What is done to the sound is what its name says, and the clocks of fast and slow clips agree."""

from __future__ import annotations

import numpy as np
import pytest

from engine.learn.augment import colour, non_speech
from engine.learn.augment.music import with_music
from engine.learn.augment.noise import with_noise
from engine.learn.augment.rooms import in_room
from engine.learn.augment.tempo_and_pitch import pitch, speed, tempo
from engine.learn.data.recordings import Clip
from engine.learn.evaluate.metrics import SeenMouth
from engine.learn.evaluate.robustness import CLEAN, Condition, conditions, measure_condition, on_clock
from engine.learn.synth.phones import Phone

RATE_HZ = 16000


def vowel(f0_hz: float = 150.0, seconds: float = 2.0) -> np.ndarray:
    """A buzz with one formant at 1200 Hz."""
    n = round(seconds * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    harmonics = [
        np.sin(2 * np.pi * k * f0_hz * t) / (1 + ((k * f0_hz - 1200) / 200) ** 2) for k in range(1, int(7000 / f0_hz))
    ]
    return 0.1 * np.sum(harmonics, axis=0)


def pitch_of(samples: np.ndarray) -> float:
    part = samples[samples.size // 2:][:4000] * np.hanning(4000)
    match = np.correlate(part, part, mode="full")[3999:]
    return RATE_HZ / (50 + match[50:320].argmax())


def formant_of(samples: np.ndarray) -> float:
    """Centre of gravity of the spectrum around 1200 Hz."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(samples.size, 1 / RATE_HZ)
    near = (hz > 500) & (hz < 2500)
    return float((power[near] * hz[near]).sum() / power[near].sum())


def test_noise_and_music_have_the_level_that_was_asked_for():
    clean = vowel()
    for change in (with_noise, with_music):
        mixed = change(clean, 10.0, 0)
        scale = (mixed @ clean) / (clean @ clean)
        rest = mixed - scale * clean
        assert 10 * np.log10(((scale * clean) ** 2).mean() / (rest**2).mean()) == pytest.approx(10, abs=0.5)


def test_tempo_keeps_the_pitch_and_tape_speed_moves_it():
    clean = vowel()
    fast, tape = tempo(clean, 1.25), speed(clean, 1.25)
    assert fast.size == clean.size / 1.25 and pitch_of(fast) == pytest.approx(150, rel=0.02)
    assert tape.size == pytest.approx(clean.size / 1.25, abs=2) and pitch_of(tape) == pytest.approx(187.5, rel=0.02)


@pytest.mark.parametrize("semitones", [-4, 4])
def test_pitch_moves_and_formants_stay_if_asked(semitones):
    clean, factor = vowel(), 2 ** (semitones / 12)
    kept, moved = (pitch(clean, semitones, keep) for keep in (True, False))
    assert kept.size == moved.size == clean.size
    assert (
        pitch_of(kept) == pytest.approx(150 * factor, rel=0.03)
        and pitch_of(moved) == pytest.approx(150 * factor, rel=0.03)
    )
    assert abs(formant_of(moved) / formant_of(clean) - factor) < 0.06
    assert abs(formant_of(kept) / formant_of(clean) - 1) < 0.06


def test_telephone_keeps_its_band_only():
    t = np.arange(RATE_HZ) / RATE_HZ
    level = {hz: colour.over_telephone(np.sin(2 * np.pi * hz * t))[4000:].std() for hz in (100, 1000, 6000)}
    assert level[1000] == pytest.approx(np.sqrt(0.5), rel=0.05) and level[100] < 0.02 and level[6000] < 0.02


def test_mp3_comes_back_in_time_and_not_quite_the_same():
    clean = vowel() * np.hanning(2 * RATE_HZ)
    decoded = colour.as_mp3(clean, 32)
    assert decoded.size == clean.size and not np.array_equal(decoded, clean)
    assert np.corrcoef(decoded, clean)[0, 1] > 0.98


def test_gain_clips_at_full_scale():
    assert np.abs(colour.gain(vowel() * 10, 12)).max() == 1
    assert colour.gain(vowel(), -20).std() == pytest.approx(vowel().std() / 10)


def test_room_adds_a_tail_after_the_sound():
    clean = np.zeros(RATE_HZ)
    clean[:100] = 1.0
    wet = in_room(clean, 0.3, 6.0, 0)
    early, late = (np.abs(wet[at:at + 800]).mean() for at in (400, 4000))
    assert early > 10 * late > 0


@pytest.mark.parametrize("name", list(non_speech.NON_SPEECH))
def test_sounds_are_the_same_each_time_and_have_their_length(name):
    sound = non_speech.NON_SPEECH[name](3.0, 1)
    assert (
        sound.shape == (3 * RATE_HZ,) and np.array_equal(sound, non_speech.NON_SPEECH[name](3.0, 1))
        and np.abs(sound).max() <= 0.5
    )
    assert name == "silence" or sound.std() > 1e-3


def test_a_faster_clip_lands_on_the_clean_clock():
    curve = np.sin(np.arange(200) / 9)
    fast = np.interp(np.arange(160) * 1.25, np.arange(200), curve)
    moved = on_clock(SeenMouth(*([fast] * 5)), 200, 1.25)
    assert moved.opening[:199] == pytest.approx(curve[:199], abs=0.02)


def test_nothing_done_gives_full_correlation_and_a_wrong_clip_does_not():
    clip = Clip(
        "a", "a", np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32) * np.hanning(32000),
        (Phone("M", 0.5, 0.6),),
    )
    curve = np.abs(np.sin(np.arange(100) / 7))
    mouth = SeenMouth(*([curve] * 5))
    report = measure_condition(Condition("other", lambda x, _: np.zeros_like(x)), [(clip, mouth)], "mini")
    # a silent clip shuts the mouth
    assert report.missed == ["opening", "jaw", "rounding", "closure"] and report.pbm_shut.value == 1.0


def test_all_conditions_of_the_goal_are_there():
    names = " ".join(condition.name for condition in conditions())
    for wanted in (
        "noise 20", "noise 10", "noise 0", "music", "room", "telephone", "mp3 32", "0.8", "1.25", "pitch -4",
        "pitch +4", "gain -30", "gain +12",
    ):
        assert wanted in names
    samples = vowel(seconds=1.5)
    for condition in conditions():
        changed = condition.change(samples, 0)
        assert np.isfinite(changed).all() and changed.size == pytest.approx(samples.size / condition.speed, abs=2)
        assert condition.name == CLEAN or condition.speed != 1 or not np.array_equal(changed, samples)
