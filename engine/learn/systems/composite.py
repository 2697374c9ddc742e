"""The recipe of a Composite on channels: speech in the manner of a reference motion, on another model's encoder."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import load as load_graph
from onnx import numpy_helper
from torch import Tensor, nn

from ...model.folder import Model, open_model
from ...model.style_from import UNSPOKEN
from ...nets.composite import OUTPUT_SCALE, CompositeConfig, MannerComposite
from ...nets.encoders import RATE_HZ
from ...values.channels import ARKIT_52
from ...values.types import FloatArray
from ..data.scenes import Corpus, make_scenes
from ..manners.performances import Performance, Performances, Performer, load_performances, make_performances, make_real
from ..manners.real_manners import animated_takes, filmed_takes
from ..synth.corpus import make_corpus
from .contract import FolderSpec, GraphSpec, Losses, Recipe, Training
from .losses import CurveScale, curve_loss

HEAD, PIVOT = "arkit52", "pivot"
REFERENCE_HZ = 25
SCALE_BATCHES = 6
NULL_FOLLOWS = 0.02         # share of each batch's plain references in the null style
IMPORTANCE = {"mouthClose": 2.0, "mouthPress": 1.5, "jawForward": 0.4, "mouthShrug": 0.4, "cheekPuff": 0.3,
              "tongueOut": 0.4, "noseSneer": 0.5, "cheekSquint": 0.5}
CHECK_FRAMES = 143
_UNSEEN = [column for column, name in enumerate(ARKIT_52) if name.startswith(UNSPOKEN)]     # as the engine has it


@dataclass(frozen=True)
class MannerBatch:
    """One step's data: b crops of t frames, and references of u frames.

    Attributes:
        features (b, t, c), target (b, t, 52) at 50 Hz; reference (b, u, 52) at REFERENCE_HZ.
        rest: (b, 52) the pose in which the manner rests.
        plain: (b,) whether the crop is of the plain manner, which the null style has to give.
    """

    features: Tensor
    target: Tensor
    reference: Tensor
    rest: Tensor
    plain: Tensor


@dataclass(frozen=True)
class CompositeManners(Recipe[MannerComposite, MannerBatch]):
    """A small Composite.

    Attributes:
        shares_encoder: model folder, or its id, whose encoder and phone graph are taken.
        corpus_scale, scenes_hours, shares: as of the recipe moonshine_visemes.
        manners, takes: how many are drawn, and scenes spoken in each.
        batch_size, crop_s: crops of crop_s seconds; reference_s: shortest and longest reference.
        other_share: of the references that are other words than the crop's, else its own.
        plain_share, real_share: of the crops, in the plain manner under the null style, and of real people.
        width, style_width: of the network. paper: its variant.
        sparsity: weight of the embedding's magnitudes. without_reference: every style is the null, for comparison.
        rest: weight of the resting pose. change: of the loss of first differences.
    """

    shares_encoder: str = "mini"
    corpus_scale: float = 1.0
    scenes_hours: float = 4.0
    shares: dict[str, float] = field(default_factory=dict)
    manners: int = 1500
    takes: int = 3
    batch_size: int = 10
    crop_s: float = 4.0
    reference_s: tuple[float, float] = (2.0, 20.0)
    other_share: float = 0.5
    plain_share: float = 0.1
    real_share: float = 0.12
    width: int = 96
    style_width: int = 160
    paper: bool = False
    sparsity: float = 1e-4
    without_reference: bool = False
    rest: float = 1.0
    change: float = 1.0

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> CompositeManners:
        """As the contract says."""
        given = dict(fields)
        if "reference_s" in given:
            given["reference_s"] = tuple(given["reference_s"])
        return cls(**given)

    @property
    def encoder(self) -> Model:
        """The model whose encoder is taken. Raises ModelError."""
        return open_model(self.shares_encoder)

    def build(self) -> MannerComposite:
        """The network with fresh weights."""
        dim = _phone_weights(self.encoder)[0].shape[0]
        return MannerComposite(CompositeConfig(len(ARKIT_52), dim, self.width, self.style_width, self.paper))

    def prepare(self, work: Path, recordings: Path | None) -> PerformanceTraining:
        """Make corpus, scenes and performances. Raises EngineError: a speech program is missing."""
        folder, model = work / "performances", self.encoder
        make_corpus(work / "corpus", self.corpus_scale, recordings)
        make_scenes(
            Corpus(work / "corpus", self.shares), work / "plain_scenes", self.scenes_hours * self.corpus_scale, None
        )
        make_performances(work / "plain_scenes", folder, model, (self.manners, self.takes))
        if recordings is not None:
            for name, takes_of in (("animated", animated_takes), ("filmed", filmed_takes)):
                if not (folder / f"real_{name}.npz").exists() and (takes := takes_of(recordings, str(model.folder))):
                    make_real(takes, folder / f"real_{name}.npz", model)
        return PerformanceTraining.open(self, load_performances(folder, model))

    def folder(self, network: MannerComposite) -> FolderSpec:
        """Decoder and motion graph, the encoder's phone graph, a head with its resting pose, and the null style."""
        weights, bias = _phone_weights(self.encoder)
        phones = nn.Linear(*weights.shape)
        phones.load_state_dict({"weight": torch.from_numpy(weights.T.copy()), "bias": torch.from_numpy(bias)})
        return FolderSpec(_graphs(network, phones), _arrays(network), _info(self.encoder))


