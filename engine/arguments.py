"""Options of the command line, and the Settings that they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from .farm import LINES_A_BLENDER
from .files import motion
from .values.option_row import STYLE, Option, with_fields
from .values.options import OPTIONS
from .values.settings import Life, Settings

FORMATS = ("npz", "csv", "json", "metahuman.csv", "metahuman.json")
# groups of fields of Settings as they are called beside the motion in a file
META_GROUPS = {
    "gains": "gain", "delays": "delay", "region_smooth": "smooth", "life": "life", "mood": "mood", "regions": "region",
}


def add_animate(parser: argparse.ArgumentParser) -> None:
    """Options of `animate`: the table's, and what only a command line needs."""
    parser.add_argument("audio", metavar="AUDIO", nargs="?", default="", help=(
        "wav, flac, ogg or mp3; left out, the transcript is spoken by espeak-ng, as a placeholder"))
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help=".npz, .csv (Live Link Face) or .json")
    _add_options(parser)


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Options of `batch`: all of `animate` as defaults, and how to run."""
    parser.add_argument("source", metavar="JOBS|FOLDER|GLOB", help=(
        "a jobs file (.jsonl, .json), a folder of sounds, or a pattern in quotes"))
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="for the results, journal and report")
    parser.add_argument("--name", default="{path}", metavar="PATTERN", help=(
        "of each result in that folder; {path}: of the sound from its folder on, {name}, {id} (default: {path})"))
    parser.add_argument("--format", action="append", choices=FORMATS, help=(
        "of results whose name has no ending; may be given several times (default: npz)"))
    parser.add_argument("--transcripts", metavar="CSV", help="names and texts of the sounds")
    parser.add_argument("--no-transcripts", action="store_true", help="leave LINE.txt beside LINE.wav alone")
    parser.add_argument("--shard", default="", metavar="I/N", help="only every N-th line, from the I-th on")
    parser.add_argument("--resume", action="store_true", help="leave out what is done, if its inputs are as they were")
    parser.add_argument("--overwrite", action="store_true", help="replace files that this batch did not make")
    add_workers(parser, "processes, each with one thread (default: one for each core but one; with --ray all that fit)")
    parser.add_argument("--by-value", action="store_true", help=(
        "with --ray: send sounds to the nodes and results back, where they share no disk with this computer"))
    _add_options(parser)


def add_workers(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Who does the work, here or on a cluster."""
    parser.add_argument("--workers", type=int, default=0, metavar="N", help=help_text)
    parser.add_argument("--ray", default="", metavar="ADDRESS", help=(
        "work on a Ray cluster: host:port of its head, or auto (docs/FARM.md)"))
    parser.add_argument("--worker-cpus", type=float, default=1.0, metavar="N", help=(
        "with --ray: processors that each worker takes (default: %(default)g)"))
    parser.add_argument("--worker-gpus", type=float, metavar="SHARE", help=(
        "with --ray: graphics cards that each worker takes; 0.25 lets four share one (default: 0.25 with --device "
        "cuda, else 0)"))


def add_farm(parser: argparse.ArgumentParser) -> None:
    """Options of `farm`."""
    parser.add_argument("jobs_file", metavar="SHOTS", help="a jobs file of Blender (.jsonl, .json; docs/BATCH.md)")
    parser.add_argument("--blender", required=True, metavar="PATH", help=(
        "Blender on every node, or a Python that has it as the module bpy; the extension is enabled there"))
    parser.add_argument("--report", default="", metavar="FILE", help="what became of each job (default: beside SHOTS)")
    parser.add_argument("--lines", type=int, default=LINES_A_BLENDER, metavar="N", help=(
        "that one Blender makes at the least; a .blend file is never cut (default: %(default)s)"))
    parser.add_argument("--resume", action="store_true", help="leave out what is done, if its inputs are as they were")
    parser.add_argument("--overwrite", action="store_true", help="replace files that these jobs did not make")
    parser.add_argument("--overwrite-input", action="store_true", help="let save name the file that is opened")
    add_workers(parser, "Blenders at once (default: one for each core but one; with --ray all that fit)")


def _add_options(parser: argparse.ArgumentParser) -> None:
    for option in OPTIONS:
        if option.name == "transcript":
            words = parser.add_mutually_exclusive_group()
            _add(words, option)
            words.add_argument("--transcript-file", metavar="FILE", help="the same from a text file (UTF-8)")
        else:
            _add(parser, option)
        if option.name == "language":
            _add_files(parser)


