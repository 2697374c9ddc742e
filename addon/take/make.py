"""One lip-sync take in three steps.

`gather` reads Blender into plain values, `compute` knows no Blender and runs on any thread, `write` keys the character.
The button, scripts and the command line all walk these steps; an operator only decides on which thread `compute` runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import EllipsisType

import bpy
import numpy as np

from ... import engine
from ...engine import PLACEHOLDER, Animation, Life, SettingError, Settings, reduce_for_curves
from ...engine.model.folder import open_model
from ...engine.values.own_moods import read_own_moods
from ...engine.values.types import Cancel, Progress, never, no_progress
from ..actions.ledger import Span, TimedPhone
from ..character import character as rig
from ..character import gaze, lip_samples, mesh_arrays
from ..character.lip_sentences import notes_on_lips, warnings_of_lips
from ..host.job import listening, tell_stage
from ..host.preferences import engine_preferences
from ..host.scene import scene_fps
from ..host.translations import translate, translate_plural
from ..keying import clearing, moved_keys, notes, parts, vertex_head
from ..keying import write as keys_write
from ..keying.window import Lead, Window
from ..sound import cache as sound_cache
from ..sound import clip as sounds
from ..sound.placeholder import sound_file
from ..sound.scene_strips import is_shown_elsewhere
from ..sound.strips import audible_frames, find_marked, marked
from .callbacks import LiveChange, end_previews
from .character_mood import MOST_FRAMES, keyed_amounts
from .options import MAX_FRAME, Options
from .settings import key_options, phones_of, settings_of, vertex_options


@dataclass(frozen=True)
class Request:
    """What `compute` and `write` need, as plain values; making the same line again replaces its keys.

    Attributes:
        options: what was chosen, to be noted with the keys.
        clip: the sound. line: its name, under which the keys are noted.
        character, rig: what is keyed; None for a head that gives vertices.
        vertices: the mesh that such a head moves, else None.
        fps: of the character's scene. shift_frames: added to every key.
        frames: first and last frame that may change; None is the whole line.
        unfitted: why lips are not fitted to the mesh; empty where they are, or where that is not wanted.
    """

    options: Options
    clip: sounds.SoundClip
    line: str
    character: rig.Character | None
    rig: engine.Rig | None
    vertices: vertex_head.MeshPlan | None
    settings: Settings
    fps: float
    shift_frames: float
    keys: parts.KeyOptions
    frames: Span | None
    unfitted: str = ""


@dataclass(frozen=True)
class Summary:
    """What was made, for the user.

    Attributes:
        line: the result in one line, as counts. words: the same for an animator, without a full stop.
        warnings: further sentences. notes: of what is as it should be.
        missing, mapped: channels of the model that move nothing, or something, on the character.
    """

    line: str
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    mapped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    words: str = ""


def gather(
    context: bpy.types.Context, options: Options, clip: sounds.SoundClip | None = None,
    phones: Sequence[TimedPhone] | EllipsisType | None = ...,
) -> Request:
    """Read the scene.

    Args:
        clip: the sound, where the caller has found it already; None takes what the options say.
        phones: what is spoken when, where the user knows better than the model; None takes what the model finds. By
            default those that the user edited in this line's take, as long as it has the same sound and words.
    Raises:
        EngineError: a kind of it for everything that the user can fix.
    """
    _check_frames(options)
    if options.speak:
        options = _spoken(options)
    end_previews(context.scene)
    home = rig.home_scene(context, options.character)
    if options.continue_last and clip is None and options.source == 'FILE':
        options = replace(options, start_frame=_after_last(context, options))
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
    if frames is None and options.punch_in:
        frames = clip.start_frame + options.shift_frames, math.inf
    line = line_name(options, clip, character)
    if character and not options.with_related:
        whole = _with_parts(context, character, options, line)
        if whole != character:          # so that clearing the take clears the parts too
            character, options = whole, replace(options, with_related=True)
    if phones is ...:
        phones = notes.edited_phones(character, line, clip, asdict(options)) if character else None
    settings = settings_of(options, preferences, fps, phones_of(phones))
    names, unfitted = _rig(context, character, options, home) if character else (None, "")
    if character:
        first = clip.start_frame + options.shift_frames
        own = read_own_moods(settings.mood.own)
        keyed = keyed_amounts(bpy.data.objects.get(character.name), first, clip.length_s, fps, own)
        settings = replace(settings, keyed=keyed, life=_looking(context, options, settings, (first, clip.length_s)))
    if frames is not None or options.interpolation == 'BEZIER':
        settings = replace(settings, max_error=None)        # keys are left out later, beside those that are there
    return Request(
        options=options,
        clip=clip,
        line=line,
        character=character,
        rig=names,
        vertices=plan,
        settings=settings,
        fps=fps,
        shift_frames=options.shift_frames,
        keys=_key_options(options, fps),
        frames=frames,
        unfitted=unfitted,
    )


def _spoken(options: Options) -> Options:
    """The options of a text without a voice, with the sound of a placeholder. Raises SettingError, InstallError."""
    path = sound_file(options.speak, options.language, options.speaking_rate)
    words = {"transcript": options.speak, "transcript_text": ""}
    return replace(options, source='FILE', audio=path, audio_channel=0, **words)


def _key_options(options: Options, fps: float) -> parts.KeyOptions:
    """How the keys are written: those of a mouth alone lie over all that is there, and leave the rest as it is."""
    keys = key_options(options, fps)
    return replace(keys, existing='LAYER', partial=True) if options.part == "mouth" else keys


def _after_last(context: bpy.types.Context, options: Options) -> float:
    """The frame after the character's last take; the chosen Start without one."""
    ends = [noted.last_frame for noted in notes.all_of(rig.gather(context, options.character, options.with_related))]
    return math.floor(max(ends)) + 1.0 if ends else options.start_frame


