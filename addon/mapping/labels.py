"""What a row of the mapping is called on the panel and in messages."""

import bpy

from ...engine.values.messages import split_property
from ..host.translations import translate


def label(row: bpy.types.PropertyGroup) -> str:
    """What a row moves, in words: "jaw, Rotation X"."""
    if row.kind == 'property':
        return control_name(row.control)
    if row.kind != 'bone' or not row.control:
        return row.control
    quaternion = row.path == 'rotation_quaternion'
    component = "WXYZ"[int(row.component)] if quaternion else "XYZ"[int(row.axis)]
    return f"{row.control}, {translate(row.bl_rna.properties['path'].enum_items[row.path].name)} {component}"


def control_name(path: str) -> str:
    """A custom property's own name, from its data path."""
    return bpy.utils.unescape_identifier(split_property(path)[1]) or path
