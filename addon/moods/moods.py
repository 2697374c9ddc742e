"""An own mood from the sliders as they stand, and keys on the sliders of the character: for frames, or by its voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ... import engine
from ...engine import Arousal, RigError, SettingError
from ...engine.rig import presets
from ...engine.rig.pose_mapping import read_channels
from ...engine.values.own_moods import FELT, MAX_POSES, Pose, read_own_moods, write_own_moods
from ...engine.values.settings import MAX_INTENSITY, MAX_MOOD, MOODS
from ...engine.values.types import Cancel, Progress, never, no_progress
from ..actions.object_keys import replace_keys
from ..character import controls
from ..host.job import tell_stage
from ..host.preferences import engine_preferences
from ..host.scene import scene_fps
from ..sound import cache as sound_cache
from ..take.character_mood import GROUP, add_slider, object_of, slider_path
from ..take.look_up import panel_character
from ..take.make import Request

KEY_ERROR = 0.02            # by which an intensity between two keys may differ from what the voice says
LAUGH_AMOUNT = 0.8
LAUGH_EASE_S = 0.25


@dataclass(frozen=True)
class ReadMood:
    """What sliders say: channels of the pose, how many poses the mood has now, controls that no channel explains."""

    pose: Pose
    count: int
    unread: tuple[str, ...]


def read_mood(context: bpy.types.Context, name: str) -> ReadMood:
    """Add the pose of the character to an own mood of the scene, which is made where there is none, and choose it.

    Raises:
        EngineError: a kind of it: no character, nothing is posed, or the name cannot be one.
    """
    settings, kind = context.scene.unitalker, name.strip().lower()
    if kind in MOODS:
        raise SettingError(f"{kind!r} is a mood already. Choose another name.")
    character = panel_character(context)
    rig = character.rig(settings.preset, engine_preferences(context).preset_folders)
    preset = presets.choose(replace(rig, source="arkit52"))
    channels, unread = read_channels(preset, rig, controls.pose(character))
    pose = {channel: weight for channel, weight in channels.items() if channel in FELT}
    if not pose:
        raise RigError(
            "No slider of brows, eyes, cheeks or mouth is set, so there is no pose to read. Pose the face first; jaw, "
            "tongue, rounding and gaze stay with speech."
        )
    moods = dict(read_own_moods(settings.own_moods))
    poses = (*moods.get(kind, ()), pose)
    if len(poses) > MAX_POSES:
        raise SettingError(f"Mood {kind!r} has {MAX_POSES} poses already. Choose another name.")
    text = write_own_moods({**moods, kind: poses})
    read_own_moods(text)        # refuses a name that a tag could not hold
    settings.own_moods = text
    settings.mood = kind
    owner = object_of(context)
    if owner is not None and owner.library is None:
        add_slider(owner, kind)
    return ReadMood(pose, len(poses), unread)


def remove_mood(context: bpy.types.Context, name: str) -> None:
    """Take an own mood away; where it was chosen, the mood is neutral then."""
    settings = context.scene.unitalker
    left = {kind: poses for kind, poses in read_own_moods(settings.own_moods).items() if kind != name}
    if settings.mood == name:
        settings.mood = ""
    settings.own_moods = write_own_moods(left)


def add_own_slider(context: bpy.types.Context, mood: str) -> None:
    """Give the character a slider of an own mood. Raises EngineError."""
    if mood not in read_own_moods(context.scene.unitalker.own_moods):
        raise SettingError(f"There is no own mood {mood!r} in this scene. Make it with Mood from Sliders first.")
    add_slider(_owner(context), mood)


def key_frames(context: bpy.types.Context, kind: str, amount: float, first: float, last: float) -> None:
    """Key a mood of the character over some frames, with the onset and release of the panel. Raises EngineError."""
    settings, fps = context.scene.unitalker, scene_fps(context.scene)
    if last <= first:
        raise SettingError(f"The frames end on {last:g}, not after they begin on {first:g}. Fix First or Last.")
    rise, fall = settings.mood_onset * fps, settings.mood_release * fps
    share = min(1.0, (last - first) / max(rise + fall, 1e-6))
    inner = first + share * rise, last - share * fall
    points = [(first, 0.0), (inner[0], amount), (inner[1], amount), (last, 0.0)]
    owner = _owner(context)
    add_slider(owner, kind)
    replace_keys(owner, slider_path(owner, kind), points, (first, last))


def compute(request: Request, progress: Progress = no_progress, cancelled: Cancel = never) -> Arousal:
    """What a line's voice says of its mood: no Blender data, any thread."""
    tell_stage(progress, "Reading sound")
    wave = sound_cache.read(request.clip)
    phones = engine.animate(wave, request.settings, None, progress, cancelled).phones
    return engine.arousal(wave, phones)


def write_voice(context: bpy.types.Context, request: Request, told: Arousal) -> tuple[int, int]:
    """Key what a voice says on the sliders of the character; how many keys of intensity, and how many laughs."""
    owner, fps = _owner(context), request.fps
    first = request.clip.start_frame + request.shift_frames
    kept = _fewer(told.seconds, told.intensity)
    points = [(first + float(told.seconds[row]) * fps, float(told.intensity[row])) for row in kept]
    span = points[0][0], points[-1][0]
    replace_keys(owner, f"{GROUP}.intensity", [(frame, min(value, MAX_INTENSITY)) for frame, value in points], span)
    for start_s, stop_s in told.laughs:
        _key_laugh(owner, first + start_s * fps, first + stop_s * fps, LAUGH_EASE_S * fps)
    return len(points), len(told.laughs)


def _key_laugh(owner: bpy.types.Object, first: float, last: float, ease: float) -> None:
    outer = first - ease, last + 2 * ease
    points = [(outer[0], 0.0), (first, LAUGH_AMOUNT), (last, LAUGH_AMOUNT), (outer[1], 0.0)]
    replace_keys(owner, f"{GROUP}.happy", [(frame, min(value, MAX_MOOD)) for frame, value in points], outer)


def _owner(context: bpy.types.Context) -> bpy.types.Object:
    """The object whose sliders are keyed. Raises RigError."""
    owner = object_of(context)
    if owner is None:
        raise RigError("No character is chosen. Pick one in the Character panel, or select its face.")
    if owner.library is not None:
        raise RigError(f"{owner.name!r} is linked, so keys on it would be lost. Press Make Editable Override.")
    return owner


def _fewer(seconds: np.ndarray, values: np.ndarray) -> Sequence[int]:
    """Rows that straight lines need to stay within KEY_ERROR: the furthest one from the line, again and again."""
    kept, open_parts = {0, len(values) - 1}, [(0, len(values) - 1)]
    while open_parts:
        start, stop = open_parts.pop()
        line = np.interp(seconds[start:stop + 1], seconds[[start, stop]], values[[start, stop]])
        away = np.abs(values[start:stop + 1] - line)
        row = start + int(away.argmax())
        if away.max() > KEY_ERROR and start < row < stop:
            kept.add(row)
            open_parts += [(start, row), (row, stop)]
    return sorted(kept)

