"""Give a fresh network the weights of a model folder that an export of the same network wrote, so that a run goes on
from a finished model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ...nets.unitalker import PhoneHead, UniTalker
from ...values.errors import SettingError

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


def _copy(part: nn.Module, arrays: dict[str, Tensor], file: str) -> None:
    """Weights of the same name; matrices that the exporter left without one are known by their shape, which no other
    has."""
    nameless = [array for name, array in arrays.items() if name.startswith("onnx::MatMul") and array.ndim == 2]
    trained = {name for name, parameter in part.named_parameters() if parameter.requires_grad}
    trained |= {name for name, _ in part.named_buffers()}
    own = part.state_dict()
    with torch.no_grad():
        for name in trained & set(own):
            if name.startswith("front_end.") or name.endswith("num_batches_tracked") or name in ("window", "bands"):
                continue
            found = arrays.get(name)
            if found is None:
                found = next((array.T for array in nameless if array.T.shape == own[name].shape), None)
            if found is None:
                raise KeyError(f"{file} has no weights for {name}")
            own[name].copy_(found.reshape(own[name].shape))
