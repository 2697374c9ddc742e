"""Pictures of a face: what moves is tinted where it moves, and the rest looks as at rest."""

from __future__ import annotations

import numpy as np
import pytest

from engine.geometry.shape_picture import HALF_MM, MIDDLE_MM, SIZE_PX, SampledFace

CELLS = 40


@pytest.fixture
def sheet():
    """A sheet that faces the viewer and fills the picture, in millimetres: points and triangles."""
    x, z = (
        a.ravel()
        for a in np.meshgrid(
            *(np.linspace(-HALF_MM, HALF_MM, CELLS + 1) + middle for middle in MIDDLE_MM), indexing="ij"
        )
    )
    points = np.column_stack([x, np.zeros_like(x), z])
    corner = (np.arange(CELLS)[:, None] * (CELLS + 1) + np.arange(CELLS)).ravel()
    lower = np.column_stack([corner, corner + CELLS + 1, corner + 1])
    upper = np.column_stack([corner + CELLS + 1, corner + CELLS + 2, corner + 1])
    return points, np.concatenate([lower, upper])


def test_a_face_fills_its_part_of_the_picture_without_holes(sheet):
    image = SampledFace.of(*sheet).picture(np.zeros_like(sheet[0]))
    assert image.shape == (SIZE_PX, SIZE_PX, 4) and image.dtype == np.float32
    assert (image[1:-1, 1:-1, 3] == 1).all()
    assert np.ptp(image[1:-1, 1:-1], axis=(0, 1)).max() < 1e-6         # flat, so one shade


def test_what_moves_is_tinted_there_and_only_there(sheet):
    points, triangles = sheet
    moves = np.zeros_like(points)
    # right of the middle, below: towards the viewer
    moves[(points[:, 0] > 20) & (points[:, 2] < MIDDLE_MM[1]), 1] = -5.0
    sampled = SampledFace.of(points, triangles)
    changed = np.abs(sampled.picture(moves) - sampled.picture(np.zeros_like(points))).max(axis=-1) > 0.1
    half = SIZE_PX // 2
    assert changed[10:half - 10, half + 30:-10].all()                          # rows from below
    assert not changed[half + 10:].any() and not changed[:, :half].any()


def test_what_lies_behind_is_hidden(sheet):
    points, triangles = sheet
    behind = points + np.array([0.0, 30.0, 0.0])
    moves = np.concatenate([np.zeros_like(points), np.full_like(points, [0.0, 1.0, 0.0]) * 20])
    image = SampledFace.of(
        np.concatenate([points, behind]), np.concatenate([triangles, triangles + len(points)])
    ).picture(moves)
    alone = SampledFace.of(points, triangles).picture(np.zeros_like(points))
    # half of the samples lie behind, so some pixels get none in front
    assert np.mean(np.abs(image - alone).max(axis=-1)[2:-2, 2:-2] > 0.01) < 0.05


def test_a_mesh_of_nothing_gives_an_empty_picture():
    image = SampledFace.of(np.zeros((3, 3)), np.zeros((0, 3), np.intp)).picture(np.zeros((3, 3)))
    assert not image.any()
