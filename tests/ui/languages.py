"""In a real window: the panel in German, Japanese and Simplified Chinese: before anything was made, with its sub-panels
open, and the panels below.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only languages`. Look at the screenshots:
cut words, empty boxes, wrong words.
"""

import bpy
import desk

LOCALES = {"de_DE": "Intensität", "ja_JP": "強度", "zh_HANS": "强度"}      # and what Intensity is called there
STYLE = "UNITALKER_PT_style"
LIFE_PX, FINE_TUNING_PX = 46, 67
TOGETHER = (            # panels that are open in one picture
    ("UNITALKER_PT_output", "UNITALKER_PT_generate", "UNITALKER_PT_takes", "UNITALKER_PT_teach"),
    ("UNITALKER_PT_mapping", "UNITALKER_PT_phones", "UNITALKER_PT_shapes", "UNITALKER_PT_export"),
    ("UNITALKER_PT_cast", "UNITALKER_PT_preview"),
)


def test(ui):
    yield 1.0
    bpy.context.preferences.view.ui_scale = 0.8
    yield from desk.tab(ui)
    view = bpy.context.preferences.view
    for locale, intensity in LOCALES.items():
        view.language = locale
        view.use_translate_interface = view.use_translate_tooltips = True
        yield from desk.shot(ui, f"{locale}_1_first_run")
        assert bpy.app.translations.pgettext_iface("Intensity", "UniTalker") == intensity
    bpy.ops.unitalker.try_it()
    bpy.ops.unitalker.mapping_start()
    bpy.ops.unitalker.phones_show()
    bpy.ops.unitalker.cast_add(what='ALL')
    bpy.ops.ed.undo_push(message="all panels full")
    yield from desk.shot(ui, f"{locale}_2_tried")
    yield from desk.open_alone(ui, STYLE)
    yield from open_sub_panels(ui)
    yield from all_languages(ui, "3_style")
    for number, panels in enumerate(TOGETHER, start=4):
        yield from desk.open_alone(ui, *panels)
        yield from all_languages(ui, f"{number}_panels")


def all_languages(ui, name):
    for locale in LOCALES:
        bpy.context.preferences.view.language = locale
        yield 1.5
        ui.region.tag_redraw()
        yield from desk.shot(ui, f"{locale}_{name}")


def open_sub_panels(ui):
    """Fine Tuning, then Life above it: their titles are below the last row of Voice and Style, in pixels."""
    _, y = yield from desk.find(ui, "unitalker.live", across=0.45)
    for below in FINE_TUNING_PX, LIFE_PX:
        ui.click_region(1.5 * desk.TITLE_PX[0], y + below)
        yield from desk.drawn()
        yield 2.0


desk.run(test)
