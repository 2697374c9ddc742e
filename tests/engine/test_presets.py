"""Presets: reading hostile files, finding names on rigs, choosing, saving."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from engine.rig.preset_file import data_folder
from engine.rig.presets import (
    Preset,
    Target,
    choose,
    detect,
    find_targets,
    list_presets,
    load_preset,
    match,
    save_preset,
    scan_presets,
)
from engine.rig.strict_json import MAX_FILE_BYTES
from engine.values.channels import ARKIT_52, FLAME_413
from engine.values.errors import OutputError, PresetError, RigError
from engine.values.types import Rig, RigChannel

NAMES = Path(__file__).resolve().parents[3] / "shared" / "data" / "naming" / "shape_name_maps.json"
ICT_NAMES = [target.to.name for target in load_preset(data_folder() / "ict_facekit.json").targets]


def _document(**changes: object) -> dict[str, object]:
    target = {"to": {"kind": "shape_key", "name": "Mouth"}, "from": {"jawOpen": 1.0}}
    return {"schema": 1, "name": "Mine", "source": "arkit52", "targets": [target], **changes}


def _with_target(**changes: object) -> dict[str, object]:
    return _document(targets=[{"to": {"kind": "shape_key", "name": "Mouth"}, "from": {"jawOpen": 1.0}, **changes}])


def _file(folder: Path, content: object, name: str = "mine.json") -> Path:
    path = folder / name
    path.write_bytes(
        content if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    return path


def _error(folder: Path, content: object) -> str:
    """The message of the one PresetError that content raises; it is one line and names the file."""
    with pytest.raises(PresetError) as raised:
        load_preset(_file(folder, content))
    message = str(raised.value)
    assert "mine.json" in message
    assert "\n" not in message
    assert len(message) < 900
    return message


def _keys(*names: str, preset: str = "auto", folders: tuple[str, ...] = ()) -> Rig:
    return Rig(shape_keys=frozenset(names), preset=preset, preset_folders=folders)


def _driven(preset: Preset, rig: Rig) -> dict[str, set[str]]:
    """Preset's name -> rig's names."""
    places = zip(preset.targets, find_targets(preset, rig), strict=True)
    return {target.to.name: {channel.name for channel in to} for target, to in places if to}


ARKIT = load_preset(data_folder() / "arkit52.json")


# Bundled presets

def test_bundled_presets_load_without_a_broken_file():
    presets, errors = scan_presets()
    assert errors == ()
    assert {preset.id for preset in presets} >= {"arkit52", "ict_facekit", "oculus15"}


def test_arkit52_maps_each_channel_to_itself():
    assert {target.to.name: target.sources for target in ARKIT.targets} == {name: ((name, 1.0),) for name in ARKIT_52}


def test_ict_facekit_splits_brow_and_puff_and_has_no_tongue():
    preset = load_preset(data_folder() / "ict_facekit.json")
    sources = {target.to.name: dict(target.sources) for target in preset.targets}
    assert sources["browInnerUp_L"] == sources["browInnerUp_R"] == {"browInnerUp": 1.0}
    assert sources["cheekPuff_L"] == sources["cheekPuff_R"] == {"cheekPuff": 1.0}
    assert sources["mouthSmile_R"] == {"mouthSmileRight": 1.0}
    assert sources["jawLeft"] == {"jawLeft": 1.0}
    assert set(preset.channels) == set(ARKIT_52) - {"tongueOut"}


# Names on rigs

@pytest.mark.parametrize("spell", [
    str,
    str.upper,
    lambda name: name[0].upper() + name[1:],
    lambda name: re.sub("Left$", "_L", re.sub("Right$", "_R", name)),
    lambda name: re.sub("Left$", ".L", re.sub("Right$", ".R", name)),
    lambda name: re.sub("([A-Z])", r"_\1", name).lower(),
    lambda name: "Head_" + name,
    lambda name: "blendShape1." + name,
    lambda name: "CC_Base_Body." + name,
    lambda name: f"A{ARKIT_52.index(name):02d}_" + re.sub("([A-Z])", r"_\1", name),
])
def test_arkit_names_are_found_however_they_are_spelled(spell):
    rig = _keys("Basis", *(spell(name) for name in ARKIT_52))
    assert _driven(ARKIT, rig) == {name: {spell(name)} for name in ARKIT_52}


def test_all_spellings_of_one_key_are_driven_since_meshes_may_differ():
    assert _driven(ARKIT, _keys("jawOpen", "JawOpen", "jaw_open")) == {"jawOpen": {"jawOpen", "JawOpen", "jaw_open"}}


def test_prefixed_key_stays_still_where_the_plain_name_exists():
    rig = _keys("Eye_Blink_L", "Eye_Blink_R", "Jaw_Open", "A14_Eye_Blink_Left", "A15_Eye_Blink_Right", "A25_Jaw_Open")
    assert _driven(ARKIT, rig) == {
        "eyeBlinkLeft": {"Eye_Blink_L"}, "eyeBlinkRight": {"Eye_Blink_R"}, "jawOpen": {"Jaw_Open"}
    }


@pytest.mark.parametrize("names", [
    # correctives
    ("mouthSmileLeft_jawOpen", "mouthFrownLeft_jawOpen", "mouthSmileLeft_mouthClose", "mouthSmileLeft_jawLeft"),
    # too few
    ("old_jawOpen", "old_jawLeft"),
    # half of a key
    ("browInnerUp_L", "cheekPuff_R"),
    ("jawOpen.001", "___", "ŋ", ""),
])
def test_names_that_only_look_alike_are_left_alone(names):
    assert _driven(ARKIT, _keys(*names)) == {}


def test_rig_key_wanted_by_two_targets_goes_to_the_closer_spelling():
    preset = Preset("two", "arkit52", tuple(
        Target(RigChannel("shape_key", name), ((channel, 1.0),))
        for name, channel in (("smile_l", "mouthSmileLeft"), ("Smile_L", "jawOpen"))
    ))
    assert _driven(preset, _keys("Smile_L")) == {"Smile_L": {"Smile_L"}}
    assert _driven(preset, _keys("SMILE_L")) == {"smile_l": {"SMILE_L"}}     # equally close: the first of the preset
    assert _driven(preset, _keys("Smile_L", "smile_l")) == {"Smile_L": {"Smile_L"}, "smile_l": {"smile_l"}}


def test_bone_is_found_whatever_its_case_and_property_only_exactly():
    preset = Preset("bones", "arkit52", (
        Target(RigChannel("bone", "jaw", "rotation_euler", 0), (("jawOpen", 18.0),), degrees=True),
        Target(RigChannel("property", '["Smile"]'), (("mouthSmileLeft", 1.0),)),
    ))
    rig = Rig(bones=frozenset({"Jaw"}), properties=frozenset({'["smile"]'}))
    assert find_targets(preset, rig) == ((RigChannel("bone", "Jaw", "rotation_euler", 0),), ())


# Detection

def test_match_counts_found_channels_and_lists_the_missing():
    found = match(ARKIT, _keys(*ARKIT_52[15:]))
    assert str(found) == "37 of 52 channels found"
    assert found.missing == ARKIT_52[:15]
    assert found.absent == ARKIT_52[:15]
    assert 0.5 < found.score < match(ARKIT, _keys(*ARKIT_52)).score


def test_detect_rule_that_does_not_hold_gives_score_zero():
    assert match(ARKIT, _keys("jawOpen", "mouthClose")).score == 0                       # fewer than at_least
    assert match(ARKIT, _keys(*(name for name in ARKIT_52 if name != "jawOpen"))).score == 0


@pytest.mark.parametrize(("names", "best"), [(ARKIT_52, "arkit52"), (ICT_NAMES, "ict_facekit")])
def test_detect_puts_the_right_preset_first(names, best):
    assert detect(_keys(*names), list_presets())[0].preset.id == best


@pytest.mark.skipif(not NAMES.is_file(), reason="needs ../shared/data/naming")
@pytest.mark.parametrize(("rig", "best", "found"), [
    ("readyplayerme_head", "readyplayerme", 52), ("vroid_with_arkit_oculus", "readyplayerme", 52),
    ("ict_facekit", "ict_facekit", 51),
    ("rocketbox->arkit+oculus", "arkit52", 52), ("character_creator_cc4->arkit", "character_creator_arkit", 51),
    ("mpfb_expression_units", "makehuman", 32),
    ("vrchat_tomcat->oculus", "vrchat", 0), ("avatarsdk->oculus", "avatar_sdk", 0),
])
def test_detect_on_names_of_real_rigs(rig, best, found):
    first = detect(_keys(*json.loads(NAMES.read_text())[rig]), list_presets())[0]
    assert first.preset.id == best
    assert len(first.found) == (found or len(first.preset.channels))


# Choosing

def test_choose_takes_name_title_path_and_auto(tmp_path):
    rig = _keys(*ICT_NAMES)
    path = _file(tmp_path, _document())
    assert choose(rig).id == "ict_facekit"
    assert choose(_keys(preset="ARKIT52")).id == "arkit52"
    assert choose(_keys(preset="arkit 52")).id == "arkit52"
    assert choose(_keys(preset=str(path))).name == "Mine"
    assert choose(_keys(preset="mine", folders=(str(tmp_path),))).name == "Mine"


def test_users_preset_comes_before_the_bundled_one_of_the_same_name(tmp_path):
    _file(tmp_path, _document(name="My ARKit"), "arkit52.json")
    assert choose(_keys(preset="arkit52", folders=(str(tmp_path),))).name == "My ARKit"
    assert [preset.id for preset in list_presets([str(tmp_path)])].count("arkit52") == 1


def test_choose_says_which_presets_exist():
    with pytest.raises(PresetError, match=r"'nobody'.*arkit52"):
        choose(_keys(preset="nobody"))


def test_broken_user_preset_hides_no_other_and_is_named_when_chosen(tmp_path, caplog):
    _file(tmp_path, "{", "torn.json")
    folders = (str(tmp_path), str(tmp_path / "absent"))
    assert choose(_keys(*ARKIT_52, folders=folders)).id == "arkit52"
    assert "torn.json" in caplog.text
    with pytest.raises(PresetError, match=r"torn\.json.*line 1"):
        choose(_keys(preset="torn", folders=folders))


def test_auto_on_a_foreign_rig_says_what_it_has_and_what_to_do():
    with pytest.raises(RigError, match=r"2 shape keys \(Basis, Smile\).*SCHEMA\.md"):
        choose(_keys("Basis", "Smile"))
    with pytest.raises(RigError, match=r"no shape keys, bones or custom properties"):
        choose(Rig())


# Hostile files

@pytest.mark.parametrize(("content", "says"), [
    ('{"schema": 1,\n "name": }', "line 2, column 10"),
    ("", "line 1"),
    (b"\xff\xfe{}", "not UTF-8"),
    ("[" * 100_000, "nested too deeply"),
    ('{"schema": 1, "schema": 1}', "'schema' stands twice"),
    ('{"schema": NaN}', "NaN is not a number"),
    ('{"schema": -Infinity}', "-Infinity is not a number"),
    ('{"schema": 1e999}', "1e999 is too large"),
    ('{"schema": 1' + "0" * 6000 + "}", "6001 digits"),
    ('{"name": "\\ud800"}', "half a character"),
    ("[1, 2]", "of type object"),
    ("null", "of type object"),
    (_document(schema=2), "schema 2; this version reads up to 1. Update"),
    (_document(schema=0), "schema: 0 is not allowed; it must be 1"),
    (_document(schema=True), "of type integer"),
    ({"schema": 1, "name": "x", "source": "arkit52"}, "the field 'targets' is missing"),
    (_document(taregts=[]), "'taregts' is not allowed"),
    (_document(taregts=[]), "Did you mean 'targets'?"),
    (_document(name=" "), "name: ' ' is not allowed"),
    (_document(name="a\nb"), "without control characters"),
    (_document(name="x" * 81), "at most 80 characters"),
    (_document(source="flame"), "source: 'flame' is not allowed; it must be one of arkit52"),
    (_document(targets=[]), "a list of 1 or more entries"),
    (_document(targets={}), "of type array"),
    (_document(detect={"at_least": 0}), "detect.at_least: 0 is not allowed; it must be 1 or more"),
    (
        _with_target(**{"from": {"jawOpne": 1}}),
        "targets[0].from: 'jawOpne' is not allowed; it must be a channel of arkit52. Did you mean 'jawOpen'?",
    ),
    (
        _with_target(**{"from": {"jawOpen": "1"}}),
        "targets[0].from.jawOpen: '1' is not allowed; it must be of type number",
    ),
    (_with_target(**{"from": {"jawOpen": True}}), "of type number"),
    (_with_target(**{"from": {}}), "1 or more fields"),
    (_with_target(gain=1e9), "targets[0].gain: 1000000000.0 is not allowed; it must be 10000 or less"),
    (_with_target(clamp=[1, 0]), "targets[0].clamp: [1, 0] is not allowed; it must be [lowest, highest]"),
    (_with_target(clamp=[0]), "2 or more entries"),
    (
        _with_target(to={"kind": "spline", "name": "x"}),
        "targets[0].to.kind: 'spline' is not allowed; it must be shape_key or bone or property",
    ),
    (_with_target(to={"kind": "bone", "bone": "jaw", "path": "tail"}), "targets[0].to.path: 'tail'"),
    (
        _with_target(to={"kind": "bone", "bone": "jaw", "path": "location", "index": 3}),
        "targets[0].to.index: 3 is not allowed; it must be 0 to 2",
    ),
    (_with_target(to={"kind": "bone", "bone": "jaw", "path": "scale", "unit": "degree"}), "targets[0].to.unit"),
    (_with_target(to={"kind": "shape_key", "name": "x", "expression": "1"}), "'expression' is not allowed"),
    (_with_target(to=5), "of type object"),
])
def test_wrong_preset_gives_one_clear_error(tmp_path, content, says):
    assert says in _error(tmp_path, content)


@pytest.mark.parametrize("path", [
    "__import__('os').system('true')", 'data.shape_keys.key_blocks["a"].value', '["a"]["b"]["c"]', '["a"] + 1',
    '["a"]\n', "['a']", '[""]',
    'pose.bones["x"].location', '["a\\"]', 'pose.bones["x"]["y"].driver', 'constraints["x"].influence', '["x"][0]', "",
])
def test_property_path_outside_the_grammar_is_refused(tmp_path, path):
    assert "a custom property as" in _error(tmp_path, _with_target(to={"kind": "property", "path": path}))


@pytest.mark.parametrize("path", ['["Smile"]', 'pose.bones["CTRL_face"]["Smile_L"]', '["say \\"ah\\""]', '["口"]'])
def test_property_path_inside_the_grammar_is_read(tmp_path, path):
    preset = load_preset(_file(tmp_path, _with_target(to={"kind": "property", "path": path})))
    assert preset.targets[0].to == RigChannel("property", path)


def test_too_large_file_is_refused_before_it_is_parsed(tmp_path):
    assert f"larger than {MAX_FILE_BYTES:,} bytes" in _error(tmp_path, b"{" * 10_000_000)


def test_too_many_targets_are_refused(tmp_path):
    targets = [{"to": {"kind": "shape_key", "name": f"k{i}"}, "from": {"jawOpen": 1}} for i in range(2001)]
    assert "at most 2000 entries" in _error(tmp_path, _document(targets=targets))


def test_one_rig_channel_in_two_targets_is_refused(tmp_path):
    target = {"to": {"kind": "shape_key", "name": "Mouth"}, "from": {"jawOpen": 1}}
    assert "something that targets[0] does not write already" in _error(tmp_path, _document(targets=[target, target]))


def test_long_and_deep_values_are_cut_in_the_message(tmp_path):
    deep = json.loads("[" * 500 + "]" * 500)
    assert "[[[" in _error(tmp_path, _with_target(to=deep))
    assert "xxx..." in _error(tmp_path, _document(source="x" * 100_000))


def test_missing_file_and_folder_are_clear(tmp_path):
    for path in (tmp_path / "none.json", tmp_path, "a\0b.json"):
        with pytest.raises(PresetError, match=r"does not exist or is no file|cannot be read"):
            load_preset(path)


# Defaults and saving

def test_defaults_keep_a_still_face_at_rest(tmp_path):
    def target(to: dict[str, object]) -> Target:
        return load_preset(_file(tmp_path, _with_target(to=to))).targets[0]

    assert target({"kind": "shape_key", "name": "x"}).clamp == (0.0, 1.0)
    assert target({"kind": "bone", "bone": "x", "path": "scale"}).offset == 1.0
    assert target({"kind": "bone", "bone": "x", "path": "rotation_quaternion", "index": 0}).offset == 1.0
    assert target({"kind": "bone", "bone": "x", "path": "rotation_quaternion", "index": 1}).offset == 0.0
    assert target({"kind": "bone", "bone": "x", "path": "location"}).clamp is None


def _mine(name: str = "Käthe's head") -> Preset:
    return Preset(name, "arkit52", (
        Target(
            RigChannel("shape_key", "Mund \"auf\""), (("jawOpen", 0.8), ("mouthClose", -0.8)), 1.5, 0.1, (0.0, 2.0),
            share="mouth",
        ),
        Target(RigChannel("shape_key", "free"), (("jawOpen", 1.0),), clamp=None),
        Target(RigChannel("bone", "jaw", "rotation_euler", 2), (("jawOpen", 18.0),), degrees=True),
        Target(RigChannel("bone", "jaw", "scale", 1), (("jawOpen", 0.1),), offset=1.0),
        Target(RigChannel("property", '["Smile"]'), (("mouthSmileLeft", 1.0),)),
    ), any_of=("jaw",), at_least=2, description="Mine.")


def test_saved_preset_reads_back_equal(tmp_path):
    path = save_preset(_mine(), tmp_path / "new" / "folder")
    loaded = load_preset(path)
    assert (loaded.name, loaded.source, loaded.targets, loaded.any_of, loaded.at_least, loaded.description) == (
        _mine().name, "arkit52", _mine().targets, ("jaw",), 2, "Mine.")
    assert [file.name for file in path.parent.iterdir()] == [path.name]      # no temporary file is left


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/root/x", "..\\..\\x", "a/b", "...", "CON", "nul", "schema", "C:x", "💡", "x" * 80]
)
def test_saved_file_never_leaves_its_folder(tmp_path, name):
    path = save_preset(_mine(name), tmp_path / "in")
    assert path.parent == tmp_path / "in"
    assert [file.relative_to(tmp_path).parts[0] for file in tmp_path.rglob("*")] == ["in", "in"]
    assert re.fullmatch(r"[\w-]+\.json", path.name)
    assert path.stem not in ("con", "nul", "schema")
    assert load_preset(path).name == name


def test_saving_again_replaces_the_same_preset_and_spares_another(tmp_path):
    first = save_preset(_mine("a b"), tmp_path)
    assert save_preset(_mine("a b"), tmp_path) == first
    assert save_preset(_mine("a/b"), tmp_path) != first
    assert load_preset(first).name == "a b"


def test_wrong_preset_is_not_saved(tmp_path):
    for name in ("", "a\nb", "\ud800"):
        with pytest.raises(PresetError):
            save_preset(_mine(name), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_gives_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Choose a folder"):
        save_preset(_mine(), tmp_path / "file")


def test_flame_preset_is_for_flame_motion_alone():
    keys = (*ARKIT_52, *(f"Exp{number}" for number in range(1, 101)))
    assert choose(_keys(*keys)).id == "arkit52"
    flame = choose(dataclasses.replace(_keys(*keys), source="flame413"))
    assert flame.id == "flame" and len(flame.targets) == 103
    assert set(flame.channels) < set(FLAME_413)
