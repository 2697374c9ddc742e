"""Make the training corpus: speech with the times of every phone, from free speech programs and from real recordings.

The plan is a list of shards, each spoken by one voice from its own seed, so an interrupted run goes on where it
stopped.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...values.errors import EngineError
from . import festival, flite, jtalk, kokoro, real, rhvoice
from .animators import make_curve_shards
from .espeak import Espeak
from .languages import LANGUAGES, language_text
from .laughter import laugh
from .noises import make_noises
from .performance import PERFORMANCES, perform
from .text import english_text, syllable_text, word_text
from .utterance import SAMPLE_RATE_HZ, Utterance, load_shard, save_shard

UTTERANCES_PER_SHARD = 60  # also one festival process; about 4 minutes of speech
ESPEAK_ENGLISH = (
    "en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc",
)
ESPEAK_VARIANTS = (
    "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "Alex", "Alicia", "Andrea", "Andy",
    "Annie", "Diogo", "Gene", "Gene2", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike", "Nguyen", "adam",
    "anika", "announcer", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward",
    "grandma", "grandpa", "gustave", "iven", "iven2", "john", "kaukovalta", "klatt", "klatt2", "klatt3", "klatt4",
    "linda", "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul", "pedro", "quincy", "rob", "robert",
    "sandro", "shelby", "steph", "steph2", "travis", "victor", "zac"
)
# Shards of each voice, about 4 minutes each. What was built from recordings of people carries over to real speech, so
# it has most.
FLITE = {"slt": 20, "rms": 22, "awb": 22, "kal16": 5}
FESTIVAL = {"cmu_us_slt_arctic_hts": 10, "kal_diphone": 4, "ked_diphone": 10}
FESTIVAL_OTHERS = 3
RHVOICE = {"alan": 9, "bdl": 9, "clb": 9, "slt": 6}
RHVOICE_OTHERS = 3
JTALK = 12
KOKORO = 56  # more than 4 h; every line is of another of its 54 voices or a mixture of two
ESPEAK_ENGLISH_SHARDS = 3  # of each accent
# Of the other shards, made again from them.
PERFORMED_SHARES = {"sung": 0.04, "whispered": 0.03, "shouted": 0.03, "laughed": 0.02}
OPTIONAL = {"rhvoice": "RHVoice-test", "jtalk": "open_jtalk"}  # program: command

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shard:
    """One file of the corpus: program, voice (of "real" the source, of a performance the changed shard) and number."""

    program: str
    voice: str
    number: int

    @property
    def name(self) -> str:
        """File name without ending."""
        return f"{self.program}_{self.voice}_{self.number:03d}"

    @property
    def seed(self) -> int:
        """The same for the same shard on every computer."""
        return zlib.crc32(self.name.encode())


class _Programs:
    """The speech programs, each opened when the first shard needs it."""

    def __init__(self, folder: Path, recordings: Path | None) -> None:
        self.folder = folder
        self._recordings = recordings
        self._espeak: Espeak | None = None
        self._tools: real.Tools | None = None
        self._kokoro: kokoro.Kokoro | None = None

    @property
    def kokoro(self) -> kokoro.Kokoro:
        self._kokoro = self._kokoro or kokoro.Kokoro()
        return self._kokoro

    @property
    def espeak(self) -> Espeak:
        self._espeak = self._espeak or Espeak()
        return self._espeak

    @property
    def tools(self) -> real.Tools:
        self._tools = self._tools or real.Tools.open(self.espeak)
        return self._tools

    def real_voices(self) -> real.RealVoices:
        return real.RealVoices(self._recordings, self.tools)


def make_corpus(
    folder: Path, scale: float = 1.0, recordings: Path | None = None, programs: tuple[str, ...] = (),
) -> float:
    """Make every shard that the folder lacks; returns the hours of speech now in it.

    Args:
        folder: outside the checkout; made if missing; about 115 MB per hour.
        scale: 1 is the whole corpus (above 20 h); 0.05 is enough to try things out.
        recordings: folder with real speech and animators' curves; None leaves those
            out.
        programs: only these, for example ("flite", "real"); empty for all.
    Raises:
        EngineError: a speech program or voice is missing; only those outside Debian's main part are left out with a
            warning.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    absent = _absent_programs()
    plan = [shard for shard in corpus_plan(scale, recordings)
            if (not programs or shard.program in programs) and not {shard.program, shard.voice.split("-")[0]} & absent]
    opened = _Programs(folder, recordings)
    for i, shard in enumerate(plan):
        path = folder / f"{shard.name}.npz"
        if path.exists():
            continue
        utterances = _SPEAKERS[shard.program](shard, random.Random(shard.seed), opened)
        save_shard(path, utterances)
        minutes = sum(u.samples.size for u in utterances) / SAMPLE_RATE_HZ / 60
        log.info(
            "%3d/%d %-44s %4.1f min of speech, %5.0f s so far", i + 1, len(plan), shard.name, minutes,
            time.monotonic() - began_s
        )
    if not programs:
        make_noises(folder)
        if recordings is not None:
            make_curve_shards(recordings, folder)
    hours = sum(corpus_hours(folder).values())
    (folder / "corpus.json").write_text(json.dumps({"shards": len(plan), "hours": round(hours, 2), "scale": scale}))
    log.info("corpus: %.2f h of speech, this run took %.0f s", hours, time.monotonic() - began_s)
    return hours


