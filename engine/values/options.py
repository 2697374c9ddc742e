"""The table of options: a row for each thing that a user can choose for a take; all that offers it is made of that row.

The engine's command line is made of the rows here. The add-on joins the rows that only Blender has, and makes of both
its properties, its command line, the fields of jobs files, style presets and the notes of takes. A new option is a row,
a field of Settings with its check, and its effect. Titles and tooltips are English; Blender translates them.
"""

from __future__ import annotations

from .option_row import LINE, PLACE, RUN, Flag, Option
from .settings import (
    DEVICES,
    MANNER_REGIONS,
    MAX_GAIN,
    MAX_INTENSITY,
    MAX_LIFE,
    MAX_MOOD,
    MAX_MOOD_EASE_S,
    MAX_REFERENCE_S,
    MAX_SEED,
    MAX_STRENGTH,
    PERFORMANCES,
    SPEAKING_RATES,
    Delays,
    Gains,
    Life,
    Mood,
    RegionGains,
    RegionSmooth,
    Settings,
)


def _gain(region: str, what: str) -> Option:
    return Option(
        f"gain_{region}", getattr(Gains, region), region.capitalize(),
        f"Movement of {what}: 0 still, 2 twice as much", 0, MAX_GAIN,
        unit="factor", sets=f"Settings.gains.{region}", live=True, section=f"region {region}",
        flag=Flag(f"gain-{region}", f"factor of the {region}, 0 to 2 (default: 1)", "G"),
    )


def _region_gain(region: str) -> Option:
    what = region.replace("_", " ")
    return Option(
        f"region_{region}", getattr(RegionGains, region), what.title(),
        f"Movement of this region alone ({what}): 0 still, 2 twice as much", 0, MAX_GAIN,
        unit="factor", sets=f"Settings.regions.{region}", live=True, section="manner regions",
        flag=Flag(
            f"region-{region.replace('_', '-')}", f"factor of this region alone ({what}), 0 to 2 (default: 1)", "G",
        ),
    )


def _offset(region: str, what: str) -> Option:
    moves = "moves" if region == "jaw" else "move"
    return Option(
        f"offset_{region}", getattr(Delays, region), region.capitalize(),
        f"Delay of {what} in frames; below 0 earlier than the sound says. Lips that meet still meet on time",
        -10, 10, -4, 4, digits=1, step=0.5,
        unit="frames", sets=f"Settings.delays.{region}", live=True, section=f"region {region}",
        flag=Flag(
            f"delay-{region}", f"how much later the {region} {moves}, -1.25 to 1.25 (default: 0)", "SECONDS",
        ),
    )


def _softer(region: str, what: str) -> Option:
    return Option(
        f"smooth_{region}", getattr(RegionSmooth, region), region.capitalize(),
        f"Softer motion of {what}, on top of Smooth; lips that close stay closed", 0, 1,
        unit="factor", sets=f"Settings.region_smooth.{region}", live=True, section=f"region {region}",
        flag=Flag(
            f"smooth-{region}", f"smoothing of the {region}, 0 to 1, on top of --smooth (default: 0)", "S",
        ),
    )


def _idle(field: str, name: str, switch_help: str, amount_help: str, flag_help: str) -> tuple[Option, Option]:
    """A switch and an amount of what a face does besides speaking."""
    usual = PERFORMANCES["lips"].get(field, 0.0)
    title, flag = name.replace("_", " ").title(), name.replace("_", "-")
    switch = Option(f"use_{name}", True, title, switch_help, live=True)
    amount = Option(
        name, 1.0, title, f"{amount_help}: 1 is what people do, 2 twice as much", 0, MAX_LIFE,
        unit="factor", sets=f"Settings.life.{field}", switch=switch.name, live=True, section="life",
        flag=Flag(
            flag, f"{flag_help}, 0 to 2 (default: {usual:g}, else 1 with a performance; alone: 1)", "AMOUNT", alone=1.0,
        ),
    )
    return switch, amount


_REGION_NAMES = {"jaw": "the jaw", "lips": "the lips", "cheeks": "cheeks and nose", "brows": "the brows"}

