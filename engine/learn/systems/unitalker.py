"""The recipe of UniTalker as its paper trains it: one model from data sets that do not agree in annotation.

Kept from the reference: an epoch visits every clip once, those of small sets several times; decoder, heads and styles
are warmed up for an epoch before the encoder moves, its convolutions never do, and both stages begin with a fresh Adam;
in one step of ten the speaker is replaced by the pivot. Ours: batches of crops beside batches of one whole clip, and
the frozen part of the encoder is heard once and kept. Source: Fan et al., "UniTalker" (ECCV 2024), sections 3.2 to 3.4.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...nets.encoders import RATE_HZ, BundledEncoder
from ...nets.pretrained import PUBLISHED
from ...nets.spaces import BlendshapeSpace, PcaSpace, read_flame
from ...nets.unitalker import UniTalker, UniTalkerConfig
from ...values.array_files import read_arrays
from ...values.errors import SettingError
from ...values.types import SAMPLE_RATE_HZ
from ..data.official import Dataset, Pca
from ..faces.folder_contents import Contents, HeadFiles, load_heads, rows_of, save_heads
from ..faces.made_sets import MADE, make_sets
from ..faces.prepared import Ear, Item, PreparedSet, basis_of, prepare
from ..faces.samples import FLAME, VERTICES, DataSet
from ..manners.real_sets import open_any_set
from .augmented2d import with_pictures
from .contract import Judgement, Losses, Recipe, Stage, Training
from .face_losses import FaceSpace, FaceWeights
from .photometric import Renderer, read_mesh
from .start_from import start_from_trained

ENCODER = "encoder."
MESH_FILE = "mesh.npz"  # in a set's folder, for pictures of its faces
STILL_CLIPS = 24        # of an annotation, that tell how far it moves
FRAME_GRID_S = 0.2      # crops begin where 25, 30 and 50 rows a second all have one


@dataclass(frozen=True)
class SetSpec:
    """One data set of a run.

    Attributes:
        reader: among faces/readers.READERS; folder: below the run's data folder.
        repeat: how often an epoch visits each of its clips.
        most_clips: of the train split, the first by name; 0 takes all.
        head: a head of its own, by this name, though another set may have the same numbers; for pseudo labels.
    """

    reader: str
    folder: str
    repeat: int = 1
    most_clips: int = 0
    head: str = ""


def opened(spec: SetSpec, root: Path) -> DataSet:
    """A set below a folder, with the head that it is to have. Raises SettingError: no such reader, or no such set."""
    one = open_any_set(spec.reader, root / spec.folder)
    return replace(one, space=replace(one.space, annotation=spec.head)) if spec.head else one


@dataclass(frozen=True)
class FaceBatch:
    """Clips of one annotation: front (b, t, c), motion (b, f, width), template (b, 1, width), identity rows (b,)."""

    head: str
    front: Tensor
    motion: Tensor
    template: Tensor
    identity: Tensor

    def to(self, device: torch.device) -> FaceBatch:
        """The same clips on another device."""
        tensors = (one.to(device) for one in (self.front, self.motion, self.template, self.identity))
        return FaceBatch(self.head, *tensors)


@dataclass(frozen=True)
class UniTalkerRecipe(Recipe[UniTalker, FaceBatch]):
    """A UniTalker and what it is trained on.

    Attributes:
        sets: its data sets; made: they are the project's own made ones, written below the work folder.
        crop_s: length of random crops; 0 takes whole clips, for which batch_size must be 1.
        warm_up_epochs: for which the encoder stays as it is; freeze_encoder: it always does.
        pca_dim: most components of a vertex head; 0 lets the head give vertices.
        start_from: a run, a checkpoint of one, or a model folder, whose weights a run begins with.
        fresh_decoder: of those only the encoder's are taken.
        bases: by annotation an .npz with `meanshape` and `blendshape`, FLAME's own arrays, or a PCA of vertices; below
            the data folder.
        balance: losses count in those of a face that stays neutral, and vertex heads in the deviation of their
            motion; as released, only the scales of the sets balance them.
        known: speakers of start_from that stay in the style table, before the sets' own.
        heads, identities, assets: what only the data tell; filled in by prepare().
    """

    sets: tuple[SetSpec, ...] = ()
    made: bool = False
    batch_size: int = 1
    crop_s: float = 0.0
    warm_up_epochs: int = 1
    freeze_encoder: bool = False
    pivot_share: float = 0.1
    pca_dim: int = 512
    balance: bool = False
    encoder_kind: str = "wavlm-base-plus"
    encoder: dict[str, Any] = field(default_factory=dict)
    decoder_kind: str = "tcn"
    decoder_dim: int = 256
    style_dim: int = 64
    period: int = 30
    interpolate_pos: int = 1
    head_layers: int = 1
    start_from: str = ""
    fresh_decoder: bool = False
    known: tuple[str, ...] = ()
    bases: dict[str, str] = field(default_factory=dict)
    weights: FaceWeights = field(default_factory=FaceWeights)
    heads: dict[str, int] = field(default_factory=dict)
    identities: tuple[str, ...] = ()
    assets: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> UniTalkerRecipe:
        """As the contract says."""
        given = dict(fields)
        given["sets"] = tuple(SetSpec(**spec) for spec in given.get("sets", ()))
        given["weights"] = FaceWeights(**given.get("weights", {}))
        for name in ("known", "identities"):
            given[name] = tuple(given.get(name, ()))
        return cls(**given)

    def build(self) -> UniTalker:
        """The network with fresh weights; the encoder's published ones where `encoder` names a folder."""
        network = UniTalker(UniTalkerConfig(
            encoder_kind=self.encoder_kind, encoder=self.encoder, decoder_dim=self.decoder_dim,
            style_dim=self.style_dim if self.decoder_kind == "tcn" else self.decoder_dim, identities=self.identities,
            heads=self.heads, decoder_kind=self.decoder_kind, period=self.period,
            interpolate_pos=self.interpolate_pos, head_layers=self.head_layers, pivot=self.pivot_share > 0,
        ))
        for name, weight in network.named_parameters():
            weight.requires_grad_(".feature_extractor." not in name)
        return network

    def load_published(self, network: UniTalker) -> None:
        """The weights of start_from. Raises SettingError: nothing there that fits."""
        if self.start_from:
            start_from_trained(network, self.start_from, self.fresh_decoder)

    def prepare(self, work: Path, recordings: Path | None) -> FaceTraining:
        """Read the sets, hear them once and learn the bases. Raises EngineError: a set cannot be used."""
        if self.crop_s <= 0 and self.batch_size != 1:
            raise SettingError(
                f"batch_size is {self.batch_size}, but whole clips (crop_s = 0) come one at a time. Set crop_s."
            )
        root = self._root(work, recordings)
        sets = [opened(spec, root) for spec in self.sets]
        if not sets:
            raise SettingError("The recipe names no data sets. Add [[sets]] with reader and folder.")
        own = [f"{one.name}/{name}" for one in sets for name in one.identities]
        recipe = replace(self, identities=tuple(dict.fromkeys((*self.known, *own))))
        ear = self._ear()
        train, val = (
            tuple(_prepared(spec, one, split, ear, work) for spec, one in zip(self.sets, sets, strict=True))
            for split in ("train", "val")
        )
        contents = [(one.name, one.space, one.seconds, str(one.basis)) for one in train]
        assets = work / "bases" / _digest(str((self.pca_dim, self.balance, sorted(self.bases.items()), contents)))
        assets.mkdir(parents=True, exist_ok=True)
        spaces = face_spaces(train, replace(self, assets=str(assets)), root)
        save_heads({name: _head_files(name, train, space) for name, space in spaces.items()}, assets)
        heads = {name: space.outputs for name, space in spaces.items()}
        still = {name: _still_error(name, train, space, self.weights) for name, space in spaces.items()}
        recipe = replace(recipe, heads=heads, assets=str(assets))
        return FaceTraining(recipe, train, val, spaces, still, self._renderers(train, root))

    def folder(self, network: UniTalker) -> Contents:
        """Heads with bases and neutral faces, and every speaker."""
        place = "output" if self.interpolate_pos == 2 else "features"
        return Contents(
            load_heads(Path(self.assets)), rows_of(self.identities, self.pivot_share > 0), self.pivot_share > 0,
            self.normalise, place, "UniTalker (ECCV 2024), trained with engine/learn", "as the data it was trained on",
        )

    @property
    def normalise(self) -> bool:
        """Whether the encoder wants a wave of mean 0 and deviation 1."""
        published = PUBLISHED.get(self.encoder_kind)
        return bool(published and published.normalise)

    def _root(self, work: Path, recordings: Path | None) -> Path:
        if self.made:
            return make_sets(work / MADE)
        if recordings is None:
            raise SettingError("The recipe's data sets lie in no folder. Give it with --data FOLDER.")
        return recordings

    def row(self, identity: str) -> int:
        """Of the style table; a speaker that it does not know is the pivot's."""
        return self.identities.index(identity) if identity in self.identities else len(self.identities)

    def prepared(self, spec: SetSpec, split: str, root: Path, work: Path) -> PreparedSet:
        """One split of a set, heard by this recipe's encoder. Raises EngineError: it cannot be used."""
        return _prepared(spec, opened(spec, root), split, self._ear(), work)

    def _renderers(self, train: Sequence[PreparedSet], root: Path) -> dict[str, Renderer]:
        """Of the vertex sets, by annotation, where pictures count."""
        found: dict[str, Renderer] = {}
        if not self.weights.pictures:
            return found
        for spec, one in zip(self.sets, train, strict=True):
            if one.space.kind == VERTICES and one.space.annotation not in found and one.items:
                template = torch.from_numpy(one.items[0].template).reshape(-1, 3)
                found[one.space.annotation] = read_mesh(root / spec.folder / MESH_FILE, template)
        if not found:
            raise SettingError("Pictures need vertices, and no data set has any. Leave out photometric.")
        return found

    def _ear(self) -> Ear:
        network = replace(self, heads={}, identities=("",)).build().train(False)

        def front(wave: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return network.encoder.front(torch.from_numpy(wave)[None])[0].numpy()

        return Ear(front, json.dumps([self.encoder_kind, self.normalise, _front_hash(network)]), self.normalise)


@dataclass(frozen=True)
class FaceTraining(Training[UniTalker, FaceBatch]):
    """The items of all sets in shuffled order, one annotation a step."""

    recipe: UniTalkerRecipe
    train: tuple[PreparedSet, ...]
    val: tuple[PreparedSet, ...]
    spaces: Mapping[str, FaceSpace]
    still: Mapping[str, float]      # by annotation the error of a face that stays neutral
    renderers: Mapping[str, Renderer] = field(default_factory=dict)

    @property
    def epoch_steps(self) -> int:
        """Batches that visit every clip, as often as its set says."""
        return len(self._batches(0))

    @property
    def stages(self) -> Sequence[Stage]:
        """Warm-up without the encoder, then with it."""
        rest = Stage(0, lambda name: not (self.recipe.freeze_encoder and name.startswith(ENCODER)))
        if self.recipe.freeze_encoder or not self.recipe.warm_up_epochs:
            return (rest,)
        warm_up = Stage(0, lambda name: not name.startswith(ENCODER))
        return (warm_up, replace(rest, first_step=self.recipe.warm_up_epochs * self.epoch_steps))

    def completed(self, recipe: Recipe[UniTalker, FaceBatch]) -> Recipe[UniTalker, FaceBatch]:
        """With heads and speakers."""
        return self.recipe

    def batch(self, step: int, seed: int) -> FaceBatch:
        """The step's clips, cropped, some of them under the pivot's row."""
        epoch, place = divmod(step, self.epoch_steps)
        chosen = self._batches(seed - step + epoch)[place]
        return self._stacked(chosen, np.random.default_rng(seed))

    def losses(self, network: UniTalker, batch: FaceBatch) -> Losses:
        """Error of the motion, of its coefficients, and where they count of its pictures."""
        output = network.frames_of(batch.front, batch.motion.shape[1], batch.identity, batch.head)
        weights = self.recipe.weights
        space = self.spaces[batch.head].to(output.device)
        with torch.autocast(output.device.type, enabled=False):     # positions need more digits than bfloat16 has
            error, coefficients = space.losses(output.float(), batch.motion, batch.template, weights)
        still = self.still[batch.head]
        total = (error + weights.pca * coefficients) / (still if self.recipe.balance else 1.0)
        losses = Losses(total, {"motion": error, "pca": coefficients, "share": error / still})
        if batch.head not in self.renderers:
            return losses
        motions = space.motion(output, batch.template), batch.motion
        ours, theirs = (motion.reshape(-1, motion.shape[2] // 3, 3) for motion in motions)
        return with_pictures(losses, ours, theirs, self.renderers[batch.head], weights.pictures)

    def score(self, network: UniTalker) -> Judgement | None:
        """Mean over the sets of the error of their clips, relative to a face that stays neutral."""
        shares = {one.name: self._relative_error(network, one) for one in self.val if one.items}
        if not shares:
            return None
        mean = float(np.mean(list(shares.values())))
        return Judgement(-mean, " ".join(f"{name} {share:.4f}" for name, share in shares.items()) + f" mean {mean:.4f}")

    @torch.no_grad()
    def _relative_error(self, network: UniTalker, one: PreparedSet) -> float:
        device = network.styles.device
        space, weights = self.spaces[one.space.annotation].to(device), self.recipe.weights
        found, still = 0.0, 0.0
        for item in one.items:
            batch = self._stacked([(one, item)], None).to(device)
            output = network.frames_of(batch.front, batch.motion.shape[1], batch.identity, batch.head)
            found += space.error(space.motion(output, batch.template), batch.motion, weights).item()
            still += space.error(batch.template.expand_as(batch.motion), batch.motion, weights).item()
        return found / max(still, 1e-30)

    def _batches(self, seed: int) -> list[list[tuple[PreparedSet, Item]]]:
        """The epoch's batches: of one annotation and frame rate each, in random order."""
        rng = np.random.default_rng(seed)
        groups: dict[tuple[str, int], list[tuple[PreparedSet, Item]]] = {}
        for spec, one in zip(self.recipe.sets, self.train, strict=True):
            for item in one.items * spec.repeat:
                groups.setdefault((one.space.annotation, item.fps), []).append((one, item))
        size = self.recipe.batch_size
        batches = []
        for group in groups.values():
            order = rng.permutation(len(group))
            batches += [[group[i] for i in order[start:start + size]] for start in range(0, len(group), size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _stacked(self, chosen: Sequence[tuple[PreparedSet, Item]], rng: np.random.Generator | None) -> FaceBatch:
        """Clips as tensors; with rng crops of equal length, and the pivot in the place of some speakers."""
        crop_s = self.recipe.crop_s if rng is not None else 0.0
        length_s = min((item.samples / SAMPLE_RATE_HZ for _, item in chosen), default=0.0)
        length_s = min(crop_s, length_s) if crop_s else 0.0
        fronts, motions, rows = [], [], []
        for one, item in chosen:
            front, motion = _crop(item, length_s, rng)
            fronts.append(torch.from_numpy(front))
            motions.append(torch.from_numpy(motion))
            pivot = rng is not None and rng.random() < self.recipe.pivot_share
            name = f"{one.name}/{one.identities[item.row]}"
            rows.append(len(self.recipe.identities) if pivot else self.recipe.row(name))
        template = torch.stack([torch.from_numpy(item.template) for _, item in chosen])[:, None]
        head = chosen[0][0].space.annotation
        return FaceBatch(head, torch.stack(fronts), torch.stack(motions), template, torch.tensor(rows))


def _prepared(spec: SetSpec, one: DataSet, split: str, ear: Ear, work: Path) -> PreparedSet:
    if spec.most_clips and split == "train":
        chosen = [item for item in one.recordings if item.split == split][:spec.most_clips]
        one = replace(one, recordings=tuple(chosen))
    return prepare(one, split, ear, work / "prepared")


def face_spaces(sets: Sequence[PreparedSet], recipe: UniTalkerRecipe, root: Path) -> dict[str, FaceSpace]:
    """What each annotation's numbers are worth in vertices; bases of vertex sets are kept in the recipe's assets.

    Args:
        root: folder that the recipe's bases lie below.
    Raises:
        SettingError: a basis cannot be read, or does not fit.
    """
    spaces = {}
    for annotation in dict.fromkeys(one.space.annotation for one in sets):
        same = [one for one in sets if one.space.annotation == annotation]
        space = same[0].space
        file = root / recipe.bases[annotation] if annotation in recipe.bases else None
        if space.kind == VERTICES and recipe.pca_dim:
            kept = Path(recipe.assets) / f"{annotation}.npz"
            basis = basis_of(same, recipe.pca_dim, kept, file or same[0].basis, recipe.balance)
            components, mean = torch.from_numpy(basis.pca.components), torch.from_numpy(basis.pca.mean)
            spaces[annotation] = FaceSpace(space, PcaSpace(components, mean), unit=basis.unit)
        elif file is not None and space.kind != VERTICES:
            spaces[annotation] = FaceSpace(
                space, None, read_flame(file) if space.kind == FLAME else _blendshapes(file, space.width),
            )
        else:
            spaces[annotation] = FaceSpace(space)
    return spaces


@torch.no_grad()
def _still_error(annotation: str, sets: Sequence[PreparedSet], space: FaceSpace, weights: FaceWeights) -> float:
    """The error of a face that stays neutral, mean over some clips."""
    items = [item for one in sets if one.space.annotation == annotation for item in one.items]
    errors = []
    for item in items[::max(1, len(items) // STILL_CLIPS)]:
        truth, template = torch.from_numpy(np.array(item.motion)), torch.from_numpy(item.template)
        errors.append(space.error(template.expand_as(truth), truth, weights).item())
    return max(float(np.mean(errors)), 1e-30)


def _blendshapes(file: Path, width: int) -> BlendshapeSpace:
    try:
        arrays = read_arrays(file)
        offsets = np.asarray(arrays["blendshape"], np.float32)
        if len(offsets) != width:
            raise ValueError(f"it has {len(offsets)} shapes, the annotation {width} weights")
        return BlendshapeSpace(torch.from_numpy(np.asarray(arrays["meanshape"], np.float32)), torch.from_numpy(offsets))
    except (OSError, ValueError, KeyError) as error:
        raise SettingError(
            f"Basis {file} cannot be used ({error}). It needs meanshape (v, 3) and blendshape (k, v, 3)."
        ) from error


def _head_files(annotation: str, sets: Sequence[PreparedSet], space: FaceSpace) -> HeadFiles:
    first = next(one for one in sets if one.space.annotation == annotation)
    speakers = sum(len(one.identities) for one in sets if one.space.annotation == annotation)
    pca = None
    if space.pca is not None:
        pca = Pca(space.pca.components.numpy() * np.float32(space.unit), space.pca.mean.numpy())
    facts = Dataset(
        first.name, "", annotation, 1.0, speakers, first.space.kind == VERTICES, first.items[0].fps,
    )
    return HeadFiles(facts, first.items[0].template, pca, first.space.channels)


def _crop(item: Item, length_s: float, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
    """A stretch of `length_s` of front and motion; 0 takes all."""
    front, motion = item.front, item.motion
    if not length_s or rng is None:
        return np.array(front), np.array(motion)
    rate = len(front) * SAMPLE_RATE_HZ / item.samples if front.ndim == 1 else RATE_HZ
    last_s = max(0.0, item.samples / SAMPLE_RATE_HZ - length_s)
    start_s = FRAME_GRID_S * int(rng.integers(0, int(last_s / FRAME_GRID_S) + 1))
    rows, frames = int(length_s * rate) - (front.ndim > 1), int(length_s * item.fps)
    begin, first = round(start_s * rate), round(start_s * item.fps)
    return np.array(front[begin:begin + rows]), np.array(motion[first:first + frames])


def _front_hash(network: UniTalker) -> str:
    """Tells the frozen part of an encoder from another of the same sizes."""
    if isinstance(network.encoder, BundledEncoder):
        return dict(network.encoder.source.hashes)["encoder.onnx"]
    frozen = [value for name, value in network.encoder.state_dict().items() if ".feature_extractor." in f".{name}"]
    return hashlib.sha256(b"".join(value.numpy().tobytes() for value in frozen)).hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
