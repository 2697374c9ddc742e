"""The sound of the last clips, decoded: so that a change of style does not read the file again. Safe on any thread."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import astuple, replace

from ...engine import Waveform
from . import clip as clips
from .clip import SoundClip

MAX_BYTES = 128 * 2**20        # 35 minutes; a longer clip is read anew each time

_cached: OrderedDict[object, Waveform] = OrderedDict()
_lock = threading.Lock()


def read(clip: SoundClip) -> Waveform:
    """As clip.read, but a clip whose file has not changed since is not decoded again."""
    key = _key(clip)
    with _lock:
        if key in _cached:
            _cached.move_to_end(key)
            return _cached[key]
    wave = clips.read(clip)
    with _lock:
        if key is not None and wave.samples.nbytes <= MAX_BYTES:
            _cached[key] = wave
            while sum(cached.samples.nbytes for cached in _cached.values()) > MAX_BYTES:
                _cached.popitem(last=False)
    return wave


def forget() -> None:
    """Drop all sounds."""
    with _lock:
        _cached.clear()


def _key(clip: SoundClip) -> object:
    """What changes when the sound changes; None where that cannot be known."""
    place = astuple(replace(clip, packed=None, name="", mark="", scene="", start_frame=0.0))
    if clip.packed is not None:
        return place, hashlib.blake2b(clip.packed, digest_size=16).digest()
    try:
        state = os.stat(clip.path)
    except OSError:
        return None
    return place, state.st_mtime_ns, state.st_size
