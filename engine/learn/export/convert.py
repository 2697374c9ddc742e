"""`convert`: a released checkpoint of UniTalker, FaceFormer or CodeTalker becomes a model folder.

Reads and checks everything before a file is written; then the folder is written, whole or not at all.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...values.errors import OutputError, SettingError
from ..data.official import Dataset, Official, choose_datasets, name_rows, read_config, read_pca, read_template
from ..faces.folder_contents import Contents, HeadFiles
from .checkpoint import Layout, build, layout, load_tensors, read_encoder_folder, read_tensors
from .convert_talker import TalkerSources, convert_talker
from .converted_folder import write_whole
from .talker_checkpoint import is_talker

SHOWN = 4       # names in an error message

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sources:
    """A checkpoint and what belongs to it.

    Attributes:
        data: root with PCA and templates; config: the official yaml; both for UniTalker.
        codebook: CodeTalker's first stage; template: a neutral face as .npy; for FaceFormer and CodeTalker.
    """

    checkpoint: Path
    encoder: Path
    data: Path | None = None
    config: Path | None = None
    codebook: Path | None = None
    template: Path | None = None


def command(options: argparse.Namespace) -> None:
    """`convert CHECKPOINT --encoder DIR [--pca DIR] [--config YAML] [--codebook FILE] [--template NPY] -o DIR`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sources = Sources(
        options.path, options.encoder, options.pca, options.config, options.codebook, options.template
    )
    convert(sources, options.output, options.precision)


def convert(sources: Sources, output: Path, precision: str = "fp32") -> None:
    """Write the model folder of a checkpoint.

    Args:
        output: folder to write; a model folder that is there is replaced; its name becomes the model's id.
        precision: fp32, fp16 or int8, of the encoder's weights; the error that it makes in the heads' output is
            measured and logged.
    Raises:
        ModelError: checkpoint, encoder folder, PCA or templates are damaged or do not fit each other. SettingError: the
            config is wrong.
        OutputError: `output` is no model folder, or the graphs give something else than torch.
    """
    output = output.resolve()
    _check_output(output)
    if is_talker(load_tensors(sources.checkpoint, unwrap=True)):
        _convert_talker(sources, output, precision)
        return
    official = read_config(sources.config)
    fields, normalise = read_encoder_folder(sources.encoder)
    tensors = read_tensors(sources.checkpoint)
    sizes = layout(tensors)
    _check_config(official, sizes)
    datasets = choose_datasets(official, sizes.heads)
    rows, pivot, note = name_rows(datasets, sizes.rows, sources.data)
    heads, notes = _head_files(datasets, sizes, official, sources.data)
    model = build(tensors, sizes, fields, official.interpolate_pos, pivot)
    del tensors
    place = "output" if official.interpolate_pos == 2 else "features"
    try:
        write_whole(model, output, Contents(heads, rows, pivot, normalise, place), precision)
    except OSError as error:
        raise _cannot_write(output, error) from error
    for line in filter(None, (note, *notes)):
        log.warning(line)
    size = sum(file.stat().st_size for file in output.iterdir())
    log.info("%s: %d heads, %d identities, %.1f MB", output, len(heads), len(rows), size / 1e6)


def _convert_talker(sources: Sources, output: Path, precision: str) -> None:
    if precision != "fp32" or sources.data or sources.config:
        raise SettingError(
            "FaceFormer and CodeTalker are converted at fp32, without --pca and --config, which are for UniTalker. "
            "Leave them out."
        )
    try:
        notes = convert_talker(
            TalkerSources(sources.checkpoint, sources.encoder, sources.codebook, sources.template), output
        )
    except OSError as error:
        raise _cannot_write(output, error) from error
    for line in notes:
        log.warning(line)


def _cannot_write(output: Path, error: OSError) -> OutputError:
    reason = error.strerror or error
    return OutputError(f"Cannot write {output}: {reason}. Free some space, or write somewhere else.")


def _check_output(output: Path) -> None:
    """Raises OutputError unless the folder is new, empty, or nothing but a model folder, since it will be replaced."""
    if not output.exists():
        return
    try:
        found = {file.name for file in output.iterdir()}
        info = json.loads((output / "model.json").read_text(encoding="utf-8")) if found else {"sha256": {}}
        others = sorted(found - {"model.json", *info["sha256"]})
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise OutputError(f"{output} is there and no model folder. Give another folder.") from error
    if others:
        raise OutputError(
            f"{output} holds a model and more ({', '.join(others[:SHOWN])}), which would be lost. Give another "
            "folder, or move that away."
        )


def _check_config(official: Official, sizes: Layout) -> None:
    if official.decoder_kind not in (None, sizes.decoder_kind):
        raise SettingError(
            f"The config says decoder {official.decoder_kind}, the checkpoint holds a {sizes.decoder_kind} one. Give "
            "its own yaml."
        )
    if sizes.period and official.period not in (None, sizes.period):
        raise SettingError(
            f"The config says period {official.period}, the checkpoint has {sizes.period}. Give its own yaml."
        )


def _head_files(
    datasets: Sequence[Dataset], sizes: Layout, official: Official, data: Path | None,
) -> tuple[dict[str, HeadFiles], list[str]]:
    """What belongs to each head, and sentences for the user. Without the data root vertex heads are left out."""
    first: dict[str, Dataset] = {}
    for dataset in datasets:
        first.setdefault(dataset.annotation, dataset)
    left_out = [name for name, dataset in first.items() if dataset.pca and data is None]
    if len(left_out) == len(first):
        raise SettingError(f"All heads ({', '.join(left_out)}) need their PCA files. Give the data root with --pca.")
    notes = [f"Without --pca the vertex heads are left out: {', '.join(left_out)}."] if left_out else []
    heads = {}
    for name, dataset in first.items():
        if name not in left_out:
            pca = read_pca(dataset, sizes.heads[name], data, official.pca_dim) if dataset.pca and data else None
            template, note = read_template(dataset, len(pca.mean) if pca else sizes.heads[name], data)
            heads[name] = HeadFiles(dataset, template, pca)
            notes.append(note)
    return heads, notes
