"""Give a fresh UniTalker the weights of a trained one, whose heads and speakers may be others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from ...model.folder import open_model
from ...nets.encoders import BundledEncoder
from ...nets.unitalker import UniTalker
from ...values.errors import SettingError

CHECKPOINTS = ("best.pt", "last.pt")


def start_from(network: UniTalker, source: str, fresh_decoder: bool) -> None:
    """Copy what fits from a run's folder, a checkpoint of one, or a model folder on the same bundled encoder.

    Kept from the reference: speakers that the source does not know begin as its pivot, its last row. Where it differs:
    speakers that it knows keep their rows.

    Args:
        fresh_decoder: takes the encoder alone.
    Raises:
        SettingError: nothing there that fits.
    """
    given, identities = _weights(network, source)
    own = network.state_dict()
    wanted = [name for name in own if not name.startswith(("heads.", "styles"))]
    if fresh_decoder:
        wanted = [name for name in wanted if name.startswith("encoder.")]
    wrong = [name for name in wanted if name not in given or given[name].shape != own[name].shape]
    if wrong:
        raise SettingError(
            f"Training cannot start from {source}: it lacks or misshapes {len(wrong)} weights, {', '.join(wrong[:4])}. "
            "Give the recipe the sizes of that model."
        )
    with torch.no_grad():
        for name in wanted:
            own[name].copy_(given[name])
        if fresh_decoder:
            return
        for name in own:
            if name.startswith("heads.") and name in given and given[name].shape == own[name].shape:
                own[name].copy_(given[name])
        own["styles"].copy_(given["styles"][-1:].expand_as(own["styles"]))
        for row, identity in enumerate(network.config.identities):
            if identity in identities:
                own["styles"][row].copy_(given["styles"][identities.index(identity)])


def _weights(network: UniTalker, source: str) -> tuple[Mapping[str, Tensor], list[str]]:
    """(weights by their names, names of the speakers) of a source."""
    path = Path(source)
    files = [path / name for name in CHECKPOINTS] if path.is_dir() else [path]
    found = next((file for file in files if file.suffix == ".pt" and file.is_file()), None)
    if found is None:
        return _folder_weights(network, source)
    saved: dict[str, Any] = torch.load(found, map_location="cpu", weights_only=True)
    return saved["average"], list(saved["config"].get("identities", ()))


def _folder_weights(network: UniTalker, source: str) -> tuple[dict[str, Tensor], list[str]]:
    """Of a model folder. Only on its own encoder, which stays as it is."""
    model = open_model(source)
    encoder = network.encoder
    if not isinstance(encoder, BundledEncoder) or len(encoder.blocks):
        raise SettingError(
            f"Training can start from the model folder {source} only on its own encoder: encoder_kind = \"bundled\"."
        )
    stored = onnx.load(str(model.folder / "decoder.onnx")).graph.initializer
    arrays = {
        tensor.name.removesuffix("_half"): torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32))
        for tensor in stored
    }
    nameless = [array for name, array in arrays.items() if name.startswith("onnx::MatMul") and array.ndim == 2]
    weights: dict[str, Tensor] = {}
    for name, value in network.decoder.state_dict().items():
        given = arrays.get(name)
        if given is None:
            given = next((array.T for array in nameless if array.T.shape == value.shape), None)
        if given is not None:
            weights[f"decoder.{name}"] = given.reshape(value.shape)
    with np.load(model.folder / "heads.npz") as heads:
        for head in model.heads:
            weights[f"heads.{head.id}.weight"] = torch.from_numpy(heads[f"{head.id}/W"].T.copy())
            weights[f"heads.{head.id}.bias"] = torch.from_numpy(heads[f"{head.id}/b"])
    names = [identity.id for identity in model.identities]
    last = len(names) - 1 if model.pivot is None else model.pivot
    order = [row for row in range(len(names)) if row != last] + [last]
    weights["styles"] = torch.from_numpy(model.styles[order].copy())
    return weights, [names[row] for row in order]
