"""Alignment and free search on scores made by code, so that the truth is known to the frame."""

from __future__ import annotations

import numpy as np
import pytest

from engine.speech import align as module
from engine.speech.align import align, free_labels, log_scores, to_phones
from tests.counting import calls_during

N_PHONES, SILENCE = 12, 0


def scores_of(labels: list[int], sure: float = 4.0, seed: int = 0) -> np.ndarray:
    """Log scores (n, N_PHONES) that favour one label on each frame, with noise."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=0.5, size=(len(labels), N_PHONES))
    logits[np.arange(len(labels)), labels] += sure
    return log_scores(logits.astype(np.float32))


def spoken(words: list[list[int]], seed: int = 0, pause: int = 0) -> list[int]:
    """A label per frame: each phone for 3 to 8 frames, `pause` frames of silence between words."""
    random = np.random.default_rng(seed)
    frames: list[int] = []
    for word in words:
        frames += [SILENCE] * pause
        for phone in word:
            frames += [phone] * int(random.integers(3, 9))
    return frames + [SILENCE] * pause


def random_words(n_words: int, seed: int = 1) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.permutation(np.arange(1, N_PHONES))[:random.integers(1, 6)].tolist() for _ in range(n_words)]


def test_every_frame_is_found_again():
    words = random_words(20)
    truth = spoken(words, pause=10)
    told = align(scores_of(truth), words, SILENCE)
    assert np.mean(told.labels == truth) > 0.99
    assert told.fit < 0.3


def test_places_rise_by_one_from_phone_to_phone_so_that_doubled_phones_stay_two():
    truth = [SILENCE] * 5 + [3] * 6 + [3] * 6 + [SILENCE] * 5
    told = align(scores_of(truth), [[3], [3]], SILENCE)
    assert (np.diff(told.places) >= 0).all()
    phones = to_phones(told.labels, [str(i) for i in range(N_PHONES)], 50, told.places)
    assert [phone.label for phone in phones] == ["0", "3", "3", "0"]


def test_a_word_that_is_not_spoken_is_stepped_over():
    words = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    truth = spoken([words[0], words[2]])
    told = align(scores_of(truth), words, SILENCE)
    assert np.mean(told.labels == truth) > 0.95
    assert np.isin(told.labels, [4, 5, 6]).sum() <= 1        # a frame at the edge may go either way


def test_speech_that_the_transcript_lacks_belongs_to_no_phone():
    words = [[1, 2, 3], [7, 8, 9]]
    truth = np.array(spoken([words[0], [4, 5, 6, 10, 4, 5], words[1]]))
    told = align(scores_of(truth.tolist()), words, SILENCE)
    foreign = np.isin(truth, [4, 5, 6, 10])
    assert (told.labels[foreign] == -1).mean() > 0.9
    assert (told.labels[~foreign] == truth[~foreign]).mean() > 0.95


def test_other_words_fit_worse_than_those_spoken():
    words = random_words(15)
    scores = scores_of(spoken(words))
    assert align(scores, random_words(15, seed=9), SILENCE).fit > align(scores, words, SILENCE).fit + 1


def test_the_band_finds_what_the_whole_search_finds(monkeypatch):
    words = random_words(120)
    scores = scores_of(spoken(words, pause=4))
    whole = align(scores, words, SILENCE)
    monkeypatch.setattr(module, "BAND", 60)
    monkeypatch.setattr(module, "SETTLED", 300)
    monkeypatch.setattr(module, "UNSETTLED", 100)
    banded = align(scores, words, SILENCE)
    assert len(scores) > 4 * (300 + 100)
    assert np.array_equal(whole.labels, banded.labels) and np.array_equal(whole.places, banded.places)


def test_a_minute_with_900_phones_is_searched_frame_by_frame_in_bulk():
    words = random_words(300)
    words = [word[:3] + [1] * (3 - len(word)) for word in words]
    scores = scores_of((spoken(words) * 2)[:3000])
    assert calls_during(lambda: align(scores, words, SILENCE)) < 120_000       # each phone in each frame: 2.7 million


@pytest.mark.parametrize("n_frames", [1, 2, 7])
def test_fewer_frames_than_phones_end_without_an_error(n_frames):
    told = align(scores_of([1] * n_frames), random_words(10), SILENCE)
    assert told.labels.shape == (n_frames,)


@pytest.mark.parametrize("n_frames", [1, 149, 1500, 1501, 4000])
def test_free_search_hears_the_phones_whatever_the_length(n_frames):
    truth = (spoken(random_words(400)))[:n_frames]
    assert np.mean(free_labels(scores_of(truth)) == truth) > 0.98


def test_free_search_does_not_flicker():
    truth = np.repeat([1, 2, 3, 4], 25)
    scores = scores_of(truth.tolist(), sure=1.5)
    assert (np.diff(scores.argmax(axis=1)) != 0).sum() > 20
    assert (np.diff(free_labels(scores)) != 0).sum() == 3


def test_phones_cover_the_clip_and_change_half_way_between_frames():
    phones = to_phones(np.array([0, 0, 1, 1, 1]), ("SIL", "P"), 50)
    assert [(phone.label, phone.start_s, phone.end_s) for phone in phones] == [("SIL", 0.0, 0.03), ("P", 0.03, 0.1)]
