"""Whatever goes wrong while a worker runs: nothing of the artist's changes, and no thread and no timer is left.

Every operator that works on a thread goes through every failure: a bug in the thread, an error of the user's, Esc early
and late, the panel's Cancel, a loaded file, a deleted object, undo, the add-on switched off. Full disks and quitting
are at the end.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import ROOT, TINY, jaw, make_face, own_action
from .fake_window import FakeOperator, event, show_window, tick_to_end, wait_for
from .full_disk import full_disk
from .strips import add_strip

JAW = 'key_blocks["jawOpen"].value'


@dataclass(frozen=True)
class Case:
    """One operator that works on a thread.

    Attributes:
        module, name: of the operator's class. work: module whose `compute` runs on the thread. given: options for a
        sound file.
        prepare: what the scene needs before. by_line: whether a line that fails, be it by a bug, is told on its row and
            the operator goes on.
    """

    module: str
    name: str
    work: str
    given: Callable[[str], dict[str, object]]
    prepare: Callable[[str], object] = lambda _sound: None
    by_line: bool = False


def make_take(sound):
    bpy.ops.unitalker.animate(audio=sound, character="Face")


def make_row(sound):
    row = bpy.context.scene.unitalker_cast.add()
    row.source, row.audio, row.character = 'FILE', sound, bpy.data.objects["Face"]


def make_take_of_another_rate(sound):
    if not getattr(bpy.app.build_options, "audaspace", False):
        pytest.skip("this Blender module is built without sound strips (audaspace)")
    add_strip(sound, name="Line")
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    bpy.context.scene.render.fps = 30


def take_of(sound):
    return {"line": "/".join(Path(sound).parts[-2:]), "character": "Face"}


def from_file(sound):
    return {"source": 'FILE', "audio": sound, "character": "Face"}


def choose_sound(sound):
    settings = bpy.context.scene.unitalker
    settings.source, settings.audio, settings.character = 'FILE', sound, bpy.data.objects["Face"]


def write_taught_head(_sound):
    """One of 0.1, which does not hold what it was taught from."""
    package = next(name.removesuffix(".addon.teach.take") for name in sys.modules if name.endswith(".addon.teach.take"))
    heads, files = (importlib.import_module(f"{package}.engine.rig.{name}") for name in (
        "fitted_head", "fitted_head_file"))
    channel = importlib.import_module(f"{package}.engine.values.types").RigChannel("shape_key", "jawOpen")
    one = np.ones(1, np.float32)
    head = heads.FittedHead(
        name="Old", model="tiny", mark="0.1", head="face", identity="a", strength=1.0, controls=(channel,),
        offsets=(0,), centre=one, scale=one, weight=one[:, None], bias=one, rest=one * 0, low=one * 0, high=one,
        lag_s=0.0, prior=None,
        scores=(heads.Score(1.0, 0.0, 0.0, None, None, True),), take_s=9.0,
    )
    folder = Path(sys.modules[f"{package}.addon.teach.take"].user_folder("presets"))
    files.write_fitted_head(head, folder / "old.npz")


def needs_espeak(_sound):
    pytest.importorskip("espeakng_loader")


CASES = {
    "generate": Case(
        "addon.ui.operators", "UNITALKER_OT_animate", "addon.take.make",
        lambda sound: {"audio": sound, "character": "Face"},
    ),
    "generate all": Case(
        "addon.cast.operators", "UNITALKER_OT_cast_generate", "addon.take.make", lambda _sound: {}, make_row,
        by_line=True,
    ),
    "follow": Case(
        "addon.follow.operators", "UNITALKER_OT_follow", "addon.take.make", lambda _sound: {}, make_take_of_another_rate
    ),
    "re-make": Case("addon.take_list.operators", "UNITALKER_OT_take_remake", "addon.take.make", take_of, make_take),
    "range": Case(
        "addon.take_list.operators", "UNITALKER_OT_regenerate_range", "addon.take.make",
        lambda sound: {**take_of(sound), "start": 5, "end": 30}, make_take,
    ),
    "teach": Case(
        "addon.teach.operators", "UNITALKER_OT_teach", "addon.teach.take",
        lambda sound: {"audio": sound, "character": "Face", "name": "Meine"},
    ),
    "teach again": Case(
        "addon.teach.operators", "UNITALKER_OT_teach_again", "addon.teach.take",
        lambda sound: {"audio": sound, "character": "Face", "preset": "old.npz"}, write_taught_head,
    ),
    "match": Case(
        "addon.shape_match.operators", "UNITALKER_OT_shape_match", "addon.shape_match.match", lambda _sound: {},
    ),
    "redo mouth": Case(
        "addon.retakes.operators", "UNITALKER_OT_redo_mouth", "addon.take.make", from_file, make_take,
    ),
    "punch in": Case("addon.retakes.operators", "UNITALKER_OT_punch_in", "addon.take.make", from_file, make_take),
    "continue": Case(
        "addon.retakes.operators", "UNITALKER_OT_continue_last", "addon.take.make", from_file, make_take,
    ),
    "text": Case(
        "addon.retakes.operators", "UNITALKER_OT_speak_text", "addon.take.make",
        lambda _sound: {"speak": "Maybe Bob knows.", "character": "Face", "start_frame": 1}, needs_espeak,
    ),
    "mood": Case(
        "addon.moods.operators", "UNITALKER_OT_mood_from_voice", "addon.moods.moods", lambda _sound: {}, choose_sound,
    ),
}


@pytest.fixture(params=CASES)
def case(request, artist, speech):
    """Each of them, with what it needs in the scene."""
    CASES[request.param].prepare(speech)
    return CASES[request.param]


def told(operator):
    """All that the user reads: reports, and the notes of the list of lines."""
    lines = bpy.context.scene.unitalker_cast
    return " | ".join([*(text for _, text in operator.reports), *(row.result for row in lines.rows), lines.follow_note])


@pytest.fixture
def folder(ext, tmp_path, monkeypatch):
    """The user's presets and taught heads go to a folder of this test."""
    (tmp_path / "user").mkdir()
    names = (
        "addon.host.preferences", "addon.mapping.mapping", "addon.models.my_models", "addon.shape_match.match",
        "addon.teach.take",
    )
    # all are loaded before the first is changed, for they copy the name
    for module in [ext.module(name) for name in names]:
        monkeypatch.setattr(module, "user_folder", lambda *_, **__: str(tmp_path / "user"))
    return tmp_path / "user"


