"""Write the motion of the chosen sound as a file for other programs: gather (Blender -> plain values), make, write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import bpy

from ... import engine
from ...engine.files.motion import check_output, write_motion
from ..host.translations import translate, translate_plural
from ..sound import cache
from ..take import make

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
