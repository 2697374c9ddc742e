"""Crops of sound and motion of the same moment, as the released code of Composite and Regional makes its batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...values.types import SAMPLE_RATE_HZ


@dataclass(frozen=True)
class PairedCrops:
    """Where to cut each clip of a batch, so that all are as long.

    Attributes:
        frames, samples: length of every crop. first_frames, first_samples: where each begins.
    """

    frames: int
    samples: int
    first_frames: tuple[int, ...]
    first_samples: tuple[int, ...]


def paired_crops(
    n_frames: Sequence[int], n_samples: Sequence[int], fps: float, draw: Callable[[int, int], int],
) -> PairedCrops:
    """Crops as long as the shortest clip of the batch, where motion and sound both reach.

    Args:
        n_frames, n_samples: of each clip, at fps and at 16 kHz. draw: a whole number from the first to the last.
    """
    frames = min(*n_frames, int(min(n_samples) * fps / SAMPLE_RATE_HZ))
    lengths = [min(own, int(sound * fps / SAMPLE_RATE_HZ)) for own, sound in zip(n_frames, n_samples, strict=True)]
    firsts = tuple(draw(0, length - frames) for length in lengths)
    starts = tuple(int(first * SAMPLE_RATE_HZ / fps) for first in firsts)
    return PairedCrops(frames, int(frames * SAMPLE_RATE_HZ / fps), firsts, starts)
