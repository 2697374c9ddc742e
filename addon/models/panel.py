"""The rows of the panel that choose a model and one of its identities."""

from __future__ import annotations

import bpy

from ..take import catalog
from . import identities

ONE_HEAD = 2            # entries of the list for a model with one head: "Automatic" and the head
FEW = 12                # identities that a plain list shows; more are searched
LABEL_SHARE = 0.4       # of the row's width, as Blender splits properties


def draw_model(context: bpy.types.Context, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Model with its menu, the identity and what is blended in, then the head where there is a choice."""
    row = layout.row(align=True)
    row.prop(settings, "model_pick")
    row.menu("UNITALKER_MT_models", text="", icon='DOWNARROW_HLT')
    column = layout.column(align=True)
    _draw_identity(context, column, settings, "identity", "Identity")
    if not settings.identity.startswith("blend:"):
        _draw_identity(context, column, settings, "identity_2", "Blend With")
        if settings.identity_2:
            column.prop(settings, "identity_mix", slider=True)
    if len(catalog.head_items(settings, None)) > ONE_HEAD:
        layout.prop(settings, "head_pick")


def _draw_identity(
    context: bpy.types.Context, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, slot: str, title: str,
) -> None:
    """A plain list where there are few, else a search and the list with groups; then the star."""
    chosen = getattr(settings, slot)
    known = catalog.identities(settings.model)
    if len(known) <= FEW:
        row = layout.row(align=True)
        row.prop(settings, f"{slot}_pick", text=title)
    else:
        split = layout.split(factor=LABEL_SHARE)
        label = split.row()
        label.alignment = 'RIGHT'
        label.label(text=title)
        row = split.row(align=True)
        text = identities.label(settings.model, chosen) if chosen else "None"
        row.operator("unitalker.identity_pick", text=text, icon='VIEWZOOM', translate=not chosen).slot = slot
        if slot == "identity_2" and chosen:
            row.operator("unitalker.identity_single", text="", icon='X')
        row.operator("unitalker.identity_browse", text="", icon='COLLAPSEMENU').slot = slot
    if slot == "identity" and any(name == chosen for name, _, _ in known):
        starred = chosen in identities.favourites(context, settings.model)
        row.operator("unitalker.favourite", text="", icon='SOLO_ON' if starred else 'SOLO_OFF').identity = chosen


def draw_vertices(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """How a head that gives vertices plays."""
    layout.prop(settings, "vertex_mode")
    layout.prop(settings, "vertex_error" if settings.vertex_mode == 'KEYS' else "cache_folder")
