"""Phones that the user moved, retyped, deleted or added: what the face then does there, and that it does the same as
before elsewhere."""

from __future__ import annotations

import itertools
import json
import math
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import SettingError, Settings, Waveform, animate, read_audio
from engine.__main__ import run
from engine.files import motion as io
from engine.motion import lip_contact
from engine.speech import cues
from engine.speech.coarticulation import GROUPS, mouths, shares, table
from engine.speech.phone_edit import REACH_S, changed_spans, check, follow
from engine.speech.phone_match import changes, complete, time_map
from engine.values.channels import ARKIT_52
from engine.values.errors import OutputError
from engine.values.phones import BILABIALS, LABIODENTALS, PHONES, VOWELS, Phone
from engine.values.types import Delays, Motion, RegionSmooth
from tests.counting import calls_during
from tests.engine.conftest import DATA
from tests.engine.test_transcript import without_phones

ALIGNED = Path(__file__).resolve().parents[3] / "shared" / "data" / "speech" / "english_aligned"
CLIPS = [pytest.param("sample", id="sample")] + [
    pytest.param(name, id=name, marks=pytest.mark.skipif(not ALIGNED.is_dir(), reason="no ../shared/data"))
    for name in ("LJ001-0003", "LJ001-0006", "LJ001-0009")]
FPS = 50.0


@pytest.fixture(scope="module")
def plain() -> Settings:
    return Settings(fps=FPS, threads=1, device="cpu")


@pytest.fixture(scope="module", params=CLIPS)
def clip(request, plain) -> tuple[Waveform, Motion, tuple[Phone, ...]]:
    """Sound, motion and phones as heard."""
    return heard_clip(request.param, plain)


@pytest.fixture(scope="module")
def sample(plain) -> tuple[Waveform, Motion, tuple[Phone, ...]]:
    return heard_clip("sample", plain)


def heard_clip(name: str, plain: Settings) -> tuple[Waveform, Motion, tuple[Phone, ...]]:
    wave = read_audio(DATA / "sample.flac" if name == "sample" else ALIGNED / f"{name}.flac")
    heard = animate(wave, plain)
    return wave, heard.motion, heard.phones


def edited(clip: tuple[Waveform, Motion, tuple[Phone, ...]], phones: list[Phone], settings: Settings) -> Motion:
    return animate(clip[0], replace(settings, phones=tuple(phones))).motion


def inside(motion: Motion, phone: Phone) -> np.ndarray:
    """Frames in the middle of a phone."""
    seconds = np.arange(len(motion.weights)) / motion.fps
    return (seconds >= phone.start_s + 0.01) & (seconds <= phone.end_s - 0.01)


def retyped(phones: tuple[Phone, ...], index: int, label: str) -> list[Phone]:
    return [replace(phone, label=label) if number == index else phone for number, phone in enumerate(phones)]


def long_vowels(phones: tuple[Phone, ...]) -> list[int]:
    """Vowels of at least 60 ms without a contact beside them."""
    return [
        i
        for i in range(1, len(phones) - 1)
        if phones[i].label in VOWELS and phones[i].end_s - phones[i].start_s >= 0.06
        and not {phones[i - 1].label, phones[i + 1].label} & (BILABIALS | LABIODENTALS | {"SIL"})
    ]


# ---- what an edit does

@pytest.mark.parametrize("label", ["P", "B", "M"])
def test_a_vowel_that_becomes_a_bilabial_closes_the_lips(clip, plain, label):
    chosen = long_vowels(clip[2])[:4]
    assert chosen
    for index in chosen:
        motion, frames = edited(clip, retyped(clip[2], index, label), plain), inside(clip[1], clip[2][index])
        assert lip_contact.opening(clip[1])[frames].max() > lip_contact.CLOSED_BELOW
        assert lip_contact.opening(motion)[frames].max() < lip_contact.CLOSED_BELOW
        # the lips do not pass through each other
        undone = lip_contact.FUNNEL_PARTS * motion["mouthFunnel"]
        assert (motion["mouthClose"] - motion["jawOpen"] - undone)[frames].max() < 0.02


