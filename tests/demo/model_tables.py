"""The tables of docs/MODEL.md from what the evaluator wrote.

    python -m engine evaluate weights/mini speech --json docs/figures/mini.json
    python -m engine evaluate weights/mini robustness --json docs/figures/robustness.json
    python -m engine.learn.manners.figures weights/composite --data FOLDER --json docs/figures/composite.json
    python -m tests.demo.model_tables             # writes them between the marks of docs/MODEL.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.values.settings import MANNER_REGIONS

ROOT = Path(__file__).resolve().parents[2]
PAGE, FIGURES = ROOT / "docs" / "MODEL.md", ROOT / "docs" / "figures"
NOW, BEFORE, WORSE_SOUND = "mini.json", "mini_0.1.json", "robustness.json"
BEGIN, END = "<!-- figures: tests/demo/model_tables.py -->", "<!-- end of figures -->"
MANNERS = "composite.json"
MANNERS_BEGIN, MANNERS_END = "<!-- manners: tests/demo/model_tables.py -->", "<!-- end of manners -->"
MANNER_GOALS = {
    **{f"amplitude r, {region}": "≥ 0.9" for region in MANNER_REGIONS}, "rest, mean error": "≤ 0.03",
    "leading side right": "≥ 0.95", "pbm_recall": "≥ 0.96",
}
OTHERS = ("Rhubarb words", "Rhubarb + transcript", "Rhubarb phonetic", "loudness", "viseme model")
OURS = {
    "ours": "all", "ours, unseen voices": "unseen voices", "ours + transcript": "with transcript",
    "ours, room + noise": "room + noise", "ours, opening by A": "opening by A",
}
DECIMALS = {"jitter": 4, "vowels_shut": 3, "closure_auc": 3, "round_auc": 3, "open_auc": 3}
SIGNS = {"above": "≥", "below": "≤", "within": "±"}

Row = Sequence[str]


def tables(now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """All tables, as Markdown."""
    parts = [_set(one, old, now["goals"]) for one, old in zip(now["sets"], before["sets"], strict=True)]
    parts += [_paired(now["paired"], before["paired"])]
    for one, old in zip(now["filmed"], before["filmed"], strict=True):
        title = f"Filmed lips: {one['clips']} clips of {one['name']} that taught nothing"
        parts.append(_rows(title, one["systems"]["ours"], old["systems"]["ours"], one["systems"]["loudness"]))
    title = f"Effort and laughter: {now['expression']['clips']} clips of unseen voices"
    parts.append(_rows(title, now["expression"]["figures"], before["expression"]["figures"]))
    return "\n\n".join(parts)


def robustness(worse: Mapping[str, Any]) -> str:
    """Conditions, and sounds without speech, as Markdown."""
    rows = [["condition", "goal for each r", "gap", "jaw", "rounding", "closure", "p b m shut", ""]]
    for one in worse["conditions"]:
        cells = [_with_interval(one["r"][name], "") for name in ("opening", "jaw", "rounding", "closure")]
        goal = "-" if one["goal"] is None else f"≥ {one['goal']:g}"
        met = "-" if one["goal"] is None else "missed: " + ", ".join(one["missed"]) if one["missed"] else "met"
        rows.append([one["name"], goal, *cells, _with_interval(one["pbm_shut"], ""), met])
    rests = [["nobody speaks (goal: mean gap below .05)", "mean gap", "largest", "mean jaw", "mean rounding"]]
    for one in worse["rest"]:
        values = (one[name] for name in ("mean_opening", "largest_opening", "mean_jaw", "mean_rounding"))
        rests.append([one["name"], *(f"{value:.3f}" for value in values)])
    return "### Worse sound\n" + _markdown(rows) + "\n\n" + _markdown(rests)


def page_tables() -> str:
    """All that stands between the marks of the page."""
    return tables(read(NOW), read(BEFORE)) + "\n\n" + robustness(read(WORSE_SOUND))


def manners(found: Mapping[str, float]) -> str:
    """What the model of manners takes over from references, as Markdown."""
    rows = [["row", "goal", "composite"]]
    rows += [[name, MANNER_GOALS.get(name, "-"), f"{value:.{0 if name.endswith('_ms') else 3}f}"]
             for name, value in found.items()]
    return _markdown(rows)


def written(page: str, text: str, begin: str = BEGIN, end: str = END) -> str:
    """The page with the tables between its marks."""
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


def read(name: str) -> Mapping[str, Any]:
    """One file of figures."""
    content: Mapping[str, Any] = json.loads((FIGURES / name).read_text(encoding="utf-8"))
    return content


def _set(now: Mapping[str, Any], before: Mapping[str, Any], goals: Mapping[str, Any]) -> str:
    """One set: its rows, what is aimed at, and for each of our columns 0.1 and now."""
    systems = now["systems"]
    ours = [name for name in OURS if name in systems]
    others = [name for name in OTHERS if name in systems]
    head = ["row", "events", "goal, with transcript"]
    head += [f"{OURS[name]}: {when}" for name in ours for when in ("0.1", "now")] + others
    rows = [head]
    for measure, figure in systems["ours"].items():
        goal = goals.get(measure)
        aimed = "-" if goal is None else f"{SIGNS[goal['how']]} {goal['plain']:g}, {goal['transcript']:g}"
        cells = [measure, str(figure["events"]), aimed]
        for name in ours:
            old = before["systems"].get(name, {}).get(measure)
            cells += [_value(old, measure), _with_interval(systems[name][measure], measure)]
        rows.append(cells + [_value(systems[name].get(measure), measure) for name in others])
    size = f"{now['clips']} clips, {now['seconds']:.0f} s"
    return f"### {now['name']} ({now['language']}): {now['title']}; {size}\n" + _markdown(rows)


def _paired(now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> str:
    """Animators' curves."""
    names = ("jaw", "round", "funnel", "pucker", "press")
    rows = [["clip", "trains", *(f"{name}: {when}" for name in names for when in ("0.1", "now")), "jaw: loudness"]]
    for one, old in zip(now, before, strict=True):
        cells = [one["name"], "yes" if one["role"] == "train" else "no"]
        for name in names:
            cells += [_r(old["systems"]["ours"].get(name)), _r(one["systems"]["ours"].get(name))]
        rows.append([*cells, _r(one["systems"]["loudness"].get("jaw"))])
    title = "### facegood_zh (zh): Mandarin, animators' curves from video, r at no shift, best shift in ms\n"
    return title + _markdown(rows)


