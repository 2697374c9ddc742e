"""Write a converted network as a model folder, and prove on the way that its graphs give what torch gives.

Graphs are compared with torch at lengths other than the export's and at every frame rate of the heads. Where the
adaptor sits inside the encoder (interpolate_pos 0), the encoder graph ends after the convolutions and the rest of the
encoder goes into decoder.onnx, so that it runs once per style.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from ...model import runtime
from ...model.decode import Track
from ...model.encode import FeatureWindow
from ...model.folder import SCHEMA, open_model
from ...model.style import Style
from ...nets.encoders import BundledEncoder
from ...nets.pretrained import PretrainedEncoder
from ...nets.unitalker import UniTalker, frame_count
from ...systems.unitalker import UniTalkerSystem
from ...values.errors import OutputError
from ...values.types import SAMPLE_RATE_HZ, FloatArray
from ..faces.folder_contents import Contents, HeadFiles
from .graphs import WEIGHTS_SUFFIX, split_weights, write_graph
from .precision import shrink

PHONES, BLOCKS = "phones.onnx", "blocks.onnx"
WINDOW_S, OVERLAP_S = 25.0, 5.0     # as the official demo cuts
TRACE_SAMPLES = 16_000
CHECK_SAMPLES = (21_600, 9_871)     # 1.35 s (40.5 frames at 30 fps) and an odd length
TOLERANCE = 1e-3                    # of ONNX against torch in the heads' output at fp32
PREFERRED_HEAD = "3DETF_blendshape_weight"      # its channel order is known for sure

log = logging.getLogger(__name__)


def write_whole(model: UniTalker, output: Path, contents: Contents, precision: str) -> None:
    """Write beside `output` and rename, so that the folder appears whole; a folder that is there is replaced.

    Args:
        precision: fp32, fp16 or int8, of the encoder's weights.
    Raises:
        OutputError: a graph gives something else than torch. OSError: the disk.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as name:
        folder = Path(name) / output.name
        folder.mkdir()
        _write_folder(model, folder, contents, precision)
        if output.exists():
            runtime.close_graphs(output)
            output.rename(Path(name) / "old")       # it goes with the temporary folder
        folder.rename(output)


def _write_folder(model: UniTalker, folder: Path, contents: Contents, precision: str) -> None:
    heads, style = contents.heads, model.styles[-1:]
    expected = [_expected(model, noise(n_samples), style, heads) for n_samples in CHECK_SAMPLES]
    _write_arrays(model, folder, heads)
    _write_graphs(model, folder)
    text = _model_json(model, folder, contents)
    vector = style.numpy()[0]
    (folder / "model.json").write_text(text, encoding="utf-8")
    error = _compare(folder, heads, vector, expected)
    if not error < TOLERANCE:
        raise OutputError(
            f"The graphs differ from torch by {error:.2g} in the heads' output, at most {TOLERANCE:g} is allowed. "
            "Please report this."
        )
    log.info("ONNX equals torch within %.1g", error)
    if precision != "fp32":
        before = _encoder_bytes(folder)
        shrink(folder / "encoder.onnx", precision)
        (folder / f"encoder.onnx{WEIGHTS_SUFFIX}").unlink(missing_ok=True)      # they are inside again
        split_weights(folder / "encoder.onnx")
        _rewrite_json(folder, "")
        error, after = _compare(folder, heads, vector, expected), _encoder_bytes(folder)
        _rewrite_json(folder, f"; encoder {precision}, largest error in the heads' output {error:.2g}")
        log.info(
            "%s: encoder %.1f MB instead of %.1f MB, largest error in the heads' output %.2g", precision, after / 1e6,
            before / 1e6, error
        )


def _rewrite_json(folder: Path, made: str) -> None:
    """Renew the hashes in model.json, and add to how the folder was made."""
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    info["sha256"] = {file.name: _sha256(file) for file in sorted(folder.iterdir()) if file.name != "model.json"}
    info["made"] += made
    (folder / "model.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")


def _encoder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("encoder.onnx*"))


