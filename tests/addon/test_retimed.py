"""Strips with speed changes are heard as Blender plays them; its own mixdown is the witness."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
import pytest

from .conftest import RATE_HZ, jaw, needs_aud, write_wav
from .strips import FPS, add_strip, click_times_s, heard, move, played, retime, sequencer, set_handles

pytestmark = needs_aud
EXACT_S = 0.03          # time-stretched clicks are that long
LOOSE_S = 1.5 / FPS     # up to 4.5 Blender's own mixdown is up to a frame off, and not each time the same


CRASHES = bpy is not None and bpy.app.version[:2] == (5, 0)


@pytest.fixture
def timeline(ext):
    """The extension, with the factory window: retiming keys are set by operators of the Sequencer."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.context.scene.render.fps = FPS
    return ext


def slower_then_faster(strip):
    retime(strip, {60: 108})


def freeze(strip):
    retime(strip, {150: 150})
    bpy.context.scene.frame_set(150)
    with bpy.context.temp_override(**sequencer(), scene=bpy.context.scene):
        bpy.ops.sequencer.retiming_freeze_frame_add(duration=24)


def three_speeds(strip):
    retime(strip, {60: 108, 170: 150})


def trimmed_and_moved(strip):
    retime(strip, {60: 108})
    set_handles(strip, left=30, right=20)
    move(strip, 31)


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("change", [slower_then_faster, freeze, three_speeds, trimmed_and_moved])
def test_clicks_are_heard_when_blender_plays_them(timeline, clicks, tmp_path, change, corrected):
    strip = add_strip(clicks, frame=11)
    if hasattr(strip, "pitch_correction"):
        strip.pitch_correction = corrected
    elif corrected:
        pytest.skip("this Blender has no pitch correction")
    if CRASHES and not corrected:
        pytest.skip("this Blender crashes now and then when it mixes that down, so it is refused")
    change(strip)
    audio = timeline.module("addon.sound.clip")
    clip = audio.find_strip(bpy.context, "Line")
    assert clip.retiming and clip.start_frame == timeline.module("addon.sound.strips").handles(strip)[0]
    samples, rate_hz = played(tmp_path / "played.wav")
    witness = click_times_s(samples, rate_hz) + 1 / FPS         # it starts on frame 1
    found = click_times_s(audio.read(clip).samples, RATE_HZ) + clip.start_frame / FPS
    assert len(witness) >= 7
    if hasattr(strip, "pitch_correction"):
        assert found == pytest.approx(witness, abs=EXACT_S)
    else:
        assert np.abs(found[:, None] - witness).min(axis=0).max() < LOOSE_S     # now and then its mixdown loses a click
    assert np.abs(np.diff(witness) - 1).max() > 0.2             # the speed did change


@pytest.mark.skipif(not CRASHES, reason="only Blender 5.0 crashes")
def test_what_would_crash_blender_is_refused(timeline, clicks):
    strip = add_strip(clicks, frame=11)
    strip.pitch_correction = False
    retime(strip, {60: 108})
    with pytest.raises(timeline.module("engine").AudioError, match="Switch Pitch Correction on"):
        timeline.module("addon.sound.clip").find_strip(bpy.context, "Line")


def test_other_strips_are_not_heard_and_nothing_of_the_scene_changes(timeline, clicks, tmp_path):
    scene, strip = bpy.context.scene, add_strip(clicks, frame=11)
    retime(strip, {60: 108})
    other = add_strip(write_wav(tmp_path / "other.wav", np.full(10 * RATE_HZ, 0.5)), channel=2, name="Other")
    other.volume, scene.frame_start, scene.frame_end = 0.5, 3, 77
    before = (
        len(bpy.data.scenes), len(bpy.data.actions), len(bpy.data.objects),
        [(one.mute, one.volume) for one in scene.sequence_editor.strips_all],
    )
    audio = timeline.module("addon.sound.clip")
    samples = audio.read(audio.find_strip(bpy.context, "Line")).samples
    assert np.median(np.abs(samples)) < 0.001
    assert before == (
        len(bpy.data.scenes), len(bpy.data.actions), len(bpy.data.objects),
        [(one.mute, one.volume) for one in scene.sequence_editor.strips_all],
    )
    assert (scene.frame_start, scene.frame_end) == (3, 77)


def test_a_fade_and_the_volume_do_not_silence_the_mouth(timeline, clicks):
    strip = add_strip(clicks, frame=11)
    retime(strip, {60: 108})
    strip.volume = 0.0
    strip.keyframe_insert("volume", frame=1)
    bpy.context.scene.use_audio = False
    audio = timeline.module("addon.sound.clip")
    assert len(click_times_s(audio.read(audio.find_strip(bpy.context, "Line")).samples, RATE_HZ)) == 10


def test_a_strip_that_was_reset_is_read_from_its_file(timeline, clicks):
    strip = add_strip(clicks, frame=11)
    retime(strip, {60: 108})
    strip.retiming_keys.reset()
    audio = timeline.module("addon.sound.clip")
    clip = audio.find_strip(bpy.context, "Line")
    assert clip.packed is None and clip.retiming == ()
    assert heard(audio.read(clip), 11)[35] == 1


def test_the_mouth_moves_when_the_retimed_strip_sounds(timeline, speech):
    from .conftest import TINY, make_face

    bpy.context.scene.unitalker.model = TINY
    face = make_face(timeline, "Face")
    # two seconds with a buzz from 0.5 to 1.5; the first one now lasts 1.5
    retime(add_strip(speech, frame=1), {25: 37})
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    keys = jaw(face)
    loud = keys[keys[:, 1] > keys[:, 1].max() / 2, 0]
    assert 17 <= loud.min() <= 21 and 41 <= loud.max() <= 44       # 0.5 s -> frame 19; 1.5 s -> frame 43


def test_a_retimed_stereo_strip_gives_its_channels(timeline, tmp_path):
    seconds = np.arange(4 * RATE_HZ) / RATE_HZ
    tone = 0.5 * np.sin(2 * np.pi * 300 * seconds)
    strip = add_strip(
        write_wav(tmp_path / "two.wav", np.stack([tone * (seconds < 2), tone * (seconds >= 2)], 1)), frame=1
    )
    retime(strip, {49: 61})
    audio = timeline.module("addon.sound.clip")
    clip = audio.find_strip(bpy.context, "Line")
    loud = {}
    for channel in (1, 2):
        samples = np.abs(audio.read(replace(clip, channel=channel)).samples)
        loud[channel] = np.flatnonzero(samples > 0.1) / RATE_HZ
    assert loud[1].max() < 2.6 and loud[2].min() > 2.4
    with pytest.raises(timeline.module("engine").AudioError, match="2 channels"):
        audio.read(replace(clip, channel=3))
