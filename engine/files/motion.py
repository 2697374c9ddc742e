"""Write and read motion: npz, Live Link Face csv, json.

Files are written under a temporary name and renamed, so that an interrupted run leaves no half file.
"""

from __future__ import annotations

import csv
import errno
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import IO, Any

import numpy as np

from ..values.array_files import read_arrays
from ..values.channels import ARKIT_52, HEAD_ANGLES, LIFE, LIVE_LINK_ANGLES, LIVE_LINK_COLUMNS, LOOK_RAD
from ..values.errors import OutputError
from ..values.phones import Phone
from ..values.types import FloatArray, Motion
from . import metahuman
from .whole_file import part_of, remove

MAX_STEP = 8            # time codes for each row of a Live Link Face csv
SAME_RATE = 2e-4        # two rates are one that differ by less than this share: 10 s are off by 2 ms
SAME_STEP = 0.02        # time codes carry fractions that jitter
SUFFIXES = (".npz", ".csv", ".json")
PHONE_SUFFIXES = (".json",)
# what a file of the right ending and the wrong content can raise
_DAMAGE = (
    ValueError, KeyError, TypeError, IndexError, AttributeError, OSError, OverflowError, RecursionError, csv.Error,
)


def check_output(path: str | Path, suffixes: tuple[str, ...] = SUFFIXES) -> Path:
    """The path, if a result can be written there: known suffix, existing folder.

    Raises:
        OutputError: says what is wrong. Called before the work, so that no result is made that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"Output {path} has no known ending. Choose one of: {', '.join(suffixes)}.")
    folder = os.path.dirname(os.path.realpath(path))        # of the file itself where path is a link to it
    if not os.path.isdir(folder):
        raise OutputError(f"Folder {folder} does not exist. Make it, or write somewhere else.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise OutputError(f"Output {path} is a folder, pipe or device. Give a file name.")
    if not os.access(folder, os.W_OK) or (os.path.exists(path) and not os.access(path, os.W_OK)):
        raise OutputError(
            f"Output {path} is write-protected. Change its permissions or those of its folder, or write somewhere else."
        )
    return path


def write_motion(motion: Motion, path: str | Path, meta: Mapping[str, Any]) -> None:
    """Write motion in the format of the file ending.

    Args:
        path: .npz (frames (T, C) float32, channels, fps, meta), .csv (Live Link Face take) or .json; .metahuman.csv and
            .metahuman.json are Curve Tables of CTRL_expressions_* curves.
        meta: how it was made; plain values.
    Raises:
        OutputError: unknown ending, no such folder, disk errors, or a csv of motion with other than ARKit channels.
    """
    path = check_output(path)
    ending = path.suffix.lower()
    if ending != ".npz" and path.stem.lower().endswith(metahuman.MARK):
        table = metahuman.curve_table_csv if ending == ".csv" else metahuman.curve_table_json
        text = table(metahuman.to_metahuman(motion))
        _replace(path, lambda file: file.write(text.encode()))
        return
    if ending == ".csv":
        _refuse_other_channels(motion, path)
        if not _clock_of(motion.fps)[0]:
            raise OutputError(
                f"{path}: Live Link Face time codes count whole frames, and {motion.fps:g} frames per second has none. "
                "Choose another frame rate, or write npz or json."
            )
    writer = {".npz": _write_npz, ".csv": _write_csv, ".json": _write_json}[ending]
    _replace(path, lambda file: writer(file, motion, meta))


def _refuse_other_channels(motion: Motion, path: Path) -> None:
    others = [name for name in motion.channels if name not in (*ARKIT_52, *LIFE)]
    if others:
        names = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        raise OutputError(
            f"{path}: a Live Link Face csv holds ARKit channels only; "
            f"{len(others)} of this motion's {len(motion.channels)} would be lost ({names}). Write npz or json."
        )


def write_phones(phones: Sequence[Phone], path: str | Path) -> None:
    """Write phones as JSON: {"phones": [[class, start_s, end_s], ...]}, as the evaluation sets have them.

    Raises:
        OutputError: another ending than .json, no such folder, disk errors.
    """
    rows = [[phone.label, round(phone.start_s, 3), round(phone.end_s, 3)] for phone in phones]
    write_text(path, json.dumps({"phones": rows}) + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write a small JSON file whole. Raises OutputError: another ending than .json, no such folder, disk errors."""
    path = check_output(path, PHONE_SUFFIXES)
    _replace(path, lambda file: file.write(text.encode()))


