"""The options of one take, with what a tooltip teaches about each: the panel and every operator that makes a take have all of them."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..host.translations import CONTEXT

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
DESTINATIONS = (
    ('ACTION', "Own Action", "An Action of the lip sync alone; where yours is active, it plays from an NLA track beneath"),
    ('SLOT', "Slot in My Action", "A new slot in your own Action, so that all of a shot stays in one Action. Blender 4.4 and later"),
    ('NLA', "NLA Strip", "A strip on a track of its own, to be blended, faded and muted without a look at its keys"),
)
NLA_BLENDS = (
    ('REPLACE', "Replace", "The lip sync takes the place of what the tracks beneath give"),
    ('COMBINE', "Combine", "Each kind of channel in its own way: shape keys and locations add up, rotations and scales multiply"),
    ('ADD', "Add", "The lip sync is added to what the tracks beneath give: for a face that already has an expression"),
    ('SUBTRACT', "Subtract", "The lip sync is taken away from what the tracks beneath give"),
    ('MULTIPLY', "Multiply", "What the tracks beneath give, times the lip sync"),
)
RELATIVE_PATHS = {'PATH_SUPPORTS_BLEND_RELATIVE'} if bpy.app.version >= (4, 5, 0) else set()     # before, every path property may be relative
REGIONS = {"jaw": "the jaw", "lips": "the lips", "cheeks": "cheeks and nose", "brows": "the brows"}
LIVE = (        # choices that the Live switch applies at once: none of them needs the sound to be listened to again
    "identity", "identity_2", "identity_mix", "strength", "smooth", "articulation", "anticipation", "seed",
    *(f"{kind}_{region}" for kind in ("gain", "smooth", "offset") for region in REGIONS),
    *(f"{use}{name}" for use in ("", "use_") for name in ("blinks", "brow_raises", "head_motion", "eye_motion", "breath")),
)


def _search_strips(_owner: object, context: bpy.types.Context, _text: str) -> list[str]:
    from ..sound.strips import sequencer_scene, sound_strips

    return [strip.name for strip in sound_strips(sequencer_scene(context))]


def _search_languages(_owner: object, _context: bpy.types.Context, _text: str) -> list[str]:
    from ...engine.speech.g2p import languages

    return list(languages())


def _changed(owner: object, context: bpy.types.Context) -> None:
    """One of LIVE has a new value, in the panel or in an operator: only the panel's counts."""
    if isinstance(getattr(owner, "id_data", None), bpy.types.Scene) and owner.live:
        from . import live

        live.apply(context)


def _gain(name: str, what: str) -> object:
    return FloatProperty(
        name=name, description=f"Movement of {what}: 0 still, 2 twice as much", default=1.0, min=0.0, max=2.0, subtype='FACTOR', update=_changed,
    )


def _offset(name: str, what: str) -> object:
    return FloatProperty(
        name=name, description=f"Delay of {what} in frames; below 0 earlier than the sound says. Lips that meet still meet on time",
        default=0.0, precision=1, step=50, min=-10.0, max=10.0, soft_min=-4.0, soft_max=4.0, update=_changed,
    )


def _softer(name: str, what: str) -> object:
    return FloatProperty(
        name=name, description=f"Softer motion of {what}, on top of Smooth; lips that close stay closed",
        default=0.0, min=0.0, max=1.0, subtype='FACTOR', update=_changed,
    )


def _amount(name: str, text: str) -> object:
    return FloatProperty(
        name=name, description=f"{text}: 1 is what people do, 2 twice as much", default=1.0, min=0.0, max=2.0, subtype='FACTOR', update=_changed,
    )


