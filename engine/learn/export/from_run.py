"""Turn a trained network into a model folder, as its recipe describes it, and check the graphs against torch."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...model import runtime
from ...nets.encoders import BundledEncoder
from ...values.errors import OutputError
from ..faces.folder_contents import Contents, TalkerContents
from ..systems.contract import FolderSpec, GraphSpec, Recipe
from .converted_folder import write_whole
from .graphs import write_graph
from .packing import pack, round_to_half
from .talker_folder import write_talker

LARGEST_FOLDER_BYTES = 15_000_000
TOLERANCE = 2e-4  # of ONNX against torch, in features of about 1

log = logging.getLogger(__name__)


def export(recipe: Recipe[Any, Any], network: nn.Module, output: Path) -> None:
    """Write a network in evaluation mode as a model folder; the folder appears whole or not at all.

    Args:
        network: of the recipe; its large trained weights are rounded to half precision.
        output: folder to write; a model folder that is there is replaced; its name becomes the model's id.
    Raises:
        OutputError: the graphs differ from torch, the folder would be too large, or `output` is no model folder.
    """
    output = output.resolve()
    if output.exists() and any(output.iterdir()) and not (output / "model.json").exists():
        raise OutputError(f"{output} is not empty and no model folder. Give another folder.")
    contents = recipe.folder(network)
    if isinstance(contents, TalkerContents):
        encoder = BundledEncoder(contents.base).train(False)
        write_talker(network.requires_grad_(False), encoder, output, contents)  # type: ignore[arg-type]
        return
    if isinstance(contents, Contents):
        write_whole(network.requires_grad_(False), output, contents, "fp32")  # type: ignore[arg-type]
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as name:
        folder = Path(name) / output.name
        folder.mkdir()
        _write(contents, folder)
        size = sum(file.stat().st_size for file in folder.iterdir())
        if size > LARGEST_FOLDER_BYTES:
            raise OutputError(
                f"The model folder has {size} bytes, at most {LARGEST_FOLDER_BYTES} may be bundled. Train a smaller "
                "network."
            )
        if output.exists():
            shutil.rmtree(output)
        folder.rename(output)
    log.info("%s: %.1f MB", output, size / 1e6)


def _write(contents: FolderSpec, folder: Path) -> None:
    """Write graphs, arrays and model.json into an empty folder, and compare the graphs with torch."""
    for name, graph in contents.graphs.items():
        round_to_half(graph.module)
        axes = {given: {1: graph.free[given]} if given in graph.free else {} for given in graph.inputs}
        write_graph(graph.module, tuple(graph.inputs.values()), folder / name, axes, graph.output)
        pack(folder / name)
    for name, source in contents.copies.items():
        shutil.copyfile(source, folder / name)
    for name, value in contents.arrays.items():
        if isinstance(value, Mapping):
            np.savez(folder / name, **value)  # type: ignore[arg-type]
        else:
            np.save(folder / name, value)
    info = {
        "schema": 1, "id": folder.name, "made": f"{date.today().isoformat()} by engine/learn (see weights/README.md)",
        "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())},
        **contents.info,
    }
    (folder / "model.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    for name, graph in contents.graphs.items():
        _compare(graph, folder / name)


def _compare(graph: GraphSpec, path: Path) -> None:
    """Run a graph on the inputs of its check. Raises OutputError where it gives something else than torch."""
    with torch.no_grad():
        wanted = graph.module(*graph.check).numpy()
    given = dict(zip(graph.inputs, (value.numpy() for value in graph.check), strict=True))
    difference = float(np.abs(runtime.open_graph(path, "cpu", 1).run(given) - wanted).max())
    if not difference < TOLERANCE:
        raise OutputError(
            f"{path.name} differs from torch by {difference:.2g}, at most {TOLERANCE:g} is allowed. Check the layers' "
            "ONNX export."
        )
    log.info("%s equals torch within %.1g", path.name, difference)
