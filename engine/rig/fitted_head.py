"""A head that an animator taught: from the decoder's hidden values to the controls of one rig.

Beside retarget.py: where a preset mixes channels of a head, a taught head is a head of its own, and its channels are the rig's controls. It may
stand on a preset, its prior: the preset moves the face, and the taught head adds what the animator does differently. teach.py makes it,
taught_file.py keeps it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..model.decode import Decoded, Track
from ..model.folder import Model
from ..model.heads import Head
from ..motion import smooth
from ..motion.retime import retime
from ..values.errors import ModelError, PresetError
from ..values.types import Curve, FloatArray, Motion, Rig, RigChannel, RigCurves, Settings, Waveform
from .names import find_on_rig, first_names, rig_summary
from .preset import Preset

MARKED_FILES = ("encoder.onnx", "decoder.onnx", "heads.npz", "phones.onnx")     # what decides the hidden values; large graphs have more files beside them
RANGE_MARGIN = 0.1          # of a control's range in the take, by which a taught head may go beyond it
AT_REST = 0.02              # of the range: nearer than this to an end of it, rest is that end, and a control stops there as it did in the take


@dataclass(frozen=True)
class Score:
    """How well one control is predicted on seconds that the fit did not see.

    Attributes:
        r: correlation with the animator's curve. rms: error in the control's own unit (radians for rotations).
        rms_mean: error of holding the mean. rms_prior, r_prior: of the preset alone; None without one.
        learned: whether the fit is better than the mean, and than the preset; else the preset counts, and without one what little was found.
    """

    r: float
    rms: float
    rms_mean: float
    r_prior: float | None
    rms_prior: float | None
    learned: bool


@dataclass(frozen=True)
class Taught:
    """A taught head: controls = stacked, standardised features @ weight + bias (+ prior).

    Attributes:
        model, mark: id of the model, and hash of those of its files that decide the features.
        head: id of the head on whose clock it runs.
        identity, strength: style of the model in which it was taught.
        controls: what it moves, (k).
        offsets: frames before and after that are stacked.
        centre, scale: (d,) of the features. weight (offsets * d, k), bias (k,).
        rest, low, high: (k,) value in silence, and range of the take.
        lag_s: how much later than the sound the keys are; negative where they lead.
        prior: the preset that it corrects; None stands alone.
        scores: one per control. take_s: length of the take. unheard: sounds that the take lacks, for people.
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


def label(control: RigChannel) -> str:
    """A control as people know it: a key's name, "Jaw rotation_euler X", the name of a custom property."""
    if control.kind == "bone":
        return f"{control.name} {control.path} {('WXYZ' if control.path == 'rotation_quaternion' else 'XYZ')[control.index]}"
    return control.name.rpartition('["')[2].removesuffix('"]') if control.kind == "property" else control.name


def mark_of(model: Model) -> str:
    """Hash of the files that decide what the decoder's hidden values mean."""
    kept = [entry for entry in model.hashes if entry[0].startswith(MARKED_FILES)]
    return hashlib.sha256(repr(sorted(kept)).encode()).hexdigest()


def check_model(taught: Taught, model: Model) -> None:
    """Raise ModelError where a taught head does not belong to this model."""
    if taught.mark != mark_of(model):
        same = f"another version of model {model.id}" if taught.model == model.id else f"model {taught.model}, not {model.id}"
        raise ModelError(f"{taught.name!r} was taught on {same}: what it learned means nothing here. Choose that model, or teach again from your take.")


def other_style(taught: Taught, settings: Settings) -> str:
    """A sentence for the user where a taught head plays in another style than it learned in; else empty."""
    if (taught.identity, taught.strength) == (settings.identity, settings.strength):
        return ""
    return f"{taught.name!r} was taught in style {taught.identity} at strength {taught.strength:g}; in {settings.identity} at {settings.strength:g} it guesses."


def hidden_track(head: Head, like: Track) -> Track:
    """A track whose motion is what the last matrix of `head` sees, in the style of another track."""
    width = len(head.weight)
    names = tuple(f"hidden{number:04d}" for number in range(width))
    opened = replace(head, id=f"{head.id} hidden", space="blendshapes", channels=names, weight=np.eye(width, dtype=np.float32),
                     bias=np.zeros(width, np.float32), template=None, basis=None)
    return Track(opened, like.style, None, like.exact)


def features_of(decoded: Decoded, rate_hz: int) -> FloatArray:
    """What a taught head sees (n_frames, d): hidden values, and the probability of each phone where the model hears phones."""
    hidden = decoded.motion
    if decoded.scores is None:
        return hidden.weights
    seconds, rows = np.arange(len(hidden.weights)) / hidden.fps, np.arange(len(decoded.scores)) / rate_hz
    heard = np.stack([np.interp(seconds, rows, column) for column in np.exp(decoded.scores.T)], axis=1)
    return np.concatenate([hidden.weights, heard], axis=1).astype(np.float32)