def test_a_vowel_that_becomes_f_brings_the_lip_to_the_teeth(clip, plain):
    for index in long_vowels(clip[2])[:3]:
        frames = inside(clip[1], clip[2][index])
        motion = edited(clip, retyped(clip[2], index, "F"), plain)
        assert motion["mouthRollLower"][frames].min() >= 0.45 > clip[1]["mouthRollLower"][frames].mean()
        assert 0.0 <= motion["jawOpen"][frames].max() < 0.3


def test_a_vowel_that_becomes_round_rounds_and_one_that_becomes_open_opens(clip, plain):
    for index in long_vowels(clip[2])[:3]:
        middle = round((clip[2][index].start_s + clip[2][index].end_s) / 2 * FPS)
        round_, open_ = (edited(clip, retyped(clip[2], index, label), plain) for label in ("UW", "AA"))
        rounding = [motion["mouthPucker"][middle] + motion["mouthFunnel"][middle] for motion in (round_, open_)]
        assert rounding[0] > max(0.45, rounding[1] + 0.2)
        assert open_["jawOpen"][middle] > round_["jawOpen"][middle] + 0.1


def test_a_vowel_that_becomes_silence_closes_the_mouth(clip, plain):
    for index in long_vowels(clip[2])[:3]:
        phone = clip[2][index]
        motion = edited(clip, retyped(clip[2], index, "SIL"), plain)
        middle = round((phone.start_s + phone.end_s) / 2 * FPS)
        assert lip_contact.opening(motion)[middle - 1:middle + 1].min() < lip_contact.CLOSED_BELOW
        assert motion["jawOpen"][middle] < 0.05


def test_a_new_phone_in_a_pause_moves_the_mouth_and_a_gap_is_silence(sample, plain):
    wave, motion, phones = sample
    pause = max((phone for phone in phones if phone.label == "SIL"), key=lambda phone: phone.end_s - phone.start_s)
    middle = (pause.start_s + pause.end_s) / 2
    new = Phone("AA", middle - 0.06, middle + 0.06)
    # gaps round it
    told = sorted([*(phone for phone in phones if phone != pause), new], key=lambda phone: phone.start_s)
    result = animate(wave, replace(plain, phones=tuple(told)))
    assert result.motion["jawOpen"][inside(motion, new)].max() > 0.2
    assert motion["jawOpen"][inside(motion, new)].max() < 0.05
    assert [phone.label for phone in result.phones if pause.start_s <= phone.start_s < pause.end_s] == [
        "SIL", "AA", "SIL"
    ]


def test_a_new_phone_sounds_even_where_the_sound_is_cut_to_nothing(sample, plain):
    wave, _, phones = sample
    pause = max((phone for phone in phones if phone.label == "SIL"), key=lambda phone: phone.end_s - phone.start_s)
    samples = wave.samples.copy()
    # as a noise gate does
    samples[round((pause.start_s + 0.02) * 16000):round((pause.end_s - 0.02) * 16000)] = 0
    gated = Waveform(samples)
    phones = animate(gated, plain).phones
    middle = (pause.start_s + pause.end_s) / 2
    new = Phone("AA", middle - 0.05, middle + 0.05)
    told = sorted(
        [*(phone for phone in phones if not phone.start_s < middle < phone.end_s), new], key=lambda phone: phone.start_s
    )
    assert animate(gated, replace(plain, phones=tuple(told))).motion["jawOpen"][round(middle * FPS)] > 0.2
    assert animate(gated, plain).motion["jawOpen"][round(middle * FPS)] == 0


