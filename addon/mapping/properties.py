"""The mapping that is being made: an open preset as Blender properties, saved and undone with the scene."""

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import work

KINDS = (
    ('shape_key', "Key", "A shape key, on every mesh of the character that has it", 'SHAPEKEY_DATA', 0),
    ('bone', "Bone", "One axis of a bone, in the bone's own space", 'BONE_DATA', 1),
    ('property', "Property", "A custom property that holds one number, of the object or of a bone", 'PROPERTIES', 2),
)
PATHS = (
    ('location', "Location", "In the bone's own axes"),
    ('rotation_euler', "Rotation", "About the bone's own axes, whatever its rotation mode"),
    ('rotation_quaternion', "Quaternion", "One component of a quaternion"),
    ('scale', "Scale", "Along the bone's own axes"),
)
AXES = (('0', "X", ""), ('1', "Y", ""), ('2', "Z", ""))
COMPONENTS = (('0', "W", ""), ('1', "X", ""), ('2', "Y", ""), ('3', "Z", ""))
COMBINES = (
    ('sum', "Sum", "Channels are added"), ('min', "Smallest", "A corrective: as strong as the weaker of its channels"),
    ('product', "Product", "A corrective: the product of its channels"),
)
WEIGHT_LIMIT = 10_000.0         # the same as in presets/schema.json


def _dragged(_owner: object, context: bpy.types.Context) -> None:
    """The preview's own sliders: nothing of the mapping changes."""
    if context.scene.unitalker_mapping.preview:
        work().preview.show(context)


def _changed(owner: object, context: bpy.types.Context) -> None:
    """A value was dragged or typed."""
    context.scene.unitalker_mapping.changed = True
    _dragged(owner, context)


def _rewired(owner: object, context: bpy.types.Context) -> None:
    """Another control or channel was chosen."""
    _changed(owner, context)
    if context.scene.unitalker_mapping.is_open:
        work().look_again(context)


