"""Each bundled preset on a rig with exactly its names: it is found, no other is, and the mouth does what the motion
says."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from engine.motion.lip_contact import CLOSED_BELOW, close_lips, closed_frames, opening
from engine.rig.preset_file import data_folder
from engine.rig.presets import choose, detect, list_presets, load_preset
from engine.rig.retarget import retarget
from engine.values.channels import ARKIT_52
from engine.values.types import Motion, Rig, RigChannel
from tests.counting import calls_during
from tests.engine.rigs import meaning, preset_ids, rig_of, shown

MARGIN = 1.15       # by how much a rig's own preset beats every other
PRESETS = list_presets()
VISEMES = (
    "avatar_sdk", "mmd", "oculus15", "preston_blair", "preston_blair_stepped", "rhubarb", "rhubarb_stepped", "vrchat",
    "vrm0", "vrm1", "vroid",
)
NO_SMILE = tuple(preset for preset in VISEMES if preset not in ("mmd", "vroid"))
NO_SIDES = (*VISEMES, "makehuman")
# those two move bones by degrees and metres: tests of their own
FACES = [preset for preset in preset_ids() if preset not in ("flame", "rigify_face")]


def _motion(**pose: float) -> Motion:
    """Eight frames of one pose; smile, stretch, press and the like stand for both sides."""
    weights = np.zeros((8, 52), np.float32)
    for name, value in pose.items():
        for column, channel in enumerate(ARKIT_52):
            if channel in (name, name + "Left", name + "Right"):
                weights[:, column] = value
    return Motion(weights, ARKIT_52, 30.0)


def _seen(preset_id: str, motion: Motion) -> Motion:
    """What a viewer sees of the preset's own rig."""
    return shown(preset_id, retarget(motion, load_preset(data_folder() / f"{preset_id}.json"), rig_of(preset_id)))


# Detection

@pytest.mark.parametrize("preset_id", [preset.id for preset in PRESETS if preset.auto])
def test_own_preset_wins_with_a_clear_margin(preset_id):
    rig = rig_of(preset_id)
    first, *others = detect(rig, [preset for preset in PRESETS if preset.source == rig.source and preset.auto])
    assert first.preset.id == preset_id
    assert first.score > 0.2
    assert first.score >= MARGIN * max((other.score for other in others), default=0.0)
    assert choose(rig).id == preset_id


def test_stepped_presets_are_only_chosen_by_name():
    stepped = [preset for preset in PRESETS if preset.hold_frames]
    assert {preset.id for preset in stepped} == {"rhubarb_stepped", "preston_blair_stepped"}
    assert not any(preset.auto for preset in stepped)
    assert choose(dataclasses.replace(rig_of("rhubarb"), preset="rhubarb_stepped")).hold_frames == 2


def test_keys_that_drivers_move_do_not_win_over_their_controls():
    rig = rig_of("faceit_control_rig")
    assert choose(rig).id == "faceit_control_rig"
    assert choose(dataclasses.replace(rig, bones=frozenset(), driven=frozenset())).id == "arkit52"


@pytest.mark.parametrize("names", [
    ("Basis", "Smile", "Blink", "Angry"), ("Key 1", "Key 2", "Key 3"), ("A", "B", "C"),
    ("Width", "Height", "Muscle", "Fat", "aa_length"), ("O", "U", "E"),
    tuple(f"corrective_{i:03d}_L" for i in range(60)),
])
def test_rigs_of_no_kind_are_taken_for_none(names):
    rig = Rig(shape_keys=frozenset(names))
    assert max(found.score for found in detect(rig, PRESETS)) == 0


def test_detection_of_300_keys_is_little_work():
    words = itertools.product(
        ("Head", "Body", "Teeth"), ("smile", "jaw", "brow", "lip", "cheek"), range(10), ("L", "R")
    )
    rig = Rig(shape_keys=frozenset(f"{part}_{what}{number:03d}_{side}" for part, what, number, side in words))
    assert len(rig.shape_keys) == 300
    assert calls_during(lambda: detect(rig, PRESETS)) < 200_000


# What is seen

def test_every_preset_tells_where_its_names_are_from():
    assert all(len(preset.names_from) > 10 for preset in PRESETS)


