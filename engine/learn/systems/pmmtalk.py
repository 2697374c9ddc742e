"""The recipe of PMMTalk-S: cues made from the features of a bundled model's encoder, which both models then share.

A run has two stages: the talking-lip generator learns pictures of a lower face, then, frozen, it makes the picture cue
for a few crops of each batch, from which the guess of that cue learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...model import runtime
from ...model.folder import MAX_MEMORY_FRAMES, Model, open_model
from ...nets.pmmtalk import AUDIO, PICTURE, TEXT
from ...nets.pmmtalk_small import (
    PICTURE_RATE,
    SIDE,
    SmallConfig,
    SmallPmmTalk,
    Streamed,
    WithStill,
)
from ...speech.align import log_scores
from ...values.channels import ARKIT_32, ARKIT_52
from ...values.types import SAMPLE_RATE_HZ, FloatArray
from ..data.batches import STYLE_NAMES, SceneBatches
from ..data.scenes import Corpus, make_scenes
from ..synth.corpus import make_corpus
from ..synth.phones import PHONES
from .contract import FolderSpec, GraphSpec, Losses, Recipe, Stage, Training
from .cue_alignment import CueWeights, alignment_losses, weighted
from .lip_pictures import FaceLook, LowerFace
from .losses import CurveScale
from .moonshine_visemes import LABELS, PIVOT, curve_scale, to_arkit_tensor

HEAD, WHOLE_HEAD = "arkit32", "arkit52"     # the one that is chosen by itself, and the one with the tongue
DROP_BOTH, DROP_TEXT, DROP_PICTURE = 0.1, 0.2, 0.2      # shares of crops whose cues are absent
CLIP_FRAMES = 50            # of a clip from which the generator learns: one second
CHANGED = 0.04              # of a pixel against the still picture, from which it counts more
CHANGED_WEIGHT = 4.0
FIT_SEED, FIT_RIDGE = 10**9, 1.0     # seeds that no step has; a small pull towards 0
SOURCE = "PMMTalk (2023) architecture in small, on the encoder of the bundled model {}"
CHECK_FRAMES = 70


@dataclass(frozen=True)
class CueBatch:
    """One step's data; b crops of t frames of 20 ms.

    Attributes:
        features: (b, t, c) of the encoder. text: (b, t, phones) probabilities. curves: (b, t, 52) targets.
        identity: (b,) row of the style table. still: (p, 3, 48, 48) pictures for the first p crops.
        no_text, no_picture: (b,) bool, whose cue is absent.
        pictures: (p, t / 2, 3, 48, 48) that the generator is to make of features and still; None in the second stage.
    """

    features: Tensor
    text: Tensor
    curves: Tensor
    identity: Tensor
    still: Tensor
    no_text: Tensor
    no_picture: Tensor
    pictures: Tensor | None = None


@dataclass(frozen=True)
class PmmTalkVisemes(Recipe[SmallPmmTalk, CueBatch]):
    """PMMTalk-S with the curves of the viseme model as targets.

    Attributes:
        base: bundled model whose encoder and phone graph are taken as they are.
        corpus_scale, scenes_hours, shares, batch_size, crop_s, pivot_share: as of MoonshineVisemes; scenes in the same
            work folder that hold features of the same encoder are used by both.
        sizes: of the network, fields of SmallConfig and FusionConfig.
        lip_steps: of the first stage. lip_clips: clips of a second that are drawn for it; lip_batch: of a step.
        picture_every: steps of which one makes the picture cue of its first picture_crops crops; all others guess it.
        stills: faces that pictures are made on.
        words_share: share of the crops that get the true phones in the place of recognised ones.
        guess: weight of the guess's error.
        fit_batches: on which the head is fitted at the end.
    """

    base: str = "mini"
    corpus_scale: float = 1.0
    scenes_hours: float = 25.0
    shares: dict[str, float] = field(default_factory=dict)
    batch_size: int = 8
    crop_s: float = 5.0
    pivot_share: float = 0.1
    sizes: dict[str, int] = field(default_factory=dict)
    lip_steps: int = 200
    lip_clips: int = 64
    lip_batch: int = 2
    picture_every: int = 1
    picture_crops: int = 1
    stills: int = 16
    words_share: float = 0.5
    guess: float = 1.0
    fit_batches: int = 60
    loss: CueWeights = field(default_factory=CueWeights)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> PmmTalkVisemes:
        """As the contract says; `loss` holds the fields of CueWeights."""
        return cls(**{**fields, "loss": CueWeights(**fields.get("loss", {}))})

    def build(self) -> SmallPmmTalk:
        """The network with fresh weights."""
        base = open_model(self.base)
        features = feature_width(base)
        heads = {WHOLE_HEAD: len(ARKIT_52)}
        return SmallPmmTalk(SmallConfig.of(features, len(base.phones), STYLE_NAMES, heads, self.sizes))

    def prepare(self, work: Path, recordings: Path | None) -> CueTraining:
        """Make corpus and scenes, and draw faces. Raises EngineError: a speech program or the head is missing."""
        face = LowerFace.read(recordings)       # first: a missing head is found before hours of work
        make_corpus(work / "corpus", self.corpus_scale, recordings)
        corpus = Corpus(work / "corpus", self.shares)
        encoder = SharedEncoder(open_model(self.base))
        make_scenes(corpus, work / "scenes", self.scenes_hours * self.corpus_scale, encoder)
        return CueTraining.open(self, work / "scenes", face)

    def folder(self, network: SmallPmmTalk) -> FolderSpec:
        """Graphs of the cues and of the fusion in windows, two heads of the same channels, the styles, pivot first."""
        base = open_model(self.base)
        fusion = network.fusion
        order = [fusion.null_style, *range(len(fusion.config.identities))]
        styles = fusion.styles.detach().numpy()[order]
        copies = {"phones.onnx": base.folder / "phones.onnx"}
        return FolderSpec(
            _graphs(network), {"heads.npz": _head_arrays(network), "identities.npy": styles}, _info(base, network),
            copies,
        )


@dataclass(frozen=True)
class CueTraining(Training[SmallPmmTalk, CueBatch]):
    """Random crops of scenes with their cues."""

    recipe: PmmTalkVisemes
    batches: SceneBatches
    scale: CurveScale
    lip_clips: Sequence[LipClip]
    stills: Tensor

    @classmethod
    def open(cls, recipe: PmmTalkVisemes, scenes: Path, face: LowerFace) -> CueTraining:
        """Open scenes that are there, and draw faces. Raises EngineError: there are none, or none as long as a crop."""
        batches = SceneBatches(scenes, recipe.crop_s, recipe.batch_size, recipe.pivot_share)
        rng = np.random.default_rng(0)
        rest = np.zeros((1, len(ARKIT_52)), np.float32)
        stills = [face.draw(rest, ARKIT_52, FaceLook.drawn(rng)) for _ in range(recipe.stills)]
        clips = draw_clips(batches, face, recipe.lip_clips)
        return cls(recipe, batches, curve_scale(batches), clips, torch.cat(stills))

    @property
    def stages(self) -> Sequence[Stage]:
        """First the generator, then all else."""
        return (
            Stage(0, lambda name: name.startswith("generator.")),
            Stage(self.recipe.lip_steps, lambda name: not name.startswith("generator.")),
        )

    def batch(self, step: int, seed: int) -> CueBatch:
        """Crops drawn by the seed alone; pictures in the first stage."""
        rng = np.random.default_rng(seed)
        if step < self.recipe.lip_steps:
            chosen = rng.integers(len(self.lip_clips), size=self.recipe.lip_batch)
            return _lip_batch([self.lip_clips[number] for number in chosen])
        drawn, recipe = self.batches.batch(seed), self.recipe
        text = phone_probabilities(drawn.front_end.numpy(), open_model(recipe.base))
        words = np.flatnonzero(rng.random(len(text)) < recipe.words_share)
        text[words] = _one_hot(drawn.phones[words], open_model(recipe.base).phones)
        lot = torch.from_numpy(rng.random(len(text)))
        no_text, no_picture = lot < DROP_BOTH + DROP_TEXT, (lot < DROP_BOTH) | (lot > 1 - DROP_PICTURE)
        made = 0 if step % recipe.picture_every else recipe.picture_crops
        stills = self.stills[rng.integers(len(self.stills), size=made)]
        return CueBatch(
            drawn.front_end, text, to_arkit_tensor(drawn.curves), drawn.identity, stills, no_text, no_picture,
        )

    def finish(self, network: SmallPmmTalk) -> None:
        """The head as the least-squares fit of what the fusion gives: gradient steps come near it slowly."""
        width = network.config.fusion.dim + 1
        products, sums = np.eye(width) * FIT_RIDGE, np.zeros((width, len(ARKIT_52)))
        fusion = network.fusion
        for number in range(self.recipe.fit_batches):
            batch = self.batch(self.recipe.lip_steps + number, FIT_SEED + number)
            with torch.no_grad():
                given = {
                    AUDIO: batch.features, TEXT: network.text(batch.text), PICTURE: network.guess(batch.features),
                }
                cues = {cue: fusion.projected(cue, rows) for cue, rows in given.items()}
                hidden = fusion.hidden(cues, fusion.styles[batch.identity])[0].flatten(0, 1).double().numpy()
            rows = np.concatenate([hidden, np.ones((len(hidden), 1))], axis=1)
            products += rows.T @ rows
            sums += rows.T @ batch.curves.flatten(0, 1).double().numpy()
        solved = torch.from_numpy(np.linalg.solve(products, sums).astype(np.float32))
        head = network.fusion.heads[WHOLE_HEAD]
        assert isinstance(head, nn.Linear)
        with torch.no_grad():
            head.weight.copy_(solved[:-1].T)
            head.bias.copy_(solved[-1])

    def losses(self, network: SmallPmmTalk, batch: CueBatch) -> Losses:
        """Of the pictures, or of motion, alignment and guess."""
        if batch.pictures is not None:
            pictures = picture_loss(network.generator(batch.features, batch.still), batch.pictures, batch.still)
            return Losses(pictures, {"pictures": pictures})
        made = len(batch.still)
        text, guess = network.text(batch.text), network.guess(batch.features)
        seen = network.seen(batch.features[:made], batch.still) if made else guess[:0]
        given = {AUDIO: batch.features, TEXT: text, PICTURE: torch.cat([seen, guess[made:]])}
        absent = {TEXT: batch.no_text, PICTURE: batch.no_picture}
        fusion = network.fusion
        cues = {cue: fusion.projected(cue, rows, absent.get(cue)) for cue, rows in given.items()}
        error = fusion(cues, fusion.styles[batch.identity], WHOLE_HEAD) - batch.curves
        parts = {
            "position": (error ** 2).mean(dim=(0, 1)) @ self.scale.level,
            "motion": (error.diff(dim=1) ** 2).mean(dim=(0, 1)) @ self.scale.change,
            **alignment_losses(fusion.aligned(given)),
        }
        total = weighted(parts, self.recipe.loss)
        if not made:
            return Losses(total, parts)
        guessed = functional.mse_loss(guess[:made], seen.detach())
        return Losses(total + self.recipe.guess * guessed, {**parts, "guess": guessed})


@dataclass(frozen=True)
class LipClip:
    """A second of features (50, c), the pictures of it (25, 3, 48, 48) and the same face at rest (3, 48, 48)."""

    features: Tensor
    pictures: Tensor
    still: Tensor


class SharedEncoder(nn.Module):
    """The encoder of a model folder as a front end for scenes: the graph itself, never trained."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._graph = runtime.open_graph(model.encoder_file, "cpu", 1)

    def forward(self, wave: Tensor) -> Tensor:
        """(1, n) -> (1, t, c)."""
        return torch.from_numpy(self._graph.run({"wave": wave.numpy()}))


