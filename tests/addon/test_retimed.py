"""Strips with speed changes are heard on the frames that their retiming keys say, and as Blender plays them."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from .conftest import RATE_HZ, jaw, needs_aud, write_wav
from .strips import FPS, add_strip, click_times_s, heard, move, played, retime, sequencer, set_handles, trim

pytestmark = needs_aud
EXACT_S = 0.02          # time-stretched clicks are that long
PLAYED_S = 0.05         # Blender's own playback ramps over the frame around a key
CLICK_S = 0.0055        # clicks lie that much after their second
# Before 2026-05 Blender's mixdown of such a strip reads memory that was never written, and now and then ends Blender.
PLAYS_RIGHT = bpy is not None and bpy.app.version >= (5, 2, 0)
LAST = 240 if bpy is not None and bpy.app.version >= (5, 0, 0) else 239     # frame of the content under the last key


@pytest.fixture
def timeline(ext):
    """The extension, with the factory window: retiming keys are set by operators of the Sequencer."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.context.scene.render.fps = FPS
    return ext


def slower_then_faster(strip):
    retime(strip, {60: 108})
    return (11, 0), (108, 49), (11 + LAST, LAST)


def freeze(strip):
    retime(strip, {150: 150})
    bpy.context.scene.frame_set(150)
    with bpy.context.temp_override(**sequencer(), scene=bpy.context.scene):
        bpy.ops.sequencer.retiming_freeze_frame_add(duration=24)
    speed = (LAST - 139) / (LAST - 163)
    if getattr(strip, "pitch_correction", False):       # Blender plays on in a freeze then
        return (11, 0), (174, 163), (251, 163 + 77 * speed)
    return (11, 0), (150, 139), (174, 139), (251, 139 + 77 * speed)


def three_speeds(strip):
    retime(strip, {60: 108, 170: 150})
    return (11, 0), (108, 49), (150, 49 + 62 * (LAST - 49) / (LAST - 97)), (11 + LAST, LAST)


def trimmed_and_moved(strip):
    slower_then_faster(strip)
    set_handles(strip, left=30, right=20)
    move(strip, 31)
    return (31, 0), (128, 49), (31 + LAST, LAST)


def faster_then_slower(strip):
    """The first click is left out in what is played faster: it is shorter than what the stretching takes away."""
    retime(strip, {131: 97})
    return (11, 0), (97, 120), (11 + LAST, LAST)


CHANGES = [slower_then_faster, freeze, three_speeds, trimmed_and_moved, faster_then_slower]


def found_clicks(timeline):
    """Seconds of the scene, frame 0 is 0, at which the clicks of the strip are in what is analysed."""
    audio = timeline.module("addon.sound.clip")
    clip = audio.find_strip(bpy.context, "Line")
    return click_times_s(audio.read(clip).samples, RATE_HZ) + clip.start_frame / FPS


def clicks_on(points, first=11, right=251):
    """The same as the retiming keys say: points are (frame of the scene, frame of the content)."""
    frames, content = np.transpose(points)
    seconds = np.interp((np.arange(10) + CLICK_S) * FPS, content, frames, left=np.nan, right=np.nan) / FPS
    return seconds[(seconds >= first / FPS) & (seconds < right / FPS)]


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_clicks_are_heard_on_the_frames_that_the_keys_say(timeline, clicks, change, corrected):
    strip = add_strip(clicks, frame=11)
    if hasattr(strip, "pitch_correction"):
        strip.pitch_correction = corrected
    elif corrected:
        pytest.skip("this Blender has no pitch correction")
    points = change(strip)
    handles = timeline.module("addon.sound.strips").handles(strip)
    expected = clicks_on(points, *handles)
    found = found_clicks(timeline)
    assert 7 <= len(found) >= len(expected) - (change == faster_then_slower)
    assert found == pytest.approx(expected[-len(found):], abs=EXACT_S)


