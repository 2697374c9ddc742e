"""Write face motion as a file for other programs: what plays on the character, or what Generate makes of a sound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import bpy

from ... import engine
from ...engine.files.motion import check_output, write_motion
from ..actions import actions
from ..character.character import gather
from ..host.translations import translate, translate_plural
from ..sound import cache
from ..take import make, takes
from . import played
from .bake import span_of

ENDINGS = {'LIVE_LINK': ".csv", 'METAHUMAN_CSV': ".metahuman.csv", 'METAHUMAN_JSON': ".metahuman.json"}


def with_ending(path: str, kind: str) -> Path:
    """The path with the ending of a kind of file, whichever of ours it had."""
    stem = bpy.path.abspath(path)
    for ending in sorted(ENDINGS.values(), key=len, reverse=True):
        stem = stem.removesuffix(ending)
    return Path(stem + ENDINGS[kind])


def suggested(context: bpy.types.Context, kind: str) -> str:
    """A file beside the .blend, called after its name."""
    known = Path(bpy.data.filepath) if bpy.data.filepath else Path.home() / f"{context.scene.name}.blend"
    return str(known.with_name(known.stem + ENDINGS[kind]))


def write_played(context: bpy.types.Context, choices: Mapping[str, object], path: Path) -> str:
    """Write what plays on the character over the take of the chosen sound, else over all that is keyed; a sentence.

    Raises:
        EngineError: a kind of it; then no file was touched.
    """
    check_output(path)
    found = gather(context, str(choices["character"]), bool(choices["with_related"]))
    owners = [target.find() for target in found.targets]
    keyed = [owner for owner in owners if any(not use.muted for use in actions.uses(owner))]
    if not keyed:
        raise engine.RigError(
            f"Nothing on {found.name!r} is animated, so there is nothing to export. Generate a lip sync first, or "
            "export the sound alone."
        )
    take = takes.chosen(context, choices)
    frames = span_of(keyed) if take is None else (math.floor(take.first_frame), math.ceil(take.last_frame))
    motion = played.read(context, found, str(choices["preset"]), frames)
    line = take.line if take is not None else ""
    write_motion(motion, path, {"character": found.name, "sound": line, "first_frame": frames[0]})
    counted = translate_plural(len(motion.weights), "1 frame", "{} frames")
    return translate("{} at {} per second in {}; its time 0 is frame {}", counted, f"{motion.fps:g}", path, frames[0])


def write(context: bpy.types.Context, choices: Mapping[str, object], path: Path) -> str:
    """Make the motion as Generate would, and write it; a sentence about it.

    Raises:
        EngineError: a kind of it; then no file was touched.
    """
    check_output(path)
    request = make.gather(context, make.Options(**choices))
    settings = request.settings
    if request.character is None:
        raise engine.OutputError(
            "This head gives vertices, which no such file holds. Choose a head that gives blendshapes."
        )
    motion = engine.animate(cache.read(request.clip), replace(settings, max_error=None)).motion
    clip = request.clip
    write_motion(motion, path, {
        "sound": clip.name, "model": settings.model, "identity": settings.identity, "first_key_s": clip.first_s,
    })
    frames = translate_plural(len(motion.weights), "1 frame", "{} frames")
    return translate(
        "{} at {} per second in {}; its time 0 is frame {}, second {} of the sound", frames, f"{motion.fps:g}", path,
        f"{clip.start_frame:g}", f"{clip.first_s:.3f}",
    )
