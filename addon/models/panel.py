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
    sources = catalog.style_sources(settings.model)
    if len(sources) > 1:
        column = layout.column(align=True)
        column.label(text="Style From")
        row = column.row(align=True)        # of its own: four items do not fit beside a name
        row.use_property_split = False      # else the first item is taken for that name
        for source in sources:
            row.prop_enum(settings, "style_from", source)
    column = layout.column(align=True)
    _STYLES[settings.style_from if settings.style_from in sources else 'IDENTITY'](context, column, settings)
    if len(catalog.head_items(settings, None)) > ONE_HEAD:
        layout.prop(settings, "head_pick")


def _draw_identities(
    context: bpy.types.Context, column: bpy.types.UILayout, settings: bpy.types.PropertyGroup,
) -> None:
    _draw_identity(context, column, settings, "identity", "Identity")
    if not settings.identity.startswith("blend:"):
        _draw_identity(context, column, settings, "identity_2", "Blend With")
        if settings.identity_2:
            column.prop(settings, "identity_mix", slider=True)


def _draw_action(_context: bpy.types.Context, column: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """The Action, its slot where it has several, and the frames that count."""
    column.prop(settings, "reference_action", text="Action")
    action = settings.reference_action
    if action is not None and len(getattr(action, "slots", ())) > 1:
        column.prop_search(settings, "reference_slot", action, "slots", text="Slot")
    row = column.row(align=True)
    row.prop(settings, "reference_first", text="Frames")
    row.prop(settings, "reference_last", text="")
    column.operator("unitalker.style_save", icon='FILE_TICK')


def _draw_files(_context: bpy.types.Context, column: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    column.prop(settings, "reference", text="File")
    column.prop(settings, "reference_2", text="Blend With")
    if settings.reference_2:
        column.prop(settings, "reference_mix", slider=True)
    column.operator("unitalker.style_save", icon='FILE_TICK')


def _draw_voice(_context: bpy.types.Context, column: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """The sound whose manner is taken over; empty is the line's own."""
    column.prop(settings, "voice")


# what draws each item of style_from
_STYLES = {'IDENTITY': _draw_identities, 'ACTION': _draw_action, 'FILE': _draw_files, 'VOICE': _draw_voice}


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
