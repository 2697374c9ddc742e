"""Left and right of one head: which of its keys are each other's mirror images, and channels paired with keys so that
both sides agree.

A head is more like its own mirror image than like another head, so which keys are twins is known far better than which
channel a key is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..rig.mirror import mirrored_name
from .assignment import assign
from .shape_align import Array, Similarity, Surface, fit_similarity, nearest, with_normals

MIRROR = np.array([-1.0, 1.0, 1.0])
ROUNDS = 8                  # of laying a head on its mirror image
NEIGHBOURS = 3              # vertices that a vertex takes its mirrored displacement from
UNEVEN = 0.85               # worth of one key for two channels, or two for one: most heads have a key for each
TWIN_SCORE = 0.5            # cosine from which a key is another one's mirror image


@dataclass(frozen=True)
class Unit:
    """Rows of channels or keys that belong together: one of the middle, or the left and the right one of a pair.

    Attributes:
        lone: whether it is one side of a pair whose other side is missing.
    """

    rows: tuple[int, ...]
    lone: bool = False

    @property
    def is_pair(self) -> bool:
        """Whether it has both sides."""
        return len(self.rows) == 2

    def turned(self) -> Unit:
        """The same with the sides changed over."""
        return Unit(self.rows[::-1], self.lone)


def channel_units(names: Sequence[str]) -> tuple[Unit, ...]:
    """The channels of the reference by their names."""
    rows = {name: row for row, name in enumerate(names)}
    units = []
    for name, row in rows.items():
        other = mirrored_name(name)
        if other not in rows or other == name:
            units.append(Unit((row,), lone=other != name))
        elif row < rows[other]:
            units.append(Unit((row, rows[other])))
    return tuple(units)


def key_units(placed: Surface) -> tuple[Unit, ...]:
    """The keys of a head that lies on the reference, by what they move."""
    alike = _mirror_likeness(placed)
    best = assign(np.maximum(alike, 0.0))
    mutual = [(row, int(other)) for row, other in enumerate(best) if best[other] == row]
    order = np.column_stack(np.unravel_index(np.argsort(-alike, axis=None), alike.shape))
    free, units = set(range(len(alike))), []
    for row, other in [*mutual, *map(tuple, order.tolist())]:
        if {row, other} <= free and alike[row, other] >= TWIN_SCORE:
            units.append(Unit(tuple(dict.fromkeys((row, other)))))
            free -= {row, other}
    return (*units, *(Unit((row,), lone=True) for row in sorted(free)))


def _mirror_likeness(placed: Surface) -> Array:
    """Cosines (n_keys, n_keys) of each key with the mirror image of each."""
    mirrored = _settled(placed)
    near, distances = nearest(with_normals(placed), with_normals(mirrored), NEIGHBOURS)
    shares = 1 / (distances + 1)
    shares /= shares.sum(1, keepdims=True)
    images = np.zeros_like(placed.moves)
    for i in range(NEIGHBOURS):
        images += mirrored.moves[:, near[:, i]] * shares[:, i, None]
    weights = np.sqrt(placed.areas)[:, None]
    flat, flat_images = (np.asarray(moves * weights).reshape(len(moves), -1) for moves in (placed.moves, images))
    lengths = np.linalg.norm(flat, axis=1)[:, None] * np.linalg.norm(flat_images, axis=1)
    alike = flat @ flat_images.T / np.maximum(lengths, 1e-12)
    return np.asarray((alike + alike.T) / 2)


def _settled(placed: Surface) -> Surface:
    """The mirror image of a head, laid on the head itself: its middle need not be that of the reference."""
    image = Surface(
        placed.points * MIRROR, placed.normals * MIRROR, placed.areas, placed.moves * MIRROR, placed.activity,
    )
    onto, still = with_normals(placed), image.still()
    found = Similarity(1.0, np.eye(3), np.zeros(3))
    for _ in range(ROUNDS):
        turned = still.placed(found)
        near, distances = nearest(with_normals(turned), onto, 1)
        weights = image.activity * (distances[:, 0] <= np.quantile(distances, 0.85))
        found = fit_similarity(turned.points, placed.points[near[:, 0]], weights + 1e-12).after(found)
    return image.placed(found)


@dataclass(frozen=True)
class Likeness:
    """Cosines: of channels with keys (n_channels, n_keys), of channels and of keys among each other."""

    between: Array
    channels: Array
    keys: Array


@dataclass(frozen=True)
class Paired:
    """Units of channels with their units of keys, sides in the same order.

    Attributes:
        pairs: (unit of channels, unit of keys).
        margins: by how much the sum of likenesses falls at least when one of these keys serves another unit.
        worth: the sum of the likenesses.
    """

    pairs: tuple[tuple[Unit, Unit], ...]
    margins: tuple[float, ...]
    worth: float


def pair_up(channels: Sequence[Unit], keys: Sequence[Unit], likeness: Likeness, least: float) -> Paired:
    """The pairs whose likenesses add up to most, without those of which a key's is below the least."""
    worth = np.array([[_worth(channel, key, likeness) for key in keys] for channel in channels])
    worth = worth.reshape(len(channels), len(keys))
    enough = np.array([[len(_larger(channel, key)) * least for key in keys] for channel in channels])
    worth = np.where(worth >= enough.reshape(worth.shape), worth, 0.0)
    found = [(row, int(column)) for row, column in enumerate(assign(worth)) if column >= 0 and worth[row, column] > 0]
    pairs = tuple((channels[row], _sided(channels[row], keys[column], likeness)) for row, column in found)
    margins = tuple(_margin(row, column, worth, found) for row, column in found)
    return Paired(pairs, margins, float(sum(worth[row, column] for row, column in found)))


def _larger(channel: Unit, key: Unit) -> tuple[int, ...]:
    return channel.rows if channel.is_pair and key.is_pair else (0,)


def _worth(channel: Unit, key: Unit, likeness: Likeness) -> float:
    """Sum of cosines of a channel with its key; of one with two together, the cosine of both."""
    between = likeness.between[np.ix_(channel.rows, key.rows)]
    if channel.is_pair and key.is_pair:
        return float(max(between[0, 0] + between[1, 1], between[0, 1] + between[1, 0]))
    if not channel.is_pair and not key.is_pair:
        return float(between[0, 0])
    if channel.lone or key.lone:
        return float(between.max())
    parts = likeness.channels[channel.rows] if channel.is_pair else likeness.keys[key.rows]
    return float(UNEVEN * between.sum() / np.sqrt(max(2 + 2 * parts, 0.1)))


def _sided(channel: Unit, key: Unit, likeness: Likeness) -> Unit:
    if not (channel.is_pair and key.is_pair):
        return key
    between = likeness.between[np.ix_(channel.rows, key.rows)]
    return key if between[0, 0] + between[1, 1] >= between[0, 1] + between[1, 0] else key.turned()


def _margin(row: int, column: int, worth: Array, found: Sequence[tuple[int, int]]) -> float:
    """How much two units lose, a side, when they change their keys over, or one of them takes a free one."""
    partner = dict(found)
    served = {taken: other for other, taken in found}
    losses = [1.0]
    for other in range(len(worth)):
        if other != row:
            taken = partner.get(other, -1)
            now = worth[row, column] + (worth[other, taken] if taken >= 0 else 0.0)
            losses.append(now - worth[other, column] - (worth[row, taken] if taken >= 0 else 0.0))
    losses += [worth[row, column] - worth[row, free] for free in range(worth.shape[1]) if free not in served]
    return float(min(losses))
