"""Moods and intensity on the bundled model and a spoken line: the face changes, the lips still speak."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from engine import Life, Motion, SettingError, Settings, animate, read_audio
from engine.motion.lip_contact import closed_frames
from engine.motion.mood import MoodChange, in_turn, lay_on_face, mood_tracks
from engine.motion.mood_shapes import COMBINATIONS, UNSMILING, pose
from engine.motion.smooth import runs
from engine.speech.mood_tags import mood_changes
from engine.values.channels import ARKIT_52
from engine.values.phones import Phone
from engine.values.settings import MOODS, KeyedAmount, Mood, mood_amounts
from tests.engine.conftest import DATA
from tests.engine.lip_gap import TOUCHING_MM, lip_gap_mm, touching

PLAIN = Settings(threads=1, fps=50, life=Life(blinks=0))        # the bundled model's own rate
UNSEEN_MM = 0.12
SPEECH_ONLY = ("jaw", "tongue", "mouthPucker", "mouthFunnel")
CLOSES_MORE = 0.03      # of mouthClose at the most: what raised cheeks do to lips that nearly meet is taken back
FELT = tuple(mood for mood in MOODS if mood != "neutral")
PAUSED = [Phone("SIL", 0, 0.2), Phone("AA", 0.2, 0.9), Phone("SIL", 0.9, 1.4), Phone("B", 1.4, 1.5),
          Phone("IY", 1.5, 2.0)]


@pytest.fixture(scope="module")
def line():
    return read_audio(DATA / "sample.flac")


@pytest.fixture(scope="module")
def plain(line):
    return animate(line, PLAIN)


def felt(line, **fields) -> Motion:
    return animate(line, replace(PLAIN, mood=Mood(**fields))).motion


def touch_alike(before: Motion, after: Motion) -> bool:
    """Whether another head's lips touch on the same frames, but for gaps that are a tenth of a millimetre off."""
    gaps = np.stack([lip_gap_mm(motion) for motion in (before, after)])
    differing = touching(before) != touching(after)
    return bool((np.abs(gaps[:, differing] - TOUCHING_MM) < UNSEEN_MM).all())


@pytest.mark.parametrize("mood", FELT)
def test_no_mood_at_its_most_changes_a_contact(line, plain, mood):
    made = animate(line, replace(PLAIN, mood=Mood(mood, 1.5)))
    assert np.array_equal(made.contacts.closed, plain.contacts.closed)
    assert touch_alike(plain.motion, made.motion) and touching(plain.motion).sum() > 20


@pytest.mark.parametrize("performance", ["natural", "lively"])
@pytest.mark.parametrize("mood", ["happy", "disgusted", "effort"])
def test_nor_does_it_with_a_performance(line, mood, performance):
    """Beside the opening by the voice's effort, which belongs to a performance."""
    mouth_alone = Life(0, 0, 0, 0, 0, cheeks=0, asymmetry=0, performance=performance)
    mouth = animate(line, replace(PLAIN, life=mouth_alone))
    settings = replace(PLAIN, mood=Mood(mood, 1.5), life=Life(performance=performance, seed=5))
    animation = animate(line, settings)
    assert np.array_equal(animation.contacts.closed, mouth.contacts.closed)
    assert touch_alike(animation.motion, mouth.motion)


@pytest.mark.parametrize("mood", FELT)
def test_jaw_tongue_and_rounding_stay_those_of_the_speech(line, plain, mood):
    motion = felt(line, kinds=mood)
    for name in ARKIT_52:
        if name.startswith(SPEECH_ONLY):
            assert np.array_equal(motion[name], plain.motion[name]), name
    assert np.allclose(motion["mouthClose"], plain.motion["mouthClose"], atol=CLOSES_MORE)


