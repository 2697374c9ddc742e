"""Options of the command line: their names, ranges and defaults, and the Settings that they ask for. What they do is in __main__.py."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .files import motion
from .model import runtime
from .values.settings import REGIONS, Delays, Gains, Life, RegionSmooth, Settings


def add_animate(parser: argparse.ArgumentParser) -> None:
    """Options of `animate`."""
    parser.add_argument("audio", metavar="AUDIO", help="wav, flac, ogg or mp3")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help=".npz, .csv (Live Link Face) or .json")
    parser.add_argument("--model", default=Settings.model, help="model id or folder (default: %(default)s)")
    parser.add_argument("--head", default="", help="head id, or all: one file per head, named OUT.HEAD (default: the model's own)")
    parser.add_argument("--identity", action="append", metavar="ID", help=(
        'pivot, an id, "#12" (row of the style table) or blend:A=0.3,B=0.7; may be given several times: one file each (default: pivot)'))
    parser.add_argument("--strength", type=float, default=1.0, help="0 (pivot) to 2 (default: 1)")
    parser.add_argument("--fps", type=float, default=30.0, help="frames per second of the result (default: 30)")
    parser.add_argument("--smooth", type=float, default=0.0, help="0 to 1; closed lips stay closed (default: 0)")
    for region in REGIONS:
        parser.add_argument(f"--gain-{region}", type=float, default=1.0, metavar="G", help=f"factor of the {region}, 0 to 2 (default: 1)")
    _add_timing(parser)
    _add_life(parser)
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--transcript", metavar="TEXT", help="what is said: sharpens the mouth; a text that does not fit is left out with a warning")
    words.add_argument("--transcript-file", metavar="FILE", help="the same from a text file (UTF-8)")
    parser.add_argument("--language", default="", metavar="CODE", help="of the transcript, such as de or en-gb (default: by its script; Latin letters: en-us)")
    parser.add_argument("--phones", metavar="FILE", help="also write what is said when: .json with [class, start, end in seconds]")
    parser.add_argument("--phones-in", metavar="FILE", help="what is said when, where you know better: such a file, edited; only the neighbourhood of what differs from what is heard changes")
    parser.add_argument("--preset", default="", help="rig preset: a name, a JSON file or auto, with --channels; or a taught head (.npz)")
    parser.add_argument("--channels", metavar="FILE", help="names of the rig's shape keys, one per line; a bone as bone:NAME")
    parser.add_argument("--device", choices=runtime.DEVICES, default="auto", help="where the network runs (default: auto)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes all cores but one")
    parser.add_argument("--raw", action="store_true", help="the head's exact output: nothing of the above but model, head, identity and strength")
    parser.add_argument("--template", default="", metavar="NPY", help="neutral face to add the output to, flat and in the model's scale")


def _add_timing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--articulation", type=float, default=0.0, metavar="A", help="-1 (relaxed) to 1 (precise) (default: 0)")
    parser.add_argument("--anticipation", type=float, default=0.0, metavar="SECONDS", help=(
        "how much earlier lips begin to round, open and spread, 0 to 0.5; they meet when they did (default: 0)"))
    for region in REGIONS:
        parser.add_argument(f"--delay-{region}", type=float, default=0.0, metavar="SECONDS", help=f"how much later the {region} move{'s' if region == 'jaw' else ''}, -1.25 to 1.25 (default: 0)")
        parser.add_argument(f"--smooth-{region}", type=float, default=0.0, metavar="S", help=f"smoothing of the {region}, 0 to 1, on top of --smooth (default: 0)")


def _add_life(parser: argparse.ArgumentParser) -> None:
    """Amounts of life: without a value a switch means 1."""
    for name, of, usual in (
        ("blinks", "blinks, as a factor of how often people blink", 1.0), ("brow-raises", "brow raises on stressed syllables", 0.0),
        ("head-motion", "small turns, nods and tilts of the head", 0.0), ("eye-motion", "small jumps of the gaze, and eyes that stay while the head turns", 0.0),
        ("breath", "breath of chest and shoulders", 0.0),
    ):
        group = parser.add_mutually_exclusive_group()
        group.add_argument(f"--{name}", type=float, nargs="?", const=1.0, default=usual, metavar="AMOUNT", help=f"{of}, 0 to 2 (default: {usual:g}; alone: 1)")
        group.add_argument(f"--no-{name}", dest=name.replace("-", "_"), action="store_const", const=0.0, help=argparse.SUPPRESS if not usual else f"no {name}")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other moments of blinks and the like (default: 0)")


def settings_of(options: argparse.Namespace, transcript: str | None) -> Settings:
    """What was asked for, apart from heads and identities. Raises SettingError; OutputError for a file of phones."""
    by_region = {kind: {region: getattr(options, f"{kind}_{region}") for region in REGIONS} for kind in ("gain", "delay", "smooth")}
    return Settings(
        model=options.model, strength=options.strength, fps=options.fps, smooth=options.smooth, gains=Gains(**by_region["gain"]),
        articulation=options.articulation, anticipation_s=options.anticipation, delays=Delays(**by_region["delay"]),
        region_smooth=RegionSmooth(**by_region["smooth"]),
        life=Life(options.blinks, options.brow_raises, options.head_motion, options.eye_motion, options.breath, options.seed),
        device=options.device, threads=options.threads, raw=options.raw, template=options.template, transcript=transcript, language=options.language,
        phones=motion.read_phones(options.phones_in) if options.phones_in else None,
    )


def told(settings: Settings) -> dict[str, Any]:
    """The settings that are written into a file beside its motion, as plain values."""
    kept = ("model", "head", "identity", "strength", "smooth", "raw", "template", "articulation", "anticipation_s")
    groups: dict[str, object] = {"gain": settings.gains, "delay": settings.delays, "smooth": settings.region_smooth, "life": settings.life}
    by_group = {f"{group}_{name}": value for group, values in groups.items() for name, value in vars(values).items()}
    return {**{name: getattr(settings, name) for name in kept}, **by_group}


def add_teach(parser: argparse.ArgumentParser) -> None:
    """Options of `teach`."""
    parser.add_argument("audio", metavar="AUDIO", help="the sound of the take")
    parser.add_argument("curves", metavar="CURVES", help=".csv: time, then a column per control (a shape key, bone:NAME.rotation_euler[0], property:PATH)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="HEAD.npz", help="the taught head; give it to animate as --preset")
    parser.add_argument("--model", default=Settings.model, help="model id or folder (default: %(default)s)")
    parser.add_argument("--identity", default=Settings.identity, help="style to learn in (default: %(default)s)")


def add_learning(commands: argparse._SubParsersAction[argparse.ArgumentParser], run: Callable[[argparse.Namespace], None]) -> None:
    """Commands of engine/learn; they import torch, so each loads its module only when it runs."""
    for name, argument, help_text in (
        ("train", "CONFIG", "make the corpus and train a model, as a .toml file says"),
        ("export", "RUN", "turn the newest checkpoint of a training run into a model folder"),
    ):
        parser = commands.add_parser(name, help=help_text)
        parser.add_argument("path", type=Path, metavar=argument)
        parser.set_defaults(command=run, learn=name)
        if name == "export":
            parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the model folder to write")
        else:
            parser.add_argument("--data", type=Path, metavar="FOLDER", help="recordings to train on and to choose the best checkpoint by (default: none)")
    parser = commands.add_parser("corpus", help="make the training corpus alone; `train` makes it too where it is missing")
    parser.add_argument("path", type=Path, metavar="FOLDER", help="where to; stopped, it goes on where it was")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="recordings that may be trained on (default: none)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the whole corpus of above 20 h (default: 1)")
    parser.set_defaults(command=run, learn="corpus")
    parser = commands.add_parser("convert", help="turn an official UniTalker checkpoint into a model folder")
    parser.add_argument("path", type=Path, metavar="CHECKPOINT", help=".pt or .safetensors")
    parser.add_argument("--encoder", type=Path, required=True, metavar="DIR", help="folder with the encoder's config.json and preprocessor_config.json")
    parser.add_argument("--pca", type=Path, metavar="DIR", help="data root with DATASET/pca.npz and id_template.npy; without it vertex heads are left out")
    parser.add_argument("--config", type=Path, metavar="YAML", help="the official yaml it was trained with (default: the released values)")
    parser.add_argument("--precision", choices=("fp32", "fp16", "int8"), default="fp32", help="of the encoder's weights (default: fp32)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the model folder to write")
    parser.set_defaults(command=run, learn="convert")
    parser = commands.add_parser("evaluate", help="measure a model on real recordings with known phones")
    parser.add_argument("model", metavar="MODEL", help="model id or folder")
    parser.add_argument("path", type=Path, metavar="DATASET", help="folder of recordings with known phones, or a word: speech, robustness (all of --data)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="holds speech/ and paired/ (default: one beside the checkout)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="also write JSON to FILE; without FILE as JSON instead of a table")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw one picture per clip: sound, phones, curves")
    parser.set_defaults(command=run, learn="evaluate")
