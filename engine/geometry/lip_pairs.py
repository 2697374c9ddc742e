"""Find the inner lips on any head by how its keys move it, and measure what each key does to their distance.

The lower lip goes down with the jaw, the upper lip stays, and both lie side by side at rest: nowhere else on the skin
do neighbours part so far. Teeth and tongue part too, so that the largest connected surface counts, and of its pairs
those in front. All distances are in head heights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..rig.preset import ARKIT_SOURCE, Preset
from ..rig.presets import find_targets
from ..rig.retarget import one_frame
from ..values.channels import region
from ..values.lips import LEAST_PARTED
from ..values.types import HeadMesh, Rig
from .shape_align import Array, Index, nearest

STILL_SHARE = 1e-5          # of the head: a key whose largest offset is smaller moves nothing
MOVED_SHARE = 0.02          # of the largest offset: vertices that move less do not count for the head's height
HEAD_OF_MOVED = 1.15        # a head is so many times as high as what its keys move, from chin to brows and beyond
LOWER_DROP, UPPER_DROP = 0.3, 0.2   # of the largest drop: the lower lip goes further, the upper lip less far
RISES_AGAIN = 0.6           # of its drop that stays on the lower lip at the most, where the lips are to close
LEAST_STEEP = 2.0           # how far a pair parts for its distance at rest
BEHIND_COST = 0.2           # a pair further back counts as so much more distant: the mouth behind the lips is a bag
N_COLUMNS = 33              # across the mouth
MIDDLE = 0.5                # of the mouth's width is fitted: towards the corners lips do not part
FEWEST_PAIRS = 3            # coarse meshes have few vertices there
TEETH_COLUMNS = 5
NOT_FACING = 0.002          # of the head: a pair that lies so much further apart than twice the usual faces nothing
TOUCHING = 0.012            # of the head: lips so near at rest touch
LARGEST_SLIT = 0.00125     # of the head: more of it would be seen as lips that cross
TEETH_BEHIND, TEETH_ABOVE = 0.15, 0.10      # of the head: how far from the lips upper teeth lie at the most
TEETH_FRONT = 0.03          # of the head: depth of what counts as the edge of the front teeth
EDGE_QUANTILE = 0.25        # of the columns' lowest points: some columns look between teeth
CACHED_HEADS = 4
LEAST_UPRIGHT = 0.3         # cosine of the jaw's way down: less, and the head does not stand
AXIS_COSINE = 0.6           # a jaw that drops so nearly along an axis drops along it: it swings back as it opens

_Pose = tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class LipMesh:
    """What keys do to the distance of the inner lips, in head heights; above 0 the lips are apart.

    Attributes:
        pairs: (n_pairs, 2) vertices of the upper and the lower lip, across the middle of the mouth.
        rest: (n_pairs,) distance at rest; 0 for lips that touch there.
        slit: what lips that count as touching are apart at rest: closed lips overlap by so much, or teeth show.
        parts: key -> (n_pairs,) change of that distance with the key at 1; keys without an effect are left out.
        teeth_rest: how far the lower lip lies below the edge of the upper teeth at rest; None without teeth.
        teeth_parts: key -> its change.
        before_teeth: how far the upper and the lower lip lie in front of the upper teeth at rest; () without teeth.
        front_parts: key -> the change of both, forwards.
        opening: mean distance that the mouth opens with the jaw at 1.
        height: of the head, in the unit of the mesh.
    """

    pairs: Index
    rest: Array
    slit: float
    parts: Mapping[str, Array]
    teeth_rest: float | None
    teeth_parts: Mapping[str, float]
    opening: float
    height: float
    before_teeth: tuple[float, ...] = ()
    front_parts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Axes:
    """Directions on the head, how far each vertex (n,) lies along them, and the head's height."""

    height: float
    up: Array
    ahead: Array
    high: Array
    front: Array
    side: Array


def is_still(moved: NDArray[np.floating], size: float) -> bool:
    """Whether a key moves nothing: its largest offset is below a hundred-thousandth of the mesh's size.

    Args:
        moved: (n, 3) offsets. size: the mesh's longest side.
    """
    return bool(np.abs(moved).max(initial=0.0) <= STILL_SHARE * size)