_VOICE = (
    Option(
        "model", Settings.model, "Model", "What turns speech into motion: an id, or a folder",
        preset="style", sets="Settings.model",
        flag=Flag("model", f"model id or folder (default: {Settings.model})"),
    ),
    Option(
        "head", Settings.head, "Head",
        "Which face of the model: an id; empty takes the model's own choice, blendshapes where it has them",
        preset="style", sets="Settings.head",
        flag=Flag("head", "head id, or all: one file per head, named OUT.HEAD (default: the model's own)"),
    ),
    Option(
        "identity", Settings.identity, "Identity",
        'Speaking style: an id of the model, "pivot" for neutral, or "blend:A=0.3,B=0.7"',
        live=True, sets="Settings.identity",
        flag=Flag("identity", (
            'pivot, an id, "#12" (row of the style table) or blend:A=0.3,B=0.7; '
            "may be given several times: one file each (default: pivot)"
        ), "ID", repeats=True),
    ),
    Option(
        "voice", Settings.voice, "Voice",
        "A sound whose manner of speaking is taken over: calm, hurried, shouted, whispered, sung or laughing; empty: "
        "that of this sound",
        unit="file", live=True, preset="style", sets="Settings.voice",
        flag=Flag("voice", "take the style from the manner of a voice: a sound file, or self for this sound", "CLIP"),
    ),
    Option(
        "strength", Settings.strength, "Style Amount",
        "How far the style goes from neutral: 0 is neutral, 1 the style itself, 2 twice as far",
        0, MAX_STRENGTH, unit="factor", live=True, section="style", sets="Settings.strength",
        flag=Flag("strength", "0 (pivot) to 2 (default: 1)"),
    ),
    Option(
        "reference", Settings.reference, "Reference File",
        "A take or saved style whose manner of moving the speech takes over: how wide the mouth opens, where the "
        "corners rest, how the brows live, which side leads",
        unit="file", live=True, preset="style", sets="Settings.reference",
        flag=Flag("reference", (
            "take over the manner of this motion (.csv, .npz, .json) or saved style (.style.json); "
            "for models that have it, such as composite"
        ), "FILE"),
    ),
    Option(
        "reference_start", Settings.reference_start_s, low=0, high=MAX_REFERENCE_S, sets="Settings.reference_start_s",
        flag=Flag("reference-start", "second of the reference from which on it counts (default: 0)", "SECONDS"),
    ),
    Option(
        "reference_end", Settings.reference_end_s, low=0, high=MAX_REFERENCE_S, sets="Settings.reference_end_s",
        flag=Flag("reference-end", "second of the reference up to which it counts (default: its end)", "SECONDS"),
    ),
    Option(
        "reference_2", Settings.reference_2, "Second Reference File",
        "A take or saved style that is mixed in; empty mixes nothing in",
        unit="file", live=True, preset="style", sets="Settings.reference_2",
        flag=Flag("reference-2", "mix in the manner of this one", "FILE"),
    ),
    Option(
        "reference_mix", Settings.reference_mix, "Reference Mix",
        "Share of the second reference: 0 only the first, 1 only the second", 0, 1,
        unit="factor", live=True, preset="style", sets="Settings.reference_mix",
        flag=Flag("reference-mix", "share of the second reference, 0 to 1 (default: 0.5)", "SHARE"),
    ),
    *(_region_gain(region) for region in MANNER_REGIONS),
    Option(
        "fps", Settings.fps, role=RUN, sets="Settings.fps",
        flag=Flag("fps", "frames per second of the result (default: 30)"),
    ),
    Option(
        "smooth", Settings.smooth, "Smooth", "Softer motion; lips that close stay closed",
        0, 1, unit="factor", live=True, section="style", sets="Settings.smooth",
        flag=Flag("smooth", "0 to 1; closed lips stay closed (default: 0)"),
    ),
)
_MOOD_AREAS = (
    ("full", "Full Face", "Brows, eyes, cheeks, nose and mouth"),
    ("upper", "Upper Face", "Brows, eyes, cheeks and nose; the mouth only speaks"),
)
_PERFORMANCES = (
    ("lips", "Lips Only", "The words, and blinks: for a face that is animated by hand"),
    ("natural", "Natural", "A face that lives as people's do while they talk"),
    ("lively", "Lively", "The same with larger moves: for an excited talker, or a cartoon"),
    ("listening", "Listener", "The face of somebody who hears this sound: blinks, nods and looks, and says nothing"),
)
_PERFORMANCE = (
    Option(
        "intensity", Settings.intensity, "Intensity",
        "Strength of all that the face does with words and mood: 0 still, 1 as it is, 2 twice as much. "
        "Lips that meet still meet",
        0, MAX_INTENSITY, unit="factor", live=True, section="performance", sets="Settings.intensity",
        flag=Flag("intensity", "factor of the whole face, 0 to 2; lips that meet still meet (default: 1)"),
    ),
    Option(
        "performance", "natural", "Performance",
        "What the face does besides speaking; switches and amounts of its parts are in Life",
        items=_PERFORMANCES, own_word=True, live=True, section="performance", sets="Settings.life.performance",
        flag=Flag("performance", "what the face does besides speaking (default: lips)"),
    ),
    Option(
        "mood", Mood.kinds, "Mood",
        'The feeling with which it is said: a mood, or several such as "happy=0.6,surprised=0.3"; empty is neutral. '
        "A tag such as [angry] in the transcript changes it from there on",
        live=True, sets="Settings.mood.kinds",
        flag=Flag("mood", "a mood, or several: happy=0.6,surprised=0.3 (default: neutral)", "KINDS"),
    ),
    Option(
        "mood_amount", Mood.amount, "Mood Amount", "How much of the mood the face shows: 1 is clear, 1.5 the most",
        0, MAX_MOOD, unit="factor", live=True, section="mood amount", sets="Settings.mood.amount",
        flag=Flag("mood-amount", "factor of all moods, 0 to 1.5 (default: 1)"),
    ),
    Option(
        "mood_area", Mood.area, "Part of Face", "Which part of the face shows the mood", items=_MOOD_AREAS, live=True,
        section="mood", sets="Settings.mood.area",
        flag=Flag("mood-area", "part of the face that shows the mood (default: full)"),
    ),
    Option(
        "mood_mouth", Mood.mouth, "Mouth in Speech",
        "Share of the mood's mouth that is left while the character speaks; in pauses all of it shows",
        0, 1, unit="factor", live=True, section="mood", sets="Settings.mood.mouth",
        flag=Flag("mood-mouth", "share of a mood's mouth that is left in speech, 0 to 1 (default: 0.33)"),
    ),
    Option(
        "own_moods", Mood.own, "Own Moods",
        'Your own moods, as JSON text: names with poses of ARKit channels, such as {"smirk": {"mouthSmileLeft": 0.4}}',
        live=True, sets="Settings.mood.own",
        flag=Flag("own-moods", 'your own moods: {"smirk": {"mouthSmileLeft": 0.4}}, several poses as a list', "JSON"),
    ),
    Option(
        "mood_onset", Mood.onset_s, "Onset", "Seconds in which the mood comes", 0, MAX_MOOD_EASE_S, soft_high=2.0,
        live=True, section="mood", sets="Settings.mood.onset_s",
        flag=Flag("mood-onset", "in which a mood comes (default: 0.4)", "SECONDS"),
    ),
    Option(
        "mood_release", Mood.release_s, "Release", "Seconds in which the mood goes", 0, MAX_MOOD_EASE_S, soft_high=2.0,
        own_word=True, live=True, section="mood", sets="Settings.mood.release_s",
        flag=Flag("mood-release", "in which a mood goes (default: 0.6)", "SECONDS"),
    ),
)
_PARTS = (
    ("full", "Whole Face", "Everything that the performance moves"),
    ("mouth", "Mouth Only", (
        "Jaw, lips and tongue; brows, eyes, cheeks and head stay as they are keyed: for another language, or a retake"
    )),
)
_SHAPING = (
    Option(
        "part", Settings.part, "Part", "What of the face gets keys", items=_PARTS, own_word=True,
        role=PLACE, section="output", sets="Settings.part",
        flag=Flag("part", "what of the face is made: full, or mouth for jaw, lips and tongue alone (default: full)"),
    ),
    *(_gain(region, what) for region, what in _REGION_NAMES.items()),
    Option(
        "articulation", Settings.articulation, "Articulation",
        "From relaxed (-1: sounds run into each other) to precise (1: every sound reaches its shape); "
        "0 as the model speaks",
        -1, 1, unit="factor", live=True, section="fine tuning", sets="Settings.articulation",
        flag=Flag("articulation", "-1 (relaxed) to 1 (precise) (default: 0)", "A"),
    ),
    Option(
        "anticipation", Settings.anticipation_s, "Anticipation",
        "Frames by which rounding, opening and spreading begin before their sound, as real mouths do; "
        "lips still meet on time",
        0, 4, digits=1, step=0.5,
        unit="frames", live=True, section="fine tuning", sets="Settings.anticipation_s",
        flag=Flag("anticipation", (
            "how much earlier lips begin to round, open and spread, 0 to 0.5; they meet when they did (default: 0)"
        ), "SECONDS"),
    ),
    *(row for region, what in _REGION_NAMES.items() for row in (_offset(region, what), _softer(region, what))),
)
_IDLE = (
    *_idle(
        "blinks", "blinks", "Blink at a human rate, mostly where a phrase ends", "How often the eyes blink",
        "blinks, as a factor of how often people blink",
    ),
    *_idle(
        "brows", "brow_raises", "Raise the brows on stressed syllables", "How far the brows go up",
        "brow raises on stressed syllables",
    ),
    *_idle(
        "head", "head_motion", "Nod and sway with the melody of the speech, where the rig has a head to turn",
        "How far the head turns", "small turns, nods and tilts of the head",
    ),
    *_idle(
        "eyes", "eye_motion", "Small glances of the eyes, mostly in pauses", "How far the eyes look",
        "small jumps of the gaze, and eyes that stay while the head turns",
    ),
    *_idle(
        "breath", "breath", "Breathe in before phrases", "How deep the breaths are", "breath of chest and shoulders",
    ),
    *_idle(
        "cheeks", "cheek_motion", "Tighten cheeks and nose on strong syllables", "How far cheeks and nose move",
        "cheeks and nose on strong syllables",
    ),
    *_idle(
        "asymmetry", "asymmetry", "Let one side of the face move a little further, as everybody's does",
        "How much the sides of the face differ", "difference of the sides of the face",
    ),
    Option(
        "seed", Life.seed, "Seed",
        "Another number gives other blinks, glances and nods; the same number the same ones",
        0, MAX_SEED, live=True, sets="Settings.life.seed",
        flag=Flag("seed", "another one gives other moments of blinks and the like (default: 0)"),
    ),
)
_WORDS = (
    Option(
        "transcript", "", "Transcript",
        "What is said, in plain words: lips meet and round where the words say so. "
        "A longer text fits better into a text data-block",
        role=LINE, sets="Settings.transcript",
        flag=Flag("transcript", (
            "what is said: sharpens the mouth; a text that does not fit is left out with a warning"
        ), "TEXT"),
    ),
    Option(
        "language", Settings.language, "Language",
        'Language of the transcript, such as "de" or "en-gb"; empty takes it from the script, '
        "American English for Latin letters",
        role=LINE, sets="Settings.language",
        flag=Flag("language", (
            "of the transcript, such as de or en-gb (default: by its script; Latin letters: en-us)"
        ), "CODE"),
    ),
    Option(
        "picture", Settings.picture, "Face Picture",
        "A PNG of a face from the front that fills the picture: PMMTalk lets it speak and reads its lips",
        unit="file", sets="Settings.picture",
        flag=Flag("picture", "still face from the front, for models that take one, such as pmmtalk", "PNG"),
    ),
)
_TEXT = (
    Option(
        "speaking_rate", Settings.speaking_rate, "Speaking Rate",
        "How fast a text without a voice is spoken: 1 is 175 words a minute, 2 twice as fast",
        *SPEAKING_RATES, unit="factor", role=LINE, sets="Settings.speaking_rate",
        flag=Flag("speaking-rate", "of a transcript without a sound, 0.5 to 2 (default: 1, 175 words a minute)", "R"),
    ),
)
_RUN = (
    Option(
        "device", Settings.device, items=tuple((device, device, "") for device in DEVICES),
        role=RUN, sets="Settings.device", flag=Flag("device", "where the network runs (default: auto)"),
    ),
    Option(
        "threads", Settings.threads, role=RUN, sets="Settings.threads",
        flag=Flag("threads", "CPU threads; 0 takes all cores but one"),
    ),
    Option(
        "raw", Settings.raw, sets="Settings.raw",
        flag=Flag("raw", "the head's exact output: nothing of the above but model, head, identity and strength"),
    ),
    Option(
        "template", Settings.template, sets="Settings.template",
        flag=Flag("template", "neutral face to add the output to, flat and in the model's scale", "NPY"),
    ),
    Option(
        "over", Settings.over, sets="Settings.over",
        flag=Flag("over", (
            "performance (npz, csv or json) that keeps its brows, eyes, cheeks and head, and gets this sound's mouth"
        ), "MOTION"),
    ),
)
OPTIONS: tuple[Option, ...] = (*_VOICE, *_PERFORMANCE, *_SHAPING, *_IDLE, *_WORDS, *_TEXT, *_RUN)