@dataclass(frozen=True)
class PerformanceTraining(Training[MannerComposite, MannerBatch]):
    """Random crops of performances."""

    performances: Performances
    recipe: CompositeManners
    scale: CurveScale

    @classmethod
    def open(cls, recipe: CompositeManners, performances: Performances) -> PerformanceTraining:
        """Measure the channels' variances on a few batches."""
        targets = torch.cat([draw_batch(performances, recipe, seed).target for seed in range(SCALE_BATCHES)])
        sides = [2.0 if name.endswith(("Left", "Right")) else 1.0 for name in ARKIT_52]
        importance = [next((v for key, v in IMPORTANCE.items() if name.startswith(key)), 1.0) for name in ARKIT_52]
        return cls(performances, recipe, CurveScale(targets, torch.tensor(importance) / torch.tensor(sides)))

    def batch(self, step: int, seed: int) -> MannerBatch:
        """Crops drawn by the seed alone."""
        return draw_batch(self.performances, self.recipe, seed)

    def losses(self, network: MannerComposite, batch: MannerBatch) -> Losses:
        """Of the channels and their change, of the resting pose, and the paper's regulariser."""
        style = network.style(batch.reference)
        if batch.plain.any():
            with torch.no_grad():
                network.null_style.lerp_(style[batch.plain].mean(0), NULL_FOLLOWS)
        rest = ((network.rest_layer(style) - batch.rest) ** 2).mean() * len(ARKIT_52)
        null = torch.ones_like(batch.plain) if self.recipe.without_reference else batch.plain
        style = torch.where(null[:, None], network.null_style, style)
        curves = curve_loss(network(batch.features, style), batch.target, self.scale, self.recipe.change)
        sparsity = network.composite.sparsity()
        total = curves + self.recipe.rest * rest + self.recipe.sparsity * sparsity
        return Losses(total, {"curves": curves, "rest": rest, "sparsity": sparsity})


def draw_batch(performances: Performances, recipe: CompositeManners, seed: int) -> MannerBatch:
    """The batch of a seed."""
    rng = random.Random(seed)
    low_s, high_s = recipe.reference_s
    n_reference = round(low_s * (high_s / low_s) ** rng.random() * REFERENCE_HZ)
    n_frames = round(recipe.crop_s * RATE_HZ)
    kinds = [rng.random() for _ in range(recipe.batch_size)]
    plain = [kind < recipe.plain_share for kind in kinds]
    rows = []
    for kind, is_plain in zip(kinds, plain, strict=True):
        performer = performances.plain if is_plain else _drawn(performances, recipe, kind, rng)
        take = rng.choice(performer.takes)
        features, target = _crop(take, n_frames, rng)
        others = [other for other in performer.takes if other is not take]
        own = not others or rng.random() >= recipe.other_share
        reference = reference_of([take] if own else others, n_reference, rng)
        rows.append((features, target, reference, performer.rest))
    stacked = [torch.from_numpy(np.stack(column).astype(np.float32)) for column in zip(*rows, strict=True)]
    return MannerBatch(stacked[0], stacked[1], stacked[2], stacked[3], torch.tensor(plain))


def _drawn(performances: Performances, recipe: CompositeManners, kind: float, rng: random.Random) -> Performer:
    if performances.real and kind > 1 - recipe.real_share:
        return rng.choice(performances.real)
    return rng.choice(performances.drawn)