def _looking(
    context: bpy.types.Context, options: Options, settings: Settings, sound: tuple[float, float],
) -> Life:
    """The performance with what its eyes rest on. sound: first frame, and length in seconds. Raises SettingError."""
    if not options.look_at or not settings.life.eyes:
        return settings.life
    target, (first, length_s) = bpy.data.objects.get(options.look_at), sound
    if target is None:
        raise SettingError(f"Look At: there is no object {options.look_at!r}. Pick one of this file in Life.")
    members = rig.members(context, options.character, with_related=True)
    home = rig.home_scene(context, options.character)
    known = length_s * settings.fps if math.isfinite(length_s) else home.frame_end - first      # of a file not yet open
    n_frames = int(min(max(known, 0), MOST_FRAMES)) + 1
    frames = [first + number for number in range(n_frames)]
    looks = gaze.directions(home, members, target, frames, may_move=not LiveChange.running)
    return replace(settings.life, look_at=looks)


def _rig(
    context: bpy.types.Context, character: rig.Character, options: Options, home: bpy.types.Scene,
) -> tuple[engine.Rig, str]:
    """What the character can move, with the shapes that its lips are measured on, and why they are not, or ""."""
    names = character.rig(options.preset or "auto", engine_preferences(context).preset_folders)
    names = replace(names, mesh=mesh_arrays.face_mesh(character.shaped_objects()))
    if not options.fit_lips:
        return names, ""
    layer = context.view_layer if home == context.scene else home.view_layers[0]
    members = rig.members(context, character.name, with_related=True)
    sampled = lip_samples.sample(layer, character, members, names, may_move=not LiveChange.running)
    return replace(names, sampled=sampled.mesh), sampled.reason


def line_name(options: Options, clip: sounds.SoundClip, character: rig.Character | None) -> str:
    """The name under which a sound is noted."""
    if options.source != 'FILE':
        return _own_name(character, clip) if character else clip.name
    name = "/".join(Path(clip.path).parts[-2:])         # line.wav may lie in many folders
    return notes.name_of_file(character, name, clip.start_frame) if character else name


