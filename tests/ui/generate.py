"""In a real window: a true click on the button, progress, keys, Ctrl+Z; then Esc and the Cancel button.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them):
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/generate.py OUT dist/unitalker-*-py3.14-test.zip ../shared/data/speech/jfk_1961.flac
"""

import importlib
import wave

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
SPEECH = "/root/ui/jfk_1961.flac"
LONG = "/root/ui/long.wav"
REPEATS = 60                    # of 11 seconds: long enough to see progress
# Pixels from the sidebar's top left corner, with the panels as they are when they are first opened; where the Cancel button appears too
BUTTON, TRASH, FILE_ROW = (134, 617), (243, 617), 26        # a file has one more row than a strip


def test(ui):
    face, view = set_scene()
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    ui.shot("1_before_sound")
    yield 2.0
    add_strip("line", SPEECH)
    view.tag_redraw()
    yield 0.5

    yield from click_generate(ui, face, "2_generated")
    assert keys(face) == (52, 264), keys(face)          # 11 s at 24 frames per second
    yield from show_curves(ui, view)
    ui.keys("ctrl+z")
    yield lambda: keys(face) is None
    ui.shot("4_undone")
    yield 2.0
    assert not [action for action in bpy.data.actions if action.users], "an Action is left after undo"
    ui.keys("ctrl+shift+z")
    yield lambda: keys(face) is not None

    write_long_speech()
    settings = bpy.context.scene.unitalker
    settings.source, settings.audio = 'FILE', LONG
    settings.start_frame = 1000
    yield 2.0
    before = keys(face)
    for way in ("Escape", "button"):
        ui.click_region(BUTTON[0], BUTTON[1] + FILE_ROW)
        yield lambda: job() is not None and job().fraction > 0.1
        ui.shot(f"5_progress_{way}")
        yield 1.2
        if way == "Escape":
            ui.keys("Escape")
        else:
            ui.click_region(TRASH[0], TRASH[1] + FILE_ROW)
        yield lambda: job() is None
        ui.log(way, settings.result)
        assert settings.result.startswith("Cancelled"), settings.result
        assert keys(face) == before
    ui.shot("6_cancelled")
    yield 2.0


def set_scene():
    """The test head in front view; its name and the 3D view."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.unitalker.add_test_head()
    window = bpy.context.window_manager.windows[0]
    view = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    region = next(region for region in view.regions if region.type == 'WINDOW')
    with bpy.context.temp_override(window=window, area=view, region=region):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()
    bpy.ops.ed.undo_push(message="head")
    return bpy.context.view_layer.objects.active.name, view


def add_strip(name, path):
    bpy.context.scene.sequence_editor_create().strips.new_sound(name, path, 1, 1)
    bpy.ops.ed.undo_push(message="strip")


def job():
    return importlib.import_module(f"{PACKAGE}.addon.job").Job.current


def channelbag(face):
    """What holds the curves of the face, None without an Action."""
    animation = bpy.data.objects[face].data.shape_keys.animation_data
    action = animation and animation.action
    return action.layers[0].strips[0].channelbag(animation.action_slot) if action else None


def jaw(face):
    return channelbag(face).fcurves.find('key_blocks["jawOpen"].value')


def keys(face):
    """(curves, keys of jawOpen) on the face, None without an Action."""
    bag = channelbag(face)
    return (len(bag.fcurves), len(jaw(face).keyframe_points)) if bag else None


def widest_frame(face):
    """The frame on which the jaw is widest open."""
    keys = jaw(face).keyframe_points
    return int(max(keys, key=lambda key: key.co[1]).co[0])


def click_generate(ui, face, name):
    ui.click_region(*BUTTON)
    yield lambda: keys(face) is not None
    yield 1.0
    ui.log(bpy.context.scene.unitalker.result, keys(face))
    bpy.context.scene.frame_set(widest_frame(face))
    yield 0.5
    ui.shot(name)
    yield 2.0


def show_curves(ui, view):
    """The curves of the face in a Graph Editor in place of the 3D view."""
    view.ui_type = 'FCURVES'
    yield 1.0
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=view, region=next(region for region in view.regions if region.type == 'WINDOW')):
        bpy.ops.graph.view_all()
    yield 1.0
    ui.shot("3_graph_editor")
    yield 2.0
    view.ui_type = 'VIEW_3D'
    yield 1.0
    ui.sidebar("Lip Sync")
    yield 1.0


def write_long_speech():
    import aud
    import numpy as np

    once = aud.Sound.file(SPEECH)
    rate_hz, channels = once.specs
    samples = np.tile(once.data().reshape(-1, int(channels)).mean(1), REPEATS)
    with wave.open(LONG, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(rate_hz))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


uidriver.run(test, timeout=240)
