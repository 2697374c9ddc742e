"""What the mouth typically does on each phone, and how neighbouring phones blend: face curves from phones with times.

Not how motion is made (the model does that), but what a phone that the user changes should look like. The table
phone_mouths.json was measured on the bundled model: `python -m engine.learn.visemes.measure_mouths`. Its channels are
ARKit's, so it serves every head that has them.
Source: dominance after Cohen and Massaro (1993).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..values.phones import PHONE_INDEX, PHONES, Phone
from ..values.types import FloatArray

TABLE = Path(__file__).with_name("phone_mouths.json")

NEIGHBOURS = 4              # phones to each side that still show in a mouth
FAR_S = 0.3                 # from its core, where the last of a phone is gone
# A phone's core: this part of its length to each side of its middle, or all but so much at each end.
CORE_SHARE, LONGEST_EDGE_S = 0.3, 0.050
LEAD_S, TAIL_S = 0.030, 0.045               # the mouth opens before the voice, and closes after it
SILENCE_REACH_S, SILENCE_STRENGTH = 0.040, 4.0
# A silence as short as the first is no pause; from the second on the face rests in it.
SHORTEST_PAUSE_S, FULL_PAUSE_S = 0.040, 0.160


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that move together.

    Attributes:
        name: key of the strengths in the table.
        begins: how the channels' names begin; the last group takes all others.
        before_s, after_s: how far a phone reaches ahead of its core, and behind it; distance to 1/e.
    """

    name: str
    begins: tuple[str, ...]
    before_s: float
    after_s: float


GROUPS = (
    ChannelGroup("contact", ("mouthClose", "mouthPress", "mouthRoll", "mouthFrown"), 0.030, 0.030),
    ChannelGroup("rounding", ("mouthFunnel", "mouthPucker", "mouthShrugLower", "cheekPuff"), 0.068, 0.090),
    ChannelGroup("opening", ("",), 0.045, 0.055),
)


@dataclass(frozen=True)
class Table:
    """Mouths of phones: targets (n_phones, n_channels), and how firmly phones insist on them (n_phones, n_groups)."""

    channels: tuple[str, ...]
    targets: FloatArray
    strengths: FloatArray


@lru_cache(maxsize=1)
def table() -> Table:
    """The measured table, rows in the order of PHONES."""
    content = json.loads(TABLE.read_text(encoding="utf-8"))
    rows = [content["phones"][label] for label in PHONES]
    strengths = np.array([[row["strength"][group.name] for group in GROUPS] for row in rows], np.float32)
    return Table(tuple(content["channels"]), np.array([row["mouth"] for row in rows], np.float32), strengths)


def mouths(phones: Sequence[Phone], seconds: NDArray[np.float64]) -> FloatArray:
    """Typical weights (n, n_channels) of table().channels at these seconds (n,).

    Args:
        phones: in time order without gaps.
    """
    measured = table()
    weights = np.zeros((len(seconds), len(measured.channels)), np.float32)
    for number, group in enumerate(GROUPS):
        columns = columns_of(group, measured.channels)
        of_phones = shares(phones, seconds, group, measured.strengths[:, number])
        weights[:, columns] = of_phones @ measured.targets[:, columns]
    return weights


def shares(
    phones: Sequence[Phone], seconds: NDArray[np.float64], group: ChannelGroup, strengths: FloatArray,
) -> FloatArray:
    """How much each class of PHONES has of the mouth at these seconds: (n, n_phones), rows add up to 1.

    Args:
        strengths: (n_phones,) of the group.
    """
    labels = np.array([PHONE_INDEX[phone.label] for phone in phones], np.intp)
    starts, ends = (np.array([getattr(phone, name) for phone in phones]) for name in ("start_s", "end_s"))
    silent = labels == PHONE_INDEX["SIL"]
    core_start, core_end = cores(starts, ends, silent)
    firm = firmness(ends - starts, silent, strengths[labels])
    at = np.clip(np.searchsorted(starts, seconds, side="right") - 1, 0, len(labels) - 1)
    result = np.zeros((len(seconds), len(PHONES)))
    rows = np.arange(len(seconds))
    for offset in range(-NEIGHBOURS, NEIGHBOURS + 1):
        near = np.clip(at + offset, 0, len(labels) - 1)
        ahead_s, behind_s = np.maximum(core_start[near] - seconds, 0), np.maximum(seconds - core_end[near], 0)
        left = np.maximum(0, 1 - (ahead_s + behind_s) / FAR_S) * ((at + offset >= 0) & (at + offset < len(labels)))
        reach = falloff(ahead_s, behind_s, silent[near], group.before_s, group.after_s)
        result[rows, labels[near]] += left * firm[near] * reach
    return np.asarray(result / np.maximum(result.sum(axis=1, keepdims=True), 1e-9), np.float32)


def cores(
    starts: FloatArray, ends: FloatArray, silent: NDArray[np.bool_], lead_s: float = LEAD_S,
) -> tuple[FloatArray, FloatArray]:
    """Seconds from which and to which each phone is wholly itself, arrays as given.

    Args:
        lead_s: by which the mouth opens before the voice.
    """
    inset = np.minimum((0.5 - CORE_SHARE) * (ends - starts), LONGEST_EDGE_S)
    middle = (starts + ends) / 2 + (TAIL_S - lead_s) / 2 * silent.astype(ends.dtype)
    core_start = np.minimum(starts + np.where(silent, TAIL_S, inset), middle)
    return core_start, np.maximum(ends - np.where(silent, lead_s, inset), middle)


def falloff(
    ahead_s: FloatArray, behind_s: FloatArray, silent: NDArray[np.bool_], before_s: float, after_s: float,
) -> FloatArray:
    """What is left of phones at a distance from their cores: 1 inside of the core, 1/e at the reach.

    Args:
        ahead_s, behind_s: seconds until the core, and since it; negative beyond.
        silent: whether each is a silence, which has a reach of its own.
    """
    ahead, behind = (
        np.where(silent, 1 / SILENCE_REACH_S, 1 / reach_s).astype(ahead_s.dtype) for reach_s in (before_s, after_s)
    )
    distance = ahead_s * ahead
    np.maximum(distance, behind_s * behind, out=distance)
    np.maximum(distance, 0.0, out=distance)
    return np.asarray(np.exp(np.negative(distance, out=distance), out=distance))


def firmness(lengths_s: FloatArray, silent: NDArray[np.bool_], strengths: FloatArray) -> FloatArray:
    """How firmly phones insist: by their strengths, and silences by how much of a pause they are."""
    pauses = np.clip((lengths_s - SHORTEST_PAUSE_S) / (FULL_PAUSE_S - SHORTEST_PAUSE_S), 0.05, 1.0) * SILENCE_STRENGTH
    return np.where(silent, pauses, strengths)


def columns_of(group: ChannelGroup, channels: Sequence[str]) -> list[int]:
    """Which channels are of a group; each is of the first group that knows it."""
    owners = [next(other for other in GROUPS if channel.startswith(other.begins)) for channel in channels]
    return [column for column, owner in enumerate(owners) if owner == group]
