"""What microphones, telephones, files and recorders do to a sound; all of it keeps the time of every sound."""

from __future__ import annotations

import io

import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

from ...values.errors import EngineError
from ...values.types import FloatArray
from . import RATE_HZ, Seed
from .noise import LOWEST_HZ

TELEPHONE_HZ = (300.0, 3400.0)
MP3_RATES_KBPS = (8, 160)  # of MPEG-2 at 16 kHz; soundfile's level 0..1 runs from the highest to the lowest
LATEST_MP3_S = 0.25  # an encoder and a decoder that drop no delay are up to 0.14 s late
EQUALISER_KNOTS = 9


def over_telephone(samples: FloatArray) -> FloatArray:
    """300 to 3400 Hz, 24 dB per octave."""
    return np.asarray(sosfilt(butter(4, TELEPHONE_HZ, "bandpass", fs=RATE_HZ, output="sos"), samples))


def as_mp3(samples: FloatArray, kbps: float) -> FloatArray:
    """Through an MP3 file of constant rate, put back in time.

    Raises:
        EngineError: this libsndfile writes no MP3.
    """
    if "MP3" not in soundfile.available_formats():
        raise EngineError(
            f"libsndfile {soundfile.__libsndfile_version__} writes no MP3. Install soundfile 0.12.1 or newer."
        )
    low, high = MP3_RATES_KBPS
    file = io.BytesIO()
    level = (high - kbps) / (high - low)
    soundfile.write(file, samples, RATE_HZ, format="MP3", bitrate_mode="CONSTANT", compression_level=level)
    file.seek(0)
    decoded, _ = soundfile.read(file)
    n_fft = 1 << int(np.ceil(np.log2(samples.size + decoded.size)))
    match = np.fft.irfft(np.fft.rfft(decoded, n_fft) * np.conj(np.fft.rfft(samples, n_fft)), n_fft)
    delay = int(match[:round(LATEST_MP3_S * RATE_HZ)].argmax())
    return np.resize(np.pad(decoded[delay:], (0, max(0, samples.size - decoded.size + delay))), samples.size)


def gain(samples: FloatArray, decibel: float) -> FloatArray:
    """Louder or quieter; what passes full scale is clipped, as in a file."""
    return np.asarray(np.clip(samples * 10 ** (decibel / 20), -1, 1))


def mu_law(samples: FloatArray, levels: int = 255) -> FloatArray:
    """Quantise as telephone lines do."""
    code = np.sign(samples) * np.log1p(levels * np.minimum(np.abs(samples), 1)) / np.log1p(levels)
    code = np.round(code * 127) / 127
    return np.asarray(np.sign(code) * np.expm1(np.abs(code) * np.log1p(levels)) / levels, np.float32)


def equalised(samples: FloatArray, tilt_db: float, equaliser_db: float, band_limit: float, seed: Seed) -> FloatArray:
    """Random tilt, smooth equaliser and band limits, without delay.

    Args:
        tilt_db: largest, over four octaves. equaliser_db: largest of a band. band_limit: chance 0..1.
    """
    rng = np.random.default_rng(seed)
    n = len(samples)
    hz = np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), LOWEST_HZ)
    octaves = np.log2(hz / 1000)
    db = octaves / 4 * tilt_db * rng.uniform(-1, 1)
    knots = equaliser_db * np.clip(rng.standard_normal(EQUALISER_KNOTS), -1.5, 1.5) / 1.5
    db += np.interp(octaves, np.linspace(-4.5, 3, len(knots)), knots)
    if rng.random() < band_limit:
        low_hz, high_hz = rng.uniform(50, 350), rng.uniform(3300, 7500)
        db -= 40 * np.clip((low_hz - hz) / low_hz, 0, 1) + 60 * np.clip((hz - high_hz) / 700, 0, 1)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples) * 10 ** (db / 20), n), np.float32)