def read_phones(path: str | Path) -> tuple[Phone, ...]:
    """Phones of a file as write_phones makes it, perhaps changed by hand.

    Raises:
        OutputError: missing, or not such a file. What the phones must be is checked when they are used.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise OutputError(f"Phone file not found: {path}. Check the path; --phones writes one.")
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))["phones"]
        return tuple(Phone(str(label), float(start_s), float(end_s)) for label, start_s, end_s in rows)
    except _DAMAGE as error:
        raise OutputError(
            f"Phone file {path} cannot be read ({error}). "
            'It must hold {"phones": [["AA", 0.12, 0.3], ...]}: --phones writes one.'
        ) from error


def _replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file under a temporary name, then put it in place. Raises OutputError."""
    target = os.path.realpath(path)       # a link stays a link
    part = part_of(target)
    try:
        with open(part, "wb") as file:
            write(file)
        os.replace(part, target)
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        step = "Free some space, or write somewhere else" if is_full else "Write somewhere else, or under another name"
        raise OutputError(f"Cannot write {path}: {error.strerror}. {step}.") from error
    finally:
        remove(part)


def read_motion(path: str | Path) -> Motion:
    """Read motion from npz, from a Live Link Face csv or from json, as write_motion makes them.

    Raises:
        OutputError: missing, unknown or damaged file.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise OutputError(f"Motion file not found: {path}. Check the path.")
    reader = {".npz": _read_npz, ".csv": _read_csv, ".json": _read_json}.get(path.suffix.lower())
    if reader is None:
        raise OutputError(f"Motion file {path} has no known ending. Choose one of: {', '.join(SUFFIXES)}.")
    try:
        return reader(path)
    except _DAMAGE as error:
        raise OutputError(f"Motion file {path} cannot be read ({error}). Export it again.") from error


def _write_npz(file: IO[bytes], motion: Motion, meta: Mapping[str, Any]) -> None:
    np.savez_compressed(
        file, frames=motion.weights, channels=np.asarray(motion.channels), fps=np.float64(motion.fps),
        meta=np.asarray(json.dumps(meta)),
    )


def _write_csv(file: IO[bytes], motion: Motion, meta: Mapping[str, Any]) -> None:
    """Live Link Face columns; channels that the motion lacks are 0, and breath has no column.

    Eye angles are those of the eyeLook channels.
    """
    column = {name: index for index, name in enumerate(motion.channels)}
    source = [column.get(name) for name in ARKIT_52]
    angles = _angles(motion)
    count = str(len(ARKIT_52) + len(LIVE_LINK_ANGLES))
    base, step = _clock_of(motion.fps)
    file.write((",".join(LIVE_LINK_COLUMNS) + "\n").encode())
    for frame, row in enumerate(motion.weights):        # row by row: an hour's text would fill half a gigabyte
        values = [f"{0.0 if index is None else row[index]:.10f}" for index in source]
        turned = [f"{angle:.10f}" for angle in angles[frame]]
        file.write((",".join([_timecode(frame * step, base), count, *values, *turned]) + "\n").encode())


def _angles(motion: Motion) -> FloatArray:
    """The columns LIVE_LINK_ANGLES of each frame (n_frames, 9), in radians."""
    nothing: FloatArray = np.zeros(len(motion.weights), np.float32)

    def look(name: str) -> FloatArray:
        weight = motion[f"eyeLook{name}"] if f"eyeLook{name}" in motion.channels else nothing
        return np.asarray(weight * LOOK_RAD[name.removesuffix("Left").removesuffix("Right")], np.float32)

    head = [motion[name] if name in motion.channels else nothing for name in HEAD_ANGLES]
    left = [look("InLeft") - look("OutLeft"), look("DownLeft") - look("UpLeft"), nothing]
    right = [look("OutRight") - look("InRight"), look("DownRight") - look("UpRight"), nothing]
    return np.stack([*head, *left, *right], axis=1)


def _write_json(file: IO[bytes], motion: Motion, meta: Mapping[str, Any]) -> None:
    content = {"fps": motion.fps, "channels": motion.channels, "meta": dict(meta), "frames": []}
    text = json.dumps(content, ensure_ascii=False).removesuffix("]}")
    file.write(text.encode(errors="backslashreplace"))      # a file name in meta need not be UTF-8
    for number, row in enumerate(motion.weights):           # row by row, as in a csv
        values = json.dumps([round(float(value), 5) for value in row])
        file.write((", " * bool(number) + values).encode())
    file.write(b"]}\n")


def _read_npz(path: Path) -> Motion:
    arrays = read_arrays(path)
    channels = tuple(map(str, arrays["channels"]))
    return Motion(np.asarray(arrays["frames"], np.float32), channels, float(arrays["fps"]))


def _read_json(path: Path) -> Motion:
    content = json.loads(path.read_text(encoding="utf-8"))
    channels = tuple(content["channels"])
    return Motion(np.asarray(content["frames"], np.float32).reshape(-1, len(channels)), channels, float(content["fps"]))


def _read_csv(path: Path) -> Motion:
    """ARKit columns of a take, and its head's angles where it has any; the rate comes from its time codes."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError("no frames in it")
    for number, row in enumerate(rows, start=2):
        if None in row.values():
            raise ValueError(f"line {number} ends early")
    channels = {column: column[0].lower() + column[1:] for column in rows[0] if column}
    names = {column: channel for column, channel in channels.items() if channel in ARKIT_52}
    for column, name in zip(LIVE_LINK_ANGLES, HEAD_ANGLES, strict=False):
        if any(float(row.get(column) or 0) for row in rows):
            names[column] = name
    weights = np.asarray([[float(row[column]) for column in names] for row in rows], np.float32)
    return Motion(weights, tuple(names.values()), _rate([row["Timecode"] for row in rows]))


