"""Make an ONNX graph smaller: half precision weights, or 8-bit weights of its matrix products.

Both are a trade that `convert` measures in the heads' output. Activations stay fp32 in the file's inputs and outputs.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ...values.errors import SettingError

LEAST_VALUES = 1024     # smaller tensors stay as they are: nothing to gain, and norms and biases are the sensitive ones


def shrink(path: Path, precision: str) -> None:
    """Rewrite a graph in place with fp16 or int8 weights. Raises SettingError for another precision."""
    if precision == "fp16":
        _halve(path)
    elif precision == "int8":
        _quantise(path)
    else:
        raise SettingError(f"Precision {precision!r} is unknown. Choose fp32, fp16 or int8.")


def _halve(path: Path) -> None:
    """Store large weights as fp16 with a cast behind each, which ONNX Runtime folds on loading, so sums stay fp32."""
    model = onnx.load(str(path))
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < LEAST_VALUES:
            continue
        values = numpy_helper.to_array(tensor)
        if np.abs(values).max() <= np.finfo(np.float16).max:        # beyond, half precision has only infinity
            half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_fp16")
            casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
            tensor.CopyFrom(half)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    onnx.save(model, str(path))


def _quantise(path: Path) -> None:
    """8-bit weights per output channel in the matrix products; their inputs are quantised as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    partial = path.with_suffix(".int8.onnx")
    root, advice = logging.getLogger(), _WithoutAdvice()
    root.addFilter(advice)
    try:
        quantize_dynamic(
            str(path), str(partial), op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8
        )
    finally:
        root.removeFilter(advice)
    partial.replace(path)


class _WithoutAdvice(logging.Filter):
    """Drops the quantiser's remarks on every node, and its advice to fold batch norms first: these graphs have none."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR
