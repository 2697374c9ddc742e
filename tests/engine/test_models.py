"""A damaged model folder is refused with the file, the value and the next step."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import ModelError, SettingError, Settings, animate
from engine.model.encode import clip_key
from engine.model.folder import SYSTEMS, list_models, open_model, scan_models
from engine.systems.system import open_system


def edit(folder, change):
    """Change model.json, and keep the hashes right so that the check behind them is reached."""
    file = folder / "model.json"
    info = json.loads(file.read_text())
    change(info)
    info["sha256"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in info["sha256"] if (folder / name).is_file()
    }
    file.write_text(json.dumps(info))


def test_opens_heads_identities_and_pivot(tiny):
    model = open_model(tiny.model)
    assert [head.id for head in model.heads] == ["arkit52", "before", "after"]
    assert model.identities[model.pivot].id == "pivot"
    assert model.styles.shape == (3, 3)


def test_user_folder_comes_first(tiny_copy):
    assert open_model("tiny", [str(tiny_copy.parent)]).folder == tiny_copy
    assert "tiny" in [model.id for model in list_models([str(tiny_copy.parent)])]


def test_unknown_model_lists_what_is_there(tiny_copy):
    with pytest.raises(ModelError, match=r"'nope' not found\. Installed: .*tiny"):
        open_model("nope", [str(tiny_copy.parent)])


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx", "heads.npz", "identities.npy"])
def test_missing_file_is_named(tiny_copy, name):
    (tiny_copy / name).unlink()
    with pytest.raises(ModelError, match=f"file {name} is missing"):
        open_model(str(tiny_copy))


def test_wrong_hash_is_named(tiny_copy):
    with (tiny_copy / "decoder.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match=r"decoder\.onnx is damaged \(sha256 .*expected"):
        open_model(str(tiny_copy))


def test_damage_after_opening_is_seen(tiny_copy):
    open_model(str(tiny_copy))
    (tiny_copy / "identities.npy").write_bytes(b"")
    with pytest.raises(ModelError, match=r"identities\.npy is damaged"):
        open_model(str(tiny_copy))


def test_newer_schema_asks_for_an_update(tiny_copy):
    edit(tiny_copy, lambda info: info.update(schema=2))
    with pytest.raises(ModelError, match=r"schema 2, this version reads 1\. Update"):
        open_model(str(tiny_copy))


def test_too_few_styles_are_counted(tiny_copy):
    np.save(tiny_copy / "identities.npy", np.zeros((2, 3), np.float32))
    edit(tiny_copy, lambda info: None)
    with pytest.raises(ModelError, match=r"shape \(2, 3\), model\.json names 3 identities"):
        open_model(str(tiny_copy))


def test_head_of_wrong_width_is_named(tiny_copy):
    edit(tiny_copy, lambda info: info["heads"][0]["channels"].pop())
    with pytest.raises(ModelError, match=r"head arkit52 has weights \(6, 52\).* for 51 channels"):
        open_model(str(tiny_copy))


def test_pickled_arrays_are_refused(tiny_copy):
    np.save(tiny_copy / "identities.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    edit(tiny_copy, lambda info: None)
    with pytest.raises(ModelError, match=r"identities\.npy cannot be read"):
        open_model(str(tiny_copy))


@pytest.mark.parametrize("name", ["../secret", "x" * 300])
def test_file_outside_the_folder_is_refused(tiny_copy, name):
    info = json.loads((tiny_copy / "model.json").read_text())
    info["sha256"][name] = "0"
    (tiny_copy / "model.json").write_text(json.dumps(info))
    with pytest.raises(ModelError, match=f"{name} is missing"):
        open_model(str(tiny_copy))


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000])
def test_broken_model_json_is_named(tiny_copy, text):
    (tiny_copy / "model.json").write_text(text)
    with pytest.raises(ModelError, match=r"model\.json"):
        open_model(str(tiny_copy))


def test_missing_field_is_named(tiny_copy):
    edit(tiny_copy, lambda info: info.pop("pivot"))
    with pytest.raises(ModelError, match=r"lacks or misspells a field \(KeyError\('pivot'\)\)"):
        open_model(str(tiny_copy))


def test_windows_shorter_than_the_context_are_refused(tiny_copy):
    edit(tiny_copy, lambda info: info["encoder"].update(overlap_s=0.1))
    with pytest.raises(ModelError, match=r"at least 0\.12 s must overlap"):
        open_model(str(tiny_copy))


def test_unknown_head_lists_the_heads(tiny):
    with pytest.raises(SettingError, match=r"no head 'x'\. It has: arkit52, before, after"):
        open_model(tiny.model).head("x")


@pytest.mark.parametrize(("change", "message"), [
    ({"rate_hz": "abc"}, r"misspells a field \(ValueError"), ({"rate_hz": float("inf")}, "misspells a field"),
    ({"window_s": 1e308}, "last at most 600 s"), ({"window_s": float("nan")}, "windows of nan s"),
    ({"context_s": float("nan")}, "cannot be joined"),
    ({"overlap_s": -0.5, "context_s": -1}, "cannot be joined"), ({"overlap_s": 1.99999}, "longer by whole frames"),
    ({"window_s": 0.001, "overlap_s": 0, "context_s": 0}, "longer by whole frames"),
    ({"rate_hz": 100}, "fps must be the encoder's 100, got 50"),
])
def test_impossible_windows_are_refused(tiny_copy, change, message):
    edit(tiny_copy, lambda info: info["encoder"].update(change))
    with pytest.raises(ModelError, match=message):
        open_model(str(tiny_copy))


@pytest.mark.parametrize(("change", "message"), [
    (
        lambda info: info["heads"][0]["channels"].__setitem__(1, "eyeBlinkLeft"),
        "head arkit52 names channel 'eyeBlinkLeft' twice",
    ),
    (lambda info: info["heads"][1].update(id="arkit52"), "two heads have the same id"),
    (lambda info: info["heads"][0].update(fps=29.97), r"fps 29\.97"),
    (lambda info: info["heads"][2].update(fps=10**9), "fps 1000000000"),
    (lambda info: info.update(normalise="loud"), "normalise is 'loud', must be one of none, clip"),
    (lambda info: info.update(system="hologram"), r"'hologram', this version runs unitalker, [a-z, ]+\. Update"),
    (lambda info: info["identities"][1].update(id="pivot"), "two identities have the id 'pivot'"),
    (
        lambda info: info["heads"][0].update(space="vertices"),
        "head arkit52 gives vertices, and its 52 numbers are not three for each",
    ),
])
def test_contradictions_in_model_json_are_named(tiny_copy, change, message):
    edit(tiny_copy, change)
    with pytest.raises(ModelError, match=message):
        open_model(str(tiny_copy))


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no zip", b"\x93NUMPY\x01\x00"])
@pytest.mark.parametrize("name", ["heads.npz", "identities.npy"])
def test_damaged_arrays_are_named(tiny_copy, name, content):
    (tiny_copy / name).write_bytes(content)
    edit(tiny_copy, lambda info: None)
    with pytest.raises(ModelError, match=f"{name} cannot be read"):
        open_model(str(tiny_copy))


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "not finite"), (1e300, "not finite"), ("x", "<U1 values, numbers are needed")]
)
def test_arrays_hold_finite_numbers(tiny_copy, value, message):
    np.save(tiny_copy / "identities.npy", np.full((3, 3), value))
    edit(tiny_copy, lambda info: None)
    with pytest.raises(ModelError, match=message):
        open_model(str(tiny_copy))


def test_one_damaged_folder_does_not_hide_the_others(tiny_copy):
    edit(tiny_copy, lambda info: info["encoder"].update(rate_hz="abc"))
    assert "mini" in [model.id for model in list_models([str(tiny_copy.parent)])]


@pytest.mark.parametrize("name", ["~nobody-of-this-name/models/x", "x" * 300, "a\0b", "./" + "x" * 300])
def test_impossible_model_path_is_not_found(name):
    with pytest.raises(ModelError, match=r"not found|No model folder"):
        open_model(name)


def test_every_system_that_a_folder_may_name_can_be_run(tiny):
    model = open_model(tiny.model)
    for name in SYSTEMS:
        assert open_system(replace(model, system=name), tiny).encoder.file == model.folder / "encoder.onnx"


@pytest.mark.parametrize("damage", ["method", "flag", "lzma", "header", "member", "bomb"])
def test_a_hostile_heads_file_hides_no_other_model(tiny_copy, damage):
    file = tiny_copy / "heads.npz"
    with np.load(file) as arrays:
        given = dict(arrays)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA if damage == "lzma" else zipfile.ZIP_DEFLATED) as archive:
        for name, values in given.items():
            content = io.BytesIO()
            np.save(content, values)
            text = content.getvalue()
            if damage == "header":
                text = text.replace(b"'<f4'", b"'<\xc34")
            if damage == "bomb":
                text = text.replace(b"(6, 52)", b"(6,9**9)")
            archive.writestr(f"{name}.npy" if damage != "member" else name, text)
    content = bytearray(file.read_bytes())
    if damage in ("method", "flag"):
        place, value = (10, 98) if damage == "method" else (8, 1)
        content[content.index(b"PK\x01\x02") + place] = value
        content[content.index(b"PK\x03\x04") + place - 2] = value
    if damage == "lzma":
        content[content.index(b"\x09\x04\x05\x00") + 4] = 255
    file.write_bytes(content)
    edit(tiny_copy, lambda info: None)
    models, damaged = scan_models([str(tiny_copy.parent)])
    assert "mini" in [model.id for model in models]
    assert [folder for folder, error in damaged] == [tiny_copy] and "heads.npz cannot be read" in str(damaged[0][1])


def test_a_table_of_very_many_identities_is_read_in_linear_time(tiny_copy):
    np.save(tiny_copy / "identities.npy", np.zeros((40_000, 3), np.float32))
    names = [{"id": f"a{number}", "label": "", "group": ""} for number in range(39_999)]
    edit(tiny_copy, lambda info: info.update(identities=[*names, names[-1]], pivot=None))
    with pytest.raises(ModelError, match="two identities have the id 'a39998'"):
        open_model(str(tiny_copy))


def test_files_that_are_too_large_are_refused_before_they_are_read(tiny_copy):
    with (tiny_copy / "decoder.onnx").open("ab") as file:
        file.truncate(9 * 2**30)        # a hole: it takes no space
    with pytest.raises(ModelError, match=r"its files have 9,\d\d\d,\d\d\d,\d\d\d bytes, at most"):
        open_model(str(tiny_copy))


@pytest.mark.parametrize("name", ["two\nlines", "bell\a", "\x1b[2J", "half \ud800", "null\0"])
@pytest.mark.parametrize("change", [
    lambda info, name: info.update(title=name), lambda info, name: info["identities"][1].update(label=name),
    lambda info, name: info["identities"][2].update(group=name),
    lambda info, name: info["heads"][0]["channels"].__setitem__(3, name),
])
def test_names_that_no_list_can_show_are_refused(tiny_copy, name, change):
    edit(tiny_copy, lambda info: change(info, name))
    with pytest.raises(ModelError, match="has control characters or halves of characters") as refusal:
        open_model(str(tiny_copy))
    assert str(refusal.value).isprintable()


def test_an_error_is_one_line_whatever_its_names_hold():
    error = ModelError("Model a\nTraceback:\x1b[31m\u202e \ud800: damaged.")
    assert str(error) == r"Model a\nTraceback:\x1b[31m\u202e \ud800: damaged."
    assert str(ModelError("Modèle 模型 “é”: ok\u00a0!")) == "Modèle 模型 “é”: ok\u00a0!"


def share_encoder(folder: Path, name: str, **changed: str) -> Path:
    """A copy of a model folder that has no encoder of its own and names that of the folder."""
    copy = Path(shutil.copytree(folder, folder.parent / name))
    info = json.loads((copy / "model.json").read_text(encoding="utf-8"))
    info["encoder"] |= {"from": folder.name, "sha256": info["sha256"].pop("encoder.onnx"), **changed}
    info["id"] = name
    (copy / "model.json").write_text(json.dumps(info), encoding="utf-8")
    (copy / "encoder.onnx").unlink()
    return copy


def test_a_model_that_shares_an_encoder_needs_no_second_look_at_the_sound(tiny_copy, syllables, monkeypatch):
    shared = share_encoder(tiny_copy, "second")
    first, second = (animate(syllables, Settings(model=str(folder), threads=1)) for folder in (tiny_copy, shared))
    assert np.array_equal(first.motion.weights, second.motion.weights)
    assert clip_key(syllables, open_model(str(shared))) == clip_key(syllables, open_model(str(tiny_copy)))
    assert open_model(str(shared)).own_hashes == tuple(
        entry for entry in open_model(str(tiny_copy)).hashes if entry[0] != "encoder.onnx"
    )


@pytest.mark.parametrize("changed", [{"sha256": "0" * 64}, {"from": "nobody"}, {"from": "../tiny"}])
def test_a_shared_encoder_must_be_there_with_its_hash(tiny_copy, changed):
    with pytest.raises(ModelError, match="shares the encoder of model"):
        open_model(str(share_encoder(tiny_copy, "second", **changed)))


def test_a_shared_encoder_that_changes_is_noticed(tiny_copy):
    shared = share_encoder(tiny_copy, "second")
    assert open_model(str(shared)).encoder_folder == tiny_copy
    with (tiny_copy / "encoder.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="not there with the hash"):
        open_model(str(shared))
