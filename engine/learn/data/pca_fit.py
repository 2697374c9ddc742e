"""A basis of the vertices of a data set, learned block by block in fixed memory.

Source: Ross et al., "Incremental learning for robust visual tracking" (2008), without its forgetting; the released code
of UniTalker takes the mean away first, as here, and whitens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from ...values.errors import SettingError
from ...values.types import FloatArray
from .official import Pca

BLOCK_FRAMES = 512      # held at once, besides the basis


def fit_pca(frames: Callable[[], Iterable[NDArray[np.floating]]], size: int) -> tuple[Pca, FloatArray]:
    """(basis, share of the variance that each component explains), the first component the largest.

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
