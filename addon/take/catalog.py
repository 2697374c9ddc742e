"""Lists for the panel: models, identities, presets, and how well the character fits. Read once, then kept until Refresh.

Panels draw many times a second, so no file is read and no mesh walked while nothing has changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ..host.preferences import engine_preferences
from ..host.translations import translate, translate_plural

Item = tuple[str, str, str]

OWN_HEAD, NO_IDENTITY = "AUTO", "NONE"      # stand for an empty choice in the pickers: Blender takes an empty id for a separator
EMPTY = {"head": OWN_HEAD, "identity_2": NO_IDENTITY}
HEAD_HINTS = {
    "blendshapes": "Face shapes for any character that a preset fits", "flame": "FLAME parameters, for a FLAME rig",
    "vertices": "Vertices, for a mesh of this topology",
}

log = logging.getLogger(__name__)
_cache: dict[object, object] = {}       # also keeps the strings of enum items alive, which Blender needs


@dataclass(frozen=True)
class Fit:
    """What the panel says of the character: one line; then names that the preset looked for in vain; or what is wrong with it.

    unfit: it can move, but by no preset; has_keys: some of it are shape keys.
    """

    line: str = ""
    missing: tuple[str, ...] = ()
    problem: str = ""
    linked: bool = False
    unfit: bool = False
    has_keys: bool = False


def refresh() -> None:
    """Forget everything, so that new files are seen."""
    _cache.clear()


def kept(key: object, make: Callable[[], object]) -> object:
    """What make() gave the first time; made anew after refresh()."""
    if key not in _cache:
        _cache[key] = make()
    return _cache[key]


def identities(model_id: str) -> list[Item]:
    """Id, label and group of a model's identities, neutral first under the id "pivot"."""
    return kept(("identities", model_id), lambda: _list_identities(model_id))


