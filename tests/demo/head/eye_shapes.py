"""The ARKit shapes of lids, brows, cheeks and nose. Displacements are millimetres."""

from __future__ import annotations

import numpy as np

from . import lids
from .fields import bump, smooth
from .form import EYE_CENTRE, EYE_RADIUS, Array, frontal_surface
from .skin import Skin

LOOK_ANGLES = {"Up": 20.0, "Down": 24.0, "In": 28.0, "Out": 28.0}  # degrees the eyeball turns at 1
CLOSED_AT = 0.68  # closed lids meet at this part of the lower lid's arch
# Lid shapes: how far the upper and the lower edge travel, in parts of their way to the closed line.
LID_TRAVEL = {
    "eyeBlinkLeft": (1.0, 1.0),
    "eyeSquintLeft": (0.22, 1.9),
    "eyeWideLeft": (-0.28, -0.5),
    "eyeLookUpLeft": (-0.22, 0.45),
    "eyeLookDownLeft": (0.42, -0.8),
    "eyeLookInLeft": (0.04, 0.0),
    "eyeLookOutLeft": (0.04, 0.0),
}
LID_SHIFT = {"eyeLookInLeft": -0.6, "eyeLookOutLeft": 0.6}  # mm sideways: the cornea pushes the lids along


def eye_shapes(skin: Skin) -> dict[str, Array]:
    """Displacements (n, 3) mm of the whole face for all lid, brow, cheek-squint and nose shapes."""
    shapes = _lid_shapes(skin)
    points = skin.positions
    shapes |= brow_shapes(points)
    under_eye = bump(points, (36.0, -76.0, 180.0), 13.0)[:, None] * (0.0, -2.6, 4.0)
    shapes["cheekSquintLeft"] = 0.45 * shapes["eyeSquintLeft"] + under_eye
    wing = bump(points, (14.0, -99.0, 162.0), 9.0)[:, None] * (1.2, 0.6, 4.2)
    wrinkle = bump(points, (11.0, -90.0, 186.0), 10.0)[:, None] * (-0.6, -1.6, 3.2)
    shapes["noseSneerLeft"] = (wing + wrinkle) * smooth(points[:, 0], -3.0, 9.0)[:, None]
    for name in [name for name in shapes if name.endswith("Left")]:
        shapes[name[:-4] + "Right"] = shapes[name][skin.topology.mirror] * np.array([-1.0, 1.0, 1.0])
    return shapes


def brow_shapes(points: Array) -> dict[str, Array]:
    """browInnerUp and the left brow shapes for any points (n, 3): the forehead's skin and the brows move alike."""
    x, z = points[:, 0], points[:, 2]
    front = smooth(points[:, 1], -30.0, -60.0)
    height = np.where(z > 224.0, np.exp(-(((z - 224.0) / 20.0) ** 2)), np.exp(-(((z - 224.0) / 8.0) ** 2)))
    brow = height * front
    left = smooth(x, -4.0, 10.0)
    inner = np.exp(-((x / 19.0) ** 2)) * brow
    outer = smooth(x, 8.0, 40.0) * smooth(x, 72.0, 54.0) * brow
    whole = left * smooth(x, 66.0, 40.0) * brow
    frown = whole * (0.55 + 0.45 * np.exp(-((x - 14.0) / 16.0) ** 2))
    return {
        "browInnerUp": inner[:, None] * (0.0, 1.2, 8.0),
        "browDownLeft": frown[:, None] * (-2.0, -0.8, -6.0),
        "browOuterUpLeft": outer[:, None] * (0.0, 1.6, 7.5),
    }


def turn_eye(points: Array, direction: str) -> Array:
    """Displacement (n, 3) of the left eyeball's points when it looks Up, Down, In or Out."""
    angle = np.radians(LOOK_ANGLES[direction])
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = (points - EYE_CENTRE).T
    if direction in ("Up", "Down"):
        s = -s if direction == "Up" else s
        turned = np.column_stack([x, c * y - s * z, s * y + c * z])
    else:
        s = s if direction == "Out" else -s
        turned = np.column_stack([c * x - s * y, s * x + c * y, z])
    return turned + EYE_CENTRE - points


def _lid_shapes(skin: Skin) -> dict[str, Array]:
    """All shapes of LID_TRAVEL: the lids slide over the form, which is sculpted with shut eyes."""
    loops = skin.topology.eye
    rest = skin.positions[loops]
    v, side = lids.lid_parameters(loops.shape[1])
    edge_x, edge_z = lids.edge_line(v, side)
    _, low_z = lids.edge_line(v, np.where(side == 0, 0.0, -1.0))
    middle_z = EYE_CENTRE[2] + lids.CORNER_TILT * (edge_x - EYE_CENTRE[0]) / lids.HALF_WIDTH
    closing = (1.0 - CLOSED_AT) * middle_z + CLOSED_AT * low_z - edge_z
    sliding = rest[1 : lids.EDGE + 1]
    follow = (np.arange(1, lids.EDGE + 1)[:, None] / lids.EDGE) ** 1.5
    still = frontal_surface(sliding[..., 0], sliding[..., 2])
    pressed = sliding[..., 1] - still[..., 1]  # the crease, which a closing lid unfolds

    travel = np.stack([np.where(side > 0, *LID_TRAVEL[name]) * np.abs(side) for name in LID_TRAVEL])
    shift = np.stack([LID_SHIFT.get(name, 0.0) * np.sin(np.pi * v) for name in LID_TRAVEL])
    target = frontal_surface(
        sliding[None, ..., 0] + shift[:, None] * follow, sliding[None, ..., 2] + (closing * travel)[:, None] * follow
    )
    target[..., 1] += pressed * (1.0 - np.clip(travel, 0.0, 1.0) * (side > 0))[:, None]

    shapes = {}
    for name, moved_to in zip(LID_TRAVEL, target, strict=True):
        moved = np.zeros_like(skin.positions)
        moved[loops[1 : lids.EDGE + 1]] = moved_to - sliding
        inner = moved_to[-1] - EYE_CENTRE
        inner = EYE_CENTRE + inner / np.linalg.norm(inner, axis=1, keepdims=True) * (EYE_RADIUS + lids.CLEARANCE)
        moved[loops[lids.EDGE + 1 :]] = inner - rest[lids.EDGE + 1]
        shapes[name] = moved
    return shapes
