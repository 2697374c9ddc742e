"""Work that needs Blender, so that no thread can do it: done in small steps between which the window stays alive.

The work is a generator that gives its finished part, 0 to 1, after each step; closing it (Esc, another file) lets its
`finally` tidy up.
"""

import time
from collections.abc import Generator

import bpy

from ... import engine
from .job import Job
from .operator_base import BUSY_ELSE, WaitsForJob, idle
from .translations import translate

TICK_S = 0.01           # between two bunches of steps
BUNCH_S = 0.1           # so long steps are done before the window gets its turn

Work = Generator[float, None, object]


class Steps(Job[object]):
    """The running work, shown and stopped as any Job: by the panel's Cancel, and when another file is loaded."""

    def __init__(self, work: Work, title: str) -> None:
        super().__init__(lambda _progress, _cancelled: None, title)
        self._steps = work
        self._ended = False

    def start(self) -> None:
        """Begin: the job is `current` until it ends or is dropped."""
        Job.current = self

    @property
    def done(self) -> bool:
        """Whether the work came to its end, well or not."""
        return self._ended

    def drop(self, join_s: float = 0.0) -> None:
        """Stop now; the work tidies up after itself."""
        super().drop()
        self._ended = True
        self._steps.close()

    def advance(self, limit_s: float) -> None:
        """Do steps for about limit_s seconds; an error of the work is kept for take()."""
        end = time.monotonic() + limit_s
        try:
            while not self._ended and time.monotonic() < end:
                self._tell(next(self._steps))
        except StopIteration as stop:
            self._result, self._ended = stop.value, True
        except BaseException as error:  # noqa: BLE001  raised again in take(), as with a thread
            self._error, self._ended = error, True


class InSteps(WaitsForJob):
    """Mixed into an operator whose work goes on in steps.

    `_work(context)` gathers and gives the generator; `_finish(context, result)` says what came out. Engine errors of
    both are reported as one line.
    """

    BUSY = BUSY_ELSE
    TITLE = "Drawing"

    @classmethod
    def free(cls) -> bool:
        """Whether nothing else is being made; says so where a button is grey."""
        return idle(cls, cls.BUSY)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """With a window: step by step, with progress and Esc."""
        if bpy.app.background:
            return self.execute(context)
        if not self._begin(context):
            return {'CANCELLED'}
        return self._wait(context, TICK_S)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Without a window and from scripts: all steps at once."""
        if not self._begin(context):
            return {'CANCELLED'}
        try:
            while not self._job.done:
                self._job.advance(BUNCH_S)
        finally:
            if Job.current is self._job:
                Job.current = None
        return self._end(context)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Go on; Esc and the panel's Cancel stop."""
        if Job.current is not self._job:        # another file was loaded, or the add-on is being switched off
            self._stop_waiting(context)
            return {'CANCELLED'}
        if event.type == 'ESC' and event.value == 'PRESS':
            self._job.cancel()
        if self._job.cancelling:
            self._job.drop()
            self._stop_waiting(context)
            self.report({'INFO'}, translate("Cancelled: nothing was written."))
            return {'CANCELLED'}
        if event.type == 'TIMER' and not bpy.app.is_job_running('RENDER'):       # the artist's own render goes first
            self._job.advance(BUNCH_S)
            self._show_progress(context)
            if self._job.done:
                self._stop_waiting(context)
                return self._end(context)
        return {'PASS_THROUGH'} if event.type != 'ESC' else {'RUNNING_MODAL'}

    def _begin(self, context: bpy.types.Context) -> bool:
        try:
            self._job = Steps(self._work(context), self.TITLE)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return False
        self._job.start()
        return True

    def _end(self, context: bpy.types.Context) -> set[str]:
        try:
            result = self._job.take()
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        self._finish(context, result)
        return {'FINISHED'}
