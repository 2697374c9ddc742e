"""The separate parts inside and on the face: eyeballs, teeth and gums, tongue, brows and lashes, ears.

Every function returns the left or middle piece in millimetres as (positions, faces); mirror images are added later.
"""

from __future__ import annotations

import numpy as np

from .form import EYE_CENTRE, EYE_RADIUS, Array, frontal_surface

Faces = list[tuple[int, ...]]

IRIS_ANGLE, PUPIL_ANGLE = 25.5, 11.5  # degrees from the eye's pole
EYE_RINGS = (
    PUPIL_ANGLE * 0.5, PUPIL_ANGLE, 17.0, IRIS_ANGLE - 3.0, IRIS_ANGLE, 34.0, 44.0, 56.0, 70.0, 88.0, 110.0, 135.0,
    160.0,
)
EYE_SEGMENTS = 32

TOOTH_WIDTHS = (8.4, 6.8, 7.4, 6.8, 6.8, 9.0, 8.6)  # mm, from the middle outwards
TOOTH_HEIGHTS = (9.6, 8.8, 9.6, 8.6, 8.0, 7.2, 7.0)
ARCH_WIDTH, ARCH_DEPTH, ARCH_FRONT_Y = 28.0, 42.0, -95.0  # mm, the ellipse the teeth's front faces stand on
UPPER_EDGE_Z, LOWER_EDGE_Z = 128.7, 129.4
LOWER_ARCH_SCALE = 0.94
TOOTH_THICKNESS = 6.0

TONGUE_STATIONS = 16
TONGUE_SEGMENTS = 20


def surface_faces(rows: int, columns: int, closed: bool) -> Faces:
    """Quads of a (rows, columns) sheet; closed joins the last column with the first."""
    faces: Faces = []
    for j in range(rows - 1):
        for i in range(columns if closed else columns - 1):
            k = (i + 1) % columns
            faces.append((j * columns + i, (j + 1) * columns + i, (j + 1) * columns + k, j * columns + k))
    return faces


def eyeball() -> tuple[Array, Faces, Array]:
    """The left eyeball, pole forwards, and per face 0 white, 1 iris, 2 pupil or the iris' dark rim."""
    angles = np.radians(EYE_RINGS)
    turn = np.linspace(0.0, 2 * np.pi, EYE_SEGMENTS, endpoint=False)
    ring = np.stack(
        [
            np.sin(angles)[:, None] * np.sin(turn),
            -np.cos(angles)[:, None] * np.ones_like(turn),
            np.sin(angles)[:, None] * np.cos(turn),
        ],
        axis=-1,
    ).reshape(-1, 3)
    points = EYE_CENTRE + EYE_RADIUS * np.concatenate([ring, [[0, -1, 0], [0, 1, 0]]])
    faces = [f[::-1] for f in surface_faces(len(angles), EYE_SEGMENTS, closed=True)]
    outer = np.array(EYE_RINGS[1:])
    by_ring = np.where((outer <= PUPIL_ANGLE) | (outer == IRIS_ANGLE), 2, np.where(outer < IRIS_ANGLE, 1, 0))
    kind = np.repeat(by_ring, EYE_SEGMENTS).tolist()
    front, back = len(ring), len(ring) + 1
    last = len(ring) - EYE_SEGMENTS
    for i in range(EYE_SEGMENTS):
        k = (i + 1) % EYE_SEGMENTS
        faces += [(front, k, i), (back, last + i, last + k)]
        kind += [2, 0]
    return points, faces, np.array(kind)


