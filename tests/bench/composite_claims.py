"""The claims of the Composite and Regional paper, in small: reference, regulariser, the paper's variant, warm-up.

    python -m tests.bench.composite_claims PERFORMANCES [--steps 200]     that `train weights/composite.toml` made

Each variant trains with three seeds on the same manners and is judged on manners that it never saw: error of the
channels as a share of that of their mean, and the mean over the frames' largest error. The encoder itself is frozen;
for the warm-up a layer on its features, which changes nothing at first, stands for it. PERFORMANCES is not in the
repository.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from engine.learn.manners.performances import Performances, load_performances
from engine.learn.systems.composite import CompositeManners, PerformanceTraining, draw_batch

SMALL = CompositeManners(width=32, style_width=48, batch_size=6, crop_s=2.0, reference_s=(2.0, 8.0), plain_share=0.05)
VARIANTS: Mapping[str, CompositeManners] = {
    "full": SMALL, "without the reference": replace(SMALL, without_reference=True),
    "without the regulariser": replace(SMALL, sparsity=0.0), "the paper's variant": replace(SMALL, paper=True),
}
# From which share of the steps on the layer on the features trains. The paper: after 11 of 110 epochs.
WARM_UPS = {"trainable features, no warm-up": 0.0, "trainable features, warm-up": 0.1}
SEEDS, HELD_OUT, JUDGED = (1, 2, 3), 100, 12


@dataclass(frozen=True)
class Schedule:
    """How many steps, and from which share of them on the features train; None: never."""

    steps: int
    features_from: float | None = None


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("performances", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--only-warm-up", action="store_true", help="the last two rows alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = load_performances(options.performances, SMALL.encoder)
    taught = replace(known, drawn=known.drawn[:-HELD_OUT], real=())
    unseen = replace(known, drawn=known.drawn[-HELD_OUT:], real=())
    print("| variant | error, mean and deviation of three seeds | largest error of a frame | embedding below 5 % |")
    print("|---|---|---|---|")
    plain = {} if options.only_warm_up else VARIANTS
    rows_of = {name: (recipe, Schedule(options.steps)) for name, recipe in plain.items()}
    rows_of |= {name: (SMALL, Schedule(options.steps, share)) for name, share in WARM_UPS.items()}
    for name, (recipe, schedule) in rows_of.items():
        rows = np.array([_figures(recipe, taught, unseen, seed, schedule) for seed in SEEDS])
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        cells = [f"{value:.3f} ± {around:.3f}" for value, around in zip(mean, spread, strict=True)]
        print("| " + " | ".join([name, *cells]) + " |", flush=True)


def _figures(
    recipe: CompositeManners, taught: Performances, unseen: Performances, seed: int, schedule: Schedule,
) -> tuple[float, float, float]:
    torch.manual_seed(seed)
    network, training = recipe.build().train(), PerformanceTraining.open(recipe, taught)
    layer = _features_layer(network.composite.config.feature_dim)
    optimizer = torch.optim.Adam([*network.parameters(), *layer.parameters()], lr=2e-3)
    for step in range(schedule.steps):
        trains = schedule.features_from is not None and step >= schedule.features_from * schedule.steps
        layer.requires_grad_(trains)
        optimizer.zero_grad()
        batch = training.batch(step, 1000 * seed + step)
        training.losses(network, replace(batch, features=layer(batch.features))).total.backward()
        torch.nn.utils.clip_grad_norm_([*network.parameters(), *layer.parameters()], 1.0)
        optimizer.step()
    network.eval()
    errors, largest, spreads = [], [], []
    for number in range(JUDGED):
        batch = draw_batch(unseen, replace(recipe, plain_share=0.0, other_share=1.0), 10_000 + number)
        with torch.no_grad():
            style = network.style(batch.reference)
            style = network.null_style.expand_as(style) if recipe.without_reference else style
            difference = network(layer(batch.features), style) - batch.target
        errors.append(float((difference ** 2).mean()))
        largest.append(float(difference.abs().amax(dim=2).mean()))
        spreads.append(float(((batch.target - batch.target.mean(dim=(0, 1))) ** 2).mean()))
    weights = network.composite.template_layer.weight.detach().abs()
    small = float((weights < 0.05 * weights.amax(dim=1, keepdim=True)).float().mean())
    return float(np.mean(errors) / np.mean(spreads)), float(np.mean(largest)), small


def _features_layer(dim: int) -> torch.nn.Linear:
    """A layer that changes nothing as long as it does not train."""
    layer = torch.nn.Linear(dim, dim)
    torch.nn.init.eye_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    return layer


if __name__ == "__main__":
    main()
