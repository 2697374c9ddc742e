"""In a real window: phones are shown as markers; one is dragged, one renamed, one copied, one deleted with Blender's own tools; the curves follow.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them):
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/phones.py OUT dist/unitalker-*-py3.14-test.zip tests/data/sample.flac
"""

import importlib
import itertools
import subprocess

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
SPEECH = "/root/ui/sample.flac"
CURVES = ("jawOpen", "mouthClose", "mouthPressLeft")
VOWELS = {"AA", "AE", "AH", "EH", "IY", "ER", "OW", "IH", "UW", "AO"}
CONTACTS = {"P", "B", "M", "F", "V", "SIL"}
HEADER_PX, TITLE = 22, (40, 12)         # height of a closed panel, and the first one's title
# Pixels from the title of the panel Phones
SHOW, HIDE = (60, 24), (152, 24)
APPLY, AT_ONCE = (65, 258), (-21, 280)
MARKER_PX = 17                          # of the markers, above the lower edge of the editor


def test(ui):
    face = set_scene()
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    editor = graph_editor(face)
    yield 1.0
    ui.sidebar("Lip Sync")
    yield 1.0
    show_curves(editor)
    yield from open_panel(ui)
    yield from click(ui, SHOW, lambda: len(markers()) > 30)
    show_curves(editor)
    yield 1.0
    ui.shot("1_shown")
    yield 2.0
    yield from drag_one(ui, face, editor)
    yield from rename_one(ui, face, editor)
    yield from copy_and_delete(ui, editor)
    yield from at_once(ui, face, editor)
    yield from click(ui, HIDE, lambda: markers() == [])
    yield 1.5
    ui.shot("8_hidden")
    yield 2.0
    watch = importlib.import_module(f"{PACKAGE}.addon.phones.watch")
    yield lambda: not bpy.app.timers.is_registered(watch._tick)


def drag_one(ui, face, editor):
    """A marker is dragged with the mouse: its boundary moves, the curves near it change, those far off do not."""
    number = a_vowel(6, alone=False)
    before, name, frame = keys(face), *markers()[number]
    yield from drag(editor, frame, 3)
    yield lambda: markers()[number][1] > frame
    yield 1.0
    ui.shot("2_dragged")
    yield 2.0
    moved = markers()[number]
    assert keys(face) == before, "nothing is solved before Apply"
    yield from click(ui, APPLY, lambda: keys(face) != before)
    yield 1.0
    ui.shot("3_applied")
    yield 2.0
    ui.log("marker", name, frame, "to", moved, "changed frames", changed(before, keys(face)))
    assert changed(before, keys(face))[0] > frame - 14
    assert changed(before, keys(face))[-1] < frame + 18
    solved = keys(face)
    ui.keys("ctrl+z")                       # the new keys
    yield lambda: keys(face) == before
    assert markers()[number] == moved
    yield 1.0
    ui.keys("ctrl+z")                       # Blender's own step: the marker
    yield lambda: markers()[number] == (name, frame)
    yield 1.0
    for _ in range(2):
        ui.keys("ctrl+shift+z")
        yield 1.5
    assert keys(face) == solved
    assert markers()[number] == moved


def rename_one(ui, face, editor):
    """A vowel's marker is called "m": the lips close there."""
    number = a_vowel(25, alone=False)
    before, (_, frame) = keys(face), markers()[number]
    yield from pick(editor, frame)
    xdotool("click", "--repeat", 2, "--delay", 90, 1)
    yield 1.5
    ui.shot("4_rename")
    yield 1.5
    for key in ("ctrl+a", "m", "Return", "Return"):         # the second one is for the dialog round the field
        if markers()[number][0] != "m":
            ui.keys(key)
            yield 1.2
    ui.log("renamed", markers()[number])
    assert markers()[number] == ("m", frame)
    middle = round(frame + (take().rows[number].end_s - take().rows[number].start_s) * 12)
    open_before = opening(face, middle)
    yield from click(ui, APPLY, lambda: keys(face) != before)
    bpy.context.scene.frame_set(middle)
    yield 1.0
    ui.shot("5_closed")
    yield 2.0
    ui.log("opening", open_before, "then", opening(face, middle), "row", take().rows[number].label)
    assert take().rows[number].label == "M"
    assert opening(face, middle) < 0.06 < open_before


