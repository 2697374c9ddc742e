"""Teach in three steps, as a take is made: gather (the artist's keys), compute (any thread), write (a file)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import bpy

from ... import engine
from ...engine import FitResult, KeyedTake, RigChannel, fit_again, fit_take
from ...engine.model.folder import open_model
from ...engine.rig.fitted_head import FittedHead, Score, label, mark_of
from ...engine.rig.fitted_head_file import chosen_fitted_head, renamed, save_fitted_head
from ...engine.values.types import never, no_progress
from ..host.preferences import engine_preferences, user_folder
from ..host.scene import scene_fps
from ..host.translations import translate
from ..keying import artist_keys
from ..sound import clip
from ..take import make
from ..take.settings import settings_of


@dataclass(frozen=True)
class TeachRequest:
    """What `compute` and `write` need, as plain values; folder is where the fitted head goes.

    A take is that of the clip; a fitted head is taught again from its own examples.
    """

    clip: clip.SoundClip | None
    take: KeyedTake | FittedHead
    settings: engine.Settings
    name: str
    folder: str


@dataclass(frozen=True)
class Taught:
    """What the panel says of a fitted head: its preset id, one line, a line per control, warnings."""

    preset: str
    line: str
    controls: tuple[str, ...]
    warnings: tuple[str, ...]


def gather(
    context: bpy.types.Context, choices: Mapping[str, object], name: str, start_from_preset: bool,
) -> TeachRequest:
    """Read the artist's keys on the character under the chosen sound. Raises EngineError kinds."""
    if not name.strip():
        raise engine.TeachError("The taught head has no name. Give it one.")
    request = make.gather(context, make.Options(**choices))
    settings = request.settings
    if request.character is None:
        raise engine.TeachError(
            "This head gives vertices, which nobody keys. Choose a head that gives blendshapes, then teach."
        )
    head = open_model(settings.model, settings.model_folders).head(settings.head)
    keyed = artist_keys.read(request.character, request.clip.start_frame, request.fps, head.fps)
    take = KeyedTake(keyed.controls, keyed.seconds, keyed.values, request.rig if start_from_preset else None)
    return TeachRequest(request.clip, take, settings, name.strip(), user_folder("presets", create=True))


def gather_again(context: bpy.types.Context, choices: Mapping[str, object]) -> TeachRequest:
    """Teach the chosen head again: from what it was taught from, or where it lacks that, as in files of 0.1, from the
    artist's keys under the chosen sound. Raises EngineError kinds."""
    options = make.Options(**choices)
    folders = engine_preferences(context).preset_folders
    fitted = chosen_fitted_head(engine.Rig(preset=options.preset, preset_folders=folders))
    if fitted is None:
        raise engine.TeachError("No taught head is chosen. Choose it as Preset in the Character panel.")
    if fitted.examples is None:
        return gather(context, {**choices, "preset": "auto"}, fitted.name, fitted.prior is not None)
    settings = settings_of(options, engine_preferences(context), scene_fps(context.scene))
    return TeachRequest(None, fitted, settings, fitted.name, os.path.dirname(fitted.path))


def is_outdated(context: bpy.types.Context) -> bool:
    """Whether the panel's preset is a taught head of other weights of the panel's model. Raises nothing."""
    settings, preferences = context.scene.unitalker, engine_preferences(context)
    try:
        fitted = chosen_fitted_head(engine.Rig(preset=settings.preset, preset_folders=preferences.preset_folders))
        return fitted is not None and fitted.mark != mark_of(open_model(settings.model, preferences.model_folders))
    except engine.EngineError:
        return False


def compute(
    request: TeachRequest, progress: Callable[[float], None] = no_progress, cancelled: Callable[[], bool] = never,
) -> FitResult:
    """Run the model and fit: no Blender data, any thread."""
    if isinstance(request.take, FittedHead):
        return fit_again(request.take, request.settings, progress, cancelled)
    assert request.clip is not None
    result = fit_take(clip.read(request.clip), request.take, request.settings, progress, cancelled)
    return replace(result, fitted=renamed(result.fitted, request.name))


def write(request: TeachRequest, result: FitResult) -> Taught:
    """Save the head in the user's folder. Raises OutputError."""
    fitted = result.fitted
    path = save_fitted_head(fitted, request.folder)
    learned = sum(score.learned for score in fitted.scores)
    line = translate(
        "{!r}: learned {} of {} controls from {} s", fitted.name, learned, len(fitted.scores), f"{fitted.take_s:.1f}",
    )
    lag_ms = round(abs(fitted.lag_s) * 1000)
    if fitted.lag_s > 0:
        line = translate("{}, keys {} ms after the sound", line, lag_ms)
    elif fitted.lag_s < 0:
        line = translate("{}, keys {} ms before the sound", line, lag_ms)
    return Taught(path.name, line, tuple(map(_describe, fitted.controls, fitted.scores)), result.warnings)


def _describe(control: RigChannel, score: Score) -> str:
    """One control and its errors on seconds that the fit did not see, in the unit that Blender shows."""
    turns = control.path == "rotation_euler"
    unit, factor = ("°", 180 / math.pi) if turns else ("", 1.0)
    text = f"{label(control)}: r {score.r:.2f}, error {score.rms * factor:.3g}{unit}"
    if score.r_prior is not None:
        text += f" (preset: r {score.r_prior:.2f}, error {score.rms_prior * factor:.3g}{unit})"
    return text if score.learned else f"{text}, not learned"