def test_moods_differ_from_each_other_and_from_neutral(line, plain):
    means = {mood: felt(line, kinds=mood).weights.mean(axis=0) for mood in FELT}
    means["neutral"] = plain.motion.weights.mean(axis=0)
    names = list(means)
    far = [np.linalg.norm(means[one] - means[two]) for row, one in enumerate(names) for two in names[row + 1:]]
    assert min(far) > 0.15
    assert np.array_equal(felt(line, kinds="neutral").weights, plain.motion.weights)


@pytest.mark.parametrize("mood", sorted(UNSMILING))
def test_a_bitter_mood_never_smiles(line, plain, mood):
    def smile(motion: Motion) -> np.ndarray:
        return motion["mouthSmileLeft"] + motion["mouthSmileRight"]

    inside = slice(25, -35)     # between onset and release
    assert smile(plain.motion)[inside].max() > 0.1
    assert smile(felt(line, kinds=mood))[inside].max() < 0.01


def test_a_happy_mouth_steps_back_in_speech_its_corners_less_and_gives_way_to_rounding(line, plain):
    """At a third the corners of the mouth keep the square root of it."""
    full, third, none = (
        felt(line, kinds="happy", mouth=share)["mouthSmileLeft"] - plain.motion["mouthSmileLeft"]
        for share in (1, 0.33, 0)
    )
    spoken = (plain.motion["jawOpen"] > 0.1) & (plain.motion["mouthPucker"] + plain.motion["mouthFunnel"] < 0.3)
    spoken[:25] = spoken[-35:] = False
    assert spoken.sum() > 10
    assert np.allclose(third[spoken], 0.57 * full[spoken], atol=0.05) and np.allclose(none[spoken], 0, atol=1e-6)
    rounded = plain.motion["mouthPucker"] + plain.motion["mouthFunnel"] > 0.6
    assert not rounded.any() or full[rounded].max() < 0.25


def test_upper_face_leaves_the_mouth_alone(line, plain):
    motion = felt(line, kinds="angry", area="upper")
    mouth = [name for name in ARKIT_52 if name.startswith(("mouth", "jaw", "tongue", "cheekPuff"))]
    for name in mouth:
        close = CLOSES_MORE if name == "mouthClose" else 0
        assert np.allclose(motion[name], plain.motion[name], rtol=0, atol=close), name
    assert motion["browDownLeft"].max() > 0.8


def test_an_amount_of_zero_is_neutral_and_more_is_more(line, plain):
    rows = [felt(line, kinds="sad", amount=amount)["browInnerUp"] for amount in (0, 0.5, 1)]
    assert np.array_equal(rows[0], plain.motion["browInnerUp"])
    assert rows[0].max() < rows[1].max() < rows[2].max()


def test_mood_comes_and_goes_in_its_time():
    seconds = np.arange(0, 10, 0.02)
    track = mood_tracks((), Mood("happy=0.6", onset_s=1.0, release_s=2.0), 10.0, seconds)["happy"]
    assert track[0] == 0 and track[seconds == 1.0] == pytest.approx(0.6) and track[-1] < 0.001
    assert (np.diff(track) >= 0)[seconds[1:] < 5].all() and track[seconds < 8].max() == pytest.approx(0.6)
    assert 0.2 < track[np.abs(seconds - 0.5).argmin()] < 0.4


def test_a_later_mood_takes_over_from_the_first():
    seconds = np.arange(0, 10, 0.02)
    changes = (MoodChange(4.0, (("angry", 1.0),)), MoodChange(7.0, ()))
    tracks = mood_tracks(changes, Mood("happy"), 10.0, seconds)
    at = {second: int(second / 0.02) for second in (2, 5.5, 8.5)}
    assert [tracks["happy"][at[second]] for second in at] == pytest.approx([1, 0, 0])
    assert [tracks["angry"][at[second]] for second in at] == pytest.approx([0, 1, 0])


