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
from .models import identity_operators
from .models import operators as model_operators
from .overlay import overlay
from .phones import operators as phone_operators
from .phones import panel as phone_panel
from .phones import properties as phone_properties
from .phones import watch as phone_watch
from .pictures import operators as picture_operators
from .preview import operators as preview_operators
from .preview import playback
from .shape_match import operators as shape_match_operators
from .shape_match import panel as shape_match_panel
from .take import catalog, live, properties
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

CLASSES = (
    *preferences.CLASSES, *properties.CLASSES, *operators.CLASSES, *model_operators.CLASSES, *identity_operators.CLASSES, *style_presets.CLASSES,
    *sound_files.CLASSES, *try_it.CLASSES, *panels.CLASSES, *style_panel.CLASSES, *generate_panel.CLASSES,
    *takes_list.CLASSES, *takes_operators.CLASSES, *takes_panel.CLASSES,
    *mapping_properties.CLASSES, *mapping_operators.CLASSES, *mapping_panel.CLASSES, *teach_operators.CLASSES, *teach_panel.CLASSES,
    *phone_properties.CLASSES, *phone_operators.CLASSES, *phone_panel.CLASSES, *shape_match_operators.CLASSES, *shape_match_panel.CLASSES,
    *preview_operators.CLASSES, *picture_operators.CLASSES, *preview_panel.CLASSES, *export_panel.CLASSES,
    *cast_properties.CLASSES, *cast_operators.CLASSES, *follow_operators.CLASSES, *cast_panel.CLASSES,
)


def register() -> None:
    """Called by Blender when the extension is enabled."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    translations.register()
    properties.register()
    live.register()
    takes_list.register()
    identity_operators.register()
    mapping_properties.register()
    mapping_watch.register()
    phone_properties.register()
    phone_watch.register()
    shape_match_operators.register()
    preview_panel.register()
    overlay.register()
    playback.register()
    cast_properties.register()
    follow_watch.register()
    job.register()
    command.register()
    try_it.register()


def unregister() -> None:
    """Called by Blender when it is disabled: nothing of ours runs on."""
    try_it.unregister()
    command.unregister()
    job.unregister()
    follow_watch.unregister()
    cast_properties.unregister()
    playback.unregister()
    overlay.unregister()
    preview_panel.unregister()
    shape_match_operators.unregister()
    phone_watch.unregister()
    phone_properties.unregister()
    mapping_watch.unregister()
    mapping_properties.unregister()
    identity_operators.unregister()
    takes_list.unregister()
    live.unregister()
    properties.unregister()
    translations.unregister()
    catalog.refresh()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
