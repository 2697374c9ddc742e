"""The goals of the bundled model on real speech that it never saw, and the figures as text tables and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...values.messages import number_of
from .bootstrap import Figure
from .expression import ExpressionReport
from .filmed import FilmedReport
from .metrics import CLOSURE_TIMES
from .paired import THEIRS, PairedClip, mean_of
from .report import LOUDNESS, NOISY, OURS, UNSEEN, WITH_TRANSCRIPT, ModelReport, SetReport

KIND_MEASURES = (
    "pbm_recall", "closure_auc", "closure_precision", "fv_recall", "fv_precision", "round_recall", "round_false",
    "open_auc", "silence_shut", "r_lip", "lag_ms", "jitter",
)
DECIMALS: Mapping[str, int] = {
    "jitter": 4, "lag_ms": 1, "mtm_ms": 1, **dict.fromkeys(CLOSURE_TIMES, 0), "closure_auc": 3, "round_auc": 3,
    "open_auc": 3, "vowels_shut": 3
}


@dataclass(frozen=True)
class Goal:
    """A goal without and with the transcript; `below` goals are met from below, `within` by the size of the value."""

    plain: float
    transcript: float
    how: str = "above"

    def met(self, value: float, transcript: bool = False) -> bool | None:
        """Whether a value reaches the goal to three decimals; None for no value."""
        wanted = self.transcript if transcript else self.plain
        if math.isnan(value):
            return None
        if self.how == "above":
            return value >= wanted - 0.0005
        return (abs(value) if self.how == "within" else value) <= wanted + 0.0005


# Rows of agreement with this project's own viseme model (r_lip ... r_closure) have no goal: they would hide a fault of
# that model.
_EDGES = {f"{phone}_{edge}_ms": Goal(10.0, 10.0, "within") for phone in "pbm" for edge in ("start", "end")}
_LENGTHS = {f"{phone}_length_ms": Goal(15.0, 15.0, "within") for phone in "pbm"}
GOALS: Mapping[str, Goal] = {
    "pbm_recall": Goal(0.97, 0.99), "closure_auc": Goal(0.985, 0.99), "closure_precision": Goal(0.93, 0.97),
    "vowels_shut": Goal(0.008, 0.005, "below"),
    "fv_precision": Goal(0.93, 0.98), "f_recall": Goal(0.95, 0.97), "v_recall": Goal(0.90, 0.97), **_EDGES, **_LENGTHS,
    "round_recall": Goal(0.93, 0.97), "round_false": Goal(0.045, 0.03, "below"), "round_auc": Goal(0.975, 0.99),
    "open_auc": Goal(0.985, 0.99),
    "silence_shut": Goal(0.99, 0.99), "jitter": Goal(0.016, 0.016, "below"),
}
NOISY_GOALS: Mapping[str, Goal] = {  # room and pink noise 10 dB below the voice
    "pbm_recall": Goal(0.90, 0.90), "closure_precision": Goal(0.86, 0.86), "fv_recall": Goal(0.84, 0.84),
}
# R with the animators' curves of running speech (1114_3_16).
PAIRED_GOALS: Mapping[str, Goal] = {"jaw": Goal(0.70, 0.70), "round": Goal(0.68, 0.68)}
FILMED_GOALS: Mapping[str, Goal] = {  # on clips of the filmed talker that taught nothing
    "gap": Goal(0.82, 0.82), "gap, speech": Goal(0.78, 0.78), "jaw": Goal(0.78, 0.78), "narrowing": Goal(0.65, 0.65),
    "lag_ms": Goal(20.0, 20.0, "within"),
}
EXPRESSION_GOALS: Mapping[str, Goal] = {
    "shouted": Goal(1.25, 1.25), "effort": Goal(0.6, 0.6), "laughter": Goal(0.15, 0.15)
}
WORD_GOALS: Mapping[str, Goal] = {"silence_shut": GOALS["silence_shut"]}


def verdict(goal: Goal | None, figure: Figure | float, transcript: bool = False) -> str:
    """met, NOT met, or - where there is no goal or no event."""
    met = goal.met(figure.value if isinstance(figure, Figure) else figure, transcript) if goal else None
    return "-" if met is None else "met" if met else "NOT met"


def shown(goal: Goal | None, transcript: bool = False) -> str:
    """The goal as a reader writes it."""
    if goal is None:
        return "-"
    wanted = goal.transcript if transcript else goal.plain
    sign = {"above": ">=", "below": "<=", "within": "+-"}[goal.how]
    return f"{sign} {wanted:g}"


def speech(report: ModelReport) -> str:
    """Every set's table, ours by kind of recording, animators' curves, filmed lips, effort and laughter."""
    parts = [table for one in report.sets for table in (_set(one), _kinds(one)) if table]
    if report.paired:
        parts.append(_paired(report.paired))
    parts += [_filmed(one) for one in report.filmed]
    if report.expression is not None:
        parts.append(_expression(report.expression))
    return "\n\n".join(parts)


def as_json(report: ModelReport) -> dict[str, Any]:
    """The same figures for a program; NaN is null."""
    content: dict[str, Any] = _plain({
        "model": report.model,
        "filmed": [asdict(one) for one in report.filmed],
        "expression": asdict(report.expression) if report.expression else None,
        "goals": {name: asdict(goal) for name, goal in GOALS.items()},
        "sets": [
            {
                "name": one.recordings.name, "language": one.recordings.language, "title": one.recordings.title,
                "clips": len(one.recordings.clips), "seconds": round(one.recordings.seconds, 1),
                "speed": round(one.speed, 1),
                "systems": {name: {m: asdict(f) for m, f in column.items()} for name, column in one.systems.items()},
                "kinds": {name: {m: asdict(f) for m, f in column.items()} for name, column in one.kinds.items()},
            }
            for one in report.sets
        ],
        "paired": [
            {
                "name": clip.name, "seconds": round(clip.seconds, 1), "role": clip.role,
                "systems": {
                    name: {curve: asdict(f) for curve, f in column.items()} for name, column in clip.systems.items()
                },
            }
            for clip in report.paired
        ],
    })
    return content


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, each as wide as its widest cell."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def number(value: float, measure: str = "") -> str:
    """A value as the tables write it; - for none."""
    return "-" if math.isnan(value) else f"{value:.{DECIMALS.get(measure, 2)}f}"


def with_interval(figure: Figure, measure: str = "") -> str:
    """Value and interval."""
    if math.isnan(figure.low):
        return number(figure.value, measure)
    return f"{number(figure.value, measure)} [{number(figure.low, measure)} {number(figure.high, measure)}]"


def _set(report: SetReport) -> str:
    recordings = report.recordings
    goals = GOALS if recordings.phones else WORD_GOALS
    voices = len({clip.voice for clip in recordings.clips})
    count = f"{number_of(len(recordings.clips), 'clip')}, {recordings.seconds:.0f} s, {number_of(voices, 'voice')}"
    speed = f"{report.speed:.0f} x real time on one thread"
    scores = [
        f"{name}: {met} of {of} goals met"
        for name in (OURS, UNSEEN, WITH_TRANSCRIPT) if name in report.systems
        for met, of in [_met(report, name, goals)] if of
    ]
    title = f"{recordings.name} ({recordings.language}): {recordings.title}; {count}"
    return "\n".join([title, aligned(_rows(report, goals)), "; ".join([*scores, speed])])


def _met(report: SetReport, system: str, goals: Mapping[str, Goal]) -> tuple[int, int]:
    """How many goals a system meets, of how many that have events."""
    verdicts = [goal.met(report.systems[system][name].value, system == WITH_TRANSCRIPT) for name, goal in goals.items()]
    return sum(one is True for one in verdicts), sum(one is not None for one in verdicts)


def _rows(report: SetReport, goals: Mapping[str, Goal]) -> list[list[str]]:
    """One row per measure: ours and its goal, ours with the transcript and its goal, the others."""
    systems = report.systems
    given_text = [WITH_TRANSCRIPT] if WITH_TRANSCRIPT in systems else []
    others = [name for name in systems if name not in {OURS, WITH_TRANSCRIPT}]
    rows = [
        [
            "measure", "events", "ours [95 %]", "goal", "",
            *(part for name in given_text for part in (f"{name} [95 %]", "goal", "")), *others
        ]
    ]
    for measure, figure in systems[OURS].items():
        goal = goals.get(measure)
        row = [measure, str(figure.events), with_interval(figure, measure), shown(goal), verdict(goal, figure)]
        for name in given_text:
            row += [
                with_interval(systems[name][measure], measure), shown(goal, True),
                verdict(goal, systems[name][measure], True)
            ]
        row += [(with_interval if name == UNSEEN else _value)(systems[name][measure], measure) for name in others]
        rows.append(row)
    if NOISY in systems:
        for measure, goal in NOISY_GOALS.items():
            figure = systems[NOISY][measure]
            row = [
                f"{measure}, room + 10 dB noise", str(figure.events), with_interval(figure, measure), shown(goal),
                verdict(goal, figure)
            ]
            rows.append(row + ["-"] * (len(rows[0]) - len(row)))
    return rows


def _value(figure: Figure, measure: str) -> str:
    return number(figure.value, measure)


def _kinds(report: SetReport) -> str:
    """Ours by kind of recording; empty where there is one kind."""
    if not report.kinds:
        return ""
    rows = [["ours by kind", "clips", "p/b/m", *KIND_MEASURES]]
    for kind, column in report.kinds.items():
        clips = sum(value == kind for value in report.recordings.kinds.values())
        rows.append(
            [kind, str(clips), str(column["pbm_recall"].events), *(number(column[m].value, m) for m in KIND_MEASURES)]
        )
    return aligned(rows)


def _paired(clips: Sequence[PairedClip]) -> str:
    """r with the animators' curves: as it is, at the best shift, the shift; and the goals."""
    names = list(THEIRS)
    rows = [["clip", "may train", "system", *(f"{name} r [95 %], best r at ms" for name in names)]]
    for clip in clips:
        for system, curves in clip.systems.items():
            cells = [
                f"{with_interval(curves[name].r)}, {number(curves[name].best_r.value)} at {curves[name].lag_ms:+.0f}"
                if name in curves else "-"
                for name in names
            ]
            rows.append([clip.name, "yes" if clip.role == "train" else "no", system, *cells])
    for system in (OURS, LOUDNESS):
        means = {name: mean_of(clips, system, name, lambda figures: figures.best_r.value) for name in names}
        rows.append(["mean, best r", "", system, *(number(means[name]) for name in names)])
    held = [clip for clip in clips if clip.role != "train"]
    running = {name: mean_of(held, OURS, name, lambda figures: figures.r.value) for name in PAIRED_GOALS}
    judged = {name: f"held out {shown(goal)}: {verdict(goal, running[name])}" for name, goal in PAIRED_GOALS.items()}
    rows.append(["goal", "", "", *(judged.get(name, "-") for name in names)])
    seconds = sum(clip.seconds for clip in clips)
    title = f"facegood_zh (zh): Mandarin, animators' curves from video; {len(clips)} clips, {seconds:.0f} s, 1 voice"
    return f"{title}\n{aligned(rows)}"


def _filmed(report: FilmedReport) -> str:
    """r with a talker's filmed lips, and when they come."""
    rows = [["row", "goal", "", *report.systems]]
    for name, figure in report.systems[OURS].items():
        goal = FILMED_GOALS.get(name)
        cells = [with_interval(column[name], name) for column in report.systems.values()]
        rows.append([name, shown(goal), verdict(goal, figure), *cells])
    count = f"{report.clips} clips that taught nothing, {report.seconds:.0f} s"
    return f"{report.name} (en): filmed lips of one talker; {count}\n{aligned(rows)}"


def _expression(report: ExpressionReport) -> str:
    """Effort, loudness and laughter."""
    rows = [["row", "goal", "", OURS]]
    for name, figure in report.figures.items():
        goal = EXPRESSION_GOALS.get(name)
        rows.append([name, shown(goal), verdict(goal, figure), with_interval(figure, name)])
    return f"effort and laughter: {report.clips} clips of unseen voices, plain and changed\n" + aligned(rows)


def _plain(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