def feature_width(model: Model) -> int:
    """Width of the features of a model's encoder."""
    return int(SharedEncoder(model)(torch.zeros(1, SAMPLE_RATE_HZ)).shape[2])


def phone_probabilities(features: FloatArray, model: Model) -> Tensor:
    """(b, t, c) -> (b, t, phones) by the model's phone graph."""
    graph = runtime.open_graph(model.folder / "phones.onnx", "cpu", 1)
    rows = [np.exp(log_scores(graph.run({"features": crop[None]})[0])) for crop in features]
    return torch.from_numpy(np.stack(rows).astype(np.float32))


def _one_hot(classes: Tensor, names: Sequence[str]) -> Tensor:
    """(..., len(names)) of classes of PHONES; one that the model does not know is its silence."""
    columns = [names.index(name) if name in names else 0 for name in PHONES]
    return functional.one_hot(torch.tensor(columns)[classes], len(names)).float()


def draw_clips(batches: SceneBatches, face: LowerFace, count: int) -> list[LipClip]:
    """Clips of one second from the middle of crops, each with a look of its own."""
    rng = np.random.default_rng(1)
    clips: list[LipClip] = []
    seed = -1       # no step of training has it
    while len(clips) < count:
        drawn = batches.batch(seed)
        start = (batches.frames - CLIP_FRAMES) // 2
        curves = to_arkit_tensor(drawn.curves).numpy()
        for features, weights in zip(drawn.front_end, curves, strict=True):
            own = weights[start:start + CLIP_FRAMES:PICTURE_RATE]
            still = np.zeros((1, own.shape[1]), np.float32)
            pictures = face.draw(np.concatenate([still, own]), ARKIT_52, FaceLook.drawn(rng))
            clips.append(LipClip(features[start:start + CLIP_FRAMES], pictures[1:], pictures[0]))
        seed -= 1
    return clips[:count]


