"""In a real window: a converted model is added by the panel, an identity is searched and gets a star, its keys land on
the test head; then the model is removed.

By hand and before a release, as make_pictures.py runs the others, with two files more:
../shared/data/speech/jfk_1961.flac, and tiny_official, a model folder with hundreds of identities and a head of few
vertices, converted from ../shared/fixtures/unitalker/wavlm_conv_full_ids. Look at the screenshots.
"""

import bpy
import desk
import stage

SPEECH = stage.HOME / "jfk_1961.flac"
MODEL = "tiny_official"
WANTED, TYPED = "D4_13", "ravdess 13"       # identity "D4 RAVDESS 13", found by typing
MENU_AT, IDENTITY_AT, BROWSE_AT, STAR_AT = 0.83, 0.55, 0.76, 0.83       # in the width of the sidebar


def test(ui):
    stage.empty()
    face = stage.add_test_head()
    stage.look_at_front()
    stage.settings().source, stage.settings().audio = 'FILE', str(SPEECH)
    bpy.ops.ed.undo_push(message="head")
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.shot(ui, "1_panel")
    yield from add_model(ui)
    yield from pick_identity(ui)
    yield from generate(ui, face)
    yield from remove_model(ui)


def open_menu(ui):
    """The menu beside the model; its first letters choose an entry."""
    _, y = yield from desk.find(ui, "unitalker.model_pick", across=0.6)
    ui.click_region(MENU_AT * ui.region.width, y)


def add_model(ui):
    yield from open_menu(ui)
    yield from desk.shot(ui, "2_model_menu")
    ui.keys("a")                # Add Model...
    yield lambda: browser() is not None
    yield 2.0
    window, area = browser()
    area.spaces[0].params.directory = str(stage.HOME / MODEL).encode()
    yield from desk.shot(ui, "3_file_browser")
    with bpy.context.temp_override(window=window, area=area, region=desk.main_region(area)):
        bpy.ops.file.execute('INVOKE_DEFAULT')
    yield lambda: stage.settings().model == MODEL
    ui.log(stage.settings().model, stage.settings().identity)
    yield from desk.shot(ui, "4_added")


def browser():
    """Window and area of the open file browser."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == 'FILE_BROWSER':
                return window, area
    return None


def pick_identity(ui):
    place = yield from desk.find(ui, "unitalker.identity_pick", across=IDENTITY_AT)
    ui.click_region(*place)
    yield 2.5
    yield from desk.write(ui, TYPED)
    yield from desk.shot(ui, "5_search")
    ui.keys("Return")
    yield lambda: stage.settings().identity == WANTED
    preferences = bpy.context.preferences.addons[desk.PACKAGE].preferences
    yield from desk.click(ui, "unitalker.favourite", lambda: WANTED in preferences.favourites, across=STAR_AT)
    yield from desk.click(
        ui, "unitalker.identity_browse", lambda: len(bpy.context.window_manager.unitalker_identities.rows) > 100,
        across=BROWSE_AT,
    )
    yield from desk.shot(ui, "6_browse")
    ui.keys("Escape")
    yield 1.0
    assert stage.settings().identity == WANTED


def generate(ui, face):
    yield from desk.click(ui, "unitalker.animate", lambda: stage.job() is not None or stage.settings().result)
    yield lambda: stage.job() is None
    ui.log(stage.settings().result)
    assert len(stage.jaw_keys(face)) == stage.SPEECH_FRAMES, len(stage.jaw_keys(face))
    bpy.context.scene.frame_set(stage.widest(face))
    yield from desk.shot(ui, "7_generated")


def remove_model(ui):
    yield from open_menu(ui)
    yield 2.0
    ui.keys("r")                # Remove Model...
    yield from desk.shot(ui, "8_asks_first")
    assert stage.settings().model == MODEL
    ui.keys("Return")
    yield lambda: stage.settings().model == "mini"
    yield from desk.shot(ui, "9_removed")


desk.run(test)
