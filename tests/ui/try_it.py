"""In a real window: Try It by a true click, playing, undo; Live while a slider is dragged; a file dropped on the face; Esc.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them):
    python3 build.py package --platform linux-x64 --python 3.14
    UI_TIMEOUT=520 bash ../shared/tools/blender_ui/run.sh tests/ui/try_it.py OUT dist/unitalker-*-py3.14-test.zip ../shared/data/speech/jfk_1961.flac tests/ui/xdnd.py
"""

import importlib
import subprocess
import wave

import bpy
import uidriver
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Vector

PACKAGE = "bl_ext.user_default.unitalker"
SPEECH, LONG = "/root/ui/jfk_1961.flac", "/root/ui/long.wav"
REPEATS = 60                    # of 11 seconds: long enough to see progress
SAMPLE_FRAMES, SPEECH_FRAMES = 116, 264         # at 24 frames per second
DROP_FRAME = 150
# Pixels from the sidebar's top left corner, with the panels as they are when they are first opened
TRY_IT = (145, 104)
IDENTITY, STRENGTH, LIVE, CHANNELS = (174, 367), (184, 414), (124, 466), (134, 726)
GENERATE, DRAG_PIXELS = (134, 643), 60          # below the one more row that a file has


def test(ui):
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    ui.shot("1_first_run")
    yield 2.0
    yield from try_it(ui)
    yield from drag_with_live(ui)
    yield from drop_file(ui)
    yield from escape(ui)


def try_it(ui):
    """Head, strip and keys by one click; the mouth follows the sound; one undo and all is as before."""
    before = set(bpy.data.objects.keys())
    yield from click(ui, TRY_IT, lambda: jaw_keys() is not None)
    yield 1.5
    ui.shot("2_tried")
    yield 2.0
    ui.log(settings().result, [operator.name for operator in bpy.context.window_manager.operators])
    assert len(jaw_keys()) == SAMPLE_FRAMES and settings().strip == "sample"
    opened = max(jaw_keys(), key=lambda key: key[1])
    bpy.context.scene.frame_set(int(opened[0]))
    yield 1.0
    ui.shot("3_mouth_open")
    yield 2.0
    bpy.context.scene.frame_set(1)
    yield 0.5
    opened = watch_list()
    yield from click(ui, CHANNELS, lambda: opened)
    yield 1.0
    ui.shot("4_channels")
    yield 2.0
    ui.keys("Escape")
    yield 1.0
    yield from press(ui, "ctrl+z", lambda: set(bpy.data.objects.keys()) == before)
    yield 1.0
    ui.shot("5_undone")
    yield 2.0
    assert not [action for action in bpy.data.actions if action.users] and not settings().strip and settings().character is None
    yield from press(ui, "ctrl+shift+z", lambda: jaw_keys() is not None)
    yield 1.0


def drag_with_live(ui):
    """With Live on, the keys follow the identity that is picked and the slider; one undo for each puts them back."""
    yield from click(ui, LIVE, lambda: settings().live)
    neutral = jaw_keys()
    for _ in range(4):
        ui.click_region(*IDENTITY)
        yield 4.0
        ui.shot("6_identities")
        yield 2.0
        ui.keys("w")            # Wide
        for _ in range(15):
            yield 0.4
            if settings().identity == "wide":
                break
        if settings().identity == "wide":
            break
        ui.keys("Escape")       # a busy computer did not open the list
        yield 1.0
    yield 1.0
    first = jaw_keys()
    assert len(first) == len(neutral) and first != neutral, "the curves did not follow the identity"
    for _ in range(4):
        drag(ui, *STRENGTH)
        for _ in range(30):
            yield 0.4
            if settings().strength > 1.3:
                break
        if settings().strength > 1.3:
            break
        subprocess.Popen(["xdotool", "mouseup", "1"])       # a busy computer saw the press too late, and now takes it for a click into the field
        yield 1.0
        ui.keys("Escape")
        yield 2.0
    yield 1.5
    ui.log("strength", settings().strength, "peak", max(value for _, value in first), "->", max(value for _, value in jaw_keys()))
    assert len(jaw_keys()) == len(first) and jaw_keys() != first, "the curves did not follow"
    ui.shot("7_live")
    yield 2.5
    subprocess.Popen(["xdotool", "mouseup", "1"])
    yield 2.0
    yield from press(ui, "ctrl+z", lambda: abs(settings().strength - 1.0) < 1e-6)
    yield 0.5
    assert jaw_keys() == first, "one undo did not bring the curves back"
    yield from press(ui, "ctrl+z", lambda: settings().identity == "pivot")
    yield 0.5
    assert jaw_keys() == neutral, "the next undo did not bring the neutral curves back"
    settings().live = False


