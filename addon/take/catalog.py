"""Lists for the panel: models, identities, presets, and how well the character fits. Looked up once, until Refresh.

Panels draw many times a second, so no file is read and no mesh walked while nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import bpy

from ...engine.values.errors import SettingError
from ...engine.values.own_moods import read_own_moods
from ..host.preferences import engine_preferences
from ..sound.strips import strip_in_use

if TYPE_CHECKING:
    from ...engine.model.folder import Model
    from .look_up import Fit

Item = tuple[str, str, str]
Settings = bpy.types.PropertyGroup

# stand for an empty choice in the pickers: Blender takes an empty id for a separator
EMPTY = {"head": "AUTO", "identity_2": "NONE", "mood": "neutral"}
MOOD_ITEMS = [
    ("neutral", "Neutral", ""), ("happy", "Happy", ""), ("sad", "Sad", ""), ("angry", "Angry", ""),
    ("afraid", "Afraid", ""), ("disgusted", "Disgusted", ""), ("surprised", "Surprised", ""),
    ("contemptuous", "Contemptuous", ""), ("confident", "Confident", ""), ("excited", "Excited", ""),
    ("bored", "Bored", ""), ("playful", "Playful", ""), ("confused", "Confused", ""), ("effort", "Effort", ""),
]
TYPED = "Typed, or not installed"

_cache: dict[object, object] = {}       # also holds the strings of enum items, which Blender needs


def refresh() -> None:
    """Forget everything, so that new files are seen."""
    _cache.clear()


def cached(key: object, make: Callable[[], object]) -> object:
    """What make() gave the first time; made anew after refresh()."""
    if key not in _cache:
        _cache[key] = make()
    return _cache[key]


def _look_up() -> ModuleType:
    from . import look_up  # loads models and presets and so NumPy, which Blender's start must not

    return look_up


def _chosen(model_id: str) -> tuple[Model | None, str]:
    """A model, and why it cannot be used."""
    return cached(("model", model_id), lambda: _look_up().open_model(model_id))


def _heads(model_id: str) -> list[Item]:
    return cached(("heads", model_id), lambda: _look_up().heads(_chosen(model_id)[0]))


def _space(settings: Settings) -> str:
    model_id, head_id = settings.model, settings.head
    return cached(("space", model_id, head_id), lambda: _look_up().space(_chosen(model_id)[0], head_id))


def _fitted_heads() -> tuple[tuple[object, ...], tuple[Exception, ...]]:
    return cached("fitted heads", lambda: _look_up().fitted_heads())


def identities(model_id: str) -> list[Item]:
    """Id, label and group of a model's identities, neutral first under the id "pivot"."""
    return cached(("identities", model_id), lambda: _look_up().identities(*_chosen(model_id)))


def takes_picture(settings: Settings) -> bool:
    """Whether a still face tells the chosen model something."""
    model, _ = _chosen(settings.model)
    return model is not None and model.takes_picture


def takes_transcript(settings: Settings) -> bool:
    """Whether the chosen model can follow words; one that cannot be opened may."""
    model, _ = _chosen(settings.model)
    return model is None or bool(model.phones)


