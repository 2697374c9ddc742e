"""In a real window of 1366 x 768: N, then three clicks from an imported head and an active strip to a face that plays;
and nothing in the tab moves before, during and after a job.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only three_clicks`. Look at the screenshots.
"""

import subprocess

import bpy
import desk
import stage

SMALL = (1366, 768)
TAB_Y = 246                     # of the title of our tab, which stands upright at the right edge of the sidebar
ANIMATE, PLAY, CANCEL, CLEAR = "unitalker.animate", "unitalker.preview", "unitalker.cancel", "unitalker.clear"
SWAPPED = {ANIMATE, CANCEL, CLEAR}      # while a job runs, its bar and Cancel stand in the place of Generate and Clear
COLUMNS = (0.25, 0.6, 0.82)     # of the sidebar's width, where widgets are looked for
ROW_PX = 6                      # between two looks
NEAR_PX = ROW_PX + 1            # two looks at one place agree to within one step


def test(ui):
    stage.empty()
    for _ in range(20):         # until the window is there for the display too
        yield 1.0
        subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "Blender", "windowsize", *map(str, SMALL)])
        yield 1.0
        if (desk.window().width, desk.window().height) == SMALL:
            break
    face = stage.add_head(stage.HOME / "ict_facekit_head.glb")
    stage.settings().character = None
    stage.look_at_front()
    editor = bpy.context.scene.sequence_editor_create()
    editor.active_strip = editor.strips.new_sound("line", str(stage.HOME / "sample.flac"), 1, 1)
    yield from three_clicks(ui, face)
    yield from nothing_moves(ui, face)


def three_clicks(ui, face):
    """Each is clicked once, at a place that is on the screen without scrolling."""
    bpy.context.preferences.view.show_tooltips = False
    view, clicks = desk.largest(), 0
    ui.region = next(region for region in view.regions if region.type == 'UI')
    desk.xdotool("mousemove", view.x + view.width // 2, desk.window().height - view.y - view.height // 2)
    yield 1.0
    ui.keys("n")
    yield lambda: ui.region.width > 100
    yield from desk.drawn()
    ui.click_region(ui.region.width - 14, TAB_Y)
    clicks += 1
    yield lambda: ui.region.active_panel_category == desk.TAB
    yield from desk.shot(ui, "1_tab")
    ui.click_region(*(yield from desk.find(ui, ANIMATE)))
    clicks += 1
    yield lambda: stage.keys(face) != {} and stage.job() is None
    yield from desk.shot(ui, "2_generated")
    ui.click_region(*(yield from desk.find(ui, PLAY, 0.6)))
    clicks += 1
    yield lambda: bpy.context.screen.is_animation_playing
    yield from desk.shot(ui, "3_playing")
    assert clicks == 3
    ui.log("clicks", clicks, stage.settings().result)
    bpy.ops.screen.animation_cancel(restore_frame=False)
    yield lambda: not bpy.context.screen.is_animation_playing


def nothing_moves(ui, face):
    """The place of every widget: ready, at work, stopped, made."""
    bpy.ops.ed.undo_push(message="before the long sound")
    stage.write_long_speech(stage.HOME / "sample.flac")
    settings = stage.settings()
    bpy.ops.unitalker.clear(character=face)
    settings.result = settings.result_details = ""
    settings.source, settings.audio, settings.start_frame = 'FILE', stage.LONG, 1
    before = yield from places(ui)
    yield from desk.click(ui, ANIMATE, lambda: stage.job() is not None)
    moved = yield from strayed(ui, before)
    assert stage.job() is not None, "the job ended while widgets were looked for: make LONG_S longer"
    ui.log("at work, moved:", moved)
    assert not moved, moved
    yield from desk.shot(ui, "4_at_work")
    yield from desk.click(ui, CANCEL, lambda: stage.job() is None, across=0.82)
    stopped = yield from places(ui)
    yield from desk.shot(ui, "5_stopped")
    settings.source = 'STRIP'
    ready = yield from places(ui)
    yield from desk.click(ui, ANIMATE, lambda: stage.keys(face) != {} and stage.job() is None)
    made = yield from places(ui)
    yield from desk.shot(ui, "6_made")
    compare(ui, before, stopped)
    compare(ui, ready, made)


def places(ui):
    """Name of a widget and the column -> its highest place."""
    ui.region.tag_redraw()
    yield from desk.drawn()
    found = {}
    for across in COLUMNS:
        for y in range(desk.TITLE_PX[1], ui.region.height, ROW_PX):
            name = yield from at(ui, across, y)
            if name is not None:
                found.setdefault((name, across), y)
    return found


def strayed(ui, before):
    """Widgets whose upper edge is no longer at its place, and what is there: quickly, while a job runs."""
    ui.region.tag_redraw()
    yield from desk.drawn()
    moved = {}
    for (name, across), y in before.items():
        here = yield from at(ui, across, y)
        above = yield from at(ui, across, y - ROW_PX)
        if name not in SWAPPED and (here != name or above == name):
            moved[name, across] = (above, here)
    return moved


def at(ui, across, y):
    """Name of the widget at a place of the sidebar."""
    return (yield from desk.hover(ui, round(across * ui.region.width), y))


def compare(ui, before, after):
    moved = {key: (y, after.get(key)) for key, y in before.items() if abs(after.get(key, -99) - y) > NEAR_PX}
    ui.log(len(before), "widgets, moved:", moved, "new:", sorted(after.keys() - before.keys()))
    assert len(before) > 15 and not moved and not after.keys() - before.keys()


desk.run(test)