@pytest.fixture
def artist(ext, folder):
    """A face whose jaw and brows the artist has keyed on every frame, with a pose, a preset file and a view of bpy.data
    that must stay."""
    face = make_face(ext, "Face")
    own_action(face.data.shape_keys, {
        JAW: [(frame, 0.3 + 0.3 * np.sin(frame / 3)) for frame in range(1, 49)],
        'key_blocks["browInnerUp"].value': [(1, 0.25), (48, 0.75)],
    })
    face.data.shape_keys.key_blocks["cheekPuff"].value = 0.125
    (folder / "mine.json").write_text("{}")
    bpy.context.scene.frame_set(7)
    return face


@pytest.fixture
def window(monkeypatch):
    return show_window(monkeypatch)


@pytest.fixture(autouse=True)
def nothing_left(ext):
    """No test of this file leaves a thread of ours."""
    before = set(threading.enumerate())
    yield
    job = ext.module("addon.host.job").Job
    running = set(threading.enumerate()) - before
    if job.current is not None:
        job.current.drop(5)
    assert job.current is None and not running


def everything(folder):
    """All that belongs to the artist: keys, values, files, and the names of all data-blocks."""
    names = {
        prop.identifier: sorted(block.name_full for block in getattr(bpy.data, prop.identifier))
        for prop in bpy.types.BlendData.bl_rna.properties if prop.type == 'COLLECTION'
    }
    return as_before.animation(), as_before.values(), as_before.files(folder), names


