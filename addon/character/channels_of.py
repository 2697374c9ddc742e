"""What one data-block offers to be keyed, and what keeps it from moving."""

from __future__ import annotations

import re
from collections.abc import Iterator

import bpy

from ...engine import RigChannel
from ...engine.values.types import BoneRest


def shape_keys(obj: bpy.types.Object) -> frozenset[str]:
    """Shape keys of an object that can be moved: not the basis, and only relative ones."""
    keys = getattr(obj.data, "shape_keys", None)
    if keys is None or not keys.use_relative:
        return frozenset()
    return frozenset(block.name for block in keys.key_blocks if block != keys.reference_key)


def driven(owner: bpy.types.ID) -> frozenset[tuple[str, int]]:
    """Data paths and array indices of a data-block that a driver writes: not a muted one, nor a broken one."""
    drivers = owner.animation_data.drivers if owner.animation_data else ()
    return frozenset((curve.data_path, curve.array_index) for curve in drivers if not (curve.mute or is_broken(curve)))


def is_broken(curve: bpy.types.FCurve) -> bool:
    """Whether a driver writes nothing: its expression failed, or what it reads is gone."""
    if not curve.driver.is_valid:
        return True
    variables = [variable for variable in curve.driver.variables if variable.type != 'CONTEXT_PROP']
    return any(target.id is None for variable in variables for target in variable.targets)


def limits(obj: bpy.types.Object) -> Iterator[tuple[RigChannel, tuple[float, float]]]:
    """Lowest and highest location of control bones, where a constraint limits both in the bone's own space."""
    for bone in obj.pose.bones if obj.pose else ():
        for constraint in bone.constraints:
            if constraint.type != 'LIMIT_LOCATION' or constraint.mute:
                continue
            if constraint.owner_space not in ('LOCAL', 'LOCAL_WITH_PARENT'):
                continue
            for index, axis in enumerate("xyz"):
                if getattr(constraint, f"use_min_{axis}") and getattr(constraint, f"use_max_{axis}"):
                    ends = getattr(constraint, f"min_{axis}"), getattr(constraint, f"max_{axis}")
                    yield RigChannel("bone", bone.name, "location", index), ends


def bones_at_rest(obj: bpy.types.Object) -> Iterator[tuple[str, BoneRest]]:
    """How each bone of an armature lies, for turns about the character's axes whatever the bone's roll."""
    for bone in obj.data.bones if obj.type == 'ARMATURE' else ():
        axes = bone.matrix_local.to_3x3()
        parent = bone.parent.name if bone.parent else ""
        yield bone.name, BoneRest(tuple(part for row in axes for part in row), tuple(bone.head_local), parent)


def number_properties(obj: bpy.types.Object) -> Iterator[str]:
    """Data paths of the custom properties of an object and its pose bones that hold one number."""
    owners = [("", obj)]
    if obj.pose:
        owners += [(f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"]', bone) for bone in obj.pose.bones]
    for prefix, owner in owners:
        for name, value in owner.items():
            if isinstance(value, (int, float)) and not re.match(r"_|cycles", name):
                yield f'{prefix}["{bpy.utils.escape_identifier(name)}"]'
