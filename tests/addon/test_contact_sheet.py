"""Contact sheet and playblast in the background: what is written, what is left as it was, and every way to fail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import bpy
import numpy as np
import pytest

from . import fake_window
from .conftest import ROOT, in_empty_scene, needs_aud, write_wav

try:
    import resource
except ImportError:                     # Windows
    resource = None

needs_ffprobe = pytest.mark.skipif(
    shutil.which("ffprobe") is None, reason="no ffprobe (package ffmpeg) to look into the film"
)
CLICK_S = 1.0
RATE_HZ = 48_000


@pytest.fixture(scope="module")
def shot_file(package, speech, tmp_path_factory):
    """The test head with a take of two seconds from frame 11 on and a camera on its face: the file and its name."""
    in_empty_scene(package)
    scene = bpy.context.scene
    bpy.ops.unitalker.add_test_head()
    head = bpy.context.view_layer.objects.active
    bpy.ops.unitalker.animate(audio=speech, character=head.name, start_frame=11)
    scene.unitalker.audio, scene.unitalker.start_frame, scene.unitalker.source = speech, 11, 'FILE'
    bpy.ops.unitalker.face_camera(character=head.name)
    path = tmp_path_factory.mktemp("shot") / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path, head.name


@pytest.fixture
def shot(ext, shot_file, tmp_path):
    """The name of the head in a copy of that file, tmp_path / "shot.blend", opened anew."""
    copy = shutil.copy(shot_file[0], tmp_path / "shot.blend")
    bpy.ops.wm.open_mainfile(filepath=str(copy), load_ui=False)
    bpy.context.scene.unitalker_preview.tile_px = 96
    bpy.context.scene.frame_set(5)
    return shot_file[1]


def settings(scene):
    """Everything of a scene that drawing could have changed."""
    owners = (
        scene, scene.render, scene.render.image_settings, scene.render.ffmpeg, scene.view_settings, scene.display,
        scene.display.shading,
    )
    kinds = ('BOOLEAN', 'INT', 'FLOAT', 'ENUM', 'STRING')
    found = {}
    for owner in owners:
        for prop in owner.bl_rna.properties:
            if prop.type in kinds and not prop.is_readonly and prop.identifier not in ("name",):
                value = getattr(owner, prop.identifier)
                found[owner.bl_rna.identifier, prop.identifier] = (
                    tuple(value) if getattr(prop, "is_array", False) else value
                )
    found["frame"] = scene.frame_current, scene.frame_subframe
    found["data"] = [
        sorted(item.name for item in getattr(bpy.data, kind))
        for kind in ("scenes", "objects", "sounds", "cameras", "actions", "worlds")
    ]
    found["camera"] = scene.camera and scene.camera.name
    return found


def pixels(path):
    image = bpy.data.images.load(str(path))
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    values = values.reshape(image.size[1], image.size[0], 4)
    bpy.data.images.remove(image)
    return values


def test_one_click_writes_a_sheet_beside_the_file(ext, shot, tmp_path):
    chosen = bpy.context.scene.unitalker_preview
    chosen.pick, chosen.count = 'EVEN', 4
    before = settings(bpy.context.scene)
    assert bpy.ops.unitalker.contact_sheet() == {'FINISHED'}
    path = tmp_path / f"shot {shot} speech contact sheet.png"
    assert chosen.last_sheet == str(path) and path.name in {image.name for image in bpy.data.images}
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, "shot.blend"]
    assert settings(bpy.context.scene) == before
    sheet, behind = ext.module("addon.pictures.contact_sheet"), ext.module("addon.pictures.picture").BEHIND
    gap, width = round(96 * sheet.GAP), 96
    values = pixels(path)
    assert values.shape[1] == 4 * (width + gap) + gap
    top = values.shape[0] - round(96 * sheet.TITLE)
    tiles = [values[top - 96:top, gap + n * (width + gap):gap + n * (width + gap) + width, :3] for n in range(4)]
    for tile in tiles:
        middle, corner = tile[20:76, 30:66].reshape(-1, 3).mean(0), tile[-3:, :3].reshape(-1, 3).mean(0)
        # skin in the middle, paper at the edge
        assert middle[0] > middle[2] + 0.1 and np.abs(corner - behind).max() < 0.02
    quiet, loud = tiles[0], tiles[1]            # the buzz is from 0.5 to 1.5 s, pictures at 0.25, 0.75, ...
    assert np.abs(quiet - tiles[3]).mean() < 0.01 < np.abs(quiet - loud).mean() + 0.005
    labels = values[top - 96 - round(96 * sheet.LABEL):top - 96, gap:gap + width, :3]
    assert labels.min() < 0.6 and labels.max() > 0.9           # ink on paper


def test_a_second_sheet_replaces_the_first_one(ext, shot, tmp_path):
    chosen = bpy.context.scene.unitalker_preview
    path = tmp_path / "sheet.png"
    chosen.pick, sizes = 'EVEN', []
    for chosen.count in (1, 3):
        bpy.ops.unitalker.contact_sheet(filepath=str(path))
        image = bpy.data.images["sheet.png"]
        sizes.append(tuple(image.size))
    assert (
        sizes[0][0] < sizes[1][0] and len([image for image in bpy.data.images if image.name.startswith("sheet")]) == 1
    )


def test_without_close_up_all_of_the_camera_is_seen(ext, shot, tmp_path):
    chosen = bpy.context.scene.unitalker_preview
    chosen.close_up, chosen.count = False, 1
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 1600, 800
    bpy.ops.unitalker.contact_sheet(filepath=str(tmp_path / "wide.png"))
    sheet = ext.module("addon.pictures.contact_sheet")
    height = pixels(tmp_path / "wide.png").shape[0]
    assert height == 48 + round(96 * sheet.TITLE) + round(96 * sheet.LABEL) + round(96 * sheet.GAP)


def test_a_close_up_of_the_mouth_is_a_part_of_the_face(ext):
    region = ext.module("addon.pictures.face_region")
    bpy.ops.unitalker.add_test_head()
    face, mouth = (region.find_face([bpy.context.object], wanted) for wanted in (False, True))
    (low, high), (mouth_low, mouth_high) = (region.box_of(bpy.context, part) for part in (face, mouth))
    assert (mouth_high - mouth_low)[2] < 0.6 * (high - low)[2]
    assert (mouth_low >= low).all() and (mouth_high <= high).all()


# ---- errors

def refused(operator, words, tmp_path, **options):
    """An operator fails with a sentence, and nothing is changed or left behind."""
    before, files = settings(bpy.context.scene), sorted(tmp_path.rglob("*"))
    with pytest.raises(RuntimeError, match=words):
        operator(**options)
    assert settings(bpy.context.scene) == before and sorted(tmp_path.rglob("*")) == files


OPERATORS = ("contact_sheet", "playblast")


@pytest.mark.parametrize("name", OPERATORS)
def test_without_a_camera_the_button_says_so(ext, shot, tmp_path, name):
    bpy.context.scene.camera = None
    refused(getattr(bpy.ops.unitalker, name), "no camera: press Camera on Face", tmp_path)


@pytest.mark.parametrize("name", OPERATORS)
def test_without_a_take_the_button_says_so(ext, shot, tmp_path, name):
    bpy.ops.unitalker.clear(character=shot)
    refused(getattr(bpy.ops.unitalker, name), "no lip sync yet", tmp_path)


@pytest.mark.parametrize("name", OPERATORS)
def test_a_deleted_character_is_one_error(ext, shot, tmp_path, name):
    bpy.context.scene.unitalker.character = bpy.data.objects[shot]
    bpy.ops.object.select_all(action='DESELECT')
    bpy.data.objects[shot].select_set(True)
    bpy.ops.object.delete()
    refused(getattr(bpy.ops.unitalker, name), "was deleted from its scene", tmp_path)


@pytest.mark.parametrize("name", OPERATORS)
def test_a_file_that_is_not_saved_asks_for_a_folder(ext, face, speech, tmp_path, name):
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    bpy.ops.unitalker.face_camera(character="Face")
    refused(getattr(bpy.ops.unitalker, name), "not saved yet", tmp_path)


@pytest.mark.parametrize("name", OPERATORS)
def test_a_folder_that_is_not_there_is_one_error(ext, shot, tmp_path, name):
    refused(getattr(bpy.ops.unitalker, name), "Folder not found", tmp_path, filepath=str(tmp_path / "no" / "where.x"))


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders are protected in other ways on Windows")
def test_a_protected_folder_is_one_error(ext, shot, tmp_path, monkeypatch, name):
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)       # root may write anywhere
    refused(getattr(bpy.ops.unitalker, name), "may not be written to", tmp_path)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.skipif(resource is None, reason="no limit of file sizes on Windows")
@pytest.mark.parametrize("limit", [100, 3_000])        # already the first picture; only what is made of them
def test_a_full_disk_is_one_error_and_the_old_file_stays(ext, shot, tmp_path, monkeypatch, name, limit):
    chosen = bpy.context.scene.unitalker_preview
    chosen.pick, chosen.count, chosen.percentage, chosen.span = 'EVEN', 2, 5, 'SCENE'
    chosen.close_up, chosen.tile_px = False, 40
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 21, 24
    path = tmp_path / ("old.png" if name == "contact_sheet" else "old.mp4")
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        refused(getattr(bpy.ops.unitalker, name), r"(Cannot write|not written whole)", tmp_path, filepath=str(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"


def test_a_face_that_the_camera_does_not_see_is_one_error(ext, shot, tmp_path):
    bpy.context.scene.camera.rotation_euler.z += 3.14
    refused(bpy.ops.unitalker.contact_sheet, "is not in the picture of", tmp_path)


@pytest.mark.parametrize("name", OPERATORS)
def test_a_stop_half_way_leaves_everything_as_it_was(ext, shot, tmp_path, name):
    plan, steps = ext.module("addon.pictures.plan"), ext.module("addon.host.steps")
    wanted = plan.Wanted("", "", str(tmp_path / "half"), "", 4, 'EVEN', True, 64, 5, True, 'TAKE')
    before, files = settings(bpy.context.scene), sorted(tmp_path.rglob("*"))
    if name == "contact_sheet":
        work = plan.sheet(bpy.context, wanted)
    else:
        work = ext.module("addon.pictures.playblast").make(plan.film(bpy.context, wanted))
    job = steps.Steps(work, "Filming")
    job.start()
    while job.fraction == 0 and not job.done:
        job.advance(0.0001)
    assert 0 < job.fraction < 0.5 and bpy.context.scene.frame_current >= 11
    ext.module("addon.host.job").drop_on_load()      # as before another file is loaded
    assert job.done and ext.module("addon.host.job").Job.current is None
    assert settings(bpy.context.scene) == before and sorted(tmp_path.rglob("*")) == files


# ---- an artist's render that is not saved yet

RED, GREEN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def render_by_hand(scene, colour, size_px=24):
    """What F12 does: a picture of one colour in the slot that is chosen."""
    scene.world = bpy.data.worlds.get("Sky") or bpy.data.worlds.new("Sky")
    scene.world.color, scene.display.shading.background_type, scene.render.engine = colour, 'WORLD', 'BLENDER_WORKBENCH'
    scene.render.resolution_x = scene.render.resolution_y = size_px
    scene.render.resolution_percentage = 100
    if scene.camera is None:
        scene.camera = bpy.data.objects.new("Eye", bpy.data.cameras.new("Eye"))
    bpy.ops.render.render(scene=scene.name)


def rendered(scene, tmp_path):
    """Size and the corner's colour of what an Image Editor shows of a scene as Render Result; None where it shows
    nothing."""
    path = tmp_path.parent / f"{tmp_path.name} seen.png"
    image = next(image for image in bpy.data.images if image.type == 'RENDER_RESULT')
    try:
        image.save_render(str(path), scene=scene)
    except RuntimeError:
        return None
    values = pixels(path)
    path.unlink()
    return values.shape[0], tuple(float(round(value)) for value in values[0, 0, :3])


def slots():
    return next(image for image in bpy.data.images if image.type == 'RENDER_RESULT').render_slots


def small(chosen):
    chosen.pick, chosen.count, chosen.percentage, chosen.span, chosen.tile_px = 'EVEN', 2, 100, 'SCENE', 40
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 21, 23


def two_renders(scene):
    """A green one in the second slot, then a red one in the third."""
    small(scene.unitalker_preview)
    render_by_hand(scene, GREEN, 16)
    slots().active_index = 1
    render_by_hand(scene, GREEN, 16)
    slots().active_index = 2
    render_by_hand(scene, RED)


@pytest.mark.parametrize("name", OPERATORS)
def test_a_render_that_is_not_saved_stays(ext, shot, tmp_path, name):
    scene = bpy.context.scene
    two_renders(scene)
    for _ in range(2):
        assert getattr(bpy.ops.unitalker, name)(filepath=str(tmp_path / "made")) == {'FINISHED'}
        assert slots().active_index == 2 and rendered(scene, tmp_path) == (24, RED)
    assert [slot.name for slot in slots()][8:] == ["Lip Sync"]
    slots().active_index = 1
    assert rendered(scene, tmp_path) == (16, GREEN)
    render_by_hand(scene, GREEN, 32)
    assert rendered(scene, tmp_path) == (32, GREEN)
    slots().active_index = 2
    assert rendered(scene, tmp_path) == (24, RED)


@pytest.mark.parametrize("name", OPERATORS)
def test_a_render_stays_while_another_slot_is_looked_at(ext, shot, tmp_path, name):
    scene = bpy.context.scene
    two_renders(scene)
    slots().active_index = 1
    getattr(bpy.ops.unitalker, name)(filepath=str(tmp_path / "made"))
    assert slots().active_index == 1 and rendered(scene, tmp_path) == (16, GREEN)
    slots().active_index = 2
    assert rendered(scene, tmp_path) == (24, RED)


@pytest.mark.parametrize("name", OPERATORS)
def test_the_render_of_another_scene_stays(ext, shot, tmp_path, name):
    small(bpy.context.scene.unitalker_preview)
    bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 48
    other = bpy.data.scenes.new("Other")
    render_by_hand(other, RED)
    getattr(bpy.ops.unitalker, name)(filepath=str(tmp_path / "made"))
    assert rendered(other, tmp_path) == (24, RED)


def test_a_render_stays_where_drawing_is_stopped(ext, shot, tmp_path):
    scene = bpy.context.scene
    small(scene.unitalker_preview)
    render_by_hand(scene, RED)
    plan = ext.module("addon.pictures.plan")
    work = plan.sheet(bpy.context, plan.Wanted.of(bpy.context, "", "", str(tmp_path / "half")))
    while next(work) == 0:
        pass
    work.close()
    assert rendered(scene, tmp_path) == (24, RED)


# ---- in a window

@pytest.fixture
def operator(ext, shot, tmp_path, monkeypatch):
    """The contact sheet's operator as a window runs it, with its context."""
    context = fake_window.show_window(monkeypatch)
    cls = ext.module("addon.pictures.operators").UNITALKER_OT_contact_sheet
    monkeypatch.setattr(ext.module("addon.pictures.operators"), "_show", lambda *_: None)
    bpy.context.scene.unitalker_preview.pick, bpy.context.scene.unitalker_preview.count = 'EVEN', 3
    return fake_window.FakeOperator(
        cls, {"filepath": str(tmp_path / "sheet.png"), "character": "", "take": ""}
    ), context


