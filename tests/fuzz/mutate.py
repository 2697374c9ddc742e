"""Damage to files, the same for the same seed."""

from __future__ import annotations

import random

WORDS = (
    b"null", b"-1", b"1e999", b"NaN", b"[[[[", b"}}}}", b"\\ud800", b"\x00", b"\xff\xfe", b"99999999999999999999",
    b"true", b'""', b"{}", b"\n", b"\x1b[2J", b"../../x",
)
LONG = 20_000


def damaged(content: bytes, generator: random.Random) -> bytes:
    """One to six small damages: bytes changed, cut out, doubled or put in, words of other formats, an end too early."""
    text = bytearray(content)
    for _ in range(generator.randint(1, 6)):
        at = generator.randrange(len(text) + 1)
        way = generator.randrange(7)
        if way == 0 and text:
            text[min(at, len(text) - 1)] ^= 1 << generator.randrange(8)
        elif way == 1:
            del text[at:at + generator.randrange(1, 200)]
        elif way == 2:
            text[at:at] = text[at:at + generator.randrange(1, 400)]
        elif way == 3:
            text[at:at] = generator.choice(WORDS)
        elif way == 4:
            word = generator.choice(WORDS)
            text[at:at + len(word)] = word
        elif way == 5 and generator.random() < 0.3:
            del text[at:]
        elif way == 6 and generator.random() < 0.1:
            text[at:at] = generator.choice(WORDS) * (LONG // 4)
    return bytes(text)
