"""Life for a character whose head gives no face shapes: FLAME parameters, or controls that an animator taught without a preset.

Beside idle.py and retarget.py: blinks, brows, gaze, head and breath are made on a still face and go to what this character has for them: the keys
that a preset for face shapes finds on it, and bones with usual names. Nothing that the head itself moves is touched.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..rig.idle_bones import move_bones
from ..rig.presets import choose
from ..rig.retarget import retarget
from ..values.channels import ARKIT_52, HEAD_ANGLES
from ..values.errors import PresetError, RigError
from ..values.types import Curve, Life, Motion, Rig, RigChannel, RigCurves, Waveform
from .blinks import add_life, moved_by

SOURCE = "arkit52"
_PARTS = (      # of life, and the channels of which one must move something
    ("blinks", ("eyeBlinkLeft", "eyeBlinkRight")), ("brows", ("browInnerUp",)), ("head", HEAD_ANGLES),
    ("eyes", tuple(name for name in ARKIT_52 if name.startswith("eyeLook"))), ("breath", ("breath",)),
)


def beside(curves: RigCurves, wave: Waveform, rig: Rig, life: Life, clock: tuple[int, float]) -> tuple[RigCurves, str]:
    """Curves of a head with those of life beside them, and a sentence where this character has nothing for a part of it, else "".

    Args:
        curves: what the head moves; none of these channels is taken.
        clock: number of frames, and frames per second.
    """
    n_frames, fps = clock
    still = Motion(np.zeros((n_frames, len(ARKIT_52)), np.float32), ARKIT_52, fps)
    alive = add_life(still, wave, life)
    if alive is still:
        return curves, ""
    found, followed = _on_rig(alive, rig, life, curves)
    added = {place: curve for place, curve in found.items() if place not in curves.curves}
    wanted = [name for name, channels in _PARTS if getattr(life, name) and not followed.intersection(channels)]
    nothing = f"Life: this character has no key or bone with a usual name for {', '.join(wanted)}, and {curves.preset!r} does not move them. Key them by hand, or switch them off in Life." if wanted else ""
    mapped = (*curves.mapped, *(channel for channel in alive.channels if channel in followed and channel in moved_by(life)))
    return replace(curves, curves={**curves.curves, **added}, life=curves.life | added.keys(), mapped=tuple(dict.fromkeys(mapped))), nothing


def _on_rig(alive: Motion, rig: Rig, life: Life, curves: RigCurves) -> tuple[dict[RigChannel, Curve], frozenset[str]]:
    """What life alone moves on a rig, and the channels that something follows."""
    try:
        made = retarget(alive, choose(replace(rig, source=SOURCE, preset="auto")), rig, moved_by(life))
    except (PresetError, RigError):         # no keys for face shapes: bones are left
        bones, followed = move_bones(alive, rig, curves.curves, eyes=True)
        return bones, frozenset(followed)
    return {place: curve for place, curve in made.curves.items() if place in made.life}, frozenset(made.mapped)
