"""Find, check and open model folders.

Knows files and their meaning; runs nothing. A folder is used only when every file is there, has the hash that
model.json names, and fits the others in shape. Optional in model.json: `phones`, `manners`, a head's `pca`; `pivot` may
be null. A folder may share the encoder of another one: `encoder` then holds `from`, the name of a folder beside it or
of a bundled model, and `sha256`, the hash of the encoder.onnx there.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..values.errors import ModelError, SettingError
from ..values.messages import number_of
from ..values.types import SAMPLE_RATE_HZ, FloatArray
from . import onnx_file
from .heads import Head, broken, first_twice, load_array, read_heads

SCHEMA = 1
MAX_JSON_BYTES = 4 * 2**20      # the largest official style table has 935 entries, about 100 kB
MAX_FILES_BYTES = 8 * 2**30     # of a folder together; the largest published encoder is 1.3 GB
MAX_WINDOW_S = 600.0            # an encoder works on a whole window at once: more would need tens of gigabytes
MAX_MEMORY_WIDTH, MAX_MEMORY_FRAMES = 2**16, 2**14      # a gigabyte would be held for each style
NORMALISATIONS = ("none", "clip")
ENCODER_FILE = "encoder.onnx"
VOICE_FILE = "voice.npz"        # hears the manner of a voice (voice_style.py)
MOTION_FILE = "motion.onnx"     # a reference motion -> its style
# Kinds of network whose graphs this version knows how to run, and the graphs that each needs beside the others.
SYSTEMS = {
    "unitalker": (), "composite": (MOTION_FILE,), "autoregressive": ("memory.onnx",),
    "pmmtalk": ("phones.onnx", "text.onnx", "picture.onnx"),
}
PICTURE_FILE = "lips.onnx"      # features and a still lower face -> what is read of the lips
REQUIRED_FILES = (ENCODER_FILE, "decoder.onnx", "heads.npz", "identities.npy")
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")       # what Blender's lists and a terminal cannot show
_HERE = Path(__file__).resolve().parents[1]
BUNDLED_FOLDERS = (_HERE.parent / "weights", _HERE / "weights")     # beside the engine, or inside it (pip)


@dataclass(frozen=True)
class Identity:
    """One speaking style; row i of the style table belongs to entry i."""

    id: str
    label: str
    group: str


@dataclass(frozen=True)
class Encoder:
    """How sound is cut for the encoder.

    Attributes:
        rate_hz: features per second.
        window_s, overlap_s: length of a window and what it shares with the next.
        context_s: reach of encoder and decoder to one side, if both are convolutions: windows are then trimmed, and the
            result equals that of the whole clip. None: windows are cross-faded.
    """

    rate_hz: int
    window_s: float
    overlap_s: float
    context_s: float | None


@dataclass(frozen=True)
class Memory:
    """What a decoder that goes through a clip in pieces remembers: `width` numbers of each of the last `frames`."""

    width: int
    frames: int


@dataclass(frozen=True)
class Model:
    """An opened model folder.

    Attributes:
        styles: (m, s) float32, the style table.
        hashes: (name, sha256) of all its files, a shared encoder among them.
        encoder_folder: where its encoder.onnx lies: `folder`, or that of the model whose encoder it shares.
        reference_hz: frames per second at which motion.onnx takes a reference motion; 0 for a model without it.
        manners: of a voice that it can hear, each with amounts of its identities by their ids; () where it hears none.
        memory: of its decoder; None for one that knows a window alone.
    """

    folder: Path
    id: str
    title: str
    system: str
    licence: str
    normalise: str
    encoder: Encoder
    heads: tuple[Head, ...]
    identities: tuple[Identity, ...]
    styles: FloatArray
    pivot: int | None
    default_head: str
    phones: tuple[str, ...]
    hashes: tuple[tuple[str, str], ...]
    encoder_folder: Path
    reference_hz: int = 0
    manners: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = ()
    memory: Memory | None = None

    @property
    def encoder_file(self) -> Path:
        """Its encoder, wave -> features."""
        return self.encoder_folder / ENCODER_FILE

    @property
    def takes_picture(self) -> bool:
        """Whether a still face tells it something."""
        return PICTURE_FILE in dict(self.hashes)

    @property
    def own_hashes(self) -> tuple[tuple[str, str], ...]:
        """(name, sha256) of the files in `folder` itself."""
        shares = self.encoder_folder != self.folder
        return tuple(entry for entry in self.hashes if not (shares and entry[0] == ENCODER_FILE))

    def head(self, head_id: str) -> Head:
        """The head with this id; empty gives the default one. Raises SettingError."""
        wanted = head_id or self.default_head
        for head in self.heads:
            if head.id == wanted:
                return head
        known = ", ".join(head.id for head in self.heads)
        raise SettingError(f"Model {self.id} has no head {wanted!r}. It has: {known}.")


def list_models(folders: Sequence[str] = ()) -> tuple[Model, ...]:
    """All models that can be opened, the user's before the bundled ones; scan_models says why others are left out."""
    return scan_models(folders)[0]


