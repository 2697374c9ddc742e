"""Speech changed into singing, whispering and shouting, with the phone times changed along.

The spectral envelope of each 5 ms is kept and driven by a new voice source: noise for a whisper, pulses on notes with
vibrato for singing, pulses half an octave up for a shout. Vowels are held by showing their envelopes for longer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...values.types import FloatArray
from ..augment.tempo_and_pitch import cepstral_envelope
from .phones import VOWELS, Phone
from .utterance import SAMPLE_RATE_HZ, Utterance, make_utterance

PERFORMANCES = ("sung", "whispered", "shouted")
HOP, WINDOW = 80, 400  # samples: 5 ms and 25 ms
FFT = 512
HARMONIC_LIMIT_HZ = 5000.0  # above it even a voiced sound is noise
VOICED_CORRELATION = 0.5
SHORT_PERIOD_BIAS = 0.3
LOWEST_F0_HZ, HIGHEST_F0_HZ = 70.0, 400.0
VIBRATO_HZ, VIBRATO_SEMITONES, VIBRATO_AFTER_S = (4.8, 6.6), (0.2, 0.9), 0.25
NOTE_GLIDE_S = 0.06
SCALE_SEMITONES = (-5, -3, -1, 0, 2, 4, 5, 7, 9, 12)
SUNG_BASE_HZ = (100.0, 280.0)
HELD_VOWEL, SUNG_CONSONANT, SUNG_PAUSE = (1.5, 4.5), (1.0, 1.35), (0.5, 0.9)  # factors of length
SHOUT_F0, SHOUT_FORMANTS, SHOUT_TILT_DB, SHOUT_VOWEL = (1.35, 1.9), (1.04, 1.14), (4.0, 10.0), (1.0, 1.5)
WHISPER_TILT_DB = (3.0, 9.0)
CALM_SLOWER, CALM_MELODY, CALM_F0, CALM_TILT_DB = (1.05, 1.2), 0.6, (0.9, 1.0), (3.0, 7.0)


@dataclass(frozen=True)
class _Score:
    """What the new source plays on the new clock, one value each HOP.

    Attributes:
        source_frames: (n,) which frame of the original is shown.
        f0_hz: (n,) pitch.
        voiced: (n,) 0 noise to 1 pulses.
        formants: factor of the envelope's frequencies.
        tilt_db: added at 3 kHz and above, falling to 0 at 500 Hz.
    """

    source_frames: FloatArray
    f0_hz: FloatArray
    voiced: FloatArray
    formants: float = 1.0
    tilt_db: float = 0.0


def perform(utterance: Utterance, way: str, rng: random.Random) -> Utterance:
    """The utterance "sung", "whispered" or "shouted"; its phones are those of the new clock."""
    f0_hz, voiced = pitch(utterance.samples)
    factors = [_length_factor(phone, way, rng) for phone in utterance.phones]
    phones = _stretched(utterance.phones, factors)
    frames = _source_frames(utterance.phones, phones, len(f0_hz))
    nearest = np.clip(np.round(frames).astype(np.int64), 0, len(f0_hz) - 1)
    if way == "sung":
        score = _Score(frames, _melody(phones, len(frames), rng), voiced[nearest])
    elif way == "whispered":
        score = _Score(frames, f0_hz[nearest], np.zeros(len(frames)), tilt_db=rng.uniform(*WHISPER_TILT_DB))
    else:
        score = _Score(frames, f0_hz[nearest] * rng.uniform(*SHOUT_F0), voiced[nearest], rng.uniform(*SHOUT_FORMANTS),
                       rng.uniform(*SHOUT_TILT_DB))
    samples = _play(utterance.samples, score, np.random.default_rng(rng.randrange(2**32)))
    return make_utterance(samples, SAMPLE_RATE_HZ, phones, f"{utterance.voice} {way}")


def calmed(utterance: Utterance, rng: random.Random) -> Utterance:
    """The utterance slower, flatter and softer: less pitch, weaker upper partials."""
    f0_hz, voiced = pitch(utterance.samples)
    slower, middle = rng.uniform(*CALM_SLOWER), float(np.median(f0_hz))
    frames = np.clip(np.arange(int(len(f0_hz) * slower)) / slower, 0, len(f0_hz) - 1)
    nearest = np.round(frames).astype(np.int64)
    melody = (middle + (f0_hz[nearest] - middle) * CALM_MELODY) * rng.uniform(*CALM_F0)
    score = _Score(frames, melody, voiced[nearest], tilt_db=-rng.uniform(*CALM_TILT_DB))
    phones = [Phone(p.label, p.start_s * slower, p.end_s * slower) for p in utterance.phones]
    samples = _play(utterance.samples, score, np.random.default_rng(rng.randrange(2**32)))
    return make_utterance(samples, SAMPLE_RATE_HZ, phones, f"{utterance.voice} calm")


def pitch(samples: NDArray[np.int16]) -> tuple[FloatArray, FloatArray]:
    """Pitch in Hz and voicing 0..1, (n_frames,) each, one per HOP; unvoiced frames carry their neighbours' pitch.

    Source: highest peak of the normalised autocorrelation of 40 ms.
    """
    length = 640
    frames = _frames(samples.astype(np.float64), length)
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(frames, 2 * length, axis=1)) ** 2
    correlation = np.fft.irfft(spectrum, axis=1)[:, :length]
    shortest, longest = round(SAMPLE_RATE_HZ / HIGHEST_F0_HZ), round(SAMPLE_RATE_HZ / LOWEST_F0_HZ)
    tapered = np.arange(length, 0, -1) / length
    normal = correlation / (tapered * (correlation[:, :1] + 1e4))
    # Twice the period fits as well as the period.
    short_first = 1 - SHORT_PERIOD_BIAS * np.arange(shortest, longest) / longest
    lags = (normal[:, shortest:longest] * short_first).argmax(axis=1) + shortest
    strength = normal[np.arange(len(lags)), lags]
    voiced = (strength > VOICED_CORRELATION).astype(np.float64)
    if not voiced.any():
        return np.full(len(lags), 120.0), voiced
    sounding = np.flatnonzero(voiced)
    f0_hz = np.interp(np.arange(len(lags)), sounding, SAMPLE_RATE_HZ / lags[sounding])
    median = float(np.median(f0_hz[sounding]))  # octave slips go back to the voice's own range
    f0_hz = np.where(f0_hz > 1.7 * median, f0_hz / 2, np.where(f0_hz < 0.6 * median, f0_hz * 2, f0_hz))
    smooth: FloatArray = np.convolve(np.pad(f0_hz, 3, mode="edge"), np.ones(7) / 7, "valid")
    return smooth, voiced


def _length_factor(phone: Phone, way: str, rng: random.Random) -> float:
    if way == "whispered":
        return 1.0
    if way == "shouted":
        return rng.uniform(*SHOUT_VOWEL) if phone.label in VOWELS else 1.0
    if phone.label == "SIL":
        return rng.uniform(*SUNG_PAUSE)
    return rng.uniform(*(HELD_VOWEL if phone.label in VOWELS else SUNG_CONSONANT))


def _stretched(phones: Sequence[Phone], factors: Sequence[float]) -> list[Phone]:
    stretched: list[Phone] = []
    at_s = 0.0
    for phone, factor in zip(phones, factors, strict=True):
        end_s = at_s + (phone.end_s - phone.start_s) * factor
        stretched.append(Phone(phone.label, at_s, end_s))
        at_s = end_s
    return stretched


def _source_frames(old: Sequence[Phone], new: Sequence[Phone], n_frames: int) -> FloatArray:
    """The old clock's frame for each HOP of the new one; a held vowel keeps its edges and its middle is held."""
    old_s, new_s = [0.0], [0.0]
    for before, after in zip(old, new, strict=True):
        length_s, grown_s = before.end_s - before.start_s, after.end_s - after.start_s
        if before.label in VOWELS and grown_s > 1.2 * length_s:
            edge_s = 0.4 * length_s
            old_s += [before.start_s + edge_s, before.end_s - edge_s]
            new_s += [after.start_s + edge_s, after.end_s - edge_s]
        old_s.append(before.end_s)
        new_s.append(after.end_s)
    frame_s = HOP / SAMPLE_RATE_HZ
    times = np.arange(max(int(new[-1].end_s / frame_s), 1)) * frame_s
    frames: FloatArray = np.clip(np.interp(times, new_s, old_s) / frame_s, 0, n_frames - 1)
    return frames