def reference_of(takes: Sequence[Performance], n_frames: int, rng: random.Random) -> FloatArray:
    """A stretch (n_frames, 52) at REFERENCE_HZ of takes in random order, again from the first where they are short."""
    wanted = n_frames * RATE_HZ // REFERENCE_HZ
    order = rng.sample(takes, len(takes))
    parts: list[FloatArray] = []
    length = 0
    while length < wanted:
        seen = order[len(parts) % len(order)].seen
        parts.append(seen)
        length += len(seen)
    whole = np.concatenate(parts)
    first = rng.randint(0, length - wanted)
    rows = whole[first:first + wanted:RATE_HZ // REFERENCE_HZ].astype(np.float32)
    rows[:, _UNSEEN] = 0
    return np.asarray(rows)


def _crop(take: Performance, n_frames: int, rng: random.Random) -> tuple[FloatArray, FloatArray]:
    """Features and motion of a random stretch; a shorter take goes on in its last frame."""
    lacking = max(0, n_frames - len(take.motion))
    first = rng.randint(0, max(0, len(take.motion) - n_frames))
    parts = (rows[first:first + n_frames] for rows in (take.features, take.motion))
    features, motion = (np.pad(part, ((0, lacking), (0, 0)), mode="edge") for part in parts)
    return features, motion


class _Style(nn.Module):
    """The graph of a reference's style."""

    def __init__(self, network: MannerComposite) -> None:
        super().__init__()
        self.network = network

    def forward(self, motion: Tensor) -> Tensor:
        return self.network.style(motion)


class _Hidden(nn.Module):
    """The graph from features and a style to what the head takes."""

    def __init__(self, network: MannerComposite) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        return self.network.hidden(features, style)


def _graphs(network: MannerComposite, phones: nn.Module) -> dict[str, GraphSpec]:
    config = network.composite.config
    features, motion = torch.zeros(1, 4 * RATE_HZ, config.feature_dim), torch.zeros(1, 100, config.motion_dim)
    check = torch.randn(1, CHECK_FRAMES, config.feature_dim, generator=torch.Generator().manual_seed(0))
    reference = torch.rand(1, CHECK_FRAMES, config.motion_dim, generator=torch.Generator().manual_seed(1))
    style, free = network.null_style[None], {"features": "frames"}
    # Wrappers in evaluation mode: the exporter gives a module back in its own mode, and its network with it.
    hidden, of_motion = _Hidden(network).train(False), _Style(network).train(False)
    return {
        "decoder.onnx": GraphSpec(
            hidden, {"features": features, "style": style}, free, "hidden", (check, style)
        ),
        "motion.onnx": GraphSpec(of_motion, {"motion": motion}, {"motion": "frames"}, "style", (reference,)),
        "phones.onnx": GraphSpec(phones, {"features": features}, free, "phones", (check,)),
    }


def _arrays(network: MannerComposite) -> dict[str, NDArray[Any] | Mapping[str, NDArray[np.floating]]]:
    embedding = OUTPUT_SCALE * network.composite.template_layer.weight.detach().numpy()
    head: dict[str, NDArray[np.floating]] = {
        f"{HEAD}/W": embedding, f"{HEAD}/b": np.zeros(len(ARKIT_52), np.float32),
        f"{HEAD}/rest_W": network.rest_layer.weight.detach().numpy().T.copy(),
        f"{HEAD}/rest_b": network.rest_layer.bias.detach().numpy(),
    }
    return {"heads.npz": head, "identities.npy": network.null_style.numpy()[None]}


def _info(encoder: Model) -> dict[str, Any]:
    settings = encoder.encoder
    return {
        "title": "Composite", "system": "composite", "licence": encoder.licence,
        "source": "Composite and Regional (ACM MM 2023) architecture, trained on manners of the viseme model and on "
                  f"takes of people; the encoder is that of {encoder.id}",
        "sample_rate": 16000, "normalise": encoder.normalise,
        "encoder": {
            "from": encoder.id, "sha256": dict(encoder.hashes)["encoder.onnx"], "rate_hz": settings.rate_hz,
            "window_s": settings.window_s, "overlap_s": settings.overlap_s, "context_s": settings.context_s,
        },
        "heads": [{
            "id": HEAD, "space": "blendshapes", "channels": list(ARKIT_52), "fps": RATE_HZ,
            "resample": {"where": "none", "align_corners": False},
        }],
        "identities": [{"id": PIVOT, "label": "Neutral (pivot)", "group": "Styles"}],
        "pivot": PIVOT, "default_head": HEAD, "phones": list(encoder.phones), "reference_hz": REFERENCE_HZ,
    }


def _phone_weights(encoder: Model) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Matrix (c, n_phones) and bias of the encoder's phone graph."""
    stored = load_graph(str(encoder.folder / "phones.onnx")).graph.initializer
    arrays = [numpy_helper.to_array(tensor).astype(np.float32) for tensor in stored]
    matrix = next(array for array in arrays if array.ndim == 2)
    bias = next(array for array in arrays if array.ndim == 1)
    return (matrix if matrix.shape[1] == len(bias) else matrix.T), bias
