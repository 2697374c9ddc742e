"""An operator whose work runs on a thread while its window stays usable: start, wait, Esc, end."""

from collections.abc import Callable

import bpy

from ... import engine
from .job import Job
from .polls import only_if
from .translations import translate

NextStep = Callable[[bpy.types.Context, Callable[..., object]], set[str]]

TICK_S = 0.1            # between two looks at the worker
BUSY = "A lip sync is being made: wait for it, or press Esc"
BUSY_ELSE = "Something else is being made: wait for it, or press Esc"
# Redrawn while the work goes on and after it wrote.
PANEL_AREAS = ('VIEW_3D', 'SEQUENCE_EDITOR', 'GRAPH_EDITOR', 'DOPESHEET_EDITOR', 'TIMELINE')
LONG_S = 1.0            # what took longer shows "Writing keys" before Blender stands still for it


def idle(cls: type, why: str = BUSY) -> bool:
    """For polls: whether nothing is being made; else the button's tooltip says why it is grey."""
    return only_if(cls, Job.current is None, why)


class WaitsForJob:
    """Mixed into an operator that waits for its Job with a timer, and is called at each tick."""

    _job: Job | None = None
    _timer: bpy.types.Timer | None = None

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends or drops the operator."""
        if self._job is not None:
            self._job.drop()
        self._stop_waiting(context)

    def _wait(self, context: bpy.types.Context, tick_s: float) -> set[str]:
        self._timer = context.window_manager.event_timer_add(tick_s, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {'RUNNING_MODAL'}

    def _show_progress(self, context: bpy.types.Context) -> None:
        _tell_status(context, self._job)
        redraw(context)

    def _stop_waiting(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
            _tell_status(context, None)
        redraw(context)


class OnWorker(WaitsForJob):
    """Mixed into an operator that has three steps.

    `_gather(context)` reads what the work needs and gives the work for a Job; `_finish(context, result)` writes what
    result() gives, on the main thread; `_fail(context, error)` reports an engine error.
    """

    BUSY = BUSY
    TITLE = "Listening"     # of the progress bar, until the work names its stage
    LAST_STAGE = "Writing keys"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """One job at a time."""
        return idle(cls, cls.BUSY) and context.scene is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """With a window: work on a thread, so that Blender stays usable."""
        return self.execute(context) if bpy.app.background else self._with_work(context, self._start)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Without a window, from scripts and when redone: the same steps in line."""
        return self._with_work(context, self._finish)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Wait for the worker; Esc cancels."""
        if Job.current is not self._job:        # another file was loaded, or the add-on is being switched off
            self._stop_waiting(context)
            return {'CANCELLED'}
        if event.type == 'ESC' and event.value == 'PRESS':
            self._job.cancel()
            return {'RUNNING_MODAL'}
        if event.type == 'TIMER':
            # a render reads the curves that are to be written: it goes first
            if self._job.done and not bpy.app.is_job_running('RENDER') and not self._announce():
                self._stop_waiting(context)
                return self._finish(context, self._job.take)
            self._show_progress(context)
        return {'PASS_THROUGH'}

    def _with_work(self, context: bpy.types.Context, go_on: NextStep) -> set[str]:
        try:
            work = self._gather(context)
        except engine.EngineError as error:
            return self._fail(context, error)
        return go_on(context, work)

    def _start(self, context: bpy.types.Context, work: Callable[..., object]) -> set[str]:
        self._job = Job(work, self.TITLE)
        self._job.start()
        return self._wait(context, TICK_S)

    def _announce(self) -> bool:
        """Whether the last stage of a long job must still be shown, once, before it begins."""
        progress = self._job.progress
        if self._job.cancelling or progress.stage == self.LAST_STAGE or progress.elapsed_s < LONG_S:
            return False
        progress.stage, progress.fraction = self.LAST_STAGE, 1.0
        return True


def attempt(
    operator: bpy.types.Operator, context: bpy.types.Context, work: Callable[[], object],
    line: str | Callable[..., str] = "",
) -> set[str]:
    """Do the work and report its line; an engine error becomes one line, with nothing changed.

    {} in the line stands for what the work returns; a function makes the line of it.
    """
    try:
        result = work()
    except engine.EngineError as error:
        operator.report({'ERROR'}, str(error))
        return {'CANCELLED'}
    if line:
        operator.report({'INFO'}, line(result) if callable(line) else translate(line, result))
    redraw(context)
    return {'FINISHED'}


def _tell_status(context: bpy.types.Context, job: Job | None) -> None:
    """The status bar says what runs and how to stop it, also where no panel is open."""
    text = translate("Lip Sync: {}   Esc: cancel", describe(job)) if job is not None else None
    if context.workspace is not None:
        context.workspace.status_text_set(text)


def describe(job: Job) -> str:
    """Stage, finished part and time left of a job."""
    if job.cancelling:
        return translate("Stopping")
    left_s = job.progress.left_s
    line = f"{translate(job.progress.stage)} {job.fraction:.0%}"
    return line if left_s is None else translate("{}, {} left", line, time_left(left_s))


def draw_progress(row: bpy.types.UILayout) -> None:
    """The bar of the job that runs, and its Cancel, in place of a button."""
    row.progress(factor=Job.current.fraction, type='BAR', text=describe(Job.current))
    row.operator("unitalker.cancel", text="", icon='X')


def time_left(seconds: float) -> str:
    """For people: 8 s, 2 min, 1 h 5 min."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def redraw(context: bpy.types.Context) -> None:
    """Draw the panel's progress and the animation editors again."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in PANEL_AREAS:
                area.tag_redraw()