def started(operator, context, job_of):
    assert operator.invoke(context, None) == {'RUNNING_MODAL'} and context.timers == 1
    while job_of().fraction == 0:
        assert operator.modal(context, fake_window.event('TIMER')) == {'PASS_THROUGH'}
    assert 0 < job_of().fraction < 1 and "Esc" in context.status


def test_the_button_draws_step_by_step_to_its_end(ext, operator, tmp_path):
    made, context = operator
    started(made, context, lambda: ext.module("addon.host.job").Job.current)
    before = bpy.context.scene.frame_current
    assert fake_window.tick_to_end(made, context) == {'FINISHED'}
    assert (tmp_path / "sheet.png").exists() and bpy.context.scene.frame_current == 5 != before
    assert context.timers == 0 and context.status is None and ext.module("addon.host.job").Job.current is None


def test_esc_stops_it_and_nothing_is_left(ext, operator, tmp_path):
    made, context = operator
    before, files = settings(bpy.context.scene), sorted(tmp_path.rglob("*"))
    started(made, context, lambda: ext.module("addon.host.job").Job.current)
    assert made.modal(context, fake_window.event('ESC', 'PRESS')) == {'CANCELLED'}
    assert settings(bpy.context.scene) == before and sorted(tmp_path.rglob("*")) == files
    assert context.timers == 0 and context.status is None and ext.module("addon.host.job").Job.current is None
    assert made.reports[-1] == ('INFO', "Cancelled: nothing was written.")


