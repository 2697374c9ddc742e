"""The table of options as Blender has it: the engine's rows and those of Blender alone; what is chosen for one take.

Loaded when the extension registers: nothing here may import NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import make_dataclass

from ...engine.values.option_row import LINE, PLACE, Option, Value
from ...engine.values.options import OPTIONS as ENGINE_OPTIONS
from ...engine.values.settings import MAX_KEY_ERROR, PERFORMANCES

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
    ('KEEP', "Keep Mine", (
        "Channels that you have keyed stay yours: "
        "your Action stays active and the lip sync plays from an NLA track beneath it")),
    ('LAYER', "Play on Top", (
        "Your Action moves unchanged to an NLA track, as by Push Down, and the lip sync plays over it")),
)
SLIDERS = (
    ('RAISE', "Raise", (
        "Sliders of shape keys become as long as the motion needs; Clear makes them short again")),
    ('CLIP', "Clip", "Values are cut at the ends of the sliders"),
    ('ASK', "Ask", "Nothing is written when a value goes beyond its slider, until you have chosen"),
)
VERTEX_MODES = (
    ('KEYS', "PCA Shape Keys", (
        "Shape keys from the head's own components, as many as the accuracy needs, with curves to edit")),
    ('CACHE', "Point Cache", "Exactly what the head gives, from a file that a modifier plays"),
)
DESTINATIONS = (
    ('ACTION', "Own Action", (
        "An Action of the lip sync alone; where yours is active, it plays from an NLA track beneath")),
    ('SLOT', "Slot in My Action", (
        "A new slot in your own Action, so that all of a shot stays in one Action. Blender 4.4 and later")),
    ('NLA', "NLA Strip", (
        "A strip on a track of its own, to be blended, faded and muted without a look at its keys")),
)
NLA_BLENDS = (
    ('REPLACE', "Replace", "The lip sync takes the place of what the tracks beneath give"),
    ('COMBINE', "Combine", (
        "Each kind of channel in its own way: shape keys and locations add up, rotations and scales multiply")),
    ('ADD', "Add", (
        "The lip sync is added to what the tracks beneath give: for a face that already has an expression")),
    ('SUBTRACT', "Subtract", "The lip sync is taken away from what the tracks beneath give"),
    ('MULTIPLY', "Multiply", "What the tracks beneath give, times the lip sync"),
)
MAX_FRAME = 1_048_574       # Blender's timeline ends there, on both sides

_SOUND = (
    Option("source", 'STRIP', "Source", "Where the speech comes from", items=SOURCES, role=LINE),
    Option("strip", "", "Strip", "Sound strip; empty takes the active one, or the only one", role=LINE),
    Option("audio", "", "File", "Sound file of any format that this Blender plays", unit="file", role=LINE),
    Option(
        "speaker", "", "Speaker", "Speaker object whose sound is used", points_to="Object", role=LINE,
    ),
    Option("start_frame", 1.0, "Start", "Frame on which the sound file starts", digits=1, step=1, role=LINE),
    Option("audio_channel", 0, "Sound Channel", (
        "Channel of the sound that this character speaks on: "
        "0 for all of them mixed, 1 for the first (left), 2 for the second"
    ), 0, 64, soft_high=8, role=LINE),
    Option("transcript_text", "", "Transcript Text", (
        "Text data-block with what is said; counts instead of the line"
    ), points_to="Text", role=LINE),
)
_TEXT = (
    Option("speak", "", "Text without a Voice", (
        "Words that nobody has said yet: espeak-ng speaks them, so that there is a take to work with until the sound "
        "is there"
    ), role=LINE),
)
_CHARACTER = (
    Option("character", "", "Character", (
        "Face mesh or armature to key; empty takes the active object and the selected ones"
    ), points_to="Object", role=LINE),
    Option("with_related", True, "Whole Character", (
        "Key all that belongs to it: children, siblings, meshes of the same armature, and parts that lie in it"
    ), own_word=True, role=LINE),
    Option("preset", "auto", "Preset", (
        'How speech drives this rig: an id, a JSON file, or "auto" for what fits best')),
)
_SECOND_IDENTITY = (
    Option("identity_2", "", "Second Identity", (
        "Speaking style that is mixed in: an id of the model; empty mixes nothing in"
    ), live=True),
    Option("identity_mix", 0.5, "Mix", (
        "Share of the second identity: 0 only the first, 1 only the second"
    ), 0, 1, unit="factor", live=True),
)
STYLES = (
    ('IDENTITY', "Identity", "A speaking style that the model knows"),
    ('ACTION', "Action", "Speak as an Action moves: any take or capture, of any character and any words"),
    ('FILE', "File", "Speak as a take in a file moves, or in a style that you saved"),
    ('VOICE', "Voice", "Hear in the sound itself how it is spoken, or take over the manner of another sound"),
)
_STYLE_FROM = (
    Option("style_from", 'IDENTITY', "Style From", "Where the manner of moving comes from", items=STYLES, live=True),
    Option("reference_action", "", "Reference Action", (
        "Action whose manner of moving the speech takes over; keys of shape keys, bones and custom properties count"
    ), points_to="Action", live=True),
    Option("reference_slot", "", "Reference Slot", (
        "Slot of the Action; empty takes every one that has face keys"
    ), live=True),
    Option("reference_first", 0, "First Frame", "First frame of the Action that counts; both 0: all of it",
           -MAX_FRAME, MAX_FRAME, live=True),
    Option("reference_last", 0, "Last Frame", "Last frame of the Action that counts; both 0: all of it",
           -MAX_FRAME, MAX_FRAME, live=True),
)
REFERENCES = {"reference_action": 'ACTION', "reference": 'FILE', "voice": 'VOICE'}    # what decides style_from
_VERTICES = (
    Option("vertex_mode", 'KEYS', "Vertices", (
        "How a head that gives vertices plays on a mesh of its topology"
    ), items=VERTEX_MODES, sets="VertexOptions.mode"),
    Option("vertex_error", 0.1, "Accuracy", (
        "The largest distance that a vertex may be off, as a share of the mesh's size: "
        "decides how many shape keys are made"
    ), 0.001, 10, unit="percent", digits=3, step=0.01, sets="VertexOptions.error"),
    Option("cache_folder", "", "Cache Folder", (
        "Where point caches are written; empty takes a folder beside the .blend file"
    ), unit="folder", sets="VertexOptions.folder"),
)
_RANGE = (
    Option("use_range", False, "Only a Range", (
        "Write only the frames from Start to End; keys outside stay as they are, yours and those of this lip sync")),
    Option(
        "range_start", 1, "Range Start", "First frame that may change", -MAX_FRAME, MAX_FRAME, switch="use_range",
    ),
    Option("range_end", 250, "Range End", "Last frame that may change", -MAX_FRAME, MAX_FRAME, switch="use_range"),
    Option("crossfade", 4.0, "Cross-fade", (
        "Frames inside of the range, at both of its ends, in which the old motion turns into the new one; "
        "closed lips stay closed"
    ), 0, 250, soft_high=24, digits=1, step=1, preset="output"),
)
_RETAKES = (
    Option("punch_in", False, "Punch In", (
        "Put this recording into the take that plays on its frames, or on those of Only a Range: cross-faded at both "
        "ends, every key outside stays as it is, and nothing moves in time"
    ), role=PLACE),
    Option("continue_last", False, "Continue from Last", (
        "Begin in the pose in which the character's last take ends, over the frames of Cross-fade; a sound file also "
        "starts on the frame after it"
    ), role=LINE),
)
_LOOK = (
    Option("look_at", "", "Look At", (
        "Object that the eyes rest on while eye motion is on: a camera, an empty, another character. Empty is straight "
        "ahead"
    ), points_to="Object", live=True),
)
_LIPS = (
    Option("fit_lips", True, "Fit Lips to Mesh", (
        "Move the keyed values a little until the lips of this very mesh meet on p, b and m without crossing, part in "
        "vowels, and reach the teeth on f and v; of bones and properties too, which are tried in some poses before"
    ), live=True, section="fine tuning", sets="Settings.fit_lips"),
)
_KEYS = (
    Option("destination", 'ACTION', "Destination", "Where the keys go", items=DESTINATIONS,
           role=PLACE, preset="output", sets="KeyOptions.destination"),
    Option("nla_blend", 'REPLACE', "Blend Mode", "How the strip mixes with the tracks beneath it", items=NLA_BLENDS,
           role=PLACE, preset="output", sets="KeyOptions.strip.blend"),
    Option("nla_influence", 1.0, "Influence", "How much of the strip counts: 0 nothing, 1 all of it", 0, 1,
           unit="factor", role=PLACE, preset="output", sets="KeyOptions.strip.influence"),
    Option("action", "", "Action", (
        "Name of the Action; empty goes on with the character's lip sync Action, or makes one"
    ), role=PLACE, sets="KeyOptions.action"),
    Option("existing", 'KEEP', "Existing Keys", "What happens where you have keyed the character yourself",
           items=EXISTING, role=PLACE, preset="output", sets="KeyOptions.existing"),
    Option("interpolation", 'LINEAR', "Interpolation", "How values run from key to key", items=INTERPOLATIONS,
           preset="output", section="output", sets="KeyOptions.interpolation"),
    Option("reduce", False, "Fewer Keys", (
        "Leave out keys without which the curve stays almost the same: easier to edit"
    ), preset="output"),
    Option("max_error", 0.01, "Error", (
        "The most by which a curve may move when keys are left out"
    ), 0.0001, MAX_KEY_ERROR, digits=3, step=0.001, switch="reduce", off=None,
           preset="output", section="output", sets="Settings.max_error"),
    Option("sliders", 'RAISE', "Slider Range", (
        "What happens where the motion goes beyond the slider of a shape key"
    ), items=SLIDERS, preset="output", section="output", sets="KeyOptions.sliders"),
    Option("shift_frames", 0.0, "Shift", (
        "Frames added to every key; with -1 the mouth leads the sound by one frame"
    ), soft_low=-10, soft_high=10, digits=1, step=1, role=LINE, preset="output", section="output"),
)
OPTIONS: tuple[Option, ...] = (
    *_SOUND, *_TEXT, *_CHARACTER, *(option for option in ENGINE_OPTIONS if option.title), *_SECOND_IDENTITY,
    *_STYLE_FROM, *_VERTICES, *_RANGE, *_RETAKES, *_LOOK, *_LIPS, *_KEYS,
)
BY_NAME = {option.name: option for option in OPTIONS}
CHOICES = tuple(BY_NAME)
LIVE = tuple(option.name for option in OPTIONS if option.live)
POINTERS = tuple(option.name for option in OPTIONS if option.points_to)     # names of data-blocks, for scripts
OF_FILE = (*POINTERS, "style_from", "reference_slot", "reference_first", "reference_last")      # belong to one file
# one is given, and decides the source
SOUNDS = {"strip": 'STRIP', "audio": 'FILE', "speaker": 'SPEAKER', "speak": 'FILE'}
WORDS = ("transcript", "transcript_file", "transcript_text")            # one is given

Options = make_dataclass(
    "Options", [(option.name, type(option.default)) for option in OPTIONS], frozen=True,
    namespace={"__doc__": "All that an animator chose for one take: one field for each row of the table."},
)


AS_0_1 = {      # what takes of version 0.1, which did not have these options, were made with; first the performance
    "performance": "lips", "intensity": 1.0, "mood": "", "use_cheek_motion": False, "use_asymmetry": False,
}


def parts_of(performance: str) -> dict[str, bool]:
    """Which parts of Life a performance switches on."""
    rows = [option for option in OPTIONS if option.section == "life"]
    return {option.switch: option.sets.rpartition(".")[2] in PERFORMANCES[performance] for option in rows}


def in_preset(preset: str) -> tuple[str, ...]:
    """Names of the options that the user's presets of a kind keep: "style" or "output"."""
    live = LIVE if preset == "style" else ()
    kept = [option for option in OPTIONS if option.name not in OF_FILE]
    return tuple(option.name for option in kept if option.preset == preset or option.name in live)


def with_switches(given: Mapping[str, Value]) -> dict[str, Value]:
    """What is given, and the switches without which it would do nothing: "max_error" asks for fewer keys."""
    switches = {option.switch: True for option in OPTIONS if option.switch and option.name in given}
    return {**switches, **given}
