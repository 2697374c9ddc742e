"""Make a style vector of a reference motion, and keep styles in small files.

Knows motion and the graph that looks at it; knows nothing of where a motion came from. A reference may have any length,
rate and words. What speech does not decide (blinks, gaze) is left out; channels that it lacks count as at rest.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..motion.retime import retime
from ..values.errors import ModelError, SettingError
from ..values.messages import number_of
from ..values.settings import Reference
from ..values.types import FloatArray, Motion
from . import runtime
from .folder import MOTION_FILE, Model

STYLE_SUFFIX = ".style.json"
SCHEMA = 1
SHORTEST_S = 1.0            # less holds no word
PIECE_S = 20.0              # the longest that the network was taught; a longer reference goes in pieces
MOST_PIECES = 6             # spread over it
STILL_BELOW = 1e-3          # range of a channel that does not move
LARGEST_WEIGHT = 2.0        # beyond: not weights, but percent or degrees
FEWEST_CHANNELS = 5         # of a face; fewer say too little of how it moves
UNSPOKEN = ("eyeBlink", "eyeLook")
MAX_STYLE_BYTES = 2**20


def reference_of(motion: Motion, name: str, unread: str = "") -> Reference:
    """A motion as a reference, on the channels that models know; it is checked when a style is made of it."""
    digest = hashlib.blake2b(np.ascontiguousarray(motion.weights, np.float32).data, digest_size=16)
    digest.update(repr((motion.channels, motion.fps)).encode())
    return Reference(name, digest.hexdigest(), motion.weights, motion.channels, motion.fps, unread=unread)


def mixed_style(
    references: Sequence[Reference], model: Model, graph: runtime.Graph,
) -> tuple[FloatArray, tuple[str, ...]]:
    """The style (s,) of references by their shares, and sentences for the user.

    Raises:
        SettingError: a reference that cannot be used, or a style that another model saved.
    """
    styles, warnings = [], []
    for reference in references:
        style, lacking = _style_of(reference, model, graph)
        styles.append(style)
        warnings += [*filter(None, [reference.unread]), *lacking]
    shares = np.array([max(0.0, reference.share) for reference in references])
    if not shares.sum() > 0:
        raise SettingError("The shares of the references add up to 0. Give at least one a share above 0.")
    return np.asarray((shares / shares.sum()).astype(np.float32) @ np.stack(styles), np.float32), tuple(warnings)


def style_text(path: Path, name: str, vector: FloatArray, model: Model) -> str:
    """The text of a style file, for whoever writes it under `path`.

    Raises:
        SettingError: the ending is another one.
    """
    if not path.name.endswith(STYLE_SUFFIX):
        raise SettingError(f"Style file {path} must end in {STYLE_SUFFIX}.")
    if not model.reference_hz:
        raise SettingError(f"Model {model.id} has no style from a motion to be saved. Choose one such as composite.")
    content = {
        "schema": SCHEMA, "name": name, "model": model.id, "sha256": dict(model.hashes)[MOTION_FILE],
        "vector": [round(float(value), 6) for value in vector],
    }
    return json.dumps(content) + "\n"


def read_style(path: Path) -> Reference:
    """A style that was saved. Raises SettingError: missing, damaged, or of a newer version."""
    try:
        if path.stat().st_size > MAX_STYLE_BYTES:
            raise ValueError(f"it has {path.stat().st_size} bytes, at most {MAX_STYLE_BYTES} are read")
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise ValueError(f"it has schema {content['schema']!r}, this version reads {SCHEMA}")
        vector = tuple(float(value) for value in content["vector"])
        if not vector or not all(map(math.isfinite, vector)):
            raise ValueError("its vector is empty or not finite")
        name, sha256 = str(content["name"]), str(content["sha256"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SettingError(f"Style {path} cannot be read ({error}). Save it again from its reference.") from error
    digest = hashlib.blake2b(repr((vector, sha256)).encode(), digest_size=16).hexdigest()
    return Reference(name, digest, np.zeros((0, 0), np.float32), vector=vector, model_sha256=sha256)


def _style_of(reference: Reference, model: Model, graph: runtime.Graph) -> tuple[FloatArray, list[str]]:
    if reference.vector:
        return _saved(reference, model), []
    seen = next((head for head in model.heads if head.space == "blendshapes"), model.head(""))
    channels = seen.channels        # those that manners were learned of, whatever head is the model's first choice
    motion, warnings = _on_channels(reference, channels)
    rows = retime(motion, float(model.reference_hz)).weights
    styles = [graph.run({"motion": piece[None]}) for piece in _pieces(rows, round(PIECE_S * model.reference_hz))]
    width = model.styles.shape[1]
    if any(style.shape != (1, width) for style in styles):
        raise ModelError(
            f"{MOTION_FILE} of model {model.folder} gives shape {styles[0].shape}, (1, {width}) is needed. "
            "Export the model again."
        )
    return np.asarray(np.concatenate(styles).mean(axis=0), np.float32), warnings


def _saved(reference: Reference, model: Model) -> FloatArray:
    if reference.model_sha256 != dict(model.hashes)[MOTION_FILE] or len(reference.vector) != model.styles.shape[1]:
        raise SettingError(
            f"Style {reference.name!r} was saved with another model than {model.id}, or another version of it. "
            "Save it again from its reference."
        )
    return np.asarray(reference.vector, np.float32)


def _on_channels(reference: Reference, channels: tuple[str, ...]) -> tuple[Motion, list[str]]:
    """The reference on a model's channels, 0 to 1, and what it lacks. Raises SettingError."""
    name, weights = f"Reference {reference.name!r}", reference.weights
    if not len(weights) or len(weights) / reference.fps < SHORTEST_S:
        raise SettingError(
            f"{name} has {number_of(len(weights), 'frame')}; at least {SHORTEST_S:g} s of motion is needed. "
            "Choose a longer range or take."
        )
    known = [channel for channel in channels if channel in reference.channels]
    if len(known) < FEWEST_CHANNELS:
        shown = ", ".join(reference.channels[:4]) or "none"
        raise SettingError(
            f"{name} has {len(known)} of the face channels that a manner is read from, at least {FEWEST_CHANNELS} are "
            f"needed; it has {shown}. Choose a motion of ARKit channels, or a character with a preset for them."
        )
    rows = np.zeros((len(weights), len(channels)), np.float32)
    for channel in known:
        if not channel.startswith(UNSPOKEN):
            rows[:, channels.index(channel)] = weights[:, reference.channels.index(channel)]
    _check_values(name, rows, channels)
    lacking = [channel for channel in channels if channel not in known and not channel.startswith(UNSPOKEN)]
    text = f"{name} lacks {number_of(len(lacking), 'channel')} ({', '.join(lacking[:4])}), which count as at rest."
    return Motion(np.clip(rows, 0, 1), channels, reference.fps), [text] if lacking else []


def _check_values(name: str, rows: FloatArray, channels: tuple[str, ...]) -> None:
    broken = [channel for channel, column in zip(channels, rows.T, strict=True) if not np.isfinite(column).all()]
    if broken:
        raise SettingError(
            f"{name} has values that are not finite in {number_of(len(broken), 'channel')} "
            f"({', '.join(broken[:4])}). Export it again, or choose a range without them."
        )
    largest = float(np.abs(rows).max())
    if largest > LARGEST_WEIGHT:
        raise SettingError(
            f"{name} reaches {largest:g}; weights go from 0 to 1, at most {LARGEST_WEIGHT:g} is taken. "
            "Divide percent by 100."
        )
    if float(np.ptp(rows, axis=0).max()) < STILL_BELOW:
        raise SettingError(f"{name} does not move: every channel stays the same. Choose a take that speaks.")


def _pieces(rows: FloatArray, longest: int) -> list[FloatArray]:
    """All of it, or pieces of the longest length, spread evenly."""
    if len(rows) <= longest:
        return [rows]
    count = min(MOST_PIECES, math.ceil(len(rows) / longest))
    starts = np.linspace(0, len(rows) - longest, count).round().astype(int)
    return [rows[start:start + longest] for start in starts]