def copy_and_delete(ui, editor):
    """Shift D and X, with the pointer over the markers."""
    number = a_vowel(30, alone=False)
    name, frame = markers()[number]
    count = len(markers())
    yield from pick(editor, frame)
    ui.keys("shift+d")
    yield 1.0
    xdotool("mousemove_relative", round(frame_px(editor) * 1), 0)
    yield 1.0
    ui.keys("Return")
    yield lambda: len(markers()) == count + 1 == len(take().rows)
    ui.shot("6_copied")
    yield 2.0
    assert [row.label for row in take().rows].count(take().rows[number].label) >= 2
    ui.keys("x")
    yield 1.0
    if len(markers()) == count + 1:         # asks first
        ui.keys("Return")
    yield lambda: len(markers()) == count
    yield lambda: len(take().rows) == count
    ui.log("copied and deleted", name, frame)


def at_once(ui, face, editor):
    """With Apply at Once the keys follow the drag, and stay undone once they are undone."""
    yield from click(ui, AT_ONCE, lambda: bpy.context.scene.unitalker_phones.auto)
    number = a_vowel(12)
    before, (name, frame) = keys(face), markers()[number]
    yield from drag(editor, frame, 2)
    yield lambda: keys(face) != before
    moved = markers()[number]
    assert moved[1] > frame
    ui.log("at once", name, frame, moved, changed(before, keys(face)))
    ui.shot("7_at_once")
    yield 2.0
    ui.keys("ctrl+z")
    yield lambda: keys(face) == before
    yield 3.0
    assert keys(face) == before, "an undone edit was made again"
    assert markers()[number] == moved
    ui.keys("ctrl+z")
    yield lambda: markers()[number] == (name, frame)
    yield 2.0
    assert keys(face) == before


def pick(editor, frame):
    """Click on a marker, and leave the pointer there."""
    yield from drag(editor, frame, 0)
    yield 1.0


def open_panel(ui):
    """All panels of the tab are closed but ours."""
    xdotool("keydown", "ctrl")
    ui.click_region(*TITLE)
    yield 3.0
    xdotool("keyup", "ctrl")
    yield 0.5
    ui.click_region(*TITLE)
    yield 3.0
    ui.click_region(*phones_title())
    yield 3.0


def phones_title():
    """Where the title of the panel Phones stands while all are closed."""
    def subclasses(cls):
        return itertools.chain.from_iterable([one, *subclasses(one)] for one in cls.__subclasses__())

    drawn = [panel for panel in subclasses(bpy.types.Panel) if getattr(panel, "bl_category", "") == "Lip Sync" and panel.bl_space_type == 'VIEW_3D'
             and not hasattr(panel, "bl_parent_id") and panel.is_registered and (not hasattr(panel, "poll") or panel.poll(bpy.context))]
    drawn.sort(key=lambda panel: getattr(panel, "bl_order", 0))
    number = [panel.__name__ for panel in drawn].index("UNITALKER_PT_phones")
    return TITLE[0], TITLE[1] + number * HEADER_PX


def click(ui, place, until):
    """A click in the panel Phones; some come while Blender is still at the last one."""
    x, y = phones_title()
    for _ in range(4):
        ui.click_region(x + place[0], y + place[1])
        for _ in range(15):
            if until():
                return
            yield 0.3
    raise AssertionError(f"a click at {place} did nothing")