def find_lips(
    mesh: HeadMesh, opens: Mapping[str, float], closes: Mapping[str, float], stands: bool = False,
) -> LipMesh | None:
    """The inner lips of a head.

    Args:
        opens: keys and their weights for a wide open jaw. closes: for the same jaw with lips that are to meet.
        stands: whether the head stands in a world whose up is +Z; else the jaw's way tells what is up.
    Returns:
        None where these keys part no lips: they are empty, or something else than shape keys moves the mouth.
    """
    opened, closed = _pose(mesh, opens), _pose(mesh, closes)
    travel = np.linalg.norm(opened, axis=1)
    far = travel.max(initial=0.0)
    if far <= STILL_SHARE * np.ptp(mesh.points, axis=0).max(initial=0.0):
        return None
    up = _upwards(opened[travel > far / 2].mean(axis=0), stands)
    height = _head_height(mesh, up)
    drop, left = -opened @ up, -closed @ up
    deepest = drop.max()
    lips = drop > LOWER_DROP * deepest
    if (lips & (left < RISES_AGAIN * drop)).any():
        lips &= left < RISES_AGAIN * drop
    pairs = _steep_pairs(mesh, np.flatnonzero(lips), np.flatnonzero(drop < UPPER_DROP * deepest), drop, height)
    island = _islands(mesh)
    pairs = _on_the_skin(pairs, island)
    if len(pairs) < FEWEST_PAIRS:
        return None
    axes = _axes(mesh, up, pairs, island, height)
    pairs = _front_columns(mesh, pairs, axes)
    if len(pairs) < FEWEST_PAIRS:
        return None
    return _measured(mesh, pairs, axes, island != island[pairs[0, 0]], opened)


@lru_cache(maxsize=CACHED_HEADS)
def _found(mesh: HeadMesh, opens: _Pose, closes: _Pose, stands: bool) -> LipMesh | None:
    return find_lips(mesh, dict(opens), dict(closes), stands)


def lips_of_rig(rig: Rig, preset: Preset) -> LipMesh | None:
    """The inner lips of a rig that comes with its mesh, as a preset opens and closes them; looked for once.

    Returns:
        None without a mesh, where bones, properties or drivers move the mouth and nothing was sampled of it, and where
        no lips are found. Of a sampled mesh the keys are the preset's channels.
    """
    mouth = _mouth(rig, preset)
    return None if mouth is None else _found(*mouth, rig.sampled is not None)


def stays_shut(rig: Rig, preset: Preset) -> bool:
    """Whether nothing opens the mouth of a rig that comes with its mesh, as far as that can be seen."""
    mouth = _mouth(rig, preset)
    if mouth is None:
        return False
    mesh, opens, _ = mouth
    opened = _pose(mesh, dict(opens))
    travel = np.linalg.norm(opened, axis=1)
    far = float(travel.max(initial=0.0))
    return not far or far < LEAST_PARTED * _head_height(mesh, _upwards(opened[travel > far / 2].mean(axis=0)))


def _mouth(rig: Rig, preset: Preset) -> tuple[HeadMesh, _Pose, _Pose] | None:
    """The mesh by which a mouth can be measured, and its keys for an open jaw, and for one with lips that are to meet;
    None where none shows what the mouth does."""
    if preset.source != ARKIT_SOURCE:
        return None
    if rig.sampled is not None:
        return rig.sampled, (("jawOpen", 1.0),), (("jawOpen", 1.0), ("mouthClose", 1.0))
    if rig.mesh is None or is_moved_otherwise(rig, preset):
        return None
    return rig.mesh, _keys_of(rig, preset, jawOpen=1.0), _keys_of(rig, preset, jawOpen=1.0, mouthClose=1.0)


def _keys_of(rig: Rig, preset: Preset, **amounts: float) -> _Pose:
    """Shape keys and their values with channels at these amounts."""
    curves = one_frame(preset, amounts, rig).curves
    return tuple((to.name, float(curve.values[0])) for to, curve in curves.items() if to.kind == "shape_key")


def is_moved_otherwise(rig: Rig, preset: Preset) -> bool:
    """Whether something that the mesh's own offsets do not show opens or closes the mouth."""
    for target, places in zip(preset.targets, find_targets(preset, rig), strict=True):
        mouth = any(region(channel) in ("jaw", "lips") for channel, _ in target.sources)
        if mouth and any(to.kind != "shape_key" or to in rig.driven for to in places):
            return True
    return False


