"""Buttons of shown phones: show, hide, apply, add, delete, as recognised."""

from collections.abc import Callable

import bpy
from bpy.props import EnumProperty, StringProperty

from ... import engine
from ..host.operator_base import idle, redraw
from ..host.polls import only_if
from ..host.translations import translate, translate_plural
from . import markers, watch, work
from . import rows as phone_rows
from .properties import ITEMS

PLACES = (
    ('BEFORE', "Before", "In the first half of the chosen phoneme"),
    ('AFTER', "After", "In the second half of the chosen phoneme"),
)


def active_take(context: bpy.types.Context) -> bpy.types.PropertyGroup | None:
    """The take that the list shows."""
    shown = context.scene.unitalker_phones
    return shown.takes[shown.active_take] if 0 <= shown.active_take < len(shown.takes) else None


class _WithPhones:
    """Polls and reports that the buttons share."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while a worker is at it, and only with phones shown."""
        if not idle(cls):
            return False
        take = active_take(context)
        return only_if(cls, take is not None and take.visible, "No phonemes are shown: press Show Phonemes")

    def _attempt(self, context: bpy.types.Context, do: Callable[[], str]) -> set[str]:
        """Do it and report the line that it gives; an error that the artist can fix becomes one line."""
        scene = context.scene
        try:
            markers.sync(scene)
            line = do()
        except engine.EngineError as error:
            scene.unitalker_phones.problem = str(error)
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        scene.unitalker_phones.problem = ""
        watch.settle(scene)
        if line:
            self.report({'INFO'}, line)
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_phones_show(_WithPhones, bpy.types.Operator):
    """Show the phones of a take as markers on the timeline."""

    bl_idname = "unitalker.phones_show"
    bl_label = "Show Phonemes"
    bl_description = (
        "Show what is said when as markers on the timeline: move (G), rename (double click), copy (Shift D) or delete "
        "(X) them, then apply"
    )
    bl_options = {'REGISTER', 'UNDO'}

    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's")
    line: StringProperty(
        name="Line",
        description="Name of the take's strip or file; empty takes that of the panel's sound, else the nearest one",
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while a worker is at it."""
        return idle(cls) and context.scene is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Show, and watch the markers from now on."""
        def show() -> str:
            take = work().takes.find(context, self.character, self.line) if self.line else work().chosen(context)
            shown = work().show(context, take)
            watch.start()
            number = translate_plural(len(shown.rows), "1 phoneme", "{} phonemes")
            return translate("{} of take {}", number, shown.title)

        return self._attempt(context, show)


class UNITALKER_OT_phones_hide(_WithPhones, bpy.types.Operator):
    """Take the markers of the phonemes away; your own markers stay, and so do edits that were not applied"""

    bl_idname = "unitalker.phones_hide"
    bl_label = "Hide Phonemes"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Hide; the watching ends by itself with the last one."""
        def hide() -> str:
            left = work().hide(context.scene, active_take(context))
            if not left:
                return ""
            return translate_plural(
                left, "1 edit is not applied: Show Phonemes brings it back",
                "{} edits are not applied: Show Phonemes brings them back",
            )

        result = self._attempt(context, hide)
        if not any(take.visible for scene in bpy.data.scenes for take in scene.unitalker_phones.takes):
            watch.stop()
        return result


class UNITALKER_OT_phones_apply(_WithPhones, bpy.types.Operator):
    """Solve the lip sync again around edited phones."""

    bl_idname = "unitalker.phones_apply"
    bl_label = "Apply Phoneme Edits"
    bl_description = (
        "Solve the lip sync again round the phonemes that were moved, renamed, added or deleted; all other keys stay "
        "as they are"
    )
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """All takes that are shown."""
        def apply() -> str:
            shown = [take for take in context.scene.unitalker_phones.takes if take.visible]
            rate = next(filter(None, (work().other_rate(context, take) for take in shown)), "")
            spans = [span for take in shown for span in work().apply(context, take)]
            frames = ", ".join(f"{first:g} to {last:g}" for first, last in spans)
            if spans and rate:
                return (
                    f"{rate}, so all of it was made again: frames {frames}. Keys that you had changed by hand come "
                    "back with Undo."
                )
            solved = f"Solved again: frames {frames}"
            return solved if spans else "No phoneme differs from what the keys were made with."

        return self._attempt(context, apply)


class UNITALKER_OT_phones_as_heard(_WithPhones, bpy.types.Operator):
    """Take back all edits of this take's phonemes, applied or not"""

    bl_idname = "unitalker.phones_as_heard"
    bl_label = "As Heard"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The take that the list shows."""
        def as_heard() -> str:
            spans = work().as_heard(context, active_take(context))
            return "The phonemes are as heard." if spans else "The phonemes are as heard already."

        return self._attempt(context, as_heard)


class UNITALKER_OT_phone_add(_WithPhones, bpy.types.Operator):
    """Add a phoneme before or after the chosen one, which gives it half of its time"""

    bl_idname = "unitalker.phone_add"
    bl_label = "Add Phoneme"
    bl_options = {'REGISTER', 'UNDO'}
    bl_property = "label"

    label: EnumProperty(name="Phoneme", description="What is said", items=ITEMS, default="AX")
    place: EnumProperty(
        name="Place", description="Which half of the chosen phoneme it takes", items=PLACES, default='AFTER'
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Search for the phone by symbol or example word."""
        context.window_manager.invoke_search_popup(self)
        return {'RUNNING_MODAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add it to the list, with its marker."""
        def add() -> str:
            take = active_take(context)
            phone_rows.split(take, self.label, markers.next_uid(context.scene), self.place == 'BEFORE')
            markers.follow_rows(context.scene, take)
            return ""

        return self._attempt(context, add)


class UNITALKER_OT_phone_remove(_WithPhones, bpy.types.Operator):
    """Delete the chosen phoneme: the one before goes on in its time"""

    bl_idname = "unitalker.phone_remove"
    bl_label = "Delete Phoneme"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Delete it from the list, with its marker."""
        def remove() -> str:
            take = active_take(context)
            if 0 <= take.active_row < len(take.rows):
                markers.drop(context.scene, take, {take.rows[take.active_row].uid})
            return ""

        return self._attempt(context, remove)


CLASSES = (
    UNITALKER_OT_phones_show, UNITALKER_OT_phones_hide, UNITALKER_OT_phones_apply, UNITALKER_OT_phones_as_heard,
    UNITALKER_OT_phone_add,
    UNITALKER_OT_phone_remove,
)
