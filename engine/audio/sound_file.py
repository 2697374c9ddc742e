"""What the bytes of a sound file say before any decoder sees them: its kind, and whether all of it is there.

Half a line would get half a mouth unnoticed. A header that promises more than there is means a file that was cut off,
or a program that wrote to a pipe and did not know the length; what else is in the file tells them apart.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ..values.errors import AudioError

SLACK_S = 0.1               # what may lack without a word: shorter than one short vowel
LONGEST_S = 6 * 3600        # no recording of this product lasts longer, so a header that says so means nothing
STREAM_BYTES = 0x7FFF_0000  # a size from here on stands for "not known yet" in what programs pipe
ROUND_BYTES = 1_000_000, 2**20      # nor does a recording end after a whole number of these, but for chance
CHUNK_HEADER = 8            # bytes, of wav and aiff, which the size of the file does not count
PLAIN_CODECS = 1, 3, 6, 7, 0xFFFE   # of a wav file: integers, floats, A-law, mu-law, and those with a longer header
W64_START = b"riff\x2e\x91\xcf\x11"
OGG_PAGE_BYTES = 65_307     # at most
SEARCH_BYTES = 16_384       # before the first frame of an mp3 file
MP3_KBPS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
MP3_RATES_HZ = 44_100, 48_000, 32_000


@dataclass(frozen=True)
class SoundFile:
    """What a sound file is.

    Attributes:
        kind: wav, aiff, flac, ogg, mp3, w64 or au; "" for anything else.
        is_plain: whether its samples lie in it one by one or as flac, so that every decoder reads the same ones.
        promised_s, there_s: how long its header says that it lasts, and how much of it is there; 0 where not known.
        is_cut: whether its end lacks; may_be_cut: whether that cannot be told.
        open_size_at: byte of a wav file's size of the samples, 0, which a program that wrote to a pipe left open;
            -1 in other files.
    """

    kind: str
    is_plain: bool = False
    promised_s: float = 0.0
    there_s: float = 0.0
    is_cut: bool = False
    may_be_cut: bool = False
    open_size_at: int = -1


def inspect(path: str | Path) -> SoundFile:
    """Look at the headers and the end of a sound file. Raises OSError."""
    with open(path, "rb") as file:
        total = os.fstat(file.fileno()).st_size
        head = file.read(12)
        if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:] == b"WAVE":
            return _wav(file, head, total)
        if head[:8] == W64_START:
            return _w64(file, total)
        if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
            return _aiff(file, head, total)
        if head[:4] == b".snd":
            return _au(file, total)
        if head[:4] == b"OggS":
            return _ogg(file, total)
        start = _after_id3(file, head)
        file.seek(start)
        if file.read(4) == b"fLaC":
            return SoundFile("flac", is_plain=True)
        return _mp3(file, start, total)


def check_whole(path: str | Path, found: SoundFile) -> str:
    """A warning for a file that may have been cut off, else "". Raises AudioError: it was cut off."""
    if found.is_cut:
        how = "ends in the middle"
        if found.promised_s:
            there = f", {found.there_s:.2f} s are there" if found.there_s else " and ends before"
            how = f"should last {found.promised_s:.2f} s{there}"
        raise AudioError(
            f"Sound file is cut off: {path} {how}. "
            "Copy or export it again; to use what is there, save it anew in a sound editor."
        )
    if not found.may_be_cut:
        return ""
    return (
        f"{Path(path).name} may be cut off: it does not end as such files do. All that is there was used; "
        "compare its end with the original."
    )


@dataclass(frozen=True)
class _Sizes:
    """Bytes: of the samples as promised and as there, of the file as promised (0: not said) and as it is; a second."""

    promised: int
    there: int
    container: int
    total: int
    a_second: float

    def is_placeholder(self) -> bool:
        """Whether the promise cannot be meant: too long, a number that stands for "not known", or the file is whole."""
        open_ends = range(STREAM_BYTES, 2 * STREAM_BYTES)
        return (
            self.promised / self.a_second > LONGEST_S or self.promised in open_ends or self.container in open_ends
            or self.container <= self.total
        )


def _judge(found: SoundFile, sizes: _Sizes) -> SoundFile:
    """The same with what sizes say of its end."""
    if sizes.a_second <= 0 or sizes.promised - sizes.there <= SLACK_S * sizes.a_second or sizes.is_placeholder():
        return found
    written = sizes.promised, sizes.container, sizes.container - CHUNK_HEADER
    is_round = any(size % unit == 0 for size in written for unit in ROUND_BYTES)
    in_doubt = is_round or sizes.promised > sizes.container
    return replace(
        found, promised_s=sizes.promised / sizes.a_second, there_s=sizes.there / sizes.a_second,
        is_cut=not in_doubt, may_be_cut=in_doubt,
    )


def _chunks(file: BinaryIO, at: int, total: int, form: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, position and size of each chunk's content; form is the size's format: <I, >I or, of a w64 file, <Q."""
    name_bytes, step, counted = (16, 8, 24) if form == "<Q" else (4, 2, 0)
    header = name_bytes + struct.calcsize(form)
    while at + header <= total:
        file.seek(at)
        name = file.read(name_bytes)
        size = struct.unpack(form, file.read(header - name_bytes))[0] - counted
        yield name[:4], at + header, size
        if size < 0:
            return
        at += header + -(-size // step) * step


def _wav(file: BinaryIO, head: bytes, total: int) -> SoundFile:
    order = ">" if head[:4] == b"RIFX" else "<"
    container = struct.unpack(f"{order}I", head[4:8])[0] + 8
    codec, bytes_per_s, long_sizes = 0, 0, (0, 0)
    for name, at, size in _chunks(file, 12, total, f"{order}I"):
        file.seek(at)
        if name == b"ds64" and size >= 16:
            long_sizes = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))
        elif name == b"fmt " and size >= 12:
            codec, _, _, bytes_per_s = struct.unpack(f"{order}HHII", file.read(12).ljust(12, b"\0"))
        elif name == b"data":
            found = SoundFile("wav", codec in PLAIN_CODECS)
            if size == 0 and total > at and not _is_chunk(file.read(8), total - at, order):
                return SoundFile("wav", codec in PLAIN_CODECS, open_size_at=at - 4)
            if head[:4] in (b"RF64", b"BW64") and size == 0xFFFF_FFFF:
                return _judge(found, _Sizes(long_sizes[1], total - at, long_sizes[0] + 8, total, bytes_per_s))
            return _judge(found, _Sizes(size, total - at, container, total, bytes_per_s))
    return SoundFile("wav", codec in PLAIN_CODECS)


