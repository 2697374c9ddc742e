"""Write torch modules as ONNX graphs that ONNX Runtime 1.18 can run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

OPSET = 17  # the newest that ONNX Runtime 1.18 runs without complaint


def write_graph(module: nn.Module, inputs: tuple[Tensor, ...], path: Path, axes: Mapping[str, Mapping[int, str]], output: str) -> None:
    """Trace a module on example inputs and write it.

    Args:
        axes: per input, in order, the names of its axes of free length.
        output: name of the one output; its axis 1 is free.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of shapes that it sees as constants; graphs are compared at other lengths instead
        torch.onnx.export(
            module, inputs, str(path), input_names=list(axes), output_names=[output], opset_version=OPSET, dynamo=False,
            dynamic_axes={**{name: dict(value) for name, value in axes.items() if value}, output: {1: "frames"}},
        )
    onnx.checker.check_model(str(path))
