"""What stands for Blender in test_farm.py: reads a jobs file, writes what it saves, keeps journal and report."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from engine.files.journal import DONE, MADE, JobEntry, Journal, Report


def main(arguments: list[str]) -> None:
    """As `blender -b --command unitalker --jobs FILE --report FILE [--resume]`. Files named crash_at and crash_always
    name a job during which it dies, once or every time."""
    if "--version" in arguments:
        return
    given = {name: arguments[arguments.index(name) + 1] for name in ("--jobs", "--report")}
    folder = Path(given["--jobs"]).parent
    journal = Journal(given["--report"], JobEntry)
    journal.begin()
    entries, defaults = [], {}
    for line in map(json.loads, Path(given["--jobs"]).read_text("utf-8").splitlines()):
        if "defaults" in line:
            defaults = line["defaults"]
            continue
        job = {**defaults, **line}
        old = journal.entries.get(job["id"])
        if "--resume" in arguments and old is not None and old.status == DONE:
            old.resumed = True
            entries.append(old)
            continue
        _die(folder, job["id"])
        entries.append(_make(folder, job, journal))
    journal.end("ended")
    Report(given["--report"], given["--jobs"], "", {}, entries).end("ended")


def _make(folder: Path, job: dict[str, str], journal: Journal) -> JobEntry:
    entry = JobEntry(job["id"], status=MADE)
    journal.note(entry)
    save = folder / job["save"].replace("{name}", Path(job["blend"]).stem)
    part = save.with_suffix(".part")
    part.write_text(f"made for {job['id']}")
    journal.put(str(part), str(save), [entry])
    journal.status([entry], DONE)
    _note(folder, f"made {job['id']}")
    return entry


def _die(folder: Path, job: str) -> None:
    for name in ("crash_at", "crash_always"):
        path = folder / name
        if path.exists() and path.read_text() == job:
            if name == "crash_at":
                path.unlink()
            sys.stdout.write("no memory\n")
            sys.stdout.flush()
            os._exit(9)


def _note(folder: Path, text: str) -> None:
    with (folder / "calls.txt").open("a") as file:
        file.write(f"{text}\n")
