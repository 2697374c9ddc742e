"""UniTalker's claims in small: its parts taken away one by one, on the eight sets that the project makes.

python -m tests.bench.learning WORK                what is not done yet, then the table; a cell is one run with one seed
python -m tests.bench.learning WORK --only pivot   cells whose name begins so
python -m tests.bench.learning WORK --table        the table of what is done
python -m tests.bench.learning WORK --speed        samples a second, and the share of time that the encoder takes
python -m tests.bench.learning WORK --front mel    the same behind mel bands, from which speech has yet to be learned

Tiny networks behind a frozen front end, that of the bundled model; its features are made once and kept. Errors are the
loss of test clips as a share of that of a face that stays neutral, so that sets of any unit compare; LVE are in units
of each set, squared. The paper's figures: Fan et al., "UniTalker" (ECCV 2024), tables 2 to 6.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from engine.learn.evaluate.face_metrics import EVERYWHERE, lip_vertex_error
from engine.learn.faces.made_sets import MADE, SETS, regions
from engine.learn.faces.prepared import Item, PreparedSet
from engine.learn.systems.face_losses import FaceSpace
from engine.learn.systems.unitalker import FaceTraining, SetSpec, UniTalkerRecipe, face_spaces
from engine.learn.train import loop
from engine.learn.train.finetune import FineTuning, finetune
from engine.learn.train.run import TrainConfig, load_run, read_config
from engine.nets.encoders import ENCODERS, SpeechEncoder
from engine.nets.layers import DilatedBlock, LogMel, PowerSpectrum, SlidingNorm
from engine.nets.spaces import PcaSpace
from engine.nets.unitalker import UniTalker
from engine.values.types import SAMPLE_RATE_HZ

RECIPE = Path(__file__).parents[2] / "engine" / "learn" / "recipes" / "a2f_small.toml"
SEEDS = (0, 1, 2)
SMALL: Mapping[str, object] = {"decoder_dim": 64, "style_dim": 16, "crop_s": 2.0}
ENCODER = {"model": "mini", "dilations": (1,)}
EPOCHS, LONGER = 10, 4          # of runs; a clip is visited as often by joint and single ones
FINE_EPOCHS = 8
UNSEEN = "M2_small_mesh"        # left out of the run that transfers to it
UNSEEN_STEPS = 120              # of a transfer, whatever its data
CLIPS = {"1": 24, "1/2": 12, "1/4": 6, "1/8": 3, "one-shot": 1}
FOLDERS = tuple(made.facts.folder for made in SETS)
SPEED_STEPS = 40
BUNDLED, MEL, MEL_FRAMES = "bundled", "mel", "mel_frames"
REAL_S, VOCASET_NUMBERS = 4, 15069
MEL_BANDS, MEL_CHANNELS, MEL_DILATIONS = 40, 96, (1, 2, 4, 1)

Figures = dict[str, object]


@dataclass(frozen=True)
class Bench:
    """Folders of the bench, and the front end that is frozen; cells lie in `cells`, runs in `runs`."""

    work: Path
    front: str = BUNDLED

    @property
    def front_kind(self) -> str:
        """Its name among the encoders."""
        return BUNDLED if self.front == BUNDLED else MEL_FRAMES

    @property
    def root(self) -> Path:
        """Folder of the made sets."""
        return self.work / MADE

    def cell(self, name: str, seed: int) -> Path:
        """File of a cell's figures."""
        return self.work / f"cells_{self.front}" / f"{name.replace('/', '_').replace(' ', '_')}-{seed}.json"

    def run(self, name: str, seed: int) -> Path:
        """Folder of a run."""
        return self.work / f"runs_{self.front}" / f"{name.replace(' ', '_')}-{seed}"


@dataclass(frozen=True)
class Watched(FaceTraining):
    """Training that notes what it scored after each epoch."""

    history: list[float] = field(default_factory=list)

    def score(self, network: UniTalker):  # type: ignore[no-untyped-def]
        """As the contract says."""
        found = super().score(network)
        if found is not None:
            self.history.append(-found.value)
        return found


