"""The Blender side of UniTalker Lip Sync. Registering imports no numpy, no engine and no file: that waits for the first use."""

from __future__ import annotations

import bpy

from . import (
    cast_operators,
    cast_panel,
    cast_properties,
    catalog,
    command,
    export_panel,
    follow_operators,
    follow_watch,
    generate_panel,
    identity_operators,
    job,
    mapping_operators,
    mapping_panel,
    mapping_properties,
    model_operators,
    operators,
    overlay,
    panels,
    phone_operators,
    phone_panel,
    phone_properties,
    phone_watch,
    playback,
    preferences,
    preview_operators,
    preview_panel,
    preview_properties,
    properties,
    shape_match_panel,
    sound_files,
    style_panel,
    style_presets,
    takes_list,
    takes_operators,
    takes_panel,
    teach_operators,
    teach_panel,
    test_head,
    translations,
    try_it,
)

CLASSES = (
    *preferences.CLASSES, *properties.CLASSES, *operators.CLASSES, *model_operators.CLASSES, *identity_operators.CLASSES, *style_presets.CLASSES,
    *sound_files.CLASSES, *test_head.CLASSES, *try_it.CLASSES, *panels.CLASSES, *style_panel.CLASSES, *generate_panel.CLASSES,
    *takes_list.CLASSES, *takes_operators.CLASSES, *takes_panel.CLASSES,
    *mapping_properties.CLASSES, *mapping_operators.CLASSES, *mapping_panel.CLASSES, *teach_operators.CLASSES, *teach_panel.CLASSES,
    *phone_properties.CLASSES, *phone_operators.CLASSES, *phone_panel.CLASSES, *shape_match_panel.CLASSES,
    *preview_properties.CLASSES, *preview_operators.CLASSES, *preview_panel.CLASSES, *export_panel.CLASSES,
    *cast_properties.CLASSES, *cast_operators.CLASSES, *follow_operators.CLASSES, *cast_panel.CLASSES,
)


def register() -> None:
    """Called by Blender when the extension is enabled."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    translations.register()
    properties.register()
    takes_list.register()
    identity_operators.register()
    mapping_properties.register()
    phone_properties.register()
    phone_watch.register()
    shape_match_panel.register()
    preview_properties.register()
    overlay.register()
    playback.register()
    cast_properties.register()
    follow_watch.register()
    job.register()
    command.register()
    bpy.types.VIEW3D_MT_mesh_add.append(test_head.draw_add_menu)


def unregister() -> None:
    """Called by Blender when it is disabled: nothing of ours runs on."""
    bpy.types.VIEW3D_MT_mesh_add.remove(test_head.draw_add_menu)
    command.unregister()
    job.unregister()
    follow_watch.unregister()
    cast_properties.unregister()
    playback.unregister()
    overlay.unregister()
    preview_properties.unregister()
    shape_match_panel.unregister()
    phone_watch.unregister()
    phone_properties.unregister()
    mapping_properties.unregister()
    identity_operators.unregister()
    takes_list.unregister()
    properties.unregister()
    translations.unregister()
    catalog.refresh()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
