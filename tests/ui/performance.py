"""In a real window: Intensity and mood by true clicks under Live, undo of each in one step, and a mood that is keyed
over 60 frames and played.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only performance`. Look at the screenshots.
"""

import bpy
import desk
import stage

SPEECH = str(stage.HOME / "sample.flac")
JAW, BROW, SMILE = (f'key_blocks["{name}"].value' for name in ("jawOpen", "browDownLeft", "mouthSmileLeft"))
PULL_PX = 60
HAPPY_PX = 37                   # from the field of the moods, whose list drops below it, to the second item
FIRST, LAST, MIDDLE = 10, 70, 40        # of the mood that is keyed


def test(ui):
    stage.empty()
    face = stage.add_test_head()
    stage.settings().source, stage.settings().audio = 'FILE', SPEECH
    bpy.context.scene.frame_end = stage.SAMPLE_FRAMES
    bpy.context.preferences.view.ui_scale = 0.8
    stage.look_at_front()
    bpy.ops.ed.undo_push(message="scene")
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.click(ui, "unitalker.animate", lambda: stage.keys(face) != {})
    yield lambda: stage.job() is None
    bpy.context.scene.frame_set(stage.widest(face))
    yield from desk.open_alone(ui, "UNITALKER_PT_style")
    yield from desk.click(ui, "unitalker.live", lambda: stage.settings().live, across=0.45)
    yield from desk.shot(ui, "1_live")
    yield from pull_intensity(ui, face)
    yield from choose_mood(ui, face)
    yield from key_mood(ui, face)


def pull_intensity(ui, face):
    """The picture follows while the slider is dragged; one Ctrl+Z takes keys and slider back."""
    before, opened = stage.keys(face), most(face, JAW)
    yield from desk.pull_slider(ui, "unitalker.intensity", PULL_PX, lambda: stage.settings().intensity > 1.2)
    yield lambda: most(face, JAW) > 1.1 * opened
    yield from desk.shot(ui, "2_intensity")
    desk.release()
    yield 2.0
    ui.log("intensity", stage.settings().intensity, "jaw", opened, "->", most(face, JAW))
    yield from desk.press(ui, "ctrl+z", lambda: stage.keys(face) == before)
    assert stage.settings().intensity == 1.0, stage.settings().intensity


def choose_mood(ui, face):
    """Happy from the menu: the mouth's corners rise at once; one Ctrl+Z takes both back."""
    before = stage.keys(face)
    x, y = desk.on_screen(ui, *(yield from desk.find(ui, "unitalker.mood_pick", across=0.7)))
    ui.click(x, y)
    yield from desk.shot(ui, "3_moods")
    ui.click(x, y + HAPPY_PX)
    yield lambda: stage.settings().mood == "happy"
    yield lambda: most(face, SMILE) > 0.2
    yield from desk.shot(ui, "3_happy")
    ui.log("mood", stage.settings().mood, "smile", most(face, SMILE))
    yield from desk.press(ui, "ctrl+z", lambda: stage.keys(face) == before)
    assert stage.settings().mood == "", stage.settings().mood
    yield from desk.shot(ui, "4_undone")


def key_mood(ui, face):
    """Angry keyed over 60 frames shows there, and nowhere else, and plays."""
    stage.settings().character = bpy.data.objects[face]
    bpy.ops.unitalker.mood_on_frames(mood="angry", first=FIRST, last=LAST)
    bpy.ops.ed.undo_push(message="keyed mood")
    yield from desk.open_alone(ui, "UNITALKER_PT_generate")
    before = stage.keys(face)
    yield from desk.click(ui, "unitalker.animate", lambda: stage.keys(face) != before)
    yield lambda: stage.job() is None
    brow = {frame: value for frame, value, *_ in stage.keys(face)[BROW]}
    ui.log("brow", {frame: round(brow[frame], 2) for frame in (FIRST, 20, MIDDLE, 60, LAST)})
    assert brow[MIDDLE] > 0.7 and max(brow[FIRST - 2], brow[LAST + 2]) < 0.05
    for frame in (FIRST, MIDDLE, LAST + 2):
        bpy.context.scene.frame_set(frame)
        yield from desk.shot(ui, f"5_frame_{frame}")
    playback = stage.module("preview.playback")
    desk.largest().spaces.active.shading.type = 'WIREFRAME'     # without a graphics card a solid head takes a second
    yield from desk.click(ui, "unitalker.preview", playback.is_playing)
    shown = {}
    while playback.is_playing() and bpy.context.scene.frame_current < MIDDLE:
        yield 0.5
        brow_now = stage.shape_keys(face).key_blocks["browDownLeft"].value
        shown[bpy.context.scene.frame_current] = round(brow_now, 2)
    ui.log("played", shown)
    ui.keys("Escape")
    yield lambda: not playback.is_playing()
    assert len(shown) > 3 and max(shown.values()) > 0.7, shown


def most(face, path):
    return max(value for _, value, *_ in stage.keys(face)[path])


desk.run(test)
