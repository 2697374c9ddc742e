"""In a real window: strips become lines of the list, Generate All makes them, Esc stops it; a strip is dragged, trimmed and cut with the mouse and its keys follow.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them):
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/scene.py OUT dist/unitalker-*-py3.14-test.zip tests/data/sample.flac
"""

import importlib
import subprocess
import wave

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
SPEECH, LONG = "/root/ui/sample.flac", "/root/ui/long.wav"
REPEATS = 60                            # of the sample: long enough to see progress
HEADER_PX, TITLE = 22, (40, 12)         # height of a closed panel, and the first one's title
SEARCHED_PX = range(100, 176, 8)        # below the title of the panel Scene, the heights at which Generate All may stand: the list grows with the theme


def test(ui):
    editor = set_scene()
    yield 1.0
    for _ in range(2):                  # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    show_strips(editor)
    yield from open_panel(ui)
    bpy.ops.unitalker.cast_add(what='ALL')
    assert [(row.strip, row.character.name) for row in cast().rows] == [("anna_1", "Anna"), ("ben_1", "Ben")]
    add_file("gone.wav", "/root/ui/gone.wav")
    yield 1.0
    ui.shot("1_rows")
    yield 2.0
    cast().active = -1                  # without a chosen line the button stands right below the list
    bpy.ops.ed.undo_push(message="rows")
    yield from generate_all(ui)
    yield from cancel(ui)
    yield from move_strip(ui, editor)
    yield from cut_strip(ui, editor)
    yield from trim_strip(ui, editor)


def generate_all(ui):
    """A true click: two lines are made, one says why not; one Ctrl+Z takes both back."""
    yield from click_button(ui)
    yield lambda: job() is None
    yield 1.0
    ui.log([(row.kind, row.result) for row in cast().rows], cast().result)
    assert [row.kind for row in cast().rows] == ['DONE', 'DONE', 'FAILED'], [(row.kind, row.result) for row in cast().rows]
    bpy.context.scene.frame_set(widest("Anna"))
    yield 0.5
    ui.shot("2_generated")
    yield 2.0
    made = keys("Anna"), keys("Ben")
    ui.keys("ctrl+z")
    yield lambda: keys("Anna") == [] and keys("Ben") == []
    ui.keys("ctrl+shift+z")
    yield lambda: (keys("Anna"), keys("Ben")) == made
    ui.log("one step of undo, and redo")
    yield 1.0


def cancel(ui):
    """Esc stops all lines, and nothing is written."""
    write_long_speech()
    for row in cast().rows:
        row.use = False
    add_file("long", LONG)
    add_file("long again", LONG)
    cast().active = -1
    bpy.ops.ed.undo_push(message="long lines")
    before = keys("Anna")
    yield 1.0
    yield from click_button(ui)
    yield lambda: job() is not None and job().fraction > 0.1
    ui.shot("3_progress")
    yield 1.5
    ui.keys("Escape")
    yield lambda: job() is None
    yield 1.0
    ui.log(cast().result)
    assert cast().result.startswith("Cancelled") and keys("Anna") == before
    ui.shot("4_cancelled")
    yield 2.0


def click_button(ui):
    """Click on Generate All: where the list ends depends on the size of the interface, so look for it from there downwards."""
    made = cast().result
    for height in [CLICKED[0]] if CLICKED else SEARCHED_PX:
        ui.click_region(title()[0] + 60, title()[1] + height)
        for _ in range(12):
            yield 0.3
            if job() is not None or cast().result != made:
                CLICKED[:] = [height]
                ui.log("Generate All is", height, "pixels below the title")
                return
    raise AssertionError("no click reached Generate All")


CLICKED = []


def add_file(name, path):
    row = cast().add()
    row.source, row.audio, row.character = 'FILE', path, bpy.data.objects["Anna"]
    return row


def job():
    return importlib.import_module(f"{PACKAGE}.addon.job").Job.current


