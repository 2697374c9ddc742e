"""The heads of a model folder: plain matrices, and for vertices a basis beside them that stays on disk.

heads.npz holds per head `<id>/W` (d, k) and `<id>/b` (k,), and where the head has them `<id>/W0`, `<id>/b0`, `<id>/W1`
... (d, d) and (d,) (layers with tanh before the last one), `<id>/template` (the neutral face that is added, in scaled
units), `<id>/rest_W` (s, k) and `<id>/rest_b` (k,) (the resting face of a style) and `<id>/mean` (n,) of a PCA head. In
model.json a head of space "vertices" may name a file `pca`: components (k, n) as .npy, memory-mapped; its k outputs are
then coefficients, its n results flat vertices (v0.x, v0.y, v0.z, v1.x ...), and `channels` may be left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..values.array_files import ArrayFileError, map_array, read_array, read_arrays
from ..values.channels import vertex_channels
from ..values.errors import ModelError, SettingError
from ..values.messages import number_of
from ..values.types import MAX_FPS, FloatArray, Motion

SPACES = ("blendshapes", "flame", "vertices")
RESAMPLE_PLACES = ("none", "features", "output")
MAX_HIDDEN_LAYERS = 8
_DAMAGE = (ArrayFileError, OSError)


@dataclass(frozen=True)
class Basis:
    """PCA of vertices: components (k, n) memory-mapped, mean (n,); n is three times the number of vertices."""

    components: FloatArray
    mean: FloatArray


@dataclass(frozen=True)
class Head:
    """One annotation: weight (d, k) and bias (k,) map the decoder's hidden values to k channels.

    Attributes:
        channels: names of the k outputs; for a head with a basis those of its coefficients.
        fps: frames per second of its output.
        resample: where encoder rate becomes fps: "none" (fps is the encoder's rate), "features" or "output".
        align_corners: whether resampling maps the end points onto each other.
        layers: (weight (d, d), bias (d,)) of layers with tanh before the last one.
        template: neutral face, (k,) or with a basis (n,), added to the output; None adds nothing.
        basis: turns coefficients into vertices; None where the outputs are the motion.
        rest: (weight (s, k), bias (k,)) from a style to the face's pose while nobody speaks; None: it rests at 0.
    """

    id: str
    space: str
    channels: tuple[str, ...]
    fps: int
    resample: str
    align_corners: bool
    weight: FloatArray
    bias: FloatArray
    layers: tuple[tuple[FloatArray, FloatArray], ...] = ()
    template: FloatArray | None = None
    basis: Basis | None = None
    rest: tuple[FloatArray, FloatArray] | None = None

    @property
    def width(self) -> int:
        """Numbers per frame of the motion: channels, or coordinates where there is a basis."""
        return len(self.basis.mean) if self.basis else len(self.channels)


def read_heads(folder: Path, specs: list[dict[str, Any]], hashes: Mapping[str, str]) -> tuple[Head, ...]:
    """The heads that model.json lists; `hashes` are its checked files.

    Raises:
        ModelError: arrays are missing, damaged or do not fit each other. KeyError, TypeError: a field of model.json is
            missing or wrong.
    """
    arrays = load_arrays(folder, "heads.npz")
    return tuple(_head(folder, spec, arrays, hashes) for spec in specs)


def broken(folder: Path, what: str, step: str = "Export the model again.") -> ModelError:
    """The error for a model folder that cannot be used."""
    return ModelError(f"Model {folder}: {what}. {step}")


def first_twice(names: Sequence[str]) -> str | None:
    """The first name that comes more than once; None where all differ."""
    if len(set(names)) == len(names):
        return None
    return next(name for name, count in Counter(names).items() if count > 1)


def load_array(folder: Path, name: str) -> FloatArray:
    """A .npy of a model folder as float32, without unpickling. Raises ModelError: damaged, or not finite numbers."""
    try:
        return _finite(folder, name, read_array(folder / name))
    except _DAMAGE as error:
        raise broken(folder, f"{name} cannot be read ({error})") from error


def load_arrays(folder: Path, name: str) -> dict[str, FloatArray]:
    """All arrays of a .npz of a model folder, as `load_array` reads them."""
    try:
        arrays = read_arrays(folder / name)
    except _DAMAGE as error:
        raise broken(folder, f"{name} cannot be read ({error})") from error
    return {key: _finite(folder, f"{key} in {name}", values) for key, values in arrays.items()}


def read_template(path: str, head: Head) -> FloatArray:
    """A neutral face from a .npy file, flat and already scaled, for this head.

    Raises:
        SettingError: missing, no .npy, or of another size.
    """
    try:
        content = read_array(path)
        if content.dtype.kind not in "fiu":
            raise ArrayFileError("it does not hold one array of numbers")
    except (*_DAMAGE, ValueError) as error:     # ValueError: a path with a null character
        raise SettingError(
            f"Template {path} cannot be read ({error}). "
            f"Give a .npy file with the neutral face's {head.width} numbers."
        ) from error
    with np.errstate(over="ignore"):
        template = content.astype(np.float32).reshape(-1)
    if template.shape != (head.width,) or not np.isfinite(template).all():
        raise SettingError(
            f"Template {path} has {template.size} numbers, head {head.id} needs {head.width} finite ones."
        )
    return template


def to_vertices(motion: Motion, head: Head, template: FloatArray | None) -> Motion:
    """Coefficients (t, k) of a head with a basis -> flat vertices (t, n), with mean and neutral face."""
    assert head.basis is not None
    vertices = motion.weights @ head.basis.components
    vertices += head.basis.mean if template is None else head.basis.mean + template
    channels = vertex_channels(len(head.basis.mean) // 3)
    return replace(motion, weights=np.asarray(vertices, np.float32), channels=channels)


def _finite(folder: Path, what: str, values: NDArray[Any]) -> FloatArray:
    if values.dtype.kind not in "fiu":
        raise broken(folder, f"{what} holds {values.dtype} values, numbers are needed")
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32, copy=False)
    if not np.isfinite(numbers).all():
        raise broken(folder, f"{what} holds values that are not finite")
    return numbers


def _head(folder: Path, spec: dict[str, Any], arrays: Mapping[str, FloatArray], hashes: Mapping[str, str]) -> Head:
    head_id = str(spec["id"])

    def array(part: str) -> FloatArray:
        return arrays[f"{head_id}/{part}"]

    def has(part: str) -> bool:
        return f"{head_id}/{part}" in arrays

    weight, bias = array("W"), array("b")
    basis = _basis(folder, str(spec["pca"]), array("mean"), hashes) if spec.get("pca") else None
    channels = tuple(f"pca{number:03d}" for number in range(len(bias))) if basis else tuple(map(str, spec["channels"]))
    resample = spec["resample"]
    head = Head(
        head_id, str(spec["space"]), channels, int(spec["fps"]), str(resample["where"]),
        bool(resample["align_corners"]), weight, bias,
        layers=tuple((array(f"W{n}"), array(f"b{n}")) for n in range(MAX_HIDDEN_LAYERS) if has(f"W{n}")),
        template=array("template") if has("template") else None, basis=basis,
        rest=(array("rest_W"), array("rest_b")) if has("rest_W") else None,
    )
    _check_head(folder, head, spec["fps"])
    _check_sizes(folder, head)
    return head


def _check_head(folder: Path, head: Head, fps: object) -> None:
    def refuse(what: str) -> None:
        raise broken(folder, f"head {head.id} {what}", "Export it again.")

    n_channels, width = len(head.channels), len(head.weight)
    if head.weight.ndim != 2 or {head.weight.shape[1:], head.bias.shape} != {(n_channels,)}:
        named = number_of(n_channels, "channel")
        refuse(f"has weights {head.weight.shape} and bias {head.bias.shape} for {named}")
    is_rate = head.fps == fps and 0 < head.fps <= MAX_FPS
    if head.space not in SPACES or head.resample not in RESAMPLE_PLACES or not is_rate:
        refuse(f"has space {head.space!r}, resample {head.resample!r}, fps {fps}")
    twice = first_twice(head.channels)
    if twice is not None:
        refuse(f"names channel {twice!r} twice")
    if any(matrix.shape != (width, width) or row.shape != (width,) for matrix, row in head.layers):
        refuse(f"has hidden layers that are not {width} wide")
    if head.rest and (head.rest[0].ndim != 2 or {head.rest[0].shape[1:], head.rest[1].shape} != {(n_channels,)}):
        refuse(f"has a resting face {head.rest[0].shape} for {number_of(n_channels, 'channel')}")


def _basis(folder: Path, file: str, mean: FloatArray, hashes: Mapping[str, str]) -> Basis:
    again = "Convert the model again."
    if file not in hashes:
        raise broken(folder, f"PCA file {file} is not among the files of model.json", again)
    try:
        return Basis(map_array(folder / file), mean)
    except _DAMAGE as error:
        raise broken(folder, f"{file} cannot be read ({error})", again) from error


def _check_sizes(folder: Path, head: Head) -> None:
    def refuse(what: str) -> None:
        raise broken(folder, what, "Convert the model again.")

    if head.basis:
        components, mean = head.basis.components, head.basis.mean
        fits = components.shape == (len(head.bias), *mean.shape) and mean.size % 3 == 0
        if components.dtype != np.float32 or not fits:
            refuse(
                f"PCA of head {head.id} has components {components.shape} {components.dtype} and mean {mean.shape}, "
                f"the head gives {len(head.bias)} coefficients"
            )
        if not np.isfinite(components).all():
            refuse(f"PCA of head {head.id} holds values that are not finite")
    if head.space == "vertices" and head.width % 3:
        numbers = number_of(head.width, "number")
        refuse(f"head {head.id} gives vertices, and its {numbers} are not three for each")
    if head.template is not None and head.template.shape != (head.width,):
        refuse(f"template of head {head.id} has shape {head.template.shape}, must be ({head.width},)")