def corpus_plan(scale: float, recordings: Path | None = None) -> list[Shard]:
    """All shards: real speech first, then the programs mixed, so that a few are a small corpus; performances last."""
    spoken = list(_spoken_shards(scale))
    random.Random(0).shuffle(spoken)
    real_shards = [
        Shard("real", source, i)
        for source, parts in real.sources(recordings).items() for i in range(max(1, round(parts * scale)))
    ]
    plan = real_shards + spoken
    performed = [shard for shard in plan if shard.program != "espeak"]
    rng = random.Random(1)
    for way, share in PERFORMED_SHARES.items():
        chosen = rng.sample(performed, max(1, round(share * len(plan))))
        plan += [Shard(way, shard.name.replace("_", "-"), 0) for shard in chosen]
    return plan


def _spoken_shards(scale: float) -> Iterator[Shard]:
    counts: list[tuple[str, str, int]] = [("flite", voice, count) for voice, count in FLITE.items()]
    counts += [("festival", voice.name, FESTIVAL.get(voice.name, FESTIVAL_OTHERS)) for voice in festival.VOICES]
    counts += [("rhvoice", voice, RHVOICE.get(voice, RHVOICE_OTHERS)) for voice in rhvoice.VOICES]
    counts += [("jtalk", "nitech-m001", JTALK), ("kokoro", "mixed", KOKORO)]
    counts += [("espeak", accent, ESPEAK_ENGLISH_SHARDS) for accent in ESPEAK_ENGLISH]
    counts += [("espeak", language, 1) for language in LANGUAGES]
    for program, voice, count in counts:
        yield from (Shard(program, voice, i) for i in range(max(1, round(count * scale))))


def corpus_hours(folder: Path) -> dict[str, float]:
    """Hours of speech in the shards of a folder by program, or for real speech by source."""
    hours: dict[str, float] = {}
    for path in sorted(folder.glob("*_*.npz")):
        program, _, rest = path.stem.partition("_")
        if program in ("noise", "curves"):
            continue
        with np.load(path) as shard:
            key = f"real {rest.rpartition('_')[0]}" if program == "real" else program
            hours[key] = hours.get(key, 0.0) + int(shard["sample_counts"].sum()) / SAMPLE_RATE_HZ / 3600
    return hours


def _absent_programs() -> set[str]:
    """Programs that cannot be had from Debian's main part alone, and are not installed."""
    absent = {program for program, command in OPTIONAL.items() if shutil.which(command) is None}
    if not jtalk.VOICE.exists():
        absent.add("jtalk")
    if not kokoro.is_installed():
        absent.add("kokoro")
    for program in sorted(absent):
        log.warning(
            "%s is not installed: its share of the corpus is left out (weights/README.md names the packages)", program
        )
    return absent


