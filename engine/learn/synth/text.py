"""What the synthetic voices say: templates, fortunes, dictionary words, and syllables around sounds that are alike.

The contrasts v/w/b, n/m, p/k/t and f/th get the most room: they sound close and look different.
"""

import random
import re
from functools import cache, lru_cache
from pathlib import Path

FORTUNES = Path("/usr/share/games/fortunes")  # Debian package fortunes; optional
DICTIONARIES = Path("/usr/share/dict")  # Debian packages wamerican, wngerman, wfrench ...; optional
ENGLISH = "american-english"
LONGEST_TEXT = 110  # characters, about 7 s of speech
CONTRASTS = (
    "m n", "p k t", "b d g", "f th", "v th", "m b p", "m n l", "n d l", "p f", "b v", "sh s", "w r l", "v w", "v w b",
    "f v"
)
VOWEL_SPELLINGS = ("a", "e", "i", "o", "u", "oo", "ee", "ay", "oh", "ah")
TEMPLATES = (
    "Please put the {a} {n} by the {n}.", "I have {d} {n}s and {d} more {n}s.", "Why would {p} leave the {n} at {d}?",
    "My {n} is {a}, but your {n} was never {a}.", "{p} came back from {p} with a {a} {n}.", "Oh no, not the {n} again!",
    "Maybe {p} will bump into {p} on the {n}.", "Five {a} {n}s moved very far from the {n}.",
    "Look, {p}, both {n}s are {a}.",
    "We thought the {n} was thin, but it felt {a}.", "Both of them breathe through the {n}.", "Hmm, {p} might know.",
    "The {n} in the {n} sang a {a} song.", "No more {n} for me, thank you, {p}.", "Give {p} a {n} and some {a} {n}s.",
)
NOUNS = [
    "map", "pump", "bottle", "farm", "mother", "fiber", "thumb", "panda", "number", "film", "voice", "valley", "moment",
    "baby", "pepper", "nothing", "river", "window", "camera", "lemon", "mirror", "puppy", "family", "problem", "finger",
    "bubble", "movie", "ocean", "summer", "pocket", "kitten", "monkey", "phone", "table", "method", "father", "thief",
    "bath", "cabin", "napkin", "paper", "knife", "gym", "dream", "lamp", "team", "thing", "noon"
]
ADJECTIVES = [
    "big", "small", "famous", "warm", "thin", "purple", "brave", "common", "simple", "empty", "polite", "bumpy", "fine",
    "slow", "narrow", "open", "wooden", "early", "funny", "other", "lovely", "beautiful", "violet", "perfect", "numb",
    "northern", "human"
]
PEOPLE = [
    "Mom", "Bob", "Peter", "Anna", "Nina", "Pam", "Tom", "Phoebe", "Vivian", "Mike", "Ben", "Thomas", "Emma", "Kim",
    "Paul", "Kate", "Timothy", "Nathan", "Beth", "Paris", "London", "Boston", "Miami", "Vienna", "Rome"
]
LIP_PHRASES = (
    "big blue", "lamp post", "obvious", "subway map", "help Ben", "stop Beth", "hip bone", "good boy", "top man",
    "jump back", "submarine", "thumb print", "an input", "ten pens", "in Paris", "one bus", "of them", "give me",
    "leave five", "half full", "cup full", "rough map", "web page", "step by step", "black pepper", "hot pot",
    "red paint", "pink balloon", "big pig", "dog bone", "that man", "sad movie", "good morning", "break point",
    "I can be", "on my mind", "keep moving", "some milk", "time after time", "seven months", "eleven elves",
    "have both", "with Phil", "both feet", "north wind", "clothes pin", "wasp", "psalm", "abnormal", "admit",
    "atmosphere", "signpost", "cupboard", "football", "outpost", "bookmark", "backpack", "husband", "campfire",
    "comfort", "emphasis", "symphony", "inverse", "unfit", "obey", "cobweb", "absent", "upset", "maybe so", "kidnap",
    "captain", "empty", "dreamt"
)
LIP_CLUSTERS = (
    "bm", "pm", "tm", "dm", "km", "gm", "tp", "dp", "kp", "gp", "tb", "db", "kb", "gb", "nb", "np", "nm", "nf", "nv",
    "bv", "mf", "mph", "pf", "sp", "sb", "sm", "lp", "lb", "lm", "lf", "lv", "rp", "rb", "rm", "rf", "rv", "ft", "pt",
    "bt", "ps", "bs", "ms"
)
# Spellings that words of one contrast hold, as patterns: v against w and b, f against th, a nasal before stops, short
# closures between stops, rounded against spread vowels.
WORD_CONTRASTS = (
    ("v", "w[aeio]"), ("v", "w[aeio]", "b[aeiou]"), ("v[aeiou]", "b[aeiou]"), ("f|ph", "th"), ("v", "th"),
    ("m[pb]", "n[td]"), ("m[aeiou]", "n[aeiou]"), ("[tdkg][pbm]", "[pb][tdk]"), ("p[st]", "[tdk]m"),
    ("oo|ou|ow|u[lr]", "ee|ea|i[tdn]"), ("[aeiou]v[aeiou]", "[aeiou][wf][aeiou]"),
)
# Others may be in another language.
ENGLISH_FORTUNES = (
    "art", "computers", "cookie", "definitions", "disclaimer", "drugs", "education", "ethnic", "food", "fortunes",
    "goedel", "humorists", "kids", "knghtbrd", "law", "linux", "linuxcookie", "literature", "love", "magic", "medicine",
    "men-women", "miscellaneous", "news", "paradoxum", "people", "pets", "platitudes", "politics", "riddles", "science",
    "songs-poems", "sports", "startrek", "wisdom", "work", "zippy"
)
# Consonants and vowels that a voice of that language reads as one syllable.
SCRIPTS: dict[str, tuple[str, str]] = {
    "latin": ("p b m t d n k g f v s l r h z j", "a e i o u"),
    "russian": ("п б м т д н к г ф в с л р х з ш ж ч", "а э и о у ы я е ю"),
    "devanagari": ("प ब म त द न क ग फ भ व स ल र ह ज च श ट", "ा े ि ी ो ु ू"),
    "telugu": ("ప బ మ త ద న క గ ఫ భ వ స ల ర హ జ చ శ ట", "ా ే ి ీ ో ు ూ"),
}
FAVOURED = {"latin": "pbmnfvtk", "russian": "пбмнфвтк", "devanagari": "पबमनफवतक", "telugu": "పబమనఫవతక"}


