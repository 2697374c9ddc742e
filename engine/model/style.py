"""Find the style vector that the user asked for.

A style is a vector, not an index: the pivot, one identity, a row by number and a blend all end as (s,) float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..values.errors import SettingError
from ..values.types import FloatArray, Settings
from .folder import Model

MAX_ROW_DIGITS = 9          # of "#12"; Python refuses to read far longer numbers


@dataclass(frozen=True)
class Style:
    """What the decoder needs to know of the speaker.

    Attributes:
        vector: (s,) the wanted style.
        pivot: (s,) the neutral style that strength counts from.
        strength: 0 (pivot) over 1 (the style) to 2 (twice its difference from the pivot).
    """

    vector: FloatArray
    pivot: FloatArray
    strength: float


def resolve(settings: Settings, model: Model) -> Style:
    """The style that settings.identity and settings.strength name in this model.

    Raises:
        SettingError: unknown identity, a row outside the table, a blend that cannot be read.
    """
    vector = _vector(settings.identity.strip(), model)
    pivot = vector if model.pivot is None else model.styles[model.pivot]
    return Style(vector, pivot, settings.strength)


def missing_pivot(settings: Settings, model: Model) -> str:
    """A sentence for the user where a model without a neutral style was asked for one; else empty."""
    wants_pivot = settings.identity.strip() in ("", "pivot")
    if model.pivot is not None or (not wants_pivot and settings.strength == 1):
        return ""
    name = model.identities[_row("", model)].id if wants_pivot else settings.identity
    return f"Model {model.id} has no neutral style: {name} is used as it is, and strength has no effect."


def _vector(identity: str, model: Model) -> FloatArray:
    if identity.startswith("blend:"):
        return _blend(identity, model)
    return np.asarray(model.styles[_row(identity, model)])


def _row(name: str, model: Model) -> int:
    if name in ("", "pivot"):
        return len(model.styles) - 1 if model.pivot is None else model.pivot     # the reference takes the last row too
    if name.startswith("#"):
        return _numbered_row(name, model)
    for row, identity in enumerate(model.identities):
        if name == identity.id or name.casefold() == identity.label.casefold():
            return row
    shown = ", ".join(identity.id for identity in model.identities[:12])
    raise SettingError(
        f"Model {model.id} has no identity {name!r}. It has {len(model.identities)}: {shown} "
        f"(see `identities --model {model.id}`)."
    )


def _numbered_row(name: str, model: Model) -> int:
    if not name[1:].isdecimal() or len(name) > MAX_ROW_DIGITS + 1 or int(name[1:]) >= len(model.styles):
        raise SettingError(
            f"Identity row {name[:MAX_ROW_DIGITS + 1]!r} does not exist: "
            f"model {model.id} has rows #0 to #{len(model.styles) - 1}."
        )
    return int(name[1:])


def _blend(text: str, model: Model) -> FloatArray:
    """Weighted mean of style vectors; weights are made to sum to 1."""
    rows, weights = [], []
    for part in text.removeprefix("blend:").split(","):
        name, equals, weight = part.rpartition("=")
        try:
            value = float(weight)
        except ValueError:
            value = math.nan
        if not equals or not math.isfinite(value) or value < 0:
            raise SettingError(
                f"Blend {text!r}: {part!r} is not NAME=WEIGHT with a weight of 0 or more. "
                "Write blend:relaxed=0.3,clear=0.7."
            )
        rows.append(_row(name.strip(), model))
        weights.append(value)
    if max(weights) <= 0:
        raise SettingError(f"Blend {text!r}: the weights add up to 0. Give at least one a weight above 0.")
    share = np.asarray(weights) / max(weights)      # first by the largest: a sum of huge weights would be infinite
    return np.asarray((share / share.sum()).astype(np.float32) @ model.styles[rows], np.float32)
