"""Preview's plain parts: peaks, where the overlay's parts lie, which frames a contact sheet shows; and settings that
are borrowed."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .conftest import ROOT, jaw, make_face, write_wav


@pytest.fixture
def layout(ext):
    return ext.module("addon.overlay.layout")


@pytest.fixture
def frames(ext):
    return ext.module("addon.pictures.moments")


@pytest.fixture
def phones(ext):
    """Half-second phones from second 0 on."""
    phone = ext.module("engine.values.phones").Phone
    return lambda *labels: tuple(phone(label, 0.5 * place, 0.5 * (place + 1)) for place, label in enumerate(labels))


# ---- peaks

def test_columns_are_the_extremes_of_their_samples(ext):
    peaks = ext.module("addon.overlay.peaks")
    samples = np.random.default_rng(1).uniform(-1, 1, 16_000 * 7).astype(np.float32)
    measured = peaks.measure(samples, 16_000)
    for per_column in (40, 80, 640, 2560, 40_000):
        count = len(samples) // per_column
        columns = measured.columns(0.0, per_column / 16_000, count)
        exact = samples[:count * per_column].reshape(count, -1)
        slack = 1 if per_column < 2560 else 0       # coarse levels take whole blocks
        assert (columns[:, 0] <= exact.min(1)).all() and (columns[:, 1] >= exact.max(1)).all()
        assert slack == 0 or np.array_equal(columns, np.stack([exact.min(1), exact.max(1)], 1))


def test_there_is_silence_outside_of_the_sound(ext):
    peaks = ext.module("addon.overlay.peaks")
    measured = peaks.measure(np.ones(1600, np.float32), 16_000)         # a tenth of a second
    columns = measured.columns(-0.1, 0.01, 40)
    assert not columns[:9].any() and not columns[21:].any() and (columns[11:19] == 1).all()


def test_a_click_is_seen_however_far_away(ext):
    peaks = ext.module("addon.overlay.peaks")
    samples = np.zeros(16_000 * 600, np.float32)
    samples[4_000_000] = 0.9
    for count in (10, 100, 1900):
        columns = peaks.measure(samples, 16_000).columns(0.0, 600 / count, count)
        assert columns[:, 1].max() == np.float32(0.9)
        assert columns[:, 1].argmax() == 4_000_000 * count // len(samples)


@pytest.mark.parametrize("length", [0, 1, 39, 40, 41, 1000])
def test_peaks_of_any_length(ext, length):
    peaks = ext.module("addon.overlay.peaks")
    columns = peaks.measure(np.full(length, 0.5, np.float32), 16_000).columns(0.0, 0.01, 50)
    assert columns.shape == (50, 2) and columns.max() == (0.5 if length else 0)


# ---- where things lie

def track(layout, phones=(), peaks=None, curves=()):
    return layout.DrawnTake("line", 101.0, 25.0, 101.0, 200.0, peaks, phones, curves)


@pytest.mark.parametrize("frames_per_px", [0.01, 0.2, 3.0])
def test_boxes_lie_where_their_phones_are_spoken(layout, phones, frames_per_px):
    view = layout.View(101.0, frames_per_px, 4000)
    boxes = layout.boxes(track(layout, phones("SIL", "M", "AA", "K")), view)
    assert [(box.label, box.kind) for box in boxes] == [("m", "closed"), ("aa", "open"), ("k", "")][:len(boxes)]
    for number, box in enumerate(boxes, start=1):
        assert (
            box.left == pytest.approx(12.5 * number / frames_per_px)
            and box.right == pytest.approx(12.5 * (number + 1) / frames_per_px)
        )


def test_phones_beyond_the_edges_are_left_out(layout, phones):
    view = layout.View(101 + 12.5 * 2 + 1, 0.1, 100)           # inside the third phone
    assert [box.label for box in layout.boxes(track(layout, phones("M", "AA", "K", "B")), view)] == ["k"]


def test_phones_that_share_a_pixel_are_drawn_once(layout, phones):
    view = layout.View(101.0, 100.0, 1000)
    assert len(layout.boxes(track(layout, phones(*["M", "AA"] * 200)), view)) <= 52


def test_the_waveform_lies_under_its_samples(ext, layout):
    samples = np.zeros(16_000 * 4, np.float32)
    samples[32_000] = 1.0                       # second 2: frame 151
    taken = track(layout, peaks=ext.module("addon.overlay.peaks").measure(samples, 16_000))
    for left_frame, frames_per_px in ((90.0, 0.25), (149.0, 0.01), (0.0, 1.0)):
        view, band = layout.View(left_frame, frames_per_px, 400), layout.Band(10.0, 110.0)
        corners = layout.wave_outline(taken, view, band).reshape(-1, 2, 2)
        highest = corners[corners[:, 1, 1].argmax()]
        assert (
            highest[1, 1] == 110
            and highest[0, 0] == pytest.approx(view.x(151.0), abs=1.01 + 0.0025 * 25 / frames_per_px)
        )


def test_a_curve_keeps_its_peak_when_it_is_thinned_out(layout):
    values = np.zeros(20_000, np.float32)
    values[12_345] = 1.0
    points = layout.curve_line(
        layout.DrawnCurve("jawOpen", 1.0, values), layout.View(1.0, 20.0, 1000), layout.Band(0.0, 100.0)
    )
    assert len(points) < 3000
    assert points[points[:, 1].argmax()].tolist() == [pytest.approx(12_345 / 20), 98.0]


def test_a_curve_outside_of_the_view_is_not_drawn(layout):
    curve, band = layout.DrawnCurve("jawOpen", 1.0, np.ones(100, np.float32)), layout.Band(0.0, 50.0)
    assert len(layout.curve_line(curve, layout.View(500.0, 0.1, 1000), band)) == 0
    inside = layout.curve_line(curve, layout.View(50.0, 0.1, 100), band)
    assert inside[0, 0] <= 0 and inside[-1, 0] >= 100 and len(inside) < 16


def test_a_low_band_has_room_for_phones_alone(layout):
    phones_band, rest = layout.split(layout.Band(10.0, 28.0), True)
    assert (phones_band.bottom, phones_band.top, rest.top - rest.bottom) == (10, 28, 0)
    phones_band, rest = layout.split(layout.Band(10.0, 110.0), True)
    assert phones_band.top == rest.bottom == 28 and rest.top == 110
    assert layout.split(layout.Band(10.0, 28.0), False)[1] == layout.Band(10.0, 28.0)


# ---- which frames

def test_frames_are_chosen_where_the_mouth_shows_most(frames, phones):
    spoken = phones("SIL", "K", "M", "S", "T", "AA", "N", "UW", "G", "SIL")
    moments = frames.at_phones(spoken, 1.0, 24.0, 240.0, 3)
    assert [moment.phone for moment in moments] == ["M", "AA", "UW"]
    assert [moment.frame for moment in moments] == [1 + round(24 * (0.5 * index + 0.25)) for index in (2, 5, 7)]
    assert [spoken[moment.index].label for moment in moments] == ["M", "AA", "UW"]


def test_closures_alone_do_not_fill_the_sheet(frames, phones):
    moments = frames.at_phones(phones(*["M", "AA", "B", "UW", "P", "OW"] * 4), 1.0, 24.0, 1000.0, 8)
    assert len({frames.mouth_kind(moment.phone) for moment in moments}) == 3


def test_no_frame_comes_twice_and_none_after_the_end(ext, frames):
    phone = ext.module("engine.values.phones").Phone
    spoken = tuple(phone("M", 0.001 * place, 0.001 * (place + 1)) for place in range(3000))
    moments = frames.at_phones(spoken, 1.0, 24.0, 30.0, 60)
    found = [moment.frame for moment in moments]
    assert found == sorted(set(found)) and found[-1] <= 30


@pytest.mark.parametrize(("count", "expected"), [(1, [6]), (3, [2, 6, 9]), (100, list(range(1, 11)))])
def test_even_frames(frames, count, expected):
    assert [moment.frame for moment in frames.evenly((), 1.0, 24.0, 10.0, count)] == expected


# ---- borrowed settings

def test_settings_come_back_after_an_error(ext):
    borrowed = ext.module("addon.host.borrowed").borrowed
    render = bpy.context.scene.render
    render.filepath, render.resolution_x = "//mine", 1234
    shading = bpy.context.scene.display.shading
    shading.background_color = (0.1, 0.2, 0.3)
    changes = [
        (render, "filepath", "/else"), (render, "resolution_x", 10), (render, "no_such_setting", 1),
        (shading, "background_color", (1, 1, 1)),
    ]
    with pytest.raises(ZeroDivisionError), borrowed(changes):
        assert (render.filepath, render.resolution_x) == ("/else", 10)
        1 / 0  # noqa: B018
    assert (render.filepath, render.resolution_x) == ("//mine", 1234)
    assert tuple(shading.background_color) == pytest.approx((0.1, 0.2, 0.3))


def test_settings_come_back_when_one_cannot_be_set(ext):
    render = bpy.context.scene.render
    before = render.engine
    with pytest.raises(TypeError), ext.module("addon.host.borrowed").borrowed([
        (render, "engine", 'BLENDER_WORKBENCH'), (render, "engine", 'NO_SUCH_ENGINE')
    ]):
        pass
    assert render.engine == before


# ---- playing

def test_what_playing_changes_comes_back_from_its_note(ext):
    playback = ext.module("addon.preview.playback")
    scene = bpy.context.scene
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 30, 40
    scene.use_preview_range, scene.sync_mode, scene.use_audio = False, 'NONE', False
    scene.frame_set(7, subframe=0.25)
    playback._note(scene)
    scene.use_preview_range = True
    playback._set_range(scene, 100, 220)
    scene.sync_mode, scene.use_audio = 'AUDIO_SYNC', True
    scene.frame_set(150)
    playback._tidy()                            # as after an undo or a load: nothing plays
    assert (scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end) == (False, 30, 40)
    assert (scene.sync_mode, scene.use_audio, playback.NOTE in scene) == ('NONE', False, False)
    assert scene.frame_current == 150           # undo and load have frames of their own


def test_overlay_has_no_handlers_in_the_background(ext):
    overlay = ext.module("addon.overlay.overlay")
    bpy.context.scene.unitalker_preview.overlay = True
    assert not overlay.is_on() and not bpy.app.timers.is_registered(overlay._look)
    assert overlay._keys_may_have_changed not in bpy.app.handlers.depsgraph_update_post


def test_registering_takes_back_what_it_added(ext):
    preview = [ext.module("addon.overlay.overlay"), ext.module("addon.preview.playback")]
    before = [
        list(getattr(bpy.app.handlers, name))
        for name in ("load_pre", "load_post", "save_pre", "undo_post", "redo_post")
    ]
    for module in preview:
        module.unregister()
    after = [
        handler
        for name in ("load_pre", "load_post", "save_pre", "undo_post", "redo_post")
        for handler in getattr(bpy.app.handlers, name)
    ]
    assert not [
        handler for handler in after if handler.__module__.startswith((preview[0].__name__, preview[1].__name__))
    ]
    for module in preview:
        module.register()
    assert [
        sorted(map(repr, getattr(bpy.app.handlers, name)))
        for name in ("load_pre", "load_post", "save_pre", "undo_post", "redo_post")
    ] == [sorted(map(repr, handlers)) for handlers in before]


# ---- files

def test_a_part_of_a_picture_or_film_is_seen_as_such(ext, tmp_path):
    whole = ext.module("addon.pictures.complete_file")
    image = bpy.data.images.new("x", 30, 20)
    image.filepath_raw, image.file_format = str(tmp_path / "x.png"), 'PNG'
    image.save()
    assert whole.is_whole_png(str(tmp_path / "x.png")) and not whole.is_whole_png(str(tmp_path / "none.png"))
    data = (tmp_path / "x.png").read_bytes()
    for length in (0, 5, len(data) // 2, len(data) - 1):
        (tmp_path / "part.png").write_bytes(data[:length])
        assert not whole.is_whole_png(str(tmp_path / "part.png"))

    film = b"".join(
        len(body + b"....name").to_bytes(4, "big") + name + body
        for name, body in ((b"ftyp", b"isom"), (b"mdat", b"x" * 99), (b"moov", b"y" * 9))
    )
    for length in range(len(film) + 1):
        (tmp_path / "film.mp4").write_bytes(film[:length])
        assert whole.is_whole_mp4(str(tmp_path / "film.mp4")) == (length == len(film))


# ---- the take that is shown

def animate(speech, start_frame, **options):
    bpy.ops.unitalker.animate(audio=speech, character="Face", start_frame=start_frame, **options)


def chosen_track(ext, channels):
    """What the overlay draws of the chosen take."""
    take = ext.module("addon.take.current").chosen(bpy.context)
    return ext.module("addon.overlay.content").track_of(bpy.context, take, None, (), channels)


def test_curves_are_those_that_are_keyed(ext, face, speech):
    animate(speech, 11)
    track = chosen_track(ext, "jawOpen, no such key, mouthClose")
    assert [curve.name for curve in track.curves] == ["jawOpen", "mouthClose"]
    assert (track.first_frame, track.last_frame, track.sound_frame, track.fps) == (11, 58, 11, 24)
    assert np.allclose(track.curves[0].values, jaw(face)[:, 1]) and track.curves[0].first_frame == 11


def test_curves_of_a_rig_with_other_names_are_found_through_its_preset(ext, face):
    preset = ext.module("engine.rig.presets").load_preset(str(ROOT / "presets" / "daz_genesis_9.json"))
    make_face(ext, "Daz", tuple(target.to.name for target in preset.targets if target.to.kind == "shape_key"))
    own = next(target.to.name for target in preset.targets if dict(target.sources).get("jawOpen"))
    rig = ext.module("addon.character.character").gather(bpy.context, "Daz")
    names = [
        (name, channel.name)
        for name, channel in ext.module("addon.overlay.content")._rig_channels(bpy.context, rig, [own, "jawOpen"])
    ]
    assert own != "jawOpen" and names[0] == (own, own) and ("jawOpen", own) in names


def test_a_shift_moves_keys_and_phones_but_not_the_sound(ext, face, speech):
    animate(speech, 11, shift_frames=-2.0)
    track = chosen_track(ext, "")
    assert (track.first_frame, track.sound_frame) == (9, 11)


def test_of_several_takes_the_one_at_the_playhead_is_shown(ext, face, speech, tmp_path):
    other = write_wav(tmp_path / "other.wav", np.random.default_rng(0).normal(0, 0.1, 16_000))
    animate(speech, 1)
    animate(other, 101)
    current = ext.module("addon.take.current")
    for frame, last in ((1, 48), (48, 48), (60, 48), (90, 124), (300, 124)):
        bpy.context.scene.frame_set(frame)
        assert current.chosen(bpy.context).last_frame == last
    known = current.all_of(bpy.context)
    assert current.choose(known, 300, known[0].line) == known[0]


def test_phones_that_were_edited_are_shown_as_edited(ext, face, speech):
    animate(speech, 1)
    current = ext.module("addon.take.current")
    one = current.chosen(bpy.context)
    assert current.known_phones(bpy.context, one) is None
    heard = current.model_phones(current.request_of(bpy.context, one))
    assert heard and heard[-1].end_s == pytest.approx(2.0, abs=0.1)
    edited = type(one)(**{**one.__dict__, "phones": (("M", 0.0, 0.5), ("AA", 0.5, 2.0))})
    assert [phone.label for phone in current.known_phones(bpy.context, edited)] == ["M", "AA"]
