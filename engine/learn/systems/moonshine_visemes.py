"""The recipe of the bundled model: a frozen Moonshine front end, and curves of the viseme model as targets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...model.folder import open_model
from ...motion import lip_contact
from ...nets.encoders import RATE_HZ, SAMPLES_PER_FRAME, MoonshineEncoder
from ...nets.moonshine_weights import load_front_end
from ...nets.unitalker import UniTalker, UniTalkerConfig
from ...values.channels import ARKIT_52
from ...values.errors import SettingError
from ...values.types import SAMPLE_RATE_HZ, Motion
from ..data.batches import STYLE_NAMES, Batch, SceneBatches, frame_labels
from ..data.recordings import Clip, RealSpeech
from ..data.scenes import Corpus, make_scenes
from ..evaluate.metrics import CLOSURE_TIMES, measure, seen_mouth
from ..synth.corpus import make_corpus
from ..synth.phones import PHONES
from ..visemes.curves import CURVES, arkit_columns
from .contract import FolderSpec, GraphSpec, Judgement, Losses, Recipe, Training
from .losses import CurveScale, LossWeights, curve_loss, phone_loss
from .start_from import start_from

HEAD, PIVOT = "arkit52", "pivot"
CHOOSING = "speech/english_aligned"  # of the recordings: half of its voices choose the checkpoint
IMPORTANCE = {  # of a curve against the others, which have 1: a missed contact is seen first, a shrug hardly
    "mouthClose": 2.0, "mouthPress": 2.0, "jawForward": 0.3, "mouthDimple": 0.3,
    "mouthShrugLower": 0.3, "mouthShrugUpper": 0.3, "mouthRollUpper": 0.5,
    "cheekPuff": 0.2, "cheekSquint": 0.2, "noseSneer": 0.2, "tongueOut": 0.4, "mouthFrown": 0.2,
}
PHONE_WEIGHT = 10.0  # of the phones that are recognised, in the score of a checkpoint
SCALE_BATCHES = 12  # from which the variance of each channel is measured

WINDOW_S = 30.0
ATTENTION_WINDOW_S, ATTENTION_OVERLAP_S = 16.0, 2.0   # of an encoder that sees a whole window: windows are cross-faded
CHECK_S = 7.0
LABELS = {
    PIVOT: "Neutral (pivot)", "relaxed": "Relaxed", "clear": "Clear", "wide": "Wide", "rounded": "Rounded",
    "soft": "Soft", "energetic": "Energetic",
}
SOURCE = "UniTalker (ECCV 2024) architecture, trained on free speech programs and recordings"
FRONT_END_SOURCE = " on the encoder of Moonshine Tiny (arXiv 2410.15608), which is MIT-licensed and unchanged"


@dataclass(frozen=True)
class MoonshineVisemes(Recipe[UniTalker, Batch]):
    """A small UniTalker.

    Attributes:
        corpus_scale: 1 is the whole corpus and all scenes.
        scenes_hours: length of all scenes.
        shares: part of the scenes' utterances from shards whose name begins so; the others share the rest by their
            number.
        batch_size, crop_s: crops of crop_s seconds.
        pivot_share: share of the crops whose identity is replaced by the pivot (random_id_prob).
        start_from: model folder, or its id, with whose weights a new run begins; empty begins with random ones.
        frozen_encoder: leave the encoder of start_from as it is, byte for byte; its features are made with the scenes.
        phone_channels: as UniTalkerConfig's.
        encoder_kind, encoder: name among engine/nets' encoders and the fields of its config.
    """

    corpus_scale: float = 1.0
    scenes_hours: float = 25.0
    shares: dict[str, float] = field(default_factory=dict)
    batch_size: int = 10
    crop_s: float = 6.0
    pivot_share: float = 0.1
    start_from: str = ""
    frozen_encoder: bool = False
    phone_channels: int = 0
    decoder_dim: int = 192
    style_dim: int = 32
    encoder_kind: str = "moonshine"
    encoder: dict[str, Any] = field(default_factory=dict)
    loss: LossWeights = field(default_factory=LossWeights)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> MoonshineVisemes:
        """As the contract says; `loss` holds the fields of LossWeights."""
        return cls(**{**fields, "loss": LossWeights(**fields.get("loss", {}))})

    def build(self) -> UniTalker:
        """The network with fresh weights, those of the frozen front end too."""
        return UniTalker(UniTalkerConfig(
            encoder_kind=self.encoder_kind, encoder=self.encoder, decoder_dim=self.decoder_dim,
            style_dim=self.style_dim,
            identities=STYLE_NAMES, heads={HEAD: len(ARKIT_52)}, phones=len(PHONES),
            phone_channels=self.phone_channels,
        ))

    def load_published(self, network: UniTalker) -> None:
        """The weights of the frozen front end, and of start_from. Raises SettingError where they are missing."""
        if self.frozen_encoder and not self.start_from:
            raise SettingError("frozen_encoder needs the encoder of a model. Name its folder in start_from.")
        if isinstance(network.encoder, MoonshineEncoder):
            load_front_end(network.encoder.front_end)
        if self.start_from:
            start_from(network, open_model(self.start_from).folder)
        if self.frozen_encoder:
            network.encoder.requires_grad_(False)

    def front_end(self) -> nn.Module | None:
        """The frozen part of the encoder with its weights, or all of it; None where there is none."""
        network = self.build()
        self.load_published(network)
        if self.frozen_encoder:
            return network.encoder.eval()
        return network.encoder.front_end.eval() if isinstance(network.encoder, MoonshineEncoder) else None

    def prepare(self, work: Path, recordings: Path | None) -> SceneTraining:
        """Make corpus and scenes. Raises EngineError: a speech program, or the front end's package, is missing."""
        front_end = self.front_end()    # first: a missing package is found before hours of work
        make_corpus(work / "corpus", self.corpus_scale, recordings)
        corpus = Corpus(work / "corpus", self.shares)
        make_scenes(corpus, work / "scenes", self.scenes_hours * self.corpus_scale, front_end)
        return SceneTraining.open(self, work / "scenes", recordings / CHOOSING if recordings else None)

    def folder(self, network: UniTalker) -> FolderSpec:
        """Encoder, decoder and phone graph, one linear head, and the styles with the pivot in the first row."""
        order = [network.pivot_index, *range(len(network.config.identities))]
        styles = network.styles.detach().numpy()[order]
        graphs, copies = _graphs(network), {}
        if self.frozen_encoder:
            del graphs["encoder.onnx"]
            copies["encoder.onnx"] = open_model(self.start_from).folder / "encoder.onnx"
        return FolderSpec(
            graphs, {"heads.npz": _head_arrays(network), "identities.npy": styles}, _info(network), copies
        )


