"""The claims of the "2D-augmented" study in small: voice style against one-hot, pictures against none, joint training
with a clean codebook against a naive one. Three seeds; prints the table of docs/TRAINING.md.

    python -m tests.bench.claims_2d DATA [voice] [made] [grid_s1] [pictures]

DATA holds speech/ and paired/grid_s1, as evaluate's --data does. Voices are taught as learn/manners/voice_manners.py
changes them; those of speech/english_aligned are unseen. About 20 minutes of one core.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine import Settings, Waveform, animate_all, read_audio
from engine.audio.voice_manner import manner_statistics
from engine.learn.manners.voice_manners import MANNERS, manners_of, taught_voices, unseen_voices
from engine.learn.synth.utterance import Utterance
from engine.learn.systems.augmented2d import (
    VoiceStyle,
    codebook_losses,
    free_running_losses,
    talker_losses,
    with_pictures,
)
from engine.learn.systems.contract import Losses
from engine.learn.systems.photometric import Renderer, face_camera
from engine.model import runtime
from engine.model.folder import open_model
from engine.nets.codebook import CodebookSizes, CodeTalker, MotionCodebook
from engine.nets.faceformer import DecoderSizes, FaceFormer
from engine.nets.layers import resample
from engine.nets.unitalker import UniTalker, UniTalkerConfig
from engine.values.channels import ARKIT_52

from ..demo.chart_heads import test_head

SEEDS = (0, 420, 666)
FPS, FRAMES, DIM, BATCH = 25, 40, 32, 24
STEPS, CODE_STEPS, TALKER_STEPS, PICTURE_STEPS, UNITALKER_STEPS = 50, 300, 200, 40, 200
MOST_TAUGHT, MOST_UNSEEN = 170, 90
STYLE_OF = {"plain": "pivot", **{name: next(iter(styles), "pivot") for name, styles in MANNERS.items()}}
MOUTH_MM = 34.0                     # around the middle of the mouth
WRONG_REST, NOISE = 0.15, 0.03      # of a pseudo speaker's neutral face, of its tracking
MM2 = 1e-7 * 1e6                    # the study's weight of pictures, for squared millimetres
SMALL_SHARE = 0.01                  # of that weight, tried as well
Step = Callable[[Tensor], Losses]


@dataclass(frozen=True)
class Clips:
    """Clips of FRAMES frames: features (n, 2 FRAMES, c), motion (n, FRAMES, k), voice numbers (n, m), speaker (n,)."""

    features: Tensor
    motion: Tensor
    voice: Tensor
    speaker: list[str]

    def take(self, rows: list[int]) -> Clips:
        return Clips(self.features[rows], self.motion[rows], self.voice[rows], [self.speaker[row] for row in rows])


def main(data: Path, wanted: set[str]) -> None:
    """Run the wanted claims."""
    torch.set_num_threads(1)
    start = time.process_time()
    taught, unseen = made_clips(data / "speech")
    tell(f"clips: {len(taught.speaker)} taught, {len(unseen.speaker)} unseen, {time.process_time() - start:.0f} s")
    if "voice" in wanted:
        rows = {"one-hot": one_hot, "voice": by_voice}
        for name, run in rows.items():
            report("unseen voices", name, lambda seed, run=run: run(taught, unseen, seed))
    plain = [row for row, name in enumerate(taught.speaker) if name.endswith((" plain", " calm"))]
    test = unseen.take([row for row, name in enumerate(unseen.speaker) if name.endswith(" plain")])
    clean = taught.take(plain)
    sets = {"made": lambda: wrong_rest(taught, plain), "grid_s1": lambda: filmed(data / "paired/grid_s1", len(plain))}
    alone = {
        "FaceFormer, clean": lambda seed: faceformer(clean, None, test, seed),
        "CodeTalker, clean": lambda seed: codetalker(clean, None, test, seed, (False, False)),
        "UniTalker, clean": lambda seed: unitalker(clean, None, test, seed, False),
    }
    for name in alone if wanted & sets.keys() else ():
        report("clean data alone", name, alone[name])
    for what in sorted(wanted & sets.keys()):
        pseudo = sets[what]()
        arms = {
            "FaceFormer, naive joint": lambda s, p=pseudo: faceformer(clean, p, test, s),
            "CodeTalker, joint codebook": lambda s, p=pseudo: codetalker(clean, p, test, s, (True, False)),
            "CodeTalker, clean codebook": lambda s, p=pseudo: codetalker(clean, p, test, s, (False, False)),
            "the same, projected": lambda s, p=pseudo: codetalker(clean, p, test, s, (False, True)),
            "UniTalker, naive joint": lambda s, p=pseudo: unitalker(clean, p, test, s, False),
            "UniTalker, own head": lambda s, p=pseudo: unitalker(clean, p, test, s, True),
        }
        for name, run in arms.items():
            report(f"joint, pseudo {what}", name, run)
    if "pictures" not in wanted:
        return
    weights = {"none": 0.0, "pictures": MM2, "pictures, a hundredth": SMALL_SHARE * MM2}
    arms = {name: lambda seed, w=weight: pictures(clean, test, seed, w) for name, weight in weights.items()}
    for name, run in arms.items():
        report("vertices of the mouth", name, run)


def tell(text: str) -> None:
    """One line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def report(title: str, name: str, run: Callable[[int], float]) -> None:
    """Best, mean and deviation over the seeds, as soon as they are known."""
    e = np.array([run(seed) for seed in SEEDS])
    tell(f"| {title} | {name} | {e.min():.5f} | {e.mean():.5f} ± {e.std(ddof=1):.5f} |")


