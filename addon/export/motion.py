"""Write the motion of the chosen sound as a file for other programs: gather (Blender -> plain values), make, write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy

from ... import engine
from ...engine.files import motion as engine_io
from ..host.translations import translate, translate_plural
from ..sound import cache as kept_sounds
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


def write(context: bpy.types.Context, options: make.Options, path: Path) -> str:
    """Make the motion as Generate would, and write it; a sentence about it. Raises EngineError kinds; then no file was touched."""
    engine_io.check_output(path)
    request = make.gather(context, options)
    if request.character is None:
        raise engine.OutputError("This head gives vertices, which no such file holds. Choose a head that gives blendshapes.")
    motion = engine.animate(kept_sounds.read(request.clip), replace(request.settings, max_error=None)).motion
    engine_io.write_motion(motion, path, {"sound": request.clip.name, "model": request.settings.model, "identity": request.settings.identity})
    return translate("{} at {} per second in {}", translate_plural(len(motion.weights), "1 frame", "{} frames"), f"{motion.fps:g}", path)
