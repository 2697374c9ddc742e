"""Which sound is heard when: strips, files and speakers, timed with a click track."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

import bpy
import numpy as np
import pytest

from .conftest import RATE_HZ, jaw, needs_aud, write_wav

FPS = 24
N_SECONDS = 10


@pytest.fixture(scope="session")
def clicks(tmp_path_factory):
    """Ten seconds; second i is a click of height (i + 1) / 20, so that a click tells which second it is."""
    samples = np.zeros(N_SECONDS * RATE_HZ)
    for second in range(N_SECONDS):
        samples[second * RATE_HZ + 80:second * RATE_HZ + 96] = (second + 1) / 20     # 5 ms after the second: resampling may ring before it
    return write_wav(tmp_path_factory.mktemp("clicks") / "clicks.wav", samples)


def add_strip(path, frame=1, channel=1, scene=None, name="Line"):
    editor = (scene or bpy.context.scene).sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return strips.new_sound(name, str(path), channel, frame)


def trim(strip, start=0, end=0):
    """Cut the content itself, as a hard trim does."""
    for name, value in (("start", start), ("end", end)):
        new, old = f"content_trim_{name}", f"animation_offset_{name}"
        setattr(strip, new if hasattr(strip, new) else old, value)


def set_handles(strip, left=0, right=0):
    """Hide frames at the head and the tail."""
    setattr(strip, "left_handle_offset" if hasattr(strip, "left_handle_offset") else "frame_offset_start", left)
    setattr(strip, "right_handle_offset" if hasattr(strip, "right_handle_offset") else "frame_offset_end", right)


def move(strip, frame):
    setattr(strip, "content_start" if hasattr(strip, "content_start") else "frame_start", frame)


def heard(wave, start_frame):
    """{frame: second of the file} of the clicks in a waveform that starts on start_frame."""
    peaks = {}
    block = RATE_HZ // FPS
    for index in range(len(wave.samples) // block):
        peak = np.abs(wave.samples[index * block:(index + 1) * block]).max()
        if peak > 0.02:
            peaks[start_frame + index] = round(float(peak) * 20) - 1
    return peaks


def clip_of(ext, name="Line"):
    audio = ext.module("addon.strip_audio")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        clip = audio.find_strip(bpy.context, name)
    return clip, audio.read(clip)


def mixdown(path):
    """What Blender itself plays from frame 1 on."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 400
    bpy.ops.sound.mixdown(filepath=str(path), container='WAV', codec='PCM', format='S16', mixrate=RATE_HZ, channels='MONO')
    import wave
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    return heard(type("Heard", (), {"samples": samples}), 1)


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
@pytest.mark.parametrize("change", [plain, hard_trim, soft_trim, both_trims_moved, sound_offset, negative_sound_offset, all_at_once])
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
def test_a_missing_sound_says_what_to_do_and_writes_nothing(ext, face, clicks, tmp_path):
    path = tmp_path / "gone.wav"
    shutil.copy(clicks, path)
    add_strip(path)
    path.unlink()
    with pytest.raises(RuntimeError, match=r"gone.wav.*Find Missing Files"):
        bpy.ops.unitalker.animate(strip="Line", character="Face")
    assert len(bpy.data.actions) == 0


@needs_aud
def test_speed_changes_are_refused(ext, clicks, monkeypatch):
    class Retimed:
        """A strip with two speed changes: adding them for real needs a window."""

        retiming_keys = (None, None)
        name = add_strip(clicks).name

    monkeypatch.setattr(ext.module("addon.strip_audio"), "_pick", lambda scene, name: Retimed)
    with pytest.raises(ext.module("engine").AudioError, match=r"'Line' has 2 retiming keys.*Reset"):
        clip_of(ext)


@needs_aud
def test_a_speaker_starts_where_its_nla_strip_does(ext, clicks):
    bpy.context.scene.frame_set(13)
    bpy.ops.object.speaker_add()            # makes the NLA strip too
    speaker = bpy.context.view_layer.objects.active
    speaker.data.sound = bpy.data.sounds.load(clicks)
    audio = ext.module("addon.strip_audio")
    clip = audio.find_speaker(bpy.context, speaker.name)
    assert clip.start_frame == 13
    assert heard(audio.read(clip), 13)[13 + FPS] == 1
    speaker.animation_data_clear()
    bpy.context.scene.frame_start = 7
    assert audio.find_speaker(bpy.context, speaker.name).start_frame == 7


@needs_aud
def test_a_speaker_without_sound_says_so(ext):
    bpy.ops.object.speaker_add()
    name = bpy.context.view_layer.objects.active.name
    with pytest.raises(ext.module("engine").AudioError, match=f"Speaker '{name}' has no sound"):
        ext.module("addon.strip_audio").find_speaker(bpy.context, name)


def test_no_strips_at_all(ext, face):
    with pytest.raises(RuntimeError, match=r"has no sound strip.*Add > Sound"):
        bpy.ops.unitalker.animate(character="Face")


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


@pytest.mark.parametrize("name", ["empty.wav", "text.wav", "cut.wav", "cut.mp3", "none.wav", "folder.wav", "missing.wav"])
def test_a_bad_file_is_one_error_and_writes_nothing(ext, face, tmp_path, name):
    make_bad_files(tmp_path)
    with pytest.raises(RuntimeError, match=name):
        bpy.ops.unitalker.animate(audio=str(tmp_path / name), character="Face")
    assert len(bpy.data.actions) == 0


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (44_100, 2), (96_000, 6)])
def test_rates_and_channels(ext, tmp_path, rate_hz, channels):
    seconds = np.arange(rate_hz) / rate_hz
    tone = np.zeros((rate_hz, channels))
    tone[:, 0] = 0.9 * np.sin(2 * np.pi * 440 * seconds)
    audio = ext.module("addon.strip_audio")
    wave = audio.read(audio.find_file(bpy.context, write_wav(tmp_path / "tone.wav", tone, rate_hz), 1.0))
    assert len(wave.samples) == RATE_HZ
    assert np.abs(wave.samples[2000:-2000]).max() == pytest.approx(0.9 / channels, rel=0.02)      # the mean of the channels


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