def _write_arrays(model: UniTalker, folder: Path, heads: Mapping[str, HeadFiles]) -> None:
    arrays: dict[str, FloatArray] = {}
    for name, files in heads.items():
        layers = [layer for layer in model.heads[name].modules() if isinstance(layer, nn.Linear)]
        for number, layer in enumerate(layers):
            mark = "" if number == len(layers) - 1 else str(number)
            arrays[f"{name}/W{mark}"], arrays[f"{name}/b{mark}"] = layer.weight.numpy().T.copy(), layer.bias.numpy()
        arrays[f"{name}/template"] = files.template
        if files.pca:
            arrays[f"{name}/mean"] = files.pca.mean
            np.save(folder / _pca_file(name), files.pca.components)
    np.savez(folder / "heads.npz", **arrays)  # type: ignore[arg-type]
    np.save(folder / "identities.npy", model.styles.numpy())


class _Front(nn.Module):
    """The encoder's convolutions alone."""

    def __init__(self, encoder: PretrainedEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, wave: Tensor) -> Tensor:
        return self.encoder.front(wave)


class _ContextAndDecoder(nn.Module):
    """The rest of the encoder and the decoder, for features that are frames already."""

    def __init__(self, encoder: PretrainedEncoder, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        hidden: Tensor = self.decoder(self.encoder.context(features), style)
        return hidden


def _write_graphs(model: UniTalker, folder: Path) -> None:
    encoder = model.encoder
    if isinstance(encoder, BundledEncoder):
        _write_on_bundled(model, encoder, folder)
        return
    assert isinstance(encoder, PretrainedEncoder)
    encoder.prepare_for_export()
    inside = model.config.interpolate_pos == 0
    first: nn.Module = _Front(encoder) if inside else encoder
    second: nn.Module = _ContextAndDecoder(encoder, model.decoder) if inside else model.decoder
    features = torch.zeros(1, 50, encoder.front_dim if inside else encoder.dim)
    write_graph(first.eval(), (noise(TRACE_SAMPLES),), folder / "encoder.onnx", {"wave": {1: "samples"}}, "features")
    write_graph(
        second.eval(), (features, model.styles[-1:]), folder / "decoder.onnx", {"features": {1: "frames"}, "style": {}},
        "hidden"
    )
    for name in ("encoder.onnx", "decoder.onnx"):
        split_weights(folder / name)


class _Blocks(nn.Module):
    """What was trained behind a bundled encoder."""

    def __init__(self, encoder: BundledEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, given: Tensor) -> Tensor:
        return self.encoder.context(given)


def _write_on_bundled(model: UniTalker, encoder: BundledEncoder, folder: Path) -> None:
    """The decoder; where something was trained behind the encoder, both as one graph; else its phones as they are."""
    features = torch.zeros(1, 50, encoder.dim)
    free: dict[str, dict[int, str]] = {"features": {1: "frames"}, "style": {}}
    write_graph(model.decoder.train(False), (features, model.styles[-1:]), folder / "decoder.onnx", free, "hidden")
    source = encoder.source
    if len(encoder.blocks):
        write_graph(_Blocks(encoder).train(False), (features,), folder / BLOCKS, {"given": {1: "frames"}}, "features")
        joined = onnx.compose.merge_models(
            onnx.compose.add_prefix(onnx.load(source.encoder_file), "ear/"), onnx.load(folder / BLOCKS),
            io_map=[("ear/features", "given")],
        )
        onnx.save(_renamed_input(joined, "ear/wave", "wave"), folder / "encoder.onnx")
        (folder / BLOCKS).unlink()
    elif source.phones:
        shutil.copy2(source.folder / PHONES, folder / PHONES)


def _renamed_input(graph: onnx.ModelProto, old: str, new: str) -> onnx.ModelProto:
    for given in graph.graph.input:
        given.name = new if given.name == old else given.name
    for node in graph.graph.node:
        for number, name in enumerate(node.input):
            if name == old:
                node.input[number] = new
    return graph


def encoder_json(encoder: nn.Module) -> dict[str, Any]:
    """The fields of model.json that tell of the encoder: its clock, its windows, whose it is, its phones."""
    if not isinstance(encoder, BundledEncoder):
        return {"encoder": {"rate_hz": 50, "window_s": WINDOW_S, "overlap_s": OVERLAP_S, "context_s": None}}
    source = encoder.source
    told = json.loads((source.folder / "model.json").read_text(encoding="utf-8"))
    fields = {name: value for name, value in told["encoder"].items() if name not in ("from", "sha256")}
    if len(encoder.blocks):
        return {"encoder": fields}
    shared = {"from": source.encoder_folder.name, "sha256": dict(source.hashes)["encoder.onnx"]}
    return {"encoder": {**fields, **shared}, "phones": list(source.phones)}


def _model_json(model: UniTalker, folder: Path, contents: Contents) -> str:
    heads, rows = contents.heads, contents.rows
    blendshapes = [name for name, files in heads.items() if files.space == "blendshapes"]
    default = PREFERRED_HEAD if PREFERRED_HEAD in heads else (*blendshapes, *heads)[0]
    return json.dumps({
        "schema": SCHEMA, "id": folder.name, "title": folder.name, "system": "unitalker", "licence": contents.licence,
        "source": contents.source, "made": f"{date.today().isoformat()} by convert",
        "sha256": {file.name: _sha256(file) for file in sorted(folder.iterdir())},
        "sample_rate": SAMPLE_RATE_HZ, "normalise": "clip" if contents.normalise else "none",
        **encoder_json(model.encoder),
        "heads": [_head_json(name, files, contents.place) for name, files in heads.items()],
        "identities": [asdict(row) for row in rows], "pivot": rows[-1].id if contents.pivot else None,
        "default_head": default,
    }, indent=1) + "\n"


def _head_json(name: str, files: HeadFiles, place: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": name, "space": "vertices", "fps": files.dataset.fps, "resample": {"where": place, "align_corners": True}
    }
    if files.pca:
        return {**entry, "pca": _pca_file(name)}
    return {**entry, "space": files.space, "channels": list(files.channels)}


def _pca_file(head: str) -> str:
    return f"{head}.pca.npy"


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def front_of(encoder: PretrainedEncoder) -> nn.Module:
    """The encoder's convolutions alone, wave -> features, in evaluation mode."""
    return _Front(encoder).train(False)


def noise(n_samples: int) -> Tensor:
    """A noisy, swelling tone (1, n_samples) that every part of a network answers to."""
    seconds = torch.arange(n_samples) / SAMPLE_RATE_HZ
    noise = torch.randn(n_samples, generator=torch.Generator().manual_seed(n_samples))
    tone = 0.1 * torch.sin(2 * torch.pi * 180 * seconds) + 0.05 * noise
    return (tone * (0.6 + 0.4 * torch.sin(2 * torch.pi * 3 * seconds)))[None]


@torch.no_grad()
def _expected(model: UniTalker, wave: Tensor, style: Tensor, heads: Mapping[str, HeadFiles]) -> dict[str, FloatArray]:
    """What torch gives for each head, before PCA and template."""
    results: dict[str, FloatArray] = {}
    for name, files in heads.items():
        n_frames = frame_count(wave.shape[1], files.dataset.fps)
        hidden = model.hidden(model.features(wave, n_frames), n_frames, style)
        results[name] = model.heads[name](hidden)[0].numpy()
    return results


def _compare(
    folder: Path, heads: Mapping[str, HeadFiles], style: FloatArray, expected: Sequence[Mapping[str, FloatArray]],
) -> float:
    """Largest difference between torch and the folder's graphs, run as animate does; relative where outputs pass 1."""
    opened = open_model(str(folder))
    system = UniTalkerSystem(opened, "cpu", threads=0)
    worst = 0.0
    for n_samples, wanted in zip(CHECK_SAMPLES, expected, strict=True):
        window = FeatureWindow(0, n_samples, system.encoder.run({"wave": noise(n_samples).numpy()})[0])
        tracks = [Track(opened.head(name), Style(style, style, 1.0), exact=True) for name in heads]
        for name, result in zip(heads, system.decode([window], tracks, n_samples), strict=True):
            size = max(1.0, float(np.abs(wanted[name]).max()))
            worst = max(worst, float(np.abs(result.motion.weights - wanted[name]).max()) / size)
    runtime.close_graphs(folder)      # it is renamed next
    return worst
