"""In a real window: Generate on a scanned head, then Regenerate Range with another style by true clicks; keys outside stay bit for bit; one Ctrl+Z.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them):
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/takes.py OUT dist/unitalker-*-py3.14-test.zip ../shared/data/rigs/ict_facekit_head.glb tests/data/sample.flac
"""

import importlib
import subprocess

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
HEAD_FILE, SPEECH = "/root/ui/ict_facekit_head.glb", "/root/ui/sample.flac"
SAMPLE_FRAMES = 116                     # at 24 frames per second
FIRST, LAST = 40, 75                    # of the range: other vowels and contacts lie before and after it
STRENGTH, IDENTITY = 1.6, "wide"
CURVES = ("jawOpen", "mouthPucker", "mouthStretch_L")
HEADER_PX, TITLE = 22, (40, 12)         # height of a closed panel, and the first one's title
ABOVE = {"generate": 4, "takes": 5}     # panels above it in the tab
# Pixels from the titles of the panels Generate and Takes
GENERATE, REGENERATE = (60, 32), (60, 150)


def test(ui):
    face = set_scene()
    yield 1.0
    for _ in range(2):                  # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    editor = graph_editor()
    yield 1.0
    ui.sidebar("Lip Sync")
    yield 1.0
    yield from close_all(ui)
    yield from generate(ui, face, editor)
    ui.click_region(*title("generate"))        # closed again
    yield 3.0
    yield from regenerate(ui, face)


def generate(ui, face, editor):
    """A click makes a key on every frame of the line."""
    ui.click_region(*title("generate"))
    yield 3.0
    assert keys(face) == {}
    yield from click(ui, "generate", GENERATE, lambda: keys(face) != {})
    yield lambda: job() is None
    ui.log(settings().result)
    show_curves(face, editor)
    bpy.context.scene.frame_set(widest(face))
    ui.log("frame", bpy.context.scene.frame_current, {name: max(keys(face)[f'key_blocks["{name}"].value'], key=lambda key: key[1])[:2] for name in CURVES})
    yield 1.5
    ui.shot("1_generated")
    yield 2.0
    assert {len(made) for made in keys(face).values()} == {SAMPLE_FRAMES}


def regenerate(ui, face):
    """Another strength and identity for some frames: those change, the others do not; Ctrl+Z brings all keys back."""
    ui.click_region(*title("takes"))
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, FIRST, LAST
    settings().strength, settings().identity = STRENGTH, IDENTITY
    bpy.ops.ed.undo_push(message="range and style")
    yield lambda: len(bpy.context.window_manager.unitalker_takes) == 1
    yield 3.0
    ui.shot("2_takes")
    yield 2.0
    before = keys(face)
    yield from click(ui, "takes", REGENERATE, lambda: keys(face) != before)
    yield lambda: job() is None
    bpy.context.scene.frame_set(widest(face))
    yield 1.5
    ui.shot("3_regenerated")
    yield 2.0
    after = keys(face)
    frames = changed(before, after)
    ui.log(settings().result, "frames with other keys", frames[0], "to", frames[-1], "number", len(frames), "curves", len(after))
    assert before.keys() == after.keys()
    assert FIRST <= frames[0] < frames[-1] <= LAST, "keys outside of the range are others"
    assert len(frames) > (LAST - FIRST) * 0.8, "much of the range is as it was"
    assert [row.line for row in bpy.context.window_manager.unitalker_takes] == ["ui/sample.flac"]
    yield from press(ui, "ctrl+z", lambda: keys(face) == before)
    yield 1.5
    ui.shot("4_undone")
    yield 2.0
    assert keys(face) == before
    assert settings().identity == IDENTITY and settings().strength > 1.5, "more than the keys was undone"
    yield from press(ui, "ctrl+shift+z", lambda: keys(face) == after)


def changed(before, after):
    """Frames on which any curve has another key, or has one only before or after."""
    found = set()
    for path in before:
        old, new = ({key[0]: key for key in made[path]} for made in (before, after))
        found.update(frame for frame in old.keys() | new.keys() if old.get(frame) != new.get(frame))
    return sorted(found)


