"""The sidebar: what its panels draw in each editor, why Generate is grey, presets, identities, the result, the
search."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from . import drawn
from .conftest import curves, keys_of, make_face, needs_aud

MAIN = ["Audio", "Character", "Generate", "Voice and Style", "Takes", "Scene", "Tools"]
MOST_PANELS = 7                 # that stand in the tab; the others are inside of them
EDITORS = ("VIEW_3D", "SEQUENCE_EDITOR", "DOPESHEET_EDITOR")


def settings() -> object:
    return bpy.context.scene.unitalker


def titles(space: str) -> list[str]:
    return [kind.bl_label for kind in drawn.panels(space)]


# ---- drawing

@pytest.mark.parametrize("space", EDITORS)
def test_every_editor_has_the_same_panels_in_the_same_order(ext, face, space):
    shown = titles(space)
    assert [title for title in shown if title in MAIN] == MAIN
    assert {"Life", "Fine Tuning", "Output", "Phonemes", "Preview"} <= set(shown)


def test_panels_stand_in_the_order_of_the_work_and_the_later_ones_are_closed(ext, face):
    """No two panels of one level have the same number: Blender would order those as they were registered."""
    top = [kind for kind in drawn.panels() if not getattr(kind, "bl_parent_id", "") and kind.bl_label != "Try It"]
    assert [kind.bl_label for kind in top] == MAIN and len({kind.bl_order for kind in top}) == len(top)
    tools = [kind.bl_label for kind in drawn.panels() if getattr(kind, "bl_parent_id", "") == "UNITALKER_PT_tools"]
    first = ["Phonemes", "Preview", "Retakes", "Map It Yourself", "Match by Shape", "Teach", "Import and Export"]
    assert [title for title in tools if title in first] == first
    closed = {kind.bl_label for kind in drawn.panels() if 'DEFAULT_CLOSED' in getattr(kind, "bl_options", ())}
    assert {"Life", "Fine Tuning", "Output", "Takes", "Scene", "Tools", *tools} <= closed


@pytest.mark.parametrize("state", ["nothing", "a face", "a take"])
def test_the_tab_holds_few_panels_in_every_state(ext, state, speech):
    if state != "nothing":
        make_face(ext, "Face")
    if state == "a take":
        bpy.ops.unitalker.animate(audio=speech, character="Face")
    shown = [kind for kind in drawn.panels() if not getattr(kind, "bl_parent_id", "")]
    polled = [kind for kind in shown if not hasattr(kind, "poll") or kind.poll(bpy.context)]
    assert 6 <= len(polled) <= MOST_PANELS


def test_the_dope_sheet_has_them_as_shape_key_editor_only(ext, face):
    poll = bpy.types.UNITALKER_PT_audio_shape_keys.poll
    assert (
        poll(SimpleNamespace(space_data=SimpleNamespace(mode='SHAPEKEY')))
        and not poll(SimpleNamespace(space_data=SimpleNamespace(mode='ACTION')))
    )


@pytest.mark.parametrize("space", EDITORS)
@pytest.mark.parametrize("state", ["nothing", "ready", "done", "working", "failed"])
def test_every_panel_draws_in_every_state(ext, speech, space, state):
    if state != "nothing":
        make_face(ext, "Face", ext.module("engine.values.channels").ARKIT_52[:40])
        settings().source, settings().audio = 'FILE', speech
    if state == "done":
        bpy.ops.unitalker.animate()
    job = ext.module("addon.host.job")
    if state == "working":
        job.Job(lambda progress, cancelled: None).start()
    if state == "failed":
        settings().result, settings().result_failed = "Something is wrong.", True
    texts = []
    for destination in ("ACTION", "NLA", "SLOT"):
        settings().destination, settings().use_range, settings().identity_2 = destination, destination == "NLA", "wide"
        texts += [text for kind in drawn.panels(space) for text in drawn.draw(kind, space).texts]
    if job.Job.current:
        job.Job.current.drop(5)
    assert {
        "nothing": "Try It", "ready": "Ready: press Generate.", "done": "40 mapped, 12 missing"
    }.get(state, "Identity") in texts


def test_menus_and_lists_that_open_draw(ext, face, speech):
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    shown = [
        getattr(bpy.types, name) for name in dir(bpy.types)
        if name.startswith(("UNITALKER_MT_", "UNITALKER_PT_channels"))
        and not hasattr(getattr(bpy.types, name), "preset_subdir")
    ]
    assert len(shown) >= 4 and all(drawn.draw(kind).texts for kind in shown)


# ---- a character that no preset fits

WAYS = ["Match by Shape", "Map It Yourself", "Teach"]


def way_names(space: str = "VIEW_3D") -> list[str]:
    character = next(kind for kind in drawn.panels(space) if kind.bl_label == "Character")
    return list(dict.fromkeys(text for text in drawn.draw(character, space).texts if text in WAYS))


@pytest.mark.parametrize("space", EDITORS)
def test_the_panel_leads_on_where_no_preset_fits(ext, space):
    make_face(ext, "Odd", ("bulge", "squash"))
    fit = ext.module("addon.take.catalog").fit(bpy.context)
    assert way_names(space) == WAYS
    assert (
        fit.problem.startswith("No preset fits this character: it has 2 shape keys (bulge, squash), no bones")
        and "Name its" not in fit.problem
    )


def test_shapes_are_compared_only_where_there_are_some(ext):
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    armature.data.edit_bones.new("flap").tail.z = 1
    bpy.ops.object.mode_set(mode='OBJECT')
    assert "it has no shape keys, 1 bone (flap), no custom properties" in ext.module(
        "addon.take.catalog"
    ).fit(bpy.context).problem
    assert way_names() == WAYS[1:]


def test_a_chosen_preset_that_finds_nothing_is_no_success(ext):
    make_face(ext, "Odd", ("bulge", "squash"))
    settings().preset = "oculus15"
    fit = ext.module("addon.take.catalog").fit(bpy.context)
    assert "finds nothing on this character" in fit.problem and fit.line == "" and way_names() == WAYS


def test_a_character_that_a_preset_fits_needs_no_ways_on(ext, face):
    assert way_names() == []


def test_the_refusal_names_the_ways_on_too(ext, speech):
    make_face(ext, "Odd", ("bulge", "squash"))
    with pytest.raises(RuntimeError) as error:
        bpy.ops.unitalker.animate(audio=speech, character="Odd")
    assert all(way in str(error.value) for way in WAYS)


# ---- why the button is grey

def refused() -> str:
    """What the panel's own button says; empty when it may be pressed."""
    with bpy.context.temp_override(unitalker_button=settings()):
        if bpy.ops.unitalker.animate.poll():
            return ""
        with pytest.raises(RuntimeError) as error:
            bpy.ops.unitalker.animate()
    return str(error.value)


