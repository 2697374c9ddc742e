"""The Teach button: gather, fit on a thread, keep the head and choose it. What it does lives in teach_take.py."""

from __future__ import annotations

from functools import partial

import bpy
from bpy.props import BoolProperty, StringProperty

from . import catalog
from .job import Job
from .operators import TICK_S, UNITALKER_OT_animate, redraw
from .properties import CHOICES, Choices, collect


class UNITALKER_OT_teach(Choices, bpy.types.Operator):
    """Learn your own keys of this character under the chosen sound, to drive the same controls by any other sound"""

    bl_idname = "unitalker.teach"
    bl_label = "Teach"
    bl_options = {'REGISTER', 'UNDO'}

    character: StringProperty(name="Character", description="Name of the keyed object; empty takes the active and the selected ones")
    speaker: StringProperty(name="Speaker", description="Name of the speaker object whose sound is used")
    transcript_text: StringProperty(options={'HIDDEN'})
    name: StringProperty(name="Name", description="Name of the taught head; one of the same name is replaced")
    start_from_preset: BoolProperty(name="Start from Preset", description="Learn how your keys differ from what the chosen preset makes")

    _job: Job | None = None
    _timer: bpy.types.Timer | None = None
    modal = UNITALKER_OT_animate.modal
    cancel = UNITALKER_OT_animate.cancel
    _stop_waiting = UNITALKER_OT_animate._stop_waiting

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """One job at a time."""
        if Job.current is not None:
            cls.poll_message_set("A lip sync is being made: wait for it, or press Esc")
            return False
        return context.scene is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """With a window: work on a thread, so that Blender stays usable."""
        if bpy.app.background:
            return self.execute(context)
        from .. import engine
        from . import teach_take

        try:
            self._request = self._gather(context)
        except engine.EngineError as error:
            return self._say(context, 'ERROR', str(error), (), failed=True)
        self._job = Job(partial(teach_take.compute, self._request))
        self._job.start()
        self._timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {'RUNNING_MODAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Without a window and from scripts: the same steps in line."""
        from .. import engine
        from . import teach_take

        try:
            self._request = self._gather(context)
        except engine.EngineError as error:
            return self._say(context, 'ERROR', str(error), (), failed=True)
        return self._finish(context, partial(teach_take.compute, self._request))

    def _gather(self, context: bpy.types.Context) -> object:
        from . import teach_take
        from .take import Options

        settings = context.scene.unitalker
        given = {name: getattr(self, name) for name in CHOICES if self.properties.is_property_set(name)}
        name = self.name if self.properties.is_property_set("name") else settings.teach_name
        start = self.start_from_preset if self.properties.is_property_set("start_from_preset") else settings.teach_start
        return teach_take.gather(context, Options(**collect(context, given)), name, start)

    def _finish(self, context: bpy.types.Context, result: object) -> set[str]:
        """Keep what result() gives, choose it, and say how good it is."""
        from .. import engine
        from . import teach_take

        try:
            taught = teach_take.write(self._request, result())
        except engine.Cancelled:
            return self._say(context, 'INFO', "Cancelled: nothing was written.", (), failed=False)
        except engine.EngineError as error:
            return self._say(context, 'ERROR', str(error), (), failed=True)
        except Exception:
            self._say(context, 'ERROR', "A bug stopped the teaching: see the traceback in the system console.", (), failed=True)
            raise
        catalog.refresh()
        context.scene.unitalker.preset = taught.preset
        for warning in taught.warnings:
            self.report({'WARNING'}, warning)
        self._say(context, 'INFO', taught.line, (*taught.warnings, *taught.controls), failed=False)
        return {'FINISHED'}

    def _say(self, context: bpy.types.Context, kind: str, line: str, details: tuple[str, ...], failed: bool) -> set[str]:
        settings = context.scene.unitalker
        settings.teach_result, settings.teach_details, settings.teach_failed = line, "\n".join(details), failed
        self.report({kind}, line)
        redraw(context)
        return {'CANCELLED'}


CLASSES = (UNITALKER_OT_teach,)
