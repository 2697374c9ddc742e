"""Readers of voices that Debian packages bring: on a folder of two files, without the packages."""

import numpy as np
import pytest

from engine.learn.synth import stamps, zhuyin
from engine.learn.synth.read_voices import is_reported, plain


@pytest.mark.parametrize(
    ("syllable", "classes"),
    [("ㄅㄚ", "P AA"), ("ㄓ", "CH IH"), ("ㄇㄧㄢ", "M Y EH N"), ("ㄒㄩㄝ", "SH UE EH"), ("ㄨㄛ", "W AO"),
     ("ㄓㄨㄤ", "CH W AA NG"), ("ㄉㄨㄥ", "T UH NG"), ("ㄦ", "ER"), ("ㄧㄥ", "IY NG")],
)
def test_a_mandarin_syllable_has_its_phones(syllable, classes):
    assert zhuyin.classes_of_zhuyin(syllable) == tuple(classes.split())


def test_each_syllable_that_trains_is_said_once(tmp_path):
    names = [f"ㄇㄚ{tone}" for tone in range(1, 5)] + [f"ㄅㄚ{tone}" for tone in range(1, 5)]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "3.ogg").touch()
    lines = [line for part in range(zhuyin.PARTS)
             for line in zhuyin.lines("gcin-three", part, lambda _: np.ones(1600, np.int16), tmp_path)]
    said = sum(len(words) for _, words in lines)
    assert said == sum(not zhuyin.is_reported(name) for name in names) and said > 0
    assert all(samples.size >= 1600 * len(words) for samples, words in lines)


def test_a_text_of_a_stamp_is_its_languages_line_and_never_on_both_sides(tmp_path):
    texts = ["Un măr", "Un măr", "O pară", "O casă", "Un câine", "O barcă cu pânze"]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(f"A thing.\nes.utf8=Cosa {number}.\nro.utf8={text}\n", encoding="utf-8")
        (tmp_path / f"{number}_desc_ro.ogg").touch()
    trained, reported = ([text for _, text in stamps.sentences("ro", side, tmp_path)] for side in (False, True))
    assert sorted(trained + reported) == sorted(set(texts))
    assert all(is_reported(plain(text)) for text in reported) and not any(is_reported(plain(text)) for text in trained)
