"""Clean Action: which Actions of a character, or of the file, and where its lips touch in them."""

from __future__ import annotations

import math

import bpy
import numpy as np

from ...engine import EngineError, LipContacts, Motion, Rig, RigChannel, RigError, contacts_of, read_back
from ...engine.rig.presets import choose, find_targets
from ...engine.values.channels import ARKIT_52
from ..actions import actions, clean
from ..actions.actions import ActionUse
from ..actions.clean import CleanedAction, Tight
from ..character.character import Character, gather
from ..host.preferences import engine_preferences
from ..host.scene import scene_fps
from ..host.translations import translate, translate_plural
from ..keying.parts import refuse_tweak_mode

NOWHERE = Tight(np.zeros(0), np.zeros(0))


def clean_action(
    context: bpy.types.Context, character: str, action: str, error: float, selected: bool = False,
) -> tuple[CleanedAction, tuple[str, ...]]:
    """Take keys that change nothing out of Actions; how many went, and sentences for the user.

    Args:
        character: name of the object, whose lips stay closed where they touch; empty takes the panel's.
        action: the only Action that is cleaned; empty takes all that play on the character.
        error: the most by which a curve may move, in its own unit. selected: only curves that are selected.
    Raises:
        RigError: no such Action, none plays, or a data-block is in NLA tweak mode.
    """
    settings = context.scene.unitalker
    found = gather(context, character or settings.character_name, settings.with_related)
    for target in found.targets:
        refuse_tweak_mode(target, target.find())
    uses = _uses(found, action)
    if not uses:
        raise RigError(_nothing(found, action))
    tight, warnings = _contacts(context, found, uses)
    return clean.clean([(use, tight) for use in uses], error, selected), warnings


def said(done: CleanedAction) -> str:
    """The result in one line."""
    counted = translate_plural(done.gone, "1 key", "{} keys")
    text = translate(
        "{} of {} went, on {}; no curve moved by more than {}", counted, done.keys,
        translate_plural(done.curves, "1 curve", "{} curves"), f"{done.error:.3g}",
    )
    left = [
        translate_plural(done.locked, "1 locked curve was left alone", "{} locked curves were left alone")
        if done.locked else "",
        translate_plural(done.odd, "1 curve with modifiers was left alone", "{} curves with modifiers were left alone")
        if done.odd else "",
    ]
    return "; ".join(filter(None, (text, *left)))


def _uses(found: Character, action: str) -> list[ActionUse]:
    """Each once: what plays on the character, or all of an Action that is named."""
    wanted: list[ActionUse] = []
    for target in found.targets:
        for use in actions.uses(target.find()):
            named = not action or use.action.name == action
            if named and use.action.library is None and not any(actions.same_curves(use, other) for other in wanted):
                wanted.append(use)
    named = bpy.data.actions.get((action, None)) if action and not wanted else None
    if named is None:
        return wanted
    return [ActionUse(named, slot) for slot in named.slots] if actions.has_slots() else [ActionUse(named, None)]


def _nothing(found: Character, action: str) -> str:
    if action:
        return f"There is no Action {action!r} in this file that could be cleaned. Choose another one."
    return f"No Action plays on {found.name!r}, so there is nothing to clean. Give it one, or name one."


def _contacts(context: bpy.types.Context, found: Character, uses: list[ActionUse]) -> tuple[Tight, tuple[str, ...]]:
    """Where the lips touch in what the uses play, read with the character's preset; and why that is not known."""
    preferences = engine_preferences(context)
    rig = found.rig(context.scene.unitalker.preset or "auto", preferences.preset_folders)
    curves = [curve for use in uses for curve in actions.curves_of(use) if len(curve.keyframe_points)]
    unknown = translate("Where the lips touch is not known here: no preset reads this character's controls.")
    if not curves:
        return NOWHERE, ()
    spans = [curve.range() for curve in curves]
    frames = np.arange(math.floor(min(first for first, _ in spans)), math.ceil(max(last for _, last in spans)) + 1.0)
    contacts = _lips(found, rig, curves, frames, scene_fps(context.scene))
    return (NOWHERE, (unknown,)) if contacts is None else (Tight(frames, contacts.slack.astype(np.float64)), ())


def _lips(
    found: Character, rig: Rig, curves: list[bpy.types.FCurve], frames: np.ndarray, fps: float,
) -> LipContacts | None:
    try:
        preset = choose(rig)
    except EngineError:
        return None
    by_channel = {actions.channel_of(curve): curve for curve in curves}
    values: dict[RigChannel, np.ndarray] = {}
    for place in [place for places in find_targets(preset, rig) for place in places]:
        paths = [part.path_of(place) for part in found.targets]
        curve = next((by_channel[path] for path in paths if path in by_channel), None)
        if curve is not None:
            values[place] = np.fromiter(map(curve.evaluate, frames.tolist()), np.float32, len(frames))
    try:
        motion, _ = read_back(values, fps, rig)
    except EngineError:
        return None
    still = tuple(channel for channel in ARKIT_52 if channel not in motion.channels)
    rest = np.zeros((len(frames), len(still)), np.float32)
    whole = Motion(np.concatenate([motion.weights, rest], axis=1), (*motion.channels, *still), fps)
    return contacts_of(whole) if "jawOpen" in motion.channels else None
