"""Lay a head on the reference head: by points that the user picked, or by where its shape keys move.

Rotation, size and position of an imported head are unknown. Left and right are known: only true rotations are tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..values.errors import RigError

Array = NDArray[np.float64]
Index = NDArray[np.intp]

STILL = 0.02                # of the largest movement of any key; vertices below it count as still
NORMAL_MM = 12.0            # distance of two points whose normals differ by a radian: keeps upper and lower lip apart
ACTIVITY_MM = 30.0          # the same for the most and the least moving point
TRIED_ROTATIONS = 600       # about 30 degrees between neighbours
TRIED_SIZES = (0.75, 1.0, 1.35)     # a rig may move its mouth only, or the neck too
REFINED = 10                # of the tried rotations, those that are looked at closely, and each of them turned:
HALF_TURNS = tuple(np.diag(signs) for signs in ((1.0, 1, 1), (-1.0, 1, -1)))    # mouth and brows are often taken for
                            # each other, since both move much and the eyes lie between
ROUNDS = 20                 # of the last fit
FEWEST_PICKS = 4
MISFIT_LIMIT = 0.25         # of the picks' spread; faces differ by about a tenth


@dataclass(frozen=True)
class Surface:
    """What is compared of a head: its vertices that move.

    Attributes:
        points, normals: (n, 3); normals are 0 where there are no faces. areas: (n,) of the surface round each point.
        moves: (n_keys, n, 3) displacements.
        activity: (n,) how much the keys move each point, every key counting the same; the sum is 1.
    """

    points: Array
    normals: Array
    areas: Array
    moves: Array
    activity: Array

    def take(self, rows: Index) -> Surface:
        """The same with some of the points."""
        return Surface(
            self.points[rows], self.normals[rows], self.areas[rows], self.moves[:, rows], self.activity[rows],
        )

    def thinned(self, count: int) -> Surface:
        """The same with at most so many points, evenly out of their order."""
        n = len(self.points)
        return self if n <= count else self.take(np.linspace(0, n - 1, count).astype(np.intp))

    def still(self) -> Surface:
        """The same without displacements."""
        return Surface(self.points, self.normals, self.areas, self.moves[:0], self.activity)

    def placed(self, placement: Similarity) -> Surface:
        """The same laid elsewhere."""
        turn = placement.rotation.T
        return Surface(
            placement.place(self.points), self.normals @ turn, self.areas * placement.scale**2,
            (self.moves.reshape(-1, 3) @ (placement.scale * turn)).reshape(self.moves.shape), self.activity,
        )


@dataclass(frozen=True)
class Similarity:
    """scale * rotation (3, 3) @ point + shift (3,)."""

    scale: float
    rotation: Array
    shift: Array

    def place(self, points: Array) -> Array:
        """(n, 3) -> (n, 3)."""
        return points @ (self.scale * self.rotation.T) + self.shift

    def back(self, points: Array) -> Array:
        """The opposite of place."""
        return (points - self.shift) @ self.rotation / self.scale

    def after(self, first: Similarity) -> Similarity:
        """First `first`, then this one."""
        return Similarity(self.scale * first.scale, self.rotation @ first.rotation, self.place(first.shift[None])[0])


def surface(points: Array, moves: NDArray[np.floating[Any]], triangles: Index) -> Surface:
    """The moving part of a mesh.

    Args:
        points: (n, 3); moves: (n_keys, n, 3); triangles: (m, 3), may be none.
    """
    distance = np.sqrt(np.einsum("knx,knx->kn", moves, moves))
    moving = np.flatnonzero(distance.max(0, initial=0.0) > STILL * distance.max(initial=0.0))
    first, second, third = (points[triangles[:, corner]] for corner in range(3))
    cross = np.cross(second - first, third - first)
    normals = _gather(triangles, cross, len(points))[moving]
    areas = _gather(triangles, np.linalg.norm(cross, axis=1, keepdims=True) / 6, len(points))[moving, 0]
    if not areas.any():
        areas = np.ones(len(moving))
    energy = distance[:, moving] ** 2 * areas
    activity = (energy / np.maximum(energy.sum(1, keepdims=True), 1e-30)).sum(0)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return Surface(
        points[moving].astype(np.float64), normals / np.maximum(length, 1e-30), areas,
        moves[:, moving].astype(np.float64), activity / max(activity.sum(), 1e-30),
    )


def nearest(points: Array, others: Array, count: int) -> tuple[Index, Array]:
    """For each point the nearest of the others: indices and squared distances (n, count), nearest first."""
    near, distances = np.empty((len(points), count), np.intp), np.empty((len(points), count))
    middle = others.mean(0)             # far from the origin, float32 would be too coarse
    low, high = (points - middle).astype(np.float32), (others - middle).astype(np.float32)
    squares = (high**2).sum(1)
    for first in range(0, len(points), 256):
        part = low[first:first + 256]
        table = squares - 2 * part @ high.T
        rows = np.arange(len(part))
        for i in range(count):
            best = table.argmin(1)
            near[first:first + 256, i] = best
            distances[first:first + 256, i] = table[rows, best] + (part**2).sum(1)
            table[rows, best] = np.inf
    return near, np.maximum(distances, 0.0)


def with_normals(part: Surface) -> Array:
    """(n, 6) points whose distance counts the normals too."""
    return np.column_stack([part.points, NORMAL_MM * part.normals])


def fit_similarity(points: Array, onto: Array, weights: Array) -> Similarity:
    """The similarity that lays points on others by weighted least squares. Source: Umeyama 1991, no mirror images."""
    share = weights / weights.sum()
    middle, onto_middle = share @ points, share @ onto
    centred, target = points - middle, onto - onto_middle
    left, stretch, right = np.linalg.svd((target * share[:, None]).T @ centred)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left * signs @ right
    scale = float((stretch * signs).sum() / max(float(share @ (centred**2).sum(1)), 1e-30))
    return Similarity(scale, rotation, onto_middle - scale * rotation @ middle)


def by_picks(picks: Mapping[str, Sequence[float]], landmarks: Mapping[str, Sequence[float]]) -> Similarity:
    """Lay picked points on the reference head's points of the same names.

    Raises:
        RigError: fewer than four points, all on one line, left and right changed over, or no face.
    """
    names = [name for name in landmarks if name in picks]
    if len(names) < FEWEST_PICKS:
        raise RigError(
            f"{len(names)} of the {len(landmarks)} markers are there; {FEWEST_PICKS} at least are needed. "
            "Add the markers again, or remove them all."
        )
    points = np.array([picks[name] for name in names], np.float64)
    spread = np.linalg.svd(points - points.mean(0), compute_uv=False)
    if not np.isfinite(points).all() or spread[1] < 0.05 * spread[0] or spread[0] == 0:
        listed = ', '.join(names)
        raise RigError(f"The markers lie on one line or in one point ({listed}). Put each on its place of the face.")
    onto = np.array([landmarks[name] for name in names], np.float64)
    found, misfit = _fit_picks(points, onto)
    swapped = np.array([landmarks[_other_side(name)] for name in names], np.float64)
    if _fit_picks(points, swapped)[1] < min(misfit, MISFIT_LIMIT):
        raise RigError(
            "The markers of the left and the right side are changed over: left is the character's own left. "
            "Exchange them."
        )
    if misfit > MISFIT_LIMIT:
        raise RigError(
            f"The markers do not lie as on a face: they are off by {misfit:.0%} of their spread, "
            f"{MISFIT_LIMIT:.0%} at most. Put each on its place."
        )
    return found


def candidates(target: Surface, reference: Surface) -> list[Similarity]:
    """How the target may lie on the reference, without picks; the likeliest first. The keys decide between them."""
    small, wide = target.thinned(150), reference.thinned(400)
    centre, radius = _moments(small)
    wide_centre, wide_radius = _moments(wide)
    rank, wide_rank = _rank(small.activity), _rank(wide.activity)
    onto = np.column_stack([wide.points, ACTIVITY_MM * wide_rank])
    tried = []
    for rotation in _rotations(TRIED_ROTATIONS):
        sizes = []
        for size in TRIED_SIZES:
            scale = size * wide_radius / radius
            placement = Similarity(scale, rotation, wide_centre - scale * rotation @ centre)
            placed = np.column_stack([placement.place(small.points), ACTIVITY_MM * rank])
            sizes.append((float(np.sqrt(nearest(placed, onto, 1)[1]).mean() / np.sqrt(size)), placement))
        tried.append(min(sizes, key=lambda distance_and_placement: distance_and_placement[0]))
    tried.sort(key=lambda distance_and_placement: distance_and_placement[0])
    small, wide = target.thinned(250), reference.thinned(1200)
    starts = [_turned(placement, half, wide_centre) for _, placement in tried[:REFINED] for half in HALF_TURNS]
    return [refine(small, wide, start, ROUNDS // 2) for start in starts]


def _turned(placement: Similarity, rotation: Array, centre: Array) -> Similarity:
    """The same, turned further about a point."""
    return Similarity(1.0, rotation, centre - rotation @ centre).after(placement)


def refine(target: Surface, reference: Surface, start: Similarity, rounds: int = ROUNDS) -> Similarity:
    """Iterated closest points: let the target settle on the reference, the farthest seventh left out."""
    found = start
    features, target = with_normals(reference), target.still()
    for _ in range(rounds):
        placed = target.placed(found)
        near, distances = nearest(with_normals(placed), features, 1)
        weights = target.activity * (distances[:, 0] <= np.quantile(distances, 0.85))
        step = fit_similarity(placed.points, reference.points[near[:, 0]], weights + 1e-12)
        if not 0.5 < step.scale * found.scale / start.scale < 2.0:
            break
        found = step.after(found)
    return found


def _gather(triangles: Index, values: Array, count: int) -> Array:
    """Sum of the values (m, k) of the triangles round each vertex, (count, k)."""
    columns = [sum(np.bincount(triangles[:, i], values[:, j], count) for i in range(3)) for j in range(values.shape[1])]
    return np.stack(columns, axis=1) if len(triangles) else np.zeros((count, values.shape[1]))


def _fit_picks(points: Array, onto: Array) -> tuple[Similarity, float]:
    """The fit, and how far it is off as a share of the spread of onto."""
    found = fit_similarity(points, onto, np.ones(len(points)))
    off = np.linalg.norm(found.place(points) - onto, axis=1)
    return found, float(np.sqrt((off**2).mean() / max(((onto - onto.mean(0)) ** 2).sum(1).mean(), 1e-30)))


def _other_side(name: str) -> str:
    return name.replace("Left", "\0").replace("Right", "Left").replace("\0", "Right")


def _moments(part: Surface) -> tuple[Array, float]:
    """Centre and radius of what moves."""
    centre = part.activity @ part.points / part.activity.sum()
    return centre, float(np.sqrt(part.activity @ ((part.points - centre) ** 2).sum(1) / part.activity.sum()))


def _rank(values: Array) -> Array:
    """0 for the smallest, 1 for the largest."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") / max(len(values) - 1, 1)


def _rotations(count: int) -> Array:
    """Rotations (count + 24, 3, 3): those by right angles, which imports make, then some spread evenly over all.

    Source: Alexa, "Super-Fibonacci Spirals", CVPR 2022: quaternions on two spirals with the golden ratios of the third
    and fourth order.
    """
    steps = np.arange(count) + 0.5
    share = steps / count
    first, second = 2 * np.pi * steps / np.sqrt(2.0), 2 * np.pi * steps / 1.533751168755204288118041
    radius, rest = np.sqrt(share), np.sqrt(1 - share)
    x, y, z, w = radius * np.sin(first), radius * np.cos(first), rest * np.sin(second), rest * np.cos(second)
    spread = np.stack([
        1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
    ], axis=1).reshape(-1, 3, 3)
    orders = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (1, 0, 2), (0, 2, 1), (2, 1, 0))
    all_signs = np.array(np.meshgrid([1, -1], [1, -1], [1, -1])).reshape(3, -1).T
    square = [np.eye(3)[list(order)] * signs for order in orders for signs in all_signs]
    return np.concatenate([[turn for turn in square if np.linalg.det(turn) > 0], spread])
