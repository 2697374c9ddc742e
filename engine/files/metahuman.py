"""Face motion as curves of a MetaHuman, in files that Unreal Engine imports as a Curve Table.

The weights are those of the bundled preset `metahuman`. A table has a row for each curve and a column for each moment
in seconds.
"""

from __future__ import annotations

import json

import numpy as np

from ..rig.preset_file import data_folder, load_preset
from ..rig.retarget import retarget
from ..values.errors import OutputError
from ..values.types import Motion, Rig

PRESET_FILE = "metahuman.json"
MARK = ".metahuman"             # before the file ending: OUT.metahuman.csv


def to_metahuman(motion: Motion) -> Motion:
    """ARKit motion as CTRL_expressions_* curves, 0 to 1. Raises OutputError when the motion holds no ARKit channels."""
    preset = load_preset(data_folder() / PRESET_FILE)
    if not set(motion.channels) & set(preset.channels):
        raise OutputError(
            f"A MetaHuman file needs ARKit channels; this motion has {', '.join(motion.channels[:3])}. "
            "Choose a head of face shapes."
        )
    names = frozenset(target.to.name for target in preset.targets if target.to.kind == "shape_key")
    curves = retarget(motion, preset, Rig(shape_keys=names)).curves
    found = {channel.name: curve.values for channel, curve in curves.items()}
    return Motion(np.stack(list(found.values()), axis=1), tuple(found), motion.fps)


def curve_table_csv(motion: Motion) -> str:
    """The table as CSV: moments in the first row, then a row for each curve."""
    rows = [["Name", *(f"{moment:.6g}" for moment in _moments(motion))]]
    rows += [[name, *(f"{value:.6f}" for value in motion[name])] for name in motion.channels]
    return "\n".join(map(",".join, rows)) + "\n"


def curve_table_json(motion: Motion) -> str:
    """The table as JSON: a list of one object for each curve, with its name and its value at each moment."""
    moments = [f"{moment:.6g}" for moment in _moments(motion)]
    rows = []
    for name in motion.channels:
        values = [round(float(value), 6) for value in motion[name]]
        rows.append({"Name": name, **dict(zip(moments, values, strict=True))})
    return json.dumps(rows, indent=1) + "\n"


def _moments(motion: Motion) -> list[float]:
    return [frame / motion.fps for frame in range(len(motion.weights))]
