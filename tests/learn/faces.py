"""A data set in A2F-Bench's layout within a second: hissing syllables, and a face that opens with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile

from engine.learn.data.official import Dataset

RATE_HZ = 16000
SPEAKERS = ("Ann", "Ben")
CLIPS: Mapping[str, int] = {"train": 4, "val": 2, "test": 2}


def make_set(
    root: Path, facts: Dataset, width: int, fps: int, seconds: float = 1.0, seed: int = 0, size: float = 1.0,
) -> Path:
    """Write a set; its motion is the loudness of the sound times a gain of each number and speaker, and `size`."""
    folder, rng = root / facts.folder, np.random.default_rng(seed)
    folder.mkdir(parents=True)
    gains = size * np.random.default_rng(width).normal(1.0, 0.3, width)
    templates = rng.normal(0, 0.05, (len(SPEAKERS), width)).astype(np.float32)
    for split, count in CLIPS.items():
        data = []
        for clip in range(count):
            row, name = clip % len(SPEAKERS), f"{split}{clip}"
            loudness, sound = syllables(rng, seconds)
            soundfile.write(folder / f"{name}.wav", sound, RATE_HZ)
            heard = np.interp(np.arange(round(seconds * fps)) / fps, np.arange(len(loudness)) / RATE_HZ, loudness)
            np.save(folder / f"{name}.npy", (templates[row] + heard[:, None] * gains * (1 + row)).astype(np.float32))
            data.append({"annot_path": f"{name}.npy", "audio_path": f"{name}.wav", "id": row, "fps": fps})
        info = {"id_list": list(SPEAKERS), "facts": asdict(facts)}
        (folder / f"{split}.json").write_text(json.dumps({"info": info, "data": data}))
    np.save(folder / "id_template.npy", templates)
    return folder


def syllables(rng: np.random.Generator, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """(loudness 0..1 of each sample, the sound)."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    loudness = np.clip(np.sin(2 * np.pi * (2.5 * time + rng.random())), 0, None)
    tone = np.sin(2 * np.pi * 140 * time) + 0.3 * np.sin(2 * np.pi * 700 * time)
    return loudness, (0.2 * loudness * (tone + 0.2 * rng.normal(size=len(time)))).astype(np.float32)