VARIANTS: Mapping[str, Mapping[str, object]] = {
    "joint": {},
    "warm-up none": {"warm_up_epochs": 0},
    "pivot none": {"pivot_share": 0.0},
    "adaptor behind decoder": {"interpolate_pos": 2},
    "transformer": {"decoder_kind": "transformer"},
    "balance none": {"balance": False},
    "balance none, pca none": {"balance": False, "pca_dim": 0},
}
STRANGE = ("joint", "pivot none")       # runs whose sets are also tried with the styles of other sets


# --- cells ------------------------------------------------------------------------------------------------------------

def cells() -> Iterator[tuple[str, Callable[[Bench, str, int], Figures]]]:
    """(name, what makes its figures), those that others need first."""
    yield "joint", partial(joint, change=VARIANTS["joint"])
    for folder in FOLDERS:
        yield f"single {folder}", partial(joint, change={}, folders=(folder,))
        yield f"single-longer {folder}", partial(joint, change={}, folders=(folder,), epochs=LONGER * EPOCHS)
    yield "joint-longer", partial(joint, change={}, epochs=LONGER * EPOCHS)
    yield "base without", partial(joint, change={}, folders=tuple(one for one in FOLDERS if one != UNSEEN))
    yield "blank", blank
    for share, clips in CLIPS.items():
        for source, arm in (("base without", "transfer"), ("blank", "scratch")):
            yield f"{arm} {share}", partial(unseen, source=source, clips=clips, decoder_only=False)
    yield "decoder-only one-shot", partial(unseen, source="base without", clips=1, decoder_only=True)
    for name, change in VARIANTS.items():
        if name != "joint":
            yield name, partial(joint, change=change)
    yield "pivot's own style", pivot_row
    for folder in FOLDERS:
        yield f"fine {folder}", partial(fine, folder=folder)


def joint(
    bench: Bench, name: str, seed: int, *, change: Mapping[str, object], folders: Sequence[str] = FOLDERS,
    epochs: int = EPOCHS,
) -> Figures:
    """One model from some of the sets."""
    settings, recipe = base_recipe(bench, seed)
    sets = tuple(spec for spec in recipe.sets if spec.folder in folders)
    recipe = replace(recipe, sets=sets, **change)  # type: ignore[arg-type]
    training = recipe.prepare(bench.work, None)
    watched = Watched(training.recipe, training.train, training.val, training.spaces, training.still)
    loop.train(recipe, watched, replace(settings, epochs=epochs), bench.run(name, seed))
    return {**figures(bench, bench.run(name, seed), folders), "history": watched.history}


def blank(bench: Bench, name: str, seed: int) -> Figures:
    """A run that learned nothing: the same sizes and front end, for transfers from scratch."""
    settings, recipe = base_recipe(bench, seed)
    training = recipe.prepare(bench.work, None)
    loop.train(
        recipe, training, replace(settings, epochs=0, steps=1, checkpoint_steps=1, learning_rate=0.0),
        bench.run(name, seed),
    )
    return {}


def fine(bench: Bench, name: str, seed: int, *, folder: str) -> Figures:
    """The joint model goes on with one of its sets."""
    how = FineTuning(FINE_EPOCHS, seed=seed)
    run = finetune(str(bench.run("joint", seed)), SetSpec("a2f", folder), bench.root, how, bench.work)
    return figures(bench, run, (folder,))


