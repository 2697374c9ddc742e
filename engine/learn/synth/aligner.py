"""Phone times of English recordings from their transcript: forced alignment with pocketsphinx and the model that its package brings."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...values.errors import EngineError
from .phones import ARPABET, Phone, classes_of, merge_silences, split_evenly

FRAME_S = 0.010


def align_english(samples: NDArray[Any], transcript: str, name: str) -> tuple[Phone, ...]:
    """Phones of a recording (n,) at 16 kHz, full scale +-1, that says the transcript.

    Raises:
        EngineError: pocketsphinx is not installed, its dictionary lacks a word, or the sound does not fit the text.
    """
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise EngineError(f"Aligning {name} needs pocketsphinx ({error}). Install it: pip install pocketsphinx.") from error
    words = re.findall(r"[a-z']+", transcript.lower())
    decoder = Decoder(samprate=16000, loglevel="FATAL", bestpath=False)
    unknown = [word for word in words if decoder.lookup_word(word) is None]
    if unknown or not words:
        raise EngineError(f"Transcript of {name} has words that pocketsphinx does not know: {', '.join(unknown) or 'none at all'}. Spell them otherwise.")
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes()
    decoder.set_align_text(" ".join(words))
    _decode(decoder, pcm)
    if decoder.hyp() is None:
        raise EngineError(f"The sound of {name} does not fit its transcript ({len(words)} words). Check that they belong together.")
    decoder.set_alignment()  # second pass: from words to phones
    _decode(decoder, pcm)
    phones: list[Phone] = []
    for entry in decoder.get_alignment().phones():
        symbol = str(entry.name).lower()
        classes = ("SIL",) if symbol.startswith("+") or symbol == "sil" else classes_of(symbol, ARPABET, "pocketsphinx")
        phones.extend(split_evenly(classes, entry.start * FRAME_S, (entry.start + entry.duration) * FRAME_S))
    return tuple(merge_silences(phones))


def _decode(decoder: Any, pcm: bytes) -> None:  # noqa: ANN401  pocketsphinx has no types
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
