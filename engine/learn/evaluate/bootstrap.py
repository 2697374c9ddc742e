"""Figures over clips, and how far another draw of clips could have moved them: bootstrap 95 % intervals.

Every figure is kept as what each clip adds to it, so that a resampled set of clips is one vector of counts and costs a
product of matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...values.types import FloatArray

RESAMPLES, SEED = 1000, 20
PERCENTILES = (2.5, 97.5)
FEWEST_CLIPS = 4  # fewer say nothing about another draw


@dataclass(frozen=True)
class Figure:
    """A measure with its 95 % interval (NaN where there are too few clips) and the number of events behind it."""

    value: float
    low: float
    high: float
    events: int


class Statistic(Protocol):
    """A measure as a function of how often each clip is drawn."""

    @property
    def events(self) -> int:
        """How many events of the clips it looks at."""

    @property
    def n_clips(self) -> int:
        """How many clips it was gathered from."""

    def estimate(self, counts: FloatArray) -> FloatArray:
        """Values (b,) for counts (b, n_clips)."""


@dataclass(frozen=True)
class Ratio:
    """Sum of `above` by sum of `of`, (n_clips,) each: shares, means, weighted means; with `root` its square root."""

    above: FloatArray
    of: FloatArray
    events: int
    root: bool = False

    @property
    def n_clips(self) -> int:
        return len(self.of)

    def estimate(self, counts: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore", divide="ignore"):
            value = (counts @ self.above) / (counts @ self.of)
        return np.asarray(np.sqrt(value) if self.root else value)


@dataclass(frozen=True)
class Area:
    """Area under the ROC curve: chance that a positive scores above a negative, ties count half.

    above (n_clips, n_clips): pairs won by a positive of clip i against a negative of clip j; positives, negatives
    (n_clips,): how many.
    """

    above: FloatArray
    positives: FloatArray
    negatives: FloatArray

    @classmethod
    def of(cls, positives: Sequence[FloatArray], negatives: Sequence[FloatArray]) -> Area:
        """Gather from the scores of each clip."""
        above = np.array([[_pairs_won(p, n) for n in negatives] for p in positives])
        return cls(above, np.array([p.size for p in positives]), np.array([n.size for n in negatives]))

    @property
    def n_clips(self) -> int:
        return len(self.positives)

    @property
    def events(self) -> int:
        return int(self.positives.sum())

    def estimate(self, counts: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore", divide="ignore"):
            won = ((counts @ self.above) * counts).sum(axis=1)
            return np.asarray(won / ((counts @ self.positives) * (counts @ self.negatives)))


@dataclass(frozen=True)
class Peak:
    """Shift with the best score of all clips, by a parabola through the best three; scores are (n_clips, n_shifts)."""

    scores: FloatArray
    shifts: FloatArray
    events: int

    @property
    def n_clips(self) -> int:
        return len(self.scores)

    def estimate(self, counts: FloatArray) -> FloatArray:
        summed = counts @ self.scores
        rows = np.arange(len(summed))
        best = summed.argmax(axis=1).clip(1, len(self.shifts) - 2)
        left, top, right = (summed[rows, best + i] for i in (-1, 0, 1))
        curvature = left - 2 * top + right
        flat = np.abs(curvature) < 1e-12
        offset = np.where(flat, 0.0, 0.5 * (left - right) / np.where(flat, 1.0, curvature)).clip(-1, 1)
        return np.asarray(self.shifts[best] + offset * (self.shifts[1] - self.shifts[0]))


@dataclass(frozen=True)
class Correlation:
    """Pearson's r of two curves from the sums of pieces: moments (n_pieces, 6) of n, x, y, xx, yy, xy."""

    moments: FloatArray

    @classmethod
    def of(cls, x: Sequence[FloatArray], y: Sequence[FloatArray]) -> Correlation:
        """Gather from the pieces of both curves."""
        return cls(np.array([[len(a), a.sum(), b.sum(), a @ a, b @ b, a @ b] for a, b in zip(x, y, strict=True)]))

    @property
    def n_clips(self) -> int:
        return len(self.moments)

    @property
    def events(self) -> int:
        return int(self.moments[:, 0].sum())

    def estimate(self, counts: FloatArray) -> FloatArray:
        n, x, y, xx, yy, xy = (counts @ self.moments).T
        with np.errstate(invalid="ignore", divide="ignore"):
            r = (n * xy - x * y) / np.sqrt(np.maximum(n * xx - x * x, 0) * np.maximum(n * yy - y * y, 0))
        return np.asarray(np.where(np.isfinite(r), r, 0.0))


def value_of(statistic: Statistic) -> float:
    """The measure itself, each clip once; NaN without clips."""
    return float(statistic.estimate(np.ones((1, statistic.n_clips)))[0]) if statistic.n_clips else float("nan")


def figures(statistics: Mapping[str, Statistic]) -> dict[str, Figure]:
    """Values with their intervals; every call draws the same clips."""
    return {name: figure_of(statistic) for name, statistic in statistics.items()}


def figure_of(statistic: Statistic) -> Figure:
    """One value with its interval: percentiles over RESAMPLES draws of as many clips, with replacement."""
    n = statistic.n_clips
    if n < FEWEST_CLIPS:
        return Figure(value_of(statistic), float("nan"), float("nan"), statistic.events)
    counts = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(np.float64)
    drawn = statistic.estimate(counts)
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, PERCENTILES) if drawn.size else (np.nan, np.nan)
    return Figure(value_of(statistic), float(low), float(high), statistic.events)


def _pairs_won(positives: FloatArray, negatives: FloatArray) -> float:
    above = (positives[:, None] > negatives[None]).sum()
    return float(above + 0.5 * (positives[:, None] == negatives[None]).sum())
