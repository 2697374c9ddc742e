"""`finetune`: a trained UniTalker goes on with a data set of the user's own, and becomes a model folder; a Composite
gets a head for it (carry.py).

An annotation that the source knows keeps its head, another gets a fresh one; speakers join the style table as the
source's pivot. Source: Fan et al., "UniTalker" (ECCV 2024), sections 4.4 and 4.5.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from ...model.folder import Model, open_model
from ...values.errors import SettingError
from ..systems.unitalker import SetSpec, UniTalkerRecipe, opened
from . import loop
from .carry import carry
from .command import export_run
from .run import TrainConfig, is_run, load_run

CROP_S, BATCH_SIZE = 3.0, 6
LEARNING_RATE = 3e-4

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FineTuning:
    """How to go on.

    Attributes:
        clips: of the train split, the first by name; 0 takes all.
        decoder_only: the encoder stays as it is; fresh_decoder: of the source the encoder alone is taken.
        photometric: weight of the vertices' pictures beside their squared error; 0 draws none.
    """

    epochs: int = 40
    clips: int = 0
    decoder_only: bool = False
    fresh_decoder: bool = False
    seed: int = 1
    photometric: float = 0.0


def command(options: argparse.Namespace) -> None:
    """`finetune SOURCE DATASET --reader NAME -o DIR`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    how = FineTuning(
        options.epochs, options.clips, options.decoder_only, options.fresh_decoder, options.seed, options.photometric,
    )
    one = SetSpec(options.reader, options.path.name)
    composite = _composite(options.model)
    if composite is not None:
        carry(composite, opened(one, options.path.resolve().parent), options.output)
        return
    work = options.work or options.path.resolve().parent / "unitalker-work"
    run = finetune(options.model, one, options.path.resolve().parent, how, work)
    export_run(run, options.output.resolve())


def finetune(source: str, one: SetSpec, root: Path, how: FineTuning, work: Path) -> Path:
    """Train on one data set, or go on where an interrupted run stopped.

    Args:
        source: a run, a checkpoint, or a model (id or folder) on a bundled encoder.
        root: folder in which the set lies; work: for what is prepared, and the run.
    Returns:
        The run's folder.
    Raises:
        EngineError: source or data set cannot be used.
    """
    if how.epochs < 1 or how.clips < 0:
        raise SettingError(f"{how.epochs} epochs and {how.clips} clips: give at least 1 epoch, and 0 clips for all.")
    if not 0 <= how.photometric < float("inf"):
        raise SettingError(f"The weight of pictures is {how.photometric}, must be 0 or more. 0 draws none.")
    base = _recipe_of(source)
    recipe = replace(
        base, sets=(replace(one, most_clips=how.clips),), made=False, start_from=source, heads={}, identities=(),
        known=() if how.fresh_decoder else base.identities, fresh_decoder=how.fresh_decoder,
        bases=base.bases if how.fresh_decoder else {**base.bases, **_kept_bases(base)},
        freeze_encoder=base.freeze_encoder or how.decoder_only, crop_s=base.crop_s or CROP_S,
        batch_size=1 if how.clips == 1 else max(base.batch_size, BATCH_SIZE),
        warm_up_epochs=min(1, base.warm_up_epochs), weights=replace(base.weights, pictures=how.photometric),
    )
    settings = TrainConfig(
        recipe="unitalker", epochs=how.epochs, learning_rate=LEARNING_RATE, weight_decay=0.0, warmup_steps=10,
        ema=0.95, checkpoint_steps=0, seed=how.seed,
    )
    training = recipe.prepare(work, root)
    key = json.dumps([source, str(root), repr(recipe), repr(settings)])
    run = work / f"{one.folder}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    loop.train(recipe, training, settings, run)
    return run


def _kept_bases(base: UniTalkerRecipe) -> dict[str, str]:
    """Bases of the source's vertex heads: what a head learned is worth nothing in another basis."""
    files = {name: Path(base.assets).resolve() / f"{name}.npz" for name in base.heads}
    return {name: str(file) for name, file in files.items() if base.assets and file.is_file()}


def _composite(source: str) -> Model | None:
    """The model, where it is a Composite: its network is carried to the data set as it is."""
    if is_run(Path(source)):
        return None
    model = open_model(source)
    return model if model.system == "composite" else None


def _recipe_of(source: str) -> UniTalkerRecipe:
    if is_run(Path(source)):
        recipe, _ = load_run(Path(source))
        if not isinstance(recipe, UniTalkerRecipe):
            raise SettingError(f"{source} is a run of another recipe. Export it, and name its model folder.")
        return recipe
    return _recipe_of_folder(open_model(source))


def _recipe_of_folder(model: Model) -> UniTalkerRecipe:
    """Sizes of a model on its own encoder, which stays as it is."""
    if model.system != "unitalker" or any(head.layers for head in model.heads):
        raise SettingError(f"Model {model.id} cannot be gone on with: it is no UniTalker with heads of one layer.")
    head = model.head("")
    names = [identity.id for identity in model.identities]
    known = [name for row, name in enumerate(names) if row != model.pivot]
    return UniTalkerRecipe(
        encoder_kind="bundled", encoder={"model": str(model.folder)}, freeze_encoder=True,
        decoder_dim=len(head.weight), style_dim=model.styles.shape[1], identities=tuple(known),
        interpolate_pos=1 if head.resample == "features" else 2, pivot_share=0.1 if model.pivot is not None else 0.0,
    )
