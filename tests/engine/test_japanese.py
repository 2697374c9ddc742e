"""Japanese in kanji and kana. Needs no espeak-ng."""

import pytest

from engine import SettingError
from engine.speech.g2p import read_words
from engine.speech.japanese import classes_of_kana, read_japanese


@pytest.mark.parametrize(("text", "kana"), [
    ("東京へ行く", "トーキョーエイク"),
    ("今日はいい天気です", "キョーワイイテンキデス"),
    ("新聞を読みながら朝ごはんを食べます", "シンブンヲヨミナガラアサゴハンヲタベマス"),
    ("母は毎晩本を読みます", "ハハワマイバンホンヲヨミマス"),
    ("こんばんは", "コンバンワ"),
    ("2015年に25人が来た", "ニセンジューゴネンニニジューゴニンガキタ"),
    ("二人", "フタリ"),
])
def test_a_text_is_said_as_its_kana(text, kana):
    assert sum(read_japanese(text), ()) == classes_of_kana(kana)


@pytest.mark.parametrize(("kana", "classes"), [
    ("サンマ", "S AA M M AA"), ("ニンゲン", "N IY NG G EH N"), ("シャシン", "SH AA SH IY N"), ("キョウ", "K Y OW"),
    ("ガッコー", "G AA K OW"), ("ティー", "T IY"), ("ファ", "F AA"), ("ツヅク", "T S UH Z UH K UH"),
    ("ワラウ", "W AA D AA UH"),
])
def test_kana_have_their_phones(kana, classes):
    assert classes_of_kana(kana) == tuple(classes.split())


def test_punctuation_parts_words_and_a_rare_kanji_is_named():
    assert len(read_words("こんにちは、世界。", "ja")) == 2
    with pytest.raises(SettingError, match="'龘' cannot be read in Japanese"):
        read_words("龘だ", "ja")
