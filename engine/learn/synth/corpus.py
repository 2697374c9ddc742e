"""Make the training corpus: speech of free text-to-speech programs with the times of every phone.

The plan is a list of shards, each spoken by one voice from its own seed, so an interrupted run goes on where it stopped.
"""

import json
import logging
import random
import time
from dataclasses import dataclass
from pathlib import Path

from ...errors import EngineError
from . import festival, flite
from .espeak import Espeak
from .text import english_text, syllable_text, word_text
from .utterance import SAMPLE_RATE_HZ, Utterance, save_shard

UTTERANCES_PER_SHARD = 60  # also one festival process; about 4 minutes of speech
ESPEAK_ENGLISH = (
    "en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc",
)
ESPEAK_WORDS = {  # language: Debian word list
    "de": "ngerman", "fr": "french", "es": "spanish", "it": "italian", "pl": "polish", "pt": "portuguese",
    "nl": "dutch", "pt-br": "portuguese", "es-419": "spanish",
}
ESPEAK_VARIANTS = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "Alex", "Alicia", "Andrea", "Andy", "Annie", "Diogo", "Gene", "Gene2", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike", "Nguyen", "adam", "anika", "announcer", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "grandma", "grandpa", "gustave", "iven", "iven2", "john", "kaukovalta", "klatt", "klatt2", "klatt3", "klatt4", "linda", "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph2", "travis", "victor", "zac"]
SHARDS = {"flite": 48, "festival english": 18, "festival other": 26, "espeak english": 30, "espeak other": 16}
FLITE_SHARE = {"slt": 0.3, "rms": 0.3, "awb": 0.3, "kal16": 0.1}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shard:
    """One file of the corpus: program, voice ("*" = a new one each line) and seed."""

    name: str
    program: str
    voice: str
    seed: int


def make_corpus(folder: Path, scale: float = 1.0) -> float:
    """Speak every shard that the folder lacks; returns the hours of speech now in it.

    Args:
        folder: outside the checkout; made if missing; about 115 MB per hour.
        scale: 1 is the whole corpus (about 10 h); 0.05 is enough to try things out.
    Raises:
        EngineError: a speech program or voice is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    plan = corpus_plan(scale)
    espeak: Espeak | None = None
    for i, shard in enumerate(plan):
        path = folder / f"{shard.name}.npz"
        if path.exists():
            continue
        if shard.program == "espeak" and espeak is None:
            espeak = Espeak()
        utterances = _speak_shard(shard, espeak)
        save_shard(path, utterances)
        minutes = sum(u.samples.size for u in utterances) / SAMPLE_RATE_HZ / 60
        log.info("%3d/%d %-34s %4.1f min of speech, %5.0f s so far", i + 1, len(plan), shard.name, minutes,
                 time.monotonic() - began_s)
    hours = corpus_hours(folder)
    (folder / "corpus.json").write_text(json.dumps({"shards": len(plan), "hours": round(hours, 2), "scale": scale}))
    log.info("corpus: %.2f h of speech, this run took %.0f s", hours, time.monotonic() - began_s)
    return hours


def corpus_plan(scale: float) -> list[Shard]:
    """All shards, in an order that mixes the programs, so that the first few are already a small corpus."""
    counts = {kind: max(1, round(count * scale)) for kind, count in SHARDS.items()}
    shards: list[Shard] = []
    flite_voices = [v for v, share in FLITE_SHARE.items() for _ in range(max(1, round(share * counts["flite"])))]
    english = [v.name for v in festival.VOICES if v.text == "english"]
    others = [v.name for v in festival.VOICES if v.text != "english"]
    languages = list(ESPEAK_WORDS)
    shards += [Shard("", "flite", voice, 0) for voice in flite_voices]
    shards += [Shard("", "festival", english[i % len(english)], 0) for i in range(counts["festival english"])]
    shards += [Shard("", "festival", others[i % len(others)], 0) for i in range(counts["festival other"])]
    shards += [Shard("", "espeak", ESPEAK_ENGLISH[i % len(ESPEAK_ENGLISH)], 0) for i in range(counts["espeak english"])]
    shards += [Shard("", "espeak", languages[i % len(languages)], 0) for i in range(counts["espeak other"])]
    numbered = [Shard(f"{s.program}_{s.voice}_{i:03d}", s.program, s.voice, 1000 + i) for i, s in enumerate(shards)]
    random.Random(0).shuffle(numbered)
    return numbered


def corpus_hours(folder: Path) -> float:
    """Hours of speech in the shards of a folder."""
    import numpy as np

    total = 0
    for path in folder.glob("*_*.npz"):
        with np.load(path) as shard:
            total += int(shard["sample_counts"].sum())
    return total / SAMPLE_RATE_HZ / 3600


def _speak_shard(shard: Shard, espeak: Espeak | None) -> list[Utterance]:
    rng = random.Random(shard.seed)
    if shard.program == "festival":
        voice = festival.VOICE_BY_NAME[shard.voice]
        return festival.speak_all([_text_for(voice.text, rng) for _ in range(UTTERANCES_PER_SHARD)], voice, rng)
    utterances: list[Utterance] = []
    failures = 0
    while len(utterances) < UTTERANCES_PER_SHARD:
        try:
            if shard.program == "flite":
                utterances.append(flite.speak(english_text(rng), shard.voice, rng))
            else:
                assert espeak is not None
                text = _text_for(ESPEAK_WORDS.get(shard.voice, "english"), rng)
                variant = rng.choice(ESPEAK_VARIANTS)
                utterances.append(espeak.speak_randomly(text, f"{shard.voice}+{variant}", rng))
        except ValueError:  # a line that gave no sound
            failures += 1
            if failures > UTTERANCES_PER_SHARD:
                raise EngineError(f"{shard.program} voice {shard.voice} stays silent. Is it installed?") from None
    return utterances


def _text_for(kind: str, rng: random.Random) -> str:
    """Text by kind: "english", a key of text.SCRIPTS, or the name of a Debian word list."""
    if kind == "english":
        return english_text(rng)
    if kind in ("latin", "russian", "devanagari", "telugu"):
        return syllable_text(rng, kind)
    return word_text(rng, kind)
