"""Whether a file that Blender wrote is all there: on a full disk Blender writes a part of it and says nothing."""

from __future__ import annotations

import os

PNG_END = b"IEND\xaeB`\x82"
BOX_HEADER = 8              # of a box in an mp4 file: size and name; a size of 1 stands for a longer one behind the name


def is_whole_png(path: str) -> bool:
    """Whether a PNG has its last chunk."""
    try:
        with open(path, "rb") as file:
            file.seek(-len(PNG_END), os.SEEK_END)
            return file.read() == PNG_END
    except OSError:
        return False


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