@dataclass(frozen=True)
class SceneTraining(Training[UniTalker, Batch]):
    """Random crops of scenes; `speech` judges the checkpoints where it is given."""

    batches: SceneBatches
    scale: CurveScale
    weights: LossWeights
    speech: RealSpeech | None
    frozen_encoder: bool = False

    @classmethod
    def open(cls, recipe: MoonshineVisemes, scenes: Path, speech: Path | None = None) -> SceneTraining:
        """Open scenes that are there. Raises EngineError: there are none, or none as long as a crop."""
        batches = SceneBatches(scenes, recipe.crop_s, recipe.batch_size, recipe.pivot_share)
        read = RealSpeech.read(speech) if speech else None
        return cls(batches, curve_scale(batches), recipe.loss, read, recipe.frozen_encoder)

    def batch(self, step: int, seed: int) -> Batch:
        """Crops drawn by the seed alone."""
        return self.batches.batch(seed)

    def losses(self, network: UniTalker, batch: Batch) -> Losses:
        """Of the curves, and of the phones by their weight."""
        assert network.phone_head is not None
        features = batch.front_end if self.frozen_encoder else _features(network, batch)
        output = network.from_features(features, batch.identity, HEAD).float()
        logits = network.phone_head(features).float()
        curves = curve_loss(output, to_arkit_tensor(batch.curves), self.scale, self.weights.change)
        phones = phone_loss(logits, batch.phones, self.weights.label_smoothing)
        return Losses(curves + self.weights.phones * phones, {"curves": curves, "phones": phones})

    def score(self, network: UniTalker) -> Judgement | None:
        """On the half of the real voices that chooses checkpoints."""
        return validate(network, HEAD, self.speech) if self.speech else None


