"""Speak Japanese with Open JTalk and read the phone times of its trace."""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import soundfile

from ...values.errors import EngineError
from .phones import Phone, classes_of, merge_silences, split_evenly
from .utterance import Utterance, make_utterance

DICTIONARY = Path("/var/lib/mecab/dic/open-jtalk/naist-jdic")
VOICE = Path("/usr/share/hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice")
TIME_UNIT_S = 1e-7  # of HTS labels
ALL_PASS = (0.48, 0.60)  # 0.55 is the voice itself; others have a shorter or longer vocal tract
TIMEOUT_S = 60

# Symbols of Open JTalk; "cl" (the doubled consonant's closure) and "N" take the place of the consonant that follows.
JAPANESE: Mapping[str, str] = {
    "sil": "SIL", "pau": "SIL", "a": "AA", "i": "IY", "u": "UH", "e": "EH", "o": "OW", "A": "AA", "I": "IY", "U": "UH",
    "E": "EH", "O": "OW", "k": "K", "ky": "K Y", "kw": "K W", "g": "G", "gy": "G Y", "gw": "G W", "s": "S", "sh": "SH",
    "z": "Z", "j": "JH", "t": "T", "ty": "T Y", "ts": "T S", "ch": "CH", "d": "D", "dy": "D Y", "n": "N", "ny": "N Y",
    "h": "HH", "hy": "HH Y", "f": "F", "b": "B", "by": "B Y", "p": "P", "py": "P Y", "m": "M", "my": "M Y", "y": "Y",
    "r": "D", "ry": "D Y", "w": "W", "v": "V",
}
NASAL_BEFORE = {"P": "M", "B": "M", "M": "M", "K": "NG", "G": "NG"}
KANA = [
    "か", "き", "く", "け", "こ", "が", "ぎ", "ぐ", "げ", "ご", "さ", "し", "す", "せ", "そ", "ざ", "じ", "ず", "ぜ", "ぞ", "た", "ち", "つ",
    "て", "と", "だ", "で", "ど", "な", "に", "ぬ", "ね", "の", "は", "ひ", "ふ", "へ", "ほ", "ば", "び", "ぶ", "べ", "ぼ", "ぱ", "ぴ", "ぷ",
    "ぺ", "ぽ", "ま", "み", "む", "め", "も", "や", "ゆ", "よ", "ら", "り", "る", "れ", "ろ", "わ", "あ", "い", "う", "え", "お", "きゃ", "しゅ",
    "ちょ", "びょ", "ぴょ", "みゃ", "ひゅ", "りょ", "ふぁ", "ふぃ", "うぃ"
]
LIP_KANA = ["ば", "び", "ぶ", "べ", "ぼ", "ぱ", "ぴ", "ぷ", "ぺ", "ぽ", "ま", "み", "む", "め", "も", "わ", "ふ"]
PHRASES = (
    "おはようございます", "こんばんは", "ありがとうございました", "すみません", "まもなく電車がまいります", "窓を開けてもいいですか", "母は毎晩本を読みます", "雨が降りそうです",
    "山の向こうに海が見えます", "新聞を読みながら朝ごはんを食べます", "明日は学校が休みです", "部屋の中は暗かった", "鞄の中に財布がありません", "美味しいパンを買ってきました",
    "飛行機はもう飛んでしまった", "猫が屋根の上で眠っている", "もう一度お願いします", "夢を見ていました", "冬の朝はとても寒い", "彼女はピアノを弾くのが上手です", "頭が痛いので病院へ行きます",
    "日本語を勉強しています", "この橋を渡ってください", "友達と一緒に歌を歌った", "何も見えません", "夏休みに祖母の家へ行った", "花火がとても綺麗でした", "問題はそんなに難しくない",
    "その箱には何が入っていますか", "やっぱり無理だった", "番組は八時に始まります", "門の前で待っています", "ぶつぶつ文句を言うな", "ふわふわの布団で眠りたい", "目の前が真っ暗になった",
)


def speak(rng: random.Random) -> Utterance:
    """Say a line of phrases and syllables at random rate, pitch and vocal tract length.

    Raises:
        EngineError: open-jtalk, its dictionary or the voice is missing, or it failed.
        PhoneSymbolError, ValueError: as in make_utterance.
    """
    if not VOICE.exists() or not DICTIONARY.exists():
        raise EngineError(
            f"Open JTalk lacks {VOICE if DICTIONARY.exists() else DICTIONARY}. Install open-jtalk, "
            "open-jtalk-mecab-naist-jdic and hts-voice-nitech-jp-atr503-m001 (contrib)."
        )
    with tempfile.TemporaryDirectory() as name:
        wave_path, trace_path = Path(name) / "speech.wav", Path(name) / "trace"
        command = ["open_jtalk", "-x", str(DICTIONARY), "-m", str(VOICE), "-ow", str(wave_path), "-ot", str(trace_path),
                   "-r", f"{rng.uniform(0.8, 1.3):.2f}", "-fm", f"{rng.uniform(-4, 5):.1f}", "-a",
                   f"{rng.uniform(*ALL_PASS):.3f}", "-jf", f"{rng.uniform(0.7, 1.5):.2f}"]
        try:
            subprocess.run(
                command, input=japanese_text(rng).encode(), capture_output=True, timeout=TIMEOUT_S, check=True
            )
            samples, rate_hz = soundfile.read(wave_path, dtype="float32")
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineError(f"Open JTalk failed: {error}. Install the package open-jtalk.") from error
        phones = phones_from_trace(trace_path.read_text(encoding="utf-8", errors="ignore"))
    return make_utterance(samples, rate_hz, phones, "jtalk nitech-m001")


def phones_from_trace(trace: str) -> list[Phone]:
    """Phones from the "Output label" lines of a trace: `start end xx^xx-name+xx...` in units of 100 ns."""
    found = re.findall(r"^(\d+) (\d+) \S+?-([A-Za-z]+)\+", trace, re.MULTILINE)
    phones: list[Phone] = []
    for i, (start, end, symbol) in enumerate(found):
        following = found[i + 1][2] if i + 1 < len(found) else "sil"
        if symbol in ("cl", "N"):
            first = classes_of(following, JAPANESE, "jtalk")[0] if following not in ("cl", "N") else "N"
            classes: tuple[str, ...] = (first if symbol == "cl" else NASAL_BEFORE.get(first, "N"),)
        else:
            classes = classes_of(symbol, JAPANESE, "jtalk")
        phones += split_evenly(classes, int(start) * TIME_UNIT_S, int(end) * TIME_UNIT_S)
    return merge_silences(phones)


def japanese_text(rng: random.Random) -> str:
    """Two or three phrases, or nonsense words of kana with lip sounds favoured."""
    if rng.random() < 0.5:
        return "、".join(rng.sample(PHRASES, rng.randint(2, 3))) + "。"
    pool = KANA + LIP_KANA * 3
    words = ["".join(
        rng.choice(pool) + (rng.choice(("ん", "っ", "")) if rng.random() < 0.3 else "") for _ in range(rng.randint(2, 4))
    )
             for _ in range(rng.randint(3, 6))]
    return "、".join(word.rstrip("っ") for word in words) + "。"
