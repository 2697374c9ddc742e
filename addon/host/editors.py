"""One definition of a panel for three sidebars: of the 3D view, the Sequencer and the Shape Key editor."""

from __future__ import annotations

from collections.abc import Callable

import bpy

TAB = "Lip Sync"
TOOLS = "UNITALKER_PT_tools"    # the panel in which those stand that not every shot needs
SHAPE_KEYS = 'DOPESHEET_EDITOR'
# Space, and the ending of its panels' ids.
EDITORS = (('VIEW_3D', ""), ('SEQUENCE_EDITOR', "_sequencer"), (SHAPE_KEYS, "_shape_keys"))


def in_editors(*definitions: type) -> tuple[type, ...]:
    """The panels to register: each definition once for every editor.

    A definition is a plain class with what a panel has: bl_idname, bl_label, draw, perhaps poll, bl_order, bl_options
    and bl_parent_id, which names another definition's bl_idname.
    """
    return tuple(_panel(definition, space, ending) for definition in definitions for space, ending in EDITORS)


def in_3d_view(*definitions: type) -> tuple[type, ...]:
    """The same for panels that only the 3D view has."""
    return tuple(_panel(definition, *EDITORS[0]) for definition in definitions)


def tool(idname: str, label: str, order: int, draw: Callable[[bpy.types.Context, bpy.types.UILayout], None]) -> type:
    """The definition of a panel within Tools, closed at first, that draws what another place may draw too."""
    return type(idname, (), {
        "bl_idname": idname, "bl_label": label, "bl_parent_id": TOOLS, "bl_order": order,
        "bl_options": {'DEFAULT_CLOSED'}, "draw": lambda self, context: draw(context, self.layout),
    })


def _panel(definition: type, space: str, ending: str) -> type:
    idname = definition.bl_idname + ending
    members = {"bl_idname": idname, "bl_space_type": space, "bl_region_type": 'UI', "bl_category": TAB}
    if hasattr(definition, "bl_parent_id"):
        members["bl_parent_id"] = definition.bl_parent_id + ending
    if space == SHAPE_KEYS:
        members["poll"] = classmethod(_in_shape_keys(getattr(definition, "poll", None)))
    return type(idname, (definition, bpy.types.Panel), members)


def _in_shape_keys(poll: object) -> object:
    """The Dope Sheet's other modes have nothing to do with lips."""
    def in_shape_keys(_cls: type, context: bpy.types.Context) -> bool:
        return context.space_data.mode == 'SHAPEKEY' and (poll is None or poll(context))

    return in_shape_keys
