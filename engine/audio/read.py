"""Read any sound as mono 16 kHz: the first step of the pipeline.

Knows files, sample rates and channels; knows nothing of models. Blocks are read, mixed and resampled one by one, so an
hour of stereo at 96 kHz needs no more memory than its mono 16 kHz result.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..values.errors import AudioError, InstallError
from ..values.messages import number_of
from ..values.packages import needs
from ..values.types import SAMPLE_RATE_HZ, FloatArray, Waveform
from .sound_file import LONGEST_S, STREAM_BYTES, SoundFile, check_whole, inspect

MIN_DURATION_S = 0.1        # shorter than one short vowel: nothing to animate
MAX_DURATION_S = LONGEST_S  # 1.4 GB as float32; longer recordings are a mistake in the file more often than a wish
MIN_RATE_HZ = 4_000         # below this no consonant is left
MAX_RATE_HZ = 768_000
BLOCK_S = 10                # seconds read at a time
RESAMPLE_QUALITY = "HQ"     # soxr's default grade: flat to 0.91 of the band, 120 dB rejection
KINDS = "wav", "aiff", "flac", "ogg", "mp3"        # no other reaches libsndfile, whose rarer decoders have had holes
MP3_SLACK_S = 0.5           # by which the reader's guess at an mp3 file's length may be off
MAX_PEAK = 1_000            # 60 dB above full scale; more is another unit, for example 16-bit values written as float


def read_audio(path: str | Path, channel: int = 0) -> Waveform:
    """Read a wav, aiff, flac, ogg or mp3 file of any rate and channel count.

    Args:
        path: the sound file.
        channel: which of its channels is meant, 1 for the first (left); 0 averages all.
    Returns:
        Mono 16 kHz sound, as loud as in the file, with a warning where that may have been cut off.
    Raises:
        AudioError: missing, empty, corrupt, cut off or unknown file; no such channel; not finite; shorter than 0.1 s or
            longer than 6 h.
    """
    _check_file(path)
    found = inspect(path)
    if found.kind not in KINDS:
        raise _unreadable(path, "not a wav, aiff, flac, ogg or mp3 file")
    warning = check_whole(path, found)
    with _open(path, found) as file:
        if found.kind == "flac":
            _check_flac(file, path)
        wave = _to_waveform(_blocks(file, path), file.samplerate, str(path), channel)
    if found.kind == "mp3" and found.there_s - wave.duration_s > MP3_SLACK_S:
        raise _unreadable(path, f"it does not say its length, so only {wave.duration_s:.2f} s of it were found")
    return Waveform(wave.samples, warning)


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


def check_sound(path: str | Path) -> tuple[bool, str]:
    """Whether every decoder reads the same samples of a file and can enter it anywhere, and a warning or "".

    For callers that have a decoder of their own. Mp3 and ogg, whatever the name of the file, are none of those:
    decoders differ in where such sound begins.
    Raises:
        AudioError: missing, empty, or cut off.
    """
    _check_file(path)
    found = inspect(path)
    warning = check_whole(path, found)
    if found.kind == "flac":
        with contextlib.suppress(InstallError), _open(path, found) as file:
            _check_flac(file, path)
    return found.is_plain, warning


def sound_length_s(path: str | Path) -> float:
    """Seconds of a sound file, as its header says. Raises AudioError, OSError."""
    _check_file(path)
    with _open(path, inspect(path)) as file:
        return float(file.frames / file.samplerate)


@contextlib.contextmanager
def _open(path: str | Path, found: SoundFile) -> Iterator[Any]:
    with needs("soundfile"):
        import soundfile

    name = str(path) if sys.platform == "win32" else os.fsencode(path)      # bytes: a name need not be UTF-8
    with contextlib.ExitStack() as stack:
        source = name if found.open_size_at < 0 else stack.enter_context(_WithSize(name, found.open_size_at))
        try:
            file = stack.enter_context(soundfile.SoundFile(source))
        except RuntimeError as error:       # of which newer versions have kinds of their own
            raise _unreadable(path, error) from error
        yield file


class _WithSize(io.FileIO):
    """A wav file, read as if its header said how many bytes of samples follow."""

    def __init__(self, name: str | bytes, size_at: int) -> None:
        super().__init__(name)
        there = os.fstat(self.fileno()).st_size - size_at - 4
        self._at, self._size = size_at, min(there, STREAM_BYTES).to_bytes(4, "little")

    def readinto(self, buffer: Any) -> int:     # noqa: ANN401  anything that takes bytes
        """Read on, as io.RawIOBase.readinto."""
        start = self.tell()
        view = memoryview(buffer).cast("B")
        count = super().readinto(view) or 0
        for number, byte in enumerate(self._size):
            if start <= self._at + number < start + count:
                view[self._at + number - start] = byte
        return count


def _check_flac(file: Any, path: str | Path) -> None:       # noqa: ANN401  soundfile has no types
    """Go to the end that a flac file says it has. Raises AudioError: it has not."""
    try:
        if file.frames > 0:
            file.seek(file.frames - 1)
            file.seek(0)
    except RuntimeError as error:
        check_whole(path, SoundFile("flac", promised_s=file.frames / file.samplerate, is_cut=True))
        raise _unreadable(path, error) from error


def _unreadable(path: str | Path, reason: object) -> AudioError:
    text = str(getattr(reason, "error_string", reason)).rstrip(".")
    return AudioError(
        f"Sound file cannot be read: {path} ({text}). Wav, flac, ogg and mp3 work; convert it, or export it again."
    )


def _blocks(file: Any, path: str | Path) -> Iterator[FloatArray]:     # noqa: ANN401  soundfile has no types
    """What is really in an opened SoundFile; its own blocks() repeats samples where a file ends early."""
    while True:
        try:
            block = file.read(BLOCK_S * file.samplerate, dtype="float32", always_2d=True)
        except RuntimeError as error:
            raise _unreadable(path, error) from error
        if not len(block):
            return
        yield block


def _joined(pieces: list[FloatArray]) -> FloatArray:
    """The pieces in a row. Each is given up once it is copied, the last one first, so that the system gets its memory
    back: a long sound is not there twice."""
    samples: FloatArray = np.empty(sum(map(len, pieces)), np.float32)
    stop = len(samples)
    while pieces:
        piece = pieces.pop()
        samples[stop - len(piece):stop] = piece
        stop -= len(piece)
    return samples


def _to_waveform(blocks: Iterable[FloatArray], rate_hz: float, name: str, channel: int) -> Waveform:
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"Sample rate of {name} is {rate_hz:g} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz work. "
            "Convert the sound to 48000 Hz."
        )
    pieces = list(_resample(_mono((_of_channel(block, channel, name) for block in blocks), rate_hz, name), rate_hz))
    samples = _joined(pieces)
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
