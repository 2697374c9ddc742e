"""What the animator chooses: one group at Scene.unitalker, whose choices are also the options of the operator and the command line."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, PointerProperty, StringProperty

from . import catalog

SOURCES = (
    ('STRIP', "Strip", "A sound strip of the Video Sequencer"),
    ('FILE', "File", "A sound file"),
    ('SPEAKER', "Speaker", "A speaker object of the scene"),
)
INTERPOLATIONS = (
    ('LINEAR', "Linear", "Straight lines from key to key: exactly what was computed"),
    ('BEZIER', "Bezier", "Smooth curves from key to key, with handles to pull"),
    ('CONSTANT', "Constant", "Hold each key until the next: stepped animation"),
)
EXISTING = (
    ('KEEP', "Keep Mine", "Channels that you have keyed stay yours: your Action stays active and the lip sync plays from an NLA track beneath it"),
    ('LAYER', "Play on Top", "Your Action moves unchanged to an NLA track, as by Push Down, and the lip sync plays over it"),
)
SLIDERS = (
    ('RAISE', "Raise", "Sliders of shape keys become as long as the motion needs; Clear makes them short again"),
    ('CLIP', "Clip", "Values are cut at the ends of the sliders"),
    ('ASK', "Ask", "Nothing is written when a value goes beyond its slider, until you have chosen"),
)
VERTEX_MODES = (
    ('KEYS', "PCA Shape Keys", "Shape keys from the head's own components, as many as the accuracy needs, with curves to edit"),
    ('CACHE', "Point Cache", "Exactly what the head gives, from a file that a modifier plays"),
)
RELATIVE_PATHS = {'PATH_SUPPORTS_BLEND_RELATIVE'} if bpy.app.version >= (4, 5, 0) else set()     # before, every path property may be relative
POINTERS = ("character", "speaker", "transcript_text")      # data-blocks in the panel, names for the operator
SOURCE_OF = {"strip": 'STRIP', "audio": 'FILE', "speaker": 'SPEAKER'}


def _search_strips(_owner: object, context: bpy.types.Context, _text: str) -> list[str]:
    from .strip_audio import sequencer_scene, sound_strips

    return [strip.name for strip in sound_strips(sequencer_scene(context))]


def _search_languages(_owner: object, _context: bpy.types.Context, _text: str) -> list[str]:
    from ..engine.g2p import languages

    return list(languages())


def _is_speaker(_settings: object, obj: bpy.types.Object) -> bool:
    return obj.type == 'SPEAKER'


def _gain(name: str, what: str) -> object:
    return FloatProperty(name=name, description=f"How much {what} move: 0 still, 2 twice as much", default=1.0, min=0.0, max=2.0, subtype='FACTOR')


class Choices:
    """The options of one take; the operator and the scene's settings both have them."""

    source: EnumProperty(name="Source", description="Where the speech comes from", items=SOURCES)
    strip: StringProperty(name="Strip", description="Sound strip; empty takes the active one, or the only one", search=_search_strips)
    audio: StringProperty(
        name="File", description="Sound file of any format that this Blender plays", subtype='FILE_PATH', options=RELATIVE_PATHS,
    )
    start_frame: FloatProperty(name="Start", description="Frame on which the sound file starts", default=1.0, precision=1, step=100)
    transcript: StringProperty(
        name="Transcript", description="What is said, in plain words: lips meet and round where the words say so. A longer text fits better into a text data-block",
    )
    language: StringProperty(
        name="Language", description='Language of the transcript, such as "de" or "en-gb"; empty takes it from the script, American English for Latin letters',
        search=_search_languages, search_options={'SUGGESTION'},
    )
    shift_frames: FloatProperty(
        name="Shift", description="Frames added to every key; with -1 the mouth leads the sound by one frame",
        default=0.0, precision=1, step=100, soft_min=-10.0, soft_max=10.0,
    )
    with_related: BoolProperty(
        name="Whole Character", default=True,
        description="Key all that belongs to it: children, siblings, meshes of the same armature, and parts that lie in it",
    )
    preset: StringProperty(name="Preset", description='How speech drives this rig: an id, a JSON file, or "auto" for what fits best', default="auto")
    model: StringProperty(name="Model", description="What turns speech into motion: an id, or a folder", default="mini")
    head: StringProperty(name="Head", description="Which face of the model: an id; empty takes the model's own choice, blendshapes where it has them")
    vertex_mode: EnumProperty(name="Vertices", description="How a head that gives vertices plays on a mesh of its topology", items=VERTEX_MODES)
    vertex_error: FloatProperty(
        name="Accuracy", description="The largest distance that a vertex may be off, as a share of the mesh's size: decides how many shape keys are made",
        default=0.1, min=0.001, max=10.0, precision=3, step=1, subtype='PERCENTAGE',
    )
    cache_folder: StringProperty(
        name="Cache Folder", description="Where point caches are written; empty takes a folder beside the .blend file", subtype='DIR_PATH',
        options=RELATIVE_PATHS,
    )
    identity: StringProperty(
        name="Identity", description='Speaking style: an id of the model, "pivot" for neutral, or "blend:A=0.3,B=0.7"', default="pivot",
    )
    strength: FloatProperty(
        name="Strength", description="How far the style goes from neutral: 0 is neutral, 1 the style itself, 2 twice as far",
        default=1.0, min=0.0, max=2.0, subtype='FACTOR',
    )
    smooth: FloatProperty(
        name="Smooth", description="Softer motion; lips that close stay closed", default=0.0, min=0.0, max=1.0, subtype='FACTOR',
    )
    gain_jaw: _gain("Jaw", "the jaw")
    gain_lips: _gain("Lips", "the lips")
    gain_cheeks: _gain("Cheeks", "cheeks and nose")
    gain_brows: _gain("Brows", "the brows")
    action: StringProperty(
        name="Action", description="Name of the Action; empty goes on with the character's lip sync Action, or makes one",
    )
    interpolation: EnumProperty(name="Interpolation", description="How values run from key to key", items=INTERPOLATIONS)
    existing: EnumProperty(name="Existing Keys", description="What happens where you have keyed the character yourself", items=EXISTING)
    sliders: EnumProperty(name="Slider Range", description="What happens where the motion goes beyond the slider of a shape key", items=SLIDERS)
    reduce: BoolProperty(name="Fewer Keys", description="Leave out keys without which the curve stays almost the same: easier to edit")
    max_error: FloatProperty(
        name="Error", description="The most by which a curve may move when keys are left out", default=0.01, min=0.0001, max=0.5, precision=3, step=0.1,
    )


