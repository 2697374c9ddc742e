"""Which sound is heard when: strips, files and speakers, timed with a click track."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import warnings
from pathlib import Path

import bpy
import numpy as np
import pytest

from .conftest import RATE_HZ, jaw, make_face, needs_aud, write_wav
from .strips import FPS, add_strip, click_times_s, heard, mixdown, move, played, set_handles, trim


def clip_of(ext, name="Line"):
    audio = ext.module("addon.sound.clip")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        clip = audio.find_strip(bpy.context, name)
    return clip, audio.read(clip)


def plain(strip):
    """As it was added."""


def hard_trim(strip):
    trim(strip, start=30, end=50)


def soft_trim(strip):
    set_handles(strip, left=40, right=24)


def both_trims_moved(strip):
    trim(strip, start=30)
    set_handles(strip, left=11, right=5)
    move(strip, 60)


def sound_offset(strip):
    strip.sound_offset = 0.5


def negative_sound_offset(strip):
    strip.sound_offset = -0.75


def all_at_once(strip):
    trim(strip, start=20, end=10)
    set_handles(strip, left=30, right=20)
    strip.sound_offset = 0.25
    move(strip, 45)


@needs_aud
@pytest.mark.parametrize(
    "change", [plain, hard_trim, soft_trim, both_trims_moved, sound_offset, negative_sound_offset, all_at_once]
)
def test_strip_is_read_as_blender_plays_it(ext, clicks, tmp_path, change):
    change(add_strip(clicks, frame=11))
    clip, wave = clip_of(ext)
    assert clip.start_frame == int(clip.start_frame)
    played = mixdown(tmp_path / "mix.wav")
    assert played and heard(wave, int(clip.start_frame)) == played


@needs_aud
def test_only_the_visible_part_is_read(ext, clicks):
    strip = add_strip(clicks, frame=1)
    set_handles(strip, left=48, right=48)
    clip, wave = clip_of(ext)
    assert clip.start_frame == 49
    assert len(wave.samples) == 6 * RATE_HZ


@needs_aud
@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3"])
def test_a_trimmed_strip_is_in_time_in_every_format(ext, clicks, tmp_path, ending):
    aud = pytest.importorskip("aud")
    path = tmp_path / f"clicks.{ending}"
    formats = {"flac": (aud.CONTAINER_FLAC, aud.CODEC_FLAC), "ogg": (aud.CONTAINER_OGG, aud.CODEC_VORBIS),
               "mp3": (aud.CONTAINER_MP3, aud.CODEC_MP3)}
    container, codec = formats[ending]
    aud.Sound.file(clicks).write(str(path), 44100, 1, aud.FORMAT_S16, container, codec, 192000)
    strip = add_strip(path, frame=1)
    set_handles(strip, left=48)
    whole = clip_of(ext)[1]
    strip.name = "Whole"
    set_handles(strip, left=0)
    reference = clip_of(ext, "Whole")[1]
    np.testing.assert_allclose(whole.samples[:RATE_HZ], reference.samples[2 * RATE_HZ:3 * RATE_HZ], atol=2e-3)


@needs_aud
def test_the_operator_keys_on_the_frames_of_the_strip(ext, face, speech):
    add_strip(speech, frame=31)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    keys = jaw(face)
    assert keys[[0, -1], 0].tolist() == [31, 78]
    loud = keys[keys[:, 1] > keys[:, 1].max() / 2, 0]
    assert 41 <= loud.min() <= 45 and 65 <= loud.max() <= 69       # the buzz lies half a second in and lasts one


@needs_aud
def test_a_strip_in_a_meta_strip_is_cut_by_it(ext, clicks):
    strip = add_strip(clicks, frame=1)
    editor = bpy.context.scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    meta = strips.new_meta("Meta", 3, 1)
    strip.move_to_meta(meta)
    if hasattr(meta, "left_handle"):
        meta.right_handle, meta.left_handle = 73, 25
    else:
        meta.frame_final_end, meta.frame_final_start = 73, 25
    clip, wave = clip_of(ext)
    assert clip.start_frame == 25
    assert heard(wave, 25) == {25: 1, 49: 2}


@needs_aud
def test_empty_name_takes_the_only_strip_and_asks_when_there_are_more(ext, clicks):
    add_strip(clicks, name="One")
    bpy.context.scene.sequence_editor.active_strip = None
    assert clip_of(ext, "")[0].name == "One"
    add_strip(clicks, channel=2, name="Two")
    with pytest.raises(ext.module("engine").AudioError, match="Pick one of: One, Two"):
        clip_of(ext, "")


@needs_aud
def test_the_sequencer_may_show_another_scene(ext, clicks):
    shot, edit = bpy.context.scene, bpy.data.scenes.new("Edit")
    if not hasattr(bpy.context.workspace, "sequencer_scene"):
        pytest.skip("before 5.0 the sequencer shows the active scene")
    edit.render.fps = FPS
    add_strip(clicks, frame=200, scene=edit)
    bpy.context.workspace.sequencer_scene = edit
    assert clip_of(ext)[0].start_frame == 200
    shot.frame_start = 5
    strips = edit.sequence_editor.strips
    strips.new_scene("Shot", shot, 3, 180)
    assert clip_of(ext)[0].start_frame == 25         # frame 180 of the edit shows frame 5 of the shot
    edit.render.fps = 30
    with pytest.raises(ext.module("engine").AudioError, match=r"30 frames per second.*at 24"):
        clip_of(ext)


@needs_aud
def test_a_packed_sound_is_read_without_its_file(ext, clicks, tmp_path):
    path = tmp_path / "packed.wav"
    shutil.copy(clicks, path)
    strip = add_strip(path)
    strip.sound.pack()
    path.unlink()
    assert heard(clip_of(ext)[1], 1)[25] == 1


@needs_aud
def test_a_strip_of_a_file_with_other_letters(ext, clicks, tmp_path):
    folder = tmp_path / "Ünï 声"
    folder.mkdir()
    path = folder / "línea 1 – 台詞.wav"
    shutil.copy(clicks, path)
    add_strip(path, frame=11, name="台詞")
    clip, wave = clip_of(ext, "台詞")
    assert heard(wave, 11)[35] == 1 and clip.path == str(path)
    bpy.context.scene.sequence_editor.strips_all["台詞"].sound.pack()
    path.unlink()
    assert heard(clip_of(ext, "台詞")[1], 11)[35] == 1


@needs_aud
def test_a_missing_sound_says_what_to_do_and_writes_nothing(ext, face, clicks, tmp_path):
    path = tmp_path / "gone.wav"
    shutil.copy(clicks, path)
    add_strip(path)
    path.unlink()
    with pytest.raises(RuntimeError, match=r"gone.wav.*Find Missing Files"):
        bpy.ops.unitalker.animate(strip="Line", character="Face")
    assert len(bpy.data.actions) == 0


@needs_aud
def test_a_speaker_starts_where_its_nla_strip_does(ext, clicks):
    bpy.context.scene.frame_set(13)
    bpy.ops.object.speaker_add()            # makes the NLA strip too
    speaker = bpy.context.view_layer.objects.active
    speaker.data.sound = bpy.data.sounds.load(clicks)
    audio = ext.module("addon.sound.clip")
    clip = audio.find_speaker(bpy.context, speaker.name)
    assert clip.start_frame == 13
    assert heard(audio.read(clip), 13)[13 + FPS] == 1
    speaker.animation_data_clear()
    bpy.context.scene.frame_start = 7
    assert audio.find_speaker(bpy.context, speaker.name).start_frame == 7


def speaker_with(clicks):
    bpy.context.scene.frame_set(13)
    bpy.ops.object.speaker_add()
    speaker = bpy.context.view_layer.objects.active
    speaker.data.sound = bpy.data.sounds.load(clicks)
    return speaker


@needs_aud
@pytest.mark.parametrize("pitch", [0.8, 1.25])
def test_the_pitch_of_a_speaker_is_its_speed(ext, clicks, pitch):
    speaker = speaker_with(clicks)
    speaker.data.pitch = pitch
    audio = ext.module("addon.sound.clip")
    found = click_times_s(audio.read(audio.find_speaker(bpy.context, speaker.name)).samples, RATE_HZ)
    expected = (np.arange(10) + 0.0055) / pitch
    assert len(found) >= 9 and found == pytest.approx(expected[-len(found):], abs=0.02)


@needs_aud
def test_an_animated_pitch_is_refused(ext, clicks):
    speaker = speaker_with(clicks)
    speaker.data.keyframe_insert("pitch", frame=1)
    with pytest.raises(ext.module("engine").AudioError, match=r"Pitch of speaker .* is animated"):
        ext.module("addon.sound.clip").find_speaker(bpy.context, speaker.name)


@needs_aud
@pytest.mark.parametrize("source", ["strip", "speaker", "file"])
def test_time_stretching_is_refused_because_sound_ignores_it(ext, clicks, source):
    speaker = speaker_with(clicks)
    add_strip(clicks)
    bpy.context.scene.render.frame_map_new = 200
    audio = ext.module("addon.sound.clip")
    find = {
        "strip": lambda: audio.find_strip(bpy.context, "Line"),
        "speaker": lambda: audio.find_speaker(bpy.context, speaker.name),
        "file": lambda: audio.find_file(bpy.context, clicks, 1),
    }[source]
    with pytest.raises(ext.module("engine").AudioError, match="Time Stretching: Old 100, New 200"):
        find()
    bpy.context.scene.render.frame_map_old = 200
    assert find().start_frame in (1, 13)


@needs_aud
def test_a_speaker_without_sound_says_so(ext):
    bpy.ops.object.speaker_add()
    name = bpy.context.view_layer.objects.active.name
    with pytest.raises(ext.module("engine").AudioError, match=f"Speaker '{name}' has no sound"):
        ext.module("addon.sound.clip").find_speaker(bpy.context, name)


def test_no_strips_at_all(ext, face):
    with pytest.raises(RuntimeError, match=r"has no sound strip.*Add > Sound"):
        bpy.ops.unitalker.animate(character="Face")


@needs_aud
def test_the_first_of_several_nla_strips_counts_and_a_muted_one_does_not(ext, clicks):
    bpy.context.scene.frame_set(30)
    bpy.ops.object.speaker_add()
    speaker = bpy.context.view_layer.objects.active
    speaker.data.sound = bpy.data.sounds.load(clicks)
    window = bpy.context.window_manager.windows[0]
    window.screen.areas[0].type = 'NLA_EDITOR'
    area = window.screen.areas[0]
    region = next(region for region in area.regions if region.type == 'WINDOW')
    bpy.context.scene.frame_set(100)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.nla.soundclip_add()
    first, second = sorted(
        (strip for track in speaker.animation_data.nla_tracks for strip in track.strips),
        key=lambda strip: strip.frame_start,
    )
    assert (first.frame_start, second.frame_start) == (30, 100)
    audio = ext.module("addon.sound.clip")
    assert audio.find_speaker(bpy.context, speaker.name).start_frame == 30
    first.mute = True
    assert audio.find_speaker(bpy.context, speaker.name).start_frame == 100


@needs_aud
def test_a_strip_in_nested_meta_strips_is_cut_by_both(ext, clicks):
    strip = add_strip(clicks, frame=1)
    editor = bpy.context.scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    inner, outer = strips.new_meta("Inner", 3, 1), strips.new_meta("Outer", 4, 1)
    strip.move_to_meta(inner)
    inner.move_to_meta(outer)
    left, right = (
        ("left_handle", "right_handle") if hasattr(inner, "left_handle") else ("frame_final_start", "frame_final_end")
    )
    setattr(inner, right, 121)
    setattr(inner, left, 25)
    setattr(outer, right, 97)
    clip, wave = clip_of(ext)
    assert clip.start_frame == 25
    assert heard(wave, 25) == {25: 1, 49: 2, 73: 3}


@needs_aud
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_the_sound_of_a_film_is_in_time(ext, clicks, tmp_path, ending):
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg, which makes the film, is not installed")
    film = tmp_path / f"film.{ending}"
    subprocess.run(
        [
            ffmpeg, "-v", "error", "-f", "lavfi", "-i", "color=size=64x64:rate=24:duration=10", "-i", clicks, "-c:a",
            "aac", "-shortest", str(film),
        ],
        check=True, timeout=60,
    )
    add_strip(film, frame=11)
    clip, wave = clip_of(ext)
    assert clip.start_frame == 11
    samples, rate_hz = played(tmp_path / "mix.wav")
    found, witness = click_times_s(wave.samples, RATE_HZ) + 11 / FPS, click_times_s(samples, rate_hz) + 1 / FPS
    # the mixdown itself loses the start of an mp4
    assert len(witness) >= 9 and found[-9:] == pytest.approx(witness[-9:], abs=0.005)


@needs_aud
def test_a_strip_is_found_by_its_mark_after_it_was_renamed(ext, clicks):
    strip = add_strip(clicks)
    clip = clip_of(ext)[0]
    assert clip.mark and clip_of(ext)[0].mark == clip.mark
    strip.name = "Renamed"
    found = ext.module("addon.sound.strips").find_marked(bpy.context.scene, clip.mark, "Line")
    assert found.name == "Renamed"
    add_strip(clicks, channel=3, name="Line")           # another strip takes the old name
    clip_of(ext)
    assert ext.module("addon.sound.strips").find_marked(bpy.context.scene, clip.mark, "Line").name == "Renamed"


@needs_aud
def test_a_copied_strip_gets_its_own_mark(ext, clicks):
    first, copy = add_strip(clicks), add_strip(clicks, channel=2, name="Line.001")
    strips = ext.module("addon.sound.strips")
    known = strips.mark(first, bpy.context.scene)
    copy[strips.MARK] = first[strips.MARK]       # what duplicating and splitting do
    assert strips.mark(first, bpy.context.scene) == known == strips.mark_of(copy)
    assert strips.mark(copy, bpy.context.scene) != known
    assert strips.mark_of(first) == known


@needs_aud
def test_a_character_of_another_scene_moves_on_that_scenes_clock(ext, speech):
    edit, shot = bpy.context.scene, bpy.data.scenes.new("Shot")
    shot.render.fps, shot.frame_end, shot.frame_start = FPS, 1200, 1001
    face = make_face(ext, "Face")
    edit.collection.objects.unlink(face)
    shot.collection.objects.link(face)
    add_strip(speech, frame=60)
    editor = edit.sequence_editor
    (editor.strips if hasattr(editor, "strips") else editor.sequences).new_scene("Shot", shot, 3, 51)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    assert jaw(face)[0, 0] == 1010          # frame 51 of the edit is frame 1001 of the shot
    shot.render.fps = 30
    with pytest.raises(RuntimeError, match=r"'Shot' at 30"):
        bpy.ops.unitalker.animate(strip="Line", character="Face")


@needs_aud
def test_a_character_on_another_view_layer_is_keyed(ext, speech):
    scene = bpy.context.scene
    face, layer = make_face(ext, "Face"), scene.view_layers.new("Other")
    hidden = bpy.data.collections.new("Hidden")
    scene.collection.children.link(hidden)
    scene.collection.objects.unlink(face)
    hidden.objects.link(face)
    scene.view_layers[0].layer_collection.children["Hidden"].exclude = True
    assert layer.name in scene.view_layers
    add_strip(speech, frame=31)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    assert jaw(face)[0, 0] == 31


def test_each_channel_of_a_stereo_dialogue_is_its_own_speaker(ext, tmp_path):
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    buzz = 0.5 * np.sign(np.sin(2 * np.pi * 120 * seconds))
    path = write_wav(tmp_path / "dialogue.wav", np.stack([buzz * (seconds < 1), buzz * (seconds >= 1)], 1))
    spoken = {}
    for channel, name in ((1, "Left"), (2, "Right"), (0, "Both")):
        face = make_face(ext, name)
        bpy.ops.unitalker.animate(audio=path, character=name, audio_channel=channel)
        keys = jaw(face)
        spoken[name] = keys[keys[:, 1] > keys[:, 1].max() / 2, 0]
    assert spoken["Left"].max() < 27 and spoken["Right"].min() > 23
    assert spoken["Both"].min() < 6 and spoken["Both"].max() > 40


def test_a_channel_that_is_not_there_is_named(ext, face, tmp_path):
    path = write_wav(tmp_path / "dialogue.wav", np.full((RATE_HZ, 2), 0.1))
    with pytest.raises(RuntimeError, match=r"channel 3 is wanted.*2 channels"):
        bpy.ops.unitalker.animate(audio=path, character="Face", audio_channel=3)
    assert len(bpy.data.actions) == 0


# ---- files: every Blender, with and without aud

def make_bad_files(folder: Path) -> dict[str, Path]:
    good = folder / "good.wav"
    write_wav(good, np.zeros(RATE_HZ))
    files = {name: folder / name for name in ("empty.wav", "text.wav", "cut.wav", "cut.mp3", "none.wav", "folder.wav")}
    files["empty.wav"].write_bytes(b"")
    files["text.wav"].write_text("not a sound\n" * 50)
    files["cut.wav"].write_bytes(good.read_bytes()[:30])
    files["cut.mp3"].write_bytes(b"ID3\x04\x00\x00")
    files["folder.wav"].mkdir()
    write_wav(files["none.wav"], np.zeros(0))
    return files


@pytest.mark.parametrize(
    "name", ["empty.wav", "text.wav", "cut.wav", "cut.mp3", "none.wav", "folder.wav", "missing.wav"]
)
def test_a_bad_file_is_one_error_and_writes_nothing(ext, face, tmp_path, name):
    make_bad_files(tmp_path)
    with pytest.raises(RuntimeError, match=name):
        bpy.ops.unitalker.animate(audio=str(tmp_path / name), character="Face")
    assert len(bpy.data.actions) == 0


def cut_off(folder, name, share=0.5):
    """The first part of a sound of three seconds."""
    soundfile = pytest.importorskip("soundfile")
    forms = {"a.rf64": {"format": "RF64"}, "wide.wav": {"format": "WAVEX"}}
    path = folder / name
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE_HZ)
    soundfile.write(str(path), noise, RATE_HZ, **forms.get(name, {}))
    content = path.read_bytes()
    path.write_bytes(content[:int(len(content) * share)])
    return str(path)


CUT_KINDS = ["a.wav", "wide.wav", "a.rf64", "a.aiff", "a.flac", "a.ogg", "a.mp3"]


@pytest.mark.parametrize("name", [*CUT_KINDS, *(["a.w64", "a.au"] if bpy and bpy.app.build_options.audaspace else [])])
def test_a_sound_that_was_cut_off_is_said_for_files_and_strips(ext, tmp_path, name):
    path = cut_off(tmp_path, name)
    make_face(ext, "Face")
    clips = ext.module("addon.sound.clip")
    with pytest.raises(RuntimeError, match="Sound file is cut off: .*" + name):
        bpy.ops.unitalker.animate(audio=path, character="Face")
    assert len(bpy.data.actions) == 0 and bpy.context.scene.unitalker.result_failed
    if not bpy.app.build_options.audaspace:
        return
    set_handles(add_strip(path), right=10)          # not read to its end
    with pytest.raises(ext.module("engine").AudioError, match="Sound file is cut off"):
        clips.read(clips.find_strip(bpy.context, "Line"))


@pytest.mark.parametrize("name", CUT_KINDS)
def test_a_whole_sound_of_each_kind_is_read(ext, tmp_path, name):
    clips = ext.module("addon.sound.clip")
    wave = clips.read(clips.find_file(bpy.context, cut_off(tmp_path, name, 1.0), 1))
    assert wave.warning == "" and len(wave.samples) / RATE_HZ == pytest.approx(3.0, abs=0.12)


def test_what_may_be_cut_off_is_keyed_with_a_warning(ext, face, tmp_path):
    path = Path(write_wav(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, RATE_HZ)))
    content = bytearray(path.read_bytes())
    content[4:8], content[40:44] = (2_000_036).to_bytes(4, "little"), (2_000_000).to_bytes(4, "little")
    path.write_bytes(content)
    bpy.ops.unitalker.animate(audio=str(path), character="Face")
    assert "a.wav may be cut off" in bpy.context.scene.unitalker.result_details


@needs_aud
@pytest.mark.parametrize("size", [0, 2_000_000_000, 0x7FFF_F000, 0xFFFF_FFFF])
def test_a_length_that_a_pipe_left_open_is_read_to_its_end(ext, clicks, tmp_path, size):
    content = bytearray(Path(clicks).read_bytes())
    content[40:44] = size.to_bytes(4, "little")
    (tmp_path / "piped.wav").write_bytes(content)
    audio = ext.module("addon.sound.clip")
    assert len(heard(audio.read(audio.find_file(bpy.context, str(tmp_path / "piped.wav"), 1)), 1)) == 10
    add_strip(tmp_path / "piped.wav")
    assert len(heard(audio.read(audio.find_strip(bpy.context, "Line")), 1)) == 10


@needs_aud
@pytest.mark.parametrize("name", ["line.mp3", "line.wav"])
def test_mp3_begins_alike_as_file_and_as_strip_whatever_holds_it(ext, tmp_path, name):
    soundfile = pytest.importorskip("soundfile")
    seconds = np.arange(3 * 44_100) / 44_100
    buzz = 0.5 * np.sign(np.sin(754 * seconds)) * (np.abs(seconds - 1.5) < 0.5)
    soundfile.write(str(tmp_path / "a.mp3"), buzz, 44_100)
    content = (tmp_path / "a.mp3").read_bytes()
    if name.endswith(".wav"):
        form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 44_100, 16_000, 1, 0, 12, 1, 2, 417, 1, 1393)
        body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(content)) + content
        content = b"RIFF" + struct.pack("<I", len(body)) + body
    (tmp_path / name).write_bytes(content)
    add_strip(tmp_path / name)
    audio = ext.module("addon.sound.clip")
    clips = audio.find_file(bpy.context, str(tmp_path / name), 1), audio.find_strip(bpy.context, "Line")
    starts = [np.flatnonzero(np.abs(audio.read(clip).samples) > 0.2)[0] / RATE_HZ for clip in clips]
    assert starts[0] == pytest.approx(starts[1], abs=0.001)


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (44_100, 2), (96_000, 6)])
def test_rates_and_channels(ext, tmp_path, rate_hz, channels):
    seconds = np.arange(rate_hz) / rate_hz
    tone = np.zeros((rate_hz, channels))
    tone[:, 0] = 0.9 * np.sin(2 * np.pi * 440 * seconds)
    audio = ext.module("addon.sound.clip")
    wave = audio.read(audio.find_file(bpy.context, write_wav(tmp_path / "tone.wav", tone, rate_hz), 1.0))
    assert len(wave.samples) == RATE_HZ
    # the mean of the channels
    assert np.abs(wave.samples[2000:-2000]).max() == pytest.approx(0.9 / channels, rel=0.02)


def test_paths_with_other_letters_and_relative_paths(ext, face, speech, tmp_path):
    folder = tmp_path / "Ünï 声"
    folder.mkdir()
    shutil.copy(speech, folder / "línea 1.wav")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert bpy.ops.unitalker.animate(audio=f"//{folder.name}{os.sep}línea 1.wav", character="Face") == {'FINISHED'}
    assert len(jaw(face)) == 48


def test_a_start_between_two_frames_still_keys_whole_frames(ext, face, speech):
    bpy.ops.unitalker.animate(audio=speech, character="Face", start_frame=10.5)
    assert jaw(face)[0, 0] == 10 and (jaw(face)[:, 0] % 1 == 0).all()


def test_silence_is_keyed_as_a_closed_mouth_with_a_warning(ext, face, tmp_path):
    bpy.ops.unitalker.animate(audio=write_wav(tmp_path / "silent.wav", np.zeros(RATE_HZ)), character="Face")
    assert jaw(face)[:, 1].max() < 0.05
    assert "silent" in bpy.context.scene.unitalker.result_details


def test_nothing_chosen_as_a_file(ext, face):
    bpy.context.scene.unitalker.source = 'FILE'
    with pytest.raises(RuntimeError, match="No sound file is chosen"):
        bpy.ops.unitalker.animate(character="Face")
