"""The tables of PMMTalk in docs/MODEL.md, from what tests/bench/pmmtalk_figures.py and pmmtalk_ablation.py wrote.

    python -m tests.demo.pmmtalk_tables       # writes them between the marks of docs/MODEL.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .model_tables import END, PAGE, read
from .model_tables import FIGURES as FOLDER

BEGIN = "<!-- figures: tests/demo/pmmtalk_tables.py -->"
FIGURES, ABLATION = "pmmtalk.json", "pmmtalk_ablation.json"
COLUMNS = ("sound alone", "unseen voices", "with transcript")
ROWS = (
    "pbm_recall", "closure_auc", "closure_precision", "vowels_shut", "f_recall", "v_recall", "fv_precision",
    "round_recall", "round_false", "open_auc", "silence_shut", "jitter", "r_lip",
)
FILMED = {"sound alone": "filmed lips", "with transcript": "filmed lips, with transcript"}
FILMED_ROWS = ("gap", "gap, speech", "jaw", "narrowing")
PAPER = {   # LVE / ALE of 3D-CAVFA in hundredths, cross-subject
    "all": (7.169, 0.640), "without text": (7.319, 0.682), "without audio": (8.313, 0.786),
    "without picture": (7.459, 0.697), "without temporal loss": (7.680, 0.704),
    "without semantic loss": (7.599, 0.698), "without motion loss": (7.363, 0.681),
}
MEASURES = ("cross-speaker LVE", "cross-speaker ALE", "cross-gender LVE", "cross-gender ALE")


def tables() -> str:
    """What was measured, as Markdown."""
    measured = [_beside_mini(read(FIGURES))]
    if (FOLDER / ABLATION).exists():
        measured.append(_ablation(read(ABLATION)))
    return "\n\n".join(measured)


def _beside_mini(found: Mapping[str, Any]) -> str:
    rows = [["row", *(f"{column}: {model}" for column in COLUMNS for model in ("mini", "PMMTalk"))]]
    for row in ROWS:
        cells = [_figure(found[model][column][row]) for column in COLUMNS for model in ("mini", "pmmtalk")]
        rows.append([row, *cells])
    title = f"### PMMTalk beside mini: english_aligned, 46 clips\n{_markdown(rows)}"
    if "filmed lips" not in found["pmmtalk"]:
        return title
    films = [["filmed lips", *(f"{way}: {model}" for way in FILMED for model in ("mini", "PMMTalk"))]]
    for row in FILMED_ROWS:
        cells = [_figure(found[model][column][row]) for column in FILMED.values() for model in ("mini", "pmmtalk")]
        films.append([f"r of {row}", *cells])
    return f"{title}\n\n{_markdown(films)}"


def _figure(figure: Mapping[str, Any]) -> str:
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None or np.isnan(value):
        return "-"
    digits = 4 if 0 < abs(value) < 0.02 else 3
    return f"{value:.{digits}f} [{low:.{digits}f} {high:.{digits}f}]"


def _ablation(found: Mapping[str, Any]) -> str:
    rows = [["variant", *MEASURES, "paper: LVE, ALE"]]
    for variant, values in found["results"].items():
        cells = [_spread(values[measure]) for measure in MEASURES]
        paper = PAPER.get(variant)
        rows.append([variant, *cells, f"{paper[0]:.3f}, {paper[1]:.3f}" if paper else "-"])
    return "### Ablation in small: hundredths, mean and standard deviation of three seeds\n" + _markdown(rows)


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def written(page: str) -> str:
    """The page with the tables between their marks."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{tables()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
