"""What would be keyed, data-block by data-block: channels of the result that this character has and that nobody else
holds. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import bpy
import numpy as np

from ...engine import RigCurves, RigError
from ..actions import actions
from ..actions.keys import Points
from ..actions.ledger import Channel, TakeNote
from ..actions.nla import Strip
from ..character.character import Character, KeyTarget
from ..character.rotation import to_bone_modes
from . import BeyondSliders, obstacles, sliders
from .obstacles import names_of


@dataclass(frozen=True)
class Line:
    """One piece of speech on the timeline.

    Attributes:
        name: of its strip or file. first_frame, last_frame: of its keys. fps: frames per second of the scene.
        note: how it was made, for the ledger.
    """

    name: str
    first_frame: float
    last_frame: float
    fps: float
    note: TakeNote | None = None


@dataclass(frozen=True)
class KeyOptions:
    """How keys are written.

    Attributes:
        action: name of the Action; empty goes on with ours, or makes "<character> Lip Sync". With destination 'SLOT' an
            Action of the artist.
        interpolation: 'LINEAR', 'BEZIER' or 'CONSTANT'.
        existing: 'KEEP' leaves channels that the artist has keyed alone, 'LAYER' plays over them.
        sliders: what happens to values beyond a shape key's slider: 'RAISE' lengthens the slider, 'CLIP' cuts the
            values, 'ASK' writes nothing.
        partial: what this result does not move keeps its keys, those of ours too.
        destination: 'ACTION' of ours, 'SLOT' in an Action of the artist, or 'NLA' for a strip that mixes as strip says.
    """

    action: str = ""
    interpolation: str = 'LINEAR'
    existing: str = 'KEEP'
    sliders: str = 'RAISE'
    partial: bool = False
    destination: str = 'ACTION'
    strip: Strip = field(default_factory=Strip)


@dataclass(frozen=True)
class PlannedKeys:
    """Keys for one data-block; shared are those of its channels that the artist has keyed too."""

    target: KeyTarget
    owner: bpy.types.ID
    points: dict[Channel, Points]
    shared: frozenset[Channel]


def prepare(target: KeyTarget, curves: RigCurves, line: Line, options: KeyOptions, warnings: list[str]) -> PlannedKeys:
    """The keys for one data-block; warnings get what was left alone. Raises RigError in tweak mode, BeyondSliders."""
    owner = target.find()
    refuse_unchangeable(target, owner)
    points = _points(target, owner, curves, line)
    found = obstacles.look(target, points.keys(), options.action)
    warnings += found.sentences
    unfree = found.driven | found.locked
    artist = actions.artist_channels(owner)
    shared = (artist & points.keys()) - unfree
    # never over or beside the artist's own keys, whatever is chosen
    left_alone = _idle_beside(points, artist, target, curves)
    if options.existing == 'KEEP':
        left_alone |= shared
    if left_alone:
        warnings.append(f"{names_of(left_alone)} of {target.object_name!r}: your own keys stay.")
    left_alone |= unfree | (shared & actions.artist_channels(owner, in_own=True))
    points = {channel: rows for channel, rows in points.items() if channel not in left_alone}
    if target.kind == 'KEY' and options.sliders != 'RAISE':
        points = _within_sliders(target, points, options.sliders, warnings)
    return PlannedKeys(target, owner, points, shared - left_alone)


def _points(target: KeyTarget, owner: bpy.types.ID, curves: RigCurves, line: Line) -> dict[Channel, Points]:
    """Keys for those channels that the data-block still has."""
    modes = (
        {bone.name: bone.rotation_mode for bone in owner.pose.bones} if target.kind == 'OBJECT' and owner.pose else {}
    )
    points: dict[Channel, Points] = {}
    for rig_channel, curve in to_bone_modes(curves.curves, modes).items():
        channel = target.path_of(rig_channel)
        if channel is not None and actions.leads_somewhere(owner, channel[0]):
            frames = np.round(line.first_frame + curve.seconds * line.fps, 4)
            points[channel] = np.stack([frames, curve.values], 1).astype(np.float32)
    return points


def _idle_beside(
    points: Iterable[Channel], artist: frozenset[Channel], target: KeyTarget, curves: RigCurves
) -> frozenset[Channel]:
    """Channels of idle motion that the artist has keyed, and rotations of which a part is the artist's."""
    keyed = {path for path, _ in artist}
    idle = [
        (rig_channel, channel[0]) for rig_channel in curves.life if (channel := target.path_of(rig_channel)) is not None
    ]
    bones = {
        path.rpartition(".")[0] + ".rotation" for rig_channel, path in idle if rig_channel.path.startswith("rotation")
    }
    turned = tuple(start for start in bones if any(path.startswith(start) for path in keyed))
    both = keyed.intersection(path for _, path in idle)
    return frozenset(channel for channel in points if channel[0] in both or channel[0].startswith(turned))


def _within_sliders(
    target: KeyTarget, points: dict[Channel, Points], choice: str, warnings: list[str]
) -> dict[Channel, Points]:
    """Points cut at the sliders' ends; raises BeyondSliders where the user wants to be asked first."""
    beyond = sliders.beyond(target.find(), points)
    if not beyond:
        return points
    names = f"{names_of(frozenset(beyond))} of {target.object_name!r}"
    if choice == 'ASK':
        furthest = max((float(value) for rows in beyond.values() for value in rows[:, 1]), key=abs)
        raise BeyondSliders(
            f"{names}: the motion goes to {furthest:.2f}, beyond the sliders' ends. Nothing was written. Set Output > "
            "Slider Range to Raise or Clip, then generate again."
        )
    warnings.append(f"{names}: clipped at the slider's end.")
    return {**points, **sliders.clip(target.find(), beyond)}


def refuse_tweak_mode(target: KeyTarget, owner: bpy.types.ID) -> None:
    """Raise RigError in NLA tweak mode, where Actions cannot be changed."""
    if owner.animation_data is not None and owner.animation_data.use_tweak_mode:
        raise RigError(obstacles.tweak_mode(target.object_name))


def refuse_unchangeable(target: KeyTarget, owner: bpy.types.ID) -> None:
    """Raise RigError in NLA tweak mode, and where the artist locked the NLA track that plays the lip sync."""
    reason = obstacles.unchangeable(owner, target.object_name)
    if reason:
        raise RigError(reason)


def nothing_left(character: Character, warnings: list[str]) -> str:
    """Why there is nothing to key, for the user."""
    if not warnings:
        return (
            f"Nothing of the result fits {character.name!r}. Its shape keys or bones were renamed meanwhile: start "
            "again."
        )
    return (
        f"No channel of {character.name!r} is free. {' '.join(warnings)} To layer the lip sync over your keys, set "
        "Existing Keys to Play on Top."
    )
