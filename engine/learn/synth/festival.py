"""Speak many lines in one festival process and read the segment files it saves."""

import random
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from ...values.errors import EngineError
from . import phones as maps
from .phones import Phone, classes_of, merge_silences, split_evenly
from .utterance import Utterance, make_utterance

TIMEOUT_S = 600  # of one process; clunits voices are the slowest


@dataclass(frozen=True)
class FestivalVoice:
    """A voice: its phone map, the text encoding it reads, and the kind of text it gets."""

    name: str
    table: Mapping[str, str]
    encoding: str
    text: str


VOICES: tuple[FestivalVoice, ...] = (
    FestivalVoice("cmu_us_slt_arctic_hts", maps.ARPABET, "ascii", "english"),
    FestivalVoice("kal_diphone", maps.ARPABET, "ascii", "english"),
    FestivalVoice("ked_diphone", maps.ARPABET, "ascii", "english"),
    FestivalVoice("lp_diphone", maps.ITALIAN, "iso-8859-1", "italian"),
    FestivalVoice("pc_diphone", maps.ITALIAN, "iso-8859-1", "italian"),
    FestivalVoice("czech_dita", maps.CZECH, "ascii", "latin"),
    FestivalVoice("czech_krb", maps.CZECH, "ascii", "latin"),
    FestivalVoice("czech_machac", maps.CZECH, "ascii", "latin"),
    FestivalVoice("czech_ph", maps.CZECH, "ascii", "latin"),
    FestivalVoice("hy_fi_mv_diphone", maps.FINNISH, "ascii", "latin"),
    FestivalVoice("suo_fi_lj_diphone", maps.FINNISH, "ascii", "latin"),
    FestivalVoice("upc_ca_ona_hts", maps.CATALAN, "ascii", "latin"),
    FestivalVoice("msu_ru_nsh_clunits", maps.RUSSIAN, "utf-8", "russian"),
    FestivalVoice("hindi_NSK_diphone", maps.INDIC, "utf-8", "devanagari"),
    FestivalVoice("marathi_NSK_diphone", maps.INDIC, "utf-8", "devanagari"),
    FestivalVoice("telugu_NSK_diphone", maps.INDIC, "utf-8", "telugu"),
)
VOICE_BY_NAME: Mapping[str, FestivalVoice] = {voice.name: voice for voice in VOICES}


def speak_all(texts: Sequence[str], voice: FestivalVoice, rng: random.Random) -> list[Utterance]:
    """Speak the lines in one process; a line that the voice cannot say is left out.

    Raises:
        EngineError: festival is missing, or said nothing at all.
        PhoneSymbolError: an unknown phone.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "say.scm"
        script.write_bytes(_script(texts, voice, folder, rng).encode(voice.encoding, "ignore"))
        try:
            done = subprocess.run(["festival", "-b", str(script)], capture_output=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineError(f"festival failed with voice {voice.name}: {error}. Install festival.") from error
        utterances = [u for i in range(len(texts)) if (u := _read(folder, i, voice)) is not None]
    if not utterances:
        tail = done.stderr.decode(errors="ignore")[-300:]
        raise EngineError(f"festival voice {voice.name} said none of {len(texts)} lines: {tail}. Is it installed?")
    return utterances


def phones_from_segments(text: str, voice: FestivalVoice) -> list[Phone]:
    """Phones from a segment file: after "#", lines of `end_s colour name`."""
    phones: list[Phone] = []
    start_s = 0.0
    for line in text.split("#\n", 1)[-1].splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        end_s, symbol = float(fields[0]), fields[2]
        if voice.table is maps.FINNISH and len(symbol) > 1:
            symbol = symbol.rstrip(":")
        phones.extend(split_evenly(classes_of(symbol, voice.table, voice.name), start_s, end_s))
        start_s = end_s
    return merge_silences(phones)


def _script(texts: Sequence[str], voice: FestivalVoice, folder: Path, rng: random.Random) -> str:
    lines = [
        f"(voice_{voice.name})",
        "(define (say text base) (let ((utt (SynthText text)))"
        ' (utt.save.wave utt (string-append base ".wav") (quote riff)) (utt.save.segs utt (string-append base '
        '".segs"))))',
    ]
    for i, text in enumerate(texts):
        clean = text.replace('"', "").replace("\\", "")
        lines.append(f"(Parameter.set 'Duration_Stretch {rng.uniform(0.85, 1.3):.3f})")
        lines.append(f'(unwind-protect (say "{clean}" "{folder}/{i}") nil)')
    return "\n".join(lines) + "\n"


def _read(folder: Path, index: int, voice: FestivalVoice) -> Utterance | None:
    wave_path, segments_path = folder / f"{index}.wav", folder / f"{index}.segs"
    if not (wave_path.exists() and segments_path.exists()):
        return None
    samples, rate_hz = soundfile.read(wave_path, dtype="float32")
    phones = phones_from_segments(segments_path.read_text(encoding="utf-8", errors="ignore"), voice)
    try:
        return make_utterance(samples, rate_hz, phones, f"festival {voice.name}")
    except ValueError:
        return None