def _is_chunk(header: bytes, room: int, order: str) -> bool:
    """Whether bytes are the header of a chunk that fits: so the one before it is empty indeed."""
    return len(header) == 8 and bool(re.fullmatch(rb"[ -~]{4}", header[:4])) and (
        struct.unpack(f"{order}I", header[4:])[0] <= room - 8
    )


def _w64(file: BinaryIO, total: int) -> SoundFile:
    file.seek(16)
    (container,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
    bytes_per_s = 0
    for name, at, size in _chunks(file, 40, total, "<Q"):
        file.seek(at)
        if name == b"fmt ":
            (bytes_per_s,) = struct.unpack("<8xI", file.read(12).ljust(12, b"\0"))
        elif name == b"data":
            return _judge(SoundFile("w64"), _Sizes(size, total - at, container, total, bytes_per_s))
    return SoundFile("w64")


def _aiff(file: BinaryIO, head: bytes, total: int) -> SoundFile:
    container = struct.unpack(">I", head[4:8])[0] + 8
    found, duration_s = SoundFile("aiff", is_plain=head[8:] == b"AIFF"), 0.0
    for name, at, size in _chunks(file, 12, total, ">I"):
        file.seek(at)
        if name == b"COMM" and size >= 18:
            n_frames, exponent, mantissa = struct.unpack(">2xI2xHQ", file.read(18).ljust(18, b"\0"))
            rate_hz = mantissa * 2.0 ** (min(exponent, 16_383 + 40) - 16_383 - 63)
            duration_s = n_frames / rate_hz if rate_hz else 0.0
        elif name == b"SSND":
            bytes_per_s = size / duration_s if duration_s else 0.0
            return _judge(found, _Sizes(size, total - at, container, total, bytes_per_s))
    return found


def _au(file: BinaryIO, total: int) -> SoundFile:
    file.seek(4)
    start, size, encoding, rate_hz, n_channels = struct.unpack(">IIIII", file.read(20).ljust(20, b"\0"))
    sample_bytes = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(encoding, 0)
    bytes_per_s = sample_bytes * rate_hz * n_channels
    return _judge(SoundFile("au"), _Sizes(size, total - start, start + size, total, bytes_per_s))


def _ogg(file: BinaryIO, total: int) -> SoundFile:
    """The last page must be whole, and marked as the last; what ends with another page may be a cut off stream."""
    start = max(0, total - 2 * OGG_PAGE_BYTES)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS\0")
    if at < 0:
        return SoundFile("ogg", may_be_cut=True)
    header = tail[at:at + 27]
    table = tail[at + 27:at + 27 + header[26]] if len(header) == 27 else b""
    if len(header) < 27 or len(table) < header[26] or at + 27 + len(table) + sum(table) > len(tail):
        return SoundFile("ogg", is_cut=True)
    return SoundFile("ogg", may_be_cut=not header[5] & 4)


def _after_id3(file: BinaryIO, head: bytes) -> int:
    """Where the sound begins behind an ID3 tag, whose size has seven bits a byte."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _mp3(file: BinaryIO, start: int, total: int) -> SoundFile:
    file.seek(start)
    content = file.read(SEARCH_BYTES)
    first = next((at for at in _syncs(content) if _is_first_frame(content, at, start + at, total)), -1)
    if first < 0:
        return SoundFile("")
    length, frame_s = _frame(content, first)
    promised_bytes, n_frames = _xing(content[first:first + length])
    there = total - start - first
    if promised_bytes and n_frames:
        promised_s = n_frames * frame_s
        there_s = promised_s * min(1.0, there / promised_bytes)
        return SoundFile("mp3", promised_s=promised_s, there_s=there_s, is_cut=promised_s - there_s > SLACK_S)
    file.seek(start + first)
    n_frames, is_whole = _count_frames(file.read())
    return SoundFile("mp3", there_s=n_frames * frame_s, may_be_cut=not is_whole)


def _syncs(content: bytes) -> Iterator[int]:
    at = content.find(b"\xff")
    while at >= 0:
        yield at
        at = content.find(b"\xff", at + 1)


def _is_first_frame(content: bytes, at: int, position: int, total: int) -> bool:
    """Whether a frame begins here and the next one, or the end of the file, behind it."""
    length, _ = _frame(content, at)
    after = at + length
    return length > 0 and (_frame(content, after)[0] > 0 or position + length >= total)


def _frame(content: bytes, at: int) -> tuple[int, float]:
    """Bytes and seconds of the mp3 frame that begins at a byte; 0 where none does."""
    header = content[at:at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return 0, 0.0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate, index = header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or not 0 < index < 15:
        return 0, 0.0
    is_first = version == 3
    kbps = MP3_KBPS[(1, layer) if is_first else (2, min(layer, 2))][index - 1]
    rate_hz = MP3_RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 384 if layer == 1 else 576 if layer == 3 and not is_first else 1152
    unit = 4 if layer == 1 else 1
    return (samples // 8 // unit * kbps * 1000 // rate_hz + (header[2] >> 1 & 1)) * unit, samples / rate_hz


def _xing(frame: bytes) -> tuple[int, int]:
    """Bytes and frames that the first frame of an mp3 file may say that it has; 0 where it does not."""
    at = max(frame.find(b"Xing", 0, 64), frame.find(b"Info", 0, 64))
    if at >= 0 and len(frame) >= at + 16:
        flags, n_frames, n_bytes = struct.unpack(">III", frame[at + 4:at + 16])
        return (n_bytes, n_frames) if flags & 3 == 3 else (0, 0)
    at = frame.find(b"VBRI", 0, 64)
    if at >= 0 and len(frame) >= at + 18:
        n_bytes, n_frames = struct.unpack(">II", frame[at + 10:at + 18])
        return n_bytes, n_frames
    return 0, 0


def _count_frames(content: bytes) -> tuple[int, bool]:
    """How many frames of an mp3 file are whole, and whether no other one begins behind them; tags do not count."""
    at = count = 0
    while (length := _frame(content, at)[0]) and at + length <= len(content):
        at, count = at + length, count + 1
    return count, not length