def scan_models(folders: Sequence[str] = ()) -> tuple[tuple[Model, ...], tuple[tuple[Path, ModelError], ...]]:
    """The models of list_models, and each folder that cannot be opened with the reason."""
    found: dict[str, Model] = {}
    damaged = []
    for root in _roots(folders):
        for file in sorted(root.glob("*/model.json")):
            try:
                model = open_model(str(file.parent))
            except ModelError as error:
                damaged.append((file.parent, error))
                continue
            found.setdefault(model.id, model)
    return tuple(found.values()), tuple(damaged)


def forget_models() -> None:
    """Close the files of all opened models, so that their folders can be removed."""
    _open.cache_clear()


def open_model(model: str, folders: Sequence[str] = ()) -> Model:
    """Open a model folder after checking it.

    Args:
        model: an id, looked up in `folders` and then among the bundled models, or a path to a folder.
        folders: folders that hold model folders.
    Raises:
        ModelError: not found, a file is missing or has another hash, shapes do not fit, or it is for a newer version.
    """
    folder = _find(model, folders)
    try:
        files = [file for file in sorted(folder.iterdir()) if file.is_file()]
        files += _shared_encoders(folder)
        return _open(folder, tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files))
    except OSError as error:
        raise ModelError(
            f"Model {folder} cannot be read ({error.strerror}: {error.filename}). "
            "Check its permissions, or copy it again."
        ) from error


def _find(model: str, folders: Sequence[str]) -> Path:
    if not model.strip():
        raise ModelError("No model is chosen. Give an id such as 'mini', or a model folder.")
    as_path = Path(os.path.expanduser(model))       # os.path: an unknown home or an impossible name is not there either
    if os.path.isfile(as_path / "model.json"):
        return as_path.resolve()
    if as_path.is_absolute() or as_path.parent != Path():
        raise ModelError(
            f"No model folder at {as_path} (model.json is missing). "
            "Give a folder written by `convert` or `export`, or a model id."
        )
    for root in _roots(folders):
        if os.path.isfile(root / model / "model.json"):
            return root / model
    known = sorted({file.parent.name for root in _roots(folders) for file in root.glob("*/model.json")})
    raise ModelError(
        f"Model {model!r} not found. Installed: {', '.join(known) or 'none'}. "
        "Give one of these ids, or the path of a model folder."
    )


def _roots(folders: Sequence[str]) -> list[Path]:
    return [root for root in (*map(Path, folders), *BUNDLED_FOLDERS) if os.path.isdir(root)]


def _shared_encoders(folder: Path) -> list[Path]:
    """Encoders of other folders that model.json may mean; none where it names no folder, or cannot be read."""
    try:
        name = _read_json(folder)["encoder"]["from"]
    except (ModelError, KeyError, TypeError):
        return []
    if not isinstance(name, str) or Path(name).name != name:
        return []
    places = (folder.parent / name / ENCODER_FILE, *(root / name / ENCODER_FILE for root in BUNDLED_FOLDERS))
    return [place for place in dict.fromkeys(places) if os.path.isfile(place)]


@lru_cache(maxsize=16)
def _open(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> Model:
    """Check and read one folder; `stamps` makes a changed folder another cache entry."""
    info = _read_json(folder)
    if info.get("schema") != SCHEMA:
        raise ModelError(
            f"Model {folder} has schema {info.get('schema')!r}, this version reads {SCHEMA}. "
            "Update UniTalker Lip Sync, or convert the model again."
        )
    try:
        encoder_folder = _encoder_folder(folder, info)
        return _build(folder, info, _check_files(folder, info, encoder_folder), encoder_folder)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError) as error:
        lack = f"model.json lacks or misspells a field ({error!r})"
        raise broken(folder, lack, "Export or convert the model again.") from error


