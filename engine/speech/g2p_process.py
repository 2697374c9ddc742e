"""A program of its own, run in a child process: reads text aloud to itself with libespeak-ng and prints the phones.

Not imported: the library ends the process or overruns its buffers on some texts, changes the process's locale and has
one global state, none of which may happen to Blender. Needs only Python. One JSON object on stdin, one on stdout.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

AUDIO_OUTPUT_SYNCHRONOUS = 2
DO_NOT_EXIT = 0x8000
CHARS_UTF8 = 1
IPA_SEPARATED = 2 | ord("_") << 8       # one "_" between phonemes


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p), ("languages", ctypes.c_void_p), ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte), ("age", ctypes.c_ubyte), ("variant", ctypes.c_ubyte), ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int), ("spare", ctypes.c_void_p),
    ]


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What to print.

    Args:
        request: libraries: [[file, data folder or null], ...], the first that works is used; text; languages: names to
            try in order.
    Returns:
        problems: why no library works; or languages: the names it knows; or clauses: IPA with "_" between phonemes.
    """
    problems = []
    for file, data in request["libraries"]:
        try:
            library = ctypes.CDLL(file)
        except OSError as error:
            problems.append(str(error))
            continue
        if library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data.encode() if data else None, DO_NOT_EXIT) > 0:
            voices = _voices(library)
            voice = next((voices[name] for name in request["languages"] if name in voices), None)
            if voice is None or library.espeak_SetVoiceByName(voice) != 0:
                return {"languages": sorted(voices)}
            return {"clauses": _clauses(library, request["text"])}
        problems.append(f"{file} does not start with its data in {data}")
    return {"problems": problems}


def _voices(library: ctypes.CDLL) -> dict[str, bytes]:
    """Identifier by language, without the variants of the voice and foreign synthesizers."""
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    listed = library.espeak_ListVoices(None)
    voices: dict[str, bytes] = {}
    index = 0
    while listed[index]:
        voice = listed[index].contents
        index += 1
        if b"!v" in voice.identifier or b"mb/" in voice.identifier:
            continue
        at = voice.languages
        while ctypes.string_at(at, 1) != b"\0":         # a byte of priority, a name, its end; then the next
            name = ctypes.string_at(at + 1)
            voices.setdefault(name.decode("ascii", "replace").lower(), voice.identifier)
            at += len(name) + 2
    return voices


def _clauses(library: ctypes.CDLL, text: str) -> list[str]:
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    content = ctypes.create_string_buffer(text.encode())
    at = ctypes.c_void_p(ctypes.addressof(content))
    clauses = []
    while at.value:
        clause = library.espeak_TextToPhonemes(ctypes.byref(at), CHARS_UTF8, IPA_SEPARATED) or b""
        clauses.append(clause.decode("utf-8", "replace"))
    return clauses


if __name__ == "__main__":
    sys.stdout.buffer.write(json.dumps(answer(json.load(sys.stdin.buffer))).encode())