def drop_file(ui):
    """A sound file is let go over the face, as from a file manager."""
    bpy.context.scene.frame_set(DROP_FRAME)
    yield 1.0
    x, y = on_face()
    dropped = subprocess.Popen(["python3", "/root/ui/xdnd.py", SPEECH, str(x), str(y)], stderr=subprocess.PIPE, text=True)
    yield lambda: dropped.poll() is not None
    assert dropped.returncode == 0, dropped.stderr.read()
    yield lambda: len(jaw_keys()) == SAMPLE_FRAMES + SPEECH_FRAMES
    yield 2.0
    ui.region.tag_redraw()
    yield 1.0
    ui.log(settings().result)
    assert (settings().source, settings().audio, settings().start_frame) == ('FILE', SPEECH, DROP_FRAME)
    ui.shot("8_dropped")
    yield 2.0


def escape(ui):
    """A long sound is stopped by Esc: nothing is written."""
    write_long_speech()
    settings().audio, settings().start_frame = LONG, 1000
    yield 1.0
    before = jaw_keys()
    yield from click(ui, GENERATE, lambda: job() is not None and job().fraction > 0.15)
    yield 2.0
    ui.shot("9_progress")
    yield 1.5
    ui.keys("Escape")
    yield lambda: job() is None
    yield 1.0
    ui.log(settings().result)
    assert settings().result.startswith("Cancelled") and jaw_keys() == before
    ui.shot("10_cancelled")
    yield 2.0


def settings():
    return bpy.context.scene.unitalker


def job():
    return importlib.import_module(f"{PACKAGE}.addon.job").Job.current


def jaw_keys():
    """Frames and values of jawOpen of the test head, None without keys."""
    face = bpy.data.objects.get("LipSync Head")
    animation = face and face.data.shape_keys.animation_data
    if not animation or not animation.action:
        return None
    curve = animation.action.layers[0].strips[0].channelbag(animation.action_slot).fcurves.find('key_blocks["jawOpen"].value')
    return [tuple(key.co) for key in curve.keyframe_points]


def view():
    """The 3D view and its main region."""
    window = bpy.context.window_manager.windows[0]
    area = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    return window, area, next(region for region in area.regions if region.type == 'WINDOW')


def on_face():
    """Where the face is on the screen."""
    window, area, region = view()
    place = location_3d_to_region_2d(region, area.spaces[0].region_3d, bpy.data.objects["LipSync Head"].matrix_world @ Vector((0.0, 0.0, 0.15)))
    return int(region.x + place.x), int(window.height - region.y - place.y)


def park(ui):
    """The pointer over the 3D view, where keys mean what they should."""
    window, _, region = view()
    subprocess.Popen(["xdotool", "mousemove", str(region.x + 300), str(window.height - region.y - 120)])


def watch_list():
    """A list that fills when the list of channels is drawn."""
    module, drawn = importlib.import_module(f"{PACKAGE}.addon.panel.generate"), []
    draw = module.UNITALKER_PT_channels.draw

    def watched(panel, context):
        drawn.append(True)
        draw(panel, context)

    module.UNITALKER_PT_channels.draw = watched
    return drawn


def press(ui, keys, done):
    """Press keys over the 3D view until they have been taken."""
    for _ in range(3):
        park(ui)
        yield 1.0
        ui.keys(keys)
        for _ in range(20):
            yield 0.4
            if done():
                return
    raise AssertionError(f"{keys} did nothing")


def click(ui, place, done):
    """Click until it has been taken: a busy computer may draw the button late."""
    for attempt in range(4):
        ui.click_region(place[0] + 6 * (attempt % 2), place[1] + attempt)       # a button lights up only when the pointer comes to it
        for _ in range(25):
            yield 0.4
            if done():
                return
    ui.shot(f"missed_{place[0]}_{place[1]}")
    yield 2.0
    raise AssertionError(f"nothing happened at {place}")


def drag(ui, x, y):
    """Press the left button on a slider and pull it to the right, without letting go."""
    height = bpy.context.window_manager.windows[0].height
    left, top = int(ui.region.x + x), int(height - ui.region.y - ui.region.height + y)
    steps = [word for pulled in range(6, DRAG_PIXELS + 1, 6) for word in ("mousemove", str(left + pulled), str(top), "sleep", "0.2")]
    bpy.context.preferences.inputs.use_mouse_continuous = False         # else Blender puts the pointer back while it drags
    subprocess.Popen(["xdotool", "mousemove", str(left), str(top), "sleep", "0.6", "mousemove", str(left + 2), str(top + 1), "sleep", "0.5", "mousedown", "1", *steps])


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


uidriver.run(test, timeout=500)
