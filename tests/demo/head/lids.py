"""The eyelids of the half with x >= 0, loop by loop, and where their spokes lie on the eyeball."""

from __future__ import annotations

import numpy as np

from .form import EYE_CENTRE, EYE_RADIUS, Array, frontal_surface

# Loops of topology.eye, from the block's rim inwards.
CREASE = 5  # the fold above the upper lid
EDGE = 8  # the lid's outer edge; two more loops turn inwards to the eyeball

HALF_WIDTH = 15.8  # mm, eye opening, middle to corner
UPPER_HEIGHT, LOWER_HEIGHT = 7.0, 6.0  # mm, arch of the lids over and under the line between the corners
CLEARANCE = 0.15  # mm between the lids' inner edge and the eyeball
CORNER_TILT = 0.9  # mm, the outer corner lies this much higher than the eye's middle, the inner one lower


def lid_parameters(spokes: int) -> tuple[Array, Array]:
    """For each spoke: v from 0 (inner corner) to 1 (outer corner), and +1 upper, -1 lower lid, 0 at the corners."""
    quarter = spokes // 4
    step = (np.arange(spokes) + quarter // 2) % spokes  # spoke -quarter/2 is the inner corner
    upper = step <= 2 * quarter
    v = np.where(upper, step, spokes - step) / (2 * quarter)
    side = np.where((step == 0) | (step == 2 * quarter), 0.0, np.where(upper, 1.0, -1.0))
    return v, side


def edge_line(v: Array, side: Array) -> tuple[Array, Array]:
    """Frontal x and z of the open lids' edge."""
    across = 0.45 * (2 * v - 1) - 0.55 * np.cos(np.pi * v)
    x = EYE_CENTRE[0] + HALF_WIDTH * across
    arch = np.maximum(1.0 - across**2, 0.0)
    upper = UPPER_HEIGHT * arch**0.72 * (1.0 - 0.10 * across)
    lower = -LOWER_HEIGHT * arch**0.9 * (1.0 + 0.16 * across)
    z = EYE_CENTRE[2] + CORNER_TILT * across + np.where(side > 0, upper, np.where(side < 0, lower, 0.0))
    return x, z


def lid_loops(rim: Array, loop_count: int) -> Array:
    """Positions (loop_count + 1, spokes, 3) of the lid loops; rim (spokes, 3) is the outermost, kept as it is."""
    v, side = lid_parameters(len(rim))
    edge_x, edge_z = edge_line(v, side)
    loops = np.empty((loop_count + 1, len(rim), 3))
    loops[0] = rim
    part = 1.0 - (1.0 - np.arange(1, EDGE + 1)[:, None] / EDGE) ** 1.25
    loops[1 : EDGE + 1] = frontal_surface(
        rim[:, 0] + (edge_x - rim[:, 0]) * part, rim[:, 2] + (edge_z - rim[:, 2]) * part
    )
    _press_crease(loops, v, side)
    edge = loops[EDGE]
    outward = edge - EYE_CENTRE
    radius = np.linalg.norm(outward, axis=1, keepdims=True)
    on_ball = EYE_CENTRE + outward / radius * (EYE_RADIUS + CLEARANCE)
    loops[EDGE + 1] = on_ball
    hidden = (on_ball - EYE_CENTRE) * np.array([1.06, 0.97, 1.0])
    hidden[:, 2] += 3.0 * side
    hidden *= (EYE_RADIUS + 0.3) / np.linalg.norm(hidden, axis=1, keepdims=True)
    loops[EDGE + 2] = EYE_CENTRE + hidden
    return loops


def _press_crease(loops: Array, v: Array, side: Array) -> None:
    """Push the fold above the upper lid in, most over the eye's middle."""
    depth = 1.6 * np.where(side > 0, np.sin(np.pi * v), 0.0) ** 0.7
    loops[CREASE, :, 1] += depth
    loops[CREASE - 1, :, 1] += 0.25 * depth
    loops[CREASE + 1, :, 1] += 0.15 * depth
