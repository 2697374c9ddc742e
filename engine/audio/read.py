"""Read any sound as mono 16 kHz: the first step of the pipeline.

Knows files, sample rates and channels; knows nothing of models. Blocks are read, mixed and resampled one by one, so an
hour of stereo at 96 kHz needs no more memory than its mono 16 kHz result.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..values.errors import AudioError
from ..values.messages import number_of
from ..values.packages import needs
from ..values.types import SAMPLE_RATE_HZ, FloatArray, Waveform

MIN_DURATION_S = 0.1        # shorter than one short vowel: nothing to animate
MAX_DURATION_S = 6 * 3600   # 1.4 GB as float32; longer recordings are a mistake in the file more often than a wish
MIN_RATE_HZ = 4_000         # below this no consonant is left
MAX_RATE_HZ = 768_000
BLOCK_S = 10                # seconds read at a time
RESAMPLE_QUALITY = "HQ"     # soxr's default grade: flat to 0.91 of the band, 120 dB rejection
STREAM_BYTES = 0x7FFF_0000  # a size from here on stands for "not known yet" in what programs pipe
# libsndfile's log of a wav or aiff whose sound ends early
SHORTENED = re.compile(r"^ ?(?:data|SSND) : (\d+) \(should be (\d+)\)$", re.MULTILINE)
MAX_PEAK = 1_000            # 60 dB above full scale; more is another unit, for example 16-bit values written as float


def read_audio(path: str | Path, channel: int = 0) -> Waveform:
    """Read a wav, flac, ogg or mp3 file of any rate and channel count.

    Args:
        path: the sound file.
        channel: which of its channels is meant, 1 for the first (left); 0 averages all.
    Returns:
        Mono 16 kHz sound, as loud as in the file.
    Raises:
        AudioError: missing, empty, corrupt, cut off or unknown file; no such channel; not finite; shorter than 0.1 s or
            longer than 6 h.
    """
    with needs("soundfile"):
        import soundfile

    _check_file(path)
    try:
        name = str(path) if sys.platform == "win32" else os.fsencode(path)      # bytes: a name need not be UTF-8
        with soundfile.SoundFile(name) as file:
            _check_whole(file, path)
            return _to_waveform(_blocks(file), file.samplerate, str(path), channel)
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"Sound file cannot be read: {path} ({error.error_string.rstrip('.')}). "
            "Wav, flac, ogg and mp3 work; convert it, or export it again."
        ) from error


def from_array(samples: NDArray[Any], rate_hz: float, name: str = "sound array", channel: int = 0) -> Waveform:
    """Take sound that is already in memory, for example from Blender's own decoder.

    Args:
        samples: (n,) or (n, channels), float (full scale +-1) or integer (full scale of its type).
        rate_hz: sample rate of the array in Hz.
        name: where it comes from, for messages.
        channel: which channel is meant, 1 for the first (left); 0 averages all.
    Returns:
        Mono 16 kHz sound.
    Raises:
        AudioError: empty, not finite, of a wrong shape or rate, without this channel, shorter than 0.1 s or longer than
            6 h.
    """
    array = np.asarray(samples)
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise AudioError(f"Sound array must be (n,) or (n, channels), got shape {array.shape}.")
    if array.ndim == 1:
        array = array[:, None]
    step = max(1, int(BLOCK_S * min(rate_hz, MAX_RATE_HZ))) if rate_hz > 0 else 1
    blocks = (_as_float(array[start:start + step]) for start in range(0, len(array), step))
    return _to_waveform(blocks, rate_hz, name, channel)


def _check_file(path: str | Path) -> None:
    if os.path.exists(path) and not os.path.isfile(path):
        raise AudioError(
            f"Sound file {path} is a folder, pipe or device. "
            "Give a sound file; save what comes from a pipe first."
        )
    if not os.path.isfile(path):        # os.path: a name that is too long or behind a locked folder is not there either
        raise AudioError(f"Sound file not found: {path}. Check the path, or pick the file again.")
    if not os.access(path, os.R_OK):
        raise AudioError(f"Sound file may not be read: {path} (permission denied). Change its permissions, or copy it.")
    if os.path.getsize(path) == 0:
        raise AudioError(f"Sound file is empty (0 bytes): {path}. Export it again.")


def _check_whole(file: Any, path: str | Path) -> None:     # noqa: ANN401  soundfile has no types
    """Refuse a wav or aiff that was not copied or written to its end: half a line would get half a mouth unnoticed."""
    sizes = SHORTENED.search(file.extra_info)
    if sizes is None or int(sizes[1]) >= STREAM_BYTES or int(sizes[2]) == 0:
        return
    there_s = file.frames / file.samplerate
    promised_s = there_s * int(sizes[1]) / int(sizes[2])
    if promised_s - there_s > MIN_DURATION_S:
        raise AudioError(
            f"Sound file is cut off: {path} should last {promised_s:.2f} s, {there_s:.2f} s are there. "
            "Copy or export it again; to use what is there, save it anew in a sound editor."
        )


def _blocks(file: Any) -> Iterator[FloatArray]:     # noqa: ANN401  soundfile has no types
    """What is really in an opened SoundFile; its own blocks() repeats samples where a file ends early."""
    while len(block := file.read(BLOCK_S * file.samplerate, dtype="float32", always_2d=True)):
        yield block


def _to_waveform(blocks: Iterable[FloatArray], rate_hz: float, name: str, channel: int) -> Waveform:
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"Sample rate of {name} is {rate_hz:g} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz work. "
            "Convert the sound to 48000 Hz."
        )
    pieces = list(_resample(_mono((_of_channel(block, channel, name) for block in blocks), rate_hz, name), rate_hz))
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    duration_s = len(samples) / SAMPLE_RATE_HZ
    if duration_s < MIN_DURATION_S:
        raise AudioError(
            f"Sound is too short: {name} lasts {math.floor(1000 * duration_s) / 1000:.3f} s, "
            f"at least {MIN_DURATION_S} s is needed. Choose a longer one."
        )
    return Waveform(samples)


def _of_channel(block: FloatArray, channel: int, name: str) -> FloatArray:
    """One channel of a block (n, channels) as (n, 1); 0 gives all. Raises AudioError."""
    if not 0 <= channel <= block.shape[1]:
        there = "only one channel" if block.shape[1] == 1 else number_of(block.shape[1], "channel")
        raise AudioError(
            f"Audio channel {channel} is wanted and {name} has {there}. "
            f"Choose one from 1 to {block.shape[1]}, or 0 for all of them mixed."
        )
    return block[:, channel - 1:channel] if channel else block


def _mono(blocks: Iterable[FloatArray], rate_hz: float, name: str) -> Iterator[FloatArray]:
    """Average the channels of each block, checking values and length on the way."""
    n_read = 0
    for block in blocks:
        if not np.isfinite(block).all():
            frame = n_read + int(np.argmin(np.isfinite(block).all(axis=1)))
            raise AudioError(
                f"Sound holds a value that is not a number at {frame / rate_hz:.2f} s: {name}. "
                "Export it again as 16-bit wav."
            )
        peak = float(np.abs(block).max(initial=0))
        if peak > MAX_PEAK:
            raise AudioError(
                f"Sound reaches {peak:.3g}, full scale is 1 and {MAX_PEAK:,} the limit: {name}. "
                "Export it again as 16-bit wav."
            )
        n_read += len(block)
        if n_read > MAX_DURATION_S * rate_hz:
            limit_h = MAX_DURATION_S // 3600
            raise AudioError(f"Sound is too long: {name} lasts more than {limit_h} h. Split it into parts.")
        yield block.mean(axis=1, dtype=np.float32)


def _resample(blocks: Iterable[FloatArray], rate_hz: float) -> Iterator[FloatArray]:
    if rate_hz == SAMPLE_RATE_HZ:
        yield from blocks
        return
    with needs("soxr"):
        import soxr

    stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality=RESAMPLE_QUALITY)
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _as_float(block: NDArray[Any]) -> FloatArray:
    if np.issubdtype(block.dtype, np.floating):
        return block.astype(np.float32, copy=False)
    if block.dtype == np.uint8:
        return np.asarray((block.astype(np.float32) - 128) / 128, np.float32)
    if np.issubdtype(block.dtype, np.signedinteger):
        return np.asarray(block / -float(np.iinfo(block.dtype).min), np.float32)
    raise AudioError(f"Sound array holds {block.dtype} values; float, uint8 or signed integers work.")
