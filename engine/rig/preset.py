"""What a rig preset is: plain values.

presets/SCHEMA.md explains the fields to people who write presets.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..values.channels import ARKIT_52, FLAME_413, LIFE
from ..values.types import RigChannel

ARKIT_SOURCE = "arkit52"
SOURCES = {ARKIT_SOURCE: ARKIT_52, "flame413": FLAME_413}      # what a preset can read from


@dataclass(frozen=True)
class Target:
    """One rig channel from source channels: clamp(mixture * gain + offset), in the target's unit.

    Attributes:
        to: what is keyed; the name is the preset's spelling, the rig's own may differ in case and side suffix.
        sources: source channel and weight, each channel once; with `blend` the mouth shape that the rig channel shows.
        offset: value at rest.
        clamp: lowest and highest value, or None for no limit.
        degrees: weights, offset and clamp are degrees; the keys become radians.
        to_limit: 1 and -1 stand for the bone's own limits (Rig.limits); without limits they stay 1 and -1.
        share: targets of the same share name add up to at most 1, by scaling all of them down together; "" for none.
        gamma: exponent of each channel before its weight; below 1 lifts small motion, above 1 holds it back.
        combine: what is made of the weighted channels: "sum", or for a corrective "min" or "product".
        blend: targets of the same blend name are mouth shapes, mixed to look most like the motion; "" for none.
    """

    to: RigChannel
    sources: tuple[tuple[str, float], ...]
    gain: float = 1.0
    offset: float = 0.0
    clamp: tuple[float, float] | None = None
    degrees: bool = False
    share: str = ""
    gamma: float = 1.0
    combine: str = "sum"
    blend: str = ""
    to_limit: bool = False


@dataclass(frozen=True)
class Preset:
    """How one kind of rig is driven.

    Attributes:
        name: what the user sees.
        source: channel set that it reads, a key of SOURCES.
        targets: each rig channel once.
        any_of: a rig without any of these names is not taken for this kind; () asks for none.
        at_least: fewest targets that a rig must have to be taken for this kind.
        generic: many kinds of rig have these names, so a preset of the rig's own kind is better where it fits as well.
        auto: whether "auto" may take it; False for a variant that only a person can want.
        hold_frames: 0 eases the mouth shapes of each blend; else a single shape is 1 and holds for so many frames.
        names_from: where the names are known from.
        path: the file it came from; "" when made in memory.
    """

    name: str
    source: str
    targets: tuple[Target, ...]
    any_of: tuple[str, ...] = ()
    at_least: int = 1
    description: str = ""
    path: str = ""
    generic: bool = False
    auto: bool = True
    hold_frames: int = 0
    names_from: str = ""

    @property
    def id(self) -> str:
        """Short name for options and lists: the file name without its ending, or the name."""
        return Path(self.path).stem if self.path else self.name

    @property
    def channels(self) -> tuple[str, ...]:
        """Source channels that the preset uses, in the order of its source."""
        used = {channel for target in self.targets for channel, _ in target.sources}
        return tuple(channel for channel in (*SOURCES[self.source], *LIFE) if channel in used)
