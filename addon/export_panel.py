"""The panel "Export": make what plays ready for other programs. docs/EXPORT.md tells what each file format keeps."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty, StringProperty

from .job import Job
from .on_worker import redraw
from .panels import paragraph


class UNITALKER_OT_bake(bpy.types.Operator):
    """Key what plays on the character on every frame, in one plain Action that exporters take. Your Actions stay in the file, your NLA tracks are muted"""

    bl_idname = "unitalker.bake"
    bl_label = "Bake to Plain Action"
    bl_options = {'REGISTER', 'UNDO'}

    action: StringProperty(name="Action", description='Name of the new Action; empty makes "<character> Baked"')
    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's, else the active one")
    frame_start: IntProperty(name="First Frame", description="With Last Frame; both 0 take all that is keyed")
    frame_end: IntProperty(name="Last Frame", description="With First Frame; both 0 take all that is keyed")

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Not while keys are being made."""
        if Job.current is not None:
            cls.poll_message_set("Something else is being made: wait for it, or press Esc")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Bake."""
        from .. import engine
        from . import bake, rig

        settings = context.scene.unitalker
        name = self.character or (settings.character.name if settings.character else "")
        frames = (self.frame_start, self.frame_end) if self.frame_start or self.frame_end else None
        try:
            done = bake.bake(context, rig.gather(context, name, settings.with_related), self.action, frames)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        for warning in done.warnings:
            self.report({'WARNING'}, warning)
        self.report({'INFO'}, f"{done.curves} curves, frames {done.first_frame} to {done.last_frame} ({', '.join(done.actions)})")
        redraw(context)
        return {'FINISHED'}


class UNITALKER_PT_export(bpy.types.Panel):
    bl_label = "Export"
    bl_space_type = 'VIEW_3D'
    bl_region_type = 'UI'
    bl_category = "Lip Sync"
    bl_order = 8
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """The button, and the one setting that loses keys."""
        self.layout.operator("unitalker.bake", icon='ACTION')
        paragraph(context, self.layout, "FBX: switch All Actions and NLA Strips off in the exporter, or shape keys lose their animation.")


CLASSES = (UNITALKER_OT_bake, UNITALKER_PT_export)
