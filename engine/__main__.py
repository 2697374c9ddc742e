"""Command line: `python -m engine`, or `unitalker` when installed. `--help` lists the commands.

The only file of the engine that prints. Exit status: 0 done, 1 failed (one line on stderr), 2 wrong usage, 130 stopped
with Ctrl-C.
"""

from __future__ import annotations

import sys

STATUS_FAILED, STATUS_STOPPED = 1, 130
# command: its module under learn/, which imports torch
LEARNING = {
    "train": "train.command", "export": "train.command", "corpus": "train.command", "convert": "export.convert",
    "evaluate": "evaluate.evaluate",
}
STOPPED = "unitalker: stopped; nothing was written."

try:
    import argparse
    import errno
    import importlib
    import json
    import os
    import re
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import contextmanager
    from dataclasses import replace
    from io import TextIOWrapper
    from pathlib import Path

    from . import animate_all, arguments, read_audio
    from .files import motion
    from .fit_head.fit import fit_take
    from .fit_head.take_csv import read_take
    from .model import folder, runtime
    from .rig import fitted_head_file, presets
    from .rig.retarget import on_frames
    from .speech import g2p
    from .values.errors import EngineError, OutputError, PresetError, SettingError
    from .values.messages import number_of
    from .values.types import Progress, Rig, Settings, Waveform, no_progress
except KeyboardInterrupt:       # while all this loads, which takes a third of a second
    print(STOPPED, file=sys.stderr)
    sys.exit(STATUS_STOPPED)

