"""Numbers of components and placement of vertex heads."""

from __future__ import annotations

import numpy as np
import pytest

from engine.model.components import components_needed, fit_placement

RANDOM = np.random.default_rng(5)


def test_placement_finds_scale_and_rotation():
    neutral = RANDOM.normal(size=(40, 3)).astype(np.float32)
    turn = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)         # y up becomes z up
    found = fit_placement(neutral, 2.5 * neutral @ turn.T + [1, 2, 3])
    assert found.scale == pytest.approx(2.5, rel=1e-5) and found.misfit < 1e-6
    np.testing.assert_allclose(found.rotation, turn, atol=1e-5)
    moved = found.place(np.array([[0, 1, 0, 0, 0, 1]], np.float32))
    np.testing.assert_allclose(moved, [[[0, 0, 2.5], [0, -2.5, 0]]], atol=1e-5)


def test_vertices_in_another_order_are_a_misfit():
    neutral = RANDOM.normal(size=(40, 3)).astype(np.float32)
    assert fit_placement(neutral, neutral[::-1]).misfit > 0.1


def test_neutral_face_without_size_leaves_displacements_as_they_are():
    found = fit_placement(np.zeros((4, 3), np.float32), RANDOM.normal(size=(4, 3)))
    assert found.scale == 1.0 and (found.rotation == np.eye(3)).all()


@pytest.mark.parametrize("tolerance", [1e-6, 1e-3, 0.01, 0.1, 1e6])
def test_no_vertex_is_further_off_than_the_tolerance_on_any_frame(tolerance):
    components = RANDOM.normal(size=(30, 60)).astype(np.float32)
    coefficients = (RANDOM.normal(size=(300, 30)) * 0.7 ** np.arange(30)).astype(np.float32)
    number, error = components_needed(coefficients, components, tolerance)
    rest = coefficients[:, number:] @ components[number:]
    assert error == pytest.approx(np.linalg.norm(rest.reshape(-1, 3), axis=1).max(initial=0), rel=1e-5, abs=1e-6)
    assert error <= tolerance and 1 <= number <= 30
    assert number == 1 or tolerance < 1e6
    assert components_needed(coefficients, components, tolerance, at_least=29)[0] >= 29
