"""Operators of the panel: generate, cancel, clear, make an override, look again for files."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import bpy
from bpy.props import BoolProperty, StringProperty

from ... import engine
from ..host.job import Job
from ..host.operator_base import attempt, redraw
from ..host.polls import only_if
from ..host.translations import translate, translate_plural
from ..take import catalog, work
from ..take.choices import Choices
from ..take.making import MakesTake, show_result
from ..take.options import CHOICES, Options
from ..take.properties import collect
from . import generate

TRIED_AGAIN = ("identity", "strength", "smooth", "gain_jaw", "gain_lips", "gain_cheeks", "gain_brows", "shift_frames")


class UNITALKER_OT_animate(MakesTake, Choices, bpy.types.Operator):
    """Make lip-sync keys for the character from the chosen sound"""

    bl_idname = "unitalker.animate"
    bl_label = "Generate Lip Sync"
    bl_options = {'REGISTER', 'UNDO', 'PRESET'}

    add_strip: BoolProperty(
        name="Add Strip", description=(
            "Put a chosen sound file into the Sequencer, keep playback to the sound, and let the scene last as long: "
            "what the panel's button does"
        ), options={'SKIP_SAVE'},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """One job at a time; the panel's button also wants all that the panel asks for."""
        if not super().poll(context):
            return False
        problem = generate.problem(context) if generate.asks(context) else ""
        return only_if(cls, not problem, problem)

    def draw(self, _context: bpy.types.Context) -> None:
        """What is worth trying again in the redo panel."""
        self.layout.use_property_split = True
        for name in TRIED_AGAIN:
            self.layout.prop(self, name)

    def _gather(self, context: bpy.types.Context) -> object:
        make = work().make
        self._request = make.gather(context, self._options(context))
        return partial(make.compute, self._request)

    def _write(self, context: bpy.types.Context, result: Callable[[], object]) -> object:
        """Keys, and where it is wanted what makes the sound be heard: all of it, or nothing."""
        if not self.add_strip:
            return MakesTake._write(self, context, result)
        from .dropped import HeardFile  # needs NumPy and the engine, which registering must not load

        animation = result()
        heard = HeardFile(context, self._request)
        try:
            summary = work().make.write(heard.request, animation)
        except Exception:
            heard.take_back()
            raise
        return replace(summary, notes=(*heard.said, *summary.notes))

    def _options(self, context: bpy.types.Context) -> Options:
        """What the caller gave, else what the panel says; kept in the operator so that redo starts from it."""
        given = {name: getattr(self, name) for name in CHOICES if self.properties.is_property_set(name)}
        values = collect(context, given)
        for name, value in values.items():
            setattr(self, name, value)
        return Options(**values)


class UNITALKER_OT_cancel(bpy.types.Operator):
    """Stop the lip sync that is being made; nothing is written"""

    bl_idname = "unitalker.cancel"
    bl_label = "Cancel"
    bl_options = {'INTERNAL'}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Only while one is being made."""
        return only_if(cls, Job.current is not None, "No lip sync is being made")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Ask the worker to stop."""
        Job.current.cancel()
        return {'FINISHED'}


class UNITALKER_OT_clear(bpy.types.Operator):
    """Remove the lip sync of the character: all keys that this add-on made, and nothing else"""

    bl_idname = "unitalker.clear"
    bl_label = "Clear Lip Sync"
    bl_options = {'REGISTER', 'UNDO'}

    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while one is being made."""
        return UNITALKER_OT_animate.poll(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove and say how much."""
        values = collect(context, {"character": self.character} if self.character else {})
        try:
            removed = work().make.clear(context, values["character"], values["with_related"])
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        if not removed:
            self.report({'WARNING'}, translate("This character has no lip sync: nothing was removed."))
            return {'CANCELLED'}
        line = translate_plural(removed, "Removed 1 channel.", "Removed {} channels.")
        locked = work().locked(context, values["character"], values["with_related"])
        show_result(context, line, details=locked)
        self.report({'WARNING' if locked else 'INFO'}, " ".join((line, *locked)))
        return {'FINISHED'}


class UNITALKER_OT_make_override(bpy.types.Operator):
    """Make the linked character and its meshes editable in this file, so that its keys are saved here"""

    bl_idname = "unitalker.make_override"
    bl_label = "Make Editable Override"
    bl_options = {'REGISTER', 'UNDO'}

    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Override, and pick what came out."""
        return attempt(self, context, partial(self._override, context), "{} is editable in this file now.")

    def _override(self, context: bpy.types.Context) -> str:
        from ..character.character import make_editable  # needs NumPy and the engine, which registering must not load

        values = collect(context, {"character": self.character} if self.character else {})
        made = make_editable(context, values["character"])
        context.scene.unitalker.character = made
        catalog.refresh()
        return repr(made.name)


class UNITALKER_OT_refresh(bpy.types.Operator):
    """Look again for models, identities and presets"""

    bl_idname = "unitalker.refresh"
    bl_label = "Refresh"
    bl_options = {'INTERNAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forget the lists."""
        catalog.refresh()
        redraw(context)
        return {'FINISHED'}


CLASSES = (
    UNITALKER_OT_animate, UNITALKER_OT_cancel, UNITALKER_OT_clear, UNITALKER_OT_make_override, UNITALKER_OT_refresh,
)
