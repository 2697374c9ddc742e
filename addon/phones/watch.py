"""While phones are shown: see what the artist does with their markers, and solve again at once where that is wanted.

A timer looks four times a second; it runs only while markers of ours stand in a scene of the open file. Blender's own
step of undo holds the moved marker, one of ours the new keys; an edit that was undone is not made again by itself.
"""

from __future__ import annotations

import logging

import bpy

from ... import engine
from ..host.job import is_busy
from ..host.operator_base import redraw
from ..take import callbacks
from . import markers, work
from .rows import on_timeline

TICK_S = 0.25
UNDO_TEXT = "Phoneme Edit"

log = logging.getLogger(__name__)


class _State:
    """What was seen last.

    Attributes:
        settled: scene -> text of its rows that needs no solving: it is solved already, it failed, or it came by undo.
        last: scene -> text of its rows at the last look: only what rests for a while is solved.
    """

    settled: dict[str, str] = {}
    last: dict[str, str] = {}


def start() -> None:
    """Look from now on."""
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=TICK_S)


def stop() -> None:
    """Look no more."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


def settle(scene: bpy.types.Scene) -> None:
    """Leave the rows as they are, until they change again."""
    _State.settled[scene.name] = text_of(scene)


def text_of(scene: bpy.types.Scene) -> str:
    """What the rows of a scene say."""
    shown = [take for take in scene.unitalker_phones.takes if take.visible]
    rows = [f"{row.label}{row.problem}{row.start_s:.4f}{row.end_s:.4f}" for take in shown for row in take.rows]
    return "".join((*rows, *(f"{word.emphasis}{word.problem}" for take in shown for word in take.words)))


def look(context: bpy.types.Context) -> bool:
    """One look at all scenes. Returns whether there is anything to look at any more."""
    watched = [scene for scene in bpy.data.scenes if any(take.visible for take in scene.unitalker_phones.takes)]
    for scene in watched:
        _look(context, scene)
    return bool(watched)


def _look(context: bpy.types.Context, scene: bpy.types.Scene) -> None:
    if markers.sync(scene):
        redraw(context)
    shown = scene.unitalker_phones
    text = text_of(scene) if shown.auto else ""
    rests = _State.last.get(scene.name) == text
    _State.last[scene.name] = text
    if (
        shown.auto and scene == context.scene and rests and text != _State.settled.get(scene.name)
        and not is_busy(context)
    ):
        _State.settled[scene.name] = text
        _solve(context, scene)


def _solve(context: bpy.types.Context, scene: bpy.types.Scene) -> None:
    """Solve what was edited, as a step of undo."""
    shown, written, problem = scene.unitalker_phones, False, ""
    for take in [take for take in shown.takes if take.visible]:
        try:
            if rate := work().other_rate(context, take):
                raise engine.SettingError(f"{rate}: press Apply Phoneme Edits, which makes all of it again.")
            written = bool(work().apply(context, take)) or written
        except engine.EngineError as error:
            problem = str(error)
    shown.problem = problem
    if written:
        bpy.ops.ed.undo_push(message=UNDO_TEXT)
    redraw(context)


def _tick() -> float | None:
    try:
        return TICK_S if look(bpy.context) else None
    except Exception:       # a timer that raises is dropped by Blender without a word to the user
        log.exception("Watching the phoneme markers stopped at a bug")
        return None


@bpy.app.handlers.persistent
def _after_undo(*_: object) -> None:
    """What undo or redo brought is what the user wants; timers survive, references do not."""
    for scene in bpy.data.scenes:
        if any(take.visible for take in scene.unitalker_phones.takes):
            markers.sync(scene)
            settle(scene)
            start()


@bpy.app.handlers.persistent
def _after_load(*_: object) -> None:
    """Another file: what was seen in the last one counts no more."""
    _State.settled.clear()
    _State.last.clear()
    if any(take.visible for scene in bpy.data.scenes for take in scene.unitalker_phones.takes):
        for scene in bpy.data.scenes:
            settle(scene)
        start()
    else:
        stop()


HANDLERS = (
    (bpy.app.handlers.undo_post, _after_undo),
    (bpy.app.handlers.redo_post, _after_undo),
    (bpy.app.handlers.load_post, _after_load),
)


def register() -> None:
    """Watch undo and loading, and give others the phones that are shown."""
    callbacks.phones_on_timeline.append(on_timeline)
    for handlers, function in HANDLERS:
        handlers.append(function)
    # phones may be shown already, where the add-on was switched off and on; else the first look is the last
    start()


def unregister() -> None:
    """Stop all watching."""
    callbacks.phones_on_timeline.remove(on_timeline)
    stop()
    for handlers, function in HANDLERS:
        handlers.remove(function)
