"""Operators: Redo Mouth Only, Punch In, Continue from Last, and Clean Action."""

from functools import partial

import bpy
from bpy.props import BoolProperty, FloatProperty, StringProperty

from ... import engine
from ..host.operator_base import BUSY_ELSE, attempt, idle
from ..take import work as takes
from ..take.choices import Choices
from ..take.making import MakesTake
from ..take.options import CHOICES, Options
from ..take.properties import collect
from . import work

CLEAN_ERROR = 0.01          # of a slider: what nobody sees


class _FromPanel(MakesTake, Choices):
    """Mixed into operators that make a take as the panel says, but for what the operator stands for."""

    CHANGES: dict[str, object] = {}

    def _changes(self, _context: bpy.types.Context, _values: dict[str, object]) -> dict[str, object]:
        """What differs from the panel's options, which are given."""
        return self.CHANGES

    def _gather(self, context: bpy.types.Context) -> object:
        given = {name: getattr(self, name) for name in CHOICES if self.properties.is_property_set(name)}
        changes = self._changes(context, collect(context, given))
        make = takes().make
        self._request = make.gather(context, Options(**collect(context, {**given, **changes})))
        return partial(make.compute, self._request)

    def draw(self, _context: bpy.types.Context) -> None:
        """Nothing to try again: the panel has it."""


class UNITALKER_OT_redo_mouth(_FromPanel, bpy.types.Operator):
    bl_idname = "unitalker.redo_mouth"
    bl_label = "Redo Mouth Only"
    bl_description = (
        "Make jaw, lips and tongue anew for the chosen sound, over the keys that are there; brows, eyes, cheeks and "
        "head stay as they are"
    )
    bl_options = {'REGISTER', 'UNDO'}

    CHANGES = {"part": "mouth"}


class UNITALKER_OT_punch_in(_FromPanel, bpy.types.Operator):
    bl_idname = "unitalker.punch_in"
    bl_label = "Punch In"
    bl_description = (
        "Put the chosen sound into the take that plays on its frames, or on those of Only a Range: cross-faded at "
        "both ends, every key outside stays as it is"
    )
    bl_options = {'REGISTER', 'UNDO'}

    CHANGES = {"punch_in": True}


class UNITALKER_OT_continue_last(_FromPanel, bpy.types.Operator):
    bl_idname = "unitalker.continue_last"
    bl_label = "Continue from Last"
    bl_description = (
        "Make a take that begins in the pose in which the character's last take ends; a sound file also starts on "
        "the frame after it"
    )
    bl_options = {'REGISTER', 'UNDO'}

    CHANGES = {"continue_last": True}


class UNITALKER_OT_speak_text(_FromPanel, bpy.types.Operator):
    bl_idname = "unitalker.speak_text"
    bl_label = "Text without a Voice"
    bl_description = (
        "Make a take from the transcript alone, as a placeholder: espeak-ng gives the times of the words. "
        "It starts on Start, and goes when a take with a sound is made on its frames"
    )
    bl_options = {'REGISTER', 'UNDO'}

    def _changes(self, _context: bpy.types.Context, values: dict[str, object]) -> dict[str, object]:
        text = bpy.data.texts.get(str(values["transcript_text"]))
        words = values["speak"] or (text.as_string() if text is not None else values["transcript"])
        if not words:
            raise engine.SettingError("There are no words to speak. Write them in Audio > Transcript.")
        return {"speak": words}


class UNITALKER_OT_clean_action(bpy.types.Operator):
    bl_idname = "unitalker.clean_action"
    bl_label = "Clean Action"
    bl_description = (
        "Take out keys without which no curve moves by more than the error, whoever made them. "
        "Lips that touch stay together; locked curves are left alone"
    )
    bl_options = {'REGISTER', 'UNDO'}

    error: FloatProperty(
        name="Error", description="The most by which a curve may move, in its own unit", default=CLEAN_ERROR,
        min=0, soft_max=0.1, precision=3, step=0.1,
    )
    selected: BoolProperty(name="Only Selected Curves", description="Leave curves alone that are not selected")
    action: StringProperty(
        name="Action", description="The only Action that is cleaned; empty takes all that play on the character",
    )
    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's")

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Not while keys are being made."""
        return idle(cls, BUSY_ELSE)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the error."""
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, _context: bpy.types.Context) -> None:
        """What is worth a thought; scripts have the names too."""
        self.layout.use_property_split = True
        self.layout.prop(self, "error")
        self.layout.prop(self, "selected")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Clean, and say how much went."""
        return attempt(self, context, partial(self._clean, context), "{}")

    def _clean(self, context: bpy.types.Context) -> str:
        done, warnings = work().clean_action(context, self.character, self.action, self.error, self.selected)
        for warning in warnings:
            self.report({'WARNING'}, warning)
        return work().said(done)


CLASSES = (
    UNITALKER_OT_redo_mouth, UNITALKER_OT_punch_in, UNITALKER_OT_continue_last, UNITALKER_OT_speak_text,
    UNITALKER_OT_clean_action,
)
