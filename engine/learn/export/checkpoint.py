"""Read an official UniTalker checkpoint into our network.

Knows tensor names and shapes of the released code (specs of the checkpoint: a flat dict of names and tensors, PCA left
out); knows nothing of model folders. The reference loads with strict=False and so hides typing errors; here every
unknown, missing or misshapen tensor is an error that names it. Sizes come from the tensors, never from a config.
"""

from __future__ import annotations

import json
import math
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...nets.pretrained import PretrainedEncoder, hf_config, modern_weight_norm
from ...nets.transformer import periodic_positions
from ...nets.unitalker import UniTalker, UniTalkerConfig
from ...values.errors import InstallError, ModelError
from ...values.messages import number_of

_PART = r"\.(weight|bias)"
_RENAMED = tuple((re.compile(pattern), ours) for pattern, ours in (
    (r"audio_encoder\.(.+)", r"encoder.model.\1"),
    (r"decoder\.learnable_style_emb\.weight", "styles"),
    (r"decoder\.audio_feature_map" + _PART, r"decoder.map.\1"),
    (r"decoder\.tcn\.first_net\.conv_layers\.(\d+)\.conv" + _PART, r"decoder.blocks.\1.conv.\2"),
    (r"decoder\.tcn\.first_net\.conv_layers\.(\d+)\.norm" + _PART, r"decoder.blocks.\1.norm.norm.\2"),
    (r"decoder\.tcn\.first_net\.conv_layers\.(\d+)\.residual_layer\.0" + _PART, r"decoder.blocks.\1.residual.\2"),
    (
        r"decoder\.transformer_decoder\.layers\.0\.self_attn\.in_proj_(weight|bias)",
        r"decoder.self_attention.in_proj.\1"
    ),
    (r"decoder\.transformer_decoder\.layers\.0\.self_attn\.out_proj" + _PART, r"decoder.self_attention.out_proj.\1"),
    (r"decoder\.transformer_decoder\.layers\.0\.multihead_attn\.in_proj_(weight|bias)", r"decoder.cross.in_proj.\1"),
    (r"decoder\.transformer_decoder\.layers\.0\.multihead_attn\.out_proj" + _PART, r"decoder.cross.out_proj.\1"),
    (r"decoder\.transformer_decoder\.layers\.0\.(linear[12]|norm[123])" + _PART, r"decoder.\1.\2"),
    (r"out_head_dict\.(\w+)" + _PART, r"heads.\1.\2"),
    (r"out_head_dict\.(\w+)\.head_layer\.(\d+)" + _PART, r"heads.\1.\2.\3"),
))
POSITIONS = "decoder.PPE.pe"        # a buffer that the period defines: checked, then not needed
SPEC_MASK = "encoder.model.masked_spec_embed"   # for training; transformers leaves it out of some configs
LAYER = re.compile(r"encoder\.model\.encoder\.layers\.(\d+)\.")
POSITION_TOLERANCE = 1e-4
# Each layer has its own way to refuse a config.json.
_REFUSALS = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, AttributeError, MemoryError)
TRIED_SAMPLES, TRIED_FRAMES = 4_000, 8      # of silence: what the layers refuse only when they run
MOST_UNFOLDED = 2               # bytes of tensors for each byte of a file: two names may share a tensor
SAFE_TORCH = (2, 6)             # before, weights_only could be made to run code (CVE-2025-32434)
MOST_CONVOLUTIONS = 16          # of an encoder; published ones have 7
ENCODER_HOP = 320               # samples of 16 kHz for each feature, of all published encoders
SHOWN = 6       # names in an error message
MISFIT = "The checkpoint does not fit its encoder folder"
OTHER_ENCODER = "Give the folder of the encoder it was trained with."


@dataclass(frozen=True)
class Layout:
    """What the tensors of a checkpoint tell.

    Attributes:
        hidden, layers: width and number of layers of the encoder.
        rows: of the style table; heads: outputs of each; head_layers: linear layers of each.
        period: of a transformer's position code, 0 for a convolutional decoder.
    """

    hidden: int
    layers: int
    decoder_kind: str
    decoder_dim: int
    style_dim: int
    rows: int
    heads: Mapping[str, int]
    head_layers: int
    period: int


