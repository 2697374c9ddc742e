"""What the released UniTalker code defines outside the checkpoint: data sets, scales, identities, PCA, neutral faces.

Facts, not code: data set table, demo defaults and yaml keys of the official release. Own data sets are described by
`dataset_config` in the yaml, with the fields of the official table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...values.array_files import read_array, read_arrays
from ...values.channels import ARKIT_51, ETF_52, FLAME_413
from ...values.errors import ModelError, SettingError
from ...values.types import MAX_FPS, FloatArray

MAX_SUBJECTS = 100_000
MAX_PCA_BYTES = 2**30           # 1,024 components of 23,370 vertices are 290 MB
PIVOT_LABEL = "Neutral (pivot)"
CHANNELS: Mapping[str, tuple[str, ...]] = {
    "3DETF_blendshape_weight": ETF_52, "inhouse_blendshape_weight": ARKIT_51, "flame_params_from_dadhead": FLAME_413,
}
FLAME_TYPES = ("flame_params_from_dadhead",)


@dataclass(frozen=True)
class Dataset:
    """One data set.

    Attributes:
        folder: below the data root; annotation: id of its head.
        scale: factor of annotation and neutral face; model output stays in scaled units.
        subjects: its rows of the style table.
        pca: whether its head gives PCA coefficients.
        demo_row: row of id_template.npy that the official demo takes.
    """

    id: str
    folder: str
    annotation: str
    scale: float
    subjects: int
    pca: bool = False
    fps: int = 30
    demo_row: int = 0


DATASETS: Mapping[str, Dataset] = {dataset.id: dataset for dataset in (
    Dataset("D0", "D0_BIWI", "BIWI_23370_vertices", 0.2, 6, True, 25, 3),
    Dataset("D1", "D1_vocaset", "FLAME_5023_vertices", 1.0, 12, True, 30, 3),
    Dataset("D2", "D2_meshtalk", "meshtalk_6172_vertices", 0.001, 13, True),
    Dataset("D3", "D3D4_3DETF/D3_HDTF", "3DETF_blendshape_weight", 1.0, 141),
    Dataset("D4", "D3D4_3DETF/D4_RAVDESS", "3DETF_blendshape_weight", 1.0, 24),
    Dataset("D5", "D5_unitalker_faceforensics++", "flame_params_from_dadhead", 1.0, 719),
    Dataset("D6", "D6_unitalker_Chinese_speech", "inhouse_blendshape_weight", 1.0, 8, demo_row=4),
    Dataset("D7", "D7_unitalker_song", "inhouse_blendshape_weight", 1.0, 11),
)}


@dataclass(frozen=True)
class Official:
    """The yaml's answers that tensors cannot give; the released values are the defaults.

    Attributes:
        decoder_kind, period, pca_dim: None where the yaml does not say; else the checkpoint must agree.
        datasets: None takes those of DATASETS whose head the checkpoint has.
    """

    interpolate_pos: int = 1
    decoder_kind: str | None = None
    period: int | None = None
    pca_dim: int | None = None
    datasets: tuple[Dataset, ...] | None = None


@dataclass(frozen=True)
class Row:
    """One row of the style table."""

    id: str
    label: str
    group: str


@dataclass(frozen=True)
class Pca:
    """A vertex basis: components (k, n), mean (n,), cut to the head's k."""

    components: FloatArray
    mean: FloatArray


