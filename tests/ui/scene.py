"""In a real window: strips become lines of the list, Generate All makes them, Esc stops it; a strip is dragged, trimmed
and cut with the mouse and its keys follow.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only scene`. Look at the screenshots.
"""

import bpy
import desk
import stage

SPEECH = str(stage.HOME / "sample.flac")
GENERATE_ALL = "unitalker.cast_generate"
HANDLE_PX = 4                           # from the end of a strip to the middle of its handle


def test(ui):
    editor = set_scene()
    yield 1.0
    yield from desk.tab(ui)
    with desk.over(editor):
        bpy.ops.sequencer.view_all()
    yield from desk.open_alone(ui, "UNITALKER_PT_cast")
    bpy.ops.unitalker.cast_add(what='ALL')
    assert [(row.strip, row.character.name) for row in cast().rows] == [("anna_1", "Anna"), ("ben_1", "Ben")]
    add_file("/root/ui/gone.wav")
    yield from desk.shot(ui, "1_rows")
    cast().active = -1                  # without a chosen line the button is in sight
    bpy.ops.ed.undo_push(message="rows")
    yield from generate_all(ui)
    yield from cancel(ui)
    yield from move_strip(ui, editor)
    yield from cut_strip(ui, editor)
    yield from trim_strip(ui, editor)


def generate_all(ui):
    """A true click: two lines are made, one says why not; one Ctrl+Z takes both back."""
    yield from desk.click(ui, GENERATE_ALL, lambda: stage.job() is not None or cast().result)
    yield lambda: stage.job() is None
    ui.log([(row.kind, row.result) for row in cast().rows], cast().result)
    assert [row.kind for row in cast().rows] == ['DONE', 'DONE', 'FAILED'], [
        (row.kind, row.result) for row in cast().rows
    ]
    bpy.context.scene.frame_set(stage.widest("Anna"))
    yield from desk.shot(ui, "2_generated")
    made = stage.keys("Anna"), stage.keys("Ben")
    yield from desk.press(ui, "ctrl+z", lambda: stage.keys("Anna") == stage.keys("Ben") == {})
    yield from desk.press(ui, "ctrl+shift+z", lambda: (stage.keys("Anna"), stage.keys("Ben")) == made)
    ui.log("one step of undo, and redo")


def cancel(ui):
    """Esc stops all lines, and nothing is written."""
    stage.write_long_speech(SPEECH)
    for row in cast().rows:
        row.use = False
    for _ in range(2):
        add_file(stage.LONG)
    cast().active = -1
    bpy.ops.ed.undo_push(message="long lines")
    before = stage.keys("Anna")
    yield from desk.click(ui, GENERATE_ALL, lambda: stage.job() is not None)
    yield lambda: stage.job().fraction > 0.1
    yield from desk.shot(ui, "3_progress")
    yield from desk.press(ui, "Escape", lambda: stage.job() is None)
    ui.log(cast().result)
    assert cast().result.startswith("Cancelled") and stage.keys("Anna") == before
    yield from desk.shot(ui, "4_cancelled")


def add_file(path):
    row = cast().add()
    row.source, row.audio, row.character = 'FILE', path, bpy.data.objects["Anna"]


def move_strip(ui, editor):
    """A strip is dragged with the mouse: its keys go along, those of the other one stay; Ctrl+Z takes back both."""
    before = {name: stage.keys(name) for name in ("Anna", "Ben")}
    select_only("ben_1")                # a drag takes all selected strips along
    start = strip("ben_1").left_handle
    yield from drag(editor, start + 40, "ben_1", 50)
    yield lambda: strip("ben_1").left_handle != start
    by = strip("ben_1").left_handle - start
    yield lambda: frames("Ben")[0] == start + by
    ui.log("moved by", by, frames("Ben"))
    yield from desk.shot(ui, "5_moved")
    assert values(stage.keys("Ben")) == values(before["Ben"])
    assert stage.keys("Anna") == before["Anna"]
    yield from desk.press(
        ui, "ctrl+z", lambda: strip("ben_1").left_handle == start and stage.keys("Ben") == before["Ben"]
    )
    yield from desk.press(ui, "ctrl+shift+z", lambda: frames("Ben")[0] == start + by)
    yield from desk.press(ui, "ctrl+z", lambda: stage.keys("Ben") == before["Ben"])
    ui.log("undo and redo take both along")