def check_torch() -> None:
    """Raises InstallError where PyTorch is too old to read files from anywhere."""
    found = re.match(r"(\d+)\.(\d+)", torch.__version__)
    if found is None or (int(found[1]), int(found[2])) < SAFE_TORCH:
        raise InstallError(
            f"PyTorch {torch.__version__} is installed, 2.6 or newer is needed: older ones can be made to run what a "
            "checkpoint holds. Install it: pip install 'torch>=2.6'."
        )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a .pt or .safetensors checkpoint under our names; nothing in the file is run.

    Raises:
        ModelError: no such file, truncated, holds code or anything besides named tensors, or names that no UniTalker
            has. InstallError: PyTorch is too old.
    """
    given = load_tensors(path)
    renamed = {name: _our_name(name) for name in given}
    unknown = [name for name, ours in renamed.items() if ours is None]
    if unknown:
        raise ModelError(
            f"Checkpoint {path} has {number_of(len(unknown), 'unknown tensor')}: {some_names(unknown)}. Give a "
            "UniTalker checkpoint of the released code."
        )
    tensors = {str(renamed[name]): tensor for name, tensor in given.items()}
    if len(tensors) < len(given):
        twice = [name for name, ours in renamed.items() if list(renamed.values()).count(ours) > 1]
        raise ModelError(
            f"Checkpoint {path} has one tensor in both spellings of weight norm: {some_names(twice)}. Keep one of "
            "them."
        )
    return tensors


def load_tensors(path: Path, unwrap: bool = False) -> dict[str, Tensor]:
    """The tensors of a .pt, .pth or .safetensors file under their own names; nothing in the file is run.

    Args:
        unwrap: a dict of names and tensors under "state_dict" counts as the file's content.
    Raises:
        ModelError: no such file, truncated, or it holds code, or anything besides named tensors of finite numbers.
        InstallError: PyTorch is too old.
    """
    check_torch()
    if not path.is_file():
        raise ModelError(f"Checkpoint not found: {path}. Check the path.")
    given = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pt(path)
    if unwrap and isinstance(given, dict) and isinstance(given.get("state_dict"), dict):
        given = given["state_dict"]
    _check_flat(given, path)
    assert isinstance(given, dict)
    return _numbers(given, path)


def _numbers(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors in single precision. Raises ModelError: one holds no plain, finite numbers, or too many of them."""
    odd = [
        name
        for name, tensor in tensors.items()
        if not tensor.is_floating_point() or tensor.layout != torch.strided or tensor.device.type != "cpu"
    ]
    if odd:
        raise ModelError(
            f"Checkpoint {path}: {some_names(odd)} hold no plain floating point numbers. Download or train it again."
        )
    size, held = path.stat().st_size, sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if held > MOST_UNFOLDED * size:
        raise ModelError(
            f"Checkpoint {path} has {size:,} bytes and promises {held:,} bytes of tensors: they repeat what is there "
            "once. Save plain tensors, or give another checkpoint."
        )
    tensors = {name: tensor.float() for name, tensor in tensors.items()}
    broken = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise ModelError(
            f"Checkpoint {path}: {some_names(broken)} hold values that are not finite numbers. Download or train it "
            "again."
        )
    return tensors


def _check_flat(given: object, path: Path) -> None:
    """Raises ModelError unless it is a dict of names and tensors."""
    values = list(given.values()) if isinstance(given, dict) else [given]
    if isinstance(given, dict) and all(isinstance(value, Tensor) for value in values) and all(map(_is_text, given)):
        return
    kinds = ", ".join(sorted({type(value).__name__ for value in values}))
    raise ModelError(
        f"Checkpoint {path} must be a flat dict of names and tensors, it holds {kinds}. Give a UniTalker checkpoint."
    )


def _is_text(name: object) -> bool:
    return isinstance(name, str)


def layout(tensors: Mapping[str, Tensor]) -> Layout:
    """Sizes and layer counts, from the tensors' shapes. Raises ModelError where needed tensors are missing."""
    needed = ("encoder.model.encoder.layer_norm.weight", "decoder.map.weight", "styles")
    missing = [name for name in needed if name not in tensors]
    heads = sorted({name.split(".")[1] for name in tensors if name.startswith("heads.")})
    if missing or not heads:
        raise ModelError(
            f"The checkpoint lacks {some_names(missing or ['out_head_dict.*'])}. Give a UniTalker checkpoint of the "
            "released code."
        )
    axes = {"styles": 2, POSITIONS: 3}
    flat = [f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items() if tensor.ndim < axes.get(name, 1)]
    if flat:
        raise ModelError(
            f"The checkpoint has tensors of too few axes: {some_names(flat)}. Give a UniTalker checkpoint of the "
            "released code."
        )
    numbers = [
        int(name.split(".")[2]) for name in tensors if name.startswith(f"heads.{heads[0]}.") and name.count(".") == 3
    ]
    last = f"{max(numbers)}." if numbers else ""
    period = period_of(tensors[POSITIONS]) if POSITIONS in tensors else 0
    return Layout(
        hidden=len(tensors[needed[0]]), layers=len({match[1] for name in tensors if (match := LAYER.match(name))}),
        decoder_kind="transformer" if period else "tcn", decoder_dim=len(tensors["decoder.map.weight"]),
        style_dim=tensors["styles"].shape[-1], rows=len(tensors["styles"]),
        heads={head: _outputs(tensors, head, last) for head in heads},
        head_layers=max(numbers) // 2 + 1 if numbers else 1, period=period,
    )