def test_the_button_says_what_is_missing(ext, speech):
    assert "Add a sound strip" in refused()
    settings().source = 'FILE'
    assert "Choose a sound file" in refused()
    settings().source = 'SPEAKER'
    assert "Choose a speaker" in refused()
    settings().source, settings().audio = 'FILE', speech
    assert "see Character" in refused()
    make_face(ext, "Face")
    assert refused() == ""
    settings().model = "gone"
    assert refused() != ""


def test_the_line_under_the_button_says_the_same(ext, face):
    settings().source = 'FILE'
    layout = drawn.draw(bpy.types.UNITALKER_PT_generate)
    assert "Choose a sound file in Audio." in " ".join(layout.texts)


def test_scripts_are_not_held_up_by_what_the_panel_lacks(ext, face, speech):
    assert bpy.ops.unitalker.animate(audio=speech, character="Face") == {'FINISHED'}


@needs_aud
def test_two_strips_ask_for_a_choice(ext, face, speech):
    editor = bpy.context.scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_sound("one", speech, 1, 1)
    assert ext.module("addon.sound.strips").strip_in_use(bpy.context) == "one" and refused() == ""
    strips.new_sound("two", speech, 2, 1)
    editor.active_strip = None
    assert "Pick a sound strip" in refused()


# ---- result

