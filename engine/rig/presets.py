"""Find the rig preset that fits a character.

Knows presets and the names on a rig; knows nothing of how files are written or how curves are made.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..values.channels import region
from ..values.errors import NoPresetError, PresetError, RigError
from ..values.types import Rig, RigChannel
from .names import find_on_rig, first_names, rig_summary
from .preset import ARKIT_SOURCE, SOURCES, Preset, Target
from .preset_file import NOT_PRESETS, data_folder, load_preset, save_preset

__all__ = [
    "Match", "Preset", "Target", "choose", "detect", "find_targets", "list_presets", "load_preset", "match",
    "save_preset", "scan_presets", "source_of",
]

AUTO = "auto"
BLEND_WORTH = 0.6               # of a channel that only moves mixed mouth shapes, against one with a key of its own
SPELLING_DOUBT = 0.35           # what a preset loses when none of its names are spelled as on the rig
GENERIC_DOUBT = 0.85            # of a preset whose names many kinds of rig have
FLAME_SOURCE = "flame413"       # a key of preset_file.SOURCES
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Match:
    """How well one preset fits one rig.

    Attributes:
        score: how much of a speaking face follows, 0 to 1 (`_score`); 0 where the preset's detect rule does not hold.
        found: source channels that reach the rig.
        missing: source channels of the preset that reach nothing on the rig.
        absent: names that the preset looked for in vain.
        exact: number of targets found under exactly the preset's name.
    """

    preset: Preset
    score: float
    found: tuple[str, ...]
    missing: tuple[str, ...]
    absent: tuple[str, ...]
    exact: int

    def __str__(self) -> str:
        return f"{len(self.found)} of {len(self.found) + len(self.missing)} channels found"


def list_presets(folders: Sequence[str] = ()) -> tuple[Preset, ...]:
    """All presets: the user's folders first, then the bundled ones; of two with one file name the first counts.

    A file that is broken is left out with a logged warning; scan_presets gives the errors too.
    """
    presets, errors = scan_presets(folders)
    for error in errors:
        _LOG.warning("%s", error)
    return presets


def scan_presets(folders: Sequence[str] = ()) -> tuple[tuple[Preset, ...], tuple[PresetError, ...]]:
    """The presets of list_presets, and one error for each file that is broken."""
    presets: dict[str, Preset] = {}
    errors = []
    for path in _files(folders):
        if path.stem in presets:
            continue
        try:
            presets[path.stem] = _unchanged(path, _stamp(path))
        except PresetError as error:
            errors.append(error)
    return tuple(presets.values()), tuple(errors)


@lru_cache(maxsize=256)
def _unchanged(path: Path, _stamp: tuple[int, int]) -> Preset:
    """The preset of a file, read once for each time the file is written."""
    return load_preset(path)


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when a file is written: time in nanoseconds, and size; 0 where reading it will give the error."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def detect(rig: Rig, presets: Sequence[Preset]) -> tuple[Match, ...]:
    """Every preset's match with rig, best first.

    Best: the highest score, then most source channels reached, then the order of presets.
    """
    matches = [match(preset, rig) for preset in presets]
    return tuple(sorted(matches, key=lambda found: (-found.score, -len(found.found))))


def match(preset: Preset, rig: Rig) -> Match:
    """How well preset fits rig."""
    places = find_targets(preset, rig)
    pairs = zip(preset.targets, places, strict=True)
    live = [(target, to) for target, to in pairs if not rig.driven.issuperset(to)]
    reached = {channel for target, _ in live for channel, _ in target.sources}
    holds = len(live) >= preset.at_least and (not preset.any_of or _has_any(preset.any_of, rig))
    return Match(
        preset=preset,
        score=_score(preset, live) if holds else 0.0,
        found=tuple(channel for channel in preset.channels if channel in reached),
        missing=tuple(channel for channel in preset.channels if channel not in reached),
        absent=tuple(target.to.name for target, to in zip(preset.targets, places, strict=True) if not to),
        exact=sum(1 for target, to in live if target.to in to),
    )


def _score(preset: Preset, live: Sequence[tuple[Target, tuple[RigChannel, ...]]]) -> float:
    """Importance of the channels that reach the rig, times how sure it is that this is the rig.

    A channel that only feeds mixed mouth shapes counts BLEND_WORTH; a preset whose names are spelled otherwise on the
    rig, or are common to many kinds of rig, is less sure.
    """
    if not live:
        return 0.0
    direct = {channel for target, _ in live if not target.blend for channel, _ in target.sources}
    mixed = {channel for target, _ in live if target.blend for channel, _ in target.sources} - direct
    whole = preset.channels
    if preset.source == ARKIT_SOURCE:
        whole = tuple(channel for channel in SOURCES[ARKIT_SOURCE] if region(channel))
    worth = {**dict.fromkeys(mixed, BLEND_WORTH), **dict.fromkeys(direct, 1.0)}
    reach = sum(_importance(channel) * worth.get(channel, 0.0) for channel in whole)
    exact = sum(1 for target, to in live if target.to in to) / len(live)
    sure = (1 - SPELLING_DOUBT * (1 - exact)) * (GENERIC_DOUBT if preset.generic else 1.0)
    return reach / sum(map(_importance, whole)) * sure


def _importance(channel: str) -> float:
    """Of a channel for a speaking face."""
    return 1.0 if region(channel) in ("jaw", "lips") else 0.3


def find_targets(preset: Preset, rig: Rig) -> tuple[tuple[RigChannel, ...], ...]:
    """For each target of preset the rig's own channels that it drives, () where the rig has none."""
    return find_on_rig([target.to for target in preset.targets], rig)


