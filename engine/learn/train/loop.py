"""Train a UniTalker on a corpus: resumable, one thread, the best checkpoint chosen on real speech where it is given."""

from __future__ import annotations

import argparse
import logging
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ...nets.encoders import MoonshineEncoder
from ...nets.moonshine import MoonshineFront
from ...nets.moonshine_weights import load_ear
from ...nets.unitalker import UniTalker, UniTalkerConfig
from ...values.channels import ARKIT_52
from ...values.errors import SettingError
from ..data.batches import STYLE_NAMES, Batch, SceneBatches
from ..data.recordings import RealSpeech
from ..data.scenes import Corpus, make_scenes
from ..synth.corpus import make_corpus
from ..synth.phones import PHONES
from ..systems.losses import CurveScale, LossWeights, curve_loss, phone_loss
from ..visemes.curves import CURVES, arkit_columns
from .validation import validate

HEAD = "arkit52"
LOG_STEPS = 25
CHOOSING = "speech/english_aligned"  # of the data folder: half of its voices choose the checkpoint
IMPORTANCE = {  # of a curve against the others, which have 1: a missed contact is seen first, a shrug hardly
    "mouthClose": 2.0, "mouthPress": 2.0, "jawForward": 0.3, "mouthDimple": 0.3, "mouthShrugLower": 0.3, "mouthShrugUpper": 0.3,
    "mouthRollUpper": 0.5, "cheekPuff": 0.2, "cheekSquint": 0.2, "noseSneer": 0.2,
    "tongueOut": 0.4, "mouthFrown": 0.2,
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """A training run, as its TOML file gives it.

    Attributes:
        work: folder for the corpus and the run, relative to the config file; keep it outside the checkout.
        output: model folder to write at the end, relative likewise; empty writes none (`export` does it later).
        corpus_scale: 1 is the whole corpus and all scenes.
        scenes_hours: length of all scenes.
        shares: part of the scenes' utterances that come from shards whose name begins so; the others share the rest by their number.
        steps, batch_size, crop_s: length of the run; crops of crop_s seconds.
        learning_rate: reached after warmup_steps, falls linearly to 0 over the second half.
        ema: decay of the averaged weights, which are what is exported.
        pivot_share: share of the crops whose identity is replaced by the pivot (random_id_prob).
        bfloat16: autocast; only faster where the processor has bfloat16 units.
        checkpoint_steps: a checkpoint, and a validation where real speech is given, every so many steps.
    """

    work: str = "../../unitalker-work"
    output: str = ""
    corpus_scale: float = 1.0
    scenes_hours: float = 25.0
    shares: dict[str, float] = field(default_factory=dict)
    steps: int = 2000
    batch_size: int = 10
    crop_s: float = 6.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 150
    ema: float = 0.998
    gradient_norm: float = 1.0
    pivot_share: float = 0.1
    bfloat16: bool = False
    threads: int = 1
    seed: int = 1
    checkpoint_steps: int = 200
    decoder_dim: int = 192
    style_dim: int = 32
    encoder_kind: str = "moonshine"
    encoder: dict[str, Any] = field(default_factory=dict)
    loss: LossWeights = field(default_factory=LossWeights)


@dataclass
class _State:
    model: UniTalker
    average: UniTalker
    optimizer: torch.optim.Optimizer
    step: int = 0
    best_score: float = float("-inf")


@dataclass(frozen=True)
class _Run:
    """What stays the same during a run."""

    settings: TrainConfig
    folder: Path
    batches: SceneBatches
    scale: CurveScale
    speech: RealSpeech | None


def command(options: argparse.Namespace) -> None:
    """`train CONFIG.toml`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(options.path, options.data)


def train(config: Path, data: Path | None = None) -> Path:
    """Make corpus and scenes, train and export, or go on where an interrupted run stopped.

    Args:
        config: TOML with the fields of TrainConfig.
        data: folder of recordings: those that may be trained on join the corpus, others choose the best checkpoint (evaluation_split.json).
    Returns:
        The run's folder: `best.pt` is what to export, `last.pt` where to resume.
    Raises:
        SettingError: an unknown or wrong field of the config. EngineError: a speech program, or the ear's package, is missing.
    """
    settings = read_config(config)
    work = (config.parent / settings.work).resolve()
    torch.set_num_threads(settings.threads)
    ear = make_ear(settings)
    make_corpus(work / "corpus", settings.corpus_scale, data)
    corpus = Corpus(work / "corpus", settings.shares)
    make_scenes(corpus, work / "scenes", settings.scenes_hours * settings.corpus_scale, ear)
    run = train_on(work / "scenes", settings, work / config.stem, data / CHOOSING if data else None)
    if settings.output:
        from ..export.from_run import export  # here: export reads this module's checkpoints

        export(run, (config.parent / settings.output).resolve())
    return run


def train_on(scenes: Path, settings: TrainConfig, run: Path, real_speech: Path | None = None) -> Path:
    """Train on scenes that are there; `run` is where checkpoints go, and is returned."""
    run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(settings.threads)
    batches = SceneBatches(scenes, settings.crop_s, settings.batch_size, settings.pivot_share)
    speech = RealSpeech.read(real_speech) if real_speech else None
    with _fixed_seed(settings.seed):
        state = _resume(settings, run)
        _loop(state, _Run(settings, run, batches, _curve_scale(batches), speech))
    return run


def make_ear(settings: TrainConfig) -> MoonshineFront | None:
    """The untrained part of the config's encoder with its published weights; None where there is none."""
    encoder = make_model(settings).encoder
    if not isinstance(encoder, MoonshineEncoder):
        return None
    load_ear(encoder.ear)
    return encoder.ear.eval()


def read_config(path: Path) -> TrainConfig:
    """Read a TOML training config.

    Raises:
        SettingError: the file is missing, not TOML, or holds an unknown field.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
        return TrainConfig(**{**fields, "loss": LossWeights(**fields.get("loss", {}))})
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise SettingError(f"Training config {path} cannot be used: {error}. See weights/mini.toml.") from error


def make_model(settings: TrainConfig) -> UniTalker:
    """The network of a config, with fresh weights; the untrained ear's are not there yet."""
    return UniTalker(UniTalkerConfig(
        encoder_kind=settings.encoder_kind, encoder=settings.encoder, decoder_dim=settings.decoder_dim, style_dim=settings.style_dim,
        identities=STYLE_NAMES, heads={HEAD: len(ARKIT_52)}, phones=len(PHONES),
    ))


def training_step(model: UniTalker, batch: Batch, scale: CurveScale, weights: LossWeights) -> tuple[Tensor, Tensor]:
    """Loss of curves and loss of phones on one batch, to be added with weights.phones."""
    encoder = model.encoder
    assert model.phone_head is not None
    features = encoder.from_heard(batch.heard, batch.wave) if isinstance(encoder, MoonshineEncoder) else encoder(batch.wave)
    output = model.from_features(features, batch.identity, HEAD).float()
    logits = model.phone_head(features).float()
    curves = curve_loss(output, to_arkit_tensor(batch.curves), scale, weights.change)
    return curves, phone_loss(logits, batch.phones, weights.label_smoothing)


def to_arkit_tensor(curves: Tensor) -> Tensor:
    """(b, t, len(CURVES)) -> (b, t, 52), as visemes.to_arkit."""
    columns = torch.from_numpy(arkit_columns())
    weights = torch.zeros(*curves.shape[:2], len(ARKIT_52))
    weights[:, :, columns >= 0] = curves[:, :, columns[columns >= 0]]
    return weights


def learning_rate(step: int, settings: TrainConfig) -> float:
    """Warm-up, a plateau to the middle of the run, then a line to 0."""
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    fall = min(1.0, 2.0 * (settings.steps - step) / settings.steps)
    return settings.learning_rate * warm * fall


def load_run(path: Path) -> UniTalker:
    """The network of a checkpoint, for export: its averaged weights, in evaluation mode.

    Raises:
        SettingError: no checkpoint there.
    """
    if not path.exists():
        raise SettingError(f"No checkpoint at {path}. Train first: python -m engine train CONFIG.toml.")
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model = make_model(_config_from(saved["config"]))
    model.load_state_dict(saved["average"])
    return model.eval()


def _loop(state: _State, run: _Run) -> None:
    settings, began_s = run.settings, time.monotonic()
    progress = tqdm(total=settings.steps, initial=state.step, unit="step", mininterval=10, dynamic_ncols=True)
    while state.step < settings.steps:
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(state.step, settings)
        step_seed = settings.seed * 1_000_003 + state.step  # a resumed run draws what an uninterrupted one would
        torch.manual_seed(step_seed)
        batch = run.batches.batch(step_seed)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings.bfloat16):
            curves, phones = training_step(state.model, batch, run.scale, settings.loss)
        state.optimizer.zero_grad(set_to_none=True)
        (curves + settings.loss.phones * phones).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(state.model.parameters(), settings.gradient_norm)
        state.optimizer.step()
        state.step += 1
        _average(state, settings.ema)
        progress.update()
        if state.step % LOG_STEPS == 0:
            log.info("step %d curves %.4f phones %.4f %.0f s", state.step, curves.item(), phones.item(), time.monotonic() - began_s)
        if state.step % settings.checkpoint_steps == 0 or state.step == settings.steps:
            _checkpoint(state, run)
    progress.close()


