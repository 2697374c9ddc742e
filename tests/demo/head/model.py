"""The whole test head: five parts with their materials and ARKit shapes, ready to become meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import fields, lids, lips, parts
from .eye_shapes import brow_shapes, eye_shapes, turn_eye
from .form import EYE_CENTRE, Array
from .hair import hair
from .mouth_shapes import mouth_shapes
from .skin import Skin, make_skin

MILLIMETRE = 0.001  # in metres
MIRROR = np.array([-1.0, 1.0, 1.0])

# Linear base colours, as Blender stores them.
COLOURS = {
    "Skin": (0.78, 0.48, 0.36),
    "Lips": (0.58, 0.22, 0.19),
    "Mouth": (0.16, 0.03, 0.03),
    "Teeth": (0.80, 0.77, 0.68),
    "Gums": (0.48, 0.12, 0.12),
    "Tongue": (0.66, 0.25, 0.25),
    "Eye White": (0.84, 0.84, 0.82),
    "Iris": (0.13, 0.30, 0.36),
    "Pupil": (0.01, 0.014, 0.018),
    "Hair": (0.12, 0.055, 0.026),
}


@dataclass(frozen=True)
class Part:
    """One mesh to be.

    Attributes:
        name: object name behind "LipSync ".
        positions: (n, 3) metres at rest.
        faces: vertex tuples, counter-clockwise from outside.
        materials: names out of COLOURS; face_materials: (faces,) index into them.
        shapes: ARKit name -> displacement (n, 3) metres.
    """

    name: str
    positions: Array
    faces: list[tuple[int, ...]]
    materials: tuple[str, ...]
    face_materials: Array
    shapes: dict[str, Array]


def build_head() -> tuple[Part, ...]:
    """Build all parts: the face, which carries every shape, then teeth, tongue, eyes and brows with those they need,
    and hair."""
    skin = make_skin()
    face_shapes = mouth_shapes(skin)
    for name, moved in eye_shapes(skin).items():
        face_shapes[name] = face_shapes.get(name, 0.0) + moved
    made = (_face(skin, face_shapes), _teeth(), _tongue(), _eyes(), _brows(skin, face_shapes), _hair())
    return tuple(_in_metres(part) for part in made)


def _in_metres(part: Part) -> Part:
    shapes = {name: moved * MILLIMETRE for name, moved in part.shapes.items()}
    return Part(
        part.name, part.positions * MILLIMETRE, part.faces, part.materials, part.face_materials, shapes
    )


def _with_mirror(positions: Array, faces: parts.Faces) -> tuple[Array, parts.Faces]:
    count = len(positions)
    mirrored = [tuple(v + count for v in reversed(face)) for face in faces]
    return np.concatenate([positions, positions * MIRROR]), faces + mirrored


def _both_sides(left: dict[str, Array]) -> dict[str, Array]:
    """Shapes of a part and its mirror image, given those of the left piece; names without a side move both."""
    shapes = {}
    for name, moved in left.items():
        still = np.zeros_like(moved)
        if name.endswith("Left"):
            shapes[name] = np.concatenate([moved, still])
            shapes[name[:-4] + "Right"] = np.concatenate([still, moved * MIRROR])
        else:
            shapes[name] = np.concatenate([moved, moved * MIRROR])
    return shapes


def _face(skin: Skin, shapes: dict[str, Array]) -> Part:
    topology = skin.topology
    region = np.zeros(len(skin.positions), dtype=int)
    inside = np.zeros(len(skin.positions), dtype=int)
    for half, loop_kind in ((topology.mouth[lips.BORDER :], region), (topology.mouth[lips.LINING :], inside)):
        loop_kind[half] = 1
        loop_kind[topology.mirror[half]] = 1
    face_materials = [min(inside[v] for v in f) + min(region[v] for v in f) for f in topology.faces]
    ear, ear_faces = _with_mirror(*parts.ear())
    first = len(skin.positions)
    faces = topology.faces + [tuple(v + first for v in face) for face in ear_faces]
    face_materials += [0] * len(ear_faces)
    still = np.zeros_like(ear)
    full = {name: np.concatenate([moved, still]) for name, moved in shapes.items()}
    positions = np.concatenate([skin.positions, ear])
    return Part("Head", positions, faces, ("Skin", "Lips", "Mouth"), np.array(face_materials), full)


def _jaw_part_shapes(positions: Array, weight: Array) -> dict[str, Array]:
    left = fields.jaw_left(positions)
    right = fields.jaw_left(positions * MIRROR) * MIRROR
    moves = {"jawOpen": fields.jaw_open(positions), "jawLeft": left, "jawRight": right}
    moves["jawForward"] = fields.jaw_forward(positions)
    return {name: weight[:, None] * moved for name, moved in moves.items()}


def _teeth() -> Part:
    upper, upper_faces, upper_kind = parts.tooth_row(upper=True)
    lower, lower_faces, lower_kind = parts.tooth_row(upper=False)
    upper, upper_faces = _with_mirror(upper, upper_faces)
    lower, lower_faces = _with_mirror(lower, lower_faces)
    positions = np.concatenate([upper, lower])
    faces = upper_faces + [tuple(v + len(upper) for v in face) for face in lower_faces]
    kinds = np.concatenate([upper_kind, upper_kind, lower_kind, lower_kind])
    weight = np.repeat([0.0, 1.0], [len(upper), len(lower)])
    return Part("Teeth", positions, faces, ("Teeth", "Gums"), kinds, _jaw_part_shapes(positions, weight))


def _tongue() -> Part:
    positions, faces, place = parts.tongue()
    shapes = _jaw_part_shapes(positions, 0.75 + 0.25 * fields.smooth(place, 0.0, 0.6))
    reach = fields.smooth(place, 0.0, 1.0)
    out = np.column_stack([np.zeros_like(reach), -48.0 * reach, 4.5 * reach])
    shapes["tongueOut"] = out
    return Part("Tongue", positions, faces, ("Tongue",), np.zeros(len(faces), dtype=int), shapes)


def _eyes() -> Part:
    ball, ball_faces, kind = parts.eyeball()
    left = {f"eyeLook{direction}Left": turn_eye(ball, direction) for direction in ("Up", "Down", "In", "Out")}
    positions, faces = _with_mirror(ball, ball_faces)
    kinds = np.concatenate([kind, kind])
    return Part("Eyes", positions, faces, ("Eye White", "Iris", "Pupil"), kinds, _both_sides(left))


def _brows(skin: Skin, face_shapes: dict[str, Array]) -> Part:
    """Brows, which move as the forehead does, and lashes, which ride on the upper lids' edges."""
    brow, brow_faces = parts.brow()
    shapes = brow_shapes(brow)
    shapes["noseSneerLeft"] = fields.bump(brow, (11.0, -90.0, 222.0), 8.0)[:, None] * (-0.5, -0.5, -1.5)
    edge = skin.topology.eye[lids.EDGE]
    _, side = lids.lid_parameters(len(edge))
    v, _ = lids.lid_parameters(len(edge))
    upper = np.flatnonzero(side >= 0)
    upper = upper[np.argsort(v[upper])]
    lash, lash_faces = _lash(skin.positions[edge[upper]], v[upper])
    lid_names = [name for name, moved in face_shapes.items() if name.startswith("eye") and name.endswith("Left")]
    first = len(brow)
    positions = np.concatenate([brow, lash])
    full = {name: np.concatenate([moved, np.zeros_like(lash)]) for name, moved in shapes.items()}
    for name in lid_names:
        edge_now = skin.positions[edge[upper]] + face_shapes[name][edge[upper]]
        full[name] = np.concatenate([np.zeros_like(brow), _lash(edge_now, v[upper])[0] - lash])
    faces = brow_faces + [tuple(i + first for i in face) for face in lash_faces]
    positions, faces = _with_mirror(positions, faces)
    return Part("Brows", positions, faces, ("Hair",), np.zeros(len(faces), dtype=int), _both_sides(full))


def _hair() -> Part:
    positions, faces = hair()
    return Part("Hair", positions, faces, ("Hair",), np.zeros(len(faces), dtype=int), {})


def _lash(edge: Array, v: Array) -> tuple[Array, parts.Faces]:
    """A thin dark wedge along a lid's edge (n, 3), v from inner to outer corner: thickest and longest at the outer."""
    outward = edge - EYE_CENTRE
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    length = (0.5 + 1.9 * v**1.2)[:, None]
    slant = np.array([0.25, 0.0, 0.45])
    tip = edge + (outward + slant) * length
    up = edge + outward * 0.3 + np.array([0.0, 0.0, 0.9]) * (0.35 + 0.65 * np.sin(np.pi * v))[:, None]
    under = edge - outward * 0.5 + np.array([0.0, 0.0, -0.15])
    rows = np.stack([under, tip, up, under])
    return rows.reshape(-1, 3), parts.surface_faces(4, len(edge), closed=False)