@pytest.mark.parametrize("preset_id", FACES)
def test_every_target_of_the_mouth_has_a_name_that_says_what_it_moves(preset_id):
    preset = load_preset(data_folder() / f"{preset_id}.json")
    silent = [
        target.to.name
        for target in preset.targets
        if not meaning(preset_id, target.to) and any(channel[:3] in ("jaw", "mou") for channel, _ in target.sources)
    ]
    assert {name.rpartition("_")[2] for name in silent} <= {"sil", "X", "rest"}


@pytest.mark.parametrize("preset_id", FACES)
def test_open_jaw_opens_the_mouth(preset_id):
    seen = opening(_seen(preset_id, _motion(jawOpen=0.6, mouthLowerDown=0.1)))[0]
    assert 0.4 < seen < 0.85


@pytest.mark.parametrize("preset_id", FACES)
def test_closed_lips_are_closed_however_low_the_jaw(preset_id):
    closed = _motion(jawOpen=0.4, mouthClose=0.4, mouthPress=0.25, mouthRollLower=0.12, mouthRollUpper=0.12)
    assert opening(_seen(preset_id, closed))[0] < CLOSED_BELOW
    assert opening(_seen(preset_id, _motion(jawOpen=0.4, mouthClose=0.4)))[0] < CLOSED_BELOW


@pytest.mark.parametrize("preset_id", FACES)
def test_pucker_pushes_the_lips_forward(preset_id):
    seen = _seen(preset_id, _motion(mouthPucker=0.8, mouthFunnel=0.1, jawOpen=0.05))
    assert seen["mouthPucker"][0] + seen["mouthFunnel"][0] > 0.6
    assert seen["mouthStretchLeft"][0] + seen["mouthSmileLeft"][0] < 0.1
    assert opening(seen)[0] < 0.3


@pytest.mark.parametrize("preset_id", FACES)
def test_spread_lips_are_wide(preset_id):
    seen = _seen(
        preset_id, _motion(jawOpen=0.15, mouthLowerDown=0.25, mouthUpperUp=0.12, mouthStretch=0.35, mouthSmile=0.3)
    )
    wide = seen["mouthStretchLeft"][0] + seen["mouthSmileLeft"][0]
    assert wide > 0.2
    assert seen["mouthPucker"][0] + seen["mouthFunnel"][0] < 0.1


@pytest.mark.parametrize("preset_id", [preset for preset in FACES if preset not in NO_SMILE])
def test_smile_smiles(preset_id):
    seen = _seen(preset_id, _motion(mouthSmile=0.7))
    assert min(seen["mouthSmileLeft"][0], seen["mouthSmileRight"][0]) > 0.35
    assert abs(opening(seen)[0]) < 0.1


@pytest.mark.parametrize("preset_id", [preset for preset in FACES if preset not in NO_SIDES])
def test_left_stays_left(preset_id):
    seen = _seen(preset_id, _motion(mouthSmileLeft=0.7, mouthLowerDownRight=0.5, jawLeft=0.5))
    assert seen["mouthSmileLeft"][0] == pytest.approx(0.7, abs=0.05)
    assert seen["mouthSmileRight"][0] == pytest.approx(0.0, abs=0.01)
    assert seen["mouthLowerDownRight"][0] > seen["mouthLowerDownLeft"][0] + 0.2 or preset_id == "character_creator_3"
    assert seen["jawRight"][0] <= 0


@pytest.mark.parametrize("preset_id", [preset for preset in FACES if not preset.endswith("_stepped")])
def test_lips_that_touch_in_motion_touch_on_every_rig(preset_id):
    random = np.random.default_rng(5)
    knots = random.random((20, 52)).astype(np.float32) * 0.5
    knots[:, [ARKIT_52.index(name) for name in ("mouthClose", "tongueOut", "mouthRollLower", "mouthShrugLower")]] = 0
    weights = np.stack(
        [np.interp(np.arange(60), np.linspace(0, 59, 20), knot) for knot in knots.T], axis=1
    ).astype(np.float32)
    contact = np.zeros((60, 3), np.float32)
    contact[[12, 13, 30, 31, 32, 47], 0] = 1
    motion = close_lips(Motion(weights, ARKIT_52, 30.0), contact)
    assert closed_frames(motion)[[12, 31, 47]].all()
    curves = retarget(motion, load_preset(data_folder() / f"{preset_id}.json"), rig_of(preset_id))
    assert max(opening(shown(preset_id, curves, frame))[0] for frame in (12, 31, 47)) < CLOSED_BELOW