def test_the_result_is_said_in_words_and_counted_in_the_fold(ext, face, speech):
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    assert settings().result == "2.0 s of speech on frames 1 to 48. Press Space."
    assert settings().result_counts.startswith("52 curves, 48 frames")


def test_a_tick_stands_only_where_nothing_is_missing(ext, speech):
    message = ext.module("addon.ui.generate")._message
    for number, icon in ((52, 'CHECKMARK'), (40, 'INFO')):
        make_face(ext, f"Face {number}", ext.module("engine.values.channels").ARKIT_52[:number])
        settings().source, settings().audio, settings().performance = 'FILE', speech, 'lips'
        bpy.ops.unitalker.animate(audio=speech, character=f"Face {number}")
        assert message(bpy.context)[1] == icon, settings().result_details
    ext.module("addon.take.making").show_result(bpy.context, "Cancelled: nothing was written.")
    assert message(bpy.context)[1] == 'INFO'


def test_a_message_takes_as_many_lines_before_as_after(ext, face, speech):
    def lines() -> int:
        layout = drawn.draw(bpy.types.UNITALKER_PT_generate)
        return layout.labels.index("Details")

    settings().source, settings().audio = 'FILE', speech
    ready = lines()
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    assert settings().result and lines() == ready


def test_a_transcript_is_seen_while_it_is_folded(ext, face):
    settings().transcript = "Never mind what the others say to you"
    assert "Never mind what the othe..." in drawn.draw(bpy.types.UNITALKER_PT_audio).own


def test_the_file_field_shows_the_name_of_the_file(ext, face):
    settings().source, settings().audio = 'FILE', "/a/very/long/folder/line_017.wav"
    layout = drawn.draw(bpy.types.UNITALKER_PT_audio)
    assert ("unitalker.audio_choose", "line_017.wav") in layout.buttons
    assert "/a/very" not in " ".join(layout.texts)
    bpy.ops.unitalker.audio_choose(filepath="/b/other.wav")
    assert settings().audio == "/b/other.wav"
    bpy.ops.unitalker.cast_add(what='EMPTY')
    bpy.ops.unitalker.audio_choose(filepath="/b/third.wav", row=0)
    assert settings().audio == "/b/other.wav" and bpy.context.scene.unitalker_cast.rows[0].audio == "/b/third.wav"


def test_the_list_of_channels_stays_within_the_window(ext):
    columns = ext.module("addon.ui.generate")._columns
    assert columns(drawn.context(), 52) == 3        # a window 900 pixels high
    assert columns(drawn.context(), 200) == 10


def test_the_result_lists_what_was_mapped_and_what_was_not(ext, speech):
    make_face(ext, "Face", ext.module("engine.values.channels").ARKIT_52[:38])
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    assert len(settings().result_mapped.splitlines()) == 38 and len(settings().result_missing.splitlines()) == 14
    assert "38 mapped, 14 missing" in drawn.draw(bpy.types.UNITALKER_PT_generate).texts
    assert "tongueOut" in drawn.draw(bpy.types.UNITALKER_PT_channels).texts
    text = ext.module("addon.ui.generate").as_text(settings())
    assert text.splitlines()[0] == settings().result and "Missing: " in text and "tongueOut" in text


def test_a_failed_run_shows_no_list_of_the_one_before(ext, face, speech):
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    with pytest.raises(RuntimeError):
        bpy.ops.unitalker.animate(audio="/gone.wav", character="Face")
    assert settings().result_failed and settings().result_mapped == ""


# ---- presets of styles

