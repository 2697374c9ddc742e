"""Soft weights in anatomical space, and the jaw's own motion: the words that the shapes are written in."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .form import Array

# The lower jaw turns about an axis through both joints, just before the ears, and slides forward as it opens.
JAW_HINGE = np.array([0.0, -2.0, 168.0])  # mm
JAW_ANGLE = np.radians(19.0)
JAW_SLIDE = np.array([0.0, -4.0, 0.0])  # mm
JAW_SIDE = np.array([8.0, 0.0, 0.0])  # mm, for jawLeft
JAW_SIDE_YAW = np.radians(2.5)
JAW_FORWARD = np.array([0.0, -6.0, 0.0])  # mm
MOUTH_CORNER_YZ = (-86.0, 131.0)  # mm, end of the line that parts jaw from skull in the side view


def smooth(value: ArrayLike, start: float, end: float) -> Array:
    """0 up to start, 1 from end on, without a kink between; start may lie above end."""
    t = np.clip((np.asarray(value, dtype=float) - start) / (end - start), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bump(points: Array, centre: tuple[float, float, float], radius: float) -> Array:
    """Weights (n,) of a soft round spot: 1 at its centre, 0 from twice the radius (mm) on."""
    gap = np.linalg.norm(points - np.asarray(centre), axis=1)
    return 1.0 - smooth(gap, 0.0, 2.0 * radius)


def jaw_open(points: Array) -> Array:
    """Displacement (n, 3) of points that belong wholly to the jaw, for jawOpen = 1."""
    arm = points - JAW_HINGE
    c, s = np.cos(JAW_ANGLE), np.sin(JAW_ANGLE)
    turned = np.column_stack([arm[:, 0], c * arm[:, 1] - s * arm[:, 2], s * arm[:, 1] + c * arm[:, 2]])
    return turned - arm + JAW_SLIDE


def jaw_left(points: Array) -> Array:
    """Displacement (n, 3) of points that belong wholly to the jaw, for jawLeft = 1: towards +X."""
    arm = points - JAW_HINGE
    c, s = np.cos(JAW_SIDE_YAW), np.sin(JAW_SIDE_YAW)
    turned = np.column_stack([c * arm[:, 0] - s * arm[:, 1], s * arm[:, 0] + c * arm[:, 1], arm[:, 2]])
    return turned - arm + JAW_SIDE * 0.6


def jaw_forward(points: Array) -> Array:
    """Displacement (n, 3) of points that belong wholly to the jaw, for jawForward = 1."""
    return np.broadcast_to(JAW_FORWARD, points.shape).copy()


def jaw_weight(points: Array) -> Array:
    """How far skin points (n, 3) follow the jaw, 0..1: below the line from joint to mouth corner, and not the neck."""
    hinge = JAW_HINGE[1:]
    line = np.asarray(MOUTH_CORNER_YZ) - hinge
    length = float(np.linalg.norm(line))
    arm = points[:, 1:] - hinge
    along = np.clip(arm @ line / length**2, 0.0, 1.0)
    below = -(arm[:, 1] * -line[0] + arm[:, 0] * line[1]) / length
    reach = 34.0 - 22.0 * along
    weight = smooth(below / reach, -0.85, 1.0)
    throat = smooth(points[:, 1], -66.0, -20.0) * smooth(points[:, 2], 120.0, 92.0)
    return weight * (1.0 - throat) * smooth(points[:, 2], 52.0, 84.0)
