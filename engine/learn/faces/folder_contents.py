"""What a model folder of a UniTalker holds besides its network: heads with neutral faces and bases, names of styles.

A training run keeps it beside its prepared data, so that a checkpoint can be exported without the data sets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...values.errors import SettingError
from ...values.types import FloatArray
from ..data.official import CHANNELS, FLAME_TYPES, PIVOT_LABEL, Dataset, Pca, Row

ARRAYS, FACTS = "heads.npz", "heads.json"
STYLES = "Styles"       # group of rows that are no speakers of a data set


@dataclass(frozen=True)
class HeadFiles:
    """One head's facts: data set it is named after, neutral face, PCA for vertices, names of channels."""

    dataset: Dataset
    template: FloatArray
    pca: Pca | None
    names: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of its numbers; numbered where nothing names them."""
        named = self.names or CHANNELS.get(self.dataset.annotation, ())
        return named or tuple(f"channel{number:03d}" for number in range(self.template.size))

    @property
    def space(self) -> str:
        """As model.json calls it."""
        if self.dataset.pca:
            return "vertices"
        return "flame" if self.dataset.annotation in FLAME_TYPES else "blendshapes"


@dataclass(frozen=True)
class Contents:
    """What a model folder holds besides the network.

    Attributes:
        heads: by annotation; rows: of the style table; pivot: whether the last row stands for everybody.
        normalise: whether the encoder hears normalised waves; place: where its heads are resampled.
        source, licence: sentences of model.json.
    """

    heads: Mapping[str, HeadFiles]
    rows: tuple[Row, ...]
    pivot: bool
    normalise: bool
    place: str
    source: str = "converted from an official UniTalker checkpoint"
    licence: str = (
        "see the release of the checkpoint (official weights: terms of X-niper/UniTalker and of its data sets)"
    )


@dataclass(frozen=True)
class TalkerContents:
    """What a model folder of a FaceFormer or CodeTalker holds besides the network.

    Attributes:
        head: id of its only head; space: "vertices" or "blendshapes", with `channels` for these.
        fps: frames per second. template: (outputs,) neutral face.
        rows: names of the styles; pivot: whether the last one stands for everybody.
        normalise: whether the encoder wants sound of variance 1.
        base: model whose encoder it hears; empty where it has its own.
    """

    head: str
    space: str
    fps: int
    template: FloatArray
    rows: tuple[Row, ...]
    normalise: bool
    licence: str
    source: str
    channels: tuple[str, ...] = ()
    pivot: bool = False
    base: str = ""


def save_heads(heads: Mapping[str, HeadFiles], folder: Path) -> None:
    """Write heads into a folder that is there."""
    arrays: dict[str, FloatArray] = {}
    for name, files in heads.items():
        arrays[f"{name}/template"] = files.template
        if files.pca is not None:
            arrays |= {f"{name}/components": files.pca.components, f"{name}/mean": files.pca.mean}
    np.savez(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
    facts = {name: {**asdict(files.dataset), "names": files.names} for name, files in heads.items()}
    (folder / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")


def load_heads(folder: Path) -> dict[str, HeadFiles]:
    """As save_heads wrote them. Raises SettingError: they are gone."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS) as arrays:
            found = {}
            for name, fact in facts.items():
                basis = f"{name}/components"
                pca = Pca(arrays[basis], arrays[f"{name}/mean"]) if basis in arrays else None
                names = tuple(fact.pop("names"))
                found[name] = HeadFiles(Dataset(**fact), arrays[f"{name}/template"], pca, names)
            return found
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingError(
            f"{folder}, with neutral faces and bases of a run, cannot be read ({error}). Train again with the same "
            "work folder; it goes on where it was."
        ) from error


def rows_of(identities: Sequence[str], pivot: bool) -> tuple[Row, ...]:
    """Rows of the style table for speakers named SET/NAME or, of a model that was trained on, NAME; and the pivot."""
    rows = []
    for name in identities:
        group, slash, speaker = name.partition("/")
        label = Row(f"{group}_{speaker}", speaker, group) if slash else Row(name, name.capitalize(), STYLES)
        rows.append(label)
    return (*rows, Row("pivot", PIVOT_LABEL, STYLES)) if pivot else tuple(rows)
