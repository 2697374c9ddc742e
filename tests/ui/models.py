"""In a real window: a converted model is added by the panel, an identity is searched and gets a star, its keys land on the test head; then the model is removed.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them). MODEL is a model folder with
hundreds of identities, for example one converted from ../shared/fixtures/unitalker/wavlm_conv_full_ids with `python -m engine convert`:
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/models.py OUT dist/unitalker-*-py3.14-test.zip ../shared/data/speech/jfk_1961.flac MODEL
"""

from pathlib import Path

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
HOME = Path("/root/ui")
SPEECH = HOME / "jfk_1961.flac"
WANTED = "D4_13"            # "D4 RAVDESS 13", found by typing
# Pixels from the sidebar's top left corner, as the panel stands for an 11 s file on the test head; entries of a menu lie above its button
MODEL_MENU, IDENTITY, BROWSE, STAR, GENERATE = (243, 367), (160, 393), (222, 393), (243, 393), (134, 669)


def test(ui):
    set_scene()
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    ui.shot("1_panel")
    yield 2.0

    yield from add_model(ui)
    yield from pick_identity(ui)
    yield from generate(ui)
    yield from remove_model(ui)


def add_model(ui):
    ui.click_region(*MODEL_MENU)
    yield 2.0
    ui.shot("2_model_menu")
    yield 2.0
    ui.keys("a")                # Add Model...
    yield lambda: browser() is not None
    yield 2.0
    window, area = browser()
    area.spaces[0].params.directory = str(HOME / "tiny_official").encode()
    yield 2.0
    ui.shot("3_file_browser")
    yield 2.0
    with bpy.context.temp_override(window=window, area=area, region=next(region for region in area.regions if region.type == 'WINDOW')):
        bpy.ops.file.execute('INVOKE_DEFAULT')
    yield 2.0
    ui.log(settings().model, settings().identity)
    ui.shot("4_added")
    yield 2.0


def pick_identity(ui):
    ui.click_region(*IDENTITY)
    yield 2.0
    for key in ("r", "a", "v", "d", "e", "s", "s", "space", "1", "3"):
        ui.keys(key)
    yield 3.0
    ui.shot("5_search")
    yield 2.0
    ui.keys("Return")
    yield lambda: settings().identity == WANTED
    yield from click(ui, STAR, lambda: WANTED in bpy.context.preferences.addons[PACKAGE].preferences.favourites)
    yield from click(ui, BROWSE, lambda: len(bpy.context.window_manager.unitalker_identities.rows) > 100)
    yield 1.0
    ui.shot("6_browse")
    yield 2.0
    ui.keys("Escape")
    yield 1.0
    assert settings().identity == WANTED


def generate(ui):
    yield from click(ui, GENERATE, lambda: settings().result)
    yield 1.0
    ui.log(settings().result)
    assert len(jaw_keys()) == 264, len(jaw_keys())          # 11 s at 24 frames per second
    bpy.context.scene.frame_set(int(max(jaw_keys(), key=lambda key: key.co[1]).co[0]))
    yield 1.0
    ui.shot("7_generated")
    yield 2.0


def remove_model(ui):
    ui.click_region(*MODEL_MENU)
    yield 2.0
    ui.keys("r")                # Remove Model...
    yield 2.0
    ui.shot("8_asks_first")
    yield 2.0
    assert settings().model == "tiny_official"
    ui.keys("Return")
    yield lambda: settings().model == "mini"
    yield 1.0
    ui.shot("9_removed")
    yield 2.0


def click(ui, place, done):
    """Click until it has been taken: a busy computer may draw the button late."""
    for attempt in range(4):
        ui.click_region(place[0] + 3 * (attempt % 2), place[1] + attempt)       # a button lights up only when the pointer comes to it
        for _ in range(15):
            yield 0.4
            if done():
                return
    ui.shot(f"missed_{place[0]}_{place[1]}")
    yield 2.0
    raise AssertionError(f"nothing happened at {place}")


def settings():
    return bpy.context.scene.unitalker


def jaw_keys():
    """Keys of jawOpen on the active object."""
    animation = bpy.context.view_layer.objects.active.data.shape_keys.animation_data
    bag = animation.action.layers[0].strips[0].channelbag(animation.action_slot)
    return bag.fcurves.find('key_blocks["jawOpen"].value').keyframe_points


def browser():
    """Window and area of the open file browser."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == 'FILE_BROWSER':
                return window, area
    return None


def set_scene():
    """The test head in front view, and the sound chosen."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.unitalker.add_test_head()
    window = bpy.context.window_manager.windows[0]
    view = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    region = next(region for region in view.regions if region.type == 'WINDOW')
    with bpy.context.temp_override(window=window, area=view, region=region):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()
    settings().source, settings().audio = 'FILE', str(SPEECH)
    bpy.ops.ed.undo_push(message="head")


uidriver.run(test, timeout=250)