def source_of(space: str) -> str:
    """The channel set that a preset must read for a head of this space."""
    return FLAME_SOURCE if space == "flame" else "arkit52"


def choose(rig: Rig) -> Preset:
    """The preset that rig.preset asks for: a path to a JSON file, a name, or with "auto" the best match.

    Raises:
        PresetError: no preset has this name, or its file is broken.
        NoPresetError: with "auto", no preset fits the rig. RigError: it has nothing that could be keyed.
    """
    wanted = rig.preset.strip()
    if wanted.lower().endswith(".json") or "/" in wanted or "\\" in wanted:
        return load_preset(wanted)
    if wanted.casefold() in (AUTO, ""):
        return _best(rig)
    presets = list_presets(rig.preset_folders)
    for preset in presets:
        if wanted.casefold() in (preset.id.casefold(), preset.name.casefold()):
            return preset
    for path in _files(rig.preset_folders):
        if path.stem.casefold() == wanted.casefold():
            return load_preset(path)    # raises: it is there but broken
    known = first_names([preset.id for preset in presets])
    raise PresetError(f"No preset is named {wanted!r}; there are {known}. Choose one of them, or \"auto\".")


def _best(rig: Rig) -> Preset:
    presets = list_presets(rig.preset_folders)
    matches = detect(rig, [preset for preset in presets if preset.source == rig.source and preset.auto])
    if matches and matches[0].score > 0:
        return matches[0].preset
    if not (rig.shape_keys or rig.bones or rig.properties):
        if rig.empty_keys:
            raise RigError(
                f"The shape keys of this character move nothing ({first_names(sorted(rig.empty_keys))}). "
                "Choose a mesh whose shape keys move it, or import the character with its morphs."
            )
        raise RigError(
            "The character has no shape keys, bones or custom properties to key. "
            "Choose a character with face shape keys."
        )
    near = max(matches, key=lambda found: len(found.found), default=None)
    best = f" Closest: {near.preset.name!r}, {near}." if near and near.found else ""
    empty = ""
    if rig.empty_keys:
        empty = f" Empty shape keys that move nothing are left out: {first_names(sorted(rig.empty_keys))}."
    names = "ARKit does (jawOpen, mouthClose, ...)"
    if rig.source == FLAME_SOURCE:
        names = "FLAME rigs do (Exp1, Exp2, ...; a bone named jaw)"
    raise NoPresetError(
        f"No preset fits this character: it has {rig_summary(rig)}.{empty}{best}",
        f"{_ways_on(rig)} Or name its shape keys as {names}, "
        "or write a preset for it (presets/SCHEMA.md) and choose that.",
    )


def _ways_on(rig: Rig) -> str:
    """What the add-on has for rigs without a preset."""
    can_match = rig.shape_keys and rig.source == ARKIT_SOURCE
    by_shape = "Match by Shape finds out what its shape keys do, " if can_match else ""
    return (
        f"In Blender's sidebar: {by_shape}Map It Yourself lets you choose its controls, "
        "Teach learns from keys of your own."
    )


def _has_any(names: Sequence[str], rig: Rig) -> bool:
    """Whether rig has a shape key, bone or property of these names."""
    wanted = [RigChannel(kind, name) for name in names for kind in ("shape_key", "bone", "property")]
    return any(find_on_rig(wanted, rig))


def _files(folders: Sequence[str]) -> list[Path]:
    """Preset files in the order in which they count."""
    paths: list[Path] = []
    for folder in (*map(Path, folders), data_folder()):
        try:
            paths += sorted(path for path in folder.glob("*.json") if path.name not in NOT_PRESETS)
        except OSError as error:
            _LOG.warning("Preset folder %s cannot be read: %s. Check its path and permissions.", folder, error)
    return paths