def keys(face):
    """Keys of all curves of the face: path -> ((frame, value, handles and kind), ...), as the floats are."""
    animation = bpy.data.objects[face].data.shape_keys.animation_data
    if not animation or not animation.action:
        return {}
    return {curve.data_path: tuple((*key.co, *key.handle_left, *key.handle_right, key.interpolation) for key in curve.keyframe_points) for curve in bag(face).fcurves}


def bag(face):
    """What holds the curves of the face."""
    animation = bpy.data.objects[face].data.shape_keys.animation_data
    return animation.action.layers[0].strips[0].channelbag(animation.action_slot)


def widest(face):
    """Frame inside of the range on which the jaw is furthest open."""
    jaw = bag(face).fcurves.find('key_blocks["jawOpen"].value')
    return max(range(FIRST, LAST), key=jaw.evaluate)


def settings():
    return bpy.context.scene.unitalker


def job():
    return importlib.import_module(f"{PACKAGE}.addon.job").Job.current


def set_scene():
    """The head in front view with the sample as its sound; its name."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.import_scene.gltf(filepath=HEAD_FILE)
    head = next(obj for obj in bpy.data.objects if obj.type == 'MESH' and obj.data.shape_keys)
    bpy.context.view_layer.objects.active = head
    bpy.context.preferences.view.ui_scale = 0.8
    chosen = settings()
    chosen.character, chosen.source, chosen.audio = head, 'FILE', SPEECH
    bpy.context.scene.frame_end = SAMPLE_FRAMES
    window = bpy.context.window_manager.windows[0]
    view = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    with bpy.context.temp_override(window=window, area=view, region=main_region(view)):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()
        bpy.ops.screen.area_split(direction='HORIZONTAL', factor=0.35)
    bpy.ops.ed.undo_push(message="scene")
    return head.name


def graph_editor():
    """A Graph Editor below the 3D view."""
    window = bpy.context.window_manager.windows[0]
    area = min((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.y)
    area.ui_type = 'FCURVES'
    area.spaces[0].show_region_ui = False
    return area


def show_curves(face, editor):
    """A few curves, all of their length."""
    for curve in bag(face).fcurves:
        curve.hide = curve.data_path.split('"')[1] not in CURVES
        curve.select = not curve.hide
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=editor, region=main_region(editor)):
        bpy.ops.graph.view_all()


def main_region(area):
    return next(region for region in area.regions if region.type == 'WINDOW')


def close_all(ui):
    """All panels of the tab are closed."""
    subprocess.run(["xdotool", "keydown", "ctrl"], check=True)
    ui.click_region(*TITLE)
    yield 3.0
    subprocess.run(["xdotool", "keyup", "ctrl"], check=True)
    yield 0.5
    ui.click_region(*TITLE)
    yield 3.0


def title(panel):
    """Where the title of a panel stands while those above it are closed."""
    return TITLE[0], TITLE[1] + ABOVE[panel] * HEADER_PX


def click(ui, panel, place, done):
    """A click in an open panel, until it has been taken: a busy computer may draw the button late."""
    x, y = title(panel)
    for attempt in range(3):
        ui.click_region(x + place[0] + 6 * (attempt % 2), y + place[1] + attempt)
        for _ in range(40):
            yield 0.4
            if done():
                return
    ui.shot(f"missed_{panel}")
    yield 2.0
    raise AssertionError(f"a click at {place} in {panel} did nothing")


def press(ui, combination, done):
    """Press keys over the 3D view until they have been taken."""
    window = bpy.context.window_manager.windows[0]
    view = main_region(max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height))
    for _ in range(3):
        subprocess.run(["xdotool", "mousemove", str(view.x + 300), str(window.height - view.y - 120)], check=True)
        yield 1.0
        ui.keys(combination)
        for _ in range(20):
            yield 0.4
            if done():
                return
    raise AssertionError(f"{combination} did nothing")


uidriver.run(test, timeout=240)