def start(ext, case, window, sound, work, monkeypatch):
    """Press the button in a window; work(progress, cancelled) runs on the thread in place of the engine."""
    begun = threading.Event()

    def on_thread(_request, progress, cancelled):
        begun.set()
        return work(progress, cancelled)

    monkeypatch.setattr(ext.module(case.work), "compute", on_thread)
    operator = FakeOperator(getattr(ext.module(case.module), case.name), case.given(sound))
    assert operator.invoke(window, None) == {'RUNNING_MODAL'} and window.timers == 1
    assert begun.wait(5)
    return operator


def until_cancelled(ext):
    """Work as the engine does it: it ends by Cancelled at its next look."""
    def work(_progress, cancelled):
        wait_for(cancelled)
        raise ext.module("engine").Cancelled("Cancelled.")

    return work


def assert_ended(ext, window):
    """No timer, no text in the status bar, no job, no thread."""
    assert window.timers == 0 and window.status is None
    assert ext.module("addon.host.job").Job.current is None
    assert not [thread.name for thread in threading.enumerate() if thread.name == "lip-sync"]


# ---- the worker fails

def test_every_operator_that_works_on_a_thread_is_tried_here(ext):
    for case in CASES.values():
        ext.module(case.module)

    def below(cls):
        return {cls, *(deeper for sub in cls.__subclasses__() for deeper in below(sub))}

    classes = {
        cls.__name__
        for cls in below(ext.module("addon.host.operator_base").OnWorker) if issubclass(cls, bpy.types.Operator)
    }
    assert classes == {case.name for case in CASES.values()}


def test_a_bug_in_the_thread_keeps_its_traceback_and_changes_nothing(
    ext, artist, folder, case, window, speech, monkeypatch
):
    before = everything(folder)

    def work(_progress, _cancelled):
        raise ZeroDivisionError("a bug")

    operator = start(ext, case, window, speech, work, monkeypatch)
    if case.by_line:
        tick_to_end(operator, window)
        assert "A bug stopped this line: see the traceback" in told(operator)
    else:
        with pytest.raises(ZeroDivisionError, match="a bug"):
            tick_to_end(operator, window)
    assert_ended(ext, window)
    assert everything(folder) == before


@pytest.mark.parametrize("kind", ["AudioError", "ModelError", "InstallError", "OutputError"])
def test_an_error_of_the_users_is_one_line_and_changes_nothing(
    ext, artist, folder, case, window, speech, monkeypatch, kind
):
    before = everything(folder)

    def work(_progress, _cancelled):
        raise getattr(ext.module("engine"), kind)("What is wrong, 3, at most 2. Next step.")

    operator = start(ext, case, window, speech, work, monkeypatch)
    assert tick_to_end(operator, window) == ({'FINISHED'} if case.by_line else {'CANCELLED'})
    assert (
        "What is wrong, 3, at most 2. Next step." in told(operator) and operator.reports[-1][0] in ('ERROR', 'WARNING')
    )
    assert_ended(ext, window)
    assert everything(folder) == before


def test_a_result_that_cannot_be_written_changes_nothing(ext, artist, folder, case, window, speech, monkeypatch):
    """The thread gives rubbish: a bug while writing must not leave half of it."""
    before = everything(folder)
    operator = start(ext, case, window, speech, lambda _progress, _cancelled: None, monkeypatch)
    with contextlib.nullcontext() if case.by_line else pytest.raises((AttributeError, TypeError, AssertionError)):
        tick_to_end(operator, window)
    assert_ended(ext, window)
    assert everything(folder) == before


# ---- the user stops it

@pytest.mark.parametrize("how", ["esc", "button"])
def test_cancelling_changes_nothing(ext, artist, folder, case, window, speech, monkeypatch, how):
    before = everything(folder)
    operator = start(ext, case, window, speech, until_cancelled(ext), monkeypatch)
    assert operator.modal(window, event('TIMER')) == {'PASS_THROUGH'}
    if how == "esc":
        assert operator.modal(window, event('ESC', 'PRESS')) == {'RUNNING_MODAL'}
    else:
        assert bpy.ops.unitalker.cancel() == {'FINISHED'}
    assert tick_to_end(operator, window) == {'CANCELLED'}
    assert_ended(ext, window)
    assert everything(folder) == before