@pytest.fixture
def presets():
    yield Path(bpy.utils.user_resource('SCRIPTS', path="presets/unitalker", create=True))
    for file in Path(bpy.utils.user_resource('SCRIPTS', path="presets/unitalker")).rglob("*.py"):
        file.unlink()


@pytest.mark.parametrize("name, changed", [
    (
        "style",
        {
            "identity": "wide", "identity_2": "round", "strength": 1.5, "gain_lips": 0.5, "articulation": -0.25,
            "use_breath": True, "seed": 7,
        },
    ),
    (
        "output",
        {"interpolation": 'BEZIER', "reduce": True, "shift_frames": -1.0, "destination": 'NLA', "nla_influence": 0.5},
    ),
])
def test_a_preset_brings_the_choices_back(ext, face, presets, name, changed):
    before = {key: getattr(settings(), key) for key in changed}
    for key, value in changed.items():
        setattr(settings(), key, value)
    add = getattr(bpy.ops.unitalker, f"{name}_preset_add")
    assert add(name="Studio A") == {'FINISHED'}
    file = presets / name / "Studio_A.py"
    assert file.exists()
    for key, value in before.items():
        setattr(settings(), key, value)
    menu = f"UNITALKER_MT_{name}_presets"
    bpy.ops.script.execute_preset(filepath=str(file), menu_idname=menu)
    assert {key: getattr(settings(), key) for key in changed} == changed        # values that a float32 holds exactly
    add(name="Studio A", remove_name=True)
    assert not file.exists()


def test_presets_hold_no_choice_that_belongs_to_one_shot(ext):
    in_preset = ext.module("addon.take.options").in_preset
    shot = {
        "source", "strip", "audio", "speaker", "start_frame", "transcript", "transcript_text", "language", "character",
        "action", "use_range", "range_start", "range_end", "audio_channel", "cache_folder",
    }
    kept = {*in_preset("style"), *in_preset("output")}
    assert len(kept) > 35 and not shot & kept


# ---- identities

@pytest.fixture
def identities(ext):
    yield ext.module("addon.models.identities")
    ext.module("addon.host.preferences").own(bpy.context).favourites = ""


def test_a_favourite_stands_first_and_is_kept_in_the_preferences(ext, identities):
    model = settings().model
    assert bpy.ops.unitalker.favourite(identity="round") == {'FINISHED'}
    assert identities.favourites(bpy.context, model) == ("round",)
    assert [item[0] for item in identities.search_items(bpy.context, model, "")] == ["round", "pivot", "wide"]
    assert identities.search_items(bpy.context, model, "")[0][1].startswith("★")
    assert (
        "round" in ext.module("addon.host.preferences").own(bpy.context).favourites and bpy.context.preferences.is_dirty
    )
    bpy.ops.unitalker.favourite(identity="round")
    assert identities.favourites(bpy.context, model) == ()


def test_favourites_belong_to_their_model(ext, identities):
    bpy.ops.unitalker.favourite(identity="wide")
    settings().model = "mini"
    assert identities.favourites(bpy.context, "mini") == ()


def test_the_star_without_a_name_means_the_chosen_identity(ext, identities):
    settings().identity = "wide"
    bpy.ops.unitalker.favourite()
    assert identities.favourites(bpy.context, settings().model) == ("wide",)
    settings().identity = "blend:wide=1"
    with pytest.raises(RuntimeError, match="is no identity of model"):
        bpy.ops.unitalker.favourite()


