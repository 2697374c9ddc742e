"""German, Japanese and Simplified Chinese for what panels, menus and tooltips say: one JSON file each in languages/.

Blender asks its own dictionary first, so that a word that it knows reads as everywhere else in it; CONTEXT is for words
that mean something else there.
"""

from __future__ import annotations

import json
from pathlib import Path

import bpy

from . import BASE_PACKAGE

LOCALES = ("de_DE", "ja_JP", "zh_HANS")         # as Blender 4.2 to 5.3 call them
FOLDER = Path(__file__).with_name("languages")
CONTEXT = "UniTalker"                           # for words that mean something else in Blender: Life, Clear, Character
CONTEXTS = ("*", "Operator", CONTEXT)           # of names and texts; of buttons; our own
WIDE = 1.7                                      # width of a Chinese character, in those of a Latin one

_iface = bpy.app.translations.pgettext_iface


def read(locale: str) -> dict[str, str]:
    """English text -> text in a language."""
    return json.loads((FOLDER / f"{locale}.json").read_text(encoding="utf-8"))


def translate(text: str, *values: object) -> str:
    """A text in the language of the interface, its {} filled with values."""
    translated = _iface(text)
    return translated.format(*values) if values else translated


def translate_plural(number: int, one: str, many: str) -> str:
    """A number and its noun in the language of the interface; {} of many is filled."""
    return translate(one) if number == 1 else translate(many, number)


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most so many Latin characters' width; scripts without spaces break anywhere."""
    if not any(map(_is_wide, text)):
        import textwrap

        return textwrap.wrap(text, columns)
    lines, width = [""], 0.0
    for character in text:
        step = WIDE if _is_wide(character) else 1.0
        if width + step > columns and character not in "。、，．！？）」":      # which never begin a line
            lines.append("")
            width = 0.0
        lines[-1] += character
        width += step
    return lines


def _is_wide(character: str) -> bool:
    import unicodedata

    return unicodedata.east_asian_width(character) in "WF"


def register() -> None:
    """Give Blender the dictionaries."""
    bpy.app.translations.register(BASE_PACKAGE, {locale: _dictionary(locale) for locale in LOCALES})


def _dictionary(locale: str) -> dict[tuple[str, str], str]:
    return {(context, english): text for english, text in read(locale).items() for context in CONTEXTS}


def unregister() -> None:
    """Take them away."""
    bpy.app.translations.unregister(BASE_PACKAGE)
