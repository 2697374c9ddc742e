"""Sounds without a voice, made from numbers: a music bed, breath, applause, tones. A mouth should rest on all of them.

All are mono float at 16 kHz, peak 0.5, and the same for the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[Any]

RATE_HZ = 16_000
PEAK = 0.5
BEAT_S = 0.5  # 120 beats per minute
CHORDS = ((57, 60, 64), (53, 57, 60), (60, 64, 67), (55, 59, 62))  # A minor, F, C, G as MIDI notes, four beats each
MELODY = (76, 74, 72, 74, 76, 79, 76, 72, 69, 72, 74, 71)


def music(duration_s: float, seed: int = 0) -> FloatArray:
    """Chords on a plucked string sound, bass, kick, snare, hi-hat and a lead melody."""
    rng = np.random.default_rng(seed)
    bed = np.zeros(round(duration_s * RATE_HZ) + RATE_HZ * 4)
    for beat in range(int(duration_s / BEAT_S)):
        at = round(beat * BEAT_S * RATE_HZ)
        chord = CHORDS[beat // 4 % len(CHORDS)]
        if beat % 2 == 0:
            for note in chord:
                _add(bed, at, 0.14 * _note(note, 1.0, decay_s=0.5, partials=6))
        _add(bed, at, 0.3 * _note(chord[0] - 24, 0.45, decay_s=0.3, partials=3))
        lead = MELODY[(beat + int(rng.integers(0, 2))) % len(MELODY)]
        _add(bed, at, 0.22 * _note(lead, 0.48, decay_s=0.6, partials=8, vibrato=0.006))
        _add(bed, at, 0.6 * _kick() if beat % 2 == 0 else 0.4 * _noise_hit(rng, 0.12, 0.04))
        for eighth in (0.0, 0.5):
            _add(bed, at + round(eighth * BEAT_S * RATE_HZ), 0.12 * _noise_hit(rng, 0.05, 0.012, bright=True))
    return _levelled(bed[:round(duration_s * RATE_HZ)])


def breath(duration_s: float, seed: int = 0) -> FloatArray:
    """A person who breathes through an open mouth: noise in soft waves of in and out."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * RATE_HZ)
    seconds = np.arange(n) / RATE_HZ
    out = np.zeros(n)
    for phase_s, centre_hz, level in ((0.0, 1700.0, 1.0), (1.7, 1100.0, 0.7)):  # in, out; 3.4 s together
        cycle = (seconds - phase_s) % 3.4
        envelope = np.where(cycle < 1.3, np.sin(np.pi * cycle / 1.3) ** 2, 0)
        out += level * envelope * _coloured(rng, n, centre_hz, centre_hz * 0.8)
    return _levelled(out) * 0.4


def applause(duration_s: float, seed: int = 0) -> FloatArray:
    """Many hands: 120 claps a second, each a few milliseconds of noise with a resonance of its own, in a room."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * RATE_HZ)
    out = np.zeros(n + RATE_HZ)
    for _ in range(round(120 * duration_s)):
        centre_hz = rng.uniform(700, 2800)
        clap = _coloured(rng, 480, centre_hz, centre_hz * 0.5) * np.exp(-np.arange(480) / rng.uniform(40, 110))
        _add(out, int(rng.integers(0, n)), rng.uniform(0.1, 1.0) * clap)
    tail = rng.standard_normal(4800) * np.exp(-np.arange(4800) / 800)
    n_fft = 1 << int(np.ceil(np.log2(out.size + tail.size)))
    out = out + 0.05 * np.fft.irfft(np.fft.rfft(out, n_fft) * np.fft.rfft(tail, n_fft), n_fft)[:out.size]
    return _levelled(out[:n])


def tones(duration_s: float, seed: int = 0) -> FloatArray:
    """Test tones one second each: sines from 110 Hz to 4 kHz, telephone dialling pairs, a rising sweep."""
    seconds = np.arange(RATE_HZ) / RATE_HZ
    pieces = [np.sin(2 * np.pi * hz * seconds) for hz in (110, 220, 440, 1000, 4000)]
    pieces += [0.5 * (np.sin(2 * np.pi * low * seconds) + np.sin(2 * np.pi * high * seconds)) for low, high in ((697, 1209), (852, 1477))]
    pieces.append(np.sin(2 * np.pi * (100 * seconds + 1500 * seconds**2)))
    order = np.random.default_rng(seed).permutation(len(pieces))
    n = round(duration_s * RATE_HZ)
    return _levelled(np.resize(np.concatenate([pieces[i] for i in order]), n))


def hum(duration_s: float, seed: int = 0) -> FloatArray:
    """Mains hum of 50 Hz with its harmonics, over a little hiss."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    buzz = sum(np.sin(2 * np.pi * 50 * k * seconds) / k for k in (1, 2, 3, 5, 7))
    return _levelled(np.asarray(buzz) + 0.02 * rng.standard_normal(seconds.size)) * 0.2


