"""Operators of the list of lines: Generate All, and keeping the list."""

from functools import partial

import bpy
from bpy.props import EnumProperty

from ... import engine
from ..follow.watch import look_again
from ..host.operator_base import OnWorker, redraw
from ..host.polls import only_if
from ..host.translations import translate, translate_plural
from ..sound import strips as sound_strips
from . import listening, work

ADD = (
    ('SELECTED', "Selected Strips", "A line for every selected sound strip that has none yet"),
    ('ALL', "All Strips", "A line for every sound strip of the Sequencer that has none yet"),
    ('LISTENERS', "Listeners", (
        "For every line, the other characters of the list that say nothing meanwhile, as listeners")),
    ('EMPTY', "Empty Line", "A line whose sound and character you choose"),
)
DIRECTIONS = (('UP', "Up", ""), ('DOWN', "Down", ""))


class UNITALKER_OT_cast_generate(OnWorker, bpy.types.Operator):
    """Make all lines that are switched on, as one step of undo."""

    bl_idname = "unitalker.cast_generate"
    bl_label = "Generate All"
    bl_description = (
        "Make all lines of the list that are switched on, as one step of undo. A line that fails stops no other; Esc "
        "stops all, and nothing is written"
    )
    bl_options = {'REGISTER', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There is a line to make, and nothing else is being made."""
        if not super().poll(context):
            return False
        return only_if(
            cls, any(row.use for row in context.scene.unitalker_cast.rows),
            "The list has no line that is switched on: add sound strips to it",
        )

    def _gather(self, context: bpy.types.Context) -> object:
        cast = context.scene.unitalker_cast
        cast.follow_names()
        return partial(work().compute, work().gather(context, [row for row in cast.rows if row.use]))

    def _finish(self, context: bpy.types.Context, result: object) -> set[str]:
        cast = context.scene.unitalker_cast
        try:
            outcomes = work().write(result())
        except engine.Cancelled:
            cast.result, cast.failed = translate("Cancelled: nothing was written."), False
            self.report({'INFO'}, cast.result)
            redraw(context)
            return {'CANCELLED'}
        text = work().show(cast, outcomes)
        look_again()
        self.report({'WARNING' if cast.failed else 'INFO'}, text)
        redraw(context)
        return {'FINISHED'}

    def _fail(self, context: bpy.types.Context, error: Exception) -> set[str]:
        self.report({'ERROR'}, str(error))
        return {'CANCELLED'}


class UNITALKER_OT_cast_add(bpy.types.Operator):
    """Add lines to the list; each strip gets the character that its name or file name suggests"""

    bl_idname = "unitalker.cast_add"
    bl_label = "Add Lines"
    bl_options = {'REGISTER', 'UNDO'}

    what: EnumProperty(name="Add", items=ADD)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add and say how many."""
        if self.what == 'EMPTY':
            row = context.scene.unitalker_cast.add()
            row.character = context.scene.unitalker.character
            return {'FINISHED'}
        if self.what == 'LISTENERS':
            return self._say(listening.add_listeners(context), True)
        strips = sound_strips.sound_strips(sound_strips.sequencer_scene(context))
        chosen = [strip for strip in strips if self.what == 'ALL' or strip.select]
        return self._say(work().add_strips(context, chosen), bool(chosen))

    def _say(self, added: int, found: bool) -> set[str]:
        if not added:
            self.report({'WARNING'}, _nothing_added(found, self.what))
            return {'CANCELLED'}
        self.report({'INFO'}, translate_plural(added, "1 line added.", "{} lines added."))
        return {'FINISHED'}


def _nothing_added(strips: bool, what: str) -> str:
    if what == 'LISTENERS':
        return translate("No line was added: nobody of the list is silent during a line of another one.")
    if strips:
        return translate("No line was added: all of them are in the list already.")
    if what == 'SELECTED':
        return translate("No line was added: there is no selected sound strip in the Sequencer.")
    return translate("No line was added: there is no sound strip in the Sequencer.")


class _OnRow:
    """Mixed into an operator on the active row."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """A row is active."""
        return only_if(cls, context.scene.unitalker_cast.chosen() is not None, "The list is empty: add a line")


class UNITALKER_OT_cast_remove(_OnRow, bpy.types.Operator):
    """Take the line out of the list; its keys stay"""

    bl_idname = "unitalker.cast_remove"
    bl_label = "Remove Line"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove it."""
        cast = context.scene.unitalker_cast
        cast.rows.remove(cast.active)
        cast.active = max(0, min(cast.active, len(cast.rows) - 1))
        return {'FINISHED'}


class UNITALKER_OT_cast_duplicate(_OnRow, bpy.types.Operator):
    """Add a copy of the line, for example for a second character that says the same"""

    bl_idname = "unitalker.cast_duplicate"
    bl_label = "Duplicate Line"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Copy all that the user chose, and put the copy below."""
        cast = context.scene.unitalker_cast
        index = cast.active
        copy = cast.add()
        original = cast.rows[index]         # looked up after the list grew
        for name in (prop.identifier for prop in original.bl_rna.properties):
            if name not in ("rna_type", "name", "uid", "kind", "result") and not original.is_property_readonly(name):
                setattr(copy, name, getattr(original, name))
        cast.rows.move(len(cast.rows) - 1, index + 1)
        cast.active = index + 1
        return {'FINISHED'}


class UNITALKER_OT_cast_move(_OnRow, bpy.types.Operator):
    """Move the line up or down in the list"""

    bl_idname = "unitalker.cast_move"
    bl_label = "Move Line"
    bl_options = {'REGISTER', 'UNDO'}

    direction: EnumProperty(name="Direction", items=DIRECTIONS)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Swap it with its neighbour."""
        cast = context.scene.unitalker_cast
        target = cast.active + (-1 if self.direction == 'UP' else 1)
        if not 0 <= target < len(cast.rows):
            return {'CANCELLED'}
        cast.rows.move(cast.active, target)
        cast.active = target
        return {'FINISHED'}


class UNITALKER_OT_cast_guess(bpy.types.Operator):
    """Choose the character of every line that has none, by the words in the names of strip, file and character"""

    bl_idname = "unitalker.cast_guess"
    bl_label = "Guess Characters"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Guess and say how many were found."""
        open_rows = [row for row in context.scene.unitalker_cast.rows if row.character is None]
        for row in open_rows:
            row.character = work().guess(context, row)
        found = sum(row.character is not None for row in open_rows)
        self.report({'INFO'}, translate("{} of {} lines without a character have one now.", found, len(open_rows)))
        return {'FINISHED'}


CLASSES = (
    UNITALKER_OT_cast_generate, UNITALKER_OT_cast_add, UNITALKER_OT_cast_remove, UNITALKER_OT_cast_duplicate,
    UNITALKER_OT_cast_move,
    UNITALKER_OT_cast_guess,
)
