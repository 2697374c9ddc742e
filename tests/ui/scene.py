"""In a real window: strips become lines of the list, Generate All makes them, Esc stops it; a strip is dragged, trimmed and cut with the mouse and its keys follow.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them):
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/scene.py OUT dist/unitalker-*-py3.14-test.zip tests/data/sample.flac
"""

import importlib
import itertools
import subprocess
import wave

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
SPEECH, LONG = "/root/ui/sample.flac", "/root/ui/long.wav"
REPEATS = 60                            # of the sample: long enough to see progress
HEADER_PX, TITLE = 22, (40, 12)         # height of a closed panel, and the first one's title
# Pixels from the title of the panel Scene
ADD, ALL_STRIPS = (196, 24), (140, 64)
CHANNEL_Y = 0.5                         # middle of a strip in its channel


def test(ui):
    editor = set_scene()
    yield 1.0
    for _ in range(2):                  # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    show_strips(editor)
    yield from open_panel(ui)
    ui.shot("1_empty")
    yield 2.0


def cast():
    return bpy.context.scene.unitalker_cast


def set_scene():
    """Two heads side by side, two strips in a Sequencer below; the Sequencer's area."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    for number, name in enumerate(("Anna", "Ben")):
        bpy.ops.unitalker.add_test_head()
        bpy.context.view_layer.objects.active.name = name
        bpy.context.view_layer.objects.active.location.x = 3 * number
    bpy.context.preferences.view.ui_scale = 0.8
    window = bpy.context.window_manager.windows[0]
    view = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    for obj in bpy.data.objects:
        obj.select_set(True)
    with bpy.context.temp_override(window=window, area=view, region=main_region(view)):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()
    for obj in bpy.data.objects:
        obj.select_set(False)
    editor = next(area for area in window.screen.areas if area.type == 'DOPESHEET_EDITOR')
    editor.type = 'SEQUENCE_EDITOR'
    editor.spaces.active.view_type = 'SEQUENCER'
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = bpy.context.scene
    strips = bpy.context.scene.sequence_editor_create().strips
    strips.new_sound("anna_1", SPEECH, 1, 1)
    strips.new_sound("ben_1", SPEECH, 2, 101)
    bpy.context.scene.frame_end = 300
    bpy.ops.ed.undo_push(message="scene")
    return editor


def show_strips(editor):
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=editor, region=main_region(editor)):
        bpy.ops.sequencer.view_all()


def main_region(editor):
    return next(region for region in editor.regions if region.type == 'WINDOW')


def open_panel(ui):
    """All panels of the tab are closed but ours."""
    xdotool("keydown", "ctrl")
    ui.click_region(*TITLE)
    yield 3.0
    xdotool("keyup", "ctrl")
    yield 0.5
    ui.click_region(*TITLE)
    yield 3.0
    ui.click_region(*title())
    yield 3.0


def title():
    """Where the title of the panel Scene stands while all are closed."""
    def subclasses(cls):
        return itertools.chain.from_iterable([one, *subclasses(one)] for one in cls.__subclasses__())

    drawn = [panel for panel in subclasses(bpy.types.Panel) if getattr(panel, "bl_category", "") == "Lip Sync" and panel.bl_space_type == 'VIEW_3D'
             and not hasattr(panel, "bl_parent_id") and panel.is_registered and (not hasattr(panel, "poll") or panel.poll(bpy.context))]
    drawn.sort(key=lambda panel: getattr(panel, "bl_order", 0))
    return TITLE[0], TITLE[1] + [panel.__name__ for panel in drawn].index("UNITALKER_PT_cast") * HEADER_PX


def xdotool(*words):
    subprocess.run(["xdotool", *map(str, words)], check=True)


uidriver.run(test, timeout=280)