def model_items(settings: Settings, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the models that are installed."""
    return _with_current(cached("models", lambda: _look_up().models()), settings.model)


def identity_items(settings: Settings, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the chosen model's identities, neutral first."""
    return _with_current(identities(settings.model), settings.identity)


def second_items(settings: Settings, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the identity that is blended in, none first."""
    none = (EMPTY["identity_2"], "None", "One identity alone")
    items = cached(("second", settings.model), lambda: [none, *identities(settings.model)])
    return _with_current(items, settings.identity_2 or none[0])


def head_items(settings: Settings, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the chosen model's heads, the model's own choice first."""
    return _with_current(_heads(settings.model), settings.head or EMPTY["head"])


def preset_items(settings: Settings, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the presets, "auto" first."""
    return _with_current(cached("presets", lambda: _look_up().preset_items(_fitted_heads()[0])), settings.preset)


def mood_items(settings: Settings, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the moods, neutral first, the user's own last."""
    return _with_current(_every_mood(settings), settings.mood or EMPTY["mood"])


def felt_items(settings: Settings) -> list[Item]:
    """Enum items of the moods that can be keyed: all but neutral, the user's own last."""
    return _every_mood(settings)[1:]


def _every_mood(settings: Settings) -> list[Item]:
    own = own_moods(settings)
    return cached(("moods", own), lambda: [*MOOD_ITEMS, *((name, name.capitalize(), "") for name in own)])


def own_moods(settings: Settings) -> tuple[str, ...]:
    """Names of the user's own moods; none where their text cannot be read."""
    try:
        return tuple(read_own_moods(settings.own_moods))
    except SettingError:
        return ()


def _with_current(items: list[Item], current: str) -> list[Item]:
    """The items, and the current choice too when it is none of them (a blend, a folder, a model that was removed)."""
    if any(item[0] == current for item in items):
        return items
    key = (current, len(items), items[0] if items else None)
    return cached(key, lambda: [*items, (current, current or "None", TYPED)])


_ITEMS = {
    "model": model_items, "head": head_items, "identity": identity_items, "identity_2": second_items,
    "preset": preset_items, "mood": mood_items,
}


def getter(name: str) -> Callable[[Settings], int]:
    """For a picker: index of the chosen item. The choice itself is a text, so that it survives a change of the list."""
    def get(settings: Settings) -> int:
        chosen = getattr(settings, name) or EMPTY.get(name, "")
        items = _ITEMS[name](settings, None)
        return next((index for index, item in enumerate(items) if item[0] == chosen), 0)

    return get


def setter(name: str) -> Callable[[Settings, int], None]:
    """For a picker: choose an item."""
    def choose(settings: Settings, index: int) -> None:
        chosen = _ITEMS[name](settings, None)[index][0]
        if name == "model":
            choose_model(settings, chosen)
        else:
            setattr(settings, name, "" if chosen == EMPTY.get(name) else chosen)

    return choose


def choose_model(settings: Settings, model_id: str) -> None:
    """Choose a model; an identity that it does not have gives way to neutral."""
    settings.model = model_id
    known = {name for name, _, _ in identities(model_id)}
    if settings.head not in {name for name, _, _ in _heads(model_id)}:
        settings.head = ""
    if settings.identity not in known and not settings.identity.startswith(("blend:", "#")):
        settings.identity = "pivot"
    if settings.identity_2 not in known:
        settings.identity_2 = ""
    if settings.style_from not in style_sources(model_id):
        settings.style_from = 'IDENTITY'


def style_sources(model_id: str) -> tuple[str, ...]:
    """Items of style_from that a model can take."""
    hears = cached(("takes voice", model_id), lambda: _look_up().takes_voice(_chosen(model_id)[0]))
    moved = ('ACTION', 'FILE') if takes_reference(model_id) else ()
    return ('IDENTITY', *moved, *(('VOICE',) if hears else ()))


def takes_reference(model_id: str) -> bool:
    """Whether a model takes its style from a motion."""
    return cached(("takes reference", model_id), lambda: _look_up().takes_reference(_chosen(model_id)[0]))


def model_problem(settings: Settings) -> str:
    """Why the chosen model cannot be used; empty when it can."""
    return _chosen(settings.model)[1]


def gives_vertices(settings: Settings) -> bool:
    """Whether the chosen head moves vertices."""
    return _space(settings) == "vertices"


def source(settings: Settings) -> str:
    """The channel set that the chosen head gives."""
    return _look_up().source(_space(settings))


def damaged_heads() -> tuple[str, ...]:
    """A sentence for each file of a taught head that is left out of the presets, with its name and the reason.

    Without the folders, which a narrow panel has no room for.
    """
    return cached("damaged heads", lambda: tuple(map(_without_folders, _fitted_heads()[1])))


def _without_folders(error: Exception) -> str:
    line = str(error)
    for folder in engine_preferences(bpy.context).preset_folders:
        line = line.replace(str(Path(folder)), "").replace(" /", " ").replace(" \\", " ")
    return line


def nothing_chosen(context: bpy.types.Context) -> bool:
    """Whether the scene has neither a face nor a sound for lip sync."""
    settings, objects = context.scene.unitalker, context.scene.objects
    if settings.character or settings.speaker or settings.audio or strip_in_use(context):
        return False
    key = ("faceless", context.scene.session_uid, len(objects))
    faceless = cached(key, lambda: not any(getattr(obj.data, "shape_keys", None) for obj in objects))
    return faceless and bool(fit(context).problem)


def fit(context: bpy.types.Context) -> Fit:
    """How well the chosen character and preset fit; looked up again when the choice or the scene's objects change."""
    settings = context.scene.unitalker
    selected = [context.view_layer.objects.active, *context.selected_objects]
    picked = [settings.character] if settings.character else selected
    marks = tuple(_mark(obj) for obj in picked if obj is not None)
    choice = (settings.with_related, settings.preset, settings.model, settings.head)
    key = ("fit", marks, *choice, len(context.scene.objects), bpy.app.translations.locale)
    if key not in _cache:
        for old in [old for old in _cache if isinstance(old, tuple) and old[0] == "fit"]:
            del _cache[old]
    return cached(key, lambda: _look_at_fit(context))


def obstacles(context: bpy.types.Context) -> tuple[str, ...]:
    """What keeps keys on the chosen character from showing, as sentences; looked at anew, since a pin, a lock or a mode
    changes without a trace in the choice."""
    found = fit(context)
    return _look_up().before_generate(found) if found.keyed else ()


def would_replace(context: bpy.types.Context, choices: Mapping[str, object]) -> tuple[str, ...]:
    """A sentence for each line of the chosen character whose keys would be replaced; choices: every option."""
    found = fit(context)
    return _look_up().would_replace(context, choices, found, length_s) if found.keyed else ()


def length_s(path: str) -> float:
    """Seconds of a sound file, 0 where it cannot be read."""
    return cached(("length", path), lambda: _look_up().length_s(path))


def _look_at_fit(context: bpy.types.Context) -> Fit:
    settings = context.scene.unitalker
    if gives_vertices(settings):
        return _look_up().fit_of_mesh(context, _chosen(settings.model)[0])
    return _look_up().fit_of_character(context, source(settings))


def _mark(obj: bpy.types.Object) -> tuple[object, ...]:
    """What changes when an object's means of moving change."""
    keys = getattr(obj.data, "shape_keys", None)
    parent = obj.parent.session_uid if obj.parent else 0
    size = len(obj.data.vertices) if obj.type == 'MESH' else 0
    shapes = (*(block.name for block in keys.key_blocks), keys.use_relative) if keys else ()
    return obj.session_uid, obj.name, size, shapes, parent, bool(keys and keys.library), bool(obj.library)
