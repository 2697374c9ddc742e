"""The recipe of joint training: clean motion and pseudo labels, behind a codebook that knows the clean motion alone.

A run has two stages. First the codebook learns what clean motion can look like; then, frozen, it is what CodeTalker
speaks with, taught by both. Whatever neutral face a tracker assumed, only clean motion can be said. The other way to
keep pseudo labels apart, a head and identities of their own, is `head` of a set in the recipe of UniTalker. Source:
"2D-augmented" study, joint training; half of each batch is pseudo, so that both count alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...model.folder import open_model
from ...nets.codebook import CodebookSizes, CodeTalker, Feedback, MotionCodebook
from ...nets.encoders import BundledEncoder
from ...nets.faceformer import DecoderSizes
from ...nets.layers import resample
from ...values.errors import SettingError
from ...values.types import FloatArray
from ..faces.folder_contents import TalkerContents, rows_of
from ..faces.made_sets import MADE, make_sets
from ..faces.prepared import Ear, Item, prepare
from ..faces.samples import DataSet
from .augmented2d import codebook_losses, talker_losses
from .contract import Judgement, Losses, Recipe, Stage, Training
from .unitalker import SetSpec, opened

CODEBOOK = "codebook."
QUALITY = "quality.json"        # of a tracked set: how often each of its films is drawn
UNSPOKEN = 1000.0               # added to the error of a network that has learned no speech yet
JUDGED_CLIPS, JUDGED_FRAMES = 6, 60     # of each set and of each clip, that choose the checkpoint
FEEDBACK = Feedback(every=4, window=50)
CODE_SIZES: Mapping[str, Any] = {
    "codes": 4, "code_dim": 16, "entries": 64, "width": 64, "layers": 2, "heads": 4, "inner": 96,
}


@dataclass(frozen=True)
class TalkerBatch:
    """Crops: features (b, t, c) and offsets (b, t, k) at the frame rate, rows of the style table (b,).

    Attributes:
        is_pseudo: (b,) bool. learns_codes: whether the step is one of the first stage.
    """

    features: Tensor
    offsets: Tensor
    identity: Tensor
    is_pseudo: Tensor
    learns_codes: bool


@dataclass(frozen=True)
class JointTalker(Recipe[CodeTalker, TalkerBatch]):
    """CodeTalker on the encoder of a bundled model.

    Attributes:
        base: that model. clean, pseudo: sets of one annotation and frame rate, below the data folder; pseudo may be
            empty. made: they are the project's own made ones.
        wrong_rest, noise: spoil the pseudo labels, to try what wrong neutral faces and tracking do: deviation of each
            speaker's neutral face, and of each number.
        code_steps: of the first stage. project_pseudo: pseudo labels become what the codebook can say of them.
        joint_codebook: the codebook learns from both, which is what harms.
        batch_size: even; crop_frames: of a crop. dim, layers: of the decoder. codebook: fields of CodebookSizes.
        identities, fps, channels: what only the data tell.
    """

    base: str = "mini"
    clean: tuple[SetSpec, ...] = ()
    pseudo: tuple[SetSpec, ...] = ()
    made: bool = False
    wrong_rest: float = 0.0
    noise: float = 0.0
    code_steps: int = 300
    project_pseudo: bool = True
    joint_codebook: bool = False
    batch_size: int = 24
    crop_frames: int = 40
    dim: int = 32
    layers: int = 1
    pivot_share: float = 0.1
    codebook: dict[str, Any] = field(default_factory=dict)
    identities: tuple[str, ...] = ()
    fps: int = 25
    channels: tuple[str, ...] = ()

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> JointTalker:
        """As the contract says."""
        given = dict(fields)
        for name in ("clean", "pseudo"):
            given[name] = tuple(SetSpec(**spec) for spec in given.get(name, ()))
        for name in ("identities", "channels"):
            given[name] = tuple(given.get(name, ()))
        return cls(**given)

    def build(self) -> CodeTalker:
        """The network with fresh weights; the stages say when its codebook is trained."""
        sizes = CodebookSizes(len(self.channels), **{**CODE_SIZES, **self.codebook})
        width = BundledEncoder(self.base).dim
        talker = CodeTalker(
            DecoderSizes(width, self.dim, self.layers, self.fps), MotionCodebook(sizes), len(self.identities) + 1,
        )
        talker.codebook.requires_grad_(True)
        return talker

    def prepare(self, work: Path, recordings: Path | None) -> JointTraining:
        """Read the sets and hear them once. Raises EngineError: one cannot be used, or they do not go together."""
        if self.batch_size % 2:
            raise SettingError(f"batch_size is {self.batch_size}, must be even: half of a batch is pseudo.")
        root = make_sets(work / MADE) if self.made else recordings
        if root is None or not self.clean:
            raise SettingError("The recipe's data sets lie in no folder. Name [[clean]] sets, and --data FOLDER.")
        ear, found = _ear(self.base), {}
        for kind, specs in (("clean", self.clean), ("pseudo", self.pseudo)):
            sets = [opened(spec, root) for spec in specs]
            found[kind] = [
                _clips(spec, one, ear, work, root) for spec, one in zip(specs, sets, strict=True)
            ]
        clips = [clip for kind in found.values() for one in kind for clip in one]
        recipe = replace(self, **_facts(clips))
        clean, pseudo = ([clip for one in found[kind] for clip in one] for kind in ("clean", "pseudo"))
        return JointTraining(recipe, clean, [_spoiled(clip, recipe, number) for number, clip in enumerate(pseudo)])

    def folder(self, network: CodeTalker) -> TalkerContents:
        """A talker of plain channels whose neutral face is 0."""
        return TalkerContents(
            "joint", "blendshapes", self.fps, np.zeros(len(self.channels), np.float32), rows_of(self.identities, True),
            False, "as the data it was trained on", "CodeTalker behind a clean codebook, trained with engine/learn",
            self.channels, True, self.base,
        )

    def row(self, identity: str) -> int:
        """Of the style table; a speaker that it does not know is the pivot's."""
        return self.identities.index(identity) if identity in self.identities else len(self.identities)


