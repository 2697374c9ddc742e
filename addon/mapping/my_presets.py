"""The user's own presets: JSON files in the extension's user folder, which survives updates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy

from ...engine import PresetError
from ...engine.rig import presets
from ..character import character as rig
from ..host.preferences import engine_preferences, user_folder
from ..take import catalog

MAX_NAME_CHARACTERS = 75        # of a name that gets a number: a preset's name has 80 at most


def save(context: bpy.types.Context, name: str) -> tuple[str, str]:
    """Save the preset that fits the panel's character under a new name. Returns the preset's id and its path; raises EngineError kinds."""
    if not name.strip():
        raise PresetError("The preset has no name. Give it one.")
    return _store(replace(fitting(context), name=name.strip(), path=""))


def fitting(context: bpy.types.Context) -> presets.Preset:
    """The preset that the panel's choice means for the panel's character. Raises EngineError kinds."""
    settings = context.scene.unitalker
    character = rig.gather(context, settings.character.name if settings.character else "", settings.with_related)
    names = character.rig(settings.preset, engine_preferences(context).preset_folders)
    return presets.choose(replace(names, source=catalog.source(settings)))


def load(path: str) -> tuple[str, str]:
    """Check a preset file and copy it to the user's folder. Returns the preset's id and its new path; raises EngineError kinds.

    One of the same name that is there already stays: the new one gets a number.
    """
    preset = replace(presets.load_preset(path), path="")
    folder = user_folder("presets", create=True)
    own = {one.name: replace(one, path="") for one in presets.scan_presets((folder,))[0] if Path(one.path).parent == Path(folder)}
    name, number = preset.name, 2
    while own.get(preset.name, preset) != preset:
        preset = replace(preset, name=f"{name[:MAX_NAME_CHARACTERS]} {number}")
        number += 1
    return _store(preset)


def _store(preset: presets.Preset) -> tuple[str, str]:
    path = presets.save_preset(preset, user_folder("presets", create=True))
    return path.stem, str(path)
