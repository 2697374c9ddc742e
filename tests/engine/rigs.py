"""Rigs that have exactly the names of one kind of character: of public lists where ../shared has them, else of the
preset itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from engine.rig.mirror import mirrored_name
from engine.rig.preset_file import NOT_PRESETS, data_folder, load_preset
from engine.values.channels import ARKIT_52, OCULUS_15
from engine.values.types import Motion, Rig, RigChannel, RigCurves

NAMES = Path(__file__).resolve().parents[3] / "shared" / "data" / "naming" / "shape_name_maps.json"
DRIVEN_KEYS = ("faceit_control_rig",)        # rigs that also have all ARKit keys, moved by drivers
LISTED = {      # preset -> list of ../shared/data/naming
    "readyplayerme": "readyplayerme_head", "ict_facekit": "ict_facekit",
    "character_creator_arkit": "character_creator_cc4->arkit",
    "vrchat": "vrchat_tomcat->oculus", "avatar_sdk": "avatarsdk->oculus", "makehuman": "mpfb_expression_units",
}


def preset_ids() -> list[str]:
    """Short names of the bundled presets, in their order."""
    return sorted(path.stem for path in data_folder().glob("*.json") if path.name not in NOT_PRESETS)


TELLING = {"readyplayerme": {"viseme_PP", "viseme_sil"}}        # keys that such a rig has and its preset does not move


def rig_of(preset_id: str) -> Rig:
    """The rig that a preset is for, with no name that such a rig lacks."""
    preset = load_preset(data_folder() / f"{preset_id}.json")
    if preset_id == "arkit52":
        return Rig(shape_keys=frozenset((*ARKIT_52, "Basis")))
    if preset_id == "oculus15":
        return Rig(shape_keys=frozenset((*OCULUS_15, "Basis")))
    listed = json.loads(NAMES.read_text())[LISTED[preset_id]] if preset_id in LISTED and NAMES.is_file() else ()
    names = {
        kind: {target.to.name for target in preset.targets if target.to.kind == kind}
        for kind in ("shape_key", "bone", "property")
    }
    keys = frozenset(listed or names["shape_key"] | TELLING.get(preset_id, set())) | {"Basis"}
    # the presets for both kinds: as shape keys
    properties = frozenset() if keys != {"Basis"} else frozenset(names["property"])
    if preset_id in DRIVEN_KEYS:
        keys |= set(ARKIT_52)
    driven = frozenset(RigChannel("shape_key", name) for name in ARKIT_52 if preset_id in DRIVEN_KEYS)
    return Rig(
        shape_keys=keys, bones=frozenset(names["bone"]), properties=properties, source=preset.source, driven=driven
    )


# What a name says to people, as ARKit channels: written from the words alone, not from the presets, so that a preset
# which mixes up two keys is seen.
_PARTS = (
    "mouthFunnel", "mouthPucker", "mouthClose", "mouthRollUpper", "mouthRollLower", "mouthShrugUpper",
    "mouthShrugLower", "browInnerUp", "cheekPuff",
)
_UPPER_OR_LOWER = re.compile(
    r"[UD][LR]$|mouth_\w+[UD]$|ChinRaise|_(Up|Down)_[LR]$|(Upper|Lower)(Left|Right)$|(Close|Purse|Funnel)(Upper|Lower)"
)
_WORDS: tuple[tuple[str, dict[str, float]], ...] = (
    (r"eye.*look|eyelook", {}),
    (r"lipstogether|mouth_?close(?!d)|lips_closed", {"mouthClose": 1}),
    (r"towards", {"mouthPucker": 0.3}),
    # MetaHuman's purse is less than a pucker: Epic's pose adds 3/4 funnel
    (r"lipspurse|mouth_purse", {"mouthPucker": 0.88, "mouthFunnel": -0.75}),
    (r"pucker_?open|puckerwide|funnel|protusion", {"mouthFunnel": 1}),
    (r"pucker|purse|pursing", {"mouthPucker": 1}),
    (r"cornerpull|corner-puller|smile|mth_fun|にやり", {"mouthSmile": 1}),
    (r"cornerdepress|frown|mouth-depression$|mth_down", {"mouthFrown": 1}),
    (r"lipbottomup-down", {"mouthLowerDown": -1}),
    (r"mouth-depression-retraction|lowerlipdepress|lower_?down|down_?lower|bottom_lip_down", {"mouthLowerDown": 1}),
    (r"mouth-upward-retraction|upperlipraise|upper_?up|up_?upper|top_lip_up|liptop", {"mouthUpperUp": 1}),
    (r"dimple", {"mouthDimple": 1}),
    (r"stretch|widen$|cornerback|mouth-retraction", {"mouthStretch": 1}),
    (r"jaw.?chinraiseu|shrug_?upper|lips_upper$", {"mouthShrugUpper": 1}),
    (r"jaw.?chinraised|shrug_?lower|lips_lower$|mouth-elevation|mouth_up$", {"mouthShrugLower": 1}),
    (r"upperliproll|lipsrollu|roll_?(in_)?upper|top_lip_under|upper_roll", {"mouthRollUpper": 1}),
    (r"lowerliproll|lipsrolld|roll_?(in_)?lower|bottom_lip_under|lower_roll", {"mouthRollLower": 1}),
    (r"press|plosive|compression|ectrlvm", {"mouthPress": 1}),
    (r"ectrlvf", {"mouthRollLower": 0.5, "mouthUpperUp": 0.2}),
    (r"jaw_?(fwd|forward)", {"jawForward": 1}),
    (r"jaw.*left$|jaw_l$", {"jawLeft": 1}),
    (r"jaw.*right$|jaw_r$", {"jawRight": 1}),
    (r"jaw_?open|mouth.?open|ctrl_c_jaw$", {"jawOpen": 1}),
    (r"mouth_?left$|mouth_l$|ctrl_c_mouth$|mouth_controller", {"mouthLeft": 1}),
    (r"mouth_?right$|mouth_r$", {"mouthRight": 1}),
    (r"cheek_?puff|cheek_blow|cheeksballoon|suckblow|cheekblow", {"cheekPuff": 1}),
    (r"lipsblow|lateral", {}),
    (r"tongue", {"tongueOut": 1}),
    (r"blink|closure|eye_close|eyesclosed|ウィンク", {"eyeBlink": 1}),
    (r"squint|slit", {"eyeSquint": 1}),
    (r"wide|opened-up|spread", {"eyeWide": 1}),
    (r"cheek", {"cheekSquint": 1}),
    (r"nose", {"noseSneer": 1}),
    (r"brow.*(outer|extern|raise_?out)", {"browOuterUp": 1}),
    (r"brow.*(inner_?up|raise_?in|innerup|surprised)|c_eyebrow_mid|brow_inner_up", {"browInnerUp": 1}),
    (r"brow", {"browDown": 1}),
)
_DRAWN: dict[str, dict[str, float]] = {      # mouth shapes by their sound
    "sil": {}, "rest": {}, "X": {}, "PP": {"mouthPress": 0.5, "mouthRollLower": 0.2, "mouthRollUpper": 0.2},
    "FF": {"jawOpen": 0.05, "mouthRollLower": 0.6, "mouthUpperUp": 0.2},
    "TH": {"jawOpen": 0.15, "tongueOut": 0.3}, "DD": {"jawOpen": 0.2, "mouthLowerDown": 0.15}, "kk": {"jawOpen": 0.25},
    "nn": {"jawOpen": 0.18, "mouthLowerDown": 0.15},
    "CH": {"jawOpen": 0.1, "mouthFunnel": 0.6, "mouthPucker": 0.2},
    "SS": {"jawOpen": 0.05, "mouthLowerDown": 0.35, "mouthStretch": 0.25},
    "RR": {"jawOpen": 0.15, "mouthFunnel": 0.35, "mouthPucker": 0.3}, "aa": {"jawOpen": 0.7, "mouthLowerDown": 0.2},
    "E": {"jawOpen": 0.4, "mouthLowerDown": 0.3, "mouthStretch": 0.3},
    "I": {"jawOpen": 0.15, "mouthLowerDown": 0.25, "mouthStretch": 0.4, "mouthSmile": 0.3},
    "O": {"jawOpen": 0.5, "mouthFunnel": 0.5, "mouthPucker": 0.3}, "U": {"jawOpen": 0.12, "mouthPucker": 0.85},
    "L": {"jawOpen": 0.25, "tongueOut": 0.25},
}
_OCULUS_SOUNDS = tuple(name.removeprefix("viseme_") for name in OCULUS_15)
# in the same order
_VRCHAT_SOUNDS = ("sil", "pp", "ff", "th", "dd", "kk", "ch", "ss", "nn", "rr", "aa", "ee", "ih", "oh", "ou")
_SOUNDS = {     # family -> name on the rig -> key of _DRAWN
    "viseme_": {name: name for name in _OCULUS_SOUNDS},
    "vrc.v_": dict(zip(_VRCHAT_SOUNDS, _OCULUS_SOUNDS, strict=True)),
    "Fcl_MTH_": {"A": "aa", "I": "I", "U": "U", "E": "E", "O": "O", "Close": "PP"},
}
_SETS = {       # preset -> name -> key of _DRAWN
    "avatar_sdk": {**{name: name for name in _OCULUS_SOUNDS[:12]}, "ih": "I", "oh": "O", "ou": "U"},
    "vrm0": {"A": "aa", "I": "I", "U": "U", "E": "E", "O": "O"},
    "vrm1": {"aa": "aa", "ih": "I", "ou": "U", "ee": "E", "oh": "O"},
    "mmd": dict(zip("あいうえおん", ("aa", "I", "U", "E", "O", "PP"), strict=True)),
    "rhubarb": dict(zip("ABCDEFGHX", ("PP", "SS", "E", "aa", "O", "U", "FF", "L", "X"), strict=True)),
    "preston_blair": {
        "AI": "aa", "E": "E", "O": "O", "U": "U", "WQ": "U", "etc": "SS", "FV": "FF", "L": "L", "MBP": "PP",
        "rest": "rest",
    },
}


def meaning(preset_id: str, channel: RigChannel) -> dict[str, float]:
    """What a full value of this key, control or property shows, in ARKit channels; a part of a lip counts as its
    part."""
    name = channel.name.removeprefix('["').removesuffix('"]').removeprefix("CTRL_expressions_").removesuffix("_div2")
    drawn = _SETS.get(preset_id.removesuffix("_stepped"), {}).get(name)
    for prefix, sounds in _SOUNDS.items():
        if name.startswith(prefix) and name.removeprefix(prefix) in sounds:
            drawn = sounds[name.removeprefix(prefix)]
    if drawn is not None:
        return _with_sides(_DRAWN[drawn], "")
    if channel.kind == "bone":
        return _bone_meaning(preset_id, channel)
    for pattern, shown in _WORDS:
        if re.search(pattern, name.lower()):
            return _with_sides(shown, name)
    return {}


def shown(preset_id: str, curves: RigCurves, frame: int = 0) -> Motion:
    """What a viewer sees of a rig with these curves, as one frame of ARKit motion; keys held to the frame."""
    weights = np.zeros((1, 52), np.float32)
    second = frame / 30.0
    for channel, curve in curves.curves.items():
        value = curve.values[max(int(np.searchsorted(curve.seconds, second + 1e-6)) - 1, 0)]
        for name, weight in meaning(preset_id, channel).items():
            weights[0, ARKIT_52.index(name)] += weight * value
    return Motion(weights, ARKIT_52, 30.0)


def _with_sides(shown: dict[str, float], name: str) -> dict[str, float]:
    """Names without a side to both sides, or to the side that the key's name tells; keys that come in parts to their
    part."""
    other = mirrored_name(name)
    side = "" if other == name else "Left" if sorted((name, other), key=_left_first)[0] == name else "Right"
    found = {}
    for channel, weight in shown.items():
        if channel in ARKIT_52:
            upper_or_lower = _UPPER_OR_LOWER.search(name) and not re.search(r"Roll|Shrug", name)
            halves = (0.5 if side else 1.0) * (0.5 if upper_or_lower else 1.0)
            found[channel] = weight * (halves if channel in _PARTS else 1.0)
        else:
            press = 0.5 if channel == "mouthPress" and re.search(r"press[UD]|Press(Upper|Lower)", name) else 1.0
            found |= {channel + one: weight * press for one in ([side] if side else ["Left", "Right"])}
    return found


def _left_first(name: str) -> bool:
    return (
        re.search(r"(?i)left|(?<![a-z])l(?![a-z])", name) is None
        and re.search(r"(?<=[a-z])L(?![A-Za-z])|[UD]L(?![A-Za-z])", name) is None
    )


_SLIDERS = {        # (rig, bone, axis) -> what +1 shows; -1 shows the opposite
    ("faceit_control_rig", "c_jaw_target", 0): {"jawLeft": 1, "jawRight": -1},
    ("faceit_control_rig", "c_jaw_target", 1): {"jawOpen": -1},
    ("faceit_control_rig", "c_jaw_target", 2): {"jawForward": 1},
    ("faceit_control_rig", "c_mouth_controller", 0): {"mouthLeft": 1, "mouthRight": -1},
    ("metahuman_face_board", "CTRL_C_jaw", 0): {"jawRight": 1, "jawLeft": -1},
    ("metahuman_face_board", "CTRL_C_jaw_fwdBack", 1): {"jawForward": -1},
    ("metahuman_face_board", "CTRL_C_mouth", 0): {"mouthLeft": 1, "mouthRight": -1},
    ("metahuman_face_board", "CTRL_C_tongue_inOut", 1): {"tongueOut": -1},
}
for _side, _word, _sign in (("L", "Left", 1), ("R", "Right", -1)):
    _SLIDERS |= {
        ("faceit_control_rig", f"c_lips_corner.{_side}", 1): {f"mouthSmile{_word}": 1, f"mouthFrown{_word}": -1},
        ("faceit_control_rig", f"c_lips_corner_adjust.{_side}", 0): {f"mouthStretch{_word}": _sign},
        ("faceit_control_rig", f"c_lips_corner_adjust.{_side}", 1): {f"mouthPress{_word}": 1},
        ("faceit_control_rig", f"c_lips_corner_adjust.{_side}", 2): {f"mouthDimple{_word}": -1},
        ("faceit_control_rig", f"c_lips_outer_lower.{_side}", 1): {f"mouthLowerDown{_word}": -1},
        ("faceit_control_rig", f"c_lips_outer_upper.{_side}", 1): {f"mouthUpperUp{_word}": 1},
        ("faceit_control_rig", f"c_eyelid_upper.{_side}", 1): {f"eyeBlink{_word}": 1, f"eyeWide{_word}": -1},
        ("metahuman_face_board", f"CTRL_{_side}_eye_blink", 1): {f"eyeBlink{_word}": 1, f"eyeWide{_word}": -1},
    }


def _bone_meaning(preset_id: str, channel: RigChannel) -> dict[str, float]:
    if (preset_id, channel.name, channel.index) in _SLIDERS:
        return _SLIDERS[preset_id, channel.name, channel.index]
    words = (
        re.sub(r"^CTRL_[LRC]_", "", channel.name) + channel.name[5:6] if channel.name.startswith("CTRL_")
        and channel.name[5] != "C" else channel.name
    )
    for pattern, shown in _WORDS:
        if re.search(pattern, words.lower()):
            return _with_sides(shown, channel.name)
    return {}
