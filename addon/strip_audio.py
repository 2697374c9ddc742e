"""Sound strip, sound file or speaker -> Waveform and the frame on which it starts.

`find_*` run on the main thread, read Blender's data and give plain values; `read` runs on any thread and touches no Blender data.
The only file that uses `aud`, Blender's own decoder: what is analysed is then what the animator hears, to the sample.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ..engine import AudioError, InstallError, Waveform, from_array, read_audio
from ..engine.audio import MIN_DURATION_S
from ..engine.types import SAMPLE_RATE_HZ
from .rig import scene_fps

SEEKABLE = {".wav", ".flac", ".aif", ".aiff"}   # formats where aud starts in the middle of a file exactly; ogg and mp3 come up to 23 ms off
SEEK_MARGIN_S = 0.25                            # read this much more on both sides, so that resampling has its neighbours


@dataclass(frozen=True)
class Clip:
    """A piece of sound and its place on the timeline.

    Attributes:
        name: of the strip, file or speaker.
        path: the sound file; packed: its bytes when it lies in the .blend file.
        first_s: second of the file that sounds on start_frame; may be negative by less than one frame (then silence comes first).
        length_s: audible seconds from there; infinite up to the end of the file.
        start_frame: whole frame of the character's scene on which it starts.
    """

    name: str
    path: str
    packed: bytes | None
    first_s: float
    length_s: float
    start_frame: float


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the sequencer shows: from 5.0 on the workspace may name another one than the active scene."""
    return getattr(context.workspace, "sequencer_scene", None) or context.scene


