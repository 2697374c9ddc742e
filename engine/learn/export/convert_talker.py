"""`convert` for a released FaceFormer or CodeTalker checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...nets.codebook import CodeTalker
from ...nets.faceformer import FaceFormer
from ...nets.pretrained import PretrainedEncoder, hf_config
from ...values.array_files import ArrayFileError, read_array
from ...values.errors import ModelError, SettingError
from ...values.types import FloatArray
from ..faces.folder_contents import TalkerContents
from .checkpoint import SPEC_MASK, check_tensors, read_encoder_folder
from .talker_checkpoint import TALKER_PERIOD, Talker, read_talker, with_period
from .talker_folder import motion_map, numbered_rows, write_talker

# Vertices of the releases: head id and frames per second.
RELEASES = {5023: ("FLAME_5023_vertices", 30), 23370: ("BIWI_23370_vertices", 25)}
DEFAULT_FPS = 30
LICENCE = "see the release of the checkpoint (FaceFormer and CodeTalker: MIT; their data sets have terms of their own)"


@dataclass(frozen=True)
class TalkerSources:
    """A checkpoint and what belongs to it: CodeTalker's stage 1, the encoder's folder, a neutral face as .npy."""

    checkpoint: Path
    encoder: Path
    codebook: Path | None = None
    template: Path | None = None


def convert_talker(sources: TalkerSources, output: Path) -> list[str]:
    """Write the model folder of a checkpoint; returns sentences for the user.

    Raises:
        ModelError: a file is damaged, or does not fit the others. SettingError: the neutral face is of another size.
        OutputError: the graphs give something else than torch.
    """
    fields, normalise = read_encoder_folder(sources.encoder)
    talker, tensors = read_talker(sources.checkpoint, sources.codebook)
    outputs = motion_map(talker).out_features
    head, fps = RELEASES.get(outputs // 3, (f"{outputs // 3}_vertices", DEFAULT_FPS))
    if outputs % 3:
        raise ModelError(
            f"{sources.checkpoint} gives {outputs} numbers a frame, which are not three for each vertex. Give a "
            "checkpoint for vertices."
        )
    talker = _at_rate(talker, fps)
    encoder = _encoder(tensors, fields)
    facts = TalkerContents(
        head, "vertices", fps, _template(sources.template, outputs), numbered_rows(len(talker.styles), "Speakers"),
        normalise, LICENCE, "converted from a released FaceFormer or CodeTalker checkpoint",
    )
    write_talker(talker, encoder, output, facts)
    return [] if sources.template else [
        f"Without --template head {head} gives offsets from a neutral face. Give its {outputs} numbers as .npy, here "
        "or with animate."
    ]


def _at_rate(talker: Talker, fps: int) -> Talker:
    """The network with the period of its frame rate; a checkpoint that saves its positions has it already."""
    if fps not in TALKER_PERIOD.values() or talker.sizes.period == fps:
        return talker
    sizes, speakers = with_period(talker.sizes, fps), len(talker.styles)
    again: Talker = (
        CodeTalker(sizes, talker.codebook, speakers) if isinstance(talker, CodeTalker)
        else FaceFormer(sizes, talker.outputs, speakers)
    )
    again.load_state_dict(talker.state_dict())
    return again.eval().requires_grad_(False)


def _encoder(tensors: dict[str, Tensor], fields: dict[str, object]) -> PretrainedEncoder:
    encoder = PretrainedEncoder(hf_config(fields))
    wanted = encoder.state_dict()
    given = {f"model.{name}": tensor for name, tensor in tensors.items()}
    mask = SPEC_MASK.removeprefix("encoder.")
    if mask in wanted:
        given.setdefault(mask, torch.zeros_like(wanted[mask]))
    else:
        given.pop(mask, None)
    check_tensors(given, {name: tuple(tensor.shape) for name, tensor in wanted.items()})
    encoder.load_state_dict(given)
    return encoder.eval().requires_grad_(False)


def _template(path: Path | None, outputs: int) -> FloatArray:
    """The neutral face (outputs,); zeros without one. Raises SettingError."""
    if path is None:
        return np.zeros(outputs, np.float32)
    try:
        template = read_array(path).astype(np.float32).reshape(-1)
    except (ArrayFileError, OSError, ValueError) as error:
        raise SettingError(f"Template {path} cannot be read ({error}). Give a .npy of {outputs} numbers.") from error
    if template.size != outputs or not np.isfinite(template).all():
        raise SettingError(f"Template {path} has {template.size} numbers, {outputs} finite ones are needed.")
    return template
