"""Models, presets and the character, looked at for the panel: the catalog asks once and keeps the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np

from ...engine import EngineError, InstallError, Motion, NoPresetError, Rig, sound_length_s
from ...engine.model import folder
from ...engine.rig import fitted_head_file, presets
from ...engine.rig.fitted_head import FittedHead, label
from ...engine.rig.idle_bones import move_bones
from ...engine.rig.names import find_on_rig
from ...engine.values.channels import ARKIT_52, HEAD_ANGLES
from ..character import character as rig
from ..character.lip_sentences import empty_keys
from ..host.preferences import engine_preferences
from ..host.translations import translate, translate_plural
from ..keying import obstacles
from ..keying.vertex_head import find_mesh
from . import overlap

Item = tuple[str, str, str]

AUTOMATIC_HEAD = "AUTO"     # stands for an empty choice: Blender takes an empty id for a separator
HEAD_HINTS = {
    "blendshapes": "Face shapes for any character that a preset fits",
    "flame": "FLAME parameters, for a FLAME rig",
    "vertices": "Vertices, for a mesh of this topology",
}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fit:
    """How well a preset fits the character.

    Attributes:
        line: what the panel says of it. missing: names that the preset looked for in vain.
        problem: why the character cannot be keyed; empty where it can.
        linked: whether it comes from another file, so that an override would help.
        unfit: it can move, but by no preset. has_keys: some of what can move are shape keys.
        keyed: the channels that the preset or the taught head moves, of each data-block of the character.
        still: switches of the parts of Life for which the character has neither keys nor bones.
    """

    line: str = ""
    missing: tuple[str, ...] = ()
    problem: str = ""
    linked: bool = False
    unfit: bool = False
    has_keys: bool = False
    keyed: obstacles.Keyed = ()
    character: rig.Character | None = None
    still: tuple[str, ...] = ()


def models() -> list[Item]:
    """The models that are installed, those that cannot be used last."""
    usable, broken = folder.scan_models(engine_preferences(bpy.context).model_folders)
    return [*map(_model_item, usable), *(_broken_item(path, error) for path, error in broken)]


def _model_item(model: folder.Model) -> Item:
    identities_ = translate_plural(len(model.identities), "1 identity", "{} identities")
    return _model_choice(model.id, model.folder), model.title, f"{model.system}, {identities_}, {model.licence}"


def _broken_item(path: Path, error: Exception) -> Item:
    return _model_choice(path.name, path), f"{path.name} (cannot be used)", str(error)


def _model_choice(model_id: str, path: Path) -> str:
    """What chooses a model: its id, or its path where the folder has another name than the id."""
    return model_id if path.name == model_id else str(path)


def open_model(model_id: str) -> tuple[folder.Model | None, str]:
    """A model, and why it cannot be opened."""
    try:
        return folder.open_model(model_id, engine_preferences(bpy.context).model_folders), ""
    except EngineError as error:
        log.warning("%s", error)
        return None, str(error)


def heads(model: folder.Model | None) -> list[Item]:
    """The heads of a model, its own choice first."""
    if model is None:
        return [(AUTOMATIC_HEAD, "Automatic", "")]
    items = [(head.id, head.id.replace("_", " "), HEAD_HINTS[head.space]) for head in model.heads]
    return [(AUTOMATIC_HEAD, "Automatic", f"The model's own choice: {model.default_head}"), *items]


def takes_voice(model: folder.Model | None) -> bool:
    """Whether a model hears a style in a voice."""
    return model is not None and bool(model.manners)


def takes_reference(model: folder.Model | None) -> bool:
    """Whether a model takes its style from a motion."""
    return model is not None and model.reference_hz > 0


def space(model: folder.Model | None, head_id: str) -> str:
    """What a head gives: "blendshapes", "flame" or "vertices"; empty for a head that is not there."""
    wanted = head_id or (model.default_head if model else "")
    return next((head.space for head in model.heads if head.id == wanted), "") if model else ""


def source(of_space: str) -> str:
    """The channel set that a head of a space gives."""
    return presets.source_of(of_space)


def identities(model: folder.Model | None, problem: str) -> list[Item]:
    """The speaking styles of a model, neutral first under the id "pivot"."""
    if model is None:
        return [("pivot", "Neutral", problem)]
    items = [(identity.id, identity.label.removesuffix(" (pivot)"), identity.group) for identity in model.identities]
    neutral = model.pivot
    if neutral is None:
        return [("pivot", f"{items[-1][1]} (in place of a neutral style)", items[-1][2]), *items]
    return [("pivot", *items[neutral][1:]), *items[:neutral], *items[neutral + 1:]]


def fitted_heads() -> tuple[tuple[FittedHead, ...], tuple[Exception, ...]]:
    """The taught heads of the user's folders, and what is wrong with the files that are none."""
    return fitted_head_file.scan_fitted_heads(engine_preferences(bpy.context).preset_folders)


def preset_items(fitted: Sequence[FittedHead]) -> list[Item]:
    """What drives a rig: automatic, taught heads, presets."""
    try:
        known = presets.list_presets(engine_preferences(bpy.context).preset_folders)
    except InstallError as error:
        return [("auto", "Automatic", str(error))]
    return [
        ("auto", "Automatic", "The preset that fits the character best"),
        *map(_fitted_item, fitted),
        *((preset.id, preset.name, preset.description) for preset in known),
    ]


