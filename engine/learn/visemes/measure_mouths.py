"""Measure the table of mouths that phone edits use (engine/speech/phone_mouths.json) on a model.

    python -m engine.learn.visemes.measure_mouths               measure the bundled model, write the table python -m
    engine.learn.visemes.measure_mouths --check       measure, and say how far the table is off

Speech of espeak-ng with known phones goes through the model; each channel is then explained as a mix of one value per
phone, mixed by dominance (ridge regression). How firmly a phone insists on its value comes from the teacher (targets).
"""

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ... import animate
from ...speech.coarticulation import GROUPS, TABLE, columns_of, shares
from ...values.channels import ARKIT_52
from ...values.phones import BILABIALS, LABIODENTALS, PHONES
from ...values.types import FloatArray, Settings, Waveform
from ..synth import languages, text
from ..synth.espeak import Espeak
from ..synth.phones import Phone
from .targets import viseme_tables

SEED = 6
LINES, FOREIGN_LINES = 120, 30              # English, and of each language below
FOREIGN = ("de", "fr", "sv")               # for ü and ö
RIDGE = 0.5                                 # frames of a mouth at rest that each phone is given
STILL = 0.004                               # a channel that moves less (standard deviation) is none of speech
CONTACT_STRENGTH = 2.0                      # of p b m f v in the curves that make contact, beside 1 of all others
STRENGTH_COLUMNS = {"opening": 0, "rounding": 1}       # of the teacher's strengths


@dataclass(frozen=True)
class Measured:
    """targets (n_phones, n_channels), strengths (n_phones, n_groups), explained share of each channel's variance."""

    channels: tuple[str, ...]
    targets: FloatArray
    strengths: FloatArray
    explained: FloatArray


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=Settings.model, help="model id or folder (default: %(default)s)")
    parser.add_argument(
        "--check", action="store_true", help="measure, and compare with the table instead of writing it"
    )
    options = parser.parse_args(arguments)
    measured = measure(options.model)
    lines = [
        f"{channel:22} {share:.0%} explained"
        for channel, share in zip(measured.channels, measured.explained, strict=True)
    ]
    if options.check:
        content = json.loads(TABLE.read_text(encoding="utf-8"))
        table = np.array([content["phones"][label]["mouth"] for label in PHONES])
        lines.append(f"table is off by at most {np.abs(table - measured.targets).max():.3f}")
    else:
        TABLE.write_text(as_json(measured), encoding="utf-8")
        lines.append(f"{TABLE}: {len(PHONES)} phones, {len(measured.channels)} channels")
    sys.stdout.write("\n".join(lines) + "\n")


def measure(model: str, lines: int = LINES, foreign_lines: int = FOREIGN_LINES) -> Measured:
    """Mouths of a model in its neutral style. Raises EngineError: no espeak-ng, no such model."""
    spoken = [_spoken(samples, phones, model) for samples, phones in _speech(lines, foreign_lines)]
    weights = np.concatenate([motion for motion, _, _ in spoken])
    moving = [column for column in range(len(ARKIT_52)) if weights[:, column].std() > STILL]
    channels = tuple(ARKIT_52[column] for column in moving)
    weights = weights[:, moving]
    strengths = _strengths()
    targets = np.zeros((len(PHONES), len(channels)))
    explained = np.zeros(len(channels))
    for number, group in enumerate(GROUPS):
        columns = columns_of(group, channels)
        mixes = np.concatenate([shares(phones, seconds, group, strengths[:, number]) for _, phones, seconds in spoken])
        targets[:, columns] = np.linalg.solve(
            mixes.T @ mixes + RIDGE * np.eye(len(PHONES)), mixes.T @ weights[:, columns]
        )
        rest = weights[:, columns] - mixes @ targets[:, columns]
        explained[columns] = 1 - rest.var(axis=0) / weights[:, columns].var(axis=0)
    targets[PHONES.index("SIL")] = 0        # a face at rest, whatever is left of the words around a pause
    return Measured(
        channels, np.asarray(np.clip(targets, 0, 1), np.float32), strengths, np.asarray(explained, np.float32)
    )


def as_json(measured: Measured) -> str:
    """The table as a file's text, one phone a line."""
    rows = [
        f' {json.dumps(label)}: ' + json.dumps({
            "strength": {group.name: round(float(value), 3) for group, value in zip(GROUPS, strengths, strict=True)},
            "mouth": [round(float(value), 3) for value in target],
        }) for label, strengths, target in zip(PHONES, measured.strengths, measured.targets, strict=True)
    ]
    made_by, channels = json.dumps("python -m engine.learn.visemes.measure_mouths"), json.dumps(measured.channels)
    phones = ",\n".join(rows)
    return f'{{"made_by": {made_by},\n"channels": {channels},\n"phones": {{\n{phones}\n}}}}\n'


def _speech(lines: int, foreign_lines: int) -> list[tuple[NDArray[np.int16], tuple[Phone, ...]]]:
    """Lines at several speeds and pitches, with their phones."""
    dice, programs = random.Random(SEED), Espeak()
    kinds = (text.english_text, text.lip_pairs, text.contrast_syllables)
    wanted = [(kinds[number % len(kinds)](dice), "en-us") for number in range(lines)]
    wanted += [(languages.language_text(dice, voice), voice) for voice in FOREIGN for _ in range(foreign_lines)]
    spoken = []
    for line, voice in wanted:
        try:
            said = programs.speak(line, voice, dice.randint(140, 190), dice.randint(30, 70), 50)
        except ValueError:      # a line of hardly any phones
            continue
        spoken.append((said.samples, said.phones))
    return spoken


def _spoken(
    samples: NDArray[np.int16], phones: tuple[Phone, ...], model: str,
) -> tuple[FloatArray, tuple[Phone, ...], NDArray[np.float64]]:
    """What the model does (n, 52), on which phones, at which seconds."""
    motion = animate(Waveform(samples.astype(np.float32) / np.float32(32768)), Settings(model=model, raw=True)).motion
    columns = [motion.channels.index(name) for name in ARKIT_52]
    return motion.weights[:, columns], phones, np.arange(len(motion.weights)) / motion.fps


def _strengths() -> FloatArray:
    strengths = viseme_tables()[1]
    columns = [
        strengths[:, STRENGTH_COLUMNS[group.name]] if group.name in STRENGTH_COLUMNS else _contact_strength()
        for group in GROUPS
    ]
    return np.asarray(np.stack(columns, axis=1), np.float32)


def _contact_strength() -> FloatArray:
    return np.array([CONTACT_STRENGTH if label in BILABIALS | LABIODENTALS else 1.0 for label in PHONES], np.float32)


if __name__ == "__main__":
    main()
