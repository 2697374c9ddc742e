"""Sounds to lay under speech in training: music beds, applause, babble, rumble, beeps. On them alone the mouth stays shut.

A file noise_KIND.npz holds samples (n,) int16 16 kHz, all clips in a row, sample_counts (m,) and kinds (m,).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from .utterance import PEAK, SAMPLE_RATE_HZ, load_shard

CLIP_S = 20.0
CLIPS = {"music": 40, "applause": 8, "babble": 16, "rumble": 12, "beeps": 8}
N_SAMPLES = round(CLIP_S * SAMPLE_RATE_HZ)
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 6, 7, 10))
VOICES_IN_BABBLE = 9

FloatArray = NDArray[Any]


def make_noises(folder: Path, seed: int = 7) -> list[Path]:
    """Write the noise files that the folder lacks; babble is made of the shards in it."""
    makers: Mapping[str, Callable[[np.random.Generator], FloatArray]] = {"music": music, "applause": applause, "rumble": rumble, "beeps": beeps}
    written = []
    for kind, count in CLIPS.items():
        path = folder / f"noise_{kind}.npz"
        rng = np.random.default_rng([seed, len(kind), count])
        if not path.exists():
            clips = _babble(folder, count, rng) if kind == "babble" else [makers[kind](rng) for _ in range(count)]
            if not clips:
                continue
            levelled = [np.round(clip * (PEAK * 32767 / max(float(np.abs(clip).max()), 1e-9))).astype(np.int16) for clip in clips]
            np.savez(path, samples=np.concatenate(levelled), sample_counts=np.array([clip.size for clip in levelled]),
                     kinds=np.array([kind] * len(levelled)))
        written.append(path)
    return written


def music(rng: np.random.Generator) -> FloatArray:
    """Chords, bass, melody and drums in a random key, tempo and sound, (N_SAMPLES,)."""
    bed = np.zeros(N_SAMPLES + 4 * SAMPLE_RATE_HZ)
    scale = SCALES[rng.integers(len(SCALES))]
    root, beat_s = int(rng.integers(40, 56)), float(rng.uniform(0.32, 0.85))
    chord_partials, lead_partials = int(rng.integers(2, 9)), int(rng.integers(1, 8))
    levels = rng.uniform(0.3, 1.0, size=4) * (rng.random(4) > 0.25)  # chords, bass, lead, drums; some are absent
    degree = 0
    for beat in range(int(CLIP_S / beat_s)):
        at = round(beat * beat_s * SAMPLE_RATE_HZ)
        if beat % 4 == 0:
            degree = int(rng.integers(len(scale)))
            for third in (0, 2, 4):
                _add(bed, at, 0.3 * levels[0] * _note(_pitch(root + 12, scale, degree + third), 4 * beat_s, chord_partials, rng))
        _add(bed, at, 0.5 * levels[1] * _note(_pitch(root - 12, scale, degree), beat_s, 3, rng))
        for half in range(int(rng.integers(0, 3))):
            note = _pitch(root + 24, scale, int(rng.integers(0, 12)))
            _add(bed, at + round(half * beat_s / 2 * SAMPLE_RATE_HZ), 0.4 * levels[2] * _note(note, beat_s, lead_partials, rng))
        _add(bed, at, levels[3] * (_kick() if beat % 2 == 0 else 0.6 * _hit(0.15, rng)))
        _add(bed, at + round(beat_s / 2 * SAMPLE_RATE_HZ), 0.2 * levels[3] * _hit(0.04, rng))
    if not levels.any():
        return rumble(rng)
    return bed[:N_SAMPLES]


def applause(rng: np.random.Generator) -> FloatArray:
    """Many short bursts of filtered noise, thicker and thinner."""
    sound = np.zeros(N_SAMPLES + SAMPLE_RATE_HZ)
    for at in np.sort(rng.integers(0, N_SAMPLES, size=int(rng.integers(400, 3000)))):
        _add(sound, int(at), rng.uniform(0.1, 1.0) * _hit(float(rng.uniform(0.008, 0.03)), rng))
    swell = 0.4 + 0.6 * np.abs(np.sin(np.linspace(0, rng.uniform(2, 8), N_SAMPLES)))
    return sound[:N_SAMPLES] * swell


def rumble(rng: np.random.Generator) -> FloatArray:
    """Wind, traffic or a machine: low-pass noise that comes and goes, and a hum."""
    corner_hz = float(rng.uniform(80, 900))
    low = scipy.signal.lfilter(*scipy.signal.butter(2, corner_hz, fs=SAMPLE_RATE_HZ), rng.standard_normal(N_SAMPLES))
    knots = np.abs(rng.standard_normal(24)) + 0.2
    gusts = np.interp(np.arange(N_SAMPLES), np.linspace(0, N_SAMPLES, 24), knots)
    hum_hz = float(rng.choice([50, 60, 100, 120, 180]))
    hum = np.sin(2 * np.pi * hum_hz * np.arange(N_SAMPLES) / SAMPLE_RATE_HZ) * rng.uniform(0, 0.5) * low.std()
    mixed: FloatArray = low * gusts + hum
    return mixed


def beeps(rng: np.random.Generator) -> FloatArray:
    """Tones of a telephone, a phone or a machine, steady, stepped or gliding."""
    sound = np.zeros(N_SAMPLES + SAMPLE_RATE_HZ)
    at = 0
    while at < N_SAMPLES:
        length = round(rng.uniform(0.05, 1.2) * SAMPLE_RATE_HZ)
        start_hz = rng.uniform(200, 3500)
        glide = np.linspace(start_hz, start_hz * rng.choice([1.0, 1.0, 0.6, 1.6]), length)
        tone = np.sin(2 * np.pi * np.cumsum(glide) / SAMPLE_RATE_HZ) + rng.choice([0.0, 0.7]) * np.sin(3 * np.pi * np.cumsum(glide) / SAMPLE_RATE_HZ)
        _add(sound, at, tone * np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / 80))
        at += length + round(rng.choice([0.05, 0.3, 1.0]) * SAMPLE_RATE_HZ)
    return sound[:N_SAMPLES]


def _babble(folder: Path, count: int, rng: np.random.Generator) -> list[FloatArray]:
    """Several voices of the corpus at once; none where the folder holds no speech yet."""
    paths = sorted(p for p in folder.glob("*_*.npz") if not p.name.startswith(("noise_", "curves_")))
    clips = []
    for i in range(count if paths else 0):
        sound = np.zeros(N_SAMPLES)
        chooser = random.Random(int(rng.integers(2**31)) + i)
        for path in chooser.sample(paths, min(VOICES_IN_BABBLE, len(paths))):
            speech = np.concatenate([u.samples for u in load_shard(path)]).astype(np.float64)
            start = chooser.randrange(max(speech.size - N_SAMPLES, 1))
            voice = speech[start:start + N_SAMPLES]
            sound[:voice.size] += voice * chooser.uniform(0.3, 1.0)
        clips.append(sound)
    return clips


def _pitch(root: int, scale: tuple[int, ...], degree: int) -> float:
    """MIDI note of a degree of the scale."""
    return root + 12 * (degree // len(scale)) + scale[degree % len(scale)]


def _note(midi: float, length_s: float, partials: int, rng: np.random.Generator) -> FloatArray:
    seconds = np.arange(round(length_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    f0_hz = 440 * 2 ** ((midi - 69) / 12)
    sound = sum((np.sin(2 * np.pi * f0_hz * k * seconds + rng.uniform(0, 6)) / k for k in range(1, partials + 1) if f0_hz * k < 7500),
                np.zeros(seconds.size))
    decay = np.exp(-seconds / rng.uniform(0.15, 2.0)) * np.minimum(1, seconds / 0.01) * np.minimum(1, (length_s - seconds) / 0.02)
    played: FloatArray = sound * decay
    return played


def _kick() -> FloatArray:
    seconds = np.arange(round(0.2 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound: FloatArray = np.sin(2 * np.pi * (50 * seconds + 6 * (1 - np.exp(-seconds / 0.03)))) * np.exp(-seconds / 0.06)
    return sound


def _hit(decay_s: float, rng: np.random.Generator) -> FloatArray:
    seconds = np.arange(round(6 * decay_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound: FloatArray = np.diff(rng.standard_normal(seconds.size + 1)) * np.exp(-seconds / decay_s)
    return sound


def _add(bed: FloatArray, at: int, sound: FloatArray) -> None:
    end = min(at + sound.size, bed.size)
    bed[at:end] += sound[:end - at]
