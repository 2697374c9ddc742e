"""One engine call on a worker thread: progress, cancel, result or error.

Knows nothing of operators and touches no Blender data on the thread: `work` gets two callables and gives a plain result. Whoever started the
job asks `done` from the main thread and then takes the result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import bpy

Result = TypeVar("Result")
Work = Callable[[Callable[[float], None], Callable[[], bool]], Result]      # work(progress, cancelled) -> result

JOIN_S = 5.0            # at most so long unregistering waits: one window of sound on a slow computer


class Job(Generic[Result]):
    """One piece of work on its own thread.

    Attributes:
        fraction: finished part, 0 to 1, as the work last told.
        title: what it does, for the progress bar.
        current: the job that runs now, for panels; one runs at a time.
    """

    current: Job | None = None

    def __init__(self, work: Work[Result], title: str = "Listening") -> None:
        self.fraction = 0.0
        self.title = title
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
        """The result of a job that is done. Raises what the work raised."""
        assert self.done, "take() before done"
        if Job.current is self:
            Job.current = None
        if self._error is not None:
            raise self._error
        return self._result

    def _tell(self, fraction: float) -> None:
        self.fraction = fraction

    def _run(self) -> None:
        try:
            self._result = self._work(self._tell, self._cancel.is_set)
        except BaseException as error:  # noqa: BLE001  raised again in take(), on the main thread
            self._error = error


@bpy.app.handlers.persistent
def drop_on_load(*_: object) -> None:
    """Stop when another file is loaded: Blender drops the operator that waits without telling it."""
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
