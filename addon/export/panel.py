"""The panel "Import and Export": captures of faces in, and what plays made ready for other programs.

docs/EXPORT.md tells what each file format keeps.
"""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ... import engine
from ..host.editors import TOOLS, in_3d_view
from ..host.layout import paragraph
from ..host.operator_base import BUSY_ELSE, idle, redraw
from ..host.translations import translate, translate_plural
from ..take.choices import Choices
from ..take.options import CHOICES
from ..take.properties import collect
from . import work

FORMATS = (
    ('LIVE_LINK', "Live Link Face CSV", "Columns of a take of the Live Link Face app"),
    ('METAHUMAN_CSV', "MetaHuman CSV", "Curve Table of CTRL_expressions curves, for Unreal Engine"),
    ('METAHUMAN_JSON', "MetaHuman JSON", "Curve Table of CTRL_expressions curves, for Unreal Engine"),
)


class UNITALKER_OT_bake(bpy.types.Operator):
    bl_idname = "unitalker.bake"
    bl_label = "Bake to Plain Action"
    bl_description = (
        "Key what plays on the character on every frame, in one plain Action that exporters take. "
        "Your Actions stay in the file, your NLA tracks are muted"
    )
    bl_options = {'REGISTER', 'UNDO'}

    action: StringProperty(name="Action", description='Name of the new Action; empty makes "<character> Baked"')
    character: StringProperty(
        name="Character", description="Name of the object; empty takes the panel's, else the active one",
    )
    frame_start: IntProperty(name="First Frame", description="With Last Frame; both 0 take all that is keyed")
    frame_end: IntProperty(name="Last Frame", description="With First Frame; both 0 take all that is keyed")

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Not while keys are being made."""
        return idle(cls, BUSY_ELSE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Bake."""
        bake, *_ = work()
        frames = (self.frame_start, self.frame_end) if self.frame_start or self.frame_end else None
        try:
            done = bake.bake(context, self.character, self.action, frames)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        for warning in done.warnings:
            self.report({'WARNING'}, warning)
        curves = translate_plural(done.curves, "1 curve", "{} curves")
        self.report({'INFO'}, translate(
            "{}, frames {} to {} ({})", curves, done.first_frame, done.last_frame, ", ".join(done.actions),
        ))
        redraw(context)
        return {'FINISHED'}


TAKEN_FROM = (
    ('CHARACTER', "Character", "What plays on the character, your own edits and layers included"),
    ('SOUND', "Sound", "What Generate would make of the chosen sound with the panel's choices; edits do not count"),
)


class UNITALKER_OT_export_motion(Choices, bpy.types.Operator):
    bl_idname = "unitalker.export_motion"
    bl_label = "Export Motion"
    bl_description = (
        "Write the face motion that plays on the character, with all edits, as a file for another program. "
        "Changes nothing in the scene"
    )

    kind: EnumProperty(name="Format", items=FORMATS)
    taken_from: EnumProperty(name="From", description="What is written", items=TAKEN_FROM)
    filepath: StringProperty(name="File", subtype='FILE_PATH', options={'SKIP_SAVE'})
    check_existing: BoolProperty(default=True, options={'HIDDEN', 'SKIP_SAVE'})
    character: StringProperty(
        name="Character", description="Name of the object; empty takes the panel's, else the active one",
        options={'HIDDEN'},
    )

    poll = UNITALKER_OT_bake.poll

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        _, motion, _ = work()
        self.filepath = motion.suggested(context, self.kind)
        context.window_manager.fileselect_add(self)
        return {'RUNNING_MODAL'}

    def draw(self, _context: bpy.types.Context) -> None:
        """What and how, beside the files."""
        self.layout.prop(self, "kind")
        self.layout.prop(self, "taken_from")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Make and write it."""
        _, motion, _ = work()
        given = {name: getattr(self, name) for name in CHOICES if self.properties.is_property_set(name)}
        try:
            write = motion.write if self.taken_from == 'SOUND' else motion.write_played
            line = write(context, collect(context, given), motion.with_ending(self.filepath, self.kind))
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        self.report({'INFO'}, line)
        return {'FINISHED'}


class UNITALKER_OT_export_takes(bpy.types.Operator):
    bl_idname = "unitalker.export_takes"
    bl_label = "Export Takes for Training"
    bl_description = (
        "Write what plays on the characters of this scene, line by line with its sound, as a folder that "
        "fine-tuning on the command line learns from. Changes nothing in the scene"
    )

    filepath: StringProperty(name="Folder", subtype='DIR_PATH', options={'SKIP_SAVE'})

    poll = UNITALKER_OT_bake.poll

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the folder."""
        *_, training = work()
        self.filepath = training.suggested()
        context.window_manager.fileselect_add(self)
        return {'RUNNING_MODAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write it."""
        *_, training = work()
        folder = Path(bpy.path.abspath(self.filepath or training.suggested()))
        try:
            done = training.write(context, folder)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        for sentence in done.left_out:
            self.report({'WARNING'}, sentence)
        self.report({'INFO'}, translate(
            "{}, {}, {} s of sound in {}. Next: python -m engine finetune mini {} -o MODEL",
            translate_plural(len(done.pieces), "1 take", "{} takes"),
            translate_plural(done.characters, "1 character", "{} characters"), f"{done.seconds:.0f}", folder, folder,
        ))
        return {'FINISHED'}


class Export:
    bl_idname = "UNITALKER_PT_export"
    bl_label = "Import and Export"
    bl_parent_id = TOOLS
    bl_order = 6
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """A capture in; out the button, and the one setting that loses keys."""
        self.layout.operator("unitalker.capture_import", icon='IMPORT')
        self.layout.operator("unitalker.bake", icon='ACTION')
        paragraph(
            context, self.layout,
            "FBX: switch All Actions and NLA Strips off in the exporter, or shape keys lose their animation.",
        )
        column = self.layout.column(align=True)
        for kind, title, _ in FORMATS:
            column.operator("unitalker.export_motion", text=title, icon='EXPORT').kind = kind
        self.layout.operator("unitalker.export_takes", icon='EXPORT')


CLASSES = (UNITALKER_OT_bake, UNITALKER_OT_export_motion, UNITALKER_OT_export_takes, *in_3d_view(Export))
