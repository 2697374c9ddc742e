"""Give a fresh network the weights of a trained one: of the same sizes, or a UniTalker whose heads and speakers may be
others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ...model.folder import open_model
from ...nets.encoders import BundledEncoder
from ...nets.unitalker import PhoneHead, UniTalker
from ...values.errors import SettingError

CHECKPOINTS = ("best.pt", "last.pt")
HALF = "_half"  # what the export adds to the name of weights that it keeps in fp16


def start_from(model: UniTalker, folder: Path) -> None:
    """Copy what was trained: encoder without its published front end, decoder, phones, head and styles, in place.

    Raises:
        SettingError: the folder holds another network.
    """
    parts: dict[str, nn.Module | None] = {
        "encoder.onnx": model.encoder, "decoder.onnx": model.decoder, "phones.onnx": model.phone_head
    }
    try:
        for file, part in parts.items():
            if isinstance(part, PhoneHead):
                _copy_phone_head(part, _arrays(folder / file))
            elif part is not None:
                _copy(part, _arrays(folder / file), file)
        with np.load(folder / "heads.npz") as heads, torch.no_grad():
            for name, head in model.heads.items():
                assert isinstance(head, nn.Linear)
                head.weight.copy_(torch.from_numpy(heads[f"{name}/W"].T))
                head.bias.copy_(torch.from_numpy(heads[f"{name}/b"]))
        rows = torch.from_numpy(np.load(folder / "identities.npy"))
        with torch.no_grad():
            model.styles.copy_(torch.cat([rows[1:], rows[:1]]))  # a folder lists the pivot first, the network last
    except (OSError, RuntimeError, KeyError) as error:
        raise SettingError(
            f"Training cannot start from {folder}: {error}. Name the folder of an exported model of the same sizes."
        ) from error


def start_from_trained(network: UniTalker, source: str, fresh_decoder: bool) -> None:
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
    arrays = _arrays(model.folder / "decoder.onnx")
    weights: dict[str, Tensor] = {}
    for name, value in network.decoder.state_dict().items():
        given = _found(name, value, arrays)
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


def _arrays(path: Path) -> dict[str, Tensor]:
    """The stored weights by their names in the network; those of the front end, kept in steps, are left out."""
    stored = onnx.load(str(path)).graph.initializer
    return {
        tensor.name.removesuffix(HALF): torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32))
        for tensor in stored
    }


def _copy_phone_head(head: PhoneHead, arrays: dict[str, Tensor]) -> None:
    """All of a head of the same kind; of a linear one its matrix, to which the frames around add nothing yet."""
    if "first.weight" in arrays:
        _copy(head, arrays, "phones.onnx")
        return
    _copy(head.skip, arrays, "phones.onnx")
    with torch.no_grad():
        head.last.weight.zero_()
        head.last.bias.zero_()


def _found(name: str, own: Tensor, arrays: Mapping[str, Tensor]) -> Tensor | None:
    """Weights of that name; a matrix that the exporter left without one is known by its shape, which no other has."""
    if name in arrays:
        return arrays[name]
    nameless = (array.T for name, array in arrays.items() if name.startswith("onnx::MatMul") and array.ndim == 2)
    return next((array for array in nameless if array.shape == own.shape), None)


def _copy(part: nn.Module, arrays: dict[str, Tensor], file: str) -> None:
    """Weights of the same name, in place."""
    trained = {name for name, parameter in part.named_parameters() if parameter.requires_grad}
    trained |= {name for name, _ in part.named_buffers()}
    own = part.state_dict()
    with torch.no_grad():
        for name in trained & set(own):
            if name.startswith("front_end.") or name.endswith("num_batches_tracked") or name in ("window", "bands"):
                continue
            found = _found(name, own[name], arrays)
            if found is None:
                raise KeyError(f"{file} has no weights for {name}")
            own[name].copy_(found.reshape(own[name].shape))
