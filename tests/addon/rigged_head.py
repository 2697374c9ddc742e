"""The project's test head without its shape keys, bound to a rig of Blender's Rigify: a mouth that bones move."""

from __future__ import annotations

import bpy
import numpy as np

MOUTH_M = 0.0704            # distance of the corners on Rigify's human
REACH_M = 0.014             # how far the skin follows a bone
LOWER_DROP, TEETH = 0.3, 0.9    # share of the jaw's drop: the lower lip and below; what follows the jaw as it is
BONES = ("lip.T", "lip.B", "chin", "brow.T")


def rigify() -> bpy.types.Object:
    """A generated human rig, in an empty file."""
    import addon_utils

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    bpy.ops.pose.rigify_generate()
    bpy.data.objects.remove(bpy.data.objects["metarig"])
    return next(obj for obj in bpy.data.objects if obj.type == 'ARMATURE')


def bind(armature: bpy.types.Object, points: np.ndarray, triangles: np.ndarray, drop: np.ndarray) -> bpy.types.Object:
    """A mesh of a head that the rig's deform bones move.

    Args:
        points: (n, 3), with the mouth's middle at the origin, its corners 1 apart, face towards -Y.
        triangles: (m, 3). drop: (n,) how far each vertex goes down with the jaw, 1 at the most.
    """
    corners = [np.array(armature.data.bones[f"DEF-lip.T.{side}.001"].tail_local) for side in "LR"]
    placed = points * MOUTH_M + np.mean(corners, axis=0)
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata(placed.tolist(), [], triangles.tolist())
    face = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(face)
    face.parent = armature
    face.modifiers.new("Rig", 'ARMATURE').object = armature
    weights = _weights(armature, placed, drop)
    for bone, column in weights.items():
        group = face.vertex_groups.new(name=bone)
        for vertex in np.flatnonzero(column > 1e-3).tolist():
            group.add([vertex], float(column[vertex]), 'REPLACE')
    return face


def normal(ext: object, head: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A head with ARKit keys, in millimetres, as `bind` takes it.

    Args:
        ext: the extension (conftest). head: HeadMesh of the engine.
    """
    moves = dict(zip(head.names, head.moves, strict=True))
    find_lips = ext.module("engine.geometry.lip_pairs").find_lips
    lips = find_lips(head, {"jawOpen": 1.0}, {"jawOpen": 1.0, "mouthClose": 1.0})
    middle = head.points[lips.pairs].mean(axis=(0, 1))
    pulled = np.linalg.norm(moves["mouthSmileLeft"], axis=1)
    corner = abs(float(head.points[pulled > 0.9 * pulled.max(), 0].mean()))
    drop = np.clip(-moves["jawOpen"][:, 2] / -moves["jawOpen"][:, 2].min(), 0, 1)
    return (head.points - [0.0, middle[1], middle[2]]) / (2 * corner), head.triangles, drop


def _weights(armature: bpy.types.Object, placed: np.ndarray, drop: np.ndarray) -> dict[str, np.ndarray]:
    """Bone -> (n,): near bones of the lips by distance, each lip by its own; the jaw or the head takes the rest."""
    lower = drop > LOWER_DROP
    shares, total = {}, np.zeros(len(placed))
    for bone in armature.data.bones:
        name = bone.name.removeprefix("DEF-")
        if not bone.use_deform or not name.startswith(BONES):
            continue
        side = lower if name.startswith(("lip.B", "chin")) else ~lower
        near = np.exp(-np.square(_distance(placed, bone) / REACH_M)) * side
        shares[bone.name], total = near, total + near
    rest = np.clip(1 - total, 0, 1)
    scale = 1 / np.maximum(total, 1)
    found = {name: share * scale for name, share in shares.items()}
    jaw = np.clip(drop, 0, 1) * rest
    return {**found, "DEF-jaw": jaw, "DEF-spine.006": rest - jaw}


def _distance(points: np.ndarray, bone: bpy.types.Bone) -> np.ndarray:
    """(n,) from a bone, as a line."""
    head, tail = np.array(bone.head_local), np.array(bone.tail_local)
    along = np.clip((points - head) @ (tail - head) / np.square(tail - head).sum(), 0, 1)
    return np.linalg.norm(points - head - along[:, None] * (tail - head), axis=1)
