"""Options of a take on the command line and in jobs files: what each accepts there, as the table says."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterable
from functools import partial

import numpy as np

from ...engine.files.jobs_file import as_switch, as_text
from ...engine.values.option_row import Option, Value

ID_OR_PATH = ("model", "preset")            # an id of a list, or a file or folder
MAX_NUMBER = float(np.finfo(np.float32).max)        # that a property of Blender holds
MAX_SHOWN = 1e6             # ends of a range beyond this are no help in a message


def read(option: Option, value: object) -> Value:
    """A value from JSON as an option takes it. Raises ValueError: what is wrong and what would be right."""
    if option.kind == 'BOOLEAN':
        return as_switch(value)
    if option.kind in ('INT', 'FLOAT'):
        return _as_number(option, value)
    text = as_text(value)
    if not option.items:
        return text
    item = as_item(option, text)
    if item not in ids(option):
        raise ValueError(f"is none of its values. Write {wanted(option)}")
    return item


def wanted(option: Option) -> str:
    """What may stand there, in words."""
    if option.kind == 'BOOLEAN':
        return "true or false"
    if option.kind in ('INT', 'FLOAT'):
        whole = "whole " if option.kind == 'INT' else ""
        return f"a {whole}number from {option.low:g} to {option.high:g}" if option.high < MAX_SHOWN else "a number"
    return f"one of {', '.join(ids(option))}" if option.items else "a text"


def ids(option: Option) -> list[str]:
    """What an enum offers."""
    return [item for item, _, _ in option.items]


def as_item(option: Option, text: str) -> str:
    """The id that a text means, in small or capital letters; the text itself where it means none."""
    return next((item for item in ids(option) if item.upper() == text.upper()), text)


def _as_number(option: Option, value: object) -> float | int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"is no number. Write {wanted(option)}")
    if not math.isfinite(value) or not option.low <= value <= option.high or abs(value) > MAX_NUMBER:
        raise ValueError(f"is out of range. Write {wanted(option)}")
    if option.kind == 'INT' and value != int(value):
        raise ValueError(f"is no whole number. Write {wanted(option)}")
    return int(value) if option.kind == 'INT' else as_stored(value)


def as_stored(value: float | str) -> float:
    """A number as Blender's properties hold it, single precision: then it gives the same keys as in the panel."""
    return float(np.float32(value))


def add_options(parser: argparse._ActionsContainer, chosen: Iterable[Option]) -> None:
    """A flag for each option, without defaults: what is not given stays what the panel says."""
    for option in chosen:
        flag, text = "--" + option.name.replace("_", "-"), option.help.replace("%", "%%")
        if option.kind == 'BOOLEAN':
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
        elif option.items:
            parser.add_argument(flag, type=partial(as_item, option), choices=ids(option), help=text)
        else:
            kinds = {'INT': int, 'FLOAT': as_stored}
            kind = kinds.get(option.kind, os.path.abspath if option.is_path else str)
            parser.add_argument(flag, type=kind, metavar=option.kind, help=text)
