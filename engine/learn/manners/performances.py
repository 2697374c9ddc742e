"""Scenes spoken in many manners: features of the shared encoder beside face motion, several takes of each manner.

The encoder is never trained here, so its features are made once for each scene; motion depends on phones and manner
alone. Filmed talkers and animators are manners too, with takes of their own (real_manners.py).
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ...model import runtime
from ...model.folder import Model
from ...values.errors import EngineError
from ...values.types import FloatArray
from ..data.scenes import EDGE_S, Scene, load_scenes
from .manners import Manner, draw_manner, perform, rest_pose
from .real_manners import RealTake

MANNERS_PER_FILE = 50
NEUTRAL_TAKES = 300         # scenes that are spoken in the plain manner
LISTEN_S = 16.0             # of sound at once, as the engine runs the encoder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Performance:
    """One scene in one manner; all of it float16 at 50 Hz, on the disk.

    Attributes:
        features: (t, c) of the encoder. motion: (t, 52) that is to be spoken.
        seen: (t, 52) what a reference shows of it: for people what was filmed or keyed, else the motion.
    """

    features: FloatArray
    motion: FloatArray
    seen: FloatArray


@dataclass(frozen=True)
class Performer:
    """One manner: its takes, and the pose (52,) in which it rests."""

    takes: tuple[Performance, ...]
    rest: FloatArray


@dataclass(frozen=True)
class Performances:
    """All performers: of drawn manners, of the plain one, and filmed or keyed by people."""

    drawn: tuple[Performer, ...]
    plain: Performer
    real: tuple[Performer, ...]


def make_performances(scenes: Path, folder: Path, model: Model, sizes: tuple[int, int]) -> None:
    """Write features and motion of a folder of scenes; files that are there stay.

    Args:
        model: whose encoder is taken. sizes: how many manners, and takes of each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    loaded = load_scenes(scenes)
    if not (folder / _features_name(model)).exists():
        save_features([scene.wave.astype(np.float32) for scene in loaded], folder / _features_name(model), model)
    n_manners, n_takes = sizes
    for first in tqdm(range(0, n_manners, MANNERS_PER_FILE), unit="file", mininterval=20):
        path = folder / f"manners_{first:05d}.npz"
        if not path.exists():
            seeds = range(first, min(first + MANNERS_PER_FILE, n_manners))
            picked = [(draw_manner(seed), _some(len(loaded), n_takes, seed)) for seed in seeds]
            _write(path, picked, loaded)
    if not (folder / "plain.npz").exists():
        _write(folder / "plain.npz", [(Manner(), _some(len(loaded), NEUTRAL_TAKES, -1))], loaded)


def make_real(takes: Sequence[RealTake], path: Path, model: Model) -> None:
    """Write the takes of one person, with the pose in which that face rests."""
    if path.exists():
        return
    motions = [take.motion for take in takes]
    features = path.with_suffix(f".{_features_name(model)}")
    if not features.exists():
        save_features([take.samples for take in takes], features, model)
    whole = np.concatenate(motions)
    quiet = np.concatenate([take.resting for take in takes])
    rest = np.median(whole[quiet], axis=0) if quiet.any() else np.percentile(whole, 20, axis=0)
    np.save(_seen_file(path), np.concatenate([take.seen for take in takes]).astype(np.float16))
    np.save(_seen_file(path).with_suffix(".ends.npy"), np.cumsum([len(take.seen) for take in takes]))
    _save(path, motions, [range(len(motions))], rest[None].astype(np.float32))


def load_performances(folder: Path, model: Model) -> Performances:
    """Open what make_performances and make_real wrote. Raises EngineError: nothing is there."""
    files = sorted(folder.glob("manners_*.npz"))
    if not files:
        raise EngineError(f"No performances in {folder}. Make them first: python -m engine train CONFIG.toml.")
    features = _Rows.open(folder / _features_name(model))
    drawn = [performer for file in files for performer in _performers(file, features)]
    real = [
        performer for file in sorted(folder.glob("real_*.npz")) if file.stem.count(".") == 0
        for performer in _performers(file, _Rows.open(file.with_suffix(f".{_features_name(model)}")))
    ]
    return Performances(tuple(drawn), _performers(folder / "plain.npz", features)[0], tuple(real))


