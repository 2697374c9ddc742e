"""The sound of a film: what the timeline plays, mixed without Blender's own mixdown."""

from __future__ import annotations

import wave

import bpy
import numpy as np
import pytest

from .conftest import RATE_HZ, needs_aud, write_wav
from .strips import FPS, add_strip, move, retime

pytestmark = needs_aud
FRAMES = range(1, 97)       # four seconds


@pytest.fixture
def scene(ext):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.context.scene.render.fps = FPS
    return bpy.context.scene


@pytest.fixture
def tone(tmp_path):
    seconds = np.arange(4 * RATE_HZ) / RATE_HZ
    return write_wav(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 440 * seconds))


@pytest.fixture
def mixed(ext, tmp_path):
    """Loudness (left, right) of each second of a mix, and what was said."""
    def mix() -> tuple[np.ndarray, list[str]]:
        module = ext.module("addon.sound.mix")
        parts, problems = module.parts_of(bpy.context, bpy.context.scene, FRAMES)
        problems += module.write_mix(parts, FRAMES, FPS, str(tmp_path / "mix.wav"))
        return loudness(tmp_path / "mix.wav"), problems

    return mix


def loudness(path):
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels()) / 32768
        seconds = samples[:4 * file.getframerate()].reshape(4, file.getframerate(), -1)
        return np.sqrt(np.mean(seconds**2, axis=1)) * np.sqrt(2)


def test_a_strip_sounds_on_its_frames_with_volume_and_pan(scene, tone, mixed):
    strip = add_strip(tone)
    move(strip, 25)
    strip.volume, scene.audio_volume = 0.8, 0.5
    levels, problems = mixed()
    assert levels == pytest.approx(np.outer([0, 1, 1, 1], [0.2, 0.2]) / np.sqrt(2), abs=0.01) and problems == []
    strip.pan = 1.0
    assert mixed()[0][1:] == pytest.approx(np.outer([1, 1, 1], [0, 0.2]), abs=0.01)


@pytest.mark.parametrize("pan", [-1.0, 0.0, 0.5])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_it_is_what_blender_plays(scene, tmp_path, mixed, pan, n_channels):
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE_HZ) / RATE_HZ)
    channels = wave[:, None] * [1.0, 0.3][:n_channels]
    strip = add_strip(write_wav(tmp_path / "tone.wav", channels))
    strip.pan = pan
    strip.volume = 1.0
    strip.keyframe_insert("volume", frame=1)
    strip.volume = 0.0
    strip.keyframe_insert("volume", frame=97)
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    bpy.ops.sound.mixdown(filepath=str(tmp_path / "own.wav"), container='WAV', codec='PCM', format='S16')
    assert mixed()[0] == pytest.approx(loudness(tmp_path / "own.wav"), abs=0.02)


@pytest.mark.parametrize("how", ["strip", "channel"])
def test_what_is_muted_is_not_in_the_film(scene, tone, mixed, how):
    strip = add_strip(tone)
    if how == "strip":
        strip.mute = True
    else:
        scene.sequence_editor.channels[1].mute = True
    assert mixed()[0].max() == 0


def test_a_strip_with_speed_changes_sounds_as_long_as_it_is(scene, tmp_path, mixed):
    seconds = np.arange(4 * RATE_HZ) / RATE_HZ
    path = write_wav(tmp_path / "second.wav", 0.5 * np.sin(2 * np.pi * 440 * seconds) * (seconds < 1))
    retime(add_strip(path), {25: 49})
    assert mixed()[0][:, 0] == pytest.approx([0.354, 0.354, 0, 0], abs=0.05)


def test_speakers_are_in_the_mix(scene, tone, mixed):
    bpy.ops.object.speaker_add()
    speaker = bpy.context.view_layer.objects.active
    speaker.animation_data_clear()
    speaker.data.sound, speaker.data.volume = bpy.data.sounds.load(tone), 0.5
    assert mixed()[0][0] == pytest.approx([0.177, 0.177], abs=0.01)


def test_a_sound_that_is_gone_silences_no_other(scene, tone, mixed, tmp_path):
    gone = write_wav(tmp_path / "gone.wav", np.zeros(RATE_HZ))
    add_strip(gone, name="Gone")
    add_strip(tone, channel=2)
    (tmp_path / "gone.wav").unlink()
    levels, problems = mixed()
    assert levels[:, 0] == pytest.approx([0.354] * 4, abs=0.01)
    assert "Gone" in problems[0]