def picture_loss(given: Tensor, wanted: Tensor, still: Tensor) -> Tensor:
    """Mean absolute error of pictures (p, t, 3, s, s); pixels that differ from the still (p, 3, s, s) count more."""
    changed = ((wanted - still[:, None]).abs().amax(dim=2, keepdim=True) > CHANGED).float()
    weight = 1 + (CHANGED_WEIGHT - 1) * changed
    return ((given - wanted).abs() * weight).sum() / weight.sum() / 3


def _lip_batch(clips: Sequence[LipClip]) -> CueBatch:
    nothing = torch.zeros(len(clips), dtype=torch.int64)
    return CueBatch(
        torch.stack([clip.features for clip in clips]), nothing, nothing, nothing,
        torch.stack([clip.still for clip in clips]), nothing, nothing, torch.stack([clip.pictures for clip in clips]),
    )


def _graphs(network: SmallPmmTalk) -> dict[str, GraphSpec]:
    config = network.config
    fusion, free = config.fusion, "frames"
    rng = torch.Generator().manual_seed(0)

    def rows(frames: int, width: int) -> Tensor:
        return torch.rand(1, frames, width, generator=rng)

    def cues(frames: int, past: int) -> tuple[Tensor, ...]:
        given = rows(frames, sum(fusion.widths.values()))
        style, first = network.fusion.styles.detach()[:1], torch.tensor([past])
        return given, style, first, rows(past, 2 * fusion.dim * fusion.layers)

    names = ("cues", "style", "first", "past")
    still = torch.rand(1, 3, SIDE, SIDE, generator=rng)
    given, other = rows(100, config.features), rows(CHECK_FRAMES, config.features)
    network.generator.requires_grad_(True)      # so that its weights are rounded as those of all others
    return {
        "decoder.onnx": GraphSpec(
            Streamed(network.fusion).train(False), dict(zip(names, cues(60, 20), strict=True)),
            {"cues": free, "past": "past"}, "hidden", cues(CHECK_FRAMES, 0),
        ),
        "text.onnx": GraphSpec(
            network.text, {"phones": rows(100, config.phones)}, {"phones": free}, "text",
            (rows(CHECK_FRAMES, config.phones),),
        ),
        "picture.onnx": GraphSpec(network.guess, {"features": given}, {"features": free}, "picture", (other,)),
        "lips.onnx": GraphSpec(
            WithStill(network).train(False), {"features": given, "still": still}, {"features": free}, "picture",
            (other, still),
        ),
    }


