"""German, Japanese and Simplified Chinese: every text of the panels has all three, and no dictionary keeps what nothing says any more."""

from __future__ import annotations

import ast
import json
import re

import bpy
import pytest

from . import drawn
from .conftest import ROOT, make_face

LOCALES = ("de_DE", "ja_JP", "zh_HANS")
MAIN = ("try_it", "audio", "character", "style", "life", "fine_tuning", "output", "generate", "channels")       # whose buttons also have translated tooltips
SAYING = {"said": 0, "paragraph": 2, "tell_stage": 1}       # function -> which argument is said
SHOWN = {"text", "heading", "placeholder"}                  # arguments of a layout's calls
PRODUCTS = r"(Live Link Face|MetaHuman) (CSV|JSON)"          # written alike everywhere
FIXED = {"TITLE", "LAST_STAGE", "SEVERAL"}                  # names of texts that are said


def dictionaries() -> dict[str, dict[str, str]]:
    return {locale: json.loads((ROOT / "addon" / "languages" / f"{locale}.json").read_text(encoding="utf-8")) for locale in LOCALES}


def in_source(raised: bool = False) -> set[str]:
    """What the code itself says: constants given to said(), paragraph(), tell_stage() and to layouts, titles of jobs, reasons of ready.py.

    raised: what errors say, too; they may be translated.
    """
    found: set[str] = set()
    for path in (ROOT / "addon").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING:
                found |= set(_texts(node.args[SAYING[node.func.id]:SAYING[node.func.id] + 1]))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                found |= set(_texts([given.value for given in node.keywords if given.arg in SHOWN]))
            elif isinstance(node, ast.Raise) and raised:
                found |= set(_texts(node.exc.args)) if isinstance(node.exc, ast.Call) else set()
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in FIXED:
                found |= set(_texts([node.value]))
            elif isinstance(node, ast.Return) and path.name == "ready.py":
                found |= {text for text in _texts([node.value]) if " " in text}
    return found


def _texts(nodes: list[ast.expr | None]) -> list[str]:
    parts = [part for node in nodes for part in ((node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,))]
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value]


def visible(ext: object, speech: str) -> set[str]:
    """What panels, menus and lists show, in every state that shows something else; not the names of channels."""
    layouts = []

    def look() -> None:
        for space in ("VIEW_3D", "SEQUENCE_EDITOR", "DOPESHEET_EDITOR"):
            layouts.extend((kind.bl_label, drawn.draw(kind, space)) for kind in drawn.panels(space))

    settings = bpy.context.scene.unitalker
    look()
    make_face(ext, "Face", ext.module("engine.channels").ARKIT_52[:40])
    for source, destination in (('FILE', 'NLA'), ('SPEAKER', 'SLOT'), ('STRIP', 'ACTION')):
        settings.source, settings.destination, settings.use_range, settings.identity_2 = source, destination, True, "wide"
        look()
    settings.use_range = False
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    bpy.ops.unitalker.cast_add(what='EMPTY')
    bpy.ops.unitalker.mapping_start(empty=False)
    look()
    menus = [name for name in dir(bpy.types) if name.startswith(("UNITALKER_MT_", "UNITALKER_PT_")) and not hasattr(getattr(bpy.types, name), "preset_subdir")]
    layouts += [(getattr(bpy.types, name).bl_label, drawn.draw(getattr(bpy.types, name))) for name in menus if name.startswith(("UNITALKER_MT_", "UNITALKER_PT_channels"))]
    shown = {title for title, _ in layouts} | {text for _, layout in layouts for text in layout.texts if text not in layout.own}
    return {text for text in shown - set(ext.module("engine.channels").ARKIT_52) if not re.search(r"\d", text)}       # a digit: a count was filled in


def choices(ext: object) -> set[str]:
    """Names, tooltips and items of the options."""
    properties = [bpy.context.scene.unitalker.bl_rna.properties[name] for name in ext.module("addon.choices").Choices.__annotations__]
    items = [item for prop in properties if prop.type == 'ENUM' for item in prop.enum_items]
    return {text for thing in (*properties, *items) for text in (thing.name, thing.description)}


def identities() -> set[str]:
    """What the pickers offer: names of the bundled model's speaking styles, and nothing at all."""
    return {"None", "Automatic"} | {identity["label"] for path in (ROOT / "weights").glob("*/model.json") for identity in json.loads(path.read_text(encoding="utf-8"))["identities"]}


