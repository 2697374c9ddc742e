"""Notes of values and sliders under the names that shape keys and bones have now: Blender takes our curves along when one is renamed. Helper of fcurves.py."""

from __future__ import annotations

import re
from collections.abc import Iterable

import bpy

from . import actions
from .actions import Place
from .ledger import Record

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')       # the first name in a data path


def follow_names(owner: bpy.types.ID, place: Place, record: Record) -> None:
    """Carry what is noted of renamed controls over to their new names.

    Several at once are matched in their order, and only while the curves are in the order in which they were made: rather nothing than a wrong value.
    """
    key = actions.key_of(place)
    rest = record.rest.get(key, {})
    curves = [f"{curve.data_path}|{curve.array_index}" for curve in actions.curves_of(place) if actions.is_ours(curve, place)]
    lost = [name for name in rest if name not in curves and not _leads_somewhere(owner, name)]
    fresh = [name for name in curves if name not in rest]
    if not lost or len(lost) != len(fresh):
        return
    new_names = _pairs(lost, fresh)
    if len(new_names) > 1 and [new_names.get(_quoted(name), _quoted(name)) for name in rest if name in curves or name in lost] != list(map(_quoted, curves)):
        return
    record.rest[key] = {_renamed(name, new_names) if name in lost else name: value for name, value in rest.items()}
    sliders = record.sliders.get(key, {})
    plain = {bpy.utils.unescape_identifier(old): bpy.utils.unescape_identifier(new) for old, new in new_names.items()}
    record.sliders[key] = {plain.get(name, name): ends for name, ends in sliders.items()}


def _pairs(lost: Iterable[str], fresh: Iterable[str]) -> dict[str, str]:
    """Old name -> new name, for names with the same channels; else none."""
    old, new = _channels(lost), _channels(fresh)
    if list(old.values()) != list(new.values()):
        return {}
    return dict(zip(old, new, strict=True))


def _channels(names: Iterable[str]) -> dict[str, list[str]]:
    """Quoted name -> its channels without the name."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_quoted(name), []).append(QUOTED.sub('""', name, count=1))
    return found


def _quoted(name: str) -> str:
    match = QUOTED.search(name)
    return match[1] if match else ""


def _renamed(name: str, new_names: dict[str, str]) -> str:
    new = new_names.get(_quoted(name))
    return name if new is None else QUOTED.sub(lambda _: f'"{new}"', name, count=1)


def _leads_somewhere(owner: bpy.types.ID, name: str) -> bool:
    try:
        owner.path_resolve(name.rpartition("|")[0])
    except ValueError:
        return False
    return True