def _turned(row: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """A row moves another kind of thing: a slider ends at 1 and a bone does not; a scale rests at 1."""
    if context.scene.unitalker_mapping.is_open:
        unit = row.path == 'scale' or (row.path == 'rotation_quaternion' and row.component == '0')
        rest = 1.0 if row.kind == 'bone' and unit else 0.0
        if row.offset in (0.0, 1.0) and row.offset != rest:
            row.offset = rest
        if row.limited != (row.kind == 'shape_key') and (row.low, row.high) == (0.0, 1.0):
            row.limited = row.kind == 'shape_key'
    _rewired(row, context)


def _search_channels(_owner: object, context: bpy.types.Context, _text: str) -> list[str]:
    return work().face_channels(context.scene.unitalker_mapping.source)


def _search_controls(row: bpy.types.PropertyGroup, context: bpy.types.Context, _text: str) -> list[str]:
    return work().names_of_kind(context, row.kind)


# How every value of a control is drawn.
NUMBER = {"min": -WEIGHT_LIMIT, "max": WEIGHT_LIMIT, "precision": 3, "step": 1, "update": _changed}


class UNITALKER_PG_mapping_source(bpy.types.PropertyGroup):
    """One channel of a target and its weight."""

    channel: StringProperty(
        name="Channel", description="Face channel that drives this control",
        search=_search_channels, search_options=set(), update=_rewired,
    )
    weight: FloatProperty(
        name="Weight", description="Value of the control when the channel is at 1, in the control's unit", default=1.0,
        soft_min=-2.0, soft_max=2.0, **NUMBER,
    )
    shown: BoolProperty(
        name="Previewed", description="While previewing, this channel is at the amount", default=True, update=_dragged,
    )


class UNITALKER_PG_mapping_target(bpy.types.PropertyGroup):
    """One control and what drives it; the fields are those of a preset's target."""

    kind: EnumProperty(name="Kind", description="What is moved", items=KINDS, update=_turned)
    control: StringProperty(
        name="Control", description="Shape key, bone or custom property of the character",
        search=_search_controls, search_options={'SUGGESTION'}, update=_rewired,
    )
    path: EnumProperty(
        name="Path", description="What of the bone", items=PATHS, default='rotation_euler', update=_turned,
    )
    axis: EnumProperty(name="Axis", description="Axis of the bone's own space", items=AXES, update=_turned)
    component: EnumProperty(
        name="Component", description="Component of the quaternion", items=COMPONENTS, update=_turned,
    )
    degrees: BoolProperty(
        name="Degrees", description="Weights, offset and limits of a rotation are degrees, else radians", default=True,
        update=_changed,
    )
    to_limit: BoolProperty(
        name="To the Bone's Limit",
        description="1 and -1 are as far as the bone's Limit Location constraint lets it go", update=_changed,
    )
    sources: CollectionProperty(type=UNITALKER_PG_mapping_source)
    gain: FloatProperty(
        name="Gain", description="Factor for all channels of this control", default=1.0, soft_min=0.0, soft_max=2.0,
        **NUMBER,
    )
    offset: FloatProperty(name="Offset", description="Value of a still face", soft_min=-1.0, soft_max=1.0, **NUMBER)
    limited: BoolProperty(
        name="Limits", description="Keep the value between a lowest and a highest one", update=_changed,
    )
    low: FloatProperty(name="Lowest", soft_min=-1.0, soft_max=1.0, **NUMBER)
    high: FloatProperty(name="Highest", default=1.0, soft_min=0.0, soft_max=2.0, **NUMBER)
    gamma: FloatProperty(
        name="Gamma", description="Exponent of each channel: below 1 lifts small motion, above 1 holds it back",
        default=1.0, min=0.1, max=10.0, precision=2, update=_changed,
    )
    combine: EnumProperty(
        name="Combine", description="What is made of several channels", items=COMBINES, update=_changed,
    )
    share: StringProperty(
        name="Share", description="Controls of one share name never add up to more than 1; empty for none",
        update=_changed,
    )
    blend: StringProperty(
        name="Blend", update=_changed,
        description="Mouth shapes of one blend name are mixed to look most like the motion; empty for none",
    )
    found: BoolProperty(name="On the Character", default=True)


class UNITALKER_PG_mapping_hint(bpy.types.PropertyGroup):
    """A channel that drives nothing, with a control that could be meant; control is empty where no name is alike."""

    channel: StringProperty()
    control: StringProperty()
    kind: StringProperty()
    score: FloatProperty()


class UNITALKER_PG_mapping(bpy.types.PropertyGroup):
    """The open mapping, its preview and the recorded rest pose.

    Attributes:
        head: JSON of the preset's other fields. rest_pose: JSON of the recorded pose.
        shown_values: JSON of what the preview moved, with the values from before.
    """

    is_open: BoolProperty()
    changed: BoolProperty(name="Not Saved")
    title: StringProperty(name="Name", description="Name of the preset", maxlen=80)
    source: StringProperty(default="arkit52")
    head: StringProperty()
    targets: CollectionProperty(type=UNITALKER_PG_mapping_target)
    active: IntProperty(name="Active Control", update=_dragged)
    hints: CollectionProperty(type=UNITALKER_PG_mapping_hint)
    channel: StringProperty(
        name="Channel", description="Face channel that the two poses are for",
        search=_search_channels, search_options=set(),
    )
    rest_pose: StringProperty()
    preview: BoolProperty(name="Preview")
    amount: FloatProperty(
        name="Amount", description="How far the channels of the active control are, while previewing",
        default=1.0, min=0.0, max=1.5, soft_max=1.0, subtype='FACTOR', update=_dragged,
    )
    shown_values: StringProperty()


CLASSES = (UNITALKER_PG_mapping_source, UNITALKER_PG_mapping_target, UNITALKER_PG_mapping_hint, UNITALKER_PG_mapping)


def register() -> None:
    """Give every scene a mapping."""
    bpy.types.Scene.unitalker_mapping = PointerProperty(type=UNITALKER_PG_mapping)


def unregister() -> None:
    """Take it away; what .blend files hold stays in them."""
    del bpy.types.Scene.unitalker_mapping
