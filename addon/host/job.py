"""One engine call on a worker thread: stage, progress, time left, cancel, result or error.

Knows nothing of operators and touches no Blender data on the thread: `work` gets two callables, gives a plain result.
Whoever started the job asks `done` from the main thread and then takes the result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import bpy

from ... import engine

Result = TypeVar("Result")
Work = Callable[[Callable[[float], None], Callable[[], bool]], Result]      # work(progress, cancelled) -> result

JOIN_S = 5.0            # at most so long unregistering waits: one window of sound on a slow computer
LISTENING_SHARE = 0.9   # of the time from the first sample to the last key
GUESS_AFTER_S = 1.5     # the time left is guessed from then on
# Blender's own operators that drag something; others may run all day, such as one that shows which keys are pressed
DRAGS = ("TRANSFORM_OT", "MARKER_OT", "SEQUENCER_OT", "ANIM_OT", "ACTION_OT", "GRAPH_OT", "NLA_OT")
GUESS_FROM = 0.02       # and from this fraction on: before, the first window of sound is still loading the model


class Progress:
    """How far the work is: called with the finished fraction, 0 to 1. tell_stage() names the step.

    Attributes:
        fraction: finished part of the work. stage: what it does now, for people.
    """

    def __init__(self, stage: str) -> None:
        self.fraction = 0.0
        self.stage = stage
        self._since = time.monotonic()

    def __call__(self, fraction: float) -> None:
        self.fraction = min(max(fraction, 0.0), 1.0)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self._since

    @property
    def left_s(self) -> float | None:
        """Seconds to the end if it goes on like this; None while it cannot be guessed."""
        if self.elapsed_s < GUESS_AFTER_S or not GUESS_FROM <= self.fraction < 1:
            return None
        return self.elapsed_s * (1 - self.fraction) / self.fraction


def tell_stage(progress: Callable[[float], None], stage: str) -> None:
    """Name the step that begins now. Only a Job's own progress shows it; any other callable is left alone."""
    if isinstance(progress, Progress):
        progress.stage = stage


def listening(progress: Callable[[float], None]) -> Callable[[float], None]:
    """For engine.animate, which reports how much of the sound it has analysed: what follows is the last tenth."""
    def report(fraction: float) -> None:
        if fraction >= 1:
            tell_stage(progress, "Moving the lips")
        progress(LISTENING_SHARE * fraction)

    return report


class Job(Generic[Result]):
    """One piece of work on its own thread.

    Attributes:
        progress: stage, finished part and time left, as the work last reported.
        current: the job that runs now, for panels; one runs at a time.
    """

    current: Job | None = None

    def __init__(self, work: Work[Result], title: str = "Listening") -> None:
        self.progress = Progress(title)
        self._work = work
        self._cancel = threading.Event()
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="lip-sync", daemon=True)

    def start(self) -> None:
        """Begin. The job is `current` until its result is taken or dropped."""
        Job.current = self
        self._thread.start()

    @property
    def fraction(self) -> float:
        """Finished part, 0 to 1."""
        return self.progress.fraction

    @property
    def done(self) -> bool:
        """Whether the thread has ended, well or not."""
        return not self._thread.is_alive()

    @property
    def cancelling(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Ask the work to stop; it ends at its next look, a fraction of a second later."""
        self._cancel.set()

    def drop(self, join_s: float = 0.0) -> None:
        """Cancel and forget: nobody takes the result. Waits up to join_s seconds for the thread."""
        self.cancel()
        if Job.current is self:
            Job.current = None
        if join_s and self._thread.ident is not None:
            self._thread.join(join_s)

    def take(self) -> Result:
        """The result of a job that is done. Raises what the work raised, and Cancelled after cancel() came too late."""
        assert self.done, "take() before done"
        if Job.current is self:
            Job.current = None
        if self._error is not None:
            raise self._error
        if self.cancelling:
            raise engine.Cancelled("Cancelled: nothing was written.")
        return self._result

    def _tell(self, fraction: float) -> None:
        self.progress(fraction)

    def _run(self) -> None:
        try:
            self._result = self._work(self.progress, self._cancel.is_set)
        except BaseException as error:  # noqa: BLE001  raised again in take(), on the main thread
            self._error = error


@bpy.app.handlers.persistent
def drop_on_load(*_: object) -> None:
    """Stop when another file is loaded: Blender drops the operator that waits, without a call to it."""
    if Job.current is not None:
        Job.current.drop()


def register() -> None:
    """Watch for file loading."""
    bpy.app.handlers.load_pre.append(drop_on_load)


def unregister() -> None:
    """Stop a running job and the watching."""
    bpy.app.handlers.load_pre.remove(drop_on_load)
    if Job.current is not None:
        Job.current.drop(JOIN_S)


def is_busy(context: bpy.types.Context) -> bool:
    """Whether a job is at work, Blender renders, or something is being dragged."""
    running = [operator.bl_idname for window in context.window_manager.windows for operator in window.modal_operators]
    is_dragging = any(name.startswith(DRAGS) for name in running)
    return Job.current is not None or bpy.app.is_job_running('RENDER') or is_dragging