def stack(features: FloatArray, offsets: tuple[int, ...]) -> FloatArray:
    """Each frame's features beside those of its neighbours: (n, d) -> (n, offsets * d); the ends repeat."""
    rows = np.arange(len(features))
    return np.concatenate([features[np.clip(rows + offset, 0, len(features) - 1)] for offset in offsets], axis=1)


def drive(taught: Taught, decoded: Decoded, rate_hz: int, motion: Motion, settings: Settings) -> Motion:
    """What the taught head says on the clock of a finished motion, a channel per control, without prior: smoothed, as late as the animator's keys.

    Args:
        decoded: of hidden_track.
        motion: the finished motion of the same clip: its clock counts.
    """
    features = (features_of(decoded, rate_hz) - taught.centre) / taught.scale
    said = Motion(stack(features, taught.offsets) @ taught.weight + taught.bias, _labels(taught), decoded.motion.fps)
    if not settings.raw:
        said = smooth.smooth(said, settings.smooth)
    seconds = np.arange(len(said.weights)) / said.fps
    moved = np.stack([np.interp(seconds - taught.lag_s, seconds, column) for column in said.weights.T], axis=1).astype(np.float32)
    return retime(replace(said, weights=moved), motion.fps, len(motion.weights))


def to_curves(taught: Taught, said: Motion, rig: Rig, wave: Waveform, prior: RigCurves | None) -> RigCurves:
    """Curves of a rig: the prior's own, and for each taught control what was said, within its range and at rest in silence.

    Args:
        said: of drive(). prior: what the preset makes of the same clip, on the same clock.
    Raises:
        PresetError: the rig has none of the controls.
    """
    places = find_on_rig(taught.controls, rig)
    if not any(places):
        raise PresetError(
            f"{taught.name!r} finds nothing on this character: it moves {first_names(list(map(label, taught.controls)))}; "
            f"the character has {rig_summary(rig)}. Choose the character that it was taught on, or another preset."
        )
    seconds = np.arange(len(said.weights)) / said.fps
    total = said.weights + _prior_values(taught, places, prior, seconds) if prior else said.weights
    shaped = _shape(taught, total, said.fps, wave)
    curves = dict(prior.curves) if prior else {}
    for column, (to, score) in enumerate(zip(places, taught.scores, strict=True)):
        if score.learned or prior is None:
            curves.update({place: Curve(seconds, shaped[:, column]) for place in to})
    names = list(map(label, taught.controls))
    return RigCurves(
        curves, taught.name, mapped=(*(prior.mapped if prior else ()), *(name for name, to in zip(names, places, strict=True) if to)),
        missing=tuple(name for name, to in zip(names, places, strict=True) if not to),
        life=(prior.life if prior else frozenset()) - {place for to in places for place in to},
    )


def _labels(taught: Taught) -> tuple[str, ...]:
    """Names of the controls as channels. Alone, shape keys with ARKit's names are ARKit channels: closed lips then stay closed."""
    plain = taught.prior is None
    return tuple(one.name if one.kind == "shape_key" and plain else f"{one.kind} {one.name} {one.path} {one.index}" for one in taught.controls)


def _prior_values(taught: Taught, places: tuple[tuple[RigChannel, ...], ...], prior: RigCurves, seconds: NDArray[np.float64]) -> FloatArray:
    """What the preset says of each control (n, k), as late as the animator's keys; rest where it says nothing."""
    columns = []
    for column, to in enumerate(places):
        curve = next((prior.curves[place] for place in to if place in prior.curves), None)
        flat = np.full(len(seconds), taught.rest[column])
        columns.append(flat if curve is None else np.interp(seconds - taught.lag_s, curve.seconds, curve.values))
    return np.stack(columns, axis=1).astype(np.float32)


def _shape(taught: Taught, values: FloatArray, fps: float, wave: Waveform) -> FloatArray:
    reach = taught.high - taught.low
    below, above = (np.where(np.abs(taught.rest - end) <= AT_REST * reach, 0, RANGE_MARGIN * reach) for end in (taught.low, taught.high))
    bounded = np.clip(values, taught.low - below, taught.high + above)
    gate = smooth.close_in_silence(Motion(np.ones((len(values), 1), np.float32), ("gate",), fps), wave).weights[:, 0]
    seconds = np.arange(len(values)) / fps
    late = np.interp(seconds - taught.lag_s, seconds, gate).astype(np.float32)[:, None]
    away = Motion(late * (bounded - taught.rest), tuple(map(str, range(len(taught.controls)))), fps)
    return smooth.ease_ends(away).weights + taught.rest
