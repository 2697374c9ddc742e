"""Add-on preferences: device, threads, folders. And the folders where the user's own models and presets lie."""

import os
from dataclasses import dataclass

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ... import engine
from . import BASE_PACKAGE
from .layout import paragraph

DEVICES = (
    ('auto', "Automatic", "The fastest that works: CUDA, then CoreML or DirectML, then the processor"),
    ('cpu', "Processor", "Works everywhere"),
    ('cuda', "CUDA", "NVIDIA graphics cards, with the zip that is made for them"),
    ('coreml', "CoreML", "Apple computers"),
    ('directml', "DirectML", "Windows graphics cards, with the zip that is made for them"),
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


def own(context: bpy.types.Context) -> bpy.types.AddonPreferences | None:
    """The add-on's preferences; None where the extension is enabled for this session only (`blender --addons`)."""
    entry = context.preferences.addons.get(BASE_PACKAGE)
    return entry.preferences if entry is not None else None


def engine_preferences(context: bpy.types.Context) -> EnginePreferences:
    """The preferences as plain values; the defaults where there are none."""
    preferences = own(context)
    chosen = bpy.path.abspath(preferences.model_folder) if preferences is not None and preferences.model_folder else ""
    models = tuple(folder for folder in (chosen, user_folder("models")) if folder and os.path.isdir(folder))
    presets = tuple(folder for folder in (user_folder("presets"),) if os.path.isdir(folder))
    if preferences is None:
        return EnginePreferences(model_folders=models, preset_folders=presets)
    if preferences.device_tests:
        engine.remember_device_tests(preferences.device_tests)
    return EnginePreferences(preferences.device, preferences.threads, models, presets)


class UNITALKER_OT_test_devices(bpy.types.Operator):
    """Run the bundled model on every device of this computer and compare with the processor. What fails is not used"""

    bl_idname = "unitalker.test_devices"
    bl_label = "Test Devices"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Test, remember, report."""
        preferences = own(context)
        try:
            reports = engine.test_devices()
            tests = engine.device_tests_to_text(reports)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        if preferences is not None:
            preferences.device_tests = tests
            context.preferences.is_dirty = True
        self.report({'INFO'}, "; ".join(f"{_label(report.device)}: {report}" for report in reports))
        return {'FINISHED'}


class UNITALKER_AP_preferences(bpy.types.AddonPreferences):
    """Shown in Edit > Preferences > Add-ons."""

    bl_idname = BASE_PACKAGE

    device: EnumProperty(name="Device", description="Where the model runs", items=DEVICES)
    threads: IntProperty(
        name="Threads", description="Processor threads for the model; 0 takes all but one", default=0, min=0, max=256,
    )
    model_folder: StringProperty(
        name="Model Folder", subtype='DIR_PATH',
        description="Folder with more models, each in its own folder with a model.json",
    )

    generate_on_drop: BoolProperty(
        name="Generate on Drop", default=True,
        description="A sound file that is dropped on a character makes its lip sync at once; else it is only chosen",
    )

    device_tests: StringProperty(options={'HIDDEN'})      # engine.device_tests_to_text
    favourites: StringProperty(options={'HIDDEN'})        # JSON, model id -> identity ids

    def draw(self, context: bpy.types.Context) -> None:
        """Device with what the last test found, threads, folder."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "device")
        self._draw_devices(context, layout.box().column())
        layout.prop(self, "threads")
        layout.prop(self, "model_folder")
        layout.prop(self, "generate_on_drop")

    def _draw_devices(self, context: bpy.types.Context, column: bpy.types.UILayout) -> None:
        reports, tested = engine.device_tests_from_text(self.device_tests)
        for report in reports:
            icon = _icon(report.works, report.device == self.device)
            paragraph(context, column, f"{_label(report.device)}: {report}", icon)
        try:
            here = engine.runtime_build()
        except engine.EngineError as error:
            paragraph(context, column, str(error), 'ERROR')
            return
        if reports and tested != here:
            paragraph(context, column, "Tested with another version: test again.", 'INFO')
        column.operator("unitalker.test_devices")


def _icon(works: bool, is_chosen: bool) -> str:
    """A cross only where the device that was asked for does not work."""
    if works:
        return 'CHECKMARK'
    return 'CANCEL' if is_chosen else 'BLANK1'


def _label(device: str) -> str:
    return next(label for name, label, _ in DEVICES if name == device)


CLASSES = (UNITALKER_OT_test_devices, UNITALKER_AP_preferences)
