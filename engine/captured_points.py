"""A capture of landmarks or vertices -> motion of a head's own shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from .files.capture_file import Capture, of_track
from .files.face_track import LANDMARKS, read_face_track
from .geometry.point_solve import STABLE_LANDMARKS, weights_of_points
from .values.array_files import ArrayFileError, read_arrays
from .values.errors import SettingError
from .values.messages import number_of
from .values.types import Waveform

MUCH_LEFT = 0.5         # of the movement that the keys leave out: the user is told


def read_points(path: str | Path, keys: str | Path, fps: float = 0.0, wave: Waveform | None = None) -> Capture:
    """Solve a capture of points for the shapes of a head.

    Args:
        keys: .npz with `neutral` (n, 3), `keys` (k, n, 3) and `names` (k,); `stable` (m,) numbers of points that do not
            move with expressions, needed for other points than MediaPipe's 478.
    Raises:
        OutputError: as read_face_track. SettingError: the keys cannot be read or have other points.
    """
    track = read_face_track(path)
    if track.points is None:
        raise SettingError(f"Capture {path} holds curves, not points. Leave --keys out.")
    try:
        arrays = read_arrays(keys)
        neutral, moves = arrays["neutral"].astype(np.float64), arrays["keys"].astype(np.float64)
        names = tuple(str(name) for name in arrays["names"])
        stable = [int(number) for number in arrays.get("stable", np.array(STABLE_LANDMARKS))]
        if "stable" not in arrays and len(neutral) != LANDMARKS:
            points = number_of(len(neutral), "point")
            raise ValueError(f"its {points} are not MediaPipe's {LANDMARKS}: name the stable ones")
        if len(names) != len(moves):
            raise ValueError(f"it holds {len(moves)} of {number_of(len(names), 'shape')} that it names")
    except (ArrayFileError, OSError, KeyError, ValueError, AttributeError) as error:
        raise SettingError(
            f"Keys {keys} cannot be read ({error}). Give an .npz with neutral (n, 3), keys (k, n, 3) and names."
        ) from error
    seen = ~track.lost
    values = np.full((len(track.seconds), len(names)), np.nan, np.float32)
    values[seen], left = weights_of_points(track.points[seen], neutral, moves, stable)
    solved = replace(track, values=values, names=names, points=None)
    made = of_track(solved, fps or round(track.fps, 3), wave, keep_rest=True)
    share = float(np.median(left))
    note = f"The shapes leave out {share:.0%} of the movement. Give a head with more shapes."
    return replace(made, notes=(*made.notes, note)) if share > MUCH_LEFT else made
