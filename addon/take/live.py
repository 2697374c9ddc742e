"""Live: a change of style is applied to the take at once, while the slider moves.

It runs inside of the panel's update callbacks, so that Blender's own step of undo at the end of a drag holds the new
value and the new keys. It must never raise there, never run while something else is in work, and never start itself.
"""

from __future__ import annotations

import logging

import bpy

from ...engine import EngineError
from ..host.job import Job
from ..host.operator_base import redraw
from . import callbacks, work
from .options import LIVE
from .properties import chosen

NOTHING_YET = "Live waits for a take: generate once."

log = logging.getLogger(__name__)


def apply(context: bpy.types.Context) -> None:
    """Make the chosen take again with the panel's style; what goes wrong becomes the panel's note."""
    if callbacks.LiveChange.running or not _may_run():
        return
    callbacks.LiveChange.running = True
    settings = context.scene.unitalker
    try:
        note = _remake(context)
    except Exception:       # Blender would print it at every step of a drag, where nobody reads it
        log.exception("Live stopped at a bug")
        note = "A bug stopped the change: see the traceback in the system console."
    finally:
        callbacks.LiveChange.running = False
    if settings.live_note != note:
        settings.live_note = note


def _may_run() -> bool:
    """Not in background, not beside a worker, not while Blender renders."""
    return not bpy.app.background and Job.current is None and not bpy.app.is_job_running('RENDER')


def _remake(context: bpy.types.Context) -> str:
    """Make the take again. Returns why it was not made, or whose keys that replaced; empty when all is well."""
    takes, settings = work(), context.scene.unitalker
    try:
        take = takes.chosen(context)
        if take is None:
            return NOTHING_YET
        span = (float(settings.range_start), float(settings.range_end)) if settings.use_range else None
        changes = {name: chosen(settings, name) for name in LIVE}
        if span is not None:
            changes["crossfade"] = settings.crossfade
        replaced = takes.remake_live(context, take, changes, span)
    except EngineError as error:
        return str(error)
    redraw(context)
    return " ".join(replaced)


def register() -> None:
    """Follow the panel's style."""
    callbacks.style_changed.append(apply)


def unregister() -> None:
    """Follow it no more."""
    callbacks.style_changed.remove(apply)
