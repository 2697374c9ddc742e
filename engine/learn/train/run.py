"""A training run on the disk: the TOML file that describes it, and its checkpoints."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...values.errors import SettingError
from ..systems.composite import CompositeManners
from ..systems.contract import Recipe
from ..systems.joint_talker import JointTalker
from ..systems.moonshine_visemes import MoonshineVisemes
from ..systems.pmmtalk import PmmTalkVisemes
from ..systems.pmmtalk_paper import PmmTalkPaper
from ..systems.unitalker import UniTalkerRecipe

RECIPES: Mapping[str, type[Recipe[Any, Any]]] = {
    "moonshine_visemes": MoonshineVisemes, "composite_manners": CompositeManners, "unitalker": UniTalkerRecipe,
    "pmmtalk_visemes": PmmTalkVisemes, "pmmtalk_paper": PmmTalkPaper, "joint_talker": JointTalker,
}
BEST, LAST = "best.pt", "last.pt"


@dataclass(frozen=True)
class TrainConfig:
    """What the training loop asks of a TOML file; the file's other fields are those of the recipe.

    Attributes:
        recipe: key of RECIPES.
        work: folder for the data and the run, relative to the config file; keep it outside the checkout.
        output: model folder to write at the end, relative likewise; empty writes none (`export` does it later).
        steps, epochs: length of a run; epochs, where they are given, count instead.
        learning_rate: reached after warmup_steps; with decay it falls linearly to 0 over the second half.
        ema: decay of the averaged weights, which are what is exported; 0 exports the newest weights.
        gradient_norm: gradients are shortened to it; 0 leaves them as they are.
        bfloat16: autocast; only faster where processor or card have bfloat16 units.
        device: "cpu", "cuda", or "auto" for a card where there is one.
        checkpoint_steps: a checkpoint, and a score where the recipe has one, every so many steps; 0 is every epoch.
    """

    recipe: str = "moonshine_visemes"
    work: str = "../../unitalker-work"
    output: str = ""
    steps: int = 2000
    epochs: int = 0
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 150
    decay: bool = True
    ema: float = 0.998
    gradient_norm: float = 1.0
    bfloat16: bool = False
    device: str = "cpu"
    threads: int = 1
    seed: int = 1
    checkpoint_steps: int = 200


def counted(settings: TrainConfig, epoch_steps: int) -> TrainConfig:
    """Settings with epochs counted in steps. Raises SettingError: the data have no epochs."""
    if (settings.epochs or not settings.checkpoint_steps) and not epoch_steps:
        raise SettingError("The recipe's data have no epochs. Give steps and checkpoint_steps.")
    return replace(
        settings, steps=settings.epochs * epoch_steps or settings.steps,
        checkpoint_steps=settings.checkpoint_steps or epoch_steps,
    )


def read_config(path: Path) -> tuple[TrainConfig, Recipe[Any, Any]]:
    """Read a TOML training config: the loop's settings, and the recipe.

    Raises:
        SettingError: the file is missing, not TOML, or holds an unknown field.
    """
    try:
        return _from_fields(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, TypeError, KeyError) as error:
        raise SettingError(f"Training config {path} cannot be used: {error}. See weights/mini.toml.") from error


def is_run(path: Path) -> bool:
    """Whether a path is a run's folder or a checkpoint."""
    return (path / BEST).is_file() or (path.suffix == ".pt" and path.is_file())


def load_run(path: Path) -> tuple[Recipe[Any, Any], nn.Module]:
    """The recipe and the network of a run's folder or of one checkpoint: its averaged weights, in evaluation mode.

    Raises:
        SettingError: no checkpoint there.
    """
    path = path / BEST if path.is_dir() else path
    if not path.exists():
        raise SettingError(f"No checkpoint at {path}. Train first: python -m engine train CONFIG.toml.")
    saved = torch.load(path, map_location="cpu", weights_only=True)
    _, recipe = _from_fields(saved["config"])
    network: nn.Module = recipe.build()
    network.load_state_dict(saved["average"])
    return recipe, network.eval()


def config_fields(settings: TrainConfig, recipe: Recipe[Any, Any]) -> dict[str, Any]:
    """Both in one table, as the TOML file has them."""
    return {**asdict(settings), **asdict(recipe)}


def _from_fields(given: Mapping[str, Any]) -> tuple[TrainConfig, Recipe[Any, Any]]:
    own = {item.name for item in fields(TrainConfig)}
    settings = TrainConfig(**{name: value for name, value in given.items() if name in own})
    recipe = RECIPES[settings.recipe].of({name: value for name, value in given.items() if name not in own})
    return settings, recipe
