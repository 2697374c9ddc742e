"""German, Japanese and Simplified Chinese: every text of the panels has all three, and no dictionary keeps what nothing
says any more."""

from __future__ import annotations

import ast
import functools
import json
import re

import bpy
import pytest

from engine.values.settings import MOODS

from . import drawn
from .conftest import ROOT, make_face

LOCALES = ("de_DE", "ja_JP", "zh_HANS")
# function -> which arguments are said
SAYING = {
    "translate": (0,), "only_if": (2,), "translate_plural": (1, 2), "paragraph": (2,), "tell_stage": (1,),
    "attempt": (3,),
}
SHOWN = {"text", "heading", "placeholder"}                  # arguments of a layout's calls
PRODUCTS = r"(Live Link Face|MetaHuman) (CSV|JSON)|CUDA|CoreML|DirectML"          # written alike everywhere
# names of texts that are said
FIXED = {"TITLE", "NOT_IN_EDIT_MODE", "LAST_STAGE", "SEVERAL", "NO_TAKE", "BUSY", "BUSY_ELSE", "READY"}
SCENE_STATE = {
    "result", "result_details", "result_mapped", "result_missing", "result_failed", "teach_result", "teach_details",
    "teach_failed", "live_note",
}
# of state, called like what is drawn elsewhere
SAME_NAMES = {
    "Id", "Shown", "Sliders that are set for looking, and their values before, as JSON",
    "Whose take it is, also under a new name",
}
# of operators: no button shows them
SCRIPTS_ONLY = {"character", "speaker", "transcript_text", "line", "start", "end", "action", "frame_start", "frame_end"}


def dictionaries() -> dict[str, dict[str, str]]:
    return {
        locale: json.loads((ROOT / "addon" / "host" / "languages" / f"{locale}.json").read_text(encoding="utf-8"))
        for locale in LOCALES
    }


def in_source(raised: bool = False) -> set[str]:
    """What the code itself says: constants given to translate(), paragraph(), tell_stage() and to layouts, titles of
    jobs, reasons of the panel Generate.

    raised: what errors say, too; they may be translated.
    """
    found: set[str] = set()
    for path in (ROOT / "addon").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING:
                found |= set(_texts([node.args[place] for place in SAYING[node.func.id] if place < len(node.args)]))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                found |= set(_texts([given.value for given in node.keywords if given.arg in SHOWN]))
            elif isinstance(node, ast.Raise) and raised:
                found |= set(_texts(node.exc.args)) if isinstance(node.exc, ast.Call) else set()
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in FIXED:
                found |= set(_texts([node.value]))
            elif isinstance(node, ast.Return) and path.name == "generate.py":
                found |= {text for text in _texts([node.value]) if " " in text}
    return found


def _texts(nodes: list[ast.expr | None]) -> list[str]:
    parts = [part for node in nodes for part in ((node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,))]
    return [
        part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value
    ]


def visible(ext: object, speech: str) -> set[str]:
    """What panels, menus and lists show, in every state that shows something else; not the names of channels."""
    layouts = []

    def look() -> None:
        for space in ("VIEW_3D", "SEQUENCE_EDITOR", "DOPESHEET_EDITOR"):
            layouts.extend((kind.bl_label, drawn.draw(kind, space)) for kind in drawn.panels(space))

    settings = bpy.context.scene.unitalker
    look()
    make_face(ext, "Face", ext.module("engine.values.channels").ARKIT_52[:40])
    for source, destination in (('FILE', 'NLA'), ('SPEAKER', 'SLOT'), ('STRIP', 'ACTION')):
        settings.source, settings.destination, settings.use_range, settings.identity_2 = (
            source, destination, True, "wide"
        )
        look()
    settings.use_range = False
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    bpy.ops.unitalker.cast_add(what='EMPTY')
    bpy.ops.unitalker.mapping_start(empty=False)
    look()
    menus = [
        name
        for name in dir(bpy.types)
        if name.startswith(("UNITALKER_MT_", "UNITALKER_PT_"))
        and not hasattr(getattr(bpy.types, name), "preset_subdir")
    ]
    layouts += [
        (getattr(bpy.types, name).bl_label, drawn.draw(getattr(bpy.types, name)))
        for name in menus if name.startswith(("UNITALKER_MT_", "UNITALKER_PT_channels"))
    ]
    shown = {title for title, _ in layouts} | {
        text for _, layout in layouts for text in layout.texts if text not in layout.own
    }
    # a digit: a count was filled in
    return {text for text in shown - set(ext.module("engine.values.channels").ARKIT_52) if not re.search(r"\d", text)}


def registered(ext: object) -> set[str]:
    """What every class of ours tells by itself: names and tooltips of properties and their items, of operators, panels,
    menus, and dropped files."""
    found: set[str] = set()
    for kind in ext.module("addon").CLASSES:
        operator = issubclass(kind, bpy.types.Operator)
        found.add(getattr(kind, "bl_label", "") if not operator else bpy_operator(kind).name)
        found.add(bpy_operator(kind).description if operator else "")
        rna = bpy_operator(kind) if operator else getattr(kind, "bl_rna", None)
        if operator or issubclass(kind, (bpy.types.PropertyGroup, bpy.types.AddonPreferences)):
            for prop in own_properties(kind, rna):
                found |= {prop.name if prop.name != prop.identifier else "", prop.description}
                found |= {
                    text
                    for item in (prop.enum_items if prop.type == 'ENUM' else ())
                    for text in (item.name, item.description)
                }
    return found - set(symbols(ext)) - SAME_NAMES


def bpy_operator(kind: type) -> object:
    group, _, name = kind.bl_idname.partition(".")
    return getattr(getattr(bpy.ops, group), name).get_rna_type()


