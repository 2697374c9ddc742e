"""The overlay in the Sequencer, the Dope Sheet with its Timeline, and the Graph Editor: when it is there.

Its draw handlers exist only while a scene has the overlay switched on; they go with the add-on and with the file, and
draw only what a timer has prepared. No module of the graphics card is loaded before it is switched on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from .content import Content

EDITORS = {
    "SpaceSequenceEditor": 'SEQUENCE_EDITOR', "SpaceDopeSheetEditor": 'DOPESHEET_EDITOR',
    "SpaceGraphEditor": 'GRAPH_EDITOR',
}
LOOK_S = 0.25               # between two looks at what changed

_handles: dict[str, object] = {}
_content: Content | None = None


def is_on() -> bool:
    """Whether the draw handlers are there."""
    return bool(_handles)


def problem() -> str:
    """Why nothing is drawn though the overlay is on; "" when it is drawn."""
    return _content.problem if _content is not None else ""


def draw_seconds() -> list[float]:
    """How long the last draws took."""
    return list(_content.draw_s) if _content is not None else []


def sync(*_: object) -> None:
    """Have handlers exactly when a scene of this file wants them; called when that may have changed."""
    wanted = not bpy.app.background and any(scene.unitalker_preview.overlay for scene in bpy.data.scenes)
    if wanted and not _handles:
        _switch_on()
    elif not wanted and _handles:
        switch_off()
    _redraw()


def switch_off(*_: object) -> None:
    """Take all handlers away and forget what was drawn."""
    global _content  # noqa: PLW0603  one overlay
    for name, handle in _handles.items():
        getattr(bpy.types, name).draw_handler_remove(handle, 'WINDOW')
    _handles.clear()
    if _content is not None:
        _content.ended = True
    _content = None
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    if _keys_may_have_changed in bpy.app.handlers.depsgraph_update_post:
        bpy.app.handlers.depsgraph_update_post.remove(_keys_may_have_changed)


def _switch_on() -> None:
    from .content import Content  # loads NumPy and the graphics card's module, which registering must not

    global _content  # noqa: PLW0603  one overlay
    _content = Content()
    for name in EDITORS:
        _handles[name] = getattr(bpy.types, name).draw_handler_add(_draw, (), 'WINDOW', 'POST_PIXEL')
    bpy.app.timers.register(_look, first_interval=0.0)
    bpy.app.handlers.depsgraph_update_post.append(_keys_may_have_changed)


@bpy.app.handlers.persistent
def _keys_may_have_changed(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if _content is not None and depsgraph.id_type_updated('ACTION'):
        _content.keys_changed = True


def _look() -> float | None:
    """Timer: prepare again what changed."""
    if _content is None:
        return None
    context = bpy.context
    windows = context.window_manager.windows
    if not windows or any(window.screen.is_animation_playing for window in windows):
        return LOOK_S               # another take waits until it stops
    try:
        with context.temp_override(window=context.window or windows[0]):
            changed = _content.prepare(bpy.context)
    except ReferenceError:          # undone meanwhile: the next look sees what there is now
        _content.keys_changed = True
        return LOOK_S
    if changed:
        _redraw()
    return LOOK_S


def _draw() -> None:
    """Draw handler of every editor."""
    if _content is not None:
        _content.draw(bpy.context)


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in EDITORS.values():
                area.tag_redraw()


@bpy.app.handlers.persistent
def _after_load(*_: object) -> None:
    """Another file: what was drawn belonged to the last one; this one may want its own."""
    switch_off()
    sync()


@bpy.app.handlers.persistent
def _before_load(*_: object) -> None:
    switch_off()


@bpy.app.handlers.persistent
def _after_undo(*_: object) -> None:
    """Undo may have set the switch, the take or its keys."""
    if _content is not None:
        _content.keys_changed = True
    sync()


HANDLERS = (
    ("load_pre", _before_load), ("load_post", _after_load), ("undo_post", _after_undo), ("redo_post", _after_undo),
)


def register() -> None:
    """Watch for files and undo."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Take everything away."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    switch_off()
