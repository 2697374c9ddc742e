"""The user's own sets of options, by Blender's preset system: menus in the headers of Voice and Style and Output."""

from __future__ import annotations

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

from ..take.options import in_preset

SETTINGS = "settings"       # what a preset file calls the scene's choices


class _Menu(bpy.types.Menu):
    bl_label = "Presets"
    preset_operator = "script.execute_preset"
    draw = bpy.types.Menu.draw_preset


class UNITALKER_MT_style_presets(_Menu):
    bl_label = "Style Presets"
    preset_subdir = "unitalker/style"


class UNITALKER_MT_output_presets(_Menu):
    bl_label = "Output Presets"
    preset_subdir = "unitalker/output"


class _Add(AddPresetBase):
    bl_options = {'REGISTER', 'INTERNAL'}
    preset_defines = [f"{SETTINGS} = bpy.context.scene.unitalker"]


class UNITALKER_OT_style_preset_add(_Add, bpy.types.Operator):
    """Keep the style under a name, for every file; or remove the preset that was chosen last"""

    bl_idname = "unitalker.style_preset_add"
    bl_label = "Add Style Preset"
    preset_menu = "UNITALKER_MT_style_presets"
    preset_subdir = UNITALKER_MT_style_presets.preset_subdir
    preset_values = [f"{SETTINGS}.{name}" for name in in_preset("style")]


class UNITALKER_OT_output_preset_add(_Add, bpy.types.Operator):
    """Keep the output choices under a name, for every file; or remove the preset that was chosen last"""

    bl_idname = "unitalker.output_preset_add"
    bl_label = "Add Output Preset"
    preset_menu = "UNITALKER_MT_output_presets"
    preset_subdir = UNITALKER_MT_output_presets.preset_subdir
    preset_values = [f"{SETTINGS}.{name}" for name in in_preset("output")]


class UNITALKER_PT_style_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Style Presets"
    preset_subdir = UNITALKER_MT_style_presets.preset_subdir
    preset_operator = "script.execute_preset"
    preset_add_operator = UNITALKER_OT_style_preset_add.bl_idname


class UNITALKER_PT_output_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Output Presets"
    preset_subdir = UNITALKER_MT_output_presets.preset_subdir
    preset_operator = "script.execute_preset"
    preset_add_operator = UNITALKER_OT_output_preset_add.bl_idname


CLASSES = (
    UNITALKER_MT_style_presets, UNITALKER_MT_output_presets, UNITALKER_OT_style_preset_add,
    UNITALKER_OT_output_preset_add, UNITALKER_PT_style_presets, UNITALKER_PT_output_presets,
)
