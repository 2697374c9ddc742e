"""Bones of head, eyes, chest and shoulders turn as the character does, however they lie in their armature."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import Motion, Rig, RigChannel
from engine.motion.key_reduction import reduce_for_lines
from engine.rig.idle_bones import ROLES, _wanted
from engine.rig.preset import Preset, Target
from engine.rig.preset_file import data_folder, load_preset
from engine.rig.retarget import retarget
from engine.values.channels import ARKIT_52, LIFE, LOOK_RAD
from engine.values.types import BoneRest

# a character in Blender looks along -Y
LEFT, UP, FORWARD = np.array([1.0, 0, 0]), np.array([0, 0, 1.0]), np.array([0, -1.0, 0])
PLACES = {
    "hips": (0, 0, 1), "chest": (0, 0, 1.3), "shoulder.L": (0.1, 0, 1.4), "shoulder.R": (-0.1, 0, 1.4),
    "head": (0, 0.02, 1.6), "eye.L": (0.03, -0.08, 1.7), "eye.R": (-0.03, -0.08, 1.7),
}
PARENTS = {
    "chest": "hips", "shoulder.L": "chest", "shoulder.R": "chest", "head": "chest", "eye.L": "head", "eye.R": "head"
}
PRESET = Preset("face", "arkit52", (Target(RigChannel("shape_key", "jawOpen"), (("jawOpen", 1.0),)),))


def rotation(seed: int) -> np.ndarray:
    """Some rotation matrix."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def skeleton(world: np.ndarray | None = None, names: dict[str, str] | None = None, seed: int = 0) -> Rig:
    """A skeleton with bones that lie in all directions; world turns all of it, as a file with Y up does."""
    world, names = np.eye(3) if world is None else world, names or {}
    rest = {
        names.get(name, name): BoneRest(
            tuple((world @ rotation(seed + number)).ravel()), tuple(world @ np.array(place)),
            names.get(PARENTS.get(name, ""), PARENTS.get(name, "")),
        )
        for number, (name, place) in enumerate(PLACES.items())
    }
    return Rig(shape_keys=frozenset({"jawOpen"}), bones=frozenset(rest), rest=rest)


def motion(**curves: float) -> Motion:
    weights = np.zeros((3, 56), np.float32)
    for name, value in curves.items():
        weights[1:, (*ARKIT_52, *LIFE).index(name)] = value
    return Motion(weights, (*ARKIT_52, *LIFE), 30.0)


def turned(rig: Rig, bone: str, vector: np.ndarray, **curves: float) -> np.ndarray:
    """Where a direction of the character goes when the keys of the second frame turn this bone."""
    found = retarget(motion(**curves), PRESET, rig).curves
    w, *xyz = (float(found[RigChannel("bone", bone, "rotation_quaternion", index)].values[1]) for index in range(4))
    assert np.isclose(w**2 + np.dot(xyz, xyz), 1)
    axes = np.array(rig.rest[bone].axes).reshape(3, 3)
    crossed = np.cross(xyz, local := axes.T @ vector)
    return axes @ (local + 2 * (w * crossed + np.cross(xyz, crossed)))


@pytest.mark.parametrize(
    "world", [np.eye(3), np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]), np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])],
    ids=["Z up", "Y up", "looks along X"],
)
@pytest.mark.parametrize("seed", [0, 10, 20])
def test_head_nods_turns_and_tilts_the_way_its_channels_say(world, seed):
    rig = skeleton(world, seed=seed)
    nodding = turned(rig, "head", world @ UP, headPitch=0.2)
    # the top goes forward
    assert nodding == pytest.approx(world @ (np.cos(0.2) * UP + np.sin(0.2) * FORWARD), abs=1e-5)
    turning = turned(rig, "head", world @ FORWARD, headYaw=0.2)
    # to its right
    assert turning == pytest.approx(world @ (np.cos(0.2) * FORWARD - np.sin(0.2) * LEFT), abs=1e-5)
    tilting = turned(rig, "head", world @ UP, headRoll=0.2)
    # to its right shoulder
    assert tilting == pytest.approx(world @ (np.cos(0.2) * UP - np.sin(0.2) * LEFT), abs=1e-5)


