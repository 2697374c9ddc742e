"""Turn a training run into a model folder: ONNX graphs, heads, styles, model.json; checked against torch."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...model import runtime
from ...nets.encoders import RATE_HZ, SAMPLES_PER_FRAME, MoonshineEncoder
from ...nets.unitalker import UniTalker
from ...values.channels import ARKIT_52
from ...values.errors import OutputError
from ..synth.phones import PHONES
from ..train.loop import HEAD, load_run
from .graphs import write_graph
from .packing import pack, round_to_half

LARGEST_FOLDER_BYTES = 15_000_000
WINDOW_S = 30.0
ATTENTION_WINDOW_S, ATTENTION_OVERLAP_S = 16.0, 2.0   # of an encoder that hears a window as a whole: windows are cross-faded
TOLERANCE = 2e-4  # of ONNX against torch, in features of about 1
CHECK_S = 7.0
PIVOT = "pivot"
LABELS = {
    PIVOT: "Neutral (pivot)", "relaxed": "Relaxed", "clear": "Clear", "wide": "Wide", "rounded": "Rounded", "soft": "Soft", "energetic": "Energetic",
}
SOURCE = "UniTalker (ECCV 2024) architecture, trained on free speech programs and recordings"
EAR_SOURCE = " on the encoder of Moonshine Tiny (arXiv 2410.15608), which is MIT-licensed and unchanged"

log = logging.getLogger(__name__)


def command(options: argparse.Namespace) -> None:
    """`export RUN -o DIR`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    export(options.path, options.output)


def export(run: Path, output: Path) -> None:
    """Write the best checkpoint of a run as a model folder; the folder appears whole or not at all.

    Args:
        run: folder of train(), or a checkpoint file.
        output: folder to write; a model folder that is there is replaced; its name becomes the model's id.
    Raises:
        SettingError: no checkpoint. OutputError: the graphs differ from torch, the folder would be too large, or `output` is no model folder.
    """
    output = output.resolve()
    if output.exists() and any(output.iterdir()) and not (output / "model.json").exists():
        raise OutputError(f"{output} is not empty and no model folder. Give another folder.")
    model = load_run(run / "best.pt" if run.is_dir() else run)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as name:
        folder = Path(name) / output.name
        folder.mkdir()
        write_folder(model, folder)
        size = sum(file.stat().st_size for file in folder.iterdir())
        if size > LARGEST_FOLDER_BYTES:
            raise OutputError(f"The model folder has {size} bytes, at most {LARGEST_FOLDER_BYTES} may be bundled. Train a smaller network.")
        if output.exists():
            shutil.rmtree(output)
        folder.rename(output)
    log.info("%s: %.1f MB", output, size / 1e6)


def write_folder(model: UniTalker, folder: Path) -> None:
    """Write graphs, arrays and model.json into an empty folder, and compare the graphs with torch.

    Raises:
        OutputError: a graph gives something else than torch.
    """
    model.eval()
    for part in (model.encoder, model.decoder, model.phone_head):
        if part is not None:
            round_to_half(part)
    frames = 4 * RATE_HZ
    wave = torch.zeros(1, frames * SAMPLES_PER_FRAME)
    features = torch.zeros(1, frames, model.encoder.dim)
    style = torch.zeros(1, model.styles.shape[1])
    write_graph(model.encoder, (wave,), folder / "encoder.onnx", {"wave": {1: "samples"}}, "features")
    write_graph(model.decoder, (features, style), folder / "decoder.onnx", {"features": {1: "frames"}, "style": {}}, "hidden")
    if model.phone_head is not None:
        write_graph(model.phone_head, (features,), folder / "phones.onnx", {"features": {1: "frames"}}, "phones")
    for graph in folder.glob("*.onnx"):
        pack(graph)
    heads = {}
    for name, head in model.heads.items():
        assert isinstance(head, nn.Linear)
        heads[f"{name}/W"] = head.weight.detach().numpy().T.copy()
        heads[f"{name}/b"] = head.bias.detach().numpy()
    np.savez(folder / "heads.npz", **heads)  # type: ignore[arg-type]
    order = [model.pivot_index, *range(len(model.config.identities))]
    np.save(folder / "identities.npy", model.styles.detach().numpy()[order])
    (folder / "model.json").write_text(json.dumps(_model_json(model, folder), indent=1) + "\n", encoding="utf-8")
    _compare(model, folder)


def overlap_s(context_s: float) -> float:
    """Shortest overlap of windows that hides their edges: twice the reach, in whole frames."""
    return math.ceil(2 * context_s * RATE_HZ - 1e-6) / RATE_HZ


def _model_json(model: UniTalker, folder: Path) -> dict[str, Any]:
    window_s, shared_s = (WINDOW_S, overlap_s(model.context_s)) if model.context_s is not None else (ATTENTION_WINDOW_S, ATTENTION_OVERLAP_S)
    identities = (PIVOT, *model.config.identities)
    has_ear = isinstance(model.encoder, MoonshineEncoder)
    return {
        "schema": 1, "id": folder.name, "title": "Mini", "system": "unitalker", "licence": "GPL-3.0-or-later AND MIT" if has_ear else "GPL-3.0-or-later",
        "source": SOURCE + EAR_SOURCE * has_ear, "made": f"{date.today().isoformat()} by engine/learn (see weights/README.md)",
        "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())},
        "sample_rate": 16000, "normalise": "none",
        "encoder": {"rate_hz": RATE_HZ, "window_s": window_s, "overlap_s": shared_s, "context_s": model.context_s and round(model.context_s, 6)},
        "heads": [{"id": name, "space": "blendshapes", "channels": list(ARKIT_52), "fps": RATE_HZ,
                   "resample": {"where": "none", "align_corners": False}} for name in model.config.heads],
        "identities": [{"id": name, "label": LABELS.get(name, name.title()), "group": "Styles"} for name in identities],
        "pivot": PIVOT, "default_head": HEAD, "phones": list(PHONES) if model.phone_head is not None else [],
    }


def _compare(model: UniTalker, folder: Path) -> None:
    """Run the graphs on a noisy sweep and compare every output with torch."""
    generator = torch.Generator().manual_seed(0)
    n = round(CHECK_S * RATE_HZ) * SAMPLES_PER_FRAME
    seconds = torch.arange(n) / 16000
    wave = 0.1 * torch.sin(2 * math.pi * (200 + 150 * seconds) * seconds) + 0.01 * torch.randn(n, generator=generator)
    wave = (wave * (0.5 + 0.5 * torch.sin(2 * math.pi * 3 * seconds)))[None]
    identity = torch.tensor([0])
    with torch.no_grad():
        features = model.encoder(wave)
        wanted = {"encoder.onnx": features, "decoder.onnx": model.decoder(features, model.styles[identity])}
        if model.phone_head is not None:
            wanted["phones.onnx"] = model.phone_head(features)
    given = {"features": features.numpy()}
    for name, value in wanted.items():
        graph = runtime.open_graph(folder / name, "cpu", 1)
        inputs = {"encoder.onnx": {"wave": wave.numpy()}, "decoder.onnx": {**given, "style": model.styles[identity].detach().numpy()}}
        difference = float(np.abs(graph.run(inputs.get(name, given)) - value.numpy()).max())
        if not difference < TOLERANCE:
            raise OutputError(f"{name} differs from torch by {difference:.2g}, at most {TOLERANCE:g} is allowed. Check the layers' ONNX export.")
        log.info("%s equals torch within %.1g", name, difference)