def own_properties(kind: type, rna: object) -> list[object]:
    """Those that a user may see: neither hidden, nor for scripts, nor Blender's own; of groups those that some code
    draws, by name."""
    named = {
        name
        for base in kind.__mro__ if base.__module__.startswith("bl_ext")
        for name in getattr(base, "__annotations__", {})
    }
    shown = (
        named - SCRIPTS_ONLY if issubclass(kind, bpy.types.Operator)
        else named & drawn_names() if not hasattr(kind, "gain_jaw") else named - SCENE_STATE
    )
    return [prop for name, prop in rna.properties.items() if name in shown and not prop.is_hidden]


@functools.cache
def drawn_names() -> set[str]:
    """Every constant that stands as second argument of prop(), or in a list that code walks along to draw."""
    found: set[str] = set()
    for path in (ROOT / "addon").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("prop", "prop_enum", "template_ID")
        ]
        walked = [node.iter for node in ast.walk(tree) if isinstance(node, ast.For)] if calls else []
        for node in [*(inner for call in calls for inner in call.args[1:2]), *walked]:
            found |= {
                part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
            }
    return found


def symbols(ext: object) -> list[str]:
    """Phones and axes are written alike everywhere."""
    return [text for item in ext.module("addon.phones.properties").ITEMS for text in item]


def identities() -> set[str]:
    """What the pickers offer: names of the bundled model's speaking styles, moods, and nothing at all."""
    return {"None", "Automatic"} | {mood.capitalize() for mood in MOODS} | {
        identity["label"]
        for path in (ROOT / "weights").glob("*/model.json")
        for identity in json.loads(path.read_text(encoding="utf-8"))["identities"]
    }


@pytest.fixture
def said(ext, speech) -> set[str]:
    """All that needs a translation: with letters, and no path."""
    everything = visible(ext, speech) | registered(ext) | identities() | in_source()
    return {text for text in everything if re.search(r"[A-Za-z]{2}", text) and not text.startswith("/")}


def test_every_text_is_there_in_all_three_languages(said):
    missing = {locale: sorted(said - set(known)) for locale, known in dictionaries().items()}
    assert not any(missing.values()), "\n".join(missing["de_DE"])


def test_no_text_is_kept_that_nothing_says(ext, said):
    tips = {getattr(bpy.ops.unitalker, name).get_rna_type().description for name in dir(bpy.ops.unitalker)}
    groups = [kind.bl_rna for kind in ext.module("addon").CLASSES if issubclass(kind, bpy.types.PropertyGroup)]
    properties = {text for rna in groups for prop in rna.properties for text in (prop.name, prop.description)}
    panels = {
        text
        for name in dir(bpy.types) if name.startswith("UNITALKER_")
        for text in (getattr(getattr(bpy.types, name), "bl_label", ""), getattr(bpy.types, name).__doc__)
    }
    stale = {
        locale: sorted(set(known) - said - in_source(raised=True) - tips - properties - panels - {"Lip Sync"})
        for locale, known in dictionaries().items()
    }
    assert not any(stale.values()), "\n".join(stale["de_DE"])


@pytest.mark.parametrize("locale", LOCALES)
def test_translations_are_whole_and_have_the_same_gaps(locale):
    known = dictionaries()[locale]
    assert set(known) == set(dictionaries()["de_DE"]) and list(known) == sorted(known)
    for english, text in known.items():
        assert text.strip() and (text == text.strip() or english.startswith(" ")), english
        assert sorted(re.findall(r"\{.*?\}", text)) == sorted(re.findall(r"\{.*?\}", english)), english
        assert not text.endswith("。") or english.endswith("."), f"{english}: a tooltip gets its full stop from Blender"


@pytest.mark.parametrize(
    "locale, letters", [("ja_JP", r"[\u3040-\u30ff\u4e00-\u9fff]"), ("zh_HANS", r"[\u4e00-\u9fff]")]
)
def test_translations_are_written_in_their_script(locale, letters):
    assert [
        text
        for text in dictionaries()[locale].values() if not re.search(letters, text) and not re.fullmatch(PRODUCTS, text)
    ] == []


def test_the_dictionaries_are_given_to_blender_and_taken_away(ext, package, monkeypatch):
    calls = []
    translations = ext.module("addon.host.translations")
    monkeypatch.setattr(translations, "bpy", _Blender(calls))
    translations.register()
    translations.unregister()
    (kind, name, given), (last, same) = calls
    assert (kind, last, name, same) == ("register", "unregister", package, package) and set(given) == set(LOCALES)
    assert given["de_DE"][("*", "Mood")] == given["de_DE"][("Operator", "Mood")] == "Stimmung"


class _Blender:
    """Stands for bpy: keeps what it is told."""

    def __init__(self, calls: list[tuple[object, ...]]) -> None:
        self.app = self.translations = self
        self.register = lambda name, given: calls.append(("register", name, given))
        self.unregister = lambda name: calls.append(("unregister", name))


def test_lines_break_between_words_and_between_characters(ext):
    wrap = ext.module("addon.host.translations").wrap
    assert wrap("Pick a sound strip in Audio.", 12) == ["Pick a sound", "strip in", "Audio."]
    lines = wrap("このキャラクターにはまだキーを打てません。「キャラクター」を見てください。", 20)
    assert len(lines) == 4 and "".join(lines).startswith("このキャラクター")
    assert not any(line.startswith("。") for line in lines)


def test_a_text_without_translation_stays_english(ext):
    translate = ext.module("addon.host.translations").translate
    assert translate("No such text {}", 3) == "No such text 3" and translate("{braces} stay") == "{braces} stay"
