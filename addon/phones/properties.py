"""Phones that are shown for editing: one row per phone, kept with the scene, so that undo, saving and loading keep
edits which are not applied yet.

A row knows seconds of its clip; fields in frames and the type are views that write through to the row and its marker.
"""

from collections.abc import Callable

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

from . import markers, symbols
from . import rows as phone_rows

ITEMS = symbols.items()
TRACKS = (
    ('PHONES', "Phonemes", "A marker where each phoneme begins"),
    ('WORDS', "Words", (
        "A marker where each word of the transcript begins. To stress it, write it in capitals or a number from 0 to 2 "
        "behind it, such as never 1.5")),
)


def _edit(change: Callable[[bpy.types.PropertyGroup, float], None]) -> object:
    """What a field of the list does when the artist writes it: the row changes, and its marker with it."""
    def write(row: bpy.types.PropertyGroup, value: float) -> None:
        scene, take = row.id_data, phone_rows.take_of(row)
        change(row, value)
        markers.follow_rows(scene, take)

    return write


def _read_frame(name: str) -> object:
    def read(row: bpy.types.PropertyGroup) -> float:
        return phone_rows.frame_of(phone_rows.take_of(row), getattr(row, name))

    return read


def _read_kind(row: bpy.types.PropertyGroup) -> int:
    return symbols.LABELS.index(row.label) if row.label in symbols.LABELS else 0


def _show_tracks(shown: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for take in [take for take in shown.takes if take.visible]:
        markers.hide(shown.id_data, take)
        markers.show(shown.id_data, take)


class UNITALKER_PG_phone(bpy.types.PropertyGroup):
    """One phone. Its end is the start of the next one, unless there is a gap: `to_next` says so."""

    uid: IntProperty()
    label: StringProperty()
    problem: StringProperty(description="Name of its marker, where that is no phoneme's")
    start_s: FloatProperty()
    end_s: FloatProperty()
    to_next: BoolProperty()
    kind: EnumProperty(
        name="Phoneme", description="What is said", items=ITEMS, get=_read_kind, set=_edit(phone_rows.set_kind),
        options={'SKIP_SAVE'},
    )
    start_frame: FloatProperty(
        name="Start", description="Frame on which the phoneme begins; the one before ends there", precision=1, step=100,
        get=_read_frame("start_s"), set=_edit(phone_rows.set_start), options={'SKIP_SAVE'},
    )
    end_frame: FloatProperty(
        name="End", description="Frame on which the phoneme ends; the next one begins there", precision=1, step=100,
        get=_read_frame("end_s"), set=_edit(phone_rows.set_end), options={'SKIP_SAVE'},
    )


class UNITALKER_PG_word(bpy.types.PropertyGroup):
    """One word of the transcript; its emphasis is what its marker says, `solved` what the keys were made with."""

    uid: IntProperty()
    number: IntProperty()
    text: StringProperty()
    problem: StringProperty(description="Name of its marker, where the emphasis cannot be read")
    start_s: FloatProperty()
    end_s: FloatProperty()
    emphasis: FloatProperty()
    solved: FloatProperty()


class UNITALKER_PG_shown_take(bpy.types.PropertyGroup):
    """The phones of one take; its name is what the take is found by."""

    title: StringProperty()
    character: PointerProperty(type=bpy.types.Object, description="Whose take it is, also under a new name")
    first_frame: FloatProperty()
    fps: FloatProperty()
    end_s: FloatProperty()
    solved: StringProperty(
        description="Phonemes that the keys were made with: JSON rows of class, start and end in seconds"
    )
    made: StringProperty(description="What the phonemes depend on: sound, words and model")
    visible: BoolProperty(description="Whether its markers are on the timeline")
    rows: CollectionProperty(type=UNITALKER_PG_phone)
    words: CollectionProperty(type=UNITALKER_PG_word)
    active_row: IntProperty(name="Phoneme", description="Phoneme that is edited")


class UNITALKER_PG_phones(bpy.types.PropertyGroup):
    """At Scene.unitalker_phones.

    Attributes:
        seen: JSON rows of the scene's markers as they were last seen, in their order: name, frame, and for ours uid of
            the row, else 0.
    """

    takes: CollectionProperty(type=UNITALKER_PG_shown_take)
    active_take: IntProperty(name="Take", description="Take whose phonemes the list shows")
    tracks: EnumProperty(
        name="Markers", description="What the markers show", items=TRACKS, default={'PHONES', 'WORDS'},
        options={'ENUM_FLAG'}, update=_show_tracks,
    )
    seen: StringProperty()
    last_uid: IntProperty()
    auto: BoolProperty(
        name="Apply at Once",
        description=(
            "Solve the neighbourhood again as soon as a marker was moved, renamed, copied or deleted. Each time is an "
            "undo step of its own"
        ),
    )
    problem: StringProperty()


CLASSES = (UNITALKER_PG_phone, UNITALKER_PG_word, UNITALKER_PG_shown_take, UNITALKER_PG_phones)


def register() -> None:
    """Give every scene its shown phones."""
    bpy.types.Scene.unitalker_phones = PointerProperty(type=UNITALKER_PG_phones)


def unregister() -> None:
    """Take them away; what .blend files hold stays in them."""
    del bpy.types.Scene.unitalker_phones