def test_a_deleted_bilabial_leaves_the_lips_apart(clip, plain):
    _, motion, phones = clip
    shut = lip_contact.opening(motion) < lip_contact.CLOSED_BELOW
    found = [
        i
        for i in range(2, len(phones) - 2)
        if phones[i].label in BILABIALS and shut[inside(motion, phones[i])].any()
        and not {phones[i - 1].label, phones[i + 1].label} & (BILABIALS | LABIODENTALS | {"SIL"})
    ]
    assert found
    for index in found[:4]:
        before = replace(phones[index - 1], end_s=phones[index].end_s)
        told = [*phones[:index - 1], before, *phones[index + 1:]]
        frames = inside(motion, phones[index])
        assert (lip_contact.opening(edited(clip, told, plain))[frames] >= lip_contact.CLOSED_BELOW).all()


def test_phones_that_are_all_moved_take_their_contacts_with_them(clip, plain):
    _, motion, phones = clip
    late = [
        replace(
            phone, start_s=phone.start_s + 0.06 * (number > 0), end_s=phone.end_s + 0.06 * (number < len(phones) - 1)
        )
        for number, phone in enumerate(phones)
    ]
    if late[-1].end_s - late[-1].start_s < 0.03:
        late = [*late[:-2], replace(late[-2], end_s=phones[-1].end_s)]
    moved = edited(clip, late, plain)
    before, after = (lip_contact.opening(one) < lip_contact.CLOSED_BELOW for one in (motion, moved))
    away = slice(10, len(before) - 15)       # from the clip's ends, where the face comes from rest and goes to it
    assert (before[:-3][away] == after[3:][away]).mean() > 0.99
    assert before[away].sum() > 3


@pytest.mark.parametrize(("label", "jaw", "voiced"), [("AA", 1, 1), ("IH", -1, 1), ("S", -1, 0), ("N", 0, 0)])
def test_an_edited_phone_asks_for_its_own_jaw_and_gap(sample, plain, label, jaw, voiced, monkeypatch):
    followed = []
    monkeypatch.setattr(lip_contact, "open_vowels", lambda motion, cue: followed.append(cue) or motion)
    shape = cues.shape
    monkeypatch.setattr(cues, "shape", lambda motion, heard: followed.append(heard.jaw) or shape(motion, heard))
    index = long_vowels(sample[2])[0]
    edited(sample, retyped(sample[2], index, label), plain)
    phone = sample[2][index]
    middle = round((phone.start_s + phone.end_s) / 2 * FPS)
    assert [float(cue[middle]) for cue in followed] == pytest.approx([jaw, voiced], abs=0.05)


# ---- what it leaves alone

@pytest.mark.parametrize("options", [
    {}, {"fps": 24.0}, {"fps": 60.0, "smooth": 0.3}, {"articulation": 1.0},
    {"articulation": -1.0, "anticipation_s": 0.1},
    {"delays": Delays(lips=0.1, jaw=-0.05), "region_smooth": RegionSmooth(lips=0.2)},
])
def test_beyond_the_neighbourhood_not_one_bit_changes(clip, plain, options):
    wave, _, phones = clip
    settings = replace(plain, **options)
    before = animate(wave, settings).motion
    middle = len(phones) // 2
    edits = [
        retyped(phones, middle, "M"), retyped(phones, middle, "SIL"), retyped(phones, middle, "OW"),
        [*phones[:middle - 1], replace(phones[middle - 1], end_s=phones[middle].end_s), *phones[middle + 1:]],
        [
            *phones[:middle - 1], replace(phones[middle - 1], end_s=phones[middle].start_s + 0.015),
            replace(phones[middle], start_s=phones[middle].start_s + 0.015), *phones[middle + 1:],
        ],
    ]
    for told in edits:
        after = edited(clip, told, settings)
        changed = np.flatnonzero((before.weights != after.weights).any(axis=1)) / settings.fps
        ((start_s, end_s),) = changed_spans(phones, told, settings)
        assert len(changed)
        assert start_s <= changed.min()
        assert changed.max() <= end_s
        assert end_s - start_s < phones[middle].end_s - phones[middle].start_s + 3.2