@dataclass(frozen=True)
class TalkerClip:
    """A prepared clip: front (t, c) at 50 Hz, offsets (f, k) at fps, whose it is, and how often it is drawn."""

    split: str
    identity: str
    front: Tensor
    offsets: Tensor
    fps: int
    channels: tuple[str, ...]
    annotation: str
    weight: float = 1.0


@dataclass(frozen=True)
class JointTraining(Training[CodeTalker, TalkerBatch]):
    """Random crops, half of them clean."""

    recipe: JointTalker
    clean: Sequence[TalkerClip]
    pseudo: Sequence[TalkerClip]

    def completed(self, recipe: Recipe[CodeTalker, TalkerBatch]) -> Recipe[CodeTalker, TalkerBatch]:
        """With channels and speakers."""
        return self.recipe

    @property
    def stages(self) -> Sequence[Stage]:
        """The codebook, then all else."""
        return (
            Stage(0, lambda name: name.startswith(CODEBOOK)),
            Stage(self.recipe.code_steps, lambda name: not name.startswith(CODEBOOK)),
        )

    def batch(self, step: int, seed: int) -> TalkerBatch:
        """Crops drawn by the seed alone; in the first stage of clean motion, unless the codebook is a joint one."""
        rng, recipe = np.random.default_rng(seed), self.recipe
        learns_codes = step < recipe.code_steps
        with_pseudo = bool(self._of("train", self.pseudo)) and (recipe.joint_codebook or not learns_codes)
        count = recipe.batch_size // 2 if with_pseudo else recipe.batch_size
        chosen = _drawn(self._of("train", self.clean), count, rng)
        if with_pseudo:
            chosen += _drawn(self._of("train", self.pseudo), count, rng)
        crops = [_crop(clip, recipe.crop_frames, rng) for clip in chosen]
        rows = [
            len(recipe.identities) if rng.random() < recipe.pivot_share else recipe.row(clip.identity)
            for clip in chosen
        ]
        return TalkerBatch(
            torch.cat([features for features, _ in crops]), torch.stack([offsets for _, offsets in crops]),
            torch.tensor(rows), torch.arange(len(chosen)) >= count, learns_codes,
        )

    def losses(self, network: CodeTalker, batch: TalkerBatch) -> Losses:
        """Of the codebook, or of the talker before a codebook that stays."""
        network.codebook.train(batch.learns_codes)
        if batch.learns_codes:
            return codebook_losses(network.codebook, batch.offsets)
        project = batch.is_pseudo if self.recipe.project_pseudo else None
        return talker_losses(network, batch.features, network.styles[batch.identity], batch.offsets, project)

    def score(self, network: CodeTalker) -> Judgement | None:
        """Error of clean clips in their speakers' styles, free running, relative to a face that stays neutral."""
        clips = self._of("val", self.clean)
        if not clips:
            return None
        found = still = 0.0
        for clip in clips:
            offsets = clip.offsets[:JUDGED_FRAMES]
            features = resample(clip.front[None], len(clip.offsets))[:, :len(offsets)]
            style = network.styles[self.recipe.row(clip.identity)][None].detach()
            found += float(((network(features, style, len(offsets), FEEDBACK)[0] - offsets) ** 2).sum())
            still += float((offsets ** 2).sum())
        share = found / max(still, 1e-30)
        unspoken = UNSPOKEN * float(not network.to_features.weight.any())
        return Judgement(-share - unspoken, f"clean {share:.4f}")

    @staticmethod
    def _of(split: str, clips: Sequence[TalkerClip]) -> list[TalkerClip]:
        return [clip for clip in clips if clip.split == split]


