"""In a real window: a head that gives vertices makes shape keys on a mesh of its topology, in one undo step.

By hand and before a release, as tests/ui/models.py, with the same files.
"""

from pathlib import Path

import bpy
import numpy as np
import uidriver

HOME = Path("/root/ui")
HEAD = "BIWI_23370_vertices"
GENERATE = (134, 669)            # pixels from the sidebar's top left corner


def test(ui):
    set_scene()
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    ui.shot("1_panel")
    yield 2.0
    ui.click_region(*GENERATE)
    yield lambda: mesh().shape_keys is not None
    yield 1.0
    ui.log(settings().result)
    keys = mesh().shape_keys
    assert keys.animation_data.action is not None and len(keys.key_blocks) > 2
    bpy.context.scene.frame_set(100)
    yield 1.0
    ui.shot("2_generated")
    yield 2.0
    ui.keys("ctrl+z")
    yield lambda: mesh().shape_keys is None
    yield 1.0
    assert not [action for action in bpy.data.actions if action.users], "an Action is left after undo"
    ui.shot("3_undone")
    yield 2.0
    ui.keys("ctrl+shift+z")
    yield lambda: mesh().shape_keys is not None
    yield 1.0
    ui.shot("4_redone")
    yield 2.0


def settings():
    return bpy.context.scene.unitalker


def mesh():
    return bpy.data.objects["Topology"].data


def set_scene():
    """A cloud of the head's vertices under a hull of triangles, and the model with this head chosen."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.unitalker.model_add(filepath=str(HOME / "tiny_official"))
    vertices = np.load(HOME / "tiny_official" / "heads.npz")[f"{HEAD}/template"].reshape(-1, 3)
    data = bpy.data.meshes.new("Topology")
    data.from_pydata(vertices.tolist(), [], [(n, n + 1, n + 2) for n in range(len(vertices) - 2)])
    obj = bpy.data.objects.new("Topology", data)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    obj.select_set(True)
    settings().head = HEAD
    settings().source, settings().audio = 'FILE', str(HOME / "jfk_1961.flac")
    bpy.ops.ed.undo_push(message="mesh")


uidriver.run(test, timeout=150)