def cut_strip(ui, editor):
    """K cuts the strip at the playhead: the face says on what it said; the second piece is dragged away, and its keys
    with it."""
    before, last, frame = stage.keys("Anna"), frames("Anna")[1], 40
    bpy.context.scene.frame_set(frame)
    select_only("anna_1")
    desk.xdotool("mousemove", *desk.in_editor(editor, frame + 5, middle("anna_1")))
    yield 1.0
    ui.keys("k")
    yield lambda: len(bpy.context.scene.sequence_editor.strips_all) == 3
    yield 2.0
    assert stage.keys("Anna") == before
    name = next(one.name for one in bpy.context.scene.sequence_editor.strips_all if one.name not in ("anna_1", "ben_1"))
    start, end = strip(name).left_handle, strip(name).right_handle
    select_only(name)
    yield from drag(editor, (start + end) / 2, name, 100)
    yield lambda: strip(name).left_handle != start
    by = strip(name).left_handle - start
    yield lambda: frames("Anna")[1] == last + by
    yield from desk.shot(ui, "6_cut")
    ui.log("cut at", frame, "moved by", by, frames("Anna"))
    assert [frame for frame, _ in stage.jaw_keys("Anna") if start <= frame < start + by] == []


def trim_strip(ui, editor):
    """A handle is dragged inwards: keys outside go, and come back with the handle."""
    select_only("ben_1")
    before, jaw, end = stage.keys("Ben"), stage.jaw_keys("Ben"), strip("ben_1").right_handle
    inside = HANDLE_PX / desk.frame_px(editor)
    yield from drag(editor, end - inside, "ben_1", -30)
    yield lambda: strip("ben_1").right_handle < end
    yield lambda: frames("Ben")[1] == strip("ben_1").right_handle - 1
    trimmed = strip("ben_1").right_handle
    ui.log("trimmed", end, trimmed, frames("Ben"))
    yield from desk.shot(ui, "7_trimmed")
    assert stage.jaw_keys("Ben")[-1][1] == 0
    yield from drag(editor, trimmed - inside, "ben_1", 15)
    yield lambda: strip("ben_1").right_handle > trimmed and frames("Ben")[1] == strip("ben_1").right_handle - 1
    ui.log("made longer again", strip("ben_1").right_handle, frames("Ben"))
    middle_keys = [key for key in jaw if key[0] < frames("Ben")[1] - 4]
    assert stage.jaw_keys("Ben")[:len(middle_keys)] == middle_keys
    for _ in range(6):                  # choosing a handle is a step of undo too
        if strip("ben_1").right_handle != end:
            ui.keys("ctrl+z")
            yield 2.0
    assert strip("ben_1").right_handle == end
    yield lambda: stage.keys("Ben") == before
    ui.log("undone", frames("Ben"))


def strip(name):
    return bpy.context.scene.sequence_editor.strips_all[name]


def middle(name):
    """Height of a strip in the Sequencer, in channels."""
    return strip(name).channel + 0.5


def select_only(name):
    for one in bpy.context.scene.sequence_editor.strips_all:
        one.select = one.name == name
    bpy.context.scene.sequence_editor.active_strip = strip(name)


def drag(editor, frame, name, by):
    """Pull a strip from a frame by some frames."""
    yield from desk.pull(desk.in_editor(editor, frame, middle(name)), desk.in_editor(editor, frame + by, middle(name)))


def values(made):
    return {path: [key[1] for key in curve] for path, curve in made.items()}


def frames(name):
    """First and last frame of the keys."""
    found = stage.jaw_keys(name)
    return (found[0][0], found[-1][0]) if found else (None, None)


def cast():
    return bpy.context.scene.unitalker_cast


def set_scene():
    """Two heads side by side, two strips in a Sequencer below; the Sequencer's area."""
    stage.empty()
    for number, name in enumerate(("Anna", "Ben")):
        bpy.data.objects[stage.add_test_head(name)].location.x = 0.4 * number
    bpy.context.preferences.view.ui_scale = 0.8
    for obj in bpy.data.objects:
        obj.select_set(True)
    stage.look_at_front()
    for obj in bpy.data.objects:
        obj.select_set(False)
    editor = desk.split_below('SEQUENCE_EDITOR', 0.3)
    editor.spaces.active.view_type = 'SEQUENCER'
    if hasattr(desk.window().workspace, "sequencer_scene"):
        desk.window().workspace.sequencer_scene = bpy.context.scene
    strips = bpy.context.scene.sequence_editor_create().strips
    strips.new_sound("anna_1", SPEECH, 1, 1)
    strips.new_sound("ben_1", SPEECH, 2, 101)
    bpy.context.scene.frame_end = 300
    bpy.ops.ed.undo_push(message="scene")
    return editor


desk.run(test)