def read_config(path: Path | None) -> Official:
    """Read the official yaml; sections are flattened, keys of training are passed over.

    Raises:
        SettingError: missing file, no yaml, or a value that cannot be.
    """
    if path is None:
        return Official()
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        fields = _flat(content)
        own = {name: _dataset(name, spec) for name, spec in fields.get("dataset_config", {}).items()}
        wanted = fields.get("dataset")
        names = [name.strip() for name in wanted.split(",")] if isinstance(wanted, str) else wanted
        known = {**DATASETS, **own}
        use_pca = bool(fields.get("use_pca", True))
        datasets = None if names is None else tuple(
            replace(known[name], pca=known[name].pca and use_pca) for name in names
        )
        if sum(dataset.subjects for dataset in datasets or ()) > MAX_SUBJECTS:
            raise ValueError(f"its data sets have more than {MAX_SUBJECTS:,} subjects")
        kind = {"conv": "tcn", "transformer": "transformer", None: None}[fields.get("decoder_type")]
        optional = {name: None if fields.get(name) is None else int(fields[name]) for name in ("period", "pca_dim")}
        return Official(int(fields.get("interpolate_pos", 1)), kind, optional["period"], optional["pca_dim"], datasets)
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, yaml.YAMLError
    ) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise SettingError(
            f"Config {path} cannot be used ({reason[:200]}). Give the official yaml that the checkpoint was trained "
            "with."
        ) from error


def choose_datasets(official: Official, heads: Mapping[str, int]) -> tuple[Dataset, ...]:
    """The data sets behind a checkpoint's heads, in the order of its style table.

    Raises:
        ModelError: a head belongs to no data set, or a data set has no head.
    """
    datasets = official.datasets or tuple(dataset for dataset in DATASETS.values() if dataset.annotation in heads)
    annotations = {dataset.annotation for dataset in datasets}
    unknown, missing = sorted(set(heads) - annotations), sorted(annotations - set(heads))
    if unknown or missing:
        wrong = [f"unknown head {head}" for head in unknown] + [f"no head {head}" for head in missing]
        raise ModelError(
            f"The checkpoint does not fit the data sets {', '.join(dataset.id for dataset in datasets)}: "
            f"{', '.join(wrong)}. Name its data sets with --config: `dataset`, and `dataset_config` for your own."
        )
    return datasets


def name_rows(datasets: Sequence[Dataset], n_rows: int, root: Path | None) -> tuple[tuple[Row, ...], bool, str]:
    """Names of the style table's rows, whether the last is the pivot, a sentence where something is unusual."""
    rows = [row for dataset in datasets for row in _subjects(dataset, root)]
    pivot = Row("pivot", PIVOT_LABEL, "Styles")
    if n_rows == len(rows) + 1:
        return (*rows, pivot), True, ""
    if n_rows == len(rows):
        note = (
            f"The style table has {n_rows} rows and no pivot: no style is neutral, and strength has nothing to count "
            "from."
        )
        return tuple(rows), False, note
    names = tuple(Row(f"row_{row}", f"Row {row}", "Style table") for row in range(n_rows - 1))
    note = (
        f"The style table has {n_rows} rows, the data sets make {len(rows)} and a pivot: rows are only numbered, the "
        "last is taken as the pivot. Give the numbers of subjects in --config (dataset_config)."
    )
    return (*names, pivot), True, note


def read_pca(dataset: Dataset, width: int, root: Path, pca_dim: int | None) -> Pca:
    """The PCA of a data set, cut to the head's width as the reference does.

    Raises:
        ModelError: missing, damaged, or of another size than head and neutral face.
    """
    path = root / dataset.folder / "pca.npz"
    try:
        arrays = read_arrays(path, MAX_PCA_BYTES)
        components, mean = (_numbers(arrays[name]) for name in ("components_to_data", "original_data_mean"))
        statistics = len(arrays["data_components_mean"]) if "data_components_mean" in arrays else width
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ModelError(
            f"PCA file {path} cannot be read ({error}). Copy it again, or leave --pca out: vertex heads are then left "
            "out."
        ) from error
    fits = components.ndim == 2 and mean.shape == components.shape[1:] and len(components) >= width
    fits = fits and mean.size % 3 == 0
    expected = width if pca_dim is None else min(pca_dim, mean.size, statistics)
    if not fits or expected != width:
        raise ModelError(
            f"PCA file {path} has components {components.shape} and mean {mean.shape}; the head {dataset.annotation} "
            f"gives {width} coefficients, {expected} were expected. Give the data root that the checkpoint was trained "
            "with."
        )
    return Pca(components[:width], mean)