def test_a_blink_shuts_eyes_that_fear_holds_wide():
    shut = Motion(np.zeros((50, 52), np.float32), ARKIT_52, 50.0)
    shut["eyeBlinkLeft"][20] = 1
    tracks = {"afraid": np.ones(50, np.float32)}
    motion = lay_on_face(shut, tracks, np.ones(50, bool), 0.3)
    assert motion["eyeBlinkLeft"][20] == 1 and motion["eyeWideLeft"][20] == 0 and motion["eyeWideLeft"][10] > 0.5


def test_lowered_lids_of_a_mood_do_not_stop_blinks(line):
    settings = replace(PLAIN, life=Life(blinks=2, performance="natural", eyes=0))
    shut = [runs(animate(line, replace(settings, mood=Mood(mood))).motion["eyeBlinkLeft"] > 0.95)
            for mood in ("neutral", "bored")]
    assert len(shut[0]) == len(shut[1]) > 1


@pytest.mark.parametrize(("text", "expected"), [
    ("ah [angry] bee", [(1.4, {"angry": 1.0})]),
    ("[happy=0.5] ah bee", [(0.0, {"happy": 0.5})]),
    ("[Sad] ah [ neutral ] bee", [(0.0, {"sad": 1.0}), (1.4, {})]),
    ("[she laughs] ah [sighs] bee", []),
])
def test_tags_switch_the_mood_where_they_stand(text, expected):
    changes = mood_changes(Settings(transcript=text, language="en-us"), PAUSED, 2.2)
    assert [(change.second, dict(change.amounts)) for change in changes] == [
        (pytest.approx(second), amounts) for second, amounts in expected
    ]


def test_a_tag_reaches_the_face(line):
    calm, angry = (
        animate(line, replace(PLAIN, transcript=text)).motion["browDownLeft"]
        for text in ("hello there", "hello [angry] there")
    )
    changed = np.abs(angry - calm)
    assert changed.max() > 0.5 and changed[:10].max() == 0


def test_every_mood_has_units_and_every_weight_is_a_weight():
    assert set(COMBINATIONS) == set(FELT)
    for mood in FELT:
        weights = pose(mood)
        assert weights and set(weights) <= set(ARKIT_52) and all(0 < weight <= 1 for weight in weights.values())
    assert pose("neutral") == {}


@pytest.mark.parametrize(("kinds", "message"), [
    ("happpy", "Unknown mood: 'happpy'. Choose one of: neutral, happy,"), ("happy=much", "has no number"),
    ("happy=2", "Amount of mood happy must be from 0 to 1.5, got 2.0"),
])
def test_what_is_no_mood_is_a_setting_error(kinds, message):
    with pytest.raises(SettingError, match=message):
        Mood(kinds)


def test_moods_mix():
    assert mood_amounts("happy=0.6, surprised=0.3,neutral") == {"happy": 0.6, "surprised": 0.3}


@pytest.mark.parametrize("intensity", [1.3, 2.0])
def test_intensity_keeps_contacts_and_moves_every_region_more(line, plain, intensity):
    motion = animate(line, replace(PLAIN, intensity=intensity)).motion
    assert np.array_equal(closed_frames(motion), plain.contacts.closed)
    assert touching(motion)[plain.contacts.closed].all()
    for name in ("jawOpen", "mouthFunnel", "mouthSmileLeft"):
        usual = plain.motion[name]
        assert np.allclose(motion[name], np.minimum(1, intensity * usual), atol=0.02)


def test_intensity_is_for_brows_of_the_mood_too_and_zero_is_a_still_face(line):
    weak, strong = (
        animate(line, replace(PLAIN, mood=Mood("sad=0.5"), intensity=intensity)).motion for intensity in (0.5, 1.5)
    )
    assert strong["browInnerUp"].max() > 2 * weak["browInnerUp"].max()
    assert not animate(line, replace(PLAIN, intensity=0.0, mood=Mood("happy"))).motion.weights.any()