def test_an_edit_is_the_same_whatever_was_edited_elsewhere(sample, plain):
    _, _, phones = sample
    first, second = long_vowels(phones)[0], long_vowels(phones)[-1]
    assert phones[second].start_s - phones[first].end_s > 2 * REACH_S + 0.2
    one, both = retyped(phones, first, "M"), retyped(tuple(retyped(phones, first, "M")), second, "UW")
    alone, together = edited(sample, one, plain), edited(sample, both, plain)
    changed = np.flatnonzero((alone.weights != together.weights).any(axis=1)) / FPS
    ((start_s, end_s),) = changed_spans(one, both, plain)
    assert start_s <= changed.min()
    assert changed.max() <= end_s


def test_the_phones_as_heard_change_nothing(clip, plain):
    wave, motion, phones = clip
    for told in (phones, tuple(Phone(phone.label, round(phone.start_s, 3), round(phone.end_s, 3)) for phone in phones)):
        assert np.array_equal(animate(wave, replace(plain, phones=told)).motion.weights, motion.weights)


def test_brows_and_eyes_stay_when_they_are(sample, plain):
    _, motion, phones = sample
    told = retyped(phones, long_vowels(phones)[0], "P")
    after = edited(sample, told, plain)
    for channel in motion.channels:
        if channel.startswith(("brow", "eye")):
            assert np.array_equal(motion[channel], after[channel])


# ---- phones that cannot be followed

@pytest.mark.parametrize(("phones", "message"), [
    ([Phone("XX", 0.1, 0.2)], r"Phone 1 is of class 'XX', which is unknown\. Choose one of: SIL P B"),
    (
        [Phone("AA", 0.1, 0.3), Phone("P", 0.2, 0.4)],
        r"Phone 2 \(P, 0\.2 to 0\.4 s\) begins before phone 1 \(AA\) ends, at 0\.3 s",
    ),
    ([Phone("AA", 0.4, 0.5), Phone("P", 0.1, 0.2)], r"Put phones in order of time"),
    ([Phone("AA", -0.1, 0.2)], r"begins before the sound, which begins at 0 s\. Move it later"),
    ([Phone("AA", math.nan, 0.2)], r"a time that is no number"),
    ([Phone("AA", 0.1, math.inf)], r"a time that is no number"),
    ([Phone("AA", 0.3, 0.3)], r"has no length"),
    ([Phone("AA", 0.3, 0.2)], r"has no length"),
    ([Phone("AA", 0.3, 99.0)], r"ends after the sound, which is \d+\.\d\d s long"),
])
def test_phones_that_cannot_be_are_one_error(sample, plain, phones, message):
    with pytest.raises(SettingError, match=message):
        animate(sample[0], replace(plain, phones=tuple(phones)))


def test_a_model_that_hears_no_phones_says_so(tiny, tiny_copy, syllables):
    without_phones(tiny_copy)
    with pytest.raises(SettingError, match=r"does not hear phones, so they cannot be edited"):
        animate(syllables, replace(tiny, model=str(tiny_copy), phones=(Phone("AA", 0.1, 0.2),)))


def test_raw_output_says_that_it_does_not_follow(sample, plain):
    wave, _, phones = sample
    raw = animate(wave, replace(plain, raw=True))
    told = animate(wave, replace(plain, raw=True, phones=tuple(retyped(phones, 3, "P"))))
    assert np.array_equal(raw.motion.weights, told.motion.weights)
    assert "Edited phones do not change what head arkit52 gives with --raw" in told.warnings[0]


# ---- matching