def read_encoder_folder(folder: Path) -> tuple[dict[str, Any], bool]:
    """(fields of config.json, whether the preprocessor normalises) of an encoder's folder.

    Raises:
        ModelError: a file is missing or no JSON, or the model is of another kind.
    """
    contents: list[dict[str, Any]] = []
    for name in ("config.json", "preprocessor_config.json"):
        try:
            contents.append(_json_object(folder / name))
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(
                f"Encoder folder {folder}: {name} cannot be read ({error}). Download config.json and "
                "preprocessor_config.json of the encoder "
                "(microsoft/wavlm-base-plus or facebook/wav2vec2-large-xlsr-53) into it."
            ) from error
    fields, preprocessor = contents
    if not isinstance(preprocessor.get("do_normalize"), bool) or preprocessor.get("sampling_rate", 16000) != 16000:
        raise ModelError(
            f"Encoder folder {folder}: preprocessor_config.json must say do_normalize true or false, and 16000 Hz."
        )
    return fields, preprocessor["do_normalize"]


def build(
    tensors: dict[str, Tensor], sizes: Layout, encoder_fields: Mapping[str, Any], interpolate_pos: int, pivot: bool,
) -> UniTalker:
    """Our network with the checkpoint's weights, in evaluation mode; the tensors are taken over, not copied.

    Raises:
        ModelError: the encoder folder is for another encoder, or tensors are missing or misshapen.
    """
    _check_encoder(tensors, sizes, encoder_fields)
    _check_strides(encoder_fields)
    try:
        with torch.device("meta"):
            encoder = PretrainedEncoder(hf_config(encoder_fields))
            model = UniTalker(UniTalkerConfig(
                encoder_kind=str(encoder_fields["model_type"]), decoder_dim=sizes.decoder_dim,
                style_dim=sizes.style_dim,
                identities=("",) * (sizes.rows - pivot), heads=sizes.heads, decoder_kind=sizes.decoder_kind,
                period=sizes.period,
                interpolate_pos=interpolate_pos, head_layers=sizes.head_layers, pivot=pivot,
            ), encoder)
    except _REFUSALS as error:
        raise _cannot_work("built", error) from error
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    given = {
        name: tensor
        for name, tensor in tensors.items() if name != POSITIONS and not (name == SPEC_MASK and name not in wanted)
    }
    check_tensors(given, wanted)
    if SPEC_MASK in wanted and SPEC_MASK not in given:
        given[SPEC_MASK] = torch.zeros(wanted[SPEC_MASK])
    model.load_state_dict(given, assign=True)
    if sizes.period:
        model.decoder.positions = periodic_positions(sizes.period, sizes.decoder_dim)
    model.eval().requires_grad_(False)
    try:
        model.frames(torch.zeros(1, TRIED_SAMPLES), TRIED_FRAMES, torch.tensor([0]), next(iter(sizes.heads)))
    except _REFUSALS as error:
        raise _cannot_work("run", error) from error
    return model


def _cannot_work(what: str, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())
    return ModelError(
        f"The checkpoint's network cannot be {what}: {reason}. Give the encoder's own config.json, and the "
        "checkpoint's own yaml."
    )


def _json_object(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"it holds {type(content).__name__}, not an object")
    return content


def _read_safetensors(path: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"Checkpoint {path} cannot be read ({error}). Copy or download it again.") from error


