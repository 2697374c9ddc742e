"""Training batches: utterances joined to fixed crops, changed on the power spectrogram, with curves for a speaking style."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import EngineError
from ..nets.layers import PowerSpectrum
from .augment import AugmentConfig, augment
from .synth.phones import PHONE_INDEX, Phone
from .synth.utterance import SAMPLE_RATE_HZ, Utterance, load_shard
from .synth.visemes import CURVES, STYLES, viseme_curves

FPS = 50
SPEED = (0.85, 1.17)
NOISE_ONLY_SHARE = 0.06  # of the crops: the mouth must rest where nobody speaks
GAP_SHARE, LONGEST_GAP_S = 0.55, 1.6  # pauses between utterances
LONG_GAP_SHARE, LONGEST_LONG_GAP_S = 0.12, 4.5
STYLE_NAMES = tuple(STYLES)


@dataclass(frozen=True)
class Batch:
    """One training step's data; b crops of t frames of 20 ms.

    Attributes:
        power: (b, 257, 2 t) augmented power spectrum.
        curves: (b, t, len(CURVES)) targets of each crop's style.
        phones: (b, t) int64 phone class per frame.
        identity: (b,) int64 row of the style table: the style, or the pivot.
    """

    power: Tensor
    curves: Tensor
    phones: Tensor
    identity: Tensor


class CorpusBatches:
    """Endless random batches from a corpus folder; the same seed and step give the same batch.

    Raises:
        EngineError: the folder holds no shards.
    """

    def __init__(self, folder: Path, crop_s: float, batch_size: int, pivot_share: float) -> None:
        paths = sorted(folder.glob("*_*.npz"))
        if not paths:
            raise EngineError(f"No corpus in {folder}. Make it first: python -m engine train CONFIG.toml.")
        self.utterances: list[Utterance] = [u for path in paths for u in load_shard(path)]
        self.frames = round(crop_s * FPS)
        self.batch_size = batch_size
        self.pivot_share = pivot_share
        self._spectrum = PowerSpectrum()
        self._augment = AugmentConfig()

    def batch(self, seed: int) -> Batch:
        """The batch of one step."""
        rng = random.Random(seed)
        generator = torch.Generator().manual_seed(seed)
        speeds = [rng.uniform(*SPEED) for _ in range(self.batch_size)]
        longest = int(np.ceil(self.frames * max(speeds))) + 2
        waves = np.zeros((self.batch_size, longest * SAMPLE_RATE_HZ // FPS), np.float32)
        curves = np.zeros((self.batch_size, self.frames, len(CURVES)), np.float32)
        phones = np.zeros((self.batch_size, self.frames), np.int64)
        identity = np.zeros(self.batch_size, np.int64)
        for i, speed in enumerate(speeds):
            wave, spoken = self._crop(waves.shape[1], rng)
            waves[i] = wave
            spoken = [Phone(p.label, p.start_s / speed, p.end_s / speed) for p in spoken]
            style = rng.randrange(len(STYLE_NAMES))
            curves[i] = viseme_curves(spoken, FPS, self.frames, STYLES[STYLE_NAMES[style]])
            phones[i] = frame_labels(spoken, self.frames)
            identity[i] = pick_identity(style, len(STYLE_NAMES), self.pivot_share, rng)
        with torch.no_grad():
            power = self._spectrum(torch.from_numpy(waves))
            power = augment(power, torch.tensor(speeds), 2 * self.frames, self._augment, generator)
        return Batch(power, torch.from_numpy(curves), torch.from_numpy(phones), torch.from_numpy(identity))

    def _crop(self, n_samples: int, rng: random.Random) -> tuple[np.ndarray, list[Phone]]:
        """Utterances with pauses between them, cut to n_samples, and their phones."""
        wave = np.zeros(n_samples, np.float32)
        if rng.random() < NOISE_ONLY_SHARE:
            return wave, [Phone("SIL", 0.0, n_samples / SAMPLE_RATE_HZ)]
        at = -rng.randrange(0, 3 * SAMPLE_RATE_HZ) if rng.random() < 0.7 else 0
        phones: list[Phone] = []
        while at < n_samples:
            utterance = rng.choice(self.utterances)
            samples = utterance.samples
            start, stop = max(at, 0), min(at + samples.size, n_samples)
            if stop > start:
                level = 10 ** (rng.uniform(-6, 0) / 20)
                wave[start:stop] = samples[start - at:stop - at].astype(np.float32) * (level / 32768)
                shift_s = at / SAMPLE_RATE_HZ
                phones += [Phone(p.label, p.start_s + shift_s, p.end_s + shift_s) for p in utterance.phones
                           if p.end_s + shift_s > -0.5]
            at += samples.size
            if rng.random() < GAP_SHARE:
                longest_s = LONGEST_LONG_GAP_S if rng.random() < LONG_GAP_SHARE else LONGEST_GAP_S
                gap = round(rng.uniform(0, longest_s) * SAMPLE_RATE_HZ)
                phones.append(Phone("SIL", at / SAMPLE_RATE_HZ, (at + gap) / SAMPLE_RATE_HZ))
                at += gap
        return wave, phones


def pick_identity(style: int, pivot: int, pivot_share: float, rng: random.Random) -> int:
    """The style's own row, or by chance the pivot's: so the pivot learns what all styles share (UniTalker, section 3.2)."""
    return pivot if rng.random() < pivot_share else style


def frame_labels(phones: list[Phone], n_frames: int) -> np.ndarray:
    """(n_frames,) int64 class of the phone that sounds at each frame's second; silence where none does."""
    labels = np.full(n_frames, PHONE_INDEX["SIL"], np.int64)
    for phone in phones:
        first = max(int(np.ceil(phone.start_s * FPS)), 0)
        labels[first:max(int(np.ceil(phone.end_s * FPS)), first)] = PHONE_INDEX[phone.label]
    return labels
