"""In a real window: Generate on a scanned head, then Regenerate Range with another style by true clicks; keys outside
stay bit for bit; one Ctrl+Z.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only takes`. Look at the screenshots.
"""

import bpy
import desk
import stage

HEAD_FILE, SPEECH = stage.HOME / "ict_facekit_head.glb", str(stage.HOME / "sample.flac")
FIRST, LAST = 40, 75                    # of the range: other vowels and contacts lie before and after it
STRENGTH, IDENTITY = 1.6, "wide"
CURVES = ("jawOpen", "mouthPucker", "mouthStretch_L")


def test(ui):
    stage.empty()
    face = stage.add_head(HEAD_FILE)
    bpy.context.preferences.view.ui_scale = 0.8
    stage.settings().source, stage.settings().audio = 'FILE', SPEECH
    bpy.context.scene.frame_end = stage.SAMPLE_FRAMES
    stage.look_at_front()
    editor = desk.split_below('FCURVES')
    bpy.ops.ed.undo_push(message="scene")
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.open_alone(ui, "UNITALKER_PT_generate")
    yield from generate(ui, face, editor)
    yield from desk.open_alone(ui, "UNITALKER_PT_takes")
    yield from regenerate(ui, face)


def generate(ui, face, editor):
    """A click makes a key on every frame of the line."""
    assert stage.keys(face) == {}
    yield from desk.click(ui, "unitalker.animate", lambda: stage.keys(face) != {})
    yield lambda: stage.job() is None
    ui.log(stage.settings().result)
    stage.show_curves(face, editor, CURVES)
    bpy.context.scene.frame_set(stage.widest(face, range(FIRST + 8, LAST - 8)))
    yield from desk.shot(ui, "1_generated")
    made = stage.keys(face)
    ui.log(
        "frame", bpy.context.scene.frame_current,
        {name: max(made[f'key_blocks["{name}"].value'], key=lambda key: key[1])[:2] for name in CURVES},
    )
    assert {len(curve) for curve in made.values()} == {stage.SAMPLE_FRAMES}


def regenerate(ui, face):
    """Another strength and identity for some frames: those change, the others do not; Ctrl+Z brings all keys back."""
    scene, settings = bpy.context.scene, stage.settings()
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, FIRST, LAST
    settings.strength, settings.identity = STRENGTH, IDENTITY
    bpy.ops.ed.undo_push(message="range and style")
    yield lambda: len(bpy.context.window_manager.unitalker_takes) == 1
    yield from desk.shot(ui, "2_takes")
    before = stage.keys(face)
    yield from desk.click(ui, "unitalker.regenerate_range", lambda: stage.keys(face) != before)
    yield lambda: stage.job() is None
    bpy.context.scene.frame_set(stage.widest(face, range(FIRST + 8, LAST - 8)))
    yield from desk.shot(ui, "3_regenerated")
    after = stage.keys(face)
    frames = stage.changed(before, after)
    ui.log(
        stage.settings().result, "frames with other keys", frames[0], "to", frames[-1], "number", len(frames), "curves",
        len(after),
    )
    assert before.keys() == after.keys()
    assert FIRST <= frames[0] < frames[-1] <= LAST, "keys outside of the range are others"
    assert len(frames) > (LAST - FIRST) * 0.8, "much of the range is as it was"
    assert [row.line for row in bpy.context.window_manager.unitalker_takes] == ["sample"]
    yield from desk.press(ui, "ctrl+z", lambda: stage.keys(face) == before)
    yield from desk.shot(ui, "4_undone")
    assert stage.settings().identity == IDENTITY and stage.settings().strength > 1.5, "more than the keys was undone"
    yield from desk.press(ui, "ctrl+shift+z", lambda: stage.keys(face) == after)


desk.run(test)
