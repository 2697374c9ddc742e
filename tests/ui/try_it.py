"""In a real window: Try It by a true click, playing, undo; Live while a slider is dragged; a file dropped on the face;
Esc.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only try_it`. Look at the screenshots.
"""

import subprocess

import bpy
import desk
import stage
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Vector

FACE, SPEECH = "LipSync Head", str(stage.HOME / "jfk_1961.flac")
DROP_FRAME = 150
MOUTH = Vector((0.0, 0.0, 0.15))        # of the test head, in metres
PULL_PX = 60
DETAILS_PX = 79                         # from the middle of Generate to that of Details
BUTTON, STRENGTH, IDENTITY = "unitalker.animate", "unitalker.strength", "unitalker.identity_pick"


def test(ui):
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.shot(ui, "1_first_run")
    yield from try_it(ui)
    yield from show_channels(ui)
    yield from undo(ui)
    yield from live(ui)
    yield from drop_file(ui)
    yield from escape(ui)


def try_it(ui):
    """Head, strip and keys by one click; the mouth follows the sound."""
    yield from desk.click(ui, "unitalker.try_it", lambda: stage.jaw_keys(FACE) is not None)
    yield from desk.shot(ui, "2_tried")
    ui.log(stage.settings().result, [operator.name for operator in bpy.context.window_manager.operators])
    assert len(stage.jaw_keys(FACE)) == stage.SAMPLE_FRAMES and stage.settings().strip == "sample"
    bpy.context.scene.frame_set(stage.widest(FACE))
    yield from desk.shot(ui, "3_mouth_open")
    bpy.context.scene.frame_set(1)


def show_channels(ui):
    """The line in Details opens the list of channels."""
    drawn = watch(stage.module("ui.generate").UNITALKER_PT_channels)
    _, y = yield from desk.find(ui, BUTTON)
    for _ in range(desk.ATTEMPTS):
        for below in DETAILS_PX, DETAILS_PX + desk.INNER_PX:
            if not drawn:
                ui.click_region(0.4 * ui.region.width, y + below)
                yield 2.0
                yield from desk.drawn()
    assert drawn, "no click opened the list of channels"
    yield from desk.shot(ui, "4_channels")
    ui.keys("Escape")
    yield 1.0


def undo(ui):
    """One undo and all is as before."""
    yield from desk.press(ui, "ctrl+z", lambda: FACE not in bpy.data.objects)
    yield from desk.shot(ui, "5_undone")
    assert sorted(bpy.data.objects.keys()) == ["Camera", "Cube", "Light"]
    assert not [action for action in bpy.data.actions if action.users]
    assert not stage.settings().strip and stage.settings().character is None
    yield from desk.press(ui, "ctrl+shift+z", lambda: stage.jaw_keys(FACE) is not None)
    yield 1.0


def live(ui):
    """With Live on, the keys follow the identity that is picked and the slider; one undo for each puts them back."""
    yield from desk.open_alone(ui, "UNITALKER_PT_style")
    yield from desk.click(ui, "unitalker.live", lambda: stage.settings().live, across=0.45)
    neutral = stage.jaw_keys(FACE)
    for _ in range(desk.ATTEMPTS):
        place = yield from desk.find(ui, IDENTITY, across=0.6)
        ui.click_region(*place)
        yield from desk.shot(ui, "6_identities")
        ui.keys("w")            # Wide
        if (yield from desk.wait(lambda: stage.settings().identity == "wide")):
            break
        ui.keys("Escape")       # a busy computer did not open the list
        yield 1.0
    yield 1.0
    wide = stage.jaw_keys(FACE)
    assert len(wide) == len(neutral) and wide != neutral, "the curves did not follow the identity"
    yield from desk.pull_slider(ui, STRENGTH, PULL_PX, lambda: stage.settings().strength > 1.3)
    yield from desk.shot(ui, "7_live")
    ui.log("strength", stage.settings().strength, "peak", peak(wide), "->", peak(stage.jaw_keys(FACE)))
    assert (
        len(stage.jaw_keys(FACE)) == len(wide) and stage.jaw_keys(FACE) != wide
    ), "the curves did not follow the slider"
    desk.release()
    yield 2.0
    yield from desk.press(ui, "ctrl+z", lambda: abs(stage.settings().strength - 1.0) < 1e-6)
    yield 0.5
    assert stage.jaw_keys(FACE) == wide, "one undo did not bring the curves back"
    yield from desk.press(ui, "ctrl+z", lambda: stage.settings().identity == "pivot")
    yield 0.5
    assert stage.jaw_keys(FACE) == neutral, "the next undo did not bring the neutral curves back"
    stage.settings().live = False


def drop_file(ui):
    """A sound file is let go over the face, as from a file manager."""
    bpy.context.scene.frame_set(DROP_FRAME)
    yield 1.0
    dropped = subprocess.Popen(
        ["python3", str(stage.HOME / "xdnd.py"), SPEECH, *map(str, on_face())], stderr=subprocess.PIPE, text=True
    )
    yield lambda: dropped.poll() is not None
    assert dropped.returncode == 0, dropped.stderr.read()
    yield lambda: len(stage.jaw_keys(FACE)) == stage.SAMPLE_FRAMES + stage.SPEECH_FRAMES
    yield 2.0
    ui.log(stage.settings().result)
    settings = stage.settings()
    strip = bpy.context.scene.sequence_editor.strips_all[settings.strip]
    assert (settings.source, strip.sound.filepath, strip.left_handle) == ('STRIP', SPEECH, DROP_FRAME)
    yield from desk.shot(ui, "8_dropped")


def escape(ui):
    """A long sound is stopped by Esc: nothing is written."""
    stage.write_long_speech(SPEECH)
    settings = stage.settings()
    settings.source, settings.audio, settings.start_frame = 'FILE', stage.LONG, 1000
    yield from desk.open_alone(ui, "UNITALKER_PT_generate")
    before = stage.jaw_keys(FACE)
    yield from desk.click(ui, BUTTON, lambda: stage.job() is not None)
    yield lambda: stage.job().fraction > 0.15
    yield from desk.shot(ui, "9_progress")
    yield from desk.press(ui, "Escape", lambda: stage.job() is None)
    ui.log(stage.settings().result)
    assert stage.settings().result.startswith("Cancelled") and stage.jaw_keys(FACE) == before
    yield from desk.shot(ui, "10_cancelled")


def peak(keys):
    return max(value for _, value in keys)


def on_face():
    """Where the mouth is on the screen."""
    area = desk.largest()
    region = desk.main_region(area)
    place = location_3d_to_region_2d(region, area.spaces[0].region_3d, bpy.data.objects[FACE].matrix_world @ MOUTH)
    return int(region.x + place.x), int(desk.window().height - region.y - place.y)


def watch(panel):
    """A list that fills when the panel is drawn."""
    drawn, draw = [], panel.draw

    def watched(panel, context):
        drawn.append(True)
        draw(panel, context)

    panel.draw = watched
    return drawn


desk.run(test)
