"""Hear the manner of a voice, and make a style of it: loud or soft effort, whisper, song, haste, laughter.

A linear map of the numbers of audio/voice_manner.py gives how likely each manner is. Each manner stands for amounts of
the model's own styles, so the result is a vector like any other, and one can say in words what was heard. voice.npz of
a model folder holds mean (n,), scale (n,), weight (n, m) and bias (m,); `manners` in model.json has the m manners, each
with amounts of identities by their ids. How it was taught: weights/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..audio.voice_manner import manner_statistics
from ..values.errors import SettingError
from ..values.types import FloatArray, Waveform
from .folder import VOICE_FILE, Model
from .heads import broken, load_arrays

SAID_FROM = 0.25            # amount of a style from which it is named


@dataclass(frozen=True)
class HeardStyle:
    """A style from a voice: its vector (s,), what was heard in words, and how likely each manner is."""

    vector: FloatArray
    heard: str
    manners: dict[str, float]


def hear_style(wave: Waveform, model: Model) -> HeardStyle:
    """The style of the manner in which a sound is spoken; the pivot's vector where too little is spoken.

    Raises:
        SettingError: the model has no ear for voices. ModelError: its voice.npz is damaged.
    """
    if not model.manners or model.pivot is None:
        raise SettingError(
            f"Model {model.id} cannot take its style from a voice. Choose a model that can, such as mini, "
            "or an identity."
        )
    pivot, voice = model.styles[model.pivot], manner_statistics(wave)
    if voice is None:
        return HeardStyle(pivot, "too little speech to hear a manner", {})
    arrays = load_arrays(model.folder, VOICE_FILE)
    try:
        scores = (voice - arrays["mean"]) / arrays["scale"] @ arrays["weight"] + arrays["bias"]
        likely = np.exp(scores - scores.max())
        likely /= likely.sum()
        amounts = likely @ _amounts(model)
        vector = pivot + amounts @ (model.styles - pivot)
        manners = dict(zip([name for name, _ in model.manners], likely.tolist(), strict=True))
    except (KeyError, ValueError) as error:
        raise broken(model.folder, f"{VOICE_FILE} does not fit the model ({error})") from error
    return HeardStyle(np.asarray(vector, np.float32), _in_words(amounts, manners, model), manners)


def _amounts(model: Model) -> FloatArray:
    """(manners, identities): how much of each style a manner asks for. Raises ValueError: an identity is not there."""
    ids = [identity.id for identity in model.identities]
    amounts = np.zeros((len(model.manners), len(ids)))
    for row, (_, styles) in enumerate(model.manners):
        for style, amount in styles:
            amounts[row, ids.index(style)] = amount
    return amounts


def _in_words(amounts: FloatArray, manners: dict[str, float], model: Model) -> str:
    """For example "shouted: Energetic 1.2"; without a style that counts, the manner and the neutral style."""
    manner = max(manners, key=lambda name: manners[name])
    named = [
        f"{model.identities[row].label} {amounts[row]:.1f}"
        for row in np.argsort(-amounts) if amounts[row] >= SAID_FROM and row != model.pivot
    ]
    return f"{manner}: {', '.join(named) or 'neutral style'}"
