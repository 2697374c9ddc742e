"""`--command unitalker --jobs FILE`: many lines, characters and .blend files, called as Blender calls it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest

from ..counting import calls_during
from .conftest import ROOT, TINY, jaw, make_face, own_action, write_wav

JAW = 'key_blocks["jawOpen"].value'


@pytest.fixture
def run(ext):
    return ext.module("addon.command").run


@pytest.fixture
def shots(ext, speech, tmp_path):
    """A folder with a sound and two files: "a.blend" with Face and Zoë, "b.blend" with Face; each Face has a key of the
    artist's."""
    shutil.copy(speech, tmp_path / "hallo Ümlaut.wav")
    make_shot(ext, tmp_path / "a.blend", "Face", "Zoë")
    make_shot(ext, tmp_path / "b.blend", "Face")
    (tmp_path / "out").mkdir()
    return tmp_path


def make_shot(ext, path, *names):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    bpy.context.scene.render.fps = 24
    bpy.context.scene.unitalker.model = TINY
    for number, name in enumerate(names):
        make_face(ext, name).location.x = 9 * number
    own_action(bpy.data.objects["Face"].data.shape_keys, {'key_blocks["browInnerUp"].value': [(1, 0.25), (9, 0.75)]})
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def job(blend="a", character="Face", **more):
    return {
        "blend": f"{blend}.blend", "save": "out/{name}.blend", "audio": "hallo Ümlaut.wav", "character": character,
        **more,
    }


