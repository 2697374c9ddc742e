"""Draw triangle meshes with numpy alone: no window, no graphics card, the same picture on every computer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:       # only drawing needs Pillow, which not every environment of the tests has
    from PIL.Image import Image

Array = NDArray[np.floating]

SAMPLES = 2                         # pixels along each side of a finished pixel
KEY_LIGHT, FILL_LIGHT = (-0.45, -0.75, 0.60), (0.70, -0.60, 0.05)      # towards the light; the viewer stands at -Y
KEY, FILL, AMBIENT = 0.75, 0.22, 0.20
# what lies deeper than its surroundings is dark: width of the surroundings, depth to 1/e
CAVITY_MM, CAVITY_DEPTH_MM = 5.0, 7.0
PAPER = 0.90
GAMMA = 1 / 2.2


@dataclass(frozen=True)
class Mesh:
    """Triangles in millimetres, looking towards -Y, up is +Z.

    Attributes:
        positions: (n, 3). triangles: (m, 3) indices, counter-clockwise from outside. colours: (m, 3) linear RGB.
    """

    positions: Array
    triangles: NDArray[np.intp]
    colours: Array


@dataclass(frozen=True)
class View:
    """An orthographic view.

    Attributes:
        centre: (3,) mm, the middle of the picture. yaw: degrees that the viewer walks round to the head's left; 0 is
            the front.
        width_mm: what the picture spans. size_px: width and height.
    """

    centre: Array
    yaw: float
    width_mm: float
    size_px: int


def draw(mesh: Mesh, view: View) -> Image:
    """Draw the mesh smoothly shaded."""
    from PIL import Image as pillow

    size = view.size_px * SAMPLES
    scale = size / view.width_mm
    axes = _axes(view.yaw)
    points = (mesh.positions - view.centre) @ axes.T * (scale, scale, scale)
    screen = np.column_stack([size / 2 + points[:, 0], size / 2 - points[:, 1], points[:, 2]])
    nearest = _nearest_triangles(screen[mesh.triangles], size)
    rows, columns = np.nonzero(nearest.triangle >= 0)
    hit = nearest.triangle[rows, columns]
    corners = mesh.triangles[hit]
    normals = np.einsum("pk,pkc->pc", nearest.shares[rows, columns], _normals(mesh)[corners])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    light = AMBIENT + sum(
        strength * np.maximum(normals @ (np.asarray(towards) / np.linalg.norm(towards)), 0.0)
        for strength, towards in ((KEY, KEY_LIGHT), (FILL, FILL_LIGHT))
    )
    light *= _cavities(nearest.depth, scale)[rows, columns]
    picture = np.full((size, size, 3), PAPER)
    picture[rows, columns] = np.clip(mesh.colours[hit] * light[:, None], 0, 1) ** GAMMA
    image = pillow.fromarray((picture * 255).astype(np.uint8))
    return image.resize((view.size_px, view.size_px), pillow.Resampling.BOX)


@dataclass(frozen=True)
class _Nearest:
    """Per pixel: the triangle in front or -1, its depth (pixels, away from the viewer), and the shares of its three
    corners."""

    triangle: NDArray[np.intp]
    depth: Array
    shares: Array


def _axes(yaw: float) -> Array:
    """Rows: right, up, away from the viewer."""
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    return np.array([[c, s, 0], [0, 0, 1], [-s, c, 0]])


def _normals(mesh: Mesh) -> Array:
    """(n, 3) vertex normals, larger triangles count more."""
    a, b, c = (mesh.positions[mesh.triangles[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    normals = np.zeros_like(mesh.positions)
    for i in range(3):
        np.add.at(normals, mesh.triangles[:, i], face)
    return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12)


def _nearest_triangles(corners: Array, size: int) -> _Nearest:
    """Depth test of corners (m, 3, 3: x, y, depth), triangles of like size at once."""
    depth = np.full(size * size, np.inf)
    triangle = np.full(size * size, -1, np.intp)
    shares = np.zeros((size * size, 3))
    low = np.floor(corners[..., :2].min(axis=1)).astype(int)
    span = (np.ceil(corners[..., :2].max(axis=1)).astype(int) - low).max(axis=1) + 1
    (ax, ay), (bx, by), (cx, cy) = (corners[:, i, :2].T for i in range(3))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    # y points down: front faces turn clockwise
    seen = (area < -1e-9) & (low < size).all(axis=1) & (low + span[:, None] > 0).all(axis=1)
    reach = 2
    while True:
        chosen = np.flatnonzero(seen & (span <= reach) & (span > reach // 2 if reach > 2 else True))
        for part in np.array_split(chosen, max(1, len(chosen) * reach * reach // 2_000_000)):
            _test(corners, part, low, reach, (depth, triangle, shares), size)
        if not (seen & (span > reach)).any():
            break
        reach *= 2
    return _Nearest(triangle.reshape(size, size), depth.reshape(size, size), shares.reshape(size, size, 3))


def _test(
    corners: Array, chosen: NDArray[np.intp], low: Array, reach: int, into: tuple[Array, Array, Array], size: int
) -> None:
    """Put the chosen triangles, none wider than reach pixels, into depth, triangle and shares where they are in
    front."""
    depth, triangle, shares = into
    steps = np.arange(reach)
    x = (low[chosen, 0, None, None] + steps[None, None, :]) + np.zeros((1, reach, 1), int)
    y = (low[chosen, 1, None, None] + steps[None, :, None]) + np.zeros((1, 1, reach), int)
    a, b, c = (corners[chosen, i][:, None, None] for i in range(3))
    px, py = x + 0.5, y + 0.5
    area = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
    of_b = ((px - a[..., 0]) * (c[..., 1] - a[..., 1]) - (py - a[..., 1]) * (c[..., 0] - a[..., 0])) / area
    of_c = ((b[..., 0] - a[..., 0]) * (py - a[..., 1]) - (b[..., 1] - a[..., 1]) * (px - a[..., 0])) / area
    of_a = 1 - of_b - of_c
    inside = (of_a >= -1e-6) & (of_b >= -1e-6) & (of_c >= -1e-6) & (x >= 0) & (x < size) & (y >= 0) & (y < size)
    at = (y * size + x)[inside]
    share = np.stack([of_a[inside], of_b[inside], of_c[inside]], axis=1)
    which = np.broadcast_to(chosen[:, None, None], x.shape)[inside]
    far = np.einsum("pk,pk->p", share, corners[which, :, 2])
    order = np.lexsort((-far, at))          # the last of equal pixels is the nearest
    at, far, which, share = at[order], far[order], which[order], share[order]
    last = np.flatnonzero(np.append(at[1:] != at[:-1], True)) if len(at) else np.zeros(0, int)
    last = last[far[last] < depth[at[last]]]
    depth[at[last]], triangle[at[last]], shares[at[last]] = far[last], which[last], share[last]


def _cavities(depth: Array, scale: float) -> Array:
    """(h, w) 1 on open surfaces, darker where a pixel lies deeper than what is round it."""
    known = np.isfinite(depth)
    if not known.any():
        return np.ones_like(depth)
    filled = np.where(known, depth, depth[known].max())
    around = _mean_around(filled, max(1, round(CAVITY_MM * scale)))
    return np.exp(-np.maximum(filled - around, 0.0) / scale / CAVITY_DEPTH_MM)


def _mean_around(values: Array, reach: int) -> Array:
    """Means of squares of 2 reach + 1 pixels."""
    for _ in range(2):
        padded = np.concatenate([
            [np.zeros(values.shape[1])], np.cumsum(np.pad(values, ((reach, reach), (0, 0)), mode="edge"), axis=0)
        ])
        values = ((padded[2 * reach + 1:] - padded[:-2 * reach - 1]) / (2 * reach + 1)).T
    return values
