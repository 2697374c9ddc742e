"""Make the small files in tests/data. Run `python tests/make_data.py` in an environment with the extra `learn`; the
results are committed.

tiny/: a model folder of a few kB with the true graph inputs and outputs, so that tests of the engine walk the ONNX
Runtime path in milliseconds. Its jawOpen follows loudness, everything else is random; windows are 2 s long, so that
short clips need several.

tiny_manner/: a model beside it that shares its encoder and takes its style from a motion: the means of three channels.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from engine.values.channels import ARKIT_52

DATA = Path(__file__).resolve().parent / "data"
OPSET = 17
HOP, N_FEATURES, N_STYLE, N_HIDDEN = 320, 4, 3, 6
PHONES = ("SIL", "P", "F", "AA", "IY")
IDENTITIES = ("pivot", "wide", "round")


def main() -> None:
    folder = DATA / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    _save(folder / "encoder.onnx", _encoder(random))
    _save(folder / "decoder.onnx", _decoder(random))
    _save(folder / "phones.onnx", _phones(random))
    styles = np.concatenate([np.zeros((1, N_STYLE)), random.normal(size=(2, N_STYLE))]).astype(np.float32)
    np.save(folder / "identities.npy", styles)
    np.savez(folder / "heads.npz", **_heads(random))
    files = ("encoder.onnx", "decoder.onnx", "phones.onnx", "identities.npy", "heads.npz")
    info = _info({name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files})
    (folder / "model.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    _make_manner(folder, random)


def _make_manner(tiny: Path, random: np.random.Generator) -> None:
    folder = DATA / "tiny_manner"
    folder.mkdir(exist_ok=True)
    for name in ("decoder.onnx", "phones.onnx"):
        shutil.copyfile(tiny / name, folder / name)
    _save(folder / "motion.onnx", _motion())
    np.save(folder / "identities.npy", np.zeros((1, N_STYLE), np.float32))
    arrays = {name: array for name, array in _heads(random).items() if name.startswith("arkit52/")}
    rest = np.zeros((N_STYLE, len(ARKIT_52)), np.float32)
    rest[0, ARKIT_52.index("mouthSmileLeft")] = 1.0         # the first number of a style is the mean of this channel
    arrays |= {"arkit52/rest_W": rest, "arkit52/rest_b": rest[1]}
    np.savez(folder / "heads.npz", **arrays)
    files = sorted(file.name for file in folder.iterdir() if file.suffix in (".onnx", ".npz", ".npy"))
    info = _info({name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files})
    encoder = hashlib.sha256((tiny / "encoder.onnx").read_bytes()).hexdigest()
    info |= {
        "id": "tiny_manner", "title": "Tiny model of manners", "system": "composite", "reference_hz": 25,
        "heads": info["heads"][:1], "identities": info["identities"][:1],
        "encoder": {**info["encoder"], "from": "tiny", "sha256": encoder},
    }
    (folder / "model.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")


def _motion() -> onnx.GraphProto:
    """motion (1, t, 52) -> style (1, 3): the means of mouthSmileLeft, browInnerUp and jawOpen."""
    picked = np.zeros((len(ARKIT_52), N_STYLE), np.float32)
    for column, name in enumerate(("mouthSmileLeft", "browInnerUp", "jawOpen")):
        picked[ARKIT_52.index(name), column] = 1
    nodes = [
        helper.make_node("ReduceMean", ["motion"], ["means"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["means", "picked"], ["style"]),
    ]
    return _graph(nodes, {"motion": [1, "t", len(ARKIT_52)]}, {"style": [1, N_STYLE]}, {"picked": picked})


def _info(hashes: dict[str, str]) -> dict[str, object]:
    def head(head_id: str, fps: int, where: str) -> dict[str, object]:
        return {
            "id": head_id, "space": "blendshapes", "channels": ARKIT_52, "fps": fps,
            "resample": {"where": where, "align_corners": True},
        }

    return {
        "schema": 1, "id": "tiny", "title": "Tiny test model", "system": "unitalker", "licence": "GPL-3.0-or-later",
        "source": "random weights",
        "made": "python tests/make_data.py", "sha256": hashes, "sample_rate": 16000, "normalise": "none",
        "encoder": {"rate_hz": 50, "window_s": 2.0, "overlap_s": 0.4, "context_s": 0.06},
        "heads": [head("arkit52", 50, "none"), head("before", 25, "features"), head("after", 30, "output")],
        "identities": [{"id": name, "label": name.title(), "group": "Test"} for name in IDENTITIES],
        "pivot": "pivot", "default_head": "arkit52", "phones": PHONES,
    }


def _heads(random: np.random.Generator) -> dict[str, np.ndarray]:
    arrays = {}
    for name in ("arkit52", "before", "after"):
        weight = random.normal(scale=0.05, size=(N_HIDDEN, len(ARKIT_52))).astype(np.float32)
        weight[:, ARKIT_52.index("jawOpen")] = [1, 0, 0, 0, 0, 0]
        weight[:, ARKIT_52.index("mouthClose")] = 0
        arrays[f"{name}/W"], arrays[f"{name}/b"] = weight, np.zeros(len(ARKIT_52), np.float32)
    return arrays


def _encoder(random: np.random.Generator) -> onnx.GraphProto:
    """wave (1, n) -> features (1, n // 320, 4): the mean absolute value around each frame, and three random filters."""
    average = np.full((1, 1, 2 * HOP), 1 / (2 * HOP), np.float32)
    filters = random.normal(scale=0.02, size=(N_FEATURES - 1, 1, 2 * HOP)).astype(np.float32)
    conv = {"strides": [HOP], "pads": [HOP, 0]}
    nodes = [
        helper.make_node("Unsqueeze", ["wave", "axis"], ["row"]),
        helper.make_node("Abs", ["row"], ["loud"]),
        helper.make_node("Conv", ["loud", "average"], ["level"], **conv),
        helper.make_node("Conv", ["row", "filters"], ["bands"], **conv),
        helper.make_node("Concat", ["level", "bands"], ["channels"], axis=1),
        helper.make_node("Transpose", ["channels"], ["features"], perm=[0, 2, 1]),
    ]
    constants = {"axis": np.array([1]), "average": average, "filters": filters}
    return _graph(nodes, {"wave": [1, "n"]}, {"features": [1, "t", N_FEATURES]}, constants)


def _decoder(random: np.random.Generator) -> onnx.GraphProto:
    """features (1, t, 4), style (1, 3) -> hidden (1, t, 6): one convolution over three frames; hidden 0 is the level,
    untouched by style."""
    kernel = random.normal(scale=0.3, size=(N_HIDDEN, N_FEATURES + N_STYLE, 3)).astype(np.float32)
    kernel[0] = 0
    kernel[0, 0] = [1.0, 2.0, 1.0]
    nodes = [
        helper.make_node("Transpose", ["features"], ["rows"], perm=[0, 2, 1]),
        helper.make_node("Shape", ["features"], ["n_frames"], start=1, end=2),
        helper.make_node("Concat", ["one", "n_style", "n_frames"], ["wanted"], axis=0),
        helper.make_node("Unsqueeze", ["style", "axis"], ["column"]),
        helper.make_node("Expand", ["column", "wanted"], ["styles"]),
        helper.make_node("Concat", ["rows", "styles"], ["both"], axis=1),
        helper.make_node("Conv", ["both", "kernel"], ["mixed"], pads=[1, 1]),
        helper.make_node("Tanh", ["mixed"], ["bent"]),
        helper.make_node("Transpose", ["bent"], ["hidden"], perm=[0, 2, 1]),
    ]
    constants = {"axis": np.array([2]), "one": np.array([1]), "n_style": np.array([N_STYLE]), "kernel": kernel}
    inputs = {"features": [1, "t", N_FEATURES], "style": [1, N_STYLE]}
    return _graph(nodes, inputs, {"hidden": [1, "t", N_HIDDEN]}, constants)


def _phones(random: np.random.Generator) -> onnx.GraphProto:
    weight = random.normal(size=(N_FEATURES, len(PHONES))).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["features", "weight"], ["phones"])]
    return _graph(nodes, {"features": [1, "t", N_FEATURES]}, {"phones": [1, "t", len(PHONES)]}, {"weight": weight})


def _graph(
    nodes: list[onnx.NodeProto], inputs: dict[str, list[object]], outputs: dict[str, list[object]],
    constants: dict[str, np.ndarray],
) -> onnx.GraphProto:
    values = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
        for side in (inputs, outputs)
    ]
    return helper.make_graph(
        nodes, "tiny", *values, [numpy_helper.from_array(array, name) for name, array in constants.items()]
    )


def _save(path: Path, graph: onnx.GraphProto) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