def write(folder, *jobs, name="shots.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in jobs), encoding="utf-8")
    return str(path)


def report_of(path):
    with open(f"{path}.report.json", encoding="utf-8") as file:
        return json.load(file)


def journal_of(path):
    """What an interrupted run says of its jobs: id -> status."""
    found = {}
    with open(f"{path}.report.journal.jsonl", encoding="utf-8") as file:
        for line in map(json.loads, filter(str.strip, file)):
            found |= {line["job"]["id"]: line["job"]["status"]} if "job" in line else {}
            found |= dict.fromkeys(line["jobs"], line["status"]) if "status" in line else {}
    return found


def statuses(path):
    return [(one["id"], one["status"]) for one in report_of(path)["jobs"]]


def count_openings(ext, monkeypatch):
    """Paths that are opened from now on."""
    shot_jobs, opened = ext.module("addon.shots.jobs"), []
    true = shot_jobs.open_shot

    def counted(path):
        opened.append(Path(path).name)
        true(path)

    monkeypatch.setattr(shot_jobs, "open_shot", counted)
    return opened


# ---- what is made

def test_many_lines_characters_and_files_are_saved_to_new_files(run, shots, ext, monkeypatch, capsys):
    before = {name: (shots / name).read_bytes() for name in ("a.blend", "b.blend")}
    opened = count_openings(ext, monkeypatch)
    path = write(shots, job("a", id="one"), job("b", start_frame=101), job("a", "Zoë", start_frame=11, id="two"))
    assert run(["--jobs", path]) == 0
    assert opened == ["a.blend", "b.blend"]                                 # one opening for both lines of a.blend
    assert {name: (shots / name).read_bytes() for name in before} == before
    assert sorted(entry.name for entry in shots.iterdir()) == [
        "a.blend", "b.blend", "hallo Ümlaut.wav", "out", "shots.jsonl", "shots.jsonl.report.journal.jsonl",
        "shots.jsonl.report.json",
    ]
    assert sorted(entry.name for entry in (shots / "out").iterdir()) == ["a.blend", "b.blend"]
    bpy.ops.wm.open_mainfile(filepath=str(shots / "out" / "a.blend"))
    assert jaw(bpy.data.objects["Zoë"])[0, 0] == 11
    assert bpy.data.objects["Face"].data.shape_keys.animation_data.action.name == "Mine"
    assert "3 done" in capsys.readouterr().out


def test_a_job_makes_the_same_keys_as_the_button(run, shots):
    given = job("a", "Zoë", strength=1.5, smooth=0.3, gain_jaw=0.5, performance="natural")
    assert run(["--jobs", write(shots, given)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(shots / "out" / "a.blend"))
    made = jaw(bpy.data.objects["Zoë"])
    bpy.ops.wm.open_mainfile(filepath=str(shots / "a.blend"))
    bpy.ops.unitalker.animate(
        audio=str(shots / "hallo Ümlaut.wav"), character="Zoë", strength=1.5, smooth=0.3, gain_jaw=0.5,
        performance="natural",
    )
    assert np.array_equal(made, jaw(bpy.data.objects["Zoë"])) and made[:, 1].max() > 0.1


def test_what_a_job_leaves_out_is_what_the_files_panel_says(run, shots, ext):
    bpy.ops.wm.open_mainfile(filepath=str(shots / "a.blend"))
    bpy.context.scene.unitalker.shift_frames = 5
    bpy.context.scene.unitalker.character = bpy.data.objects["Zoë"]
    bpy.ops.wm.save_as_mainfile(filepath=str(shots / "a.blend"))
    given = job("a")
    del given["character"]
    assert run(["--jobs", write(shots, given)]) == 0
    assert report_of(shots / "shots.jsonl")["jobs"][0]["character"] == "Zoë"
    bpy.ops.wm.open_mainfile(filepath=str(shots / "out" / "a.blend"))
    assert jaw(bpy.data.objects["Zoë"])[0, 0] == 6


def test_defaults_count_below_them_and_a_jobs_own_value_wins(run, shots):
    path = shots / "shots.json"
    path.write_text(json.dumps({
        "defaults": {"audio": "hallo Ümlaut.wav", "save": "out/{name}.blend", "start_frame": 51, "character": "Face"},
        "jobs": [{"blend": "b.blend"}, {"blend": "a.blend", "character": "Zoë", "start_frame": 21}],
    }), encoding="utf-8")
    assert run(["--jobs", str(path)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(shots / "out" / "a.blend"))
    assert jaw(bpy.data.objects["Zoë"])[0, 0] == 21
    bpy.ops.wm.open_mainfile(filepath=str(shots / "out" / "b.blend"))
    track = bpy.data.objects["Face"].data.shape_keys.animation_data.nla_tracks[0]
    assert track.strips[0].frame_start == 51        # the artist's Action stays active, ours plays beneath it


def test_every_choice_of_the_panel_is_a_field_and_an_option(ext):
    choices = ext.module("addon.take.options").CHOICES
    operator = bpy.ops.unitalker.animate.get_rna_type().properties
    assert len(choices) > 25 and set(choices) <= set(operator.keys())
    options = {
        option
        for action in ext.module("addon.shots.command_line").parser()._actions for option in action.option_strings
    }
    assert [name for name in choices if f"--{name.replace('_', '-')}" not in options] == []


def test_a_scene_can_be_named(run, shots, ext):
    bpy.ops.wm.open_mainfile(filepath=str(shots / "b.blend"))
    other = bpy.data.scenes.new("Other")
    other.unitalker.model, other.render.fps = TINY, 48
    other.collection.objects.link(bpy.data.objects["Face"])
    bpy.ops.wm.save_as_mainfile(filepath=str(shots / "b.blend"))
    path = write(shots, job("b", scene="Other"), job("b", scene="Nowhere", id="bad"))
    assert run(["--jobs", path]) == 1
    good, bad = report_of(path)["jobs"]
    assert good["frames"] == 96 and bad["message"].startswith("Scene not found: 'Nowhere'")


def test_a_files_own_list_of_lines_is_one_job(run, shots):
    bpy.ops.wm.open_mainfile(filepath=str(shots / "a.blend"))
    for name, start in (("Face", 11), ("Zoë", 31)):
        row = bpy.context.scene.unitalker_cast.add()
        row.source, row.audio, row.start_frame, row.character = 'FILE', str(
            shots / "hallo Ümlaut.wav"
        ), start, bpy.data.objects[name]
    bpy.ops.wm.save_as_mainfile(filepath=str(shots / "a.blend"))
    path = write(
        shots, {"defaults": {"audio": "none.wav", "shift_frames": 2, "save": "out/{name}.blend"}},
        {"blend": "a.blend", "list": True}, job("b", audio="hallo Ümlaut.wav"),
    )
    assert run(["--jobs", path]) == 0
    made = report_of(path)["jobs"][0]
    assert (made["character"], made["frames"], made["channels"]) == ("Face, Zoë", 96, 52) and len(made["inputs"]) == 2
    bpy.ops.wm.open_mainfile(filepath=str(shots / "out" / "a.blend"))
    assert jaw(bpy.data.objects["Zoë"])[0, 0] == 33         # an option of the jobs file counts for every line


def test_a_list_of_which_one_line_fails_is_not_made_at_all(run, shots):
    bpy.ops.wm.open_mainfile(filepath=str(shots / "a.blend"))
    for name, sound in (("Face", "hallo Ümlaut.wav"), ("Zoë", "none.wav")):
        row = bpy.context.scene.unitalker_cast.add()
        row.source, row.audio, row.character = 'FILE', str(shots / sound), bpy.data.objects[name]
    bpy.ops.wm.save_as_mainfile(filepath=str(shots / "a.blend"))
    path = write(
        shots, {"blend": "a.blend", "save": "out/a.blend", "list": True},
        {"blend": "b.blend", "save": "out/b.blend", "list": True},
    )
    assert run(["--jobs", path]) == 1
    first, second = (one["message"] for one in report_of(path)["jobs"])
    assert (
        "none.wav: Sound file not found" in first and "has no list of lines" in second
        and not any((shots / "out").iterdir())
    )


# ---- the report

def test_the_report_tells_what_became_of_every_job(run, shots):
    path = write(
        shots, job("a", id="ok"), job("a", "Nobody", id="no character"), job("c", id="no file"),
        job("b", audio="none.wav", id="no sound"),
    )
    assert run(["--jobs", path]) == 1
    report = report_of(path)
    assert (report["schema"], report["state"], report["counts"]) == (1, "ended", {"done": 1, "failed": 3})
    ok, *failed = report["jobs"]
    assert (
        (ok["channels"], ok["frames"], ok["save"], ok["place"]) == (52, 48, str(shots / "out" / "a.blend"), "line 1")
        and ok["seconds"] > 0
    )
    assert [one["status"] for one in failed] == ["failed"] * 3
    assert [one["message"].partition(":")[0] for one in failed] == [
        "Character not found", "Blend file not found", "File not found"
    ]
    assert not (shots / "out" / "b.blend").exists()


def test_a_run_that_is_killed_leaves_a_true_journal(run, shots, ext, monkeypatch):
    take = ext.module("addon.take.make")
    true, seen = take.compute, []

    def killed_at_the_third(request, *rest):
        seen.append(journal_of(shots / "shots.jsonl"))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return true(request, *rest)

    monkeypatch.setattr(take, "compute", killed_at_the_third)
    path = write(shots, job("b", id="0"), job("a", id="1"), job("a", "Zoë", id="2"))
    assert run(["--jobs", path]) == 1
    assert seen[2] == {"0": "done", "1": "made"}
    assert report_of(path)["state"] == "stopped"
    assert (shots / "out" / "b.blend").exists() and not (shots / "out" / "a.blend").exists()


def test_a_bug_in_one_job_costs_that_job_alone(run, shots, ext, monkeypatch, capsys):
    take = ext.module("addon.take.make")
    true = take.write

    def half_written(request, result):
        summary = true(request, result)
        if request.character.name == "Zoë":
            raise ZeroDivisionError("half way")
        return summary

    monkeypatch.setattr(take, "write", half_written)
    path = write(shots, job("b", id="b"), job("a", "Zoë", id="bug"), job("a", id="a"))
    assert run(["--jobs", path]) == 1
    assert statuses(path) == [("b", "done"), ("bug", "failed"), ("a", "done")]
    assert (
        "ZeroDivisionError: half way" in report_of(path)["jobs"][1]["message"]
        and "Traceback" in capsys.readouterr().out
    )
    bpy.ops.wm.open_mainfile(filepath=str(shots / "out" / "a.blend"))
    assert bpy.data.objects["Zoë"].data.shape_keys.animation_data is None        # nothing of the half line was saved


def test_a_bug_in_every_job_is_one_opening_each_and_one_in_a_dry_run(run, shots, ext, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("always")

    monkeypatch.setattr(ext.module("addon.take.make"), "gather", broken)
    path, opened = write(shots, *(job("a", id=str(number)) for number in range(30))), count_openings(ext, monkeypatch)
    assert run(["--jobs", path, "--dry-run"]) == 1 and opened == ["a.blend"]
    assert run(["--jobs", path]) == 1 and len(opened) == 31
    assert {status for _, status in statuses(path)} == {"failed"}


# ---- what is not overwritten

def test_the_input_is_not_overwritten_unless_told(run, shots, capsys):
    before = (shots / "a.blend").read_bytes()
    path = write(shots, job("a", "Zoë", save="a.blend"))
    assert run(["--jobs", path]) == 1
    assert "save at line 1 names the file that it opens" in capsys.readouterr().err
    assert (shots / "a.blend").read_bytes() == before and not os.path.exists(f"{path}.report.json")
    assert run(["--jobs", path, "--overwrite-input"]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(shots / "a.blend"))
    assert len(jaw(bpy.data.objects["Zoë"])) == 48


def test_another_jobs_input_is_not_overwritten_either(run, shots, capsys):
    assert run(["--jobs", write(shots, job("a", save="b.blend"), job("b")), "--overwrite"]) == 1
    assert "names the file that the job at line 2 opens" in capsys.readouterr().err


def test_a_file_that_somebody_else_made_or_changed_stays(run, shots, capsys):
    path, out = write(shots, job("a")), shots / "out" / "a.blend"
    out.write_bytes(b"somebody's")
    assert run(["--jobs", path]) == 1 and out.read_bytes() == b"somebody's"
    assert "was not made by an earlier run" in capsys.readouterr().err
    assert run(["--jobs", path, "--overwrite"]) == 0
    assert run(["--jobs", path]) == 0               # it is ours now
    out.write_bytes(b"edited since")
    assert run(["--jobs", path]) == 1 and out.read_bytes() == b"edited since"


def test_two_files_saved_to_one_path_are_refused(run, shots, capsys):
    assert run(["--jobs", write(shots, job("a", save="out/x.blend"), job("b", save="out/x.blend"))]) == 2
    assert "Jobs at line 1 and line 2 open different files and save to one" in capsys.readouterr().err


# ---- resume, dry run, shards

def test_resume_leaves_what_is_done_and_makes_what_is_not(run, shots, ext, monkeypatch):
    path = write(shots, job("a", id="a"), job("b", id="b", audio="later.wav"))
    assert run(["--jobs", path]) == 1
    first = (shots / "out" / "a.blend").stat().st_mtime_ns
    shutil.copy(shots / "hallo Ümlaut.wav", shots / "later.wav")
    opened = count_openings(ext, monkeypatch)
    assert run(["--jobs", path, "--resume"]) == 0
    assert opened == ["b.blend"] and (shots / "out" / "a.blend").stat().st_mtime_ns == first
    assert (
        statuses(path) == [("a", "done"), ("b", "done")]
        and [one["resumed"] for one in report_of(path)["jobs"]] == [True, False]
    )
    assert run(["--jobs", path, "--resume"]) == 0 and opened == ["b.blend"]


@pytest.mark.parametrize("change", ["sound", "blend", "option", "output"])
def test_resume_makes_again_what_changed(run, shots, ext, monkeypatch, change):
    path = write(shots, job("a", "Zoë"))
    assert run(["--jobs", path]) == 0
    if change == "sound":
        write_wav(shots / "hallo Ümlaut.wav", np.sin(np.arange(8000)))
    elif change == "blend":
        make_shot(ext, shots / "a.blend", "Face", "Zoë", "Third")
    elif change == "option":
        write(shots, job("a", "Zoë", start_frame=31))
    else:
        (shots / "out" / "a.blend").unlink()
    opened = count_openings(ext, monkeypatch)
    assert run(["--jobs", path, "--resume"]) == 0
    assert opened == ["a.blend"]


def test_dry_run_checks_everything_and_writes_only_its_own_report(run, shots, ext, monkeypatch):
    def never(*_):
        raise AssertionError("a dry run writes keys")

    monkeypatch.setattr(ext.module("addon.take.make"), "write", never)
    path = write(
        shots, job("a", id="good"), job("a", "Nobody", id="character"), job("b", identity="grumpy", id="identity"),
        job("b", preset="none such", id="preset"),
        job("b", id="strip", strip="none", audio=""), job("b", id="head", head="none"),
    )
    assert run(["--jobs", path, "--dry-run"]) == 1
    with open(shots / "shots.jsonl.report.check.json", encoding="utf-8") as file:
        report = json.load(file)
    assert report["counts"] == {"failed": 5, "checked": 1}
    assert all(
        word in one["message"]
        for one, word in zip(report["jobs"][1:], ("Nobody", "grumpy", "none such", "sound strip", "none"), strict=True)
    )
    assert not any((shots / "out").iterdir()) and not os.path.exists(f"{path}.report.json")


def test_report_says_what_cannot_show_and_which_line_replaced_another(run, shots):
    bpy.ops.wm.open_mainfile(filepath=str(shots / "a.blend"))
    bpy.data.objects["Face"].show_only_shape_key = True
    bpy.ops.wm.save_mainfile()
    shutil.copy(shots / "hallo Ümlaut.wav", shots / "second.wav")
    path = write(shots, job(), job(audio="second.wav", start_frame=20))
    pinned = "The pin of the shape keys of 'Face' is on"
    assert run(["--jobs", path, "--dry-run"]) == 0
    with open(f"{path}.report.check.json", encoding="utf-8") as file:
        assert all(pinned in one["warnings"][0] for one in json.load(file)["jobs"])
    assert run(["--jobs", path]) == 0
    first, second = (" ".join(one["warnings"]) for one in report_of(path)["jobs"])
    assert pinned in first and pinned in second
    assert "replaced" not in first and "It replaced keys of 'hallo Ümlaut.wav', which says" in second


def test_dry_run_says_which_lines_would_meet(run, shots, speech):
    shutil.copy(speech, shots / "second.wav")
    shutil.copy(speech, shots / "third.wav")
    path = write(shots, job(), job(audio="second.wav", start_frame=13), job(audio="third.wav", start_frame=61),
                 job("b", audio="third.wav"))
    assert run(["--jobs", path, "--dry-run"]) == 0
    with open(f"{path}.report.check.json", encoding="utf-8") as file:
        warned = [[text for text in one["warnings"] if "replace" in text] for one in json.load(file)["jobs"]]
    assert [len(texts) for texts in warned] == [0, 1, 0, 0]
    assert "Ümlaut.wav', which says something on the same frames" in warned[1][0]


def test_dry_run_finds_a_damaged_sound(run, shots):
    (shots / "bad.wav").write_bytes(b"RIFF no sound")
    path = write(shots, job("a", audio="bad.wav"))
    assert run(["--jobs", path, "--dry-run"]) == 1


def test_a_jobs_file_that_another_run_is_at_is_refused_with_nothing_done(run, shots, ext, capsys):
    path = write(shots, job())
    with ext.module("engine.files.run_lock").alone(f"{path}.report.json"):
        assert run(["--jobs", path]) == 1
        assert "Another run of these jobs is at work (process" in capsys.readouterr().err
        assert not (shots / "out" / "a.blend").exists()
        assert run(["--jobs", path, "--dry-run"]) == 0, "looking needs no lock"
    assert run(["--jobs", path]) == 0


def test_shards_share_the_files_and_leave_none_out(run, shots):
    path = write(shots, job("a", id="1"), job("b", id="2"), job("a", "Zoë", id="3"))
    assert run(["--jobs", path, "--shard", "1/2"]) == 0
    assert statuses(f"{path}.1-of-2") == [("1", "done"), ("3", "done")] and not (shots / "out" / "b.blend").exists()
    assert run(["--jobs", path, "--shard", "2/2"]) == 0
    assert statuses(f"{path}.2-of-2") == [("2", "done")] and (shots / "out" / "b.blend").exists()


# ---- what is wrong is said, and nothing is done

WRONG = {
    "{'blend'": "line 2, column 2 is not valid JSON",
    '["a"]': 'line 2: ["a"] is no object',
    '{"blend": "a.blend"}': "line 2, save: is missing",
    '{"blend": "a.blend", "save": "x.blend", "strenght": 1}': 'line 2, strenght: 1 is no field. Did you mean strength?',
    '{"blend": "a.blend", "save": "x.blend", "strength": "high"}': (
        'line 2, strength: "high" is no number. Write a number from 0 to 2'
    ),
    '{"blend": "a.blend", "save": "x.blend", "strength": 7}': (
        "line 2, strength: 7 is out of range. Write a number from 0 to 2"
    ),
    '{"blend": "a.blend", "save": "x.blend", "strength": 1e999}': "line 2, strength: Infinity is out of range",
    '{"blend": "a.blend", "save": "x.blend", "strength": NaN}': "line 2: NaN is no number that JSON allows",
    '{"blend": "a.blend", "save": "x.blend", "reduce": 1}': "line 2, reduce: 1 is neither true nor false",
    '{"blend": "a.blend", "save": "x.blend", "existing": "kill"}': (
        'line 2, existing: "kill" is none of its values. Write one of KEEP, LAYER'
    ),
    '{"blend": "a.blend", "save": "x.blend", "blend": "b.blend"}': "line 2: blend stands twice",
    '{"blend": "a.blend", "save": "x.blend", "strip": "a", "audio": "b"}': 'line 2, audio: "b" stands beside strip',
    '{"blend": "a.blend", "save": "x.obj"}': 'line 2, save: "x.obj" does not end in .blend',
    '{"blend": 3, "save": "x.blend"}': "line 2, blend: 3 is no text",
    '{"blend": "a\\u0000", "save": "x.blend"}': "line 2, blend: \"a\\u0000\" holds a zero byte",
    '{"blend": "\\ud800", "save": "x.blend"}': "holds a zero byte or half a character",
    '{"id": "1", "blend": "a.blend", "save": "x.blend"}': 'line 2, id: "1" is the id of the job at line 1 too',
    '{"blend": "a.blend", "save": "x.blend", "list": true, "strip": "a"}': 'line 2, strip: "a" stands beside list',
    '{"blend": "a.blend", "save": "x.blend", "list": "yes"}': 'line 2, list: "yes" is neither true nor false',
    '{"defaults": {"id": "x"}}': 'line 2, id: "x" is a default',
    '{"defaults": 3}': "line 2: 3 is no object",
    '{"blend": "a.blend", "save": "x.blend", "strength": ' + "9" * 5000 + "}": "has 5000 digits",
    "[" * 100_000: "line 2",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_bad_jobs_file_is_one_line_with_place_and_next_step(run, shots, capsys, text):
    path = shots / "shots.jsonl"
    path.write_text(json.dumps(job("b")) + "\n" + text + "\n", encoding="utf-8")
    assert run(["--jobs", str(path)]) == 2
    error = capsys.readouterr().err
    assert (
        WRONG[text] in error and error.count("\n") == 1 and len(error) < 400
        and error.startswith("unitalker: Jobs file ")
    )
    assert not any((shots / "out").iterdir()) and not os.path.exists(f"{path}.report.json")


@pytest.mark.parametrize(("content", "says"), [
    (b"", "holds no job"), (b"\n\n", "holds no job"), (b"\xff\xfe\x00", "is not UTF-8 text (byte 0)"),
    (None, "cannot be read"),
])
def test_an_unreadable_jobs_file_is_one_line(run, shots, capsys, content, says):
    if content is not None:
        (shots / "shots.jsonl").write_bytes(content)
    assert run(["--jobs", str(shots / "shots.jsonl")]) == 2
    assert says in capsys.readouterr().err


def test_a_field_deep_in_a_json_document_is_named_with_its_line(run, shots, capsys):
    path = shots / "shots.json"
    path.write_text(
        '{\n "defaults": {"character": "Face"},\n "jobs": [\n  {"blend": "a.blend", "save": "x.blend"},\n  {"blend": '
        '"a.blend",\n   "smooth": 2}\n ]\n}'
    )
    assert run(["--jobs", str(path)]) == 2
    assert "line 6, smooth: 2 is out of range" in capsys.readouterr().err
    path.write_text('{"blend": "a.blend"}\n{"blend": "b.blend"}\n')
    assert run(["--jobs", str(path)]) == 2
    assert "a file with one job per line ends in .jsonl" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "status"), [
    (["--strength", "1"], 2), (["--save", "x.blend"], 2), (["--shard", "3/2"], 2), (["--shard", "x"], 2),
    (["--help"], 0),
])
def test_wrong_usage_is_status_2_and_does_nothing(run, shots, capsys, arguments, status):
    assert run(["--jobs", write(shots, job("a")), *arguments]) == status
    assert not any((shots / "out").iterdir())


def test_what_is_no_report_is_not_overwritten(run, shots, capsys):
    other = shots / "mine.json"
    other.write_text('{"mine": 1}')
    assert run(["--jobs", write(shots, job("a")), "--report", str(other)]) == 1
    assert "is no report of an earlier run" in capsys.readouterr().err and other.read_text() == '{"mine": 1}'


def test_a_damaged_blend_file_fails_and_the_others_are_made(run, shots):
    (shots / "c.blend").write_bytes(b"no blend file")
    path = write(shots, job("c", id="bad"), job("b", id="good"))
    assert run(["--jobs", path]) == 1
    assert statuses(path) == [("bad", "failed"), ("good", "done")]


def test_a_long_json_document_is_read_in_time_that_grows_with_its_length(ext, tmp_path):
    module = ext.module("addon.shots.jobs_file")

    def calls(count):
        path = tmp_path / "jobs.json"
        path.write_text(json.dumps([job("a", save=f"{number}.blend") for number in range(count)], indent=1))
        return calls_during(lambda: module.read_jobs(str(path)))

    assert calls(400) < 2.2 * calls(200)


# ---- the guide

def test_the_guides_jobs_files_are_read_as_they_stand(ext, tmp_path):
    text = (ROOT / "docs" / "BATCH.md").read_text(encoding="utf-8")
    module = ext.module("addon.shots.jobs_file")
    found = {}
    for kind in ("jsonl", "json"):
        path = tmp_path / f"shots.{kind}"
        path.write_text(text.split(f"```{kind}\n")[1].split("```")[0], encoding="utf-8")
        found[kind] = module.read_jobs(str(path))
    assert [job.id for job in found["jsonl"]] == ["1", "Ben, take 3", "3"] and len(found["json"]) == 2
    assert (
        found["jsonl"][0].save == str(tmp_path / "lipsync" / "sh010.blend")
        and found["jsonl"][0].given["smooth"] == pytest.approx(0.1)
    )


def test_the_guides_error_is_the_one_that_comes(ext, tmp_path, run, capsys):
    text = (ROOT / "docs" / "BATCH.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("unitalker: Jobs file "))
    path = tmp_path / "shots.jsonl"
    path.write_text(
        '{"blend": "a.blend", "save": "b.blend"}\n\n{"blend": "a.blend", "save": "c.blend", "strenght": 1.2}\n'
    )
    assert run(["--jobs", str(path)]) == 2
    assert capsys.readouterr().err.strip() == line.replace("/shots/shots.jsonl", str(path))


def test_the_guide_names_every_field_of_the_report_and_every_option_of_the_command(ext):
    text = (ROOT / "docs" / "BATCH.md").read_text(encoding="utf-8")
    inner = {"recipe", "id", "blend"}        # of the resume, or named in the table of fields
    fields = ext.module("addon.shots.report").ShotEntry("1").to_json()
    assert [
        name
        for name in fields if name not in inner and f"`{name}`" not in text and f"`jobs[].{name}`" not in text
    ] == []
    options = {
        option
        for action in ext.module("addon.shots.command_line").jobs_parser()._actions
        for option in action.option_strings if option.startswith("--")
    }
    assert [option for option in sorted(options - {"--help"}) if option not in text] == []


# ---- pictures

@pytest.fixture
def pictured(shots):
    """"c.blend": the test head twice, small pictures, no camera."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    scene = bpy.context.scene
    scene.render.fps, scene.unitalker.model = 24, TINY
    for name in ("Anna", "Ben"):
        bpy.ops.unitalker.add_test_head()
        bpy.context.view_layer.objects.active.name = name
    bpy.data.objects["Ben"].location.x = 1
    chosen = scene.unitalker_preview
    chosen.pick, chosen.count, chosen.tile_px, chosen.percentage = 'EVEN', 2, 48, 100
    scene.render.resolution_x = scene.render.resolution_y = 48
    bpy.ops.wm.save_as_mainfile(filepath=str(shots / "c.blend"))
    return shots


def looks(path):
    image = bpy.data.images.load(str(path))
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values


def test_each_job_draws_its_pictures_of_its_own_take(run, pictured, capsys):
    defaults = {"defaults": {"contact_sheet": "out/{name} {id}.png"}}
    write_wav(pictured / "still.wav", np.zeros(8_000))
    path = write(
        pictured, defaults, job("c", "Anna", id="a/1"),
        job("c", "Ben", id="b", audio="still.wav", playblast="out/b.mp4"),
        job("c", "Anna", id="late", audio="still.wav", start_frame=201),
    )
    assert run(["--jobs", path]) == 0
    assert sorted(file.name for file in (pictured / "out").iterdir()) == [
        "b.mp4", "c a_1.png", "c b.png", "c late.png", "c.blend"
    ]
    first, _, late = (looks(pictured / "out" / f"c {name}.png") for name in ("a_1", "b", "late"))
    # times and mouth differ
    assert first.shape == late.shape and first.std() > 0.1 and np.abs(first - late).max() > 0.3
    entries = report_of(path)["jobs"]
    assert [[Path(one).name for one in entry["pictures"]] for entry in entries] == [
        ["c a_1.png"], ["c b.png", "b.mp4"], ["c late.png"]
    ]
    assert str(pictured / "out" / "c b.png") in capsys.readouterr().out
    bpy.ops.wm.open_mainfile(filepath=str(pictured / "out" / "c.blend"))
    assert bpy.context.scene.camera is None and not bpy.data.cameras        # the camera was for the pictures


def test_resume_draws_pictures_again_that_are_gone_and_nothing_else(run, pictured):
    path = write(pictured, job("c", "Anna", contact_sheet="out/a.png"))
    assert run(["--jobs", path]) == 0
    assert run(["--jobs", path, "--resume"]) == 0 and report_of(path)["jobs"][0]["resumed"]
    (pictured / "out" / "a.png").unlink()
    assert run(["--jobs", path, "--resume"]) == 0
    assert (pictured / "out" / "a.png").exists() and not report_of(path)["jobs"][0]["resumed"]


def test_a_picture_that_cannot_be_drawn_fails_its_job_and_the_file_is_saved(run, pictured, monkeypatch, ext):
    engine, plan = ext.module("engine"), ext.module("addon.pictures.plan")

    def broken(*_):
        raise engine.OutputError("No room on the disk.")

    monkeypatch.setattr(plan.contact_sheet, "make", broken)
    path = write(
        pictured, job("c", "Anna", id="a", contact_sheet="out/a.png"), job("c", "Ben", id="b", audio="hallo Ümlaut.wav")
    )
    assert run(["--jobs", path]) == 1
    assert statuses(path) == [("a", "failed"), ("b", "done")]
    message = report_of(path)["jobs"][0]["message"]
    assert message.endswith("Saved, but not drawn: No room on the disk.") and "52 channels mapped" in message
    assert (pictured / "out" / "c.blend").exists() and not bpy.data.cameras


@pytest.mark.parametrize(("more", "words"), [
    ({"contact_sheet": "out/a.jpg"}, r"contact_sheet: .* does not end in \.png"),
    ({"playblast": "out/a.avi"}, r"playblast: .* does not end in \.mp4"),
    ({"contact_sheet": "no/a.png"}, None),
])
def test_a_picture_that_cannot_be_written_is_told_before_the_work(run, shots, capsys, more, words):
    path = write(shots, job("a", **more))
    status = run(["--jobs", path])
    if words is None:
        assert status == 1 and "Folder not found" in report_of(path)["jobs"][0]["message"]
    else:
        import re

        assert status == 2 and re.search(words, capsys.readouterr().err)
    assert not (shots / "out" / "a.blend").exists()


def test_pictures_never_replace_each_other_or_a_file_that_is_there(run, shots, capsys):
    path = write(shots, job("a", contact_sheet="out/x.png"), job("b", contact_sheet="out/x.png"))
    assert run(["--jobs", path]) == 2 and "draw one picture" in capsys.readouterr().err
    (shots / "out" / "x.png").write_bytes(b"mine")
    path = write(shots, job("a", contact_sheet="out/x.png"))
    assert run(["--jobs", path]) == 1 and "is there and was not made by an earlier run" in capsys.readouterr().err
    assert (shots / "out" / "x.png").read_bytes() == b"mine" and not (shots / "out" / "a.blend").exists()


def test_a_list_of_lines_takes_no_picture_of_its_own(run, shots, capsys):
    path = write(shots, {"blend": "a.blend", "save": "out/a.blend", "list": True, "playblast": "out/a.mp4"})
    assert run(["--jobs", path]) == 2 and "stands beside list" in capsys.readouterr().err
