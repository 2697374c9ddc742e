"""Sound strips for tests: a click track that tells its seconds, and the handles, trims and retiming keys of every
Blender."""

from __future__ import annotations

import wave
from types import SimpleNamespace

import bpy
import numpy as np

from .conftest import RATE_HZ, write_wav

FPS = 24
N_SECONDS = 10


def write_clicks(path):
    """Ten seconds; second i is a click of height (i + 1) / 20, so that a click tells which second it is."""
    samples = np.zeros(N_SECONDS * RATE_HZ)
    for second in range(N_SECONDS):
        # 5 ms after the second: resampling may ring before it
        samples[second * RATE_HZ + 80:second * RATE_HZ + 96] = (second + 1) / 20
    return write_wav(path, samples)


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


def mixdown(path):
    """What Blender itself plays from frame 1 on, {frame: second of the file}."""
    samples, _ = played(path, RATE_HZ)
    return heard(SimpleNamespace(samples=samples), 1)


def played(path, rate_hz=48_000):
    """What Blender itself plays from frame 1 to 400: samples (n,) and their rate. Retimed sound is exact only at a high
    rate."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 400
    bpy.ops.sound.mixdown(
        filepath=str(path), accuracy=64, container='WAV', codec='PCM', format='S16', mixrate=rate_hz, channels='MONO'
    )
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768, rate_hz


def click_times_s(samples, rate_hz):
    """Seconds at which clicks lie; what is nearer than a tenth of a second is one click, at its loudest."""
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > rate_hz / 10) + 1) if len(loud) else []
    return np.array([group[np.argmax(np.abs(samples[group]))] / rate_hz for group in groups])


def sequencer(scene=None):
    """Arguments for temp_override: the factory window with a Sequencer on the scene's strips."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = 'SEQUENCE_EDITOR'
    area.spaces.active.view_type = 'SEQUENCER'
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = scene or window.scene
    return {
        "window": window, "area": area, "region": next(region for region in area.regions if region.type == 'WINDOW')
    }


def retime(strip, keys):
    """Give a strip speed changes as by hand: {frame of a new key: frame to which it is pulled}."""
    scene = bpy.context.scene
    for other in scene.sequence_editor.strips_all:
        other.select = other == strip
    scene.sequence_editor.active_strip = strip
    with bpy.context.temp_override(**sequencer(), scene=scene):
        for frame, pulled in keys.items():
            bpy.ops.sequencer.retiming_key_add(timeline_frame=frame)
            if pulled != frame:
                index = next(number for number, key in enumerate(strip.retiming_keys) if key.timeline_frame == frame)
                strip.retiming_keys[index].timeline_frame = pulled
