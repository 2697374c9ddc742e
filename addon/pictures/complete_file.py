"""Whether a file that Blender wrote is all there: on a full disk Blender writes a part of it and says nothing."""

from __future__ import annotations

import os

PNG_END = b"IEND\xaeB`\x82"
ZSTD_START, SEEK_TABLE_END = b"\x28\xb5\x2f\xfd", b"\xb1\xea\x92\x8f"      # of a compressed .blend file
LAST_BLOCK, LAST_BLOCK_BYTES = b"ENDB", 32      # of an uncompressed one; 24 bytes before 5.0
BOX_HEADER = 8              # of a box in an mp4 file: size and name; size 1: the size stands behind the name


def is_whole_png(path: str) -> bool:
    """Whether a PNG has its last chunk."""
    try:
        with open(path, "rb") as file:
            file.seek(-len(PNG_END), os.SEEK_END)
            return file.read() == PNG_END
    except OSError:
        return False


def is_whole_blend(path: str) -> bool:
    """Whether a .blend file has its last block, or the table that ends a compressed one."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(ZSTD_START))
            file.seek(-LAST_BLOCK_BYTES, os.SEEK_END)
            end = file.read()
    except OSError:
        return False
    return end.endswith(SEEK_TABLE_END) if start == ZSTD_START else LAST_BLOCK in end


def is_whole_mp4(path: str) -> bool:
    """Whether the boxes of an mp4 file fill it exactly, and its table of contents is among them."""
    names = set()
    try:
        size, at = os.path.getsize(path), 0
        with open(path, "rb") as file:
            while at < size:
                file.seek(at)
                header = file.read(2 * BOX_HEADER)
                length = int.from_bytes(header[:4], "big")
                length = int.from_bytes(header[8:16], "big") if length == 1 else length
                if length < BOX_HEADER:
                    return False
                names.add(header[4:8])
                at += length
    except OSError:
        return False
    return at == size and {b"mdat", b"moov"} <= names
