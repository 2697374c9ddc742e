"""A head that was fitted to an animator's keys: from the decoder's hidden values to the controls of one rig.

Where a preset mixes channels of a head, a fitted head is a head of its own: one more track, whose channels are the
rig's controls. It may stand on a preset, its prior: the preset moves the face, and the fitted head adds what the
animator does differently.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..model.decode import Decoded, Track
from ..model.folder import Model
from ..model.heads import Head
from ..motion import lip_contact, smooth
from ..motion.retime import retime
from ..values.errors import ModelError, PresetError
from ..values.messages import split_property
from ..values.types import Curve, FloatArray, Level, Motion, Rig, RigChannel, RigCurves, Settings
from .names import find_on_rig, first_names, rig_summary
from .preset import Preset

# What decides the hidden values; large graphs have more files beside these.
MARKED_FILES = ("encoder.onnx", "decoder.onnx", "heads.npz", "phones.onnx")
RANGE_MARGIN = 0.1          # of a control's range in the take, by which a fitted head may go beyond it
AT_REST = 0.02              # of the range: nearer to an end of it, rest is that end, and the control stops there


@dataclass(frozen=True)
class Score:
    """How well one control is predicted on seconds that the fit did not see.

    Attributes:
        r: correlation with the animator's curve. rms: error in the control's own unit (radians for rotations).
        rms_mean: error of holding the mean. rms_prior, r_prior: of the preset alone; None without one.
        learned: whether the fit is better than the mean, and than the preset. Else the preset counts, and without one
            what little was found.
    """

    r: float
    rms: float
    rms_mean: float
    r_prior: float | None
    rms_prior: float | None
    learned: bool


@dataclass(frozen=True)
class Examples:
    """What a head was taught from, so that a version with other weights can learn it again.

    Attributes:
        sound: (n,) mono 16 kHz. seconds: (m,) rising, from its start. values: (m, k) of the head's controls.
    """

    sound: FloatArray
    seconds: FloatArray
    values: FloatArray


@dataclass(frozen=True)
class FittedHead:
    """A fitted head: controls = stacked, standardised features @ weight + bias (+ prior).

    Attributes:
        model, mark: id of the model, and hash of those of its files that decide the features.
        head: id of the head on whose clock it runs.
        identity, strength: style of the model in which it was fitted.
        controls: what it moves, (k).
        offsets: frames before and after that are stacked.
        centre, scale: (d,) of the features. weight (offsets * d, k), bias (k,).
        rest, low, high: (k,) value in silence, and range of the take.
        lag_s: how much later than the sound the keys are; negative where they lead.
        prior: the preset that it corrects; None stands alone.
        scores: one per control. take_s: length of the take. unheard: sounds that the take lacks, for people.
        path: its file; empty before it is saved. examples: None in files of 0.1.
    """

    name: str
    model: str
    mark: str
    head: str
    identity: str
    strength: float
    controls: tuple[RigChannel, ...]
    offsets: tuple[int, ...]
    centre: FloatArray
    scale: FloatArray
    weight: FloatArray
    bias: FloatArray
    rest: FloatArray
    low: FloatArray
    high: FloatArray
    lag_s: float
    prior: Preset | None
    scores: tuple[Score, ...]
    take_s: float
    unheard: tuple[str, ...] = ()
    path: str = ""
    examples: Examples | None = None


def label(control: RigChannel) -> str:
    """A control as people know it: a key's name, "Jaw rotation_euler X", the name of a custom property."""
    if control.kind == "bone":
        axes = "WXYZ" if control.path == "rotation_quaternion" else "XYZ"
        return f"{control.name} {control.path} {axes[control.index]}"
    return split_property(control.name)[1] or control.name if control.kind == "property" else control.name


def mark_of(model: Model) -> str:
    """Hash of the files that decide what the decoder's hidden values mean."""
    marked = [entry for entry in model.hashes if entry[0].startswith(MARKED_FILES)]
    return hashlib.sha256(repr(sorted(marked)).encode()).hexdigest()


def check_model(fitted: FittedHead, model: Model) -> None:
    """Raise ModelError where a fitted head does not belong to this model."""
    if fitted.mark != mark_of(model):
        if fitted.model != model.id:
            raise ModelError(
                f"{fitted.name!r} was taught on model {fitted.model}, not {model.id}: what it learned means nothing "
                "here. Choose that model, or teach again from your take."
            )
        first = "" if fitted.examples else "Choose the character and the sound with your keys, then "
        press = "press" if first else "Press"
        raise ModelError(
            f"{fitted.name!r} was taught on another version of model {model.id}: what it learned means nothing here. "
            f"{first}{press} Teach Again in Tools > Teach."
        )


def fitted_track(fitted: FittedHead, model: Model, like: Track, settings: Settings) -> Track:
    """The track that a fitted head needs beside that of a head, in the same style, with warnings about both."""
    style = ""
    if (fitted.identity, fitted.strength) != (settings.identity, settings.strength):
        style = (
            f"{fitted.name!r} was taught in style {fitted.identity} at strength {fitted.strength:g}; "
            f"in {settings.identity} at {settings.strength:g} it guesses."
        )
    phones = ""
    if settings.phones is not None and not settings.raw and lip_contact.has_lips(like.head.channels):
        phones = f"{fitted.name!r} does not follow edited phones: it plays what it hears."
    return replace(hidden_track(model.head(fitted.head), like), warnings=(style, phones))


def hidden_track(head: Head, like: Track) -> Track:
    """A track whose motion is what the last matrix of `head` sees, in the style of another track."""
    width = len(head.weight)
    opened = replace(
        head, id=f"{head.id} hidden", space="fitted", channels=tuple(f"hidden{number:04d}" for number in range(width)),
        weight=np.eye(width, dtype=np.float32), bias=np.zeros(width, np.float32), template=None, basis=None,
    )
    return replace(like, head=opened, template=None, warnings=())