def features_of(samples: np.ndarray) -> Tensor:
    """(2 FRAMES, c) of the first FRAMES frames."""
    wave = np.zeros(2 * FRAMES * 320, np.float32)
    wave[:min(len(samples), len(wave))] = samples[:len(wave)]
    graph = runtime.open_graph(open_model("mini").encoder_file, "cpu", 1)
    return torch.from_numpy(graph.run({"wave": wave[None]})[0])


def made_clips(speech: Path) -> tuple[Clips, Clips]:
    """Voices in manners, with motion of the bundled model in the style that fits each manner: taught and unseen."""
    taught = versions(taught_voices(speech, speech / "none"), MOST_TAUGHT)
    unseen = versions(unseen_voices(speech, 1), MOST_UNSEEN)
    mean = torch.stack([clip[2] for clip in taught]).mean(0)
    scale = torch.stack([clip[2] for clip in taught]).std(0) + 1e-3
    return tuple(Clips(  # type: ignore[return-value]
        torch.stack([c[0] for c in clips]), torch.stack([c[1] for c in clips]),
        (torch.stack([c[2] for c in clips]) - mean) / scale, [c[3] for c in clips],
    ) for clips in (taught, unseen))


def versions(utterances: Iterator[Utterance], most: int) -> list[tuple[Tensor, Tensor, Tensor, str]]:
    """Features, motion, numbers of the voice and "voice manner" of each version that lasts as long as a clip."""
    rng = random.Random(0)
    found = []
    for utterance in utterances:
        for number, (manner, samples) in enumerate(manners_of(utterance, rng)):
            wave = Waveform(np.asarray(samples, np.float32))
            numbers = manner_statistics(wave)
            if numbers is None or len(samples) < 2 * FRAMES * 320:
                continue
            way = manner if number else "plain"
            settings = Settings(identity=STYLE_OF[way], raw=True, device="cpu", threads=1)
            motion = animate_all(Waveform(wave.samples[:2 * FRAMES * 320]), [settings])[0].motion.weights[::2][:FRAMES]
            name = f"{utterance.voice.replace(' ', '_')} {way}"
            found.append((features_of(wave.samples), torch.from_numpy(motion.copy()), torch.from_numpy(numbers), name))
    return rng.sample(found, min(most, len(found)))


def wrong_rest(clips: Clips, rows: list[int]) -> Clips:
    """Other clips of the same speakers as pseudo labels: each one's neutral face is wrong, and tracking is noisy."""
    others = clips.take([row for row in range(len(clips.speaker)) if row not in rows])
    generator = torch.Generator().manual_seed(1)
    voices = [name.split(" ")[0] for name in others.speaker]
    width = others.motion.shape[2]
    rests = {name: WRONG_REST * torch.randn(width, generator=generator) for name in dict.fromkeys(voices)}
    moved = others.motion + torch.stack([rests[name] for name in voices])[:, None]
    return Clips(others.features, moved + NOISE * torch.randn(moved.shape, generator=generator), others.voice, voices)