def _switch(name: str, text: str, default: bool = False) -> object:
    return BoolProperty(name=name, description=text, default=default, update=_changed)


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
        name="Whole Character", default=True, translation_context=CONTEXT,
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
        name="Identity", description='Speaking style: an id of the model, "pivot" for neutral, or "blend:A=0.3,B=0.7"', default="pivot", update=_changed,
    )
    identity_2: StringProperty(
        name="Second Identity", description="Speaking style that is mixed in: an id of the model; empty mixes nothing in", update=_changed,
    )
    identity_mix: FloatProperty(
        name="Mix", description="Share of the second identity: 0 only the first, 1 only the second",
        default=0.5, min=0.0, max=1.0, subtype='FACTOR', update=_changed,
    )
    strength: FloatProperty(
        name="Strength", translation_context=CONTEXT, description="How far the style goes from neutral: 0 is neutral, 1 the style itself, 2 twice as far",
        default=1.0, min=0.0, max=2.0, subtype='FACTOR', update=_changed,
    )
    articulation: FloatProperty(
        name="Articulation", description="From relaxed (-1: sounds run into each other) to precise (1: every sound reaches its shape); 0 as the model speaks",
        default=0.0, min=-1.0, max=1.0, subtype='FACTOR', update=_changed,
    )
    anticipation: FloatProperty(
        name="Anticipation", description="Frames by which rounding, opening and spreading begin before their sound, as real mouths do; lips still meet on time",
        default=0.0, min=0.0, max=4.0, precision=1, step=50, update=_changed,
    )
    smooth: FloatProperty(
        name="Smooth", description="Softer motion; lips that close stay closed", default=0.0, min=0.0, max=1.0, subtype='FACTOR', update=_changed,
    )
    gain_jaw: _gain("Jaw", "the jaw")
    gain_lips: _gain("Lips", "the lips")
    gain_cheeks: _gain("Cheeks", "cheeks and nose")
    gain_brows: _gain("Brows", "the brows")
    smooth_jaw: _softer("Jaw", "the jaw")
    smooth_lips: _softer("Lips", "the lips")
    smooth_cheeks: _softer("Cheeks", "cheeks and nose")
    smooth_brows: _softer("Brows", "the brows")
    offset_jaw: _offset("Jaw", "the jaw")
    offset_lips: _offset("Lips", "the lips")
    offset_cheeks: _offset("Cheeks", "cheeks and nose")
    offset_brows: _offset("Brows", "the brows")
    use_blinks: _switch("Blinks", "Blink at a human rate, mostly where a phrase ends", True)
    blinks: _amount("Blinks", "How often the eyes blink")
    use_brow_raises: _switch("Brow Raises", "Raise the brows on stressed syllables")
    brow_raises: _amount("Brow Raises", "How far the brows go up")
    use_head_motion: _switch("Head Motion", "Nod and sway with the melody of the speech, where the rig has a head to turn")
    head_motion: _amount("Head Motion", "How far the head turns")
    use_eye_motion: _switch("Eye Motion", "Small glances of the eyes, mostly in pauses")
    eye_motion: _amount("Eye Motion", "How far the eyes look")
    use_breath: _switch("Breath", "Breathe in before phrases")
    breath: _amount("Breath", "How deep the breaths are")
    seed: IntProperty(name="Seed", description="Another number gives other blinks, glances and nods; the same number the same ones", default=0, min=0, update=_changed)
    audio_channel: IntProperty(
        name="Sound Channel", description="Channel of the sound that this character speaks on: 0 for all of them mixed, 1 for the first (left), 2 for the second",
        default=0, min=0, max=64, soft_max=8,
    )
    use_range: BoolProperty(
        name="Only a Range", description="Write only the frames from Start to End; keys outside stay as they are, yours and those of this lip sync",
    )
    range_start: IntProperty(name="Range Start", description="First frame that may change", default=1, min=-1048574, max=1048574)
    range_end: IntProperty(name="Range End", description="Last frame that may change", default=250, min=-1048574, max=1048574)
    crossfade: FloatProperty(
        name="Cross-fade", description="Frames inside of the range, at both of its ends, in which the old motion turns into the new one; closed lips stay closed",
        default=4.0, min=0.0, max=250.0, soft_max=24.0, precision=1, step=100,
    )
    destination: EnumProperty(name="Destination", description="Where the keys go", items=DESTINATIONS)
    nla_blend: EnumProperty(name="Blend Mode", description="How the strip mixes with the tracks beneath it", items=NLA_BLENDS)
    nla_influence: FloatProperty(
        name="Influence", description="How much of the strip counts: 0 nothing, 1 all of it", default=1.0, min=0.0, max=1.0, subtype='FACTOR',
    )
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
