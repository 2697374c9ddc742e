"""The training loop: it knows the contract of a recipe and nothing of any system. Resumable to the bit."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from ..systems.contract import Judgement, Recipe, Training
from .processes import Processes, join
from .run import BEST, LAST, TrainConfig, config_fields, counted
from .run_log import LOG, RunLog

LOG_STEPS = 25
SEED_STRIDE = 1_000_003  # between runs' seeds, so that no two runs share a step's seed

log = logging.getLogger(__name__)


@dataclass
class _State:
    network: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    stage: int = 0
    best_score: float = float("-inf")


@dataclass(frozen=True)
class _Run:
    """What stays the same during a run."""

    recipe: Recipe[Any, Any]
    training: Training[Any, Any]
    settings: TrainConfig
    folder: Path
    frozen: frozenset[str]      # weights that the network itself froze
    processes: Processes


def train(recipe: Recipe[Any, Any], training: Training[Any, Any], settings: TrainConfig, folder: Path) -> None:
    """Train, or go on where an interrupted run stopped.

    Args:
        folder: where checkpoints go: `best.pt` is what to export, `last.pt` where to resume.
    """
    folder.mkdir(parents=True, exist_ok=True)
    processes = join(settings.device)
    recipe, settings = training.completed(recipe), counted(settings, training.epoch_steps)
    torch.set_num_threads(settings.threads)
    with _fixed_seed(settings.seed):
        network: nn.Module = recipe.build()
        frozen = frozenset(name for name, weight in network.named_parameters() if not weight.requires_grad)
        run = _Run(recipe, training, settings, folder, frozen, processes)
        _loop(_start_or_resume(network, run), run)


def learning_rate(step: int, settings: TrainConfig) -> float:
    """Warm-up, a plateau to the middle of the run, then a line to 0; without decay the plateau lasts to the end."""
    warm = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    fall = min(1.0, 2.0 * (settings.steps - step) / settings.steps) if settings.decay else 1.0
    return settings.learning_rate * warm * fall


def _loop(state: _State, run: _Run) -> None:
    settings, began_s = run.settings, time.monotonic()
    progress = tqdm(
        total=settings.steps, initial=state.step, unit="step", mininterval=10, dynamic_ncols=True,
        disable=not run.processes.writes,
    )
    journal = RunLog(run.folder / LOG, state.step)
    while state.step < settings.steps:
        parts = _step(state, run)
        progress.update()
        if not run.processes.writes:
            continue
        if state.step % LOG_STEPS == 0:
            values = " ".join(f"{name} {value:.4g}" for name, value in parts.items())
            log.info("step %d %s %.0f s", state.step, values, time.monotonic() - began_s)
            journal.add(state.step, {**parts, "rate": learning_rate(state.step, settings)})
        if state.step % settings.checkpoint_steps == 0 or state.step == settings.steps:
            score = _checkpoint(state, run)
            journal.add(state.step, {} if score is None else {"score": score.value})
    progress.close()


def _step(state: _State, run: _Run) -> dict[str, float]:
    """One update of the weights; returns the parts of the loss."""
    settings = run.settings
    _enter_stage(state, run)
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(state.step, settings)
    seed = settings.seed * SEED_STRIDE + state.step  # a resumed run draws what an uninterrupted one would
    torch.manual_seed(seed)
    whole, processes = run.training.batch(state.step, seed), run.processes
    with torch.autocast(processes.device.type, dtype=torch.bfloat16, enabled=settings.bfloat16):
        losses = run.training.losses(state.network, processes.part(whole))
    state.optimizer.zero_grad(set_to_none=True)
    (losses.total * processes.share(whole)).backward()  # type: ignore[no-untyped-call]
    processes.average_gradients(state.network)
    if settings.gradient_norm:
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), settings.gradient_norm)
    state.optimizer.step()
    state.step += 1
    _average(state, settings.ema)
    return {name: loss.item() for name, loss in losses.parts.items()}


def _enter_stage(state: _State, run: _Run) -> None:
    """Where another stage begins: its weights, and an optimizer that remembers nothing."""
    stage = _stage_at(state.step, run.training)
    if stage != state.stage:
        state.stage, state.optimizer = stage, _optimizer(state.network, stage, run)


def _stage_at(step: int, training: Training[Any, Any]) -> int:
    return max(number for number, stage in enumerate(training.stages) if stage.first_step <= step)


def _optimizer(network: nn.Module, stage: int, run: _Run) -> torch.optim.Optimizer:
    """AdamW over the weights of a stage; without decay of weights that is Adam."""
    trains = run.training.stages[stage].trains
    for name, weight in network.named_parameters():
        weight.requires_grad_(name not in run.frozen and trains(name))
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    return torch.optim.AdamW(weights, lr=run.settings.learning_rate, weight_decay=run.settings.weight_decay)


def _average(state: _State, decay: float) -> None:
    """Exponential moving average that follows faster while young; whole numbers are copied."""
    decay = min(decay, (1 + state.step) / (10 + state.step))
    current = state.network.state_dict()
    for name, value in state.average.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])


def _checkpoint(state: _State, run: _Run) -> Judgement | None:
    if state.step == run.settings.steps:
        run.training.finish(state.average)
    score = run.training.score(state.average)
    if score is not None:
        log.info("step %d validation %s", state.step, score.line)
    value = float(state.step) if score is None else score.value
    if value > state.best_score:
        state.best_score = value
        _save(state, run, run.folder / BEST, resumable=False)
    _save(state, run, run.folder / LAST, resumable=True)
    return score


def _save(state: _State, run: _Run, path: Path, resumable: bool) -> None:
    saved: dict[str, Any] = {
        "config": config_fields(run.settings, run.recipe), "average": state.average.state_dict(), "step": state.step,
    }
    if resumable:
        saved.update(
            model=state.network.state_dict(), optimizer=state.optimizer.state_dict(), stage=state.stage,
                best_score=state.best_score,
        )
    partial = path.with_suffix(".part")
    torch.save(saved, partial)
    partial.replace(path)


def _start_or_resume(network: nn.Module, run: _Run) -> _State:
    run.recipe.load_published(network)
    network.to(run.processes.device)
    average = copy.deepcopy(network)
    state = _State(network.train(), average.eval(), _optimizer(network, 0, run))
    path = run.folder / LAST
    if path.exists():
        saved = torch.load(path, map_location=run.processes.device, weights_only=True)
        network.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        state.step, state.stage, state.best_score = saved["step"], saved.get("stage", 0), saved["best_score"]
        state.optimizer = _optimizer(network, state.stage, run)
        state.optimizer.load_state_dict(saved["optimizer"])
        log.info("resumed at step %d", state.step)
    return state


@contextmanager
def _fixed_seed(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
