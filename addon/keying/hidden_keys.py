"""Keys of a take that are out of sight: of sound that was trimmed away, or behind another take. Kept in the Action, so
that they come back as they were.

Plain numbers in one custom property, an .npz file as text. What cannot be read counts as not there.
"""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

import bpy
import numpy as np

from ...engine.values.array_files import read_arrays
from ..actions.keys import KEY_FIELDS, Keys
from ..actions.ledger import HIDDEN, Channel, key_now

MAX_TEXT = 50_000_000           # letters: an hour of 52 dense curves, packed; what is longer is not kept

Where = tuple[str, str]         # what actions.binding_key() calls a data-block, and line

log = logging.getLogger(__name__)


@dataclass
class Aside:
    """What one line keeps out of sight on one channel.

    Attributes:
        keys: their frames count from second 0 of the sound, not from the scene's start.
        ends: (n, 2) frame, counted like that, and value of keys that stand in for them where the line is cut.
    """

    keys: Keys
    ends: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.float32))

    def __bool__(self) -> bool:
        return bool(len(self.keys["co"]) or len(self.ends))


def nothing() -> Aside:
    """No key at all."""
    return Aside(no_keys())


def no_keys() -> Keys:
    """An empty set of keys."""
    return {name: np.zeros((0, width), dtype) for name, (dtype, width) in KEY_FIELDS.items()}


def joined(parts: Iterable[Keys]) -> Keys:
    """Several sets of keys as one, in the order of their frames; of two on one frame the first given stays."""
    given = [part for part in parts if len(part["co"])]
    if not given:
        return no_keys()
    together = {name: np.concatenate([part[name] for part in given]) for name in KEY_FIELDS}
    _, first = np.unique(np.round(together["co"][:, 0].astype(np.float64), 2), return_index=True)
    return {name: values[first] for name, values in together.items()}


def chosen(keys: Keys, which: np.ndarray) -> Keys:
    """The keys (n,) for which `which` is true."""
    return {name: values[which] for name, values in keys.items()}


def shifted(keys: Keys, frames: float) -> Keys:
    """The same keys, later by some frames."""
    moved = dict(keys)
    for name in ("co", "handle_left", "handle_right"):
        moved[name] = keys[name] + np.array([frames, 0], np.float32)
    return moved


def load(action: bpy.types.Action) -> dict[Where, tuple[str, dict[Channel, Aside]]]:
    """What an Action keeps: key and line -> the token of how it was made, and its channels."""
    text = action.get(HIDDEN)
    if not isinstance(text, str):
        return {}
    try:
        arrays = read_arrays(io.BytesIO(base64.b85decode(text)))
        stored_keys = _unpacked(json.loads(bytes(arrays.pop("index")).decode()), arrays)
        return {(key_now(action, key), line): aside for (key, line), aside in stored_keys.items()}
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        log.warning("The hidden keys of Action %r cannot be read", action.name)
        return {}


def store(action: bpy.types.Action, asides: dict[Where, tuple[str, dict[Channel, Aside]]]) -> None:
    """Keep them in the Action; nothing to keep takes the property away."""
    rows, parts, ends = [], [], []
    for (key, line), (token, channels) in asides.items():
        for (path, index), aside in channels.items():
            if aside:
                rows.append([key, line, token, path, index, len(aside.keys["co"]), len(aside.ends)])
                parts.append(aside.keys)
                ends.append(aside.ends)
    text = ""
    if rows:
        file = io.BytesIO()
        arrays = {name: np.concatenate([part[name] for part in parts]) for name in KEY_FIELDS}
        np.savez_compressed(
            file, index=np.frombuffer(json.dumps(rows).encode(), np.uint8), ends=np.concatenate(ends), **arrays
        )
        text = base64.b85encode(file.getvalue()).decode()
    if text and len(text) <= MAX_TEXT:
        action[HIDDEN] = text
    elif HIDDEN in action:
        del action[HIDDEN]


def _unpacked(rows: list[list[object]], arrays: dict[str, np.ndarray]) -> dict[Where, tuple[str, dict[Channel, Aside]]]:
    found: dict[Where, tuple[str, dict[Channel, Aside]]] = {}
    key, end = 0, 0
    for binding_key, line, token, path, index, n_keys, n_ends in rows:
        keys = {name: arrays[name][key:key + n_keys] for name in KEY_FIELDS}
        found.setdefault((binding_key, line), (token, {}))[1][(path, index)] = Aside(
            keys, arrays["ends"][end:end + n_ends]
        )
        key, end = key + n_keys, end + n_ends
    return found