def features_of(decoded: Decoded) -> FloatArray:
    """What a fitted head sees (n_frames, d): hidden values, and the probability of each phone that the model knows."""
    hidden = decoded.motion
    if decoded.scores is None:
        return hidden.weights
    seconds, rows = np.arange(len(hidden.weights)) / hidden.fps, np.arange(len(decoded.scores)) / decoded.rate_hz
    phones = np.stack([np.interp(seconds, rows, column) for column in np.exp(decoded.scores.T)], axis=1)
    return np.concatenate([hidden.weights, phones], axis=1).astype(np.float32)


def stack(features: FloatArray, offsets: tuple[int, ...]) -> FloatArray:
    """Each frame's features beside those of its neighbours: (n, d) -> (n, offsets * d); the ends repeat."""
    rows = np.arange(len(features))
    return np.concatenate([features[np.clip(rows + offset, 0, len(features) - 1)] for offset in offsets], axis=1)


def play(fitted: FittedHead, decoded: Decoded, motion: Motion, settings: Settings) -> Motion:
    """Controls of a fitted head, a channel each, without its prior: smoothed, as late as the animator's keys.

    Args:
        decoded: of fitted_track.
        motion: the finished motion of the same clip, whose clock counts.
    """
    features = (features_of(decoded) - fitted.centre) / fitted.scale
    controls = stack(features, fitted.offsets) @ fitted.weight + fitted.bias
    played = Motion(controls, _labels(fitted), decoded.motion.fps)
    if not settings.raw:
        softened = smooth.smooth(played, settings.smooth)
        if softened is not played:
            played, _ = lip_contact.seal(softened, lip_contact.closed_frames(played), played)
    seconds = np.arange(len(played.weights)) / played.fps
    columns = [np.interp(seconds - fitted.lag_s, seconds, column) for column in played.weights.T]
    late = replace(played, weights=np.stack(columns, axis=1).astype(np.float32))
    retimed = retime(late, motion.fps, len(motion.weights))
    return lip_contact.seal_retimed(retimed, late, lip_contact.closed_frames(late))


def to_curves(fitted: FittedHead, played: Motion, rig: Rig, level: Level, prior: RigCurves | None) -> RigCurves:
    """Curves of a rig: the prior's own, and over them each fitted control, within its range and at rest in silence.

    Args:
        played: of play(). prior: what the preset makes of the same clip, on the same clock.
        level: of the sound.
    Raises:
        PresetError: the rig has none of the controls.
    """
    places = find_on_rig(fitted.controls, rig)
    names = list(map(label, fitted.controls))
    if not any(places):
        raise PresetError(
            f"{fitted.name!r} finds nothing on this character: it moves {first_names(names)}; "
            f"the character has {rig_summary(rig)}. Choose the character that it was taught on, or another preset."
        )
    seconds = np.arange(len(played.weights)) / played.fps
    total = played.weights + _prior_values(fitted, places, prior, seconds) if prior else played.weights
    shaped = _shape(fitted, total, played.fps, level)
    curves = dict(prior.curves) if prior else {}
    for column, (to, score) in enumerate(zip(places, fitted.scores, strict=True)):
        if score.learned or prior is None:
            curves.update({place: Curve(seconds, shaped[:, column]) for place in to})
    mapped = [name for name, to in zip(names, places, strict=True) if to]
    own = {place for to in places for place in to}
    return RigCurves(
        curves, fitted.name, mapped=(*(prior.mapped if prior else ()), *mapped),
        missing=tuple(name for name, to in zip(names, places, strict=True) if not to),
        life=prior.life - own if prior else frozenset(),
    )


def _labels(fitted: FittedHead) -> tuple[str, ...]:
    """Names of the controls as channels. Without a prior, shape keys with ARKit's names are ARKit channels: closed lips
    then stay closed."""
    names = []
    for control in fitted.controls:
        is_channel = control.kind == "shape_key" and fitted.prior is None
        whole = f"{control.kind} {control.name} {control.path} {control.index}"
        names.append(control.name if is_channel else whole)
    return tuple(names)


def _prior_values(
    fitted: FittedHead, places: tuple[tuple[RigChannel, ...], ...], prior: RigCurves, seconds: NDArray[np.float64],
) -> FloatArray:
    """What the preset says of each control (n, k), as late as the animator's keys; rest where it says nothing."""
    columns = []
    for to, rest in zip(places, fitted.rest, strict=True):
        curve = next((prior.curves[place] for place in to if place in prior.curves), None)
        if curve is None:
            columns.append(np.full(len(seconds), rest))
        else:
            columns.append(np.interp(seconds - fitted.lag_s, curve.seconds, curve.values))
    return np.stack(columns, axis=1).astype(np.float32)


def _shape(fitted: FittedHead, values: FloatArray, fps: float, level: Level) -> FloatArray:
    reach = fitted.high - fitted.low
    below, above = (
        np.where(np.abs(fitted.rest - end) <= AT_REST * reach, 0, RANGE_MARGIN * reach)
        for end in (fitted.low, fitted.high)
    )
    bounded = np.clip(values, fitted.low - below, fitted.high + above)
    seconds = np.arange(len(values)) / fps
    gate = smooth.loudness_gate(level, seconds)
    late = np.interp(seconds - fitted.lag_s, seconds, gate).astype(np.float32)[:, None]
    away = Motion(late * (bounded - fitted.rest), tuple(map(str, range(len(fitted.controls)))), fps)
    return smooth.ease_ends(away).weights + fitted.rest
