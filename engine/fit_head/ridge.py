"""Ridge regression in closed form, its strength chosen on held-out blocks. Knows nothing of sound or faces.

One decomposition of the features serves every strength and every column of targets; it is made of the smaller of the
two forms, d x d or n x n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]
Parts = list[tuple[Indices, Indices]]       # per fold: samples to learn from, samples held out

STRENGTHS = np.logspace(-4, 2, 13)          # of the penalty, as a share of the features' mean square over samples


@dataclass(frozen=True)
class Solver:
    """Decomposed features (n, d): half is (n or d, m) and values (m,) their spectrum; primal means the form d x d."""

    features: Matrix
    half: Matrix
    values: Matrix
    primal: bool

    @classmethod
    def of(cls, features: Matrix) -> Solver:
        """Decompose centred features."""
        primal = features.shape[1] <= len(features)
        values, half = np.linalg.eigh(features.T @ features if primal else features @ features.T)
        return cls(features, half, np.maximum(values, 0.0), primal)

    def weights(self, targets: Matrix, strengths: Matrix) -> Matrix:
        """Ridge weights (d, k) of centred targets (n, k), column i with strengths[i]."""
        inner = self._rotated(targets) / (self.values[:, None] + self._penalty(strengths)[None, :])
        return np.asarray(self.half @ inner if self.primal else self.features.T @ (self.half @ inner))

    def seen(self, rows: Matrix) -> Matrix:
        """Other rows (m, d) in the turned space that predictions() takes."""
        return np.asarray(rows @ self.half if self.primal else (rows @ self.features.T) @ self.half)

    def predictions(self, targets: Matrix, seen: Matrix, strengths: Matrix) -> Matrix:
        """(n_strengths, m, k): the predictions of a fit to targets (n, k) for the rows that seen() turned."""
        rotated = self._rotated(targets)
        return np.stack([seen @ (rotated / (self.values[:, None] + penalty)) for penalty in self._penalty(strengths)])

    def _rotated(self, targets: Matrix) -> Matrix:
        return np.asarray(self.half.T @ (self.features.T @ targets if self.primal else targets))

    def _penalty(self, strengths: Matrix) -> Matrix:
        """Strengths in the unit of the spectrum: relative to the mean square of one feature, times samples."""
        return np.asarray(strengths * float(np.sum(self.values)) / max(1, min(self.features.shape)))


def folds(n_samples: int, block: int, n_folds: int, margin: int) -> Parts:
    """Contiguous blocks that take turns in being held out; samples within `margin` of such a block are left out.

    Samples next to each other are nearly the same, so single samples that are held out would say nothing.
    """
    fold_of = (np.arange(n_samples) // block) % n_folds
    found = []
    for fold in range(n_folds):
        held = fold_of == fold
        near = np.convolve(held, np.ones(2 * margin + 1), mode="same") > 0.5
        if held.any() and not near.all():
            found.append((np.flatnonzero(~near), np.flatnonzero(held)))
    return found


@dataclass(frozen=True)
class Fold:
    """One fold: its decomposed features, what it learned from, and what it is asked (turned by the solver)."""

    solver: Solver
    training: Indices
    held: Indices
    seen: Matrix

    def predictions(self, targets: Matrix, strengths: Matrix) -> Matrix:
        """(n_strengths, n_held, k) of targets (n, k), learned from the training samples alone."""
        mean = targets[self.training].mean(axis=0)
        return np.asarray(self.solver.predictions(targets[self.training] - mean, self.seen, strengths) + mean)


def prepare(features: Matrix, parts: Parts) -> list[Fold]:
    """Decompose the features (n, d) of each fold, once for all targets and strengths."""
    prepared = []
    for training, held in parts:
        centre = features[training].mean(axis=0)
        solver = Solver.of(features[training] - centre)
        prepared.append(Fold(solver, training, held, solver.seen(features[held] - centre)))
    return prepared


def errors(prepared: list[Fold], targets: Matrix, strengths: Matrix = STRENGTHS) -> Matrix:
    """Mean squared error on held-out samples (n_strengths, k)."""
    total: Matrix = np.zeros((len(strengths), targets.shape[1]))
    for fold in prepared:
        total += ((fold.predictions(targets, strengths) - targets[fold.held]) ** 2).sum(axis=1)
    return np.asarray(total / sum(len(fold.held) for fold in prepared))


def predict(prepared: list[Fold], targets: Matrix, chosen: Indices) -> Matrix:
    """Held-out predictions (n, k), column i with strength number chosen[i]; nan where no fold holds a sample out."""
    found = np.full(targets.shape, np.nan)
    for fold in prepared:
        found[fold.held] = fold.predictions(targets, STRENGTHS)[chosen, :, np.arange(targets.shape[1])].T
    return np.asarray(found)
