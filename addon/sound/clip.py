"""Sound strip, sound file or speaker -> Waveform and the frame on which it starts.

`find_*` run on the main thread, read Blender's data and give plain values; `read` runs on any thread and touches no
Blender data. The only file that uses `aud`, Blender's own decoder: what is analysed is then what the animator hears.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np

from ...engine import MIN_DURATION_S, AudioError, InstallError, Waveform, from_array, read_audio, stretch
from ...engine.values.types import SAMPLE_RATE_HZ, FloatArray
from ..host.scene import scene_fps
from .retimed import clock_s
from .strips import audible_span, mark, mark_of, pick, sequencer_scene, shift_between

# Formats where aud starts exactly in the middle of a file; ogg and mp3 come up to 23 ms off.
SEEKABLE = {".wav", ".flac", ".aif", ".aiff"}
SEEK_MARGIN_S = 0.25        # read this much more on both sides, so that resampling has its neighbours
SAME_RATE = 1e-6            # frames per second


@dataclass(frozen=True)
class SoundClip:
    """A piece of sound and its place on the timeline.

    Attributes:
        name: of the strip, file or speaker.
        path: the sound file; packed: its bytes when it lies in the .blend file.
        first_s: second of the file (retimed: of what is played) that sounds on start_frame; may be negative by less
            than one frame, then silence comes first.
        length_s: audible seconds from there; infinite up to the end of the file.
        start_frame: whole frame of the character's scene on which it starts.
        channel: which channel of the sound counts, 1 for the first; 0 takes the mean of all.
        mark: of the strip, by which it is found again under another name.
        scene: name of the scene that holds the strip, empty for files and speakers.
        home: name of the scene on whose clock start_frame counts, empty for files.
        retiming: of a strip with speed changes, as retiming_of gives it.
        clock_s: of a strip with speed changes, the second of the file that plays on each frame, one more than it has.
    """

    name: str
    path: str
    packed: bytes | None
    first_s: float
    length_s: float
    start_frame: float
    channel: int = 0
    mark: str = ""
    scene: str = ""
    home: str = ""
    retiming: tuple[int, ...] = ()
    clock_s: tuple[float, ...] = ()


def find_strip(
    context: bpy.types.Context, name: str, edit: bpy.types.Scene | None = None, home: bpy.types.Scene | None = None,
) -> SoundClip:
    """The audible part of one sound strip.

    Args:
        name: of the strip; empty takes the active strip, or the only one.
        edit: the scene whose strips are meant; None is the one that the sequencer shows.
        home: the scene on whose clock the character moves; None is the active one.
    Raises:
        AudioError: no such strip, its file is missing, the scenes run at different rates, or nothing of it is audible.
    """
    edit = edit or sequencer_scene(context)
    return clip_of(context, edit, pick(edit, name), home or context.scene)


def clip_of(
    context: bpy.types.Context, edit: bpy.types.Scene, strip: bpy.types.Strip, home: bpy.types.Scene,
) -> SoundClip:
    """As find_strip, for a strip that is known."""
    clip = place_of(edit, strip, home)
    path, packed = _source(strip.sound, f"Strip {strip.name!r}")
    clock: tuple[float, ...] = ()
    if clip.retiming:
        span = audible_span(edit, strip)
        clock = clock_s(strip, span.first, span.right, span.fps)
    return replace(clip, path=path, packed=packed, mark=mark(strip, edit), clock_s=clock)


def place_of(edit: bpy.types.Scene, strip: bpy.types.Strip, home: bpy.types.Scene) -> SoundClip:
    """Where a strip sounds now, quickly: no file is read, so path, packed and clock_s are empty.

    Raises AudioError.
    """
    span = audible_span(edit, strip)
    if abs(span.fps - scene_fps(home)) > SAME_RATE:
        raise AudioError(
            f"The strip's scene {edit.name!r} runs at {span.fps:g} frames per second and the character's scene "
            f"{home.name!r} at {scene_fps(home):g}. Set both to the same rate in Output > Frame Rate."
        )
    start = span.first + shift_between(edit, home, span.first, span.right)
    length_s, first_s = (span.right - span.first) / span.fps, (span.first - span.zero) / span.fps
    return SoundClip(
        strip.name, "", None, first_s, length_s, start,
        mark=mark_of(strip), scene=edit.name, home=home.name, retiming=span.retiming,
    )


def find_speaker(context: bpy.types.Context, name: str, home: bpy.types.Scene | None = None) -> SoundClip:
    """The sound of a speaker object, from the frame of its first NLA sound strip; without one, from the scene's first.

    A speaker whose NLA sound strips repeat its sound says the line where the first one lies.
    Raises:
        AudioError: no such speaker, it has no sound, or the file is missing.
    """
    speaker = bpy.data.objects.get(name)
    if speaker is None or speaker.type != 'SPEAKER':
        raise AudioError(f"Speaker not found: {name!r}. Pick a speaker object that has a sound.")
    path, packed = _source(speaker.data.sound, f"Speaker {name!r}")
    home = home or context.scene
    return replace(_from_start(name, path, packed, speaker_start(speaker, home), scene_fps(home)), home=home.name)


def speaker_start(speaker: bpy.types.Object, home: bpy.types.Scene) -> float:
    """The frame on which a speaker first sounds."""
    tracks = speaker.animation_data.nla_tracks if speaker.animation_data else ()
    solo = [track for track in tracks if track.is_solo]
    strips = [strip for track in solo or tracks if not track.mute for strip in track.strips]
    starts = [strip.frame_start for strip in strips if strip.type == 'SOUND' and not strip.mute]
    return min(starts, default=home.frame_start)


def find_file(
    context: bpy.types.Context, path: str, start_frame: float, home: bpy.types.Scene | None = None,
) -> SoundClip:
    """A sound file that starts on a frame; "//" paths count from the .blend file. Raises AudioError: it is missing."""
    if not path.strip():
        raise AudioError("No sound file is chosen. Pick one in the Audio panel.")
    full_path = bpy.path.abspath(path)
    if not os.path.isfile(full_path):
        raise AudioError(f"Sound file not found: {full_path}. Check the path, or pick the file again.")
    return _from_start(os.path.basename(full_path), full_path, None, start_frame, scene_fps(home or context.scene))


def read(clip: SoundClip) -> Waveform:
    """Decode the audible part of a clip. Safe on any thread.

    Returns:
        Mono 16 kHz sound whose first sample sounds on clip.start_frame.
    Raises:
        AudioError: the file is missing, empty or corrupt, or less than 0.1 s of it is left.
    """
    with _on_disk(clip.path, clip.packed) as path:
        return _cut(clip, path)


def play(clip: SoundClip) -> object | None:
    """Play a clip now, beside the timeline: a handle with `position` in seconds and stop().

    None in a Blender without sound output. Raises AudioError as read().
    """
    try:
        import aud
    except ImportError:
        return None
    samples = read(clip).samples
    try:
        return aud.Device().play(aud.Sound.buffer(np.ascontiguousarray(samples[:, None]), SAMPLE_RATE_HZ))
    except aud.error:
        return None


def _source(sound: bpy.types.Sound | None, owner: str) -> tuple[str, bytes | None]:
    """Path and packed bytes of a sound data-block."""
    if sound is None:
        raise AudioError(f"{owner} has no sound. Give it one.")
    path = bpy.path.abspath(sound.filepath, library=sound.library)
    if sound.packed_file is not None:
        return path, bytes(sound.packed_file.data)
    if not os.path.isfile(path):
        raise AudioError(
            f"The sound file of {owner} is missing: {path}. "
            "Use File > External Data > Find Missing Files, or pick another sound."
        )
    return path, None


@contextlib.contextmanager
def _on_disk(path: str, packed: bytes | None) -> Iterator[str]:
    """A file with the sound: its own, or a temporary one of the packed bytes."""
    if packed is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lipsync_") as folder:
        copy = os.path.join(folder, "packed" + Path(path).suffix)
        Path(copy).write_bytes(packed)
        yield copy


def _unreadable(path: str, error: Exception) -> AudioError:
    return AudioError(f"Sound file cannot be read: {path} ({error}). Convert it to wav, or export it again.")


def _from_start(name: str, path: str, packed: bytes | None, start_frame: float, fps: float) -> SoundClip:
    """All of a file; keys fall on whole frames, so a start between two frames begins with a moment of silence."""
    return SoundClip(name, path, packed, **whole_from(start_frame, fps))


def whole_from(start_frame: float, fps: float) -> dict[str, float]:
    """first_s, length_s and start_frame of a clip of all of a sound."""
    first = math.floor(start_frame + 1e-6)
    return {"first_s": min(0.0, (first - start_frame) / fps), "length_s": math.inf, "start_frame": first}


def _cut(clip: SoundClip, path: str) -> Waveform:
    samples = _retimed(clip, path) if clip.clock_s else _straight(clip, path)
    if len(samples) < MIN_DURATION_S * SAMPLE_RATE_HZ:
        raise AudioError(
            f"Only {len(samples) / SAMPLE_RATE_HZ:.2f} s of sound can be heard in {clip.name!r}; "
            f"at least {MIN_DURATION_S} s are needed. Make the strip longer, or pick another one."
        )
    return Waveform(samples)


def _straight(clip: SoundClip, path: str) -> FloatArray:
    """The samples of a clip that plays at its own speed."""
    decoded, decoded_from_s = _decode(path, clip.channel, clip.first_s, clip.length_s)
    first = round((clip.first_s - decoded_from_s) * SAMPLE_RATE_HZ)
    count = len(decoded.samples) if math.isinf(clip.length_s) else max(0, round(clip.length_s * SAMPLE_RATE_HZ))
    silence = np.zeros(max(0, -first), np.float32)
    return np.concatenate([silence, decoded.samples[max(0, first):]])[:count]


def _retimed(clip: SoundClip, path: str) -> FloatArray:
    """The samples of a clip with speed changes, at the voice's own pitch."""
    clock = np.array(clip.clock_s)
    decoded, decoded_from_s = _decode(path, clip.channel, clock[0], clock[-1] - clock[0])
    step_s = clip.length_s / (len(clock) - 1)
    return stretch(decoded.samples[:, None], SAMPLE_RATE_HZ, clock[:-1] - decoded_from_s, step_s)[:, 0]


def _decode(path: str, channel: int, first_s: float, length_s: float) -> tuple[Waveform, float]:
    """Sound of a file and the second at which it starts: the needed part where seeking is exact, else all of it."""
    seekable = Path(path).suffix.lower() in SEEKABLE
    if seekable and math.isinf(length_s):
        # The same samples, but block by block: an hour of stereo needs 0.5 GB, not 3. It cannot read a codec that only
        # Blender knows, a bad file, or anything where soundfile is damaged.
        with contextlib.suppress(AudioError, InstallError, OSError):
            return read_audio(path, channel), 0.0
    try:
        import aud
    except ImportError:         # Blender built without sound
        return read_audio(path, channel), 0.0
    try:
        sound = aud.Sound.file(path)
        rate_hz, _ = sound.specs        # before data(): a file that cannot be read raises instead of ending Blender
        from_s = 0.0
        if seekable and math.isfinite(length_s):
            from_s = max(0.0, first_s - SEEK_MARGIN_S)
            sound = sound.limit(from_s, first_s + length_s + SEEK_MARGIN_S)
        return from_array(sound.data(), rate_hz, path, channel), from_s
    except aud.error as error:
        raise _unreadable(path, error) from error
