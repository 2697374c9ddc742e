"""`batch`: many sounds, each as a single `animate` would make it; what fails stops nothing, what is done stays."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from engine import batch
from engine.__main__ import run
from engine.files.journal import DONE, FAILED
from engine.files.motion import read_motion, read_phones
from engine.files.run_lock import alone
from engine.workers.executor import Work
from engine.workers.local import LocalProcesses
from tests.engine.conftest import DATA, make_syllables

ROOT = Path(__file__).resolve().parents[2]
TINY = str(DATA / "tiny")


@pytest.fixture
def sounds(tmp_path, monkeypatch) -> Path:
    """line1.wav (1 s), line2.wav (3 s) and de/line3.wav (2 s), each another sound."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "sounds"
    (folder / "de").mkdir(parents=True)
    for name, seconds in (("line1", 1), ("line2", 3), ("de/line3", 2)):
        soundfile.write(folder / f"{name}.wav", make_syllables(seconds, seed=seconds).samples, 16000)
    return folder


def batch_of(source: object, *more: str) -> int:
    return run(["batch", str(source), "-o", "out", "--model", TINY, "--workers", "1", *more])


def jobs(*lines: object) -> str:
    Path("jobs.jsonl").write_text("".join(
        (line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    return "jobs.jsonl"


def report() -> dict:
    return json.loads(Path("out/batch.report.json").read_text("utf-8"))


def statuses() -> dict[str, str]:
    return {job["id"]: job["status"] for job in report()["jobs"]}


def files() -> list[str]:
    return sorted(str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file())


def single(sound: str, *more: str, ending: str = ".npz") -> bytes:
    assert run(["animate", sound, "-o", f"single{ending}", "--model", TINY, *more]) == 0
    return Path(f"single{ending}").read_bytes()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_folder_gives_the_bytes_of_single_calls(sounds, workers, capsys):
    assert batch_of(sounds, "--workers", workers, "--smooth", "0.2") == 0
    for name in ("line1", "line2", "de/line3"):
        assert Path(f"out/{name}.npz").read_bytes() == single(str(sounds / f"{name}.wav"), "--smooth", "0.2")
    assert "3 done; 0.1 minutes of sound" in capsys.readouterr().out
    assert report()["sound_s"] == 6 and report()["state"] == "ended"


def test_a_job_gives_the_bytes_of_the_same_options_on_the_command_line(sounds):
    Path("keys.txt").write_text("jawOpen\nmouthSmile_L\nmouthFunnel\n")
    path = jobs(
        {"defaults": {"strength": 1.5, "brow_raises": 1, "output": "{name}.{id}.json"}},
        {"audio": "sounds/line1.wav", "id": "a", "gain_jaw": 0.5, "raw": False, "seed": 3},
        {"audio": "sounds/line2.wav", "id": "b", "strength": 1, "preset": "arkit52", "channels": "keys.txt"},
    )
    assert batch_of(path, "--fps", "24") == 0
    assert files() == ["batch.report.journal.jsonl", "batch.report.json", "line1.a.json", "line2.b.json"]
    assert Path("out/line1.a.json").read_bytes() == single(
        "sounds/line1.wav", "--fps", "24", "--strength", "1.5", "--brow-raises", "1", "--gain-jaw", "0.5",
        "--seed", "3", ending=".json",
    )
    assert set(read_motion("out/line2.b.json").channels) == {"jawOpen", "mouthSmile_L", "mouthFunnel"}


def test_formats_patterns_heads_and_phones(sounds):
    assert batch_of("sounds/*.wav", "--format", "csv", "--format", "metahuman.json", "--name", "x/{name}_v1",
                    "--phones", "x/{name}.phones.json") == 0
    assert [name for name in files() if name.startswith("x")] == [
        "x/line1.phones.json", "x/line1_v1.csv", "x/line1_v1.metahuman.json",
        "x/line2.phones.json", "x/line2_v1.csv", "x/line2_v1.metahuman.json",
    ]
    assert read_phones("out/x/line1.phones.json") and read_motion("out/x/line2_v1.csv").weights.shape == (90, 52)


def test_transcripts_lie_beside_the_sounds_or_in_a_list(sounds):
    (sounds / "line1.txt").write_text("papa")
    Path("texts.csv").write_text('name,text\nde/line3,"mama, ja"\nline2.wav,baba\nnobody,x\n', "utf-8")
    meta = {line.id: dict(line.meta[0]) for line in found(sounds, "--transcripts", "texts.csv")}
    assert meta["line1.wav"]["transcript_file"] == str(sounds / "line1.txt")
    assert (meta["line2.wav"]["transcript"], meta["de/line3.wav"]["transcript"]) == ("baba", "mama, ja")
    assert dict(found(sounds, "--no-transcripts")[1].meta[0])["transcript_file"] is None


def found(source: object, *more: str) -> list[batch.BatchLine]:
    from engine import __main__ as main

    options = main._parser().parse_args(["batch", str(source), "-o", "out", "--model", TINY, *more])
    return main.lines.Lines(options).found


WRONG = {
    '{"audio": "sounds/line1.wav", "strenght": 1}': "strenght: 1 is no field. Did you mean strength?",
    '{"audio": "sounds/line1.wav", "strength": "1"}': 'strength: "1" is no number',
    '{"audio": "sounds/line1.wav", "strength": 3}': "Strength must be from 0 to 2, got 3",
    '{"audio": "sounds/line1.wav", "device": "gpu"}': 'device: "gpu" is none of its values',
    '{"audio": "sounds/no.wav"}': "Sound file not found",
    '{"audio": "sounds/bad.wav"}': "Sound file cannot be read",
    '{"audio": "sounds/line1.wav", "identity": "nobody"}': "nobody",
    '{"smooth": 1}': "audio: is missing",
    '{"audio': "is not valid JSON",
    "[1]": "is no object",
}


def test_one_bad_line_stops_nothing_and_reasons_are_counted(sounds, capsys):
    (sounds / "bad.wav").write_bytes(b"RIFF")
    again = {"audio": "sounds/no.wav", "output": "again.npz"}
    path = jobs(*WRONG, {"audio": "sounds/line2.wav", "id": "good"}, again)
    assert batch_of(path) == 1
    failed = [job for job in report()["jobs"] if job["status"] == FAILED]
    messages = " | ".join(job["message"] for job in failed)
    assert [says for says in WRONG.values() if says not in messages] == []
    assert report()["counts"] == {"done": 1, "failed": len(WRONG) + 1}
    assert [name for name in files() if not name.startswith("batch.")] == ["sounds/line2.npz"]
    assert "2 failed: Sound file not found: SOUND" in capsys.readouterr().out


def test_defaults_that_are_wrong_stop_all(sounds, capsys):
    assert batch_of(jobs({"defaults": {"strenght": 1}}, {"audio": "sounds/line1.wav"})) == 1
    assert "Did you mean strength?" in capsys.readouterr().err and not Path("out/batch.report.json").exists()


def test_resume_makes_what_is_missing_or_changed_and_nothing_else(sounds, monkeypatch):
    assert batch_of(sounds) == 0
    made, true = [], batch.work

    def counted(line: batch.BatchLine) -> batch.LineDone:
        made.append(line.id)
        return true(line)

    monkeypatch.setattr(batch, "work", counted)
    assert batch_of(sounds, "--resume") == 0 and made == []
    Path("out/line1.npz").unlink()
    shutil.copy(sounds / "line1.wav", sounds / "line2.wav")
    assert batch_of(sounds, "--resume") == 0 and sorted(made) == ["line1.wav", "line2.wav"]
    assert batch_of(sounds, "--resume", "--smooth", "0.1") == 0 and len(made) == 5


def test_an_earlier_run_is_known_from_another_folder(sounds, monkeypatch):
    out = str(Path("out").absolute())
    assert run(["batch", str(sounds), "-o", "out", "--model", TINY, "--workers", "1"]) == 0
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    monkeypatch.setattr(batch, "work", None)
    assert run(["batch", str(sounds), "-o", out, "--model", TINY, "--workers", "1", "--resume"]) == 0


def test_the_longest_sounds_come_first(sounds, monkeypatch):
    made, true = [], batch.work
    monkeypatch.setattr(batch, "work", lambda line: made.append(line.id) or true(line))
    assert batch_of(sounds) == 0
    assert made == ["line2.wav", "de/line3.wav", "line1.wav"]


def test_what_somebody_else_made_stays(sounds):
    Path("out").mkdir()
    Path("out/line1.npz").write_text("mine")
    assert batch_of(sounds) == 1 and Path("out/line1.npz").read_text() == "mine"
    assert statuses() == {"de/line3.wav": DONE, "line1.wav": FAILED, "line2.wav": DONE}
    assert batch_of(sounds, "--overwrite") == 0 and len(Path("out/line1.npz").read_bytes()) > 100


def test_two_lines_never_write_one_file(sounds):
    shutil.copy(sounds / "line1.wav", sounds / "de" / "line1.wav")
    assert batch_of(sounds, "--name", "{name}") == 1
    assert statuses() == {"de/line1.wav": DONE, "de/line3.wav": DONE, "line1.wav": FAILED, "line2.wav": DONE}


def test_shards_share_the_lines(sounds):
    assert batch_of(sounds, "--shard", "1/2") == 0 and batch_of(sounds, "--shard", "2/2") == 0
    assert [name for name in files() if name.endswith(".npz")] == ["de/line3.npz", "line1.npz", "line2.npz"]
    assert [name for name in files() if name.endswith("report.json")] == [
        "batch.1-of-2.report.json", "batch.2-of-2.report.json"
    ]
    assert batch_of(sounds, "--shard", "3/2") == 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_batch_that_is_killed_goes_on_and_a_dead_worker_costs_nothing(sounds):
    for number in range(12):
        shutil.copy(sounds / "line2.wav", sounds / f"more{number:02}.wav")
    command = [sys.executable, "-m", "engine", "batch", str(sounds), "-o", str(Path("out").absolute()), "--model", TINY]
    command += ["--workers", "2"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and len(list(Path("out").glob("*.npz"))) < 2:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {name: Path("out", name).stat().st_mtime_ns for name in files() if name.endswith(".npz")}
    whole = {name for name in before if not name.startswith(".")}
    assert batch_of(sounds, "--resume") == 0
    assert set(statuses().values()) == {DONE} and len(statuses()) == 15
    assert [name for name in files() if ".part" in name] == []
    assert {name for name in whole if Path("out", name).stat().st_mtime_ns != before[name]} == set()


def test_a_batch_that_is_stopped_says_so_and_leaves_no_part(sounds, monkeypatch, capsys):
    true = batch.work

    def stopped(line: batch.BatchLine) -> batch.LineDone:
        done = true(line)
        if line.id == "line1.wav":
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(batch, "work", stopped)
    assert batch_of(sounds) == 130 and report()["state"] == "stopped"
    assert "stopped. Give --resume to go on" in capsys.readouterr().err
    assert [name for name in files() if not name.startswith("batch.")] == ["de/line3.npz", "line2.npz"]


def _dies(line: batch.BatchLine) -> batch.LineDone:
    if line.id == "line1.wav":
        os._exit(1)
    return batch.LineDone(line.id, sound_s=1.0)


def test_a_process_that_dies_costs_its_line_alone(sounds):
    work = Work(_dies, batch.died)
    done = {result.id: result.problem for result in LocalProcesses(2).results(work, found(sounds))}
    assert done["line2.wav"] == done["de/line3.wav"] == "" and "died, again" in done["line1.wav"]


def test_a_batch_beside_another_of_the_same_folder_is_refused_with_nothing_done(sounds, capsys):
    Path("out").mkdir()
    with alone("out/batch.report.json"):
        assert batch_of(sounds) == 1
        assert "Another run of these jobs is at work" in capsys.readouterr().err
        assert files() == ["batch.report.lock"]
    assert batch_of(sounds) == 0
    assert "batch.report.lock" not in files()
