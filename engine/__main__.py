"""Command line: `python -m engine`, or `unitalker` when installed. `--help` lists the commands.

The only file of the engine that prints. Exit status: 0 done, 1 failed (one line on stderr), 2 wrong usage, 130 stopped
with Ctrl-C.
"""

from __future__ import annotations

import sys

STATUS_FAILED, STATUS_STOPPED = 1, 130
PROGRESS_S = 30         # between two counts of lines in a pipe
GPU_SHARE = 0.25        # of a card for each worker of a cluster
# command: its module under learn/, which imports torch
LEARNING = {
    "train": "train.command", "finetune": "train.finetune", "export": "train.command", "corpus": "train.command",
    "convert": "export.convert",
    "evaluate": "train.measure", "track": "data.track",
}
STOPPED = "unitalker: stopped; nothing was written."

try:
    import argparse
    import errno
    import importlib
    import json
    import os
    import time
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import contextmanager
    from functools import partial
    from io import TextIOWrapper
    from pathlib import Path

    from .workers.executor import ONE_THREAD

    for variable, count in ONE_THREAD.items():      # before NumPy loads
        os.environ.setdefault(variable, count)

    from . import arguments, batch, farm, lines, read_audio
    from .by_value import ByValue
    from .captured_points import read_points
    from .files.capture_file import read_capture
    from .files.journal import FAILED, JobEntry, Report
    from .files.motion import check_output, write_motion
    from .fit_head.fit import fit_take
    from .fit_head.take_csv import read_take
    from .model import folder, runtime
    from .model.style_from import STYLE_SUFFIX
    from .pipeline import style_file
    from .rig import fitted_head_file, presets
    from .values.errors import EngineError, SettingError
    from .values.messages import number_of, printable
    from .values.types import Progress, Settings, no_progress
    from .workers import cluster
    from .workers.executor import Executor
    from .workers.local import LocalProcesses, ThisProcess
except KeyboardInterrupt:       # while all this loads, which takes a third of a second
    print(STOPPED, file=sys.stderr)
    sys.exit(STATUS_STOPPED)

Row = dict[str, object]    # of a table that is shown: title of a column -> value


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit status."""
    try:
        _print_any_name()
        options = _parser().parse_args(arguments)
        status: int | None = options.command(options)
        if sys.stdout:
            sys.stdout.flush()
    except EngineError as error:
        print(f"unitalker: {error}", file=sys.stderr)
        return STATUS_FAILED
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return STATUS_STOPPED
    except BrokenPipeError:
        _drop_output()          # the reader has gone, for example `| head`
        return STATUS_FAILED
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        _drop_output()
        problem = "the output cannot be printed: no space left on device. Free some space, or print somewhere else."
        print(f"unitalker: {problem}", file=sys.stderr)
        return STATUS_FAILED
    return status or 0


def _print_any_name() -> None:
    """Escape what a terminal or pipe cannot show, for example Chinese file names on a Western Windows."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Print no more: else Python tries once more at its end and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="unitalker", description="Speech to face motion.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    animate = commands.add_parser("animate", help="make face motion from a sound file")
    arguments.add_animate(animate)
    animate.set_defaults(command=_animate)
    many = commands.add_parser("batch", help="make face motion from many sound files")
    arguments.add_batch(many)
    many.set_defaults(command=_batch)
    shots = commands.add_parser("farm", help="make the shots of a jobs file with many Blenders, here or on a cluster")
    arguments.add_farm(shots)
    shots.set_defaults(command=_farm)
    _add_listing(commands.add_parser("models", help="list the models that are there"), _list_models)
    identities = commands.add_parser("identities", help="list the speaking styles of a model")
    identities.add_argument("--model", default=Settings.model, help="model id or folder (default: %(default)s)")
    _add_listing(identities, _list_identities)
    _add_listing(commands.add_parser("presets", help="list the rig presets that are there"), _list_presets)
    _add_listing(commands.add_parser("devices", help="list the devices that networks can run on"), _list_devices)
    style = commands.add_parser("style", help="keep the manner of a motion in a small file, for --reference")
    arguments.add_style(style)
    style.set_defaults(command=_style)
    teach = commands.add_parser("teach", help="learn a character's controls from seconds that were keyed by hand")
    arguments.add_teach(teach)
    teach.set_defaults(command=_teach)
    capture = commands.add_parser("import", help="turn a face capture of another program into motion")
    arguments.add_import(capture)
    capture.set_defaults(command=_import)
    arguments.add_learning(commands, _learn)
    return parser


