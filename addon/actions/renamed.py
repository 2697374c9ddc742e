"""Bindings under the names that shape keys and bones have now: Blender takes our curves along when one is renamed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import bpy

from . import actions
from .actions import ActionUse
from .ledger import Binding, Channel

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')       # the first name in a data path


def follow_names(owner: bpy.types.ID, use: ActionUse, binding: Binding) -> Binding:
    """Carry what is noted of renamed controls over to their new names.

    Several at once are matched in their order, and only while the curves are in the order in which they were made:
    rather nothing than a wrong value.
    """
    curves = [actions.channel_of(curve) for curve in actions.own_curves(use)]
    lost = [
        channel for channel in binding.rest if channel not in curves and not actions.leads_somewhere(owner, channel[0])
    ]
    fresh = [channel for channel in curves if channel not in binding.rest]
    if not lost or len(lost) != len(fresh):
        return binding
    new_names = _pairs(lost, fresh)
    if len(new_names) > 1:
        noted = [_quoted(channel) for channel in binding.rest if channel in curves or channel in lost]
        if [new_names.get(name, name) for name in noted] != list(map(_quoted, curves)):
            return binding
    rest = {
        _renamed(channel, new_names) if channel in lost else channel: value for channel, value in binding.rest.items()
    }
    plain = {bpy.utils.unescape_identifier(old): bpy.utils.unescape_identifier(new) for old, new in new_names.items()}
    return replace(binding, rest=rest, sliders={plain.get(name, name): ends for name, ends in binding.sliders.items()})


def _pairs(lost: Iterable[Channel], fresh: Iterable[Channel]) -> dict[str, str]:
    """Old name -> new name, for names with the same channels; else none."""
    old, new = _by_name(lost), _by_name(fresh)
    if list(old.values()) != list(new.values()):
        return {}
    return dict(zip(old, new, strict=True))


def _by_name(channels: Iterable[Channel]) -> dict[str, list[Channel]]:
    """Quoted name -> its channels without the name."""
    found: dict[str, list[Channel]] = {}
    for path, index in channels:
        found.setdefault(_quoted((path, index)), []).append((QUOTED.sub('""', path, count=1), index))
    return found


def _quoted(channel: Channel) -> str:
    match = QUOTED.search(channel[0])
    return match[1] if match else ""


def _renamed(channel: Channel, new_names: dict[str, str]) -> Channel:
    new = new_names.get(_quoted(channel))
    return channel if new is None else (QUOTED.sub(lambda _: f'"{new}"', channel[0], count=1), channel[1])
