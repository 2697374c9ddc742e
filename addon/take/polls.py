"""Why a button that needs a take is grey."""

from __future__ import annotations

import bpy

from ..actions.ledger import OWNER
from ..host.polls import only_if

NO_TAKE = "This file has no lip sync yet: press Generate Lip Sync first"


def has_take(cls: type[bpy.types.Operator]) -> bool:
    """Whether there is a lip sync at all: a quick look, for polls."""
    return only_if(cls, any(OWNER in action for action in bpy.data.actions), NO_TAKE)
