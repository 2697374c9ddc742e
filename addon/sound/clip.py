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

from ...engine import MIN_DURATION_S, AudioError, InstallError, Waveform, check_sound, from_array, read_audio, stretch
from ...engine.values.types import SAMPLE_RATE_HZ, FloatArray
from ..actions import actions
from ..host.scene import same_rate, scene_fps
from .retimed import clock_s
from .scene_strips import shift_between
from .strips import audible_span, mark, mark_of, pick, sequencer_scene

WHOLE = 0.0, math.inf       # first second and length of all of a file
SEEK_MARGIN_S = 0.25        # read this much more on both sides, so that resampling has its neighbours
STEP_S = 0.01               # of the clock of a speaker with another pitch
RESAMPLE_QUALITY = 1        # of Blender's resampler: 0 folds high sounds down, 3 takes six times as long


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
        retiming: of a strip with speed changes, as retiming_of gives it; of a speaker with another Pitch thousandths.
        clock_s: of a strip with speed changes, the second of the file that plays on each frame, one more than it has.
        speed: of a speaker, how many times faster than in the file it plays: its Pitch.
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
    speed: float = 1.0


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
    """As find_strip, for a strip that is known; it is marked, so that its take finds it again."""
    return replace(unmarked_clip(edit, strip, home), mark=mark(strip, edit))


def unmarked_clip(edit: bpy.types.Scene, strip: bpy.types.Strip, home: bpy.types.Scene) -> SoundClip:
    """As clip_of, and the strip stays as it is."""
    clip = place_of(edit, strip, home)
    path, packed = _source(strip.sound, f"Strip {strip.name!r}")
    clock: tuple[float, ...] = ()
    if clip.retiming:
        span = audible_span(edit, strip)
        clock = clock_s(strip, span.first, span.right, span.fps)
    return replace(clip, path=path, packed=packed, clock_s=clock)


def place_of(edit: bpy.types.Scene, strip: bpy.types.Strip, home: bpy.types.Scene) -> SoundClip:
    """Where a strip sounds now, quickly: no file is read, so path, packed and clock_s are empty.

    Raises AudioError.
    """
    span = audible_span(edit, strip)
    _check_time_stretching(home)
    if not same_rate(span.fps, scene_fps(home)):
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
    _check_time_stretching(home)
    clip = _from_start(name, path, packed, speaker_start(speaker, home), scene_fps(home))
    speed = _speed_of(speaker)
    return replace(clip, home=home.name, speed=speed, retiming=() if speed == 1 else (0, round(1000 * speed)))


def _speed_of(speaker: bpy.types.Object) -> float:
    """How much faster than in its file the sound of a speaker plays. Raises AudioError: that changes on the way."""
    sound, drivers = speaker.data, speaker.data.animation_data and speaker.data.animation_data.drivers
    paths = [curve.data_path for use in actions.uses(sound) for curve in actions.curves_of(use)]
    if "pitch" in [*paths, *(driver.data_path for driver in drivers or ())]:
        raise AudioError(
            f"The Pitch of speaker {speaker.name!r} is animated, so its sound has no single speed. "
            "Remove that animation, or render the sound to a file and pick that."
        )
    return float(sound.pitch)


def _check_time_stretching(home: bpy.types.Scene) -> None:
    """Refuse a scene whose animation runs at another speed than its frames: sound does not, so no key would fit."""
    render = home.render
    if render.frame_map_old != render.frame_map_new:
        raise AudioError(
            f"Scene {home.name!r} plays its animation at another speed than its sound (Time Stretching: Old "
            f"{render.frame_map_old}, New {render.frame_map_new}). "
            "Set both to 100 in Output > Frame Range > Time Stretching, then generate again."
        )


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
    home = home or context.scene
    _check_time_stretching(home)
    return _from_start(os.path.basename(full_path), full_path, None, start_frame, scene_fps(home))


def read(clip: SoundClip) -> Waveform:
    """Decode the audible part of a clip. Safe on any thread.

    Returns:
        Mono 16 kHz sound whose first sample sounds on clip.start_frame.
    Raises:
        AudioError: the file is missing, empty or corrupt, or less than 0.1 s of it is left.
    """
    with on_disk(clip.path, clip.packed) as path:
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
def on_disk(path: str, packed: bytes | None) -> Iterator[str]:
    """A file with the sound: its own, or a temporary one of the packed bytes."""
    if packed is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lipsync_") as folder:
        copy = os.path.join(folder, "packed" + Path(path).suffix)
        Path(copy).write_bytes(packed)
        yield copy


