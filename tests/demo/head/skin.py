"""The skin at rest: every vertex of the topology placed on the sculpted form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import topology as topo
from .fields import bump, smooth
from .form import Array, distance, gradient, surface_from_outside
from .lids import lid_loops
from .lips import lip_loops
from .topology import Topology

RAY_LENGTH = 260.0  # mm, from well outside the head
# Azimuth of the columns, degrees from the front line; and per row: elevation at the front and at the back in degrees,
# height in mm of the point on the head's axis that the row's rays run to.
COLUMN_AZIMUTH = ((0, 0.0), (5, 7.4), (15, 23.5), (21, 40.0), (36, 92.0), (48, 180.0))
ROW_RAYS = (
    (0, 90.0, 90.0, 128.0),
    (5, 71.0, 62.0, 128.0),
    (13, 48.5, 36.0, 128.0),
    (21, 38.5, 24.0, 128.0),
    (29, 29.0, 12.0, 128.0),
    (45, 9.2, -3.0, 128.0),
    (52, 0.0, -10.0, 128.0),
    (59, -12.5, -20.0, 128.0),
    (66, -26.0, -30.0, 128.0),
    (72, -50.0, -36.0, 126.0),
    (77, -40.0, -24.0, 80.0),
    (84, 0.0, 0.0, 0.0),
)
AXIS_Y = 5.0  # mm
NOSE_BOX = (24.0, 144.0, 190.0)  # mm: half width, bottom and top of the part that is evened out
NOSE_ROUNDS = 50
NOSTRIL, NOSTRIL_RADIUS, NOSTRIL_PRESS = (7.0, -106.0, 156.0), 3.2, np.array([-1.6, 0.8, 7.0])  # mm


@dataclass(frozen=True)
class Skin:
    """The face at rest.

    Attributes:
        positions: (n, 3) mm, the half with x >= 0 first, then its mirror images.
        topology: connectivity; `topology.mouth` and `topology.eye` index the half, `mirror` gives the other side.
    """

    positions: Array
    topology: Topology


def make_skin() -> Skin:
    """Lay the grid on the form, even out the nose, fill in lips and lids, mirror."""
    topology = topo.make_topology()
    half = np.zeros((topology.half_count, 3))
    used = topology.grid >= 0
    half[topology.grid[used]] = _cast_grid()[used]
    half[topology.crown] = surface_from_outside(np.array([[0.0, AXIS_Y, 200.0]]), np.array([[0.0, AXIS_Y, 400.0]]))[0]
    _even_out_nose(half, topology)
    half[topology.mouth] = lip_loops(half[topology.mouth[0]], topo.MOUTH_LOOPS)
    half[topology.eye] = lid_loops(half[topology.eye[0]], topo.EYE_LOOPS)
    return Skin(whole(half, topology), topology)


def whole(half: Array, topology: Topology) -> Array:
    """Positions or displacements (n, 3) of the whole head from those of the half."""
    image = half[topology.mirror[topology.half_count :]]
    return np.concatenate([half, image * np.array([-1.0, 1.0, 1.0])])


def _cast_grid() -> Array:
    """Skin points (ROWS + 1, COLUMNS + 1, 3) of the whole grid, the parts later replaced by loops included."""
    azimuth = np.radians(np.interp(np.arange(topo.COLUMNS + 1), *np.transpose(COLUMN_AZIMUTH)))
    knots = np.array(ROW_RAYS)
    rows = np.arange(topo.ROWS + 1)
    front, back, height = (_smooth_rows(np.interp(rows, knots[:, 0], knots[:, i])) for i in (1, 2, 3))
    turn = (1.0 - np.cos(azimuth)) / 2.0
    elevation = np.radians(front[:, None] * (1.0 - turn) + back[:, None] * turn)
    direction = np.stack(
        [np.cos(elevation) * np.sin(azimuth), -np.cos(elevation) * np.cos(azimuth), np.sin(elevation)], axis=-1
    ).reshape(-1, 3)
    start = np.repeat(np.column_stack([np.zeros_like(rows), np.full_like(rows, AXIS_Y), height]), topo.COLUMNS + 1, 0)
    points = surface_from_outside(start, start + direction * RAY_LENGTH).reshape(len(rows), -1, 3)
    points[:, [0, -1], 0] = 0.0
    return points


def _smooth_rows(values: Array) -> Array:
    for _ in range(2):
        values[1:-1] = 0.25 * values[:-2] + 0.5 * values[1:-1] + 0.25 * values[2:]
    return values


def _even_out_nose(half: Array, topology: Topology) -> None:
    """Slide the nose's vertices along the form until they stand evenly, also under the tip that rays hardly see; then
    press the nostrils in."""
    grid = topology.grid
    width, bottom, top = NOSE_BOX
    rows, columns = np.nonzero(grid[1:-1, :-1] >= 0)
    rows += 1
    near = np.stack([grid[rows - 1, columns], grid[rows + 1, columns], grid[rows, columns + 1]], axis=1)
    left = np.where(columns > 0, grid[rows, columns - 1], -1)
    points = half[grid[rows, columns]]
    chosen = (points[:, 0] < width) & (points[:, 2] > bottom) & (points[:, 2] < top) & (points[:, 1] < -60)
    chosen &= (near >= 0).all(axis=1) & ((left >= 0) | (columns == 0))
    vertices, near, left, middle = (a[chosen] for a in (grid[rows, columns], near, left, columns == 0))
    for _ in range(NOSE_ROUNDS):
        right_side = half[near[:, 2]]
        left_side = np.where(middle[:, None], right_side * (-1.0, 1.0, 1.0), half[left])
        wanted = (half[near[:, 0]] + half[near[:, 1]] + right_side + left_side) / 4.0
        normal = gradient(wanted)
        wanted -= normal * distance(wanted)[:, None]
        wanted[middle, 0] = 0.0
        half[vertices] = wanted
    nostril = bump(half[vertices], NOSTRIL, NOSTRIL_RADIUS) * smooth(half[vertices, 0], 1.5, 5.0)
    half[vertices] += nostril[:, None] * NOSTRIL_PRESS