def test_a_moved_a_retyped_a_deleted_and_a_new_phone_are_told_apart():
    heard = [
        Phone("SIL", 0, 0.2), Phone("P", 0.2, 0.3), Phone("AA", 0.3, 0.5), Phone("T", 0.5, 0.6), Phone("IY", 0.6, 0.8),
        Phone("SIL", 0.8, 1),
    ]
    moved = [*heard[:1], Phone("P", 0.2, 0.35), Phone("AA", 0.35, 0.5), *heard[3:]]
    (change,) = changes(heard, moved)
    assert (change.start_s, change.end_s) == (0.2, 0.5)
    assert change.reshaped == ()
    (change,) = changes(heard, [*heard[:2], Phone("UW", 0.3, 0.5), *heard[3:]])
    assert change.reshaped == ((heard[2], Phone("UW", 0.3, 0.5)),)
    (change,) = changes(heard, [*heard[:2], Phone("AA", 0.3, 0.6), *heard[4:]])
    assert change.reshaped == ((heard[3], None),)
    (change,) = changes(heard, [*heard[:2], Phone("AA", 0.3, 0.4), Phone("M", 0.4, 0.5), *heard[3:]])
    assert change.reshaped == ((None, Phone("M", 0.4, 0.5)),)
    assert changes(heard, heard) == ()


def test_time_is_bent_to_the_moved_boundary_and_straight_outside():
    heard = [Phone("SIL", 0, 0.2), Phone("P", 0.2, 0.3), Phone("AA", 0.3, 0.5), Phone("SIL", 0.5, 1)]
    wanted = [heard[0], Phone("P", 0.2, 0.4), Phone("AA", 0.4, 0.5), heard[3]]
    at_s = np.array([0.0, 0.1999, 0.2, 0.3, 0.4, 0.45, 0.5, 0.7])
    assert at_s + np.interp(at_s, *time_map(changes(heard, wanted))) == pytest.approx([
        0, 0.1999, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7
    ])


def test_time_never_runs_backwards():
    dice = np.random.default_rng(3)
    for _ in range(200):
        lists = []
        for _ in range(2):
            edges = np.sort(dice.choice(np.arange(1, 100), dice.integers(2, 12), replace=False)) / 100
            edges = [0.0, *edges, 1.0]
            lists.append([Phone(str(dice.choice(PHONES)), start, end) for start, end in itertools.pairwise(edges)])
        at_s, shift_s = time_map(changes(*lists))
        assert (np.diff(at_s) >= 0).all()
        assert (np.diff(at_s + shift_s) >= -1e-9).all()


def test_gaps_are_filled_with_silence():
    filled = complete([Phone("AA", 0.1, 0.2), Phone("P", 0.3, 0.4)], 0.6)
    assert [(phone.label, phone.start_s, phone.end_s) for phone in filled] == [
        ("SIL", 0.0, 0.1), ("AA", 0.1, 0.2), ("SIL", 0.2, 0.3), ("P", 0.3, 0.4), ("SIL", 0.4, 0.6)]


# ---- the table of mouths

def test_the_table_shows_what_a_viewer_expects():
    mouth = {
        label: dict(zip(table().channels, row, strict=True)) for label, row in zip(PHONES, table().targets, strict=True)
    }
    assert max(mouth[label]["jawOpen"] for label in "PBM") < 0.1
    assert mouth["AA"]["jawOpen"] > 0.35
    assert min(mouth[label]["mouthPucker"] for label in ("UW", "W", "UE")) > 0.35
    assert mouth["IY"]["mouthPucker"] < 0.1
    assert min(mouth[label]["mouthRollLower"] for label in "FV") > 0.28
    assert mouth["IY"]["mouthSmileLeft"] > mouth["AA"]["mouthSmileLeft"]
    assert not any(mouth["SIL"].values())


def test_shares_are_of_the_phone_that_sounds_and_its_neighbours():
    phones = [Phone("AA", 0, 0.2), Phone("IY", 0.2, 0.4), Phone("UW", 0.4, 0.6), Phone("SIL", 0.6, 1.4)]
    rows = shares(phones, np.array([0.1, 0.3, 0.2, 1.0]), GROUPS[-1], table().strengths[:, -1])
    assert rows.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert rows[0, PHONES.index("AA")] > 0.8
    assert rows[1, PHONES.index("IY")] > 0.8
    assert abs(rows[2, PHONES.index("AA")] - rows[2, PHONES.index("IY")]) < 0.2
    assert not mouths(phones, np.array([1.0])).any()


