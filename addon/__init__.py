"""The Blender side of UniTalker Lip Sync.

Registering loads no NumPy and nothing of the engine but its errors: the rest waits for the first use.
"""

from __future__ import annotations

import bpy

from . import command
from .cast import operators as cast_operators
from .cast import panel as cast_panel
from .cast import properties as cast_properties
from .export import panel as export_panel
from .follow import operators as follow_operators
from .follow import watch as follow_watch
from .host import job, preferences, translations
from .mapping import operators as mapping_operators
from .mapping import panel as mapping_panel
from .mapping import properties as mapping_properties
from .mapping import watch as mapping_watch
from .models import identity_operators, style_operators
from .models import operators as model_operators
from .moods import operators as mood_operators
from .overlay import overlay
from .phones import operators as phone_operators
from .phones import panel as phone_panel
from .phones import properties as phone_properties
from .phones import watch as phone_watch
from .pictures import operators as picture_operators
from .preview import operators as preview_operators
from .preview import playback
from .retakes import operators as retake_operators
from .retakes import panel as retake_panel
from .shape_match import operators as shape_match_operators
from .shape_match import panel as shape_match_panel
from .take import catalog, character_mood, live, properties
from .take_list import list as takes_list
from .take_list import operators as takes_operators
from .take_list import panel as takes_panel
from .teach import operators as teach_operators
from .teach import panel as teach_panel
from .ui import drop as sound_files
from .ui import generate as generate_panel
from .ui import operators, panels, style_presets, try_it
from .ui import preview as preview_panel
from .ui import style as style_panel

# In the order in which Blender must know them: a group before what points to it, a panel before those inside it.
MODULES = (
    preferences, translations, properties, character_mood, live, operators, model_operators, identity_operators,
    style_operators, mood_operators, style_presets, sound_files, try_it, generate_panel, panels, style_panel,
    takes_list, takes_operators, takes_panel,
    mapping_properties, mapping_operators, mapping_panel, mapping_watch, teach_operators, teach_panel,
    phone_properties, phone_operators, phone_panel, phone_watch, shape_match_operators, shape_match_panel,
    retake_operators, retake_panel,
    preview_operators, picture_operators, preview_panel, overlay, playback, export_panel,
    cast_properties, cast_operators, follow_operators, cast_panel, follow_watch, job, command,
)
CLASSES = tuple(cls for module in MODULES for cls in getattr(module, "CLASSES", ()))


def register() -> None:
    """Called by Blender when the extension is enabled."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    for module in MODULES:
        if hasattr(module, "register"):
            module.register()


def unregister() -> None:
    """Called by Blender when it is disabled: nothing of ours runs on."""
    for module in reversed(MODULES):
        if hasattr(module, "unregister"):
            module.unregister()
    catalog.refresh()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
