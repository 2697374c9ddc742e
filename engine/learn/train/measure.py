"""`evaluate`: a model on real speech, or a training run on a set of faces by the papers' measures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...nets.unitalker import UniTalker
from ...values.errors import SettingError
from ..evaluate import evaluate
from ..evaluate.face_metrics import FaceClip, Region, face_table, largest_channel_error, mean_channel_error
from ..faces.made_sets import MADE, SETS, regions
from ..faces.samples import BLENDSHAPES, VERTICES
from ..systems.face_losses import FaceSpace
from ..systems.unitalker import SetSpec, UniTalkerRecipe, face_spaces
from .run import is_run, load_run

REGIONS = "regions.json"        # beside a data set: {"lips": [...], "upper": [...]}, numbers of vertices
SPLIT = "test"


@dataclass(frozen=True)
class MeasureRow:
    """Measures of one speaker, or of all of a set."""

    name: str
    clips: int
    measures: Mapping[str, float]


def command(options: argparse.Namespace) -> None:
    """`evaluate MODEL DATASET`; of a training run `evaluate RUN DATASET [--reader NAME]`."""
    if not is_run(Path(options.model)):
        if options.reader:
            raise SettingError(f"{options.model} is no training run, and --reader is for those. Name a run's folder.")
        evaluate.command(options)
        return
    rows = measure(Path(options.model), options.path, options.reader)
    if options.json is not None:
        text = json.dumps([{"name": row.name, "clips": row.clips, **row.measures} for row in rows], indent=1) + "\n"
        if options.json == "-":
            sys.stdout.write(text)
            return
        Path(options.json).write_text(text, encoding="utf-8")
    sys.stdout.write(table(rows) + "\n")


def measure(run: Path, dataset: Path, reader: str = "") -> list[MeasureRow]:
    """A row for each speaker of a set's test clips, then one for all of them.

    Args:
        dataset: folder of a set that its run knows or, without a reader, the name of one of the run's sets.
    Raises:
        EngineError: run or set cannot be used.
    """
    recipe, network = load_run(run)
    if not isinstance(recipe, UniTalkerRecipe) or not isinstance(network, UniTalker):
        raise SettingError(f"{run} is no run of UniTalker. Measure its model folder on recordings of speech.")
    work = run.resolve().parent
    root = dataset.resolve().parent if reader or not recipe.made else work / MADE
    spec = SetSpec(reader or "a2f", dataset.name)
    prepared = recipe.prepared(spec, SPLIT, root, work)
    if prepared.space.annotation not in network.heads:
        known = ", ".join(network.heads)
        raise SettingError(f"{run} has no head for {prepared.space.annotation}. It has {known}: fine-tune it first.")
    space = face_spaces([prepared], recipe, root)[prepared.space.annotation]
    clips: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for item in prepared.items:
        speaker = prepared.identities[item.row]
        row = recipe.row(f"{prepared.name}/{speaker}")
        with torch.no_grad():
            template = torch.from_numpy(item.template)[None, None]
            front = torch.from_numpy(np.array(item.front))[None]
            output = network.frames_of(front, len(item.motion), torch.tensor([row]), prepared.space.annotation)
            given = space.motion(output, template)[0].numpy()
        clips.setdefault(speaker, []).append((np.array(item.motion), given, item.template))
    faces = _regions(root, dataset.name)
    rows = [MeasureRow(name, len(found), _measures(found, space, faces)) for name, found in clips.items()]
    everything = [clip for found in clips.values() for clip in found]
    return [*rows, MeasureRow(prepared.name, len(everything), _measures(everything, space, faces))]


def table(rows: list[MeasureRow]) -> str:
    """One line a row; numbers of three figures."""
    names = list(rows[-1].measures)
    lines = [["", "clips", *names]]
    lines += [[row.name, str(row.clips), *(f"{row.measures[name]:.3g}" for name in names)] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _measures(
    clips: list[tuple[np.ndarray, np.ndarray, np.ndarray]], space: FaceSpace, faces: Mapping[str, Region],
) -> dict[str, float]:
    """Of vertices where the numbers make some; of weights also those of channels."""
    found = {}
    if space.space.kind == BLENDSHAPES:
        frames = [len(truth) for truth, _, _ in clips]
        for name, one in (("LVE-channels", largest_channel_error), ("ALE", mean_channel_error)):
            found[name] = float(np.average([one(truth, given) for truth, given, _ in clips], weights=frames))
    if space.space.kind != VERTICES and space.basis is None:
        return found
    whole = [[_vertices(space, numbers) for numbers in clip] for clip in clips]
    return {**face_table([FaceClip(truth, given, neutral[0]) for truth, given, neutral in whole], faces), **found}


def _vertices(space: FaceSpace, numbers: np.ndarray) -> np.ndarray:
    """(t, width), or (width,) as one frame -> (t, v, 3)."""
    with torch.no_grad():
        points = space.vertices(torch.from_numpy(np.atleast_2d(numbers)))
    assert points is not None
    return points.numpy()


def _regions(root: Path, folder: str) -> Mapping[str, Region]:
    """Vertices of the lips and of the upper face, of a made set or of the file beside a set."""
    file = root / folder / REGIONS
    if file.is_file():
        content = json.loads(file.read_text(encoding="utf-8"))
        return {name: np.asarray(numbers, np.intp) for name, numbers in content.items()}
    made = next((one for one in SETS if one.facts.folder == folder), None)
    return {} if made is None else regions(made)
