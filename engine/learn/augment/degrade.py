"""What recordings go through before they reach an animator: noise, music, rooms, telephones, codecs, other speeds, pitches and levels.

Each takes mono float at 16 kHz and gives the same back; only `speed` and `tempo` change the length.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, istft, sosfilt, stft

from ...values.errors import EngineError
from . import non_speech

FloatArray = NDArray[Any]

RATE_HZ = 16_000
TELEPHONE_HZ = (300.0, 3400.0)
MP3_RATES_KBPS = (8, 160)  # of MPEG-2 at 16 kHz; soundfile's level 0..1 runs from the highest to the lowest
STRETCH_WINDOW_S, STRETCH_SEARCH_S = 0.030, 0.010  # two to four periods of a voice; half a period of a low one
STFT_SAMPLES, ENVELOPE_QUEFRENCIES = 512, 30  # formants are the first 1.9 ms of the cepstrum
MOST_CORRECTION = 20.0  # of a band: what an empty band lacks cannot be brought back


def with_noise(samples: FloatArray, snr_db: float, seed: int) -> FloatArray:
    """Pink noise so far below the mean level of the whole clip."""
    return _mixed(samples, non_speech.pink(samples.size, np.random.default_rng(seed)), snr_db)


def with_music(samples: FloatArray, snr_db: float, seed: int) -> FloatArray:
    """The music bed of sounds.py so far below the mean level of the whole clip."""
    return _mixed(samples, non_speech.music(samples.size / RATE_HZ, seed)[:samples.size], snr_db)


def in_room(samples: FloatArray, rt60_s: float, direct_db: float, seed: int) -> FloatArray:
    """A room: an exponential tail that falls by 60 dB in rt60_s and is direct_db weaker than the direct sound."""
    rng = np.random.default_rng(seed)
    n_tail = round(rt60_s * RATE_HZ)
    tail = rng.standard_normal(n_tail) * 10 ** (-3 * np.arange(n_tail) / n_tail)
    tail *= 10 ** (-direct_db / 20) / np.sqrt((tail**2).sum())
    n_fft = 1 << int(np.ceil(np.log2(samples.size + n_tail)))
    return samples + np.fft.irfft(np.fft.rfft(samples, n_fft) * np.fft.rfft(tail, n_fft), n_fft)[:samples.size]


def over_telephone(samples: FloatArray) -> FloatArray:
    """300 to 3400 Hz, 24 dB per octave."""
    return np.asarray(sosfilt(butter(4, TELEPHONE_HZ, "bandpass", fs=RATE_HZ, output="sos"), samples))


def as_mp3(samples: FloatArray, kbps: int) -> FloatArray:
    """Through an MP3 file of constant rate, put back in time.

    Raises:
        EngineError: this libsndfile writes no MP3.
    """
    if "MP3" not in soundfile.available_formats():
        raise EngineError(f"libsndfile {soundfile.__libsndfile_version__} writes no MP3. Install soundfile 0.12.1 or newer.")
    low, high = MP3_RATES_KBPS
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format="MP3", bitrate_mode="CONSTANT", compression_level=(high - kbps) / (high - low))
    file.seek(0)
    decoded, _ = soundfile.read(file)
    n_fft = 1 << int(np.ceil(np.log2(samples.size + decoded.size)))
    match = np.fft.irfft(np.fft.rfft(decoded, n_fft) * np.conj(np.fft.rfft(samples, n_fft)), n_fft)
    delay = int(match[:RATE_HZ // 4].argmax())  # an encoder and a decoder that drop no delay are up to 0.14 s late
    return np.resize(np.pad(decoded[delay:], (0, max(0, samples.size - decoded.size + delay))), samples.size)


def speed(samples: FloatArray, factor: float) -> FloatArray:
    """A tape that runs faster (above 1) or slower: time, pitch and formants together."""
    return np.asarray(soxr.resample(samples, RATE_HZ * factor, RATE_HZ))


def tempo(samples: FloatArray, factor: float) -> FloatArray:
    """Faster or slower speech of the same pitch. Source: WSOLA (Verhelst and Roelands 1993)."""
    window_size, reach = round(STRETCH_WINDOW_S * RATE_HZ) // 2 * 2, round(STRETCH_SEARCH_S * RATE_HZ)
    hop = window_size // 2
    window = np.hanning(window_size + 1)[:-1]
    n_out = round(samples.size / factor)
    source = np.pad(samples, (reach, window_size * 2 + reach + round(hop * factor)))
    out, last = np.zeros(n_out + 2 * window_size), reach
    for at in range(0, n_out, hop):
        centre = reach + round(at * factor)
        if at:
            wanted = source[last + hop:last + hop + window_size]  # what would go on without a seam
            region = source[centre - reach:centre + reach + window_size]
            if wanted.size == window_size and region.size == 2 * reach + window_size:
                last = centre - reach + int(np.correlate(region, wanted, mode="valid").argmax())
            else:
                last = min(centre, source.size - window_size)
        else:
            last = centre
        out[at:at + window_size] += window * source[last:last + window_size]
    return out[:n_out]


def pitch(samples: FloatArray, semitones: float, keep_formants: bool) -> FloatArray:
    """Another pitch at the same speed; the formants move along, or are put back by their cepstral envelope."""
    factor = 2 ** (semitones / 12)
    moved = speed(tempo(samples, 1 / factor), factor)
    moved = np.resize(np.pad(moved, (0, max(0, samples.size - moved.size))), samples.size)
    if not keep_formants:
        return moved
    _, _, before = stft(samples, nperseg=STFT_SAMPLES)
    _, _, after = stft(moved, nperseg=STFT_SAMPLES)
    gain = np.clip(_envelope(before) / _envelope(after), 1 / MOST_CORRECTION, MOST_CORRECTION)
    _, corrected = istft(after * gain, nperseg=STFT_SAMPLES)
    return np.asarray(corrected[:samples.size])


def gain(samples: FloatArray, decibel: float) -> FloatArray:
    """Louder or quieter; what passes full scale is clipped, as in a file."""
    return np.clip(samples * 10 ** (decibel / 20), -1, 1)


def _envelope(spectrum: FloatArray) -> FloatArray:
    """Smooth magnitude (bins, frames) of a short-time spectrum."""
    cepstrum = np.fft.irfft(np.log(np.abs(spectrum) + 1e-5), axis=0)
    cepstrum[ENVELOPE_QUEFRENCIES:-ENVELOPE_QUEFRENCIES + 1] = 0
    return np.asarray(np.exp(np.fft.rfft(cepstrum, axis=0).real))


def _mixed(samples: FloatArray, other: FloatArray, snr_db: float) -> FloatArray:
    other = other * np.sqrt((samples**2).mean() / max(float((other**2).mean()), 1e-12)) * 10 ** (-snr_db / 20)
    mixed = samples + other
    return np.asarray(mixed / max(1.0, float(np.abs(mixed).max())))