def sound_strips(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """Every sound strip of a scene, those inside meta strips too, in the order in which they start."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    strips = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    return sorted((strip for strip in strips if strip.type == 'SOUND'), key=lambda strip: (_handles(strip)[0], strip.name))


def find_strip(context: bpy.types.Context, name: str) -> Clip:
    """The audible part of one sound strip.

    Args:
        name: of the strip; empty takes the active strip, or the only one.
    Raises:
        AudioError: no such strip, its file is missing, it has speed changes, or nothing of it can be heard.
    """
    scene = sequencer_scene(context)
    strip = _pick(scene, name)
    fps = scene_fps(scene)
    if abs(fps - scene_fps(context.scene)) > 1e-6:
        raise AudioError(
            f"The strip's scene {scene.name!r} runs at {fps:g} frames per second and the character's scene {context.scene.name!r} at "
            f"{scene_fps(context.scene):g}. Set both to the same rate in Output > Frame Rate."
        )
    if len(getattr(strip, "retiming_keys", ())):
        raise AudioError(
            f"Strip {strip.name!r} has {len(strip.retiming_keys)} retiming keys (speed changes), which cannot be followed. "
            "Remove them (Strip > Retiming > Reset), or render the sound to a file and pick that."
        )
    left, right = _audible_frames(strip)
    zero = _zero_frame(strip, fps)
    first = max(left, math.floor(zero))
    if right <= first:
        raise AudioError(f"Nothing of strip {strip.name!r} can be heard between frames {left} and {right}. Move its handles over the sound.")
    path, packed = _source(strip.sound, f"Strip {strip.name!r}")
    start = first + _shift_to_scene(scene, context.scene, first, right)
    return Clip(strip.name, path, packed, (first - zero) / fps, (right - first) / fps, start)


def find_speaker(context: bpy.types.Context, name: str) -> Clip:
    """The sound of a speaker object, from the frame of its first NLA sound strip (without one: the scene's first frame).

    Raises:
        AudioError: no such speaker, it has no sound, or the file is missing.
    """
    speaker = bpy.data.objects.get(name)
    if speaker is None or speaker.type != 'SPEAKER':
        raise AudioError(f"Speaker not found: {name!r}. Pick a speaker object that has a sound.")
    path, packed = _source(speaker.data.sound, f"Speaker {name!r}")
    tracks = speaker.animation_data.nla_tracks if speaker.animation_data else ()
    starts = [strip.frame_start for track in tracks if not track.mute for strip in track.strips if strip.type == 'SOUND' and not strip.mute]
    return _from_start(name, path, packed, min(starts, default=context.scene.frame_start), scene_fps(context.scene))


def find_file(context: bpy.types.Context, path: str, start_frame: float) -> Clip:
    """A sound file that starts on a frame; "//" paths count from the .blend file. Raises AudioError when it is missing."""
    if not path.strip():
        raise AudioError("No sound file is chosen. Pick one in the Audio panel.")
    full_path = bpy.path.abspath(path)
    if not os.path.isfile(full_path):
        raise AudioError(f"Sound file not found: {full_path}. Check the path, or pick the file again.")
    return _from_start(os.path.basename(full_path), full_path, None, start_frame, scene_fps(context.scene))


def read(clip: Clip) -> Waveform:
    """Decode the audible part of a clip. Safe on any thread.

    Returns:
        Mono 16 kHz sound whose first sample sounds on clip.start_frame.
    Raises:
        AudioError: the file is missing, empty or corrupt, or less than 0.1 s of it is left.
    """
    if clip.packed is None:
        return _cut(clip, clip.path)
    with tempfile.TemporaryDirectory(prefix="lipsync_") as folder:
        path = os.path.join(folder, "packed" + Path(clip.path).suffix)
        Path(path).write_bytes(clip.packed)
        return _cut(clip, path)


def _pick(scene: bpy.types.Scene, name: str) -> bpy.types.Strip:
    strips = sound_strips(scene)
    if not strips:
        raise AudioError(f"Scene {scene.name!r} has no sound strip. Add one in the Video Sequencer (Add > Sound), or pick a sound file.")
    if not name:
        active = scene.sequence_editor.active_strip
        if active is not None and active.type == 'SOUND':
            return active
        if len(strips) == 1:
            return strips[0]
    for strip in strips:
        if strip.name == name:
            return strip
    known = ", ".join(strip.name for strip in strips)
    problem = f"Sound strip not found: {name!r}" if name else f"{len(strips)} sound strips and none is chosen"
    raise AudioError(f"{problem} in scene {scene.name!r}. Pick one of: {known}.")


def _source(sound: bpy.types.Sound | None, owner: str) -> tuple[str, bytes | None]:
    """Path and packed bytes of a sound data-block."""
    if sound is None:
        raise AudioError(f"{owner} has no sound. Give it one.")
    path = bpy.path.abspath(sound.filepath, library=sound.library)
    if sound.packed_file is not None:
        return path, bytes(sound.packed_file.data)
    if not os.path.isfile(path):
        raise AudioError(f"The sound file of {owner} is missing: {path}. Use File > External Data > Find Missing Files, or pick another sound.")
    return path, None


def _from_start(name: str, path: str, packed: bytes | None, start_frame: float, fps: float) -> Clip:
    """All of a file; keys fall on whole frames, so a start between two frames begins with a moment of silence."""
    first = math.floor(start_frame + 1e-6)
    return Clip(name, path, packed, min(0.0, (first - start_frame) / fps), math.inf, first)


def _handles(strip: bpy.types.Strip) -> tuple[int, int]:
    """First frame of a strip and the frame after its last; named anew in 5.2."""
    if hasattr(strip, "left_handle"):
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def _audible_frames(strip: bpy.types.Strip) -> tuple[int, int]:
    """The frames on which a strip can be heard: its own handles, cut by those of the meta strips around it."""
    spans = [_handles(around) for around in _with_parents(strip)]
    return max(left for left, _ in spans), min(right for _, right in spans)


def _with_parents(strip: bpy.types.Strip) -> Iterator[bpy.types.Strip]:
    while strip is not None:
        yield strip
        strip = strip.parent_meta()


def _zero_frame(strip: bpy.types.Strip, fps: float) -> float:
    """The frame on which second 0 of the sound file falls, be it audible or trimmed away. Measured with a click track, see the tests."""
    start, trim = (
        (strip.content_start, strip.content_trim_start) if hasattr(strip, "content_start") else (strip.frame_start, strip.animation_offset_start)
    )
    return int(start) - trim + getattr(strip, "sound_offset", 0.0) * fps


def _shift_to_scene(edited: bpy.types.Scene, scene: bpy.types.Scene, first: int, right: int) -> int:
    """Frames to add to get from the edited scene's clock to the character's, if a scene strip shows the one in the other."""
    if edited == scene:
        return 0
    editor = edited.sequence_editor
    for strip in editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all:
        left, end = _handles(strip)
        if strip.type == 'SCENE' and strip.scene == scene and left < right and first < end:
            return scene.frame_start - round(_zero_frame(strip, 1.0))
    return 0


def _cut(clip: Clip, path: str) -> Waveform:
    decoded, decoded_from_s = _decode(path, clip)
    first = round((clip.first_s - decoded_from_s) * SAMPLE_RATE_HZ)
    count = len(decoded.samples) if math.isinf(clip.length_s) else max(0, round(clip.length_s * SAMPLE_RATE_HZ))
    silence = np.zeros(max(0, -first), np.float32)
    samples = np.concatenate([silence, decoded.samples[max(0, first):]])[:count]
    if len(samples) < MIN_DURATION_S * SAMPLE_RATE_HZ:
        raise AudioError(
            f"Only {len(samples) / SAMPLE_RATE_HZ:.2f} s of sound can be heard in {clip.name!r}; at least {MIN_DURATION_S} s are needed. "
            "Make the strip longer, or pick another one."
        )
    return Waveform(samples)


def _decode(path: str, clip: Clip) -> tuple[Waveform, float]:
    """Sound of a file and the second at which it starts: the needed part where seeking is exact, else all of it."""
    seekable = Path(path).suffix.lower() in SEEKABLE
    if seekable and math.isinf(clip.length_s):
        with contextlib.suppress(AudioError, InstallError, OSError):     # a codec that only Blender knows, a bad file, a damaged soundfile
            return read_audio(path), 0.0            # the same samples, but block by block: an hour of stereo needs 0.5 GB, not 3
    try:
        import aud
    except ImportError:         # Blender built without sound
        return read_audio(path), 0.0
    try:
        sound = aud.Sound.file(path)
        rate_hz, _ = sound.specs        # before data(): a file that cannot be read then raises instead of ending Blender
        from_s = 0.0
        if seekable and math.isfinite(clip.length_s):
            from_s = max(0.0, clip.first_s - SEEK_MARGIN_S)
            sound = sound.limit(from_s, clip.first_s + clip.length_s + SEEK_MARGIN_S)
        return from_array(sound.data(), rate_hz, path), from_s
    except aud.error as error:
        raise AudioError(f"Sound file cannot be read: {path} ({error}). Convert it to wav, or export it again.") from error
