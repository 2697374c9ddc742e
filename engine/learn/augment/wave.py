"""Change a wave as rooms, microphones, distances, other voices and music would; all of it keeps the time of every sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, oaconvolve

FloatArray = NDArray[Any]
Rng = np.random.Generator
Backdrop = Callable[[int, Rng], FloatArray]     # so many samples of something else: music, babble, noise

RATE_HZ = 16000


@dataclass(frozen=True)
class AugmentConfig:
    """Chances (0..1) and ranges; levels in dB of the full scale, distances in dB below the speech."""

    room: float = 0.35
    room_rt60_s: tuple[float, float] = (0.12, 0.9)
    room_direct_db: tuple[float, float] = (-3.0, 14.0)
    colour: float = 0.8
    tilt_db: float = 8.0        # over four octaves
    equaliser_db: float = 6.0
    band_limit: float = 0.15
    clip: float = 0.06
    telephone_code: float = 0.05
    level_db: tuple[float, float] = (-42.0, -12.0)
    noise: float = 0.75
    noise_snr_db: tuple[float, float] = (3.0, 45.0)
    backdrop: float = 0.3
    backdrop_snr_db: tuple[float, float] = (3.0, 25.0)
    hum: float = 0.08


def augment(wave: FloatArray, backdrops: Sequence[Backdrop], config: AugmentConfig, rng: Rng) -> FloatArray:
    """Speech (n,) through a room, other sounds, a microphone and a recorder; an empty wave becomes sounds without speech.

    Args:
        backdrops: what may sound behind the speech.
    Returns:
        (n,) float32, within -1..1.
    """
    level = 10 ** (rng.uniform(*config.level_db) / 20)
    speech = _speech_level(wave)
    if speech > 0:
        wave = wave / speech
        if rng.random() < config.room:
            wave = room(wave, rng.uniform(*config.room_rt60_s), rng.uniform(*config.room_direct_db), rng)
    if backdrops and rng.random() < config.backdrop:
        wave = wave + _at_db(backdrops[int(rng.integers(len(backdrops)))](len(wave), rng), -rng.uniform(*config.backdrop_snr_db))
    if rng.random() < config.colour:
        wave = _coloured(wave, config, rng)
    if rng.random() < config.noise:
        wave = wave + _at_db(noise(len(wave), rng), -rng.uniform(*config.noise_snr_db))
    if rng.random() < config.hum:
        wave = wave + _at_db(_hum(len(wave), rng), -rng.uniform(5, 35))
    wave = wave * level
    if rng.random() < config.clip:
        limit = np.quantile(np.abs(wave), rng.uniform(0.97, 0.999)) + 1e-6
        wave = np.clip(wave, -limit, limit)
    if rng.random() < config.telephone_code:
        wave = mu_law(wave)
    return np.clip(wave, -1, 1).astype(np.float32)


def room(wave: FloatArray, rt60_s: float, direct_db: float, rng: Rng) -> FloatArray:
    """Add a noise tail that decays by 60 dB in rt60_s and lies direct_db below the direct sound, from 2 ms on."""
    n = round(rt60_s * RATE_HZ)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail = lfilter([1 - 0.4], [1, -0.4], tail)      # walls swallow the treble
    tail[:32] = 0
    tail *= 10 ** (-direct_db / 20) / np.sqrt((tail ** 2).sum())
    tail[0] = 1
    return np.asarray(oaconvolve(wave, tail)[:len(wave)], np.float32)


def noise(n: int, rng: Rng) -> FloatArray:
    """Noise (n,) of a random slope, half of the time with slow swells."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 40.0)
    values = np.fft.irfft(spectrum * (hz / 1000) ** (rng.uniform(-9, 2) / 6.02), n)
    if rng.random() < 0.5:
        knots = rng.uniform(-9, 9, max(3, n // RATE_HZ * 2))
        values *= 10 ** (np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots) / 20)
    return np.asarray(values, np.float32)


def mu_law(wave: FloatArray, levels: int = 255) -> FloatArray:
    """Quantise as telephone lines do."""
    code = np.sign(wave) * np.log1p(levels * np.minimum(np.abs(wave), 1)) / np.log1p(levels)
    code = np.round(code * 127) / 127
    return np.asarray(np.sign(code) * np.expm1(np.abs(code) * np.log1p(levels)) / levels, np.float32)


def _speech_level(wave: FloatArray) -> float:
    """Root mean square over the louder stretches of 20 ms; 0 for silence."""
    frames = wave[:len(wave) // 320 * 320].reshape(-1, 320)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    loud = power > 0.05 * power.max(initial=0)
    return float(np.sqrt(power[loud].mean())) if loud.any() and power.max() > 1e-10 else 0.0


def _at_db(wave: FloatArray, db: float) -> FloatArray:
    return np.asarray(wave * (10 ** (db / 20) / (np.sqrt((wave.astype(np.float64) ** 2).mean()) + 1e-9)), np.float32)


def _coloured(wave: FloatArray, config: AugmentConfig, rng: Rng) -> FloatArray:
    """Random tilt, smooth equaliser and band limits, without delay."""
    n = len(wave)
    hz = np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 40.0)
    octaves = np.log2(hz / 1000)
    db = octaves / 4 * config.tilt_db * rng.uniform(-1, 1)
    knots = config.equaliser_db * np.clip(rng.standard_normal(9), -1.5, 1.5) / 1.5
    db += np.interp(octaves, np.linspace(-4.5, 3, len(knots)), knots)
    if rng.random() < config.band_limit:
        low, high = rng.uniform(50, 350), rng.uniform(3300, 7500)
        db -= 40 * np.clip((low - hz) / low, 0, 1) + 60 * np.clip((hz - high) / 700, 0, 1)
    return np.asarray(np.fft.irfft(np.fft.rfft(wave) * 10 ** (db / 20), n), np.float32)


def _hum(n: int, rng: Rng) -> FloatArray:
    base, fall, t = rng.uniform(45, 260), rng.uniform(0.3, 0.8), np.arange(n) / RATE_HZ
    return np.asarray(sum(fall ** k * np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) for k in range(1, 10)), np.float32)
