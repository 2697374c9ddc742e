"""In a real window: a true click on the button, progress, keys, Ctrl+Z; being asked about a slider; Esc and the Cancel
button; the transcript.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only generate`. Look at the screenshots.
"""

import bpy
import desk
import stage

SPEECH = str(stage.HOME / "jfk_1961.flac")
BUTTON = "unitalker.animate"
SLIDER_END = 0.25               # of jawOpen, for being asked


def test(ui):
    stage.empty()
    face = stage.add_test_head()
    stage.look_at_front()
    bpy.ops.ed.undo_push(message="head")
    yield from desk.tab(ui)
    yield from desk.shot(ui, "1_before_sound")
    bpy.context.scene.sequence_editor_create().strips.new_sound("line", SPEECH, 1, 1)
    bpy.ops.ed.undo_push(message="strip")
    desk.largest().tag_redraw()
    yield from generate(ui, face)
    yield from show_curves(ui)
    yield from undo(ui, face)
    yield from ask(ui, face)
    stage.write_long_speech(SPEECH)
    settings = stage.settings()
    settings.source, settings.audio = 'FILE', stage.LONG
    settings.start_frame = 1000
    bpy.ops.ed.undo_push(message="long sound")
    yield from cancel(ui, face, "Escape")
    yield from cancel(ui, face, "button")
    yield from write_transcript(ui)


def generate(ui, face):
    yield from desk.click(ui, BUTTON, lambda: stage.keys(face) != {})
    yield lambda: stage.job() is None
    ui.log(stage.settings().result)
    made = stage.keys(face)
    assert {len(curve) for curve in made.values()} == {stage.SPEECH_FRAMES}
    assert len(made) == 52
    bpy.context.scene.frame_set(stage.widest(face))
    yield from desk.shot(ui, "2_generated")


def show_curves(ui):
    """The curves of the face in a Graph Editor in place of the 3D view."""
    view = desk.largest()
    view.ui_type = 'FCURVES'
    yield 1.0
    with desk.over(view):
        bpy.ops.graph.view_all()
    yield from desk.shot(ui, "3_graph_editor")
    view.ui_type = 'VIEW_3D'
    yield 1.0
    yield from desk.tab(ui)


def undo(ui, face):
    made = stage.keys(face)
    yield from desk.press(ui, "ctrl+z", lambda: stage.keys(face) == {})
    yield from desk.shot(ui, "4_undone")
    assert not [action for action in bpy.data.actions if action.users], "an Action is left after undo"
    yield from desk.press(ui, "ctrl+shift+z", lambda: stage.keys(face) == made)


def ask(ui, face):
    """Where the motion goes beyond a slider and the user wants to be asked, nothing is written before the answer."""
    before, jaw = stage.keys(face), stage.shape_keys(face).key_blocks["jawOpen"]
    jaw.slider_max, stage.settings().sliders = SLIDER_END, 'ASK'
    bpy.ops.ed.undo_push(message="short slider")
    yield from desk.click(ui, BUTTON, lambda: stage.settings().result_failed)
    yield from desk.shot(ui, "5_asks")
    assert stage.keys(face) == before
    ui.keys("c")                # Clip the Values
    yield lambda: not stage.settings().result_failed and stage.job() is None
    ui.log(stage.settings().result, stage.settings().result_details)
    assert max(value for _, value in stage.jaw_keys(face)) == SLIDER_END
    yield from desk.shot(ui, "6_clipped")
    stage.shape_keys(face).key_blocks["jawOpen"].slider_max, stage.settings().sliders = 1.0, 'RAISE'


def cancel(ui, face, way):
    """A long sound is stopped: nothing is written."""
    before = stage.keys(face)
    yield from desk.click(ui, BUTTON, lambda: stage.job() is not None)
    yield lambda: stage.job().fraction > 0.1
    yield from desk.shot(ui, f"7_progress_{way}")
    if way == "Escape":
        yield from desk.press(ui, "Escape", lambda: stage.job() is None)
    else:
        yield from desk.click(ui, "unitalker.cancel", lambda: stage.job() is None, across=0.82)
    ui.log(way, stage.settings().result)
    assert stage.settings().result.startswith("Cancelled"), stage.settings().result
    assert stage.keys(face) == before
    yield from desk.shot(ui, f"8_cancelled_{way}")


def write_transcript(ui):
    """The box under Audio is opened, and a line is typed."""
    x, y = yield from desk.find(ui, "unitalker.audio_channel", across=0.6)
    ui.click_region(x / 2, y + desk.HEADER_PX)
    yield 3.0
    place = yield from desk.find(ui, "unitalker.transcript")
    ui.click_region(*place)
    yield 2.0
    yield from desk.write(ui, "and so my fellow")
    ui.keys("Return")
    yield lambda: stage.settings().transcript == "and so my fellow"
    yield from desk.shot(ui, "9_transcript")


desk.run(test)
