"""Which meshes of a character are compared and solved."""

from __future__ import annotations

import bpy

from ...engine import RigError
from ..character import character


def key_parts(found: character.Character) -> list[character.KeyTarget]:
    """The parts of a character that are shape keys."""
    return [part for part in found.targets if part.kind == 'KEY']


def meshes_of(found: character.Character) -> list[bpy.types.Object]:
    """The meshes with shape keys, the mesh with the most keys first. Raises RigError."""
    parts = sorted(key_parts(found), key=lambda part: -len(part.names))
    objects = [bpy.data.objects.get((part.object_name, part.library or None)) for part in parts]
    meshes = [obj for obj in objects if obj is not None and obj.type == 'MESH']
    if not meshes:
        raise RigError(
            f"{found.name!r} has no mesh with shape keys, so there are no shapes to compare. Pick the face mesh."
        )
    editing = next((obj for obj in meshes if obj.mode == 'EDIT'), None)
    if editing is not None:
        raise RigError(
            f"{editing.name!r} is in Edit Mode, where its shape keys cannot be read. Leave it (Tab), then match again."
        )
    return meshes
