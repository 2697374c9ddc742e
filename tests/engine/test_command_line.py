"""The command line: files, exit statuses, one line on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import Delays, Gains, Life, RegionSmooth, Settings, animate, read_audio
from engine.__main__ import run
from engine.files import motion as io
from engine.rig.preset_file import data_folder, load_preset
from engine.values.channels import ARKIT_52
from engine.values.types import Rig
from tests.engine.conftest import DATA, make_syllables
from tests.engine.rigs import preset_ids

ROOT = Path(__file__).resolve().parent.parent.parent
TINY = str(DATA / "tiny")
JFK = ROOT.parent / "shared" / "data" / "speech" / "jfk_1961.flac"


@pytest.fixture
def sound(tmp_path) -> str:
    soundfile.write(tmp_path / "line.wav", make_syllables(2.0).samples, 16000)
    return str(tmp_path / "line.wav")


@pytest.mark.parametrize("suffix", ["npz", "csv", "json"])
def test_animate_writes_each_format(tmp_path, sound, suffix, capsys):
    assert run(["animate", sound, "-o", str(tmp_path / f"a.{suffix}"), "--model", TINY]) == 0
    assert "60 frames x 52 channels at 30 fps" in capsys.readouterr().out
    assert io.read_motion(tmp_path / f"a.{suffix}").weights.shape == (60, 52)


def test_animate_writes_rig_channels_through_a_preset(tmp_path, sound):
    (tmp_path / "keys.txt").write_text(
        "JawOpen\nMouthSmile_L\nmouthClose\nHair\n" + "\n".join(["eyeBlink_L", "mouthFunnel", "mouthPucker"])
    )
    assert run([
        "animate", sound, "-o", str(tmp_path / "a.npz"), "--model", TINY, "--preset", "arkit52", "--channels",
        str(tmp_path / "keys.txt"),
    ]) == 0
    assert set(io.read_motion(tmp_path / "a.npz").channels) == {
        "JawOpen", "MouthSmile_L", "mouthClose", "eyeBlink_L", "mouthFunnel", "mouthPucker"
    }


@pytest.mark.parametrize("suffix", ["npz", "csv", "json"])
@pytest.mark.parametrize("preset_id", preset_ids())
def test_every_bundled_preset_writes_every_format_or_says_why_not(tmp_path, sound, capsys, preset_id, suffix):
    """On the names that the preset itself lists: a row per frame of the sound, with the values that keys on a rig would
    have there."""
    preset = load_preset(data_folder() / f"{preset_id}.json")
    controls = [target.to for target in preset.targets if target.to.kind != "property"]
    (tmp_path / "keys.txt").write_text(
        "\n".join({"bone:" * (control.kind == "bone") + control.name for control in controls}), "utf-8"
    )
    file = tmp_path / f"a.{suffix}"
    status = run([
        "animate", sound, "-o", str(file), "--model", TINY, "--preset", preset_id, "--channels",
        str(tmp_path / "keys.txt"),
    ])
    error = capsys.readouterr().err
    if preset.source == "flame413":
        assert status == 1 and "reads flame413 channels" in error
        return
    motion_names = {control.name for control in controls}
    if suffix == "csv" and not motion_names <= set(ARKIT_52):
        assert status == 1 and "a Live Link Face csv holds ARKit channels only" in error
        return
    assert status == 0 and error == ""
    motion = io.read_motion(file)
    rig = Rig(
        frozenset(control.name for control in controls if control.kind == "shape_key"),
        frozenset(control.name for control in controls if control.kind == "bone"), preset=preset_id,
    )
    curves = animate(read_audio(sound), Settings(model=TINY), rig).curves
    assert motion.fps == 30 and len(motion.weights) == 60
    assert len(curves.curves) <= len(motion.channels)
    for control, curve in curves.curves.items():
        name = control.name if control.kind == "shape_key" else f"{control.name}.{control.path}[{control.index}]"
        # each frame shows its own key, or the one that it holds
        last_key = np.searchsorted(curve.seconds, np.arange(60) / 30 + 1e-6) - 1
        assert motion[name] == pytest.approx(curve.values[last_key], abs=1e-4), name


@pytest.mark.parametrize(("arguments", "message"), [
    (["animate", "no.wav", "-o", "a.npz"], "Sound file not found: no.wav"),
    (["animate", "no.wav", "-o", "a.fbx"], "no known ending"),
    (["animate", "no.wav", "-o", "a.npz", "--strength", "3"], "Strength must be from 0 to 2, got 3"),
    (["animate", "no.wav", "-o", "a.npz", "--preset", "auto"], "--preset and --channels belong together"),
    (
        ["animate", "no.wav", "-o", "a.npz", "--threads", "99999999999"],
        "Threads must be 0 (all cores but one) to 256, got 99999999999",
    ),
    (["animate", "x" * 300 + ".wav", "-o", "a.npz"], "Sound file not found"),
    (["animate", "no.wav", "-o", "."], "no known ending"),
    (["identities", "--model", "nope"], "'nope' not found"),
    (["identities", "--model", "~nobody-of-this-name/x"], "No model folder"),
])
def test_failure_is_one_line_and_status_1(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [[], ["sing"], ["animate", "a.wav"], ["animate", "a.wav", "-o", "a.npz", "--fps", "fast"]]
)
def test_wrong_usage_is_status_2(arguments):
    with pytest.raises(SystemExit) as stop:
        run(arguments)
    assert stop.value.code == 2


def test_listings_are_json_on_request(capsys):
    assert run(["identities", "--model", TINY, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == ["pivot", "wide", "round"] and rows[0]["pivot"] is True
    assert run(["devices", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["device"] == "cpu"


def test_listings_are_tables(capsys):
    assert run(["models"]) == 0 and run(["presets"]) == 0
    assert "arkit52" in capsys.readouterr().out


def test_presets_are_listed_under_the_ids_that_the_option_takes(tmp_path, sound, capsys):
    (tmp_path / "names.txt").write_text("viseme_aa\nviseme_PP\n")
    assert run(["presets", "--json"]) == 0
    row, = (row for row in json.loads(capsys.readouterr().out) if row["name"] == "Oculus 15")
    assert row["id"] == "oculus15"
    assert run([
        "animate", sound, "-o", str(tmp_path / "a.npz"), "--model", TINY, "--preset", row["id"], "--channels",
        str(tmp_path / "names.txt"),
    ]) == 0


def test_pipe_gets_no_progress_bar(tmp_path, sound):
    done = subprocess.run(
        [sys.executable, "-m", "engine", "animate", sound, "-o", str(tmp_path / "a.npz"), "--model", TINY], cwd=ROOT,
        capture_output=True, text=True, check=True,
    )
    assert done.stderr == "" and "%" not in done.stdout


@pytest.mark.parametrize(("arguments", "message"), [
    (["--identity", "wide", "--identity", "WIDE"], "Two results would both be written to"),
    (["--template", "OUTPUT"], "is also read by this command"),
    (["--preset", "arkit52", "--channels", "OUTPUT"], "is also read by this command"),
])
def test_nothing_is_written_twice_or_over_what_is_read(tmp_path, sound, capsys, arguments, message):
    output = tmp_path / "a.json"
    output.write_text("precious")
    assert run([
        "animate", sound, "-o", str(output), "--model", TINY,
        *[str(output) if word == "OUTPUT" else word for word in arguments],
    ]) == 1
    assert message in capsys.readouterr().err
    assert output.read_text() == "precious" and len(list(tmp_path.iterdir())) == 2


def test_one_identity_named_twice_is_written_once(tmp_path, sound, capsys):
    assert run([
        "animate", sound, "-o", str(tmp_path / "a.npz"), "--model", TINY, "--identity", "wide", "--identity", "wide"
    ]) == 0
    assert capsys.readouterr().out.count("frames") == 1 and (tmp_path / "a.npz").is_file()


def test_file_name_that_the_pipe_cannot_show_is_escaped(tmp_path, sound):
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "engine", "animate", sound, "-o", str(tmp_path / "你好.npz"), "--model", TINY], cwd=ROOT,
        capture_output=True, check=True, env=environment,
    )
    assert rb"\u4f60\u597d.npz: 60 frames" in done.stdout and (tmp_path / "你好.npz").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_reader_that_has_gone_is_no_traceback():
    command = f"'{sys.executable}' -m engine identities --model '{TINY}' | true; exit ${{PIPESTATUS[0]}}"
    for unbuffered in ("", "1"):
        done = subprocess.run(
            ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
        # 0 where all was written before the reader went
        assert (done.returncode, done.stderr) in ((1, ""), (0, ""))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_disk_behind_the_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "engine", "identities", "--model", TINY], cwd=ROOT, stdout=full,
            stderr=subprocess.PIPE, text=True,
        )
    assert (
        done.returncode == 1
        and done.stderr == "unitalker: the output cannot be printed: no space left on device. "
        "Free some space, or print somewhere else.\n"
    )


def test_options_of_shape_and_life_reach_the_engine(tmp_path, sound):
    given = [
        "--articulation", "-0.5", "--anticipation", "0.1", "--delay-jaw", "0.04", "--smooth-lips", "0.3",
        "--gain-brows", "2", "--seed", "7", "--no-blinks", "--brow-raises", "--head-motion", "0.5", "--eye-motion", "2",
        "--breath",
    ]
    assert run(["animate", sound, "-o", str(tmp_path / "a.npz"), "--model", TINY, *given]) == 0
    with np.load(tmp_path / "a.npz") as content:
        meta = json.loads(str(content["meta"]))
    assert meta["first_key_s"] == 0
    expected = Settings(
        model=TINY, articulation=-0.5, anticipation_s=0.1, delays=Delays(jaw=0.04),
        region_smooth=RegionSmooth(lips=0.3), gains=Gains(brows=2),
        life=Life(0, 1, 0.5, 2, 1, 7))
    motion = io.read_motion(tmp_path / "a.npz")
    assert (
        np.array_equal(motion.weights, animate(read_audio(sound), expected).motion.weights)
        and motion.channels[-1] == "breath"
    )
    assert (meta["articulation"], meta["delay_jaw"], meta["life_seed"], meta["life_blinks"]) == (-0.5, 0.04, 7, 0.0)


def test_life_outside_its_range_is_one_line(tmp_path, sound, capsys):
    assert run(["animate", sound, "-o", str(tmp_path / "a.npz"), "--model", TINY, "--blinks", "3"]) == 1
    assert capsys.readouterr().err == "unitalker: Amount of blinks must be from 0 to 2, got 3.0.\n"


def test_channel_file_of_a_windows_editor_is_read(tmp_path, sound):
    (tmp_path / "keys.txt").write_bytes(b"\xef\xbb\xbfjawOpen\r\nmouthClose\r\nmouthFunnel\r\n")
    arguments = [
        "animate", sound, "-o", str(tmp_path / "a.npz"), "--model", TINY, "--preset", "arkit52", "--channels",
        str(tmp_path / "keys.txt"),
    ]
    assert run(arguments) == 0
    assert set(io.read_motion(tmp_path / "a.npz").channels) == {"jawOpen", "mouthClose", "mouthFunnel"}


# a program whose Ctrl-C comes at one moment, whatever the speed of the computer
INTERRUPTED = """
import os, signal, sys, {module} as module
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
function = module.{function}