def _r(figures: Mapping[str, Any] | None) -> str:
    return "-" if figures is None else f"{figures['r']['value']:.2f}, {figures['lag_ms']:+.0f}"


def _rows(
    title: str, now: Mapping[str, Any], before: Mapping[str, Any], other: Mapping[str, Any] | None = None,
) -> str:
    rows = [["row", "0.1", "now", *(["loudness"] if other else [])]]
    for name, figure in now.items():
        last = [_value(other[name], name)] if other else []
        rows.append([name, _value(before[name], name), _with_interval(figure, name), *last])
    return f"### {title}\n" + _markdown(rows)


def _value(figure: Mapping[str, Any] | None, measure: str) -> str:
    if figure is None or figure["value"] is None:
        return "-"
    return _number(figure["value"], measure)


def _with_interval(figure: Mapping[str, Any], measure: str) -> str:
    if figure["value"] is None or figure["low"] is None:
        return _value(figure, measure)
    return f"{_number(figure['value'], measure)} [{_number(figure['low'], measure)} {_number(figure['high'], measure)}]"


def _number(value: float, measure: str) -> str:
    return f"{value:.{0 if measure.endswith('_ms') else DECIMALS.get(measure, 2)}f}"


def _markdown(rows: Sequence[Row]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


if __name__ == "__main__":
    with_speech = written(PAGE.read_text(encoding="utf-8"), page_tables())
    PAGE.write_text(written(with_speech, manners(read(MANNERS)), MANNERS_BEGIN, MANNERS_END), encoding="utf-8")