def _add(parser: argparse._ActionsContainer, option: Option) -> None:
    flag = option.flag
    if flag is None:
        return
    usual = _field(Settings(), option.sets)
    name, dest = f"--{flag.name}", _dest(option)
    if isinstance(option.default, bool):
        parser.add_argument(name, action="store_true", help=flag.help)
    elif flag.repeats:
        parser.add_argument(name, action="append", metavar=flag.metavar, help=flag.help)
    elif flag.alone is not None:
        pair = parser.add_mutually_exclusive_group()
        pair.add_argument(
            name, type=float, nargs="?", const=flag.alone, metavar=flag.metavar, help=flag.help,
        )
        no_help = f"no {flag.name}" if usual else argparse.SUPPRESS
        pair.add_argument(f"--no-{flag.name}", dest=dest, action="store_const", const=0.0, help=no_help)
    else:
        choices = [item for item, _, _ in option.items] or None
        parser.add_argument(
            name, type=type(option.default), default=usual, choices=choices, metavar=flag.metavar, help=flag.help,
        )


def _add_files(parser: argparse.ArgumentParser) -> None:
    """Phones and rig, which come from files."""
    parser.add_argument(
        "--phones", metavar="FILE", help="also write what is said when: .json with [class, start, end in seconds]",
    )
    parser.add_argument("--phones-in", metavar="FILE", help=(
        "what is said when, where you know better: such a file, edited; "
        "only the neighbourhood of what differs from what is heard changes"))
    parser.add_argument("--preset", default="", help=(
        "rig preset: a name, a JSON file or auto, with --channels; or a taught head (.npz)"))
    parser.add_argument("--channels", metavar="FILE", help=(
        "names of the rig's shape keys, one per line; a bone as bone:NAME"))


def _dest(option: Option) -> str:
    return option.flag.name.replace("-", "_") if option.flag else ""


def by_name() -> dict[str, Option]:
    """The options of `animate` by the name that a parsed command line has for them."""
    return {_dest(option): option for option in OPTIONS if option.flag}


def _field(settings: Settings, path: str) -> object:
    """The field of Settings that a row sets."""
    value: object = settings
    for name in path.split(".")[1:]:
        value = getattr(value, name)
    return value


def settings_of(given: argparse.Namespace, transcript: str | None) -> Settings:
    """What was asked for, apart from heads and identities. Raises SettingError; OutputError for a file of phones."""
    apart = ("head", "identity", "transcript")
    fields = {
        option.sets.removeprefix("Settings."): getattr(given, _dest(option))
        for option in OPTIONS
        if option.flag and option.name not in apart and getattr(given, _dest(option)) is not None
    }
    phones = motion.read_phones(given.phones_in) if given.phones_in else None
    life = Life(performance=given.performance)      # with its amounts, where none is given
    return with_fields(Settings(transcript=transcript, phones=phones, life=life), fields)


def described(settings: Settings) -> dict[str, object]:
    """The settings that are written into a file beside its motion, as plain values."""
    found: dict[str, object] = {}
    for option in OPTIONS:
        if option.flag and option.role == STYLE:
            group, _, name = option.sets.removeprefix("Settings.").rpartition(".")
            found[f"{META_GROUPS[group]}_{name}" if group else name] = _field(settings, option.sets)
    return found


def add_style(parser: argparse.ArgumentParser) -> None:
    """Options of `style`."""
    _add_path(parser, "path", "REFERENCE", ".csv, .npz or .json of face motion, or a style")
    _add_path(parser, "-o", "NAME.style.json", "the style to write")
    parser.add_argument("--model", default="composite", help="model id or folder (default: %(default)s)")
    for name in ("strength", "reference_2", "reference_mix"):
        _add(parser, next(option for option in OPTIONS if option.name == name))


def add_teach(parser: argparse.ArgumentParser) -> None:
    """Options of `teach`."""
    parser.add_argument("audio", metavar="AUDIO", help="the sound of the take")
    parser.add_argument("curves", metavar="CURVES", help=(
        ".csv: time, then a column per control (a shape key, bone:NAME.rotation_euler[0], property:PATH)"))
    _add_path(parser, "-o", "HEAD.npz", "the taught head; give it to animate as --preset")
    parser.add_argument("--model", default=Settings.model, help="model id or folder (default: %(default)s)")
    parser.add_argument("--identity", default=Settings.identity, help="style to learn in (default: %(default)s)")


def add_learning(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], run: Callable[[argparse.Namespace], None],
) -> None:
    """Commands of engine/learn; they import torch, so each loads its module only when it runs."""
    for name, help_text, add in (
        ("train", "make the corpus and train a model, as a .toml file says", _add_train),
        ("finetune", "go on from a trained model with a data set of one's own", _add_finetune),
        ("export", "turn the newest checkpoint of a training run into a model folder", _add_export),
        ("corpus", "make the training corpus alone; `train` makes it too where it is missing", _add_corpus),
        ("convert", "turn a released UniTalker, FaceFormer or CodeTalker checkpoint into a model folder", _add_convert),
        ("track", "make a data set of films of faces", _add_track),
        ("evaluate", "measure a model on real recordings with known phones", _add_evaluate),
    ):
        parser = commands.add_parser(name, help=help_text)
        add(parser)
        parser.set_defaults(command=run, learn=name)


