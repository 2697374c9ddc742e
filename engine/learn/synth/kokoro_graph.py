"""Kokoro's network is published with 8-bit weights for another kind of processor: as plain numbers it runs several
times faster."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

from ...values.types import FloatArray


class _Graph:
    """Who makes and who takes each value of a graph, and its stored arrays."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self.maker = {output: node for node in graph.node for output in node.output}
        self.takers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self.takers[name].append(node)

    def array(self, name: str) -> FloatArray:
        return np.asarray(numpy_helper.to_array(self.stored[name]), np.float32)


def as_float(content: bytes) -> bytes:
    """A graph without integer products and quantised LSTMs: their weights times their scales, the nodes between them
    left out."""
    model = onnx.load_from_string(content)
    graph = model.graph
    known = _Graph(graph)
    fresh: dict[str, onnx.TensorProto] = {}
    gone: set[str] = set()  # outputs of nodes that nobody needs any more
    for node in graph.node:
        if node.op_type in ("ConvInteger", "MatMulInteger"):
            _plain_product(node, known, fresh, gone)
        elif node.op_type == "DynamicQuantizeLSTM":
            _plain_lstm(node, known, fresh)
    kept = _needed(
        [node for node in graph.node if node.output[0] not in gone], {output.name for output in graph.output}
    )
    del graph.node[:]
    graph.node.extend(kept)
    taken = {name for node in kept for name in node.input} | {
        name
        for node in kept
        for attribute in node.attribute
        if attribute.type == onnx.AttributeProto.GRAPH
        for inner in attribute.g.node
        for name in inner.input
    }
    arrays = [tensor for name, tensor in {**known.stored, **fresh}.items() if name in taken]
    del graph.initializer[:]
    graph.initializer.extend(arrays)
    return bytes(model.SerializeToString())


def _plain_product(node: NodeProto, known: _Graph, fresh: dict[str, onnx.TensorProto], gone: set[str]) -> None:
    """Convolution or product of integers, its cast, scale and bias, become one node on numbers."""
    source = known.maker[node.input[0]]
    step = known.takers[node.output[0]][0]
    bias = []
    if step.op_type == "Add":  # the bias was divided by the scale: its origin is the input of that division
        gone.add(step.output[0])
        other = next(name for name in step.input if name != node.output[0])
        origin = known.maker[other]
        while origin.op_type != "Div":
            origin = known.maker[origin.input[0]]
        bias = [origin.input[0]]
        step = known.takers[step.output[0]][0]
    scaled = known.takers[step.output[0]][0]
    both = known.maker[next(name for name in scaled.input if name != step.output[0])]
    scale = known.array(next(name for name in both.input if name in known.stored))
    matrix = known.array(node.input[1])
    zero = known.array(node.input[3]) if len(node.input) > 3 and node.input[3] else np.zeros((), np.float32)
    if node.op_type == "ConvInteger" and scale.size > 1:
        shape = (-1, *[1] * (matrix.ndim - 1))
        scale, zero = scale.reshape(shape), zero.reshape(shape) if zero.size > 1 else zero
    name = f"{node.input[1]}_float"
    fresh.setdefault(name, numpy_helper.from_array(((matrix - zero) * scale).astype(np.float32), name))
    gone |= {step.output[0]}
    kind = "Conv" if node.op_type == "ConvInteger" else "MatMul"
    plain = helper.make_node(kind, [source.input[0], name, *bias], [scaled.output[0]], name=node.name)
    plain.attribute.extend(node.attribute)
    scaled.output[0] = f"{scaled.output[0]}_unused"
    gone.add(scaled.output[0])
    node.CopyFrom(plain)


def _plain_lstm(node: NodeProto, known: _Graph, fresh: dict[str, onnx.TensorProto]) -> None:
    names = []
    for weights, scale_name, zero_name in ((1, 8, 9), (2, 10, 11)):
        matrix, scale, zero = (known.array(node.input[i]) for i in (weights, scale_name, zero_name))
        if scale.ndim == 2:
            scale, zero = scale[:, None, :], zero[:, None, :]
        elif scale.ndim == 1 and scale.size == matrix.shape[0]:
            scale, zero = scale[:, None, None], zero[:, None, None]
        name = f"{node.input[weights]}_float"
        plain = np.ascontiguousarray(((matrix - zero) * scale).transpose(0, 2, 1), np.float32)
        fresh[name] = numpy_helper.from_array(plain, name)
        names.append(name)
    lstm = helper.make_node("LSTM", [node.input[0], *names, *node.input[3:8]], list(node.output), name=node.name)
    lstm.attribute.extend(node.attribute)
    node.CopyFrom(lstm)


def _needed(nodes: list[NodeProto], wanted: set[str]) -> list[NodeProto]:
    """The nodes that lead to the wanted values, in order."""
    kept = []
    for node in reversed(nodes):
        if not wanted.intersection(node.output):
            continue
        kept.append(node)
        wanted |= set(node.input)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                wanted |= {name for inner in attribute.g.node for name in inner.input}
    return kept[::-1]
