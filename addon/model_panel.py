"""The rows of the panel that choose a model and one of its identities."""

from __future__ import annotations

import bpy

from . import catalog

ONE_HEAD = 2            # entries of the list for a model with one head: "Automatic" and the head
FEW = 12                # identities that a plain list shows; more are searched
LABEL_SHARE = 0.4       # of the row's width, as Blender splits properties


def draw_model(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Model with its menu, then the identity, then the head where there is a choice."""
    row = layout.row(align=True)
    row.prop(settings, "model_pick")
    row.menu("UNITALKER_MT_models", text="", icon='DOWNARROW_HLT')
    if sum(count for _, count in catalog.identity_groups(settings)) <= FEW:
        layout.prop(settings, "identity_pick")
    else:
        _draw_search(layout, settings)
    if len(catalog.head_items(settings, None)) > ONE_HEAD:
        layout.prop(settings, "head_pick")


def _draw_search(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Name of the identity as a button that opens a search, and the groups beside it."""
    split = layout.split(factor=LABEL_SHARE)
    label = split.row()
    label.alignment = 'RIGHT'
    label.label(text="Identity")
    row = split.row(align=True)
    row.operator("unitalker.identity_pick", text=catalog.identity_label(settings), icon='VIEWZOOM')
    row.menu("UNITALKER_MT_identities", text="", icon='DOWNARROW_HLT')


def draw_vertices(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """How a head that gives vertices plays."""
    layout.prop(settings, "vertex_mode")
    layout.prop(settings, "vertex_error" if settings.vertex_mode == 'KEYS' else "cache_folder")