def to_arkit_tensor(curves: Tensor) -> Tensor:
    """(b, t, len(CURVES)) -> (b, t, 52), as visemes.to_arkit."""
    columns = torch.from_numpy(arkit_columns())
    weights = torch.zeros(*curves.shape[:2], len(ARKIT_52))
    weights[:, :, columns >= 0] = curves[:, :, columns[columns >= 0]]
    return weights


def overlap_s(context_s: float) -> float:
    """Shortest overlap of windows that hides their edges: twice the reach, in whole frames."""
    return math.ceil(2 * context_s * RATE_HZ - 1e-6) / RATE_HZ


def _features(network: UniTalker, batch: Batch) -> Tensor:
    """Of the encoder; the front end's part was made before, with the scenes."""
    if isinstance(network.encoder, MoonshineEncoder):
        return network.encoder.from_front_end(batch.front_end, batch.wave)
    features: Tensor = network.encoder(batch.wave)
    return features


def curve_scale(batches: SceneBatches) -> CurveScale:
    """Channel variances from a few batches of targets; a left and a right channel share one curve's importance."""
    curves = torch.cat([to_arkit_tensor(batches.batch(seed).curves) for seed in range(SCALE_BATCHES)])
    columns = arkit_columns()
    sides = torch.tensor([max(int((columns == c).sum()), 1) for c in columns], dtype=torch.float32)
    importance = torch.tensor([IMPORTANCE.get(CURVES[c], 1.0) if c >= 0 else 1.0 for c in columns])
    return CurveScale(curves, importance / sides)


def _graphs(network: UniTalker) -> dict[str, GraphSpec]:
    frames = 4 * RATE_HZ
    wave, features = torch.zeros(1, frames * SAMPLES_PER_FRAME), torch.zeros(1, frames, network.encoder.dim)
    style, free = torch.zeros(1, network.styles.shape[1]), {"features": "frames"}
    check_wave, check_style = _check_wave(), network.styles.detach()[:1]
    with torch.no_grad():
        check_features = network.encoder(check_wave)
    graphs = {
        "encoder.onnx": GraphSpec(network.encoder, {"wave": wave}, {"wave": "samples"}, "features", (check_wave,)),
        "decoder.onnx": GraphSpec(
            network.decoder, {"features": features, "style": style}, free, "hidden", (check_features, check_style),
        ),
    }
    if network.phone_head is not None:
        graphs["phones.onnx"] = GraphSpec(network.phone_head, {"features": features}, free, "phones", (check_features,))
    return graphs


def _check_wave() -> Tensor:
    """A noisy sweep with swells, (1, n)."""
    n = round(CHECK_S * RATE_HZ) * SAMPLES_PER_FRAME
    seconds = torch.arange(n) / SAMPLE_RATE_HZ
    hiss = torch.randn(n, generator=torch.Generator().manual_seed(0))
    wave = 0.1 * torch.sin(2 * math.pi * (200 + 150 * seconds) * seconds) + 0.01 * hiss
    return (wave * (0.5 + 0.5 * torch.sin(2 * math.pi * 3 * seconds)))[None]


def _head_arrays(network: UniTalker) -> dict[str, np.ndarray]:
    arrays = {}
    for name, head in network.heads.items():
        assert isinstance(head, nn.Linear)
        arrays[f"{name}/W"] = head.weight.detach().numpy().T.copy()
        arrays[f"{name}/b"] = head.bias.detach().numpy()
    return arrays


