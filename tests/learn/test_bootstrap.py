"""Figures and their intervals, against numbers that can be worked out otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from engine.learn.evaluate.bootstrap import RESAMPLES, Area, Correlation, Peak, Ratio, figure_of, value_of


def clips(seed: int, n_clips: int = 40, share: float = 0.8) -> Ratio:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 8, n_clips)
    return Ratio(np.array([rng.binomial(size, share) for size in sizes]), sizes, int(sizes.sum()))


def test_interval_covers_the_truth_about_as_often_as_it_says():
    figures = [figure_of(clips(seed)) for seed in range(200)]
    covered = np.mean([figure.low <= 0.8 <= figure.high for figure in figures])
    assert 0.89 <= covered <= 0.99


def test_interval_has_the_width_of_the_binomial_law():
    figure = figure_of(Ratio(np.array([1] * 320 + [0] * 80), np.ones(400), 400))
    assert figure.value == pytest.approx(0.8) and figure.events == 400
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 400), rel=0.12)


def test_the_same_figures_come_out_again():
    assert figure_of(clips(3)) == figure_of(clips(3))


def test_few_clips_give_no_interval():
    figure = figure_of(Ratio(np.array([1, 1, 0]), np.ones(3), 3))
    assert figure.value == pytest.approx(2 / 3) and np.isnan(figure.low) and np.isnan(figure.high)


def test_area_over_clips_is_that_of_all_scores_together():
    rng = np.random.default_rng(0)
    positives = [np.round(rng.normal(1, 1, n), 1) for n in (3, 0, 5)]
    negatives = [np.round(rng.normal(0, 1, n), 1) for n in (4, 6, 0)]
    p, n = np.concatenate(positives), np.concatenate(negatives)
    wanted = (p[:, None] > n).mean() + 0.5 * (p[:, None] == n).mean()
    assert value_of(Area.of(positives, negatives)) == pytest.approx(wanted)


def test_area_of_drawn_clips_is_that_of_clips_written_twice():
    rng = np.random.default_rng(1)
    positives, negatives = ([rng.normal(m, 1, 5) for _ in range(3)] for m in (1, 0))
    drawn = Area.of(positives, negatives).estimate(np.array([[2.0, 0.0, 1.0]]))[0]
    twice = Area.of([positives[i] for i in (0, 0, 2)], [negatives[i] for i in (0, 0, 2)])
    assert drawn == pytest.approx(value_of(twice))


def test_correlation_of_pieces_is_that_of_the_whole():
    rng = np.random.default_rng(2)
    x = rng.normal(5, 1, 300)
    y = x + rng.normal(0, 1, 300)
    assert value_of(Correlation.of(np.array_split(x, 7), np.array_split(y, 7))) == pytest.approx(
        np.corrcoef(x, y)[0, 1]
    )


def test_peak_lies_between_shifts():
    shifts = np.arange(-3, 4) * 20.0
    assert value_of(Peak(-((shifts[None] - 13.0) ** 2), shifts, 1)) == pytest.approx(13.0)


def test_no_events_give_no_number():
    assert np.isnan(value_of(Ratio(np.zeros(5), np.zeros(5), 0)))
    assert np.isnan(value_of(Area.of([np.array([])], [np.array([1.0])])))
    assert RESAMPLES >= 1000
