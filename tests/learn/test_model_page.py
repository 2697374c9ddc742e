"""What docs/MODEL.md prints is what the evaluator wrote, and what it says of sets and noise is how they are defined."""

from engine.learn.data import split
from engine.learn.evaluate.evaluate import NOISE_SNR_DB, ROOM_RT60_S
from tests.demo import pmmtalk_tables
from tests.demo.model_tables import (
    MANNERS,
    MANNERS_BEGIN,
    MANNERS_END,
    NOW,
    PAGE,
    manners,
    page_tables,
    read,
    written,
)


def test_the_printed_tables_are_those_of_the_command():
    page = PAGE.read_text(encoding="utf-8")
    assert written(page, page_tables()) == page


def test_the_printed_manners_are_those_of_the_command():
    page = PAGE.read_text(encoding="utf-8")
    assert MANNERS_BEGIN in page and written(page, manners(read(MANNERS)), MANNERS_BEGIN, MANNERS_END) == page


def test_the_printed_tables_of_pmmtalk_are_those_of_its_figures():
    page = PAGE.read_text(encoding="utf-8")
    assert pmmtalk_tables.written(page) == page


def test_every_row_and_every_set_is_printed():
    page, now = PAGE.read_text(encoding="utf-8"), read(NOW)
    for one in now["sets"]:
        assert f"### {one['name']} ({one['language']})" in page
        for measure in one["systems"]["ours"]:
            assert f"\n| {measure} |" in page, measure


def test_unseen_voices_and_the_noisy_column_are_what_the_page_says():
    page = PAGE.read_text(encoding="utf-8")
    roles = [voice.role for voice in split.voices() if voice.data_set == "english_aligned"]
    assert (roles.count("choose"), roles.count("report")) == (7, 6)
    assert "(7 voices of" in page and "the other 6" in page
    assert f"a {ROOM_RT60_S:g} s room tail and pink noise {NOISE_SNR_DB:g} dB below the voice" in page
