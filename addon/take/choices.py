"""The options as properties of Blender, made from the table: the panel and operators that make takes have them."""

import math
from collections.abc import Callable

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ... import engine
from ...engine.values.option_row import Option
from ..host.translations import CONTEXT
from ..sound.strips import sequencer_scene, sound_strips
from . import callbacks
from .options import OPTIONS, parts_of

# before 4.5, every path property may be relative
RELATIVE_PATHS = {'PATH_SUPPORTS_BLEND_RELATIVE'} if bpy.app.version >= (4, 5, 0) else set()
SUBTYPES = {"factor": 'FACTOR', "percent": 'PERCENTAGE', "file": 'FILE_PATH', "folder": 'DIR_PATH'}     # of each unit
STEP_SCALE = 100            # Blender counts the steps of a number's arrows in hundredths


def _search_strips(_owner: object, context: bpy.types.Context, _text: str) -> list[str]:
    return [strip.name for strip in sound_strips(sequencer_scene(context))]


def _search_languages(_owner: object, _context: bpy.types.Context, _text: str) -> list[str]:
    return list(engine.languages())


def _is_speaker(_settings: object, obj: bpy.types.Object) -> bool:
    return obj.type == 'SPEAKER'


SEARCHES = {"strip": _search_strips, "language": _search_languages}
POLLS = {"speaker": _is_speaker}


def _changed(owner: object, context: bpy.types.Context) -> None:
    """A live option has a new value, in the panel or in an operator: only the panel's counts."""
    if isinstance(getattr(owner, "id_data", None), bpy.types.Scene) and owner.live:
        for call in callbacks.style_changed:
            call(context)


def _performance_chosen(owner: object, context: bpy.types.Context) -> None:
    """The panel's performance switches the parts of Life on and off, as one change."""
    if not isinstance(getattr(owner, "id_data", None), bpy.types.Scene):
        return
    live, owner.live = owner.live, False
    for name, on in parts_of(owner.performance).items():
        setattr(owner, name, on)
    owner.live = live
    _changed(owner, context)


UPDATES = {"performance": _performance_chosen}


def as_property(option: Option, points: bool = False) -> object:
    """The property of a row. points: a data-block to pick, where scripts name it."""
    given = {"name": option.title, "description": option.help}
    if option.own_word:
        given["translation_context"] = CONTEXT
    if points:
        given |= {"poll": POLLS[option.name]} if option.name in POLLS else {}
        given |= {"update": _changed} if option.live else {}
        return PointerProperty(type=getattr(bpy.types, option.points_to), **given)
    given["default"] = option.default
    update = UPDATES.get(option.name, _changed if option.live else None)
    if update is not None:
        given["update"] = update
    return _KINDS[option.kind](option, given)


def _number(option: Option, given: dict[str, object]) -> object:
    ends = {"min": option.low, "max": option.high, "soft_min": option.soft_low, "soft_max": option.soft_high}
    given |= {name: end for name, end in ends.items() if end is not None and math.isfinite(end)}
    if option.kind == 'INT':
        return IntProperty(**given)
    return FloatProperty(
        subtype=SUBTYPES.get(option.unit, 'NONE'), precision=option.digits, step=option.step * STEP_SCALE, **given,
    )


def _text(option: Option, given: dict[str, object]) -> object:
    if option.is_path:
        given |= {"subtype": SUBTYPES[option.unit], "options": RELATIVE_PATHS}
    if option.name in SEARCHES:         # never search=None: Blender would call it while somebody types, and end
        given["search"] = SEARCHES[option.name]
    return StringProperty(**given)


_KINDS: dict[str, Callable[[Option, dict[str, object]], object]] = {
    'BOOLEAN': lambda _option, given: BoolProperty(**given),
    'INT': _number,
    'FLOAT': _number,
    'STRING': _text,
    'ENUM': lambda option, given: EnumProperty(items=option.items, **given),
}


class Choices:
    """The options of one take, for operators: data-blocks by their names."""

    __annotations__ = {option.name: as_property(option) for option in OPTIONS}


class SceneChoices:
    """The same for the panel, which picks data-blocks."""

    __annotations__ = {option.name: as_property(option, bool(option.points_to)) for option in OPTIONS}
