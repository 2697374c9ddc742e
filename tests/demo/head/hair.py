"""Short combed-back hair: a shell over the scalp, thickest on top, with soft grooves that run to the crown."""

from __future__ import annotations

import numpy as np

from .fields import bump, smooth
from .form import Array, surface_from_outside
from .parts import Faces, surface_faces

STRANDS, STEPS, SAMPLES = 144, 26, 44
CENTRE = np.array([0.0, 8.0, 205.0])  # mm, middle of the skull: meridians start over it
CROWN_TILT = np.radians(26.0)  # the whorl sits behind the top
# The hairline from the side: hair grows where z lies above this height at y (mm).
HAIRLINE = (
    (-100, 271), (-78, 270), (-66, 263), (-54, 249), (-42, 240), (-30, 226), (-20, 203), (-12, 190), (-6, 190),
    (-1, 208), (6, 222), (16, 225), (25, 216), (31, 192), (38, 160), (48, 146), (70, 140), (130, 138),
)
THICKNESS_TOP, THICKNESS_SIDE = 10.0, 4.5  # mm
QUIFF, QUIFF_CENTRE, QUIFF_RADIUS = 9.0, (14.0, -62.0, 286.0), 30.0  # mm, the fuller part over the forehead
GROOVE = 1.3  # mm
FRINGE_WAVE = -5.0  # mm that the hairline over the forehead rises and falls: a side parting
SWIRL = 0.9  # radians that the grooves turn on their way to the crown
STRANDS_AROUND = 17


def hair() -> tuple[Array, Faces]:
    """The whole shell (mm). Row 0 lies under the skin along the hairline, the last row closes at the crown."""
    scalp, edge = _meridians()
    part = np.linspace(0.0, 1.0, STEPS) ** 1.3
    sample = (edge[:, None] * (1.0 - part)).clip(0, SAMPLES - 1)
    low = np.minimum(sample.astype(int), SAMPLES - 2)
    rest = (sample - low)[..., None]
    rows = np.arange(STRANDS)[:, None]
    skin = scalp[rows, low] * (1 - rest) + scalp[rows, low + 1] * rest
    outward = skin - CENTRE
    outward /= np.linalg.norm(outward, axis=2, keepdims=True)
    top = smooth(skin[..., 2], 215.0, 300.0)
    full = THICKNESS_SIDE + (THICKNESS_TOP - THICKNESS_SIDE) * top
    full += QUIFF * bump(skin.reshape(-1, 3), QUIFF_CENTRE, QUIFF_RADIUS).reshape(full.shape)
    rise = np.sqrt(smooth(part, -0.02, 0.16))
    turn = np.linspace(0.0, 2 * np.pi, STRANDS, endpoint=False)[:, None]
    swept = turn + SWIRL * part
    waves = np.sin(STRANDS_AROUND * swept) + 0.7 * np.sin(1.7 * STRANDS_AROUND // 1 * swept + 3.0 * part)
    groove = GROOVE * waves * smooth(part, 0.0, 0.12) * smooth(part, 0.98, 0.75)
    shell = skin + outward * (full * rise + groove - 1.2 * (part < 1e-6))[..., None]
    points = shell.transpose(1, 0, 2).reshape(-1, 3)
    faces = [face[::-1] for face in surface_faces(STEPS - 1, STRANDS, closed=True)]
    crown = (STEPS - 1) * STRANDS
    last = (STEPS - 2) * STRANDS
    faces += [(crown, last + (i + 1) % STRANDS, last + i) for i in range(STRANDS)]
    return points[: crown + 1], faces


def _meridians() -> tuple[Array, Array]:
    """Scalp points (STRANDS, SAMPLES, 3) from the crown down, and for each meridian the sample at the hairline."""
    polar = np.linspace(1e-3, np.radians(150.0), SAMPLES)
    turn = np.linspace(0.0, 2 * np.pi, STRANDS, endpoint=False)[:, None]
    x, forward, up = np.sin(polar) * np.sin(turn), -np.sin(polar) * np.cos(turn), np.cos(polar) * np.ones_like(turn)
    c, s = np.cos(CROWN_TILT), np.sin(CROWN_TILT)
    direction = np.stack([x, c * forward + s * up, -s * forward + c * up], axis=-1).reshape(-1, 3)
    scalp = surface_from_outside(np.broadcast_to(CENTRE, direction.shape), CENTRE + direction * 190.0)
    scalp = scalp.reshape(STRANDS, SAMPLES, 3)
    line = np.interp(scalp[..., 1], *np.transpose(HAIRLINE))
    line += smooth(scalp[..., 1], -40.0, -62.0) * FRINGE_WAVE * np.sin(scalp[..., 0] / 17.0 - 0.6)
    height = scalp[..., 2] - line
    first_bare = np.argmax(height < 0, axis=1)
    rows = np.arange(STRANDS)
    inside, outside = height[rows, first_bare - 1], height[rows, first_bare]
    return scalp, first_bare - 1 + inside / (inside - outside)