def unseen(bench: Bench, name: str, seed: int, *, source: str, clips: int, decoder_only: bool) -> Figures:
    """An annotation that its source never saw: encoder of the source, decoder and head fresh."""
    steps = 1 if clips == 1 else -(-clips // base_recipe(bench, seed)[1].batch_size)
    how = FineTuning(UNSEEN_STEPS // steps, clips, decoder_only, fresh_decoder=True, seed=seed)
    run = finetune(str(bench.run(source, seed)), SetSpec("a2f", UNSEEN), bench.root, how, bench.work)
    return figures(bench, run, (UNSEEN,))


def pivot_row(bench: Bench, name: str, seed: int) -> Figures:
    """The joint model with the style of everybody, which is what a speaker that it never saw gets."""
    return figures(bench, bench.run("joint", seed), FOLDERS, pivot=True)


def base_recipe(bench: Bench, seed: int) -> tuple[TrainConfig, UniTalkerRecipe]:
    """The recipe of the made sets, smaller, one seed."""
    settings, recipe = read_config(RECIPE)
    assert isinstance(recipe, UniTalkerRecipe)
    encoder = ENCODER if bench.front == BUNDLED else {}
    small = replace(recipe, encoder_kind=bench.front_kind, encoder=encoder, **SMALL)  # type: ignore[arg-type]
    return replace(settings, seed=seed), small


class MelFrames(SpeechEncoder):
    """Mel bands are the frozen front; all that hears is learned."""

    context_s = None

    def __init__(self) -> None:
        super().__init__()
        self.power, self.mel = PowerSpectrum(), LogMel(MEL_BANDS, 60.0, 7600.0)
        self.norm = SlidingNorm(MEL_BANDS, 1.8)
        self.dim = MEL_CHANNELS
        self.listen = nn.Linear(2 * MEL_BANDS, MEL_CHANNELS)
        self.blocks = nn.ModuleList(DilatedBlock(MEL_CHANNELS, dilation) for dilation in MEL_DILATIONS)

    def front(self, wave: Tensor) -> Tensor:
        """(batch, samples) -> (batch, t, 2 MEL_BANDS)."""
        wave = nn.functional.pad(wave, (0, -wave.shape[1] % 320))
        bands: Tensor = self.norm(*self.mel(self.power(wave)))
        return bands.unflatten(2, (-1, 2)).permute(0, 2, 3, 1).flatten(2)

    def context(self, front: Tensor) -> Tensor:
        """(batch, t, 2 MEL_BANDS) -> (batch, t, dim)."""
        x = self.listen(front).transpose(1, 2)[:, :, None]
        for block in self.blocks:
            x = block(x)
        return x[:, :, 0].transpose(1, 2)

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, samples) -> (batch, t, dim)."""
        return self.context(self.front(wave))


# --- figures ----------------------------------------------------------------------------------------------------------

def figures(bench: Bench, run: Path, folders: Sequence[str], pivot: bool = False) -> Figures:
    """Errors and LVE of the test clips of each set; and those that the styles of other sets' speakers make.

    Args:
        pivot: all clips in the pivot's style.
    """
    recipe, network = load_run(run)
    assert isinstance(recipe, UniTalkerRecipe) and isinstance(network, UniTalker)
    own: dict[str, tuple[float, float]] = {}
    others: dict[str, tuple[float, float]] = {}
    for folder in folders:
        prepared = test_set(bench, folder)
        space = face_spaces([prepared], recipe, bench.root)[prepared.space.annotation]
        own[folder] = errors(network, recipe, space, prepared, lambda item, one=prepared: [
            recipe.row("" if pivot else f"{one.name}/{one.identities[item.row]}")
        ])
        strangers = first_rows(recipe, prepared.name)
        if not pivot and run.name.startswith(tuple(name.replace(" ", "_") + "-" for name in STRANGE)):
            others[folder] = errors(network, recipe, space, prepared, lambda item, rows=strangers: rows)
    return {
        "error": {name: found[0] for name, found in own.items()},
        "lve": {name: found[1] for name, found in own.items()},
        "other_error": {name: found[0] for name, found in others.items()},
        "other_lve": {name: found[1] for name, found in others.items()},
    }


@torch.no_grad()
def errors(
    network: UniTalker, recipe: UniTalkerRecipe, space: FaceSpace, prepared: PreparedSet,
    rows: Callable[[Item], list[int]],
) -> tuple[float, float]:
    """(loss as a share of that of a face that stays neutral, LVE), mean over the rows of each clip."""
    made = next(one for one in SETS if one.facts.id == prepared.name)
    lips = regions(made).get("lips", EVERYWHERE)
    weights = recipe.weights
    found, still, lve = 0.0, 0.0, []
    for item in prepared.items:
        front = torch.from_numpy(np.array(item.front))[None]
        truth = torch.from_numpy(np.array(item.motion))[None]
        template = torch.from_numpy(item.template)[None, None]
        wanted = space.vertices(truth)
        assert wanted is not None
        for row in rows(item):
            output = network.frames_of(front, truth.shape[1], torch.tensor([row]), prepared.space.annotation)
            motion = space.motion(output, template)
            given = space.vertices(motion)
            assert given is not None
            found += space.error(motion, truth, weights).item()
            still += space.error(template.expand_as(truth), truth, weights).item()
            lve.append(lip_vertex_error(wanted[0].numpy(), given[0].numpy(), lips))
    return found / still, float(np.mean(lve))


def first_rows(recipe: UniTalkerRecipe, name: str) -> list[int]:
    """Rows of the first speaker of every other set."""
    firsts: dict[str, int] = {}
    for row, identity in enumerate(recipe.identities):
        firsts.setdefault(identity.partition("/")[0], row)
    return [row for group, row in firsts.items() if group != name]


@cache
def test_set(bench: Bench, folder: str) -> PreparedSet:
    """The test clips of a set."""
    return base_recipe(bench, 0)[1].prepared(SetSpec("a2f", folder), "test", bench.root, bench.work)


# --- running ----------------------------------------------------------------------------------------------------------

def work_through(bench: Bench, only: str) -> None:
    """Make the cells that are not there yet, seed by seed."""
    bench.cell("", 0).parent.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        for name, make in cells():
            file = bench.cell(name, seed)
            if file.is_file() or not name.startswith(only):
                continue
            began_s = time.process_time()
            found = {**make(bench, name, seed), "seconds": time.process_time() - began_s}
            partial_file = file.with_suffix(".part")
            partial_file.write_text(json.dumps(found), encoding="utf-8")
            partial_file.replace(file)
            tell(f"{name} {seed}: {found['seconds']:.0f} s {shown(found)}")


def shown(found: Figures) -> str:
    """Errors of a cell in one line."""
    given = found.get("error", {})
    assert isinstance(given, dict)
    return " ".join(f"{name[:2]} {value:.3f}" for name, value in given.items())


# --- table and speed --------------------------------------------------------------------------------------------------

def table(bench: Bench) -> str:
    """Errors of what is done, mean and deviation over the seeds; one line a row, in Markdown."""
    rows = [("joint", "joint"), ("joint-longer", "joint-longer")]
    rows += [(f"{kind} sets, mean", kind) for kind in ("single", "single-longer", "fine")]
    rows += [(name, name) for name in (*VARIANTS, "pivot's own style") if name != "joint"]
    rows += [(f"{arm} {share}", f"{arm} {share}") for share in CLIPS for arm in ("transfer", "scratch")]
    rows += [("decoder-only one-shot", "decoder-only one-shot")]
    names = " ".join(folder[:2] for folder in FOLDERS)
    lines = [f"| | error | {names} | with other sets' speakers | seeds |", "|---|---|---|---|---|"]
    for title, name in rows:
        of_seeds = [found for found in (of_all_sets(bench, name, seed) for seed in SEEDS) if found]
        if of_seeds:
            lines.append(row_of(title, of_seeds))
    return "\n".join(lines)


def of_all_sets(bench: Bench, name: str, seed: int) -> dict[str, dict[str, float]]:
    """Figures of a cell; of one cell a set, where a row has a run for each, together; nothing where one is missing."""
    files = [bench.cell(name, seed)]
    if name in ("single", "single-longer", "fine"):
        files = [bench.cell(f"{name} {folder}", seed) for folder in FOLDERS]
    if not all(file.is_file() for file in files):
        return {}
    found: dict[str, dict[str, float]] = {}
    for file in files:
        for key, values in json.loads(file.read_text(encoding="utf-8")).items():
            if isinstance(values, dict):
                found.setdefault(key, {}).update(values)
    return found


def row_of(title: str, of_seeds: Sequence[Mapping[str, Mapping[str, float]]]) -> str:
    """One line of the table."""
    means = [float(np.mean(list(found["error"].values()))) for found in of_seeds]
    sets = [f"{np.mean([found['error'][folder] for found in of_seeds]):.3f}" for folder in of_seeds[0]["error"]]
    strange = [np.mean(list(found["other_error"].values())) for found in of_seeds if found["other_error"]]
    spread = f" ± {np.std(means, ddof=1):.4f}" if len(means) > 1 else ""
    other = f"{np.mean(strange):.3f}" if strange else ""
    return f"| {title} | {np.mean(means):.4f}{spread} | {' '.join(sets)} | {other} | {len(means)} |"


def speed(bench: Bench) -> str:
    """Clips a second of a step, and who takes its time; the front end hears a clip once, before."""
    _, recipe = base_recipe(bench, 0)
    training = recipe.prepare(bench.work, None)
    network = training.completed(recipe).build().train()
    optimizer = torch.optim.AdamW([weight for weight in network.parameters() if weight.requires_grad], 1e-4)
    spent = {"loading": 0.0, "encoder": 0.0, "all": 0.0}
    clips, began_s = 0, time.process_time()
    for step in range(SPEED_STEPS):
        start = time.process_time()
        batch = training.batch(step, step)
        spent["loading"] += time.process_time() - start
        clips += len(batch.identity)
        optimizer.zero_grad(set_to_none=True)
        training.losses(network, batch).total.backward()
        optimizer.step()
        spent["encoder"] += _encoder_s(network, batch.front)
    spent["all"] = time.process_time() - began_s - spent["encoder"]     # which was done once more to be timed
    item = training.train[0].items[0]
    wave = torch.zeros(1, item.samples)
    start = time.process_time()
    network.encoder.front(wave)
    heard_s = (time.process_time() - start) / (item.samples / SAMPLE_RATE_HZ)
    shares = f"{spent['encoder'] / spent['all']:.0%} in the encoder, {spent['loading'] / spent['all']:.0%} loading"
    return (
        f"{clips / spent['all']:.0f} clips of {recipe.crop_s:g} s a processor second, {shares}; "
        f"the frozen front end hears a second of sound in {1000 * heard_s:.0f} ms, once"
    )


def _encoder_s(network: UniTalker, front: Tensor) -> float:
    """Seconds of the trained part of the encoder, forward and back."""
    start = time.process_time()
    network.encoder.context(front).square().mean().backward()
    return time.process_time() - start


def real_step() -> str:
    """A step of the released sizes on this processor: WavLM Base+ with random weights, 512 components."""
    torch.manual_seed(0)
    network = UniTalkerRecipe(heads={"FLAME_5023_vertices": 512}, identities=("",) * 934).build().train()
    space = PcaSpace(torch.randn(512, VOCASET_NUMBERS), torch.zeros(VOCASET_NUMBERS))
    optimizer = torch.optim.AdamW([weight for weight in network.parameters() if weight.requires_grad], 1e-4)
    wave = torch.randn(1, REAL_S * SAMPLE_RATE_HZ)
    truth = torch.randn(1, 30 * REAL_S, VOCASET_NUMBERS)
    spent, counts = [], []
    for _ in range(2):          # the first one also reserves memory
        start = time.process_time()
        with FlopCounterMode(display=False) as counter:
            output = network.frames(wave, truth.shape[1], torch.tensor([0]), "FLAME_5023_vertices")
            (space.decode(output, torch.zeros(VOCASET_NUMBERS)) - truth).square().mean().backward()
        optimizer.step()
        spent.append(time.process_time() - start)
        counts.append(counter.get_total_flops())
    return (
        f"released sizes, {REAL_S} s of sound: {counts[1] / 1e9:.0f} billion operations a step, "
        f"{counts[1] / REAL_S / 1e9:.0f} a second of sound; {spent[1]:.1f} processor s here"
    )


def tell(text: str) -> None:
    """One line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """As the module's text says."""
    parser = argparse.ArgumentParser(description="UniTalker's claims in small.")
    parser.add_argument("work", type=Path, help="folder for sets, features, runs and figures")
    parser.add_argument("--only", default="", help="cells whose name begins so")
    parser.add_argument("--front", choices=(BUNDLED, MEL), default=BUNDLED, help="what is frozen before the networks")
    parser.add_argument("--table", action="store_true", help="the table of what is done, and nothing else")
    parser.add_argument("--speed", action="store_true", help="how fast a step is, and nothing else")
    options = parser.parse_args()
    torch.set_num_threads(1)
    ENCODERS[MEL_FRAMES] = lambda config: MelFrames(**config)  # type: ignore[index]
    bench = Bench(options.work.resolve(), options.front)
    if options.speed:
        tell(speed(bench))
        tell(real_step())
        return
    if not options.table:
        work_through(bench, options.only)
    tell(table(bench))


if __name__ == "__main__":
    main()