def on_strip(context: bpy.types.Context, request: Request, strip: bpy.types.Strip) -> Request:
    """A request for a sound file, for a strip of that file that starts where it does: its take follows the strip."""
    home = rig.home_scene(context, request.options.character)
    clip = replace(sounds.find_strip(context, strip.name, home=home), channel=request.clip.channel)
    options = replace(request.options, source='STRIP', strip=strip.name, audio="")
    return replace(request, options=options, clip=clip, line=line_name(options, clip, request.character))


def compute(
    request: Request, progress: Progress = no_progress, cancelled: Cancel = never,
) -> Animation | vertex_head.SolvedMesh:
    """Decode the sound and run the engine: no Blender data, any thread."""
    tell_stage(progress, "Reading sound")
    wave = sound_cache.read(request.clip)
    tell_stage(progress, "Listening")
    animation = engine.animate(wave, request.settings, request.rig, listening(progress), cancelled)
    if request.vertices:
        return vertex_head.solve(animation, request.vertices)
    is_reduced_here = request.options.reduce and request.frames is None and request.settings.max_error is None
    if is_reduced_here and animation.curves:
        fewer = reduce_for_curves(animation.curves, request.options.max_error, animation.contacts.slack)
        return replace(animation, curves=fewer)
    return animation


def write(request: Request, result: Animation | vertex_head.SolvedMesh) -> Summary:
    """Key the character. Raises RigError, with nothing written, when it is gone or cannot take keys."""
    animation = animation_of(result)
    first = request.clip.start_frame + request.shift_frames
    frames = len(animation.motion.weights)
    closed = notes.closed_spans(animation.contacts, first)
    note = notes.new_note(asdict(request.options), request.clip, request.settings, closed)
    line = parts.Line(request.line, first, first + frames - 1, request.fps, note)
    if isinstance(result, vertex_head.SolvedMesh):
        text, warnings = vertex_head.write(result, request.vertices, line, request.keys)
        return Summary(text, (), warnings, words=_words(line, None))
    curves = animation.curves
    assert curves is not None and request.character is not None       # a rig was given
    moved_keys.rename_marked(request.character, request.clip.mark, request.line)
    keys = replace(request.keys, interpolation='CONSTANT') if curves.stepped else request.keys
    window = None
    if request.frames is not None:
        find_window = _punched if request.options.punch_in else _window
        window, line = find_window(request, line, closed, animation.contacts.slack)
    repeated = _repeated(request)
    if request.options.speak:
        repeated = (*repeated, PLACEHOLDER)
    elif window is None and not request.keys.partial:
        span = line.first_frame, line.last_frame
        repeated = (*repeated, *clearing.clear_placeholders(request.character, line.name, span))
    lead = _lead(request, line, closed) if window is None and not curves.stepped else None
    written = keys_write.write(request.character, curves, line, keys, window or lead)
    made = translate_plural(written.curves, "1 curve", "{} curves")
    if window is not None:
        text = translate("{}, frames {} to {} of {}", made, f"{window.first:g}", f"{window.last:g}", frames)
    else:
        length = translate_plural(frames, "1 frame", "{} frames")
        mapped = translate_plural(len(curves.mapped), "1 channel mapped", "{} channels mapped")
        text = translate("{}, {}, {}, {} missing", made, length, mapped, len(curves.missing))
    text = translate("{} ({}, Action {!r})", text, curves.preset, written.action)
    repeated = (*repeated, *_not_shown(request.clip))
    mouth = warnings_of_lips(request.character, request.rig, animation)
    warnings = (*repeated, *animation.warnings, *written.warnings, *mouth)
    notes_ = (*_heard(animation), *notes_on_lips(animation.lips), *_unfitted(request, animation))
    return Summary(text, curves.missing, warnings, curves.mapped, notes_, _words(line, window))