def test_a_character_that_is_deleted_meanwhile_is_one_error(ext, operator, shot, tmp_path):
    made, context = operator
    started(made, context, lambda: ext.module("addon.host.job").Job.current)
    bpy.data.objects.remove(bpy.data.objects[shot])
    assert fake_window.tick_to_end(made, context) == {'CANCELLED'}
    kind, text = made.reports[-1]
    assert kind == 'ERROR' and "was removed or renamed meanwhile" in text
    assert not (tmp_path / "sheet.png").exists() and context.timers == 0 and bpy.context.scene.frame_current == 5


# ---- the command line

def test_the_command_draws_a_sheet_of_a_scene_without_a_camera(ext, face, speech, tmp_path, capsys):
    bpy.ops.unitalker.add_test_head()
    head = bpy.context.view_layer.objects.active.name
    bpy.context.scene.unitalker_preview.tile_px = 64
    out, png = tmp_path / "out.blend", tmp_path / "out.png"
    status = ext.module("addon.command").run([
        "--audio", speech, "--character", head, "--save", str(out), "--contact-sheet", str(png)
    ])
    assert status == 0 and capsys.readouterr().out.rstrip().endswith(str(png))
    assert pixels(png)[..., :3].std() > 0.1
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert bpy.context.scene.camera is None         # the camera was for the picture


