"""Learn an animator's own controls from a few seconds that were keyed by hand: a new head, fitted in closed form.

The decoder's hidden values and the phone scores are mapped to the controls by ridge regression. Strength and timing are
chosen on blocks of seconds that the fit did not see, and the reported errors are those of such blocks. With a preset to
start from, the fit learns the difference from it: sounds which the take lacks still look as the preset makes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ..model.encode import encode
from ..model.folder import Model, open_model
from ..pipeline import animate
from ..rig.fitted_head import Examples, FittedHead, Score, features_of, hidden_track, label, mark_of, stack
from ..rig.fitted_head_file import rig_of
from ..rig.names import first_names
from ..rig.preset_file import save_preset
from ..rig.presets import choose, source_of
from ..speech.coverage import unheard_sounds
from ..speech.cues import SILENCE, find_cues
from ..systems.system import open_system
from ..values.errors import Cancelled, TeachError
from ..values.messages import number_of
from ..values.types import (
    SAMPLE_RATE_HZ,
    Cancel,
    FloatArray,
    Life,
    Progress,
    Rig,
    RigChannel,
    Settings,
    Waveform,
    never,
    no_progress,
)
from .ridge import STRENGTHS, Fold, Indices, Matrix, Solver, errors, folds, predict, prepare

MIN_TAKE_S, GOOD_TAKE_S, MAX_TAKE_S = 5.0, 10.0, 180.0
MAX_CONTROLS = 500
OFFSETS_S = (-0.06, 0.0, 0.06)      # frames that are stacked: more gains nothing on animators' curves (tests/bench)
BLOCK_S, N_FOLDS, MARGIN_S = 1.0, 5, 0.1
LONG_BLOCK_S, LONG_TAKE_S = 2.0, 40.0
MAX_LAG_S, LAG_STEP_S = 0.12, 0.02
LAG_STRENGTHS = STRENGTHS[4::3]      # enough to tell one timing from another
LAG_WORTH = 0.15            # share of what stays unexplained that another timing must explain, before it is believed
SHARED = 0.5                # weight of all controls in the strength of each: in a short take each moves too seldom
STILL = 1e-4                # a control that moves by less in the whole take does not move (slider, radians, metres)
LEAST_R = 0.1               # a control that is predicted with less correlation is not learned
SURE_SILENCE = 0.5          # score of silence from which a frame counts for the rest value
MIN_REST_S = 0.2
AROUND_S = 0.5              # of sound that is kept before and after a take, for the model's view

Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class KeyedTake:
    """What an animator keyed.

    Attributes:
        controls: (k). seconds: (n,) rising, from the start of the sound. values: (n, k), rotations in radians.
        start: the character, with the preset to start from; None learns from nothing.
    """

    controls: tuple[RigChannel, ...]
    seconds: Seconds
    values: Matrix
    start: Rig | None = None


@dataclass(frozen=True)
class FitResult:
    """A fitted head, and sentences for the animator: what is doubtful about it."""

    fitted: FittedHead
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Sample:
    """All that is learned from, on the clock of the head.

    Attributes:
        features: (n, d), the first n_hidden of them the decoder's, the others phone probabilities. seconds: (n,).
        prior: (n, k) what the preset says, nan for controls that it does not know; None without a preset.
        silence: (n,) 0..1. unheard: groups of sounds that the take lacks.
    """

    features: FloatArray
    n_hidden: int
    seconds: Seconds
    prior: Matrix | None
    silence: FloatArray
    unheard: tuple[str, ...]


@dataclass(frozen=True)
class _Fit:
    """What _fit finds; fields as in FittedHead."""

    centre: FloatArray
    scale: FloatArray
    weight: FloatArray
    bias: FloatArray
    rest: FloatArray
    lag_s: float
    scores: tuple[Score, ...]


def fit_take(
    wave: Waveform, take: KeyedTake, settings: Settings, progress: Progress = no_progress, cancelled: Cancel = never,
) -> FitResult:
    """Fit a head to a take.

    Args:
        wave: the sound of the take.
        take: keyed curves; only the part that lies in the sound counts.
        settings: model, head and style to learn in; the clock of the result comes later, with animate().
        progress, cancelled: as for animate().
    Raises:
        TeachError: the take is too short, too long, damaged, or nothing in it moves. Else as animate().
    """
    span = _check(wave, take)
    take, still = _moving(take, span)
    model = open_model(settings.model, settings.model_folders)
    head = model.head(settings.head)
    settings = Settings(            # without the user's postprocessing: the fit learns from the plain model
        model=settings.model, head=settings.head, identity=settings.identity, strength=settings.strength,
        fps=float(head.fps), life=Life(blinks=0), template=settings.template, device=settings.device,
        threads=settings.threads, model_folders=settings.model_folders,
    )
    preset = choose(replace(take.start, source=source_of(head.space))) if take.start else None
    rig = replace(take.start, preset=preset.path or preset.id) if take.start and preset else None
    sample = _sample(wave, take, settings, rig, (progress, cancelled))
    if cancelled():
        raise Cancelled("Stopped; nothing was written.")
    fit = _fit(take, sample, span, head.fps)
    low, high = take.values.min(axis=0), take.values.max(axis=0)
    fitted = FittedHead(
        name="", model=model.id, mark=mark_of(model), head=head.id, identity=settings.identity,
        strength=settings.strength, controls=take.controls, offsets=_offsets(head.fps), centre=fit.centre,
        scale=fit.scale, weight=fit.weight, bias=fit.bias, rest=fit.rest, low=low.astype(np.float32),
        high=high.astype(np.float32), lag_s=fit.lag_s, prior=preset, scores=fit.scores,
        take_s=span[1] - span[0], unheard=sample.unheard, examples=_examples(wave, take, span),
    )
    return FitResult(fitted, tuple(_warnings(fitted, still, model)))


def fit_again(
    fitted: FittedHead, settings: Settings, progress: Progress = no_progress, cancelled: Cancel = never,
) -> FitResult:
    """Teach a head again from its own examples, on the weights and in the style of the settings; its name stays.

    Raises:
        TeachError: it has no examples, as in files of 0.1. Else as fit_take().
    """
    if fitted.examples is None:
        raise TeachError(
            f"{fitted.name!r} does not hold what it was taught from. Choose the character and the sound with your "
            "keys, then press Teach Again."
        )
    learned = fitted.examples
    take = KeyedTake(fitted.controls, learned.seconds.astype(np.float64), learned.values.astype(np.float64))
    with TemporaryDirectory() as folder:
        if fitted.prior:
            take = replace(take, start=replace(rig_of(fitted.path), preset=str(save_preset(fitted.prior, folder))))
        result = fit_take(Waveform(learned.sound), take, settings, progress, cancelled)
    return replace(result, fitted=replace(result.fitted, name=fitted.name))


def _examples(wave: Waveform, take: KeyedTake, span: tuple[float, float]) -> Examples:
    """The keyed seconds of a take, with their sound and a little round it."""
    first = max(0, int((span[0] - AROUND_S) * SAMPLE_RATE_HZ))
    last = int((span[1] + AROUND_S) * SAMPLE_RATE_HZ)
    inside = (take.seconds >= span[0]) & (take.seconds <= span[1])
    seconds = (take.seconds[inside] - first / SAMPLE_RATE_HZ).astype(np.float32)
    return Examples(wave.samples[first:last], seconds, take.values[inside].astype(np.float32))


def _check(wave: Waveform, take: KeyedTake) -> tuple[float, float]:
    """First and last second of the take that lie in the sound; raises TeachError."""
    controls = number_of(len(take.controls), "control")
    if not take.controls or take.values.shape != (len(take.seconds), len(take.controls)):
        raise TeachError(
            f"The take has {controls} and values {take.values.shape}. Key at least one control, then teach again."
        )
    if len(take.controls) > MAX_CONTROLS:
        raise TeachError(
            f"The take moves {controls}, at most {MAX_CONTROLS} can be taught at once. Pick the face alone."
        )
    if len(set(take.controls)) < len(take.controls):
        twice = next(label(control) for control in take.controls if take.controls.count(control) > 1)
        raise TeachError(f"Control {twice!r} comes twice in the take. Leave one of them out.")
    if not (np.isfinite(take.seconds).all() and np.isfinite(take.values).all() and (np.diff(take.seconds) > 0).all()):
        raise TeachError(
            "The take holds times that do not rise or values that are not finite. Fix its curves, then teach again."
        )
    first, last = max(0.0, float(take.seconds[0])), min(wave.duration_s, float(take.seconds[-1]))
    if last - first < MIN_TAKE_S:
        raise TeachError(
            f"The take covers {max(0.0, last - first):.1f} s of the sound, at least {MIN_TAKE_S:g} s are needed "
            f"({GOOD_TAKE_S:g} s and more are better). Key a longer stretch, then teach again."
        )
    if last - first > MAX_TAKE_S:
        raise TeachError(
            f"The take covers {last - first:.0f} s, at most {MAX_TAKE_S:g} s can be taught at once. "
            "Cut the sound strip shorter."
        )
    return first, last


def _moving(take: KeyedTake, span: tuple[float, float]) -> tuple[KeyedTake, tuple[str, ...]]:
    """The controls that move within the span, and the names of the others."""
    inside = (take.seconds >= span[0]) & (take.seconds <= span[1])
    moves = np.ptp(take.values[inside], axis=0) > STILL if inside.any() else np.zeros(len(take.controls), np.bool_)
    still = tuple(label(control) for control, moving in zip(take.controls, moves, strict=True) if not moving)
    if not moves.any():
        raise TeachError(
            f"None of the {len(still)} keyed controls moves in the take ({first_names(still)}). "
            "Key them where the sound speaks, then teach again."
        )
    controls = tuple(control for control, moving in zip(take.controls, moves, strict=True) if moving)
    return replace(take, controls=controls, values=take.values[:, moves]), still


def _sample(
    wave: Waveform, take: KeyedTake, settings: Settings, rig: Rig | None, watch: tuple[Progress, Cancel],
) -> _Sample:
    """Run the model over the sound, and the preset if there is one."""
    model = open_model(settings.model, settings.model_folders)
    head = model.head(settings.head)
    system = open_system(model, settings)
    track = hidden_track(head, system.track(settings))
    decoded = system.decode(encode(wave, model, system.encoder, *watch), [track], len(wave.samples))[0]
    features = features_of(decoded)
    seconds = np.arange(len(features)) / head.fps
    silence = np.zeros(len(features), np.float32)
    unheard: tuple[str, ...] = ()
    if decoded.scores is not None and SILENCE in model.phones:
        cues = find_cues(decoded.scores, model.phones, model.encoder.rate_hz)
        moments = np.arange(len(cues.contact)) / cues.rate_hz
        silence = np.interp(seconds, moments, cues.contact[:, 2]).astype(np.float32)
        unheard = unheard_sounds(cues.phones, model.phones, *_check(wave, take))
    prior = _prior(wave, take, settings, rig, seconds) if rig else None
    return _Sample(features, len(head.weight), seconds, prior, silence, unheard)


def _prior(wave: Waveform, take: KeyedTake, settings: Settings, rig: Rig, seconds: Seconds) -> Matrix:
    curves = animate(wave, settings, rig).curves
    assert curves is not None       # a rig was given
    known = np.full((len(seconds), len(take.controls)), np.nan)
    for column, control in enumerate(take.controls):
        if control in curves.curves:
            known[:, column] = np.interp(seconds, curves.curves[control].seconds, curves.curves[control].values)
    return known


def _offsets(fps: float) -> tuple[int, ...]:
    return tuple(dict.fromkeys(round(offset * fps) for offset in OFFSETS_S))


def _fit(take: KeyedTake, sample: _Sample, span: tuple[float, float], fps: float) -> _Fit:
    """Ridge weights with the best timing and strengths, and how well each control is predicted on held-out seconds."""
    inside = (sample.seconds >= span[0] + MAX_LAG_S) & (sample.seconds <= span[1] - MAX_LAG_S)
    seconds = sample.seconds[inside]
    rest = _rest(take, seconds, sample.silence[inside])
    prior = np.where(np.isnan(sample.prior), rest, sample.prior)[inside] if sample.prior is not None else None
    centre, scale = sample.features[inside].mean(axis=0), _scale(sample.features[inside], sample.n_hidden)
    standardised = (sample.features - centre) / scale
    features = stack(standardised, _offsets(fps))[inside].astype(np.float64)
    block_s = LONG_BLOCK_S if span[1] - span[0] > LONG_TAKE_S else BLOCK_S
    parts = folds(len(features), round(block_s * fps), N_FOLDS, round(MARGIN_S * fps))
    lag_s = _lag(prepare(standardised[inside].astype(np.float64), parts), take, seconds, prior)
    prepared = prepare(features, parts)
    values = _at(take, seconds + lag_s)
    targets = values if prior is None else values - prior
    chosen = _strengths(errors(prepared, targets), targets)
    scores = _scores(values, predict(prepared, targets, chosen), prior)
    middle = features.mean(axis=0)
    weight = Solver.of(features - middle).weights(targets - targets.mean(axis=0), STRENGTHS[chosen])
    bias = targets.mean(axis=0) - middle @ weight
    return _Fit(
        centre, scale, weight.astype(np.float32), bias.astype(np.float32), rest.astype(np.float32), lag_s, scores,
    )


def _scale(features: FloatArray, n_hidden: int) -> FloatArray:
    """One deviation (d,) for all hidden values and another for all phone probabilities.

    A feature that hardly moved in the take (a phone that it lacks) would be blown up by a deviation of its own.
    """
    deviations = features.std(axis=0, dtype=np.float64)
    for group in np.split(deviations, [n_hidden]):
        if len(group):
            group[:] = max(1e-6, _rms(group))
    return np.asarray(deviations, np.float32)


def _strengths(unexplained: Matrix, targets: Matrix) -> Indices:
    """Which strength (k,) suits each control, by its own held-out errors (n_strengths, k) and by those of all."""
    shares = unexplained / np.maximum(targets.var(axis=0), STILL ** 2)
    judged = (1 - SHARED) * shares + SHARED * shares.mean(axis=1, keepdims=True)
    return np.asarray(judged.argmin(axis=0))


def _rest(take: KeyedTake, seconds: Seconds, silence: FloatArray) -> Matrix:
    """Value of each control where nobody speaks; the most usual one where the take has no silence."""
    values = _at(take, seconds)
    quiet = silence > SURE_SILENCE
    if quiet.sum() > MIN_REST_S * len(seconds) / max(1e-9, seconds[-1] - seconds[0]):
        values = values[quiet]
    return np.asarray(np.median(values, axis=0))


def _lag(prepared: list[Fold], take: KeyedTake, seconds: Seconds, prior: Matrix | None) -> float:
    """How much later than the sound the keys are, so that they are predicted best; 0 unless that is clearly worse.

    Args:
        prepared: of frames without their neighbours, which would hide what is late.
    """
    steps = round(MAX_LAG_S / LAG_STEP_S)
    lags = np.arange(-steps, steps + 1) * LAG_STEP_S
    explained = []
    for lag in lags:
        values = _at(take, seconds + lag)
        error = errors(prepared, values if prior is None else values - prior, LAG_STRENGTHS).min(axis=0)
        explained.append(float(np.mean(np.maximum(0, 1 - error / np.maximum(values.var(axis=0), STILL ** 2)))))
    best = int(np.argmax(explained))
    return float(lags[best]) if explained[best] > explained[steps] + LAG_WORTH * (1 - explained[steps]) else 0.0


def _scores(values: Matrix, errors_of: Matrix, prior: Matrix | None) -> tuple[Score, ...]:
    """Compare held-out predictions (n, k), of the difference from a prior if any, with the keyed values (n, k)."""
    known = np.isfinite(errors_of).all(axis=1)
    values, found = values[known], errors_of[known]
    scores = []
    for column in range(values.shape[1]):
        keyed = values[:, column]
        base = None if prior is None else prior[known, column]
        predicted = found[:, column] if base is None else found[:, column] + base
        rms, rms_mean = _rms(keyed - predicted), _rms(keyed - keyed.mean())
        rms_prior = None if base is None else _rms(keyed - base)
        r = _correlation(keyed, predicted)
        learned = r >= LEAST_R and rms < min(rms_mean, rms_mean if rms_prior is None else rms_prior)
        scores.append(Score(r, rms, rms_mean, None if base is None else _correlation(keyed, base), rms_prior, learned))
    return tuple(scores)


def _warnings(fitted: FittedHead, still: tuple[str, ...], model: Model) -> list[str]:
    """What an animator should know before trusting the head."""
    found = []
    if fitted.take_s < GOOD_TAKE_S:
        found.append(
            f"The take is short ({fitted.take_s:.1f} s, {GOOD_TAKE_S:g} s and more are better): "
            "sounds that it lacks are guessed."
        )
    if still:
        found.append(f"Never moves in the take, so not taught: {first_names(still)}.")
    other = "the preset stays as it is there" if fitted.prior else "they will move little, or wrongly"
    scores = zip(fitted.controls, fitted.scores, strict=True)
    missed = [label(control) for control, score in scores if not score.learned]
    if missed:
        than = "the mean, or than the preset" if fitted.prior else "the mean"
        found.append(f"Not learned, since the sound tells no better than {than}: {first_names(missed)}; {other}.")
    if fitted.unheard:
        listed = ", ".join(fitted.unheard)
        found.append(f"Never heard in the take: {listed}. Key a line that has them, to teach these too.")
    if not model.phones:
        found.append(f"Model {model.id} does not hear phones, so nobody can tell which sounds the take lacks.")
    return found


def _at(take: KeyedTake, seconds: Seconds) -> Matrix:
    """The keyed values at these seconds (n, k)."""
    return np.stack([np.interp(seconds, take.seconds, column) for column in take.values.T], axis=1)


def _rms(values: Matrix) -> float:
    return float(np.sqrt(np.mean(values ** 2)))


def _correlation(first: Matrix, second: Matrix) -> float:
    """Pearson's r; 0 where one of them does not move."""
    spread = float(first.std() * second.std())
    return float(np.mean((first - first.mean()) * (second - second.mean())) / spread) if spread > STILL ** 2 else 0.0
