"""In a real window: a channel is mapped by hand with true clicks, its gain is dragged and the mouth follows, the preset is saved, the old values are back.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them):
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/mapping.py OUT dist/unitalker-*-py3.14-test.zip
"""

import subprocess
from pathlib import Path

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
HEAD, REST = "LipSync Head", 0.25
CONTROL = "Mouth gape"      # the test head's jawOpen under a name that no preset has
# Pixels from the sidebar's top left corner, with this panel alone in the tab
HEADER = (70, 12)
NEW, ADD_ROW, CHANNEL, GAIN, PREVIEW, SAVE = (200, 40), (240, 92), (100, 306), (150, 362), (70, 469), (120, 72)
DRAG_PIXELS = 60


def test(ui):
    set_scene()
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    hide_other_panels()
    yield 1.5
    ui.click_region(*HEADER)
    yield 2.5
    ui.shot("1_way_in")
    yield 2.0
    yield from click(ui, NEW, lambda: mapping().is_open)
    yield 1.0
    yield from click(ui, ADD_ROW, lambda: len(mapping().targets) == 1)           # the active shape key is taken
    yield 1.0
    ui.shot("2_row")
    yield 2.0
    assert mapping().targets[0].control == CONTROL, mapping().targets[0].control

    ui.click_region(*CHANNEL)
    yield 2.5
    for key in "jawOpen":
        ui.keys(key)
    yield 2.5
    ui.shot("3_channel_search")
    yield 2.0
    ui.keys("Return")
    yield 1.0
    ui.shot("4_channel")
    yield 2.0
    yield from drag_gain(ui)
    yield from save(ui)


def drag_gain(ui):
    """Preview on, the gain dragged with the button held: the mouth follows; Preview off: the old value is back."""
    yield from click(ui, PREVIEW, lambda: mapping().preview)
    assert opening() == 1.0, opening()
    yield 1.0
    ui.shot("5_preview")
    yield 2.0
    for _ in range(4):
        drag(ui, *GAIN)
        for _ in range(30):
            yield 0.4
            if mapping().targets[0].gain < 0.9:
                break
        if mapping().targets[0].gain < 0.9:
            break
        release()               # a busy computer saw the press too late, and now takes it for a click into the field
        yield 1.0
        ui.keys("Escape")
        yield 2.0
    yield 1.0
    gain = mapping().targets[0].gain
    ui.log("gain while dragging", gain, "mouth", opening())
    assert gain < 0.9, "the slider was not dragged"
    assert abs(opening() - gain) < 1e-6
    ui.shot("6_dragging")
    yield 2.5
    release()
    yield 1.5
    yield from click(ui, PREVIEW, lambda: not mapping().preview)
    assert opening() == REST, opening()
    assert bpy.data.objects[HEAD].data.shape_keys.animation_data is None, "the preview made keys"
    ui.shot("7_given_back")
    yield 2.0


def save(ui):
    yield from click(ui, SAVE, lambda: bpy.context.scene.unitalker.preset != "auto")
    yield 1.0
    ui.shot("8_saved")
    yield 2.0
    files = list(Path(bpy.utils.extension_path_user(PACKAGE, path="presets")).glob("*.json"))
    ui.log(files, files[0].read_text())
    assert len(files) == 1 and CONTROL in files[0].read_text()


def hide_other_panels():
    """So that ours is at the top, whatever other panels the tab has."""
    names = [name for name in dir(bpy.types) if name.startswith("UNITALKER_PT_")]
    others = [getattr(bpy.types, name) for name in names if name != "UNITALKER_PT_mapping"]
    for cls in sorted((cls for cls in others if cls.bl_space_type == 'VIEW_3D'), key=lambda cls: not hasattr(cls, "bl_parent_id")):
        bpy.utils.unregister_class(cls)


def click(ui, place, done):
    """Click until it has been taken: a busy computer may draw the button late."""
    for attempt in range(4):
        ui.click_region(place[0] + 6 * (attempt % 2), place[1] + attempt)       # a button lights up only when the pointer comes to it
        for _ in range(15):
            yield 0.4
            if done():
                return
    ui.shot(f"missed_{place[0]}_{place[1]}")
    yield 2.0
    raise AssertionError(f"nothing happened at {place}")


def drag(ui, x, y):
    """Press the left button on a slider and pull it to the left, without letting go."""
    height = bpy.context.window_manager.windows[0].height
    left, top = int(ui.region.x + x), int(height - ui.region.y - ui.region.height + y)
    steps = [word for pulled in range(6, DRAG_PIXELS + 1, 6) for word in ("mousemove", str(left - pulled), str(top), "sleep", "0.1")]
    bpy.context.preferences.inputs.use_mouse_continuous = False         # else Blender puts the pointer back while it drags
    subprocess.Popen(["xdotool", "mousemove", str(left), str(top), "sleep", "0.6", "mousemove", str(left + 2), str(top + 1), "sleep", "0.5", "mousedown", "1", *steps])


def release():
    subprocess.Popen(["xdotool", "mouseup", "1"])


def opening():
    return bpy.data.objects[HEAD].data.shape_keys.key_blocks[CONTROL].value


def mapping():
    return bpy.context.scene.unitalker_mapping


def set_scene():
    """The test head with one key renamed, in front view."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.unitalker.add_test_head()
    head = bpy.context.view_layer.objects.active
    for obj in [head, *head.children_recursive]:
        keys = getattr(obj.data, "shape_keys", None)
        if keys is not None and "jawOpen" in keys.key_blocks:
            keys.key_blocks["jawOpen"].name = CONTROL
    head.active_shape_key_index = head.data.shape_keys.key_blocks.find(CONTROL)
    head.data.shape_keys.key_blocks[CONTROL].value = REST
    window = bpy.context.window_manager.windows[0]
    view = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    region = next(region for region in view.regions if region.type == 'WINDOW')
    with bpy.context.temp_override(window=window, area=view, region=region):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()
    bpy.ops.ed.undo_push(message="head")


uidriver.run(test, timeout=240)
