"""What each choice of the panel accepts, read from Blender's own description of the operator, so that no second list can fall behind.

The command line makes its options of this, jobs files are checked against it.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from ..take.properties import CHOICES

PATH_SUBTYPES = ('FILE_PATH', 'DIR_PATH')
ID_OR_PATH = ("model", "preset")            # an id of a list, or a file or folder
ON_WITH = {"max_error": "reduce", "range_start": "use_range", "range_end": "use_range"}     # giving the one switches the other on; use_x with x too


@dataclass(frozen=True)
class Field:
    """One choice.

    Attributes:
        kind: 'BOOLEAN', 'INT', 'FLOAT', 'STRING' or 'ENUM'.
        low, high: ends of a number. items: of an enum; empty where they depend on the scene.
        is_path: whether a relative value counts from somewhere.
    """

    name: str
    kind: str
    title: str
    description: str
    low: float
    high: float
    items: tuple[str, ...]
    is_path: bool

    def read(self, value: object) -> object:
        """A value from JSON as this choice takes it. Raises ValueError: what is wrong and what would be right."""
        if self.kind == 'BOOLEAN':
            return as_switch(value)
        if self.kind in ('INT', 'FLOAT'):
            return self._as_number(value)
        text = as_text(value)
        if self.items and text.upper() not in self.items:
            raise ValueError(f"is none of its values. Write {self.wanted}")
        return text.upper() if self.items else text

    @property
    def wanted(self) -> str:
        """What may stand there, in words."""
        if self.kind == 'BOOLEAN':
            return "true or false"
        if self.kind in ('INT', 'FLOAT'):
            return f"a {'whole ' if self.kind == 'INT' else ''}number from {self.low:g} to {self.high:g}" if self.high < 1e6 else "a number"
        return f"one of {', '.join(self.items)}" if self.items else "a text"

    def _as_number(self, value: object) -> float | int:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"is no number. Write {self.wanted}")
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise ValueError(f"is out of range. Write {self.wanted}")
        if self.kind == 'INT' and value != int(value):
            raise ValueError(f"is no whole number. Write {self.wanted}")
        return int(value) if self.kind == 'INT' else as_stored(value)


def as_stored(value: float | str) -> float:
    """A number as Blender's properties keep it, single precision: the same number then gives the same keys as in the panel."""
    return float(np.float32(value))


def as_text(value: object) -> str:
    """A text that a file name or a name in Blender may hold. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("is no text. Write a text in double quotes")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("holds a zero byte or half a character, which no name can hold. Write another text")
    return value


def as_switch(value: object) -> bool:
    """True or false. Raises ValueError."""
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false. Write true or false, without quotes")
    return value


def fields() -> dict[str, Field]:
    """Every choice of one take, by name, in the order of the panel's own list."""
    properties = bpy.ops.unitalker.animate.get_rna_type().properties
    return {name: _field(name, properties[name]) for name in CHOICES}


def add_options(parser: argparse.ArgumentParser, chosen: Iterable[Field]) -> None:
    """One command line option per field, without defaults: what is not given stays what the panel says."""
    for field in chosen:
        option, text = "--" + field.name.replace("_", "-"), field.description.replace("%", "%%")
        if field.kind == 'BOOLEAN':
            parser.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
        elif field.items:
            parser.add_argument(option, type=str.upper, choices=field.items, help=text)
        else:
            read = {'INT': int, 'FLOAT': as_stored}.get(field.kind, os.path.abspath if field.is_path else str)
            parser.add_argument(option, type=read, metavar=field.kind, help=text)


def with_switches(given: Mapping[str, object]) -> dict[str, object]:
    """What is given, and the switches without which it would do nothing: "max_error" asks for fewer keys."""
    switches = {}
    for name in given:
        switch = ON_WITH.get(name, f"use_{name}")
        if switch in CHOICES and switch not in given:
            switches[switch] = True
    return {**given, **switches}


def _field(name: str, prop: bpy.types.Property) -> Field:
    is_number = prop.type in ('INT', 'FLOAT')
    return Field(
        name=name,
        kind=prop.type,
        title=prop.name,
        description=prop.description,
        low=prop.hard_min if is_number else -math.inf,
        high=prop.hard_max if is_number else math.inf,
        items=tuple(item.identifier for item in prop.enum_items) if prop.type == 'ENUM' else (),
        is_path=prop.subtype in PATH_SUBTYPES,
    )
