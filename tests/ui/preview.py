"""In a real window: the overlay in four editors at two zooms, the take played to its end, contact sheet, playblast with Esc and to its end, by true clicks.

By hand and before a release, as tests/ui/generate.py; beside the extension it needs the sample:
    bash ../shared/tools/blender_ui/run.sh tests/ui/preview.py OUT dist/unitalker-*-py3.14-test.zip tests/data/sample.flac tests/data/sample.json
"""

import importlib
import json
import statistics
import time
from pathlib import Path

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
HOME = Path("/root/ui")
LAST_PLAYED = 9                 # frames, instead of all: without a graphics card each takes a second
# Pixels from the sidebar's top left corner, with the other panels of the tab taken away: headers from below, then our own buttons
HEADER, PLAY, OVERLAY, SHEET, FILM = (60, 12), (90, 40), (20, 68), (100, 164), (100, 302)


def test(ui):
    set_scene()
    hide_other_panels()
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    ui.click_region(*HEADER)
    yield 2.5
    ui.shot("1_panel")
    yield 2.0
    yield from click(ui, OVERLAY, lambda: chosen().overlay)
    yield lambda: overlay()._state.track is not None and overlay()._state.track.phones
    yield 1.0
    ui.shot("2_overlay_on")
    yield 2.0
    yield from show_editors(ui)
    for _ in range(2):
        ui.sidebar("Lip Sync")
        yield 1.0
    yield from play(ui)
    yield from draw_sheet(ui)
    yield from film(ui)
    yield from switch_off(ui)


def play(ui):
    """To its end by itself, then stopped by the button: the scene's settings are as before."""
    before, shading = settings(), largest('VIEW_3D').spaces.active.shading
    shading.type = 'WIREFRAME'          # without a graphics card a solid head takes a second per frame
    yield from click(ui, PLAY, lambda: module("preview.playback").is_playing())
    assert bpy.context.scene.use_preview_range and bpy.context.scene.sync_mode == 'AUDIO_SYNC'
    module("preview.playback")._playing.last = LAST_PLAYED
    start = time.monotonic()
    yield 2.0
    ui.shot("3_playing")
    yield lambda: not module("preview.playback").is_playing()
    ui.log("played", time.monotonic() - start, "s of", LAST_PLAYED / 24)
    yield 1.0
    assert settings() == before, (settings(), before)
    yield from click(ui, PLAY, lambda: module("preview.playback").is_playing())
    yield 1.0
    yield from click(ui, PLAY, lambda: not module("preview.playback").is_playing())
    after = settings()
    assert after[1:] == before[1:] and after[0] != before[0], "it stays where it was stopped"
    bpy.context.scene.frame_set(before[0])
    yield from click(ui, PLAY, lambda: module("preview.playback").is_playing())
    yield 1.0
    ui.keys("Escape")
    yield lambda: not module("preview.playback").is_playing()
    yield 0.5
    assert settings() == before, (settings(), before)
    shading.type = 'SOLID'


def draw_sheet(ui):
    windows = len(bpy.context.window_manager.windows)
    yield from click(ui, SHEET, lambda: job() is not None or chosen().last_sheet)
    yield 1.5
    ui.shot("4_sheet_progress")
    yield lambda: chosen().last_sheet and job() is None
    yield 2.0
    ui.shot("5_sheet")
    yield 2.0
    assert Path(chosen().last_sheet).stat().st_size > 50_000
    for window in list(bpy.context.window_manager.windows)[windows:]:
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()
    yield 1.0


def film(ui):
    """Esc leaves no file; then the whole film."""
    before, files = settings(), sorted(HOME.glob("*.mp4"))
    yield from click(ui, FILM, lambda: job() is not None)
    yield lambda: job() is None or job().fraction > 0.1
    ui.shot("6_film_progress")
    yield 2.0
    ui.keys("Escape")
    yield lambda: job() is None
    yield 1.0
    assert sorted(HOME.glob("*.mp4")) == files and settings() == before
    start, scene = time.monotonic(), bpy.context.scene
    chosen().span, scene.frame_end = 'SCENE', LAST_PLAYED
    before = settings()
    yield from click(ui, FILM, lambda: job() is not None)
    yield lambda: job() is None
    yield 1.0
    ui.log("film", chosen().last_film, round(time.monotonic() - start, 1), "s", Path(chosen().last_film).stat().st_size)
    assert settings() == before
    ui.shot("7_film_made")
    yield 2.0


