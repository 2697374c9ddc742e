"""Laughter made from a voice's own vowels: short bursts behind breath, falling in level, at the pace of people's
laughs.

Source: voiced bursts of about 75 ms every 210 ms are what laughs of many people have in common (Bachorowski, Smoski
and Owren 2001).
"""

from __future__ import annotations

import random

import numpy as np

from ...values.types import FloatArray
from .phones import Phone
from .utterance import SAMPLE_RATE_HZ, Utterance, make_utterance

LAUGHED = frozenset(["AA", "AE", "AH", "EH", "AX"])  # vowels that laughs are made of
SHORTEST_VOWEL_S = 0.06
BURSTS, BURST_S, EVERY_S = (3, 9), (0.060, 0.095), (0.17, 0.25)
BREATH_LEVEL, FALL_DB = (0.04, 0.15), (0.0, 1.5)  # of the breath before a burst, and from burst to burst
PAUSE_S = (0.15, 0.5)


def laugh(utterance: Utterance, rng: random.Random) -> Utterance | None:
    """A laugh in the voice of an utterance; None where it has no vowel to laugh with."""
    vowels = [p for p in utterance.phones if p.label in LAUGHED and p.end_s - p.start_s >= SHORTEST_VOWEL_S]
    if not vowels:
        return None
    vowel, numbers = rng.choice(vowels), np.random.default_rng(rng.randrange(2**32))
    first, last = (round(edge_s * SAMPLE_RATE_HZ) for edge_s in (vowel.start_s, vowel.end_s))
    source = utterance.samples[first:last].astype(np.float64) / 32768
    wave: list[FloatArray] = [np.zeros(round(rng.uniform(*PAUSE_S) * SAMPLE_RATE_HZ))]
    phones, level = [], 1.0
    at_s = wave[0].size / SAMPLE_RATE_HZ
    phones.append(Phone("SIL", 0.0, at_s))
    breath_level = rng.uniform(*BREATH_LEVEL)
    for _ in range(rng.randint(*BURSTS)):
        burst = level * _burst(source, rng.uniform(*BURST_S))
        breath_s = max(rng.uniform(*EVERY_S) - burst.size / SAMPLE_RATE_HZ, 0.05)
        breath = level * breath_level * np.abs(source).max() * _breath(round(breath_s * SAMPLE_RATE_HZ), numbers)
        middle_s, end_s = at_s + breath.size / SAMPLE_RATE_HZ, at_s + (breath.size + burst.size) / SAMPLE_RATE_HZ
        phones += [Phone("HH", at_s, middle_s), Phone(vowel.label, middle_s, end_s)]
        wave += [breath, burst]
        at_s, level = end_s, level * 10 ** (-rng.uniform(*FALL_DB) / 20)
    wave.append(np.zeros(round(rng.uniform(*PAUSE_S) * SAMPLE_RATE_HZ)))
    voice = f"{utterance.voice.rpartition(' ')[0] or utterance.voice} laughed"
    return make_utterance(np.concatenate(wave), SAMPLE_RATE_HZ, phones, voice)


def _burst(source: FloatArray, length_s: float) -> FloatArray:
    """The middle of a vowel, forth and back where it is too short, with soft edges."""
    n = round(length_s * SAMPLE_RATE_HZ)
    while source.size < n:
        source = np.concatenate([source, source[::-1]])
    first = (source.size - n) // 2
    edge = min(round(0.012 * SAMPLE_RATE_HZ), n // 3)
    window = np.ones(n)
    window[:edge] = np.sin(np.linspace(0, np.pi / 2, edge)) ** 2
    window[-edge:] = window[:edge][::-1]
    return np.asarray(source[first : first + n] * window)


def _breath(n: int, numbers: np.random.Generator) -> FloatArray:
    """Noise that swells towards the burst."""
    noise = np.convolve(numbers.standard_normal(n + 2), np.ones(3) / 3, "valid")
    return np.asarray(noise / np.abs(noise).max() * np.linspace(0.3, 1.0, n))