def _heard(animation: Animation) -> tuple[str, ...]:
    """What was heard in the voice that gave the style."""
    return (translate("Heard in the voice: {}", animation.heard),) if animation.heard else ()


def _unfitted(request: Request, animation: Animation) -> tuple[str, ...]:
    """Why the lips were not fitted to the mesh, where they should have been."""
    found = request.unfitted
    if request.rig is not None and request.rig.sampled is not None and animation.lips is None:
        found = translate("Lips are not fitted: none were found on the mesh that the rig moves")
    return (found,) if found else ()


def _words(line: parts.Line, window: Window | None) -> str:
    """What was made, as an animator says it."""
    if window is not None:
        return translate("Frames {} to {} made again", f"{window.first:g}", f"{window.last:g}")
    seconds = (line.last_frame - line.first_frame + 1) / line.fps
    return translate(
        "{} s of speech on frames {} to {}", f"{seconds:.1f}", f"{line.first_frame:g}", f"{line.last_frame:g}",
    )


def animation_of(result: Animation | vertex_head.SolvedMesh) -> Animation:
    """What the engine gave, of a result of `compute`."""
    return result.animation if isinstance(result, vertex_head.SolvedMesh) else result


def _repeated(request: Request) -> tuple[str, ...]:
    """A sentence where a sound file gets a further take: the first may have been meant to move."""
    if request.options.source != 'FILE':
        return ()
    known = notes.of_file(request.character, re.sub(r" \(\d+\)$", "", request.line))
    if not known or any(note.line == request.line for note in known):
        return ()
    frames = ", ".join(f"{note.line!r} on frames {note.first_frame:g} to {note.last_frame:g}" for note in known)
    return (
        f"This sound is said twice now: {frames} stays, and {request.line!r} is new. "
        "If you only meant another start, clear the old one in Takes.",
    )


def _not_shown(clip: sounds.SoundClip) -> tuple[str, ...]:
    """A sentence where an edit shows the character's scene, but not while the sound is heard."""
    edit, home = bpy.data.scenes.get(clip.scene), bpy.data.scenes.get(clip.home)
    strip = find_marked(edit, clip.mark, clip.name) if edit is not None and home is not None else None
    if strip is None or not is_shown_elsewhere(edit, home, *audible_frames(strip)):
        return ()
    return (
        f"No scene strip of {edit.name!r} shows {home.name!r} while {clip.name!r} is heard, so its frames were taken "
        "as they are there.",
    )


def _window(request: Request, line: parts.Line, closed: list[Span], slack: np.ndarray) -> tuple[Window, parts.Line]:
    """The frames that may change, and the line with notes as they are after the change. Raises SettingError."""
    assert request.frames is not None and request.character is not None
    first, last = request.frames
    if last < line.first_frame or line.last_frame < first:
        raise SettingError(
            f"Frames {first:g} to {last:g} lie outside of this sound, which covers {line.first_frame:g} to "
            f"{line.last_frame:g}. Fix the range."
        )
    before = notes.find(request.character, line.name)
    was_closed: list[Span] = []
    if before is not None and before.note is not None:
        notes.refuse_moved(before.note, line)
        was_closed = list(before.note.closed)
        merged = notes.merge_closed(was_closed, closed, (first, last))
        choices = notes.stressed_anew(before.note.choices, line.note.choices)
        phones = line.note.phones or before.note.phones
        line = replace(line, note=replace(before.note, choices=choices, closed=merged, phones=phones))
    max_error = request.options.max_error if request.options.reduce else None
    return Window(first, last, request.options.crossfade, closed, was_closed, max_error, slack), line


