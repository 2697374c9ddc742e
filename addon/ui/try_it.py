"""Try It: a head that speaks, in one click and one undo step; and Add > Mesh > Lip Sync Test Head."""

from __future__ import annotations

from types import ModuleType

import bpy

from ... import engine
from ..host.editors import in_editors
from ..host.layout import paragraph
from ..host.operator_base import idle
from ..host.polls import only_if
from ..host.translations import translate
from ..take import catalog

NOT_IN_EDIT_MODE = "Leave Edit Mode first: a new head is added in Object Mode"


def _sample() -> ModuleType:
    from . import sample  # needs NumPy and the engine, which registering must not load

    return sample


class UNITALKER_OT_try_it(bpy.types.Operator):
    """A head that speaks."""

    bl_idname = "unitalker.try_it"
    bl_label = "Try Lip Sync"
    bl_description = (
        "Add a head, a line of speech and its lip sync, to see what this add-on does. "
        "Nothing else in the scene is touched, and one undo takes all of it back"
    )
    bl_options = {'REGISTER', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, with nothing running."""
        if not idle(cls):
            return False
        return only_if(cls, context.mode == 'OBJECT', NOT_IN_EDIT_MODE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add it all; keys last, since only they can fail."""
        sample = _sample()
        face = sample.add_head(context)
        try:
            given = {**sample.choose_sound(context), "character": face.name}
            line = sample.make_keys(context, given)
        except engine.EngineError as error:
            self.report({'ERROR'}, f"The head is there, its keys are not: {error}")
            return {'FINISHED'}         # with its undo step
        finally:
            sample.show(context, face)
        self.report({'INFO'}, translate("{}. Press Space to play.", line))
        return {'FINISHED'}


class UNITALKER_OT_add_test_head(bpy.types.Operator):
    """Add a head with the 52 ARKit shape keys, made by code, to try lip sync on"""

    bl_idname = "unitalker.add_test_head"
    bl_label = "Lip Sync Test Head"
    bl_options = {'REGISTER', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode."""
        return only_if(cls, context.mode == 'OBJECT', NOT_IN_EDIT_MODE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add it at the 3D cursor."""
        test_head = _sample().test_head
        face = test_head.build_test_head(context)
        face.location = context.scene.cursor.location
        test_head.select_alone(context, face)
        return {'FINISHED'}


def draw_add_menu(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Entry for VIEW3D_MT_mesh_add."""
    self.layout.separator()
    self.layout.operator(UNITALKER_OT_add_test_head.bl_idname, icon='USER')


class TryIt:
    bl_idname = "UNITALKER_PT_try_it"
    bl_label = "Try It"
    bl_order = 0                # with Audio, and registered before it: a lower number would move the tab about

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """While there is neither a character nor a sound."""
        return catalog.nothing_chosen(context)

    def draw(self, context: bpy.types.Context) -> None:
        """What it is, and the button."""
        paragraph(context, self.layout, "New here? One click adds a head that speaks. One undo takes it away.")
        row = self.layout.row()
        row.scale_y = 1.4
        row.operator("unitalker.try_it", text="Try It", icon='USER')


CLASSES = (UNITALKER_OT_add_test_head, UNITALKER_OT_try_it, *in_editors(TryIt))


def register() -> None:
    """The head's entry in the Add menu."""
    bpy.types.VIEW3D_MT_mesh_add.append(draw_add_menu)


def unregister() -> None:
    """Take it away."""
    bpy.types.VIEW3D_MT_mesh_add.remove(draw_add_menu)