def test_esc_counts_also_when_the_work_was_just_done(ext, artist, folder, case, window, speech, monkeypatch):
    before = everything(folder)
    if "UNITALKER_OT_teach" in case.name:       # two seconds are too short to be learned
        monkeypatch.setattr(ext.module(case.work), "compute", lambda _request, _progress, _cancelled: "a lesson")
    operator = FakeOperator(getattr(ext.module(case.module), case.name), case.given(speech))
    operator.invoke(window, None)
    wait_for(lambda: ext.module("addon.host.job").Job.current.done)
    operator.modal(window, event('ESC', 'PRESS'))
    assert tick_to_end(operator, window) == {'CANCELLED'}
    assert_ended(ext, window)
    assert everything(folder) == before


def test_blender_dropping_the_operator_stops_the_worker(ext, artist, folder, case, window, speech, monkeypatch):
    before = everything(folder)
    operator = start(ext, case, window, speech, until_cancelled(ext), monkeypatch)
    operator.cancel(window)
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "lip-sync"])
    assert_ended(ext, window)
    assert everything(folder) == before


# ---- the file changes meanwhile

def test_a_loaded_file_is_left_as_it_is(ext, artist, folder, case, window, speech, monkeypatch, tmp_path):
    other = tmp_path / "other.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(other))
    operator = start(ext, case, window, speech, until_cancelled(ext), monkeypatch)
    bpy.ops.wm.open_mainfile(filepath=str(other))
    before = everything(folder)
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "lip-sync"])
    assert operator.modal(window, event('TIMER')) == {'CANCELLED'}
    assert_ended(ext, window)
    assert everything(folder) == before


@pytest.mark.parametrize("name", ["generate", "match"])
def test_a_deleted_object_is_one_error_and_the_rest_stays(ext, artist, folder, window, speech, monkeypatch, name):
    case, released = CASES[name], threading.Event()
    compute = ext.module(case.work).compute
    neighbour = make_face(ext, "Neighbour")
    neighbour.location.x = 9
    own_action(neighbour.data.shape_keys, {JAW: [(1, 0.5), (20, 0.25)]}, "Neighbour's")
    for obj in bpy.context.selected_objects:
        obj.select_set(obj == artist)
    bpy.context.view_layer.objects.active = artist

    def slow(request, progress, cancelled):
        assert released.wait(20)
        return compute(request, progress, cancelled)

    monkeypatch.setattr(ext.module(case.work), "compute", slow)
    operator = FakeOperator(getattr(ext.module(case.module), case.name), case.given(speech))
    operator.invoke(window, None)
    bpy.data.objects.remove(artist)
    before = everything(folder)
    released.set()
    result = tick_to_end(operator, window)
    assert_ended(ext, window)
    assert everything(folder) == before
    if name == "generate":
        assert result == {'CANCELLED'} and "'Face' cannot be keyed any more" in operator.reports[-1][1]


def test_undo_while_it_runs_goes_back_further_and_the_take_still_lands(
    ext, artist, folder, window, speech, monkeypatch
):
    case, released = CASES["generate"], threading.Event()
    compute = ext.module(case.work).compute
    bpy.ops.ed.undo_push(message="keyed")
    make_face(ext, "Later").location.x = 9
    bpy.ops.ed.undo_push(message="added")

    def slow(request, progress, cancelled):
        assert released.wait(20)
        return compute(request, progress, cancelled)

    monkeypatch.setattr(ext.module(case.work), "compute", slow)
    operator = FakeOperator(getattr(ext.module(case.module), case.name), case.given(speech))
    operator.invoke(window, None)
    bpy.ops.ed.undo()
    assert "Later" not in bpy.data.objects
    artists_keys = as_before.animation()[0]["Mine"]
    released.set()
    assert tick_to_end(operator, window) == {'FINISHED'}
    assert_ended(ext, window)
    assert as_before.animation()[0]["Mine"] == artists_keys


