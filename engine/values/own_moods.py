"""Moods that a user makes: a name, and one or several poses of ARKit channels that are drawn in turn.

Kept as JSON text, so that they travel with a take, a job or a command line: {"smirk": {"mouthSmileLeft": 0.4}}, or
{"smirk": [{"mouthSmileLeft": 0.4}, {"mouthDimpleLeft": 0.5}]} for two poses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import cast

from .channels import ARKIT_52
from .errors import SettingError

MAX_POSES = 12              # of one mood
MAX_MOODS = 64
NAME = re.compile(r"[^\W_][\w -]{0,30}")      # what a tag of a transcript can hold: no brackets, commas or signs
# Of a face, what a mood may move: jaw, tongue, rounding and closing are speech, the gaze is the performance's.
FELT = tuple(
    name for name in ARKIT_52
    if not name.startswith(("jaw", "tongue", "eyeLook", "mouthClose", "mouthFunnel", "mouthPucker"))
)
EXAMPLE = 'Write for example {"smirk": {"mouthSmileLeft": 0.4}}.'

Pose = Mapping[str, float]


@lru_cache(maxsize=8)
def read_own_moods(text: str) -> Mapping[str, tuple[Pose, ...]]:
    """The poses of each mood by its name in small letters; none for an empty text. Raises SettingError."""
    if not text.strip():
        return MappingProxyType({})
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise SettingError(f"Own moods {text[:40]!r} are no JSON text. {EXAMPLE}") from None
    if not isinstance(content, dict) or len(content) > MAX_MOODS:
        raise SettingError(f"Own moods must be at most {MAX_MOODS} names with their poses. {EXAMPLE}")
    return MappingProxyType({_name(name): _poses(name, poses) for name, poses in content.items()})


def write_own_moods(moods: Mapping[str, tuple[Pose, ...]]) -> str:
    """The text of these moods; empty for none."""
    return json.dumps({name: list(map(dict, poses)) for name, poses in moods.items()}) if moods else ""


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise SettingError(
            f"A mood cannot be called {name[:40]!r}: at most 31 letters, digits and spaces, first a letter or digit."
        )
    return name.lower()


def _poses(name: str, poses: object) -> tuple[Pose, ...]:
    listed = poses if isinstance(poses, list) else [poses]
    if not 1 <= len(listed) <= MAX_POSES or not all(isinstance(pose, dict) for pose in listed):
        raise SettingError(f"Mood {name!r} must have 1 to {MAX_POSES} poses. {EXAMPLE}")
    return tuple(_pose(name, pose) for pose in listed)


def _pose(name: str, pose: object) -> Pose:
    content = cast("dict[str, object]", pose)
    return MappingProxyType({channel: _weight(name, channel, weight) for channel, weight in content.items()})


def _weight(name: str, channel: str, weight: object) -> float:
    if channel not in FELT:
        raise SettingError(f"Mood {name!r} cannot move {channel!r}: speech needs it, or no face has it. {EXAMPLE}")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
        raise SettingError(f"Mood {name!r} must move {channel} by 0 to 1, got {weight!r}.")
    return float(weight)
