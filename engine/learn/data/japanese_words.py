"""Make engine/speech/japanese_words.txt.xz: how words with kanji are said, from Debian's `mecab-ipadic`.

    python -m engine.learn.data.japanese_words /usr/share/mecab/dic/ipadic

Kept are words whose reading the shorter ones do not give already; names of people and organisations are left out.
"""

from __future__ import annotations

import csv
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path

from ...speech.japanese import KATAKANA, WORDS, Entry, is_kanji, read_parts, to_katakana

LEFT_OUT = frozenset(["Noun.name.csv", "Noun.org.csv", "Noun.proper.csv", "Symbol.csv", "Filler.csv"])
RARE_PLACES = 7500          # cost from which a place's name is left out
CLIPPED = "体言接続特殊"      # forms of verbs that are hardly ever said
COME = ("カ変・来ル", "未然形")   # ko-, rarer than ki-, which is spelt alike
LONGEST = 6                 # letters
COST_STEP = 100


def words(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Spelling, katakana as said, and cost of each word with kanji. Raises OSError: no such folder."""
    for path in sorted(folder.glob("*.csv")):
        if path.name in LEFT_OUT:
            continue
        with path.open(encoding="euc_jp", errors="replace", newline="") as file:
            for row in csv.reader(file):
                spelt, cost, said = row[0], int(row[3]), row[-1]
                if row[9].startswith(CLIPPED) or tuple(row[8:10]) == COME:
                    continue
                is_rare = path.name == "Noun.place.csv" and (cost > RARE_PLACES or len(spelt) == 1)
                if not is_rare and len(spelt) <= LONGEST and any(map(is_kanji, spelt)) and set(said) <= KATAKANA:
                    yield to_katakana(spelt), said, cost // COST_STEP


def shortest(entries: Iterator[tuple[str, str, int]]) -> dict[str, Entry]:
    """The cheapest reading of each word, where words that are shorter do not add up to it."""
    best: dict[str, Entry] = {}
    for spelt, said, cost in entries:
        if spelt not in best or cost < best[spelt].cost:
            best[spelt] = Entry(said, cost)
    kept: dict[str, Entry] = {}
    for spelt in sorted(best, key=len):
        parts = read_parts(spelt, kept)
        if parts is None or "".join(part.said for part in parts) != best[spelt].said:
            kept[spelt] = best[spelt]
    return kept


def main(folder: Path) -> None:
    """Write the file."""
    kept = shortest(words(folder))
    lines = [f"{spelt}\t{entry.said}\t{entry.cost}" for spelt, entry in sorted(kept.items())]
    WORDS.write_bytes(lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME))
    sys.stdout.write(f"{len(lines)} words, {WORDS.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