def _pose(mesh: HeadMesh, weights: Mapping[str, float]) -> Array:
    """Displacements (n, 3) of these keys together."""
    moved = np.zeros_like(mesh.points, np.float64)
    for name, weight in weights.items():
        if name in mesh.names and weight:
            moved += weight * mesh.moves[mesh.names.index(name)]
    return moved


def _upwards(dropped: Array, stands: bool = False) -> Array:
    """Against the way of the jaw: along an axis of the mesh where that is near."""
    up = -dropped / np.linalg.norm(dropped)
    if stands and up[2] > LEAST_UPRIGHT:        # a jaw that a bone turns drops backwards too
        return np.array([0.0, 0.0, 1.0])
    axis = int(np.abs(up).argmax())
    if abs(up[axis]) < AXIS_COSINE:
        return np.asarray(up)
    return np.asarray(np.sign(up[axis]) * np.eye(3)[axis], np.float64)


def _head_height(mesh: HeadMesh, up: Array) -> float:
    """From what the keys move; a mesh may have a body too, which they do not move."""
    far = np.sqrt(np.max([np.einsum("nx,nx->n", move, move) for move in mesh.moves], axis=0))
    moved = mesh.points[far > MOVED_SHARE * far.max()]
    return min(HEAD_OF_MOVED * float(np.ptp(moved @ up)), float(np.ptp(mesh.points @ up)))


def _steep_pairs(mesh: HeadMesh, lower: Index, upper: Index, drop: Array, height: float) -> Index:
    """(n, 2) upper and lower vertices that lie side by side at rest and part far."""
    if not len(lower) or not len(upper):
        return np.zeros((0, 2), np.intp)
    near, squares = nearest(mesh.points[lower], mesh.points[upper], 1)
    facing = upper[near[:, 0]]
    distance = np.maximum(np.sqrt(squares[:, 0]), 1e-3 * height)
    steep = (drop[lower] - drop[facing]) / distance > LEAST_STEEP
    return np.column_stack([facing[steep], lower[steep]])


def _islands(mesh: HeadMesh) -> Index:
    """Number (n,) of the connected surface that each vertex belongs to; points in one place are one point."""
    size = max(float(np.ptp(mesh.points, axis=0).max(initial=0.0)), 1e-30)
    _, point = np.unique(np.round(mesh.points / size, 6), axis=0, return_inverse=True)
    point = point.reshape(-1)
    label = np.arange(point.max(initial=0) + 1)
    corners = point[mesh.triangles] if len(mesh.triangles) else np.zeros((0, 3), np.intp)
    while len(corners):
        lowest = label[corners].min(axis=1)
        before = label.copy()
        for corner in corners.T:
            np.minimum.at(label, corner, lowest)
        label = label[label]        # twice as far with every round
        if (label == before).all():
            break
    return np.asarray(label[point], np.intp)


def _on_the_skin(pairs: Index, island: Index) -> Index:
    """Pairs within one surface, the largest that has enough of them."""
    pairs = pairs[island[pairs[:, 0]] == island[pairs[:, 1]]]
    found, counts = np.unique(island[pairs[:, 0]], return_counts=True)
    enough = found[counts >= FEWEST_PAIRS]
    if not len(enough):
        return pairs[:0]
    sizes = [np.count_nonzero(island == one) for one in enough]
    largest = enough[int(np.argmax(sizes))]
    return np.asarray(pairs[island[pairs[:, 0]] == largest], np.intp)


def _axes(mesh: HeadMesh, up: Array, pairs: Index, island: Index, height: float) -> _Axes:
    """The face looks from the middle of its skin through its lips."""
    skin = mesh.points[island == island[pairs[0, 0]]]
    ahead = mesh.points[pairs].mean(axis=(0, 1)) - skin.mean(axis=0)
    ahead -= up * (ahead @ up)
    front = ahead / max(float(np.linalg.norm(ahead)), 1e-30)
    axis = int(np.abs(front).argmax())
    if abs(front[axis]) > AXIS_COSINE and abs(up[axis]) < 0.5:
        front = np.sign(front[axis]) * np.eye(3)[axis]
        front -= up * (front @ up)
    side = np.cross(up, front)
    return _Axes(height, up, front, mesh.points @ up, mesh.points @ front, mesh.points @ side)


