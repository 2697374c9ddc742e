"""Operators of the mapping made by hand, and of the user's own presets."""

from functools import partial

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..host.operator_base import attempt, redraw
from ..host.polls import only_if
from ..host.translations import translate, translate_plural
from . import work


class _OnOpenMapping:
    """Needs an open mapping."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only while a mapping is open."""
        return only_if(cls, context.scene.unitalker_mapping.is_open, "No mapping is open: press Edit or New first")

    def _has_row(self, mapping: bpy.types.PropertyGroup) -> bool:
        """Whether a row is chosen; else says so."""
        if 0 <= mapping.active < len(mapping.targets):
            return True
        self.report({'ERROR'}, translate("No row of the mapping is chosen. Click one in the list."))
        return False


class UNITALKER_OT_mapping_start(bpy.types.Operator):
    """Open a mapping of face channels to this character's controls: the preset in use, or an empty one"""

    bl_idname = "unitalker.mapping_start"
    bl_label = "Edit Mapping"
    bl_options = {'INTERNAL', 'UNDO'}

    empty: BoolProperty(name="Empty", description="Start without any control")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Open it."""
        return attempt(self, context, partial(work().start, context, self.empty))


class UNITALKER_OT_mapping_close(_OnOpenMapping, bpy.types.Operator):
    """Close the mapping; what is not saved is lost"""

    bl_idname = "unitalker.mapping_close"
    bl_label = "Close Mapping"
    bl_options = {'INTERNAL', 'UNDO'}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask when something is not saved."""
        mapping = context.scene.unitalker_mapping
        if not mapping.changed:
            return self.execute(context)
        return context.window_manager.invoke_confirm(
            self, event, title=translate("Close Mapping"), message=translate("{} is not saved.", mapping.title),
            confirm_text=translate("Close"), icon='WARNING',
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Give previewed values back and forget the rows."""
        work().close(context)
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_mapping_add(_OnOpenMapping, bpy.types.Operator):
    """Add a row: for the active shape key or bone where it is not mapped yet, else an empty one"""

    bl_idname = "unitalker.mapping_add"
    bl_label = "Add Control"
    bl_options = {'INTERNAL', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add it and make it the active one."""
        work().add_row(context)
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_mapping_remove(_OnOpenMapping, bpy.types.Operator):
    """Remove the active row"""

    bl_idname = "unitalker.mapping_remove"
    bl_label = "Remove Control"
    bl_options = {'INTERNAL', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove it."""
        if not self._has_row(context.scene.unitalker_mapping):
            return {'CANCELLED'}
        work().remove_row(context)
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_mapping_channel_add(_OnOpenMapping, bpy.types.Operator):
    """Let one more face channel drive this control"""

    bl_idname = "unitalker.mapping_channel_add"
    bl_label = "Add Channel"
    bl_options = {'INTERNAL', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add an empty channel to the active row."""
        mapping = context.scene.unitalker_mapping
        if not self._has_row(mapping):
            return {'CANCELLED'}
        mapping.targets[mapping.active].sources.add()
        mapping.changed = True
        return {'FINISHED'}


class UNITALKER_OT_mapping_channel_remove(_OnOpenMapping, bpy.types.Operator):
    """Take this channel off the control"""

    bl_idname = "unitalker.mapping_channel_remove"
    bl_label = "Remove Channel"
    bl_options = {'INTERNAL', 'UNDO'}

    index: IntProperty(name="Index", description="Which channel of the active control")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove it from the active row."""
        work().remove_channel(context, self.index)
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_mapping_accept(_OnOpenMapping, bpy.types.Operator):
    """Let this channel drive this control"""

    bl_idname = "unitalker.mapping_accept"
    bl_label = "Accept Suggestion"
    bl_options = {'INTERNAL', 'UNDO'}

    channel: StringProperty(name="Channel")
    kind: StringProperty(name="Kind")
    control: StringProperty(name="Control")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """Which is meant."""
        return translate("Let {} drive {}", properties.channel, properties.control)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the row."""
        return attempt(self, context, partial(work().accept, context, self.channel, self.kind, self.control))


class UNITALKER_OT_mapping_preview(_OnOpenMapping, bpy.types.Operator):
    bl_idname = "unitalker.mapping_preview"
    bl_label = "Preview"
    bl_description = (
        "Show on the character what the active row does while you drag its values; "
        "press again to give the character its own values back. Makes no keys"
    )
    bl_options = {'INTERNAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin or end."""
        if context.scene.unitalker_mapping.preview:
            work().preview.stop(context.scene)
            redraw(context)
            return {'FINISHED'}
        return attempt(self, context, partial(work().preview.start, context))


class UNITALKER_OT_mapping_record_rest(_OnOpenMapping, bpy.types.Operator):
    """First of two poses: the character with this channel at rest, usually the neutral face"""

    bl_idname = "unitalker.mapping_record_rest"
    bl_label = "Record Rest"
    bl_options = {'INTERNAL', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Keep the pose."""
        return attempt(self, context, partial(work().record_rest, context), _rest_recorded)


def _rest_recorded(values: int) -> str:
    return translate("Rest recorded: {}. Now pose the extreme", translate_plural(values, "1 value", "{} values"))


class UNITALKER_OT_mapping_record_extreme(_OnOpenMapping, bpy.types.Operator):
    bl_idname = "unitalker.mapping_record_extreme"
    bl_label = "Record Extreme"
    bl_description = (
        "Second of two poses: the character with this channel at its most. "
        "What differs from rest becomes what the channel drives"
    )
    bl_options = {'INTERNAL', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """After the rest pose."""
        if not _OnOpenMapping.poll.__func__(cls, context):
            return False
        rest_pose = context.scene.unitalker_mapping.rest_pose
        return only_if(cls, rest_pose, "Put the character at rest and press Record Rest first")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Learn it."""
        channel = context.scene.unitalker_mapping.channel
        return attempt(self, context, partial(work().learn_extreme, context), partial(_extreme_learned, channel))


def _extreme_learned(channel: str, driven: int) -> str:
    return translate("{} drives {} now", channel, translate_plural(driven, "1 control", "{} controls"))


class UNITALKER_OT_mapping_save(_OnOpenMapping, bpy.types.Operator):
    """Save the mapping as a preset of your own and choose it: a JSON file in your presets folder"""

    bl_idname = "unitalker.mapping_save"
    bl_label = "Save Mapping"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the file and choose it."""
        return attempt(self, context, partial(work().save, context), "Saved {}")


class UNITALKER_OT_mapping_export(_OnOpenMapping, bpy.types.Operator, ExportHelper):
    """Write the mapping to a JSON file, to share it; Import Preset reads it again"""

    bl_idname = "unitalker.mapping_export"
    bl_label = "Export Mapping"

    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={'HIDDEN'})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        self.filepath = bpy.path.clean_name(context.scene.unitalker_mapping.title or "mapping") + self.filename_ext
        return ExportHelper.invoke(self, context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write it."""
        return attempt(self, context, partial(work().export, context, self.filepath), "Exported {}")


class UNITALKER_OT_preset_save(bpy.types.Operator):
    """Save the preset that fits this character as one of your own, to change it: a JSON file in your presets folder"""

    bl_idname = "unitalker.preset_save"
    bl_label = "Save as My Preset"

    name: StringProperty(name="Name", description="Name of the new preset")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the name."""
        settings = context.scene.unitalker
        self.name = f"{settings.character.name} preset" if settings.character else "My preset"
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the file and choose it."""
        return attempt(self, context, partial(work().save_fitting, context, self.name), "Saved {}")


class UNITALKER_OT_preset_load(bpy.types.Operator, ImportHelper):
    """Check a preset file and copy it to your presets folder"""

    bl_idname = "unitalker.preset_load"
    bl_label = "Load Preset"

    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={'HIDDEN'})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Copy the file and choose it."""
        return attempt(self, context, partial(work().load, context, self.filepath), "Loaded {}")


CLASSES = (
    UNITALKER_OT_mapping_start, UNITALKER_OT_mapping_close, UNITALKER_OT_mapping_add, UNITALKER_OT_mapping_remove,
    UNITALKER_OT_mapping_channel_add, UNITALKER_OT_mapping_channel_remove, UNITALKER_OT_mapping_accept,
    UNITALKER_OT_mapping_preview, UNITALKER_OT_mapping_record_rest, UNITALKER_OT_mapping_record_extreme,
    UNITALKER_OT_mapping_save, UNITALKER_OT_mapping_export, UNITALKER_OT_preset_save, UNITALKER_OT_preset_load,
)
