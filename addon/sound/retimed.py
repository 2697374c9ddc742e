"""A strip with speed changes, on the clock on which Blender plays it: ramps and freezes included.

Scripts cannot ask Blender where a retimed sound is at which frame, so it has to play: a copy of the scene, without
its objects, is mixed down with all other strips muted. With the strip's Pitch Correction that is the voice at its own
pitch, as the animator hears it. Without, the voice would be too low or too high for the model, so a sound whose level
is its own time is played instead, and the voice is stretched to that clock. The artist's scene is only read. Measured
on speech at half the pace: the lips' motion agrees with that of the natural pace to 0.90 (correlation) instead of
0.79, at 1.4 times to 0.96 instead of 0.92, at twice to 0.81 instead of 0.60.
"""

from __future__ import annotations

import os
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

from ...engine import AudioError, stretch
from ...engine.values.types import SAMPLE_RATE_HZ, FloatArray
from .strips import AudibleSpan, all_strips

RATE_HZ = 48_000
BUFFER = 64                     # samples; speed changes between buffers: 256 are off by 50 ms after a freeze
CLOCK_RATE_HZ = 8_000           # of the sound whose level is its own time
STEP_S = 0.01                   # of the clock
FULL_24 = 2**23 - 1             # full scale of 24 bits: an hour of sound is still known to a millisecond
# One in a hundred mixdowns of a retimed strip without pitch correction ended Blender 5.0.1 (4.5 and 5.2: none).
CRASHES, FIXED = (5, 0, 0), (5, 1, 0)

Decode = Callable[[], FloatArray]       # all of the strip's sound, (n, channels) at 16 kHz


def as_played(
    context: bpy.types.Context, scene: bpy.types.Scene, strip: bpy.types.Strip, span: AudibleSpan, decode: Decode,
) -> bytes:
    """A wav file of what this strip alone says over its span, at the voice's own pitch. Raises AudioError."""
    own_pitch = getattr(strip, "pitch_correction", False)
    if CRASHES <= bpy.app.version < FIXED and not own_pitch:
        raise AudioError(
            f"Strip {strip.name!r} has speed changes without Pitch Correction, "
            f"with which Blender {bpy.app.version_string} now and then crashes. "
            "Switch Pitch Correction on in the strip's Sound panel, or use another Blender."
        )
    alone = scene.copy()
    try:
        copy = _leave_only(alone, strip.name)
        alone.frame_start, alone.frame_end = span.first, span.right - 1
        with tempfile.TemporaryDirectory(prefix="lipsync_") as folder:
            if own_pitch:
                channels = 'MONO' if strip.sound.channels == 'MONO' else 'STEREO'
                return Path(_mix_down(context, alone, folder, channels)).read_bytes()
            voice = decode()
            clock = _clock_s(context, alone, copy, folder, len(voice) / SAMPLE_RATE_HZ)
            return _wav(stretch(voice, SAMPLE_RATE_HZ, clock, STEP_S), folder)
    except (RuntimeError, OSError) as error:
        raise AudioError(
            f"Strip {strip.name!r} has speed changes, and Blender could not mix it down ({error}). "
            "Remove them (Strip > Retiming > Reset), or render the sound to a file and pick that."
        ) from error
    finally:
        bpy.data.scenes.remove(alone)


def _leave_only(scene: bpy.types.Scene, name: str) -> bpy.types.Strip:
    """Mute all strips but one, and take out what would cost time or change its volume. Returns that strip."""
    for child in list(scene.collection.children):
        scene.collection.children.unlink(child)
    for obj in list(scene.collection.objects):
        scene.collection.objects.unlink(obj)
    if scene.animation_data is not None:
        scene.animation_data.action = None      # fades
    scene.use_audio, scene.audio_volume = True, 1.0
    for strip in all_strips(scene):
        if strip.type == 'SOUND':
            strip.mute = strip.name != name
            strip.volume, strip.pan = 1.0, 0.0
        elif strip.type == 'META':
            strip.mute = False
    left = all_strips(scene)[name]
    left.modifiers.clear()                      # equalizers
    return left


def _clock_s(
    context: bpy.types.Context, scene: bpy.types.Scene, strip: bpy.types.Strip, folder: str, length_s: float,
) -> np.ndarray:
    """Which second of the sound is played, every STEP_S.

    Read from a sound of the same length whose level rises evenly from 0 to 1.
    """
    path = os.path.join(folder, "clock.wav")
    levels = np.linspace(0, FULL_24, round(length_s * CLOCK_RATE_HZ)).astype("<i4")
    _write(path, levels.view(np.uint8).reshape(-1, 4)[:, :3].tobytes(), 1, 3, CLOCK_RATE_HZ)
    sound = bpy.data.sounds.load(path)
    try:
        strip.sound = sound
        content = Path(_mix_down(context, scene, folder, 'MONO', 'S24')).read_bytes()
    finally:
        bpy.data.sounds.remove(sound)
    start = content.index(b"data") + 8          # Python 3.11's wave module does not know 24 bits as Blender writes them
    packed = np.frombuffer(content[start:start + int.from_bytes(content[start - 4:start], "little")], np.uint8)
    packed = packed[:len(packed) // 3 * 3].reshape(-1, 3)
    played = (packed @ np.array([1, 2**8, 2**16], np.int64)).astype(np.float64)
    played[played > FULL_24] = 0                # a little below nothing
    seconds = played[::round(STEP_S * RATE_HZ)] / FULL_24 * length_s
    return np.maximum.accumulate(seconds)       # in silence the clock stands


def _mix_down(
    context: bpy.types.Context, scene: bpy.types.Scene, folder: str, channels: str, depth: str = 'S16',
) -> str:
    path = os.path.join(folder, "played.wav")
    with context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
        bpy.ops.sound.mixdown(
            filepath=path, check_existing=False, accuracy=BUFFER, container='WAV', codec='PCM', format=depth,
            mixrate=RATE_HZ, channels=channels,
        )
    return path


def _wav(samples: FloatArray, folder: str) -> bytes:
    path = os.path.join(folder, "voice.wav")
    _write(path, (samples.clip(-1, 1) * 32767).astype("<i2").tobytes(), samples.shape[1], 2, SAMPLE_RATE_HZ)
    return Path(path).read_bytes()


def _write(path: str, data: bytes, n_channels: int, n_bytes: int, rate_hz: int) -> None:
    with wave.open(path, "wb") as file:
        file.setnchannels(n_channels)
        file.setsampwidth(n_bytes)
        file.setframerate(rate_hz)
        file.writeframes(data)
