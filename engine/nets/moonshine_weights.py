"""Read the encoder of Moonshine Tiny out of the package moonshine-voice 0.0.4 on PyPI, MIT licence (English model).

`pip install --no-deps moonshine-voice==0.0.4`; its code is not used, only the file tiny-en/encoder_model.ort. The
matrices lie there as 8-bit numbers with one scale each; what is read is their exact value.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import NodeProto, numpy_helper
from torch import Tensor

from ..values.errors import SettingError
from .moonshine import MoonshineFront

PACKAGE = "moonshine_voice"
FILE = Path("assets/tiny-en/encoder_model.ort")
SHA256 = "e091ae52fc2a912197af8f7b7ae2e8365b656ff58463313e0660cce59d9e81d3"
INSTALL = "pip install --no-deps moonshine-voice==0.0.4"
NORM_WEIGHT, NORM_BIAS = "onnx::Mul_2080", "onnx::Add_2081"     # the exporter left these two without a name
PLAIN = re.compile(r"(layers\.\d+\..*|conv\d)\.(weight|bias)")


def load_front_end(front_end: MoonshineFront, file: Path | None = None) -> None:
    """Give a front end its published weights.

    Args:
        file: encoder_model.ort; by default the one of the installed package.
    Raises:
        SettingError: the package is missing, or the file is another one.
    """
    file = file or installed_file()
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != SHA256:
        raise SettingError(f"{file} has SHA-256 {found}, {SHA256} is needed. Get the right version: {INSTALL}.")
    # 3 MB less to ship.
    weights = {
        name: value.half().float() if name.startswith("conv") else value for name, value in read_weights(file).items()
    }
    front_end.load_state_dict({name: weights[name] for name in front_end.state_dict()})


def installed_file() -> Path:
    """Where the installed package keeps the encoder.

    Raises:
        SettingError: it is not installed, or a later version without the file.
    """
    package = importlib.util.find_spec(PACKAGE)      # found, not imported: importing would load its libraries
    folders = list(package.submodule_search_locations or ()) if package else []
    for folder in folders:
        if (Path(folder) / FILE).exists():
            return Path(folder) / FILE
    raise SettingError(f"No {FILE} of the package {PACKAGE} in {folders or 'this environment'}. Install it: {INSTALL}.")


def read_weights(file: Path) -> dict[str, Tensor]:
    """Weights of the whole encoder by the names of MoonshineFront."""
    graph = _as_onnx(file).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = {name: array for name, array in arrays.items() if PLAIN.fullmatch(name)}
    for node in graph.node:
        if node.op_type in _QUANTISED:
            name = node.name.removesuffix("/MatMul_quant").strip("/").replace("/", ".")
            weights[f"{name}.weight"] = _matrix(node, arrays)
    weights["groupnorm.weight"], weights["groupnorm.bias"] = arrays[NORM_WEIGHT][:, 0], arrays[NORM_BIAS][:, 0]
    return {name: torch.from_numpy(array.copy()) for name, array in weights.items()}


# Inputs: matrix, scale, zero point.
_QUANTISED = {"DynamicQuantizeMatMul": (1, 2, 3), "MatMulIntegerToFloat": (1, 3, 5)}


def _matrix(node: NodeProto, arrays: dict[str, np.ndarray]) -> np.ndarray:
    matrix, scale, zero = (arrays[node.input[i]].astype(np.float32) for i in _QUANTISED[node.op_type])
    return np.asarray(((matrix - zero) * scale).T)


def _as_onnx(file: Path) -> onnx.ModelProto:
    """ONNX Runtime reads its own format and writes the open one."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.save_model_format", "ONNX")
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "encoder.onnx")
        onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)
