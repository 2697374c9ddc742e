"""The list of takes that the panel shows: a copy of what the Actions hold, at WindowManager.unitalker_takes, where undo
and saving leave it alone.

Looking for takes walks the character, which is too slow for every drawing; so a drawing only compares marks, and where
they differ the list is filled anew right after it.
"""

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, IntProperty, StringProperty

from ... import engine
from ..actions import ledger
from ..actions.ledger import OWNER
from ..host.operator_base import redraw
from ..sound.strips import all_marks, is_gone
from ..take import work
from ..take.properties import collect


class UNITALKER_PG_take(bpy.types.PropertyGroup):
    """One row."""

    line: StringProperty(name="Take", description="Strip, file or speaker that the character says here")
    first_frame: FloatProperty(name="First Frame")
    last_frame: FloatProperty(name="Last Frame")
    gone: BoolProperty(name="Gone", description="The strip that the take was made from was deleted")
    known: BoolProperty(name="Known", description="It is known how the take was made, so it can be made again")


class _State:
    """Marks of the takes that the list shows."""

    marks: object = None
    of_later: bool = False


def is_of_later_blender() -> bool:
    """Whether takes of the list were read from a file of a later Blender, of which this take keeps only a part."""
    return _State.of_later


def chosen_line(context: bpy.types.Context) -> str:
    """The line of the row that is chosen; empty without rows."""
    rows, index = context.window_manager.unitalker_takes, context.window_manager.unitalker_take_index
    return rows[min(max(index, 0), len(rows) - 1)].line if len(rows) else ""


def gone(context: bpy.types.Context) -> list[str]:
    """Lines of the list whose strips were deleted."""
    return [row.line for row in context.window_manager.unitalker_takes if row.gone]


def is_stale(context: bpy.types.Context) -> bool:
    """Whether something has changed since the list was filled. Quick: called in drawings."""
    return _marks(context) != _State.marks


def fill_soon() -> None:
    """Fill the list as soon as the drawing is over."""
    if not bpy.app.timers.is_registered(_fill_now):
        bpy.app.timers.register(_fill_now, first_interval=0.0)


def fill(context: bpy.types.Context) -> None:
    """Fill the list; a character without takes, or none, empties it. The chosen row stays chosen."""
    _State.marks = _marks(context)
    _State.of_later = any(OWNER in action and ledger.is_of_later_blender(action) for action in bpy.data.actions)
    manager = context.window_manager
    chosen = chosen_line(context)
    values = collect(context, {})
    try:
        found = work().takes_of(context, values["character"], values["with_related"])
    except engine.EngineError:
        found = []
    rows = manager.unitalker_takes
    rows.clear()
    for number, take in enumerate(found):
        row = rows.add()
        row.gone = take.clip is not None and is_gone(take.clip.mark, take.line)
        row.name, row.line, row.first_frame, row.last_frame, row.known = (
            take.line, take.line, take.first_frame, take.last_frame, take.known
        )
        if take.line == chosen:
            manager.unitalker_take_index = number
    manager.unitalker_take_index = min(manager.unitalker_take_index, max(0, len(found) - 1))


def _fill_now() -> None:
    # not while the add-on is being switched off
    if hasattr(bpy.types.WindowManager, "unitalker_takes") and bpy.context.scene is not None:
        fill(bpy.context)
        redraw(bpy.context)


def _marks(context: bpy.types.Context) -> object:
    """What changes when takes change: the character, and the notes in all Actions."""
    settings, active = context.scene.unitalker, context.view_layer.objects.active
    character = settings.character or active
    notes = [(action.name, hash(action.get(OWNER))) for action in bpy.data.actions if OWNER in action]
    return (
        context.scene.name, character.name if character else "", settings.with_related, len(context.selected_objects),
        tuple(notes), all_marks() if notes else ()
    )


CLASSES = (UNITALKER_PG_take,)


def register() -> None:
    """Give windows their list."""
    bpy.types.WindowManager.unitalker_takes = CollectionProperty(type=UNITALKER_PG_take)
    bpy.types.WindowManager.unitalker_take_index = IntProperty(
        name="Take", description="The take that the buttons beside the list are for"
    )


def unregister() -> None:
    """Take it away."""
    if bpy.app.timers.is_registered(_fill_now):
        bpy.app.timers.unregister(_fill_now)
    del bpy.types.WindowManager.unitalker_takes, bpy.types.WindowManager.unitalker_take_index
    _State.marks = None
