"""Other speeds and pitches of a voice; `speed` and `tempo` change the length."""

from __future__ import annotations

import numpy as np
import soxr
from scipy.signal import istft, stft

from ...audio.time_stretch import stretch
from ...values.types import FloatArray
from . import RATE_HZ

STFT_SAMPLES, ENVELOPE_QUEFRENCIES = 512, 30  # formants are the first 1.9 ms of the cepstrum
MOST_CORRECTION = 20.0  # of a band: what an empty band lacks cannot be brought back


def speed(samples: FloatArray, factor: float) -> FloatArray:
    """A tape that runs faster (above 1) or slower: time, pitch and formants together."""
    return np.asarray(soxr.resample(samples, RATE_HZ * factor, RATE_HZ))


def tempo(samples: FloatArray, factor: float) -> FloatArray:
    """Faster or slower speech of the same pitch."""
    clock_s = np.arange(round(samples.size / factor), dtype=np.float64) * (factor / RATE_HZ)
    return stretch(samples[:, None], RATE_HZ, clock_s, 1 / RATE_HZ)[:, 0]


def pitch(samples: FloatArray, semitones: float, keep_formants: bool) -> FloatArray:
    """Another pitch at the same speed; the formants move along, or are put back by their cepstral envelope."""
    factor = 2 ** (semitones / 12)
    moved = speed(tempo(samples, 1 / factor), factor)
    moved = np.resize(np.pad(moved, (0, max(0, samples.size - moved.size))), samples.size)
    if not keep_formants:
        return moved
    _, _, before = stft(samples, nperseg=STFT_SAMPLES)
    _, _, after = stft(moved, nperseg=STFT_SAMPLES)
    wanted, given = (cepstral_envelope(np.log(np.abs(spectrum) + 1e-5).T).T for spectrum in (before, after))
    gain = np.clip(np.exp(wanted - given), 1 / MOST_CORRECTION, MOST_CORRECTION)
    _, corrected = istft(after * gain, nperseg=STFT_SAMPLES)
    return np.asarray(corrected[:samples.size])


def cepstral_envelope(log_spectra: FloatArray) -> FloatArray:
    """Logarithmic magnitudes (frames, bins) without what changes fast along the bins, which is pitch."""
    cepstra = np.fft.irfft(log_spectra, axis=1)
    cepstra[:, ENVELOPE_QUEFRENCIES:cepstra.shape[1] - ENVELOPE_QUEFRENCIES + 1] = 0
    return np.asarray(np.fft.rfft(cepstra, axis=1).real)