def _flite(shard: Shard, rng: random.Random, _: _Programs) -> list[Utterance]:
    return _until_full(shard, lambda: flite.speak(english_text(rng), shard.voice, rng))


def _festival(shard: Shard, rng: random.Random, _: _Programs) -> list[Utterance]:
    voice = festival.VOICE_BY_NAME[shard.voice]
    return festival.speak_all([_text_for(voice.text, rng) for _ in range(UTTERANCES_PER_SHARD)], voice, rng)


def _rhvoice(shard: Shard, rng: random.Random, programs: _Programs) -> list[Utterance]:
    language = rhvoice.VOICES[shard.voice]
    texts = [
        english_text(rng) if language == "en" else language_text(rng, language) for _ in range(UTTERANCES_PER_SHARD)
    ]
    return rhvoice.speak_all(texts, shard.voice, rng, programs.tools)


def _jtalk(shard: Shard, rng: random.Random, _: _Programs) -> list[Utterance]:
    return _until_full(shard, lambda: jtalk.speak(rng))


def _espeak(shard: Shard, rng: random.Random, programs: _Programs) -> list[Utterance]:
    def speak() -> Utterance:
        text = english_text(rng) if shard.voice.startswith("en") else language_text(rng, shard.voice)
        return programs.espeak.speak_randomly(text, f"{shard.voice}+{rng.choice(ESPEAK_VARIANTS)}", rng)

    return _until_full(shard, speak)


def _kokoro(shard: Shard, rng: random.Random, programs: _Programs) -> list[Utterance]:
    utterances: list[Utterance] = []
    while len(utterances) < UTTERANCES_PER_SHARD:
        utterances += programs.kokoro.speak_randomly(rng, programs.tools)
    return utterances


def _real(shard: Shard, _: random.Random, programs: _Programs) -> list[Utterance]:
    return programs.real_voices().utterances(shard.voice, shard.number)


def _performed(shard: Shard, rng: random.Random, programs: _Programs) -> list[Utterance]:
    path = next((p for p in programs.folder.glob("*_*.npz") if p.stem.replace("_", "-") == shard.voice), None)
    if path is None:
        raise EngineError(
            f"{programs.folder} lacks {shard.voice}, of which {shard.name} is made. Make the whole corpus, without a "
            "list of programs."
        )
    utterances = load_shard(path)
    if shard.program == "laughed":
        return [one for utterance in utterances if (one := laugh(utterance, rng)) is not None]
    return [perform(utterance, shard.program, rng) for utterance in utterances]


def _until_full(shard: Shard, speak: Callable[[], Utterance]) -> list[Utterance]:
    utterances: list[Utterance] = []
    failures = 0
    while len(utterances) < UTTERANCES_PER_SHARD:
        try:
            utterances.append(speak())
        except ValueError:  # a line that gave no sound
            failures += 1
            if failures > UTTERANCES_PER_SHARD:
                raise EngineError(f"{shard.program} voice {shard.voice} stays silent. Is it installed?") from None
    return utterances


_SPEAKERS: Mapping[str, Callable[[Shard, random.Random, _Programs], list[Utterance]]] = {
    "flite": _flite, "festival": _festival, "rhvoice": _rhvoice, "jtalk": _jtalk, "espeak": _espeak, "kokoro": _kokoro,
    "real": _real,
    **dict.fromkeys((*PERFORMANCES, "laughed"), _performed),
}


def _text_for(kind: str, rng: random.Random) -> str:
    """Text by kind: "english", a key of text.SCRIPTS, or the name of a Debian word list."""
    if kind == "english":
        return english_text(rng)
    if kind in ("latin", "russian", "devanagari", "telugu"):
        return syllable_text(rng, kind)
    return word_text(rng, kind)
