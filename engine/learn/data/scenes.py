"""Scenes: utterances of one corpus joined with pauses, in rooms and noise, with features of the frozen front end.

The published front end (engine/nets) is never trained, so it runs once: its features are kept beside the wave, and
training takes crops of them. A scene is as long as the clips and windows that the engine will meet, since the front end
sees a scene as a whole.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from ...values.errors import EngineError
from ...values.types import FloatArray
from ..augment.noise import sloped
from ..augment.recording import AugmentConfig, Backdrop, augment
from ..synth.effort import phone_efforts_db
from ..synth.phones import PHONE_INDEX, PHONES, Phone
from ..synth.utterance import SAMPLE_RATE_HZ, Utterance, load_shard

FRAME = 320
SHORTEST_S, LONGEST_S = 4.0, 20.0
SPEED = (0.86, 1.16)                    # voice and tempo together, as a tape
NOISE_ONLY_SHARE = 0.05                 # of the scenes: the mouth must rest where nobody speaks
CLEAN_SHARE = 0.15
GAP_SHARE, LONGEST_GAP_S = 0.55, 1.2    # pauses between utterances
LONG_GAP_SHARE, LONGEST_LONG_GAP_S = 0.10, 3.5
SCENES_PER_FILE = 120
EDGE_S = 0.5  # so far beyond its ends a scene knows its phones

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scene:
    """A wave (320 t,) float16 in -1..1, features (t, c) float16 (c is 0 without a front end) and phones."""

    wave: NDArray[Any]
    features: NDArray[Any]
    phones: tuple[Phone, ...]
    efforts_db: tuple[float, ...]


class Corpus:
    """Utterances by voice, and the share of each kind of source among what is drawn."""

    def __init__(self, folder: Path, shares: dict[str, float]) -> None:
        """shares: part of the utterances by the prefix of the shard's name; the others share the rest by their length.

        Raises:
            EngineError: the folder holds no shards.
        """
        self.groups: dict[str, list[Utterance]] = {}
        for path in sorted(folder.glob("*_*.npz")):
            if path.name.startswith(("noise_", "curves_")):
                continue
            prefix = next((name for name in shares if path.name.startswith(name)), "")
            self.groups.setdefault(prefix, []).extend(load_shard(path))
        if not self.groups:
            raise EngineError(f"No corpus in {folder}. Make it first: python -m engine train CONFIG.toml.")
        self.backdrops: list[Backdrop] = [
            _stretch_of(np.load(path)["samples"]) for path in sorted(folder.glob("noise_*.npz"))
        ]
        rest = 1 - sum(share for name, share in shares.items() if name in self.groups)
        self.names = list(self.groups)
        self.weights = [shares.get(name, rest) if name else max(rest, 0.0) for name in self.names]

    def draw(self, rng: random.Random) -> Utterance:
        """A random utterance."""
        return rng.choice(self.groups[rng.choices(self.names, self.weights)[0]])


def make_scenes(corpus: Corpus, folder: Path, hours: float, front_end: nn.Module | None) -> None:
    """Write scenes until the folder holds so many hours; files that are there stay, so an interrupted run goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    count = max(1, round(hours * 3600 / ((SHORTEST_S + LONGEST_S) / 2) / SCENES_PER_FILE))
    began_s = time.monotonic()
    for number in tqdm(range(count), unit="file", mininterval=20):
        path = folder / f"scenes_{number:04d}.npz"
        if not path.exists():
            _write(path, [make_scene(corpus, front_end, number * SCENES_PER_FILE + i) for i in range(SCENES_PER_FILE)])
    log.info("scenes: %d files, this run took %.0f s", count, time.monotonic() - began_s)