def tooth_row(upper: bool) -> tuple[Array, Faces, Array]:
    """The left half of a row of teeth with its gum, and per face 0 tooth, 1 gum."""
    scale = 1.0 if upper else LOWER_ARCH_SCALE
    sign = 1.0 if upper else -1.0
    edge_z = UPPER_EDGE_Z if upper else LOWER_EDGE_Z
    widths = np.array(TOOTH_WIDTHS) * (1.0 if upper else 0.92)
    middles = np.cumsum(widths) - widths / 2
    positions, faces, kind = [], [], []
    count = 0
    for width, height, arc in zip(widths, TOOTH_HEIGHTS, middles, strict=True):
        shape, shape_faces = _tooth(width * 0.985, height)
        centre, forward = _arch(np.array([arc]), scale)
        out, along = forward[0], np.array([-forward[0][1], forward[0][0]])
        flat = np.outer(shape[:, 0], along) + np.outer(shape[:, 1] - TOOTH_THICKNESS / 2, out)
        z = edge_z + sign * (height / 2 + shape[:, 2])
        positions.append(np.column_stack([centre[0] + flat, z]))
        faces += [tuple(v + count for v in (f if upper else f[::-1])) for f in shape_faces]
        kind += [0] * len(shape_faces)
        count += len(shape)
    gum, gum_faces = _gum(widths, scale, edge_z, sign)
    faces += [tuple(v + count for v in f) for f in gum_faces]
    kind += [1] * len(gum_faces)
    return np.concatenate([*positions, gum]), faces, np.array(kind)


def _tooth(width: float, height: float) -> tuple[Array, Faces]:
    """A rounded block: x along the arch, y outwards, z from the biting edge (negative) to the root."""
    lat = np.linspace(-np.pi / 2, np.pi / 2, 9)
    lon = np.linspace(0, 2 * np.pi, 16, endpoint=False)

    def squared(value: Array, power: float) -> Array:
        return np.sign(value) * np.abs(value) ** power

    ring = squared(np.cos(lat), 0.42)[:, None]
    z = squared(np.sin(lat), 0.6)[:, None] * np.ones_like(lon)
    taper = 1.0 - 0.10 * (z + 1) / 2
    thin = 0.62 + 0.38 * (z + 1) / 2
    x = ring * squared(np.cos(lon), 0.55) * width / 2 * taper
    y = ring * squared(np.sin(lon), 0.65) * TOOTH_THICKNESS / 2 * thin
    points = np.stack([x, y + (1 - thin) * TOOTH_THICKNESS / 4, z * height / 2], axis=-1).reshape(-1, 3)
    return points, surface_faces(len(lat), len(lon), closed=True)


def _arch(arc: Array, scale: float) -> tuple[Array, Array]:
    """Points (n, 2) in x, y at arc mm along the tooth arch from the middle, and the outward directions there."""
    angle = np.linspace(0.0, np.pi / 2, 200)
    x = ARCH_WIDTH * scale * np.sin(angle)
    y = ARCH_FRONT_Y + (1 - scale) * 48.0 + ARCH_DEPTH * scale * (1.0 - np.cos(angle))
    run = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    points = np.column_stack([np.interp(arc, run, x), np.interp(arc, run, y)])
    inside = np.clip(arc, 0.5, run[-1] - 0.5)
    ahead, behind = ((np.interp(inside + d, run, x), np.interp(inside + d, run, y)) for d in (0.5, -0.5))
    tangent = np.subtract(ahead, behind).T
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    return points, np.column_stack([tangent[:, 1], -tangent[:, 0]])


def _gum(widths: Array, scale: float, edge_z: float, sign: float) -> tuple[Array, Faces]:
    """A swept band over the roots, its rim scalloped over each tooth."""
    arc = np.linspace(0.0, widths.sum() * 0.985, 43)
    points, out = _arch(arc, scale)
    heights = np.interp(arc, np.cumsum(widths) - widths / 2, TOOTH_HEIGHTS)
    phase = np.interp(arc, np.concatenate([[0], np.cumsum(widths)]), np.arange(len(widths) + 1)) % 1.0
    rim = heights * 0.74 + 1.1 * np.sin(np.pi * phase)
    profile = ((-4.8, -0.2), (0.1, 0.0), (0.9, 1.4), (0.9, 3.0), (-0.6, 5.5), (-4.0, 6.0), (-7.0, 3.0), (-6.6, -0.2))
    rows = []
    for outwards, above in profile:
        flat = points + out * outwards
        rows.append(np.column_stack([flat, edge_z + sign * (rim + above)]))
    rows.append(rows[0])
    faces = surface_faces(len(rows), len(arc), closed=False)
    sheet = np.concatenate(rows)
    return sheet, [f[::-1] for f in faces] if sign > 0 else faces


