"""`evaluate MODEL DATASET [--data FOLDER] [--json [FILE]] [--pictures FOLDER]`."""

from __future__ import annotations

import argparse

from . import robustness, tables
from .evaluate import evaluate_all
from .pictures import draw_report
from .report import write_result

ROBUSTNESS = "robustness"  # a word in the place of a dataset


def command(options: argparse.Namespace) -> None:
    """The command."""
    if str(options.path) == ROBUSTNESS:
        robustness.command(options)
        return
    report = evaluate_all(options.model, options.path, options.data)
    if options.pictures:
        draw_report(report.sets, [clip.curves for clip in report.paired], options.pictures)
    write_result(options.json, tables.as_json(report), lambda: tables.speech(report))