def _add_path(parser: argparse.ArgumentParser, name: str, metavar: str, help_text: str = "") -> None:
    """A file or folder: where it is, a flag, or with -o where to write."""
    if name == "-o":
        parser.add_argument("-o", "--output", type=Path, required=True, metavar=metavar, help=help_text)
    else:
        parser.add_argument(name, type=Path, metavar=metavar, help=help_text or None)


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_path(parser, "path", "CONFIG")
    _add_path(
        parser, "--data", "FOLDER", "recordings to train on and to choose the best checkpoint by (default: none)",
    )


def _add_finetune(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="SOURCE", help="run, checkpoint of one, or model id or folder")
    _add_path(parser, "path", "DATASET", "folder of the data set")
    parser.add_argument("--reader", default="takes", help="layout of the data set (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=40, help="visits of each clip (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=0, metavar="N", help=(
        "learn from the first N clips alone; 1 is one-shot (default: all)"))
    parser.add_argument("--decoder-only", action="store_true", help="the encoder stays as it is")
    parser.add_argument("--fresh-decoder", action="store_true", help=(
        "keep the encoder alone: for an annotation that SOURCE has not seen"))
    parser.add_argument("--photometric", type=float, default=0.0, metavar="WEIGHT", help=(
        "also compare vertices as a camera sees them; DATASET/mesh.npz holds the triangles (default: 0, not at all)"))
    parser.add_argument("--seed", type=int, default=1, help="of the shuffling (default: %(default)s)")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help=(
        "for what was prepared and the run (default: unitalker-work beside DATASET)"))
    _add_path(parser, "-o", "DIR", "the model folder to write")


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_path(parser, "path", "RUN")
    _add_path(parser, "-o", "DIR", "the model folder to write")


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    _add_path(parser, "path", "FOLDER", "where to; stopped, it goes on where it was")
    _add_path(parser, "--data", "FOLDER", "recordings that may be trained on (default: none)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the whole corpus of above 20 h (default: 1)")


def _add_convert(parser: argparse.ArgumentParser) -> None:
    _add_path(parser, "path", "CHECKPOINT", ".pt, .pth or .safetensors")
    parser.add_argument("--encoder", type=Path, required=True, metavar="DIR", help=(
        "folder with the encoder's config.json and preprocessor_config.json"))
    _add_path(parser, "--pca", "DIR", (
        "data root with DATASET/pca.npz and id_template.npy; without it vertex heads are left out"))
    _add_path(
        parser, "--config", "YAML", "the official yaml it was trained with (default: the released values)",
    )
    _add_path(parser, "--codebook", "FILE", "CodeTalker's first stage, where the checkpoint does not hold it")
    _add_path(parser, "--template", "NPY", "neutral face of a FaceFormer or CodeTalker checkpoint (default: zeros)")
    parser.add_argument("--precision", choices=("fp32", "fp16", "int8"), default="fp32", help=(
        "of the encoder's weights (default: fp32)"))
    _add_path(parser, "-o", "DIR", "the model folder to write")


def add_import(parser: argparse.ArgumentParser) -> None:
    """The arguments of `import`."""
    _add_path(parser, "path", "CAPTURE", (
        "Live Link Face csv; MediaPipe csv or json; npz of curves, landmarks or vertices"))
    _add_path(parser, "-o", "OUT", "file to write: .npz, .csv (Live Link Face) or .json")
    _add_path(parser, "--audio", "SOUND", (
        "its sound from the same moment on: checks the offset, finds the resting face"))
    _add_path(parser, "--keys", "NPZ", (
        "for landmarks and vertices: `neutral` (n, 3), `keys` (k, n, 3) and `names` of a head's own shapes"))
    parser.add_argument("--fps", type=float, metavar="N", help="frames per second (default: the capture's)")
    parser.add_argument("--keep-rest", action="store_true", help="leave the resting face in")


def _add_track(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO", help="films of one face with sound")
    parser.add_argument("--landmarker", type=Path, required=True, metavar="TASK", help=(
        "MediaPipe's face_landmarker.task with blendshapes"))
    parser.add_argument("--person", default="", help="who speaks in all of them (default: the folder of each film)")
    parser.add_argument("--fps", type=float, default=0.0, metavar="N", help="frames per second (default: the film's)")
    _add_path(parser, "-o", "DATASET", "folder to write")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="model id or folder; or a training run, for a set of faces")
    _add_path(parser, "path", "DATASET", (
        "folder of recordings with known phones, or a word: speech, robustness (all of --data); of a run its made "
        "sets' names, or with --reader a folder"))
    parser.add_argument("--reader", default="", help="layout of a set of faces, whose clips a training run is tried on")
    _add_path(parser, "--data", "FOLDER", "holds speech/ and paired/ (default: one beside the checkout)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help=(
        "also write JSON to FILE; without FILE as JSON instead of a table"))
    _add_path(parser, "--pictures", "FOLDER", "draw one picture per clip: sound, phones, curves")