def _punched(request: Request, line: parts.Line, closed: list[Span], slack: np.ndarray) -> tuple[Window, parts.Line]:
    """The frames of other takes that this line goes into, and the line as it is. Raises SettingError."""
    assert request.frames is not None and request.character is not None
    first, last = max(request.frames[0], line.first_frame), min(request.frames[1], line.last_frame)
    others = [
        noted for noted in notes.all_of(request.character)
        if noted.line != line.name and noted.first_frame < last and first < noted.last_frame
    ]
    if not others or not first < last:
        raise SettingError(
            f"No take of {request.character.name!r} plays on frames {first:g} to {last:g}, where this recording would "
            "go in. Move the recording over the take, fix the range, or switch Punch In off."
        )
    was_closed = [span for noted in others if noted.note is not None for span in noted.note.closed]
    max_error = request.options.max_error if request.options.reduce else None
    window = Window(first, last, request.options.crossfade, closed, was_closed, max_error, slack, punched=True)
    return window, line


def _lead(request: Request, line: parts.Line, closed: list[Span]) -> Lead | None:
    """The end of the last take before a line that goes on from it; None where it does not, or there is none."""
    if not request.options.continue_last or request.character is None:
        return None
    ends = [
        noted.last_frame for noted in notes.all_of(request.character)
        if noted.line != line.name and noted.last_frame <= line.first_frame
    ]
    return Lead(max(ends), request.options.crossfade, closed) if ends else None


def _frames(options: Options, plan: vertex_head.MeshPlan | None) -> Span | None:
    """The frames that may change. Raises SettingError."""
    if not options.use_range:
        return None
    if plan is not None:
        raise SettingError(
            "Only a Range is for face shapes and bones; this head moves vertices. Switch it off in Output."
        )
    if options.range_end < options.range_start:
        raise SettingError(
            f"The range ends on frame {options.range_end}, before it starts on {options.range_start}. "
            "Fix Range Start or Range End."
        )
    return float(options.range_start), float(options.range_end)


def _check_frames(options: Options) -> None:
    start = options.start_frame if options.source == 'FILE' else 0.0
    for frame in (start, start + options.shift_frames):
        if not abs(frame) <= MAX_FRAME:         # so that nan is refused too
            raise SettingError(
                f"Lip sync cannot start on frame {frame:g}: Blender's timeline ends at {MAX_FRAME}. "
                "Fix Start or Shift."
            )


def clear(context: bpy.types.Context, character: str, with_related: bool) -> int:
    """Remove what `write` made on a character. Returns the number of curves, shape keys and caches; raises RigError."""
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


def _own_name(character: rig.Character, clip: sounds.SoundClip) -> str:
    """The name of a strip, with its scene where a strip of that name in another scene has a take."""
    known = notes.find(character, clip.name)
    mark = known.clip.mark if known is not None and known.clip is not None else ""
    if not mark or not clip.mark or mark == clip.mark or known.clip.scene == clip.scene:
        return clip.name
    scene = bpy.data.scenes.get(known.clip.scene)
    return f"{clip.name} ({clip.scene})" if scene is not None and marked(scene, mark) else clip.name


def _with_parts(context: bpy.types.Context, character: rig.Character, options: Options, line: str) -> rig.Character:
    """A character with the parts on which a line was made too, by the same note: else they would keep its old keys."""
    known = notes.find(character, line)
    if known is None or known.note is None:
        return character
    every = rig.gather(context, options.character, True)
    others = [target for target in every.targets if target not in character.targets]
    noted = [notes.find(replace(every, targets=(target,)), line) for target in others]
    same = [target for target, part in zip(others, noted, strict=True) if part and part.note == known.note]
    return replace(character, targets=(*character.targets, *same))


def _find_clip(context: bpy.types.Context, options: Options, home: bpy.types.Scene) -> sounds.SoundClip:
    if options.source == 'FILE':
        return sounds.find_file(context, options.audio, options.start_frame, home)
    if options.source == 'SPEAKER':
        return sounds.find_speaker(context, options.speaker, home)
    return sounds.find_strip(context, options.strip, home=home)
