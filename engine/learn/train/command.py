"""The commands `train`, `export` and `corpus`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

import torch

from ..export.from_run import export
from ..synth.corpus import corpus_hours, make_corpus
from ..synth.timing import timing_table
from . import loop
from .processes import join
from .run import load_run, read_config


def command(options: argparse.Namespace) -> None:
    """`train CONFIG.toml`, `export RUN -o DIR`, `corpus FOLDER`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.learn == "train":
        train(options.path, options.data)
    elif options.learn == "export":
        export_run(options.path, options.output)
    else:
        _corpus(options)


def train(config: Path, recordings: Path | None = None) -> Path:
    """Make the data, train and export, or go on where an interrupted run stopped.

    Args:
        config: TOML with the fields of TrainConfig and of its recipe.
        recordings: as the recipe's contract says.
    Returns:
        The run's folder.
    Raises:
        SettingError: an unknown or wrong field of the config. EngineError: something that the data are made with is
            missing.
    """
    settings, recipe = read_config(config)
    work = (config.parent / settings.work).resolve()
    torch.set_num_threads(settings.threads)
    processes = join(settings.device)
    with processes.first_alone():
        training = recipe.prepare(work, recordings)
    run = work / config.stem
    loop.train(recipe, training, settings, run)
    if settings.output and processes.writes:
        export_run(run, (config.parent / settings.output).resolve())
    return run


def export_run(run: Path, output: Path) -> None:
    """Write the best checkpoint of a run's folder, or one checkpoint file, as a model folder.

    Raises:
        SettingError: no checkpoint. OutputError: as export().
    """
    export(*load_run(run), output)


def _corpus(options: argparse.Namespace) -> None:
    """Make the corpus by itself; say how long that took, how many hours of what it holds, how true its times are."""
    began_s = time.monotonic()
    total = make_corpus(options.path, options.scale, options.data)
    taken_s = time.monotonic() - began_s
    lines = [f"{source:20s} {hours:6.2f} h" for source, hours in corpus_hours(options.path).items()]
    lines += [
        f"{'all':20s} {total:6.2f} h, made in {taken_s / 60:.1f} minutes", "",
        "Closures of p, b and m between vowels: where the sound falls and rises, in ms behind the label (medians)",
        timing_table(options.path),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