def _add_listing(parser: argparse.ArgumentParser, list_rows: Callable[[argparse.Namespace], list[Row]]) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON instead of a table")
    parser.set_defaults(command=lambda options: _show(list_rows(options), options.json))


def _learn(options: argparse.Namespace) -> None:
    try:
        module = importlib.import_module(f".learn.{LEARNING[options.learn]}", __package__)
    except ImportError as error:
        extra = "track" if options.learn == "track" else "learn"
        raise SettingError(
            f"`{options.learn}` needs the extra {extra!r} ({error}). Install it: pip install 'unitalker[{extra}]'."
        ) from error
    module.command(options)


def _animate(options: argparse.Namespace) -> None:
    line = lines.line_of(options, [options.output])
    with _progress_bar() as progress:
        sound_s, written = batch.make_line(line, progress=progress)
    for file in written:
        _warn(file.warnings)
        size = f"{number_of(file.frames, 'frame')} x {number_of(file.channels, 'channel')}"
        print(f"{file.path}: {size} at {file.fps:g} fps, {sound_s:.2f} s of sound")
        if file.heard:
            print(f"voice: {file.heard}")


def _style(options: argparse.Namespace) -> None:
    name = options.output.name.removesuffix(STYLE_SUFFIX)
    settings = Settings(
        model=options.model, reference=str(options.path), strength=options.strength,
        reference_2=options.reference_2, reference_mix=options.reference_mix,
    )
    _warn(style_file(settings, name, options.output))
    print(f"{options.output}: style {name!r} of {options.path}")


def _batch(options: argparse.Namespace) -> int:
    found = lines.Lines(options)
    _warn([f"{options.transcripts}: no sound is named {name}." for name in found.unused])
    models = {(settings.model, settings.model_folders) for line in found.found for settings in line.wanted}
    executor = _workers(options, partial(batch.fingerprint, sorted(models)))
    workers = ByValue(executor) if options.by_value else executor
    asked = batch.BatchOptions(options.source, options.output, options.shard, options.resume, options.overwrite)
    start = time.monotonic()
    try:
        with _line_counter(len(found.found) + len(found.wrong)) as tell:
            report = batch.run_batch(found.found, found.wrong, asked, workers, tell)
    except KeyboardInterrupt:
        print("unitalker: stopped. Give --resume to go on.", file=sys.stderr)
        return STATUS_STOPPED
    _sum_up(report, time.monotonic() - start)
    return 0 if report.good else STATUS_FAILED


def _farm(options: argparse.Namespace) -> int:
    switches = [name for name in ("overwrite", "overwrite-input") if getattr(options, name.replace("-", "_"))]
    asked = farm.FarmOptions(
        options.jobs_file, options.blender, options.report, options.lines, options.resume,
        tuple(f"--{name}" for name in switches),
    )
    jobs = farm.read_shots(asked)
    workers = _workers(options, partial(farm.about_blender, options.blender))
    try:
        with _line_counter(len(jobs)) as tell:
            report = farm.run_farm(jobs, asked, workers, tell)
    except KeyboardInterrupt:
        print("unitalker: stopped. Give --resume to go on.", file=sys.stderr)
        return STATUS_STOPPED
    counts = ", ".join(f"{count} {status}" for status, count in report.counts().items())
    print(f"{counts}; {report.path}")
    return 0 if report.good else STATUS_FAILED


def _workers(options: argparse.Namespace, about: Callable[[], Mapping[str, str]]) -> Executor:
    """Who does the work that these options ask for; about: what nodes of a cluster must have in common with us."""
    if options.ray:
        gpus = options.worker_gpus
        if gpus is None:
            gpus = GPU_SHARE if getattr(options, "device", "") == "cuda" else 0.0
        asked = cluster.ClusterOptions(
            cluster.address_of(options.ray), options.workers, options.worker_cpus, gpus, about,
            lambda text: _warn([text]),
        )
        return cluster.RayCluster(asked)
    count = options.workers or max(1, (os.cpu_count() or 2) - 1)
    return LocalProcesses(count) if count > 1 else ThisProcess()


