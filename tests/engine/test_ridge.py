"""Ridge in closed form: equal to the textbook formula in both forms, and held-out blocks that are truly held out."""

from __future__ import annotations

import numpy as np
import pytest

from engine.fit_head.ridge import STRENGTHS, Solver, errors, folds, predict, prepare


@pytest.mark.parametrize("shape", [(200, 12), (20, 60)])
def test_weights_equal_the_normal_equations_in_primal_and_dual_form(shape):
    random = np.random.default_rng(0)
    features, targets = random.normal(size=shape), random.normal(size=(shape[0], 3))
    features -= features.mean(axis=0)
    strengths = np.array([0.01, 1.0, 30.0])
    found = Solver.of(features).weights(targets, strengths)
    gram = features.T @ features
    unit = np.trace(gram) / min(shape)
    for column, strength in enumerate(strengths):
        expected = np.linalg.solve(gram + strength * unit * np.eye(shape[1]), features.T @ targets[:, column])
        np.testing.assert_allclose(found[:, column], expected, atol=1e-10)


def test_every_sample_is_held_out_once_and_its_neighbours_teach_nothing():
    parts = folds(103, block=10, n_folds=5, margin=3)
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(103))
    for training, held in parts:
        assert np.abs(training[:, None] - held[None]).min() == 4


def test_held_out_predictions_never_see_their_block():
    random = np.random.default_rng(1)
    features, targets = random.normal(size=(100, 4)), random.normal(size=(100, 1))
    parts = folds(100, 10, 5, 2)
    before = predict(prepare(features, parts), targets, np.array([6]))
    changed = targets.copy()
    changed[parts[0][1]] += 100.0
    after = predict(prepare(features, parts), changed, np.array([6]))
    np.testing.assert_allclose(after[parts[0][1]], before[parts[0][1]])
    assert np.abs(after[parts[1][1]] - before[parts[1][1]]).max() > 1


def test_noise_wants_the_strongest_penalty_and_a_law_the_weakest():
    random = np.random.default_rng(2)
    features = random.normal(size=(300, 20))
    targets = np.stack([features @ random.normal(size=20), random.normal(size=300)], axis=1)
    best = STRENGTHS[errors(prepare(features, folds(300, 20, 5, 2)), targets).argmin(axis=0)]
    assert best[0] <= 1e-3
    assert best[1] >= 10
