"""Mapping by hand: suggestions for names that are alike, and weights learned from two poses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.rig.name_hints import suggest
from engine.rig.pose_mapping import learn
from engine.rig.preset import Preset, Target
from engine.rig.retarget import evaluate
from engine.values.channels import ARKIT_52
from engine.values.errors import PresetError
from engine.values.types import Motion, RigChannel

KEYS = (
    "Mouth Open", "Smile_L", "Smile_R", "Frown", "Lip Pucker", "Blink.L", "Blink.R", "Brow_Inner_Raise", "CheekPuff_01",
    "Nose_Wrinkle_Left",
    "Corrective_3", "Ear_Wiggle_L", "Hair",
)


@pytest.mark.parametrize(("channel", "first"), [
    ("jawOpen", "Mouth Open"), ("mouthSmileLeft", "Smile_L"), ("mouthSmileRight", "Smile_R"),
    ("mouthFrownLeft", "Frown"),
    ("mouthPucker", "Lip Pucker"), ("eyeBlinkLeft", "Blink.L"), ("eyeBlinkRight", "Blink.R"),
    ("browInnerUp", "Brow_Inner_Raise"),
    ("cheekPuff", "CheekPuff_01"), ("noseSneerLeft", "Nose_Wrinkle_Left"),
])
def test_the_closest_name_comes_first(channel, first):
    hints = suggest([channel], KEYS)[channel]
    assert hints[0].name == first and hints[0].score > 0.55


@pytest.mark.parametrize(("channel", "never"), [
    ("mouthSmileLeft", "Smile_R"), ("eyeBlinkRight", "Blink.L"), ("noseSneerRight", "Nose_Wrinkle_Left"),
    ("jawOpen", "Smile_L"), ("tongueOut", "Hair"),
])
def test_the_other_side_and_strangers_are_never_suggested(channel, never):
    assert never not in {hint.name for hint in suggest([channel], KEYS, limit=50)[channel]}


def test_names_of_nothing_get_no_suggestion():
    assert set(suggest(ARKIT_52, ("Corrective_3", "Hair", "foo", "x", "", "左")).values()) == {()}


def _preset(*targets: Target) -> Preset:
    return Preset("Mine", "arkit52", targets)


def _pose(preset: Preset, **channels: float) -> dict[RigChannel, float]:
    weights = np.array([[channels.get(name, 0.0) for name in ARKIT_52]], np.float32)
    values = evaluate(Motion(weights, ARKIT_52, 30), list(preset.targets))
    return {target.to: float(row[0]) for target, row in zip(preset.targets, values, strict=True)}


SMILE, JAW, DIAL, SCALE = (
    RigChannel("shape_key", "Smile"), RigChannel("bone", "jaw", "rotation_euler", 0),
    RigChannel("property", '["Dial"]'), RigChannel("bone", "lip", "scale", 2),
)


def test_two_poses_come_back_at_0_and_1():
    rest = {SMILE: 0.1, JAW: 0.05, DIAL: -3.0, SCALE: 1.0}
    extreme = {SMILE: 1.4, JAW: 0.05 + math.radians(18), DIAL: 7.0, SCALE: 0.6}
    preset = learn(_preset(), "jawOpen", rest, extreme)
    assert (
        _pose(preset) == pytest.approx(rest, abs=1e-5) and _pose(preset, jawOpen=1) == pytest.approx(extreme, abs=1e-5)
    )
    jaw = next(target for target in preset.targets if target.to == JAW)
    assert jaw.degrees and dict(jaw.sources)["jawOpen"] == pytest.approx(18, abs=1e-4)


def test_what_did_not_move_is_not_mapped():
    preset = learn(_preset(), "jawOpen", {SMILE: 0.0, DIAL: 1.0}, {SMILE: 0.0, DIAL: 2.0})
    assert [target.to for target in preset.targets] == [DIAL]


def test_learning_keeps_other_channels_and_replaces_its_own():
    start = _preset(
        Target(SMILE, (("mouthSmileLeft", 0.5), ("jawOpen", 0.3)), gain=2.0), Target(DIAL, (("jawOpen", 1.0),)),
        Target(JAW, (("cheekPuff", 4.0),)),
    )
    preset = learn(start, "jawOpen", {SMILE: 0.0, DIAL: 0.0, JAW: 0.0}, {SMILE: 0.8, DIAL: 0.0, JAW: 0.0})
    assert [(target.to, dict(target.sources)) for target in preset.targets] == [
        (SMILE, {"mouthSmileLeft": 0.5, "jawOpen": pytest.approx(0.4)}), (JAW, {"cheekPuff": 4.0}),
    ]


def test_controls_that_another_character_lacks_are_left_alone():
    start = _preset(Target(DIAL, (("jawOpen", 1.0),)))
    assert start.targets[0] in learn(start, "jawOpen", {SMILE: 0.0}, {SMILE: 1.0}).targets


def test_nothing_moved_is_one_error():
    with pytest.raises(PresetError, match=r"Nothing moved between rest and extreme.*'jawOpen'"):
        learn(_preset(), "jawOpen", {SMILE: 0.5}, {SMILE: 0.50005})


@pytest.mark.parametrize(("changes", "why"), [
    ({"combine": "min", "sources": (("jawOpen", 1.0), ("mouthPucker", 1.0))}, "combined by min"),
    ({"gain": 0.0}, "its gain is 0"), ({"gamma": 2.0}, "gamma is 2"),
    ({"blend": "mouth"}, "part of a blend"),
])
def test_a_mixture_without_weights_is_refused(changes, why):
    target = Target(**{"to": SMILE, "sources": (("jawOpen", 1.0),), **changes})
    with pytest.raises(PresetError, match=f"'Smile' moved.*{why}"):
        learn(_preset(target), "mouthPucker", {SMILE: 0.0}, {SMILE: 1.0})
