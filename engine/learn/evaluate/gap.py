"""The distance of the inner lips as a real head shows it, and the width of its mouth, from any ARKit weights.

`opening` of the engine's lip contact is a formula; what a viewer sees is a mesh. On the ICT head, for example, mouthFunnel alone parts the lips by
.31 of what jawOpen does, which the formula leaves out. The table beside this file holds what each shape does to five pairs of inner-lip vertices.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[Any]

TABLE = Path(__file__).parent / "lip_table.json"
PRESSED = -0.02  # a pair that overlaps further than this counts as so much: lips cannot pass through each other


def lip_gap(weights: FloatArray, channels: Sequence[str]) -> FloatArray:
    """Distance of the inner lips (n_frames,), 1 for jawOpen alone, 0 at rest: the mean of five pairs across the mouth.

    Args:
        weights: (n_frames, n_channels) of ARKit channels.
    """
    pairs = weights.astype(np.float64) @ _columns("gap", tuple(channels))
    return np.asarray(np.maximum(pairs, PRESSED).mean(axis=1))


def mouth_width(weights: FloatArray, channels: Sequence[str]) -> FloatArray:
    """Change of the distance of the mouth's corners (n_frames,), as a share of its width at rest."""
    return np.asarray(weights.astype(np.float64) @ _columns("width", tuple(channels))[:, 0])


@lru_cache(maxsize=8)
def _columns(kind: str, channels: tuple[str, ...]) -> FloatArray:
    """What each channel does, (n_channels, 5) or (n_channels, 1); channels that do not reach the lips do nothing."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))[kind]
    nothing = np.zeros(np.size(table["jawOpen"]))
    return np.array([np.atleast_1d(table.get(name, nothing)) for name in channels], np.float64)
