"""Boxes around objects in the world: which parts of a scene lie together."""

from __future__ import annotations

import bpy
import numpy as np

Box = tuple[np.ndarray, np.ndarray]     # lowest and highest corner

MARGIN = 0.02           # of a mesh's size: loose parts whose boxes come so near belong to it (lashes lie on the skin)


def box_of(obj: bpy.types.Object) -> Box:
    """Lowest and highest corner of the object in the world, its shape keys and modifiers at rest."""
    points = np.array(obj.bound_box)
    if obj.type == 'MESH' and len(obj.data.vertices):
        values = np.empty(3 * len(obj.data.vertices), np.float32)
        obj.data.vertices.foreach_get("co", values)
        points = values.reshape(-1, 3)
    placed = points @ np.array(obj.matrix_world.to_3x3()).T + np.array(obj.matrix_world.translation)
    return placed.min(0), placed.max(0)


def touch(box: Box, other: Box) -> bool:
    """Whether two boxes meet, or nearly."""
    margin = (box[1] - box[0]).max() * MARGIN
    return bool((box[0] - margin <= other[1]).all() and (other[0] <= box[1] + margin).all())
