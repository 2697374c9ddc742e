"""In a real window: the panel in German, Japanese and Simplified Chinese, closed, with its sub-panels open, and before anything was made.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them: cut words, empty boxes, wrong words):
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/languages.py OUT dist/unitalker-*-py3.14-test.zip
"""

import bpy
import uidriver

LOCALES = {"de_DE": "Stilstärke", "ja_JP": "強さ", "zh_HANS": "强度"}       # and what Strength is called there
# Pixels from the sidebar's top left corner: titles of the sub-panels, from below, with both closed
FINE_TUNING, LIFE = (69, 524), (47, 498)


def test(ui):
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    view = bpy.context.preferences.view
    for locale, strength in LOCALES.items():
        speak(view, locale)
        yield 3.0
        ui.shot(f"{locale}_1_first_run")
        yield 2.0
        assert bpy.app.translations.pgettext_iface("Strength", "UniTalker") == strength
        bpy.ops.unitalker.try_it()
        bpy.ops.ed.undo_push(message="Try It")
        yield 3.0
        ui.shot(f"{locale}_2_tried")
        yield 2.0
        for place in (FINE_TUNING, LIFE):
            ui.click_region(*place)
            yield 3.5
        ui.region.tag_redraw()
        yield 1.5
        ui.shot(f"{locale}_3_open")
        yield 2.0
        for place in (LIFE, FINE_TUNING):
            ui.click_region(*place)
            yield 3.5
        bpy.ops.ed.undo()
        yield 2.0


def speak(view, locale):
    view.language = locale
    view.use_translate_interface = view.use_translate_tooltips = True


uidriver.run(test, timeout=280)
