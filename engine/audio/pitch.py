"""How high a voice is, frame by frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..values.types import SAMPLE_RATE_HZ, Waveform

RATE_HZ = 50                    # of the track: blocks of level.py
PITCH_RATE_HZ = 4000            # enough for a voice, and a quarter of the work
PITCH_WINDOW_S = 0.04           # three periods of the lowest voice
LOWEST_HZ, HIGHEST_HZ = 70.0, 400.0
VOICED_FROM = 0.45              # autocorrelation, as a share of that of a perfect period
OCTAVE_COST = 0.05              # an octave lower must fit so much better
FFT_SIZE = 256                  # holds a window and the longest period
CHUNK_FRAMES = 3000             # a minute at a time: memory does not grow with the clip


def pitch_hz(wave: Waveform, n_frames: int) -> NDArray[np.float64]:
    """Pitch of the first n_frames frames (n_frames,) at RATE_HZ; 0 where there is none."""
    firsts = range(0, n_frames, CHUNK_FRAMES)
    chunks = [_chunk(wave, first, min(first + CHUNK_FRAMES, n_frames)) for first in firsts]
    return np.concatenate(chunks) if chunks else np.zeros(0)


def _chunk(wave: Waveform, first: int, stop: int) -> NDArray[np.float64]:
    """Pitch of frames first to stop; 0 where there is none.

    Source: autocorrelation divided by that of the window (Boersma 1993), with a parabola through its best lag.
    """
    window_length, step = round(PITCH_WINDOW_S * PITCH_RATE_HZ), PITCH_RATE_HZ // RATE_HZ
    factor = SAMPLE_RATE_HZ // PITCH_RATE_HZ
    start = first * step - window_length // 2 + step // 2
    length = (stop - first - 1) * step + window_length
    sound = wave.samples[max(start, 0) * factor:(start + length) * factor]
    averaged = sound[:len(sound) // factor * factor].reshape(-1, factor).mean(axis=1)
    slow = np.convolve(averaged, (0.25, 0.5, 0.25), "same")      # high partials blur a period
    before = max(-start, 0)
    slow = np.pad(slow, (before, max(0, length - before - len(slow))))[:length]
    frames = np.lib.stride_tricks.sliding_window_view(slow, window_length)[::step]
    window = np.hanning(window_length).astype(np.float32)
    spectrum = np.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * window, FFT_SIZE)
    same = np.fft.irfft(spectrum.real ** 2 + spectrum.imag ** 2, FFT_SIZE)
    of_window = np.fft.irfft(np.abs(np.fft.rfft(window, FFT_SIZE)) ** 2, FFT_SIZE)
    lags = np.arange(int(PITCH_RATE_HZ / HIGHEST_HZ), int(np.ceil(PITCH_RATE_HZ / LOWEST_HZ)) + 1)
    fit = same / np.maximum(same[:, :1], 1e-12) / (of_window / of_window[0])
    inner = fit[:, lags]
    tops = (inner >= fit[:, lags - 1]) & (inner >= fit[:, lags + 1])
    best = np.argmax(np.where(tops, inner - OCTAVE_COST * np.log2(lags), -np.inf), axis=1)
    rows = np.arange(len(fit))
    before, at, after = (fit[rows, lags[best] + side] for side in (-1, 0, 1))
    bend = before - 2 * at + after
    lag = lags[best] + np.where(bend < -1e-9, 0.5 * (before - after) / np.minimum(bend, -1e-9), 0).clip(-0.5, 0.5)
    return np.where((at > VOICED_FROM) & tops[rows, best], PITCH_RATE_HZ / lag, 0.0)
