"""The user's own presets: JSON files in the extension's user folder, which survives updates."""

from __future__ import annotations

from dataclasses import replace

import bpy

from ..engine import PresetError, presets
from . import catalog, rig
from .preferences import engine_preferences, user_folder


def save(context: bpy.types.Context, name: str) -> tuple[str, str]:
    """Save the preset that fits the panel's character under a new name. Returns the preset's id and its path; raises EngineError kinds."""
    if not name.strip():
        raise PresetError("The preset has no name. Give it one.")
    settings = context.scene.unitalker
    character = rig.gather(context, settings.character.name if settings.character else "", settings.with_related)
    names = character.rig(settings.preset, engine_preferences(context).preset_folders)
    fitting = presets.choose(replace(names, source=catalog.source(settings)))
    return _store(replace(fitting, name=name.strip(), path=""))


def load(path: str) -> tuple[str, str]:
    """Check a preset file and copy it to the user's folder. Returns the preset's id and its new path; raises EngineError kinds."""
    return _store(presets.load_preset(path))


def _store(preset: presets.Preset) -> tuple[str, str]:
    path = presets.save_preset(preset, user_folder("presets", create=True))
    return path.stem, str(path)