def _checkpoint(state: _State, run: _Run) -> None:
    score = float(state.step)  # without real speech: later is better
    if run.speech is not None:
        measures = validate(state.average, HEAD, run.speech)
        score = measures.score
        log.info("step %d validation %s", state.step, measures.line)
    if score > state.best_score:
        state.best_score = score
        _save(state, run.settings, run.folder / "best.pt", whole=False)
    _save(state, run.settings, run.folder / "last.pt", whole=True)


def _save(state: _State, settings: TrainConfig, path: Path, whole: bool) -> None:
    saved: dict[str, Any] = {"config": asdict(settings), "average": state.average.state_dict(), "step": state.step}
    if whole:
        saved.update(model=state.model.state_dict(), optimizer=state.optimizer.state_dict(), best_score=state.best_score)
    partial = path.with_suffix(".part")
    torch.save(saved, partial)
    partial.replace(path)


def _resume(settings: TrainConfig, run: Path) -> _State:
    model, average = make_model(settings), make_model(settings)
    if isinstance(model.encoder, MoonshineEncoder):
        load_ear(model.encoder.ear)
    average.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=settings.learning_rate, weight_decay=settings.weight_decay)
    state = _State(model.train(), average.eval(), optimizer)
    path = run / "last.pt"
    if path.exists():
        saved = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        state.step, state.best_score = saved["step"], saved["best_score"]
        log.info("resumed at step %d", state.step)
    return state


def _average(state: _State, decay: float) -> None:
    """Exponential moving average; follows faster while young; counters and batch statistics are averaged or copied alike."""
    decay = min(decay, (1 + state.step) / (10 + state.step))
    current = state.model.state_dict()
    for name, value in state.average.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])


def _curve_scale(batches: SceneBatches) -> CurveScale:
    """Channel variances from a few batches of targets; a left and a right channel share one curve's importance."""
    curves = torch.cat([to_arkit_tensor(batches.batch(seed).curves) for seed in range(12)])
    columns = arkit_columns()
    sides = torch.tensor([max(int((columns == c).sum()), 1) for c in columns], dtype=torch.float32)
    importance = torch.tensor([IMPORTANCE.get(CURVES[c], 1.0) if c >= 0 else 1.0 for c in columns])
    return CurveScale(curves, importance / sides)


def _config_from(fields: dict[str, Any]) -> TrainConfig:
    return TrainConfig(**{**fields, "loss": LossWeights(**fields["loss"])})


@contextmanager
def _fixed_seed(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