BONE = "bone:"       # marks a bone in a file of channels
Row = dict[str, object]    # of a table that is shown: title of a column -> value


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit status."""
    try:
        _print_any_name()
        options = _parser().parse_args(arguments)
        options.command(options)
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
    return 0


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
    _add_listing(commands.add_parser("models", help="list the models that are there"), _list_models)
    identities = commands.add_parser("identities", help="list the speaking styles of a model")
    identities.add_argument("--model", default=Settings.model, help="model id or folder (default: %(default)s)")
    _add_listing(identities, _list_identities)
    _add_listing(commands.add_parser("presets", help="list the rig presets that are there"), _list_presets)
    _add_listing(commands.add_parser("devices", help="list the devices that networks can run on"), _list_devices)
    teach = commands.add_parser("teach", help="learn a character's controls from seconds that were keyed by hand")
    arguments.add_teach(teach)
    teach.set_defaults(command=_teach)
    arguments.add_learning(commands, _learn)
    return parser


def _add_listing(parser: argparse.ArgumentParser, list_rows: Callable[[argparse.Namespace], list[Row]]) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON instead of a table")
    parser.set_defaults(command=lambda options: _show(list_rows(options), options.json))


def _learn(options: argparse.Namespace) -> None:
    try:
        module = importlib.import_module(f".learn.{LEARNING[options.learn]}", __package__)
    except ImportError as error:
        raise SettingError(
            f"`{options.learn}` needs the extra 'learn' ({error}). Install it: pip install 'unitalker[learn]'."
        ) from error
    module.command(options)


def _animate(options: argparse.Namespace) -> None:
    output = motion.check_output(options.output)
    wanted = _wanted(options, arguments.settings_of(options, _transcript(options)))
    inputs = ("audio", "channels", "preset", "template", "transcript_file", "phones_in")
    files = _output_files(output, wanted, [getattr(options, name) for name in inputs])
    _check_phones(options, files)
    rig = _rig(options)
    wave = read_audio(options.audio)
    with _progress_bar() as progress:
        animations = animate_all(wave, wanted, rig, progress)
    if options.phones:
        motion.write_phones(animations[0].phones, options.phones)
    for settings, animation, file in zip(wanted, animations, files, strict=True):
        made = on_frames(animation.curves, animation.motion) if animation.curves else animation.motion
        motion.write_motion(made, file, _meta(options, settings, wave))
        _warn(animation.warnings)
        size = f"{number_of(len(made.weights), 'frame')} x {number_of(len(made.channels), 'channel')}"
        print(f"{file}: {size} at {made.fps:g} fps, {wave.duration_s:.2f} s of sound")


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


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"unitalker: {warning}", file=sys.stderr)


def _wanted(options: argparse.Namespace, common: Settings) -> list[Settings]:
    """One Settings per head and identity that is asked for."""
    heads, identities = [options.head], dict.fromkeys(options.identity or [Settings.identity])
    if options.head == "all":
        heads = [head.id for head in folder.open_model(options.model).heads]
        if options.template and len(heads) > 1:
            raise SettingError(f"--template fits one head, --head all asks for {len(heads)}. Name the head.")
    return [replace(common, head=head, identity=identity) for head in heads for identity in identities]


def _transcript(options: argparse.Namespace) -> str | None:
    """The given text; None without one."""
    if options.language and options.transcript is None and options.transcript_file is None:
        raise SettingError(
            f"--language {options.language} is that of a transcript, and none is given. "
            "Add --transcript or --transcript-file."
        )
    if options.transcript_file is not None:
        return g2p.read_file(options.transcript_file)
    return str(options.transcript) if options.transcript is not None else None


def _check_phones(options: argparse.Namespace, files: Sequence[Path]) -> None:
    """Before the work: phones can be written, and not over another result or what is read."""
    if options.phones is None:
        return
    file = motion.check_output(options.phones, motion.PHONE_SUFFIXES)
    others = [*files, options.audio, options.transcript_file, options.phones_in]
    if any(other and os.path.realpath(other) == os.path.realpath(file) for other in others):
        raise OutputError(f"Phones {file} would be written over another file of this command. Give another file name.")
    if not folder.open_model(options.model).phones:
        raise SettingError(
            f"Model {options.model} does not hear phones, so --phones has nothing to write. Choose another model."
        )


def _output_files(output: Path, wanted: Sequence[Settings], inputs: Sequence[str | None]) -> list[Path]:
    """The file of each result, checked before the work: none is written twice, and none over what is read."""
    files = [motion.check_output(_output_file(output, settings, wanted)) for settings in wanted]
    names = [str(file).casefold() for file in files]
    for file, name in zip(files, names, strict=True):
        if names.count(name) > 1:
            raise SettingError(
                f"Two results would both be written to {file}. Ask for them one by one, with another -o each."
            )
        if any(given and _is_same_file(given, file) for given in inputs):
            raise OutputError(f"Output {file} is also read by this command. Give another file name.")
    return files


def _is_same_file(given: str, file: Path) -> bool:
    return os.path.exists(given) and os.path.exists(file) and os.path.samefile(given, file)


def _output_file(output: Path, settings: Settings, wanted: Sequence[Settings]) -> Path:
    """OUT.npz; with HEAD, IDENTITY or HEAD.IDENTITY before the ending where several of them are asked for."""
    parts = [
        *([settings.head] if len({other.head for other in wanted}) > 1 else []),
        *([settings.identity] if len({other.identity for other in wanted}) > 1 else []),
    ]
    plain = [re.sub(r"[^\w.+-]+", "_", part).strip("_") for part in parts]
    return output.with_name(".".join([output.stem, *filter(None, plain)]) + output.suffix)


def _rig(options: argparse.Namespace) -> Rig | None:
    if options.preset.lower().endswith(".npz") and not options.channels:
        return fitted_head_file.rig_of(options.preset)
    if bool(options.preset) != bool(options.channels):
        raise PresetError(
            "--preset and --channels belong together: "
            "give the preset's name (or auto), and a file with the rig's shape key names."
        )
    if not options.preset:
        return None
    try:
        names = Path(options.channels).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise PresetError(
            f"Channel file {options.channels} cannot be read ({error}). "
            "Give a text file with one shape key name per line."
        ) from error
    given = {name.strip() for name in names if name.strip()}
    bones = frozenset(name for name in given if name.startswith(BONE))
    return Rig(frozenset(given - bones), frozenset(name.removeprefix(BONE) for name in bones), preset=options.preset)


def _meta(options: argparse.Namespace, settings: Settings, wave: Waveform) -> dict[str, object]:
    """What is written beside the motion: how it was made."""
    given = {name: getattr(options, name) for name in ("preset", "transcript", "transcript_file", "language")}
    sound = {"audio": Path(options.audio).name, "duration_s": wave.duration_s}
    return {**sound, **arguments.described(settings), **given}


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    """A bar on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    from tqdm import tqdm

    with tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed}<{remaining}", leave=False) as bar:
        yield lambda fraction: bar.update(100 * fraction - bar.n) and None


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
    table = [tuple(rows[0]), *(tuple(str(value) for value in row.values()) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(run())
