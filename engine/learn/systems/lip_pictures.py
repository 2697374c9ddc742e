"""Pictures of a lower face that speaks, drawn from channels: what PMMTalk's talking-lip generator learns from.

The head is the ICT face in neutral; skin, lips and light differ from clip to clip. No photograph is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...values.errors import EngineError
from ...values.types import FloatArray
from ..visemes.gltf_head import ShapedHead, read_gltf_head
from .photometric import Camera, Renderer

HEAD_FILE = "rigs/ict_facekit_head.glb"     # below the folder of recordings
SIDE, FPS = 48, 25
WIDTH_MM = 84.0                             # that a picture spans
UPRIGHT = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))     # right, up and towards the camera of a head
CHIN_MM = 6.0                               # by which the picture's middle lies below the mouth's
LIP_SHARE = 0.55                            # of the largest move in a pucker, from which skin counts as lip
MATERIALS = {"teeth_eyes": (0.80, 0.77, 0.70), "tongue_gums": (0.52, 0.17, 0.17)}
SKIN_DARK, SKIN_FAIR = (0.20, 0.11, 0.08), (0.85, 0.66, 0.56)
LIP_RED = (1.05, 0.62, 0.62)                # factor of the skin's colour


@dataclass(frozen=True)
class FaceLook:
    """How a clip's face looks: skin from 0 (dark) to 1 (fair), how red its lips are, and where the light comes from."""

    skin: float
    lips: float
    light: tuple[float, float, float]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> FaceLook:
        """A random one."""
        light = (rng.uniform(-0.9, 0.9), rng.uniform(-0.3, 1.0), 1.0)
        return cls(float(rng.uniform(0, 1)), float(rng.uniform(0.2, 1.6)), light)


class LowerFace:
    """Mouth, chin and cheeks of a head, ready to be drawn."""

    def __init__(self, head: ShapedHead) -> None:
        moves = np.linalg.norm(head.shapes["mouthPucker"], axis=1)
        mouth = (head.positions * moves[:, None]).sum(axis=0) / moves.sum()
        middle = np.array([0.0, mouth[1], mouth[2] - CHIN_MM])
        near = (np.abs(head.positions - middle)[:, [0, 2]] < 0.75 * WIDTH_MM).all(axis=1)
        chosen = near[head.triangles].all(axis=1)
        kept, triangles = np.unique(head.triangles[chosen], return_inverse=True)
        self._triangles = triangles.reshape(-1, 3)
        self._rest = _tensor(head.positions[kept])
        self._moves = {name: _tensor(shape[kept]) for name, shape in head.shapes.items() if shape[kept].any()}
        self._lips = _tensor(np.clip(moves[kept] / moves.max() / LIP_SHARE - 1, 0, 1))
        self._camera = Camera(_tensor(middle), SIDE / WIDTH_MM, torch.tensor(UPRIGHT), SIDE)
        self._materials: dict[str, FloatArray] = {}
        for name, material in zip(head.triangles, head.materials, strict=True):
            if material in MATERIALS:
                self._materials.setdefault(material, np.zeros(len(head.positions), np.bool_))[name] = True
        self._materials = {name: mask[kept] for name, mask in self._materials.items()}

    @classmethod
    def read(cls, recordings: Path | None) -> LowerFace:
        """The head that lies among the recordings. Raises EngineError where there is none."""
        file = (recordings or Path()) / HEAD_FILE
        if recordings is None or not file.exists():
            raise EngineError(
                f"Pictures of lips are drawn on {HEAD_FILE}, which is not in {recordings}. Give the folder that holds "
                "it with --data."
            )
        return cls(read_gltf_head(file))

    def draw(self, weights: FloatArray, channels: tuple[str, ...], look: FaceLook) -> Tensor:
        """(n, k) of channels -> pictures (n, 3, SIDE, SIDE) in 0..1, red first."""
        points = self._rest.expand(len(weights), -1, -1).clone()
        for name, column in zip(channels, weights.T, strict=True):
            if name in self._moves and column.any():
                points += _tensor(column)[:, None, None] * self._moves[name]
        renderer = Renderer(self._triangles, self._camera, self._colours(look), look.light)
        with torch.no_grad():
            return renderer(points).colours.clamp(0, 1).permute(0, 3, 1, 2).contiguous()

    def _colours(self, look: FaceLook) -> Tensor:
        """(v, 3) albedo."""
        dark, fair, red = (torch.tensor(colour) for colour in (SKIN_DARK, SKIN_FAIR, LIP_RED))
        skin = dark + look.skin * (fair - dark)
        lip = self._lips[:, None] * look.lips
        colours = skin * (1 - lip + lip * red)
        for name, mask in self._materials.items():
            colours[torch.from_numpy(mask)] = torch.tensor(MATERIALS[name])
        return colours.clamp(0, 1)


def _tensor(values: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
