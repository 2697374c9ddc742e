"""Operators: gather, call, write, report. What they do lives in take.py, rig.py and fcurves.py."""

from functools import partial

import bpy
from bpy.props import StringProperty

from ..host.job import Job
from ..host.operator_base import OnWorker, attempt, redraw
from ..host.polls import only_if
from ..host.translations import translate, translate_plural
from ..take import catalog
from ..take.choices import Choices
from ..take.options import CHOICES
from ..take.properties import collect
from . import ready


class UNITALKER_OT_animate(OnWorker, Choices, bpy.types.Operator):
    """Make lip-sync keys for the character from the chosen sound"""

    bl_idname = "unitalker.animate"
    bl_label = "Generate Lip Sync"
    bl_options = {'REGISTER', 'UNDO', 'PRESET'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """One job at a time; the panel's button also wants all that the panel asks for."""
        if not super().poll(context):
            return False
        problem = ready.problem(context) if ready.asks(context) else ""
        return only_if(cls, not problem, problem)

    def draw(self, _context: bpy.types.Context) -> None:
        """What is worth trying again in the redo panel."""
        self.layout.use_property_split = True
        for name in ("identity", "strength", "smooth", "gain_jaw", "gain_lips", "gain_cheeks", "gain_brows", "shift_frames"):
            self.layout.prop(self, name)

    def _gather(self, context: bpy.types.Context) -> object:
        from ..take import make as take

        self._request = take.gather(context, self._options(context))
        return partial(take.compute, self._request)

    def _options(self, context: bpy.types.Context) -> object:
        """What the caller gave, else what the panel says; kept in the operator so that redo starts from it."""
        from ..take.make import Options

        given = {name: getattr(self, name) for name in CHOICES if self.properties.is_property_set(name)}
        values = collect(context, given)
        for name, value in values.items():
            setattr(self, name, value)
        return Options(**values)

    def _finish(self, context: bpy.types.Context, result: object) -> set[str]:
        """Write what result() gives, and say so."""
        from ... import engine
        from ..keying import sliders
        from ..take import make as take

        try:
            summary = take.write(self._request, result())
        except engine.Cancelled:
            return self._say(context, 'INFO', translate("Cancelled: nothing was written."), (), failed=False)
        except sliders.BeyondSliders as error:
            if bpy.app.background:
                return self._fail(context, error)
            context.window_manager.popup_menu(_ask_sliders, title=translate("The motion goes beyond some sliders"), icon='QUESTION')
            return self._say(context, 'WARNING', str(error), (), failed=True)       # the popup of an error would hide the question
        except engine.EngineError as error:
            return self._fail(context, error)
        except Exception:
            self._say(context, 'ERROR', "A bug stopped the lip sync: see the traceback in the system console.", (), failed=True)
            raise
        for warning in summary.warnings:
            self.report({'WARNING'}, warning)
        self._say(context, 'INFO', summary.line, summary.warnings, failed=False)
        settings = context.scene.unitalker
        settings.result_mapped, settings.result_missing = "\n".join(summary.mapped), "\n".join(summary.missing)
        return {'FINISHED'}

    def _fail(self, context: bpy.types.Context, error: Exception) -> set[str]:
        return self._say(context, 'ERROR', str(error), (), failed=True)

    def _say(self, context: bpy.types.Context, kind: str, line: str, details: tuple[str, ...], failed: bool) -> set[str]:
        settings = context.scene.unitalker
        settings.result, settings.result_details, settings.result_failed = line, "\n".join(details), failed
        settings.result_mapped = settings.result_missing = ""
        self.report({kind}, line)
        redraw(context)
        return {'CANCELLED'}


def _ask_sliders(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Both ways to go on; the sound is not listened to again."""
    menu.layout.operator_context = 'INVOKE_DEFAULT'
    menu.layout.operator("unitalker.animate", text="Raise the Sliders", icon='SORT_DESC').sliders = 'RAISE'
    menu.layout.operator("unitalker.animate", text="Clip the Values", icon='REMOVE').sliders = 'CLIP'


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
        from ... import engine
        from ..take import make as take

        values = collect(context, {"character": self.character} if self.character else {})
        try:
            removed = take.clear(context, values["character"], values["with_related"])
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        if not removed:
            self.report({'WARNING'}, translate("This character has no lip sync: nothing was removed."))
            return {'CANCELLED'}
        settings = context.scene.unitalker
        settings.result, settings.result_details, settings.result_failed = translate_plural(removed, "Removed 1 channel.", "Removed {} channels."), "", False
        settings.result_mapped = settings.result_missing = ""
        self.report({'INFO'}, settings.result)
        return {'FINISHED'}


class UNITALKER_OT_make_override(bpy.types.Operator):
    """Make the linked character and its meshes editable in this file, so that its keys are saved here"""

    bl_idname = "unitalker.make_override"
    bl_label = "Make Editable Override"
    bl_options = {'REGISTER', 'UNDO'}

    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Override, and pick what came out."""
        from ..character import character as rig

        def work() -> str:
            values = collect(context, {"character": self.character} if self.character else {})
            made = rig.make_editable(context, values["character"])
            context.scene.unitalker.character = made
            catalog.refresh()
            return repr(made.name)

        return attempt(self, context, work, "{} is editable in this file now.")


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
