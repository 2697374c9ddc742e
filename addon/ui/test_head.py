"""The test head in Blender, from the data in `addon/head/`.

Face, teeth, tongue, eyes, brows and hair are separate meshes, each with the shape keys it needs; all are children of
the face, which carries all 52.
"""

from __future__ import annotations

import bpy

from ..head.load import HeadPart, load_head

MATERIAL_ROUGHNESS = {
    "Teeth": 0.25, "Tongue": 0.4, "Lips": 0.4, "Eye White": 0.15, "Iris": 0.1, "Pupil": 0.05, "Hair": 0.7,
}
SKIN_ROUGHNESS = 0.55


def build_test_head(target: bpy.types.Context | bpy.types.Collection) -> bpy.types.Object:
    """Add the head to a collection, or to the active collection of a context, and return the face object.

    The neck's base is the face's origin; the head is about 0.32 m high with its neck, looks towards -Y,
    and its own left is +X. Move the face and the other parts follow.
    """

    collection = target if isinstance(target, bpy.types.Collection) else target.collection
    face, *others = [_add_part(part, collection) for part in load_head()]
    for other in others:
        other.parent = face
    return face


def _add_part(part: HeadPart, collection: bpy.types.Collection) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(f"LipSync {part.name}")
    mesh.from_pydata(part.points.tolist(), [], part.faces)
    for name, colour in part.materials.items():
        mesh.materials.append(_material(name, (*colour, 1.0)))
    mesh.polygons.foreach_set("material_index", part.face_materials.tolist())
    mesh.shade_smooth()
    mesh.update()
    made = bpy.data.objects.new(f"LipSync {part.name}", mesh)
    collection.objects.link(made)
    if part.keys:
        made.shape_key_add(name="Basis", from_mix=False)
    for name, points in part.keys.items():
        key = made.shape_key_add(name=name, from_mix=False)
        key.value = 0.0  # some versions add new keys at full strength
        key.data.foreach_set("co", points.ravel())
    return made


def _material(name: str, colour: tuple[float, float, float, float]) -> bpy.types.Material:
    """A fresh material: the same colour in solid view and in a render."""
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


def select_alone(context: bpy.types.Context, face: bpy.types.Object) -> None:
    """Make it the active and the only selected object."""
    for selected in list(context.selected_objects):
        selected.select_set(False)
    face.select_set(True)
    context.view_layer.objects.active = face
