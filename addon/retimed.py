"""A strip with speed changes, as Blender plays it: ramps, freezes and pitch correction included.

Blender does not tell scripts where a retimed sound is at which frame, so it is asked to play: a copy of the scene, without its objects, is
mixed down with all other strips muted. The artist's scene is read and nothing else.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import bpy

from ..engine import AudioError
from .sound_strips import Heard, all_strips

RATE_HZ = 48_000
BUFFER = 64                     # samples; Blender changes speed between buffers: its usual 1024 would be off by a frame, 256 still by 50 ms after a freeze
CRASHES, CURED = (5, 0, 0), (5, 1, 0)       # one in a hundred mixdowns of a retimed strip without pitch correction ended 5.0.1 (4.5 and 5.2: none)


def as_played(context: bpy.types.Context, scene: bpy.types.Scene, strip: bpy.types.Strip, when: Heard) -> bytes:
    """A wav file of what this strip alone plays from when.first to when.right; stereo unless its sound is mono. Raises AudioError."""
    if CRASHES <= bpy.app.version < CURED and not strip.pitch_correction:
        raise AudioError(
            f"Strip {strip.name!r} has speed changes without Pitch Correction, with which Blender {bpy.app.version_string} now and then crashes. "
            "Switch Pitch Correction on in the strip's Sound panel, or use another Blender."
        )
    alone = scene.copy()
    try:
        _leave_only(alone, strip.name)
        alone.frame_start, alone.frame_end = when.first, when.right - 1
        with tempfile.TemporaryDirectory(prefix="lipsync_") as folder:
            path = os.path.join(folder, "played.wav")
            _mix_down(context, alone, path, 'MONO' if strip.sound.channels == 'MONO' else 'STEREO')
            return Path(path).read_bytes()
    except (RuntimeError, OSError) as error:
        raise AudioError(
            f"Strip {strip.name!r} has speed changes, and Blender could not mix it down ({error}). "
            "Remove them (Strip > Retiming > Reset), or render the sound to a file and pick that."
        ) from error
    finally:
        bpy.data.scenes.remove(alone)


def _leave_only(scene: bpy.types.Scene, name: str) -> None:
    """Mute all strips but one, and take out what would cost time or change its volume."""
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
            strip.volume = 1.0
        elif strip.type == 'META':
            strip.mute = False


def _mix_down(context: bpy.types.Context, scene: bpy.types.Scene, path: str, channels: str) -> None:
    with context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
        bpy.ops.sound.mixdown(
            filepath=path, check_existing=False, accuracy=BUFFER, container='WAV', codec='PCM', format='S16', mixrate=RATE_HZ, channels=channels,
        )