def interrupted(*arguments, **options):
    os.kill(os.getpid(), signal.SIGINT)
    return function(*arguments, **options)

module.{function} = interrupted
from engine.__main__ import run
sys.exit(run())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("module", "function"), [("onnxruntime", "InferenceSession.run"), ("os", "replace")])
def test_ctrl_c_leaves_no_half_file(tmp_path, sound, module, function):
    """While the network runs, and when all but the name of the file has been written."""
    (tmp_path / "out").mkdir()
    program = INTERRUPTED.format(module=module, function=function)
    done = subprocess.run(
        [sys.executable, "-c", program, "animate", sound, "-o", str(tmp_path / "out" / "a.json"), "--model", TINY],
        cwd=ROOT, text=True, capture_output=True,
    )
    assert (done.returncode, done.stderr) == (130, "unitalker: stopped; nothing was written.\n")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("module", ["numpy", "onnxruntime"])
def test_ctrl_c_while_the_program_still_loads_is_one_line(tmp_path, sound, module):
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / f"{module}.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, "-m", "engine", "animate", sound, "-o", str(tmp_path / "a.npz"), "--model", TINY], cwd=ROOT,
        text=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(tmp_path / "early")},
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "unitalker: stopped; nothing was written.\n")
    assert not (tmp_path / "a.npz").exists()


def test_package_itself_loads_nothing():
    code = (
        "import engine, sys; print(sorted(name for name in sys.modules if name.startswith(('numpy', 'engine', "
        "'onnx'))))"
    )
    assert subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True
    ).stdout == "['engine']\n"


@pytest.mark.skipif(not JFK.is_file(), reason="../shared is absent")
def test_real_recording_gives_330_frames(tmp_path):
    assert run(["animate", str(JFK), "-o", str(tmp_path / "jfk.npz")]) == 0
    assert io.read_motion(tmp_path / "jfk.npz").weights.shape == (330, 52)
