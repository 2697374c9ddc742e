"""A take from a csv file: `time` in seconds, then a column per control.

A column is the name of a shape key, `bone:NAME.rotation_euler[0]` (radians; also location, rotation_quaternion, scale),
or `property:PATH`.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from ..rig.preset_file import COMPONENTS
from ..values.errors import TeachError
from ..values.types import RigChannel
from .fit import KeyedTake

_BONE = re.compile(r"bone:(.+)\.(\w+)\[(\d)\]$")
NEXT_STEP = "Write a header line, time,CONTROL,..., and one line of numbers per moment."


def read_take(path: str | Path) -> KeyedTake:
    """Read a take. Raises TeachError: missing, no table of numbers (with the line), a column of an unknown form."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise TeachError(f"Take {path} cannot be read ({error}). {NEXT_STEP}") from error
    if len(rows) < 2 or rows[0][0].strip().casefold() != "time" or len(rows[0]) < 2:
        raise TeachError(f"Take {path} has no header line that begins with time, or no numbers below it. {NEXT_STEP}")
    values = np.empty((len(rows) - 1, len(rows[0])))
    for number, row in enumerate(rows[1:]):
        try:
            if len(row) != len(rows[0]):        # NumPy would fill all columns with a single number
                raise ValueError
            values[number] = [float(cell) for cell in row]
        except ValueError as error:
            shown = ", ".join(row)[:60]
            message = f"Take {path}, line {number + 2}: {shown!r} are not {len(rows[0])} numbers. {NEXT_STEP}"
            raise TeachError(message) from error
    return KeyedTake(tuple(_control(name.strip(), path) for name in rows[0][1:]), values[:, 0], values[:, 1:])


def _control(name: str, path: str | Path) -> RigChannel:
    if name.startswith("property:"):
        return RigChannel("property", name.removeprefix("property:"))
    if not name.startswith("bone:"):
        return RigChannel("shape_key", name)
    found = _BONE.match(name)
    if found is None or int(found[3]) >= COMPONENTS.get(found[2], 0):
        raise TeachError(
            f"Take {path}: column {name!r} names no part of a bone. Write for example bone:Jaw.rotation_euler[0]."
        )
    return RigChannel("bone", found[1], found[2], int(found[3]))