def english_text(rng: random.Random) -> str:
    """One English line: template, fortune, dictionary words, lip sounds beside other stops, words or syllables around
    one contrast."""
    kind = rng.random()
    if kind < 0.14:
        return _template(rng)
    if kind < 0.38:
        lines = fortune_lines(tuple(FORTUNES / name for name in ENGLISH_FORTUNES))
        line = rng.choice(lines) if lines else ""
        return line if line.isascii() and line else _template(rng)
    if kind < 0.50:
        words = dictionary_words(ENGLISH)
        return with_pauses(rng.sample(words, 7), rng) if words else _template(rng)
    if kind < 0.66:
        return lip_pairs(rng)
    return contrast_words(rng) if kind < 0.88 else contrast_syllables(rng)


def lip_pairs(rng: random.Random) -> str:
    """Words that end in a stop or nasal before words that begin with the lips: hard to hear, easy to see."""
    words = dictionary_words(ENGLISH)
    firsts, lasts = _lip_words(tuple(words)) if words else (
        ("big", "lamp", "thin", "good", "sick"), ("post", "blue", "man", "five", "film")
    )
    pairs = [f"{rng.choice(firsts)} {rng.choice(lasts)}" for _ in range(3)]
    if rng.random() < 0.5:
        pairs[rng.randrange(3)] = rng.choice(LIP_PHRASES)
    return with_pauses(pairs, rng)


def contrast_words(rng: random.Random) -> str:
    """Seven words that differ in one contrast, such as "never away, very well"; a template where no list is there."""
    groups = [_words_with(pattern) for pattern in rng.choice(WORD_CONTRASTS)]
    if not all(groups):
        return _template(rng)
    return with_pauses([rng.choice(rng.choice(groups)) for _ in range(7)], rng)


