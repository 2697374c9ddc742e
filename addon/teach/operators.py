"""The Teach button: gather, fit on a thread, save the head and choose it."""

from functools import partial

import bpy
from bpy.props import BoolProperty, StringProperty

from ... import engine
from ..host.operator_base import OnWorker, redraw
from ..host.translations import translate
from ..take import catalog
from ..take.choices import Choices
from ..take.options import CHOICES
from ..take.properties import collect
from . import work


class _Teaches(OnWorker, Choices):
    """Mixed into operators that make a taught head."""

    LAST_STAGE = "Saving"

    def _request_of(self, context: bpy.types.Context, choices: dict[str, object]) -> object:
        raise NotImplementedError

    def _gather(self, context: bpy.types.Context) -> object:
        given = {name: getattr(self, name) for name in CHOICES if self.properties.is_property_set(name)}
        self._request = self._request_of(context, collect(context, given))
        return partial(work().compute, self._request)

    def _finish(self, context: bpy.types.Context, result: object) -> set[str]:
        """Save what result() gives, choose it, and say how good it is."""
        try:
            taught = work().write(self._request, result())
        except engine.Cancelled:
            return self._say(context, 'INFO', translate("Cancelled: nothing was written."), (), failed=False)
        except engine.EngineError as error:
            return self._fail(context, error)
        except Exception:
            line = "A bug stopped the teaching: see the traceback in the system console."
            self._say(context, 'ERROR', line, (), failed=True)
            raise
        catalog.refresh()
        context.scene.unitalker.preset = taught.preset
        for warning in taught.warnings:
            self.report({'WARNING'}, warning)
        self._say(context, 'INFO', taught.line, (*taught.warnings, *taught.controls), failed=False)
        return {'FINISHED'}

    def _fail(self, context: bpy.types.Context, error: Exception) -> set[str]:
        return self._say(context, 'ERROR', str(error), (), failed=True)

    def _say(
        self, context: bpy.types.Context, kind: str, line: str, details: tuple[str, ...], failed: bool,
    ) -> set[str]:
        settings = context.scene.unitalker
        settings.teach_result, settings.teach_details, settings.teach_failed = line, "\n".join(details), failed
        self.report({kind}, line)
        redraw(context)
        return {'CANCELLED'}


class UNITALKER_OT_teach(_Teaches, bpy.types.Operator):
    """Learn your own keys of this character under the chosen sound, to drive the same controls by any other sound"""

    bl_idname = "unitalker.teach"
    bl_label = "Teach"
    bl_options = {'REGISTER', 'UNDO'}

    name: StringProperty(name="Name", description="Name of the taught head; one of the same name is replaced")
    start_from_preset: BoolProperty(
        name="Start from Preset", description="Learn how your keys differ from what the chosen preset makes",
    )

    def _request_of(self, context: bpy.types.Context, choices: dict[str, object]) -> object:
        settings, is_given = context.scene.unitalker, self.properties.is_property_set
        name = self.name if is_given("name") else settings.teach_name
        start = self.start_from_preset if is_given("start_from_preset") else settings.teach_start
        return work().gather(context, choices, name, start)


class UNITALKER_OT_teach_again(_Teaches, bpy.types.Operator):
    bl_idname = "unitalker.teach_again"
    bl_label = "Teach Again"
    bl_description = (
        "Teach the chosen head anew on this version of the model: from the seconds that it holds, or, as it was made "
        "by 0.1, from your keys under the chosen sound"
    )
    bl_options = {'REGISTER', 'UNDO'}

    def _request_of(self, context: bpy.types.Context, choices: dict[str, object]) -> object:
        return work().gather_again(context, choices)


CLASSES = (UNITALKER_OT_teach, UNITALKER_OT_teach_again)