def test_a_posed_head_nods_in_its_own_direction():
    turned_left = (np.cos(0.25), *(np.sin(0.25) * (np.array(skeleton().rest["head"].axes).reshape(3, 3).T @ UP)))
    rig = replace(skeleton(), posed={"head": turned_left})
    facing = np.cos(0.5) * FORWARD + np.sin(0.5) * LEFT
    assert turned(rig, "head", FORWARD) == pytest.approx(facing, abs=1e-5)
    assert turned(rig, "head", FORWARD, headPitch=0.2) == pytest.approx(
        np.cos(0.2) * facing - np.sin(0.2) * UP, abs=1e-5
    )


def test_eyes_look_where_their_channels_say():
    rig = skeleton()
    to_left = {"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}
    for bone, way in (("eye.L", "Out"), ("eye.R", "In")):
        angle = 0.5 * LOOK_RAD[way]
        assert turned(rig, bone, FORWARD, **to_left) == pytest.approx(
            np.cos(angle) * FORWARD + np.sin(angle) * LEFT, abs=1e-5
        )
        assert turned(rig, bone, FORWARD, eyeLookDownLeft=0.3, eyeLookDownRight=0.3) @ UP == pytest.approx(
            -np.sin(0.3 * LOOK_RAD["Down"]), abs=1e-5
        )


def test_chest_leans_back_and_both_shoulders_rise_with_a_breath():
    rig = skeleton()
    assert turned(rig, "chest", UP, breath=1.0) @ FORWARD < -0.01
    assert turned(rig, "shoulder.L", LEFT, breath=1.0) @ UP > 0.02
    assert turned(rig, "shoulder.R", -LEFT, breath=1.0) @ UP > 0.02


def test_eye_bones_stay_where_shape_keys_look():
    with_keys = replace(
        PRESET, targets=(*PRESET.targets, Target(RigChannel("shape_key", "eyeLookUpLeft"), (("eyeLookUpLeft", 1.0),)))
    )
    rig = skeleton()
    found = retarget(
        motion(eyeLookUpLeft=0.5, eyeLookUpRight=0.5), with_keys,
        replace(rig, shape_keys=frozenset({"jawOpen", "eyeLookUpLeft"})),
    ).curves
    assert not any(channel.name.startswith("eye.") for channel in found)
    # the rig lacks the key
    assert any(channel.name == "eye.L" for channel in retarget(motion(eyeLookUpLeft=0.5), with_keys, rig).curves)


def test_still_head_eyes_and_chest_get_no_keys():
    plain = Motion(motion(jawOpen=0.5).weights[:, :52], ARKIT_52, 30.0)
    assert {channel.kind for channel in retarget(plain, PRESET, skeleton()).curves} == {"shape_key"}


def test_bone_that_a_preset_keys_is_left_to_it():
    own = replace(
        PRESET,
        targets=(*PRESET.targets, Target(RigChannel("bone", "head", "rotation_euler", 0), (("headPitch", 1.0),))),
    )
    found = retarget(motion(headPitch=0.2), own, skeleton()).curves
    assert {(channel.path, channel.index) for channel in found if channel.name == "head"} == {("rotation_euler", 0)}
    assert found[RigChannel("bone", "head", "rotation_euler", 0)].values[1] == pytest.approx(0.2)


def test_what_life_alone_moves_is_marked_and_what_finds_nothing_is_no_news():
    both = replace(PRESET, targets=(
        *PRESET.targets, Target(RigChannel("shape_key", "lids"), (("eyeBlinkLeft", 0.5), ("eyeBlinkRight", 0.5))),
        Target(RigChannel("shape_key", "grimace"), (("eyeBlinkLeft", 0.5), ("mouthFrownLeft", 0.5))),
    ))
    rig = replace(skeleton(), shape_keys=frozenset({"jawOpen", "lids", "grimace"}))
    curves = retarget(motion(headPitch=0.1), both, rig, frozenset({"eyeBlinkLeft", "eyeBlinkRight"}))
    assert {channel.name for channel in curves.life} == {"lids", "head", "chest", "shoulder.L", "shoulder.R"}
    assert "headYaw" in curves.mapped and "breath" in curves.mapped
    bare = retarget(motion(headPitch=0.1), both, Rig(shape_keys=rig.shape_keys))
    assert not set(LIFE) & {*bare.missing, *bare.mapped} and not bare.life     # the panel says it before Generate


@pytest.mark.parametrize("names", [
    {
        "head": "mixamorig:Head", "eye.L": "mixamorig:LeftEye", "eye.R": "mixamorig:RightEye",
        "chest": "mixamorig:Spine2", "shoulder.L": "mixamorig:LeftShoulder", "shoulder.R": "mixamorig:RightShoulder",
    },
    {
        "head": "Head", "eye.L": "LeftEye", "eye.R": "RightEye", "chest": "Spine2", "shoulder.L": "LeftShoulder",
        "shoulder.R": "RightShoulder",
    },
    {
        "head": "J_Bip_C_Head", "eye.L": "J_Adj_L_FaceEye", "eye.R": "J_Adj_R_FaceEye", "chest": "J_Bip_C_UpperChest",
        "shoulder.L": "J_Bip_L_Shoulder", "shoulder.R": "J_Bip_R_Shoulder",
    },
    {
        "head": "CC_Base_Head", "eye.L": "CC_Base_L_Eye", "eye.R": "CC_Base_R_Eye", "chest": "CC_Base_Spine02",
        "shoulder.L": "CC_Base_L_Clavicle", "shoulder.R": "CC_Base_R_Clavicle",
    },
    {
        "head": "head", "eye.L": "lEye", "eye.R": "rEye", "chest": "chestUpper", "shoulder.L": "lCollar",
        "shoulder.R": "rCollar",
    },
    {
        "head": "head", "eye.L": "FACIAL_L_Eye", "eye.R": "FACIAL_R_Eye", "chest": "spine_05",
        "shoulder.L": "clavicle_l", "shoulder.R": "clavicle_r",
    },
    {"head": "頭", "eye.L": "左目", "eye.R": "右目", "chest": "上半身2", "shoulder.L": "左肩", "shoulder.R": "右肩"},
], ids=lambda names: names["head"])
def test_usual_skeletons_are_known(names):
    rig = skeleton(names=names)
    found = {
        channel.name
        for channel in retarget(
            motion(headPitch=0.2, breath=1.0, eyeLookUpLeft=0.3, eyeLookUpRight=0.3), PRESET, rig
        ).curves
    }
    assert set(names.values()) <= found
    assert turned(rig, names["head"], UP, headPitch=0.2) @ FORWARD > 0.19


def test_each_bone_name_stands_for_one_role():
    names = [name for role in ROLES for name in _wanted()[role]]
    assert len(names) == len(set(names)) and all(_wanted()[role] for role in ROLES)


def test_bone_without_a_known_rest_counts_as_upright():
    rig = Rig(shape_keys=frozenset({"jawOpen"}), bones=frozenset({"head"}))
    found = retarget(motion(headPitch=0.2), PRESET, rig).curves
    assert found[RigChannel("bone", "head", "rotation_quaternion", 1)].values[1] == pytest.approx(np.sin(0.1), abs=1e-6)


def test_presets_may_read_head_and_breath(tmp_path):
    (tmp_path / "own.json").write_text(
        '{"schema": 1, "name": "Own", "source": "arkit52", "targets": [{"to": {"kind": "shape_key", "name": "Inhale"}, '
        '"from": {"breath": 0.5}}]}')
    preset = load_preset(tmp_path / "own.json")
    curves = retarget(motion(breath=1.0), preset, Rig(shape_keys=frozenset({"Inhale"}))).curves
    assert curves[RigChannel("shape_key", "Inhale")].values[1] == pytest.approx(0.5)


def test_list_of_bones_is_no_preset():
    from engine.rig.presets import list_presets

    assert (data_folder() / "bones.json").is_file() and "bones" not in {preset.id for preset in list_presets()}


def test_key_reduction_keeps_a_nod():
    seconds = np.arange(90) / 30
    weights = np.zeros((90, 56), np.float32)
    weights[:, 52 + LIFE.index("headPitch")] = 0.05 * np.sin(2 * np.pi * seconds)
    curves = retarget(Motion(weights, (*ARKIT_52, *LIFE), 30.0), PRESET, skeleton())
    reduced = reduce_for_lines(curves, 0.02, np.full(90, np.inf, np.float32)).curves
    kept = reduced[channel := RigChannel("bone", "head", "rotation_quaternion", 1)]
    full = curves.curves[channel]
    assert len(kept.seconds) < 70
    assert np.abs(np.interp(full.seconds, kept.seconds, kept.values) - full.values).max() < 0.0035