def tongue() -> tuple[Array, Faces, Array]:
    """The whole tongue, and per vertex its place from the root (0) to the tip (1)."""
    place = np.linspace(0.0, 1.0, TONGUE_STATIONS)
    round_tip = np.sqrt(np.maximum(1.0 - np.maximum((place - 0.72) / 0.28, 0.0) ** 2.2, 0.0))
    half_width = (17.0 - 3.0 * place) * round_tip
    half_height = (8.5 - 4.2 * place) * np.maximum(round_tip, 0.02) ** 0.6
    y = -42.0 - 45.0 * place
    z = 118.5 + 9.0 * place**1.4
    turn = np.linspace(0.0, 2 * np.pi, TONGUE_SEGMENTS, endpoint=False)
    x = half_width[:, None] * np.sin(turn)
    up = half_height[:, None] * np.cos(turn)
    groove = -1.3 * np.exp(-((x / 3.5) ** 2)) * (np.cos(turn) > 0.2) * np.sin(np.pi * np.clip(place, 0, 0.9))[:, None]
    points = np.stack([x, np.broadcast_to(y[:, None], x.shape), z[:, None] + up + groove], axis=-1).reshape(-1, 3)
    faces = surface_faces(TONGUE_STATIONS, TONGUE_SEGMENTS, closed=True)
    return points, faces, np.repeat(place, TONGUE_SEGMENTS)


def brow() -> tuple[Array, Faces]:
    """The left eyebrow: a flat tapered ridge on the brow bone."""
    t = np.linspace(0.0, 1.0, 25)
    x = 11.5 + 41.0 * t
    z = 223.5 + 6.0 * np.sin(np.pi * 0.62 * t) - 3.0 * t**3
    half_height = 2.7 * (1 - t) ** 0.5 * (1 - 0.75 * np.exp(-t / 0.035)) + 0.2
    stick_out = 1.5 * np.sqrt(half_height / 2.9)
    turn = np.linspace(0.0, 2 * np.pi, 10, endpoint=False)
    heights = z[:, None] + half_height[:, None] * np.cos(turn)
    sheet = frontal_surface(np.broadcast_to(x[:, None], heights.shape), heights)
    sheet[..., 1] -= np.where(np.sin(turn) > 0, stick_out[:, None] * np.sin(turn), 1.2 * np.sin(turn))
    faces = [f[::-1] for f in surface_faces(len(t), len(turn), closed=True)]
    last = (len(t) - 1) * len(turn)
    faces += [tuple(range(len(turn))), tuple(range(last + len(turn) - 1, last - 1, -1))]
    return sheet.reshape(-1, 3), faces


def ear() -> tuple[Array, Faces]:
    """The left ear: a shell with rim, ridge and hollow, its base sunk into the head."""
    turn = np.linspace(0.0, 2 * np.pi, 36, endpoint=False)
    back, up = np.cos(turn), np.sin(turn)
    outline = np.column_stack([15.5 * back + 1.5 * up, 29.0 * up]) * (
        1.0 + 0.10 * np.maximum(up, 0) - 0.12 * np.maximum(-up, 0)
    )[:, None]
    outline[:, 0] += 2.5 * np.maximum(back, 0) * np.maximum(up, 0)
    profile = (  # (part of the outline, height over the ear's plane in mm)
        (0.0, -6.0), (0.18, -6.0), (0.34, -4.5), (0.46, -0.5), (0.58, 1.2), (0.70, 0.2), (0.79, -0.6),
        (0.86, 1.2), (0.93, 2.4), (1.0, 1.6), (1.02, -0.4), (0.96, -2.2), (0.8, -3.6), (0.55, -9.0), (0.4, -18.0),
    )
    rows = [np.column_stack([outline * part, np.full(len(turn), height)]) for part, height in profile[1:]]
    sheet = np.concatenate([*rows, [[0.0, 0.0, profile[0][1]]]])
    faces = surface_faces(len(rows), len(turn), closed=True)
    centre = len(sheet) - 1
    faces += [(centre, i, (i + 1) % len(turn)) for i in range(len(turn))]
    lean, flare = np.radians(-12.0), np.radians(32.0)
    back, up, out = sheet.T
    back, up = back * np.cos(lean) - up * np.sin(lean), back * np.sin(lean) + up * np.cos(lean)
    x = out * np.cos(flare) + back * np.sin(flare)
    y = back * np.cos(flare) - out * np.sin(flare)
    return np.column_stack([75.0 + x, 8.0 + y, 190.0 + up]), faces
