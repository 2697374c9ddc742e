"""Borrow settings of Blender and give them back: whatever happens in between, what was changed is as it was before."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import bpy

Change = tuple[object, str, object]     # who has the setting, its name, the value for a while

log = logging.getLogger(__name__)


@contextmanager
def borrowed(changes: list[Change]) -> Iterator[None]:
    """Set each of the settings, and set all of them back at the end, in the same order.

    The order counts: a file format comes before what it allows. A setting that this Blender does not have is left out.
    What cannot be set raises as Blender does, with everything as it was.
    """
    before: list[Change] = []
    for owner, name, _ in changes:          # all of them first: setting a file format also changes the colour depth
        if hasattr(owner, name) and not any(other == owner and known == name for other, known, _ in before):
            before.append((owner, name, _plain(getattr(owner, name))))
    try:
        for owner, name, value in changes:
            if hasattr(owner, name):
                setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            _give_back(owner, name, value)


def _plain(value: object) -> object:
    """A value that stays as it is: Blender's vectors and colours change with what they belong to."""
    return tuple(value) if hasattr(value, "__len__") and not isinstance(value, (str, set)) else value


def _give_back(owner: object, name: str, value: object) -> None:
    """One that cannot be set back must not keep the others from it."""
    try:
        if isinstance(value, bpy.types.ID) or getattr(owner, name) != value:
            setattr(owner, name, value)
    except (AttributeError, ReferenceError, TypeError, ValueError) as error:
        log.warning("%s could not be set back to %r: %s", name, value, error)
