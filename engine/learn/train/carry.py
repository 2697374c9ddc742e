"""`finetune` of a Composite: its network stays, and gets a head for the vertices, or channels, of a user's own takes.

What the network gives under the null style is mapped to the takes by ridge regression. Styles, and with them
references, go on to work: they change what the new head is fed with.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...fit_head.ridge import STRENGTHS, Solver
from ...model.decode import resample
from ...model.encode import encode
from ...model.folder import Model
from ...rig.fitted_head import hidden_track
from ...systems.system import open_system
from ...values.errors import OutputError, SettingError
from ...values.types import FloatArray, Settings, Waveform
from ..faces.prepared import fit_pca
from ..faces.samples import VERTICES, DataSet, Sample

PCA_SIZE = 64           # components of a user's vertices at the most
HELD_OUT = 4            # each fourth clip decides how strong the ridge is
FORMAT = "model.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Take:
    """One recording: what the network gives for it (t, d), and how its face differs from the neutral one (t, n), in
    the data set's own units."""

    hidden: FloatArray
    moved: FloatArray


def carry(model: Model, data: DataSet, output: Path) -> None:
    """Write the model folder with a further head, its first choice, for the numbers of a data set.

    Raises:
        SettingError: the set has no clip to learn from. OutputError: `output` is something else than a model folder.
    """
    output = output.resolve()
    if output.exists() and any(output.iterdir()) and not (output / FORMAT).exists():
        raise OutputError(f"{output} is not empty and no model folder. Give another folder.")
    samples = [sample for _, sample in data.samples("train", model.normalise == "clip")]
    if not samples:
        raise SettingError(f"Data set {data.name} has no clip to learn from. Put takes of at least 0.5 s into it.")
    takes = [_take(model, sample, data.scale) for sample in samples]
    basis = fit_pca(lambda: (take.moved for take in takes), PCA_SIZE)[0] if data.space.kind == VERTICES else None
    targets = [take.moved if basis is None else (take.moved - basis.mean) @ basis.components.T for take in takes]
    weight, bias = _fit([take.hidden for take in takes], targets)
    name, template = data.space.annotation, np.asarray(samples[0].template / data.scale, np.float32)
    arrays = {f"{name}/W": weight, f"{name}/b": bias, f"{name}/template": template}
    spec: dict[str, Any] = {
        "id": name, "space": data.space.kind, "fps": samples[0].fps,
        "resample": {"where": "output", "align_corners": False}, "channels": list(data.space.channels),
    }
    files: dict[str, FloatArray] = {}
    if basis is not None:
        del spec["channels"]
        spec["pca"] = f"pca_{name}.npy"
        files[spec["pca"]], arrays[f"{name}/mean"] = basis.components, np.asarray(basis.mean, np.float32)
    _write(model, output, spec, arrays, files)
    log.info("%s: head %s for %d numbers of %s", output, name, data.space.width, data.name)


def _take(model: Model, sample: Sample, scale: float) -> _Take:
    settings = Settings(model=str(model.folder), device="cpu")
    system, head = open_system(model, settings), model.head("")
    wave = Waveform(np.ascontiguousarray(sample.wave, np.float32))
    track = hidden_track(head, system.track(settings))
    hidden = system.decode(encode(wave, model, system.encoder), [track], len(wave.samples))[0].motion.weights
    rows = resample(hidden, len(sample.motion), False)
    return _Take(rows, np.asarray((sample.motion - sample.template) / scale, np.float32))


def _fit(hidden: list[FloatArray], targets: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Matrix (d, k) and bias (k,), the ridge as strong as serves every fourth clip that is held out meanwhile."""
    rows = [number for number in range(len(hidden)) if number % HELD_OUT or len(hidden) < HELD_OUT]
    tried = [number for number in range(len(hidden)) if number not in rows] or rows
    errors = []
    for strength in STRENGTHS:
        weight, bias = _ridge([hidden[row] for row in rows], [targets[row] for row in rows], strength)
        errors.append(sum(float(np.square(hidden[row] @ weight + bias - targets[row]).sum()) for row in tried))
    best = STRENGTHS[int(np.argmin(errors))]
    return _ridge(hidden, targets, best)


def _ridge(hidden: list[FloatArray], targets: list[FloatArray], strength: float) -> tuple[FloatArray, FloatArray]:
    seen, wanted = (np.concatenate(parts).astype(np.float64) for parts in (hidden, targets))
    middle, mean = seen.mean(axis=0), wanted.mean(axis=0)
    weight = Solver.of(seen - middle).weights(wanted - mean, np.full(wanted.shape[1], strength))
    return weight.astype(np.float32), np.asarray(mean - middle @ weight, np.float32)


def _write(
    model: Model, output: Path, spec: Mapping[str, Any], arrays: Mapping[str, NDArray[np.float32]],
    files: Mapping[str, FloatArray],
) -> None:
    """The whole folder with further arrays of heads and files, or nothing."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as temporary:
        folder = Path(temporary) / output.name
        shutil.copytree(model.folder, folder)
        info = json.loads((folder / FORMAT).read_text(encoding="utf-8"))
        with np.load(folder / "heads.npz") as known:
            heads = {**dict(known), **arrays}
        np.savez(folder / "heads.npz", **heads)
        for name, values in files.items():
            np.save(folder / name, np.asarray(values, np.float32))
        info["heads"] = [*(head for head in info["heads"] if head["id"] != spec["id"]), spec]
        info |= {"id": output.name, "title": output.name, "default_head": spec["id"]}
        hashed = [file for file in sorted(folder.iterdir()) if file.name != FORMAT]
        info["sha256"] = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in hashed}
        (folder / FORMAT).write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
        if output.exists():
            shutil.rmtree(output)
        folder.rename(output)