def read_template(dataset: Dataset, size: int, root: Path | None) -> tuple[FloatArray, str]:
    """(neutral face (size,) in scaled units, sentence for the user where there is none: zeros then).

    Raises:
        ModelError: the file has another size, or is missing for a vertex head.
    """
    path = (root or Path()) / dataset.folder / "id_template.npy"
    if root is None or not path.is_file():
        if dataset.pca:
            raise ModelError(
                f"{path} is missing: vertex head {dataset.annotation} has no neutral face. Give the data root with "
                "--pca."
            )
        note = f"No id_template.npy of {dataset.id}: the neutral face of {dataset.annotation} is taken as 0."
        return np.zeros(size, np.float32), note
    try:
        rows = _numbers(read_array(path))
    except (ValueError, OSError) as error:
        raise ModelError(f"{path} cannot be read ({error}). Copy it again.") from error
    faces, per_face = (len(rows), rows[0].size) if rows.ndim > 1 and len(rows) else (1, rows.size)
    if per_face != size:
        raise ModelError(
            f"{path} has {per_face} numbers per face, {dataset.annotation} has {size}. Give the data root of this "
            "checkpoint."
        )
    row = dataset.demo_row if dataset.demo_row < faces else 0
    return np.asarray(rows.reshape(faces, size)[row] * dataset.scale, np.float32), ""


def _numbers(array: NDArray[Any]) -> FloatArray:
    """As float32. Raises ValueError: no array of finite numbers."""
    with np.errstate(over="ignore"):
        numbers = np.asarray(array, np.float32) if isinstance(array, np.ndarray) and array.dtype.kind in "fiu" else None
    if numbers is None or not np.isfinite(numbers).all():
        raise ValueError("it does not hold finite numbers")
    return numbers


def _subjects(dataset: Dataset, root: Path | None) -> list[Row]:
    """Rows of one data set, with the speakers' names where its train.json is there."""
    folder = dataset.folder.rsplit("/", 1)[-1].removeprefix(f"{dataset.id}_").removeprefix("unitalker_")
    group = f"{dataset.id} {folder}".replace("_", " ")
    names = [f"{group} {number}" for number in range(dataset.subjects)]
    ids = _speakers(root / dataset.folder / "train.json") if root else None
    if isinstance(ids, list) and len(ids) == dataset.subjects:
        names = [f"{group} {speaker}" for speaker in ids]
    return [Row(f"{dataset.id}_{number}", name, group) for number, name in enumerate(names)]


def _speakers(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))["info"]["id_list"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """All sections in one; each is walked once, since yaml may name one in a million places."""
    fields: dict[str, Any] = {}
    waiting, seen = [content], {id(content)}
    while waiting:
        for name, value in waiting.pop(0).items():
            if not isinstance(value, Mapping) or name == "dataset_config":
                fields[name] = value
            elif id(value) not in seen:
                seen.add(id(value))
                waiting.append(value)
    return fields


def _dataset(name: str, spec: Mapping[str, Any]) -> Dataset:
    base = DATASETS.get(name)
    dataset = Dataset(
        name, str(spec["dirname"]), str(spec["annot_type"]), float(spec["scale"]), int(spec["subjects"]),
        bool(spec["pca"]), int(spec.get("fps", base.fps if base else 30)),
        int(spec.get("demo_row", base.demo_row if base else 0)),
    )
    sizes_fit = 0 <= dataset.subjects <= MAX_SUBJECTS and 0 < dataset.fps <= MAX_FPS and dataset.demo_row >= 0
    if not sizes_fit or not 0 < dataset.scale < math.inf:
        raise ValueError(
            f"{name} has scale {dataset.scale}, {dataset.subjects} subjects, {dataset.fps} fps, demo_row "
            f"{dataset.demo_row}"
        )
    return dataset
