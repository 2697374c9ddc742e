"""The panel's settings at Scene.unitalker: the options of a take, lists and the last result."""

from collections.abc import Mapping

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ..host.translations import CONTEXT
from . import catalog
from .choices import SceneChoices
from .options import AS_0_1, BY_NAME, CHOICES, POINTERS, REFERENCES, SOUNDS, parts_of


class UNITALKER_PG_settings(SceneChoices, bpy.types.PropertyGroup):
    """The panel's state and the last result, at Scene.unitalker."""

    model_pick: EnumProperty(
        name="Model", description="What turns speech into motion", items=catalog.model_items,
        get=catalog.getter("model"), set=catalog.setter("model"),
        translation_context=CONTEXT,
    )
    identity_pick: EnumProperty(
        name="Identity", description="Speaking style", items=catalog.identity_items,
        get=catalog.getter("identity"), set=catalog.setter("identity"),
        translation_context=CONTEXT,
    )
    identity_2_pick: EnumProperty(
        name="Blend With", description="Speaking style that is mixed in", items=catalog.second_items,
        get=catalog.getter("identity_2"), set=catalog.setter("identity_2"),
        translation_context=CONTEXT,
    )
    head_pick: EnumProperty(
        name="Head", description="Which face of the model", items=catalog.head_items,
        get=catalog.getter("head"), set=catalog.setter("head"),
    )
    preset_pick: EnumProperty(
        name="Preset", description="How speech drives this rig", items=catalog.preset_items,
        get=catalog.getter("preset"), set=catalog.setter("preset"),
    )
    mood_pick: EnumProperty(
        name="Mood", description="The feeling with which it is said", items=catalog.mood_items,
        get=catalog.getter("mood"), set=catalog.setter("mood"), translation_context=CONTEXT,
    )
    live: BoolProperty(
        name="Live", description=(
            "Apply every change of style to the lip sync at once, while you drag: one step of undo for each drag"),
    )
    live_note: StringProperty(name="Live", description="Why the last change was not applied")
    teach_name: StringProperty(
        name="Name", description="Name of the taught head; one of the same name is replaced", default="My head",
    )
    teach_start: BoolProperty(
        name="Start from Preset", description=(
            "Learn how your keys differ from what the chosen preset makes: "
            "sounds that you did not key still look right"),
    )
    teach_result: StringProperty(name="Result", description="What the last teaching did")
    teach_details: StringProperty(
        name="Details", description="Warnings, and how well each control was learned, one per line",
    )
    teach_failed: BoolProperty(name="Failed")
    result: StringProperty(name="Result", description="What the last run did")
    result_details: StringProperty(
        name="Details", description="Warnings and channels that the character lacks, one per line",
    )
    result_mapped: StringProperty(
        name="Mapped", description="Channels of the model that move something on this rig, one per line",
    )
    result_missing: StringProperty(
        name="Missing", description="Channels of the model that this rig has nothing for, one per line",
    )
    result_counts: StringProperty(name="Counts", description="Curves, frames and channels of the last run")
    result_warnings: IntProperty(name="Warnings", description="How many sentences of the details warn")
    result_failed: BoolProperty(name="Failed")

    @property
    def character_name(self) -> str:
        """Name of the chosen character; empty stands for the active object."""
        return self.character.name if self.character else ""


def data_block(name: str, value: str) -> bpy.types.ID | None:
    """What the panel's pointer of this name shows for the name of a data-block."""
    return getattr(bpy.data, f"{BY_NAME[name].points_to.lower()}s").get(value)


def chosen(settings: bpy.types.PropertyGroup, name: str) -> object:
    """What the panel chose; of a data-block its name."""
    value = getattr(settings, name)
    return (value.name if value else "") if name in POINTERS else value


def collect(context: bpy.types.Context, given: Mapping[str, object]) -> dict[str, object]:
    """Every option: what is given, else what the panel of the scene says.

    A given strip, audio or speaker also decides the source, a given reference where the style is from; a given
    transcript counts instead of the panel's text, a given performance decides which parts of Life are on.
    """
    settings = context.scene.unitalker
    values = {name: chosen(settings, name) for name in CHOICES}
    for decided, givers in (("source", SOUNDS), ("style_from", REFERENCES)):
        for name, item in givers.items():
            if given.get(name):
                values[decided] = item
    if given.get("transcript"):
        values["transcript_text"] = ""
    parts = parts_of(str(given["performance"])) if "performance" in given else {}
    return {**values, **parts, **given}


def with_performance(context: bpy.types.Context, given: Mapping[str, object]) -> dict[str, object]:
    """What a command line or a jobs file gives, with the performance of version 0.1 where neither it nor the .blend
    file's panel chose one: jobs that were written for 0.1 go on to mean the same."""
    settings = context.scene.unitalker
    if "performance" in given or settings.is_property_set("performance"):
        return dict(given)
    lips = AS_0_1["performance"]
    chosen = {
        name: getattr(settings, name) if settings.is_property_set(name) else on
        for name, on in parts_of(lips).items()
    }
    return {"performance": lips, **chosen, **given}


CLASSES = (UNITALKER_PG_settings,)


def register() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.unitalker = PointerProperty(type=UNITALKER_PG_settings)


def unregister() -> None:
    """Take them away; what .blend files hold stays in them."""
    del bpy.types.Scene.unitalker
