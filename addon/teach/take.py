"""Teach in three steps, as take.py has them: gather (the artist's keys), compute (any thread), write (a file beside the user's presets)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import bpy

from ... import engine
from ...engine.fit_head.fit import Lesson, Take, teach
from ...engine.model.folder import open_model
from ...engine.rig.fitted_head import Score, label
from ...engine.rig.fitted_head_file import renamed, save_fitted_head
from ..host.preferences import user_folder
from ..host.translations import translate
from ..keying import artist_keys
from ..sound import clip as strip_audio
from ..take import make as take


@dataclass(frozen=True)
class Request:
    """What `compute` and `write` need, as plain values; folder is where the taught head goes."""

    clip: strip_audio.SoundClip
    take: Take
    settings: engine.Settings
    name: str
    folder: str


@dataclass(frozen=True)
class Result:
    """What to tell the artist: preset id and path of the file, one line, a line per control, warnings."""

    preset: str
    path: str
    line: str
    controls: tuple[str, ...]
    warnings: tuple[str, ...]


def gather(context: bpy.types.Context, options: take.Options, name: str, start_from_preset: bool) -> Request:
    """Read the artist's keys on the character under the chosen sound. Raises EngineError kinds."""
    if not name.strip():
        raise engine.TeachError("The taught head has no name. Give it one.")
    request = take.gather(context, options)
    if request.character is None:
        raise engine.TeachError("This head gives vertices, which nobody keys. Choose a head that gives blendshapes, then teach.")
    head = open_model(request.settings.model, request.settings.model_folders).head(request.settings.head)
    keyed = artist_keys.read(request.character, request.clip.start_frame, request.fps, head.fps)
    start = request.rig if start_from_preset else None
    return Request(
        request.clip, Take(keyed.controls, keyed.seconds, keyed.values, start), request.settings, name.strip(), user_folder("presets", create=True),
    )


def compute(
    request: Request, progress: Callable[[float], None] = engine.values.types.no_progress, cancelled: Callable[[], bool] = engine.values.types.never,
) -> Lesson:
    """Listen and fit: no Blender data, any thread."""
    lesson = teach(strip_audio.read(request.clip), request.take, request.settings, progress, cancelled)
    return replace(lesson, taught=renamed(lesson.taught, request.name))


def write(request: Request, lesson: Lesson) -> Result:
    """Keep the head in the user's folder. Raises OutputError."""
    path = save_fitted_head(lesson.taught, request.folder)
    taught = lesson.taught
    learned = sum(score.learned for score in taught.scores)
    line = translate("{!r}: learned {} of {} controls from {} s", taught.name, learned, len(taught.scores), f"{taught.take_s:.1f}")
    if taught.lag_s:
        late_ms = round(abs(taught.lag_s) * 1000)
        line = translate("{}, keys {} ms after the sound", line, late_ms) if taught.lag_s > 0 else translate("{}, keys {} ms before the sound", line, late_ms)
    return Result(path.name, str(path), line, tuple(map(_describe, taught.controls, taught.scores)), lesson.warnings)


def _describe(control: engine.RigChannel, score: Score) -> str:
    """One control and its errors on seconds that the fit did not see, in the unit that Blender shows."""
    turns = control.path == "rotation_euler"
    unit = "°" if turns else ""
    factor = 180 / math.pi if turns else 1.0
    before = f" (preset: r {score.r_prior:.2f}, error {score.rms_prior * factor:.3g}{unit})" if score.r_prior is not None else ""
    return f"{label(control)}: r {score.r:.2f}, error {score.rms * factor:.3g}{unit}{before}{'' if score.learned else ', not learned'}"
