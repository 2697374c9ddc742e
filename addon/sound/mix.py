"""The sound of a scene as its timeline plays it, mixed for a film: sound strips and speakers with their volume.

Blender's own mixdown ends Blender now and then where a strip has speed changes. Speakers sound at their volume,
wherever the camera is. Only parts_of reads Blender's data.
"""

from __future__ import annotations

import math
import wave
from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ...engine import AudioError
from ...engine.values.types import FloatArray
from ..actions import actions
from .clip import SoundClip, decode, find_speaker, needed, on_disk, play_of_file, unmarked_clip
from .strips import is_hidden, is_muted, sound_strips

RATE_HZ = 48_000
INT16_MAX = 32_767


@dataclass(frozen=True)
class Part:
    """One sound of a scene.

    Attributes:
        clip: what sounds, and when.
        gains: (left, right) on each of the frames that are mixed.
    """

    clip: SoundClip
    gains: tuple[tuple[float, float], ...]


def parts_of(context: bpy.types.Context, scene: bpy.types.Scene, frames: range) -> tuple[list[Part], list[str]]:
    """The sounds of a scene that are not muted, and why others cannot be mixed. Main thread."""
    parts, problems = [], []
    for strip in sound_strips(scene):
        if strip.sound is None or is_muted(scene, strip) or is_hidden(strip):
            continue
        path = f'["{bpy.utils.escape_identifier(strip.name)}"].volume'
        volumes, sides = _volumes(scene, path, strip.volume, frames), _sides(strip.sound, strip.pan)
        try:
            parts.append(_part(scene, unmarked_clip(scene, strip, scene), volumes, sides))
        except AudioError as error:
            problems.append(str(error))
    for obj in scene.objects:
        if obj.type != 'SPEAKER' or obj.data.sound is None or obj.data.muted:
            continue
        volumes, sides = _volumes(obj.data, "volume", obj.data.volume, frames), _sides(obj.data.sound, 0.0)
        try:
            parts.append(_part(scene, find_speaker(context, obj.name, scene), volumes, sides))
        except AudioError as error:
            problems.append(str(error))
    return parts, problems


def write_mix(parts: Sequence[Part], frames: range, fps: float, path: str) -> list[str]:
    """Write the mix of some frames as a wav file of 16-bit stereo at 48 kHz; why some could not be read.

    Raises OSError.
    """
    mixed, problems = np.zeros((round(len(frames) / fps * RATE_HZ), 2), np.float32), []
    for part in parts:
        try:
            _add(mixed, part, frames, fps)
        except AudioError as error:
            problems.append(str(error))
    with wave.open(path, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((mixed.clip(-1, 1) * INT16_MAX).astype("<i2").tobytes())
    return problems


def _add(mixed: FloatArray, part: Part, frames: range, fps: float) -> None:
    """Add what of a part sounds on these frames."""
    first = round((part.clip.start_frame - frames.start) / fps * RATE_HZ)
    at = max(0, first)
    samples = _stereo(part.clip)[max(0, -first):][:max(0, len(mixed) - at)]
    when = (at + np.arange(len(samples))) / RATE_HZ * fps
    for side, gains in enumerate(zip(*part.gains, strict=True)):
        mixed[at:at + len(samples), side] += samples[:, side] * np.interp(when, np.arange(len(gains)), gains)


def _stereo(clip: SoundClip) -> FloatArray:
    """What a clip plays as (n, 2); one channel sounds on both sides, and so does the mean of more than two."""
    with on_disk(clip.path, clip.packed) as path:
        samples, _, from_s = decode(path, needed(clip), RATE_HZ)
    if samples.shape[1] != 2:
        samples = np.repeat(samples.mean(axis=1, keepdims=True), 2, axis=1)
    return play_of_file(clip, samples, RATE_HZ, from_s)


def _part(
    scene: bpy.types.Scene, clip: SoundClip, volumes: Sequence[float], sides: tuple[float, float],
) -> Part:
    loud = [volume * scene.audio_volume for volume in volumes]
    return Part(clip, tuple((volume * sides[0], volume * sides[1]) for volume in loud))


def _sides(sound: bpy.types.Sound, pan: float) -> tuple[float, float]:
    """Gains left and right as Blender has them: sound of one channel is panned at equal power, other sound is not."""
    if sound.channels != 'MONO' and not sound.use_mono:
        return 1.0, 1.0
    angle = (min(1.0, max(-1.0, pan)) + 1) * math.pi / 4
    return math.cos(angle), math.sin(angle)


def _volumes(owner: bpy.types.ID, path: str, constant: float, frames: range) -> list[float]:
    """The volume on each frame: of its curve, where it is animated."""
    for use in actions.uses(owner):
        for curve in actions.curves_of(use):
            if curve.data_path.endswith(path):
                return [curve.evaluate(frame) for frame in frames]
    return [constant] * len(frames)
