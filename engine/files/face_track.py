"""Read face capture that other programs wrote: Live Link Face, MediaPipe, plain arrays of curves, landmarks, vertices.

A track has the times of its frames and what was lost; cleaning is the next step (motion/capture.py). Kinds are told
apart by their content: a csv of Live Link Face (time codes, PascalCase), a csv or json of MediaPipe (`timestamp_ms` or
`frame`, camelCase, `_neutral`), an npz of `values` or `frames` with `names` or `channels`, of `landmarks` (t, 478, 3),
or of `vertices` (t, v, 3). Names are matched whatever their case, and `_L`, `_R` count as Left and Right.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..values.array_files import ArrayFileError, read_arrays
from ..values.channels import ARKIT_52
from ..values.errors import OutputError
from ..values.messages import number_of
from ..values.types import FloatArray
from .motion import read_motion

SUFFIXES = (".csv", ".json", ".npz")
MAX_JSON_BYTES = 512 * 2**20
TIMES = ("timestamp_ms", "time", "seconds", "frame")        # columns that may say when a frame was taken
DEFAULT_FPS = 30.0
LANDMARKS = 478                     # of MediaPipe
_DAMAGE = (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError, RecursionError, csv.Error)
_KNOWN = {name.lower(): name for name in ARKIT_52}


@dataclass(frozen=True)
class FaceTrack:
    """Captured motion of one face.

    Attributes:
        seconds: (t,) rising, from the start of the film.
        values: (t, k) weights of `names`; NaN where the face was lost. k is 0 for landmarks and vertices alone.
        points: (t, n, 3) landmarks or vertices, or None; source: which kind of file it was.
        unknown: columns that are no ARKit channel.
    """

    seconds: NDArray[np.float64]
    values: FloatArray
    names: tuple[str, ...]
    source: str
    points: FloatArray | None = None
    unknown: tuple[str, ...] = field(default=())

    @property
    def fps(self) -> float:
        """Frames per second, by the median distance of frames."""
        return 1.0 / float(np.median(np.diff(self.seconds))) if len(self.seconds) > 1 else DEFAULT_FPS

    @property
    def lost(self) -> NDArray[np.bool_]:
        """(t,) frames without a face."""
        rows = self.values if self.points is None or self.names else self.points.reshape(len(self.points), -1)
        return np.asarray(~np.isfinite(rows).all(axis=1), np.bool_)


def read_face_track(path: str | Path) -> FaceTrack:
    """Read a capture of any known kind.

    Raises:
        OutputError: missing, damaged, of no known kind, or with values that are no weights.
    """
    path = Path(path)
    if not path.is_file():
        raise OutputError(f"Capture not found: {path}. Check the path.")
    reader = {".csv": _read_csv, ".json": _read_json, ".npz": _read_npz}.get(path.suffix.lower())
    if reader is None:
        raise OutputError(f"Capture {path} has no known ending. Give one of: {', '.join(SUFFIXES)}.")
    try:
        track = reader(path)
    except _DAMAGE as error:
        raise OutputError(f"Capture {path} cannot be read ({error}). Export it again.") from error
    _check(track, path)
    return track


def _check(track: FaceTrack, path: Path) -> None:
    n_frames = len(track.seconds)
    if n_frames < 2:
        raise OutputError(f"Capture {path} has {number_of(n_frames, 'frame')}, at least 2 are needed. Export it again.")
    if not track.names and track.points is None:
        shown = ", ".join(track.unknown[:4]) or "none"
        raise OutputError(
            f"Capture {path} has no column that is an ARKit channel (it has: {shown}). Export curves with ARKit names."
        )
    if not (np.diff(track.seconds) > 0).all():
        raise OutputError(f"Capture {path}: times do not rise. Export it again.")
    largest = float(np.nanmax(np.abs(track.values), initial=0.0))
    if track.names and largest > 2:
        raise OutputError(f"Capture {path} reaches {largest:g}; weights go from 0 to 1. Divide percent by 100.")


def _read_csv(path: Path) -> FaceTrack:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    titles = [title.strip() for title in rows[0]]
    if "Timecode" in titles:
        motion = read_motion(path)
        chosen = [name for name in motion.channels if name in ARKIT_52]
        seconds = np.arange(len(motion.weights)) / motion.fps
        values = np.stack([motion[name] for name in chosen], axis=1) if chosen else np.zeros((len(seconds), 0))
        return FaceTrack(seconds, np.asarray(values, np.float32), tuple(chosen), "Live Link Face")
    numbers = np.array([[_number(cell) for cell in row] for row in rows[1:]], np.float64).reshape(-1, len(titles))
    return _of_columns(titles, numbers, "csv")


def _number(cell: str) -> float:
    return float(cell) if cell.strip() else math.nan


def _of_columns(titles: Sequence[str], numbers: NDArray[np.float64], source: str) -> FaceTrack:
    """A track of named columns (t, n), one of which may say when."""
    lower = [title.lower() for title in titles]
    timed = next((name for name in TIMES if name in lower), None)
    seconds = np.arange(len(numbers)) / DEFAULT_FPS
    if timed is not None:
        column = numbers[:, lower.index(timed)]
        seconds = column / {"timestamp_ms": 1000.0, "frame": DEFAULT_FPS}.get(timed, 1.0)
        seconds = seconds - seconds[0]
    others = [number for number, name in enumerate(lower) if name not in (*TIMES, "_neutral")]
    names = {number: name for number in others if (name := arkit_name(titles[number])) is not None}
    values = np.asarray(numbers[:, list(names)], np.float32)
    unknown = tuple(titles[number] for number in others if number not in names)
    return FaceTrack(np.asarray(seconds, np.float64), values, tuple(names.values()), source, unknown=unknown)


def arkit_name(title: str) -> str | None:
    """The ARKit channel that a column means, or None: jawOpen for JawOpen, mouthSmileLeft for mouthSmile_L."""
    plain = title.strip()
    for short, long in (("_L", "Left"), ("_R", "Right"), ("_l", "Left"), ("_r", "Right")):
        if plain.endswith(short):
            plain = plain[:-len(short)] + long
    return _KNOWN.get(plain.lower().replace("_", ""))


def _read_json(path: Path) -> FaceTrack:
    """Frames of MediaPipe, each with `blendshapes` {name: score} or a list of names and scores; or our own motion."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"it has {path.stat().st_size:,} bytes, at most {MAX_JSON_BYTES:,} are read")
    content: Any = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict) and "channels" in content:
        numbers = np.asarray(content["frames"], np.float64).reshape(-1, len(content["channels"]))
        track = _of_columns(tuple(content["channels"]), numbers, "motion")
        return FaceTrack(
            np.arange(len(numbers)) / float(content["fps"]), track.values, track.names, "motion", unknown=track.unknown
        )
    frames = content["frames"] if isinstance(content, dict) else content
    scores = [_scores(frame) for frame in frames]
    titles = list(dict.fromkeys(name for row in scores for name in row))
    timed = next((name for name in TIMES if frames and name in frames[0]), None)
    columns = [[row.get(name, math.nan) for name in titles] for row in scores]
    times = [[float(frame[timed])] for frame in frames] if timed else [[number] for number in range(len(frames))]
    numbers = np.concatenate([np.array(times, np.float64), np.array(columns, np.float64).reshape(len(frames), -1)], 1)
    return _of_columns([timed or "frame", *titles], numbers, "MediaPipe")