def model_items(settings: bpy.types.PropertyGroup, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the models that are installed."""
    return _with_current(kept("models", _list_models), settings.model)


def identity_items(settings: bpy.types.PropertyGroup, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the chosen model's identities, neutral first."""
    return _with_current(identities(settings.model), settings.identity)


def second_items(settings: bpy.types.PropertyGroup, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the identity that is blended in, none first."""
    items = kept(("second", settings.model), lambda: [(NO_IDENTITY, "None", "One identity alone"), *identities(settings.model)])
    return _with_current(items, settings.identity_2 or NO_IDENTITY)


def head_items(settings: bpy.types.PropertyGroup, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the chosen model's heads, the model's own choice first."""
    return _with_current(kept(("heads", settings.model), lambda: _list_heads(settings.model)), settings.head or OWN_HEAD)


def gives_vertices(settings: bpy.types.PropertyGroup) -> bool:
    """Whether the chosen head moves vertices."""
    return kept(("space", settings.model, settings.head), lambda: _space(settings.model, settings.head)) == "vertices"


def source(settings: bpy.types.PropertyGroup) -> str:
    """The channel set that the chosen head gives."""
    from ...engine.rig.presets import source_of

    return source_of(kept(("space", settings.model, settings.head), lambda: _space(settings.model, settings.head)))


def model_problem(settings: bpy.types.PropertyGroup) -> str:
    """Why the chosen model cannot be used; empty when it can."""
    return _chosen(settings.model)[1]


def choose_model(settings: bpy.types.PropertyGroup, model_id: str) -> None:
    """Choose a model; an identity that it does not have gives way to neutral."""
    settings.model = model_id
    known = {name for name, _, _ in identities(model_id)}
    if settings.head not in {name for name, _, _ in kept(("heads", model_id), lambda: _list_heads(model_id))}:
        settings.head = ""
    if settings.identity not in known and not settings.identity.startswith(("blend:", "#")):
        settings.identity = "pivot"
    if settings.identity_2 not in known:
        settings.identity_2 = ""


def preset_items(settings: bpy.types.PropertyGroup, _context: bpy.types.Context | None) -> list[Item]:
    """Enum items of the presets, "auto" first."""
    return _with_current(kept("presets", _list_presets), settings.preset)


def damaged_heads() -> tuple[str, ...]:
    """A sentence for each file of a taught head that is left out of the presets, with its name and the reason."""
    return kept("damaged heads", _list_damaged)


def getter(name: str) -> Callable[[bpy.types.PropertyGroup], int]:
    """For a picker: index of the chosen item. The choice itself is kept as text, so that it survives a change of the list."""
    def get(settings: bpy.types.PropertyGroup) -> int:
        chosen = getattr(settings, name) or EMPTY.get(name, "")
        return next((index for index, item in enumerate(_ITEMS[name](settings, None)) if item[0] == chosen), 0)

    return get


def setter(name: str) -> Callable[[bpy.types.PropertyGroup, int], None]:
    """For a picker: choose an item."""
    def choose(settings: bpy.types.PropertyGroup, index: int) -> None:
        chosen = _ITEMS[name](settings, None)[index][0]
        if name == "model":
            choose_model(settings, chosen)
        else:
            setattr(settings, name, "" if chosen == EMPTY.get(name) else chosen)

    return choose


def nothing_chosen(context: bpy.types.Context) -> bool:
    """Whether the scene has neither a face nor a sound for lip sync."""
    from ..sound.strips import strip_in_use

    settings, objects = context.scene.unitalker, context.scene.objects
    if settings.character or settings.speaker or settings.audio or strip_in_use(context):
        return False
    return kept(("faceless", context.scene.session_uid, len(objects)), lambda: not any(getattr(obj.data, "shape_keys", None) for obj in objects)) \
        and bool(fit(context).problem)


def fit(context: bpy.types.Context) -> Fit:
    """How well the chosen character and preset fit; looked up again when the choice or the scene's objects change."""
    settings = context.scene.unitalker
    picked = [settings.character] if settings.character else [context.view_layer.objects.active, *context.selected_objects]
    marks = tuple(_mark(obj) for obj in picked if obj is not None)
    language = bpy.app.translations.locale
    key = ("fit", marks, settings.with_related, settings.preset, settings.model, settings.head, len(context.scene.objects), language)
    if key not in _cache:
        for old in [old for old in _cache if isinstance(old, tuple) and old[0] == "fit"]:
            del _cache[old]
    return kept(key, lambda: _look_at_character(context))


def _look_at_character(context: bpy.types.Context) -> Fit:
    from ... import engine
    from ...engine.rig import presets
    from ...engine.rig.fitted_head_file import chosen_taught
    from ..character import character as rig

    settings = context.scene.unitalker
    name = settings.character.name if settings.character else ""
    linked = False
    if gives_vertices(settings):
        return _look_for_mesh(context, name)
    try:
        picked = rig.pick(context, name)
        linked = bool(rig.linked_objects(rig.related(context, picked)))
        character = rig.gather(context, name, settings.with_related)
        names = replace(character.rig(settings.preset, engine_preferences(context).preset_folders), source=source(settings))
        taught = chosen_taught(names)
        if taught is not None:
            return _fit_of_taught(taught, names)
        match = presets.match(presets.choose(names), names)
    except engine.NoPresetError as error:
        return Fit(problem=error.lack, unfit=True, has_keys=bool(names.shape_keys))
    except engine.EngineError as error:
        return Fit(problem=str(error), linked=linked)
    if not match.found:
        problem = translate("Preset {} finds nothing on this character. Choose another, or Automatic.", match.preset.name)
        return Fit(problem=problem, unfit=True, has_keys=bool(names.shape_keys))
    meshes = sum(target.kind == 'KEY' for target in character.targets)
    channels = translate("{} of {} channels found", len(match.found), len(match.found) + len(match.missing))
    return Fit(f"{match.preset.name}: {channels}, {translate_plural(meshes, '1 mesh', '{} meshes')}", match.absent)


def _fit_of_taught(taught: object, names: object) -> Fit:
    """How many of a taught head's controls the character has."""
    from ...engine.rig.fitted_head import label
    from ...engine.rig.names import find_on_rig

    absent = tuple(label(control) for control, places in zip(taught.controls, find_on_rig(taught.controls, names), strict=True) if not places)
    found = len(taught.controls) - len(absent)
    if not found:
        return Fit(problem=translate("Taught head {} finds none of its controls on this character. Choose the one that it was taught on.", taught.name))
    return Fit(f"{taught.name}: {translate('{} of {} taught controls found', found, len(taught.controls))}", absent)


def _look_for_mesh(context: bpy.types.Context, name: str) -> Fit:
    """Whether the character has a mesh of the chosen head's topology."""
    from ... import engine
    from . import make as take

    settings = context.scene.unitalker
    head = _chosen(settings.model)[0].head(settings.head)
    try:
        obj = take.mesh_for(context, name, settings.with_related, head)
    except engine.EngineError as error:
        return Fit(problem=str(error))
    return Fit(f"{obj.name}: {translate('{} vertices, as head {} moves', head.width // 3, head.id)}")


def _mark(obj: bpy.types.Object) -> tuple[object, ...]:
    """What changes when an object's means of moving change."""
    keys = getattr(obj.data, "shape_keys", None)
    parent = obj.parent.session_uid if obj.parent else 0
    size = len(obj.data.vertices) if obj.type == 'MESH' else 0
    shapes = (*(block.name for block in keys.key_blocks), keys.use_relative) if keys else ()
    return obj.session_uid, obj.name, size, shapes, parent, bool(keys and keys.library), bool(obj.library)


def _list_models() -> list[Item]:
    from ...engine.model.folder import scan_models

    models, broken = scan_models(engine_preferences(bpy.context).model_folders)
    usable = [(_choice(model.id, model.folder), model.title, f"{model.system}, {translate_plural(len(model.identities), '1 identity', '{} identities')}, {model.licence}") for model in models]
    return [*usable, *((_choice(folder.name, folder), f"{folder.name} (cannot be used)", str(error)) for folder, error in broken)]


def _choice(model_id: str, folder: Path) -> str:
    """What chooses a model: its id, or its path where the folder has another name than the id."""
    return model_id if folder.name == model_id else str(folder)


def _chosen(model_id: str) -> tuple[object, str]:
    return kept(("model", model_id), lambda: _open_chosen(model_id))


def _open_chosen(model_id: str) -> tuple[object, str]:
    """The chosen model, and why it cannot be opened."""
    from ...engine import EngineError
    from ...engine.model.folder import open_model

    try:
        return open_model(model_id, engine_preferences(bpy.context).model_folders), ""
    except EngineError as error:
        log.warning("%s", error)
        return None, str(error)


def _list_heads(model_id: str) -> list[Item]:
    model = _chosen(model_id)[0]
    if model is None:
        return [(OWN_HEAD, "Automatic", "")]
    items = [(head.id, head.id.replace("_", " "), HEAD_HINTS[head.space]) for head in model.heads]
    return [(OWN_HEAD, "Automatic", f"The model's own choice: {model.default_head}"), *items]


def _space(model_id: str, head_id: str) -> str:
    model = _chosen(model_id)[0]
    wanted = head_id or (model.default_head if model else "")
    return next((head.space for head in model.heads if head.id == wanted), "") if model else ""


def _list_identities(model_id: str) -> list[Item]:
    model, problem = _chosen(model_id)
    if model is None:
        return [("pivot", "Neutral (pivot)", problem)]
    items = [(identity.id, identity.label, identity.group) for identity in model.identities]
    neutral = model.pivot
    if neutral is None:
        return [("pivot", f"{items[-1][1]} (in place of a neutral style)", items[-1][2]), *items]
    return [("pivot", *items[neutral][1:]), *items[:neutral], *items[neutral + 1:]]


def _list_presets() -> list[Item]:
    from ...engine import InstallError
    from ...engine.rig.presets import list_presets

    try:
        presets = list_presets(engine_preferences(bpy.context).preset_folders)
    except InstallError as error:
        return [("auto", "Automatic", str(error))]
    taught = _taught()[0]
    own = [(Path(one.path).name, one.name, translate("Taught: {} from {} s of keys", translate_plural(len(one.controls), "1 control", "{} controls"), round(one.take_s))) for one in taught]
    return [("auto", "Automatic", "The preset that fits the character best"), *own, *((preset.id, preset.name, preset.description) for preset in presets)]


def _list_damaged() -> tuple[str, ...]:
    """Without the folders, which a narrow panel has no room for."""
    lines = map(str, _taught()[1])
    for folder in engine_preferences(bpy.context).preset_folders:
        lines = [line.replace(str(Path(folder)), "").replace(" /", " ").replace(" \\", " ") for line in lines]
    return tuple(lines)


def _taught() -> tuple[tuple[object, ...], tuple[Exception, ...]]:
    """The taught heads of the user's folders, and what is wrong with the files that are none."""
    from ...engine.rig.fitted_head_file import scan_taught

    return kept("taught", lambda: scan_taught(engine_preferences(bpy.context).preset_folders))


def _with_current(items: list[Item], current: str) -> list[Item]:
    """The items, and the current choice too when it is none of them (a blend, a folder, a model that was removed)."""
    if any(item[0] == current for item in items):
        return items
    return kept((current, len(items), items[0] if items else None), lambda: [*items, (current, current or "None", "Typed, or not installed")])


_ITEMS = {"model": model_items, "head": head_items, "identity": identity_items, "identity_2": second_items, "preset": preset_items}
