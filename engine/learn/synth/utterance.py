"""One spoken line with the times of its phones, and how a shard of them is stored."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from .phones import PHONE_INDEX, PHONES, Phone

SAMPLE_RATE_HZ = 16000
PEAK = 0.7  # every utterance is stored at this peak; training varies the gain


@dataclass(frozen=True)
class Utterance:
    """Speech (n,) int16 mono 16 kHz and phones that cover it without gaps."""

    samples: np.ndarray
    phones: tuple[Phone, ...]
    voice: str


def make_utterance(samples: np.ndarray, rate_hz: int, phones: Sequence[Phone], voice: str) -> Utterance:
    """Resample to 16 kHz, set the peak, cover the whole length with phones (silence fills what is free).

    Raises:
        ValueError: no sound, or fewer than three phones.
    """
    wave = np.asarray(samples, dtype=np.float32)
    if rate_hz != SAMPLE_RATE_HZ:
        wave = soxr.resample(wave, rate_hz, SAMPLE_RATE_HZ)
    peak = float(np.abs(wave).max(initial=0.0))
    if peak <= 0 or len(phones) < 3:
        raise ValueError(f"voice {voice} gave {wave.size} samples of peak {peak} and {len(phones)} phones")
    duration_s = wave.size / SAMPLE_RATE_HZ
    covered: list[Phone] = []
    at_s = 0.0
    for phone in phones:
        start_s, end_s = min(phone.start_s, duration_s), min(phone.end_s, duration_s)
        if start_s > at_s + 1e-3:
            covered.append(Phone("SIL", at_s, start_s))
        if end_s > start_s:
            covered.append(Phone(phone.label, start_s, end_s))
            at_s = end_s
    if at_s < duration_s:
        covered.append(Phone("SIL", at_s, duration_s))
    return Utterance(np.round(wave * (PEAK * 32767 / peak)).astype(np.int16), tuple(covered), voice)


def save_shard(path: Path, utterances: Sequence[Utterance]) -> None:
    """Write utterances as one npz; the name appears only when the file is whole."""
    partial = path.with_name(path.name + ".part.npz")
    np.savez(
        partial,
        samples=np.concatenate([u.samples for u in utterances]),
        sample_counts=np.array([u.samples.size for u in utterances]),
        labels=np.array([PHONE_INDEX[p.label] for u in utterances for p in u.phones], dtype=np.uint8),
        starts_s=np.array([p.start_s for u in utterances for p in u.phones], dtype=np.float32),
        ends_s=np.array([p.end_s for u in utterances for p in u.phones], dtype=np.float32),
        phone_counts=np.array([len(u.phones) for u in utterances]),
        voices=np.array([u.voice for u in utterances]),
    )
    os.replace(partial, path)


def load_shard(path: Path) -> list[Utterance]:
    """Read back what save_shard wrote."""
    with np.load(path, allow_pickle=False) as shard:
        data = {name: shard[name] for name in shard.files}
    sample_ends = np.cumsum(data["sample_counts"])
    phone_ends = np.cumsum(data["phone_counts"])
    utterances = []
    for i, voice in enumerate(data["voices"]):
        first, last = phone_ends[i] - data["phone_counts"][i], phone_ends[i]
        phones = tuple(
            Phone(PHONES[int(data["labels"][j])], float(data["starts_s"][j]), float(data["ends_s"][j]))
            for j in range(first, last)
        )
        samples = data["samples"][sample_ends[i] - data["sample_counts"][i]:sample_ends[i]]
        utterances.append(Utterance(samples, phones, str(voice)))
    return utterances
