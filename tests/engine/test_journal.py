"""The journal of a batch: what it says after a kill, what it costs, and what it does not touch."""

from __future__ import annotations

import builtins
import json
import os
from pathlib import Path

import pytest

from engine import OutputError
from engine.files import journal as journals
from engine.files.journal import DONE, MADE, JobEntry, Journal, Report
from engine.files.whole_file import part_of, remove_parts
from tests.counting import calls_during


def made(folder: Path, name: str = "1") -> JobEntry:
    return JobEntry(
        name, f"line {name}", "5" * 64, MADE, message="52 curves, 240 frames, 52 channels mapped, 0 missing",
        inputs={f"{folder}/sound/en/scene_{name}.wav": "a" * 64, f"{folder}/shots/sh{name}.blend": "b" * 64},
    )


def put(journal: Journal[JobEntry], entry: JobEntry, path: Path, content: str = "new") -> None:
    part = part_of(str(path))
    Path(part).write_text(content)
    journal.put(part, str(path), [entry])


def again(folder: Path) -> Journal[JobEntry]:
    return Journal(str(folder / "r.json"), JobEntry)


def begun(folder: Path) -> Journal[JobEntry]:
    journal = again(folder)
    journal.begin(engine="0.1")
    return journal


def test_what_was_noted_is_read_again(tmp_path):
    journal, entry = begun(tmp_path), made(tmp_path)
    journal.note(entry)
    put(journal, entry, tmp_path / "out.npz")
    journal.status([entry], DONE)
    found = again(tmp_path).entries["1"]
    assert (found.status, found.message, found.inputs, found.outputs) == (
        DONE, entry.message, entry.inputs, entry.outputs
    )
    assert found.wrote(str(tmp_path / "out.npz")) and not found.wrote(str(tmp_path / "other.npz"))


@pytest.mark.parametrize("renamed", [False, True])
def test_a_kill_beside_the_rename_leaves_both_versions_ours(tmp_path, monkeypatch, renamed):
    journal, entry, path = begun(tmp_path), made(tmp_path), tmp_path / "out.npz"
    put(journal, entry, path, "old")
    journal.note(made(tmp_path))
    true = os.replace

    def killed(part: str, path: str) -> None:
        if renamed:
            true(part, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        put(journal, made(tmp_path), path, "new")
    later = again(tmp_path)
    assert later.made(str(path)) and later.entries["1"].wrote(str(path)) == renamed
    path.write_text("the artist's")
    assert not later.made(str(path)) and not again(tmp_path).entries["1"].wrote(str(path))


def test_a_line_that_a_kill_tore_costs_that_line_alone(tmp_path):
    begun(tmp_path).note(made(tmp_path))
    with (tmp_path / "r.journal.jsonl").open("a") as file:
        file.write('{"job":{"id":"2","recipe":"5')
    begun(tmp_path).note(made(tmp_path, "3"))
    assert set(again(tmp_path).entries) == {"1", "3"}


@pytest.mark.parametrize("content", ['{"mine": 1}\n', "a note", '{"journal": 2}\n', "\x00\xff"])
def test_what_is_no_journal_stays(tmp_path, content):
    (tmp_path / "r.journal.jsonl").write_text(content, "latin-1")
    with pytest.raises(OutputError, match="no journal of an earlier run"):
        again(tmp_path)


def test_a_report_of_version_0_1_is_taken_over_into_the_first_journal(tmp_path):
    (tmp_path / "out.npz").write_text("ours")
    jobs = [{"id": "1", "place": "line 1", "recipe": "r", "status": "done", "outputs": {str(tmp_path / "out.npz"): ""}}]
    (tmp_path / "r.json").write_text(json.dumps({"schema": 1, "jobs": [*jobs, {"id": "2", "status": "waiting"}]}))
    begun(tmp_path)
    (tmp_path / "r.json").unlink()
    later = again(tmp_path)
    assert set(later.entries) == {"1"} and later.made(str(tmp_path / "out.npz"))


def test_ten_thousand_jobs_write_below_20_mb_and_open_nothing_again(tmp_path, monkeypatch):
    monkeypatch.setattr(journals, "sha256", lambda _: "c" * 64)
    true_replace = os.replace
    monkeypatch.setattr(os, "replace", lambda part, path: "/projects" in path or true_replace(part, path))
    opened, true = [], builtins.open

    def counted(path: object, *more: object, **named: object) -> object:
        opened.append(path)
        return true(path, *more, **named)

    monkeypatch.setattr(builtins, "open", counted)
    journal, entries = begun(tmp_path), [made(Path("/projects/a_game/localised"), str(name)) for name in range(10_000)]
    for entry in entries:
        journal.note(entry)
        journal.put("part", f"/projects/a_game/localised/out/sh{entry.id}.blend", [entry])
        journal.status([entry], DONE)
    journal.end("ended")
    assert len(opened) == 2         # the first line is written whole or not at all, then the journal stays open
    report = Report(str(tmp_path / "r.json"), "jobs", "", {}, entries)
    report.write()
    report.end("ended")
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 20_000_000


def test_a_job_costs_the_same_however_many_there_are(tmp_path):
    def calls(count: int) -> int:
        journal, entries = begun(tmp_path), [made(tmp_path, str(name)) for name in range(count)]
        for entry in entries[1:]:
            journal.note(entry)
        return calls_during(lambda: (journal.note(entries[0]), journal.status(entries[:1], DONE)))

    assert calls(3000) == calls(3)


def test_parts_of_killed_runs_go_and_nothing_else(tmp_path):
    parts = [
        ".12.part.sh 1.blend", "sh 1.blend.12.part.blend", "sh 1.blend.12.part.blend@", ".7.part.1.png.7.part.png",
        ".7.part.1.7.part.mp4", "r.json.99.part",
    ]
    others = ["sh 1.12.part.blend", "sh 1.blend", "sh 2.blend.12.part.blend", ".12.part.other.npz", "part.txt"]
    for name in (*parts, *others):
        (tmp_path / name).write_text("")
    remove_parts([str(tmp_path / name) for name in ("sh 1.blend", "1.png", "1.mp4", "r.json")])
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(others)