def widest(name):
    """The frame on which the jaw is widest open."""
    return int(max(keys(name), key=lambda key: key[1])[0])


def write_long_speech():
    import aud
    import numpy as np

    once = aud.Sound.file(SPEECH)
    rate_hz, _ = once.specs
    samples = np.tile(once.data().mean(1), REPEATS)
    with wave.open(LONG, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(rate_hz))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def move_strip(ui, editor):
    """A strip is dragged with the mouse: its keys go along, those of the other one stay; Ctrl+Z takes back both."""
    before = {name: keys(name) for name in ("Anna", "Ben")}
    select_only("ben_1")                # a drag takes all selected strips along
    start = strip("ben_1").left_handle
    yield from drag(editor, (start + 40, 2.5), 50)
    yield lambda: strip("ben_1").left_handle != start
    by = strip("ben_1").left_handle - start
    yield lambda: frames("Ben")[0] == start + by
    ui.log("moved by", by, frames("Ben"))
    yield 1.0
    ui.shot("5_moved")
    yield 2.0
    assert values("Ben") == [value for _, value in before["Ben"]]
    assert keys("Anna") == before["Anna"]
    ui.keys("ctrl+z")
    yield lambda: strip("ben_1").left_handle == start
    yield lambda: keys("Ben") == before["Ben"]
    ui.keys("ctrl+shift+z")
    yield lambda: frames("Ben")[0] == start + by
    ui.keys("ctrl+z")
    yield lambda: keys("Ben") == before["Ben"]
    ui.log("undo and redo take both along")
    yield 1.0


def trim_strip(ui, editor):
    """A handle is dragged inwards: keys outside go, and come back with the handle."""
    select_only("ben_1")
    before, end = keys("Ben"), strip("ben_1").right_handle
    yield from drag(editor, (end - handle_px(editor), 2.5), -30)
    yield lambda: strip("ben_1").right_handle < end
    yield lambda: frames("Ben")[1] == strip("ben_1").right_handle - 1
    ui.log("trimmed", end, strip("ben_1").right_handle, frames("Ben"))
    yield 1.0
    ui.shot("7_trimmed")
    yield 2.0
    assert keys("Ben")[-1][1] == 0
    trimmed = strip("ben_1").right_handle
    yield from drag(editor, (strip("ben_1").right_handle - handle_px(editor), 2.5), 15)
    yield lambda: strip("ben_1").right_handle > trimmed and frames("Ben")[1] == strip("ben_1").right_handle - 1
    ui.log("made longer again", strip("ben_1").right_handle, frames("Ben"))
    middle = [key for key in before if key[0] < frames("Ben")[1] - 4]
    assert keys("Ben")[:len(middle)] == middle
    for _ in range(6):                  # choosing a handle is a step of undo too
        if strip("ben_1").right_handle != end:
            ui.keys("ctrl+z")
            yield 2.0
    assert strip("ben_1").right_handle == end
    yield lambda: keys("Ben") == before
    ui.log("undone", frames("Ben"))
    yield 1.0


def cut_strip(ui, editor):
    """K cuts the strip at the playhead: the face says on what it said; the second piece is dragged away, and its keys with it."""
    before, frame = keys("Anna"), 40
    bpy.context.scene.frame_set(frame)
    select_only("anna_1")
    point(editor, (frame + 5, 1.5))
    yield 1.0
    ui.keys("k")
    yield lambda: len(bpy.context.scene.sequence_editor.strips_all) == 3
    yield 2.0
    assert keys("Anna") == before
    piece = next(one for one in bpy.context.scene.sequence_editor.strips_all if one.name not in ("anna_1", "ben_1"))
    name, start, end = piece.name, piece.left_handle, piece.right_handle
    select_only(name)
    yield from drag(editor, ((start + end) / 2, 1.5), 100)
    yield lambda: strip(name).left_handle != start
    by = strip(name).left_handle - start
    yield lambda: frames("Anna")[1] == before[-1][0] + by
    yield 1.0
    ui.shot("6_cut")
    yield 2.0
    ui.log("cut at", frame, "moved by", by, frames("Anna"))
    assert [frame for frame, _ in keys("Anna") if start <= frame < start + by] == []