def _sum_up(report: Report[batch.LineEntry], seconds: float) -> None:
    """How many lines are done, why others are not, and what it took."""
    for reason, count in batch.reasons(report.entries).items():
        print(f"{count} failed: {reason}")
    counts = ", ".join(f"{count} {status}" for status, count in report.counts().items())
    made = [entry for entry in report.entries if not entry.resumed and entry.sound_s]
    minutes, processor_s = sum(entry.sound_s for entry in made) / 60, sum(entry.processor_s for entry in made)
    cost = f", {processor_s / len(made):.2f} processor seconds each" if made else ""
    print(f"{counts}; {minutes:.1f} minutes of sound in {seconds / 60:.1f} minutes{cost}; {report.path}")


def _teach(options: argparse.Namespace) -> None:
    fitted_head_file.check_path(options.output)
    take = read_take(options.curves)
    settings = Settings(model=options.model, identity=options.identity)
    with _progress_bar() as progress:
        result = fit_take(read_audio(options.audio), take, settings, progress)
    taught = fitted_head_file.renamed(result.fitted, options.output.stem)
    fitted_head_file.write_fitted_head(taught, options.output)
    _warn(result.warnings)
    scores = zip(map(fitted_head_file.label, taught.controls), taught.scores, strict=True)
    _show([
        {"control": control, "r": f"{score.r:.2f}", "error": f"{score.rms:.4g}", "learned": score.learned}
        for control, score in scores
    ], as_json=False)
    learned = f"{number_of(len(taught.controls), 'control')} from {taught.take_s:.1f} s"
    lag = f"keys {taught.lag_s * 1000:+.0f} ms after the sound"
    print(f"{options.output}: {learned}, {lag}; r and error on held-out seconds")


def _import(options: argparse.Namespace) -> None:
    check_output(options.output)
    sound = read_audio(options.audio) if options.audio else None
    if options.keys:
        made = read_points(options.path, options.keys, options.fps or 0.0, sound)
    else:
        made = read_capture(options.path, options.fps or 0.0, sound, options.keep_rest)
    meta = {"source": made.source, "rest": dict(zip(made.motion.channels, made.rest.tolist(), strict=True))}
    write_motion(made.motion, options.output, meta)
    _warn(made.notes)
    size = f"{number_of(len(made.motion.weights), 'frame')} x {number_of(len(made.motion.channels), 'channel')}"
    print(f"{options.output}: {size} at {made.motion.fps:g} fps, from {made.source}")


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"unitalker: {printable(warning)}", file=sys.stderr)


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    """A bar on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    from tqdm import tqdm

    with tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed}<{remaining}", leave=False) as bar:
        yield lambda fraction: bar.update(100 * fraction - bar.n) and None


@contextmanager
def _line_counter(total: int) -> Iterator[Callable[[JobEntry], None]]:
    """Counts lines on stderr, with lines per second and the time left; what failed and what is doubtful is printed."""
    from tqdm import tqdm

    interval_s = 0.5 if sys.stderr.isatty() else PROGRESS_S
    with tqdm(total=total, unit=" lines", mininterval=interval_s, file=sys.stderr, ascii=True) as bar:
        def tell(entry: JobEntry) -> None:
            doubts = [f"failed: {entry.message}"] if entry.status == FAILED else []
            for text in [*doubts, *(() if entry.resumed else entry.warnings)]:
                bar.write(f"unitalker: {entry.id}: {text}", file=sys.stderr)
            bar.update()

        yield tell


def _list_models(options: argparse.Namespace) -> list[Row]:
    return [
        {
            "id": model.id, "title": model.title, "system": model.system,
            "heads": ", ".join(head.id for head in model.heads), "identities": len(model.identities),
            "licence": model.licence, "folder": str(model.folder),
        }
        for model in folder.list_models()
    ]


def _list_identities(options: argparse.Namespace) -> list[Row]:
    model = folder.open_model(options.model)
    return [
        {
            "row": f"#{row}", "id": identity.id, "label": identity.label, "group": identity.group,
            "pivot": row == model.pivot,
        }
        for row, identity in enumerate(model.identities)
    ]


def _list_presets(options: argparse.Namespace) -> list[Row]:
    return [
        {
            "id": Path(preset.path).stem, "name": preset.name, "source": preset.source,
            "targets": len(preset.targets),
        }
        for preset in presets.list_presets()
    ]


def _list_devices(options: argparse.Namespace) -> list[Row]:
    return [{"device": device, "provider": runtime.PROVIDERS[device]} for device in runtime.devices()]


def _show(rows: list[Row], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    if not rows:
        print("nothing found")
        return
    table = [tuple(rows[0]), *(tuple(printable(str(value)) for value in row.values()) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(run())