def silence(duration_s: float, seed: int = 0) -> FloatArray:
    """Nothing at all."""
    return np.zeros(round(duration_s * RATE_HZ))


def room_noise(duration_s: float, seed: int = 0) -> FloatArray:
    """Pink noise at -45 dBFS: a quiet room in a usual recording."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * RATE_HZ)
    noise = pink(n, rng)
    return np.asarray(noise * 10 ** (-45 / 20) / np.sqrt((noise**2).mean()))


def pink(n: int, rng: np.random.Generator) -> FloatArray:
    """Noise (n,) whose power falls by 3 dB per octave."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    return np.asarray(np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 1)), n))


NON_SPEECH: Mapping[str, Callable[[float, int], FloatArray]] = {
    "silence": silence, "room noise": room_noise, "breath": breath, "tones": tones, "hum": hum, "applause": applause, "music": music,
}


def _note(midi: int, length_s: float, decay_s: float, partials: int, vibrato: float = 0.0) -> FloatArray:
    seconds = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    hz = 440 * 2 ** ((midi - 69) / 12)
    phase = 2 * np.pi * hz * (seconds + vibrato * np.sin(2 * np.pi * 5.5 * seconds) / (2 * np.pi * 5.5))
    tone = sum(np.sin(k * phase) / k**1.4 for k in range(1, partials + 1) if k * hz < RATE_HZ / 2)
    edge = np.minimum(1, np.minimum(seconds / 0.008, (length_s - seconds) / 0.02).clip(0))
    return np.asarray(tone * np.exp(-seconds / decay_s) * edge)


def _kick() -> FloatArray:
    seconds = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    return np.asarray(np.sin(2 * np.pi * (50 * seconds + 2.0 * (1 - np.exp(-seconds / 0.03)))) * np.exp(-seconds / 0.06))


def _noise_hit(rng: np.random.Generator, length_s: float, decay_s: float, bright: bool = False) -> FloatArray:
    n = round(length_s * RATE_HZ)
    noise = rng.standard_normal(n)
    if bright:
        noise = np.diff(noise, prepend=0.0)
    return np.asarray(noise * np.exp(-np.arange(n) / RATE_HZ / decay_s) * 0.4)


def _coloured(rng: np.random.Generator, n: int, centre_hz: float, width_hz: float) -> FloatArray:
    """Noise around a frequency."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    return np.asarray(np.fft.irfft(spectrum / (1 + ((hz - centre_hz) / width_hz) ** 2), n))


def _add(bed: FloatArray, at: int, sound: FloatArray) -> None:
    end = min(at + sound.size, bed.size)
    bed[at:end] += sound[:max(end - at, 0)]


def _levelled(sound: FloatArray) -> FloatArray:
    return np.asarray(sound * PEAK / max(float(np.abs(sound).max()), 1e-9))
