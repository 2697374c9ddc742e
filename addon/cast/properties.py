"""The list of lines of a scene at Scene.unitalker_cast: which sound is said by which character, and what came of it."""

import uuid

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

from ..follow.watch import before_look
from ..host.translations import translate
from ..sound import strips as sound_strips
from ..take import catalog
from ..take.choices import RELATIVE_PATHS
from ..take.options import SOURCES

KINDS = (
    ('NEW', "Not Made", "Nothing was made of this line yet"),
    ('DONE', "Done", "Keys were written"),
    ('WARNING', "Warnings", "Keys were written, and there is something to know"),
    ('FAILED', "Failed", "Nothing was written for this line"),
)


def _search_strips(row: bpy.types.PropertyGroup, context: bpy.types.Context, _text: str) -> list[str]:
    return [strip.name for strip in sound_strips.sound_strips(row.scene or sound_strips.sequencer_scene(context))]


def _search_identities(_row: object, context: bpy.types.Context, _text: str) -> list[str]:
    return [name for name, _, _ in catalog.identities(context.scene.unitalker.model)]


def _search_moods(_row: object, context: bpy.types.Context, _text: str) -> list[str]:
    return [name for name, _, _ in catalog.mood_items(context.scene.unitalker, context)]


def _strip_typed(row: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Another strip was chosen by its name: from now on the row means that one, also under another name."""
    scene = row.scene or sound_strips.sequencer_scene(context)
    strip = next((strip for strip in sound_strips.sound_strips(scene) if strip.name == row.strip), None)
    row.mark = sound_strips.mark(strip, scene) if strip is not None else ""
    if strip is not None and row.scene != scene:
        row.scene = scene


def _is_speaker(_row: object, obj: bpy.types.Object) -> bool:
    return obj.type == 'SPEAKER'


class UNITALKER_PG_cast_row(bpy.types.PropertyGroup):
    """One line. What it does not choose itself, it takes from the panel."""

    uid: StringProperty(options={'HIDDEN'})
    use: BoolProperty(name="Use", description="Make this line with Generate All", default=True)
    source: EnumProperty(name="Source", description="Where this line comes from", items=SOURCES)
    strip: StringProperty(
        name="Strip", description="Sound strip; the row knows it also under another name", search=_search_strips,
        update=_strip_typed,
    )
    mark: StringProperty(options={'HIDDEN'})
    scene: PointerProperty(name="Scene", description="Scene whose sequencer holds the strip", type=bpy.types.Scene)
    audio: StringProperty(name="File", description="Sound file", subtype='FILE_PATH', options=RELATIVE_PATHS)
    start_frame: FloatProperty(
        name="Start", description="Frame on which the sound file starts", default=1.0, precision=1, step=100
    )
    speaker: PointerProperty(
        name="Speaker", description="Speaker object whose sound is used", type=bpy.types.Object, poll=_is_speaker
    )
    character: PointerProperty(
        name="Character", description="Face mesh or armature that says this line", type=bpy.types.Object
    )
    own_identity: BoolProperty(name="Own Identity", description="Another speaking style than the panel's")
    identity: StringProperty(
        name="Identity", description="Speaking style of this line", default="pivot", search=_search_identities,
        search_options={'SUGGESTION'},
    )
    listens: BoolProperty(
        name="Listens", description=(
            "This character hears the line and says nothing: it looks at who speaks, blinks after pauses, and nods"),
    )
    own_mood: BoolProperty(name="Own Mood", description="Another mood than the panel's")
    mood: StringProperty(
        name="Mood", description='A mood, or several such as "happy=0.6,surprised=0.3"; empty is neutral',
        search=_search_moods, search_options={'SUGGESTION'},
    )
    own_channel: BoolProperty(
        name="Own Sound Channel",
        description="Another sound channel than the panel's: stereo dialogue with one speaker per channel",
    )
    audio_channel: IntProperty(
        name="Sound Channel", description="1 is the first (left) channel, 0 all of them mixed", min=0, max=64
    )
    transcript: StringProperty(name="Transcript", description="What is said in this line; empty when it is not known")
    transcript_text: PointerProperty(
        name="Transcript Text", description="Text data-block with what is said; counts instead of the line",
        type=bpy.types.Text,
    )
    kind: EnumProperty(name="Result", items=KINDS, options={'HIDDEN'})
    result: StringProperty(name="Result", description="What came of this line the last time")

    def title(self) -> str:
        """Strip, file or speaker, for people."""
        if self.source == 'FILE':
            return bpy.path.basename(self.audio) or translate("No file")
        if self.source == 'SPEAKER':
            return self.speaker.name if self.speaker else translate("No speaker")
        return self.strip or translate("No strip")


class UNITALKER_PG_cast(bpy.types.PropertyGroup):
    """The list, and how takes follow their strips."""

    rows: CollectionProperty(type=UNITALKER_PG_cast_row)
    active: IntProperty(name="Line")
    result: StringProperty(name="Result", description="What the last Generate All did")
    failed: BoolProperty(options={'HIDDEN'})
    follow: BoolProperty(
        name="Follow Strips", default=True,
        description=(
            "Lip sync moves along when its strip is moved, trimmed or slipped, without listening again. What you "
            "changed in its keys moves along"
        ),
    )
    follow_note: StringProperty(name="Follow", description="What Follow Strips could not do by itself")

    def add(self) -> bpy.types.PropertyGroup:
        """A new row at the end, which is the active one then."""
        row = self.rows.add()
        row.uid = uuid.uuid4().hex[:12]
        self.active = len(self.rows) - 1
        return row

    def follow_names(self) -> None:
        """Show what the strips of the rows are called now."""
        for row in self.rows:
            if row.source == 'STRIP' and row.mark and row.scene is not None:
                strip = sound_strips.find_marked(row.scene, row.mark, row.strip)
                if strip is not None and strip.name != row.strip:
                    row.strip = strip.name

    def chosen(self) -> bpy.types.PropertyGroup | None:
        """The active row."""
        return self.rows[self.active] if 0 <= self.active < len(self.rows) else None


CLASSES = (UNITALKER_PG_cast_row, UNITALKER_PG_cast)


def _follow_names() -> None:
    for scene in bpy.data.scenes:
        if scene.library is None:
            scene.unitalker_cast.follow_names()


def register() -> None:
    """Give every scene its list, whose rows know their strips under new names."""
    bpy.types.Scene.unitalker_cast = PointerProperty(type=UNITALKER_PG_cast)
    before_look.append(_follow_names)


def unregister() -> None:
    """Take it away; what .blend files hold stays in them."""
    before_look.remove(_follow_names)
    del bpy.types.Scene.unitalker_cast