def _scores(frame: Mapping[str, Any]) -> dict[str, float]:
    given = frame.get("blendshapes", frame.get("faceBlendshapes", {})) or {}
    if isinstance(given, Mapping) and "categories" in given:
        given = given["categories"]
    if isinstance(given, Mapping):
        return {str(name): float(score) for name, score in given.items()}
    return {str(entry.get("categoryName", entry.get("category_name"))): float(entry["score"]) for entry in given}


def _read_npz(path: Path) -> FaceTrack:
    try:
        arrays = read_arrays(path)
    except ArrayFileError as error:
        raise ValueError(str(error)) from error
    fps = float(arrays.get("fps", np.float64(DEFAULT_FPS)))
    for kind in ("landmarks", "vertices"):
        if kind in arrays and not {"values", "frames"} & set(arrays):
            points = np.asarray(arrays[kind], np.float32)
            if points.ndim != 3 or points.shape[2] != 3:
                raise ValueError(f"{kind} have shape {points.shape}, (frames, points, 3) is needed")
            seconds = np.asarray(arrays.get("seconds", np.arange(len(points)) / fps), np.float64)
            return FaceTrack(seconds, np.zeros((len(points), 0), np.float32), (), kind, points)
    values = np.asarray(arrays["values"] if "values" in arrays else arrays["frames"], np.float64)
    titles = [str(name) for name in (arrays["names"] if "names" in arrays else arrays["channels"])]
    track = _of_columns(titles, values.reshape(-1, len(titles)), "arrays")
    seconds = np.asarray(arrays.get("seconds", np.arange(len(values)) / fps), np.float64)
    points_of = arrays.get("landmarks")
    return FaceTrack(
        seconds, track.values, track.names, "arrays", None if points_of is None else np.asarray(points_of, np.float32),
        track.unknown,
    )
