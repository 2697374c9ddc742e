"""Store a graph's weights in fewer bytes without changing what it computes.

The frozen front end's matrices come as 8-bit numbers with one scale, and go back to that. Weights that fp16 holds
exactly, to which the export has rounded the trained ones before, are stored so. ONNX Runtime unfolds both when it opens
the graph, so every sum stays fp32.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from .precision import LEAST_VALUES

STEPS = 255
TOLERANCE = 1e-5     # of the largest value


def pack(path: Path) -> None:
    """Rewrite a graph in place."""
    model = onnx.load(str(path))
    unfolding: list[onnx.NodeProto] = []
    for tensor in list(model.graph.initializer):
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= LEAST_VALUES:
            unfolding += _to_steps(tensor, model.graph) or _to_half(tensor)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*unfolding, *nodes])
    onnx.save(model, str(path))
    onnx.checker.check_model(str(path))


def _to_steps(tensor: TensorProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Nodes that make the matrix from 8-bit steps, if all its values lie on such steps; else none."""
    values = numpy_helper.to_array(tensor)
    if values.ndim != 2:
        return []
    lowest, step = values.min(), (values.max() - values.min()) / STEPS
    steps = np.round((values - lowest) / step)
    zero = np.round(-lowest / step)
    if np.abs((steps - zero) * step - values).max() > TOLERANCE * np.abs(values).max():
        return []
    name, coarse = tensor.name, numpy_helper.from_array(steps.astype(np.uint8), f"{tensor.name}_steps")
    tensor.CopyFrom(coarse)
    for part, value in (("zero", zero), ("step", step)):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), f"{name}_{part}"))
    return [
        helper.make_node("Cast", [coarse.name], [f"{name}_float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", [f"{name}_float", f"{name}_zero"], [f"{name}_centred"]),
        helper.make_node("Mul", [f"{name}_centred", f"{name}_step"], [name]),
    ]


def _to_half(tensor: TensorProto) -> list[onnx.NodeProto]:
    """A node that makes the weights from fp16, if that holds them exactly; else none."""
    values = numpy_helper.to_array(tensor)
    half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_half")
    if not np.array_equal(numpy_helper.to_array(half).astype(np.float32), values):
        return []
    name = tensor.name
    tensor.CopyFrom(half)
    return [helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT)]


def round_to_half(module: nn.Module) -> None:
    """Round the large trained weights of a module to fp16 in place; those that were never trained stay."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad and parameter.numel() >= LEAST_VALUES:
                parameter.copy_(parameter.half().float())