# ---- the camera

def test_the_camera_looks_at_the_face_whichever_way_it_is_turned(ext, shot):
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    head, scene = bpy.data.objects[shot], bpy.context.scene
    for turn in (0.0, 1.2, 3.0):
        head.rotation_euler.z, head.location = turn, (3, -2, 1)
        bpy.context.view_layer.update()
        assert bpy.ops.unitalker.face_camera(character=shot) == {'FINISHED'}
        bpy.context.view_layer.update()
        nose = head.matrix_world @ Vector((0, -0.13, 0.17))
        back = head.matrix_world @ Vector((0, 0.13, 0.17))
        x, y, near = world_to_camera_view(scene, scene.camera, nose)
        assert 0.4 < x < 0.6 and 0.3 < y < 0.7 and near < world_to_camera_view(scene, scene.camera, back)[2]


# ---- the film

def probe(path):
    shown = [
        "ffprobe", "-v", "error", "-show_entries",
        "stream=codec_type,codec_name,start_time,duration,nb_frames,width,height", "-of", "json", str(path),
    ]
    streams = json.loads(subprocess.run(shown, capture_output=True, check=True).stdout)["streams"]
    return {stream["codec_type"]: stream for stream in streams}


@needs_ffprobe
def test_the_film_has_every_frame_of_the_take(ext, shot, tmp_path):
    chosen = bpy.context.scene.unitalker_preview
    chosen.percentage, half = 10, f"{tmp_path.name}/half.wav"
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 1010, 570       # 101 x 57: made even
    bpy.ops.unitalker.animate(
        audio=write_wav(tmp_path / "half.wav", np.random.default_rng(0).normal(0, 0.1, 8_000)), character=shot,
        start_frame=101,
    )
    before = settings(bpy.context.scene)
    assert bpy.ops.unitalker.playblast(take=half) == {'FINISHED'}
    path = tmp_path / f"shot {shot} half playblast.mp4"
    assert chosen.last_film == str(path) and settings(bpy.context.scene) == before
    video = probe(path)["video"]
    assert (video["codec_name"], video["width"], video["height"], int(video["nb_frames"])) == ("h264", 100, 56, 12)
    assert float(video["duration"]) == pytest.approx(0.5, abs=0.001) and float(video["start_time"]) == 0
    if not bpy.app.build_options.audaspace:
        assert "audio" not in probe(path)


