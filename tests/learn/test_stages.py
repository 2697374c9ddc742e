"""Stages of a run: what each trains, that its optimizer is fresh, that a resumed run does not notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.learn.systems.contract import FolderSpec, Losses, Recipe, Stage, Training
from engine.learn.train import loop
from engine.learn.train.run import LAST, TrainConfig

SECOND_STAGE = 3
SETTINGS = TrainConfig(
    steps=6, learning_rate=0.01, weight_decay=0.0, warmup_steps=0, decay=False, ema=0.0, gradient_norm=0.0,
    checkpoint_steps=1,
)


class Line(Training[nn.Module, Tensor]):
    """Fits y = 3 x; first the head alone, then everything."""

    stages = (Stage(0, lambda name: name.startswith("head")), Stage(SECOND_STAGE, lambda name: True))

    def batch(self, step: int, seed: int) -> Tensor:
        return torch.linspace(-1, 1, 8)[:, None] * (step + 1)

    def losses(self, network: nn.Module, batch: Tensor) -> Losses:
        error = (network(batch) - 3 * batch).square().mean()
        return Losses(error, {"error": error})


@dataclass(frozen=True)
class LineRecipe(Recipe[nn.Module, Tensor]):
    """Two layers, and a bias that the network froze itself."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> LineRecipe:
        return cls()

    def build(self) -> nn.Module:
        network = nn.Sequential()
        network.add_module("body", nn.Linear(1, 4))
        network.add_module("head", nn.Linear(4, 1))
        network.head.bias.requires_grad_(False)
        return network

    def prepare(self, work: Path, recordings: Path | None) -> Line:
        return Line()

    def folder(self, network: nn.Module) -> FolderSpec:
        raise NotImplementedError


def trained(folder: Path, steps: int = SETTINGS.steps) -> dict[str, Any]:
    loop.train(LineRecipe(), Line(), replace(SETTINGS, steps=steps), folder)
    return torch.load(folder / LAST, weights_only=True)


@pytest.fixture(scope="module")
def start() -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SETTINGS.seed)
        return LineRecipe().build().state_dict()


def test_a_stage_trains_its_own_weights_alone(start, tmp_path):
    first = trained(tmp_path, SECOND_STAGE)["model"]
    assert torch.equal(first["body.weight"], start["body.weight"])
    assert not torch.equal(first["head.weight"], start["head.weight"])
    second = trained(tmp_path)["model"]
    assert not torch.equal(second["body.weight"], start["body.weight"])


def test_what_a_network_froze_itself_is_never_trained(start, tmp_path):
    assert torch.equal(trained(tmp_path)["model"]["head.bias"], start["head.bias"])


def test_a_stage_begins_with_a_fresh_optimizer(tmp_path):
    """Adam's first step has the size of the learning rate whatever the gradients before were."""
    before, after = (trained(tmp_path / str(steps), steps) for steps in (SECOND_STAGE, SECOND_STAGE + 1))
    moved = (after["model"]["head.weight"] - before["model"]["head.weight"]).abs()
    assert torch.allclose(moved, torch.full_like(moved, SETTINGS.learning_rate), rtol=1e-3)
    assert {state["step"].item() for state in after["optimizer"]["state"].values()} == {1.0}


@pytest.mark.parametrize("stopped_at", [2, SECOND_STAGE, SECOND_STAGE + 1])
def test_a_run_resumed_in_or_between_stages_equals_an_uninterrupted_one(stopped_at, tmp_path):
    whole = trained(tmp_path / "whole")
    trained(tmp_path / "parts", stopped_at)
    parts = trained(tmp_path / "parts")
    assert all(torch.equal(value, parts["model"][name]) for name, value in whole["model"].items())


def test_without_averaging_the_newest_weights_are_exported(tmp_path):
    saved = trained(tmp_path)
    assert all(torch.equal(value, saved["average"][name]) for name, value in saved["model"].items())
