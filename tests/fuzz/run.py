"""Damaged files of every kind, against the engine: `python -m tests.fuzz.run [KIND ...] [--quick] [--seed N]`.

Each kind runs in a process of its own. A file may be used, or refused with one EngineError of one line. A traceback, a
case above LIMIT_S seconds of processor, a process above LIMIT_MB or one that ends by itself is a failure; its kind and
number make the file again. Checkpoints need the extra `learn`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from engine import EngineError, Settings, Waveform, animate, read_audio
from engine.__main__ import run
from engine.model.folder import scan_models
from engine.rig.fitted_head_file import load_fitted_head
from engine.rig.preset_file import load_preset
from engine.speech.g2p import read_words
from tests.fuzz.mutate import damaged

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "tests" / "data"
COUNTS = {"sounds": 400, "models": 300, "presets": 300, "jobs": 100, "texts": 80, "checkpoints": 50}
QUICK = 10              # each so many-th part of a kind
LIMIT_S, LIMIT_MB = 10.0, 1000
SEED = 20_261_130
LETTERS = "aeiou bcdmnp.,!?[](){}0123456789\n\x00\x1bäß漢字かなأبוшж\u202e🙂_*'\\\"-"


def _sound(generator: random.Random, place: Path) -> None:
    import soundfile

    suffix = generator.choice(["wav", "flac", "ogg", "aiff", "mp3"])
    source = place / f"a.{suffix}"
    wave = read_audio(DATA / "sample.flac").samples[:8000]
    soundfile.write(source, wave, 16_000)
    source.write_bytes(damaged(source.read_bytes(), generator))
    read_audio(source)


def _model(generator: random.Random, place: Path) -> None:
    folder = Path(shutil.copytree(DATA / "tiny", place / "tiny"))
    file = folder / generator.choice(sorted(path.name for path in folder.iterdir()))
    file.write_bytes(damaged(file.read_bytes(), generator))
    if file.name != "model.json":       # with the right hash: the damage itself must be seen
        info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        info["sha256"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
        (folder / "model.json").write_text(json.dumps(info), encoding="utf-8")
    models, _ = scan_models([str(place)])
    assert "mini" in [model.id for model in models], "the damaged folder hides the others"
    wave = Waveform(read_audio(DATA / "sample.flac").samples[:16_000])
    animate(wave, Settings(str(folder), identity="wide", threads=1))


def _preset(generator: random.Random, place: Path) -> None:
    source = generator.choice(sorted((ROOT / "presets").glob("[!_]*.json")))
    suffix = generator.choice([".json", ".json", ".npz"])
    file = place / f"a{suffix}"
    file.write_bytes(damaged(source.read_bytes(), generator))
    (load_preset if suffix == ".json" else load_fitted_head)(file)


def _jobs(generator: random.Random, place: Path) -> None:
    sound = str(DATA / "sample.flac")
    rows: list[dict[str, object]] = [{"audio": f"{number}.wav", "output": f"{number}.npz"} for number in range(20)]
    rows.append({"audio": sound, "output": "last.csv", "fps": 24, "transcript": "hello", "model": str(DATA / "tiny")})
    as_lines = generator.random() < 0.5
    text = "\n".join(map(json.dumps, rows)) if as_lines else json.dumps({"jobs": rows})
    file = place / ("a.jsonl" if as_lines else "a.json")
    file.write_bytes(damaged(text.encode(), generator))
    output = place / "deep" / "below" / "out"
    output.mkdir(parents=True)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        run(["batch", str(file), "-o", str(output)])


def _text(generator: random.Random, place: Path) -> None:
    length = generator.choice([1, 10, 200, 5_000, 100_000])
    kind = generator.choice([LETTERS, "[", "]", "[]", "()", "a", "1", " a", "\u0301a", "漢"])
    words = "".join(generator.choice(kind) for _ in range(length))
    read_words(words, generator.choice(["", "en", "de", "ja", "xx", "\x00", "cmn"]))


def _checkpoint(generator: random.Random, place: Path) -> None:
    from engine.learn.export.checkpoint import layout, read_tensors

    source = DATA / "golden" / generator.choice(["wavlm", "wav2vec2"]) / "checkpoint.safetensors"
    file = place / generator.choice(["a.safetensors", "a.pt"])
    content = source.read_bytes()
    if file.suffix == ".pt":
        import torch
        from safetensors.torch import load_file

        torch.save(load_file(source), file, _use_new_zipfile_serialization=generator.random() < 0.5)
        content = file.read_bytes()
    file.write_bytes(damaged(content, generator))
    layout(read_tensors(file))


KINDS: dict[str, Callable[[random.Random, Path], None]] = {
    "sounds": _sound, "models": _model, "presets": _preset, "jobs": _jobs, "texts": _text, "checkpoints": _checkpoint,
}


def failures(kind: str, numbers: range, seed: int = SEED) -> list[str]:
    """What went wrong in the cases of these numbers, one line each."""
    found = []
    if kind == "checkpoints":
        importlib.import_module("engine.learn.export.checkpoint")       # torch takes seconds by itself
    for number in numbers:
        start = sum(os.times()[:4])     # of this process and its children: others may be busy
        with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
            try:
                KINDS[kind](random.Random(f"{seed} {kind} {number}"), Path(place))
            except EngineError as error:
                if "\n" in str(error) or not str(error).strip():
                    found.append(f"{kind} {number}: not one line: {str(error)!r}")
            except Exception:       # noqa: BLE001  that is what is looked for
                found.append(f"{kind} {number}: {' / '.join(traceback.format_exc().splitlines()[-3:])}")
        took = sum(os.times()[:4]) - start
        if took > LIMIT_S:
            found.append(f"{kind} {number}: {took:.0f} s")
        if number == numbers[0]:
            print(f"{kind}: begun", flush=True)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return [*found, *([f"{kind}: {most:.0f} MB"] if most > LIMIT_MB else [])]


def main() -> int:
    """Run the kinds that are asked for; 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        kind, = options.kinds
        found = failures(kind, range(0, COUNTS[kind], QUICK if options.quick else 1), options.seed)
        print("\n".join([*found, f"{kind}: {len(found)} failed"]), flush=True)
        return bool(found)
    wanted = ["--quick"] * options.quick + ["--seed", str(options.seed), "--here"]
    command = [sys.executable, "-m", "tests.fuzz.run", *wanted]
    results = {kind: subprocess.run([*command, kind], cwd=ROOT).returncode for kind in options.kinds}
    bad = {kind: status for kind, status in results.items() if status}
    print("all is well" if not bad else f"failed, by exit status: {bad}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