def _melody(phones: Sequence[Phone], n_frames: int, rng: random.Random) -> FloatArray:
    """A note for each vowel, reached by a glide, with vibrato on long ones; pitch in Hz."""
    base_hz = rng.uniform(*SUNG_BASE_HZ)
    vibrato_hz, depth = rng.uniform(*VIBRATO_HZ), rng.uniform(*VIBRATO_SEMITONES)
    times = np.arange(n_frames) * HOP / SAMPLE_RATE_HZ
    semitones, vibrato = np.zeros(n_frames), np.zeros(n_frames)
    degree = rng.randrange(len(SCALE_SEMITONES))
    for phone in phones:
        if phone.label in VOWELS:
            degree = min(max(degree + rng.randint(-2, 2), 0), len(SCALE_SEMITONES) - 1)
            held = times - phone.start_s - VIBRATO_AFTER_S
            inside = (held > 0) & (times < phone.end_s)
            vibrato[inside] = depth * np.minimum(held[inside] / 0.2, 1) * np.sin(2 * np.pi * vibrato_hz * held[inside])
        semitones[times >= phone.start_s] = SCALE_SEMITONES[degree]
    glide = max(round(NOTE_GLIDE_S * SAMPLE_RATE_HZ / HOP), 1)
    smooth = np.convolve(np.pad(semitones, (glide, glide), mode="edge"), np.ones(glide) / glide, "same")[glide:-glide]
    melody: FloatArray = base_hz * 2 ** ((smooth + vibrato) / 12)
    return melody