def test_undo_after_a_take_brings_everything_back_and_redo_the_take(ext, artist, folder, speech):
    bpy.ops.ed.undo_push(message="keyed")
    before = everything(folder)
    assert bpy.ops.unitalker.animate('EXEC_DEFAULT', True, audio=speech, character="Face") == {'FINISHED'}
    after = everything(folder)
    assert after != before
    bpy.ops.ed.undo()
    assert everything(folder) == before
    bpy.ops.ed.redo()
    assert everything(folder) == after


def test_undo_after_clear_brings_the_take_back(ext, artist, folder, speech):
    bpy.ops.ed.undo_push(message="keyed")
    before = everything(folder)
    bpy.ops.unitalker.animate('EXEC_DEFAULT', True, audio=speech, character="Face")
    after = everything(folder)
    assert bpy.ops.unitalker.clear('EXEC_DEFAULT', True, character="Face") == {'FINISHED'}
    assert everything(folder) == before
    bpy.ops.ed.undo()
    assert everything(folder) == after


# ---- the disk is full

@pytest.mark.parametrize("compressed", [False, True])
def test_a_save_onto_a_full_disk_is_one_error_and_leaves_the_old_file(ext, artist, tmp_path, monkeypatch, compressed):
    monkeypatch.setattr(bpy.context.preferences.filepaths, "use_file_compression", compressed)
    shot_file, out = ext.module("addon.shots.file"), tmp_path / "out.blend"
    out.write_bytes(b"older")
    before = as_before.files(tmp_path)
    with full_disk(), pytest.raises(ext.module("engine").OutputError, match=r"Cannot write .*out\.blend"):
        shot_file.save_shot(str(out))
    assert as_before.files(tmp_path) == before
    shot_file.save_shot(str(out))
    assert out.stat().st_size > 10_000


def test_a_report_onto_a_full_disk_is_one_error_and_the_last_one_stays(ext, tmp_path):
    module = ext.module("engine.files.journal")
    report = module.Report(str(tmp_path / "r.json"), "jobs", "", {"blender": "5.2"}, [module.JobEntry("1")])
    report.end("ended")
    before = as_before.files(tmp_path)
    report.entries[0].message = "x" * 9000
    with full_disk(), pytest.raises(ext.module("engine").OutputError, match="Cannot write the report"):
        report.write()
    assert as_before.files(tmp_path) == before


