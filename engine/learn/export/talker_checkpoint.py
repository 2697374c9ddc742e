"""Read a released FaceFormer or CodeTalker checkpoint into our networks.

Knows tensor names and shapes of the released code; knows nothing of model folders. As with UniTalker every unknown,
missing or misshapen tensor is an error that names it, and sizes come from the tensors. Heads of attention leave no
trace in tensors: CodeTalker's codebook has 8 in both releases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ...nets.codebook import CodebookSizes, CodeTalker, MotionCodebook
from ...nets.faceformer import DecoderSizes, FaceFormer
from ...values.errors import ModelError
from ...values.messages import number_of
from .checkpoint import check_tensors, load_tensors, period_of, some_names

Talker = FaceFormer | CodeTalker
Names = tuple[tuple[re.Pattern[str], str], ...]     # released names, and ours

ENCODER = "encoder.model."      # prefix of the speech encoder's tensors
POSITIONS = "PPE.pe"            # a buffer that the period defines
TALKER_PERIOD = {1: 30, 2: 25}  # frames: of the releases for VOCASET and BIWI, where the buffer is not saved
CODEBOOK_HEADS = 8
_PART = r"\.(weight|bias)"
_LAYER = r"transformer_decoder\.layers\.(\d+)"
_TALKER = tuple((re.compile(pattern), ours) for pattern, ours in (
    (r"audio_encoder\.(.+)", ENCODER + r"\1"),
    (r"audio_feature_map" + _PART, r"map.\1"),
    (r"vertice_map" + _PART, r"motion_in.\1"),
    (r"vertice_map_r" + _PART, r"motion_out.\1"),
    (r"feat_map\.weight", "to_features.weight"),
    (r"learnable_style_emb\.weight|obj_vector\.weight", "styles"),
    (r"PPE\.pe", POSITIONS),
    (_LAYER + r"\.self_attn\.in_proj_(weight|bias)", r"decoder.layers.\1.self_attention.in_proj.\2"),
    (_LAYER + r"\.self_attn\.out_proj" + _PART, r"decoder.layers.\1.self_attention.out_proj.\2"),
    (_LAYER + r"\.multihead_attn\.in_proj_(weight|bias)", r"decoder.layers.\1.cross.in_proj.\2"),
    (_LAYER + r"\.multihead_attn\.out_proj" + _PART, r"decoder.layers.\1.cross.out_proj.\2"),
    (_LAYER + r"\.(linear[12]|norm[123])" + _PART, r"decoder.layers.\1.\2.\3"),
))
_SIDE = r"(en|de)coder\.(?:en|de)coder_"
_CODEBOOK = tuple((re.compile(pattern), ours) for pattern, ours in (
    (r"encoder\.vertice_mapping\.0" + _PART, r"motion_in.\1"),
    (r"encoder\.squasher\.0\.0" + _PART, r"encoder.conv.\1"),
    (r"decoder\.expander\.0\.0" + _PART, r"decoder.conv.\1"),
    (_SIDE + r"linear_embedding\.net" + _PART, r"\1coder.map.\2"),
    (r"encoder\.encoder_linear_embedding_post\.net" + _PART, r"to_codes.\1"),
    (r"decoder\.decoder_linear_embedding_pre\.net" + _PART, r"from_codes.\1"),
    (r"decoder\.vertice_map_reverse" + _PART, r"motion_out.\1"),
    (r"quantize\.embedding\.weight", "entries"),
    (_SIDE + r"pos_embedding\.pe", ""),        # a fixed table, of which the constant position is the first row
))
_BLOCK = re.compile(_SIDE + r"transformer\.net\.(\d+)\.fn\.(norm|fn\.\w+)\.(weight|bias)")
_BLOCK_PARTS = (
    {"norm": "norm1", "fn.to_qkv": "to_qkv", "fn.to_out": "to_out"},
    {"norm": "norm2", "fn.l1": "linear1", "fn.l2": "linear2"},
)


def is_talker(names: Mapping[str, object]) -> bool:
    """Whether tensors of these names are those of a FaceFormer or a CodeTalker."""
    plain = {name.removeprefix("module.") for name in names}
    return "vertice_map.weight" in plain and "audio_feature_map.weight" in plain


def read_talker(path: Path, codebook: Path | None = None) -> tuple[Talker, dict[str, Tensor]]:
    """The network of a released checkpoint, in evaluation mode, and its speech encoder's tensors.

    Args:
        path: of FaceFormer, or of CodeTalker's stage 2.
        codebook: CodeTalker's stage 1, where stage 2 does not hold it.
    Raises:
        ModelError: a file is damaged, or tensors are unknown, missing or misshapen.
    """
    stage_one = load_tensors(codebook, unwrap=True) if codebook else None
    return build_talker(load_tensors(path, unwrap=True), stage_one, path)


def build_talker(
    given: Mapping[str, Tensor], codebook: Mapping[str, Tensor] | None, path: Path, heads: int = CODEBOOK_HEADS,
) -> tuple[Talker, dict[str, Tensor]]:
    """As read_talker, of tensors under their released names; `path` is named in messages."""
    plain = {name.removeprefix("module."): tensor for name, tensor in given.items()}
    inner = {name.removeprefix("autoencoder."): t for name, t in plain.items() if name.startswith("autoencoder.")}
    outer = {name: tensor for name, tensor in plain.items() if not name.startswith("autoencoder.")}
    if "obj_vector.weight" in outer:        # a linear map of one-hot vectors: its columns are the styles
        outer["obj_vector.weight"] = outer["obj_vector.weight"].T
    tensors = _renamed(outer, _TALKER, path)
    encoder = {name.removeprefix(ENCODER): t for name, t in tensors.items() if name.startswith(ENCODER)}
    own = {name: tensor for name, tensor in tensors.items() if not name.startswith(ENCODER)}
    sizes = _decoder_sizes(own)
    if "motion_out.weight" in own:
        talker: Talker = FaceFormer(sizes, len(own["motion_out.weight"]), len(own["styles"]))
    else:
        entries = {name.removeprefix("module."): tensor for name, tensor in (codebook or {}).items()} or inner
        talker = CodeTalker(sizes, build_codebook(entries, path, heads), len(own["styles"]))
        own.update({f"codebook.{name}": tensor for name, tensor in talker.codebook.state_dict().items()})
    own.pop(POSITIONS, None)
    _load(talker, own)
    return talker.eval().requires_grad_(False), encoder


def build_codebook(given: Mapping[str, Tensor], path: Path, heads: int = CODEBOOK_HEADS) -> MotionCodebook:
    """CodeTalker's stage 1, of tensors under their released names. Raises ModelError."""
    if "quantize.embedding.weight" not in given:
        raise ModelError(
            f"{path} is CodeTalker's second stage without its codebook. Give the first stage too: --codebook "
            "STAGE1.pth.tar."
        )
    tensors = _renamed(given, _CODEBOOK, path)
    motion, entries = tensors["motion_in.weight"], tensors["entries"]
    width, bridged = len(motion), "to_codes.weight" in tensors
    code_width = len(tensors["to_codes.weight"]) if bridged else width
    layers = len({name for name in tensors if re.fullmatch(r"encoder\.blocks\.\d+\.norm1\.weight", name)})
    sizes = CodebookSizes(
        motion.shape[1], code_width // entries.shape[1], entries.shape[1], len(entries), width, layers, heads,
        len(tensors.get("encoder.blocks.0.linear1.weight", entries)), bridged=bridged,
    )
    network = MotionCodebook(sizes)
    _load(network, tensors)
    return network.eval()


