"""The lips and the lining of the mouth, loop by loop, on the half with x >= 0.

Every loop runs from the upper middle over the corner to the lower middle. Upper spoke k and lower spoke (last - k)
stand over one another: on the contact loops they are the same point, so the resting mouth is shut without a gap.
"""

from __future__ import annotations

import numpy as np

from .form import Array, frontal_surface

# Loops of topology.mouth, from the block's rim inwards.
BORDER = 7  # the vermilion border, where skin becomes lip
CONTACT = 13  # the first of three loops on which the closed lips touch
CONTACT_END = 15
LINING = 18  # from here on the mouth's inner wall, not lip

HALF_WIDTH = 25.5  # mm, mouth middle to corner
MOUTH_Z = 131.0  # mm, height of the line between the lips
UPPER_HEIGHT, LOWER_HEIGHT = 7.0, 9.0  # mm, visible red
UPPER_BULGE, LOWER_BULGE = 2.4, 3.2  # mm, how far the red stands out of the face
STRIP_DEPTH = 1.2  # mm from one contact loop to the next
RECESS = 2.8  # mm, how deep the line between the lips lies

INNER_LIP = ((0.6, 1.4), (1.2, 4.2), (2.2, 8.0))  # (depth behind the contact, height) per loop, mm
# The lining behind the lips: (half width, up, down, y on the middle line) per loop, mm.
LINING_RINGS = (
    (29.5, 14.5, 14.0, -91.5),
    (31.0, 15.5, 16.5, -84.0),
    (31.5, 16.0, 17.0, -72.0),
    (29.0, 15.5, 16.0, -58.0),
    (25.0, 13.0, 13.0, -46.0),
    (15.0, 7.0, 7.0, -38.0),
)
ARCH = 0.017  # 1/mm, curvature of the tooth arch that lips and lining follow


def spoke_parameters(spokes: int) -> tuple[Array, Array]:
    """For each spoke: u from 0 (middle) to 1 (corner), and +1 for the upper, -1 for the lower lip, 0 at the corner."""
    corner = (spokes - 1) // 2
    k = np.arange(spokes)
    return 1.0 - np.abs(k - corner) / corner, np.sign(corner - k).astype(float)


def lip_loops(rim: Array, loop_count: int) -> Array:
    """Positions (loop_count + 1, spokes, 3) of all mouth loops; rim (spokes, 3) is the outermost, kept as it is."""
    u, side = spoke_parameters(len(rim))
    loops = np.empty((loop_count + 1, len(rim), 3))
    loops[0] = rim
    contact = _contact_line(u)
    border = _border(contact, u, side)
    part = (np.arange(1, BORDER + 1)[:, None] / BORDER) ** 0.85
    loops[1 : BORDER + 1] = frontal_surface(*(rim[:, i] + (border[:, i] - rim[:, i]) * part for i in (0, 2)))
    loops[BORDER : CONTACT + 1] = _red(loops[BORDER], contact, u, side)
    inward = _inward(u)
    for loop in range(CONTACT + 1, CONTACT_END + 1):
        loops[loop] = contact + inward * (STRIP_DEPTH * (loop - CONTACT))
    _inner_lip(loops, u, side, inward)
    _lining(loops, u, side)
    loops[:, [0, -1], 0] = 0.0
    return loops


def _contact_line(u: Array) -> Array:
    """Where the closed lips meet, seen from the front: one curve for both lips."""
    across = 0.62 * u + 0.38 * np.sin(u * np.pi / 2)
    x = HALF_WIDTH * across
    z = MOUTH_Z + 2.4 * across**4 - 0.5 * across**2 - 0.7 * np.exp(-((x / 4.0) ** 2))
    line = frontal_surface(x, z)
    line[:, 1] += RECESS - 0.9 * across**2
    return line


def _border(contact: Array, u: Array, side: Array) -> Array:
    """The vermilion border with Cupid's bow; only x and z are meant."""
    across = contact[:, 0] / HALF_WIDTH
    arc = np.maximum(1.0 - across**2, 0.0)
    x = contact[:, 0]
    bow = 0.9 * np.exp(-(((x - 5.5) / 4.0) ** 2)) - 1.1 * np.exp(-((x / 3.0) ** 2))
    upper = UPPER_HEIGHT * arc**0.75 + bow
    lower = LOWER_HEIGHT * arc**0.8
    border = contact.copy()
    border[:, 2] += np.where(side > 0, upper, -lower) * (side != 0)
    border[:, 0] = x + 1.6 * across**6
    return border


def _red(border: Array, contact: Array, u: Array, side: Array) -> Array:
    """The visible lip from border to contact line: a cubic curve that bulges out of the face on each spoke."""
    arc = np.sqrt(np.maximum(1.0 - (contact[:, 0] / HALF_WIDTH) ** 2, 0.0))
    bulge = np.where(side > 0, UPPER_BULGE, LOWER_BULGE) * arc
    full = np.where(side > 0, 0.80, 0.62)  # the upper lip's fullest line lies higher above the contact
    outer = border + (contact - border) * np.column_stack([0.2 * np.ones_like(u), np.zeros_like(u), 1.0 - full])
    outer[:, 1] = border[:, 1] - bulge * 1.15
    inner = contact + (border - contact) * np.array([0.1, 0.0, 0.06])
    inner[:, 1] = np.minimum(border[:, 1], contact[:, 1]) - bulge * 1.25
    t = np.linspace(0.0, 1.0, CONTACT - BORDER + 1)[:, None, None]
    return (1 - t) ** 3 * border + 3 * t * (1 - t) ** 2 * outer + 3 * t**2 * (1 - t) * inner + t**3 * contact


def _inward(u: Array) -> Array:
    """Unit directions (spokes, 3) into the mouth: straight back in the middle, towards the middle at the corner."""
    turn = np.radians(62.0) * u**3
    return np.column_stack([-np.sin(turn), np.cos(turn), np.zeros_like(u)])


def _inner_lip(loops: Array, u: Array, side: Array, inward: Array) -> None:
    open_part = np.sqrt(np.maximum(1.0 - u**2, 0.0)) * side
    start = loops[CONTACT_END]
    for loop, (depth, height) in zip(range(CONTACT_END + 1, LINING + 1), INNER_LIP, strict=True):
        loops[loop] = start + inward * depth
        loops[loop, :, 2] += height * open_part
        loops[loop, :, 0] *= 1.0 + 0.02 * (loop - CONTACT_END)


def _lining(loops: Array, u: Array, side: Array) -> None:
    angle = u * np.pi / 2
    for loop, (width, up, down, y_middle) in zip(range(LINING + 1, len(loops)), LINING_RINGS, strict=True):
        x = width * np.sin(angle)
        z = MOUTH_Z + np.where(side > 0, up, -down) * np.cos(angle) ** 0.7 * np.abs(side)
        loops[loop] = np.column_stack([x, y_middle + 0.5 * ARCH * x**2, z])