def test_limits_of_faceit_controls_are_reached_and_not_passed():
    preset, rig = load_preset(data_folder() / "faceit_control_rig.json"), rig_of("faceit_control_rig")
    jaw, corner = RigChannel("bone", "c_jaw_target", "location", 1), RigChannel(
        "bone", "c_lips_corner.L", "location", 1
    )
    rig = dataclasses.replace(rig, limits={jaw: (-0.05, 0.01), corner: (-0.02, 0.03)})
    curves = retarget(_motion(jawOpen=1.0, mouthSmileLeft=0.5), preset, rig).curves
    assert curves[jaw].values[0] == pytest.approx(-0.05)
    assert curves[corner].values[0] == pytest.approx(0.015)


def _bones(motion: Motion) -> dict[tuple[str, str, int], float]:
    """Values on a Rigify face; in Blender its face bones' own X is the character's left, Y up, Z forward, and positive
    X turns the jaw open."""
    curves = retarget(motion, load_preset(data_folder() / "rigify_face.json"), rig_of("rigify_face")).curves
    return {
        (channel.name, channel.path[:3], channel.index): float(curve.values[0]) for channel, curve in curves.items()
    }


def test_rigify_jaw_turns_open_and_gives_way_where_lips_meet():
    assert np.degrees(_bones(_motion(jawOpen=0.5))["jaw_master", "rot", 0]) == pytest.approx(10)
    closed = _bones(_motion(jawOpen=0.4, mouthClose=0.4, mouthPress=0.25))
    assert closed["jaw_master", "rot", 0] == 0
    assert closed["lip.T", "loc", 1] <= closed["lip.B", "loc", 1]


def test_rigify_corners_smile_up_and_out_and_pucker_in_with_lips_forward():
    smile, pucker = _bones(_motion(mouthSmileLeft=1.0)), _bones(_motion(mouthPucker=1.0))
    assert smile["lips.L", "loc", 0] > 0.005 and smile["lips.L", "loc", 1] > 0.005
    assert smile["lips.R", "loc", 0] == smile["lips.R", "loc", 1] == 0
    assert (
        pucker["lips.L", "loc", 0] == pytest.approx(-pucker["lips.R", "loc", 0]) and pucker["lips.L", "loc", 0] < -0.01
    )
    assert min(pucker["lip.T", "loc", 2], pucker["lip.B", "loc", 2]) > 0.005
    assert _bones(_motion(mouthLeft=1.0))["lips.R", "loc", 0] > 0.005


def test_rigify_lids_shut_and_brows_rise():
    values = _bones(_motion(eyeBlink=1.0, browInnerUp=1.0))
    assert values["lid.T.R.002", "loc", 1] < -0.015
    assert (
        values["brow.T.L.003", "loc", 1] == pytest.approx(values["brow.T.R.003", "loc", 1])
        and values["brow.T.L.003", "loc", 1] > 0.005
    )


@pytest.mark.parametrize("preset_id", ["rhubarb_stepped", "preston_blair_stepped"])
def test_stepped_mouth_shows_one_drawing_at_a_time_and_every_closure(preset_id):
    random = np.random.default_rng(3)
    jaw = np.interp(np.arange(240), np.arange(0, 240, 6), random.random(40)).astype(np.float32)
    motion = _motion(jawOpen=0.0)
    weights = np.zeros((240, 52), np.float32)
    weights[:, ARKIT_52.index("jawOpen")] = jaw * 0.7
    shut = np.arange(20, 240, 37)
    for name in ("mouthPressLeft", "mouthPressRight"):
        weights[shut, ARKIT_52.index(name)] = 0.3
    weights[shut, ARKIT_52.index("mouthClose")] = weights[shut, ARKIT_52.index("jawOpen")]
    motion = Motion(weights, ARKIT_52, 30.0)
    curves = retarget(motion, load_preset(data_folder() / f"{preset_id}.json"), rig_of(preset_id))
    frames = np.arange(240)
    values = np.stack([
        curve.values[np.searchsorted(curve.seconds * 30, frames + 0.5) - 1] for curve in curves.curves.values()
    ])
    assert (values.sum(axis=0) <= 1).all() and set(np.unique(values)) == {0.0, 1.0}
    assert all(opening(shown(preset_id, curves, int(frame)))[0] < CLOSED_BELOW for frame in shut)
    edges = np.flatnonzero(np.abs(np.diff(values, axis=1)).sum(axis=0))
    assert np.diff(edges).min() >= 2
