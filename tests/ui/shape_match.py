"""In a real window: a scanned head whose keys have scrambled names gets markers, a proposal with pictures, a tick and a preset, all by true clicks.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them):
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/shape_match.py OUT dist/unitalker-*-py3.14-test.zip ../shared/data/rigs/ict_facekit_head.glb
"""

import json
from pathlib import Path

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
HEAD_FILE = "/root/ui/ict_facekit_head.glb"
PANEL = "UNITALKER_PT_shapes"
# Pixels from the sidebar's top left corner, the panel alone in the tab: before a proposal, and with one
TITLE, MATCH, MARKERS = (70, 12), (150, 100), (133, 125)
TICK, SHOW, SAVE = (33, 230), (133, 433), (133, 505)        # the tick of the seventh row


def test(ui):
    truth = set_scene()
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    show_panel()
    yield 1.0
    ui.sidebar("Lip Sync")
    ui.click_region(*TITLE)
    yield 2.0
    yield from click(ui, MARKERS, lambda: sum("unitalker_marker" in obj for obj in bpy.data.objects) == 8)
    ui.shot("1_markers")
    yield 2.0
    yield from click(ui, MATCH, lambda: len(state().rows))
    yield 1.0
    ui.shot("2_matched")
    yield 2.0
    wrong = [row.channel for row in state().rows if row.use and truth[json.loads(row.keys)[0][0]].removesuffix("Left").removesuffix("Right") not in row.channel]
    ui.log(len(state().rows), sum(row.use for row in state().rows), "wrong", wrong, "not found", state().unmatched)
    assert len(state().rows) >= 46 and not wrong
    row = state().rows[6]
    before = row.use
    yield from click(ui, TICK, lambda: row.use != before)
    yield from click(ui, SHOW, lambda: state().shown)
    yield 1.0
    ui.shot("3_shown")
    yield 2.0
    ui.click_region(*SAVE)
    yield 2.5
    ui.shot("4_name")
    yield 2.0
    ui.keys("Return")
    yield lambda: bpy.context.scene.unitalker.preset != "auto"
    yield 1.0
    ui.shot("5_saved")
    yield 2.0
    files = list(Path(bpy.utils.extension_path_user(PACKAGE, path="presets")).glob("*.json"))
    ui.log(files)
    assert len(files) == 1 and not state().shown


def click(ui, place, done):
    """Click until it has been taken: a busy computer may draw the button late."""
    for attempt in range(3):
        ui.click_region(place[0] + 6 * (attempt % 2), place[1] + attempt)
        for _ in range(40):
            yield 0.4
            if done():
                return
    ui.shot(f"missed_{place[0]}_{place[1]}")
    yield 2.0
    raise AssertionError(f"nothing happened at {place}")


def state():
    return bpy.context.scene.unitalker_shapes


def show_panel():
    """Ours alone, so that it is at the top, whatever other panels the tab has."""
    ours = [cls for cls in bpy.types.Panel.__subclasses__() if getattr(cls, "bl_category", "") == "Lip Sync" and cls.is_registered and cls.bl_space_type == 'VIEW_3D']
    for cls in sorted(ours, key=lambda cls: not hasattr(cls, "bl_parent_id")):
        if getattr(cls, "bl_idname", cls.__name__) != PANEL:
            bpy.utils.unregister_class(cls)


def set_scene():
    """The head in front view, its keys numbered in no order; new name -> true name."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.import_scene.gltf(filepath=HEAD_FILE)
    head = next(obj for obj in bpy.data.objects if obj.type == 'MESH' and obj.data.shape_keys)
    blocks = sorted(head.data.shape_keys.key_blocks[1:], key=lambda block: sum(ord(letter) * (at + 7) ** 3 for at, letter in enumerate(block.name)) % 9973)
    truth = {}
    for number, block in enumerate(blocks):
        truth[f"Key {number:02d}"], block.name = block.name, f"Key {number:02d}"
    bpy.context.scene.unitalker.character = head
    bpy.context.view_layer.objects.active = head
    window = bpy.context.window_manager.windows[0]
    view = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    region = next(region for region in view.regions if region.type == 'WINDOW')
    with bpy.context.temp_override(window=window, area=view, region=region):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()
    bpy.ops.ed.undo_push(message="head")
    return truth


uidriver.run(test, timeout=240)
