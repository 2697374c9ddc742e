"""Bake to Plain Action: what plays on a character, however it is layered, becomes one Action that every exporter takes.

The Action is the artist's: it bears no mark of ours, and Clear or the next take leave it alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy
import numpy as np

from ...engine import RigError
from ...engine.values.messages import number_of
from ..actions import actions, nla
from ..actions.actions import Channel
from ..actions.keys import Writer
from ..character.character import KeyTarget, gather
from ..keying.parts import refuse_tweak_mode

MAX_FRAMES = 200_000            # two hours at 24 frames a second

Channels = dict[bpy.types.ID, list[Channel]]


@dataclass(frozen=True)
class Baked:
    """What was baked.

    Attributes:
        actions: names of the Actions, one for all data-blocks from Blender 4.4 on. curves: their number.
        first_frame, last_frame: of the keys. warnings: sentences for the user.
    """

    actions: tuple[str, ...]
    curves: int
    first_frame: int
    last_frame: int
    warnings: tuple[str, ...]


def bake(context: bpy.types.Context, object_name: str, name: str, frames: tuple[int, int] | None = None) -> Baked:
    """Key every animated channel of a character on every frame, and let these keys alone play.

    Args:
        object_name: of the character; empty takes the panel's, else the active object.
        name: of the new Action; empty makes "<character> Baked".
        frames: first and last; None takes all that is keyed.
    Raises:
        RigError: nothing is animated, the range is empty or too long, or a data-block is in NLA tweak mode.
            Nothing is changed then.
    """
    settings = context.scene.unitalker
    character = gather(context, object_name or settings.character_name, settings.with_related)
    channels: Channels = {}
    names: dict[bpy.types.ID, str] = {}
    warnings: list[str] = []
    for target in character.targets:
        owner = target.find()
        refuse_tweak_mode(target, owner)
        found = _channels(owner, target, warnings)
        if found:
            channels[owner], names[owner] = found, target.object_name
    if not channels:
        raise RigError(
            f"Nothing on {character.name!r} is animated, so there is nothing to bake. Generate a lip sync first."
        )
    first, last = frames or span_of(list(channels))
    if not 0 <= last - first < MAX_FRAMES:
        raise RigError(
            f"Frames {first} to {last} cannot be baked: from 1 to {MAX_FRAMES} frames are possible. Fix the range."
        )
    values = _sample(context, channels, first, last)
    made = _write(names, channels, values, first, name or f"{character.name} Baked")
    return Baked(made, sum(map(len, channels.values())), first, last, tuple(warnings))


def _channels(owner: bpy.types.ID, target: KeyTarget, warnings: list[str]) -> list[Channel]:
    """What plays on a data-block and holds a number; a driven one follows its driver anyway."""
    playing = {
        (curve.data_path, curve.array_index) for use in actions.uses(owner) if not use.muted
        for curve in actions.curves_of(use) if not curve.mute
    }
    found, odd = [], []
    for channel in sorted(playing - target.driven):
        value = _value(owner, channel)
        (odd if value is None else found).append(channel)
    if odd:
        warnings.append(
            f"{target.object_name!r}: {number_of(len(odd), 'channel')} left out, "
            f"since nothing is there or no number ({odd[0][0]})."
        )
    return found


def span_of(owners: list[bpy.types.ID]) -> tuple[int, int]:
    """First and last frame of all that plays."""
    frames: list[float] = []
    for owner in owners:
        for use in actions.uses(owner):
            if use.strip is not None and not use.muted:
                frames += [use.strip.frame_start, use.strip.frame_end]
            elif use.strip is None:
                frames += [frame for curve in actions.curves_of(use) for frame in curve.range()]
    return math.floor(min(frames)), math.ceil(max(frames))


def _sample(context: bpy.types.Context, channels: Channels, first: int, last: int) -> dict[bpy.types.ID, np.ndarray]:
    """Values (n_channels, n_frames) as Blender plays them."""
    scene, now = context.scene, context.scene.frame_current
    values = {owner: np.empty((len(found), last - first + 1), np.float32) for owner, found in channels.items()}
    try:
        for frame in range(first, last + 1):
            scene.frame_set(frame)
            for owner, found in channels.items():
                values[owner][:, frame - first] = [_value(owner, channel) for channel in found]
    finally:
        scene.frame_set(now)
    return values


def _value(owner: bpy.types.ID, channel: Channel) -> float | None:
    """The number at a channel; None where there is none."""
    path, index = channel
    try:
        value = owner.path_resolve(path)
        value = value[index] if hasattr(value, "__len__") and not isinstance(value, str) else value
    except (ValueError, IndexError, KeyError):
        return None
    return float(value) if isinstance(value, (int, float)) else None


def _write(
    names: dict[bpy.types.ID, str], channels: Channels, values: dict[bpy.types.ID, np.ndarray], first: int, name: str,
) -> tuple[str, ...]:
    writer, made = Writer('LINEAR'), []
    for owner, found in channels.items():
        if not made or not actions.has_slots():
            made.append(actions.plain_action(name if not made else f"{name} {names[owner]}"))
        use, bag = actions.open_slot(owner, made[-1], names[owner])
        frames = np.arange(first, first + values[owner].shape[1], dtype=np.float32)
        for channel, row in zip(found, values[owner], strict=True):
            writer.new(bag, channel, np.column_stack([frames, row]).astype(np.float32))
        nla.play_alone(owner, use)
    return tuple(action.name for action in made)
