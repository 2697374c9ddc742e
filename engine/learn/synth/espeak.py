"""Speak with libespeak-ng in this process and take the phone times from its events.

Three times that the library reports are off and are put right here (found by comparing labels with spectral change):
a voiceless stop's event fires at the burst, so its closure (a run of exact zeros) belongs to it; a vowel's event after
a nasal or liquid fires 25 ms late, after b 18 ms.
"""

import ctypes
import random
import re
from collections.abc import Sequence

import numpy as np

from ...values.errors import EngineError
from .phones import VOWELS, Phone, classes_of_ipa, merge_silences, split_evenly
from .utterance import Utterance, make_utterance

LIBRARY = "libespeak-ng.so.1"
AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_PHONEME_EVENTS_AND_IPA = 1 | 2
CHARS_UTF8 = 1
PHONEMES_IPA = 2
EVENT_PHONEME = 7
PARAMETER_RATE, PARAMETER_PITCH, PARAMETER_RANGE = 1, 3, 4
LONGEST_CLOSURE_S = 0.130  # of exact zeros before a voiceless stop's burst
VOWEL_EVENT_DELAY_S = 0.025  # after a nasal or liquid
VOWEL_AFTER_B_DELAY_S = 0.018  # the lips open before it
SILENT_RMS = 40.0  # int16; an event without a name is a pause below it, else a part of the phone before
VOICELESS_STOPS = frozenset(["P", "T", "K", "CH"])
NASALS_LIQUIDS = frozenset(["M", "N", "NG", "L", "R"])


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
        ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p), ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """libespeak-ng, opened once per process.

    Raises:
        EngineError: the library is not installed.
    """

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise EngineError(f"{LIBRARY} cannot be loaded ({error}). Install the package espeak-ng.") from error
        self.rate_hz = self._library.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, 500, None, INITIALIZE_PHONEME_EVENTS_AND_IPA)
        self._chunks: list[np.ndarray] = []
        self._events: list[tuple[int, str]] = []
        self._callback = _Callback(self._receive)  # kept: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(
        self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]",
    ) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type != 0:
            if events[i].type == EVENT_PHONEME:
                self._events.append((events[i].sample, events[i].id.string.decode("utf-8", "ignore")))
            i += 1
        return 0

    def speak(self, text: str, voice: str, rate_wpm: int, pitch: int, pitch_range: int) -> Utterance:
        """Speak one line.

        Args:
            voice: language and variant, for example "en-us+f2".
            pitch, pitch_range: 0..100, 50 is usual.
        Raises:
            EngineError: the voice is not installed.
            PhoneSymbolError: an unknown phone.
            ValueError: no sound came out.
        """
        self._chunks.clear()
        self._events.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise EngineError(f"espeak-ng has no voice {voice!r}. Install espeak-ng-data or drop the voice.")
        for parameter, value in ((PARAMETER_RATE, rate_wpm), (PARAMETER_PITCH, pitch), (PARAMETER_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, CHARS_UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.int16)
        phones = phones_from_events(self._events, samples, self.rate_hz, voice)
        return make_utterance(samples, self.rate_hz, phones, f"espeak {voice}")

    def pronounce(self, text: str, language: str) -> list[tuple[str, ...]]:
        """The words of a text as IPA symbols, for example [("h", "ə", "l", "ˈoʊ")].

        Raises:
            EngineError: the language is not installed.
        """
        if self._library.espeak_SetVoiceByName(language.encode()) != 0:
            raise EngineError(f"espeak-ng has no language {language!r}. Install espeak-ng-data or drop the language.")
        rest = ctypes.c_char_p(text.encode())
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        words: list[tuple[str, ...]] = []
        while rest.value is not None:  # one clause a call
            clause: bytes = self._library.espeak_TextToPhonemes(
                ctypes.byref(rest), CHARS_UTF8, PHONEMES_IPA | ord("_") << 8
            )
            spoken = re.sub(r"\([^)]*\)", " ", clause.decode("utf-8", "ignore"))  # (en): a change of language
            words += [symbols for word in spoken.split() if (symbols := tuple(s for s in word.split("_") if s))]
        return words

    def speak_randomly(self, text: str, voice: str, rng: random.Random) -> Utterance:
        """Speak with random rate, pitch and range."""
        return self.speak(text, voice, rng.randint(120, 215), rng.randint(25, 75), rng.randint(25, 80))


def phones_from_events(
    events: Sequence[tuple[int, str]], samples: np.ndarray, rate_hz: int, voice: str
) -> list[Phone]:
    """Phones from (sample, IPA name) events, with the timing faults put right.

    Args:
        events: in time order; a name in brackets is a change of language, an empty one a pause or a continuation.
        samples: (n,) int16 at rate_hz, the sound that the events belong to.
    """
    named = [(at, name) for at, name in events if not name.startswith("(")]
    ends = [at for at, _ in named[1:]] + [samples.size]
    groups: list[tuple[tuple[str, ...], int, int]] = []  # classes, first sample, end sample
    for (start, name), end in zip(named, ends, strict=True):
        classes = classes_of_ipa(name.strip("_|"), voice)
        if not classes and groups and _rms(samples[start:end]) >= SILENT_RMS:
            groups[-1] = (groups[-1][0], groups[-1][1], end)
            continue
        groups.append((classes or ("SIL",), start, end))
    starts = _corrected_starts(groups, samples, rate_hz)
    phones: list[Phone] = []
    for i, (classes, _, _) in enumerate(groups):
        end = starts[i + 1] if i + 1 < len(groups) else groups[i][2]
        phones.extend(split_evenly(classes, starts[i] / rate_hz, end / rate_hz))
    return merge_silences(phones)


def _corrected_starts(
    groups: Sequence[tuple[tuple[str, ...], int, int]], samples: np.ndarray, rate_hz: int
) -> list[int]:
    starts = [group[1] for group in groups]
    for i in range(1, len(groups)):
        label, before = groups[i][0][0], groups[i - 1][0][-1]
        if label in VOICELESS_STOPS:
            starts[i] = max(_zero_run_start(samples, starts[i], int(LONGEST_CLOSURE_S * rate_hz)), starts[i - 1])
        elif label in VOWELS and before in NASALS_LIQUIDS:
            length = starts[i] - starts[i - 1]
            starts[i] -= min(int(VOWEL_EVENT_DELAY_S * rate_hz), length // 2)
        elif label in VOWELS and before == "B":
            starts[i] -= min(int(VOWEL_AFTER_B_DELAY_S * rate_hz), (starts[i] - starts[i - 1]) // 2)
    return starts


def _zero_run_start(samples: np.ndarray, at: int, longest: int) -> int:
    """First sample of the run of exact zeros that ends at (or a few samples before) the given sample."""
    first = max(at - longest, 0)
    sounding = np.flatnonzero(samples[first:at])
    return first if sounding.size == 0 else first + int(sounding[-1]) + 1


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64))))) if samples.size else 0.0
