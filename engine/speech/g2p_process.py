"""A program of its own, run in a child process: reads text with libespeak-ng and prints the phones, or the sound.

Not imported: the library ends the process or overruns its buffers on some texts, changes the process's locale and has
one global state, none of which may happen to Blender. Needs only Python. One JSON object on stdin, one on stdout.
"""

from __future__ import annotations

import base64
import ctypes
import json
import sys
from typing import Any

AUDIO_OUTPUT_SYNCHRONOUS = 2
DO_NOT_EXIT = 0x8000
CHARS_UTF8 = 1
IPA_SEPARATED = 2 | ord("_") << 8       # one "_" between phonemes
RATE = 1                    # number of the parameter: words per minute
USUAL_RATE = 175
SLOWEST, FASTEST = 80, 450  # that the library takes
MAX_BYTES = 120_000_000     # of 16 bit samples: three quarters of an hour


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
            speed: with it the text is spoken, so many times as fast as usual. texts: read each of them instead.
    Returns:
        problems: why no library works; or languages: the names it knows; or clauses: IPA with "_" between phonemes;
        or texts: the clauses of each.
    """
    problems = []
    for file, data in request["libraries"]:
        try:
            library = ctypes.CDLL(file)
        except OSError as error:
            problems.append(str(error))
            continue
        rate_hz = library.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, 0, data.encode() if data else None, DO_NOT_EXIT,
        )
        if rate_hz > 0:
            voices = _voices(library)
            voice = next((voices[name] for name in request["languages"] if name in voices), None)
            if voice is None or library.espeak_SetVoiceByName(voice) != 0:
                return {"languages": sorted(voices)}
            if "speed" in request:
                sound = _sound(library, request["text"], request["speed"])
                return {"rate_hz": rate_hz, "sound": base64.b64encode(sound).decode()}
            if "texts" in request:
                return {"texts": [_clauses(library, text) for text in request["texts"]]}
            return {"clauses": _clauses(library, request["text"])}
        problems.append(f"{file} does not start with its data in {data}")
    return {"problems": problems}


def _sound(library: ctypes.CDLL, text: str, speed: float) -> bytes:
    """The text as the library speaks it, 16 bit samples; what is longer than MAX_BYTES is cut off."""
    spoken = bytearray()

    def take(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            spoken.extend(ctypes.string_at(samples, 2 * count))
        return int(len(spoken) > MAX_BYTES)         # 1 stops it

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(take)
    words_a_minute = round(min(max(USUAL_RATE * speed, SLOWEST), FASTEST))
    library.espeak_SetParameter(RATE, words_a_minute, 0)
    library.espeak_SetSynthCallback(callback)
    content = text.encode() + b"\0"
    library.espeak_Synth(content, ctypes.c_size_t(len(content)), 0, 1, 0, CHARS_UTF8, None, None)
    library.espeak_Synchronize()
    return bytes(spoken)


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