def _read_json(folder: Path) -> dict[str, Any]:
    file = folder / "model.json"
    if file.stat().st_size > MAX_JSON_BYTES:
        raise broken(folder, f"model.json has {file.stat().st_size} bytes, at most {MAX_JSON_BYTES} are read")
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise broken(folder, f"model.json is not JSON ({error})") from error
    if not isinstance(info, dict):
        raise broken(folder, f"model.json must hold an object, got {type(info).__name__}")
    return info


def _encoder_folder(folder: Path, info: dict[str, Any]) -> Path:
    """Where the encoder lies: the folder itself, or the first one of the wanted name that has the wanted encoder."""
    spec = info["encoder"]
    if "from" not in spec:
        return folder
    for file in _shared_encoders(folder):
        if _sha256(file) == spec["sha256"]:
            _check_weights(file.parent, file.name, (file.name,))
            return file.parent
    named = f"shares the encoder of model {spec['from']!r}, which is not there with the hash {str(spec['sha256'])[:12]}"
    raise broken(folder, named, "Put that model beside it, or train it again on the encoder that is there.")


def _check_files(folder: Path, info: dict[str, Any], encoder_folder: Path) -> tuple[tuple[str, str], ...]:
    hashes = info.get("sha256")
    required = [name for name in REQUIRED_FILES if name != ENCODER_FILE or encoder_folder == folder]
    if not isinstance(hashes, dict) or not set(required) <= set(hashes):
        raise broken(folder, f"model.json must name the sha256 of {', '.join(required)}")
    for name in hashes:
        if Path(name).name != name or not os.path.isfile(folder / name):
            raise broken(folder, f"file {name} is missing", "Copy the whole folder again.")
    size = sum((folder / name).stat().st_size for name in hashes)
    if size > MAX_FILES_BYTES:
        raise broken(folder, f"its files have {size:,} bytes, at most {MAX_FILES_BYTES:,} are read")
    for name, expected in hashes.items():
        actual = _sha256(folder / name)
        if actual != expected:
            damage = f"file {name} is damaged (sha256 {actual[:12]}, expected {str(expected)[:12]})"
            raise broken(folder, damage, "Copy the folder again.")
    for name in hashes:
        if name.endswith(".onnx"):
            _check_weights(folder, name, hashes)
    shared = {} if encoder_folder == folder else {ENCODER_FILE: info["encoder"]["sha256"]}
    return tuple(sorted((str(name), str(value)) for name, value in {**hashes, **shared}.items()))


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _check_weights(folder: Path, graph: str, hashes: Collection[str]) -> None:
    """Refuse a graph that takes weights from anything but a checked file of the folder."""
    try:
        others = sorted(onnx_file.weight_files(folder / graph) - set(hashes))
        onnx_file.refuse_endless(folder / graph)
    except ValueError as error:
        raise broken(folder, f"{graph} cannot be used ({error})", "Copy the folder again.") from error
    if others:
        named = f"names weights in {others[0][:80]!r}, which is not among the files of model.json"
        raise broken(folder, f"{graph} {named}", "Get the model from where you trust it.")


