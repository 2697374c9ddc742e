"""The corpus's sounds to lay under speech in training. On them alone the mouth stays shut.

A file noise_KIND.npz holds samples (n,) int16 16 kHz, all clips in a row, sample_counts (m,) and kinds (m,).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ...values.types import FloatArray
from ..augment.music import levelled, random_song
from ..augment.non_speech import beeps, rumble, swelling_applause
from .utterance import PEAK, SAMPLE_RATE_HZ, load_shard

CLIP_S = 20.0
CLIPS = {"music": 40, "applause": 8, "babble": 16, "rumble": 12, "beeps": 8}
N_SAMPLES = round(CLIP_S * SAMPLE_RATE_HZ)
VOICES_IN_BABBLE = 9


def make_noises(folder: Path, seed: int = 7) -> list[Path]:
    """Write the noise files that the folder lacks; babble is made of the shards in it."""
    written = []
    for kind, count in CLIPS.items():
        path = folder / f"noise_{kind}.npz"
        rng = np.random.default_rng([seed, len(kind), count])
        if not path.exists():
            clips = _babble(folder, count, rng) if kind == "babble" else [
                MAKERS[kind](CLIP_S, rng) for _ in range(count)
            ]
            if not clips:
                continue
            _write(path, kind, clips)
        written.append(path)
    return written


def music(duration_s: float, rng: np.random.Generator) -> FloatArray:
    """A random song, or where all its parts fall silent, a rumble."""
    song = random_song(duration_s, rng)
    return song if song.any() else rumble(duration_s, rng)


MAKERS: Mapping[str, Callable[[float, np.random.Generator], FloatArray]] = {
    "music": music, "applause": swelling_applause, "rumble": rumble, "beeps": beeps,
}


def _write(path: Path, kind: str, clips: list[FloatArray]) -> None:
    stored = [np.round(levelled(clip, PEAK * 32767)).astype(np.int16) for clip in clips]
    counts = np.array([clip.size for clip in stored])
    np.savez(path, samples=np.concatenate(stored), sample_counts=counts, kinds=np.array([kind] * len(stored)))


def _babble(folder: Path, count: int, rng: np.random.Generator) -> list[FloatArray]:
    """Several voices of the corpus at once; none where the folder holds no speech yet."""
    paths = sorted(p for p in folder.glob("*_*.npz") if not p.name.startswith(("noise_", "curves_")))
    clips: list[FloatArray] = []
    for i in range(count if paths else 0):
        sound = np.zeros(N_SAMPLES)
        chooser = random.Random(int(rng.integers(2**31)) + i)
        for path in chooser.sample(paths, min(VOICES_IN_BABBLE, len(paths))):
            speech = np.concatenate([u.samples for u in load_shard(path)]).astype(np.float64)
            start = chooser.randrange(max(speech.size - N_SAMPLES, 1))
            voice = speech[start:start + N_SAMPLES]
            sound[:voice.size] += voice * chooser.uniform(0.3, 1.0)
        clips.append(sound)
    return clips