def _from_start(name: str, path: str, packed: bytes | None, start_frame: float, fps: float) -> SoundClip:
    """All of a file; keys fall on whole frames, so a start between two frames begins with a moment of silence."""
    return SoundClip(name, path, packed, **whole_from(start_frame, fps))


def whole_from(start_frame: float, fps: float) -> dict[str, float]:
    """first_s, length_s and start_frame of a clip of all of a sound."""
    first = math.floor(start_frame + 1e-6)
    return {"first_s": min(0.0, (first - start_frame) / fps), "length_s": math.inf, "start_frame": first}


def _cut(clip: SoundClip, path: str) -> Waveform:
    decoded, from_s = _decode(path, clip.channel, *needed(clip))
    samples = play_of_file(clip, decoded.samples[:, None], SAMPLE_RATE_HZ, from_s)[:, 0]
    if len(samples) < MIN_DURATION_S * SAMPLE_RATE_HZ:
        raise AudioError(
            f"Only {len(samples) / SAMPLE_RATE_HZ:.2f} s of sound can be heard in {clip.name!r}; "
            f"at least {MIN_DURATION_S} s are needed. Make the strip longer, or pick another one."
        )
    return Waveform(samples, decoded.warning)


def needed(clip: SoundClip) -> tuple[float, float]:
    """First second and length of what a clip plays of its file."""
    if clip.clock_s:
        return clip.clock_s[0], clip.clock_s[-1] - clip.clock_s[0]
    return clip.first_s, clip.length_s


def play_of_file(clip: SoundClip, samples: FloatArray, rate_hz: int, from_s: float) -> FloatArray:
    """What a clip plays of a file's samples (n, channels) from a second on; at their own pitch where the speed differs.
    """
    if clip.clock_s:
        step_s = clip.length_s / (len(clip.clock_s) - 1)
        return stretch(samples, rate_hz, np.array(clip.clock_s[:-1]) - from_s, step_s)
    if clip.speed != 1:
        samples = stretch(samples, rate_hz, np.arange(0, len(samples) / rate_hz, STEP_S * clip.speed), STEP_S)
    first = round((clip.first_s - from_s) * rate_hz)
    count = len(samples) if math.isinf(clip.length_s) else max(0, round(clip.length_s * rate_hz))
    silence = np.zeros((max(0, -first), samples.shape[1]), np.float32)
    return np.concatenate([silence, samples[max(0, first):]])[:count]


def _decode(path: str, channel: int, first_s: float, length_s: float) -> tuple[Waveform, float]:
    """Sound of a file and the second at which it starts: the needed part where seeking is exact, else all of it."""
    if not bpy.app.build_options.audaspace:
        return read_audio(path, channel), 0.0
    is_plain, warning = check_sound(path)
    if is_plain and math.isinf(length_s):
        # The same samples, but block by block: an hour of stereo needs 0.5 GB, not 3. It cannot read a codec that only
        # Blender knows, a bad file, or anything where soundfile is damaged.
        with contextlib.suppress(AudioError, InstallError, OSError):
            return read_audio(path, channel), 0.0
    samples, rate_hz, from_s = decode(path, (first_s, length_s) if is_plain else WHOLE)
    return replace(from_array(samples, rate_hz, path, channel), warning=warning), from_s


def decode(
    path: str, part_s: tuple[float, float] = WHOLE, rate_hz: float | None = None,
) -> tuple[FloatArray, float, float]:
    """Samples (n, channels) of a file, their rate and the second at which they start, by Blender's own decoder.

    Args:
        part_s: first second and length of what is needed, where a file can be entered anywhere to the sample.
        rate_hz: wanted rate; None keeps that of the file.
    Raises:
        AudioError: the file cannot be read.
    """
    import aud  # not in every Blender

    first_s, length_s = part_s
    try:
        sound = aud.Sound.file(path)
        own_rate_hz, _ = sound.specs        # before data(): a bad file raises here instead of ending Blender there
        from_s = 0.0
        if math.isfinite(length_s):
            from_s = max(0.0, first_s - SEEK_MARGIN_S)
            sound = sound.limit(from_s, first_s + length_s + SEEK_MARGIN_S)
        if rate_hz is not None and rate_hz != own_rate_hz:
            sound = sound.resample(rate_hz, RESAMPLE_QUALITY)
        return sound.data(), rate_hz or own_rate_hz, from_s
    except aud.error as error:
        raise AudioError(
            f"Sound file cannot be read: {path} ({error}). Convert it to wav, or export it again."
        ) from error
