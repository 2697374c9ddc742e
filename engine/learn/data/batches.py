"""Training batches: crops of scenes, with curves for a speaking style."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...values.errors import EngineError
from ..synth.phones import PHONE_INDEX, Phone
from ..visemes.curves import CURVES, STYLES, viseme_curves
from .scenes import EDGE_S, FRAME, load_scenes

FPS = 50
STYLE_NAMES = tuple(STYLES)


@dataclass(frozen=True)
class Batch:
    """One training step's data; b crops of t frames of 20 ms.

    Attributes:
        wave: (b, 320 t) sound.
        front_end: (b, t, c) features of it by the encoder's frozen front end; c is 0 where it has none.
        curves: (b, t, len(CURVES)) targets of each crop's style.
        phones: (b, t) int64 phone class per frame.
        identity: (b,) int64 row of the style table: the style, or the pivot.
    """

    wave: Tensor
    front_end: Tensor
    curves: Tensor
    phones: Tensor
    identity: Tensor


class SceneBatches:
    """Endless random batches from a folder of scenes; the same seed gives the same batch.

    Raises:
        EngineError: the folder holds no scenes, or none as long as a crop.
    """

    def __init__(self, folder: Path, crop_s: float, batch_size: int, pivot_share: float) -> None:
        self.frames = round(crop_s * FPS)
        self.scenes = [scene for scene in load_scenes(folder) if len(scene.features) >= self.frames]
        if not self.scenes:
            raise EngineError(f"No scene in {folder} is as long as a crop of {crop_s:g} s. Give a smaller crop_s.")
        self._chances = np.cumsum([len(scene.features) - self.frames + self.frames // 4 for scene in self.scenes])
        self.batch_size = batch_size
        self.pivot_share = pivot_share

    def batch(self, seed: int) -> Batch:
        """The batch of one step."""
        rng = random.Random(seed)
        scenes = [
            self.scenes[int(np.searchsorted(self._chances, rng.random() * self._chances[-1]))]
            for _ in range(self.batch_size)
        ]
        firsts = [rng.randint(0, len(scene.features) - self.frames) for scene in scenes]
        styles = [rng.randrange(len(STYLE_NAMES)) for _ in scenes]
        curves = np.zeros((self.batch_size, self.frames, len(CURVES)), np.float32)
        phones = np.zeros((self.batch_size, self.frames), np.int64)
        for i, (scene, first) in enumerate(zip(scenes, firsts, strict=True)):
            moved = [Phone(p.label, p.start_s - first / FPS, p.end_s - first / FPS) for p in scene.phones]
            near = [k for k, p in enumerate(moved) if p.end_s > -EDGE_S and p.start_s < self.frames / FPS + EDGE_S]
            spoken = [moved[k] for k in near]
            style = STYLES[STYLE_NAMES[styles[i]]]
            curves[i] = viseme_curves(spoken, FPS, self.frames, style, [scene.efforts_db[k] for k in near])
            phones[i] = frame_labels(spoken, self.frames)
        return Batch(
            wave=_stacked(
                [
                    scene.wave[first * FRAME:(first + self.frames) * FRAME]
                    for scene, first in zip(scenes, firsts, strict=True)
                ]
            ),
            front_end=_stacked(
                [scene.features[first:first + self.frames] for scene, first in zip(scenes, firsts, strict=True)]
            ),
            curves=torch.from_numpy(curves), phones=torch.from_numpy(phones),
            identity=torch.tensor([pick_identity(style, len(STYLE_NAMES), self.pivot_share, rng) for style in styles]),
        )


def _stacked(rows: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(rows).astype(np.float32))


def pick_identity(style: int, pivot: int, pivot_share: float, rng: random.Random) -> int:
    """The style's own row, or by chance the pivot's, which so learns what all share (UniTalker, section 3.2)."""
    return pivot if rng.random() < pivot_share else style


def frame_labels(phones: list[Phone], n_frames: int) -> np.ndarray:
    """(n_frames,) int64 class of the phone that sounds at each frame's second; silence where none does."""
    labels = np.full(n_frames, PHONE_INDEX["SIL"], np.int64)
    for phone in phones:
        first = max(int(np.ceil(phone.start_s * FPS)), 0)
        labels[first:max(int(np.ceil(phone.end_s * FPS)), first)] = PHONE_INDEX[phone.label]
    return labels
