"""The sculpted form of the head: one signed distance field, and rays that find its surface.

Lengths are millimetres until `model.py` hands the parts out in metres. The head looks towards -Y, Z is up,
the character's own left is +X, and the neck's base is the origin. The form is symmetric: only |x| is looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EYE_CENTRE = np.array([33.0, -66.5, 203.0])
EYE_RADIUS = 16.0

MARCH_STEPS = 42
MARCH_DAMPING = 0.9  # the ellipsoid distances are estimates: full steps could jump through thin parts
FAR_MM = 260.0


def distance(points: Array) -> Array:
    """Signed distance (mm, negative inside) of points (n, 3) to the head's skin, without lips, lids and ears."""
    p = points.copy()
    p[:, 0] = np.abs(p[:, 0])
    d = _skull(p)
    d = _face_planes(d, p)
    d = _nose(d, p)
    d = _eye_region(d, p)
    return d


def _skull(p: Array) -> Array:
    """Cranium, facial mass, jaw and neck."""
    d = _ellipsoid(p, (0, 14, 240), (76, 94, 82))
    d = _union(d, _ellipsoid(p, (0, -16, 186), (69, 76, 74)), 40)
    d = _union(d, _ellipsoid(p, (0, -36, 150), (57, 54, 64)), 30)
    d = _union(d, _capsule(p, (44, -4, 150), (38, -26, 118), 19, 16), 26)
    d = _union(d, _capsule(p, (36, -30, 114), (8, -70, 102), 15, 15), 24)
    neck = _capsule(p, (0, 24, -30), (0, 10, 150), 50, 46)
    return _union(d, neck, 16)


def _face_planes(d: Array, p: Array) -> Array:
    """Brow ridge, cheekbones, cheeks, muzzle and chin."""
    d = _union(d, _capsule(p, (8, -82, 224), (42, -68, 225), 9, 8), 18)
    d = _union(d, _ellipsoid(p, (40, -58, 168), (20, 22, 17)), 22)
    d = _union(d, _ellipsoid(p, (32, -58, 146), (22, 22, 24)), 20)
    d = _union(d, _ellipsoid(p, (0, -74, 137), (29, 28, 22)), 22)
    d = _union(d, _ellipsoid(p, (0, -79, 100), (17, 15, 14)), 16)
    return _cut(d, _ellipsoid(p, (0, -105, 114.5), (18, 7, 4)), 10)  # the dent between lower lip and chin


def _nose(d: Array, p: Array) -> Array:
    """Bridge, tip, wings and nostrils."""
    d = _union(d, _capsule(p, (0, -85, 214), (0, -106, 170), 6, 8), 12)
    d = _union(d, _ellipsoid(p, (0, -110, 164), (10.5, 10.5, 9)), 8)
    d = _union(d, _ellipsoid(p, (11, -100, 160), (7.5, 11, 7.5)), 7)
    return _cut(d, _ellipsoid(p, (6.0, -106, 153), (3.6, 5.5, 4.5)), 3)


def _eye_region(d: Array, p: Array) -> Array:
    """The socket, then the bulge of the lids over the eyeball."""
    d = _cut(d, _ellipsoid(p, (33, -98, 205), (21, 16, 12)), 14)
    lids = _ellipsoid(p, EYE_CENTRE + (0.5, 0, 0), (EYE_RADIUS + 2.0, EYE_RADIUS + 1.2, EYE_RADIUS + 1.2))
    return _union(d, lids, 7)


def surface_from_outside(inner: Array, outer: Array) -> Array:
    """First skin points (n, 3) that straight rays from outer (n, 3) towards inner (n, 3) meet."""
    direction = inner - outer
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    direction = direction / length
    travelled = np.zeros(len(inner))
    for _ in range(MARCH_STEPS):
        travelled += MARCH_DAMPING * distance(outer + direction * travelled[:, None])
        travelled = np.minimum(travelled, length[:, 0])
    return outer + direction * travelled[:, None]


def frontal_surface(x: Array, z: Array) -> Array:
    """Skin points (n, 3) straight behind the frontal positions x (n,) and z (n,)."""
    outer = np.column_stack([x, np.full_like(x, -150.0), z])
    return surface_from_outside(outer + np.array([0.0, 150.0, 0.0]), outer)


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
