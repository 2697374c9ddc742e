"""Idle motion for a character whose head gives no face shapes: FLAME parameters, or a fitted head without a preset.

Blinks, brows, gaze, head and breath are made on a still face and go to what this character has for them: the keys that
a preset for face shapes finds on it, and bones with usual names. Nothing that the head itself moves is touched.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..rig.idle_bones import move_bones
from ..rig.presets import choose
from ..rig.retarget import retarget
from ..values.channels import ARKIT_52, HEAD_ANGLES
from ..values.errors import PresetError, RigError
from ..values.types import Curve, Life, Motion, Rig, RigChannel, RigCurves
from .blinks import add_idle_motion, is_moving, moved_by
from .prosody import Prosody

SOURCE = "arkit52"
_PARTS = {      # the channels of which one must move something
    "blinks": ("eyeBlinkLeft", "eyeBlinkRight"), "brows": ("browInnerUp",), "head": HEAD_ANGLES,
    "eyes": tuple(name for name in ARKIT_52 if name.startswith("eyeLook")), "breath": ("breath",),
}


def beside(
    curves: RigCurves, prosody: Prosody | None, rig: Rig, life: Life, clock: tuple[int, float],
) -> tuple[RigCurves, str]:
    """Curves of a head with idle motion beside them, and a warning where the character has nothing for a part of it.

    Args:
        curves: what the head moves; none of these channels is taken.
        prosody: of the sound; None where nothing moves.
        clock: number of frames, and frames per second.
    """
    if prosody is None or not is_moving(life):
        return curves, ""
    n_frames, fps = clock
    still = Motion(np.zeros((n_frames, len(ARKIT_52)), np.float32), ARKIT_52, fps)
    idle = add_idle_motion(still, prosody, life)
    found, followed = _on_rig(idle, rig, life, curves)
    added = {place: curve for place, curve in found.items() if place not in curves.curves}
    moved = moved_by(life)
    mapped = (*curves.mapped, *(channel for channel in idle.channels if channel in followed and channel in moved))
    lacking = [name for name, channels in _PARTS.items() if getattr(life, name) and not followed.intersection(channels)]
    both = replace(
        curves, curves={**curves.curves, **added}, life=curves.life | added.keys(), mapped=tuple(dict.fromkeys(mapped)),
    )
    return both, _nothing_to_move(lacking, curves.preset) if lacking else ""


def _nothing_to_move(parts: list[str], preset: str) -> str:
    return (
        f"Life: this character has no key or bone with a usual name for {', '.join(parts)}, and {preset!r} does not "
        "move them. Key them by hand, or switch them off in Life."
    )


def _on_rig(
    idle: Motion, rig: Rig, life: Life, curves: RigCurves,
) -> tuple[dict[RigChannel, Curve], frozenset[str]]:
    """What idle motion alone moves on a rig, and the channels that something follows."""
    try:
        made = retarget(idle, choose(replace(rig, source=SOURCE, preset="auto")), rig, moved_by(life))
    except (PresetError, RigError):         # no keys for face shapes: bones are left
        bones, followed = move_bones(idle, rig, curves.curves, eyes=True)
        return bones, frozenset(followed)
    return {place: curve for place, curve in made.curves.items() if place in made.life}, frozenset(made.mapped)
