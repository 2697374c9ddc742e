"""The worker thread: progress, cancel, and what may happen to the file meanwhile. The window's modal loop is walked
step by step."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import bpy
import pytest

from .conftest import curves, jaw, make_face
from .fake_window import FakeOperator


def wait_for(job):
    end = time.monotonic() + 20
    while not job.done:
        assert time.monotonic() < end, "the worker does not end"
        time.sleep(0.01)


@pytest.fixture
def job_module(ext):
    module = ext.module("addon.host.job")
    yield module
    if module.Job.current is not None:
        module.Job.current.drop(5)


def blocked_job(job_module):
    """A job that waits until `released` is set or it is cancelled, as a long clip would."""
    released, begun = threading.Event(), threading.Event()

    def work(progress, cancelled):
        progress(0.25)
        begun.set()
        while not released.is_set() and not cancelled():
            time.sleep(0.005)
        return "cancelled" if cancelled() else "result"

    job = job_module.Job(work)
    job.start()
    assert begun.wait(5)
    return job, released


def test_result_and_progress_come_from_the_worker(job_module):
    job, released = blocked_job(job_module)
    assert (job.fraction, job.done, job_module.Job.current) == (0.25, False, job)
    released.set()
    wait_for(job)
    assert job.take() == "result" and job_module.Job.current is None


def test_errors_come_out_on_the_main_thread(job_module):
    def work(progress, cancelled):
        raise ValueError("broken")

    job = job_module.Job(work)
    job.start()
    wait_for(job)
    with pytest.raises(ValueError, match="broken"):
        job.take()
    assert job_module.Job.current is None


def test_cancel_operator_stops_the_worker_and_drops_its_result(ext, job_module):
    job, _ = blocked_job(job_module)
    assert bpy.ops.unitalker.cancel() == {'FINISHED'}
    wait_for(job)
    with pytest.raises(ext.module("engine").Cancelled):
        job.take()


def test_a_second_job_and_idle_cancel_are_refused(job_module, face, speech):
    job, released = blocked_job(job_module)
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.unitalker.animate(audio=speech, character="Face")
    released.set()
    wait_for(job)
    job.take()
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.unitalker.cancel()


def test_loading_a_file_stops_the_worker(job_module):
    job, _ = blocked_job(job_module)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    assert job_module.Job.current is None
    wait_for(job)
    assert len(bpy.data.actions) == 0


def test_switching_the_add_on_off_stops_the_worker(job_module, package):
    import addon_utils

    job, _ = blocked_job(job_module)
    addon_utils.disable(package)
    assert job.done
    addon_utils.enable(package)


# ---- what the panel tells of it

def test_the_stages_of_a_take_are_told_in_their_order(ext, job_module, face, speech):
    take, request, _ = gathered(ext, speech)
    request = replace(request, settings=replace(request.settings, strength=1.25))
    ext.module("engine.values.cache").forget_all()
    seen = []

    class Telling(job_module.Progress):
        def __setattr__(self, name, value):
            if name == "stage":
                seen.append(value)
            super().__setattr__(name, value)

    progress = Telling("")
    take.compute(request, progress)
    assert list(dict.fromkeys(seen)) == ["", "Reading sound", "Listening", "Moving the lips"]
    assert progress.fraction == pytest.approx(job_module.LISTENING_SHARE)


def test_the_time_left_is_what_the_finished_part_says(job_module, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(job_module.time, "monotonic", lambda: now[0])
    progress = job_module.Progress("Listening")
    progress(0.5)
    assert progress.left_s is None          # too early to tell
    now[0] = 106.0
    assert progress.left_s == pytest.approx(6.0)
    progress(0.75)
    assert progress.left_s == pytest.approx(2.0)
    progress(7.0)
    assert progress.fraction == 1.0 and progress.left_s is None


@pytest.mark.parametrize(
    "seconds, words",
    [(0.2, "1 s"), (12.4, "12 s"), (89, "89 s"), (100, "2 min"), (3599, "1 h 0 min"), (4000, "1 h 7 min")],
)
def test_the_time_left_is_short_to_read(ext, seconds, words):
    assert ext.module("addon.host.operator_base").time_left(seconds) == words


def test_a_long_job_shows_its_last_stage_before_it_writes(ext, job_module, face, speech, window, monkeypatch):
    monkeypatch.setattr(ext.module("addon.host.operator_base"), "LONG_S", 0.0)
    operator = operator_of(ext, {"audio": speech, "character": "Face"})
    operator.invoke(window, None)
    wait_for(job_module.Job.current)
    assert operator.modal(window, event('TIMER')) == {'PASS_THROUGH'} and len(bpy.data.actions) == 0
    assert ext.module("addon.host.operator_base").describe(job_module.Job.current) == "Writing keys 100%"
    assert operator.modal(window, event('TIMER')) == {'FINISHED'} and len(jaw(face)) == 48


# ---- what may happen to the character while the worker runs

def gathered(ext, speech):
    take, properties = ext.module("addon.take.make"), ext.module("addon.take.properties")
    request = take.gather(
        bpy.context, take.Options(**properties.collect(bpy.context, {"audio": speech, "character": "Face"}))
    )
    return take, request, take.compute(request)


def test_the_request_holds_no_blender_data(ext, face, speech):
    _, request, animation = gathered(ext, speech)
    seen = repr(request) + repr(animation.curves)
    assert "bpy" not in seen


def test_a_deleted_character_is_one_error_and_nothing_is_written(ext, face, speech):
    take, request, animation = gathered(ext, speech)
    bpy.data.objects.remove(face)
    with pytest.raises(ext.module("engine").RigError, match="'Face' cannot be keyed any more"):
        take.write(request, animation)
    assert len(bpy.data.actions) == 0


def test_a_deleted_part_leaves_nothing_half_written(ext, face, speech):
    teeth = make_face(ext, "Teeth", ("jawOpen",))
    teeth.parent = face
    take, request, animation = gathered(ext, speech)
    bpy.data.objects.remove(teeth)
    with pytest.raises(ext.module("engine").RigError, match="'Teeth' cannot be keyed any more"):
        take.write(request, animation)
    assert len(bpy.data.actions) == 0 and face.data.shape_keys.animation_data is None


def test_removed_shape_keys_are_one_error(ext, face, speech):
    take, request, animation = gathered(ext, speech)
    face.shape_key_clear()
    with pytest.raises(ext.module("engine").RigError, match="shape keys were removed"):
        take.write(request, animation)


def test_one_removed_shape_key_does_not_stop_the_others(ext, face, speech):
    take, request, animation = gathered(ext, speech)
    face.shape_key_remove(face.data.shape_keys.key_blocks["jawOpen"])
    take.write(request, animation)
    assert len(curves(face.data.shape_keys)) == 51


def test_undo_while_the_worker_runs(ext, face, speech):
    bpy.ops.ed.undo_push(message="before")
    make_face(ext, "Later", ("jawOpen",)).location.x = 9
    bpy.ops.ed.undo_push(message="added")
    take, request, animation = gathered(ext, speech)
    bpy.ops.ed.undo()
    assert "Later" not in bpy.data.objects
    take.write(request, animation)
    assert len(jaw(bpy.data.objects["Face"])) == 48


# ---- the operator in a window, driven by hand: Blender's module has no event loop

def operator_of(ext, given):
    return FakeOperator(ext.module("addon.ui.operators").UNITALKER_OT_animate, given)


@pytest.fixture
def window(ext, monkeypatch):
    """A context whose window manager counts timers; on a busy computer a short job stays a short one."""
    monkeypatch.setattr(ext.module("addon.host.operator_base"), "LONG_S", float("inf"))
    manager = SimpleNamespace(timers=0, windows=())

    def add(step, window):
        manager.timers += 1
        return object()

    def remove(timer):
        manager.timers -= 1

    manager.event_timer_add, manager.event_timer_remove, manager.modal_handler_add = add, remove, lambda operator: True
    context = bpy.context

    class Context:
        window_manager = manager
        window = None

        def __getattr__(self, name):
            return getattr(context, name)

    app = SimpleNamespace(background=False, version=bpy.app.version, is_job_running=lambda _kind: False)
    monkeypatch.setattr("bpy.app", app, raising=False)
    return Context()


def event(kind, value='NOTHING'):
    return SimpleNamespace(type=kind, value=value)


def test_modal_run_writes_once_and_takes_its_timer_away(ext, job_module, face, speech, window):
    operator = operator_of(ext, {"audio": speech, "character": "Face"})
    assert operator.invoke(window, None) == {'RUNNING_MODAL'}
    assert window.window_manager.timers == 1
    assert operator.modal(window, event('MOUSEMOVE')) == {'PASS_THROUGH'}
    wait_for(job_module.Job.current)
    assert operator.modal(window, event('TIMER')) == {'FINISHED'}
    assert window.window_manager.timers == 0 and job_module.Job.current is None
    assert len(jaw(face)) == 48


def test_keys_are_written_after_the_artists_render_has_ended(ext, job_module, face, speech, window):
    operator = operator_of(ext, {"audio": speech, "character": "Face"})
    operator.invoke(window, None)
    wait_for(job_module.Job.current)
    bpy.app.is_job_running = lambda kind: kind == 'RENDER'
    assert operator.modal(window, event('TIMER')) == {'PASS_THROUGH'} and len(bpy.data.actions) == 0
    bpy.app.is_job_running = lambda _kind: False
    assert operator.modal(window, event('TIMER')) == {'FINISHED'} and len(jaw(face)) == 48


def test_esc_cancels_and_writes_nothing(ext, job_module, face, speech, window, monkeypatch):
    take = ext.module("addon.take.make")
    cancelled_error = ext.module("engine").Cancelled

    def slow(request, progress, cancelled):
        while not cancelled():
            time.sleep(0.005)
        raise cancelled_error("Cancelled.")

    monkeypatch.setattr(take, "compute", slow)
    operator = operator_of(ext, {"audio": speech, "character": "Face"})
    operator.invoke(window, None)
    assert operator.modal(window, event('TIMER')) == {'PASS_THROUGH'}
    assert operator.modal(window, event('ESC', 'PRESS')) == {'RUNNING_MODAL'}
    wait_for(job_module.Job.current)
    assert operator.modal(window, event('TIMER')) == {'CANCELLED'}
    assert len(bpy.data.actions) == 0 and window.window_manager.timers == 0
    assert operator.reports[-1] == ('INFO', "Cancelled: nothing was written.")


def test_modal_ends_when_a_file_was_loaded(ext, job_module, face, speech, window):
    operator = operator_of(ext, {"audio": speech, "character": "Face"})
    operator.invoke(window, None)
    job_module.drop_on_load()
    assert operator.modal(window, event('TIMER')) == {'CANCELLED'}
    assert window.window_manager.timers == 0 and len(bpy.data.actions) == 0


def test_modal_reports_a_character_that_was_deleted(ext, job_module, face, speech, window):
    operator = operator_of(ext, {"audio": speech, "character": "Face"})
    operator.invoke(window, None)
    wait_for(job_module.Job.current)
    bpy.data.objects.remove(face)
    assert operator.modal(window, event('TIMER')) == {'CANCELLED'}
    assert operator.reports[-1][0] == 'ERROR' and "cannot be keyed any more" in operator.reports[-1][1]
    assert bpy.context.scene.unitalker.result_failed


@pytest.mark.parametrize(("operator", "waits"), [
    ("MARKER_OT_move", True), ("TRANSFORM_OT_seq_slide", True), ("WM_OT_screencast_keys", False),
])
def test_edits_wait_for_drags_and_for_no_operator_that_runs_all_day(job_module, operator, waits):
    window = SimpleNamespace(modal_operators=[SimpleNamespace(bl_idname=operator)])
    context = SimpleNamespace(window_manager=SimpleNamespace(windows=[window]))
    assert job_module.is_busy(context) is waits