@needs_aud
@needs_ffprobe
@pytest.mark.parametrize("from_strip", [True, False])
def test_the_sound_of_the_film_falls_on_its_frame(ext, shot, tmp_path, from_strip):
    """A click one second into a strip at frame 11, filmed from frame 27 on: it is heard (24 - 16) / 24 s into the
    film."""
    scene = bpy.context.scene
    samples = np.zeros(3 * RATE_HZ)
    samples[round(CLICK_S * RATE_HZ):][:240] = 0.9 * np.hanning(240)
    click = write_wav(tmp_path / "click.wav", samples, RATE_HZ)
    scene.frame_start, scene.frame_end = 27, 44
    if from_strip:
        editor = scene.sequence_editor_create()
        (editor.strips if hasattr(editor, "strips") else editor.sequences).new_sound("click", click, 1, 11)
    plan = ext.module("addon.pictures.plan")
    film = plan.film(
        bpy.context, plan.Wanted("", "", str(tmp_path / "click.mp4"), "", 4, 'EVEN', True, 64, 5, True, 'SCENE')
    )
    if not from_strip:
        film = type(film)(**{**film.__dict__, "clip": ext.module("addon.sound.clip").find_file(bpy.context, click, 11)})
    made = run(ext.module("addon.pictures.playblast").make(film))
    assert made.warning == ""
    streams = probe(made.path)
    assert float(streams["video"]["duration"]) == pytest.approx(0.75, abs=0.001)
    assert float(streams["audio"]["duration"]) == pytest.approx(0.75, abs=0.025)        # whole AAC frames
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", made.path, "-ac", "1", "-ar", str(RATE_HZ), "-f", "f32le", "-"],
        capture_output=True, check=True,
    )
    loudest = np.abs(np.frombuffer(decoded.stdout, np.float32)).argmax() / RATE_HZ
    assert loudest == pytest.approx(CLICK_S - 16 / 24 + 120 / RATE_HZ, abs=0.002)


