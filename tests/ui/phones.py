"""In a real window: phones are shown as markers; one is dragged, one renamed, one copied, one deleted with Blender's
own tools; the curves follow.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only phones`. Look at the screenshots.
"""

import bpy
import desk
import stage

SPEECH = str(stage.HOME / "sample.flac")
CURVES = ("jawOpen", "mouthClose", "mouthPressLeft")
VOWELS = {"AA", "AE", "AH", "EH", "IY", "ER", "OW", "IH", "UW", "AO"}
CONTACTS = {"P", "B", "M", "F", "V", "SIL"}
SHOW, HIDE, APPLY = "unitalker.phones_show", "unitalker.phones_hide", "unitalker.phones_apply"
AT_ONCE = "unitalker_phones.auto"
MARKER_PX = 17                          # of the markers, above the lower edge of the editor
LIPS_TOUCH = 0.06                       # opening below which they do


def test(ui):
    face = set_scene()
    editor = desk.split_below('FCURVES')
    stage.show_curves(face, editor, CURVES)
    bpy.ops.ed.undo_push(message="scene")
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.open_alone(ui, "UNITALKER_PT_phones")
    yield from desk.click(ui, SHOW, lambda: len(markers()) > 30)
    stage.show_curves(face, editor, CURVES)
    yield from desk.shot(ui, "1_shown")
    yield from drag_one(ui, face, editor)
    yield from rename_one(ui, face, editor)
    yield from copy_and_delete(ui, editor)
    yield from at_once(ui, face, editor)
    yield from desk.click(ui, HIDE, lambda: markers() == [], across=0.84)
    yield from desk.shot(ui, "8_hidden")
    watch = stage.module("phones.watch")
    yield lambda: not bpy.app.timers.is_registered(watch._tick)


def drag_one(ui, face, editor):
    """A marker is dragged with the mouse: its boundary moves, the curves near it change, those far off do not."""
    number = a_vowel(6, alone=False)
    before, name, frame = stage.keys(face), *markers()[number]
    yield from drag(editor, frame, 3)
    yield lambda: markers()[number][1] > frame
    yield from desk.shot(ui, "2_dragged")
    moved = markers()[number]
    assert stage.keys(face) == before, "nothing is solved before Apply"
    yield from desk.click(ui, APPLY, lambda: stage.keys(face) != before)
    yield from desk.shot(ui, "3_applied")
    ui.log("marker", name, frame, "to", moved, "changed frames", stage.changed(before, stage.keys(face)))
    assert stage.changed(before, stage.keys(face))[0] > frame - 14
    assert stage.changed(before, stage.keys(face))[-1] < frame + 18
    solved = stage.keys(face)
    ui.keys("ctrl+z")                       # the new keys
    yield lambda: stage.keys(face) == before
    assert markers()[number] == moved
    yield 1.0
    ui.keys("ctrl+z")                       # Blender's own step: the marker
    yield lambda: markers()[number] == (name, frame)
    yield 1.0
    for _ in range(2):
        ui.keys("ctrl+shift+z")
        yield 1.5
    assert stage.keys(face) == solved
    assert markers()[number] == moved


def rename_one(ui, face, editor):
    """A vowel's marker is called "m": the lips close there."""
    number = a_vowel(25, alone=False)
    before, (_, frame) = stage.keys(face), markers()[number]
    yield from pick(editor, frame)
    desk.xdotool("click", "--repeat", 2, "--delay", 90, 1)
    yield from desk.shot(ui, "4_rename")
    for key in ("ctrl+a", "m", "Return", "Return"):         # the second one is for the dialog round the field
        if markers()[number][0] != "m":
            ui.keys(key)
            yield 1.2
    ui.log("renamed", markers()[number])
    assert markers()[number] == ("m", frame)
    middle = round(frame + (take().rows[number].end_s - take().rows[number].start_s) * 12)
    open_before = opening(face, middle)
    yield from desk.click(ui, APPLY, lambda: stage.keys(face) != before)
    bpy.context.scene.frame_set(middle)
    yield from desk.shot(ui, "5_closed")
    ui.log("opening", open_before, "then", opening(face, middle), "row", take().rows[number].label)
    assert take().rows[number].label == "M"
    assert opening(face, middle) < LIPS_TOUCH < open_before


def copy_and_delete(ui, editor):
    """Shift D and X, with the pointer over the markers."""
    number = a_vowel(30, alone=False)
    name, frame = markers()[number]
    count = len(markers())
    yield from pick(editor, frame)
    ui.keys("shift+d")
    yield 1.0
    desk.xdotool("mousemove_relative", round(desk.frame_px(editor) * 1), 0)
    yield 1.0
    ui.keys("Return")
    yield lambda: len(markers()) == count + 1 == len(take().rows)
    yield from desk.shot(ui, "6_copied")
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
    yield from desk.click(ui, AT_ONCE, lambda: bpy.context.scene.unitalker_phones.auto)
    number = a_vowel(12)
    before, (name, frame) = stage.keys(face), markers()[number]
    yield from drag(editor, frame, 2)
    yield lambda: stage.keys(face) != before
    moved = markers()[number]
    assert moved[1] > frame
    ui.log("at once", name, frame, moved, stage.changed(before, stage.keys(face)))
    yield from desk.shot(ui, "7_at_once")
    ui.keys("ctrl+z")
    yield lambda: stage.keys(face) == before
    yield 3.0
    assert stage.keys(face) == before, "an undone edit was made again"
    assert markers()[number] == moved
    ui.keys("ctrl+z")
    yield lambda: markers()[number] == (name, frame)
    yield 2.0
    assert stage.keys(face) == before


def pick(editor, frame):
    """Click on a marker, and leave the pointer there."""
    yield from drag(editor, frame, 0)
    yield 1.0


def drag(editor, frame, by):
    """Pull a marker by some frames."""
    region = desk.main_region(editor)
    height = desk.window().height - region.y - MARKER_PX
    start, end = (desk.in_editor(editor, one, 0)[0] for one in (frame, frame + by))
    yield from desk.pull((start, height), (end, height))


def set_scene():
    """The test head with a take in front view; its name."""
    stage.empty()
    face, settings = stage.add_test_head(), stage.settings()
    bpy.context.preferences.view.ui_scale = 0.8
    settings.source, settings.audio, settings.use_blinks = 'FILE', SPEECH, False
    settings.character = bpy.data.objects[face]
    bpy.ops.unitalker.animate('EXEC_DEFAULT')
    bpy.context.scene.frame_end = stage.SAMPLE_FRAMES
    stage.look_at_front()
    return face


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


def opening(face, frame):
    """Of the lips on a frame, in jawOpen units."""
    curves = stage.channelbag(stage.shape_keys(face)).fcurves
    at = {name: curves.find(f'key_blocks["{name}"].value').evaluate(frame) for name in (
        "jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthUpperUpLeft", "mouthPressLeft", "mouthRollLower")}
    return at["jawOpen"] - at["mouthClose"] + 0.35 * (
        at["mouthLowerDownLeft"] + at["mouthUpperUpLeft"]
    ) - 0.15 * (at["mouthPressLeft"] + at["mouthRollLower"])


desk.run(test)