def _clock_of(fps: float) -> tuple[int, int]:
    """Frames per second of the time codes, and how many of them each row takes; (0, 0) where none fit.

    23.976 and 29.97 count 24 and 30 frames a second, as editing programs do; 12.5 counts 25, two for each row.
    """
    for step in range(1, MAX_STEP + 1 if fps >= 1 else 1):
        base = round(step * fps)
        for exact in (base, base * 1000 / 1001):
            if abs(step * fps - exact) <= SAME_RATE * base:
                return base, step
    return 0, 0


def _timecode(frame: int, base: int) -> str:
    """Non-drop time code HH:MM:SS:FF.fff."""
    seconds, part = divmod(frame, base)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{part:02d}.000"


def _rate(timecodes: Sequence[str]) -> float:
    """Frames per second of a take: time codes per second, by those that each row takes.

    A take in which that does not show is counted over its whole seconds, an unfinished last one left out if it can be.
    """
    codes = [code.replace(";", ":").rpartition(":") for code in timecodes]      # drop-frame codes have a semicolon
    stamps, parts = [code[0] for code in codes], [float(code[2]) for code in codes]
    pairs = list(zip(pairwise(stamps), pairwise(parts), strict=True))
    steps = [after - before for (stamp, next_stamp), (before, after) in pairs if stamp == next_stamp]
    if steps:
        step = median(steps)
        turns = [step + before - after for (stamp, next_stamp), (before, after) in pairs if stamp != next_stamp]
        if turns and step >= 1 and abs(step - round(step)) < SAME_STEP:
            return round(median(turns)) / round(step)
    counts = list(Counter(stamps).values())
    whole = counts[1:-1] or counts[:-1] or counts
    return float(Counter(whole).most_common(1)[0][0])
