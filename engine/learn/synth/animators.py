"""Shards of speech whose face curves animators made from video of the speaker: curves instead of phones.

Only what their labels carry is taken over: the jaw, and how round the lips are. Their other curves differ from clip to
clip. A shard curves_*.npz holds samples (n,) int16 16 kHz, columns (k,) names, curves (t, k) float32 with row i at
second i / fps, and fps.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...values.errors import EngineError
from .real import read_samples

FOLDER = "paired/facegood_zh"
TRAINED = "1114_2_*.flac"  # isolated words; the running speech 1114_3_16 is for evaluation
ARRAYS = "facegood_bs.npz"
THEIR_FPS, FPS = 30.0, 50.0
COLUMNS = ("jawOpen", "rounding")  # rounding is mouthFunnel + mouthPucker together
JAW, ROUNDING = ("mouth_stretch_c",), ("mouth_oh_c", "mouth_funnel_dl", "mouth_oo_c", "mouth_pucker_l")
JAW_SCALE, ROUNDING_SCALE = 0.85, 0.9  # to the amplitudes of the viseme model


def make_curve_shards(recordings: Path, folder: Path) -> list[Path]:
    """Write a shard for each paired clip that may be trained on; returns those that are in the folder.

    Raises:
        EngineError: the arrays lack a clip or a curve.
    """
    source = recordings / FOLDER
    if not (source / ARRAYS).exists():
        return []
    with np.load(source / ARRAYS, allow_pickle=False) as arrays:
        names = [str(name) for name in arrays["names"]]
        clips = {key.removeprefix("bs_"): arrays[key] for key in arrays.files if key.startswith("bs_")}
    missing = [name for name in (*JAW, *ROUNDING) if name not in names]
    if missing:
        raise EngineError(f"{source / ARRAYS} lacks the curves {', '.join(missing)}. Give the FACEGOOD arrays.")
    written = []
    for audio in sorted(source.glob(TRAINED)):
        if audio.stem not in clips:
            raise EngineError(
                f"{source / ARRAYS} has no curves for {audio.name}. Give the FACEGOOD arrays that belong to it."
            )
        theirs = clips[audio.stem]
        columns = [theirs[:, [names.index(name) for name in group]].sum(axis=1) * scale
                   for group, scale in ((JAW, JAW_SCALE), (ROUNDING, ROUNDING_SCALE))]
        samples = read_samples(audio)
        path = folder / f"curves_facegood_{audio.stem.replace('_', '-')}.npz"
        np.savez(
            path, samples=samples, columns=np.array(COLUMNS), curves=retimed(np.stack(columns, axis=1), samples.size),
            fps=FPS
        )
        written.append(path)
    return written


def retimed(curves: NDArray[np.floating], n_samples: int) -> NDArray[np.float32]:
    """Curves (t, k) at THEIR_FPS -> (u, k) at FPS, as long as the sound, clipped to 0..1."""
    seconds = np.arange(int(n_samples / 16000 * FPS)) / FPS
    their_seconds = np.arange(len(curves)) / THEIR_FPS
    columns = [np.interp(seconds, their_seconds, column) for column in curves.T]
    longer: NDArray[np.float32] = np.clip(np.stack(columns, axis=1), 0.0, 1.0).astype(np.float32)
    return longer
