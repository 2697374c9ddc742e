"""`corpus FOLDER`: make the training corpus by itself, say how long that took, how many hours of what it holds, and how true its times are."""

from __future__ import annotations

import argparse
import logging
import sys
import time

from ..synth.corpus import corpus_hours, make_corpus
from ..synth.timing import timing_table


def command(options: argparse.Namespace) -> None:
    """`corpus FOLDER`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    began_s = time.monotonic()
    total = make_corpus(options.path, options.scale, options.data)
    taken_s = time.monotonic() - began_s
    lines = [f"{source:20s} {hours:6.2f} h" for source, hours in corpus_hours(options.path).items()]
    lines += [
        f"{'all':20s} {total:6.2f} h, made in {taken_s / 60:.1f} minutes", "",
        "Closures of p, b and m between vowels: where the sound falls and rises, in ms behind the label (medians)", timing_table(options.path),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