def test_jobs_onto_a_full_disk_are_failed_jobs_and_leave_nothing(ext, artist, speech, tmp_path, monkeypatch):
    bpy.context.scene.unitalker.model = TINY
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    (tmp_path / "jobs.jsonl").write_text(
        f'{{"blend": "a.blend", "save": "out.blend", "audio": "{speech}", "character": "Face"}}'
    )
    shot_jobs = ext.module("addon.shots.jobs")
    true = shot_jobs.save_shot

    def onto_full_disk(path):
        with full_disk():
            true(path)

    monkeypatch.setattr(shot_jobs, "save_shot", onto_full_disk)
    assert ext.module("addon.command").run(["--jobs", str(tmp_path / "jobs.jsonl")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.blend", "jobs.jsonl", "jobs.jsonl.report.journal.jsonl", "jobs.jsonl.report.json", "user"
    ]
    assert "Cannot write" in (tmp_path / "jobs.jsonl.report.json").read_text()


def test_a_point_cache_onto_a_full_disk_is_one_error_and_leaves_nothing(ext, artist, tmp_path):
    point_cache = ext.module("addon.keying.point_cache")
    before = as_before.files(tmp_path)
    frames = (np.zeros((200, 3), np.float32) for _ in range(20))
    with full_disk(), pytest.raises(ext.module("engine").OutputError, match="Cannot write the point cache"):
        point_cache.write(str(tmp_path / "user"), "line", frames, (20, 200))
    assert as_before.files(tmp_path) == before


def test_a_preset_onto_a_full_disk_is_one_error_and_leaves_nothing(ext, artist, folder):
    engine = ext.module("engine.rig.preset")
    channel = ext.module("engine.values.types").RigChannel
    targets = tuple(engine.Target(channel("shape_key", f"key {number}"), (("jawOpen", 1.0),)) for number in range(200))
    before = as_before.files(folder)
    with full_disk(), pytest.raises(ext.module("engine").OutputError):
        ext.module("engine.rig.presets").save_preset(engine.Preset("Bone", "arkit52", targets), folder)
    assert as_before.files(folder) == before


# ---- Blender is quit, or the add-on switched off

def test_switching_off_while_it_runs_ends_the_worker_and_changes_nothing(
    ext, artist, folder, window, speech, monkeypatch, package
):
    import addon_utils

    before = everything(folder)
    operator = start(ext, CASES["generate"], window, speech, until_cancelled(ext), monkeypatch)
    addon_utils.disable(package)
    assert not [thread for thread in threading.enumerate() if thread.name == "lip-sync"]
    assert operator.modal(window, event('TIMER')) == {'CANCELLED'} and window.timers == 0
    addon_utils.enable(package)
    assert everything(folder) == before


QUIT = """
import os, sys, threading, time
sys.path.insert(0, {root!r})
from tests.addon.conftest import bpy
import addon_utils
addon_utils.enable("bl_pkg")
{install}
from importlib import import_module
job = import_module({package!r} + ".addon.host.job")
begun = threading.Event()

ended = threading.Event()

def stubborn(progress, cancelled):
    begun.set()
    while {condition}:
        time.sleep(0.01)
    ended.set()

job.Job(stubborn).start()
begun.wait()
addon_utils.disable_all()
print("worker ended:", ended.is_set(), "job left:", job.Job.current)
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.parametrize(
    ("condition", "ended"), [("not cancelled()", True), ("True", False)], ids=["that listens", "that does not listen"]
)
def test_quitting_cancels_a_worker_and_waits_for_none_that_does_not_listen(ext, package, condition, ended):
    """Blender switches every add-on off when it quits; a worker that does not even listen is left behind."""
    folder = bpy.utils.user_resource('EXTENSIONS')
    script = QUIT.format(root=str(ROOT), install=_install(folder), package=package, condition=condition)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"worker ended: {ended} job left: None" in done.stdout


def _install(_folder):
    archive = os.environ.get("UNITALKER_ZIP")
    if archive:
        return (
            f'bpy.ops.extensions.package_install_files(filepath={archive!r}, repo="user_default", '
            'enable_on_install=True)'
        )
    return (
        "from pathlib import Path\n"
        "folder = Path(bpy.utils.user_resource('EXTENSIONS', path='user_default/unitalker', create=True))\n"
        "for name in ('addon', 'engine', 'weights', 'presets', 'blender_manifest.toml'):\n"
        f"    (folder / name).symlink_to(Path({str(ROOT)!r}) / name)\n"
        "(folder / '__init__.py').write_text('from .addon import register, unregister\\n')\n"
        "addon_utils.extensions_refresh()\n"
        "addon_utils.enable('bl_ext.user_default.unitalker', default_set=True)\n"
    )


def test_keys_after_a_failed_and_a_good_take_are_those_of_the_good_one(
    ext, artist, folder, window, speech, monkeypatch
):
    def work(_progress, _cancelled):
        raise ext.module("engine").AudioError("Broken.")

    with monkeypatch.context() as patch:
        operator = start(ext, CASES["generate"], window, speech, work, patch)
        tick_to_end(operator, window)
    neighbour = make_face(ext, "Neighbour")
    neighbour.location.x = 9
    assert bpy.ops.unitalker.animate(audio=speech, character="Neighbour") == {'FINISHED'}
    assert len(jaw(neighbour)) == 48
    assert Path(speech).is_file()