def word_text(rng: random.Random, dictionary: str) -> str:
    """Seven or so words of a Debian word list, or Latin syllables where the list is not installed."""
    words = dictionary_words(dictionary)
    if not words or rng.random() < 0.25:
        return syllable_text(rng, "latin")
    return with_pauses(rng.sample(words, rng.randint(4, 8)), rng)


def contrast_syllables(rng: random.Random) -> str:
    """Nonsense words around one contrast, such as "nama mana, amna"."""
    sounds = rng.choice(CONTRASTS).split()
    words = []
    for _ in range(rng.randint(5, 9)):
        syllables = [rng.choice(sounds) + rng.choice(VOWEL_SPELLINGS) for _ in range(rng.randint(1, 3))]
        words.append(("" if rng.random() < 0.6 else rng.choice(VOWEL_SPELLINGS)) + "".join(syllables)
                     + ("" if rng.random() < 0.7 else rng.choice(sounds)))
    return with_pauses(words, rng)


def syllable_text(rng: random.Random, script: str) -> str:
    """Nonsense words in one of SCRIPTS, lip sounds favoured."""
    consonants, vowels = (part.split() for part in SCRIPTS[script])
    pool = consonants + [c for c in consonants if c in FAVOURED[script]] * 2
    words = ["".join(rng.choice(pool) + rng.choice(vowels) for _ in range(rng.randint(1, 4)))
             for _ in range(rng.randint(5, 9))]
    return with_pauses(words, rng)


@lru_cache(maxsize=2)
def _lip_words(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words that end in a stop, nasal or lip sound; words with the lips at the beginning or before a consonant."""
    firsts = tuple(w for w in words if w.islower() and len(w) <= 8 and w[-1] in "kgtdpbnmfl")
    lasts = tuple(
        w
        for w in words if w.islower() and len(w) <= 9 and (w[0] in "pbmfvw" or any(pair in w for pair in LIP_CLUSTERS))
    )
    return firsts, lasts


@cache
def _words_with(pattern: str) -> tuple[str, ...]:
    """Lower-case words of at most nine letters that hold the pattern."""
    return tuple(w for w in dictionary_words(ENGLISH) if w.islower() and len(w) <= 9 and re.search(pattern, w))


@cache
def dictionary_words(name: str) -> list[str]:
    """Plain words of 3 to 14 letters from a Debian word list; empty where it is not installed."""
    path = DICTIONARIES / name
    if not path.exists():
        return []
    words = path.read_text(encoding="utf-8", errors="ignore").split()
    foreign_letters = name != ENGLISH  # flite and festival's English voices read ASCII
    return [
        w for w in words if w.isalpha() and 3 <= len(w) <= 14 and not w.isupper() and (foreign_letters or w.isascii())
    ]


@lru_cache(maxsize=16)
def fortune_lines(paths: tuple[Path, ...]) -> list[str]:
    """Lines of 30 to LONGEST_TEXT characters without odd marks from those fortune files that are there."""
    lines: set[str] = set()
    for path in paths:
        if path.suffix or not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
            text = " ".join(line.split()).strip('"-')
            if 30 <= len(text) <= LONGEST_TEXT and not set(text) & set("<>{}[]|\\/*_=#~^@+%$&`"):
                lines.add(text.replace('"', ""))
    return sorted(lines)


def _template(rng: random.Random) -> str:
    text = rng.choice(TEMPLATES)
    for mark, choices in (("{n}", NOUNS), ("{a}", ADJECTIVES), ("{p}", PEOPLE)):
        while mark in text:
            text = text.replace(mark, rng.choice(choices), 1)
    while "{d}" in text:
        text = text.replace("{d}", str(rng.choice([1, 4, 5, 7, 9, 11, 15, 50, 75, 1000])), 1)
    return text


def with_pauses(words: list[str], rng: random.Random) -> str:
    """The words as one sentence of at most LONGEST_TEXT characters, with a comma here and there."""
    text = " ".join(word + ("," if rng.random() < 0.12 else "") for word in words).rstrip(",")
    return text[:LONGEST_TEXT] + "."