def _front_columns(mesh: HeadMesh, pairs: Index, axes: _Axes) -> Index:
    """One pair for each column across the middle of the mouth: near to each other, and in front."""
    across, depth = axes.side[pairs].mean(axis=1), axes.front[pairs].mean(axis=1)
    distance = np.linalg.norm(mesh.points[pairs[:, 0]] - mesh.points[pairs[:, 1]], axis=1)
    low, high = across.min(), across.max()
    middle, reach = (low + high) / 2, MIDDLE * (high - low) / 2
    edges = np.linspace(middle - reach, middle + reach, N_COLUMNS + 1)
    column = np.digitize(across, edges)
    cost = distance + BEHIND_COST * (depth.max() - depth)
    chosen = []
    for number in range(1, N_COLUMNS + 1):
        rows = np.flatnonzero(column == number)
        if len(rows):
            chosen.append(rows[int(cost[rows].argmin())])
    usual = float(np.median(distance[chosen])) if chosen else 0.0
    return pairs[[row for row in chosen if distance[row] <= 2 * usual + NOT_FACING * axes.height]]


def _measured(mesh: HeadMesh, pairs: Index, axes: _Axes, inside: NDArray[np.bool_], opened: Array) -> LipMesh:
    """What every key does to these pairs, and to the lower lip under the upper teeth."""
    (upper, lower), height, drop = pairs.T, axes.height, -opened @ axes.up
    rest = (axes.high[upper] - axes.high[lower]) / height
    slit = 0.0
    if np.median(np.abs(rest)) < TOUCHING:
        slit, rest = float(np.clip(np.median(rest), 0, LARGEST_SLIT)), np.zeros(len(pairs))
    parts = {}
    for name, move in zip(mesh.names, mesh.moves, strict=True):
        change = (move[upper] - move[lower]) @ axes.up / height
        if np.abs(change).max() > STILL_SHARE:
            parts[name] = np.asarray(change, np.float64)
    still = inside & (drop < UPPER_DROP / 2 * drop.max())
    edge, face = _teeth(pairs, axes, still)
    before_teeth, front_parts = _before_teeth(mesh, pairs, axes, face)
    below = None if edge is None else float(edge - axes.high[lower].mean()) / height
    sunk = [-float((move[lower] @ axes.up).mean()) / height for move in mesh.moves]
    opening = float(((opened[upper] - opened[lower]) @ axes.up).mean() / height)
    return LipMesh(
        pairs, rest, slit, parts, below, dict(zip(mesh.names, sunk, strict=True)), opening, height, before_teeth,
        front_parts,
    )


def _before_teeth(
    mesh: HeadMesh, pairs: Index, axes: _Axes, face: float | None,
) -> tuple[tuple[float, ...], dict[str, tuple[float, ...]]]:
    """How far both lips lie in front of the teeth's face, and what each key changes of it, in head heights."""
    if face is None:
        return (), {}
    lips = [np.median(axes.front[lip]) for lip in pairs.T]
    upper, lower = pairs.T
    changes = {
        name: tuple(float((move[lip] @ axes.ahead).mean()) / axes.height for lip in (upper, lower))
        for name, move in zip(mesh.names, mesh.moves, strict=True)
    }
    return tuple(float(lip - face) / axes.height for lip in lips), changes


def _teeth(pairs: Index, axes: _Axes, still: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """How high the edge of the upper teeth lies behind the lips, and how far in front their face; None without any."""
    lips_high, lips_front = axes.high[pairs].mean(axis=1), axes.front[pairs].mean(axis=1)
    across = axes.side[pairs].mean(axis=1)
    near = still & (np.abs(axes.high - lips_high.mean()) < TEETH_ABOVE * axes.height)
    near &= (axes.front < lips_front.max()) & (axes.front > lips_front.max() - TEETH_BEHIND * axes.height)
    near &= (axes.side > across.min()) & (axes.side < across.max())
    teeth = np.flatnonzero(near)
    if not len(teeth):
        return None, None
    teeth = teeth[axes.front[teeth] > axes.front[teeth].max() - TEETH_FRONT * axes.height]
    width = (across.max() - across.min()) / TEETH_COLUMNS
    columns = [teeth[np.abs(axes.side[teeth] - place) < width] for place in across]
    lowest = [axes.high[column].min() for column in columns if len(column)]
    if not lowest:
        return None, None
    foremost = [axes.front[column].max() for column in columns if len(column)]
    return float(np.quantile(lowest, EDGE_QUANTILE)), float(np.median(foremost))
