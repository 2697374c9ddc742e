"""One lip-sync take in three steps: gather (Blender -> plain values), compute (no Blender, any thread), write (plain values -> keys).

The button, scripts and the command line all walk these steps; operators.py only decides on which thread `compute` runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import EllipsisType

import bpy
import numpy as np

from ... import engine
from ...engine import Animation, SettingError, Settings, reduce_for_curves
from ...engine.model.folder import open_model
from ..actions.ledger import Span, TimedPhone
from ..character import character as rig
from ..host.job import listening, tell_stage
from ..host.preferences import engine_preferences
from ..host.scene import scene_fps
from ..host.translations import translate, translate_plural
from ..keying import clearing, moved_keys, notes, parts, vertex_head
from ..keying import write as fcurves
from ..keying.window import Window
from ..sound import cache as kept_sounds
from ..sound import clip as strip_audio
from ..sound import strips as sound_strips
from .callbacks import end_previews
from .options import MAX_FRAME, Options
from .settings import key_options, phones_of, settings_of, vertex_options


@dataclass(frozen=True)
class Request:
    """What `compute` and `write` need, as plain values; making the same line again replaces its keys.

    Attributes:
        options: what was chosen, to be kept with the keys.
        character, rig: what is keyed; None for a head that gives vertices.
        vertices: the mesh that such a head moves, else None.
        frames: first and last frame that may change; None is the whole line.
    """

    options: Options
    clip: strip_audio.Clip
    line: str
    character: rig.Character | None
    rig: engine.Rig | None
    vertices: vertex_head.Plan | None
    settings: Settings
    fps: float
    shift_frames: float
    keys: parts.KeyOptions
    frames: Span | None


@dataclass(frozen=True)
class Summary:
    """What to tell the user: one line, then the channels that the character lacks, the warnings, and the channels that it has."""

    line: str
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    mapped: tuple[str, ...] = ()


def gather(
    context: bpy.types.Context, options: Options, clip: strip_audio.Clip | None = None, phones: Sequence[TimedPhone] | EllipsisType | None = ...,
) -> Request:
    """Read the scene. Raises EngineError kinds for everything that the user can mend.

    Args:
        clip: the sound, where the caller has found it already; None takes what the options say.
        phones: what is spoken when, where the user knows better than what is heard: label, start and end in seconds of each; None is as heard.
            By default those that the user edited in this line's take, as long as it says the same sound and words.
    """
    _check_frames(options)
    end_previews(context.scene)
    home = rig.home_scene(context, options.character)
    clip = replace(clip or _find_clip(context, options, home), channel=options.audio_channel)
    fps, preferences = scene_fps(home), engine_preferences(context)
    head = open_model(options.model, preferences.model_folders).head(options.head)
    character, plan = None, None
    if head.space == "vertices":
        mesh = vertex_head.find_mesh(rig.members(context, options.character, options.with_related), head)
        plan = vertex_head.plan(mesh, options.model, head, vertex_options(options, fps))
    else:
        character = rig.gather(context, options.character, options.with_related)
    frames = _frames(options, plan)
    line = "/".join(Path(clip.path).parts[-2:]) if options.source == 'FILE' else clip.name        # line.wav may lie in many folders
    if character:
        line = notes.name_of_file(character, line, clip.start_frame) if options.source == 'FILE' else _own_name(character, line, clip)
        if not options.with_related and (whole := _with_parts(context, character, options, line)) != character:
            character, options = whole, replace(options, with_related=True)         # so that clearing the take clears them too
    known = notes.edited_phones(character, line, clip, asdict(options)) if phones is ... and character else phones
    settings = settings_of(options, preferences, fps, phones_of(None if known is ... else known))
    if frames is not None or options.interpolation == 'BEZIER':
        settings = replace(settings, max_error=None)        # keys are left out later, when it is known what lies beside them
    return Request(
        options=options,
        clip=clip,
        line=line,
        character=character,
        rig=character.rig(options.preset or "auto", preferences.preset_folders) if character else None,
        vertices=plan,
        settings=settings,
        fps=fps,
        shift_frames=options.shift_frames,
        keys=key_options(options, fps),
        frames=frames,
    )


def compute(
    request: Request, progress: Callable[[float], None] = engine.values.types.no_progress, cancelled: Callable[[], bool] = engine.values.types.never,
) -> Animation | vertex_head.Solved:
    """Decode the sound and run the engine: no Blender data, any thread."""
    tell_stage(progress, "Reading sound")
    wave = kept_sounds.read(request.clip)
    tell_stage(progress, "Listening")
    animation = engine.animate(wave, request.settings, request.rig, listening(progress), cancelled)
    if request.vertices:
        return vertex_head.solve(animation, request.vertices)
    if request.options.reduce and request.frames is None and request.settings.max_error is None and animation.curves:
        fewer = reduce_for_curves(animation.curves, request.options.max_error, animation.contacts.slack)
        return replace(animation, curves=fewer)
    return animation


def write(request: Request, result: Animation | vertex_head.Solved) -> Summary:
    """Key the character. Raises RigError, with nothing written, when it is gone or cannot take keys."""
    animation = result.animation if isinstance(result, vertex_head.Solved) else result
    first = request.clip.start_frame + request.shift_frames
    frames = len(animation.motion.weights)
    closed = notes.closed_spans(animation.contacts, first)
    note = notes.new_note(asdict(request.options), request.clip, request.settings, closed)
    line = parts.Line(request.line, first, first + frames - 1, request.fps, note)
    if isinstance(result, vertex_head.Solved):
        text, warnings = vertex_head.write(result, request.vertices, line, request.keys)
        return Summary(text, (), warnings)
    curves = animation.curves
    assert curves is not None and request.character is not None       # a rig was given
    moved_keys.rename_marked(request.character, request.clip.mark, request.line)
    keys = replace(request.keys, interpolation='CONSTANT') if curves.stepped else request.keys
    window = None
    if request.frames is not None:
        window, line = _window(request, line, closed, animation.contacts.slack)
    again = _said_again(request)
    written = fcurves.write(request.character, curves, line, keys, window)
    made = translate_plural(written.curves, "1 curve", "{} curves")
    if window is not None:
        text = translate("{}, frames {} to {} of {}", made, f"{window.first:g}", f"{window.last:g}", frames)
    else:
        mapped = translate_plural(len(curves.mapped), "1 channel mapped", "{} channels mapped")
        text = translate("{}, {}, {}, {} missing", made, translate_plural(frames, "1 frame", "{} frames"), mapped, len(curves.missing))
    return Summary(translate("{} ({}, Action {!r})", text, curves.preset, written.action), curves.missing, (*again, *animation.warnings, *written.warnings), curves.mapped)


def _said_again(request: Request) -> tuple[str, ...]:
    """A sentence where a sound file gets a further take: the first may have been meant to move."""
    known = notes.of_file(request.character, re.sub(r" \(\d+\)$", "", request.line)) if request.options.source == 'FILE' else []
    if not known or any(note.line == request.line for note in known):
        return ()
    places = ", ".join(f"{note.line!r} on frames {note.first_frame:g} to {note.last_frame:g}" for note in known)
    return (f"This sound is said twice now: {places} stays, and {request.line!r} is new. If you only meant another start, clear the old one in Takes.",)


def _window(request: Request, line: parts.Line, closed: list[Span], slack: np.ndarray) -> tuple[Window, parts.Line]:
    """The frames that may change, and the line with notes as they are after the change. Raises SettingError."""
    assert request.frames is not None and request.character is not None
    first, last = request.frames
    if last < line.first_frame or line.last_frame < first:
        raise SettingError(
            f"Frames {first:g} to {last:g} lie outside of this sound, which covers {line.first_frame:g} to {line.last_frame:g}. Mend the range."
        )
    before = notes.find(request.character, line.name)
    was_closed: list[Span] = []
    if before is not None and before.note is not None:
        notes.refuse_moved(before.note, line)
        was_closed = list(before.note.closed)
        merged = notes.merge_closed(was_closed, closed, (first, last))
        line = replace(line, note=replace(before.note, closed=merged, phones=line.note.phones or before.note.phones))
    max_error = request.options.max_error if request.options.reduce else None
    return Window(first, last, request.options.crossfade, closed, was_closed, max_error, slack), line


def _frames(options: Options, plan: vertex_head.Plan | None) -> Span | None:
    """The frames that may change. Raises SettingError."""
    if not options.use_range:
        return None
    if plan is not None:
        raise SettingError("Only a Range is for face shapes and bones; this head moves vertices. Switch it off in Output.")
    if options.range_end < options.range_start:
        raise SettingError(f"The range ends on frame {options.range_end}, before it starts on {options.range_start}. Mend Range Start or Range End.")
    return float(options.range_start), float(options.range_end)


def _check_frames(options: Options) -> None:
    start = options.start_frame if options.source == 'FILE' else 0.0
    for frame in (start, start + options.shift_frames):
        if not abs(frame) <= MAX_FRAME:         # so that nan is refused too
            raise SettingError(f"Lip sync cannot start on frame {frame:g}: Blender's timeline ends at {MAX_FRAME}. Mend Start or Shift.")


def clear(context: bpy.types.Context, character: str, with_related: bool) -> int:
    """Remove what `write` made on a character. Returns the number of curves, shape keys and caches removed; raises RigError."""
    end_previews(context.scene)
    meshes = rig.members(context, character, with_related)
    try:
        found = rig.gather(context, character, with_related)
    except engine.RigError:        # a mesh with nothing but a cache
        removed = vertex_head.clear(meshes)
        if not removed:
            raise
        return removed
    return clearing.clear(found) + vertex_head.clear(meshes)


def _own_name(character: rig.Character, line: str, clip: strip_audio.Clip) -> str:
    """The name of a line; strips of one name in two scenes are told apart by the scene, so that one does not replace the other."""
    known = notes.find(character, line)
    mark = known.clip.mark if known is not None and known.clip is not None else ""
    if not mark or not clip.mark or mark == clip.mark or known.clip.scene == clip.scene:
        return line
    scene = bpy.data.scenes.get(known.clip.scene)
    return f"{line} ({clip.scene})" if scene is not None and sound_strips.marked(scene, mark) else line


def _with_parts(context: bpy.types.Context, character: rig.Character, options: Options, line: str) -> rig.Character:
    """A character with those parts of it that a line was made on too, by the same note: left out now they would keep its old keys where these were."""
    known = notes.find(character, line)
    if known is None or known.note is None:
        return character
    every = rig.gather(context, options.character, True)
    parts_of_it = [
        target for target in every.targets if target not in character.targets
        and (part := notes.find(replace(every, targets=(target,)), line)) is not None and part.note == known.note
    ]
    return replace(character, targets=(*character.targets, *parts_of_it))


def _find_clip(context: bpy.types.Context, options: Options, home: bpy.types.Scene) -> strip_audio.Clip:
    if options.source == 'FILE':
        return strip_audio.find_file(context, options.audio, options.start_frame, home)
    if options.source == 'SPEAKER':
        return strip_audio.find_speaker(context, options.speaker, home)
    return strip_audio.find_strip(context, options.strip, home=home)