@pytest.mark.skipif(not PLAYS_RIGHT, reason="this Blender's mixdown is wrong now and then")
@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_clicks_are_heard_when_blender_plays_them(timeline, clicks, tmp_path, change, corrected):
    strip = add_strip(clicks, frame=11)
    strip.pitch_correction = corrected
    change(strip)
    samples, rate_hz = played(tmp_path / "played.wav")
    witness = click_times_s(samples, rate_hz) + 1 / FPS         # it starts on frame 1
    found = found_clicks(timeline)
    assert 7 <= len(found) >= len(witness) - (change == faster_then_slower)
    assert found == pytest.approx(witness[-len(found):], abs=PLAYED_S)


def test_a_gradual_change_of_speed(timeline, clicks, monkeypatch):
    """Keys of Blender 5.2.3 (a transition of 24 frames around frame 108), and when its own mixdown plays the clicks."""
    strip = add_strip(clicks, frame=11)
    slower_then_faster(strip)
    keys = timeline.module("addon.sound.retiming_keys")
    stored = ((0, 0, False), (73, 0.153652, True), (121, 0.337733, False), (240, 1, False))
    made = tuple(keys.RetimingKey(*values) for values in stored)
    monkeypatch.setattr(timeline.module("addon.sound.retimed"), "keys_of", lambda strip: made)
    monkeypatch.setattr(timeline.module("addon.sound.retimed"), "n_content_frames", lambda strip: 240)
    played_on = np.array([11.28, 58.59, 101.30, 125.32, 143.64, 161.62, 179.57, 197.54, 215.49, 233.47])
    assert found_clicks(timeline) == pytest.approx(played_on / FPS, abs=PLAYED_S)


@pytest.mark.parametrize("corrected", [False, True])
def test_a_hard_trim_before_the_speed_changes(timeline, clicks, corrected):
    strip = add_strip(clicks, frame=11)
    if hasattr(strip, "pitch_correction"):
        strip.pitch_correction = corrected
    elif corrected:
        pytest.skip("this Blender has no pitch correction")
    trim(strip, start=30, end=20)
    left, right = timeline.module("addon.sound.strips").handles(strip)
    retime(strip, {left + 49: left + 97})
    last = LAST - 50
    points = np.array([(0, 0), (97, 49), (last, last), (last + 30, last + 30 * (last - 49) / (last - 97))])
    if corrected:           # Blender counts the speeds from the start of the file then
        points[:, 0] += left - 30
    else:
        points += left, 30
    assert found_clicks(timeline) == pytest.approx(clicks_on(points, left, right), abs=EXACT_S)


def test_a_strip_in_a_meta_strip_with_another_speed(timeline, clicks):
    add_strip(clicks, frame=11)
    scene = bpy.context.scene
    with bpy.context.temp_override(**sequencer(), scene=scene):
        bpy.ops.sequencer.select_all(action='SELECT')
        bpy.ops.sequencer.meta_make()
        bpy.ops.sequencer.retiming_segment_speed_set(speed=50)
    assert found_clicks(timeline) == pytest.approx(clicks_on([(11, 0), (491, 240)]), abs=EXACT_S)


@pytest.mark.parametrize("in_meta", [False, True])
def test_a_muted_channel_closes_no_mouth(timeline, clicks, in_meta):
    strip = add_strip(clicks, frame=11)
    points = slower_then_faster(strip)
    scene = bpy.context.scene
    if in_meta:
        with bpy.context.temp_override(**sequencer(), scene=scene):
            bpy.ops.sequencer.select_all(action='SELECT')
            bpy.ops.sequencer.meta_make()
    for channel in scene.sequence_editor.channels:
        channel.mute = True
    scene.sequence_editor.strips[0].mute = True
    assert found_clicks(timeline) == pytest.approx(clicks_on(points), abs=EXACT_S)


def test_nothing_of_the_product_mixes_down_in_the_artists_blender():
    root = Path(__file__).resolve().parents[2]
    calls = [
        path.name for folder in ("addon", "engine") for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "mixdown"
    ]
    assert calls == []


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