CHOICES = (*Choices.__annotations__, *POINTERS)


class UNITALKER_PG_settings(Choices, bpy.types.PropertyGroup):
    """The panel's state and the last result, at Scene.unitalker."""

    character: PointerProperty(
        name="Character", description="Face mesh or armature to key; empty takes the active object and the selected ones", type=bpy.types.Object,
    )
    speaker: PointerProperty(
        name="Speaker", description="Speaker object whose sound is used", type=bpy.types.Object, poll=_is_speaker,
    )
    transcript_text: PointerProperty(
        name="Transcript Text", description="Text data-block with what is said; counts instead of the line", type=bpy.types.Text,
    )
    model_pick: EnumProperty(
        name="Model", description="What turns speech into motion", items=catalog.model_items,
        get=catalog.getter("model"), set=catalog.setter("model"),
    )
    identity_pick: EnumProperty(
        name="Identity", description="Speaking style", items=catalog.identity_items,
        get=catalog.getter("identity"), set=catalog.setter("identity"),
    )
    head_pick: EnumProperty(
        name="Head", description="Which face of the model", items=catalog.head_items, get=catalog.getter("head"), set=catalog.setter("head"),
    )
    preset_pick: EnumProperty(
        name="Preset", description="How speech drives this rig", items=catalog.preset_items,
        get=catalog.getter("preset"), set=catalog.setter("preset"),
    )
    teach_name: StringProperty(name="Name", description="Name of the taught head; one of the same name is replaced", default="My head")
    teach_start: BoolProperty(
        name="Start from Preset", description="Learn how your keys differ from what the chosen preset makes: sounds that you did not key still look right",
    )
    teach_result: StringProperty(name="Result", description="What the last teaching did")
    teach_details: StringProperty(name="Details", description="Warnings, and how well each control was learned, one per line")
    teach_failed: BoolProperty(name="Failed")
    result: StringProperty(name="Result", description="What the last run did")
    result_details: StringProperty(name="Details", description="Warnings and channels that the character lacks, one per line")
    result_failed: BoolProperty(name="Failed")


def collect(context: bpy.types.Context, given: Mapping[str, object]) -> dict[str, object]:
    """Every choice: what is given, else what the panel of the scene says.

    A given strip, audio or speaker also decides the source, a given transcript counts instead of the panel's text.
    """
    settings = context.scene.unitalker
    values = {name: getattr(settings, name) for name in CHOICES}
    for name in POINTERS:
        values[name] = values[name].name if values[name] else ""
    for name, source in SOURCE_OF.items():
        if given.get(name):
            values["source"] = source
    if given.get("transcript"):
        values["transcript_text"] = ""
    return {**values, **given}


CLASSES = (UNITALKER_PG_settings,)


def register() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.unitalker = PointerProperty(type=UNITALKER_PG_settings)


def unregister() -> None:
    """Take them away; what .blend files hold stays in them."""
    del bpy.types.Scene.unitalker