def drag(editor, frame, by):
    """Press on a marker, move by frames, release."""
    region = main_region(editor)
    height = bpy.context.window_manager.windows[0].height
    x = region.x + region.view2d.view_to_region(frame, 0, clip=False)[0]
    step, y = by * frame_px(editor), height - region.y - MARKER_PX
    xdotool("mousemove", x, y)
    yield 1.0
    xdotool("mousedown", 1)
    yield 0.3
    for part in range(1, 6) if by else ():
        xdotool("mousemove", round(x + step * part / 5), y)
        yield 0.2
    xdotool("mouseup", 1)
    yield 0.5


def main_region(editor):
    return next(region for region in editor.regions if region.type == 'WINDOW')


def frame_px(editor):
    """Width of a frame in pixels."""
    to_region = main_region(editor).view2d.view_to_region
    return (to_region(100, 0, clip=False)[0] - to_region(0, 0, clip=False)[0]) / 100


def xdotool(*words):
    subprocess.run(["xdotool", *map(str, words)], check=True)


def set_scene():
    """The test head with a take in front view; its name."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.unitalker.add_test_head()
    bpy.context.preferences.view.ui_scale = 0.8
    face, settings = bpy.context.view_layer.objects.active.name, bpy.context.scene.unitalker
    settings.source, settings.audio, settings.use_blinks = 'FILE', SPEECH, False
    settings.character = bpy.data.objects[face]
    bpy.ops.unitalker.animate('EXEC_DEFAULT')
    bpy.context.scene.frame_end = 116
    window = bpy.context.window_manager.windows[0]
    view = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    with bpy.context.temp_override(window=window, area=view, region=next(region for region in view.regions if region.type == 'WINDOW')):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()
        bpy.ops.screen.area_split(direction='HORIZONTAL', factor=0.35)
    bpy.ops.ed.undo_push(message="scene")
    return face


def graph_editor(face):
    """A Graph Editor below the 3D view, with the curves that show contacts."""
    window = bpy.context.window_manager.windows[0]
    area = min((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.y)
    area.ui_type = 'FCURVES'
    area.spaces[0].show_region_ui = False
    for curve in bag(face).fcurves:
        curve.hide = curve.data_path.split('"')[1] not in CURVES
        curve.select = not curve.hide
    return area


def show_curves(editor):
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=editor, region=main_region(editor)):
        bpy.ops.graph.view_all()


def markers():
    return [(marker.name, marker.frame) for marker in bpy.context.scene.timeline_markers]


def take():
    return bpy.context.scene.unitalker_phones.takes[0]


def a_vowel(after, alone=True):
    """Number of the next long vowel, alone: without a contact beside it."""
    rows = list(take().rows)
    found = [i for i in range(1, len(rows) - 1) if rows[i].label in VOWELS and rows[i].end_s - rows[i].start_s > 0.1
             and not (alone and {rows[i - 1].label, rows[i + 1].label} & CONTACTS)]
    return next((i for i in found if i >= after), found[0])


def bag(face):
    """What holds the curves of the face."""
    animation = bpy.data.objects[face].data.shape_keys.animation_data
    return animation.action.layers[0].strips[0].channelbag(animation.action_slot)


def keys(face):
    """Keys of all curves of the face: path -> ((frame, value), ...)."""
    return {curve.data_path: tuple((key.co[0], key.co[1]) for key in curve.keyframe_points) for curve in bag(face).fcurves}


def opening(face, frame):
    """Of the lips on a frame, in jawOpen units."""
    at = {name: bag(face).fcurves.find(f'key_blocks["{name}"].value').evaluate(frame) for name in (
        "jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthUpperUpLeft", "mouthPressLeft", "mouthRollLower")}
    return at["jawOpen"] - at["mouthClose"] + 0.35 * (at["mouthLowerDownLeft"] + at["mouthUpperUpLeft"]) - 0.15 * (at["mouthPressLeft"] + at["mouthRollLower"])


def changed(before, after):
    """Frames on which any curve has another key."""
    return sorted({frame for path in before for old, new in zip(before[path], after[path], strict=True) for frame in (old[0],) if old != new})


uidriver.run(test, timeout=280)
