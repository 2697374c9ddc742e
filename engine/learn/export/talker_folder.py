"""Write a FaceFormer or CodeTalker as a model folder, and prove on the way that its graphs give what torch gives.

The motion that a frame is given goes through two linear maps, from a hidden state to motion and from motion back; they
are folded into one small matrix, so a step never touches vertices. The last map is a head: plain channels, or for
vertices a basis whose coefficients are the hidden states, so that meshes get shape keys of it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...model import runtime
from ...model.decode import Track
from ...model.encode import FeatureWindow
from ...model.folder import SCHEMA, open_model
from ...model.style import Style
from ...nets.codebook import CodeTalker
from ...nets.encoders import BundledEncoder
from ...nets.layers import resample
from ...nets.pretrained import PretrainedEncoder
from ...systems.autoregressive import ARRAYS_FILE, CODES_FILE, AutoregressiveSystem
from ...values.errors import OutputError
from ...values.types import SAMPLE_RATE_HZ, FloatArray
from ..data.official import Row
from ..faces.folder_contents import TalkerContents
from .converted_folder import PHONES, TRACE_SAMPLES, encoder_json, front_of, noise
from .graphs import split_weights, write_graph
from .talker_checkpoint import Talker

CHECK_SAMPLES = 21_600          # 1.35 s
TRACE_FRAMES = 5
TOLERANCE = 1e-3                # of ONNX against torch in motion, relative where that passes 1
SMALLEST_COMPONENT = 1e-6       # of the largest: those below move nothing that a float shows


class _Memory(nn.Module):
    """Resampled convolution features, or features, -> memory."""

    def __init__(self, encoder: PretrainedEncoder | None, talker: Talker) -> None:
        super().__init__()
        self.encoder, self.map = encoder, talker.map

    def forward(self, features: Tensor) -> Tensor:
        rows = features if self.encoder is None else self.encoder.context(features)
        memory: Tensor = self.map(rows)
        return memory


class _Step(nn.Module):
    """One frame: hidden state, or CodeTalker's codes."""

    def __init__(self, talker: Talker) -> None:
        super().__init__()
        self.talker = talker

    def forward(self, frame: Tensor, memory: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        hidden, cache = self.talker.decoder(frame, memory, cache)
        if isinstance(self.talker, CodeTalker):
            hidden = self.talker.codebook.quantise(self.talker.code_features(hidden)).codes
        return hidden, cache


class _Motion(nn.Module):
    """Codes -> the hidden states of which motion is a linear map."""

    def __init__(self, talker: CodeTalker) -> None:
        super().__init__()
        self.codebook = talker.codebook

    def forward(self, codes: Tensor) -> Tensor:
        return self.codebook.hidden(codes)


log = logging.getLogger(__name__)


def write_talker(
    talker: Talker, encoder: PretrainedEncoder | BundledEncoder, output: Path, facts: TalkerContents,
) -> None:
    """Write beside `output` and rename, so that the folder appears whole; a folder that is there is replaced.

    Raises:
        OutputError: the graphs give something else than torch. OSError: the disk.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as name:
        folder = Path(name) / output.name
        folder.mkdir()
        wanted = _expected(talker, encoder, facts)
        _write_graphs(talker, encoder, folder)
        _write_arrays(talker, folder, facts)
        (folder / "model.json").write_text(_model_json(folder, facts, encoder), encoding="utf-8")
        _compare(folder, wanted)
        if output.exists():
            runtime.close_graphs(output)
            output.rename(Path(name) / "old")       # it goes with the temporary folder
        folder.rename(output)


def write_steps_only(talker: Talker, folder: Path, facts: TalkerContents) -> None:
    """Step graph and arrays without the sound's part, for measurements."""
    _write_steps(talker, folder)
    _write_arrays(talker, folder, facts)


def motion_map(talker: Talker) -> nn.Linear:
    """The last linear map, from a hidden state to motion."""
    return talker.codebook.motion_out if isinstance(talker, CodeTalker) else talker.motion_out


def _write_graphs(talker: Talker, encoder: PretrainedEncoder | BundledEncoder, folder: Path) -> None:
    within = None
    if isinstance(encoder, PretrainedEncoder):
        within = encoder
        encoder.prepare_for_export()
        write_graph(
            front_of(encoder), (noise(TRACE_SAMPLES),), folder / "encoder.onnx", {"wave": {1: "samples"}}, "features"
        )
    elif encoder.source.phones:
        shutil.copy2(encoder.source.folder / PHONES, folder / PHONES)
    features = torch.zeros(1, 50, encoder.front_dim)
    memory = _Memory(within, talker).train(False)
    write_graph(memory, (features,), folder / "memory.onnx", {"features": {1: "frames"}}, "memory")
    _write_steps(talker, folder)
    for file in folder.glob("*.onnx"):
        split_weights(file)


def _write_steps(talker: Talker, folder: Path) -> None:
    sizes = talker.sizes
    cache = torch.zeros(*talker.decoder.empty_cache().shape[:4], 3, sizes.dim // talker.decoder.empty_cache().shape[3])
    write_graph(
        _Step(talker).train(False), (torch.zeros(1, 1, sizes.dim), torch.zeros(1, 1, sizes.span, sizes.dim), cache),
        folder / "decoder.onnx", {"frame": {}, "memory": {}, "cache": {4: "past"}},
        {"hidden": {}, "cache_out": {4: "frames"}},
    )
    if isinstance(talker, CodeTalker):
        codes = torch.randn(1, TRACE_FRAMES, talker.codebook.sizes.codes, talker.codebook.sizes.code_dim)
        write_graph(_Motion(talker).train(False), (codes,), folder / CODES_FILE, {"codes": {1: "frames"}}, "hidden")


def _write_arrays(talker: Talker, folder: Path, facts: TalkerContents) -> None:
    last = motion_map(talker)
    weight = last.weight.detach().numpy().T.astype(np.float64)                      # (hidden, outputs)
    bias = np.zeros(weight.shape[1]) if last.bias is None else last.bias.detach().numpy().astype(np.float64)
    back = talker.motion_in.weight.detach().numpy().T.astype(np.float64)            # (outputs, d)
    np.savez(
        folder / ARRAYS_FILE, span=np.float32(talker.sizes.span),
        cache=np.array(talker.decoder.empty_cache().shape, np.float32),
        weight=(weight @ back).astype(np.float32),
        bias=(bias @ back + talker.motion_in.bias.detach().numpy()).astype(np.float32),
    )
    arrays = {"template": facts.template.astype(np.float32)}
    if facts.space == "vertices":
        turn, components = _basis(weight)
        np.save(folder / _pca_file(facts.head), components)
        arrays.update(W=turn, b=np.zeros(len(components), np.float32), mean=bias.astype(np.float32))
    else:
        arrays.update(W=weight.astype(np.float32), b=bias.astype(np.float32))
    named = {f"{facts.head}/{name}": value for name, value in arrays.items()}
    np.savez(folder / "heads.npz", **named)  # type: ignore[arg-type]
    np.save(folder / "identities.npy", talker.styles.detach().numpy())


def _basis(weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(hidden, outputs) as (hidden, k) times orthogonal components (k, outputs), those that move most first."""
    left, sizes, components = np.linalg.svd(weight, full_matrices=False)
    kept = max(1, int((sizes > SMALLEST_COMPONENT * sizes[0]).sum()))
    return (left * sizes)[:, :kept].astype(np.float32), np.ascontiguousarray(components[:kept], np.float32)


def _model_json(folder: Path, facts: TalkerContents, encoder: PretrainedEncoder | BundledEncoder) -> str:
    head: dict[str, Any] = {
        "id": facts.head, "space": facts.space, "fps": facts.fps,
        "resample": {"where": "features", "align_corners": True},
        **({"pca": _pca_file(facts.head)} if facts.space == "vertices" else {"channels": list(facts.channels)}),
    }
    return json.dumps({
        "schema": SCHEMA, "id": folder.name, "title": folder.name, "system": "autoregressive",
        "licence": facts.licence, "source": facts.source, "made": f"{date.today().isoformat()} by convert",
        "sha256": {file.name: _sha256(file) for file in sorted(folder.iterdir())},
        "sample_rate": SAMPLE_RATE_HZ, "normalise": "clip" if facts.normalise else "none",
        **encoder_json(encoder),
        "heads": [head], "identities": [asdict(row) for row in facts.rows],
        "pivot": facts.rows[-1].id if facts.pivot else None, "default_head": facts.head,
    }, indent=1) + "\n"


def _pca_file(head: str) -> str:
    return f"{head}.pca.npy"


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@torch.no_grad()
def _expected(talker: Talker, encoder: PretrainedEncoder | BundledEncoder, facts: TalkerContents) -> FloatArray:
    """What torch gives for the first style, without the neutral face."""
    n_frames = round(CHECK_SAMPLES / SAMPLE_RATE_HZ * facts.fps)
    features = encoder.front(noise(CHECK_SAMPLES))
    features = encoder.context(resample(features, n_frames) if talker.sizes.span == 1 else features)
    motion: FloatArray = talker(features, talker.styles[:1], n_frames)[0].numpy()
    return motion


def _compare(folder: Path, wanted: FloatArray) -> None:
    """Run the folder as animate does. Raises OutputError where it gives something else than torch."""
    model = open_model(str(folder))
    system = AutoregressiveSystem(model, "cpu", threads=0)
    head, style = model.heads[0], model.styles[0]
    window = FeatureWindow(0, CHECK_SAMPLES, system.encoder.run({"wave": noise(CHECK_SAMPLES).numpy()})[0])
    decoded = system.decode([window], [Track(head, Style(style, style, 1.0), exact=True)], CHECK_SAMPLES)
    motion = _flat(decoded[0].motion.weights, head.basis.components, head.basis.mean) if head.basis else (
        decoded[0].motion.weights
    )
    runtime.close_graphs(folder)        # it is renamed next
    error = float(np.abs(motion - wanted).max()) / max(1.0, float(np.abs(wanted).max()))
    if not error < TOLERANCE:
        raise OutputError(
            f"The graphs differ from torch by {error:.2g} in motion, at most {TOLERANCE:g} is allowed. Please report "
            "this."
        )
    log.info("ONNX equals torch within %.1g", error)


def _flat(coefficients: FloatArray, components: FloatArray, mean: FloatArray) -> FloatArray:
    return np.asarray(coefficients @ components + mean, np.float32)


def numbered_rows(count: int, group: str, names: Sequence[str] = ()) -> tuple[Row, ...]:
    """Rows of a style table by their speakers' names, or numbered."""
    ids = names or [f"speaker_{number}" for number in range(count)]
    return tuple(Row(name, name, group) for name in ids)