# ---- files and speed

def test_the_command_line_reads_back_what_it_wrote(sample, tmp_path, capsys):
    heard, told, motion = tmp_path / "heard.json", tmp_path / "told.json", tmp_path / "motion.npz"
    sound = str(DATA / "sample.flac")
    assert run(["animate", sound, "-o", str(motion), "--phones", str(heard), "--device", "cpu"]) == 0
    rows = json.loads(heard.read_text())["phones"]
    plain = io.read_motion(motion)
    index = long_vowels(sample[2])[0]
    rows[index][0] = "M"
    told.write_text(json.dumps({"phones": rows}))
    assert run([
        "animate", sound, "-o", str(motion), "--phones-in", str(told), "--phones", str(heard), "--device", "cpu"
    ]) == 0
    assert json.loads(heard.read_text())["phones"][index][0] == "M"
    frame = round((rows[index][1] + rows[index][2]) / 2 * 30)
    assert lip_contact.opening(
        io.read_motion(motion)
    )[frame] < lip_contact.CLOSED_BELOW <= lip_contact.opening(plain)[frame]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"phones": 3}', '{"phones": [["AA", 1]]}', '{"phones": [["AA", "x", 2]]}', '{"phones": [1]}']
)
def test_a_damaged_phone_file_is_one_error(tmp_path, content):
    file = tmp_path / "phones.json"
    file.write_text(content)
    with pytest.raises(OutputError, match=r"phones\.json cannot be read"):
        io.read_phones(file)
    with pytest.raises(OutputError, match="not found"):
        io.read_phones(tmp_path / "none.json")


def test_a_minute_of_speech_with_every_phone_moved_is_solved_in_bulk(sample, plain):
    wave, _, phones = sample
    times = math.ceil(60 / wave.duration_s)
    long = Waveform(np.tile(wave.samples, times))
    heard = animate(long, plain).phones
    late = [
        replace(
            phone, start_s=phone.start_s + 0.01 * (number > 0), end_s=phone.end_s + 0.01 * (number < len(heard) - 1)
        )
        for number, phone in enumerate(heard)
    ]
    late[10] = replace(late[10], label="M")
    assert len(phones) * times > 300
    assert calls_during(lambda: animate(long, replace(plain, phones=tuple(late)))) < 200_000


def test_far_more_phones_than_anybody_can_say_are_refused():
    phones = [Phone("AA", 0.5 + number * 1e-5, 0.5 + (number + 1) * 1e-5) for number in range(100_000)]
    with pytest.raises(SettingError, match=r"100000 phones for 2\.00 s of sound cannot be used, at most 300"):
        check(phones, 2.0)


def test_minutes_of_other_phones_take_little_memory():
    """Each phone is looked at where it sounds, and no matrix holds all of them at once."""
    seconds, labels = 400.0, ("AA", "P", "UW", "SIL", "S")

    def spoken(step_s, first):
        edges = np.arange(0, seconds + step_s / 2, step_s)
        names = [labels[(first + number) % len(labels)] for number in range(len(edges) - 1)]
        return tuple(Phone(name, float(a), float(b)) for name, a, b in zip(names, edges, edges[1:], strict=False))

    recognised, wanted = spoken(0.1, 0), spoken(0.06, 3)
    nothing = np.zeros(round(seconds * 10), np.float32)
    given = cues.PhonemeCues(
        recognised, 10.0, np.zeros((len(nothing), 3), np.float32), *(nothing.copy() for _ in range(5)),
    )
    motion = Motion(np.full((len(nothing), len(ARKIT_52)), 0.1, np.float32), ARKIT_52, 10.0)
    tracemalloc.start()
    followed, told = follow(motion, given, wanted)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 * 2**20
    assert told.phones == wanted and np.isfinite(followed.weights).all()
    assert len(changes(recognised, wanted)[0].pairs) >= len(recognised)
