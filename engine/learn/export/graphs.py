"""Write torch modules as ONNX graphs that ONNX Runtime 1.18 can run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

OPSET = 17  # the newest that ONNX Runtime 1.18 runs without complaint
SPLIT_FROM_BYTES = 100_000_000  # larger graphs keep their weights in a file beside them
WEIGHTS_SUFFIX = ".data"


def write_graph(
    module: nn.Module, inputs: tuple[Tensor, ...], path: Path, axes: Mapping[str, Mapping[int, str]],
    output: str | Mapping[str, Mapping[int, str]],
) -> None:
    """Trace a module on example inputs and write it.

    Args:
        axes: per input, in order, the names of its axes of free length.
        output: name of the one output, whose axis 1 is free; or of each output, in order, its axes of free length.
    """
    outputs = {output: {1: "frames"}} if isinstance(output, str) else output
    with warnings.catch_warnings():
        # The tracer warns of shapes that it sees as constants; graphs are compared at other lengths instead.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, inputs, str(path), input_names=list(axes), output_names=list(outputs), opset_version=OPSET,
            dynamo=False,
            dynamic_axes={name: dict(value) for name, value in {**axes, **outputs}.items() if value},
        )
    onnx.checker.check_model(str(path))


def split_weights(path: Path) -> None:
    """Move the weights of a large graph into a file beside it, named as the graph with ".data".

    ONNX Runtime maps such a file instead of reading it, and packs the weights from there: for UniTalker-L, 0.6 GB less
    at once.
    """
    if path.stat().st_size < SPLIT_FROM_BYTES:
        return
    model = onnx.load(str(path))
    onnx.save(
        model, str(path), save_as_external_data=True, all_tensors_to_one_file=True, location=path.name + WEIGHTS_SUFFIX
    )
    # Onnx makes it readable for its owner alone.
    path.with_name(path.name + WEIGHTS_SUFFIX).chmod(path.stat().st_mode)