def _info(network: UniTalker) -> dict[str, Any]:
    reach_s = network.context_s
    window_s, shared_s = ATTENTION_WINDOW_S, ATTENTION_OVERLAP_S
    if reach_s is not None:
        window_s, shared_s = WINDOW_S, overlap_s(reach_s)
    has_front_end = isinstance(network.encoder, MoonshineEncoder)
    return {
        "title": "Mini", "system": "unitalker",
        "licence": "GPL-3.0-or-later AND MIT" if has_front_end else "GPL-3.0-or-later",
        "source": SOURCE + FRONT_END_SOURCE * has_front_end, "sample_rate": SAMPLE_RATE_HZ, "normalise": "none",
        "encoder": {
            "rate_hz": RATE_HZ, "window_s": window_s, "overlap_s": shared_s, "context_s": reach_s and round(reach_s, 6),
        },
        "heads": [_head_info(name) for name in network.config.heads],
        "identities": [
            {"id": name, "label": LABELS.get(name, name.title()), "group": "Styles"}
            for name in (PIVOT, *network.config.identities)
        ],
        "pivot": PIVOT, "default_head": HEAD, "phones": list(PHONES) if network.phone_head is not None else [],
    }


def _head_info(name: str) -> dict[str, Any]:
    resample = {"where": "none", "align_corners": False}
    return {"id": name, "space": "blendshapes", "channels": list(ARKIT_52), "fps": RATE_HZ, "resample": resample}


def validate(network: UniTalker, head: str, speech: RealSpeech) -> Judgement:
    """Run the pivot on the first half of the voices, with the engine's help at lip contacts.

    The score adds what a viewer sees first. Those measures have a few hundred events, so near the end they differ by
    chance only; the share of frames whose phone is recognised, which has thousands, decides then.
    """
    half = speech.half_of_the_voices(second=False)
    mouths, right = {}, []
    with torch.no_grad():
        for clip in half.clips:
            weights, logits = _run(network, head, clip)
            right.append(logits.argmax(axis=1) == frame_labels(list(clip.phones), len(logits)))
            helped = lip_contact.close_lips(
                Motion(weights, tuple(ARKIT_52), float(RATE_HZ)), lip_contact.contact_scores(logits, tuple(PHONES))
            )
            mouths[clip.name] = seen_mouth(helped.weights, ARKIT_52)
    m, known = measure(mouths, half.phones), float(np.concatenate(right).mean())
    late_ms = float(np.nanmean([abs(getattr(m, name)) for name in CLOSURE_TIMES]))
    seen = 2 * m.closure_auc + m.open_auc + m.round_auc + m.pbm_recall + m.closure_precision + m.fv_recall
    seen -= late_ms / 100
    line = (f"phones {known:.3f} pbm {m.pbm_recall:.2f} auc {m.closure_auc:.3f} precision {m.closure_precision:.2f} fv "
            f"{m.fv_recall:.2f}/{m.fv_precision:.2f} round {m.round_recall:.2f}/{m.round_false:.2f} open "
            f"{m.open_auc:.2f} silence {m.silence_shut:.2f} vowels shut {m.vowels_shut:.3f} closures off by "
            f"{late_ms:.0f} ms")
    return Judgement(seen + PHONE_WEIGHT * known, line)


def _run(network: UniTalker, head: str, clip: Clip) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (t, 52) and phone logits (t, p) of a clip."""
    assert network.phone_head is not None
    wave = torch.zeros(1, clip.frames * SAMPLES_PER_FRAME)
    wave[0, :clip.samples.size] = torch.from_numpy(clip.samples)
    features = network.encoder(wave)
    weights = network.from_features(features, torch.tensor([network.pivot_index]), head)[0].clamp(0, 1)
    return weights.numpy(), network.phone_head(features)[0].numpy()