def _play(samples: NDArray[np.int16], score: _Score, rng: np.random.Generator) -> FloatArray:
    """The score with the envelopes of the samples: excitation, multiplied frame by frame, overlap-added."""
    envelopes = _envelopes(samples)[np.round(score.source_frames).astype(np.int64)]
    bins_hz = np.arange(FFT // 2 + 1) * SAMPLE_RATE_HZ / FFT
    if score.formants != 1.0:
        positions = np.clip(np.arange(FFT // 2 + 1) / score.formants, 0, FFT // 2)
        low = np.floor(positions).astype(np.int64)
        share = positions - low
        envelopes = envelopes[:, low] * (1 - share) + envelopes[:, np.minimum(low + 1, FFT // 2)] * share
    tilt = np.clip(np.log2(np.maximum(bins_hz, 1) / 500) / np.log2(6), 0, 1) * score.tilt_db
    gains = np.exp(envelopes) * 10 ** (tilt / 20)
    n_samples = len(score.f0_hz) * HOP
    noise = rng.standard_normal(n_samples)
    pulses = _pulses(score.f0_hz, n_samples)
    window = np.hanning(WINDOW)
    noise_spectra = np.fft.rfft(_frames(noise, WINDOW) * window, FFT, axis=1)
    pulse_spectra = np.fft.rfft(_frames(pulses, WINDOW) * window, FFT, axis=1)
    harmonic = score.voiced[:, None] * np.clip((HARMONIC_LIMIT_HZ - bins_hz) / 2000 + 0.5, 0, 1)
    driven = (pulse_spectra * np.sqrt(harmonic) + noise_spectra * np.sqrt(1 - harmonic)) * gains
    return _overlap_add(np.fft.irfft(driven, FFT, axis=1)[:, :WINDOW] * window, n_samples)


def _envelopes(samples: NDArray[np.int16]) -> FloatArray:
    """(n_frames, FFT / 2 + 1) logarithm of the smoothed amplitude spectrum, relative to white noise of deviation 1."""
    window = np.hanning(WINDOW)
    spectra = np.abs(np.fft.rfft(_frames(samples / 32768, WINDOW) * window, FFT, axis=1))
    spectra = spectra / np.sqrt(np.square(window).sum())
    return cepstral_envelope(np.log(spectra + 1e-6))


def _pulses(f0_hz: FloatArray, n_samples: int) -> FloatArray:
    """Pulses of the given pitch, of mean power 1."""
    f0 = np.interp(np.arange(n_samples), np.arange(len(f0_hz)) * HOP, f0_hz)
    turns = np.floor(np.cumsum(f0) / SAMPLE_RATE_HZ)
    starts = np.diff(turns, prepend=0.0) > 0
    return np.where(starts, np.sqrt(SAMPLE_RATE_HZ / f0), 0.0)


def _frames(samples: FloatArray, length: int) -> FloatArray:
    """(n / HOP, length) frames centred on the hops."""
    n_frames = max(samples.size // HOP, 1)
    padded = np.pad(samples, (length // 2, length + HOP))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::HOP][:n_frames]


def _overlap_add(frames: FloatArray, n_samples: int) -> FloatArray:
    out = np.zeros(n_samples + 2 * WINDOW)
    weight = np.zeros(n_samples + 2 * WINDOW)
    window = np.hanning(WINDOW) ** 2
    for i, frame in enumerate(frames):
        out[i * HOP:i * HOP + WINDOW] += frame
        weight[i * HOP:i * HOP + WINDOW] += window
    start = WINDOW // 2
    mixed: FloatArray = (out / np.maximum(weight, 1e-3))[start:start + n_samples]
    return mixed
