"""Add > Mesh > Lip Sync Test Head: a stylised head with the 52 ARKit shapes, made by code.

The geometry comes from `head/`; this file turns it into Blender objects. Face, teeth, tongue, eyes, brows and hair are
separate meshes, each with the shape keys it needs; all are children of the face, which carries all 52.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..host.polls import only_if

if TYPE_CHECKING:
    from ..head.model import Part

MATERIAL_ROUGHNESS = {"Teeth": 0.25, "Tongue": 0.4, "Lips": 0.4, "Eye White": 0.15, "Iris": 0.1, "Pupil": 0.05, "Hair": 0.7}
SKIN_ROUGHNESS = 0.55


def build_test_head(target: bpy.types.Context | bpy.types.Collection) -> bpy.types.Object:
    """Add the head to a collection, or to the active collection of a context, and return the face object.

    The neck's base is the face's origin; the head is about 0.32 m high with its neck, looks towards -Y,
    and its own left is +X. Move the face and the other parts follow.
    """
    from ..head.model import build_head

    collection = target if isinstance(target, bpy.types.Collection) else target.collection
    face, *others = [_add_part(part, collection) for part in build_head()]
    for other in others:
        other.parent = face
    return face


def _add_part(part: Part, collection: bpy.types.Collection) -> bpy.types.Object:
    import numpy as np

    mesh = bpy.data.meshes.new(f"LipSync {part.name}")
    mesh.from_pydata(part.positions.tolist(), [], part.faces)
    for name in part.materials:
        mesh.materials.append(_material(name))
    mesh.polygons.foreach_set("material_index", np.asarray(part.face_materials, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), dtype=bool))
    mesh.update()
    made = bpy.data.objects.new(f"LipSync {part.name}", mesh)
    collection.objects.link(made)
    if part.shapes:
        made.shape_key_add(name="Basis", from_mix=False)
    for name in sorted(part.shapes):
        key = made.shape_key_add(name=name, from_mix=False)
        key.value = 0.0  # some versions add new keys at full strength
        key.data.foreach_set("co", (part.positions + part.shapes[name]).astype(np.float32).ravel())
    return made


def _material(name: str) -> bpy.types.Material:
    """A fresh material: the same colour in solid view and in a render."""
    from ..head.model import COLOURS

    colour = (*COLOURS[name], 1.0)
    material = bpy.data.materials.new(f"LipSync {name}")
    roughness = MATERIAL_ROUGHNESS.get(name, SKIN_ROUGHNESS)
    material.diffuse_color = colour
    material.roughness = roughness
    if material.node_tree is None:  # 5.0 and later always have one
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = colour
    shader.inputs["Roughness"].default_value = roughness
    return material


class UNITALKER_OT_add_test_head(bpy.types.Operator):
    """Add a head with the 52 ARKit shape keys, made by code, to try lip sync on"""

    bl_idname = "unitalker.add_test_head"
    bl_label = "Lip Sync Test Head"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return only_if(cls, context.mode == "OBJECT", "Leave Edit Mode first: a new head is added in Object Mode")

    def execute(self, context: bpy.types.Context) -> set[str]:
        face = build_test_head(context)
        face.location = context.scene.cursor.location
        for selected in list(context.selected_objects):
            selected.select_set(False)
        face.select_set(True)
        context.view_layer.objects.active = face
        return {"FINISHED"}


def draw_add_menu(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Entry for VIEW3D_MT_mesh_add."""
    self.layout.separator()
    self.layout.operator(UNITALKER_OT_add_test_head.bl_idname, icon="USER")


CLASSES = (UNITALKER_OT_add_test_head,)