def labels() -> set[str]:
    """Names of all operators, and the tooltips of those in the main panels."""
    names = dir(bpy.ops.unitalker)
    main = {operator for kind in MAIN for operator, _ in drawn.draw(getattr(bpy.types, f"UNITALKER_PT_{kind}")).buttons}
    tips = {getattr(bpy.ops.unitalker, operator.removeprefix("unitalker.")).get_rna_type().description for operator in main}
    return {getattr(bpy.ops.unitalker, name).get_rna_type().name for name in names} | tips


@pytest.fixture
def said(ext, speech) -> set[str]:
    """All that needs a translation: with letters, and no path."""
    everything = visible(ext, speech) | choices(ext) | labels() | identities() | in_source()
    return {text for text in everything if re.search(r"[A-Za-z]{2}", text) and not text.startswith("/")}


def test_every_text_is_there_in_all_three_languages(said):
    missing = {locale: sorted(said - set(known)) for locale, known in dictionaries().items()}
    assert not any(missing.values()), "\n".join(missing["de_DE"])


def test_no_text_is_kept_that_nothing_says(ext, said):
    tips = {getattr(bpy.ops.unitalker, name).get_rna_type().description for name in dir(bpy.ops.unitalker)}
    properties = {text for prop in bpy.context.scene.unitalker.bl_rna.properties for text in (prop.name, prop.description)}
    panels = {text for name in dir(bpy.types) if name.startswith("UNITALKER_") for text in (getattr(getattr(bpy.types, name), "bl_label", ""), getattr(bpy.types, name).__doc__)}
    stale = {locale: sorted(set(known) - said - in_source(raised=True) - tips - properties - panels - {"Lip Sync"}) for locale, known in dictionaries().items()}
    assert not any(stale.values()), "\n".join(stale["de_DE"])


@pytest.mark.parametrize("locale", LOCALES)
def test_translations_are_whole_and_have_the_same_gaps(locale):
    known = dictionaries()[locale]
    assert set(known) == set(dictionaries()["de_DE"]) and list(known) == sorted(known)
    for english, text in known.items():
        assert text.strip() and (text == text.strip() or english.startswith(" ")), english
        assert text.count("{}") == english.count("{}"), english
        assert not text.endswith("。") or english.endswith("."), f"{english}: a tooltip gets its full stop from Blender"


@pytest.mark.parametrize("locale, letters", [("ja_JP", r"[\u3040-\u30ff\u4e00-\u9fff]"), ("zh_HANS", r"[\u4e00-\u9fff]")])
def test_translations_are_written_in_their_script(locale, letters):
    assert [text for text in dictionaries()[locale].values() if not re.search(letters, text) and not re.fullmatch(PRODUCTS, text)] == []


def test_the_dictionaries_are_given_to_blender_and_taken_away(ext, package, monkeypatch):
    calls = []
    translations = ext.module("addon.translations")
    monkeypatch.setattr(translations, "bpy", _Blender(calls))
    translations.register()
    translations.unregister()
    (kind, name, given), (last, same) = calls
    assert (kind, last, name, same) == ("register", "unregister", package, package) and set(given) == set(LOCALES)
    assert given["de_DE"][("*", "Strength")] == given["de_DE"][("Operator", "Strength")] == "Stilstärke"


class _Blender:
    """Stands for bpy: keeps what it is told."""

    def __init__(self, calls: list[tuple[object, ...]]) -> None:
        self.app = self.translations = self
        self.register = lambda name, given: calls.append(("register", name, given))
        self.unregister = lambda name: calls.append(("unregister", name))


def test_lines_break_between_words_and_between_characters(ext):
    wrap = ext.module("addon.translations").wrap
    assert wrap("Pick a sound strip in Audio.", 12) == ["Pick a sound", "strip in", "Audio."]
    lines = wrap("このキャラクターにはまだキーを打てません。「キャラクター」を見てください。", 20)
    assert len(lines) == 4 and "".join(lines).startswith("このキャラクター") and not any(line.startswith("。") for line in lines)


def test_a_text_without_translation_stays_english(ext):
    said = ext.module("addon.translations").said
    assert said("No such text {}", 3) == "No such text 3" and said("{braces} stay") == "{braces} stay"
