"""When takes look for their strips: a moment after a scene was touched, and not while a strip is still being dragged.

An update of the scene costs a look at one flag; everything else waits for the timer, which compares a few numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import bpy

from ..host.job import is_busy
from ..host.operator_base import redraw
from . import work

WAIT_S = 0.2            # after the last touch of a scene; longer than the time between two events of a drag

before_look: list[Callable[[], None]] = []      # whoever shows strips by their names looks again at each of our looks

log = logging.getLogger(__name__)


def follow_now(context: bpy.types.Context) -> None:
    """Takes go along with their strips, and the panel says what is left to do."""
    for look in before_look:
        look()
    cast = context.scene.unitalker_cast
    if not cast.follow:
        return
    report = work().update()
    note = f"{report}. Press Update Moved Strips." if report.left else (
        f"{report}." if report.behind or report.stuck else "")
    if cast.follow_note != note:
        cast.follow_note = note
    if report.moved:
        redraw(context)


def look_again() -> None:
    """Ask for a look in a moment. Without a window timers do not run: scripts call follow_now, or the operator."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=WAIT_S)


def _tick() -> float | None:
    context = bpy.context
    if is_busy(context):
        return WAIT_S
    try:
        follow_now(context)
    except Exception:       # a timer that raises would be dropped, and nobody would know
        log.exception("Following strips stopped at a bug")
    return None


@bpy.app.handlers.persistent
def _on_update(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if depsgraph.id_type_updated('SCENE'):
        look_again()


@bpy.app.handlers.persistent
def _on_undo(*_: object) -> None:
    look_again()


_HANDLERS = {"depsgraph_update_post": _on_update, "undo_post": _on_undo, "redo_post": _on_undo, "load_post": _on_undo}


def register() -> None:
    """Watch scenes."""
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Watch no more."""
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
