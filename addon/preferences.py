"""Add-on preferences: device, threads, folders. And the folders where the user's own models and presets lie."""

from __future__ import annotations

import os
from dataclasses import dataclass

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

BASE_PACKAGE = __package__.rpartition(".")[0]       # the extension's own package, one above this folder

DEVICES = (
    ('auto', "Automatic", "The fastest that works: CUDA, then CoreML or DirectML, then the processor"),
    ('cpu', "Processor", "Works everywhere"),
    ('cuda', "CUDA", "NVIDIA graphics card, if the installed ONNX Runtime has CUDA"),
    ('coreml', "CoreML", "Apple computers"),
    ('directml', "DirectML", "Windows graphics cards, if the installed ONNX Runtime has DirectML"),
)


@dataclass(frozen=True)
class EnginePreferences:
    """What the engine wants to know of this computer; folders that exist."""

    device: str = "auto"
    threads: int = 0
    model_folders: tuple[str, ...] = ()
    preset_folders: tuple[str, ...] = ()


def user_folder(name: str, create: bool = False) -> str:
    """A folder of the user's own that survives updates: "models" or "presets"."""
    return bpy.utils.extension_path_user(BASE_PACKAGE, path=name, create=create)


def engine_preferences(context: bpy.types.Context) -> EnginePreferences:
    """The preferences as plain values; the defaults where the extension is enabled for this session only (`blender --addons`)."""
    entry = context.preferences.addons.get(BASE_PACKAGE)
    preferences = entry.preferences if entry is not None else None
    chosen = bpy.path.abspath(preferences.model_folder) if preferences is not None and preferences.model_folder else ""
    models = tuple(folder for folder in (chosen, user_folder("models")) if folder and os.path.isdir(folder))
    presets = tuple(folder for folder in (user_folder("presets"),) if os.path.isdir(folder))
    if preferences is None:
        return EnginePreferences(model_folders=models, preset_folders=presets)
    return EnginePreferences(preferences.device, preferences.threads, models, presets)


class UNITALKER_AP_preferences(bpy.types.AddonPreferences):
    """Shown in Edit > Preferences > Add-ons."""

    bl_idname = BASE_PACKAGE

    device: EnumProperty(name="Device", description="Where the model runs", items=DEVICES)
    threads: IntProperty(name="Threads", description="Processor threads for the model; 0 takes all but one", default=0, min=0, max=256)
    model_folder: StringProperty(
        name="Model Folder", description="Folder with more models, each in its own folder with a model.json", subtype='DIR_PATH',
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """Device with what is there, threads, folder."""
        from .catalog import devices

        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "device")
        layout.label(text=f"Available here: {', '.join(devices())}", icon='INFO')
        layout.prop(self, "threads")
        layout.prop(self, "model_folder")


CLASSES = (UNITALKER_AP_preferences,)