def test_the_list_shows_what_was_searched_and_a_click_chooses(ext, identities):
    operators, browser = ext.module("addon.models.identity_operators"), bpy.context.window_manager.unitalker_identities
    settings().identity = "round"
    operators.fill(bpy.context, "identity")
    assert [row.identity for row in browser.rows] == ["pivot", "wide", "round"] and browser.active == 2
    browser.search = "WI"
    assert operators.shown(bpy.context, browser) == [False, True, False]
    browser.search = ""
    bpy.ops.unitalker.favourite(identity="round")
    browser.group = identities.FAVOURITES
    assert operators.shown(bpy.context, browser) == [False, False, True]
    browser.active = 1
    assert settings().identity == "wide" and settings().identity_2 == ""
    operators.fill(bpy.context, "identity_2")
    assert browser.group == identities.ALL
    browser.active = 2
    assert (settings().identity, settings().identity_2) == ("wide", "round")
    layout = drawn.Layout()
    ext.module("addon.models.identity_operators").UNITALKER_OT_identity_browse.draw(
        SimpleNamespace(layout=layout), drawn.context()
    )
    assert [operator for operator, _ in layout.buttons] == ["unitalker.favourite"] * 3


def motion(obj: object) -> object:
    """(curves, keys) values of all shape keys, by name."""
    import numpy as np

    return np.stack([keys_of(curve)[:, 1] for _, curve in sorted(curves(obj.data.shape_keys).items())])


def test_the_second_identity_is_mixed_in(ext, face, speech):
    given = {"audio": speech, "character": "Face", "identity": "wide"}
    bpy.ops.unitalker.animate(**given)
    first = motion(face)
    bpy.ops.unitalker.animate(**given, identity_2="round", identity_mix=0.0)
    assert abs(motion(face) - first).max() < 1e-6
    bpy.ops.unitalker.animate(**{**given, "identity": "round"})
    second = motion(face)
    bpy.ops.unitalker.animate(**given, identity_2="round", identity_mix=1.0)
    assert abs(motion(face) - second).max() < 1e-6 and abs(first - second).max() > 0.01
    bpy.ops.unitalker.animate(**given, identity_2="round", identity_mix=0.25)
    assert abs(motion(face) - (0.75 * first + 0.25 * second)).max() < 0.05


def test_the_second_picker_has_none_and_leaves_with_its_model(ext):
    assert settings().identity_2_pick == "NONE"
    settings().identity_2_pick = "round"
    assert settings().identity_2 == "round"
    settings().model_pick = "mini"
    assert settings().identity_2 == ""
    settings().identity_2_pick = "wide"
    bpy.ops.unitalker.identity_single()
    assert settings().identity_2_pick == "NONE"


# ---- the search

def operators() -> list[tuple[str, type]]:
    """Name and class of every operator of ours that the search lists."""
    found = [(name, getattr(bpy.types, f"UNITALKER_OT_{name}", None)) for name in dir(bpy.ops.unitalker)]
    return [
        (name, kind) for name, kind in found if kind is not None and 'INTERNAL' not in getattr(kind, "bl_options", ())
    ]


def test_every_operator_of_the_search_has_a_name_of_its_own_and_a_tooltip(ext):
    labels = [kind.bl_label for _, kind in operators()]
    assert len(labels) > 20 and len(set(labels)) == len(labels)
    for name, kind in operators():
        assert len(bpy.ops.unitalker.__getattr__(name).get_rna_type().description) > 15, name
        assert re.fullmatch(r"[A-Z][^.]*", kind.bl_label), kind.bl_label


@pytest.mark.parametrize("with_face", [False, True])
def test_every_operator_of_the_search_works_or_says_why_not(ext, with_face, tmp_path):
    """In an empty scene and with a face alone: no traceback, and no refusal without a reason."""
    for name, _ in operators():
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
        settings().model = "mini"
        if with_face:
            make_face(ext, "Face")
        os.chdir(tmp_path)
        try:
            assert getattr(bpy.ops.unitalker, name)() <= {'FINISHED', 'CANCELLED'}
        except RuntimeError as error:
            text = str(error)
            assert "Traceback" not in text, f"{name}: {text}"
            assert (
                len(text.rsplit("poll()", maxsplit=1)[-1].strip()) > 10 and "context is incorrect" not in text
            ), f"{name}: {text}"
