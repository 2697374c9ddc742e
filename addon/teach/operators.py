"""The Teach button: gather, fit on a thread, keep the head and choose it. What it does lives in teach_take.py."""

from functools import partial

import bpy
from bpy.props import BoolProperty, StringProperty

from ..host.operator_base import OnWorker, redraw
from ..host.translations import translate
from ..take import catalog
from ..take.choices import Choices
from ..take.options import CHOICES
from ..take.properties import collect


class UNITALKER_OT_teach(OnWorker, Choices, bpy.types.Operator):
    """Learn your own keys of this character under the chosen sound, to drive the same controls by any other sound"""

    bl_idname = "unitalker.teach"
    bl_label = "Teach"
    bl_options = {'REGISTER', 'UNDO'}

    LAST_STAGE = "Saving"

    name: StringProperty(name="Name", description="Name of the taught head; one of the same name is replaced")
    start_from_preset: BoolProperty(name="Start from Preset", description="Learn how your keys differ from what the chosen preset makes")

    def _gather(self, context: bpy.types.Context) -> object:
        from ..take.make import Options
        from . import take as teach_take

        settings = context.scene.unitalker
        given = {name: getattr(self, name) for name in CHOICES if self.properties.is_property_set(name)}
        name = self.name if self.properties.is_property_set("name") else settings.teach_name
        start = self.start_from_preset if self.properties.is_property_set("start_from_preset") else settings.teach_start
        self._request = teach_take.gather(context, Options(**collect(context, given)), name, start)
        return partial(teach_take.compute, self._request)

    def _finish(self, context: bpy.types.Context, result: object) -> set[str]:
        """Keep what result() gives, choose it, and say how good it is."""
        from ... import engine
        from . import take as teach_take

        try:
            taught = teach_take.write(self._request, result())
        except engine.Cancelled:
            return self._say(context, 'INFO', translate("Cancelled: nothing was written."), (), failed=False)
        except engine.EngineError as error:
            return self._fail(context, error)
        except Exception:
            self._say(context, 'ERROR', "A bug stopped the teaching: see the traceback in the system console.", (), failed=True)
            raise
        catalog.refresh()
        context.scene.unitalker.preset = taught.preset
        for warning in taught.warnings:
            self.report({'WARNING'}, warning)
        self._say(context, 'INFO', taught.line, (*taught.warnings, *taught.controls), failed=False)
        return {'FINISHED'}

    def _fail(self, context: bpy.types.Context, error: Exception) -> set[str]:
        return self._say(context, 'ERROR', str(error), (), failed=True)

    def _say(self, context: bpy.types.Context, kind: str, line: str, details: tuple[str, ...], failed: bool) -> set[str]:
        settings = context.scene.unitalker
        settings.teach_result, settings.teach_details, settings.teach_failed = line, "\n".join(details), failed
        self.report({kind}, line)
        redraw(context)
        return {'CANCELLED'}


CLASSES = (UNITALKER_OT_teach,)
