"""What PMMTalk-S reaches beside the model whose encoder it shares.

    python -m tests.bench.pmmtalk_figures ../shared/data --json docs/figures/pmmtalk.json

Both models on english_aligned (sound alone, unseen voices, with transcript) and on filmed lips, by the path that ships.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from engine.learn.data.evaluation_sets import read_set
from engine.learn.data.filmed_lips import FilmedClip, filmed_clips
from engine.learn.evaluate.baselines import evaluation_settings, our_mouth
from engine.learn.evaluate.bootstrap import Figure, figures
from engine.learn.evaluate.evaluate import with_transcript
from engine.learn.evaluate.filmed import figures_of
from engine.learn.evaluate.metrics import SeenMouth, gather, pool, reference_mouth

MODELS = ("mini", "pmmtalk")
SOUND, UNSEEN, WORDS = "sound alone", "unseen voices", "with transcript"
FILMED = {"filmed lips": False, "filmed lips, with transcript": True}


def spoken(model: str, folder: Path) -> dict[str, dict[str, Figure]]:
    """Rows of english_aligned by column."""
    recordings, settings = read_set(folder)[0], evaluation_settings(model)
    mouths = {SOUND: {clip.name: our_mouth(clip.samples, settings) for clip in recordings.clips}}
    mouths[UNSEEN] = {name: mouth for name, mouth in mouths[SOUND].items() if name in recordings.unseen}
    mouths[WORDS] = with_transcript(recordings, settings)
    truth = {clip.name: reference_mouth(clip.phones, clip.frames) for clip in recordings.clips}

    def rows(column: Mapping[str, SeenMouth]) -> dict[str, Figure]:
        return figures(pool([gather(mouth, recordings.phones[name], truth[name]) for name, mouth in column.items()]))

    return {name: rows(column) for name, column in mouths.items()}


def filmed(model: str, folder: Path, with_words: bool) -> dict[str, Figure]:
    """Rows of filmed lips, on the clips that taught nothing, by the sound alone or with what is said in them."""
    settings = evaluation_settings(model)

    def mouth(clip: FilmedClip) -> SeenMouth:
        known = replace(settings, transcript=clip.text, language="en") if with_words else settings
        return our_mouth(clip.samples, known)

    return figures_of(list(filmed_clips(folder, reported=True)), mouth)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for model in MODELS:
        columns = spoken(model, options.data / "speech" / "english_aligned")
        for name, with_words in FILMED.items():
            columns[name] = filmed(model, options.data / "paired" / "grid_s1", with_words)
        found[model] = {name: {row: asdict(figure) for row, figure in rows.items()} for name, rows in columns.items()}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
