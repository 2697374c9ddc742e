"""Filmed lips with sound: clips of one talker, 25 pictures a second, measured by landmarks with the head held still.

The layout is that of paired/grid_s1 (words.json, motion.npz, sound/<clip>.opus). Every fifth clip by name reports and
teaches nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...audio.read import read_audio
from ...values.errors import EngineError
from ...values.types import FloatArray

MOTION, WORDS = "motion.npz", "words.json"
REPORTED_EVERY = 5
PAUSES = frozenset(["sil", "sp"])
# Sound and film agree to a few ms: on 901 aligned p and b the filmed gap is smallest 10 ms before the middle of the
# label, where a label's burst alone explains 2 to 8 ms. So nothing is shifted.
SOUND_LATE_S = 0.0


@dataclass(frozen=True)
class FilmedClip:
    """One clip: sound (n,) at 16 kHz, what is said, and per picture the gap of the inner lips, the distance of the
    chin, the width of the mouth, and speech.

    Distances are in those of the outer corners of the eyes.
    """

    name: str
    samples: FloatArray
    fps: float
    gap: FloatArray
    chin: FloatArray
    width: FloatArray
    speaking: NDArray[np.bool_]
    text: str = ""

    @property
    def seconds(self) -> FloatArray:
        """When each picture was taken, on the sound's clock."""
        return np.arange(len(self.gap)) / self.fps + SOUND_LATE_S


def is_filmed(dataset: Path) -> bool:
    """Whether a folder has this layout."""
    return (dataset / MOTION).exists() and (dataset / WORDS).exists()


def filmed_clips(dataset: Path, reported: bool) -> Iterator[FilmedClip]:
    """The clips that report, or those that may teach.

    Raises:
        EngineError: a sound is missing.
    """
    words = json.loads((dataset / WORDS).read_text(encoding="utf-8"))
    with np.load(dataset / MOTION, allow_pickle=False) as motion:
        arrays = {
            name: motion[name]
            for name in ("clips", "start", "frames", "fps", "lip_gap", "chin_distance", "mouth_width")
        }
    fps = float(arrays["fps"])
    for i, name in enumerate(map(str, arrays["clips"])):
        if (i % REPORTED_EVERY == 0) != reported:
            continue
        path = dataset / "sound" / f"{name}.opus"
        if not path.exists():
            raise EngineError(f"{path} is missing, but {dataset / MOTION} has its lips. Give the whole folder.")
        rows = slice(int(arrays["start"][i]), int(arrays["start"][i]) + int(arrays["frames"][i]))
        gap, chin, width = (arrays[key][rows].astype(np.float64) for key in ("lip_gap", "chin_distance", "mouth_width"))
        seconds = np.arange(len(gap)) / fps
        speaking = np.zeros(len(gap), np.bool_)
        for word, start_s, end_s in words[name]:
            if word not in PAUSES:
                speaking |= (seconds >= start_s) & (seconds <= end_s)
        text = " ".join(word for word, _, _ in words[name] if word not in PAUSES)
        yield FilmedClip(name, read_audio(path).samples, fps, gap, chin, width, speaking, text)