def _build(
    folder: Path, info: dict[str, Any], hashes: tuple[tuple[str, str], ...], encoder_folder: Path,
) -> Model:
    identities = [Identity(str(entry["id"]), str(entry["label"]), str(entry["group"])) for entry in info["identities"]]
    styles = load_array(folder, "identities.npy")
    if styles.ndim != 2 or len(styles) != len(identities) or not identities:
        named = number_of(len(identities), "identity", "identities")
        raise broken(folder, f"identities.npy has shape {styles.shape}, model.json names {named}", "Export it again.")
    if info["system"] not in SYSTEMS:
        raise ModelError(
            f"Model {folder} is of system {info['system']!r}, this version runs {', '.join(SYSTEMS)}. "
            "Update UniTalker Lip Sync, or choose another model."
        )
    lacking = set(SYSTEMS[info["system"]]) - {name for name, _ in hashes}
    if lacking or (info["system"] == "composite" and info["reference_hz"] <= 0):
        raise broken(folder, f"a model of system {info['system']} needs {', '.join(sorted(lacking)) or 'reference_hz'}")
    ids = [identity.id for identity in identities]
    twice = first_twice(ids)
    if twice is not None:
        raise broken(folder, f"two identities have the id {twice!r}")
    if info["pivot"] is not None and info["pivot"] not in ids:
        raise broken(folder, f"pivot {info['pivot']!r} is none of its identities")
    model = Model(
        folder=folder, id=str(info["id"]), title=str(info["title"]), system=str(info["system"]),
        licence=str(info["licence"]), normalise=str(info["normalise"]), encoder=_encoder(folder, info["encoder"]),
        heads=read_heads(folder, info["heads"], dict(hashes)), identities=tuple(identities), styles=styles,
        pivot=ids.index(info["pivot"]) if info["pivot"] is not None else None,
        default_head=str(info["default_head"]), phones=tuple(map(str, info.get("phones", ()))), hashes=hashes,
        encoder_folder=encoder_folder, reference_hz=int(info.get("reference_hz", 0)),
        manners=_manners(info.get("manners", {})),
        memory=_memory(folder, info.get("memory")),
    )
    if info["sample_rate"] != SAMPLE_RATE_HZ:
        raise broken(folder, f"sample rate is {info['sample_rate']}, must be {SAMPLE_RATE_HZ}")
    _check_heads(model)
    _check_names(model)
    if model.normalise not in NORMALISATIONS:
        raise broken(folder, f"normalise is {model.normalise!r}, must be one of {', '.join(NORMALISATIONS)}")
    if model.default_head not in [head.id for head in model.heads]:
        raise broken(folder, f"default head {model.default_head!r} is none of its heads")
    if model.manners and VOICE_FILE not in dict(hashes):
        raise broken(folder, f"manners of a voice are named but {VOICE_FILE} is missing")
    if model.phones and "phones.onnx" not in dict(hashes):
        raise broken(folder, "phones are named but phones.onnx is missing")
    return model


def _manners(spec: dict[str, Any]) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    return tuple(
        (str(name), tuple((str(style), float(amount)) for style, amount in styles.items()))
        for name, styles in spec.items()
    )


def _check_names(model: Model) -> None:
    texts = [text for identity in model.identities for text in (identity.id, identity.label, identity.group)]
    channels = [name for head in model.heads for name in (head.id, *head.channels)]
    for text in (model.id, model.title, *texts, *channels, *model.phones):
        if _CONTROL.search(text):
            raise broken(model.folder, f"the name {text[:60]!r} has control characters or halves of characters")


def _check_heads(model: Model) -> None:
    ids = [head.id for head in model.heads]
    if first_twice(ids) is not None:
        raise broken(model.folder, f"two heads have the same id ({', '.join(ids)})")
    for head in model.heads:
        if head.resample == "none" and head.fps != model.encoder.rate_hz:
            raise broken(
                model.folder, f"head {head.id} is not resampled, so its fps must be the encoder's "
                f"{model.encoder.rate_hz}, got {head.fps}",
            )


def _memory(folder: Path, spec: dict[str, Any] | None) -> Memory | None:
    if spec is None:
        return None
    memory = Memory(int(spec["width"]), int(spec["frames"]))
    if not (0 < memory.width <= MAX_MEMORY_WIDTH and 0 < memory.frames <= MAX_MEMORY_FRAMES):
        frames = number_of(memory.frames, "frame")
        raise broken(folder, f"its decoder remembers {frames}, each of size {memory.width}")
    return memory


def _encoder(folder: Path, spec: dict[str, Any]) -> Encoder:
    context_s = None if spec.get("context_s") is None else float(spec["context_s"])
    encoder = Encoder(int(spec["rate_hz"]), float(spec["window_s"]), float(spec["overlap_s"]), context_s)
    least = 2 * (context_s or 0)
    frames = (encoder.window_s - encoder.overlap_s) * encoder.rate_hz       # by which each window starts after another
    is_aligned = context_s is None or (math.isfinite(frames) and abs(frames - round(frames)) < 1e-6)
    is_rate = encoder.rate_hz > 0 and SAMPLE_RATE_HZ % encoder.rate_hz == 0
    if is_rate and is_aligned and frames >= 1 and 0 <= least <= encoder.overlap_s and encoder.window_s <= MAX_WINDOW_S:
        return encoder
    raise broken(
        folder, f"encoder windows of {encoder.window_s} s with {encoder.overlap_s} s overlap at {encoder.rate_hz} Hz "
        f"cannot be joined (at least {least:g} s must overlap, a window must be longer by whole frames and last at "
        f"most {MAX_WINDOW_S:g} s)",
    )