def filmed(grid: Path, count: int) -> Clips:
    """Clips of grid_s1 as they were tracked."""
    data = np.load(grid / "motion.npz", allow_pickle=False)
    names = [str(name) for name in data["names"]]
    columns = [names.index(name) if name in names else -1 for name in ARKIT_52]
    features, motions = [], []
    for number in range(1, 4 * count, 4):
        samples = read_audio(grid / "sound" / f"{data['clips'][number]}.opus").samples[16000 * 12 // 25:]
        first = int(data["start"][number]) + 12
        rows = data["curves"][first:first + FRAMES].astype(np.float32)
        motions.append(torch.from_numpy(np.where(np.array(columns) >= 0, rows[:, columns], 0).astype(np.float32)))
        features.append(features_of(samples))
    return Clips(torch.stack(features), torch.stack(motions), torch.zeros(len(motions), 1), ["s1"] * len(motions))


def train(network: nn.Module, step: Step, n_clips: int, steps: int, seed: int, rate: float = 3e-3) -> None:
    """Adam on batches drawn by the seed."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam([weight for weight in network.parameters() if weight.requires_grad], lr=rate)
    network.train()
    if isinstance(network, CodeTalker):
        network.codebook.eval()
    for number in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, 2 * (1 - number / steps))
        loss = step(torch.randint(n_clips, (min(BATCH, n_clips),), generator=generator)).total
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    network.eval()


def error(predicted: Tensor, target: Tensor) -> float:
    """LVE on channels: the largest squared difference of a frame, mean over frames."""
    return float(((predicted.clamp(0, 1) - target) ** 2).amax(-1).mean())


def one_hot(taught: Clips, unseen: Clips, seed: int) -> float:
    """A row for each speaker of the training; unseen ones get all rows in turn, as the study does it."""
    torch.manual_seed(seed)
    speakers = list(dict.fromkeys(taught.speaker))
    talker = FaceFormer(sizes(taught), taught.motion.shape[2], len(speakers))
    rows = torch.tensor([speakers.index(name) for name in taught.speaker])
    train(talker, lambda chosen: free_running_losses(
        talker, taught.features[chosen], talker.styles[rows[chosen]], taught.motion[chosen]
    ), len(rows), STEPS, seed)
    with torch.no_grad():
        tried = torch.linspace(0, len(speakers) - 1, 12).long()
        return float(np.mean([error(talker(
            unseen.features, talker.styles[row].expand(len(unseen.speaker), -1), FRAMES
        ), unseen.motion) for row in tried]))


def by_voice(taught: Clips, unseen: Clips, seed: int) -> float:
    """The style of each clip's own voice."""
    torch.manual_seed(seed)
    talker = FaceFormer(sizes(taught), taught.motion.shape[2], 1)
    voice = VoiceStyle(taught.voice.shape[1], DIM)
    both = nn.ModuleList([talker, voice])
    train(both, lambda chosen: free_running_losses(
        talker, taught.features[chosen], voice(taught.voice[chosen]), taught.motion[chosen]
    ), len(taught.speaker), STEPS, seed)
    with torch.no_grad():
        return error(talker(unseen.features, voice(unseen.voice), FRAMES), unseen.motion)


def sizes(clips: Clips) -> DecoderSizes:
    """Of a small decoder at 25 frames a second."""
    return DecoderSizes(clips.features.shape[2], DIM, 1, period=FPS, span=2)


def joined(clean: Clips, pseudo: Clips | None) -> tuple[Tensor, Tensor, Tensor, list[str]]:
    """Features, motion, which are pseudo, and speakers' names; both sets equally often."""
    if pseudo is None:
        count = len(clean.speaker)
        return clean.features, clean.motion, torch.zeros(count, dtype=torch.bool), ["clean"] * count
    rows = torch.arange(len(clean.speaker)) % len(pseudo.speaker)
    names = ["clean"] * len(rows) + [pseudo.speaker[row] for row in rows.tolist()]
    return (
        torch.cat([clean.features, pseudo.features[rows]]), torch.cat([clean.motion, pseudo.motion[rows]]),
        torch.arange(2 * len(rows)) >= len(rows), names,
    )


def faceformer(clean: Clips, pseudo: Clips | None, test: Clips, seed: int) -> float:
    """Naive joint training, or clean data alone; unseen clips get the style of the clean data."""
    torch.manual_seed(seed)
    features, motion, _, names = joined(clean, pseudo)
    known = list(dict.fromkeys(names))
    rows = torch.tensor([known.index(name) for name in names])
    talker = FaceFormer(sizes(clean), motion.shape[2], len(known))
    train(talker, lambda chosen: free_running_losses(
        talker, features[chosen], talker.styles[rows[chosen]], motion[chosen]
    ), len(rows), STEPS, seed)
    with torch.no_grad():
        return error(talker(test.features, talker.styles[0].expand(len(test.speaker), -1), FRAMES), test.motion)


def codetalker(clean: Clips, pseudo: Clips | None, test: Clips, seed: int, how: tuple[bool, bool]) -> float:
    """Two stages. how: whether the codebook learns pseudo labels too, whether these are projected."""
    torch.manual_seed(seed)
    features, motion, is_pseudo, names = joined(clean, pseudo)
    codebook = MotionCodebook(CodebookSizes(motion.shape[2], 4, 16, 64, 64, 2, 4, 96))
    seen = motion if how[0] else clean.motion
    train(codebook, lambda chosen: codebook_losses(codebook, seen[chosen]), len(seen), CODE_STEPS, seed)
    known = list(dict.fromkeys(names))
    rows = torch.tensor([known.index(name) for name in names])
    talker = CodeTalker(sizes(clean), codebook, len(known))
    train(talker, lambda chosen: talker_losses(
        talker, features[chosen], talker.styles[rows[chosen]], motion[chosen], is_pseudo[chosen] if how[1] else None
    ), len(rows), TALKER_STEPS, seed)
    predicted = talker(test.features, talker.styles[0].expand(len(test.speaker), -1).detach(), FRAMES)
    return error(predicted, test.motion)


def unitalker(clean: Clips, pseudo: Clips | None, test: Clips, seed: int, own_head: bool) -> float:
    """A decoder that is not autoregressive, with identities of their own for the pseudo labels, and a head or not."""
    torch.manual_seed(seed)
    features, motion, is_pseudo, names = joined(clean, pseudo)
    known = tuple(dict.fromkeys(names))
    rows = torch.tensor([known.index(name) for name in names])
    heads = dict.fromkeys(("clean", "pseudo") if own_head else ("clean",), motion.shape[2])
    network = UniTalker(UniTalkerConfig(
        encoder_kind="bundled", encoder={"model": "mini"}, decoder_dim=2 * DIM, style_dim=DIM, identities=known,
        heads=heads, interpolate_pos=1,
    ))

    def hidden(given: Tensor, row: Tensor) -> Tensor:
        return network.hidden(resample(given, FRAMES), FRAMES, network.styles[row])

    def losses(chosen: Tensor) -> Losses:
        given = hidden(features[chosen], rows[chosen])
        predicted = network.heads["clean"](given)
        if own_head:
            predicted = torch.where(is_pseudo[chosen][:, None, None], network.heads["pseudo"](given), predicted)
        error = nn.functional.mse_loss(predicted, motion[chosen])
        return Losses(error, {"motion": error})

    train(network, losses, len(rows), UNITALKER_STEPS, seed)
    with torch.no_grad():
        return error(network.heads["clean"](hidden(test.features, torch.zeros(len(test.speaker), dtype=torch.int64))),
                     test.motion)


def mouth() -> tuple[Tensor, Tensor, np.ndarray]:
    """Vertices (v, 3) in mm, shapes (52, v, 3) and triangles around the mouth of the test head."""
    head = test_head()
    near = np.linalg.norm((head.rest.positions - head.mouth) * [1, 0.4, 1], axis=1) < MOUTH_MM
    triangles = head.rest.triangles[near[head.rest.triangles].all(axis=1)]
    used = np.unique(triangles)
    number = np.full(len(head.rest.positions), -1)
    number[used] = np.arange(len(used))
    still = np.zeros((len(head.rest.positions), 3))
    moves = np.stack([head.shapes.get(name, still)[used] for name in ARKIT_52])
    rest = torch.tensor(head.rest.positions[used], dtype=torch.float32)
    return rest, torch.tensor(moves, dtype=torch.float32), number[triangles]


def pictures(clean: Clips, test: Clips, seed: int, weight: float) -> float:
    """A vertex head with or without the photometric loss; mean over frames of the largest squared distance, in mm."""
    torch.manual_seed(seed)
    rest, moves, triangles = mouth()
    renderer = Renderer(triangles, face_camera(rest, 64, "z"))
    flat = moves.flatten(1)
    talker = FaceFormer(sizes(clean), flat.shape[1], 1)

    def losses(chosen: Tensor) -> Losses:
        target = clean.motion[chosen[:8]] @ flat
        predicted = talker(clean.features[chosen[:8]], talker.styles.expand(8, -1), FRAMES)
        motion = nn.functional.mse_loss(predicted, target)
        found = Losses(motion, {"motion": motion})
        if not weight:
            return found
        ours, theirs = ((rest + part.flatten(0, 1).unflatten(1, (-1, 3))) for part in (predicted, target))
        return with_pictures(found, ours, theirs, renderer, weight)

    train(talker, losses, len(clean.speaker), PICTURE_STEPS, seed)
    with torch.no_grad():
        predicted = talker(test.features, talker.styles.expand(len(test.speaker), -1), FRAMES)
        apart = (predicted - test.motion @ flat).unflatten(2, (-1, 3)).square().sum(-1)
        return float(apart.amax(-1).mean())


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]) or {"voice", "made", "grid_s1", "pictures"})