def _read_pt(path: Path) -> object:
    """weights_only: torch refuses a pickle that wants to run anything. Mapped into memory where the format allows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)        # remarks for those who wrote the file
            is_zip = zip_format(path)
            if is_zip:
                _refuse_packed(path)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:      # torch raises a different kind for each way in which a file can be broken
        raise ModelError(
            f"Checkpoint {path} cannot be read as plain tensors ({_fault(error)}). It is damaged, no torch file, or "
            "holds code; nothing of it was run. "
            "Copy or download it again."
        ) from error


def _refuse_packed(path: Path) -> None:
    """Raises ValueError for a .pt whose parts are packed, which torch never does: they might unfold to anything."""
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("its parts are packed")


def _fault(error: Exception) -> str:
    """What is wrong with a .pt, without torch's advice to read it unsafely."""
    if wanted := re.search(r"GLOBAL (\S+)", str(error)):
        return f"it asks for {wanted[1]}"
    sentence = str(error).strip().split("\n")[0].split(". ")[0]
    unclear = not sentence or isinstance(error, LookupError) or type(error).__name__ == "UnpicklingError"
    return type(error).__name__ if unclear else sentence[:200]


def zip_format(path: Path) -> bool:
    """Whether a .pt has torch's format since 1.6, which can be mapped into memory."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _our_name(name: str) -> str | None:
    modern = modern_weight_norm(name)
    if modern == POSITIONS:
        return POSITIONS
    for pattern, ours in _RENAMED:
        if match := pattern.fullmatch(modern):
            return match.expand(ours)
    return None


def _outputs(tensors: Mapping[str, Tensor], head: str, last: str) -> int:
    name = f"heads.{head}.{last}weight"
    if name not in tensors:
        raise ModelError(
            f"The checkpoint's heads have different depths: {name} is missing. Give a UniTalker checkpoint of the "
            "released code."
        )
    return len(tensors[name])


def period_of(positions: Tensor) -> int:
    """The period of a position table (1, n, dim): one of its own rows repeats exactly."""
    table = positions[0] if len(positions) == 1 else positions.new_zeros(0, 0)
    for period in range(1, len(table)):
        if torch.equal(table[period], table[0]):
            expected = periodic_positions(period, table.shape[1])
            if (table[:period] - expected).abs().max() < POSITION_TOLERANCE:
                return period
            break
    raise ModelError(
        f"{POSITIONS} is no periodic sine and cosine table. Give a UniTalker checkpoint of the released code."
    )


def _check_encoder(tensors: Mapping[str, Tensor], sizes: Layout, fields: Mapping[str, Any]) -> None:
    gated = any("gru_rel_pos" in name for name in tensors)
    stated = (fields.get("model_type") == "wavlm", fields.get("hidden_size", 768), fields.get("num_hidden_layers", 12))
    seen = (gated, sizes.hidden, sizes.layers)
    if stated != seen or fields.get("model_type") not in ("wavlm", "wav2vec2", "hubert"):
        raise ModelError(
            f"Wrong encoder folder: its config.json is a {fields.get('model_type')!r} of {stated[1]} channels and "
            f"{stated[2]} layers, the checkpoint has "
            f"{'WavLM' if gated else 'wav2vec2 or HuBERT'} with {sizes.hidden} and {sizes.layers}. Give the folder of "
            "the encoder it was trained with."
        )


def _check_strides(fields: Mapping[str, Any]) -> None:
    """Raises ModelError unless the convolutions make 50 features a second: others would take hours, or nothing."""
    strides = fields.get("conv_stride", [ENCODER_HOP])
    is_list = isinstance(strides, list) and all(type(stride) is int and stride > 0 for stride in strides)
    if not is_list or len(strides) > MOST_CONVOLUTIONS or math.prod(strides) != ENCODER_HOP:
        raise ModelError(
            f"The encoder's config.json has conv_stride {str(strides)[:80]}, whose product must be {ENCODER_HOP} (50 "
            "features a second). Give the encoder's own config.json."
        )


def check_tensors(
    given: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]], what: str = MISFIT, step: str = OTHER_ENCODER,
) -> None:
    """Raises ModelError, which begins with `what` and ends with `step`, unless all are there with their shapes."""
    missing = [name for name in wanted if name not in given and name != SPEC_MASK]
    unknown = [name for name in given if name not in wanted]
    shaped = [
        f"{name} {tuple(given[name].shape)} instead of {wanted[name]}"
        for name in wanted if name in given and given[name].shape != wanted[name]
    ]
    faults = [
        f"{len(names)} {fault} ({some_names(names)})"
        for fault, names in (("missing", missing), ("unknown", unknown), ("misshapen", shaped)) if names
    ]
    if faults:
        raise ModelError(f"{what}: {'; '.join(faults)}. {step}")


def some_names(names: list[str]) -> str:
    """The first few names, for a message."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
