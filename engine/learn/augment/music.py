"""Music from numbers: one song that is always the same but for its melody, and random ones."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...values.types import FloatArray
from . import RATE_HZ, Seed
from .noise import mixed

BEAT_S = 0.5  # 120 beats per minute
CHORDS = ((57, 60, 64), (53, 57, 60), (60, 64, 67), (55, 59, 62))  # A minor, F, C, G as MIDI notes, four beats each
MELODY = (76, 74, 72, 74, 76, 79, 76, 72, 69, 72, 74, 71)
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 6, 7, 10))
RINGS_S = 4  # what the last notes need
VIBRATO_HZ = 5.5


def with_music(samples: FloatArray, snr_db: float, seed: int) -> FloatArray:
    """The song so far below the mean level of the whole clip."""
    return mixed(samples, levelled(song(samples.size / RATE_HZ, seed))[:samples.size], snr_db)


def song(duration_s: float, seed: Seed) -> FloatArray:
    """Chords on a plucked string sound, bass, kick, snare, hi-hat and a lead melody."""
    rng = np.random.default_rng(seed)
    bed = np.zeros(round(duration_s * RATE_HZ) + RATE_HZ * RINGS_S)
    for beat in range(int(duration_s / BEAT_S)):
        at = round(beat * BEAT_S * RATE_HZ)
        chord = CHORDS[beat // 4 % len(CHORDS)]
        if beat % 2 == 0:
            for note in chord:
                add(bed, at, 0.14 * _note(note, 1.0, decay_s=0.5, partials=6))
        add(bed, at, 0.3 * _note(chord[0] - 24, 0.45, decay_s=0.3, partials=3))
        lead = MELODY[(beat + int(rng.integers(0, 2))) % len(MELODY)]
        add(bed, at, 0.22 * _note(lead, 0.48, decay_s=0.6, partials=8, vibrato=0.006))
        add(bed, at, 0.6 * _kick() if beat % 2 == 0 else 0.4 * burst(0.12, 0.04, rng))
        for eighth in (0.0, 0.5):
            add(bed, at + round(eighth * BEAT_S * RATE_HZ), 0.12 * burst(0.05, 0.012, rng, bright=True))
    return bed[:round(duration_s * RATE_HZ)]


def random_song(duration_s: float, seed: Seed) -> FloatArray:
    """Chords, bass, melody and drums in a random key, tempo and sound; any of the four may be absent."""
    rng = np.random.default_rng(seed)
    bed = np.zeros(round(duration_s * RATE_HZ) + RATE_HZ * RINGS_S)
    scale = SCALES[rng.integers(len(SCALES))]
    pitch = partial(_degree, scale)
    root, beat_s = int(rng.integers(40, 56)), float(rng.uniform(0.32, 0.85))
    chord_partials, lead_partials = int(rng.integers(2, 9)), int(rng.integers(1, 8))
    chords, bass, lead, drums = rng.uniform(0.3, 1.0, size=4) * (rng.random(4) > 0.25)
    degree = 0
    for beat in range(int(duration_s / beat_s)):
        at = round(beat * beat_s * RATE_HZ)
        if beat % 4 == 0:
            degree = int(rng.integers(len(scale)))
            for third in (0, 2, 4):
                note = pitch(root + 12, degree + third)
                add(bed, at, 0.3 * chords * _note(note, 4 * beat_s, _decay_s(rng), chord_partials))
        add(bed, at, 0.5 * bass * _note(pitch(root - 12, degree), beat_s, _decay_s(rng), 3))
        for half in range(int(rng.integers(0, 3))):
            start = at + round(half * beat_s / 2 * RATE_HZ)
            note = pitch(root + 24, int(rng.integers(0, 12)))
            add(bed, start, 0.4 * lead * _note(note, beat_s, _decay_s(rng), lead_partials))
        add(bed, at, drums * (_kick() if beat % 2 == 0 else 1.5 * burst(0.9, 0.15, rng, bright=True)))
        add(bed, at + round(beat_s / 2 * RATE_HZ), 0.5 * drums * burst(0.24, 0.04, rng, bright=True))
    return bed[:round(duration_s * RATE_HZ)]


def burst(length_s: float, decay_s: float, seed: Seed, bright: bool = False) -> FloatArray:
    """A short noise that dies away: a drum, a cymbal."""
    n = round(length_s * RATE_HZ)
    noise = np.random.default_rng(seed).standard_normal(n)
    if bright:
        noise = np.diff(noise, prepend=0.0)
    return np.asarray(noise * np.exp(-np.arange(n) / RATE_HZ / decay_s) * 0.4)


def add(bed: FloatArray, at: int, sound: FloatArray) -> None:
    """Add a sound from a sample on, in place; what passes the end of the bed is cut."""
    end = min(at + sound.size, bed.size)
    bed[at:end] += sound[:max(end - at, 0)]


def levelled(sound: FloatArray, peak: float = 0.5) -> FloatArray:
    """The sound with its largest value at the peak."""
    return np.asarray(sound * peak / max(float(np.abs(sound).max()), 1e-9))


def _note(midi: float, length_s: float, decay_s: float, partials: int, vibrato: float = 0.0) -> FloatArray:
    seconds = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    hz = 440 * 2 ** ((midi - 69) / 12)
    turn = 2 * np.pi * VIBRATO_HZ
    phase = 2 * np.pi * hz * (seconds + vibrato * np.sin(turn * seconds) / turn)
    tone = sum(np.sin(k * phase) / k**1.4 for k in range(1, partials + 1) if k * hz < RATE_HZ / 2)
    edge = np.minimum(1, np.minimum(seconds / 0.008, (length_s - seconds) / 0.02).clip(0))
    return np.asarray(tone * np.exp(-seconds / decay_s) * edge)


def _kick() -> FloatArray:
    seconds = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    turns = 50 * seconds + 2.0 * (1 - np.exp(-seconds / 0.03))
    return np.asarray(np.sin(2 * np.pi * turns) * np.exp(-seconds / 0.06))


def _decay_s(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.15, 2.0))


def _degree(scale: tuple[int, ...], root: int, degree: int) -> float:
    """MIDI note of a degree of the scale."""
    return root + 12 * (degree // len(scale)) + scale[degree % len(scale)]