def _ear(base: str) -> Ear:
    encoder = BundledEncoder(base)

    def front(wave: FloatArray) -> FloatArray:
        return np.asarray(encoder.front(torch.from_numpy(wave)[None])[0].numpy(), np.float32)

    return Ear(front, json.dumps(["bundled", False, dict(open_model(base).hashes)["encoder.onnx"]]), False)


def _clips(spec: SetSpec, one: DataSet, ear: Ear, work: Path, root: Path) -> list[TalkerClip]:
    """All clips of a set."""
    quality = root / spec.folder / QUALITY
    weights = json.loads(quality.read_text(encoding="utf-8")) if quality.is_file() else {}
    found = []
    for split, most in (("train", spec.most_clips), ("val", JUDGED_CLIPS)):
        chosen = [item for item in one.recordings if item.split == split][:most or None]
        prepared = prepare(replace(one, recordings=tuple(chosen)), split, ear, work / "prepared")
        for item in prepared.items:
            weight = float(weights.get(Path(item.name).stem, {}).get("weight", 1.0))
            found.append(_clip(item, split, f"{one.name}/{one.identities[item.row]}", one, weight))
    return found


def _clip(item: Item, split: str, identity: str, one: DataSet, weight: float) -> TalkerClip:
    offsets = torch.from_numpy(np.array(item.motion - item.template))
    names = one.space.channels or tuple(f"channel{number:03d}" for number in range(one.space.width))
    return TalkerClip(
        split, identity, torch.from_numpy(np.array(item.front)), offsets, item.fps, names, one.space.annotation, weight,
    )


def _facts(clips: Sequence[TalkerClip]) -> dict[str, Any]:
    """Frame rate, channels and speakers. Raises SettingError: clips that do not go together."""
    kinds = sorted({f"{clip.annotation} at {clip.fps} frames a second" for clip in clips})
    if len(kinds) != 1:
        raise SettingError(
            f"The sets hold {' and '.join(kinds) or 'no clips'}; joint training needs one kind of motion. Resample, "
            "or give other sets a head of their own (recipe unitalker)."
        )
    identities = tuple(dict.fromkeys(clip.identity for clip in clips))
    return {"identities": identities, "fps": clips[0].fps, "channels": clips[0].channels}


def _spoiled(clip: TalkerClip, recipe: JointTalker, number: int) -> TalkerClip:
    """With a wrong neutral face, the same one in all clips of a speaker, and with noise."""
    if not recipe.wrong_rest and not recipe.noise:
        return clip
    rest = np.random.default_rng(recipe.row(clip.identity))
    shift = torch.from_numpy(rest.normal(0, recipe.wrong_rest, clip.offsets.shape[1]).astype(np.float32))
    noise = np.random.default_rng(number).normal(0, recipe.noise, clip.offsets.shape).astype(np.float32)
    return replace(clip, offsets=clip.offsets + shift + torch.from_numpy(noise))


def _drawn(clips: Sequence[TalkerClip], count: int, rng: np.random.Generator) -> list[TalkerClip]:
    weights = np.array([clip.weight for clip in clips])
    return [clips[row] for row in rng.choice(len(clips), count, p=weights / weights.sum())]


def _crop(clip: TalkerClip, frames: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Features (1, frames, c) and offsets (frames, k) of one moment; a shorter clip goes on with its last frame."""
    features = resample(clip.front[None], len(clip.offsets))
    start = int(rng.integers(0, max(1, len(clip.offsets) - frames + 1)))
    rows = (start + torch.arange(frames)).clamp_max(len(clip.offsets) - 1)
    return features[:, rows], clip.offsets[rows]
