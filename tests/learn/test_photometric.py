"""The renderer and its loss: what is seen, what it costs to differ, and that the gradient is the true one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.learn.systems.photometric import (
    AMBIENT,
    Camera,
    Renderer,
    face_camera,
    photometric_loss,
    position_albedo,
)
from engine.values.errors import SettingError

GRID = 12


def dome(height: float = 0.6) -> tuple[torch.Tensor, np.ndarray]:
    """A bump of GRID x GRID vertices that looks along +z, and its triangles, counter-clockwise from the front."""
    line = torch.linspace(-1, 1, GRID, dtype=torch.float64)
    x, y = torch.meshgrid(line, line, indexing="xy")
    z = height * torch.cos(1.3 * x) * torch.cos(1.1 * y)
    index = np.arange(GRID * GRID).reshape(GRID, GRID)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = np.concatenate([np.stack(corners, -1).reshape(-1, 3) for corners in ((a, b, d), (a, d, c))])
    return torch.stack([x, y, z], -1).reshape(-1, 3), triangles


def moved(vertices: torch.Tensor, size: float) -> torch.Tensor:
    """Two frames of a smooth change around the middle."""
    bump = torch.exp(-4 * (vertices[:, :2] ** 2).sum(1))
    change = torch.stack([0.3 * bump, torch.zeros_like(bump), bump], -1) * size
    return torch.stack([vertices + change, vertices - 0.5 * change])


def test_equal_faces_cost_nothing():
    vertices, triangles = dome()
    renderer = Renderer(triangles, face_camera(vertices, 32))
    assert float(photometric_loss(renderer, vertices[None], vertices[None])) == 0


@pytest.mark.parametrize("coloured", [False, True])
def test_gradient_is_that_of_finite_differences(coloured):
    vertices, triangles = dome()
    renderer = Renderer(triangles, face_camera(vertices, 24), position_albedo(vertices) if coloured else None)
    target, at = moved(vertices, 0.05), moved(vertices, 0.02).requires_grad_()
    photometric_loss(renderer, at, target).backward()
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        direction = torch.zeros_like(at)
        direction[:, :, 2] = torch.randn(at.shape[:2], generator=generator, dtype=torch.float64)
        step = 1e-6
        with torch.no_grad():
            either = [photometric_loss(renderer, at + sign * step * direction, target) for sign in (1, -1)]
        slope = float(either[0] - either[1]) / (2 * step)
        assert float((at.grad * direction).sum()) == pytest.approx(slope, rel=1e-5)


def test_a_steep_descent_finds_the_target():
    vertices, triangles = dome()
    renderer = Renderer(triangles, face_camera(vertices, 32))
    target = moved(vertices, 0.08)
    at = vertices.repeat(2, 1, 1).requires_grad_()
    optimizer = torch.optim.Adam([at], lr=2e-3)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        losses.append(photometric_loss(renderer, at, target))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.4 * losses[0]


def test_what_lies_behind_is_not_seen_and_gets_no_gradient():
    near, triangles = dome()
    far = near - torch.tensor([0, 0, 2.0], dtype=torch.float64)
    both = torch.cat([far, near])[None].requires_grad_()
    renderer = Renderer(np.concatenate([triangles, triangles + len(near)]), face_camera(near, 32))
    picture = renderer(both)
    assert set(picture.triangles[picture.triangles >= 0].tolist()) <= set(range(len(triangles), 2 * len(triangles)))
    picture.colours.sum().backward()
    assert both.grad[0, :len(far)].abs().max() == 0 and both.grad[0, len(far):].abs().max() > 0


def test_a_back_side_is_not_drawn():
    vertices, triangles = dome()
    picture = Renderer(triangles[:, ::-1].copy(), face_camera(vertices, 16))(vertices[None])
    assert (picture.triangles == -1).all()


def test_every_pixel_shows_the_triangle_that_covers_its_middle():
    vertices = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=torch.float64)
    camera = Camera(torch.zeros(3, dtype=torch.float64), 4.0, torch.eye(3, dtype=torch.float64), 16)
    shown = Renderer(np.array([[0, 1, 2], [0, 2, 3]]), camera)(vertices[None]).triangles[0]
    assert (shown >= 0).sum() == 64 and (shown[4:12, 4:12] >= 0).all()      # 2 units are 8 pixels, in the middle
    assert shown[11, 11] == 0 and shown[4, 4] == 1                          # low and right, high and left


def test_pixels_that_one_side_alone_covers_do_not_count():
    vertices, triangles = dome()
    renderer = Renderer(triangles, face_camera(vertices, 32))
    away = vertices + torch.tensor([10.0, 0, 0], dtype=torch.float64)
    assert float(photometric_loss(renderer, away[None], vertices[None])) == 0


def test_triangles_outside_of_the_face_do_not_count():
    vertices, triangles = dome()
    predicted, target = moved(vertices, 0.05), moved(vertices, 0.0)

    def loss(face: torch.Tensor | None) -> float:
        return float(photometric_loss(Renderer(triangles, face_camera(vertices, 32), face=face), predicted, target))

    whole = loss(None)
    right = torch.as_tensor(vertices.numpy()[triangles].mean(1)[:, 0] > 0)
    halves = [loss(part) for part in (right, ~right)]
    assert min(halves) > 0 and sum(halves) == pytest.approx(whole, rel=0.02)    # pixels on the border may be lost
    assert loss(torch.zeros(len(triangles), dtype=torch.bool)) == 0


def test_the_size_of_the_picture_does_not_change_the_scale():
    vertices, triangles = dome()
    predicted, target = moved(vertices, 0.05), moved(vertices, 0.0)
    renderers = [Renderer(triangles, face_camera(vertices, side)) for side in (96, 160)]
    losses = [float(photometric_loss(renderer, predicted, target)) for renderer in renderers]
    assert losses[0] == pytest.approx(losses[1], rel=0.03)


def test_light_comes_from_the_front_and_axes_turn_with_the_head():
    flat = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=torch.float64)
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    straight = Renderer(triangles, face_camera(flat, 16))(flat[None]).colours[0]
    facing = AMBIENT + (1 - AMBIENT) / (0.2**2 + 0.3**2 + 1) ** 0.5
    assert float(straight[8, 8, 0]) == pytest.approx(facing)
    lying = torch.stack([flat[:, 0], -flat[:, 2], flat[:, 1]], -1)              # as Blender has it: looks along -y
    assert torch.allclose(Renderer(triangles, face_camera(lying, 16, "z"))(lying[None]).colours[0], straight)


def test_a_face_without_size_and_an_unknown_axis_are_refused():
    with pytest.raises(SettingError, match=r"size of 0"):
        face_camera(torch.zeros(4, 3))
    with pytest.raises(SettingError, match="must be y or z"):
        face_camera(torch.rand(4, 3), up="x")
