"""Which vertex neighbours which: a grid round the head with loops cut in for the mouth and the eyes.

The half with x >= 0 is laid out first. Column 0 runs down the front, the last column down the back; both lie on
x = 0 and are shared when the half is mirrored. A block of cells at the mouth and one at the eye is taken out and
refilled with concentric loops, as a face modeller would.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]

COLUMNS = 48  # cells from the front line to the back line of one half
ROWS = 84  # cells from the crown to the neck's rim
MOUTH_COLUMNS, MOUTH_TOP, MOUTH_BOTTOM = 15, 45, 59
EYE_COLUMNS, EYE_TOP, EYE_BOTTOM = (5, 21), 13, 29  # a square block: lids.py counts on it
MOUTH_LOOPS = 24  # loops inside the block's rim, counted inwards into the mouth (lips.py names them)
EYE_LOOPS = 10  # the same for the lids (lids.py names them)


@dataclass(frozen=True)
class Topology:
    """Connectivity of one half and of the whole head.

    Attributes:
        grid: (ROWS + 1, COLUMNS + 1) vertex of the half at each grid point, -1 where a block was taken out.
        mouth: (MOUTH_LOOPS + 1, spokes) half-loops from the top middle over the corner to the bottom middle.
        eye: (EYE_LOOPS + 1, spokes) closed loops, first spoke at the top inner corner of the block, clockwise.
        crown: the vertex on top.
        half_count: vertices of the half.
        mirror: (n,) for every vertex of the whole its mirror image; vertices on x = 0 are their own.
        faces: tuples of 3 or 4 vertices of the whole, counter-clockwise from outside.
    """

    grid: Index
    mouth: Index
    eye: Index
    crown: int
    half_count: int
    mirror: Index
    faces: list[tuple[int, ...]]


def make_topology() -> Topology:
    """Connectivity of the skin, the lips, the lids and the mouth's lining."""
    grid, crown = _number_grid()
    mouth_rim = _mouth_rim(grid)
    eye_rim = _eye_rim(grid)
    mouth = _loops(mouth_rim, MOUTH_LOOPS, crown + 1)
    eye = _loops(eye_rim, EYE_LOOPS, int(mouth.max()) + 1)
    half_count = int(eye.max()) + 1

    faces = _grid_faces(grid, crown)
    faces += _loop_faces(mouth, closed=False) + _loop_faces(eye, closed=True)
    faces += _throat_faces(mouth[-1])

    on_seam = np.zeros(half_count, dtype=bool)
    seam = np.concatenate([[crown], grid[:, 0], grid[:, -1], mouth[:, 0], mouth[:, -1]])
    on_seam[seam[seam >= 0]] = True
    image = np.arange(half_count)
    image[~on_seam] = half_count + np.arange(np.count_nonzero(~on_seam))
    mirror = np.concatenate([image, np.flatnonzero(~on_seam)])
    mirrored = [tuple(int(image[v]) for v in reversed(face)) for face in faces]
    return Topology(grid, mouth, eye, crown, half_count, mirror, faces + mirrored)


def _number_grid() -> tuple[Index, int]:
    keep = np.ones((ROWS + 1, COLUMNS + 1), dtype=bool)
    keep[MOUTH_TOP + 1 : MOUTH_BOTTOM, :MOUTH_COLUMNS] = False
    keep[EYE_TOP + 1 : EYE_BOTTOM, EYE_COLUMNS[0] + 1 : EYE_COLUMNS[1]] = False
    keep[0] = False  # the crown is one vertex, not a row
    grid = np.full(keep.shape, -1)
    grid[keep] = np.arange(np.count_nonzero(keep))
    return grid, int(np.count_nonzero(keep))


def _mouth_rim(grid: Index) -> Index:
    top = grid[MOUTH_TOP, : MOUTH_COLUMNS + 1]
    side = grid[MOUTH_TOP + 1 : MOUTH_BOTTOM, MOUTH_COLUMNS]
    bottom = grid[MOUTH_BOTTOM, MOUTH_COLUMNS::-1]
    return np.concatenate([top, side, bottom])


def _eye_rim(grid: Index) -> Index:
    left, right = EYE_COLUMNS
    top = grid[EYE_TOP, left:right]
    outer = grid[EYE_TOP:EYE_BOTTOM, right]
    bottom = grid[EYE_BOTTOM, right:left:-1]
    inner = grid[EYE_BOTTOM:EYE_TOP:-1, left]
    return np.concatenate([top, outer, bottom, inner])


def _loops(rim: Index, count: int, first: int) -> Index:
    inside = first + np.arange(count * len(rim)).reshape(count, len(rim))
    return np.concatenate([rim[None], inside])


def _grid_faces(grid: Index, crown: int) -> list[tuple[int, ...]]:
    faces: list[tuple[int, ...]] = [
        (crown, int(grid[1, i]), int(grid[1, i + 1])) for i in range(COLUMNS)
    ]
    for j in range(1, ROWS):
        for i in range(COLUMNS):
            in_mouth = MOUTH_TOP <= j < MOUTH_BOTTOM and i < MOUTH_COLUMNS
            in_eye = EYE_TOP <= j < EYE_BOTTOM and EYE_COLUMNS[0] <= i < EYE_COLUMNS[1]
            if not (in_mouth or in_eye):
                faces.append(tuple(int(v) for v in (grid[j, i], grid[j + 1, i], grid[j + 1, i + 1], grid[j, i + 1])))
    return faces


def _loop_faces(loops: Index, closed: bool) -> list[tuple[int, ...]]:
    outer, inner = loops[:-1], loops[1:]
    quads = np.stack([outer, inner, np.roll(inner, -1, 1), np.roll(outer, -1, 1)], axis=-1)
    if not closed:
        quads = quads[:, :-1]
    return [tuple(quad) for quad in quads.reshape(-1, 4).tolist()]


def _throat_faces(last: Index) -> list[tuple[int, ...]]:
    """Close the mouth's lining at the back: each upper spoke is joined with the lower one below it."""
    end = len(last) - 1
    corner = end // 2
    faces = []
    for k in range(corner):
        ring = (last[k], last[end - k], last[end - k - 1], last[k + 1])
        faces.append(tuple(dict.fromkeys(int(v) for v in ring)))
    return faces
