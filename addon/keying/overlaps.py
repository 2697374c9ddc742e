"""Lines on the same frames: whose keys a line replaces, of the same character or of one that has the same mesh.

Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bpy

from ..actions import actions
from ..actions.actions import ActionUse
from ..actions.ledger import Binding, Ledger
from ..character.character import KeyTarget
from . import obstacles
from .parts import KeyOptions, Line


def others(use: ActionUse, binding: Binding, target: KeyTarget, line: Line) -> Iterator[str]:
    """The other lines of an Action's binding that have keys on a line's frames, in words."""
    ledger, key = Ledger.of(use.action), actions.binding_key(use)
    own = line.note.character if line.note is not None else ""
    for name, (first, last) in binding.spans.items():
        note = ledger.note(key, name)
        whose = note.character if note is not None and note.character in bpy.data.objects else own
        shared = whose != own and bpy.data.objects[whose].data == target.data
        if (name != line.name or shared) and first <= line.last_frame and line.first_frame <= last:
            sound = note.clip.name if note is not None and note.clip is not None else name
            yield f"{sound!r} of {whose!r}" if shared else repr(sound)


def before(targets: Iterable[KeyTarget], line: Line, options: KeyOptions) -> tuple[str, ...]:
    """A sentence for each line whose keys a line would replace. Raises RigError: a data-block is gone."""
    found = (
        owned for target in targets for use in _holder(target, options)
        for owned in others(use, Ledger.of(use.action).binding(actions.binding_key(use)), target, line)
    )
    return tuple(map(sentence, dict.fromkeys(found)))


def sentence(owned: str) -> str:
    """What is said of a line, in words, whose keys will be replaced."""
    return f"Its keys replace those of {owned}, which says something on the same frames."


def _holder(target: KeyTarget, options: KeyOptions) -> list[ActionUse]:
    """What is ours on a data-block and would take the keys: one, or none where they go somewhere new."""
    in_host = options.destination == 'SLOT'
    own = [use for use in actions.own_uses(target.find()) if actions.is_own(use.action) != in_host]
    return [use for use in own if not options.action or obstacles.is_meant(use.action, options.action)][:1]