def run(work):
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_the_sample_gives_phones_of_several_kinds(ext, tmp_path, monkeypatch):
    """The bundled model on the sample."""
    scene = bpy.context.scene
    bpy.ops.unitalker.add_test_head()
    head = bpy.context.view_layer.objects.active.name
    text = json.loads((ROOT / "tests" / "data" / "sample.json").read_text(encoding="utf-8"))["text"]
    bpy.ops.unitalker.animate(
        audio=str(ROOT / "tests" / "data" / "sample.flac"), character=head, model="mini", transcript=text
    )
    bpy.ops.unitalker.face_camera(character=head)
    chosen = scene.unitalker_preview
    chosen.tile_px, chosen.count = 64, 6
    drawn = []
    make = ext.module("addon.pictures.contact_sheet").make
    monkeypatch.setattr(
        ext.module("addon.pictures.contact_sheet"), "make", lambda sheet, crop: drawn.append(sheet) or make(sheet, crop)
    )
    bpy.ops.unitalker.contact_sheet(filepath=str(tmp_path / "sample.png"))
    tiles = drawn[0].tiles
    kinds = {ext.module("engine.values.phones").mouth_kind(tile.moment.phone) for tile in tiles}
    assert len(tiles) == 6 and {"closed", "round", "open"} <= kinds
    assert (
        drawn[0].title == text
        and {tile.word for tile in tiles} <= {*text.replace(",", "").replace(".", "").replace("!", "").split(), ""}
    )
    assert sum(bool(tile.word) for tile in tiles) >= 5
    assert (tmp_path / "sample.png").stat().st_size > 10_000


def test_a_sound_in_which_nobody_speaks_gives_even_frames(ext, tmp_path, monkeypatch):
    """The bundled model hears silence alone, so no phone is telling."""
    bpy.ops.unitalker.add_test_head()
    head = bpy.context.view_layer.objects.active.name
    write_wav(tmp_path / "silence.wav", np.zeros(2 * RATE_HZ), RATE_HZ)
    bpy.ops.unitalker.animate(audio=str(tmp_path / "silence.wav"), character=head, model="mini")
    bpy.ops.unitalker.face_camera(character=head)
    chosen = bpy.context.scene.unitalker_preview
    chosen.tile_px, chosen.count = 64, 3
    drawn = []
    make = ext.module("addon.pictures.contact_sheet").make
    monkeypatch.setattr(
        ext.module("addon.pictures.contact_sheet"), "make", lambda sheet, crop: drawn.append(sheet) or make(sheet, crop)
    )
    assert bpy.ops.unitalker.contact_sheet(filepath=str(tmp_path / "silence.png")) == {'FINISHED'}
    assert [(tile.moment.frame, tile.moment.phone) for tile in drawn[0].tiles] == [(9, ""), (25, ""), (41, "")]
    assert (tmp_path / "silence.png").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems draw without libEGL")
@pytest.mark.parametrize("name", ["contact_sheet", "playblast"])
def test_a_computer_without_graphics_is_one_error(ext, shot, tmp_path, monkeypatch, name):
    """Blender itself would abort."""
    monkeypatch.setattr(ext.module("addon.pictures.picture"), "GRAPHICS", "libnone.so.1")
    with pytest.raises(
        RuntimeError, match=r"need libnone\.so\.1, which this computer lacks: nothing was drawn\. Install it"
    ):
        getattr(bpy.ops.unitalker, name)()
    assert [file.name for file in tmp_path.iterdir()] == ["shot.blend"]