def _head_arrays(network: SmallPmmTalk) -> dict[str, np.ndarray]:
    head = network.fusion.heads[WHOLE_HEAD]
    assert isinstance(head, nn.Linear)
    weight, bias = head.weight.detach().numpy().T.copy(), head.bias.detach().numpy()
    columns = [ARKIT_52.index(name) for name in ARKIT_32]
    return {
        f"{HEAD}/W": weight[:, columns], f"{HEAD}/b": bias[columns],
        f"{WHOLE_HEAD}/W": weight, f"{WHOLE_HEAD}/b": bias,
    }


def _info(base: Model, network: SmallPmmTalk) -> dict[str, Any]:
    rate_hz, fusion = base.encoder.rate_hz, network.config.fusion
    resample = {"where": "none", "align_corners": False}
    heads = {HEAD: ARKIT_32, WHOLE_HEAD: ARKIT_52}
    return {
        "title": "PMMTalk: voice and transcript; mouth, jaw, cheeks, nose", "system": "pmmtalk",
        "licence": base.licence, "source": SOURCE.format(base.id), "sample_rate": SAMPLE_RATE_HZ,
        "normalise": base.normalise,
        "encoder": {"from": base.id, "sha256": dict(base.hashes)["encoder.onnx"], **asdict(base.encoder)},
        "heads": [
            {"id": name, "space": "blendshapes", "channels": list(channels), "fps": rate_hz, "resample": resample}
            for name, channels in heads.items()
        ],
        "identities": [
            {"id": name, "label": LABELS.get(name, name.title()), "group": "Styles"}
            for name in (PIVOT, *fusion.identities)
        ],
        "pivot": PIVOT, "default_head": HEAD, "phones": list(base.phones),
        "memory": {"width": 2 * fusion.dim * fusion.layers, "frames": (fusion.reach_frames or MAX_MEMORY_FRAMES) - 1},
    }