def _decoder_sizes(tensors: Mapping[str, Tensor]) -> DecoderSizes:
    needed = ("map.weight", "motion_in.weight", "styles")
    missing = [name for name in needed if name not in tensors]
    if missing:
        raise ModelError(
            f"The checkpoint lacks {some_names(missing)}. Give a FaceFormer checkpoint, or CodeTalker's second stage."
        )
    dim, feature_dim = tensors["map.weight"].shape
    layers = len({name for name in tensors if re.fullmatch(r"decoder\.layers\.\d+\.norm1\.weight", name)})
    sizes = DecoderSizes(feature_dim, dim, layers)
    if POSITIONS not in tensors:
        return sizes
    return with_period(sizes, period_of(tensors[POSITIONS]))


def with_period(sizes: DecoderSizes, period: int) -> DecoderSizes:
    """The sizes for a frame rate: at 25 frames a second two audio rows belong to each frame."""
    span = next((span for span, frames in TALKER_PERIOD.items() if frames == period), 1)
    return replace(sizes, period=period, span=span)


def _renamed(given: Mapping[str, Tensor], table: Names, path: Path) -> dict[str, Tensor]:
    """Tensors under our names; those that the table names "" are left out. Raises ModelError for unknown ones."""
    renamed = {name: _our_name(name, table) for name in given}
    unknown = [name for name, ours in renamed.items() if ours is None]
    if unknown:
        raise ModelError(
            f"Checkpoint {path} has {number_of(len(unknown), 'unknown tensor')}: {some_names(unknown)}. Give a "
            "FaceFormer or CodeTalker checkpoint of the released code."
        )
    return {ours: given[name] for name, ours in renamed.items() if ours}


def _our_name(name: str, table: Names) -> str | None:
    for pattern, ours in table:
        if match := pattern.fullmatch(name):
            return match.expand(ours)
    match = _BLOCK.fullmatch(name) if table is _CODEBOOK else None
    if match is None:
        return None
    side, number, part, kind = match.groups()
    ours = _BLOCK_PARTS[int(number) % 2].get(part, "")
    return f"{side}coder.blocks.{int(number) // 2}.{ours}.{kind}" if ours else None


def _load(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    check_tensors(tensors, wanted, "The checkpoint is incomplete or changed", "Download or train it again.")
    with torch.no_grad():
        network.load_state_dict(dict(tensors))