def make_scene(corpus: Corpus, front_end: nn.Module | None, seed: int) -> Scene:
    """The scene of a seed."""
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    n = round(rng.uniform(SHORTEST_S, LONGEST_S) * SAMPLE_RATE_HZ / FRAME) * FRAME
    wave, phones = _spoken(corpus, n, rng)
    babble: Backdrop = lambda length, _: _babble(corpus, length, rng)  # noqa: E731
    if rng.random() >= CLEAN_SHARE or not wave.any():
        wave = augment(wave, [*corpus.backdrops, babble], AugmentConfig(), numbers)
    if not wave.any():
        wave = np.asarray(sloped(n, numbers) * np.float32(1e-3), np.float32)
    features = np.zeros((n // FRAME, 0), np.float16)
    if front_end is not None:
        with torch.no_grad():
            features = front_end(torch.from_numpy(wave)[None])[0].numpy().astype(np.float16)
    return Scene(
        wave.astype(np.float16), features, tuple(phone for phone, _ in phones), tuple(effort for _, effort in phones)
    )


def load_scenes(folder: Path) -> list[Scene]:
    """All scenes of a folder; waves and features stay on the disk until they are read.

    Raises:
        EngineError: there are none.
    """
    scenes: list[Scene] = []
    for path in sorted(folder.glob("scenes_*.npz")):
        wave, features = (np.load(path.with_suffix(f".{part}.npy"), mmap_mode="r") for part in ("wave", "heard"))
        with np.load(path, allow_pickle=False) as index:
            labels, times_s, phone_ends, frame_ends = (
                index[name] for name in ("labels", "times_s", "phone_ends", "frame_ends")
            )
            efforts_db = index["efforts_db"].tolist()
        spoken = [
            Phone(PHONES[label], float(start_s), float(end_s))
            for label, (start_s, end_s) in zip(labels, times_s, strict=True)
        ]
        for i, last in enumerate(frame_ends):
            first, first_phone = (frame_ends[i - 1], phone_ends[i - 1]) if i else (0, 0)
            own = slice(first_phone, phone_ends[i])
            samples = wave[first * FRAME:last * FRAME]
            scenes.append(Scene(samples, features[first:last], tuple(spoken[own]), tuple(efforts_db[own])))
    if not scenes:
        raise EngineError(f"No scenes in {folder}. Make them first: python -m engine train CONFIG.toml.")
    return scenes


def _write(path: Path, scenes: Sequence[Scene]) -> None:
    """The index comes last: where it is, the file is whole."""
    np.save(path.with_suffix(".wave.npy"), np.concatenate([scene.wave for scene in scenes]))
    np.save(path.with_suffix(".heard.npy"), np.concatenate([scene.features for scene in scenes]))
    partial = path.with_name(path.name + ".part.npz")
    phones = [phone for scene in scenes for phone in scene.phones]
    np.savez(
        partial, labels=np.array([PHONE_INDEX[phone.label] for phone in phones], np.uint8),
        times_s=np.array([(phone.start_s, phone.end_s) for phone in phones], np.float32).reshape(-1, 2),
        efforts_db=np.array([effort for scene in scenes for effort in scene.efforts_db], np.float32),
        phone_ends=np.cumsum([len(scene.phones) for scene in scenes]),
        frame_ends=np.cumsum([len(scene.features) for scene in scenes]),
    )
    os.replace(partial, path)


def _spoken(corpus: Corpus, n: int, rng: random.Random) -> tuple[FloatArray, list[tuple[Phone, float]]]:
    """Utterances with pauses between them, cut to n samples, and their phones with the effort of each in dB."""
    wave, end_s = np.zeros(n, np.float32), n / SAMPLE_RATE_HZ
    if rng.random() < NOISE_ONLY_SHARE:
        return wave, [(Phone("SIL", 0.0, end_s), 0.0)]
    at = -rng.randrange(0, 2 * SAMPLE_RATE_HZ) if rng.random() < 0.4 else round(rng.uniform(0, 0.6) * SAMPLE_RATE_HZ)
    phones = [(Phone("SIL", 0.0, at / SAMPLE_RATE_HZ), 0.0)] if at > 0 else []
    while at < n:
        utterance = corpus.draw(rng)
        samples, spoken = _at_speed(utterance, rng)
        start, stop = max(at, 0), min(at + samples.size, n)
        if stop > start:
            wave[start:stop] = samples[start - at:stop - at] * np.float32(10 ** (rng.uniform(-8, 0) / 20))
            shift_s = at / SAMPLE_RATE_HZ
            moved = [Phone(p.label, p.start_s + shift_s, p.end_s + shift_s) for p in spoken]
            phones += [(p, float(effort)) for p, effort in zip(moved, phone_efforts_db(utterance), strict=True)
                       if p.end_s > -EDGE_S and p.start_s < end_s + EDGE_S]
        at += samples.size
        if rng.random() < GAP_SHARE:
            gap = round(
                rng.uniform(0, LONGEST_LONG_GAP_S if rng.random() < LONG_GAP_SHARE else LONGEST_GAP_S) * SAMPLE_RATE_HZ
            )
            phones.append((Phone("SIL", at / SAMPLE_RATE_HZ, (at + gap) / SAMPLE_RATE_HZ), 0.0))
            at += gap
    return wave, phones


def _at_speed(utterance: Utterance, rng: random.Random) -> tuple[FloatArray, list[Phone]]:
    speed = rng.uniform(*SPEED)
    samples = soxr.resample(
        utterance.samples.astype(np.float32) / 32768, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ, quality="LQ"
    )
    return np.asarray(samples, np.float32), [
        Phone(p.label, p.start_s / speed, p.end_s / speed) for p in utterance.phones
    ]


def _stretch_of(samples: NDArray[np.int16]) -> Backdrop:
    """A random stretch of a long recording, from its beginning again where it ends."""
    def backdrop(n: int, rng: np.random.Generator) -> FloatArray:
        first = int(rng.integers(samples.size))
        return np.asarray(np.take(samples, np.arange(first, first + n), mode="wrap") / 32768, np.float32)

    return backdrop


def _babble(corpus: Corpus, n: int, rng: random.Random) -> FloatArray:
    """One to five other voices at once."""
    total = np.zeros(n, np.float32)
    for _ in range(rng.randint(1, 5)):
        samples = corpus.draw(rng).samples.astype(np.float32) / 32768
        first = rng.randrange(max(1, n - 8000))
        stretch = samples[:n - first]
        total[first:first + stretch.size] += stretch
    return total + np.float32(1e-5)
