"""In a real window: a head that gives vertices makes shape keys on a mesh of its topology, in one undo step.

By hand and before a release, as make_pictures.py runs the others, with two files more:
../shared/data/speech/jfk_1961.flac, and tiny_official, a model folder with hundreds of identities and a head of few
vertices, converted from ../shared/fixtures/unitalker/wavlm_conv_full_ids. Look at the screenshots.
"""

import bpy
import desk
import numpy as np
import stage

MODEL = stage.HOME / "tiny_official"
HEAD = "BIWI_23370_vertices"


def test(ui):
    set_scene()
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.shot(ui, "1_panel")
    yield from desk.click(ui, "unitalker.animate", lambda: mesh().shape_keys is not None)
    yield lambda: stage.job() is None
    ui.log(stage.settings().result)
    keys = mesh().shape_keys
    assert keys.animation_data.action is not None and len(keys.key_blocks) > 2
    bpy.context.scene.frame_set(100)
    yield from desk.shot(ui, "2_generated")
    yield from desk.press(ui, "ctrl+z", lambda: mesh().shape_keys is None)
    assert not [action for action in bpy.data.actions if action.users], "an Action is left after undo"
    yield from desk.shot(ui, "3_undone")
    yield from desk.press(ui, "ctrl+shift+z", lambda: mesh().shape_keys is not None)
    yield from desk.shot(ui, "4_redone")


def mesh():
    return bpy.data.objects["Topology"].data


def set_scene():
    """A cloud of the head's vertices under a hull of triangles, and the model with this head chosen."""
    stage.empty()
    bpy.ops.unitalker.model_add(filepath=str(MODEL))
    vertices = np.load(MODEL / "heads.npz")[f"{HEAD}/template"].reshape(-1, 3)
    data = bpy.data.meshes.new("Topology")
    data.from_pydata(vertices.tolist(), [], [(n, n + 1, n + 2) for n in range(len(vertices) - 2)])
    obj = bpy.data.objects.new("Topology", data)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    obj.select_set(True)
    settings = stage.settings()
    settings.head, settings.source, settings.audio = HEAD, 'FILE', str(stage.HOME / "jfk_1961.flac")
    bpy.ops.ed.undo_push(message="mesh")


desk.run(test)