def test_keyed_intensity_counts_frame_by_frame(line, plain):
    halves = (1.0,) * 100 + (0.5,) * 400
    motion = animate(line, replace(PLAIN, keyed=(KeyedAmount("intensity", halves),))).motion
    jaw, usual = motion["jawOpen"], plain.motion["jawOpen"]
    assert np.allclose(jaw[:99], usual[:99], atol=1e-6) and np.allclose(jaw[101:], 0.5 * usual[101:], atol=1e-6)
    assert closed_frames(motion)[plain.contacts.closed].all()


def test_keyed_moods_are_added_where_they_are_keyed(line, plain):
    curve = (0.0,) * 50 + (0.8,) * 50 + (0.0,) * 10
    motion = animate(line, replace(PLAIN, keyed=(KeyedAmount("sad", curve), KeyedAmount("happy", (0.0,))))).motion
    more = motion["browInnerUp"] - plain.motion["browInnerUp"]
    assert more[60:90].min() > 0.4 and not more[:49].any() and np.abs(more[105:]).max() < 1e-6
    assert np.array_equal(closed_frames(motion), plain.contacts.closed)


def test_only_what_can_be_keyed_has_a_name():
    with pytest.raises(SettingError, match="Unknown keyed amount: 'joy'"):
        Settings(keyed=(KeyedAmount("joy", (1.0,)),))


OWN = '{"smirk": [{"mouthSmileLeft": 0.6, "browDownLeft": 0.5}, {"mouthDimpleRight": 0.7, "browOuterUpLeft": 0.4}]}'


def test_an_own_mood_steps_back_as_others_do_and_changes_no_contact(line, plain):
    motion = felt(line, kinds="smirk=1.5", own=OWN)
    assert np.array_equal(closed_frames(motion), plain.contacts.closed)
    assert touch_alike(motion, plain.motion)
    assert (motion["browDownLeft"] - plain.motion["browDownLeft"]).max() > 0.4


def test_an_own_mood_can_be_keyed(line, plain):
    curve = (0.0,) * 50 + (0.8,) * 50 + (0.0,) * 10
    mood = Mood(own='{"scowl": {"browDownLeft": 1.0}}')
    motion = animate(line, replace(PLAIN, mood=mood, keyed=(KeyedAmount("scowl", curve),))).motion
    more = motion["browDownLeft"] - plain.motion["browDownLeft"]
    assert more[60:90].min() > 0.7 and not more[:49].any()


def test_poses_of_an_own_mood_are_drawn_in_turn_and_never_repeat():
    own = json.dumps({"mix": [{"browDownLeft": 1}, {"browDownRight": 1}, {"browInnerUp": 1}]})
    seconds, pauses = np.arange(3000) / 50, [(end - 0.4, end) for end in range(3, 60, 3)]
    tracks = in_turn({"mix": np.ones(3000, np.float32)}, own, pauses, 4, seconds)
    shown = np.stack([tracks[f"mix#{number}"] for number in range(3)])
    assert np.allclose(shown.sum(axis=0), 1, atol=1e-5)
    phrases = [int(shown[:, round((start + 1.5) * 50)].argmax()) for start in range(0, 57, 3)]
    assert set(phrases) == {0, 1, 2} and all(first != second for first, second in itertools.pairwise(phrases))


def test_an_own_mood_is_called_by_a_tag(line):
    text = "hello [smirk] there"
    called = animate(line, replace(PLAIN, transcript=text, mood=Mood(own=OWN))).motion
    calm = animate(line, replace(PLAIN, transcript="hello there")).motion
    changed = np.abs(called.weights - calm.weights)
    assert changed.max() > 0.2 and changed[:10].max() == 0


@pytest.mark.parametrize(("own", "message"), [
    ("smirk", "no JSON text"), ('{"a,b": {}}', "cannot be called"), ('{"a": []}', "1 to 12 poses"),
    ('{"a": {"jawOpen": 0.5}}', "cannot move 'jawOpen'"), ('{"a": {"browInnerUp": 2}}', "by 0 to 1, got 2"),
])
def test_own_moods_that_cannot_be_read_are_a_setting_error(own, message):
    with pytest.raises(SettingError, match=message):
        Mood(own=own)
