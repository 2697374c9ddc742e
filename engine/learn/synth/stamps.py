"""Names of things, read by one person in each of nine languages: the sounds of Debian's `tuxpaint-stamps-default`
(GPL-2.0-or-later).

Some texts do not fit their sound; `real` keeps what two aligners time alike. One text in ten never trains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from .read_voices import is_reported, plain

FOLDER = Path("/usr/share/tuxpaint/stamps")
PREFIX = "tuxpaint-"
PARTS: Mapping[str, int] = {  # shards by language, as the files and espeak-ng call it
    "ro": 4, "es": 4, "ru": 4, "fr": 4, "bg": 4, "el": 3, "be": 3, "ca": 4, "da": 2,
}


def sources() -> Mapping[str, int]:
    """Names of the sources, one for each language, with the number of shards; none where the package is missing."""
    return {PREFIX + language: parts for language, parts in PARTS.items()} if FOLDER.is_dir() else {}


def sentences(language: str, reported: bool, folder: Path = FOLDER) -> Iterator[tuple[Path, str]]:
    """Sound file and text of each thing whose name trains, or is reported on; a text that returns is given once."""
    known: set[str] = set()
    for path in sorted(folder.rglob(f"*_desc_{language}.ogg")):
        text = _text(path.with_name(path.name.removesuffix(f"_desc_{language}.ogg") + ".txt"), language)
        key = plain(text)
        if key and key not in known and is_reported(key) == reported:
            known.add(key)
            yield path, text


def _text(path: Path, language: str) -> str:
    """The line of a language in the list of translations beside a picture; empty where it has none."""
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition("=")[2] for line in lines if line.startswith(f"{language}.utf8=")), "")
