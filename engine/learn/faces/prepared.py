"""Prepared items of data sets on disk: what a frozen front of an encoder gave, motion, neutral face, speaker.

An item is made once, by its content and the encoder's, and is read again by every run; arrays are mapped, so that a set
larger than the memory costs none.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ...values.array_files import ArrayFileError, map_array, read_arrays
from ...values.errors import SettingError
from ...values.types import FloatArray
from ..data.official import MAX_PCA_BYTES, Pca
from .samples import DataSet, Sample, Space

FRONT, MOTION = "front.npy", "motion.npy"
FACTS = "items.json"
BLOCK_FRAMES = 512      # of a basis that is learned, held at once
OWN, RELEASED = ("components", "mean"), ("components_to_data", "original_data_mean")     # names in basis files

log = logging.getLogger(__name__)

Front = Callable[[FloatArray], FloatArray]      # wave (n,) -> (t, c)


@dataclass(frozen=True)
class Item:
    """One prepared recording, its arrays still on the disk.

    Attributes:
        row: of the speaker among its set's identities.
        fps: of the motion; samples: of the sound that the front heard.
    """

    folder: Path
    name: str
    row: int
    fps: int
    samples: int
    template: FloatArray

    @property
    def front(self) -> NDArray[np.float32]:
        """(t, c) or, where an encoder has no frozen part, the wave (n,)."""
        return map_array(self.folder / FRONT)

    @property
    def motion(self) -> NDArray[np.float32]:
        """(t, width) in scaled units."""
        return map_array(self.folder / MOTION)


@dataclass(frozen=True)
class PreparedSet:
    """The items of one split of a data set; basis: the PCA file that came with it, if any."""

    name: str
    space: Space
    identities: tuple[str, ...]
    items: tuple[Item, ...]
    basis: Path | None = None

    @property
    def seconds(self) -> float:
        """Of all items."""
        return sum(item.samples for item in self.items) / 16000


@dataclass(frozen=True)
class Ear:
    """The frozen part of an encoder: what it makes of a wave (n,), a word that tells it from others, and whether it
    wants waves of mean 0 and deviation 1."""

    front: Front
    key: str
    normalise: bool


def prepare(data: DataSet, split: str, ear: Ear, folder: Path) -> PreparedSet:
    """Make what is missing below `folder`, and open it.

    Raises:
        EngineError: nothing of the split can be used. OSError: the disk.
    """
    items = []
    samples = data.samples(split, ear.normalise)
    for name, sample in tqdm(samples, desc=f"{data.name} {split}", unit="clip", mininterval=10):
        place = folder / _key(sample, ear.key)
        if not (place / FACTS).is_file():
            _write(place, sample, ear.front)
        facts = json.loads((place / FACTS).read_text(encoding="utf-8"))
        row = data.identities.index(sample.identity)
        items.append(Item(place, name, row, facts["fps"], facts["samples"], sample.template))
    return PreparedSet(data.name, data.space, data.identities, tuple(items), data.basis)


@dataclass(frozen=True)
class VertexBasis:
    """A PCA of vertices, and what 1 of a head's output is worth in its coefficients."""

    pca: Pca
    unit: float = 1.0


def basis_of(sets: Sequence[PreparedSet], size: int, file: Path, given: Path | None, balance: bool) -> VertexBasis:
    """The basis of the sets of one annotation, as its file says; the file is written when it is not there.

    Args:
        size: most components.
        given: a basis to take over: the released `pca.npz` of a data set, or one of an earlier run.
        balance: a head counts in the deviation of the coefficient that moves most, not in the sets' units.
    Raises:
        SettingError: no motion, or a basis that cannot be read or is another annotation's.
    """
    if not file.is_file():
        basis = read_basis(given, size) if given is not None else VertexBasis(_learned(sets, size, file.stem))
        _refuse_other_width(basis, sets[0].space, given or file)
        if balance and basis.unit == 1.0:
            basis = replace(basis, unit=_largest_deviation(basis.pca, sets))
        partial = file.with_suffix(".part.npz")
        np.savez(partial, components=basis.pca.components, mean=basis.pca.mean, unit=basis.unit)
        partial.replace(file)
    basis = read_basis(file, size)
    _refuse_other_width(basis, sets[0].space, file)
    return basis


def _refuse_other_width(basis: VertexBasis, space: Space, file: Path) -> None:
    if len(basis.pca.mean) != space.width:
        raise SettingError(
            f"{file} is a basis of {len(basis.pca.mean)} numbers, {space.annotation} has {space.width}. Take it away."
        )


