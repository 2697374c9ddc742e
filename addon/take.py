"""One lip-sync take in three steps: gather (Blender -> plain values), compute (no Blender, any thread), write (plain values -> keys).

The button, scripts and the command line all walk these steps; operators.py only decides on which thread `compute` runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from .. import engine
from ..engine import Animation, Gains, SettingError, Settings
from ..engine.heads import Head
from ..engine.models import open_model
from . import clearing, fcurves, mapping_preview, parts, rig, strip_audio, vertex_head
from .job import listening, tell_stage
from .preferences import EnginePreferences, engine_preferences

MAX_FRAME = 1_048_574       # Blender's timeline ends there, on both sides


@dataclass(frozen=True)
class Options:
    """All that an animator can choose; properties.py explains each and holds the defaults.

    Attributes:
        source: 'STRIP', 'FILE' or 'SPEAKER', which of strip, audio and speaker counts.
        transcript: what is said, empty for none; transcript_text: name of a text data-block that counts instead.
        reduce: whether keys are dropped where the curve moves by less than max_error.
        start_frame: for a file. shift_frames: added to every key, negative lets the mouth lead.
    """

    source: str
    strip: str
    audio: str
    speaker: str
    transcript: str
    transcript_text: str
    language: str
    start_frame: float
    shift_frames: float
    character: str
    with_related: bool
    preset: str
    model: str
    head: str
    vertex_mode: str
    vertex_error: float
    cache_folder: str
    identity: str
    identity_2: str
    identity_mix: float
    strength: float
    articulation: float
    anticipation: float
    smooth: float
    gain_jaw: float
    gain_lips: float
    gain_cheeks: float
    gain_brows: float
    smooth_jaw: float
    smooth_lips: float
    smooth_cheeks: float
    smooth_brows: float
    offset_jaw: float
    offset_lips: float
    offset_cheeks: float
    offset_brows: float
    use_blinks: bool
    blinks: float
    use_brow_raises: bool
    brow_raises: float
    use_head_motion: bool
    head_motion: float
    use_eye_motion: bool
    eye_motion: float
    use_breath: bool
    breath: float
    seed: int
    audio_channel: int
    use_range: bool
    range_start: int
    range_end: int
    crossfade: float
    destination: str
    nla_blend: str
    nla_influence: float
    action: str
    interpolation: str
    existing: str
    sliders: str
    reduce: bool
    max_error: float


@dataclass(frozen=True)
class Request:
    """What `compute` and `write` need, as plain values; making the same line again replaces its keys.

    Attributes:
        character, rig: what is keyed; None for a head that gives vertices.
        vertices: the mesh that such a head moves, else None.
    """

    clip: strip_audio.Clip
    line: str
    character: rig.Character | None
    rig: engine.Rig | None
    vertices: vertex_head.Plan | None
    settings: Settings
    fps: float
    shift_frames: float
    keys: parts.KeyOptions


@dataclass(frozen=True)
class Summary:
    """What to tell the user: one line, then the channels that the character lacks, the warnings, and the channels that it has."""

    line: str
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    mapped: tuple[str, ...] = ()


def gather(context: bpy.types.Context, options: Options, clip: strip_audio.Clip | None = None) -> Request:
    """Read the scene. Raises EngineError kinds for everything that the user can mend.

    Args:
        clip: the sound, where the caller has found it already; None takes what the options say.
    """
    _check_frames(options)
    mapping_preview.stop(context.scene)         # what it shows is no rest pose
    home = rig.home_scene(context, options.character)
    clip = replace(clip or _find_clip(context, options, home), channel=options.audio_channel)
    preferences = engine_preferences(context)
    head = open_model(options.model, preferences.model_folders).head(options.head)
    character, plan = None, None
    if head.space == "vertices":
        mesh = mesh_for(context, options.character, options.with_related, head)
        plan = vertex_head.plan(mesh, options.model, head, _vertex_options(options))
    else:
        character = rig.gather(context, options.character, options.with_related)
    fps = rig.scene_fps(home)
    return Request(
        clip=clip,
        line="/".join(Path(clip.path).parts[-2:]) if options.source == 'FILE' else clip.name,      # line.wav may lie in many folders
        character=character,
        rig=character.rig(options.preset or "auto", preferences.preset_folders) if character else None,
        vertices=plan,
        settings=_settings(options, preferences, fps),
        fps=fps,
        shift_frames=options.shift_frames,
        keys=parts.KeyOptions(options.action, options.interpolation, options.existing, options.sliders),
    )


def compute(
    request: Request, progress: Callable[[float], None] = engine.types.no_progress, cancelled: Callable[[], bool] = engine.types.never,
) -> Animation | vertex_head.Solved:
    """Decode the sound and run the engine: no Blender data, any thread."""
    tell_stage(progress, "Reading sound")
    wave = strip_audio.read(request.clip)
    tell_stage(progress, "Listening")
    animation = engine.animate(wave, request.settings, request.rig, listening(progress), cancelled)
    return vertex_head.solve(animation, request.vertices) if request.vertices else animation


def write(request: Request, result: Animation | vertex_head.Solved) -> Summary:
    """Key the character. Raises RigError, with nothing written, when it is gone or cannot take keys."""
    animation = result.animation if isinstance(result, vertex_head.Solved) else result
    first = request.clip.start_frame + request.shift_frames
    frames = len(animation.motion.weights)
    line = parts.Line(request.line, first, first + frames - 1, request.fps)
    if isinstance(result, vertex_head.Solved):
        text, warnings = vertex_head.write(result, request.vertices, line, request.keys)
        return Summary(text, (), warnings)
    curves = animation.curves
    assert curves is not None       # a rig was given
    keys = replace(request.keys, interpolation='CONSTANT') if curves.stepped else request.keys
    written = fcurves.write(request.character, curves, line, keys)
    text = f"{written.curves} curves, {frames} frames, {len(curves.mapped)} channels mapped, {len(curves.missing)} missing"
    return Summary(f"{text} ({curves.preset}, Action {written.action!r})", curves.missing, (*animation.warnings, *written.warnings), curves.mapped)


def _check_frames(options: Options) -> None:
    start = options.start_frame if options.source == 'FILE' else 0.0
    for frame in (start, start + options.shift_frames):
        if not abs(frame) <= MAX_FRAME:         # so that nan is refused too
            raise SettingError(f"Lip sync cannot start on frame {frame:g}: Blender's timeline ends at {MAX_FRAME}. Mend Start or Shift.")


def clear(context: bpy.types.Context, character: str, with_related: bool) -> int:
    """Remove what `write` made on a character. Returns the number of curves, shape keys and caches removed; raises RigError."""
    mapping_preview.stop(context.scene)
    meshes = _members(context, character, with_related)
    try:
        found = rig.gather(context, character, with_related)
    except engine.RigError:        # a mesh with nothing but a cache
        removed = vertex_head.clear(meshes)
        if not removed:
            raise
        return removed
    return clearing.clear(found) + vertex_head.clear(meshes)


def mesh_for(context: bpy.types.Context, character: str, with_related: bool, head: Head) -> bpy.types.Object:
    """The mesh of a character that a vertex head moves. Raises RigError."""
    return vertex_head.find_mesh(_members(context, character, with_related), head)


def _members(context: bpy.types.Context, character: str, with_related: bool) -> list[bpy.types.Object]:
    picked = rig.pick(context, character)
    return rig.related(context, picked) if with_related else picked


def _vertex_options(options: Options) -> vertex_head.VertexOptions:
    return vertex_head.VertexOptions(
        options.vertex_mode, options.vertex_error / 100, options.cache_folder, options.max_error if options.reduce else None,
    )


def _find_clip(context: bpy.types.Context, options: Options, home: bpy.types.Scene) -> strip_audio.Clip:
    if options.source == 'FILE':
        return strip_audio.find_file(context, options.audio, options.start_frame, home)
    if options.source == 'SPEAKER':
        return strip_audio.find_speaker(context, options.speaker, home)
    return strip_audio.find_strip(context, options.strip, home=home)


def _transcript(options: Options) -> str | None:
    """The words to follow; None without any. Raises SettingError."""
    if not options.transcript_text:
        return options.transcript or None
    text = bpy.data.texts.get(options.transcript_text)
    if text is None:
        raise SettingError(f"Text not found: {options.transcript_text!r}. Choose a text data-block of this file, or leave it out.")
    return text.as_string()


def _settings(options: Options, preferences: EnginePreferences, fps: float) -> Settings:
    return Settings(
        model=options.model, head=options.head, identity=options.identity, strength=options.strength, smooth=options.smooth, fps=fps,
        gains=Gains(options.gain_jaw, options.gain_lips, options.gain_cheeks, options.gain_brows),
        transcript=_transcript(options), language=options.language,
        max_error=options.max_error if options.reduce else None, vertices=options.vertex_mode == 'CACHE',
        device=preferences.device, threads=preferences.threads, model_folders=preferences.model_folders,
    )