def spoken_by(scene: Scene, manner: Manner) -> FloatArray:
    """Motion (t, 52) of a scene in a manner."""
    near = [i for i, phone in enumerate(scene.phones) if phone.end_s > -EDGE_S]
    phones, levels = [scene.phones[i] for i in near], [scene.efforts_db[i] for i in near]
    return perform(phones, len(scene.wave) // 320, manner, levels)


def save_features(waves: Sequence[FloatArray], path: Path, model: Model) -> None:
    """Run the encoder over waves, windows of LISTEN_S at most, and write rows (all frames, c) with the ends of each."""
    graph = runtime.open_graph(model.encoder_file, "cpu", 1)
    rows: list[FloatArray] = []
    for wave in tqdm(waves, unit="clip", mininterval=20):
        padded = np.pad(wave, (0, -len(wave) % 320))
        parts = np.split(padded, np.arange(round(LISTEN_S * 16000), len(padded), round(LISTEN_S * 16000)))
        rows.append(np.concatenate([graph.run({"wave": part[None]})[0] for part in parts]).astype(np.float16))
    np.save(path.with_suffix(".ends.npy"), np.cumsum([len(row) for row in rows]))
    _whole(path, lambda part: np.save(part, np.concatenate(rows)))


@dataclass(frozen=True)
class _Rows:
    """Rows of clips after each other, memory-mapped."""

    rows: FloatArray
    ends: FloatArray

    @classmethod
    def open(cls, path: Path) -> _Rows:
        return cls(np.load(path, mmap_mode="r"), np.load(path.with_suffix(".ends.npy")))

    def __getitem__(self, clip: int) -> FloatArray:
        return self.rows[int(self.ends[clip - 1]) if clip else 0:int(self.ends[clip])]


def _features_name(model: Model) -> str:
    return f"features_{dict(model.hashes)['encoder.onnx'][:12]}.npy"


def _some(n_scenes: int, count: int, seed: int) -> list[int]:
    return random.Random(seed).sample(range(n_scenes), min(count, n_scenes))


def _write(path: Path, picked: Sequence[tuple[Manner, Sequence[int]]], scenes: Sequence[Scene]) -> None:
    motions = [spoken_by(scenes[number], manner) for manner, numbers in picked for number in numbers]
    _save(path, motions, [numbers for _, numbers in picked], np.stack([rest_pose(manner) for manner, _ in picked]))


def _save(path: Path, motions: Sequence[FloatArray], clips: Sequence[Sequence[int]], rests: FloatArray) -> None:
    """The index comes last: where it is, the file is whole."""
    rows = path.with_suffix(".motion.npy")
    np.save(rows, np.concatenate(motions).astype(np.float16))
    np.save(rows.with_suffix(".ends.npy"), np.cumsum([len(motion) for motion in motions]))
    np.savez(
        path.with_suffix(".part.npz"), clips=np.array([clip for own in clips for clip in own]),
        counts=np.array([len(own) for own in clips]), rests=rests,
    )
    os.replace(path.with_suffix(".part.npz"), path)


def _performers(path: Path, features: _Rows) -> list[Performer]:
    motions = _Rows.open(path.with_suffix(".motion.npy"))
    seen = _Rows.open(_seen_file(path)) if _seen_file(path).exists() else motions
    with np.load(path, allow_pickle=False) as index:
        clips, counts, rests = index["clips"].tolist(), index["counts"].tolist(), index["rests"]
    performers, first = [], 0
    for count, rest in zip(counts, rests, strict=True):
        takes = [_take(features[clips[i]], motions[i], seen[i]) for i in range(first, first + count)]
        performers.append(Performer(tuple(takes), rest))
        first += count
    return performers


def _seen_file(path: Path) -> Path:
    return path.with_suffix(".seen.npy")


def _take(features: FloatArray, motion: FloatArray, seen: FloatArray) -> Performance:
    n_frames = min(len(features), len(motion))
    return Performance(features[:n_frames], motion[:n_frames], seen[:n_frames])


def _whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write under a temporary name that ends as the path does, then put it in place."""
    part = path.with_name(f"part_{path.name}")
    write(part)
    os.replace(part, path)