def strip(name):
    return bpy.context.scene.sequence_editor.strips_all[name]


def select_only(name):
    for one in bpy.context.scene.sequence_editor.strips_all:
        one.select = one.name == name
    bpy.context.scene.sequence_editor.active_strip = strip(name)


def keys(name):
    """Frame and value of every key of jawOpen."""
    animation = bpy.data.objects[name].data.shape_keys.animation_data
    if animation is None or animation.action is None:
        return []
    bag = animation.action.layers[0].strips[0].channelbag(animation.action_slot)
    return [(round(point.co[0], 3), round(point.co[1], 5)) for point in bag.fcurves.find('key_blocks["jawOpen"].value').keyframe_points]


def values(name):
    return [value for _, value in keys(name)]


def frames(name):
    """First and last frame of the keys."""
    found = keys(name)
    return (found[0][0], found[-1][0]) if found else (None, None)


def point(editor, place):
    xdotool("mousemove", *pixel(editor, place))


def pixel(editor, place):
    """Screen position of a frame and a channel."""
    region = main_region(editor)
    x, y = region.view2d.view_to_region(*place, clip=False)
    return region.x + x, bpy.context.window_manager.windows[0].height - region.y - y


def handle_px(editor):
    """Frames from the end of a strip to the middle of its handle."""
    to_region = main_region(editor).view2d.view_to_region
    return 4 * 100 / (to_region(100, 0, clip=False)[0] - to_region(0, 0, clip=False)[0])


def drag(editor, place, by):
    """Press on a frame and channel, move by frames, release."""
    (x, y), (end, _) = pixel(editor, place), pixel(editor, (place[0] + by, place[1]))
    xdotool("mousemove", x, y)
    yield 1.0
    xdotool("mousedown", 1)
    yield 0.3
    for part in range(1, 9):
        xdotool("mousemove", round(x + (end - x) * part / 8), y)
        yield 0.2
    xdotool("mouseup", 1)
    yield 0.7


def cast():
    return bpy.context.scene.unitalker_cast


def set_scene():
    """Two heads side by side, two strips in a Sequencer below; the Sequencer's area."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    for number, name in enumerate(("Anna", "Ben")):
        bpy.ops.unitalker.add_test_head()
        bpy.context.view_layer.objects.active.name = name
        bpy.context.view_layer.objects.active.location.x = 0.4 * number
    bpy.context.preferences.view.ui_scale = 0.8
    window = bpy.context.window_manager.windows[0]
    view = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    for obj in bpy.data.objects:
        obj.select_set(True)
    with bpy.context.temp_override(window=window, area=view, region=main_region(view)):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()
        bpy.ops.screen.area_split(direction='HORIZONTAL', factor=0.3)
    for obj in bpy.data.objects:
        obj.select_set(False)
    editor = min((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.y)
    editor.ui_type = 'SEQUENCE_EDITOR'
    editor.spaces.active.view_type = 'SEQUENCER'
    editor.spaces.active.show_region_ui = False
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
    classes = importlib.import_module(f"{PACKAGE}.addon").CLASSES
    drawn = [panel for panel in classes if issubclass(panel, bpy.types.Panel) and getattr(panel, "bl_category", "") == "Lip Sync"
             and panel.bl_space_type == 'VIEW_3D' and not hasattr(panel, "bl_parent_id") and (not hasattr(panel, "poll") or panel.poll(bpy.context))]
    drawn.sort(key=lambda panel: getattr(panel, "bl_order", 0))         # of one number, the one that was registered first
    return TITLE[0], TITLE[1] + [panel.__name__ for panel in drawn].index("UNITALKER_PT_cast") * HEADER_PX


def xdotool(*words):
    subprocess.run(["xdotool", *map(str, words)], check=True)


uidriver.run(test, timeout=280)
