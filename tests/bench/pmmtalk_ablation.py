"""PMMTalk's ablation in small: what each cue and each loss brings to voices that were not trained on.

    python -m tests.bench.pmmtalk_ablation CORPUS CHECKPOINT --json docs/figures/pmmtalk_ablation.json

Trains on men of the made corpus; measures LVE and ALE of the 32 channels on another man (cross-speaker) and on women
(cross-gender). Features, phone scores and the talking lips of CHECKPOINT's generator are made once.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.learn.evaluate.face_metrics import largest_channel_error, mean_channel_error
from engine.learn.synth.utterance import load_shard
from engine.learn.systems.cue_alignment import CueWeights, alignment_losses, motion_losses, weighted
from engine.learn.systems.pmmtalk import SharedEncoder, phone_probabilities
from engine.learn.train.run import load_run
from engine.learn.visemes.curves import to_arkit, viseme_curves
from engine.learn.visemes.styles import NEUTRAL
from engine.model.folder import open_model
from engine.nets.pmmtalk import AUDIO, CUES, PICTURE, TEXT
from engine.nets.pmmtalk_small import SmallConfig, SmallPmmTalk
from engine.values.channels import ARKIT_32, ARKIT_52

MEN = ("flite_rms", "espeak_en-us", "jtalk_nitech-m001")
TESTS = {"cross-speaker": ("real_matthes-en",), "cross-gender": ("flite_slt", "real_kathleen-en")}
SECONDS, TEST_SECONDS = 60.0, 30.0      # of each voice
FRAMES, CROPS, STEPS, SEEDS, LEARNING_RATE = 100, 4, 100, 3, 3e-3
SIZES = {
    "cue_dim": 24, "style_dim": 8, "align_dim": 24, "text_dim": 24, "picture_dim": 24, "guess_dim": 24, "period": 50,
}
VARIANTS: Mapping[str, tuple[str, ...]] = {
    "all": (), "without text": (TEXT,), "without audio": (AUDIO,), "without picture": (PICTURE,),
    "without temporal loss": ("temporal",), "without semantic loss": ("semantic",), "without motion loss": ("motion",),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spoken:
    """One utterance: features (t, c), phone probabilities (t, p), pictures (t / 2, 3, s, s), channels (t, 32)."""

    features: Tensor
    phones: Tensor
    pictures: Tensor
    channels: Tensor


def read(
    corpus: Path, voices: Sequence[str], seconds: float, generator: torch.nn.Module, still: Tensor,
) -> list[Spoken]:
    """The first utterances of some voices, at least so many seconds of each."""
    model = open_model("mini")
    encoder, columns = SharedEncoder(model), [ARKIT_52.index(name) for name in ARKIT_32]
    found = []
    for voice in voices:
        left = seconds
        for utterance in load_shard(sorted(corpus.glob(f"{voice}_*.npz"))[0]):
            n = utterance.samples.size // 640 * 640
            if left <= 0 or n < FRAMES * 320:
                continue
            left -= n / 16000
            wave = torch.from_numpy(utterance.samples[:n].astype(np.float32) / 32768)
            with torch.no_grad():
                features = encoder(wave[None])
                pictures = generator(features, still)[0]
            curves = to_arkit(viseme_curves(list(utterance.phones), 50, n // 320, NEUTRAL))[:, columns]
            phones = phone_probabilities(features.numpy(), model)[0]
            found.append(Spoken(features[0], phones, pictures, torch.from_numpy(curves)))
    return found


def train(network: SmallPmmTalk, clips: Sequence[Spoken], without: tuple[str, ...], seed: int) -> None:
    """Train on random crops by the paper's losses and weights; what is left out takes its pairs with it."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.Adam([p for n, p in network.named_parameters() if "generator" not in n], LEARNING_RATE)
    weights = replace(CueWeights(), **{name: 0.0 for name in without if name not in CUES})
    for _ in range(STEPS):
        crops = []
        for clip in (clips[number] for number in rng.integers(len(clips), size=CROPS)):
            first = 2 * int(rng.integers((len(clip.features) - FRAMES) // 2 + 1))
            last = first + FRAMES
            crops.append(Spoken(
                clip.features[first:last], clip.phones[first:last], clip.pictures[first // 2:last // 2],
                clip.channels[first:last],
            ))
        given = cues(network, [crop.features for crop in crops], crops, without)
        target = torch.stack([crop.channels for crop in crops])
        parts = {**motion_losses(run(network, given), target), **alignment_losses(network.fusion.aligned(given))}
        optimizer.zero_grad()
        weighted(parts, weights).backward()
        optimizer.step()


def cues(
    network: SmallPmmTalk, features: Sequence[Tensor], clips: Sequence[Spoken], without: tuple[str, ...],
) -> dict[str, Tensor]:
    """The cues that are not left out, (b, t, width) each."""
    given = {
        AUDIO: lambda: torch.stack(list(features)),
        TEXT: lambda: network.text(torch.stack([clip.phones for clip in clips])),
        PICTURE: lambda: network.reader(torch.stack([clip.pictures for clip in clips])),
    }
    return {cue: make() for cue, make in given.items() if cue not in without}


def run(network: SmallPmmTalk, given: Mapping[str, Tensor]) -> Tensor:
    """Channels (b, t, 32) of the null style."""
    fusion = network.fusion
    projected = {cue: fusion.projected(cue, rows) for cue, rows in given.items()}
    batch = len(next(iter(given.values())))
    return fusion(projected, fusion.styles[fusion.null_style].expand(batch, -1), "arkit32")


def errors(network: SmallPmmTalk, clips: Sequence[Spoken], without: tuple[str, ...]) -> dict[str, float]:
    """LVE and ALE in hundredths, over all frames."""
    network.eval()
    with torch.no_grad():
        outputs = [run(network, cues(network, [clip.features], [clip], without))[0].clamp(0, 1) for clip in clips]
    network.train()
    truth, given = torch.cat([clip.channels for clip in clips]).numpy(), torch.cat(outputs).numpy()
    return {"LVE": 100 * largest_channel_error(truth, given), "ALE": 100 * mean_channel_error(truth, given)}


def main() -> None:
    """Train all variants with all seeds, and write the table's figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    _, whole = load_run(options.checkpoint)
    still = torch.full((1, 3, 48, 48), 0.4)
    clips = read(options.corpus, MEN, SECONDS, whole.generator, still)
    tests = {name: read(options.corpus, voices, TEST_SECONDS, whole.generator, still) for name, voices in TESTS.items()}
    features, phones = clips[0].features.shape[1], clips[0].phones.shape[1]
    results: dict[str, dict[str, dict[str, list[float]]]] = {}
    for seed in range(SEEDS):
        for variant, without in VARIANTS.items():
            torch.manual_seed(seed)
            network = SmallPmmTalk(SmallConfig.of(features, phones, ("all",), {"arkit32": 32}, SIZES)).train()
            train(network, clips, without, seed)
            for test, spoken in tests.items():
                for measure, value in errors(network, spoken, without).items():
                    results.setdefault(variant, {}).setdefault(f"{test} {measure}", []).append(value)
            log.info("%d %s %s", seed, variant, {name: values[-1] for name, values in results[variant].items()})
    still_face = np.concatenate([clip.channels.numpy() for clip in clips]).mean(axis=0)
    for test, spoken in tests.items():
        truth = torch.cat([clip.channels for clip in spoken]).numpy()
        mean = np.broadcast_to(still_face, truth.shape)
        constant = {"LVE": largest_channel_error(truth, mean), "ALE": mean_channel_error(truth, mean)}
        for measure, value in constant.items():
            results.setdefault("the mean face", {})[f"{test} {measure}"] = [100 * value]
    sizes = {
        "voices": list(MEN), "tests": {name: list(voices) for name, voices in TESTS.items()},
        "seconds": sum(len(clip.features) for clip in clips) / 50,
        "test_seconds": {name: sum(len(clip.features) for clip in spoken) / 50 for name, spoken in tests.items()},
        "steps": STEPS, "crops": CROPS, "frames": FRAMES, "seeds": SEEDS, "sizes": SIZES,
    }
    options.json.write_text(json.dumps({"sizes": sizes, "results": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