def read_basis(file: Path, size: int) -> VertexBasis:
    """A basis of ours, or the released code's; at most `size` components. Raises SettingError: it cannot be read."""
    try:
        arrays = read_arrays(file, MAX_PCA_BYTES)
        components, mean = (np.asarray(arrays[name], np.float32) for name in (OWN if OWN[0] in arrays else RELEASED))
        if components.ndim != 2 or mean.shape != components.shape[1:]:
            raise ValueError(f"components {components.shape} do not fit a mean {mean.shape}")
        return VertexBasis(Pca(components[:size], mean), float(arrays.get("unit", 1.0)))
    except (OSError, ArrayFileError, ValueError, KeyError, TypeError) as error:
        raise SettingError(f"Basis {file} cannot be read ({error}). Copy it again, or delete it.") from error


def _learned(sets: Sequence[PreparedSet], size: int, name: str) -> Pca:
    items = [item for one in sets for item in one.items]
    pca, shares = fit_pca(lambda: (item.motion - item.template for item in items), size)
    log.info("%s: %d components explain %.2f %% of the motion", name, len(shares), 100 * float(shares.sum()))
    return pca


def _largest_deviation(pca: Pca, sets: Sequence[PreparedSet]) -> float:
    """Of the coefficients; the mean over the clips."""
    items = [item for one in sets for item in one.items]
    spreads = [((item.motion - item.template - pca.mean) @ pca.components.T).std(axis=0) for item in items]
    return float(np.mean(spreads, axis=0).max()) or 1.0


def fit_pca(frames: Callable[[], Iterable[NDArray[np.floating]]], size: int) -> tuple[Pca, FloatArray]:
    """(basis, share of the variance that each component explains), the first component the largest; in fixed memory.

    Source: Ross et al., "Incremental learning for robust visual tracking" (2008), without its forgetting; the released
    code of UniTalker takes the mean away first, as here, and whitens nothing.

    Args:
        frames: gives blocks (t, n) of motion without the neutral face, the same ones at each of its two calls.
        size: most components; fewer where the frames have fewer.
    Raises:
        SettingError: no frames.
    """
    total, count = None, 0
    for block in frames():
        total = block.sum(axis=0, dtype=np.float64) + (0.0 if total is None else total)
        count += len(block)
    if total is None or not count:
        raise SettingError("A basis needs frames of motion, and there are none. Check the data set's train split.")
    mean = total / count
    basis = np.zeros((0, len(mean)), np.float32)        # components times their singular values
    energy = 0.0
    for block in _blocks(frames()):
        centred = (block - mean).astype(np.float32)
        energy += float((centred.astype(np.float64) ** 2).sum())
        basis = _largest(np.concatenate([basis, centred]), size)
    sizes = np.linalg.norm(basis, axis=1)
    kept = sizes > 1e-6 * max(float(sizes.max(initial=0.0)), 1e-30)
    components = basis[kept] / sizes[kept, None]
    shares = sizes[kept].astype(np.float64) ** 2 / max(energy, 1e-30)
    return Pca(np.asarray(components, np.float32), mean.astype(np.float32)), np.asarray(shares, np.float32)


def _largest(rows: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The strongest directions of rows, each as long as its singular value; from the products of the rows."""
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    order = np.argsort(values)[::-1][:size]
    return np.asarray(vectors[:, order].T.astype(np.float32) @ rows, np.float32)


def _blocks(frames: Iterable[NDArray[np.floating]]) -> Iterable[NDArray[np.floating]]:
    for clip in frames:
        for start in range(0, len(clip), BLOCK_FRAMES):
            yield clip[start:start + BLOCK_FRAMES]


def _key(sample: Sample, encoder: str) -> str:
    digest = hashlib.sha256(encoder.encode())
    for array in (sample.wave, sample.motion):
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"{sample.fps}_{digest.hexdigest()[:24]}"


def _write(place: Path, sample: Sample, front: Front) -> None:
    """Arrays first, facts last: a folder without facts is made again."""
    place.mkdir(parents=True, exist_ok=True)
    np.save(place / FRONT, np.asarray(front(sample.wave), np.float32))
    np.save(place / MOTION, np.asarray(sample.motion, np.float32))
    partial = place / f"{FACTS}.part"
    partial.write_text(json.dumps({"fps": sample.fps, "samples": len(sample.wave)}), encoding="utf-8")
    partial.replace(place / FACTS)