def _fitted_item(head: FittedHead) -> Item:
    controls = translate_plural(len(head.controls), "1 control", "{} controls")
    return Path(head.path).name, head.name, translate("Taught: {} from {} s of keys", controls, round(head.take_s))


def panel_character(context: bpy.types.Context) -> rig.Character:
    """The panel's character. Raises RigError."""
    settings = context.scene.unitalker
    return rig.gather(context, settings.character_name, settings.with_related)


def fit_of_character(context: bpy.types.Context, channel_set: str) -> Fit:
    """How well the panel's preset fits its character. channel_set: what the chosen head gives."""
    settings = context.scene.unitalker
    linked = False
    try:
        linked = bool(rig.linked_objects(rig.related(context, rig.pick(context, settings.character_name))))
        character = panel_character(context)
        names = character.rig(settings.preset, engine_preferences(context).preset_folders)
        return _fit_of_rig(replace(names, source=channel_set), character)
    except EngineError as error:
        return Fit(problem=str(error), linked=linked)


def _fit_of_rig(names: Rig, character: rig.Character) -> Fit:
    try:
        fitted = fitted_head_file.chosen_fitted_head(names)
        if fitted is not None:
            return _fit_of_fitted_head(fitted, names, character)
        match = presets.match(presets.choose(names), names)
    except NoPresetError as error:
        return Fit(problem=error.lack, unfit=True, has_keys=bool(names.shape_keys))
    if not match.found:
        name = match.preset.name
        problem = translate("Preset {} finds nothing on this character. Choose another, or Automatic.", name)
        return Fit(problem=problem, unfit=True, has_keys=bool(names.shape_keys))
    n_found = len(match.found)
    channels = translate("{} of {} channels found", n_found, n_found + len(match.missing))
    meshes = translate_plural(sum(target.kind == 'KEY' for target in character.targets), "1 mesh", "{} meshes")
    wanted = {channel for found in presets.find_targets(match.preset, names) for channel in found}
    line = f"{match.preset.name}: {channels}, {meshes}"
    if names.empty_keys:
        line = f"{line}. {empty_keys(names.empty_keys)}"
    keyed, still = obstacles.keyed_by(character, wanted), _still_parts(match, names)
    return Fit(line, match.absent, keyed=keyed, character=character, still=still)


def _still_parts(match: presets.Match, names: Rig) -> tuple[str, ...]:
    eyes = [name for name in ARKIT_52 if name.startswith("eyeLook")]
    parts = {
        "use_blinks": ("eyeBlinkLeft",), "use_brow_raises": ("browInnerUp",), "use_head_motion": HEAD_ANGLES,
        "use_eye_motion": eyes, "use_breath": ("breath",),
    }
    channels = tuple(channel for part in parts.values() for channel in part)
    _, on_bones = move_bones(Motion(np.zeros((1, len(channels)), np.float32), channels, 1.0), names, (), eyes=True)
    moved = {*match.found, *on_bones}
    return tuple(switch for switch, part in parts.items() if not moved.intersection(part))


def before_generate(fit: Fit) -> tuple[str, ...]:
    """What keeps the keys that Generate would make from showing or from being written, as sentences."""
    try:
        return obstacles.before(fit.keyed)
    except (EngineError, ReferenceError):       # the character is gone; the panel looks again when it draws next
        return ()


def would_replace(
    context: bpy.types.Context, choices: Mapping[str, object], fit: Fit, length_s: Callable[[str], float],
) -> tuple[str, ...]:
    """A sentence for each line whose keys Generate would replace."""
    try:
        return overlap.of_panel(context, choices, fit.character, length_s)
    except (EngineError, ReferenceError):       # no sound yet, or one that cannot be used: Generate says why
        return ()


def length_s(path: str) -> float:
    """Seconds of a sound file by its header, 0 where it cannot be read."""
    try:
        return sound_length_s(path)
    except (EngineError, OSError):
        return 0.0


def _fit_of_fitted_head(fitted: FittedHead, names: Rig, character: rig.Character) -> Fit:
    """How many of a taught head's controls the character has."""
    places = find_on_rig(fitted.controls, names)
    absent = tuple(label(control) for control, found in zip(fitted.controls, places, strict=True) if not found)
    n_found = len(fitted.controls) - len(absent)
    if not n_found:
        return Fit(problem=translate((
            "Taught head {} finds none of its controls on this character. Choose the one that it was taught on."
        ), fitted.name))
    controls = translate("{} of {} taught controls found", n_found, len(fitted.controls))
    wanted = {channel for found in places for channel in found}
    return Fit(f"{fitted.name}: {controls}", absent, keyed=obstacles.keyed_by(character, wanted), character=character)


def fit_of_mesh(context: bpy.types.Context, model: folder.Model) -> Fit:
    """Whether the character has a mesh of the chosen head's topology."""
    settings = context.scene.unitalker
    head = model.head(settings.head)
    try:
        obj = find_mesh(rig.members(context, settings.character_name, settings.with_related), head)
    except EngineError as error:
        return Fit(problem=str(error))
    vertices = translate("{} vertices, as head {} moves", head.width // 3, head.id)
    return Fit(f"{obj.name}: {vertices}")
