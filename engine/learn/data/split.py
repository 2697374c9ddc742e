"""Which recordings choose, which only report: evaluation_split.json, the same for training and for the evaluator."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SPLIT = Path(__file__).parent / "evaluation_split.json"
TRAIN, CHOOSE, REPORT = "train", "choose", "report"


@dataclass(frozen=True)
class Voice:
    """The clips of one voice.

    Attributes:
        data_set: folder name of the recordings.
        kind: of recording: read, commands, acted, hall, words, singing.
        role: train (may be trained on), choose (picks checkpoints and settings) or report (only ever measured).
    """

    data_set: str
    voice: str
    kind: str
    role: str
    clips: tuple[str, ...]


@lru_cache(maxsize=1)
def voices() -> tuple[Voice, ...]:
    """All voices of the file, in its order."""
    sets = json.loads(SPLIT.read_text(encoding="utf-8"))["sets"]
    return tuple(
        Voice(data_set, entry["voice"], entry["kind"], entry["role"], tuple(entry["clips"]))
        for data_set, entries in sets.items() for entry in entries
    )


def by_clip(data_set: str) -> Mapping[str, Voice]:
    """Voice of each clip of one set; empty for a set that the file does not know."""
    return {clip: voice for voice in voices() if voice.data_set == data_set for clip in voice.clips}


def choosing(clips: Mapping[str, str], data_set: str) -> frozenset[str]:
    """The clips that choose.

    Args:
        clips: voice by clip name; used where the file does not know the set: then every other voice in alphabetical
            order chooses.
        data_set: folder name of the recordings.
    """
    known = by_clip(data_set)
    if known and set(clips) <= set(known):
        return frozenset(clip for clip in clips if known[clip].role == CHOOSE)
    chosen = _every_other(clips.values())
    return frozenset(clip for clip, voice in clips.items() if voice in chosen)


def _every_other(names: Iterable[str]) -> frozenset[str]:
    return frozenset(sorted(set(names))[0::2])
