"""The sculpted form of the head: one signed distance field, and rays that find its surface.

Lengths are millimetres until the parts are handed out in metres. The head looks towards -Y, Z is up,
the character's own left is +X, and the neck's base is the origin. The form is symmetric: only |x| is looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EYE_CENTRE = np.array([33.0, -65.5, 201.0])
EYE_RADIUS = 17.0
LID_OFFSET = np.array([0.5, 0.0, 0.0])  # the shut lids bulge a little further out than the eyeball

MARCH_STEPS = 42
MARCH_DAMPING = 0.9  # the ellipsoid distances are estimates: full steps could jump through thin parts
CLOSE_ENOUGH = 0.005  # mm


def distance(points: Array) -> Array:
    """Signed distance (mm, negative inside) of points (n, 3) to the head's skin, without lips, lids and ears."""
    p = points.copy()
    p[:, 0] = np.abs(p[:, 0])
    d = _skull(p)
    d = _face_planes(d, p)
    d = _nose(d, p)
    return _eye_region(d, p)


def _skull(p: Array) -> Array:
    """Cranium, facial mass, jaw and neck with the start of the shoulders."""
    d = _ellipsoid(p, (0, 14, 234), (77, 92, 80))
    d = _union(d, _ellipsoid(p, (0, -14, 186), (70, 76, 70)), 40)
    d = _union(d, _ellipsoid(p, (0, -36, 150), (55, 54, 62)), 34)
    d = _union(d, _capsule(p, (43, -2, 156), (35, -26, 122), 19, 15), 28)
    d = _union(d, _capsule(p, (32, -32, 116), (7, -70, 103), 15, 15), 26)
    neck = _capsule(p, (0, 28, -30), (0, 14, 150), 44, 42)
    neck = _union(neck, _ellipsoid(p, (0, 32, -34), (120, 62, 40)), 50)
    return _union(d, neck, 18)


def _face_planes(d: Array, p: Array) -> Array:
    """Brow ridge, cheekbones, cheeks, muzzle and chin."""
    d = _union(d, _capsule(p, (0, -80.5, 221), (42, -67, 225), 8.5, 8), 26)
    d = _union(d, _ellipsoid(p, (43, -57, 169), (20, 21, 17)), 24)
    d = _union(d, _ellipsoid(p, (32, -58, 146), (22, 22, 24)), 22)
    d = _union(d, _ellipsoid(p, (0, -74, 136), (29, 28, 24)), 22)
    d = _union(d, _ellipsoid(p, (0, -82, 101), (16, 14, 13)), 18)
    d = _cut(d, _ellipsoid(p, (0, -108, 114.5), (18, 7, 4)), 10)  # the dent between lower lip and chin
    return _cut(d, _capsule(p, (0, -107.5, 151), (0, -109, 138), 4.2, 4.2), 5)  # the philtrum


def _nose(d: Array, p: Array) -> Array:
    """Bridge, tip and wings."""
    d = _union(d, _capsule(p, (0, -84, 212), (0, -105, 171), 5.5, 7.5), 13)
    d = _union(d, _ellipsoid(p, (0, -110, 165.5), (9.5, 10, 8.5)), 9)
    return _union(d, _ellipsoid(p, (10.5, -100, 161), (6.5, 10, 7)), 6)


def _eye_region(d: Array, p: Array) -> Array:
    """The socket, then the bulge of the lids over the eyeball."""
    d = _cut(d, _ellipsoid(p, (33, -99, 204), (21, 16, 13)), 14)
    lids = _ellipsoid(p, EYE_CENTRE + LID_OFFSET, (EYE_RADIUS + 2.0, EYE_RADIUS + 1.2, EYE_RADIUS + 1.2))
    return _union(d, lids, 6)


def surface_from_outside(inner: Array, outer: Array) -> Array:
    """First skin points (n, 3) that straight rays from outer (n, 3) towards inner (n, 3) meet."""
    direction = inner - outer
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    direction = direction / length
    travelled = np.zeros(len(inner))
    moving = np.arange(len(inner))
    for _ in range(MARCH_STEPS):
        step = distance(outer[moving] + direction[moving] * travelled[moving, None])
        travelled[moving] = np.minimum(travelled[moving] + MARCH_DAMPING * step, length[moving, 0])
        moving = moving[np.abs(step) > CLOSE_ENOUGH]
        if len(moving) == 0:
            break
    return outer + direction * travelled[:, None]


def frontal_surface(x: Array, z: Array) -> Array:
    """Skin points (..., 3) straight behind the frontal positions x (...) and z (...)."""
    outer = np.column_stack([x.ravel(), np.full(x.size, -130.0), z.ravel()])
    found = surface_from_outside(outer + np.array([0.0, 130.0, 0.0]), outer)
    return found.reshape(*x.shape, 3)


def gradient(points: Array) -> Array:
    """Unit outward normals (n, 3) of the field at points (n, 3)."""
    step = 0.4
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], dtype=float)
    samples = distance((points[None] + step * corners[:, None]).reshape(-1, 3)).reshape(4, -1)
    normal = np.einsum("kn,kd->nd", samples, corners)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _ellipsoid(p: Array, centre: tuple[float, float, float] | Array, radii: tuple[float, float, float]) -> Array:
    scaled = (p - centre) / np.asarray(radii)
    k0 = np.sqrt(np.einsum("nd,nd->n", scaled, scaled))
    scaled /= np.asarray(radii)
    k1 = np.sqrt(np.einsum("nd,nd->n", scaled, scaled))
    return k0 * (k0 - 1.0) / np.maximum(k1, 1e-9)


def _capsule(
    p: Array, start: tuple[float, float, float], end: tuple[float, float, float], radius_start: float, radius_end: float
) -> Array:
    a, b = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    axis = b - a
    along = np.clip((p - a) @ axis / (axis @ axis), 0.0, 1.0)
    gap = p - a - along[:, None] * axis
    return np.sqrt(np.einsum("nd,nd->n", gap, gap)) - (radius_start + (radius_end - radius_start) * along)


def _union(a: Array, b: Array, softness: float) -> Array:
    """The smaller of two distances, blended over softness mm."""
    blend = np.maximum(softness - np.abs(a - b), 0.0) / softness
    return np.minimum(a, b) - blend * blend * softness * 0.25


def _cut(a: Array, b: Array, softness: float) -> Array:
    """The form a without the form b, the edge blended over softness mm."""
    return -_union(-a, b, softness)
