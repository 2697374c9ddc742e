"""Sounds without a voice, made from numbers. A mouth should rest on all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import scipy.signal

from ...values.types import FloatArray
from . import RATE_HZ, Seed, noise
from .music import add, levelled, song
from .rooms import convolved

CLAPS_PER_S = 120.0


def music(duration_s: float, seed: Seed = 0) -> FloatArray:
    """A song, at its usual peak."""
    return levelled(song(duration_s, seed))


def breath(duration_s: float, seed: Seed = 0) -> FloatArray:
    """A person who breathes through an open mouth: noise in soft waves of in and out."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * RATE_HZ)
    seconds = np.arange(n) / RATE_HZ
    out = np.zeros(n)
    for phase_s, centre_hz, level in ((0.0, 1700.0, 1.0), (1.7, 1100.0, 0.7)):  # in, out; 3.4 s together
        cycle = (seconds - phase_s) % 3.4
        envelope = np.where(cycle < 1.3, np.sin(np.pi * cycle / 1.3) ** 2, 0)
        out += level * envelope * noise.around(n, centre_hz, centre_hz * 0.8, rng)
    return levelled(out) * 0.4


def applause(duration_s: float, seed: Seed = 0, claps_per_s: float = CLAPS_PER_S) -> FloatArray:
    """Many hands: claps of a few milliseconds of noise with a resonance of its own each, in a room."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * RATE_HZ)
    out = np.zeros(n + RATE_HZ)
    for _ in range(round(claps_per_s * duration_s)):
        centre_hz = rng.uniform(700, 2800)
        clap = noise.around(480, centre_hz, centre_hz * 0.5, rng) * np.exp(-np.arange(480) / rng.uniform(40, 110))
        add(out, int(rng.integers(0, n)), rng.uniform(0.1, 1.0) * clap)
    tail = rng.standard_normal(4800) * np.exp(-np.arange(4800) / 800)
    return levelled((out + 0.05 * convolved(out, tail))[:n])


def swelling_applause(duration_s: float, seed: Seed) -> FloatArray:
    """Applause of a random density, thicker and thinner."""
    rng = np.random.default_rng(seed)
    claps = applause(duration_s, rng, rng.uniform(20, 150))
    return np.asarray(claps * (0.4 + 0.6 * np.abs(np.sin(np.linspace(0, rng.uniform(2, 8), claps.size)))))


def tones(duration_s: float, seed: Seed = 0) -> FloatArray:
    """Test tones one second each: sines from 110 Hz to 4 kHz, telephone dialling pairs, a rising sweep."""
    seconds = np.arange(RATE_HZ) / RATE_HZ
    pieces = [np.sin(2 * np.pi * hz * seconds) for hz in (110, 220, 440, 1000, 4000)]
    for low_hz, high_hz in ((697, 1209), (852, 1477)):
        pieces.append(0.5 * (np.sin(2 * np.pi * low_hz * seconds) + np.sin(2 * np.pi * high_hz * seconds)))
    pieces.append(np.sin(2 * np.pi * (100 * seconds + 1500 * seconds**2)))
    order = np.random.default_rng(seed).permutation(len(pieces))
    return levelled(np.resize(np.concatenate([pieces[i] for i in order]), round(duration_s * RATE_HZ)))


def hum(duration_s: float, seed: Seed = 0) -> FloatArray:
    """Mains hum of 50 Hz with its harmonics, over a little hiss."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    buzz = sum(np.sin(2 * np.pi * 50 * k * seconds) / k for k in (1, 2, 3, 5, 7))
    return levelled(np.asarray(buzz) + 0.02 * rng.standard_normal(seconds.size)) * 0.2


def silence(duration_s: float, seed: Seed = 0) -> FloatArray:
    """Nothing at all."""
    return np.zeros(round(duration_s * RATE_HZ))


def room_noise(duration_s: float, seed: Seed = 0) -> FloatArray:
    """Pink noise at -45 dBFS: a quiet room in a usual recording."""
    hiss = noise.pink(round(duration_s * RATE_HZ), seed)
    return np.asarray(hiss * 10 ** (-45 / 20) / np.sqrt((hiss**2).mean()))


def rumble(duration_s: float, seed: Seed) -> FloatArray:
    """Wind, traffic or a machine: low-pass noise that comes and goes, and a hum."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * RATE_HZ)
    corner_hz = float(rng.uniform(80, 900))
    low = scipy.signal.lfilter(*scipy.signal.butter(2, corner_hz, fs=RATE_HZ), rng.standard_normal(n))
    gusts = np.interp(np.arange(n), np.linspace(0, n, 24), np.abs(rng.standard_normal(24)) + 0.2)
    hum_hz = float(rng.choice([50, 60, 100, 120, 180]))
    buzz = np.sin(2 * np.pi * hum_hz * np.arange(n) / RATE_HZ) * rng.uniform(0, 0.5) * low.std()
    return np.asarray(low * gusts + buzz)


def beeps(duration_s: float, seed: Seed) -> FloatArray:
    """Tones of a telephone, a phone or a machine, steady, stepped or gliding."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * RATE_HZ)
    sound = np.zeros(n + RATE_HZ)
    at = 0
    while at < n:
        length = round(rng.uniform(0.05, 1.2) * RATE_HZ)
        start_hz = rng.uniform(200, 3500)
        turns = np.cumsum(np.linspace(start_hz, start_hz * rng.choice([1.0, 1.0, 0.6, 1.6]), length)) / RATE_HZ
        tone = np.sin(2 * np.pi * turns) + rng.choice([0.0, 0.7]) * np.sin(3 * np.pi * turns)
        add(sound, at, tone * np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / 80))
        at += length + round(rng.choice([0.05, 0.3, 1.0]) * RATE_HZ)
    return sound[:n]


NON_SPEECH: Mapping[str, Callable[[float, int], FloatArray]] = {
    "silence": silence, "room noise": room_noise, "breath": breath, "tones": tones, "hum": hum, "applause": applause,
    "music": music,
}
