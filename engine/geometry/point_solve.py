"""From points of a face in space (landmarks, vertices) to weights of a head's own keys.

Each frame is laid on the resting face by the points that do not move with expressions, then weights between 0 and 1 are
solved for by least squares. Source: similarity transform of Umeyama (1991); stable points are the bridge of the nose,
the corners of the eyes and the temples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..model.components import fit_placement
from ..values.errors import SettingError
from ..values.types import FloatArray
from .shape_solve import solve_weights

STABLE_LANDMARKS = (168, 6, 197, 33, 133, 263, 362, 127, 356)       # of MediaPipe's 478
FEWEST_STABLE = 3
SMOOTH = 0.1                # of solve_weights: neighbours hold each other a little


def weights_of_points(
    points: FloatArray, neutral: FloatArray, keys: FloatArray, stable: Sequence[int] = STABLE_LANDMARKS,
) -> tuple[FloatArray, FloatArray]:
    """Weights that move a head's points as the captured ones move.

    Args:
        points: (t, n, 3) in any scale and place. neutral: (n, 3) of the head at rest; its first stable frame may differ
            in scale. keys: (k, n, 3) displacements of the same points with each key at 1.
        stable: points by which the head's own motion is taken out.
    Returns:
        Weights (t, k) 0..1, and the share of each frame's movement that they leave out (t,).
    Raises:
        SettingError: the numbers of points differ, or too few are stable.
    """
    if points.ndim != 3 or points.shape[1:] != neutral.shape or keys.shape[1:] != neutral.shape:
        raise SettingError(
            f"The capture has points {points.shape[1:]}, the head at rest {neutral.shape}, its keys {keys.shape[1:]}. "
            "Give keys of the same points."
        )
    if len(stable) < FEWEST_STABLE or max(stable) >= len(neutral):
        raise SettingError(
            f"The stable points must be {FEWEST_STABLE} or more of {len(neutral)}, got {len(stable)}. "
            "Name others in the keys."
        )
    chosen = list(stable)
    own = on_rest(points, neutral, chosen)
    return solve_weights(own - _resting(own), keys, SMOOTH)


def on_rest(points: FloatArray, neutral: FloatArray, stable: Sequence[int]) -> FloatArray:
    """Frames (t, n, 3) laid on the resting face (n, 3) by their stable points."""
    chosen = list(stable)
    middle = neutral[chosen].mean(axis=0)
    laid = np.empty_like(points, dtype=np.float64)
    for number, frame in enumerate(points.astype(np.float64)):
        placed = fit_placement(frame[chosen], neutral[chosen]).place((frame - frame[chosen].mean(axis=0)).reshape(-1))
        laid[number] = placed + middle
    return laid


def _resting(points: FloatArray) -> FloatArray:
    """The captured person's own face at rest (n, 3): the frame whose points lie nearest to where they mostly are."""
    usual = np.median(points, axis=0)
    calmest = np.argsort(np.linalg.norm(points - usual, axis=2).sum(axis=1))[: max(1, len(points) // 10)]
    return np.asarray(points[calmest].mean(axis=0))
