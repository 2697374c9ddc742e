"""How speech in training becomes a recording: rooms, other sounds, microphones, recorders, each by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...values.types import FloatArray
from . import noise
from .colour import equalised, mu_law
from .rooms import in_soft_room

# So many samples of something else: music, babble, noise.
Backdrop = Callable[[int, np.random.Generator], FloatArray]

LEVEL_SAMPLES = 320         # stretches of 20 ms, of which the louder ones are speech
LOUD_SHARE = 0.05           # of the loudest stretch's power
HUM_DB = (5, 35)            # below the speech


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


def augment(
    wave: FloatArray, backdrops: Sequence[Backdrop], config: AugmentConfig, rng: np.random.Generator,
) -> FloatArray:
    """Speech (n,) as a recording; an empty wave becomes sounds without speech.

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
            wave = in_soft_room(wave, rng.uniform(*config.room_rt60_s), rng.uniform(*config.room_direct_db), rng)
    if backdrops and rng.random() < config.backdrop:
        backdrop = backdrops[int(rng.integers(len(backdrops)))]
        wave = wave + _at_db(backdrop(len(wave), rng), -rng.uniform(*config.backdrop_snr_db))
    if rng.random() < config.colour:
        wave = equalised(wave, config.tilt_db, config.equaliser_db, config.band_limit, rng)
    if rng.random() < config.noise:
        wave = wave + _at_db(noise.sloped(len(wave), rng), -rng.uniform(*config.noise_snr_db))
    if rng.random() < config.hum:
        wave = wave + _at_db(noise.random_hum(len(wave), rng), -rng.uniform(*HUM_DB))
    wave = wave * level
    if rng.random() < config.clip:
        limit = np.quantile(np.abs(wave), rng.uniform(0.97, 0.999)) + 1e-6
        wave = np.clip(wave, -limit, limit)
    if rng.random() < config.telephone_code:
        wave = mu_law(wave)
    return np.clip(wave, -1, 1).astype(np.float32)


def _speech_level(wave: FloatArray) -> float:
    """Root mean square over the louder stretches; 0 for silence."""
    frames = wave[:len(wave) // LEVEL_SAMPLES * LEVEL_SAMPLES].reshape(-1, LEVEL_SAMPLES)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    loud = power > LOUD_SHARE * power.max(initial=0)
    return float(np.sqrt(power[loud].mean())) if loud.any() and power.max() > 1e-10 else 0.0


def _at_db(wave: FloatArray, db: float) -> FloatArray:
    return np.asarray(wave * (10 ** (db / 20) / (np.sqrt((wave.astype(np.float64) ** 2).mean()) + 1e-9)), np.float32)