def show_editors(ui):
    view = largest('VIEW_3D')
    for editor, name in (('SEQUENCE_EDITOR', "sequencer"), ('DOPESHEET', "dope_sheet"), ('FCURVES', "graph_editor"), ('TIMELINE', "timeline")):
        view.ui_type = editor
        yield 1.0
        for zoom in ("all", "near"):
            show(view, zoom)
            yield 1.5
            ui.shot(f"8_{name}_{zoom}")
            yield 2.0
            overlay()._state.draw_s.clear()
            for _ in range(8):
                view.tag_redraw()
                yield 0.05
            spent = [1000 * seconds for seconds in overlay().draw_seconds()]
            ui.log(name, zoom, f"{len(spent)} draws, median {statistics.median(spent):.2f} ms, longest {max(spent):.2f} ms")
    view.ui_type = 'VIEW_3D'
    yield 1.0


def switch_off(ui):
    """No handler is left when the switch is off, and none after another file was loaded."""
    chosen().overlay = False
    yield 0.5
    assert not overlay().is_on() and not bpy.app.timers.is_registered(overlay()._look)
    chosen().overlay = True
    yield 0.5
    assert overlay().is_on()
    bpy.ops.wm.read_homefile(use_factory_startup=True, load_ui=False)
    yield 1.0
    assert not overlay().is_on() and overlay()._state is None


def show(area, zoom):
    """All of the take, or a part of it."""
    region = next(region for region in area.regions if region.type == 'WINDOW')
    operators = {'SEQUENCE_EDITOR': bpy.ops.sequencer, 'DOPESHEET_EDITOR': bpy.ops.action, 'GRAPH_EDITOR': bpy.ops.graph}[area.type]
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
        if zoom == "all":
            operators.view_all()
        else:
            for _ in range(4):
                bpy.ops.view2d.zoom_in(zoomfacx=0.25, zoomfacy=0.0)


def click(ui, place, done):
    """Click until it has been taken: a busy computer may draw the button late."""
    for attempt in range(4):
        ui.click_region(place[0] + 6 * (attempt % 2), place[1] + attempt % 2)       # a button lights up only when the pointer comes to it
        for _ in range(20):
            yield 0.3
            if done():
                return
    ui.shot(f"missed_{place[0]}_{place[1]}")
    yield 2.0
    raise AssertionError(f"nothing happened at {place}")


def settings():
    scene = bpy.context.scene
    return (
        scene.frame_current, scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end, scene.sync_mode, scene.use_audio,
        scene.render.engine, scene.render.filepath, scene.render.resolution_x, scene.render.image_settings.file_format, len(bpy.data.scenes),
    )


def set_scene():
    """The test head with the sample as a strip and keys made from it, a camera on the face, all saved."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    scene = bpy.context.scene
    sample = json.loads((HOME / "sample.json").read_text())
    scene.frame_start, scene.frame_end = 1, 1 + round(sample["phones"][-1]["end_s"] * 24)
    scene.sequence_editor_create().strips.new_sound("line", str(HOME / "sample.flac"), 2, 1)
    bpy.context.window_manager.windows[0].workspace.sequencer_scene = scene        # from 5.0 on
    bpy.ops.unitalker.add_test_head()
    head = bpy.context.view_layer.objects.active
    scene.unitalker.character, scene.unitalker.strip, scene.unitalker.transcript = head, "line", sample["text"]
    bpy.ops.unitalker.animate()
    bpy.ops.unitalker.face_camera(character=head.name)
    space = largest('VIEW_3D').spaces.active
    space.region_3d.view_perspective, space.shading.color_type = 'CAMERA', 'MATERIAL'
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "shot.blend"))


def hide_other_panels():
    """So that ours is at the top, whatever other panels the tab has."""
    ours = [cls for cls in bpy.types.Panel.__subclasses__() if getattr(cls, "bl_category", "") == "Lip Sync" and cls.is_registered]
    others = [cls for cls in ours if not getattr(cls, "bl_idname", "").startswith("UNITALKER_PT_preview")]
    for cls in sorted(others, key=lambda cls: not hasattr(cls, "bl_parent_id")):
        bpy.utils.unregister_class(cls)


def chosen():
    return bpy.context.scene.unitalker_preview


def job():
    return module("job").Job.current


def overlay():
    return module("preview.overlay")


def module(name):
    return importlib.import_module(f"{PACKAGE}.addon.{name}")


def largest(kind):
    window = bpy.context.window_manager.windows[0]
    return max((area for area in window.screen.areas if area.type == kind), key=lambda area: area.width * area.height)


uidriver.run(test, timeout=400)
