"""In a real window: the overlay in four editors at two zooms, the take played to its end, contact sheet, playblast with
Esc and to its end, by true clicks.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only preview`. Look at the screenshots.
"""

import json
import statistics
import time
from pathlib import Path

import bpy
import desk
import stage

LAST_PLAYED = 9                 # frames, instead of all: without a graphics card each takes a second
PLAY, OVERLAY, SHEET, FILM = (
    "unitalker.preview", "unitalker_preview.overlay", "unitalker.contact_sheet", "unitalker.playblast"
)
OVERLAY_AT = 0.2                # in the width of the sidebar


def test(ui):
    set_scene()
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.open_alone(ui, "UNITALKER_PT_preview")
    yield from desk.shot(ui, "1_panel")
    yield from desk.click(ui, OVERLAY, lambda: chosen().overlay, across=OVERLAY_AT)
    yield lambda: overlay()._content.track is not None and overlay()._content.track.phones
    yield from desk.shot(ui, "2_overlay_on")
    yield from show_editors(ui)
    yield from desk.tab(ui)
    yield from play(ui)
    yield from draw_sheet(ui)
    yield from film(ui)
    yield from switch_off(ui)


def play(ui):
    """To its end by itself, then stopped by the button: the scene's settings are as before."""
    before, shading = settings(), desk.largest().spaces.active.shading
    shading.type = 'WIREFRAME'          # without a graphics card a solid head takes a second per frame
    yield from desk.click(ui, PLAY, lambda: playback().is_playing())
    assert bpy.context.scene.use_preview_range and bpy.context.scene.sync_mode == 'AUDIO_SYNC'
    playback()._playing.last = LAST_PLAYED
    start = time.monotonic()
    yield 2.0
    ui.shot("3_playing")
    yield lambda: not playback().is_playing()
    ui.log("played", time.monotonic() - start, "s of", LAST_PLAYED / 24)
    yield 1.0
    assert settings() == before, (settings(), before)
    yield from desk.click(ui, PLAY, lambda: playback().is_playing())
    yield 1.0
    yield from desk.click(ui, PLAY, lambda: not playback().is_playing())
    after = settings()
    assert after[1:] == before[1:] and after[0] != before[0], "it stays where it was stopped"
    bpy.context.scene.frame_set(before[0])
    yield from desk.click(ui, PLAY, lambda: playback().is_playing())
    yield 1.0
    ui.keys("Escape")
    yield lambda: not playback().is_playing()
    yield 0.5
    assert settings() == before, (settings(), before)
    shading.type = 'SOLID'


def draw_sheet(ui):
    windows = len(bpy.context.window_manager.windows)
    yield from desk.click(ui, SHEET, lambda: stage.job() is not None or chosen().last_sheet)
    yield 1.5
    ui.shot("4_sheet_progress")
    yield lambda: chosen().last_sheet and stage.job() is None
    yield 2.0
    yield from desk.shot(ui, "5_sheet")
    assert Path(chosen().last_sheet).stat().st_size > 50_000
    for window in list(bpy.context.window_manager.windows)[windows:]:
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()
    yield 1.0


def film(ui):
    """Esc leaves no file; then the whole film."""
    before, files = settings(), sorted(stage.HOME.glob("*.mp4"))
    yield from desk.click(ui, FILM, lambda: stage.job() is not None)
    yield lambda: stage.job() is None or stage.job().fraction > 0.1
    yield from desk.shot(ui, "6_film_progress")
    ui.keys("Escape")
    yield lambda: stage.job() is None
    yield 1.0
    assert sorted(stage.HOME.glob("*.mp4")) == files and settings() == before
    start, scene = time.monotonic(), bpy.context.scene
    chosen().span, scene.frame_end = 'SCENE', LAST_PLAYED
    before = settings()
    yield from desk.click(ui, FILM, lambda: stage.job() is not None)
    yield lambda: stage.job() is None
    yield 1.0
    ui.log("film", chosen().last_film, round(time.monotonic() - start, 1), "s", Path(chosen().last_film).stat().st_size)
    assert settings() == before
    yield from desk.shot(ui, "7_film_made")


def show_editors(ui):
    view = desk.largest()
    for editor, name in (
        ('SEQUENCE_EDITOR', "sequencer"), ('DOPESHEET', "dope_sheet"), ('FCURVES', "graph_editor"),
        ('TIMELINE', "timeline"),
    ):
        view.ui_type = editor
        yield 1.0
        for zoom in ("all", "near"):
            show(view, zoom)
            yield from desk.shot(ui, f"8_{name}_{zoom}")
            overlay()._content.draw_s.clear()
            for _ in range(8):
                view.tag_redraw()
                yield 0.05
            spent = [1000 * seconds for seconds in overlay().draw_seconds()]
            ui.log(
                name, zoom, f"{len(spent)} draws, median {statistics.median(spent):.2f} ms, longest {max(spent):.2f} ms"
            )
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
    assert not overlay().is_on() and overlay()._content is None


def show(area, zoom):
    """All of the take, or a part of it."""
    operators = {
        'SEQUENCE_EDITOR': bpy.ops.sequencer, 'DOPESHEET_EDITOR': bpy.ops.action, 'GRAPH_EDITOR': bpy.ops.graph
    }[area.type]
    with desk.over(area):
        if zoom == "all":
            operators.view_all()
        else:
            for _ in range(4):
                bpy.ops.view2d.zoom_in(zoomfacx=0.25, zoomfacy=0.0)


def settings():
    scene = bpy.context.scene
    return (
        scene.frame_current, scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end,
        scene.sync_mode, scene.use_audio,
        scene.render.engine, scene.render.filepath, scene.render.resolution_x, scene.render.image_settings.file_format,
        len(bpy.data.scenes),
    )


def set_scene():
    """The test head with the sample as a strip and keys made from it, a camera on the face, all saved."""
    stage.empty()
    scene = bpy.context.scene
    sample = json.loads((stage.HOME / "sample.json").read_text())
    scene.frame_start, scene.frame_end = 1, 1 + round(sample["phones"][-1]["end_s"] * 24)
    scene.sequence_editor_create().strips.new_sound("line", str(stage.HOME / "sample.flac"), 2, 1)
    desk.window().workspace.sequencer_scene = scene        # from 5.0 on
    head = bpy.data.objects[stage.add_test_head()]
    scene.unitalker.character, scene.unitalker.strip, scene.unitalker.transcript = head, "line", sample["text"]
    bpy.ops.unitalker.animate()
    bpy.ops.unitalker.face_camera(character=head.name)
    space = desk.largest().spaces.active
    space.region_3d.view_perspective, space.shading.color_type = 'CAMERA', 'MATERIAL'
    bpy.ops.wm.save_as_mainfile(filepath=str(stage.HOME / "shot.blend"))


def chosen():
    return bpy.context.scene.unitalker_preview


def overlay():
    return stage.module("overlay.overlay")


def playback():
    return stage.module("preview.playback")


desk.run(test)
